//! Two walks through the program as a person would take them, from the README.

use crate::support::{World, live};

#[test]
fn a_day_with_one_engine() {
    live!();
    let world = World::new("walk");
    world.image("app");
    let spec = "project: PROJECT\ncontainers:\n  web:\n    image: PROJECT/app:1\n    count: 2\n    \
                state: reloaded\n    match: owned\n    environment: {LEVEL: info}\n";
    // Plan, look, apply.
    world.plan_with(spec, &["--detailed-exitcode"]).exits(2).says("2 to create");
    let shown = world.run(&["show", "plan.json"]).ok().says(&world.name("web-1..2"));
    drop(shown.never_says("{"));
    world.run(&["show", "plan.json", "--steps"]).ok().says("start");
    world.run(&["show", "plan.json", "--format", "markdown"]).ok().says("## Plan for");
    world.run(&["verify", "plan.json"]).ok();
    world.run(&["apply", "plan.json", "-o", "result.json"]).ok();
    world.run(&["show", "result.json"]).ok().says("created 2 containers");
    assert_eq!(world.containers(), ["web-1 running", "web-2 running"]);

    // Nothing to do, and the same plan once more.
    world.settled(spec);
    world.apply().ok().says("already as declared");

    // A change, reviewed as a difference of two plans.
    std::fs::copy(world.path("plan.json"), world.path("old.json")).unwrap();
    let changed = spec.replace("info", "debug");
    world.plan_with(&changed, &["--detailed-exitcode"]).exits(2).says("environment");
    drop(world.run(&["diff", "old.json", "plan.json"]).exits(2).says("web"));
    drop(world.run(&["diff", "plan.json", "plan.json"]).ok());
    world.apply().ok();
    world.settled(&changed);

    // A container goes; the plan that brings it back is stale once somebody was faster.
    world.docker(&["rm", "-f", &world.name("web-2")]);
    world.plan(&changed).ok();
    world.docker(&["stop", &world.name("web-1")]);
    world.run(&["verify", "plan.json"]).exits(3);
    world.apply().exits(3);
}

#[test]
fn a_pull_request_without_an_engine() {
    live!();
    let world = World::new("offline");
    world.image("app");
    let spec = "project: PROJECT\ncontainers:\n  web:\n    image: PROJECT/app:1\n    count: 2\n    \
                match: owned\n    environment:\n      PASSWORD: {from_env: DB_PASSWORD}\n";
    world.write("spec.yaml", spec);
    // On the host: a look, kept as a file.
    world.run(&["snapshot", "spec.yaml", "-o", "snapshot.json"]).ok();
    // In the pull request: no engine, no secrets.
    let elsewhere = |args: &[&str]| {
        let mut command = world.bayplan(args);
        command.env("DOCKER_HOST", "unix:///nonexistent.sock");
        command.output().unwrap()
    };
    let refused =
        elsewhere(&["plan", "spec.yaml", "--unresolved", "assume-same", "-o", "plan.json"]);
    assert_eq!(refused.status.code(), Some(8), "{}", String::from_utf8_lossy(&refused.stderr));
    let planned = elsewhere(&[
        "plan",
        "spec.yaml",
        "--snapshot",
        "snapshot.json",
        "--unresolved",
        "assume-same",
        "-o",
        "plan.json",
    ]);
    assert!(planned.status.success(), "{}", String::from_utf8_lossy(&planned.stderr));
    let tried = elsewhere(&["apply", "plan.json", "--simulate", "--snapshot", "snapshot.json"]);
    let said = String::from_utf8_lossy(&tried.stderr).into_owned();
    assert!(tried.status.success() || said.contains("DB_PASSWORD"), "{said}");
    assert!(world.containers().is_empty());
    // On the host again.
    let output = world.bayplan(&["apply", "plan.json"]).env("DB_PASSWORD", "x").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(world.containers(), ["web-1 running", "web-2 running"]);
}
