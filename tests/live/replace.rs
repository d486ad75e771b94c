//! Replacing: what is kept, what a failure leaves, who follows, who is asked first.

use crate::support::{World, live, wait_for};

fn db(more: &str) -> String {
    format!(
        "project: PROJECT\ncontainers:\n  db:\n    name: PROJECT-db\n    image: PROJECT/app:1\n    \
         state: reloaded\n{more}"
    )
}

#[test]
fn name_and_volumes_are_kept() {
    live!();
    let world = World::new("kept");
    world.image_with("app", "1", &["VOLUME /cache"]);
    let name = world.name("db");
    let volumes = "    volumes: [\"PROJECT-data:/data\"]\n";
    world.converge(&db(volumes));
    world.docker(&["exec", &name, "sh", "-c", "echo kept > /data/file"]);
    world.docker(&["exec", &name, "sh", "-c", "echo kept > /cache/file"]);

    // The anonymous volume of the image goes over, and over again.
    let cache = anonymous(&world, &name);
    for size in [80, 88] {
        let more = format!("{volumes}    shm_size: {size}m\n");
        let old = world.id(&name);
        world.plan(&db(&more)).ok().says("takes over a volume without a name at /cache");
        world.apply().ok();
        assert_ne!(world.id(&name), old);
        assert_eq!(anonymous(&world, &name), cache);
        assert_eq!(world.docker(&["exec", &name, "cat", "/cache/file"]), "kept");
        world.settled(&db(&more));
    }
    let old = world.id(&name);

    // Where something else is mounted there, it would be lost: not without being told to.
    let volumes = "    volumes: [\"PROJECT-data:/data\", \"PROJECT-cache:/cache\"]\n";
    let more = format!("{volumes}    shm_size: 96m\n");
    let refused = world.plan(&db(&more));
    assert_ne!(refused.code, 0, "{refused}");
    drop(refused.says("discard"));
    let more = format!("{more}    discard: true\n");
    world.plan(&db(&more)).ok().says("PROJECT-data".replace("PROJECT", world.project()).as_str());
    let plan = world.plan_json();
    assert!(plan["changes"][0]["danger"].to_string().contains("data_lost"), "{plan:#}");
    world.apply().ok();

    assert_ne!(world.id(&name), old);
    assert_eq!(world.docker(&["exec", &name, "cat", "/data/file"]), "kept");
    assert_eq!(world.containers(), ["db running"]);
    world.settled(&db(&more));
    // What was given up lies there still, for who looks for it.
    world.docker(&["volume", "inspect", &cache]);
    world.docker(&["volume", "rm", &cache]);
}

#[test]
fn volumes_without_a_name_go_over_however_they_are_asked_for() {
    live!();
    let mount = "    volumes: [{type: volume, target: /cache, volume: {nocopy: true}}]\n";
    for (story, image, volumes) in
        [("slash", "VOLUME /cache/", ""), ("asked-for", "LABEL a=b", mount)]
    {
        let world = World::new(story);
        world.image_with("app", "1", &[image]);
        let name = world.name("db");
        world.converge(&db(volumes));
        world.docker(&["exec", &name, "sh", "-c", "echo kept > /cache/file"]);
        let cache = anonymous(&world, &name);
        for size in [80, 88] {
            let more = format!("{volumes}    shm_size: {size}m\n");
            world.plan(&db(&more)).ok().says("takes over a volume without a name at /cache");
            world.apply().ok();
            assert_eq!(anonymous(&world, &name), cache);
            assert_eq!(world.docker(&["exec", &name, "cat", "/cache/file"]), "kept");
            world.settled(&db(&more));
        }
        world.docker(&["rm", "--force", &name]);
        world.docker(&["volume", "rm", &cache]);
    }
}

/// The name of the volume without a name.
fn anonymous(world: &World, name: &str) -> String {
    let inspect = world.inspect(name);
    let mounts = inspect["Mounts"].as_array().unwrap();
    let at = mounts.iter().find(|mount| mount["Destination"] == "/cache").unwrap();
    at["Name"].as_str().unwrap().to_owned()
}

#[test]
fn a_replacement_that_does_not_start_leaves_the_old_one() {
    live!();
    for (story, command) in [("no-start", "/bin/no-such-program"), ("no-stay", "\"false\"")] {
        let world = World::new(story);
        world.image("app");
        let name = world.name("db");
        world.converge(&db(""));
        let old = world.id(&name);
        world.plan(&db(&format!("    command: {command}\n"))).ok();
        let ran = world.apply();
        drop(ran.exits(5).says("is as it was before"));
        assert_eq!(world.id(&name), old, "the old one is not under its name");
        assert_eq!(world.containers(), ["db running"]);
        // The plan is still current, and a plan without the mistake goes through.
        drop(world.run(&["verify", "plan.json"]).ok());
        world.converge(&db("    shm_size: 96m\n"));
    }
}

#[test]
fn a_name_that_cannot_be_created_touches_nothing() {
    live!();
    let world = World::new("prepare");
    world.image("app");
    let name = world.name("db");
    world.converge(&db(""));
    world.plan(&db("    shm_size: 96m\n")).ok();
    // Somebody takes the name that the replacement is prepared under.
    let taken = format!("{name}.bp-new");
    world.docker(&["create", "--name", &taken, &format!("{}/app:1", world.project())]);
    let before = world.id(&name);
    world.apply().exits(3);
    assert_eq!((world.id(&name), world.status(&name)), (before, "running".to_owned()));
}

