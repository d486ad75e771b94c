//! Reads the networks and volumes of a spec from its syntax tree.
//!
//! The types are [`super::resources`]'.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::resources::{Network, PREDEFINED, Resource, Volume};
use super::resources_grammar::{NETWORK, VOLUME};
use crate::base::ident::ObjectKey;
use crate::base::say;
use crate::options::grammar::Grammar;
use crate::options::network::is_name;
use crate::syntax::node::{Entry, Kind, Node, Place, Problems, is_extension};

/// The places of the networks or volumes.
#[derive(Debug, Default)]
pub(super) struct Resources {
    places: BTreeMap<String, Place>,
    broken: BTreeSet<String>,
}

impl Resources {
    /// The place of the name, or else of the entry.
    pub(super) fn of(&self, key: &str) -> Place {
        self.places.get(key).copied().unwrap_or_default()
    }

    /// Whether a part of the entry could not be read.
    pub(super) fn broken(&self, key: &str) -> bool {
        self.broken.contains(key)
    }
}

/// Reads `networks`.
pub(super) fn networks(
    node: &Node,
    problems: &mut Problems,
) -> (BTreeMap<ObjectKey, Resource<Network>>, Resources) {
    all(node, "networks", problems, |entry, problems| {
        // `default` is allowed as a key: Compose uses this word for the project's own network.
        if PREDEFINED.contains(&entry.key.as_str()) && entry.key != "default" {
            problems.add_hint(
                entry.place,
                format!("expected a network of one's own, but found `{}`", entry.key),
                "every engine has that one; containers join it with `network_mode`",
            );
            return None;
        }
        let read = one(entry, &NETWORK, problems);
        if matches!(read, Some(Resource::External { name: None })) && entry.key == "default" {
            problems.add_hint(
                entry.place,
                "expected a `name` of the external network `default`, but found none",
                "every engine has a network of that name, and it is the bridge",
            );
        }
        read
    })
}

/// Reads `volumes`.
pub(super) fn volumes(
    node: &Node,
    problems: &mut Problems,
) -> (BTreeMap<ObjectKey, Resource<Volume>>, Resources) {
    all(node, "volumes", problems, |entry, problems| one(entry, &VOLUME, problems))
}

fn all<T>(
    node: &Node,
    what: &str,
    problems: &mut Problems,
    read: impl Fn(&Entry, &mut Problems) -> Option<T>,
) -> (BTreeMap<ObjectKey, T>, Resources) {
    let mut all = BTreeMap::new();
    let mut objects = Resources::default();
    let Kind::Map(entries) = &node.kind else {
        problems.expected::<()>(&format!("a map of {what}"), node);
        return (all, objects);
    };
    for entry in entries {
        if is_extension(&entry.key) {
            continue;
        }
        let before = problems.all.len();
        if !is_name(&entry.key) {
            problems.add(
                entry.place,
                format!(
                    "expected a key of letters, digits, `_`, `.` and `-` that begins with a \
                     letter or digit, but found `{}`",
                    say::short(&entry.key)
                ),
            );
        }
        if let Some(object) = read(entry, problems) {
            all.insert(ObjectKey::new(entry.key.as_str()), object);
        }
        let name = match &entry.value.kind {
            Kind::Map(entries) => entries.iter().find(|entry| entry.key == "name"),
            _ => None,
        };
        let place = name.map_or(entry.place, |name| name.place);
        objects.places.insert(entry.key.clone(), place);
        if problems.all.len() > before {
            objects.broken.insert(entry.key.clone());
        }
    }
    (all, objects)
}

/// Reads an entry by its grammar.
fn one<T: DeserializeOwned>(
    entry: &Entry,
    grammar: &Grammar,
    problems: &mut Problems,
) -> Option<Resource<T>> {
    let entries = match &entry.value.kind {
        Kind::Null => return Resource::of(serde_json::Map::new()).ok(),
        Kind::Map(entries) => entries.as_slice(),
        _ => return problems.expected("a map, or nothing", &entry.value),
    };
    let external = entries.iter().find(|entry| entry.key == "external");
    if let Some(external) = external.filter(|entry| matches!(entry.value.kind, Kind::Map(_))) {
        problems.add_hint(
            external.value.place,
            "expected `true` or `false`, but found a map",
            "write `external: true` and `name: NAME`",
        );
        return None;
    }
    let Json::Object(read) = grammar.read(&entry.value, problems)? else { return None };
    if read.get("external") == Some(&Json::Bool(true)) {
        for other in entries {
            let key = other.key.as_str();
            if !matches!(key, "name" | "external") && read.contains_key(key) {
                problems.add(
                    other.place,
                    format!("expected no `{key}` beside `external: true`: nothing is done to it"),
                );
            }
        }
    }
    match Resource::of(read) {
        Ok(resource) => Some(resource),
        Err(error) => {
            problems.add(entry.value.place, format!("expected a network or a volume, but {error}"));
            None
        }
    }
}
