//! The seven states with a count, up, down and to nothing, each planned, applied and planned again.

use crate::support::{World, live};

fn web(state: &str, count: u32, more: &str) -> String {
    format!(
        "project: PROJECT\ncontainers:\n  web:\n    image: PROJECT/app:1\n    state: {state}\n    \
         count: {count}\n    match: owned\n{more}"
    )
}

const SMALL: &str = "    shm_size: 64m\n";
const LARGE: &str = "    shm_size: 96m\n";

fn world(story: &str) -> World {
    let world = World::new(story);
    world.image("app");
    world
}

#[test]
fn started_goes_up_down_and_to_nothing() {
    live!();
    let world = world("started");
    world.converge(&web("started", 2, "")).says("created 2 containers");
    assert_eq!(world.containers(), ["web-1 running", "web-2 running"]);
    world.settled(&web("started", 2, ""));

    // An idle one is started before another is made.
    world.docker(&["stop", &world.name("web-2")]);
    let kept = world.id(&world.name("web-2"));
    world.converge(&web("started", 3, ""));
    assert_eq!(world.containers(), ["web-1 running", "web-2 running", "web-3 running"]);
    assert_eq!(world.id(&world.name("web-2")), kept);

    // Too many: the highest numbers go, idle ones stay.
    world.docker(&["stop", &world.name("web-2")]);
    world.converge(&web("started", 1, ""));
    assert_eq!(world.containers(), ["web-1 running", "web-2 exited"]);
    world.settled(&web("started", 1, ""));

    world.converge(&web("started", 0, ""));
    assert_eq!(world.containers(), ["web-2 exited"]);
    world.settled(&web("started", 0, ""));
}

#[test]
fn started_reports_what_differs_and_leaves_it() {
    live!();
    let world = world("differs");
    world.converge(&web("started", 1, SMALL));
    let kept = world.id(&world.name("web-1"));
    let ran = world.plan_with(&web("started", 1, LARGE), &["--detailed-exitcode"]).exits(2);
    drop(ran.says("no action taken: 1 container differs and is left").says("would change"));
    drop(world.run(&["verify", "plan.json"]).ok().says("1 container differs and is left"));
    drop(world.apply().ok().says("1 container differs and is left"));
    let plan = world.plan_json();
    let differences = &plan["sets"]["web"]["matched"][0]["differences"];
    assert_eq!(differences[0]["option"], "shm_size", "{plan:#}");
    assert_eq!(world.id(&world.name("web-1")), kept);
}

#[test]
fn present_creates_and_does_not_start() {
    live!();
    let world = world("present");
    world.converge(&web("present", 2, ""));
    assert_eq!(world.containers(), ["web-1 created", "web-2 created"]);
    world.settled(&web("present", 2, ""));
    world.docker(&["start", &world.name("web-1")]);
    world.settled(&web("present", 2, ""));

    // Idle ones go first.
    world.converge(&web("present", 1, ""));
    assert_eq!(world.containers(), ["web-1 running"]);
    world.converge(&web("present", 0, ""));
    assert!(world.containers().is_empty());
}

#[test]
fn reloaded_replaces_what_differs_under_its_name() {
    live!();
    let world = world("reloaded");
    world.converge(&web("reloaded", 2, SMALL));
    let before = [world.id(&world.name("web-1")), world.id(&world.name("web-2"))];
    world.settled(&web("reloaded", 2, SMALL));

    world.plan(&web("reloaded", 2, LARGE)).ok().says("shm_size 64m → 96m");
    world.apply().ok();
    assert_eq!(world.containers(), ["web-1 running", "web-2 running"]);
    for (number, old) in before.iter().enumerate() {
        let inspect = world.inspect(&world.name(&format!("web-{}", number + 1)));
        assert_ne!(inspect["Id"].as_str(), Some(old.as_str()));
        assert_eq!(inspect["HostConfig"]["ShmSize"], 96 << 20);
    }
    world.settled(&web("reloaded", 2, LARGE));
}

