//! The tree of a spec file before its meaning is known: every node has a place, and every scalar
//! its original text.
//!
//! A text is parsed in [`super::yaml`]; the meaning is given by the option rows and by
//! [`crate::spec::read`].

/// A place in a file: 1-based line and column, in characters. Line 0 means *no place* (a plan's
/// `declared`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

/// One node.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The place at which the node begins.
    pub place: Place,
    /// The kind and the content of the node.
    pub kind: Kind,
}

/// The kind and the content of a node.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// An empty value (`key:` without a value, `null`, `~`).
    Null,
    /// `true` or `false`, unquoted.
    Bool(bool),
    /// An unquoted number in its original notation: `1.50` stays `1.50`.
    Number(String),
    /// Any other scalar.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the file; the keys are unique.
    Map(Vec<Entry>),
}

/// One entry of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The place of the key.
    pub place: Place,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The entries of a map; empty for other nodes.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; empty for other nodes.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The kind of the node in words: `a list`, `the number 1.50`.
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

    /// Whether the node is null or, as in Compose, an empty text. (For variables, labels and
    /// commands an empty text is a value, so this test does not fit.)
    pub fn says_nothing(&self) -> bool {
        match &self.kind {
            Kind::Null => true,
            Kind::Text(text) => text.is_empty(),
            _ => false,
        }
    }

    /// `true` or `false`, also in quotes, as in Compose files. Other YAML 1.1 booleans get a hint.
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

    /// The number of values in the node, capped at `most`.
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

    /// A tree without places from a JSON value, for reading a plan's `declared`.
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

    /// The tree as JSON. A number that JSON cannot express becomes a text.
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

/// One problem in a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The place of the problem.
    pub place: Place,
    /// The message: a lowercase fragment, *expected …, but found …*.
    pub message: String,
    /// A hint to the user, if there is a hint.
    pub hint: Option<String>,
}

/// The problems in a spec so far. A failing parser adds a problem and gives `None`, so that the
/// sibling nodes are still checked.
#[derive(Debug, Default)]
pub struct Problems {
    /// The problems in the order of their discovery; they are printed in the order of the file.
    pub all: Vec<Problem>,
    /// The number of entries that ranges and files have added.
    added: usize,
}

/// The limit of entries that ranges and files add. An engine starts a process for each port, and a
/// short range must not make a huge plan.
pub const MOST_ADDED: usize = 20_000;

impl Problems {
    /// A list with earlier problems.
    pub fn with(all: Vec<Problem>) -> Self {
        Self { all, added: 0 }
    }

    /// Whether ranges may add this number of entries; reports a spec with too many entries.
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

    /// Adds an unknown word, with a suggestion. Suggestions are slow, so none is made beyond the
    /// number of shown problems.
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

    /// The suggestion for a misspelt word. Suggestions are slow, so none is made beyond the number
    /// of shown problems.
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

    /// Adds a problem with a hint.
    pub fn add_hint(&mut self, place: Place, message: impl Into<String>, hint: impl Into<String>) {
        self.all.push(Problem { place, message: message.into(), hint: Some(hint.into()) });
    }

    /// Adds *expected `what`, but found …* and gives `None`.
    pub fn expected<T>(&mut self, what: &str, node: &Node) -> Option<T> {
        self.expected_with(what, node, None)
    }

    /// Adds *expected `what`, but found …* with an optional hint, and gives `None`.
    pub fn expected_with<T>(&mut self, what: &str, node: &Node, hint: Option<&str>) -> Option<T> {
        self.all.push(Problem {
            place: node.place,
            message: format!("expected {what}, but found {}", node.what()),
            hint: hint.map(str::to_owned),
        });
        None
    }
}

/// The hint for a text that looks like a number or a boolean.
pub const QUOTE: &str = "put it in quotes";

/// Whether a key is an extension: `x-` keys are for anchors and other programs.
pub fn is_extension(word: &str) -> bool {
    word.starts_with("x-")
}
