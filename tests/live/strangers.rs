//! Containers that no spec means, beside those that one does: who would break, what is lost, what
//! comes back.

use crate::support::{World, live};

fn db(more: &str) -> String {
    format!(
        "project: PROJECT\ncontainers:\n  db:\n    name: PROJECT-db\n    image: PROJECT/app:1\n    \
         state: reloaded\n    ipc: shareable\n    volumes: [\"PROJECT-data:/data\"]\n{more}"
    )
}

/// A list tells neither of them: everybody is asked before something ends.
#[test]
fn who_shares_processes_shared_memory_or_volumes_is_not_broken() {
    live!();
    let world = World::new("sharing");
    let image = world.image("app");
    world.converge(&db(""));
    let name = world.name("db");
    let changed = db("    tty: true\n");
    let target = format!("container:{name}");
    for (word, how) in [
        ("pid", ["--pid", &target]),
        ("ipc", ["--ipc", &target]),
        ("volumes", ["--volumes-from", &name]),
    ] {
        let other = world.name(word);
        world.docker(&["run", "-d", "--name", &other, how[0], how[1], &image]);
        let ran = world.plan(&changed).exits(1).says("unmanaged_dependants");
        drop(ran.says(&format!("`{other}` depends on it")));
        world.docker(&["rm", "-f", &other]);
    }
    // One that comes after the review is seen as well.
    world.plan(&changed).ok();
    let other = world.name("late");
    world.docker(&["run", "-d", "--name", &other, "--pid", &target, &image]);
    let before = world.everything();
    drop(world.apply().exits(3).says(&other));
    assert_eq!(world.everything(), before);
    world.docker(&["rm", "-f", &other]);
    world.apply().ok();
    world.settled(&changed);
}

/// A container with `--rm` takes its anonymous volumes along, whoever stops it.
#[test]
fn what_removes_itself_loses_its_anonymous_volume_only_where_that_is_said() {
    live!();
    let world = World::new("rm");
    let image = world.image_with("app", "1", &["VOLUME /cache"]);
    let name = world.name("db");
    world.docker(&["run", "-d", "--rm", "--name", &name, &image]);
    let stopped = |more: &str| {
        format!("project: PROJECT\ncontainers:\n  db: {{name: PROJECT-db, state: stopped{more}}}\n")
    };
    drop(world.plan(&stopped("")).exits(1).says("discard"));
    let plan = world.plan(&stopped(", discard: true")).ok().says("removes itself");
    drop(plan.says("data_lost"));
    world.apply().ok();
    assert_eq!(world.containers(), Vec::<String>::new());
    world.settled(&stopped(", discard: true"));
}

#[test]
fn what_an_engine_starts_again_is_a_danger() {
    live!();
    let world = World::new("back");
    let image = world.image("app");
    let stop = "project: PROJECT\ncontainers:\n  db: {name: PROJECT-db, state: stopped}\n";
    for (policy, back) in
        [("no", false), ("on-failure:3", true), ("unless-stopped", false), ("always", true)]
    {
        let name = world.name("db");
        world.docker(&["run", "-d", "--restart", policy, "--name", &name, &image]);
        world.plan(stop).ok();
        let danger = world.plan_json()["changes"][0]["danger"].to_string();
        assert_eq!(danger.contains("comes_back"), back, "{policy}: {danger}");
        world.docker(&["rm", "-f", "-v", &name]);
    }
}

/// What is there but will not be, or is not there at all, is told before anything is done.
#[test]
fn what_a_new_container_names_must_be_there() {
    live!();
    let world = World::new("names");
    world.image("app");
    let spec = |more: &str| {
        format!("project: PROJECT\ncontainers:\n  app: {{image: 'PROJECT/app:1', {more}}}\n")
    };
    for more in ["links: [dbb]", "pid: 'container:dbb'", "volumes_from: [dbb]", "depends_on: [dbb]"]
    {
        let ran = world.plan(&spec(more)).exits(1).says("target_missing");
        drop(ran.says("there is no such container or set"));
    }
    // A member by its own name: after it, in its network.
    let member = "  web: {image: 'PROJECT/app:1', count: 2}\n";
    let joined = format!("{}{member}", spec("network_mode: 'container:PROJECT-web-2'"));
    world.converge(&joined);
    let again = joined.replace("count: 2", "count: 2, state: reloaded, tty: true");
    world.converge(&again);
    world.settled(&again);
}

/// What an engine may fill in by itself is seen to be declared no more all the same.
#[test]
fn what_an_engine_may_fill_in_is_missed_where_it_was_declared() {
    live!();
    let world = World::new("filled");
    world.image("app");
    let spec = |more: &str| {
        format!(
            "project: PROJECT\ncontainers:\n  app:\n    image: PROJECT/app:1\n    state: reloaded\n{more}"
        )
    };
    let all = "    shm_size: 1m\n    ipc: shareable\n    ulimits: {nofile: 100, core: 0}\n    logging: {driver: json-file, options: {max-size: 1m}}\n";
    world.converge(&spec(all));
    world.settled(&spec(all));
    let plan = world.plan(&spec("")).ok();
    for option in ["shm_size", "ipc", "ulimits", "logging"] {
        assert!(
            plan.stdout.contains(&format!("\n              {option} "))
                || plan.stdout.contains(&format!("\n              {option}\n")),
            "{option}: {plan}"
        );
    }
    drop(world.plan(&spec(&all.replace("nofile: 100, ", ""))).ok().says("ulimits "));
    world.converge(&spec(""));
    world.settled(&spec(""));
}

/// Beside the engine, what containers are bound to can be looked at.
#[test]
fn a_folder_that_is_not_on_the_host_is_told_before_an_engine_makes_it() {
    live!();
    if !crate::support::own_engine() {
        return;
    }
    let world = World::new("sources");
    world.image("app");
    let folder = world.path("not-there");
    let spec = |bind: &str| {
        format!(
            "project: PROJECT\ncontainers:\n  app:\n    image: PROJECT/app:1\n    volumes: [{{type: bind, source: {}, target: /x{bind}}}]\n",
            folder.display()
        )
    };
    let never = spec(", bind: {create_host_path: false}");
    drop(world.plan(&never).exits(1).says("bind_source_missing"));
    drop(world.plan(&spec("")).ok().says("bind_source: there is no"));
    assert!(!folder.exists());
    // It comes meanwhile: what was reviewed warns of something that is not so.
    std::fs::create_dir(&folder).unwrap();
    drop(world.apply().exits(3).says("[warnings_moved]"));
    world.converge(&never);
    world.settled(&never);
}
