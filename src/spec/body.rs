//! What a set makes of its containers: the body of the create call, and what of the host and of
//! other images it names. What an engine makes of a body is [`crate::engine_model`]'s.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Map, Value as Json, json};

use super::{Compat, Identity, Set, Spec};
use crate::base::ident::{
    COMPOSE_NUMBER, COMPOSE_ONEOFF, COMPOSE_PROJECT, COMPOSE_SERVICE, ContainerName,
    LABEL_DECLARED, LABEL_LITERALS, LABEL_NAME, LABEL_PROJECT, LABEL_SET, SetName,
};
use crate::options::inspect_view::InspectView;
use crate::options::links;
use crate::options::literals;
use crate::options::networks::{self, Networks};
use crate::options::row::Filled;
use crate::options::value::Value;
use crate::options::{Body, Context};

/// Whose labels a body carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labels {
    /// Ours: a container that bayplan creates.
    Ours,
    /// None of ours: what an adopted container is compared with.
    None,
}

/// The create body of one container of a set; `name` is the name it will have in the end.
pub fn create_body(
    spec: &Spec,
    key: &SetName,
    set: &Set,
    name: &ContainerName,
    labels: Labels,
    cx: &Context,
) -> Body {
    let mut body = Body::new();
    if let Some(image) = &set.image {
        body.config("Image", image.clone());
    }
    for declared in &set.options {
        declared.write(&mut body, cx);
    }
    let networks = set.option("networks").and_then(|declared| declared.said::<Networks>());
    if body.json()["HostConfig"]["NetworkMode"].is_null()
        && let Some(main) = networks.and_then(networks::main)
    {
        body.host("NetworkMode", cx.network(main));
    }
    links::place(&mut body);
    if labels == Labels::Ours {
        let noted = literals::note(body.json());
        let map = body.nested("Labels");
        map.extend(noted.map(|noted| (LABEL_LITERALS.to_owned(), json!(noted))));
        map.insert(LABEL_PROJECT.to_owned(), json!(spec.project));
        map.insert(LABEL_SET.to_owned(), json!(key));
        map.insert(LABEL_NAME.to_owned(), json!(name));
        if spec.compat == Some(Compat::Compose) {
            composed(spec, key, set, name, &mut body);
        }
        let said = may_be_filled(set, &body);
        if !said.is_empty() {
            body.nested("Labels").insert(LABEL_DECLARED.to_owned(), json!(said.join(",")));
        }
    }
    body
}

/// The version of Compose whose ways are followed.
const COMPOSE_VERSION: &str = "2.40.3";

/// The labels by which Compose knows its own; those that cover secrets or images are written when a
/// container is made.
fn composed(spec: &Spec, key: &SetName, set: &Set, name: &ContainerName, body: &mut Body) {
    let last = name.as_str().rsplit(['-', '_']).next();
    let number = match set.identity {
        Identity::Counted(_) => last.filter(|last| last.parse::<u32>().is_ok()).unwrap_or("1"),
        Identity::Named(_) => "1",
    };
    let mut on: Vec<String> = set
        .depends_on
        .iter()
        .map(|one| format!("{}:{}:{}", one.word, one.until.word(), one.restart))
        .collect();
    on.sort();
    let map = body.nested("Labels");
    for (label, value) in [
        (COMPOSE_PROJECT, spec.project.to_string()),
        (COMPOSE_SERVICE, key.to_string()),
        (COMPOSE_NUMBER, number.to_owned()),
        (COMPOSE_ONEOFF, "False".to_owned()),
        ("com.docker.compose.depends_on", on.join(",")),
        ("com.docker.compose.version", COMPOSE_VERSION.to_owned()),
    ] {
        map.insert(label.to_owned(), json!(value));
    }
    if let Some(folder) = &spec.base_dir {
        map.insert("com.docker.compose.project.working_dir".to_owned(), json!(folder));
    }
}

