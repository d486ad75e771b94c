//! Which texts of a container were public when bayplan created it.
//!
//! What a spec says in so many words is public, also once the spec says something else. A label
//! notes it, as digests: a text is public where its own place on the container was created with it,
//! and nowhere else. Whoever copies the labels to a container with other values shows none of them.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use crate::base::ident::LABEL_LITERALS;
use crate::options::files;
use crate::options::value;

/// So many digits tell texts apart for good.
const DIGITS: usize = 16;

/// The places of a container's configuration at which a text may be hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `environment`, by variable.
    Variable,
    /// `labels`, by key.
    Label,
    /// `command`, as a whole.
    Command,
    /// `entrypoint`, as a whole.
    Entrypoint,
    /// The test of `healthcheck`, as a whole.
    Check,
    /// What is in one of `files`, by path.
    File,
}

impl Place {
    fn word(self) -> &'static str {
        match self {
            Self::Variable => "environment",
            Self::Label => "labels",
            Self::Command => "command",
            Self::Entrypoint => "entrypoint",
            Self::Check => "healthcheck",
            Self::File => "files",
        }
    }
}

/// The value of the label: what of a create body a spec says in so many words. Nothing where it
/// says nothing.
pub fn note(body: &Json) -> Option<String> {
    let mut all = BTreeSet::new();
    for (name, value) in variables(&body["Env"]) {
        if value::marked_reference(value).is_none() {
            all.insert(digest(Place::Variable, name, &Json::from(value)));
        }
    }
    for (key, value) in body["Labels"].as_object().into_iter().flatten() {
        all.insert(digest(Place::Label, key, value));
    }
    for (path, file) in body[files::FIELD].as_object().into_iter().flatten() {
        let content = file["Content"].as_str().unwrap_or_default();
        if value::marked_reference(content).is_none() {
            all.insert(digest(Place::File, path, &file["Content"]));
        }
    }
    let wholes = [
        (Place::Command, &body["Cmd"]),
        (Place::Entrypoint, &body["Entrypoint"]),
        (Place::Check, &body["Healthcheck"]["Test"]),
    ];
    for (place, words) in wholes.into_iter().filter(|(_, words)| words.is_array()) {
        all.insert(digest(place, "", words));
    }
    (!all.is_empty()).then(|| all.into_iter().collect::<Vec<_>>().join(","))
}

/// What the label of a container says.
#[derive(Debug, Default)]
pub struct Noted(BTreeSet<String>);

impl Noted {
    /// Of the `Config` of inspect data.
    pub fn of(config: &Json) -> Self {
        let label = config["Labels"][LABEL_LITERALS].as_str().unwrap_or_default();
        let words = label.split(',').filter(|word| word.len() == DIGITS);
        Self(words.map(str::to_owned).collect())
    }

    /// Whether this value was said in so many words when the container was created.
    pub fn says(&self, place: Place, key: &str, value: &Json) -> bool {
        !self.0.is_empty() && self.0.contains(&digest(place, key, value))
    }
}

/// The variables of a list of `NAME=value`.
pub fn variables(entries: &Json) -> impl Iterator<Item = (&str, &str)> {
    let entries = entries.as_array().into_iter().flatten();
    entries.filter_map(|entry| entry.as_str()?.split_once('='))
}

fn digest(place: Place, key: &str, value: &Json) -> String {
    let text = serde_json::json!([place.word(), key, value]).to_string();
    let mut out = String::new();
    for byte in Sha256::digest(text.as_bytes()).iter().take(DIGITS / 2) {
        use std::fmt::Write as _;
        // Writing to a string never fails.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn container(label: &str) -> Json {
        json!({"Labels": {LABEL_LITERALS: label}})
    }

    #[test]
    fn what_a_spec_says_is_known_again_at_its_own_place() {
        let body = json!({
            "Env": ["LEVEL=info", "EMPTY=", "TOKEN=«from_env:TOKEN»"],
            "Labels": {"team": "red"}, "Cmd": ["serve", "--verbose"], "Entrypoint": null,
            "Healthcheck": {"Test": ["CMD", "true"]},
        });
        let label = note(&body).unwrap();
        let found = container(&label);
        let noted = Noted::of(&found);
        assert!(noted.says(Place::Variable, "LEVEL", &json!("info")));
        assert!(noted.says(Place::Label, "team", &json!("red")));
        assert!(noted.says(Place::Command, "", &json!(["serve", "--verbose"])));
        assert!(noted.says(Place::Check, "", &json!(["CMD", "true"])));
        for (place, key, value) in [
            (Place::Variable, "LEVEL", json!("debug")),
            (Place::Variable, "OTHER", json!("info")),
            (Place::Variable, "TOKEN", json!("«from_env:TOKEN»")),
            (Place::Label, "LEVEL", json!("info")),
            (Place::Command, "", json!(["serve"])),
            (Place::Entrypoint, "", Json::Null),
        ] {
            assert!(!noted.says(place, key, &value), "{place:?} {key} {value}");
        }
    }

    #[test]
    fn a_body_that_says_nothing_has_no_label() {
        assert_eq!(note(&json!({"Env": ["A=«from_env:A»"], "Cmd": null})), None);
        assert!(!Noted::of(&container("")).says(Place::Label, "a", &json!("b")));
    }
}
