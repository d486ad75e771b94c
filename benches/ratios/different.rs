//! The shape in which nothing is alike: so many sets, each with an image, options, variables,
//! labels, a name, ports and mounts of its own.
//!
//! What is worked out once for all members of a set is worked out for each container here.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bayplan::base::ident::{ContainerName, ImageId};
use bayplan::engine_model::{Engine, World, adapt};
use bayplan::observed::snapshot::{Container, Snapshot};
use bayplan::options::Context;
use bayplan::spec::body::{self, Labels};
use bayplan::spec::{Identity, Spec, read};
use serde_json::{Value as Json, json};

/// The name of the image of a set, of which no other set has any.
pub(super) fn image(index: u32) -> String {
    format!("registry.example/team-{}/app-{index}:1.{}", index % 40, index % 9)
}

/// How containers are reached. An engine takes long to publish ports.
#[derive(Clone, Copy)]
pub(super) enum Reached {
    /// On a network, with two published ports each.
    Published,
    /// On no network, with two exposed ports each.
    Exposed,
}

/// So many sets in one spec: `image` names the image of each, and every set says `beside` too.
pub(super) fn spec(
    project: &str,
    number: u32,
    image: impl Fn(u32) -> String,
    reached: Reached,
    beside: &str,
) -> String {
    let mut text = format!("project: {project}\ncontainers:\n");
    for index in 1..=number {
        let reference = image(index);
        let port = 10_000 + index % 50_000;
        let reached = match reached {
            Reached::Published => format!("ports: ['127.0.0.1:{port}:80', '80{}']", index % 20),
            Reached::Exposed => {
                format!("network_mode: none\n    expose: ['{port}', '80{}']", index % 20)
            }
        };
        // Writing to a text cannot fail.
        let _ = write!(
            text,
            "  s{index}:\n    name: {project}-app-{index}\n    image: {reference}\n    \
             command: [/bin/busybox, sleep, '{}']\n    mem_limit: {}m\n    cpu_shares: {}\n    \
             environment: {{INSTANCE: '{index}', PEER: app-{}.internal, MODE: m{}}}\n    \
             labels: {{team: team-{}, service: app-{index}}}\n    \
             {reached}\n    volumes: ['{project}-data-{}:/data', '/tmp:/srv-{index}:ro']\n{beside}",
            100_000 + index,
            64 + index % 512,
            2 + index % 1024,
            index / 2,
            index % 7,
            index % 40,
            index % 100,
        );
        // Of these each set has another choice.
        let more = [
            "    user: '1000:1000'\n",
            "    cap_drop: [NET_RAW]\n",
            "    init: true\n",
            "    restart: unless-stopped\n",
            "    ulimits: {nofile: 4096}\n",
            "    shm_size: 32m\n",
        ];
        for (bit, line) in more.iter().enumerate() {
            if index >> bit & 1 == 1 {
                text.push_str(line);
            }
        }
    }
    text
}

/// What an engine would show once every set of a spec runs: `model` is the inspect data of a
/// container, `base` of its image.
pub(super) fn fill(snapshot: &mut Snapshot, spec: &Spec, model: &Json, base: &Json) {
    let (engine, world) = (Engine::of_snapshot(snapshot), World::of(snapshot));
    for (number, (key, set)) in spec.sets.iter().enumerate() {
        let Identity::Named(name) = &set.identity else { continue };
        let reference = set.image.clone().unwrap_or_default();
        let image = ImageId::new(format!("sha256:{:064x}", number + 1));
        let mut inspected = base.clone();
        inspected["Id"] = json!(image);
        inspected["RepoTags"] = json!([reference]);
        let body = body::create_body(spec, key, set, name, Labels::Ours, &Context::default());
        let made = adapt(name, &body, Some(&inspected), &engine, &world);
        snapshot.containers.push(container(model, &made, name, number));
        snapshot.references.insert(reference, Some(image.clone()));
        snapshot.images.insert(image, inspected);
    }
    snapshot.containers.sort_by_cached_key(Container::name);
}

/// A container as its list entry and its inspect tell of it, with all that engines say beside what
/// follows from how it was made.
fn container(model: &Json, made: &Json, name: &ContainerName, number: usize) -> Container {
    let mut inspect = model.clone();
    let networks = inspect["NetworkSettings"]["Networks"].clone();
    for (field, value) in made.as_object().into_iter().flatten() {
        match field.as_str() {
            "NetworkSettings" => {}
            _ => inspect[field] = value.clone(),
        }
    }
    let id = format!("{:064x}", number + 1);
    inspect["Id"] = json!(id);
    inspect["Config"]["Hostname"] = json!(id[..12]);
    let list = json!({
        "Id": id,
        "Names": [format!("/{name}")],
        "Image": inspect["Config"]["Image"],
        "ImageID": inspect["Image"],
        "Labels": inspect["Config"]["Labels"],
        "State": "running",
        "Status": "Up 2 minutes",
        "Ports": ports(&inspect["HostConfig"]["PortBindings"]),
        "HostConfig": {"NetworkMode": "bridge"},
        "NetworkSettings": {"Networks": networks},
        "Mounts": inspect["Mounts"],
    });
    Container { list: Some(list), inspect: Some(inspect), env: BTreeMap::new() }
}

fn ports(bindings: &Json) -> Json {
    let bound = bindings.as_object().into_iter().flatten().flat_map(|(port, hosts)| {
        let private: u16 = port.split('/').next().and_then(|port| port.parse().ok()).unwrap_or(0);
        hosts.as_array().into_iter().flatten().filter_map(move |host| {
            let public: u16 = host["HostPort"].as_str()?.parse().ok()?;
            Some(json!({"IP": host["HostIp"], "PrivatePort": private, "PublicPort": public,
                "Type": "tcp"}))
        })
    });
    bound.collect()
}

/// Reads a spec that is good.
pub(super) fn parsed(text: &str) -> Spec {
    read::text(text, &BTreeMap::new()).expect("a good spec")
}
