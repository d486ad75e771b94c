//! Adapts create bodies to older engines: an older engine expects the MAC address in another field,
//! and accepts only one network.

use serde_json::{Map, Value as Json, json};

use super::Engine;
use crate::base::api::{self, Api};
use crate::options::Body;
use crate::options::networks::INTERFACE;

/// A mount option that an older API silently drops.
pub(super) struct MountGate {
    /// The object with the option.
    pub(super) options: &'static str,
    /// The field of the option.
    pub(super) field: &'static str,
    /// The name of the option in a spec.
    what: &'static str,
    /// The first API version with the option.
    pub(super) api: Api,
}

const fn gate(
    (options, field): (&'static str, &'static str),
    what: &'static str,
    api: Api,
) -> MountGate {
    MountGate { options, field, what, api }
}

/// All mount options of newer API versions.
pub(super) const MOUNT_GATES: &[MountGate] = &[
    gate(("BindOptions", "CreateMountpoint"), "create_host_path: true", api::CREATE_MOUNTPOINT),
    gate(("VolumeOptions", "Subpath"), "subpath", api::VOLUME_SUBPATH),
    gate(("BindOptions", "ReadOnlyNonRecursive"), "recursive: writable", api::READ_ONLY_RECURSION),
    gate(
        ("BindOptions", "ReadOnlyForceRecursive"),
        "recursive: readonly",
        api::READ_ONLY_RECURSION,
    ),
    gate(("TmpfsOptions", "Options"), "options", api::TMPFS_OPTIONS),
    gate(("ImageOptions", "Subpath"), "subpath", api::IMAGE_MOUNTS),
];

/// The attachments after the create call: networks with endpoint settings.
pub type Later = Vec<(String, Json)>;

/// The body for an engine, and the networks to connect before the start.
pub fn downlevel(body: &Body, engine: &Engine) -> (Body, Later) {
    let mut body = body.clone();
    mac_address(&mut body, engine);
    if engine.api >= api::SEVERAL_NETWORKS {
        return (body, Vec::new());
    }
    let main = main(&body);
    let Some(endpoints) = endpoints(&mut body) else { return (body, Vec::new()) };
    let others: Vec<String> = endpoints.keys().filter(|name| **name != main).cloned().collect();
    if endpoints.len() < 2 || others.len() == endpoints.len() {
        return (body, Vec::new());
    }
    let take = |name: String| endpoints.remove(&name).map(|endpoint| (name, endpoint));
    let later = others.into_iter().filter_map(take).collect();
    (body, later)
}

/// The options of a body that the engine would silently drop, with the API version of each.
pub fn unsupported(body: &Body, engine: &Engine) -> Vec<(String, Api)> {
    let mut body = body.clone();
    mac_address(&mut body, engine);
    let mut unsupported = mounts_lacking(&body, engine);
    for (name, endpoint) in endpoints(&mut body).map(std::mem::take).unwrap_or_default() {
        let says = |field: &str| !endpoint[field].is_null();
        if engine.api < api::SEVERAL_NETWORKS && says("MacAddress") {
            unsupported.push((format!("mac_address on network `{name}`"), api::SEVERAL_NETWORKS));
        }
        if engine.api < api::INTERFACE_NAME && endpoint["DriverOpts"].get(INTERFACE).is_some() {
            unsupported.push((format!("interface_name on network `{name}`"), api::INTERFACE_NAME));
        }
        if engine.api < api::GW_PRIORITY && says("GwPriority") {
            unsupported.push((format!("gw_priority on network `{name}`"), api::GW_PRIORITY));
        }
    }
    unsupported
}

/// The mount options that would be dropped: they change the data that a container sees, so they are
/// errors.
fn mounts_lacking(body: &Body, engine: &Engine) -> Vec<(String, Api)> {
    let mounts = body.json()["HostConfig"]["Mounts"].as_array().into_iter().flatten();
    let mut unsupported = Vec::new();
    for mount in mounts {
        let inside = crate::base::say::short(mount["Target"].as_str().unwrap_or_default());
        let said = |gate: &&MountGate| !mount[gate.options][gate.field].is_null();
        for gate in MOUNT_GATES.iter().filter(|gate| engine.api < gate.api).filter(said) {
            unsupported.push((format!("`{}` of volume `{inside}`", gate.what), gate.api));
        }
        if mount["Type"] == "image" && engine.api < api::IMAGE_MOUNTS {
            unsupported.push((format!("an image mounted as volume `{inside}`"), api::IMAGE_MOUNTS));
        }
    }
    unsupported
}