#[test]
fn dependants_are_replaced_with_their_target() {
    live!();
    let world = World::new("dependants");
    for image in ["app", "link", "net", "vol"] {
        world.image(image);
    }
    let spec = |memory: u32| {
        db(&format!(
            "    shm_size: {memory}m\n    volumes: [\"PROJECT-data:/data\"]\n  \
             link:\n    image: PROJECT/link:1\n    match: owned\n    links: [\"db:db\"]\n  \
             net:\n    image: PROJECT/net:1\n    match: owned\n    network_mode: container:db\n  \
             vol:\n    image: PROJECT/vol:1\n    match: owned\n    volumes_from: [db]\n  \
             after:\n    image: PROJECT/app:1\n    match: owned\n    depends_on: [db]\n"
        ))
    };
    world.converge(&spec(64));
    world.settled(&spec(64));
    let names = ["db", "link-1", "net-1", "vol-1", "after-1"].map(|name| world.name(name));
    let before = names.clone().map(|name| world.id(&name));

    world.plan(&spec(96)).ok().says("target replaced");
    world.apply().ok();
    let after = names.clone().map(|name| world.id(&name));
    for (index, name) in names.iter().enumerate() {
        let same = before[index] == after[index];
        assert_eq!(
            same,
            name.ends_with("after-1"),
            "{name} was {}kept",
            if same { "" } else { "not " }
        );
        assert_eq!(world.status(name), "running", "{name}");
    }
    let mode = world.inspect(&world.name("net-1"))["HostConfig"]["NetworkMode"].clone();
    assert_eq!(mode, format!("container:{}", after[0]));
    world.settled(&spec(96));
}

#[test]
fn a_target_with_strange_dependants_is_not_replaced() {
    live!();
    let world = World::new("strange");
    world.image("app");
    world.converge(&db(""));
    let mode = format!("container:{}", world.name("db"));
    let strange = world.name("strange");
    let image = format!("{}/app:1", world.project());
    world.docker(&["run", "-d", "--name", &strange, "--network", &mode, &image]);
    let ran = world.plan(&db("    shm_size: 96m\n"));
    assert_ne!(ran.code, 0, "{ran}");
    drop(ran.says(&strange));
}

#[test]
fn adopted_containers_are_touched_only_when_told_to() {
    live!();
    let world = World::new("adopted");
    let image = world.image("app");
    let by_hand = world.name("by-hand");
    world.docker(&["run", "-d", "--name", &by_hand, "--memory", "64m", &image]);
    let web = |more: &str| {
        format!(
            "project: PROJECT\ncontainers:\n  web:\n    image: PROJECT/app:1\n    state: reloaded\n{more}"
        )
    };
    // It counts …
    world.settled(&web(""));
    world.settled(&web("    shm_size: 64m\n"));
    // … and is not replaced under the default.
    let refused = world.plan(&web("    shm_size: 96m\n"));
    assert_ne!(refused.code, 0, "{refused}");
    drop(refused.says(&by_hand).says("match: image"));
    let old = world.id(&by_hand);
    let told = web("    shm_size: 96m\n    match: image\n");
    world.plan(&told).ok();
    let plan = world.plan_json();
    assert_eq!(plan["changes"][0]["adopted"], true, "{plan:#}");
    world.apply().ok();
    assert_ne!(world.id(&by_hand), old);
    assert_eq!(world.status(&by_hand), "running");
    world.settled(&told);
}

#[test]
fn one_shots_are_judged_by_their_exit_code() {
    live!();
    let world = World::new("one-shot");
    world.image("job");
    let job = |command: &str| {
        format!(
            "project: PROJECT\ncontainers:\n  job:\n    image: PROJECT/job:1\n    match: owned\n    \
             detach: false\n    command: {command}\n"
        )
    };
    world.converge(&job("echo done-well"));
    assert_eq!(world.containers(), ["job-1 exited"]);
    world.settled(&job("echo done-well"));
    world.apply().ok().says("already as declared");

    // The engine tries again, and the last time counts.
    let tries = |file: &str, retries: u32| {
        let tries = "echo tried; test -e /tmp/FILE && exit; touch /tmp/FILE; exit 7";
        let line = job(&format!("[sh, -c, '{}']", tries.replace("FILE", file)));
        format!("{line}    restart: on-failure:{retries}\n")
    };
    world.converge(&tries("once", 5));
    assert_eq!(world.containers(), ["job-1 exited"]);
    world.settled(&tries("once", 5));
    world
        .plan(&job("[sh, -c, 'exit 7']").replace("detach", "restart: on-failure:2\n    detach"))
        .ok();
    drop(world.apply().exits(5).says("exit code 7"));
    assert_eq!(world.containers(), ["job-1 exited"]);

    world.plan(&job("sh -c 'echo gone-wrong; exit 3'")).ok();
    let ran = world.apply();
    drop(ran.exits(5).says("gone-wrong").says("3"));
    assert_eq!(world.containers(), ["job-1 exited"]);
}

#[test]
fn stopping_in_the_middle_loses_nothing() {
    live!();
    let world = World::new("interrupt");
    world.image("app");
    let web = |memory: u32| {
        format!(
            "project: PROJECT\ncontainers:\n  web:\n    image: PROJECT/app:1\n    state: reloaded\n    \
             count: 3\n    match: owned\n    shm_size: {memory}m\n"
        )
    };
    world.converge(&web(64));
    world.plan(&web(96)).ok();
    let child = std::process::Command::new(env!("CARGO_BIN_EXE_bayplan"))
        .args(["apply", "plan.json"])
        .current_dir(world.path("."))
        .env("HOME", world.path("."))
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    wait_for("the first replacement", || {
        let begun = |line: &String| line.contains(".bp-new") || line.contains(".bp-old");
        world.containers().iter().any(begun)
    });
    let pid = child.id().to_string();
    std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("web-"), "it does not say where it stopped: {said}");
    // Every member runs under its name, and nothing is left over.
    assert_eq!(world.containers(), ["web-1 running", "web-2 running", "web-3 running"], "{said}");
}
