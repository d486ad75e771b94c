//! Maps whose names the spec chooses (variables, labels, driver options), and maps whose names
//! another table has.
//!
//! Maps of known names are [`super::Grammar::Keys`].

use serde_json::{Value as Json, json};

use super::Grammar;
use crate::base::say;
use crate::options::field::pairs;
use crate::options::row::or_nothing;
use crate::syntax::node::{Entry, Kind, Node, Place, Problems};

/// A map with names that the spec chooses.
#[derive(Debug, Clone, Copy)]
pub struct Map {
    /// The name in messages.
    pub what: &'static str,
    /// The allowed names.
    pub names: Names,
    /// The grammar of each value.
    pub value: &'static Grammar,
    /// Whether a list of `NAME=VALUE` texts is allowed.
    pub pairs: bool,
    /// The meaning of a name without a value.
    pub bare: Bare,
}

/// A map with the names of another table, which gives each name a grammar.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// The name in messages.
    pub what: &'static str,
    /// Gives the canonical name and the grammar of a word.
    pub entry: fn(&str) -> Option<(&'static str, &'static Grammar)>,
    /// Gives the message and the hint for an unknown word.
    pub unknown: fn(&str) -> (String, Option<String>),
    /// Gives every word.
    pub words: fn() -> Vec<&'static str>,
}

impl Table {
    pub(super) fn read(&self, node: &Node, problems: &mut Problems) -> Option<Json> {
        let Kind::Map(entries) = &node.kind else { return problems.expected(self.what, node) };
        let mut all = serde_json::Map::new();
        let before = problems.all.len();
        for entry in entries {
            let Entry { key, place, value } = entry;
            let Some((name, grammar)) = (self.entry)(key) else {
                problems.unknown(entry, key, self.unknown);
                continue;
            };
            let Some(read) = grammar.read(value, problems) else { continue };
            if all.insert(name.to_owned(), read).is_some() {
                problems.add(*place, format!("expected `{name}` once, but found it again"));
            }
        }
        (problems.all.len() == before).then_some(Json::Object(all))
    }

    pub(super) fn schema(&self) -> Json {
        let words = (self.words)().into_iter();
        let known =
            words.filter_map(|word| Some((word.to_owned(), (self.entry)(word)?.1.schema())));
        let known: serde_json::Map<String, Json> = known.collect();
        json!({"type": "object", "properties": known, "additionalProperties": false})
    }
}

/// The allowed names of a map.
#[derive(Debug, Clone, Copy)]
pub enum Names {
    /// Every name.
    Any,
    /// Every name except the empty name.
    Some,
    /// The listed names; the first text is their name in messages.
    Of(&'static str, &'static [&'static str]),
    /// Names that pass the test: their name in messages, the test, and the pattern for the JSON
    /// Schema.
    Fit(&'static str, fn(&str) -> bool, &'static str),
    /// Names without these prefixes; the first text is their name in messages.
    Without(&'static str, &'static [&'static str]),
}

/// The meaning of a name without a value.
#[derive(Debug, Clone, Copy)]
pub enum Bare {
    /// The value that this function gives.
    Is(fn(&str) -> Json),
    /// An error: the expected form, and a hint.
    Wrong(&'static str, Option<&'static str>),
}

impl Map {
    pub(super) fn read(&self, node: &Node, problems: &mut Problems) -> Option<Json> {
        let entries = match &node.kind {
            Kind::List(_) if !self.pairs => return problems.expected(self.what, node),
            _ => pairs(node, self.what, problems)?,
        };
        let mut all = serde_json::Map::new();
        let mut fine = true;
        for (name, value) in entries {
            let place = value.as_ref().map_or(node.place, |value| value.place);
            if !self.names.take(&name, place, problems) {
                fine = false;
                continue;
            }
            let read = match value.filter(|value| value.kind != Kind::Null) {
                Some(value) => self.value.read(&value, problems),
                None => self.bare(&name, place, problems),
            };
            fine &= read.is_some();
            all.extend(read.map(|value| (name, value)));
        }
        fine.then_some(Json::Object(all))
    }

    fn bare(&self, name: &str, place: Place, problems: &mut Problems) -> Option<Json> {
        match self.bare {
            Bare::Is(value) => Some(value(name)),
            Bare::Wrong(what, hint) => {
                let found = say::short(name);
                let message = format!("expected {what}, but found `{found}` alone");
                match hint {
                    Some(hint) => problems.add_hint(place, message, hint),
                    None => problems.add(place, message),
                }
                None
            }
        }
    }

    pub(super) fn schema(&self) -> Json {
        let bare = matches!(self.bare, Bare::Is(_));
        let value = self.value.schema();
        let value = if bare { or_nothing(value, false) } else { value };
        let mut map = json!({"type": "object", "additionalProperties": value});
        if let Some(names) = self.names.schema() {
            map["propertyNames"] = names;
        }
        if !self.pairs {
            return map;
        }
        let pattern = match (bare, &self.names) {
            (true, Names::Any) => "",
            (true, _) => "^[^=]",
            (false, Names::Any) => "=",
            (false, _) => "^[^=]+=",
        };
        json!({"anyOf": [map, {"type": "array", "items": {"type": "string", "pattern": pattern}}]})
    }
}

impl Names {
    /// Whether the name is allowed; another name is a problem.
    fn take(self, name: &str, place: Place, problems: &mut Problems) -> bool {
        let found = || say::short(name);
        match self {
            Self::Any => return true,
            Self::Some if !name.is_empty() => return true,
            Self::Some => problems.add(place, "expected a name, but found none"),
            Self::Of(_, names) if names.contains(&name) => return true,
            Self::Of(what, names) => {
                let close = problems.close(name, names.iter().copied());
                let hint = close.map_or_else(
                    || format!("there are {}", names.join(", ")),
                    |close| format!("did you mean `{close}`?"),
                );
                let message = format!("expected {what}, but found `{}`", found());
                problems.add_hint(place, message, hint);
            }
            Self::Fit(_, fits, _) if fits(name) => return true,
            Self::Fit(what, ..) => {
                problems.add(place, format!("expected {what}, but found `{}`", found()));
            }
            Self::Without(what, prefixes) => {
                let written = prefixes.iter().find(|prefix| name.starts_with(**prefix));
                if !name.is_empty() && written.is_none() {
                    return true;
                }
                let prefix = written.or(prefixes.first()).copied().unwrap_or_default();
                let message =
                    format!("expected {what} other than `{prefix}…`, but found `{}`", found());
                problems.add(place, message);
            }
        }
        false
    }

    fn schema(self) -> Option<Json> {
        match self {
            Self::Any => None,
            Self::Some => Some(json!({"minLength": 1})),
            Self::Of(_, names) => Some(json!({"enum": names})),
            Self::Fit(.., pattern) => Some(json!({"pattern": pattern})),
            Self::Without(_, prefixes) => {
                let prefixes: Vec<String> =
                    prefixes.iter().map(|prefix| prefix.replace('.', "\\.")).collect();
                Some(json!({"not": {"pattern": format!("^({}|$)", prefixes.join("|"))}}))
            }
        }
    }
}
