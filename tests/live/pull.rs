//! Pulling from a registry of this machine: a tag that is missing, that moved, that cannot be had.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::support::{World, live};

fn spec(registry: &str, pull: &str) -> String {
    format!(
        "project: PROJECT\ncontainers:\n  web:\n    image: {registry}/PROJECT/web:1\n    \
         state: reloaded\n    match: owned\n    pull: {pull}\n"
    )
}

/// Puts an image into the registry and nowhere else.
fn publish(world: &World, registry: &str, changes: &[&str]) {
    let local = world.image_with("local", "1", changes);
    let remote = format!("{registry}/{}/web:1", world.project());
    let kept = crate::support::docker(&["image", "inspect", "--format", "{{.Id}}", &remote]);
    world.docker(&["tag", &local, &remote]);
    world.docker(&["push", &remote]);
    world.docker(&["rmi", &remote, &local]);
    if kept.status.success() {
        // What was here under the tag is here again: only the registry moved on.
        let id = String::from_utf8_lossy(&kept.stdout).trim().to_owned();
        world.docker(&["tag", &id, &remote]);
    }
}

#[test]
fn missing_always_never_with_a_moved_tag() {
    live!();
    if crate::support::registry_host().is_none() {
        return;
    }
    let world = World::new("pull");
    let registry = world.registry();
    publish(&world, &registry, &["ENV VERSION=1"]);
    let env = || world.inspect(&world.name("web-1"))["Config"]["Env"].to_string();

    // Never: an error, for there is something to create.
    drop(world.plan(&spec(&registry, "never")).exits(1).says("image_lacking"));

    world.plan(&spec(&registry, "missing")).ok();
    let plan = world.plan_json();
    let actions: Vec<&str> = plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|step| step["action"].as_str())
        .collect();
    assert_eq!(&actions[..2], ["pull", "tag"], "{plan:#}");
    world.apply().ok().says("pulled 1 image");
    assert!(env().contains("VERSION=1"), "{}", env());
    for pull in ["missing", "always", "never"] {
        world.settled(&spec(&registry, pull));
    }

    // The registry moves on.
    publish(&world, &registry, &["ENV VERSION=2"]);
    for pull in ["missing", "never"] {
        world.settled(&spec(&registry, pull));
    }
    let old = world.id(&world.name("web-1"));
    world.plan(&spec(&registry, "always")).ok();
    let plan = world.plan_json();
    assert!(plan["changes"].to_string().contains("image_unknown"), "{plan:#}");

    // It moves on once more between plan and apply: what was reviewed is what is pulled.
    publish(&world, &registry, &["ENV VERSION=3"]);
    world.apply().ok();
    assert_ne!(world.id(&world.name("web-1")), old);
    assert!(env().contains("VERSION=2"), "{}", env());
    world.apply().ok().says("already as declared");

    // Nobody answers any more: nothing is stopped for that.
    world.end_children();
    drop(world.plan(&spec(&registry, "always")).exits(1));
    world.settled(&spec(&registry, "missing"));
    assert_eq!(world.containers(), ["web-1 running"]);
}

#[test]
fn a_failed_pull_comes_before_any_stop() {
    live!();
    if crate::support::registry_host().is_none() {
        return;
    }
    let world = World::new("silent");
    let registry = world.registry();
    publish(&world, &registry, &["ENV VERSION=1"]);
    world.plan(&spec(&registry, "missing")).ok();
    world.apply().ok();
    let old = world.id(&world.name("web-1"));
    publish(&world, &registry, &["ENV VERSION=2"]);
    world.plan(&spec(&registry, "always")).ok();
    world.end_children();
    let ran = world.apply().exits(5);
    drop(ran);
    assert_eq!(world.id(&world.name("web-1")), old);
    assert_eq!(world.containers(), ["web-1 running"]);
}

