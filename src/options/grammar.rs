//! [`Grammar`]: the allowed values of a spec, as data. Parsing, the canonical form and the JSON
//! Schema all follow from a grammar.
//!
//! A grammar knows no option. Serde turns the result into a value; rules across options are
//! [`super::rules`]'.

mod map;

use serde_json::{Value as Json, json};

pub use map::{Bare, Map, Names, Table};

use super::field::{known_key, text};
use super::numbers;
use super::row::{or_nothing, takes_text};
use crate::base::say;
use crate::syntax::node::{Kind, Node, Problems, QUOTE};

/// The allowed form of a value. `what` is the name in messages: *expected `what`, but found …*.
#[derive(Debug, Clone, Copy)]
pub enum Grammar {
    /// `true` or `false`, also in quotes, as Compose files have them.
    Bool,
    /// A whole number, also in quotes.
    Whole {
        /// The name in messages.
        what: &'static str,
        /// The minimum.
        least: i64,
        /// The maximum, if any.
        most: Option<i64>,
    },
    /// A word of this list.
    Word(&'static [&'static str]),
    /// A text; a number keeps its spelling.
    Text {
        /// The name in messages.
        what: &'static str,
        /// Gives the canonical form.
        spell: fn(&str) -> Spelt,
        /// Gives the JSON Schema.
        schema: fn() -> Json,
    },
    /// A text that names something; a number needs quotes.
    Name {
        /// The name in messages.
        what: &'static str,
        /// Gives the canonical form.
        spell: fn(&str) -> Spelt,
        /// The pattern for the JSON Schema.
        pattern: &'static str,
    },
    /// Any other scalar.
    Scalar {
        /// The name in messages.
        what: &'static str,
        /// Gives the canonical form; `None` for a wrong scalar.
        read: fn(&Node) -> Option<Json>,
        /// Gives the JSON Schema.
        schema: fn() -> Json,
    },
    /// A list of values.
    List {
        /// The name in messages.
        what: &'static str,
        /// The grammar of an item.
        item: &'static Grammar,
        /// Whether a single item may stand without a list.
        alone: bool,
    },
    /// A map with names that the spec chooses.
    Map(Map),
    /// A map with the names of another table.
    Table(Table),
    /// A map with known names.
    Keys {
        /// The name in messages.
        what: &'static str,
        /// The known names.
        keys: &'static [Key],
        /// The minimal number of names.
        least: usize,
    },
    /// The first grammar of the list that accepts the kind of node.
    OneOf {
        /// The name in messages.
        what: &'static str,
        /// The grammars.
        of: &'static [Grammar],
    },
    /// A value with an additional check of the whole.
    Checked {
        /// The grammar of the value.
        of: &'static Grammar,
        /// Gives the canonical form, or the error.
        check: fn(Json) -> Spelt,
    },
}

/// A value in its canonical form, or the error.
pub type Spelt = Result<Json, Wrong>;

/// The reason why a value is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// The value does not match the grammar.
    Other,
    /// Another form was expected.
    Expected(&'static str),
    /// The value is a word that is not in this list.
    NoWord(String, &'static [&'static str]),
    /// The value is a common mistake for this word.
    Meant(&'static str),
    /// A message, with a hint if there is a remedy.
    Told(String, Option<&'static str>),
}

impl Wrong {
    fn tell<T>(self, what: &str, node: &Node, problems: &mut Problems) -> Option<T> {
        let meant = |close: &str| format!("did you mean `{close}`?");
        match self {
            Self::Other => return problems.expected(what, node),
            Self::Expected(what) => return problems.expected(what, node),
            Self::NoWord(found, words) => {
                let hint = problems.close(&found, words.iter().copied()).map(meant);
                return problems.expected_with(what, node, hint.as_deref());
            }
            Self::Meant(word) => return problems.expected_with(what, node, Some(&meant(word))),
            Self::Told(message, Some(hint)) => problems.add_hint(node.place, message, hint),
            Self::Told(message, None) => problems.add(node.place, message),
        }
        None
    }
}

/// The error for a text that does not parse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("found no spelling of a value")
    }
}

/// Implements serde for a value that is a single text, by `Display` and `FromStr`.
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
pub(crate) use one_text;

/// A known name of a map.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    name: &'static str,
    value: Grammar,
    need: Need,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// The key may be missing; null and the empty text mean "not set".
    Optional,
    /// The key may be missing; null means "not set", but the empty text is read.
    OptionalText,
    Required,
    /// The key is known, but an error: the message and the hint.
    Refused(&'static str, &'static str),
}

/// An optional key.
pub const fn key(name: &'static str, value: Grammar) -> Key {
    Key { name, value, need: Need::Optional }
}

impl Key {
    /// Makes the key required.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { need: Need::Required, ..self }
    }

    /// Refuses the key by its name, with a message and a hint.
    #[must_use]
    pub const fn refused(name: &'static str, message: &'static str, hint: &'static str) -> Self {
        Self { name, value: Grammar::Bool, need: Need::Refused(message, hint) }
    }

    /// Reads an empty text instead of ignoring it.
    #[must_use]
    pub const fn with_empty(self) -> Self {
        Self { need: Need::OptionalText, ..self }
    }
}

/// Any text.
pub const TEXT: Grammar = text_of("a text");

/// Any text, with a name for messages.
pub const fn text_of(what: &'static str) -> Grammar {
    Grammar::Text { what, spell: |text| Ok(json!(text)), schema: any_text }
}

/// A list of values.
pub const fn list_of(what: &'static str, item: &'static Grammar) -> Grammar {
    Grammar::List { what, item, alone: false }
}