#[test]
fn restarted_restarts_and_keeps() {
    live!();
    let world = world("restarted");
    world.converge(&web("started", 2, ""));
    let before = world.inspect(&world.name("web-1"));
    world.converge(&web("restarted", 2, "")).says("restarted 2 containers");
    let after = world.inspect(&world.name("web-1"));
    assert_eq!(before["Id"], after["Id"]);
    assert_ne!(before["State"]["StartedAt"], after["State"]["StartedAt"]);

    // The plan that was applied is done; a new one restarts again, as the state says.
    let calm = world.everything();
    world.apply().ok().says("already as declared");
    assert_eq!(world.everything(), calm);
    world.plan_with(&web("restarted", 2, ""), &["--detailed-exitcode"]).exits(2);
    world.converge(&web("restarted", 1, ""));
    assert_eq!(world.containers(), ["web-1 running"]);
}

#[test]
fn stopped_stops_and_creates_nothing() {
    live!();
    let world = world("stopped");
    world.converge(&web("stopped", 2, ""));
    assert!(world.containers().is_empty());
    world.converge(&web("started", 2, ""));
    world.converge(&web("stopped", 2, "")).says("stopped 2 containers");
    assert_eq!(world.containers(), ["web-1 exited", "web-2 exited"]);
    world.settled(&web("stopped", 2, ""));
    world.apply().ok().says("already as declared");
}

#[test]
fn killed_kills_with_the_declared_signal() {
    live!();
    let world = world("killed");
    world.converge(&web("started", 2, ""));
    world.converge(&web("killed", 2, "")).says("killed 2 containers");
    let state = world.inspect(&world.name("web-1"))["State"].clone();
    assert_eq!(state["ExitCode"], 137, "{state}");
    world.settled(&web("killed", 2, ""));

    world.converge(&web("started", 2, ""));
    world.converge(&web("killed", 2, "    kill_signal: TERM\n"));
    let state = world.inspect(&world.name("web-1"))["State"].clone();
    assert_eq!(state["ExitCode"], 0, "the program ends with 0 on TERM: {state}");
}

#[test]
fn absent_removes_everything_but_volumes() {
    live!();
    let world = world("absent");
    let data = "    volumes: [\"PROJECT-data:/data\"]\n";
    world.converge(&web("started", 2, data));
    world.docker(&["stop", &world.name("web-2")]);
    world.converge(&web("absent", 1, data)).says("removed 2 containers");
    assert!(world.containers().is_empty());
    assert!(world.docker(&["volume", "ls", "-q"]).contains(&world.name("data")));
    world.settled(&web("absent", 1, data));
    world.apply().ok().says("already as declared");
}

#[test]
fn a_named_container_goes_through_all_states() {
    live!();
    let world = world("named");
    let name = world.name("db");
    let db = |state: &str| {
        format!(
            "project: PROJECT\ncontainers:\n  db:\n    name: PROJECT-db\n    \
             image: PROJECT/app:1\n    state: {state}\n"
        )
    };
    for (state, status) in [
        ("present", "created"),
        ("started", "running"),
        ("stopped", "exited"),
        ("reloaded", "running"),
        ("killed", "exited"),
        ("restarted", "running"),
        ("absent", ""),
    ] {
        world.converge(&db(state));
        assert_eq!(world.status(&name), status, "after {state}");
        if state != "restarted" {
            world.settled(&db(state));
        }
    }
}

#[test]
fn what_is_paused_stays_paused() {
    live!();
    let world = world("paused");
    world.converge(&web("started", 1, ""));
    world.docker(&["pause", &world.name("web-1")]);
    world.plan_with(&web("started", 1, ""), &["--detailed-exitcode"]).ok().says("paused");
    assert_eq!(world.status(&world.name("web-1")), "paused");
    world.docker(&["unpause", &world.name("web-1")]);
}
