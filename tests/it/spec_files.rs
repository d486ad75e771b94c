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
    write("team.labels", b"team=\"shop\"\nprice=5$\n");
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
    insta::assert_snapshot!(format!("{}\n{}{}", ran.code, ran.out, ran.err), @"
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
    spec.yaml:9:35: expected the environment file `gone.env`, but it was not read
      9 |     env_file: [a.env, binary.env, gone.env]
        |                                   ^
    spec.yaml:10:18: a.env:2: expected a name before `=`, but found none
      10 |     label_file: [a.env, gone.labels]
         |                  ^
    spec.yaml:10:18: a.env:3: expected `NAME=value`, but found a name with blanks or quotes in it
      10 |     label_file: [a.env, gone.labels]
         |                  ^
    spec.yaml:10:25: expected the file of labels `gone.labels`, but it was not read
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