/// The network in which the container is created.
fn main(body: &Body) -> String {
    match body.json()["HostConfig"]["NetworkMode"].as_str() {
        None | Some("" | "default") => "bridge".to_owned(),
        Some(mode) => mode.to_owned(),
    }
}

fn endpoints(body: &mut Body) -> Option<&mut Map<String, Json>> {
    body.json()["NetworkingConfig"]["EndpointsConfig"].as_object()?;
    body.nested("NetworkingConfig").get_mut("EndpointsConfig")?.as_object_mut()
}

/// Moves the MAC address to the field that the engine reads.
pub fn mac_address(body: &mut Body, engine: &Engine) {
    let main = main(body);
    if engine.api < api::SEVERAL_NETWORKS {
        let own = body.json()["MacAddress"].is_string();
        let taken = endpoints(body)
            .and_then(|all| all.get_mut(&main)?.as_object_mut()?.remove("MacAddress"))
            .filter(|_| !own);
        if let Some(mac) = taken {
            body.config("MacAddress", mac);
        }
        return;
    }
    let shared = matches!(main.as_str(), "host" | "none") || main.starts_with("container:");
    let Some(mac) = body.take("MacAddress").filter(|_| !shared) else { return };
    if body.json()["HostConfig"]["NetworkMode"].is_null() {
        body.host("NetworkMode", main.as_str());
    }
    let all = body.nested("NetworkingConfig").entry("EndpointsConfig").or_insert_with(|| json!({}));
    let endpoint = &mut all[main.as_str()];
    if !endpoint.is_object() {
        *endpoint = json!({});
    }
    if endpoint["MacAddress"].is_null() {
        endpoint["MacAddress"] = mac;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(api: Api) -> Engine {
        Engine { api, ..Engine::newest() }
    }

    fn two() -> Body {
        Body::from_json(json!({
            "MacAddress": "02:42:ac:11:00:99", "HostConfig": {"NetworkMode": "back"},
            "NetworkingConfig": {"EndpointsConfig": {
                "back": {"Aliases": ["db"]}, "front": {"GwPriority": 1}}},
        }))
    }

    #[test]
    fn an_old_engine_takes_one_network_and_the_rest_later() {
        let (body, later) = downlevel(&two(), &engine(Api::minor(41)));
        assert_eq!(
            body.json(),
            &json!({"MacAddress": "02:42:ac:11:00:99", "HostConfig": {"NetworkMode": "back"},
                "NetworkingConfig": {"EndpointsConfig": {"back": {"Aliases": ["db"]}}}})
        );
        assert_eq!(later, [("front".to_owned(), json!({"GwPriority": 1}))]);
        let unsupported = unsupported(&two(), &engine(Api::minor(41)));
        assert_eq!(unsupported, [("gw_priority on network `front`".to_owned(), api::GW_PRIORITY)]);
    }

    #[test]
    fn what_an_engine_would_drop_is_lacking() {
        let body = Body::from_json(json!({
            "HostConfig": {"Mounts": [{"Type": "bind", "Target": "/x", "Source": "/a:b",
                "BindOptions": {"CreateMountpoint": true}}]},
            "NetworkingConfig": {"EndpointsConfig": {"back": {"DriverOpts": {INTERFACE: "eth9"}}}},
        }));
        let unsupported = |api| unsupported(&body, &engine(api)).into_iter().map(|(what, _)| what);
        let told = [
            "`create_host_path: true` of volume `/x`".to_owned(),
            "interface_name on network `back`".to_owned(),
        ];
        assert!(unsupported(Api::minor(41)).eq(told.clone()));
        assert!(unsupported(Api::minor(48)).eq(told[1..].to_vec()));
        assert_eq!(unsupported(Api::minor(49)).count(), 0);
    }

    #[test]
    fn a_new_engine_takes_all_with_the_address_at_the_endpoint() {
        let (body, later) = downlevel(&two(), &engine(Api::minor(51)));
        assert_eq!(body.json()["MacAddress"], Json::Null);
        let back = &body.json()["NetworkingConfig"]["EndpointsConfig"]["back"];
        assert_eq!(back, &json!({"Aliases": ["db"], "MacAddress": "02:42:ac:11:00:99"}));
        assert_eq!((later, unsupported(&two(), &engine(Api::minor(51)))), (vec![], vec![]));
        let alone = Body::from_json(json!({"MacAddress": "02:42:ac:11:00:99"}));
        assert_eq!(
            downlevel(&alone, &engine(Api::minor(51))).0.json(),
            &json!({"HostConfig": {"NetworkMode": "bridge"}, "NetworkingConfig":
                {"EndpointsConfig": {"bridge": {"MacAddress": "02:42:ac:11:00:99"}}}})
        );
    }
}