/// A registry whose tag went back: what is here by its digest gets the tag and is not pulled.
#[test]
fn a_tag_that_went_back_to_an_image_that_is_here_pulls_nothing() {
    live!();
    if crate::support::registry_host().is_none() {
        return;
    }
    let world = World::new("back-again");
    let registry = world.registry();
    let remote = format!("{registry}/{}/web:1", world.project());
    let two = |pull: &str| spec(&registry, pull).replace("    match:", "    count: 2\n    match:");
    publish(&world, &registry, &["ENV VERSION=1"]);
    world.converge(&spec(&registry, "missing"));
    let first =
        world.docker(&["image", "inspect", "--format", "{{index .RepoDigests 0}}", &remote]);
    publish(&world, &registry, &["ENV VERSION=2"]);
    world.converge(&spec(&registry, "always"));
    // It goes back to what is here without a tag.
    let second = world.docker(&["image", "inspect", "--format", "{{.Id}}", &remote]);
    world.docker(&["tag", first.trim(), &remote]);
    world.docker(&["push", &remote]);
    world.docker(&["tag", second.trim(), &remote]);

    world.plan(&two("always")).ok();
    let plan = world.plan_json();
    let steps = plan["steps"].as_array().unwrap();
    assert_eq!(steps[0]["action"], "tag", "{plan:#}");
    assert!(steps.iter().all(|step| step["action"] != "pull"), "{plan:#}");
    assert!(!plan["changes"].to_string().contains("image_unknown"), "{plan:#}");
    world.apply().ok();
    let env = |name: &str| world.inspect(&world.name(name))["Config"]["Env"].to_string();
    for name in ["web-1", "web-2"] {
        assert!(env(name).contains("VERSION=1"), "{}", env(name));
    }
    world.settled(&two("always"));
    world.apply().ok().says("already as declared");
}

#[test]
fn what_is_pulled_and_created_is_for_the_declared_platform() {
    live!();
    if crate::support::registry_host().is_none() {
        return;
    }
    let world = World::new("platform");
    let registry = world.registry();
    publish(&world, &registry, &["ENV VERSION=1"]);
    let platform = world.docker(&["version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"]);
    let spec = |platform: &str| {
        let spec = spec(&registry, "missing");
        spec.replace("    pull:", &format!("    platform: {platform}\n    pull:"))
    };
    let mine = spec(platform.trim());
    world.plan(&mine).ok();
    assert_eq!(world.plan_json()["steps"][0]["platform"], platform.trim());
    world.apply().ok().says("pulled 1 image");
    world.settled(&mine);
    let other = world.plan(&spec("linux/s390x"));
    if in_containerd(&world) {
        // What a digest has for which machines is known once it is pulled, before all else.
        other.ok();
        assert!(world.read("plan.json").contains("\"image_platform\""));
        let before = world.everything();
        world.apply().exits(5);
        assert_eq!(world.everything(), before);
    } else {
        other.exits(1).says("`platform` is linux/s390x");
    }
}

/// Sends a request to a registry.
fn registry(method: &str, url: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let mut curl = Command::new("curl");
    curl.args(["-sSf", "--noproxy", "*", "-X", method, "-H", &format!("Accept: {kind}")]);
    if !body.is_empty() {
        curl.args(["-H", &format!("Content-Type: {kind}"), "--data-binary", "@-"]);
    }
    let child = curl.arg(url).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.expect("curl can be run");
    child.stdin.take().unwrap().write_all(body).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{method} {url}");
    output.stdout
}

/// Manifests as engines push them: Docker's own, and from containerd's store the Open Container
/// Initiative's; each with the index that goes with it.
const MANIFESTS: [(&str, &str); 2] = [
    (
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ),
    ("application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"),
];

/// Whether the engine keeps images in containerd's store.
fn in_containerd(world: &World) -> bool {
    crate::newer::engine(world, "{{json .DriverStatus}}").contains("io.containerd.snapshotter")
}

fn digest(bytes: &[u8]) -> String {
    let hex: Vec<String> = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
    format!("sha256:{}", hex.concat())
}