/// What is declared of that which an engine may fill in by itself: see [`LABEL_DECLARED`].
fn may_be_filled(set: &Set, body: &Body) -> Vec<String> {
    let mut said = BTreeSet::new();
    for declared in &set.options {
        let about = declared.row().def();
        match about.filled {
            Filled::Keys => {
                let host =
                    Map::from_iter([("HostConfig".to_owned(), body.json()["HostConfig"].clone())]);
                if let Value::Map(map) = declared.row().read(&InspectView::of(Json::Object(host))) {
                    said.extend(map.keys().map(|key| format!("{}.{key}", about.key)));
                }
            }
            Filled::Never => {}
            Filled::These(_) | Filled::Any => drop(said.insert(about.key.to_owned())),
        }
    }
    said.into_iter().collect()
}

/// What paths and volumes mean in a spec, whatever is on an engine.
pub fn places(spec: &Spec) -> Context {
    Context { base_dir: spec.base_dir.clone(), volumes: spec.volume_names(), ..Context::default() }
}

/// The files and folders of the host that containers of a set are bound to; whether the engine makes
/// one that is missing.
pub fn bind_sources(set: &Set, cx: &Context) -> BTreeMap<String, bool> {
    let Some(declared) = set.option("volumes") else { return BTreeMap::new() };
    let mut body = Body::new();
    declared.write(&mut body, cx);
    let host = &body.json()["HostConfig"];
    let list = |field: &str| host[field].as_array().into_iter().flatten();
    let binds = list("Binds").filter_map(|bind| bind.as_str()?.split(':').next());
    let binds = binds.filter(|source| source.starts_with('/')).map(|source| (source, true));
    let mounts = list("Mounts").filter(|mount| mount["Type"] == "bind").filter_map(|mount| {
        let made = mount["BindOptions"]["CreateMountpoint"] == true;
        Some((mount["Source"].as_str()?, made))
    });
    binds.chain(mounts).map(|(source, made)| (source.to_owned(), made)).collect()
}

/// The devices of the host that containers of a set get, by path.
pub fn devices(set: &Set, cx: &Context) -> BTreeSet<String> {
    let devices = written(set, "devices", cx);
    let devices = devices["HostConfig"]["Devices"].as_array().into_iter().flatten();
    devices.filter_map(|device| device["PathOnHost"].as_str().map(str::to_owned)).collect()
}

/// The addresses of the host at which containers of a set are reached, but for those that every host
/// has.
pub fn host_addresses(set: &Set, cx: &Context) -> BTreeSet<String> {
    let ports = written(set, "ports", cx);
    let bindings = ports["HostConfig"]["PortBindings"].as_object().into_iter().flatten();
    let hosts = bindings.flat_map(|(_, hosts)| hosts.as_array().into_iter().flatten());
    let addresses = hosts.filter_map(|host| host["HostIp"].as_str()?.parse::<IpAddr>().ok());
    let own = |address: &IpAddr| !address.is_loopback() && !address.is_unspecified();
    addresses.filter(own).map(|address| address.to_string()).collect()
}

/// What one option of a set writes.
fn written(set: &Set, key: &str, cx: &Context) -> Json {
    let mut body = Body::new();
    if let Some(declared) = set.option(key) {
        declared.write(&mut body, cx);
    }
    body.into_json()
}

/// The images that new containers of a set would have mounted, as its spec writes them. An engine
/// pulls none of them by itself.
pub fn mounted_images(set: &Set) -> BTreeSet<String> {
    let Some(declared) = set.option("volumes") else { return BTreeSet::new() };
    let mut body = Body::new();
    declared.write(&mut body, &Context::default());
    let mounts = body.json()["HostConfig"]["Mounts"].as_array().into_iter().flatten();
    let images = mounts.filter(|mount| mount["Type"] == "image");
    images.filter_map(|mount| mount["Source"].as_str().map(str::to_owned)).collect()
}
