//! The grammars of the planner keys, from which reading, the canonical form and the JSON Schema
//! follow.
//!
//! Rules across planner keys are [`super::planner`]'s; which keys there are says
//! [`super::vocabulary`].

use serde::Deserialize;
use serde_json::json;

use super::vocabulary;
use crate::base::ident::reserved_suffix;
use crate::base::image_ref::ImageRef;
use crate::base::{say, signal};
use crate::options::grammar::{
    Bare, Grammar, Key, Map, Names, Spelt, Table, Unreadable, Wrong, key, keys, list_of,
    list_or_one, one_of, one_text,
};
use crate::options::row_by_word;
use crate::syntax::durations;
use crate::syntax::node::Kind;

/// The limit of members of a set, and of all sets together; a larger number is a mistake.
pub(super) const MOST_MEMBERS: u32 = 10_000;

/// The maximum of a time in seconds.
const LONGEST: i64 = 24 * 60 * 60;

const SECOND: i64 = 1_000_000_000;

/// `compat` of the root.
pub(super) const COMPAT: Grammar = Grammar::Word(&["ansible-1.9", "compose"]);

/// `name`.
pub(super) const NAME: Grammar = Grammar::Name {
    what: "a name of two or more letters, digits, `_`, `.` and `-` that begins with a letter or digit",
    spell: name,
    pattern: "^[a-zA-Z0-9][a-zA-Z0-9_.-]+$",
};

/// `count`.
pub(super) const COUNT: Grammar = Grammar::Whole {
    what: "a whole number from 0 to 10000",
    least: 0,
    most: Some(MOST_MEMBERS as i64),
};

/// `image`.
pub(super) const IMAGE: Grammar =
    Grammar::Name { what: "a reference to an image", spell: image, pattern: "." };

/// `state`.
pub(super) const STATE: Grammar = Grammar::Text {
    what: "`present`, `started`, `reloaded`, `restarted`, `stopped`, `killed` or `absent`",
    spell: |text| match text {
        "running" => Err(Wrong::Meant("started")),
        _ => one_of(STATES, text),
    },
    schema: || json!({"enum": STATES}),
};

const STATES: &[&str] =
    &["present", "started", "reloaded", "restarted", "stopped", "killed", "absent"];

/// `match`.
pub(super) const MATCH: Grammar = Grammar::Word(&["image", "owned"]);

/// `pull`.
pub(super) const PULL: Grammar = Grammar::Text {
    what: "`missing`, `always` or `never`",
    spell: pull,
    schema: || json!({"enum": ["missing", "always", "never", "if_not_present"]}),
};

/// `on_stopped`.
pub(super) const ON_STOPPED: Grammar = Grammar::Word(&["start", "replace"]);

/// `recreate`.
pub(super) const RECREATE: Grammar = Grammar::Word(&["auto", "always", "never"]);

/// `compare`.
pub(super) const COMPARE: Grammar = Grammar::Table(Table {
    what: "a map of options to `strict`, `superset` or `ignore`",
    entry: compared,
    unknown: vocabulary::unknown_compared,
    words: vocabulary::compared,
});

const MODE: Grammar = Grammar::Word(&["strict", "superset", "ignore"]);

/// The modes of an option with one value.
const MODE_OF_ONE: Grammar = Grammar::Text {
    what: "`strict` or `ignore`",
    spell: |text| match text {
        "superset" => {
            let message =
                "expected `strict` or `ignore`, but found `superset`: the option has one value";
            Err(Wrong::Told(message.to_owned(), None))
        }
        _ => one_of(&["strict", "ignore"], text),
    },
    schema: || json!({"enum": ["strict", "ignore"]}),
};

/// `kill_signal`.
pub(super) const KILL_SIGNAL: Grammar = Grammar::Text {
    what: "a signal, like `HUP` or `SIGTERM`",
    spell: kill_signal,
    schema: || json!({"type": ["string", "integer"]}),
};

/// `prove_for`, and the times of `update_config`.
pub(super) const SECONDS: Grammar = Grammar::Scalar {
    what: "a duration of whole seconds up to a day, like `30s` or `1m30s`",
    read: |node| match &node.kind {
        Kind::Text(text) => text.parse::<Seconds>().ok().map(|seconds| json!(seconds)),
        Kind::Number(text) if text == "0" => Some(json!(Seconds(0))),
        _ => None,
    },
    schema: || {
        json!({"anyOf": [
            {"type": "string", "pattern": "^([0-9.]+(ns|us|µs|ms|s|m|h))+$"},
            {"const": 0},
        ]})
    },
};

