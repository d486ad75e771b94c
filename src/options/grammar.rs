//! What may stand for a value in a spec, as data. Reading a node, the value's one spelling and the
//! JSON Schema all follow from a [`Grammar`].
//!
//! A grammar knows no option. What is read becomes a value by serde; what is wrong across options
//! is [`super::rules`]'.

mod map;

use serde_json::{Value as Json, json};

pub use map::{Bare, Map, Names};

use super::field::{known_keys, text};
use super::numbers;
use super::row::{or_nothing, takes_text};
use crate::base::say;
use crate::syntax::node::{Kind, Node, Problems};

/// What may stand for a value. `what` is its name in messages: *expected `what`, but found …*.
#[derive(Debug, Clone, Copy)]
pub enum Grammar {
    /// `true` or `false`, in quotes too: Compose files have them so.
    Bool,
    /// A whole number, in quotes too.
    Whole {
        /// What it is.
        what: &'static str,
        /// The least.
        least: i64,
        /// The most, if there is one.
        most: Option<i64>,
    },
    /// One of these words.
    Word(&'static [&'static str]),
    /// A text; a number keeps its spelling.
    Text {
        /// What it is.
        what: &'static str,
        /// Its one spelling.
        spell: fn(&str) -> Spelt,
        /// Its JSON Schema.
        schema: fn() -> Json,
    },
    /// Any other scalar: its one spelling, `None` where it is wrong.
    Scalar {
        /// What it is.
        what: &'static str,
        /// Reads it.
        read: fn(&Node) -> Option<Json>,
        /// Its JSON Schema.
        schema: fn() -> Json,
    },
    /// Values one after the other.
    List {
        /// What it is.
        what: &'static str,
        /// Each of them.
        item: &'static Grammar,
        /// Whether an item may stand without the list.
        alone: bool,
    },
    /// Values by names that the spec chooses.
    Map(Map),
    /// Values by names that are known.
    Keys {
        /// What it is.
        what: &'static str,
        /// The names.
        keys: &'static [Key],
        /// How many must be said.
        least: usize,
    },
    /// The first of these that takes such a node.
    OneOf {
        /// What they are.
        what: &'static str,
        /// All of them.
        of: &'static [Grammar],
    },
    /// What is read is looked at once more, as a whole.
    Checked {
        /// How it is read.
        of: &'static Grammar,
        /// Its one spelling, or what is wrong.
        check: fn(Json) -> Spelt,
    },
}

/// A value in its one spelling, or what is wrong with it.
pub type Spelt = Result<Json, Wrong>;

/// Why a value is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// It is not what its grammar is called.
    Other,
    /// This was expected instead.
    Expected(&'static str),
    /// This, with the way out, if there is one.
    Told(String, Option<&'static str>),
}

impl Wrong {
    fn tell<T>(self, what: &str, node: &Node, problems: &mut Problems) -> Option<T> {
        match self {
            Self::Other => return problems.expected(what, node),
            Self::Expected(what) => return problems.expected(what, node),
            Self::Told(message, Some(hint)) => problems.add_hint(node.place, message, hint),
            Self::Told(message, None) => problems.add(node.place, message),
        }
        None
    }
}

/// A text is no spelling of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("found no spelling of a value")
    }
}

