//! Waiting for what a set depends on and the plan does not touch.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::{World, docker, live, wait_for};

const LATER: Duration = Duration::from_secs(3);

/// `web` waits for `db`, which somebody else runs and which says how its health is told.
fn web(condition: &str, db: &str) -> String {
    format!(
        "project: PROJECT\ncontainers:\n  db:\n    name: PROJECT-db\n    image: PROJECT/app:1\n{db}  \
         web:\n    image: PROJECT/app:1\n    match: owned\n    \
         depends_on: {{db: {{condition: {condition}}}}}\n"
    )
}

/// How its health is told, as a spec says it and as a client does.
const CHECK: &str = "    healthcheck: {test: ls /ok, interval: 1s, retries: 2}\n";
const CHECKED: [&str; 6] =
    ["--health-cmd", "ls /ok", "--health-interval", "1s", "--health-retries", "2"];

/// Somebody runs `db`, which is healthy once there is `/ok`; gives its name.
fn run_checked(world: &World, more: &[&str]) -> String {
    let (name, image) = (world.name("db"), format!("{}/app:1", world.project()));
    world.docker(&[&["run", "-d", "--name", &name][..], &CHECKED, more, &[&image]].concat());
    name
}

fn health(world: &World, name: &str) -> String {
    world.inspect(name)["State"]["Health"]["Status"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_set_is_made_once_what_it_depends_on_is_healthy() {
    live!();
    let world = World::new("healthy");
    world.image("app");
    let name = run_checked(&world, &["--health-start-period", "60s"]);
    let check = "    healthcheck: {test: ls /ok, interval: 1s, retries: 2, start_period: 60s}\n";
    world.plan(&web("service_healthy", check)).ok().says("create");
    let begun = Instant::now();
    let later = name.clone();
    let healing = thread::spawn(move || {
        thread::sleep(LATER);
        assert!(docker(&["exec", &later, "touch", "/ok"]).status.success());
    });
    world.apply().ok();
    healing.join().unwrap();
    assert!(begun.elapsed() >= LATER);
    assert_eq!(health(&world, &name), "healthy");
    assert_eq!(world.status(&world.name("web-1")), "running");
}

#[test]
fn nothing_is_made_beside_what_is_unhealthy() {
    live!();
    let world = World::new("unhealthy");
    world.image("app");
    let name = run_checked(&world, &[]);
    wait_for("it to be unhealthy", || health(&world, &name) == "unhealthy");
    world.plan(&web("service_healthy", CHECK)).ok();
    world.apply().exits(5).says("is unhealthy").says("No such file");
    assert_eq!(world.containers(), ["db running"]);
    // What cannot be waited for is told before.
    world.plan(&web("service_healthy", "")).exits(1).says("no health check");
}

#[test]
fn a_set_is_made_once_what_runs_before_it_has_ended() {
    live!();
    let world = World::new("completed");
    world.image("app");
    let (name, image) = (world.name("db"), format!("{}/app:1", world.project()));
    let spec =
        web("service_completed_successfully", "    detach: false\n    command: [sleep, \"4\"]\n");
    world.docker(&["run", "-d", "--name", &name, &image, "sleep", "4"]);
    world.plan(&spec).ok().says("still running");
    world.apply().ok();
    assert_eq!(world.containers(), ["db exited", "web-1 running"]);
    world.settled(&spec);
}

#[test]
fn a_plan_that_failed_part_way_is_applied_again_for_what_it_did_not_reach() {
    live!();
    let world = World::new("part-way");
    for image in ["app", "other"] {
        world.image(image);
    }
    let name = run_checked(&world, &[]);
    wait_for("it to be unhealthy", || health(&world, &name) == "unhealthy");
    let aside = "  aside:\n    image: PROJECT/other:1\n    match: owned\n";
    let spec = format!("{}{aside}", web("service_healthy", CHECK));
    world.plan(&spec).ok().says("2 to create");
    // What failed is as before, and another set was made.
    world.apply().exits(5).says("is unhealthy");
    assert_eq!(world.containers(), ["aside-1 running", "db running"]);
    let aside = world.id(&world.name("aside-1"));

    world.docker(&["exec", &name, "touch", "/ok"]);
    wait_for("it to be healthy", || health(&world, &name) == "healthy");
    world.apply().ok().says("created 1 container, started 1 container.");
    assert_eq!(world.containers(), ["aside-1 running", "db running", "web-1 running"]);
    assert_eq!(world.id(&world.name("aside-1")), aside);
    world.apply().ok().says("already as declared");
}

#[test]
fn a_set_is_restarted_after_one_that_was_replaced() {
    live!();
    let world = World::new("restarts-with");
    world.image("app");
    let spec = |command: &str, limit: &str| {
        format!(
            "project: PROJECT\ncontainers:\n  db:\n    name: PROJECT-db\n    image: PROJECT/app:1\n    \
             state: reloaded\n    command: {command}\n  web:\n    image: PROJECT/app:1\n    \
             match: owned\n    state: reloaded\n    mem_limit: {limit}\n    depends_on:\n      \
             db: {{restart: true}}\n      gone: {{required: false}}\n"
        )
    };
    world.converge(&spec("app", "64m"));
    world.settled(&spec("app", "64m"));
    let (db, web) = (world.id(&world.name("db")), world.name("web-1"));
    let before = world.inspect(&web);

    let next = spec("app --again", "96m");
    world.plan(&next).ok().says("1 to replace, 1 to restart").says("restarts after");
    world.apply().ok().says("restarted 1 container");
    let after = world.inspect(&web);
    assert_ne!(world.id(&world.name("db")), db);
    assert_eq!(after["Id"], before["Id"]);
    assert_ne!(after["State"]["StartedAt"], before["State"]["StartedAt"]);
    assert_eq!(after["HostConfig"]["Memory"], 96 << 20);
    world.settled(&next);
    // The same plan again: at its goal.
    world.apply().ok().says("already as declared");
    assert_eq!(world.inspect(&web)["State"]["StartedAt"], after["State"]["StartedAt"]);
}
