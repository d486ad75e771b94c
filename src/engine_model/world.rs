//! The containers and networks of one engine, by name, ID or ID prefix.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::Bound;

use serde_json::Value as Json;

use crate::base::ident::{ContainerId, ContainerName, NetworkId};
use crate::observed::snapshot::Snapshot;

/// The names on one engine.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct World {
    containers: BTreeMap<String, Known>,
    networks: BTreeMap<String, NetworkId>,
    /// The names of containers, by ID.
    by_id: BTreeMap<ContainerId, String>,
    /// The names of networks, by ID.
    networks_by_id: BTreeMap<NetworkId, String>,
}

/// The data of a container to which other containers can refer.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    id: ContainerId,
    /// The mounts for `volumes_from`.
    mounts: Json,
}

impl World {
    /// The names in a snapshot.
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut world = Self::default();
        for container in &snapshot.containers {
            let said = container.inspect.as_ref().or(container.list.as_ref());
            let mounts = said.map_or(Json::Null, |said| said["Mounts"].clone());
            world.container(&container.name(), container.id(), mounts);
        }
        for network in &snapshot.networks {
            if let (Some(name), Some(id)) = (network["Name"].as_str(), network["Id"].as_str()) {
                world.network(name, NetworkId::new(id));
            }
        }
        world
    }

    /// Adds a container, or replaces the container with this name. `mounts` are the `Mounts` of its
    /// inspect data, or null if no container needs them.
    pub fn container(&mut self, name: &ContainerName, id: ContainerId, mounts: Json) {
        self.by_id.insert(id.clone(), name.as_str().to_owned());
        let before = self.containers.insert(name.as_str().to_owned(), Known { id, mounts });
        if let Some(Known { id, .. }) = before
            && self.containers.get(name.as_str()).is_some_and(|known| known.id != id)
        {
            self.by_id.remove(&id);
        }
    }

    /// Adds a network.
    pub fn network(&mut self, name: &str, id: NetworkId) {
        self.networks_by_id.insert(id.clone(), name.to_owned());
        self.networks.insert(name.to_owned(), id);
    }

    /// The ID of the container with a name, an ID or an ID prefix.
    pub fn container_id(&self, word: &str) -> Option<&ContainerId> {
        self.known(word).map(|known| &known.id)
    }

    /// The name of the container with a name, an ID or an ID prefix.
    pub fn container_name(&self, word: &str) -> Option<&str> {
        let id = self.container_id(word)?;
        self.by_id.get(id).map(String::as_str)
    }

    /// The mounts of a container, by name or ID.
    pub(super) fn mounts(&self, word: &str) -> &[Json] {
        self.known(word).and_then(|known| known.mounts.as_array()).map_or(&[], Vec::as_slice)
    }

    /// The name and ID of the network with a name, an ID or an ID prefix. An ambiguous prefix gives
    /// `None`.
    pub fn network_by(&self, word: &str) -> Option<(&str, &NetworkId)> {
        let begun = || self.networks.get_key_value(only(&self.networks_by_id, word)?);
        let found = self.networks.get_key_value(word).or_else(begun);
        found.map(|(name, id)| (name.as_str(), id))
    }

    fn known(&self, word: &str) -> Option<&Known> {
        let word = word.trim_start_matches('/');
        let begun = || self.containers.get(only(&self.by_id, word)?);
        self.containers.get(word).or_else(begun)
    }
}

/// The name for the only ID with this prefix; engines require at least one digit.
fn only<'a, I: Ord + Borrow<str>>(ids: &'a BTreeMap<I, String>, word: &str) -> Option<&'a String> {
    if word.is_empty() {
        return None;
    }
    let from = (Bound::Included(word), Bound::Unbounded);
    let mut begun =
        ids.range::<str, _>(from).take_while(|(id, _)| (*id).borrow().starts_with(word));
    let (_, name) = begun.next()?;
    begun.next().is_none().then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_before_beginnings_of_ids_and_two_beginnings_mean_nothing() {
        let mut world = World::default();
        let name = |text: &str| ContainerName::new(text);
        world.container(&name("db"), ContainerId::new("aa11"), Json::Null);
        world.container(&name("web"), ContainerId::new("aa22"), Json::Null);
        world.container(&name("aa1"), ContainerId::new("bb33"), Json::Null);
        assert_eq!(world.container_id("/db").map(ContainerId::as_str), Some("aa11"));
        assert_eq!(world.container_id("aa1").map(ContainerId::as_str), Some("bb33"));
        assert_eq!(world.container_id("aa2").map(ContainerId::as_str), Some("aa22"));
        assert_eq!(world.container_id("aa"), None);
        assert_eq!(world.container_id(""), None);
    }
}