/// `update_config`.
pub(super) const UPDATE_CONFIG: Grammar = keys(
    "a map with `parallelism`, `order`, …",
    &[
        key("parallelism", PARALLELISM),
        key("delay", SECONDS),
        key("order", ORDER),
        key("failure_action", FAILURE_ACTION),
        key("monitor", SECONDS),
        Key::refused(
            "max_failure_ratio",
            "`max_failure_ratio` is for a swarm, and bayplan does not support it",
            "`failure_action: continue` replaces the others whatever fails",
        ),
    ],
);

const ORDER: Grammar = Grammar::Word(&["stop-first", "start-first"]);

const FAILURE_ACTION: Grammar = Grammar::Word(&["pause", "rollback", "continue"]);

const PARALLELISM: Grammar = Grammar::Whole {
    what: "a whole number, `0` for all at once",
    least: 0,
    most: Some(MOST_MEMBERS as i64),
};

/// `depends_on`.
pub(super) const DEPENDS_ON: Grammar = Grammar::OneOf {
    what: "a list of sets or containers",
    of: &[list_of("a list of sets or containers", &DEPENDENCY), CONDITIONS],
};

const DEPENDENCY: Grammar = Grammar::Name {
    what: "the name of a set or a container",
    spell: |text| Ok(json!(text)),
    pattern: "",
};

const CONDITIONS: Grammar = Grammar::Map(Map {
    what: "a map of sets or containers",
    names: Names::Any,
    value: &keys(
        "a map with `condition`",
        &[
            key("condition", CONDITION),
            key("required", Grammar::Bool),
            key("restart", Grammar::Bool),
        ],
    ),
    pairs: false,
    bare: Bare::Is(|_| json!({})),
});

const CONDITION: Grammar =
    Grammar::Word(&["service_started", "service_healthy", "service_completed_successfully"]);

/// `env_file`.
pub(super) const ENV_FILES: Grammar =
    list_or_one("the path of an environment file, or a list of paths", &ENV_FILE);

/// An environment file.
pub(super) const ENV_FILE: Grammar = Grammar::OneOf {
    what: "the path of an environment file",
    of: &[
        ENV_PATH,
        keys(
            "a map with `path`",
            &[
                key("path", ENV_PATH).required(),
                key("required", Grammar::Bool),
                key("format", Grammar::Word(&["raw"])),
            ],
        ),
    ],
};

const ENV_PATH: Grammar =
    Grammar::Name { what: "the path of an environment file", spell: path, pattern: "." };

/// `label_file`. The shell replaces the files that it reads by their labels, so that a file that is
/// still named is an error.
pub(super) const LABEL_FILES: Grammar = list_or_one(
    "the path of a file of labels, or a list of paths",
    &Grammar::Name {
        what: "the path of a file of labels",
        spell: |path| match path {
            "" => Err(Wrong::Other),
            path => {
                let found = say::short(path);
                let message = format!("expected the file of labels `{found}`, but it was not read");
                Err(Wrong::Told(message, None))
            }
        },
        pattern: ".",
    },
);

/// A time in whole seconds, up to a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seconds(pub u32);

one_text!(Seconds);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&durations::spelt(i64::from(self.0) * SECOND))
    }
}

impl std::str::FromStr for Seconds {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let nanos = durations::nanoseconds(text).filter(|nanos| nanos % SECOND == 0);
        let seconds = nanos.map(|nanos| nanos / SECOND).filter(|seconds| *seconds <= LONGEST);
        seconds.and_then(|seconds| u32::try_from(seconds).ok()).map(Self).ok_or(Unreadable)
    }
}

fn name(text: &str) -> Spelt {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if text.len() < 2 || !begins || !text.chars().all(inside) {
        return Err(Wrong::Other);
    }
    match reserved_suffix(text) {
        (_, None) => Ok(json!(text)),
        (_, Some(suffix)) => {
            let found = say::short(text);
            let message = format!(
                "expected a name that does not end in `{suffix}`, which is bayplan's own, but \
                 found the text `{found}`"
            );
            Err(Wrong::Told(message, None))
        }
    }
}