/// Makes of an image in a registry an index of it and of the same for another machine.
fn publish_index(address: &str, repository: &str, other: &str) {
    let base = format!("http://{address}/v2/{repository}");
    let any = MANIFESTS.map(|(manifest, _)| manifest).join(", ");
    let manifest = registry("GET", &format!("{base}/manifests/1"), &any, &[]);
    let mut parsed: Json = serde_json::from_slice(&manifest).unwrap();
    let (kind, index_kind) =
        MANIFESTS.into_iter().find(|(kind, _)| parsed["mediaType"] == *kind).unwrap();
    let blob = format!("{base}/blobs/{}", parsed["config"]["digest"].as_str().unwrap());
    let mut config: Json = serde_json::from_slice(&registry("GET", &blob, "*/*", &[])).unwrap();
    let own = config["architecture"].as_str().unwrap().to_owned();
    config["architecture"] = json!(other);
    let config = config.to_string();

    let began = Command::new("curl")
        .args(["-sSf", "--noproxy", "*", "-X", "POST", "-o", "/dev/null", "-w"])
        .args(["%header{location}", &format!("{base}/blobs/uploads/")])
        .output()
        .unwrap();
    let place = String::from_utf8_lossy(&began.stdout).into_owned();
    let place = format!("{place}&digest={}", digest(config.as_bytes()));
    registry("PUT", &place, "application/octet-stream", config.as_bytes());
    parsed["config"]["digest"] = json!(digest(config.as_bytes()));
    parsed["config"]["size"] = json!(config.len());
    let changed = parsed.to_string();
    let url = format!("{base}/manifests/{}", digest(changed.as_bytes()));
    registry("PUT", &url, kind, changed.as_bytes());
    let entry = |bytes: &[u8], architecture: &str| {
        json!({"mediaType": kind, "size": bytes.len(), "digest": digest(bytes),
            "platform": {"os": "linux", "architecture": architecture}})
    };
    let index = json!({"schemaVersion": 2, "mediaType": index_kind,
        "manifests": [entry(&manifest, &own), entry(changed.as_bytes(), other)]});
    registry("PUT", &format!("{base}/manifests/1"), index_kind, index.to_string().as_bytes());
}

#[test]
fn what_is_here_for_another_platform_is_missing() {
    live!();
    if crate::support::registry_host().is_none() {
        return;
    }
    let world = World::new("other-platform");
    let registry = world.registry();
    let repository = format!("{}/web", world.project());
    let remote = format!("{registry}/{repository}:1");
    publish(&world, &registry, &["ENV VERSION=1"]);
    publish_index(&registry, &repository, "s390x");
    world.converge(&spec(&registry, "missing")).says("pulled 1 image");
    let own = world.docker(&["image", "inspect", "--format", "{{.Architecture}}", &remote]);
    assert_ne!(own, "s390x");

    let before = world.everything();
    let wants = |platform: &str, more: &str| {
        let all = spec(&registry, &format!("missing\n{more}"));
        all.replace("    match:", &format!("    platform: {platform}\n    match:"))
    };
    let never = wants("linux/s390x", "    count: 2\n").replace("missing", "never");
    drop(world.plan(&never).exits(1).says("`platform` is linux/s390x"));
    let other = wants("linux/s390x", "");
    if !in_containerd(&world) {
        // By the digest that is here the engine would refuse another image.
        let ran = world.plan(&other).exits(1).says("takes no second image");
        drop(ran.says("`docker rmi -f` of that digest"));
        let digest =
            world.docker(&["image", "inspect", "--format", "{{index .RepoDigests 0}}", &remote]);
        world.docker(&["rmi", "-f", &digest]);
    }
    // An index that has nothing for a platform: the pull fails, and nothing was touched.
    world.plan(&wants("linux/riscv64", "")).ok();
    drop(world.apply().exits(5));
    assert_eq!(world.everything(), before);

    world.plan(&other).ok();
    assert!(world.read("plan.json").contains("\"image_platform\""));
    let plan = world.plan_json();
    assert_eq!(plan["steps"][0]["action"], "pull", "{plan:#}");
    assert_eq!(plan["steps"][0]["platform"], "linux/s390x", "{plan:#}");
    world.apply().ok().says("pulled 1 image");
    let made = world.inspect(&world.name("web-1"));
    let image = made["Image"].as_str().unwrap().to_owned();
    world.remove_image(&image);
    let of = if in_containerd(&world) {
        // One ID for all machines; what the container is for is told by itself.
        made["ImageManifestDescriptor"]["platform"]["architecture"].as_str().unwrap().to_owned()
    } else {
        world.docker(&["image", "inspect", "--format", "{{.Architecture}}", &image])
    };
    assert_eq!(of, "s390x");
    world.settled(&other);
    world.apply().ok().says("already as declared");
    world.end_children();
    let third = wants("linux/riscv64", "");
    let ran = world.plan(&third).exits(1).says("`platform` is linux/riscv64");
    drop(ran.says("and the registry does not tell what"));
}
