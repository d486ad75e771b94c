//! [`Value`]: a declared or found value of an option, in a form where equal values mean the same.
//!
//! The comparison of values is [`crate::planner::compare`]'s. Reading values out of inspect data is
//! the rows'.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::base::ident::Reference;

/// The text in place of a hidden value, in snapshots and all later outputs.
pub const HIDDEN: &str = "«hidden»";

/// A value of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Not set: null, missing, or a value that an engine treats as missing.
    Unset,
    /// Unknown: a partial snapshot lacks the value, or the image that decides the value is missing.
    Unknown,
    /// A scalar.
    One(Atom),
    /// A list, with order.
    List(Vec<Atom>),
    /// A set, without order.
    Set(BTreeSet<Atom>),
    /// A map.
    Map(BTreeMap<String, Atom>),
}

/// A scalar.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Atom {
    /// A boolean.
    Bool(bool),
    /// A whole number, in the unit of its option (bytes, nanoseconds, a count).
    Int(i64),
    /// A text that may be shown.
    Text(String),
    /// A declared reference; its value stays in the shell's memory.
    Reference(Reference),
    /// A found value that is hidden, or that the snapshot compared with references.
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
    /// The value as reasons show the value.
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
    /// The scalar as reasons show the scalar: a reference as its mark, a hidden value as
    /// [`HIDDEN`].
    pub fn show(&self) -> Json {
        match self {
            Self::Bool(value) => json!(value),
            Self::Int(value) => json!(value),
            Self::Text(text) => json!(text),
            Self::Reference(reference) => json!(mark_reference(reference)),
            Self::Live(live) => json!(live.shown.as_deref().unwrap_or(HIDDEN)),
        }
    }

    /// A text of inspect data or of a create body. The marks [`HIDDEN`] and `«from_env:…»` are
    /// recognized.
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

/// The mark of a reference in a create body, until the shell fills in the value.
pub fn mark_reference(reference: &Reference) -> String {
    format!("«{reference}»")
}

/// The mark of a hidden text that differs from the values of these references.
pub fn mark_different(references: &BTreeSet<Reference>) -> String {
    format!("«not:{}»", json!(references))
}

/// The references of a "differs" mark.
fn marked_different(text: &str) -> Option<BTreeSet<Reference>> {
    let references = text.strip_prefix("«not:")?.strip_suffix('»')?;
    serde_json::from_str(references).ok()
}

/// The reference of a mark.
pub fn marked_reference(text: &str) -> Option<Reference> {
    text.strip_prefix('«')?.strip_suffix('»')?.parse().ok()
}

/// The options in which a text may be a template, with the depth of the text.
pub const TEMPLATES: &[(&str, usize)] =
    &[("command", 1), ("entrypoint", 1), ("labels", 1), ("healthcheck", 1), ("logging", 2)];

/// The options of networks and volumes in which a text may be a template.
pub const OBJECT_TEMPLATES: &[(&str, usize)] = &[("driver_opts", 1)];

/// Adds the references whose marks a value contains.
pub fn marked_references(json: &Json, out: &mut BTreeSet<Reference>) {
    match json {
        Json::String(text) => out.extend(marked_reference(text)),
        Json::Array(items) => items.iter().for_each(|item| marked_references(item, out)),
        Json::Object(map) => map.values().for_each(|value| marked_references(value, out)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// Whether a literal could be mistaken for a mark. A spec must not contain such a literal, and a
/// snapshot hides it.
pub fn looks_marked(text: &str) -> bool {
    text.starts_with('«') && text.ends_with('»')
}

/// The value as a spec writes it. A number that its unit can only round stays a number.
pub(super) fn to_spec(value: &Value, unit: super::row::Unit) -> Json {
    match value {
        Value::One(Atom::Int(number)) => {
            unit.exact(*number).map_or_else(|| value.show(), Json::String)
        }
        other => other.show(),
    }
}
