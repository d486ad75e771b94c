//! The world moves between plan and apply: refused, nothing changed, the reason has a name.

use crate::support::{World, live};

const DECLARED: &str = "project: PROJECT
containers:
  web:
    image: PROJECT/app:1
    state: reloaded
    count: 2
    match: owned
    mem_limit: MEMORYm
    network_mode: PROJECT-net
    environment:
      PASSWORD: {from_env: DB_PASSWORD}
  api:
    name: PROJECT-api
    image: PROJECT/api:1
    ports: [\"127.0.0.1:PORT:80\"]
";

fn spec(memory: u32, port: u16) -> String {
    DECLARED.replace("MEMORY", &memory.to_string()).replace("PORT", &port.to_string())
}

fn run(world: &World, secret: &str, args: &[&str]) -> (i32, String) {
    let output = world.bayplan(args).env("DB_PASSWORD", secret).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

/// Two members that are to be replaced, and a container that is to be created; then the world
/// moves.
fn moved(story: &str, code: &str, secret: &str, meddle: impl FnOnce(&World, u16)) {
    let world = World::new(story);
    world.image("app");
    world.image("api");
    world.docker(&["network", "create", &world.name("net")]);
    let port = crate::support::free_port();
    // The first plan has no api, so that the second one has something to create.
    let both = spec(64, port);
    let first = both.split("  api:").next().unwrap();
    world.write("spec.yaml", first);
    for args in [&["plan", "spec.yaml", "-o", "plan.json"][..], &["apply", "plan.json"]] {
        let (ended, text) = run(&world, "one", args);
        assert_eq!(ended, 0, "{text}");
    }
    world.write("spec.yaml", &spec(96, port));
    let (ended, text) = run(&world, "one", &["plan", "spec.yaml", "-o", "plan.json"]);
    assert_eq!(ended, 0, "{text}");
    let (ended, text) = run(&world, "one", &["verify", "plan.json"]);
    assert_eq!(ended, 0, "nothing moved yet: {text}");

    meddle(&world, port);
    let before = world.everything();
    for command in ["verify", "apply"] {
        let (ended, text) = run(&world, secret, &[command, "plan.json"]);
        assert_eq!(ended, 3, "{command}: {text}");
        assert!(text.contains(code), "{command} does not name `{code}`: {text}");
    }
    let after = world.everything();
    let differs = before.lines().zip(after.lines()).find(|(before, after)| before != after);
    assert_eq!(before.lines().count(), after.lines().count());
    assert_eq!(differs, None, "something changed");
}

macro_rules! moves {
    ($($name:ident: $code:literal, $secret:literal, $meddle:expr;)*) => {$(
        #[test]
        fn $name() {
            live!();
            moved(&stringify!($name).replace('_', "-"), $code, $secret, $meddle);
        }
    )*};
}

moves! {
    a_member_is_removed: "container_gone", "one", |world, _| {
        world.docker(&["rm", "-f", &world.name("web-2")]);
    };
    a_member_is_renamed: "container_", "one", |world, _| {
        world.docker(&["rename", &world.name("web-2"), &world.name("elsewhere")]);
    };
    a_member_is_stopped: "container_run", "one", |world, _| {
        world.docker(&["stop", &world.name("web-2")]);
    };
    a_member_is_paused: "container_run", "one", |world, _| {
        world.docker(&["pause", &world.name("web-2")]);
    };
    a_member_is_replaced_by_another: "container_", "one", |world, _| {
        world.docker(&["rm", "-f", &world.name("web-2")]);
        let image = format!("{}/app:1", world.project());
        world.docker(&["run", "-d", "--name", &world.name("web-2"), &image]);
    };
    a_member_gets_other_limits: "container_settings", "one", |world, _| {
        world.docker(&["update", "--memory", "80m", "--memory-swap", "160m", &world.name("web-2")]);
    };
    a_member_is_connected_elsewhere: "container_networks", "one", |world, _| {
        world.docker(&["network", "connect", "bridge", &world.name("web-2")]);
    };
    the_tag_moves: "image_moved", "one", |world, _| {
        world.image_with("app", "1", &["ENV MOVED=1"]);
    };
    the_network_is_another: "network", "one", |world, _| {
        let name = world.name("net");
        for member in ["web-1", "web-2"] {
            world.docker(&["network", "disconnect", "-f", &name, &world.name(member)]);
        }
        world.docker(&["network", "rm", &name]);
        world.docker(&["network", "create", &name]);
    };
    a_name_is_taken: "name_taken", "one", |world, _| {
        world.docker(&["create", "--name", &world.name("api"), &format!("{}/app:1", world.project())]);
    };
    a_port_is_taken: "port", "one", |world, port| {
        world.docker(&[
            "run", "-d", "--name", &world.name("thief"), "-p", &format!("127.0.0.1:{port}:80"),
            &format!("{}/app:1", world.project()),
        ]);
    };
    a_secret_is_rotated: "rotated", "two", |_, _| {};
    the_spec_moves_on: "spec", "one", |world, port| {
        world.write("spec.yaml", &spec(128, port));
    };
}

#[test]
fn what_does_not_matter_is_not_stale() {
    live!();
    let world = World::new("noise");
    world.image("app");
    let web = "project: PROJECT\ncontainers:\n  web:\n    image: PROJECT/app:1\n    \
               state: reloaded\n    match: owned\n";
    world.converge(web);
    world.plan(&format!("{web}    mem_limit: 64m\n")).ok();
    // A restart, strangers, another image.
    world.docker(&["restart", &world.name("web-1")]);
    world.image("other");
    let other = format!("{}/other:1", world.project());
    world.docker(&["run", "-d", "--name", &world.name("stranger"), &other]);
    world.run(&["verify", "plan.json"]).ok();
    world.apply().ok();
    world.apply().ok().says("already as declared");
}

#[test]
fn a_tampered_plan_is_refused() {
    live!();
    let world = World::new("tampered");
    world.image("app");
    let web = "project: PROJECT\ncontainers:\n  web:\n    image: PROJECT/app:1\n    match: owned\n    \
               mem_limit: 64m\n";
    world.plan(web).ok();
    let honest = world.read("plan.json");
    std::fs::write(
        world.path("plan.json"),
        honest.replace("64m", "65m").replace("67108864", "67108865"),
    )
    .unwrap();
    world.apply().exits(4);
    // A digest that fits makes it consistent, not reviewed.
    std::fs::write(world.path("plan.json"), &honest).unwrap();
    let digest = world.plan_json()["digest"].as_str().unwrap().to_owned();
    let wrong = digest.replace(&digest[7..11], "0000");
    world.run(&["apply", "plan.json", "--expect-digest", &wrong]).exits(4);
    assert!(world.containers().is_empty());
    world.run(&["apply", "plan.json", "--expect-digest", &digest]).ok();
    assert_eq!(world.containers(), ["web-1 running"]);
}

#[test]
fn a_plan_that_is_signed_again_with_other_steps_is_tampered() {
    live!();
    let world = World::new("forged");
    world.image("app");
    let web = "project: PROJECT\ncontainers:\n  web:\n    image: PROJECT/app:1\n    match: owned\n    \
               count: 2\n";
    world.plan(web).ok();
    // Take the first of the two starts out and compute the digest anew.
    let honest = world.read("plan.json");
    let start = format!("{}/start", world.name("web-1"));
    let lines: Vec<&str> =
        honest.lines().filter(|line| !(line.contains("\"id\"") && line.contains(&start))).collect();
    let forged = lines.join("\n") + "\n";
    let bare: String = forged
        .split_inclusive('\n')
        .enumerate()
        .filter(|(index, _)| *index != 2)
        .map(|(_, line)| line)
        .collect();
    std::fs::write(world.path("bare"), bare).unwrap();
    let sum = std::process::Command::new("sha256sum").arg(world.path("bare")).output().unwrap();
    let sum = String::from_utf8_lossy(&sum.stdout)[..64].to_owned();
    let forged: Vec<String> = forged
        .lines()
        .enumerate()
        .map(|(index, line)| match index {
            2 => format!("  \"digest\": \"sha256:{sum}\","),
            _ => line.to_owned(),
        })
        .collect();
    std::fs::write(world.path("plan.json"), forged.join("\n") + "\n").unwrap();
    let ran = world.apply();
    assert!(ran.code == 4, "{ran}");
    assert!(world.containers().is_empty(), "{ran}");
}
