//! Where a set says what, for problems that are found later than the value is read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::options::{AnyRow, Declared, row};
use crate::syntax::node::{Entry, Kind, Node, Place, Problems};

/// Where a set says what.
#[derive(Debug, Default)]
pub(super) struct Places {
    set: Place,
    keys: BTreeMap<&'static str, Entry>,
    broken: BTreeSet<&'static str>,
}

impl Places {
    /// Those of a set that begins here.
    pub(super) fn new(set: Place) -> Self {
        Self { set, ..Self::default() }
    }

    /// Keeps the entry under which a key was said.
    pub(super) fn keep(&mut self, key: &'static str, entry: &Entry) {
        self.keys.insert(key, entry.clone());
    }

    /// Whether a key was said, rightly or not.
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// Where a key stands; the set's own place where it was not said.
    pub(super) fn of(&self, key: &str) -> Place {
        self.keys.get(key).map_or(self.set, |entry| entry.place)
    }

    /// What was said under a key could not be read: nothing follows from its value.
    pub(super) fn breaks(&mut self, key: &'static str) {
        self.broken.insert(key);
    }

    /// The keys of which the value could not be read.
    pub(super) fn broken(&self) -> &BTreeSet<&'static str> {
        &self.broken
    }

    /// Whether one of these keys could not be read.
    pub(super) fn any_broken(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.broken.contains(key))
    }

    /// The text of a key's value, however wrong it is.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match &self.keys.get(key)?.value.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Where one item of an option stands, given as the option prints it: an item of a list, the
    /// key of a map, the path of a mount.
    pub(super) fn item(&self, key: &str, item: &str) -> Place {
        let says = |declared: &Declared| match declared.print() {
            Json::Array(all) => all.iter().any(|one| one == item || one["target"] == item),
            Json::Object(all) => all.contains_key(item),
            other => other == item,
        };
        let place = row(key).and_then(|row| {
            self.items(row).into_iter().find(|(_, declared)| says(declared)).map(|(place, _)| place)
        });
        place.unwrap_or_else(|| self.of(key))
    }

    /// The items of a list or a map that an option is, each read as if it stood alone; those that
    /// cannot be read are left out.
    pub(super) fn items(&self, row: &dyn AnyRow) -> Vec<(Place, Declared)> {
        let Some(entry) = self.keys.get(row.def().key) else { return Vec::new() };
        let alone = |place, kind| {
            let node = Node { place, kind };
            Some((place, row.parse(&node, &mut Problems::default())?))
        };
        match &entry.value.kind {
            Kind::List(items) => items
                .iter()
                .filter_map(|item| alone(item.place, Kind::List(vec![item.clone()])))
                .collect(),
            Kind::Map(entries) => entries
                .iter()
                .filter_map(|one| alone(one.place, Kind::Map(vec![one.clone()])))
                .collect(),
            other => alone(entry.value.place, other.clone()).into_iter().collect(),
        }
    }
}
