//! The small tree that a spec file is read into before anything is known of its meaning: every
//! node with its place, every scalar as it was written.
//!
//! Reading text into it is [`super::yaml`]'s; giving it a meaning is the rows' and [`super::read`]'s.

/// A place in a file: 1-based line and column, in characters. Line 0 is *nowhere* (a plan's
/// `declared`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

/// One node.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Nothing was said (`key:` with nothing after it, `null`, `~`).
    Null,
    /// `true` or `false`, unquoted.
    Bool(bool),
    /// An unquoted number, as written: `1.50` stays `1.50`.
    Number(String),
    /// Any other scalar.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the file; keys are unique.
    Map(Vec<Entry>),
}

/// One entry of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// What it is, in words for messages: `a list`, `the number 1.50`.
    pub fn what(&self) -> String {
        match &self.kind {
            Kind::Null => "nothing".into(),
            Kind::Bool(value) => format!("the boolean {value}"),
            Kind::Number(text) => format!("the number {text}"),
            Kind::Text(text) => format!("the text `{}`", crate::say::short(text)),
            Kind::List(_) => "a list".into(),
            Kind::Map(_) => "a map".into(),
        }
    }

    /// Whether nothing is said: there is nothing, or, as Compose has it, an empty text. (Where the
    /// empty text is a value, of a variable, a label or a command, this is not the question.)
    pub fn says_nothing(&self) -> bool {
        match &self.kind {
            Kind::Null => true,
            Kind::Text(text) => text.is_empty(),
            _ => false,
        }
    }

    /// A JSON value as a tree without places: how a plan's `declared` is read again.
    pub fn from_json(json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        let kind = match json {
            Json::Null => Kind::Null,
            Json::Bool(value) => Kind::Bool(*value),
            Json::Number(number) => Kind::Number(number.to_string()),
            Json::String(text) => Kind::Text(text.clone()),
            Json::Array(items) => Kind::List(items.iter().map(Self::from_json).collect()),
            Json::Object(map) => Kind::Map(
                map.iter()
                    .map(|(key, value)| Entry {
                        key: key.clone(),
                        place: Place::default(),
                        value: Self::from_json(value),
                    })
                    .collect(),
            ),
        };
        Self { place: Place::default(), kind }
    }

    /// The tree as JSON. A number that JSON cannot spell is the text it was written as.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.kind {
            Kind::Null => Json::Null,
            Kind::Bool(value) => Json::Bool(*value),
            Kind::Number(text) => {
                serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.clone()))
            }
            Kind::Text(text) => Json::String(text.clone()),
            Kind::List(items) => items.iter().map(Self::to_json).collect(),
            Kind::Map(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect()
            }
        }
    }
}

/// One thing wrong with a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What: a lowercase fragment, *expected …, but found …*.
    pub message: String,
    /// The way out, if there is one.
    pub hint: Option<String>,
}

/// Everything wrong with a spec so far. A parser that fails adds a problem and gives `None`, so
/// that its siblings are still read.
#[derive(Debug, Default)]
pub struct Problems {
    /// In the order they were found; printed in the order of the file.
    pub all: Vec<Problem>,
}

impl Problems {
    /// Adds a problem.
    pub fn add(&mut self, place: Place, message: impl Into<String>) {
        self.all.push(Problem { place, message: message.into(), hint: None });
    }

    /// Adds a problem with a way out.
    pub fn add_hint(&mut self, place: Place, message: impl Into<String>, hint: impl Into<String>) {
        self.all.push(Problem { place, message: message.into(), hint: Some(hint.into()) });
    }

    /// Adds *expected `what`, but found …* and gives `None`.
    pub fn expected<T>(&mut self, what: &str, node: &Node) -> Option<T> {
        self.add(node.place, format!("expected {what}, but found {}", node.what()));
        None
    }
}
