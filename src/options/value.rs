//! What an option amounts to, declared or found, in a form where equal means the same.
//!
//! The form decides how two of them compare; that is [`crate::planner::compare`]'s. Reading one out of
//! inspect data is the rows'.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::base::ident::Reference;

/// The text that stands for a value that is not shown, in snapshots and everywhere after.
pub const HIDDEN: &str = "«hidden»";

/// One value of one option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Not set: null, missing, and what an engine takes for the same.
    Unset,
    /// It cannot be known: a partial look lacks it, or the image that decides it is not here.
    Unknown,
    /// A scalar.
    One(Atom),
    /// Order matters.
    List(Vec<Atom>),
    /// Order does not matter.
    Set(BTreeSet<Atom>),
    /// By key.
    Map(BTreeMap<String, Atom>),
}

/// One scalar.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Atom {
    /// A boolean.
    Bool(bool),
    /// A whole number, in the unit of its option (bytes, nanoseconds, a count).
    Int(i64),
    /// A text that may be shown.
    Text(String),
    /// Declared as a reference: what it resolves to stays in the shell's memory.
    Reference(Reference),
    /// Found, and not for showing, or compared with references when the snapshot was taken.
    Live(Live),
}

/// A found value about which a snapshot tells less than it is, or more.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Live {
    /// The value where it is public; nothing where it is hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
    /// References that resolved to exactly this value when the snapshot was taken.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub equal: BTreeSet<Reference>,
    /// References that resolved to something else.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub different: BTreeSet<Reference>,
}

impl Value {
    /// The value as reasons show it.
    pub fn show(&self) -> Json {
        match self {
            Self::Unset => Json::Null,
            Self::Unknown => json!("unknown"),
            Self::One(atom) => atom.show(),
            Self::List(items) => items.iter().map(Atom::show).collect(),
            Self::Set(items) => items.iter().map(Atom::show).collect(),
            Self::Map(items) => {
                items.iter().map(|(key, atom)| (key.clone(), atom.show())).collect()
            }
        }
    }
}

impl Atom {
    /// The scalar as reasons show it: references as marks, what is hidden as [`HIDDEN`].
    pub fn show(&self) -> Json {
        match self {
            Self::Bool(value) => json!(value),
            Self::Int(value) => json!(value),
            Self::Text(text) => json!(text),
            Self::Reference(reference) => json!(mark_reference(reference)),
            Self::Live(live) => json!(live.shown.as_deref().unwrap_or(HIDDEN)),
        }
    }

    /// A text as inspect data and create bodies carry it: [`HIDDEN`] and `«from_env:…»` are
    /// understood.
    pub fn text(text: &str) -> Self {
        if text == HIDDEN {
            return Self::Live(Live::default());
        }
        if let Some(different) = marked_different(text) {
            return Self::Live(Live { different, ..Live::default() });
        }
        match marked_reference(text) {
            Some(reference) => Self::Reference(reference),
            None => Self::Text(text.to_owned()),
        }
    }
}

/// How a create body carries a reference until the shell fills it in.
pub fn mark_reference(reference: &Reference) -> String {
    format!("«{reference}»")
}

/// How a snapshot carries a text that is hidden, and none of what these references are.
pub fn mark_different(references: &BTreeSet<Reference>) -> String {
    format!("«not:{}»", json!(references))
}

/// The references that such a mark is none of.
fn marked_different(text: &str) -> Option<BTreeSet<Reference>> {
    let references = text.strip_prefix("«not:")?.strip_suffix('»')?;
    serde_json::from_str(references).ok()
}

/// The reference that such a mark stands for.
pub fn marked_reference(text: &str) -> Option<Reference> {
    text.strip_prefix('«')?.strip_suffix('»')?.parse().ok()
}

/// Options in which a text may be a template, and how deep below them.
pub const TEMPLATES: &[(&str, usize)] =
    &[("command", 1), ("entrypoint", 1), ("labels", 1), ("healthcheck", 1), ("logging", 2)];

/// The same of networks and volumes.
pub const OBJECT_TEMPLATES: &[(&str, usize)] = &[("driver_opts", 1)];

/// Adds the references that texts of a value stand for.
pub fn marked_references(json: &Json, out: &mut BTreeSet<Reference>) {
    match json {
        Json::String(text) => out.extend(marked_reference(text)),
        Json::Array(items) => items.iter().for_each(|item| marked_references(item, out)),
        Json::Object(map) => map.values().for_each(|value| marked_references(value, out)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// Whether a literal could be mistaken for a mark; a spec may not say it, a snapshot hides it.
pub fn looks_marked(text: &str) -> bool {
    text.starts_with('«') && text.ends_with('»')
}

/// A value as it shows, numbers in the spelling of their unit.
pub(super) fn to_spec(value: &Value, unit: super::row::Unit) -> Json {
    match value {
        Value::One(Atom::Int(number)) => {
            unit.spelt(*number).map_or_else(|| value.show(), Json::String)
        }
        other => other.show(),
    }
}