/// A value that is one text to serde: as it displays, and as it is parsed.
macro_rules! one_text {
    ($name:ident $(< $parameter:ident : $bound:ident >)?) => {
        impl $(<$parameter: $bound>)? serde::Serialize for $name $(<$parameter>)? {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de $(, $parameter: $bound)?> serde::Deserialize<'de> for $name $(<$parameter>)? {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(super) use one_text;

/// A name that is known.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    name: &'static str,
    value: Grammar,
    need: Need,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// It may be missing; nothing after it and an empty text say nothing.
    Optional,
    /// The same, but the empty text is wrong.
    OptionalText,
    Required,
}

/// A key that may be missing.
pub const fn key(name: &'static str, value: Grammar) -> Key {
    Key { name, value, need: Need::Optional }
}

impl Key {
    /// The same, which must be there.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { need: Need::Required, ..self }
    }

    /// The same, of which an empty text is looked at, too.
    #[must_use]
    pub const fn with_empty(self) -> Self {
        Self { need: Need::OptionalText, ..self }
    }
}

/// Any text.
pub const TEXT: Grammar = text_of("a text");

/// Any text, by what it is.
pub const fn text_of(what: &'static str) -> Grammar {
    Grammar::Text { what, spell: |text| Ok(json!(text)), schema: any_text }
}

/// Values in a list.
pub const fn list_of(what: &'static str, item: &'static Grammar) -> Grammar {
    Grammar::List { what, item, alone: false }
}

/// Values in a list, or one of them without it.
pub const fn list_or_one(what: &'static str, item: &'static Grammar) -> Grammar {
    Grammar::List { what, item, alone: true }
}

/// A map of these keys.
pub const fn keys(what: &'static str, keys: &'static [Key]) -> Grammar {
    Grammar::Keys { what, keys, least: 0 }
}

/// The schema of any text.
pub fn any_text() -> Json {
    json!({"type": ["string", "number"]})
}

/// A spelling that a type gives itself: every text that it reads, as it writes it.
pub fn spelt<T: std::str::FromStr + std::fmt::Display>(text: &str) -> Spelt {
    text.parse::<T>().map(|value| json!(value.to_string())).map_err(|_| Wrong::Other)
}

/// What must hold of a text, which is its one spelling then.
pub fn good(good: bool, text: impl Into<String>) -> Spelt {
    if good { Ok(Json::String(text.into())) } else { Err(Wrong::Other) }
}

impl Grammar {
    /// Reads a node as JSON in its one spelling; adds problems and gives `None` where it is wrong.
    pub fn read(&self, node: &Node, problems: &mut Problems) -> Option<Json> {
        match self {
            Self::Bool => node.boolean(problems).map(Json::from),
            Self::Whole { what, least, most } => match numbers::whole(node) {
                Some(number) if number >= *least && most.is_none_or(|most| number <= most) => {
                    Some(json!(number))
                }
                _ => numbers::expected(what, node, problems),
            },
            Self::Word(words) => {
                let what = say::or(words);
                let said = word(node, &what, problems, |said| words.contains(&said))?;
                if let Some(word) = words.iter().find(|word| **word == said) {
                    return Some(json!(word));
                }
                let close = problems.close(&said, words.iter().copied());
                let hint = close.map(|close| format!("did you mean `{close}`?"));
                problems.expected_with(&what, node, hint.as_deref())
            }
            Self::Text { what, spell, .. } => {
                let spelt = spell(&word(node, what, problems, |said| spell(said).is_ok())?);
                spelt.or_else(|wrong| wrong.tell(what, node, problems).ok_or(())).ok()
            }
            Self::Scalar { what, read, .. } => {
                let value = read(node);
                if !matches!(node.kind, Kind::Bool(_)) || value.is_none() {
                    let quoted = |said: &str| {
                        let kind = Kind::Text(said.to_owned());
                        read(&Node { place: node.place, kind }).is_some()
                    };
                    word(node, what, problems, quoted)?;
                }
                value.or_else(|| numbers::expected(what, node, problems))
            }
            Self::List { what, item, alone } => match &node.kind {
                Kind::List(items) => {
                    let read: Vec<Option<Json>> =
                        items.iter().map(|node| item.read(node, problems)).collect();
                    read.into_iter().collect()
                }
                _ if *alone && item.takes(node) => {
                    item.read(node, problems).map(|one| Json::Array(vec![one]))
                }
                _ => problems.expected(what, node),
            },
            Self::Map(map) => map.read(node, problems),
            Self::Keys { what, keys, least } => read_keys(what, keys, *least, node, problems),
            Self::OneOf { what, of } => match of.iter().find(|grammar| grammar.takes(node)) {
                Some(grammar) => grammar.read(node, problems),
                None => problems.expected(what, node),
            },
            Self::Checked { of, check } => {
                let spelt = check(of.read(node, problems)?);
                spelt.or_else(|wrong| wrong.tell(of.what(), node, problems).ok_or(())).ok()
            }
        }
    }

    /// What it is called.
    fn what(&self) -> &'static str {
        match self {
            Self::Bool => "`true` or `false`",
            Self::Word(_) => "a known word",
            Self::Whole { what, .. }
            | Self::Text { what, .. }
            | Self::Scalar { what, .. }
            | Self::List { what, .. }
            | Self::Keys { what, .. }
            | Self::OneOf { what, .. } => what,
            Self::Map(map) => map.what,
            Self::Checked { of, .. } => of.what(),
        }
    }

    /// Whether a node is of the kind that it reads.
    fn takes(&self, node: &Node) -> bool {
        match self {
            Self::List { item, alone, .. } => {
                matches!(node.kind, Kind::List(_)) || *alone && item.takes(node)
            }
            Self::Map(map) => match node.kind {
                Kind::Map(_) => true,
                Kind::List(_) => map.pairs,
                _ => false,
            },
            Self::Keys { .. } => matches!(node.kind, Kind::Map(_)),
            Self::OneOf { of, .. } => of.iter().any(|grammar| grammar.takes(node)),
            Self::Checked { of, .. } => of.takes(node),
            Self::Bool
            | Self::Whole { .. }
            | Self::Word(_)
            | Self::Text { .. }
            | Self::Scalar { .. } => {
                matches!(node.kind, Kind::Bool(_) | Kind::Number(_) | Kind::Text(_))
            }
        }
    }

    /// Its JSON Schema (draft 2020-12).
    pub fn schema(&self) -> Json {
        match self {
            Self::Bool => json!({"enum": [true, false, "true", "false"]}),
            Self::Whole { least, most, .. } => numbers::schema(*least, *most),
            Self::Word(words) => json!({"enum": words}),
            Self::Text { schema, .. } | Self::Scalar { schema, .. } => schema(),
            Self::List { item, alone, .. } => {
                let one = item.schema();
                let all = json!({"type": "array", "items": one});
                if *alone { json!({"anyOf": [one, all]}) } else { all }
            }
            Self::Map(map) => map.schema(),
            Self::Keys { keys, least, .. } => keys_schema(keys, *least),
            Self::OneOf { of, .. } => {
                json!({"anyOf": of.iter().map(Self::schema).collect::<Vec<_>>()})
            }
            Self::Checked { of, .. } => of.schema(),
        }
    }
}

