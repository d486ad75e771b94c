//! Options that newer engines have: the whole way there; elsewhere a plan says that they are not.

use serde_json::Value as Json;

use crate::options::{changes_of, spec, walk};
use crate::support::{World, live};

/// The engine's own word for something of it.
pub(crate) fn engine(world: &World, format: &str) -> String {
    world.docker(&["info", "--format", format])
}

/// The newest API that the engine speaks.
pub(crate) fn api(world: &World) -> (u32, u32) {
    let text = world.docker(&["version", "--format", "{{.Server.APIVersion}}"]);
    let (major, minor) = text.split_once('.').unwrap();
    (major.parse().unwrap(), minor.parse().unwrap())
}

/// What a process of the container sees there.
fn listed(world: &World, path: &str) -> String {
    world.docker(&["exec", &world.name("web-1"), "ls", path])
}

#[test]
fn annotations() {
    live!();
    let world = World::new("annotations");
    world.image("app");
    let first = "annotations: {com.example.note: \"1\"}";
    let second = "annotations: {com.example.note: \"2\", com.example.more: it}";
    if api(&world) >= (1, 43) {
        walk(&world, "app:1", "annotations", first, second);
        let host = &world.inspect(&world.name("web-1"))["HostConfig"];
        assert_eq!(host["Annotations"]["com.example.note"], "2", "{host:#}");
        walk(&world, "app:1", "annotations", second, "");
        return;
    }
    // It takes the create and drops them: said before, and no difference after.
    world.plan(&spec("app:1", first)).ok().says("annotations").says("the engine drops it");
    world.apply().ok();
    world.plan(&spec("app:1", second)).ok().says("no action taken");
    let plan = world.plan_json();
    let warnings = plan["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{plan:#}");
    assert_eq!(warnings[0]["code"], "dropped", "{plan:#}");
}

#[test]
fn images_as_volumes() {
    live!();
    let world = World::new("image-mount");
    world.image("app");
    world.image("assets");
    let mount = |image: &str, more: &str| {
        let of = format!("type: image, source: \"PROJECT/{image}\", target: /assets");
        format!("volumes: [{{{of}{more}}}]")
    };
    let (whole, part) = (mount("assets:1", ""), mount("assets:1", ", image: {subpath: bin}"));
    if api(&world) < (1, 48) {
        let ran = world.plan(&spec("app:1", &whole)).exits(1);
        drop(ran.says("an image mounted as volume `/assets` needs API 1.48"));
        return;
    }
    walk(&world, "app:1", "volumes", &whole, &part);
    assert!(listed(&world, "/assets").contains("busybox"));
    let other = mount("assets:1", ", image: {subpath: etc}");
    walk(&world, "app:1", "volumes", &part, &other);
    assert_eq!(listed(&world, "/assets"), "passwd");
    // Nothing is written to an image.
    let host = &world.inspect(&world.name("web-1"))["Mounts"];
    assert_eq!(host[0]["RW"], false, "{host:#}");

    // Nobody fetches an image that is only mounted: said before the old container goes.
    let lacking = world.plan(&spec("app:1", &mount("nothing:1", ""))).exits(1);
    drop(lacking.says("which is to be mounted, is not on the engine"));
    walk(&world, "app:1", "volumes", &other, "");
}

#[test]
fn devices_by_name() {
    live!();
    let world = World::new("cdi");
    world.image("app");
    let device = |name: &str| format!("devices: [\"lab.example/thing={name}\"]");
    let told: Json =
        serde_json::from_str(&engine(&world, "{{json .CDISpecDirs}}")).unwrap_or_default();
    let found: Json =
        serde_json::from_str(&engine(&world, "{{json .DiscoveredDevices}}")).unwrap_or_default();
    let there = found.to_string().contains("lab.example/thing=one");
    // `engines.sh` gives its newest engines these devices.
    assert!(there || !engine(&world, "{{.Name}}").starts_with("docker28"), "{told} {found}");
    if !there {
        let why = if told.as_array().is_none_or(Vec::is_empty) {
            "expected an engine with the Container Device Interface"
        } else {
            "expected a device of the engine"
        };
        drop(world.plan(&spec("app:1", &device("one"))).exits(1).says(why));
        return;
    }
    walk(&world, "app:1", "devices", &device("one"), &device("two"));
    let seen = listed(&world, "/dev");
    assert!(seen.contains("lab-two") && !seen.contains("lab-one"), "{seen}");
    // A path and a name are one option, and a name that the engine does not know is told before.
    let both = "devices: [\"lab.example/thing=two\", \"/dev/null:/dev/zilch\"]";
    walk(&world, "app:1", "devices", &device("two"), both);
    let lacking = world.plan(&spec("app:1", &device("three"))).exits(1);
    drop(lacking.says("but found `lab.example/thing=three`").says("it has `lab.example/thing="));
    world.plan(&spec("app:1", "")).ok();
    let plan = world.plan_json();
    assert_eq!(changes_of(&plan, "replace")[0]["reasons"][0]["option"], "devices", "{plan:#}");
    walk(&world, "app:1", "devices", both, "");
}
