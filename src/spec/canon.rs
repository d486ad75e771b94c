//! Prints the canonical form of a spec, which a plan stores as `declared`.
//!
//! The canonical form has no defaults, no aliases and one spelling of each value; its keys are
//! sorted. References stand in place of secrets. The canonical form is a spec itself:
//! [`super::read::spec`] reads it back to an equal spec. Reading is [`super::read`]'s.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::planner::{Defaults, KILL, PROVE_FOR};
use super::planner_grammar::Seconds;
use super::{
    Identity, Matching, Network, Pull, Resource, Set, Spec, State, UpdateConfig, Volume, depends,
    strings,
};
use crate::base::ident::Reference;
use crate::options::value;

impl Spec {
    /// The canonical form of the spec.
    pub fn canonical(&self) -> Json {
        let mut root = Map::new();
        root.insert("project".into(), json!(self.project));
        if let Some(base_dir) = &self.base_dir {
            root.insert("base_dir".into(), json!(base_dir));
        }
        if let Some(compat) = self.compat {
            root.insert("compat".into(), json!(compat));
        }
        if !self.moved.is_empty() {
            root.insert("moved".into(), json!(self.moved));
        }
        if self.prune {
            root.insert("prune".into(), json!(true));
        }
        let networks: Map<String, Json> =
            self.networks.iter().map(|(key, own)| (key.to_string(), own.print())).collect();
        if !networks.is_empty() {
            root.insert("networks".into(), Json::Object(networks));
        }
        let volumes: Map<String, Json> =
            self.volumes.iter().map(|(key, own)| (key.to_string(), own.print())).collect();
        if !volumes.is_empty() {
            root.insert("volumes".into(), Json::Object(volumes));
        }
        let sets = self.sets.iter().filter(|(key, _)| !self.pruned.contains(*key));
        let sets = sets.map(|(key, set)| (key.to_string(), self.set(set)));
        root.insert("containers".into(), Json::Object(sets.collect()));
        written(Json::Object(root))
    }

    /// The canonical form of a set, as under `containers`.
    pub fn canonical_set(&self, set: &Set) -> Json {
        written(self.set(set))
    }

    /// All references in the spec.
    pub fn references(&self) -> BTreeSet<Reference> {
        self.takers().into_iter().flat_map(|(_, references)| references).collect()
    }

    /// The references of each set, network and volume, with a name such as `` `web` `` or ``network
    /// `back` ``.
    pub fn takers(&self) -> Vec<(String, BTreeSet<Reference>)> {
        let marked = |texts: Vec<&String>| -> BTreeSet<Reference> {
            texts.into_iter().filter_map(|text| value::marked_reference(text)).collect()
        };
        let mut all = Vec::new();
        for (key, set) in &self.sets {
            let mut own = BTreeSet::new();
            set.options.iter().for_each(|declared| declared.references(&mut own));
            all.push((format!("`{key}`"), own));
        }
        for (key, network) in &self.networks {
            let texts = network.declared().map(network_texts).unwrap_or_default();
            all.push((format!("network `{key}`"), marked(texts)));
        }
        for (key, volume) in &self.volumes {
            let texts = volume.declared().map(volume_texts).unwrap_or_default();
            all.push((format!("volume `{key}`"), marked(texts)));
        }
        all
    }

    /// The values of options and labels of all networks and volumes.
    pub fn object_texts(&self) -> BTreeSet<String> {
        let networks = self.networks.values().filter_map(Resource::declared);
        let volumes = self.volumes.values().filter_map(Resource::declared);
        networks.flat_map(network_texts).chain(volumes.flat_map(volume_texts)).cloned().collect()
    }

    fn set(&self, set: &Set) -> Json {
        let defaults = Defaults::of(self.compat, set.one_shot);
        let mut out = Map::new();
        let mut say = |key: &str, value: Json, usual: Json| {
            if value != usual {
                out.insert(key.to_owned(), value);
            }
        };
        match &set.identity {
            Identity::Named(name) => say("name", json!(name), Json::Null),
            Identity::Counted(count) => say("count", json!(count), json!(1)),
        }
        say("image", json!(set.image), Json::Null);
        say("state", json!(set.state), json!(State::Started));
        if set.matching != Matching::ImageByDefault && set.matching != defaults.matching {
            say("match", json!(set.matching), Json::Null);
        }
        say("pull", json!(set.pull), json!(Pull::Missing));
        say("on_stopped", json!(set.on_stopped), json!(defaults.on_stopped));
        say("recreate", json!(set.recreate), json!(defaults.recreate));
        let mut compare = set.compare.clone();
        if compare.get("*").copied() == defaults.compare {
            compare.remove("*");
        }
        say("compare", json!(compare), json!({}));
        say("kill_signal", json!(set.kill_signal), json!(KILL));
        say("prove_for", json!(Seconds(set.prove_for)), json!(Seconds(PROVE_FOR)));
        let update = unusual(&set.update, &UpdateConfig::default());
        say("update_config", update, json!({}));
        say("discard", json!(set.discard), json!(false));
        say("detach", json!(!set.one_shot), json!(true));
        say("depends_on", depends::print(&set.depends_on), json!([]));
        for declared in &set.options {
            out.insert(declared.row().def().key.to_owned(), declared.print());
        }
        Json::Object(out)
    }
}

/// The values of options and labels of a network.
fn network_texts(network: &Network) -> Vec<&String> {
    let maps = [&network.driver_opts, &network.ipam.options, &network.labels];
    maps.into_iter().flat_map(BTreeMap::values).collect()
}

/// The values of options and labels of a volume.
fn volume_texts(volume: &Volume) -> Vec<&String> {
    [&volume.driver_opts, &volume.labels].into_iter().flat_map(BTreeMap::values).collect()
}

/// The entries of a value that differ from its default.
fn unusual<T: Serialize>(value: &T, usual: &T) -> Json {
    let (Ok(Json::Object(mut own)), Ok(usual)) =
        (serde_json::to_value(value), serde_json::to_value(usual))
    else {
        return Json::Null;
    };
    own.retain(|key, value| usual.get(key.as_str()) != Some(value));
    Json::Object(own)
}

/// Escapes the texts of a JSON value for a spec.
pub(crate) fn written(mut json: Json) -> Json {
    write(&mut json);
    json
}

fn write(json: &mut Json) {
    if let Some(Reference::Template { text }) = json.as_str().and_then(value::marked_reference) {
        *json = json!({"template": strings::written(&text)});
        return;
    }
    match json {
        Json::String(text) if text.contains('$') => *text = strings::written(text),
        Json::Array(items) => items.iter_mut().for_each(write),
        Json::Object(map) => {
            map.values_mut().for_each(write);
            if map.keys().any(|key| key.contains('$')) {
                let all = std::mem::take(map).into_iter();
                *map = all.map(|(key, value)| (strings::written(&key), value)).collect();
            }
        }
        _ => {}
    }
}
