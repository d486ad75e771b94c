//! Helpers for the tree of a Compose file: map entries, key paths and path patterns.
//!
//! The meaning of keys is not known here.

use crate::syntax::node::{Entry, Kind, Node, Place};

/// The path step into a list.
pub(super) const ITEM: &str = "[]";

/// The keys from the root to a node.
pub(super) type Path = Vec<String>;

/// Whether a path fits a pattern such as `services.*.ports`, where `*` is any key.
pub(super) fn matches(pattern: &str, path: &[String]) -> bool {
    let mut parts = pattern.split('.');
    path.iter().all(|key| parts.next().is_some_and(|part| part == "*" || part == key))
        && parts.next().is_none()
}

/// The value of the first pattern that fits.
pub(super) fn lookup<T: Copy>(table: &[(&str, T)], path: &[String]) -> Option<T> {
    table.iter().find(|(pattern, _)| matches(pattern, path)).map(|(_, value)| *value)
}

/// A path with dots.
pub(super) fn dotted(path: &[String]) -> String {
    path.join(".").replace(".[]", "[]")
}

pub(super) fn text(place: Place, text: impl Into<String>) -> Node {
    Node { place, kind: Kind::Text(text.into()) }
}

pub(super) fn boolean(place: Place, value: bool) -> Node {
    Node { place, kind: Kind::Bool(value) }
}

pub(super) fn null(place: Place) -> Node {
    Node { place, kind: Kind::Null }
}

pub(super) fn list(place: Place, items: Vec<Node>) -> Node {
    Node { place, kind: Kind::List(items) }
}

pub(super) fn map(place: Place, entries: Vec<(&str, Node)>) -> Node {
    let entry = |(key, value): (&str, Node)| Entry { key: key.to_owned(), place, value };
    Node { place, kind: Kind::Map(entries.into_iter().map(entry).collect()) }
}

impl Node {
    pub(super) fn entries_mut(&mut self) -> Option<&mut Vec<Entry>> {
        match &mut self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries_mut()?.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.value)
    }

    /// The value of a key, unless the value is null.
    pub(super) fn said(&self, key: &str) -> Option<&Node> {
        self.get(key).filter(|node| node.kind != Kind::Null)
    }

    /// The text of a key.
    pub(super) fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_text()
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A scalar as Go prints it.
    pub(super) fn printed(&self) -> Option<String> {
        match &self.kind {
            Kind::Text(text) | Kind::Number(text) => Some(text.clone()),
            Kind::Bool(value) => Some(value.to_string()),
            _ => None,
        }
    }

    pub(super) fn is_true(&self, key: &str) -> bool {
        match self.get(key).map(|node| &node.kind) {
            Some(Kind::Bool(value)) => *value,
            Some(Kind::Text(text)) => {
                matches!(text.as_str(), "1" | "t" | "T" | "TRUE" | "true" | "True")
            }
            _ => false,
        }
    }

    /// Sets a key.
    pub(super) fn set(&mut self, key: &str, value: Node) {
        let place = value.place;
        let Some(entries) = self.entries_mut() else { return };
        match entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => entry.value = value,
            None => entries.push(Entry { key: key.to_owned(), place, value }),
        }
    }

    /// Sets a missing key.
    pub(super) fn set_default(&mut self, key: &str, value: Node) {
        if self.get(key).is_none() {
            self.set(key, value);
        }
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Entry> {
        let entries = self.entries_mut()?;
        let at = entries.iter().position(|entry| entry.key == key)?;
        Some(entries.remove(at))
    }

    /// Whether two nodes have the same content in any place; map entries may have any order.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::List(one), Kind::List(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.is_alike(two))
            }
            (Kind::Map(one), Kind::Map(two)) => {
                one.len() == two.len()
                    && one.iter().all(|entry| {
                        other.get(&entry.key).is_some_and(|value| entry.value.is_alike(value))
                    })
            }
            (one, two) => one == two,
        }
    }

    /// A copy with all line numbers increased.
    pub(super) fn moved(mut self, lines: usize) -> Self {
        self.place.line += lines;
        self.kind = match self.kind {
            Kind::List(items) => {
                Kind::List(items.into_iter().map(|item| item.moved(lines)).collect())
            }
            Kind::Map(entries) => Kind::Map(
                entries
                    .into_iter()
                    .map(|mut entry| {
                        entry.place.line += lines;
                        entry.value = entry.value.moved(lines);
                        entry
                    })
                    .collect(),
            ),
            other => other,
        };
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_one_key() {
        let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        assert!(matches("services.*.ports", &path("services.web.ports")));
        assert!(matches("services.*.ports.*", &path("services.web.ports.[]")));
        for other in ["services.web", "services.web.ports.[]", "networks.web.ports"] {
            assert!(!matches("services.*.ports", &path(other)), "{other}");
        }
    }
}
