//! Builds the create body of a container of a set, and lists the host paths and images that a set
//! refers to. The effect of a body on an engine is [`crate::engine_model`]'s.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Map, Value as Json, json};

use super::{Compat, Identity, Set, Spec};
use crate::base::ident::{
    COMPOSE_FOLDER, COMPOSE_MADE_BY, COMPOSE_NUMBER, COMPOSE_ONEOFF, COMPOSE_PROJECT,
    COMPOSE_SERVICE, ContainerName, LABEL_DECLARED, LABEL_FILES, LABEL_LITERALS, LABEL_NAME,
    LABEL_PROJECT, LABEL_SET, SetName,
};
use crate::options::files;
use crate::options::inspect_view::InspectView;
use crate::options::links;
use crate::options::literals;
use crate::options::networks::{self, Networks};
use crate::options::row::Filled;
use crate::options::value::Value;
use crate::options::{Body, Context};

/// Whether a body carries the labels of bayplan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labels {
    /// With the labels of bayplan, for a container to create.
    Ours,
    /// Without labels of bayplan, for the comparison with an adopted container.
    None,
}

/// The create body of a container of a set; `name` is its final name.
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
    let composed = spec.compat == Some(Compat::Compose);
    if composed {
        numbered_links(spec, set, name, &mut body);
    }
    links::place(&mut body);
    if labels == Labels::Ours {
        let noted = literals::note(body.json());
        let put = files::note(body.json());
        let map = body.nested("Labels");
        map.extend(noted.map(|noted| (LABEL_LITERALS.to_owned(), json!(noted))));
        map.extend(put.map(|put| (LABEL_FILES.to_owned(), json!(put))));
        map.insert(LABEL_PROJECT.to_owned(), json!(spec.project));
        map.insert(LABEL_SET.to_owned(), json!(key));
        map.insert(LABEL_NAME.to_owned(), json!(name));
        if composed {
            compose_labels(spec, key, set, name, &mut body);
            as_compose_sends(name, &mut body);
        }
        let said = may_be_filled(set, &body);
        if !said.is_empty() {
            body.nested("Labels").insert(LABEL_DECLARED.to_owned(), json!(said.join(",")));
        }
    }
    body
}

/// The container number of a Compose service, taken from the name.
fn number<'a>(set: &Set, name: &'a ContainerName) -> &'a str {
    let last = name.as_str().rsplit(['-', '_']).next();
    match set.identity {
        Identity::Counted(_) => last.filter(|last| last.parse::<u32>().is_ok()).unwrap_or("1"),
        Identity::Named(_) => "1",
    }
}

/// Numbers the links like Compose: the first container of a service links to `S-1` and `P-S-1`, the
/// second to `S-2` and `P-S-2`. The target of the link stays the same.
fn numbered_links(spec: &Spec, set: &Set, name: &ContainerName, body: &mut Body) {
    let number = number(set, name);
    let links = body.json()["HostConfig"]["Links"].as_array().filter(|_| number != "1");
    let Some(links) = links else { return };
    let own = |link: &str| {
        let (target, alias) = link.rsplit_once(':')?;
        let alias = alias.strip_suffix("-1")?;
        let service =
            alias.strip_prefix(spec.project.as_str()).and_then(|own| own.strip_prefix('-'));
        let is_service = |name: &str| spec.sets.contains_key(&SetName::new(name));
        let given = is_service(alias) || service.is_some_and(is_service);
        given.then(|| format!("{target}:{alias}-{number}"))
    };
    let links = links.iter().filter_map(Json::as_str);
    let links: Vec<String> =
        links.map(|link| own(link).unwrap_or_else(|| link.to_owned())).collect();
    body.host("Links", links);
}

/// Adds values that Compose sends with every container: attached outputs, and the container name as
/// first alias on every network.
fn as_compose_sends(name: &ContainerName, body: &mut Body) {
    body.config("AttachStdout", true);
    body.config("AttachStderr", true);
    let networks = body.nested("NetworkingConfig").get_mut("EndpointsConfig");
    for (_, endpoint) in networks.and_then(Json::as_object_mut).into_iter().flatten() {
        if let Some(Json::Array(aliases)) = endpoint.get_mut("Aliases") {
            aliases.retain(|alias| alias != name.as_str());
            aliases.insert(0, json!(name));
        }
    }
}

/// The Compose version whose behaviour bayplan follows.
pub const COMPOSE_VERSION: &str = "2.40.3";

/// Adds the labels by which Compose finds its containers. Labels that cover secrets or images are
/// added when the container is created.
fn compose_labels(spec: &Spec, key: &SetName, set: &Set, name: &ContainerName, body: &mut Body) {
    let number = number(set, name);
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
        (COMPOSE_MADE_BY, COMPOSE_VERSION.to_owned()),
    ] {
        map.insert(label.to_owned(), json!(value));
    }
    if let Some(folder) = &spec.base_dir {
        map.insert(COMPOSE_FOLDER.to_owned(), json!(folder));
    }
}

/// The declared options that an engine might also fill in: see [`LABEL_DECLARED`].
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

/// Resolves paths and volumes of a spec without an engine.
pub fn places(spec: &Spec) -> Context {
    Context { base_dir: spec.base_dir.clone(), volumes: spec.volume_names(), ..Context::default() }
}

/// The bind mount sources of a set, with whether the engine creates a missing source.
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

/// The host devices of a set, by path.
pub fn devices(set: &Set, cx: &Context) -> BTreeSet<String> {
    let devices = written(set, "devices", cx);
    let devices = devices["HostConfig"]["Devices"].as_array().into_iter().flatten();
    devices.filter_map(|device| device["PathOnHost"].as_str().map(str::to_owned)).collect()
}

/// The host addresses of published ports of a set, without loopback and unspecified addresses.
pub fn host_addresses(set: &Set, cx: &Context) -> BTreeSet<String> {
    let ports = written(set, "ports", cx);
    let bindings = ports["HostConfig"]["PortBindings"].as_object().into_iter().flatten();
    let hosts = bindings.flat_map(|(_, hosts)| hosts.as_array().into_iter().flatten());
    let addresses = hosts.filter_map(|host| host["HostIp"].as_str()?.parse::<IpAddr>().ok());
    let own = |address: &IpAddr| !address.is_loopback() && !address.is_unspecified();
    addresses.filter(own).map(|address| address.to_string()).collect()
}

/// The create body of a single option.
fn written(set: &Set, key: &str, cx: &Context) -> Json {
    let mut body = Body::new();
    if let Some(declared) = set.option(key) {
        declared.write(&mut body, cx);
    }
    body.into_json()
}

/// The images that new containers of a set mount, as the spec writes them. An engine does not pull
/// these images by itself.
pub fn mounted_images(set: &Set) -> BTreeSet<String> {
    let Some(declared) = set.option("volumes") else { return BTreeSet::new() };
    let mut body = Body::new();
    declared.write(&mut body, &Context::default());
    let mounts = body.json()["HostConfig"]["Mounts"].as_array().into_iter().flatten();
    let images = mounts.filter(|mount| mount["Type"] == "image");
    images.filter_map(|mount| mount["Source"].as_str().map(str::to_owned)).collect()
}
