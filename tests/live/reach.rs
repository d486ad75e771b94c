//! Ways to an engine and to a registry that only a real engine proves.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value as Json, json};

use crate::support::{Ran, World, live};

const PASSWORD: &str = "s3cret/+pw";
/// What `htpasswd -B` writes for it.
const HTPASSWD: &str = "joe:$2b$05$abcdefghijklmnopqrstuuz7amVv3li6.pLmkuJjWcj88AoYJ.1Jy\n";

/// A registry that wants a password, and an image in it that the engine lacks.
struct Guarded {
    world: World,
    registry: String,
    remote: String,
}

impl Guarded {
    fn new(story: &str) -> Self {
        let world = World::new(story);
        world.write("htpasswd", HTPASSWD);
        let htpasswd = world.path("htpasswd");
        let auth = format!("auth: {{htpasswd: {{realm: bay, path: {}}}}}\n", htpasswd.display());
        let registry = world.registry_with(&auth);
        let remote = format!("{registry}/{}/web:1", world.project());
        // Docker's client reads `auth` alone.
        let encoded = "am9lOnMzY3JldC8rcHc=";
        let guarded = Self { world, registry, remote };
        guarded.configure("pusher", &json!({"auths": {&guarded.registry: {"auth": encoded}}}));
        let Self { world, remote, .. } = &guarded;
        let other = world.image_with("other", "1", &["ENV VERSION=2"]);
        world.docker(&["tag", &other, remote]);
        world.docker(&["--config", &world.path("pusher").display().to_string(), "push", remote]);
        world.docker(&["rmi", remote, &other]);
        guarded
    }

    /// Writes Docker's configuration into a folder.
    fn configure(&self, folder: &str, config: &Json) {
        fs::create_dir_all(self.world.path(folder)).unwrap();
        self.world.write(&format!("{folder}/config.json"), &config.to_string());
    }

    /// Runs another image than the guarded one, writes a spec that wants that; gives all there is.
    fn begin(&self) -> String {
        let spec = |image: &str| {
            format!(
                "project: PROJECT\ncontainers:\n  web: {{image: '{image}', state: reloaded, match: owned}}\n"
            )
        };
        let local = self.world.image("local");
        self.world.converge(&spec(&local)).ok();
        self.world.write("spec.yaml", &spec(&self.remote));
        self.world.everything()
    }

    /// Runs the program with a configuration, and with the world's own programs.
    fn run(&self, config: &str, args: &[&str]) -> Ran {
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.world.path("bin").display());
        let mut command = self.world.bayplan(args);
        let command = command.env("DOCKER_CONFIG", self.world.path(config)).env("PATH", path);
        Ran::of(args, &command.output().unwrap()).never_says("hunter2")
    }

    /// It came to the guarded image.
    fn came(&self) {
        assert_eq!(self.world.containers(), ["web-1 running"]);
        let image = &self.world.inspect(&self.world.name("web-1"))["Config"]["Image"];
        assert_eq!(*image, self.remote);
    }
}

const PLAN: &[&str] = &["plan", "spec.yaml", "-o", "plan.json"];
const APPLY: &[&str] = &["apply", "plan.json"];

#[test]
fn a_registry_that_wants_a_password_is_asked_with_it_or_nothing_is_touched() {
    live!();
    if crate::support::registry_host().is_none() {
        return;
    }
    let guarded = Guarded::new("login");
    for (folder, password) in [("right", PASSWORD), ("wrong", "hunter2-wrong")] {
        let login = json!({"username": "joe", "password": password});
        guarded.configure(folder, &json!({"auths": {&guarded.registry: login}}));
    }
    let before = guarded.begin();
    for config in ["wrong", "none"] {
        guarded.run(config, PLAN).exits(1).says("the registry does not tell what");
        assert_eq!(guarded.world.everything(), before);
    }
    guarded.run("right", PLAN).ok();
    // Between plan and apply the password changed: the pull fails, and nothing was stopped.
    guarded.run("wrong", APPLY).exits(5);
    assert_eq!(guarded.world.everything(), before);
    guarded.run("right", APPLY).ok();
    guarded.came();
}

#[test]
fn a_credential_helper_is_asked_and_when_it_has_none_nothing_is_touched() {
    live!();
    if crate::support::registry_host().is_none() {
        return;
    }
    let guarded = Guarded::new("helper");
    let Guarded { world, registry, .. } = &guarded;
    fs::create_dir(world.path("bin")).unwrap();
    let none = "echo 'credentials not found in native keychain'; exit 1";
    let login = json!({"ServerURL": registry, "Username": "joe", "Secret": PASSWORD});
    let right = format!(
        "test \"$1\" = get || exit 9; read -r server\n\
         if [ \"$server\" = {registry} ]; then echo '{login}'; else {none}; fi"
    );
    let fails = "echo hunter2-half-of-it; echo hunter2 >&2; exit 3";
    let rubbish = "echo '{\"Username\": \"hunter2'";
    for (name, text) in [("right", &*right), ("fails", fails), ("rubbish", rubbish), ("none", none)]
    {
        let helper = format!("bin/docker-credential-{name}");
        let helper = world.write(&helper, &format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(helper, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for helper in ["right", "fails", "rubbish", "none", "gone"] {
        guarded.configure(helper, &json!({"credHelpers": {registry: helper}}));
        let store = json!({"credsStore": helper, "auths": {registry: {}}});
        guarded.configure(&format!("{helper}-store"), &store);
    }

    let bad = [
        ("fails", "`docker-credential-fails` failed (exit status: 3)"),
        ("rubbish", "expected user and secret from `docker-credential-rubbish`"),
        ("gone", "`docker-credential-gone`, which Docker's config.json names, is not on the PATH"),
        ("none", "it wants credentials"),
    ];
    let before = guarded.begin();
    for (helper, says) in bad {
        for config in [helper, &format!("{helper}-store")] {
            let ran = guarded.run(config, PLAN).exits(1).says(says);
            assert_eq!(ran.stderr.matches("error:").count(), 1, "{ran}");
        }
    }
    guarded.run("right", PLAN).ok();
    // What broke since is told by the pull, which comes before all else.
    for (helper, says) in bad {
        // Of a plan the answer is a class; of a pull the engine's own words are told.
        let says = if helper == "none" { "no basic auth credentials" } else { says };
        guarded.run(helper, APPLY).exits(5).says(says);
    }
    assert_eq!(world.everything(), before);
    guarded.run("right-store", PLAN).ok();
    guarded.run("right-store", APPLY).ok().says("pulled 1 image");
    guarded.came();
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
