//! The value of a secret reaches the container and nothing else.

use std::fs;

use crate::support::{World, live};

const CANARY: &str = "canary-Zx81-q7/w+0=";
/// The same in the encodings in which it might get out.
const ENCODED: &[&str] = &[CANARY, "Y2FuYXJ5LVp4ODEtcTcvdyswPQ", "canary-Zx81-q7%2Fw%2B0%3D"];

fn spec(memory: u32) -> String {
    format!(
        "project: PROJECT\ncontainers:\n  web:\n    image: PROJECT/app:1\n    state: reloaded\n    \
         match: owned\n    mem_limit: {memory}m\n    environment:\n      USER: shop\n      \
         PASSWORD: {{from_env: DB_PASSWORD}}\n"
    )
}

#[test]
fn no_file_and_no_output_ever_has_it() {
    live!();
    let world = World::new("secret");
    world.image("app");
    let mut said = String::new();
    let mut run = |args: &[&str], code: i32| {
        let output =
            World::patiently(|| world.bayplan(args).env("DB_PASSWORD", CANARY).output().unwrap());
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
        said.push_str(&text);
    };
    world.write("spec.yaml", &spec(64));
    run(&["plan", "spec.yaml", "-o", "one.json"], 0);
    run(&["apply", "one.json", "-o", "result.json", "--json"], 0);
    run(&["plan", "spec.yaml", "-o", "none.json", "--detailed-exitcode"], 0);
    run(&["snapshot", "spec.yaml", "-o", "snapshot.json"], 0);
    run(&["snapshot", "-o", "all.json"], 0);
    world.write("spec.yaml", &spec(96));
    run(&["plan", "spec.yaml", "-o", "two.json"], 0);
    run(&["plan", "spec.yaml", "--snapshot", "snapshot.json", "-o", "offline.json"], 0);
    run(&["show", "two.json", "--steps"], 0);
    run(&["show", "two.json", "--format", "markdown"], 0);
    run(&["show", "two.json", "--format", "json"], 0);
    run(&["diff", "one.json", "two.json"], 2);
    run(&["verify", "two.json"], 0);
    run(&["--log", "trace", "apply", "two.json"], 0);
    run(&["show", "result.json"], 0);

    let env = world.inspect(&world.name("web-1"))["Config"]["Env"].to_string();
    assert!(env.contains(CANARY), "the container has it: {env}");
    for entry in fs::read_dir(world.path(".")).unwrap() {
        let path = entry.unwrap().path();
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned();
        for form in ENCODED {
            assert!(!text.contains(form), "{} has `{form}`", path.display());
        }
    }
    for form in ENCODED {
        assert!(!said.contains(form), "printed `{form}`:\n{said}");
    }
}

#[test]
fn one_that_is_missing_is_an_error_or_an_assumption() {
    live!();
    let world = World::new("missing");
    world.image("app");
    let ran = world.plan(&spec(64)).exits(1).says("DB_PASSWORD");
    drop(ran);
    world.plan_with(&spec(64), &["--unresolved", "assume-same"]).ok().says("DB_PASSWORD");
    // A create needs it.
    world.apply().says("DB_PASSWORD");
    assert!(world.containers().is_empty());

    let output =
        world.bayplan(&["apply", "plan.json"]).env("DB_PASSWORD", CANARY).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(world.containers(), ["web-1 running"]);
}
