//! Files that a spec names: what is wrong with them is told with the spec, and what labels they
//! give is in the plan.

use super::program::run;

const INSPECT: &str = r#"[{"Id": "sha256:1111111111111111111111111111111111111111111111111111111111111111",
    "RepoTags": ["x:latest"], "RepoDigests": [], "Os": "linux", "Architecture": "amd64",
    "Config": {"Cmd": ["serve"]}}]"#;

fn folder(spec: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("spec.yaml", spec.as_bytes());
    write("look.json", INSPECT.as_bytes());
    write("a.env", b"FINE=1\n=s3cr3t\ns3cr3t s3cr3t\n");
    write("b.env", b"FINE=1\nX='s3cr3t\n");
    write("binary.env", b"FINE=1\ns3cr3t=\xff\n");
    write("raw.env", b"PASSWORD=\"quoted\" # and all\n");
    write("team.labels", b"team=\"shop\"\nprice='5$'\n");
    std::fs::create_dir(folder.path().join("conf")).unwrap();
    folder
}

#[tokio::test]
async fn everything_that_is_wrong_with_files_is_told_at_once() {
    let folder = folder(
        "project: p\ncontainers:\n  a:\n    image: x\n    env_file: [a.env, b.env, conf]\n    memroy: 1g\n  \
         b:\n    image: x\n    env_file: [a.env, binary.env, gone.env]\n    label_file: [a.env, gone.labels]\n",
    );
    let ran = run(folder.path(), &[], &["plan", "spec.yaml", "--snapshot", "look.json"]).await;
    assert!(!ran.err.contains("s3cr3t"), "{}", ran.err);
    let place = folder.path().canonicalize().unwrap().display().to_string();
    let said = ran.err.replace(&place, "DIR");
    insta::assert_snapshot!(format!("{}\n{}{said}", ran.code, ran.out), @"
    1
    error: the spec has 10 problems
    spec.yaml:5:16: a.env:2: expected a name before `=`, but found none
      5 |     env_file: [a.env, b.env, conf]
        |                ^
    spec.yaml:5:16: a.env:3: expected `NAME=value`, but found a name with blanks or quotes in it
      5 |     env_file: [a.env, b.env, conf]
        |                ^
    spec.yaml:5:23: b.env:2: expected a closing quote, but found the end of the file
      5 |     env_file: [a.env, b.env, conf]
        |                       ^
    spec.yaml:5:30: conf: expected a file, but found a folder
      5 |     env_file: [a.env, b.env, conf]
        |                              ^
    spec.yaml:6:5: expected an option or a planner key, but found `memroy`
      6 |     memroy: 1g
        |     ^
      hint: did you mean `memory`?
    spec.yaml:9:23: binary.env:2: expected UTF-8, but found bytes that are none
      9 |     env_file: [a.env, binary.env, gone.env]
        |                       ^
    spec.yaml:9:35: gone.env: expected a file, but there is none at DIR/gone.env
      9 |     env_file: [a.env, binary.env, gone.env]
        |                                   ^
    spec.yaml:10:18: a.env:2: expected a name before `=`, but found none
      10 |     label_file: [a.env, gone.labels]
         |                  ^
    spec.yaml:10:18: a.env:3: expected `NAME=value`, but found a name with blanks or quotes in it
      10 |     label_file: [a.env, gone.labels]
         |                  ^
    spec.yaml:10:25: gone.labels: expected a file, but there is none at DIR/gone.labels
      10 |     label_file: [a.env, gone.labels]
         |                         ^
    ");
}

#[tokio::test]
async fn labels_of_files_are_in_the_plan_and_raw_files_are_references() {
    let folder = folder(
        "project: p\ncontainers:\n  a:\n    name: web\n    image: x\n    label_file: team.labels\n    \
         env_file: [{path: raw.env, format: raw}]\n",
    );
    let args = ["plan", "spec.yaml", "--snapshot", "look.json", "--format", "json"];
    let ran = run(folder.path(), &[], &args).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let plan: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let set = &plan["declared"]["containers"]["a"];
    assert_eq!(set["labels"], serde_json::json!({"price": "5$$", "team": "shop"}));
    assert_eq!(set["environment"]["PASSWORD"], serde_json::json!({"env_file": "raw:raw.env"}));
    assert!(!ran.out.contains("and all"));
}

const NAMED: &str = "project: p\ncontainers:\n  a:\n    name: web\n    image: x\n";

/// What a plan of a spec with these lines ends with.
async fn planned(folder: &std::path::Path, lines: &str, more: &[&str]) -> super::program::Ran {
    let place = folder.join("spec.yaml");
    std::fs::write(place, format!("{NAMED}{lines}")).unwrap();
    let args = ["plan", "spec.yaml", "--snapshot", "look.json", "--format", "json"];
    run(folder, &[("CI_TOKEN", "s3cr3t-token")], &[&args, more].concat()).await
}

#[tokio::test]
async fn only_regular_files_of_the_repository_are_read() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let repository = folder(NAMED);
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("s3cr3t.env"), "S3CR3T=s3cr3t\n").unwrap();
    let sub = repository.path().join("sub");
    std::fs::create_dir(&sub).unwrap();
    std::fs::write(sub.join("look.json"), INSPECT).unwrap();
    std::fs::write(repository.path().join("shared.env"), "SHARED=s3cr3t\n").unwrap();
    let link = |to: &std::path::Path, name: &str| {
        std::os::unix::fs::symlink(to, sub.join(name)).unwrap();
    };
    link(&outside.path().join("s3cr3t.env"), "file.env");
    link(outside.path(), "folder");
    link("/proc/self/environ".as_ref(), "environ");
    link("../shared.env".as_ref(), "shared.env");
    mknodat(CWD, sub.join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let away = format!("{}/s3cr3t.env", outside.path().display());
    let strange: &[&str] = &[
        "/proc/self/environ",
        "environ",
        "/etc/shadow",
        "../../../../../../etc/shadow",
        "/dev/stdin",
        "/dev/zero",
        "/proc/kmsg",
        "file.env",
        "folder/s3cr3t.env",
        "folder/none",
        "../../none",
        &away,
        "pipe",
        "..",
        "/",
        "/none",
    ];
    for key in ["env_file", "label_file"] {
        for path in strange {
            let ran = planned(&sub, &format!("    {key}: ['{path}']\n"), &[]).await;
            assert_eq!(ran.code, 1, "{key} {path}: {}", ran.out);
            let said = ran.out + &ran.err;
            for secret in ["s3cr3t\n", "S3CR3T", "s3cr3t-token", "CI_TOKEN", "root:"] {
                assert!(!said.contains(secret), "{key} {path}: {said}");
            }
            assert!(said.contains("spec.yaml:6:"), "{key} {path}: {said}");
        }
    }
    // A file beside the spec's folder counts once that is a repository; git's own files do not.
    assert_eq!(planned(&sub, "    env_file: shared.env\n", &[]).await.code, 1);
    std::fs::create_dir(repository.path().join(".git")).unwrap();
    std::fs::write(repository.path().join(".git/config"), "TOKEN=s3cr3t\n").unwrap();
    for path in ["shared.env", "../shared.env"] {
        let ran = planned(&sub, &format!("    env_file: {path}\n"), &[]).await;
        assert!(ran.code == 0 && ran.out.contains("SHARED"), "{}", ran.err);
    }
    for path in ["../.git/config", "file.env"] {
        let ran = planned(&sub, &format!("    label_file: {path}\n"), &[]).await;
        assert!(ran.code == 1 && !ran.out.contains("s3cr3t"), "{}", ran.err);
        assert!(ran.err.contains("hint: `--allow-outside DIR`"), "{}", ran.err);
    }
    let named = outside.path().to_str().unwrap();
    for path in ["file.env", "folder/s3cr3t.env", away.as_str()] {
        let lines = format!("    env_file: {path}\n");
        let ran = planned(&sub, &lines, &["--allow-outside", named]).await;
        assert!(ran.code == 0 && ran.out.contains("S3CR3T") && !ran.out.contains("\"s3cr3t"));
    }
    // The spec itself must not lead out of it either: its lines would be told.
    std::fs::remove_file(sub.join("spec.yaml")).unwrap();
    link(&outside.path().join("s3cr3t.env"), "spec.yaml");
    let ran = run(&sub, &[], &["plan", "spec.yaml", "--snapshot", "look.json"]).await;
    assert_eq!(ran.code, 1);
    assert!(!ran.err.contains("S3CR3T"), "{}", ran.err);
}

