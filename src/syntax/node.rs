//! The small tree that a spec file is read into before anything is known of its meaning: every
//! node with its place, every scalar as it was written.
//!
//! Reading text into it is [`super::yaml`]'s; giving it a meaning is the rows' and [`crate::spec::read`]'s.

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
            Kind::Text(text) => format!("the text `{}`", crate::base::say::short(text)),
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

    /// `true` or `false`, in quotes too: Compose files have them so. What YAML 1.1 took for them
    /// gets a hint.
    pub fn boolean(&self, problems: &mut Problems) -> Option<bool> {
        let meant = match &self.kind {
            Kind::Bool(value) => return Some(*value),
            Kind::Text(text) if text == "true" => return Some(true),
            Kind::Text(text) if text == "false" => return Some(false),
            Kind::Text(text) => match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "y" | "true" => Some("write `true`"),
                "no" | "off" | "n" | "false" => Some("write `false`"),
                _ => None,
            },
            _ => None,
        };
        problems.expected_with("`true` or `false`", self, meant)
    }

    /// How many values are in it, and at most so many.
    pub fn size(&self, most: usize) -> usize {
        let mut left = vec![self];
        let mut found = 0;
        while let Some(node) = left.pop().filter(|_| found < most) {
            match &node.kind {
                Kind::List(items) => left.extend(items.iter().take(most)),
                Kind::Map(entries) => {
                    left.extend(entries.iter().take(most).map(|entry| &entry.value));
                }
                _ => {}
            }
            found += 1;
        }
        found
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
    /// How many entries stand for more than what is written.
    added: usize,
}

/// The most entries that ranges and files add to what a spec says itself: an engine starts a
/// process for each port, and a few letters shall not make a plan of many megabytes.
pub const MOST_ADDED: usize = 20_000;

impl Problems {
    /// With these, that were found before.
    pub fn with(all: Vec<Problem>) -> Self {
        Self { all, added: 0 }
    }

    /// Whether one entry may stand for so many; it is told where that gets too much for one spec.
    pub fn may_add(&mut self, entries: usize, place: Place) -> bool {
        let before = self.added;
        self.added = before.saturating_add(entries.saturating_sub(1));
        if self.added <= MOST_ADDED {
            return true;
        }
        if before <= MOST_ADDED {
            let message = format!(
                "expected at most {MOST_ADDED} entries from ranges and files in one spec, but \
                 found more"
            );
            self.add_hint(place, message, "`network_mode: host` needs no `ports`; split the spec");
        }
        false
    }

    /// Adds what is wrong with a word that nobody knows, and what it may have been meant to be: that
    /// takes long to find out, and is told no more where more is wrong than is shown.
    pub fn unknown(
        &mut self,
        entry: &Entry,
        word: &str,
        what: impl Fn(&str) -> (String, Option<String>),
    ) {
        let (message, hint) = if self.all.len() < crate::base::say::MOST {
            what(word)
        } else {
            (
                format!(
                    "expected a key that is known, but found `{}`",
                    crate::base::say::short(word)
                ),
                None,
            )
        };
        self.all.push(Problem { place: entry.place, message, hint });
    }

    /// What a misspelt word most likely meant: that takes long to find out, and is not told where
    /// more is wrong than is shown.
    pub fn close<'a>(
        &self,
        word: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Option<&'a str> {
        let told = self.all.len() < crate::base::say::MOST;
        told.then(|| crate::base::say::did_you_mean(word, candidates)).flatten()
    }

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
        self.expected_with(what, node, None)
    }

    /// The same with a way out, if there is one.
    pub fn expected_with<T>(&mut self, what: &str, node: &Node, hint: Option<&str>) -> Option<T> {
        self.all.push(Problem {
            place: node.place,
            message: format!("expected {what}, but found {}", node.what()),
            hint: hint.map(str::to_owned),
        });
        None
    }
}

/// Whether a key is an extension: `x-` and anything, there for anchors and other programs.
pub fn is_extension(word: &str) -> bool {
    word.starts_with("x-")
}
