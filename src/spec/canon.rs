//! Prints the canonical form of a spec, which a plan stores as `declared`.
//!
//! The canonical form has no defaults, no aliases and one spelling of each value; its keys are
//! sorted. References stand in place of secrets. The canonical form is a spec itself:
//! [`super::read::spec`] reads it back to an equal spec. Reading is [`super::read`]'s.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::planner::{Defaults, MATCHINGS, MODES, ON_STOPPED, PROVE_FOR, PULLS, RECREATES, STATES};
use super::{
    Compat, Identity, Matching, Network, Pull, Resource, Set, Spec, State, UpdateConfig, Volume,
    depends, strings, update_config,
};
use crate::base::ident::Reference;
use crate::options::value;
use crate::syntax::durations;

impl Spec {
    /// The canonical form of the spec.
    pub fn canonical(&self) -> Json {
        let mut root = Map::new();
        root.insert("project".into(), json!(self.project));
        if let Some(base_dir) = &self.base_dir {
            root.insert("base_dir".into(), json!(base_dir));
        }
        if let Some(compat) = self.compat {
            let word = match compat {
                Compat::Ansible19 => "ansible-1.9",
                Compat::Compose => "compose",
            };
            root.insert("compat".into(), json!(word));
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

    /// The literals of the spec, which are public.
    pub fn literals(&self) -> BTreeSet<String> {
        let mut out = self.object_texts();
        out.retain(|text| value::marked_reference(text).is_none());
        for declared in self.sets.values().flat_map(|set| &set.options) {
            declared.literals(&mut out);
        }
        out
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
        let mut say = |key: &str, unusual: bool, value: Json| {
            if unusual {
                out.insert(key.to_owned(), value);
            }
        };
        match &set.identity {
            Identity::Named(name) => say("name", true, json!(name)),
            Identity::Counted(count) => say("count", *count != 1, json!(count)),
        }
        say("image", set.image.is_some(), json!(set.image));
        say("state", set.state != State::Started, word(STATES, &set.state));
        let matching =
            set.matching != defaults.matching && set.matching != Matching::ImageByDefault;
        say("match", matching, word(MATCHINGS, &set.matching));
        say("pull", set.pull != Pull::Missing, word(PULLS, &set.pull));
        let on_stopped = set.on_stopped != defaults.on_stopped;
        say("on_stopped", on_stopped, word(ON_STOPPED, &set.on_stopped));
        say("recreate", set.recreate != defaults.recreate, word(RECREATES, &set.recreate));
        let compare: Map<String, Json> = set
            .compare
            .iter()
            .filter(|(key, mode)| key.as_str() != "*" || Some(**mode) != defaults.compare)
            .map(|(key, mode)| (key.clone(), word(MODES, mode)))
            .collect();
        say("compare", !compare.is_empty(), Json::Object(compare));
        say("kill_signal", set.kill_signal != "KILL", json!(set.kill_signal));
        let prove_for = durations::spelt(i64::from(set.prove_for) * 1_000_000_000);
        say("prove_for", set.prove_for != PROVE_FOR, json!(prove_for));
        let update = set.update != UpdateConfig::default();
        say("update_config", update, update_config::print(&set.update));
        say("discard", set.discard, json!(true));
        say("detach", set.one_shot, json!(false));
        say("depends_on", !set.depends_on.is_empty(), depends::print(&set.depends_on));
        for declared in &set.options {
            say(declared.row().def().key, true, declared.print());
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

/// The word for a value.
pub(super) fn word<T: PartialEq>(words: &[(&str, T)], value: &T) -> Json {
    words.iter().find(|(_, known)| known == value).map_or(Json::Null, |(word, _)| json!(word))
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