#[tokio::test]
async fn lines_of_files_are_told_by_number() {
    let folder = folder(NAMED);
    let lines =
        "root:$6$s3cr3t:19000:0::\ns3cr3t\ns3cr3t/+Y==\n{\"s3cr3t\": 1}\nA=${s3cr3t\nFINE=1\n";
    std::fs::write(folder.path().join("strange"), lines).unwrap();
    for (key, numbers) in [("env_file", "1 3 4 5"), ("label_file", "1 3 4 5")] {
        let ran = planned(folder.path(), &format!("    {key}: strange\n"), &[]).await;
        assert!(!ran.err.contains("s3cr3t"), "{}", ran.err);
        for number in numbers.split(' ') {
            assert!(
                ran.err.contains(&format!("strange:{number}: ")),
                "{key} {number}: {}",
                ran.err
            );
        }
    }
    // A name alone may be anything where no such variable is set.
    std::fs::write(folder.path().join("strange"), "CI_TOKEN\ns3cr3t\n").unwrap();
    for more in [&[][..], &["--unresolved", "assume-same"]] {
        let ran = planned(folder.path(), "    env_file: strange\n", more).await;
        assert!(ran.code == 1 && !ran.err.contains("s3cr3t"), "{}", ran.err);
        assert!(ran.err.contains("strange:2: expected `NAME=value`, or the name of a variable"));
    }
    std::fs::write(folder.path().join("strange"), "CI_TOKEN\n").unwrap();
    let ran = planned(folder.path(), "    env_file: strange\n", &[]).await;
    assert!(ran.code == 0 && ran.out.contains("CI_TOKEN") && !ran.out.contains("s3cr3t"));
}

