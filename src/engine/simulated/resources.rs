//! Networks, volumes and attachments on a simulated engine.
//!
//! The status codes are from observations of real engines.

use serde_json::{Map, Value as Json, json};

use super::life::is_running;
use super::world::{World, fails, name_of, set};
use crate::base::api::{self, Api};
use crate::base::ident::{ContainerId, NetworkId};
use crate::engine::{Done, ErrorKind, Result};
use crate::planner::resources::network::subnets;
use crate::spec::resources::Cidr;

impl World {
    /// The name of a network, for the log.
    pub(super) fn network_name(&self, id: &NetworkId) -> String {
        let network = self.networks.iter().find(|network| network["Id"] == id.as_str());
        network.and_then(|network| network["Name"].as_str()).unwrap_or("?").to_owned()
    }

    pub(super) fn create_network(&mut self, body: &Json, doing: &str) -> Result<NetworkId> {
        let name = body["Name"].as_str().unwrap_or_default().to_owned();
        if self.networks.iter().any(|network| network["Name"] == name.as_str()) {
            let text = format!("network with name {name} already exists");
            return Err(fails(ErrorKind::Conflict, doing, &text));
        }
        if self.has_addresses_of(body) {
            let text = "Pool overlaps with other one on this address space";
            return Err(fails(ErrorKind::Status(403), doing, text));
        }
        let id = NetworkId::new(self.digits(&name));
        let flag = |field: &str| body[field].as_bool().unwrap_or(false);
        let or_empty = |json: &Json| if json.is_null() { json!({}) } else { json.clone() };
        let mut config = body["IPAM"]["Config"].as_array().cloned().unwrap_or_default();
        if config.is_empty() {
            let number = 18 + self.networks.len();
            config.push(json!({"Subnet": format!("172.{number}.0.0/16"),
                "Gateway": format!("172.{number}.0.1")}));
        }
        let mut network = json!({
            "Name": name, "Id": id, "Created": self.tick().text(), "Scope": "local",
            "Driver": body["Driver"], "EnableIPv6": flag("EnableIPv6"),
            "IPAM": {
                "Driver": body["IPAM"]["Driver"].as_str().unwrap_or("default"),
                "Options": or_empty(&body["IPAM"]["Options"]), "Config": config,
            },
            "Internal": flag("Internal"), "Attachable": flag("Attachable"), "Ingress": false,
            "ConfigFrom": {"Network": ""}, "ConfigOnly": false, "Containers": {},
            "Options": or_empty(&body["Options"]), "Labels": or_empty(&body["Labels"]),
        });
        if self.api() >= api::SHOWS_IPV4 {
            network["EnableIPv4"] = json!(body["EnableIPv4"].as_bool().unwrap_or(true));
        }
        self.networks.push(network);
        Ok(id)
    }

    /// Whether an existing network overlaps the addresses of a new network.
    fn has_addresses_of(&self, body: &Json) -> bool {
        let wanted: Vec<Cidr> = subnets(body).collect();
        let mut taken = self.networks.iter().flat_map(subnets);
        taken.any(|taken| wanted.iter().any(|range| range.overlaps(&taken)))
    }

    pub(super) fn remove_network(&mut self, id: &NetworkId, doing: &str) -> Result<Done> {
        let name = self.network_name(id);
        let used = self.containers.values().find(|inspect| {
            is_running(inspect)
                && inspect["NetworkSettings"]["Networks"].get(name.as_str()).is_some()
        });
        if let Some(user) = used {
            let text = format!(
                "error while removing network: network {name} id {id} has active endpoints ({})",
                name_of(user)
            );
            return Err(fails(ErrorKind::Status(403), doing, &text));
        }
        let before = self.networks.len();
        self.networks.retain(|network| network["Id"] != id.as_str());
        Ok(if self.networks.len() < before { Done::Now } else { Done::Already })
    }

