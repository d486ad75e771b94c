//! Finds containers that are off the network in which they were created, and the plan whose run may
//! have taken them off.
//!
//! A network replacement disconnects containers and connects them again. A run that dies between
//! leaves no reserved name behind, but an engine remembers the network of a create. Other
//! attachments leave no trace on an engine.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::snapshot::{Container, Snapshot};
use crate::base::ident::{
    LABEL_LOCK, LABEL_LOCK_PLAN, LABEL_PLAN, LABEL_PROJECT, SUFFIX_LOCK, reserved_suffix,
};
use crate::base::time;

/// The network modes that are no networks of users.
const MODES: [&str; 5] = ["", "bridge", "default", "host", "none"];

/// A container that is off the network in which it was created.
#[derive(Debug, Clone)]
pub struct OffNetwork<'a> {
    /// The container.
    pub container: &'a Container,
    /// The name of the network.
    pub network: &'a str,
    /// The digest of the plan whose run may have taken the container off.
    pub plan: Option<&'a str>,
    /// The project whose lock proves that a run did not finish, or is under way.
    pub lock: Option<&'a str>,
}

/// The containers that are off the network in which they were created, in the order of the
/// snapshot.
///
/// The plan is known from the network if the network is younger than the container, else from the
/// lock. The lock is that of the project whose network it is: no other run replaces the network.
pub fn off_network(snapshot: &Snapshot) -> Vec<OffNetwork<'_>> {
    let mut networks: BTreeMap<&str, &Json> = BTreeMap::new();
    for network in &snapshot.networks {
        networks.extend(network["Name"].as_str().map(|name| (name, network)));
    }
    let locks = locks(snapshot);
    let off = snapshot.containers.iter().filter_map(|container| {
        let network = missing(container)?;
        let there = networks.get(network).copied();
        let made = there.filter(|there| is_younger(there, container));
        let made = made.and_then(|there| there["Labels"][LABEL_PLAN].as_str());
        let owner = match there {
            Some(there) => there["Labels"][LABEL_PROJECT].as_str(),
            None => container.label(LABEL_PROJECT),
        };
        let locked = owner.and_then(|owner| Some((owner, *locks.get(owner)?)));
        let (lock, of_lock) = locked.unzip();
        Some(OffNetwork { container, network, plan: made.or(of_lock), lock })
    });
    off.collect()
}

/// The plan of each lock, by project.
pub fn locks(snapshot: &Snapshot) -> BTreeMap<&str, &str> {
    let locks = snapshot.containers.iter().filter_map(|container| {
        let project = container.label(LABEL_LOCK)?;
        let named = reserved_suffix(container.seen().name()) == (project, Some(SUFFIX_LOCK));
        named.then_some((project, container.label(LABEL_LOCK_PLAN)?))
    });
    locks.collect()
}

/// The network in which a container was created, if the container is off it.
fn missing(container: &Container) -> Option<&str> {
    let look = container.inspect.as_ref().or(container.list.as_ref())?;
    let network = look["HostConfig"]["NetworkMode"].as_str()?;
    let attached = look["NetworkSettings"]["Networks"].as_object()?;
    let by_id = |endpoint: &Json| {
        let id = endpoint["NetworkID"].as_str().unwrap_or_default();
        network.len() >= 12 && id.starts_with(network)
    };
    let of_users = !MODES.contains(&network) && !network.contains(':');
    (of_users && !attached.contains_key(network) && !attached.values().any(by_id))
        .then_some(network)
}

/// Whether a network was made after a container, which was created in an older network then.
fn is_younger(network: &Json, container: &Container) -> bool {
    let at = |json: &Json| json["Created"].as_str().and_then(time::nanos);
    // A list tells the time in seconds.
    let listed = || Some(i128::from(container.list.as_ref()?["Created"].as_i64()?) * 1_000_000_000);
    let born = container.inspect.as_ref().and_then(at).or_else(listed);
    born.zip(at(network)).is_some_and(|(born, made)| made > born)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn web(mode: &str, attached: &Json) -> Container {
        let inspect = json!({
            "Id": "c1", "Name": "/web", "Created": "2026-01-02T00:00:00Z",
            "Config": {"Labels": {LABEL_PROJECT: "shop"}},
            "HostConfig": {"NetworkMode": mode}, "NetworkSettings": {"Networks": attached},
        });
        Container { list: None, inspect: Some(inspect), env: BTreeMap::new() }
    }

    fn plans(containers: Vec<Container>, networks: Vec<Json>) -> Vec<Option<String>> {
        let snapshot = Snapshot { containers, networks, ..Snapshot::default() };
        off_network(&snapshot).iter().map(|off| off.plan.map(str::to_owned)).collect()
    }

    #[test]
    fn only_the_network_of_the_create_is_missed() {
        let on = json!({"back": {"NetworkID": "0123456789abcdef"}});
        for (mode, attached, missed) in [
            ("back", json!({}), 1),
            ("back", json!({"front": {}}), 1),
            ("back", on.clone(), 0),
            ("0123456789abcdef", on.clone(), 0),
            ("0123456789abcdee", on, 1),
            ("bridge", json!({}), 0),
            ("container:c2", json!({}), 0),
            ("back", json!(null), 0),
        ] {
            let found = plans(vec![web(mode, &attached)], Vec::new());
            assert_eq!(found.len(), missed, "{mode} {attached}");
        }
    }

    #[test]
    fn the_plan_is_that_of_a_younger_network_else_that_of_the_lock() {
        let network = |at: &str| {
            let labels = json!({LABEL_PLAN: "sha256:aa", LABEL_PROJECT: "shop"});
            json!({"Name": "back", "Created": at, "Labels": labels})
        };
        let lock = |project: &str| {
            let labels = json!({LABEL_LOCK: project, LABEL_LOCK_PLAN: "sha256:bb"});
            let list = json!({"Names": [format!("/{project}.bp-lock")], "Labels": labels});
            Container { list: Some(list), inspect: None, env: BTreeMap::new() }
        };
        let off = || web("back", &json!({}));
        // Engines tell the time of a network with an offset.
        let (younger, older) = ("2026-01-02T01:00:01+01:00", "2026-01-02T01:00:00+01:00");
        let of = |plan: &str| vec![Some(plan.to_owned())];
        assert_eq!(plans(vec![off()], vec![network(younger)]), of("sha256:aa"));
        assert_eq!(plans(vec![off()], vec![network(older)]), [None]);
        assert_eq!(plans(vec![off()], Vec::new()), [None]);
        assert_eq!(plans(vec![off(), lock("shop")], Vec::new()), of("sha256:bb"));
        assert_eq!(plans(vec![off(), lock("shop")], vec![network(younger)]), of("sha256:aa"));
        assert_eq!(plans(vec![off(), lock("other")], Vec::new()), [None]);
        // Another project's network was replaced by no run of this project.
        let mut others = network(older);
        others["Labels"][LABEL_PROJECT] = json!("other");
        assert_eq!(plans(vec![off(), lock("shop")], vec![others]), [None]);
    }
}