#[tokio::test]
async fn values_take_others_and_say_where_none_is() {
    let folder = folder(NAMED);
    let file = folder.path().join("app.env");
    std::fs::write(&file, "A=x\nB=${A}-${CI_TOKEN}\n\nC=${MISSING}\n").unwrap();
    let ran = planned(folder.path(), "    env_file: app.env\n", &[]).await;
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.err, @"
    error: app.env:4: `C` takes a variable that is not set, which `a` takes
    hint: set it, or plan with `--unresolved assume-same` where secrets must not be known
    ");
    std::fs::write(&file, "A=x\nB=${A}-${CI_TOKEN}\n").unwrap();
    let ran = planned(folder.path(), "    env_file: app.env\n", &[]).await;
    assert!(ran.code == 0 && !ran.out.contains("s3cr3t"), "{}", ran.err);
    let plan: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let environment = &plan["declared"]["containers"]["a"]["environment"];
    assert_eq!(environment["B"], serde_json::json!({"env_file": "app.env"}));
}

/// A stranger's pull request changes `.env`, the Compose files and every link of the repository, and
/// the command line of the job does not change with it.
#[tokio::test]
async fn what_a_project_decides_about_its_files_stays_in_the_repository() {
    let outside = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(outside.path().join(name), text).unwrap();
    write("prod.env", "WHERE=s3cr3t\n");
    write("compose.yaml", "services:\n  web: {image: x, command: [s3cr3t]}\n");
    write("netrc", "machine x login y password s3cr3t\n");
    let away = |name: &str| outside.path().join(name);
    let image = "services:\n  web: {image: 'x:${WHERE}'}\n";
    let plain = "services:\n  web: {image: x}\n";
    let named = |name: &str| format!("COMPOSE_FILE={}\n", away(name).display());
    let link = |to: &str, folder: &std::path::Path, name: &str| {
        std::os::unix::fs::symlink(away(to), folder.join(name)).unwrap();
    };
    for attack in ["link", "named", "no yaml", "none", "up", "folder"] {
        let repository = folder(NAMED);
        let here = repository.path();
        std::fs::create_dir(here.join(".git")).unwrap();
        std::fs::write(here.join("compose.yaml"), if attack == "link" { image } else { plain })
            .unwrap();
        let env = |text: &str| std::fs::write(here.join(".env"), text).unwrap();
        let mut args = vec!["plan", "--snapshot", "look.json", "--format", "json"];
        match attack {
            "link" => link("prod.env", here, ".env"),
            "named" => env(&named("compose.yaml")),
            "no yaml" => env(&named("netrc")),
            "none" => env(&named("gone.yaml")),
            "up" => env("COMPOSE_FILE=compose.yaml:../../../../../../etc/passwd\n"),
            _ => {
                link(".", here, "deploy");
                args.extend(["-f", "deploy/compose.yaml"]);
            }
        }
        let ran = run(here, &[], &args).await;
        let said = format!("{}{}", ran.out, ran.err);
        assert_eq!(ran.code, 1, "{attack}: {said}");
        for secret in ["s3cr3t", "root:", "machine"] {
            assert!(!said.contains(secret), "{attack}: {said}");
        }
        assert!(ran.err.contains("hint: `--allow-outside DIR`"), "{attack}: {said}");
        // Who runs the command may widen it.
        let folder = outside.path().to_str().unwrap();
        let ran = run(here, &[], &[&args[..], &["--allow-outside", folder]].concat()).await;
        match attack {
            "link" => assert!(ran.err.contains("`x:s3cr3t`"), "{}", ran.err),
            "named" | "folder" => assert!(ran.out.contains("s3cr3t"), "{attack}: {}", ran.err),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_compose_file_that_cannot_be_read_is_told() {
    let folder = folder(NAMED);
    let ran = run(folder.path(), &[], &["config", "-f", "gone.yaml"]).await;
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("gone.yaml: No such file"), "{}", ran.err);
}
