//! The result of an apply: written whatever became of it, and never in the way of what was done.

use std::path::Path;

use serde_json::Value as Json;

use super::program::{Ran, run};

const SPEC: &str = "project: p\ncontainers:\n  web: {image: 'app:1', environment: {KEY: {from_env: \
                    KEY}}}\n";

/// An engine without containers that has the image.
const INSPECT: &str = r#"[{"Id": "sha256:1111111111111111111111111111111111111111111111111111111111111111",
    "RepoTags": ["app:1"], "RepoDigests": [], "Os": "linux", "Architecture": "amd64",
    "Config": {"Cmd": ["serve"]}}]"#;

const SIMULATE: [&str; 4] = ["p.json", "--simulate", "--snapshot", "look.json"];

/// A folder with a spec, an engine and a plan for it.
async fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("spec.yaml"), SPEC).unwrap();
    std::fs::write(folder.path().join("look.json"), INSPECT).unwrap();
    let args = ["plan", "spec.yaml", "--snapshot", "look.json", "-o", "p.json"];
    let ran = run(folder.path(), &[("KEY", "value")], &args).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    folder
}

async fn apply(folder: &Path, more: &[&str]) -> (Ran, Option<Json>) {
    let mut args = vec!["apply"];
    args.extend(more);
    let ran = run(folder, &[], &args).await;
    let result = std::fs::read(folder.join("r.json")).ok();
    (ran, result.map(|bytes| serde_json::from_slice(&bytes).unwrap()))
}

#[tokio::test]
async fn every_refusal_has_a_result_with_its_code() {
    let folder = folder().await;
    let edited = std::fs::read_to_string(folder.path().join("p.json")).unwrap() + "\n";
    std::fs::write(folder.path().join("edited.json"), edited).unwrap();
    let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/plans/shop/plan.json");
    let simulated = |more: &[&'static str]| [&SIMULATE[..], more].concat();
    let cases: [(Vec<&str>, i32, &str); 7] = [
        (simulated(&["--expect-digest", "sha256:00"]), 4, "digest"),
        (vec!["edited.json"], 4, "edited.json"),
        (vec!["p.json"], 4, "names no engine"),
        (vec![shop], 1, "DB_PASSWORD"),
        (vec!["none.json"], 1, "none.json"),
        (simulated(&["--spec", "none.yaml"]), 1, "none.yaml"),
        (vec![concat!(env!("CARGO_MANIFEST_DIR"), "/plans/dangers/plan.json")], 8, "none.sock"),
    ];
    for (args, code, says) in cases {
        let mut all = vec!["-H", "unix:///none.sock", "-o", "r.json"];
        all.extend(&args);
        let (ran, result) = apply(folder.path(), &all).await;
        let result = result.unwrap_or_else(|| panic!("{args:?}: {}", ran.err));
        assert_eq!((ran.code, &result["exit_code"]), (code, &Json::from(code)), "{}", ran.err);
        assert!(result["message"].as_str().unwrap().contains(says), "{result}");
        assert_eq!(result["changed"], false);
        std::fs::remove_file(folder.path().join("r.json")).unwrap();
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_found_out_before_anything_is_done() {
    let folder = folder().await;
    for (file, code, says) in
        [("none/r.json", 1, "there is no folder"), ("p.json", 64, "the plan itself")]
    {
        let (ran, _) = apply(folder.path(), &[&SIMULATE[..], &["-o", file]].concat()).await;
        assert_eq!(ran.code, code, "{}", ran.err);
        assert!(ran.err.contains(says) && !ran.err.contains("p-web-1"), "{}", ran.err);
        assert_eq!(ran.out, "");
    }
    let (ran, _) = apply(folder.path(), &[&SIMULATE[..], &["-o", "/dev/full"]].concat()).await;
    assert_eq!(ran.code, 1);
    assert_eq!(ran.out, "created 1 container, started 1 container.\n");
}

#[tokio::test]
async fn an_engine_that_is_named_wrong_is_a_matter_of_usage() {
    let folder = folder().await;
    let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/plans/dangers/plan.json");
    for wrong in [["-H", "bogus://x"], ["--context", "nowhere"]] {
        let (ran, _) = apply(folder.path(), &[&wrong[..], &[shop]].concat()).await;
        assert_eq!(ran.code, 64, "{}", ran.err);
    }
}

#[tokio::test]
async fn what_is_in_a_file_that_is_no_spec_is_not_printed() {
    let folder = folder().await;
    std::fs::write(folder.path().join("other.yaml"), "password: hunter2\n").unwrap();
    let args = [&SIMULATE[..], &["--spec", "other.yaml"]].concat();
    let (ran, _) = apply(folder.path(), &args).await;
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("other.yaml") && !ran.err.contains("hunter2"), "{}", ran.err);
    assert!(!ran.err.contains("password"), "{}", ran.err);
}
