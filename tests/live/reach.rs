//! Ways to an engine and to a registry that only a real engine proves.

use std::fs;

use serde_json::json;

use crate::support::{World, live};

const PASSWORD: &str = "s3cret/+pw";
/// What `htpasswd -B` writes for it.
const HTPASSWD: &str = "joe:$2b$05$abcdefghijklmnopqrstuuz7amVv3li6.pLmkuJjWcj88AoYJ.1Jy\n";

/// Writes Docker's configuration with a login.
fn login(world: &World, folder: &str, registry: &str, password: &str) {
    fs::create_dir_all(world.path(folder)).unwrap();
    let auths = json!({"auths": {registry: {"username": "joe", "password": password}}});
    world.write(&format!("{folder}/config.json"), &auths.to_string());
}

#[test]
fn a_registry_that_wants_a_password_is_asked_with_it_or_nothing_is_touched() {
    live!();
    if !crate::support::own_engine() {
        return;
    }
    let world = World::new("login");
    world.write("htpasswd", HTPASSWD);
    let auth =
        format!("auth: {{htpasswd: {{realm: bay, path: {}}}}}\n", world.path("htpasswd").display());
    let registry = world.registry_with(&auth);
    let remote = format!("{registry}/{}/web:1", world.project());
    // Docker's client reads `auth` alone.
    fs::create_dir(world.path("pusher")).unwrap();
    let encoded = "am9lOnMzY3JldC8rcHc=";
    let auths = json!({"auths": {&registry: {"auth": encoded}}});
    world.write("pusher/config.json", &auths.to_string());
    let local = world.image("local");
    let other = world.image_with("other", "1", &["ENV VERSION=2"]);
    world.docker(&["tag", &other, &remote]);
    world.docker(&["--config", &world.path("pusher").display().to_string(), "push", &remote]);
    world.docker(&["rmi", &remote, &other]);
    login(&world, "right", &registry, PASSWORD);
    login(&world, "wrong", &registry, "hunter2-wrong");

    let spec = |image: &str| {
        format!(
            "project: PROJECT\ncontainers:\n  web: {{image: '{image}', state: reloaded, match: owned}}\n"
        )
    };
    world.converge(&spec(&local)).ok();
    let before = world.everything();
    world.write("spec.yaml", &spec(&remote));
    for config in ["wrong", "none"] {
        let mut command = world.bayplan(&["plan", "spec.yaml", "-o", "plan.json"]);
        let output = command.env("DOCKER_CONFIG", world.path(config)).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{config}: {text}");
        assert!(text.contains("the registry does not tell what"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(world.everything(), before);
    }
    let right = |args: &[&str]| {
        let mut command = world.bayplan(args);
        let output = command.env("DOCKER_CONFIG", world.path("right")).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {text}");
    };
    right(&["plan", "spec.yaml", "-o", "plan.json"]);
    // Between plan and apply the password changed: the pull fails, and nothing was stopped.
    let mut command = world.bayplan(&["apply", "plan.json"]);
    let output = command.env("DOCKER_CONFIG", world.path("wrong")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(5), "{text}");
    assert_eq!(world.everything(), before);
    right(&["apply", "plan.json"]);
    assert_eq!(world.containers(), ["web-1 running"]);
    assert_eq!(world.inspect(&world.name("web-1"))["Config"]["Image"], remote);
}

#[test]
fn a_plan_from_a_kept_look_is_the_same_file() {
    live!();
    let world = World::new("kept");
    world.image("app");
    world.image_with("app", "2", &["ENV COLOUR=blue"]);
    let spec = |image: &str, memory: u32| {
        format!(
            "project: PROJECT\ncontainers:\n  db:\n    name: PROJECT-db\n    image: PROJECT/app:{image}\n    \
             state: reloaded\n    mem_limit: {memory}m\n    volumes: ['PROJECT-data:/data']\n    environment:\n      \
             USER: shop\n      PASSWORD: {{from_env: DB_PASSWORD}}\n  web:\n    image: PROJECT/app:1\n    \
             match: owned\n    count: 2\n    depends_on: [db]\n    labels: {{tier: front}}\n"
        )
    };
    let run = |args: &[&str], password: &str| {
        let output = world.bayplan(args).env("DB_PASSWORD", password).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {text}");
    };
    world.write("spec.yaml", &spec("1", 64));
    run(&["plan", "spec.yaml", "-o", "first.json"], "one");
    run(&["apply", "first.json"], "one");
    for (image, memory, password) in [("1", 64, "one"), ("2", 96, "one"), ("1", 64, "two")] {
        world.write("spec.yaml", &spec(image, memory));
        run(&["plan", "spec.yaml", "-o", "live.json"], password);
        run(&["snapshot", "spec.yaml", "-o", "look.json"], password);
        run(&["plan", "spec.yaml", "--snapshot", "look.json", "-o", "kept.json"], password);
        assert_eq!(world.read("live.json"), world.read("kept.json"));
    }
    assert!(world.read("live.json").contains("secret_changed"), "the last one has a danger");
}
