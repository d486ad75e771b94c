//! What commands write goes where they are told, and over nothing that they read.

use std::path::Path;

use super::program::{Ran, run};

const SPEC: &str = "project: p\ncontainers:\n  a:\n    image: x\n    env_file: app.env\n";
const LOOK: &str = r#"[{"Id": "sha256:1111111111111111111111111111111111111111111111111111111111111111",
    "RepoTags": ["x:latest"], "RepoDigests": [], "Os": "linux", "Architecture": "amd64",
    "Config": {"Cmd": ["serve"]}}]"#;

/// A spec, what it names and a look; and other names for each.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, text) in [("spec.yaml", SPEC), ("look.json", LOOK), ("app.env", "A=1\n")] {
        std::fs::write(at(name), text).unwrap();
        std::os::unix::fs::symlink(name, at(&format!("link.{name}"))).unwrap();
        std::fs::hard_link(at(name), at(&format!("hard.{name}"))).unwrap();
    }
    folder
}

async fn at(folder: &Path, line: &str) -> Ran {
    run(folder, &[], &line.split(' ').collect::<Vec<_>>()).await
}

/// Everything that is there, by name.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn nothing_that_was_read_is_written_over() {
    let folder = folder();
    let plan = "plan spec.yaml --snapshot look.json -o";
    assert_eq!(at(folder.path(), &format!("{plan} plan.json")).await.code, 0);
    std::fs::hard_link(folder.path().join("plan.json"), folder.path().join("hard.plan.json"))
        .unwrap();
    let before = contents(folder.path());
    let mut lines = Vec::new();
    for input in ["spec.yaml", "look.json", "app.env"] {
        for name in [
            input.to_owned(),
            format!("link.{input}"),
            format!("hard.{input}"),
            format!("./{input}"),
        ] {
            lines.push(format!("{plan} {name}"));
            lines.push(format!("plan link.spec.yaml --snapshot hard.look.json -o {name}"));
            lines.push(format!(
                "apply plan.json --simulate --snapshot look.json --spec spec.yaml -o {name}"
            ));
            if input != "look.json" {
                lines.push(format!("snapshot spec.yaml -o {name}"));
            }
        }
    }
    for name in ["plan.json", "hard.plan.json"] {
        lines.push(format!("apply plan.json --simulate --snapshot look.json -o {name}"));
        lines.push(format!("apply plan.json -o {name}"));
    }
    for name in ["spec.yaml", "link.look.json"] {
        lines.push(format!("import --all --snapshot look.json -o {name}"));
    }
    for line in lines {
        let ran = at(folder.path(), &line).await;
        // Without `--spec` the variables are not looked up on a simulated engine, nor the file read.
        let simulated = line.contains("--simulate") && line.contains("app.env");
        let code = if line.starts_with("import") { 1 } else { 64 };
        assert!(ran.code == code || simulated, "{line}: {}\n{}{}", ran.code, ran.out, ran.err);
        assert!(ran.err.contains("hint: "), "{line}: {}", ran.err);
        assert_eq!(contents(folder.path()), before, "{line}");
    }
}

#[tokio::test]
async fn a_dash_is_standard_output_everywhere() {
    let folder = folder();
    let plan = at(folder.path(), "plan spec.yaml --snapshot look.json -o -").await;
    assert_eq!(plan.code, 0, "{}", plan.err);
    assert!(plan.out.starts_with("{\n  \"format\": \"bayplan/plan/1\""), "{}", plan.out);
    assert!(plan.err.contains("to create") && plan.err.contains("written to standard output"));
    let kept = at(folder.path(), "plan spec.yaml --snapshot look.json -o plan.json").await;
    assert_eq!(kept.code, 0);
    assert_eq!(std::fs::read_to_string(folder.path().join("plan.json")).unwrap(), plan.out);
    for format in ["json", "markdown"] {
        let line = format!("plan spec.yaml --snapshot look.json -o - --format {format}");
        let again = at(folder.path(), &line).await;
        assert_eq!((again.code, again.out), (0, plan.out.clone()), "{format}");
    }
    let apply = "apply plan.json --simulate --snapshot look.json -o -";
    let result = at(folder.path(), apply).await;
    assert_eq!(result.code, 0, "{}", result.err);
    let json: serde_json::Value = serde_json::from_str(&result.out).unwrap();
    assert_eq!(json["changed"], true);
    assert!(result.err.contains("created 1 container"), "{}", result.err);
    let both = at(folder.path(), &format!("{apply} --json")).await;
    assert_eq!(both.code, 64, "{}", both.err);
    assert!(!folder.path().join("-").exists());
}

#[tokio::test]
async fn standard_input_is_read_once() {
    let folder = folder();
    let ran = at(folder.path(), "diff - -").await;
    assert_eq!(ran.code, 1, "{}", ran.err);
    let ran = at(folder.path(), "plan - --snapshot -").await;
    assert!(ran.code != 0 && !ran.err.contains("panicked"), "{}", ran.err);
}

#[tokio::test]
async fn a_printed_project_shows_no_invisible_characters() {
    let folder = tempfile::tempdir().unwrap();
    let text = "a\u{202e}b\u{200b}\u{e0041}";
    for (name, head) in
        [("compose.yaml", "name: p\nservices"), ("spec.yaml", "project: p\ncontainers")]
    {
        let spec =
            format!("{head}: {{s: {{image: x, command: [{text}], labels: {{k: {text}}}}}}}\n");
        std::fs::write(folder.path().join(name), spec).unwrap();
        let ran = at(folder.path(), &format!("config {name}")).await;
        assert_eq!(ran.code, 0, "{}", ran.err);
        let hidden = ran.out.chars().find(|c| *c != '\n' && bayplan::base::say::is_unsafe(*c));
        assert_eq!(hidden, None, "{}", ran.out);
        let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert!(json.to_string().contains(text), "{json}");
    }
}