fn image(text: &str) -> Spelt {
    match ImageRef::parse(text) {
        Ok(_) => Ok(json!(text)),
        Err(error) => {
            let found = say::short(text);
            let message = format!("expected a reference to an image, but found `{found}`: {error}");
            Err(Wrong::Told(message, None))
        }
    }
}

fn pull(text: &str) -> Spelt {
    let hint = match text {
        // Compose has another word for `missing`.
        "if_not_present" => return Ok(json!("missing")),
        "build" => "build the image elsewhere and name it in `image`",
        _ if matches!(text, "daily" | "weekly") || text.starts_with("every_") => {
            "`always` asks the registry whenever a plan is made: make one that often"
        }
        _ => return one_of(&["missing", "always", "never"], text),
    };
    let found = say::short(text);
    let message = format!("expected `missing`, `always` or `never`, but found the text `{found}`");
    Err(Wrong::Told(message, Some(hint)))
}

/// Gives `SIGHUP`, `hup` and `HUP` the form `HUP`; a number stays a number.
fn kill_signal(text: &str) -> Spelt {
    let number = signal::number(text);
    if text.parse::<u64>().is_ok() {
        let wrong = Wrong::Expected("a signal from 1 to 64");
        return number.map(|number| json!(number.to_string())).ok_or(wrong);
    }
    match number {
        Some(_) => Ok(json!(signal::bare(text))),
        None => Err(Wrong::NoWord(signal::bare(text), signal::NAMES)),
    }
}

/// The key of an option in `compare`, and the grammar of its mode.
fn compared(word: &str) -> Option<(&'static str, &'static Grammar)> {
    match word {
        "*" => Some(("*", &MODE)),
        "image" => Some(("image", &MODE_OF_ONE)),
        _ => {
            let about = row_by_word(word)?.def();
            Some((about.key, if about.many { &MODE } else { &MODE_OF_ONE }))
        }
    }
}

/// An environment file in a spec.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum EnvFile {
    /// A path.
    Path(String),
    /// A path with settings.
    Long {
        /// The path.
        path: String,
        /// Whether the file must exist.
        #[serde(default = "yes")]
        required: bool,
        /// `raw`: the file has no quotes.
        format: Option<String>,
    },
}

fn yes() -> bool {
    true
}

fn path(text: &str) -> Spelt {
    if text.is_empty() { Err(Wrong::Other) } else { Ok(json!(text)) }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::Value as Json;

    use super::*;
    use crate::options::Mode;
    use crate::spec::{
        Compat, FailureAction, Matching, OnStopped, Order, Pull, Recreate, State, Until,
    };
    use crate::syntax::node::{Node, Problems};

    /// Reads every word of a schema as a value.
    fn every_word<T: DeserializeOwned>(grammar: &Grammar, schema: &Json) {
        let words = schema["enum"].as_array().unwrap();
        assert!(words.len() > 1, "{schema}");
        for word in words {
            let mut problems = Problems::default();
            let read = grammar.read(&Node::from_json(word), &mut problems).unwrap();
            assert!(serde_json::from_value::<T>(read).is_ok(), "{word}");
        }
    }

    #[test]
    fn every_word_of_a_grammar_is_a_value() {
        let alone = |grammar: &Grammar| grammar.schema();
        every_word::<Compat>(&COMPAT, &alone(&COMPAT));
        every_word::<State>(&STATE, &alone(&STATE));
        every_word::<Matching>(&MATCH, &alone(&MATCH));
        every_word::<Pull>(&PULL, &alone(&PULL));
        every_word::<OnStopped>(&ON_STOPPED, &alone(&ON_STOPPED));
        every_word::<Recreate>(&RECREATE, &alone(&RECREATE));
        every_word::<Mode>(&MODE, &alone(&MODE));
        every_word::<Order>(&ORDER, &alone(&ORDER));
        every_word::<FailureAction>(&FAILURE_ACTION, &alone(&FAILURE_ACTION));
        every_word::<Until>(&CONDITION, &alone(&CONDITION));
    }

    #[test]
    fn the_limit_of_members_is_told_as_it_is() {
        let Grammar::Whole { what, most, .. } = COUNT else { panic!("a number") };
        assert!(what.ends_with(&most.unwrap().to_string()));
    }
}
