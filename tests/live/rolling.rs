//! `update_config`: how the members of a set are replaced.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{World, free_port, live, wait_for};

fn web(more: &str) -> String {
    format!(
        "project: PROJECT\ndefaults: {{prove_for: 1s}}\ncontainers:\n  web:\n    image: PROJECT/app:1\n    \
         state: reloaded\n    count: 3\n    match: owned\n{more}"
    )
}

#[test]
fn start_first_keeps_all_members_up() {
    live!();
    let world = World::new("start-first");
    world.image("app");
    world.converge(&web(""));
    let more = "    shm_size: 96m\n    update_config: {order: start-first}\n";
    world.plan(&web(more)).ok().says("all 3 stay up, up to 1 more meanwhile");
    let mut child = Command::new(env!("CARGO_BIN_EXE_bayplan"))
        .args(["apply", "plan.json"])
        .current_dir(world.path("."))
        .env("HOME", world.path("."))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut looks = 0;
    let begun = Instant::now();
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        let all = world.containers();
        let running = all.iter().filter(|line| line.ends_with(" running")).count();
        assert!((3..=4).contains(&running), "{all:?}");
        looks += 1;
        assert!(begun.elapsed() < Duration::from_secs(100));
    };
    assert_eq!(code, Some(0));
    assert!(looks > 5, "only {looks}");
    assert_eq!(world.containers(), ["web-1 running", "web-2 running", "web-3 running"]);
    world.settled(&web(more));
}

#[test]
fn start_first_goes_where_the_two_have_nothing_in_common() {
    live!();
    let world = World::new("start-beside");
    world.image("app");
    let port = free_port();
    let of = |more: &str| {
        format!(
            "project: PROJECT\ndefaults: {{prove_for: 1s}}\ncontainers:\n  web:\n    image: \
             PROJECT/app:1\n    state: reloaded\n    match: owned\n    volumes: \
             ['/dev/null:/read:ro', '/var/run/docker.sock:/engine']\n{more}"
        )
    };
    world.converge(&of(&format!("    ports: ['127.0.0.1:{port}:80']\n")));
    let ahead = "    update_config: {order: start-first}\n";
    let same = format!("    ports: ['127.0.0.1:{port}:81']\n{ahead}");
    let refused = world.plan(&of(&same));
    assert_ne!(refused.code, 0, "{refused}");
    drop(refused.says("both would publish host port"));
    let other = format!("    ports: ['127.0.0.1:{}:80']\n{ahead}", free_port());
    world.converge(&of(&other));
    world.settled(&of(&other));
    let host = format!("    network_mode: host\n{ahead}");
    world.converge(&of(&host));
    world.converge(&of(&format!("{host}    shm_size: 96m\n")));
}

#[test]
fn a_member_that_fails_takes_all_back_or_none() {
    live!();
    for (story, action, gone) in [("roll-all", "rollback", 0), ("roll-none", "pause", 2)] {
        let world = World::new(story);
        world.image("app");
        world.converge(&web(""));
        let before = ["web-1", "web-2", "web-3"].map(|name| world.id(&world.name(name)));
        let more = format!("    shm_size: 96m\n    update_config: {{failure_action: {action}}}\n");
        world.plan(&web(&more)).ok().says("2 of 3 stay up");
        let mut child = Command::new(env!("CARGO_BIN_EXE_bayplan"))
            .args(["apply", "plan.json"])
            .current_dir(world.path("."))
            .env("HOME", world.path("."))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The third one ends while it is watched.
        let third = world.name("web-3");
        wait_for("the third member", || {
            world.id(&third) != before[2] && world.status(&third) == "running"
        });
        world.docker(&["kill", &third]);
        assert_eq!(child.wait().unwrap().code(), Some(5), "{action}");
        let after = ["web-1", "web-2", "web-3"].map(|name| world.id(&world.name(name)));
        let changed = (0..3).filter(|at| before[*at] != after[*at]).count();
        assert_eq!(changed, gone, "{action}");
        assert_eq!(world.containers(), ["web-1 running", "web-2 running", "web-3 running"]);
    }
}
