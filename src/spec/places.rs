//! The places of keys in the text of a set, for problems that are found after parsing. The text
//! itself is [`crate::syntax`]'s.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::options::{AnyRow, Declared, row};
use crate::syntax::node::{Entry, Kind, Node, Place, Problems};

/// The places of the keys of a set.
#[derive(Debug, Default)]
pub(super) struct Places {
    set: Place,
    keys: BTreeMap<&'static str, Entry>,
    broken: BTreeSet<&'static str>,
}

impl Places {
    /// Starts with the place of the set.
    pub(super) fn new(set: Place) -> Self {
        Self { set, ..Self::default() }
    }

    /// Stores the entry of a key.
    pub(super) fn keep(&mut self, key: &'static str, entry: &Entry) {
        self.keys.insert(key, entry.clone());
    }

    /// Whether the key is declared, valid or not.
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// The place of a key, or else of the set.
    pub(super) fn of(&self, key: &str) -> Place {
        self.keys.get(key).map_or(self.set, |entry| entry.place)
    }

    /// Marks a key as unreadable, so that no check uses its value.
    pub(super) fn breaks(&mut self, key: &'static str) {
        self.broken.insert(key);
    }

    /// The unreadable keys.
    pub(super) fn broken(&self) -> &BTreeSet<&'static str> {
        &self.broken
    }

    /// Whether one of these keys is unreadable.
    pub(super) fn any_broken(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.broken.contains(key))
    }

    /// The text of a key's value, even if the text is invalid.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match &self.keys.get(key)?.value.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The place of an item of an option. The item is named as printed: an item of a list, a key of
    /// a map, or the path of a mount.
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

    /// The items of a list or map, each read as a separate value. Unreadable items are left out.
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
