//! `NetworkSettings.Networks`: the networks of a container, with the requested endpoint settings.

use std::sync::LazyLock;

use serde_json::{Value as Json, json};

use super::json::{Object, entries, fill, is_empty, text};
use super::merge::object;
use super::{Engine, World};
use crate::base::api;

/// The networks of the inspect data, by name, with requested settings and without addresses.
pub(super) fn networks(body: &Json, engine: &Engine, world: &World) -> Object {
    let mode = body["HostConfig"]["NetworkMode"].as_str().unwrap_or_default();
    if mode.starts_with("container:") || body["NetworkDisabled"] == Json::Bool(true) {
        return Object::new();
    }
    let mut networks = Object::new();
    for (called, wish) in entries(&body["NetworkingConfig"]["EndpointsConfig"]) {
        networks.insert(name(called, world).to_owned(), endpoint(called, wish, engine, world));
    }
    // The default network is joined only if no other network is given.
    let implied = matches!(mode, "" | "default" | "bridge") && !networks.is_empty();
    if !implied && !networks.contains_key(name(mode, world)) {
        networks.insert(name(mode, world).to_owned(), endpoint(mode, &Json::Null, engine, world));
    }
    networks
}

/// The name of a network; an unknown name is unchanged.
fn name<'a>(called: &'a str, world: &'a World) -> &'a str {
    if matches!(called, "" | "default") {
        return "bridge";
    }
    world.network_by(called).map_or(called, |(name, _)| name)
}

/// The endpoint settings that an engine shows by default.
fn nothing() -> Object {
    object(json!({
        "Aliases": null, "DriverOpts": null, "EndpointID": "", "Gateway": "",
        "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0, "IPAMConfig": null, "IPAddress": "",
        "IPPrefixLen": 0, "IPv6Gateway": "", "Links": null, "MacAddress": "", "NetworkID": "",
    }))
}

/// One attachment.
fn endpoint(called: &str, wish: &Json, engine: &Engine, world: &World) -> Json {
    static NOTHING: LazyLock<Object> = LazyLock::new(nothing);
    let mut endpoint = NOTHING.clone();
    if engine.api >= api::DNS_NAMES {
        endpoint.insert("DNSNames".to_owned(), Json::Null);
    }
    if engine.api >= api::GW_PRIORITY {
        endpoint.insert("GwPriority".to_owned(), 0.into());
    }
    fill(&mut endpoint, wish, &[]);
    if engine.api < api::SEVERAL_NETWORKS {
        // A create call ignores this value.
        endpoint.insert("MacAddress".to_owned(), "".into());
    }
    if let Some((_, id)) = world.network_by(name(called, world)) {
        endpoint.insert("NetworkID".to_owned(), id.as_str().into());
    }
    Json::Object(endpoint)
}

/// The MAC address of the main network, which is also shown as the container's own; an address on
/// another network is not.
pub(super) fn mac_address(
    config: &mut Object,
    networks: &Object,
    mode: &str,
    engine: &Engine,
    world: &World,
) {
    if engine.api < api::SEVERAL_NETWORKS || !text(config, "MacAddress").is_empty() {
        return;
    }
    let wished = networks.get(name(mode, world)).map(|endpoint| &endpoint["MacAddress"]);
    if let Some(mac) = wished.filter(|mac| !is_empty(mac)) {
        config.insert("MacAddress".to_owned(), mac.clone());
    }
}
