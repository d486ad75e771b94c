//! What the program tells people who got something wrong, word for word, on recorded data.

use std::path::Path;

use super::program::{Ran, run};

const SPEC: &str = "project: shop\ncontainers:\n  db:\n    name: shop-db\n    image: postgres:16\n    \
                    environment: {PASSWORD: {from_env: DB_PASSWORD}}\n  web:\n    image: \
                    postgres:16\n    environment: {DB: {from_env: DB_PASSWORD}}\n    env_file: \
                    [web.env]\n";

/// An engine without containers that has the image.
const INSPECT: &str = r#"[{"Id": "sha256:1111111111111111111111111111111111111111111111111111111111111111",
    "RepoTags": ["postgres:16"], "RepoDigests": [], "Os": "linux", "Architecture": "amd64",
    "Config": {"Cmd": ["postgres"]}}]"#;

async fn told(folder: &Path, variables: &[(&str, &str)], args: &[&str]) -> String {
    let Ran { code, out, err } = run(folder, variables, args).await;
    format!("{code}\n{out}{err}")
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("spec.yaml"), SPEC).unwrap();
    std::fs::write(folder.path().join("web.env"), "MODE=${MODE}\n").unwrap();
    std::fs::write(folder.path().join("look.json"), INSPECT).unwrap();
    folder
}

#[tokio::test]
async fn variables_that_are_not_set_are_named_with_who_takes_them() {
    let folder = folder();
    let args = ["plan", "spec.yaml", "--snapshot", "look.json"];
    insta::assert_snapshot!(told(folder.path(), &[], &args).await, @"
    1
    error: the variable `DB_PASSWORD` is not set, which `db` and `web` take
    web.env:1: `MODE` takes a variable that is not set, which `web` takes
    hint: set it, or plan with `--unresolved assume-same` where secrets must not be known
    ");
    // One of two.
    let some = [("DB_PASSWORD", "x")];
    insta::assert_snapshot!(told(folder.path(), &some, &args).await, @"
    1
    error: web.env:1: `MODE` takes a variable that is not set, which `web` takes
    hint: set it, or plan with `--unresolved assume-same` where secrets must not be known
    ");
}

#[tokio::test]
async fn networks_and_volumes_take_variables_too() {
    let folder = tempfile::tempdir().unwrap();
    let spec = "project: p
networks: {n: {driver_opts: {a: {template: '$${X}'}}}}
volumes: {v: {driver_opts: {o: {template: 'addr=$${X}'}}}}
containers:
  a: {image: 'postgres:16', command: [{template: 'run $${X}'}]}
  b: {image: 'postgres:16', environment: {X: {from_env: X}}}
";
    std::fs::write(folder.path().join("spec.yaml"), spec).unwrap();
    std::fs::write(folder.path().join("look.json"), INSPECT).unwrap();
    let args = ["plan", "spec.yaml", "--snapshot", "look.json"];
    insta::assert_snapshot!(told(folder.path(), &[], &args).await, @"
    1
    error: the variable `X` is not set, which `b` takes
    the text `${X}` takes a variable that is not set, which network `n` takes
    the text `addr=${X}` takes a variable that is not set, which volume `v` takes
    the text `run ${X}` takes a variable that is not set, which `a` takes
    hint: set it, or plan with `--unresolved assume-same` where secrets must not be known
    ");
}

#[tokio::test]
async fn unset_variables_can_be_assumed_to_be_the_same() {
    let folder = folder();
    let args = ["plan", "spec.yaml", "--snapshot", "look.json", "--unresolved", "assume-same"];
    insta::assert_snapshot!(told(folder.path(), &[], &args).await, @"
    0
    plan for shop on any engine
    2 to create; up to 11 s

    DANGER
      secret_given  DB – shop-web-1
      secret_given  MODE – shop-web-1
      secret_given  PASSWORD – shop-db

    CHANGES
       1  create  shop-db of db
                  danger: secret_given
                  image postgres:16, sha256:111111111111
                  environment PASSWORD from_env:DB_PASSWORD
                  from the image: command postgres
       2  create  shop-web-1 of web
                  danger: secret_given
                  image postgres:16, sha256:111111111111
                  environment DB from_env:DB_PASSWORD, MODE env_file:web.env
                  from the image: command postgres

    ASSUMED
      could not be resolved and are taken for unchanged; apply checks them:
        from_env:DB_PASSWORD, env_file:web.env#MODE
    ");
}

#[tokio::test]
async fn what_is_no_plan_is_not_applied() {
    let folder = folder();
    insta::assert_snapshot!(told(folder.path(), &[], &["apply", "spec.yaml"]).await, @"
    1
    error: spec.yaml: expected a plan, but found a spec
    hint: make a plan of it with `bayplan plan SPEC -o PLAN`
    ");
    insta::assert_snapshot!(told(folder.path(), &[], &["show", "look.json"]).await, @"
    1
    error: look.json: expected a plan, but found a list, as `docker inspect` prints it
    hint: give it to `bayplan plan SPEC --snapshot FILE`
    ");
    insta::assert_snapshot!(told(folder.path(), &[], &["plan", "look.json"]).await, @"
    1
    error: look.json: expected a spec, but found a list, as `docker inspect` prints it
    hint: give it to `bayplan plan SPEC --snapshot FILE`
    ");
    let made = ["plan", "spec.yaml", "--snapshot", "look.json", "-o", "plan.json"];
    let unset = ["--unresolved", "assume-same"];
    told(folder.path(), &[], &[&made[..], &unset[..]].concat()).await;
    insta::assert_snapshot!(told(folder.path(), &[], &["plan", "plan.json"]).await, @"
    1
    error: plan.json: expected a spec, but found a plan
    hint: `bayplan show` prints a plan, `bayplan apply` does it
    ");
    insta::assert_snapshot!(told(folder.path(), &[], &["apply", "none.json"]).await, @"
    1
    error: reading none.json
    caused by: No such file or directory (os error 2)
    ");
}

/// A variable that is set, but that the snapshot knows nothing of, is no variable that is missing.
#[tokio::test]
async fn a_snapshot_that_was_taken_without_a_reference_says_so() {
    let folder = folder();
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop");
    let text = std::fs::read_to_string(shop.join("snapshot.json")).unwrap();
    std::fs::write(folder.path().join("snapshot.json"), text).unwrap();
    let args = ["plan", "spec.yaml", "--snapshot", "snapshot.json"];
    let set = [("DB_PASSWORD", "hunter2hunter2"), ("MODE", "a")];
    insta::assert_snapshot!(told(folder.path(), &set, &args).await, @"
    1
    error: the snapshot was taken without `MODE` of the file `web.env`, which `web` takes
    hint: take the snapshot with this spec where its references are set: `bayplan snapshot SPEC -o FILE`
    ");
}