/// A list of values, or a single value.
pub const fn list_or_one(what: &'static str, item: &'static Grammar) -> Grammar {
    Grammar::List { what, item, alone: true }
}

/// A map of known keys.
pub const fn keys(what: &'static str, keys: &'static [Key]) -> Grammar {
    Grammar::Keys { what, keys, least: 0 }
}

/// The schema of any text.
pub fn any_text() -> Json {
    json!({"type": ["string", "number"]})
}

/// The canonical form of a type that parses and displays itself.
pub fn spelt<T: std::str::FromStr + std::fmt::Display>(text: &str) -> Spelt {
    text.parse::<T>().map(|value| json!(value.to_string())).map_err(|_| Wrong::Other)
}

/// The word as canonical form, if the list has it.
pub fn one_of(words: &'static [&'static str], word: &str) -> Spelt {
    if words.contains(&word) { Ok(json!(word)) } else { Err(Wrong::NoWord(word.to_owned(), words)) }
}

/// The text as canonical form, if the condition holds.
pub fn good(good: bool, text: impl Into<String>) -> Spelt {
    if good { Ok(Json::String(text.into())) } else { Err(Wrong::Other) }
}

impl Grammar {
    /// Reads a node into its canonical JSON; `None` with problems for a wrong node.
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
                let spelt = one_of(words, &said);
                spelt.or_else(|wrong| wrong.tell(&what, node, problems).ok_or(())).ok()
            }
            Self::Text { what, spell, .. } => {
                let spelt = spell(&word(node, what, problems, |said| spell(said).is_ok())?);
                spelt.or_else(|wrong| wrong.tell(what, node, problems).ok_or(())).ok()
            }
            Self::Name { what, spell, .. } => match &node.kind {
                Kind::Text(text) => {
                    spell(text).or_else(|wrong| wrong.tell(what, node, problems).ok_or(())).ok()
                }
                Kind::Number(_) | Kind::Bool(_) => problems.expected_with(what, node, Some(QUOTE)),
                _ => problems.expected(what, node),
            },
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
            Self::Table(table) => table.read(node, problems),
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

    /// The name in messages.
    fn what(&self) -> &'static str {
        match self {
            Self::Bool => "`true` or `false`",
            Self::Word(_) => "a known word",
            Self::Whole { what, .. }
            | Self::Text { what, .. }
            | Self::Name { what, .. }
            | Self::Scalar { what, .. }
            | Self::List { what, .. }
            | Self::Keys { what, .. }
            | Self::OneOf { what, .. } => what,
            Self::Map(map) => map.what,
            Self::Table(table) => table.what,
            Self::Checked { of, .. } => of.what(),
        }
    }

    /// Whether the grammar accepts the kind of a node.
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
            Self::Table(_) | Self::Keys { .. } => matches!(node.kind, Kind::Map(_)),
            Self::OneOf { of, .. } => of.iter().any(|grammar| grammar.takes(node)),
            Self::Checked { of, .. } => of.takes(node),
            Self::Bool
            | Self::Whole { .. }
            | Self::Word(_)
            | Self::Text { .. }
            | Self::Name { .. }
            | Self::Scalar { .. } => {
                matches!(node.kind, Kind::Bool(_) | Kind::Number(_) | Kind::Text(_))
            }
        }
    }

    /// The JSON Schema (draft 2020-12).
    pub fn schema(&self) -> Json {
        match self {
            Self::Bool => json!({"enum": [true, false, "true", "false"]}),
            Self::Whole { least, most, .. } => numbers::schema(*least, *most),
            Self::Word(words) => json!({"enum": words}),
            Self::Text { schema, .. } | Self::Scalar { schema, .. } => schema(),
            Self::Name { pattern, .. } => json!({"type": "string", "pattern": pattern}),
            Self::List { item, alone, .. } => {
                let one = item.schema();
                let all = json!({"type": "array", "items": one});
                if *alone { json!({"anyOf": [one, all]}) } else { all }
            }
            Self::Map(map) => map.schema(),
            Self::Table(table) => table.schema(),
            Self::Keys { keys, least, .. } => keys_schema(keys, *least),
            Self::OneOf { of, .. } => {
                json!({"anyOf": of.iter().map(Self::schema).collect::<Vec<_>>()})
            }
            Self::Checked { of, .. } => of.schema(),
        }
    }
}

/// A scalar as its original text. For a boolean the hint asks for quotes if the text is allowed.
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
    let names = keys.iter().filter(|key| !matches!(key.need, Need::Refused(..)));
    let names: Vec<&'static str> = names.map(|key| key.name).collect();
    let mut read = serde_json::Map::new();
    for entry in entries {
        let Some(key) = keys.iter().find(|key| key.name == entry.key) else {
            known_key(entry, &names, problems);
            continue;
        };
        let value = &entry.value;
        let nothing = match key.need {
            Need::Optional => {
                value.says_nothing() && (value.kind == Kind::Null || key.value.takes(value))
            }
            Need::OptionalText => value.kind == Kind::Null,
            Need::Required => false,
            Need::Refused(message, hint) => {
                problems.add_hint(entry.place, message, hint);
                continue;
            }
        };
        if !nothing {
            read.extend(key.value.read(value, problems).map(|json| (entry.key.clone(), json)));
        }
    }
    if problems.all.len() > before {
        return None;
    }
    let lacks = |key: &&Key| key.need == Need::Required && !read.contains_key(key.name);
    if let Some(key) = keys.iter().find(lacks) {
        problems.add(node.place, format!("expected `{}`, but found none", key.name));
        return None;
    }
    if read.len() < least {
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
            Need::Refused(..) => json!(false),
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