/// A scalar as it was written. A boolean is told to be quoted where its text is a value.
fn word(
    node: &Node,
    what: &str,
    problems: &mut Problems,
    takes: impl Fn(&str) -> bool,
) -> Option<String> {
    match node.kind {
        Kind::Bool(value) if !takes(&value.to_string()) => problems.expected(what, node),
        _ => text(node, what, problems),
    }
}

fn read_keys(
    what: &str,
    keys: &'static [Key],
    least: usize,
    node: &Node,
    problems: &mut Problems,
) -> Option<Json> {
    let Kind::Map(entries) = &node.kind else { return problems.expected(what, node) };
    let before = problems.all.len();
    let names: Vec<&'static str> = keys.iter().map(|key| key.name).collect();
    known_keys(entries, &names, problems);
    let mut read = serde_json::Map::new();
    for entry in entries {
        let Some(key) = keys.iter().find(|key| key.name == entry.key) else { continue };
        let value = &entry.value;
        let nothing = match key.need {
            Need::Optional => {
                value.says_nothing() && (value.kind == Kind::Null || key.value.takes(value))
            }
            Need::OptionalText => value.kind == Kind::Null,
            Need::Required => false,
        };
        if !nothing {
            read.extend(key.value.read(value, problems).map(|json| (entry.key.clone(), json)));
        }
    }
    if problems.all.len() > before {
        return None;
    }
    let missing = keys.iter().any(|key| key.need == Need::Required && !read.contains_key(key.name));
    if missing || read.len() < least {
        return problems.expected(what, node);
    }
    Some(Json::Object(read))
}

fn keys_schema(keys: &[Key], least: usize) -> Json {
    let property = |key: &Key| {
        let schema = key.value.schema();
        let empty = takes_text(&schema);
        let schema = match key.need {
            Need::Required => schema,
            Need::Optional => or_nothing(schema, empty),
            Need::OptionalText => or_nothing(schema, false),
        };
        (key.name.to_owned(), schema)
    };
    let properties: serde_json::Map<String, Json> = keys.iter().map(property).collect();
    let required = keys.iter().filter(|key| key.need == Need::Required);
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "patternProperties": {"^x-": {}},
        "required": required.map(|key| key.name).collect::<Vec<_>>(),
        "additionalProperties": false,
    });
    if least > 0 {
        schema["minProperties"] = json!(least);
    }
    schema
}