    /// Creates a volume; an existing volume with this name is kept unchanged, as on real engines.
    pub(super) fn create_volume(&mut self, body: &Json) {
        let name = body["Name"].as_str().unwrap_or_default();
        if self.volumes.iter().any(|volume| volume["Name"] == name) {
            return;
        }
        let volume = json!({
            "Name": name, "Driver": body["Driver"], "Scope": "local", "Labels": body["Labels"],
            "Options": body["DriverOpts"], "CreatedAt": self.now.text(),
            "Mountpoint": format!("/var/lib/docker/volumes/{name}/_data"),
        });
        self.volumes.push(volume);
    }

    pub(super) fn connect(
        &mut self,
        network: &NetworkId,
        container: &ContainerId,
        endpoint: &Json,
        doing: &str,
    ) -> Result<()> {
        let name = self.attachable(network, doing)?;
        let api = self.api();
        let inspect = self.container_mut(container, doing)?;
        if inspect["NetworkSettings"]["Networks"].get(name.as_str()).is_some() {
            let text =
                format!("endpoint with name {} already exists in network {name}", name_of(inspect));
            return Err(fails(ErrorKind::Status(403), doing, &text));
        }
        let running = is_running(inspect);
        let mut attached = json!({
            "Aliases": null, "DriverOpts": null, "EndpointID": "", "Gateway": "",
            "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0, "IPAMConfig": {}, "IPAddress": "",
            "IPPrefixLen": 0, "IPv6Gateway": "", "Links": null, "MacAddress": "",
            "NetworkID": if running { network.as_str() } else { "" },
        });
        for (field, value) in endpoint.as_object().unwrap_or(&Map::new()) {
            attached[field] = value.clone();
        }
        // From this API version on, a connect call accepts a MAC address.
        if api < api::CONNECT_MAC_ADDRESS {
            attached["MacAddress"] = json!("");
        }
        if api < api::NO_OWN_ALIASES && running {
            add_own_names(&mut attached, &own_names(inspect));
        }
        set(inspect, &["NetworkSettings", "Networks", &name], attached);
        Ok(())
    }

    pub(super) fn disconnect(
        &mut self,
        network: &NetworkId,
        container: &ContainerId,
        doing: &str,
    ) -> Result<()> {
        let name = self.attachable(network, doing)?;
        let inspect = self.container_mut(container, doing)?;
        let networks =
            inspect.pointer_mut("/NetworkSettings/Networks").and_then(Json::as_object_mut);
        if networks.and_then(|networks| networks.remove(&name)).is_none() {
            let text = format!("container {container} is not connected to network {name}");
            return Err(fails(ErrorKind::Status(403), doing, &text));
        }
        Ok(())
    }

    /// The name of an existing network.
    fn attachable(&self, id: &NetworkId, doing: &str) -> Result<String> {
        if self.networks.iter().any(|network| network["Id"] == id.as_str()) {
            return Ok(self.network_name(id));
        }
        Err(fails(ErrorKind::NotFound, doing, &format!("network {id} not found")))
    }

    pub(super) fn api(&self) -> Api {
        let engine = self.record.as_ref().map(crate::engine_model::Engine::of);
        engine.map_or(api::NEWEST, |engine| engine.api)
    }
}

/// The implicit names of a container on its networks, which Docker before 26 shows as aliases of a
/// live attachment.
pub(super) fn own_names(inspect: &Json) -> Vec<String> {
    crate::options::inspect_view::own_names(inspect).into_iter().map(str::to_owned).collect()
}

/// Adds the implicit names, each once.
pub(super) fn add_own_names(attached: &mut Json, own: &[String]) {
    let mut aliases = attached["Aliases"].as_array().cloned().unwrap_or_default();
    for name in own {
        if !aliases.iter().any(|alias| alias.as_str() == Some(name)) {
            aliases.push(json!(name));
        }
    }
    attached["Aliases"] = json!(aliases);
}
