//! Networks and volumes of the root of a spec on one engine: whether they are there, the body that
//! creates one, and what differs from one that is there.
//!
//! What becomes of them is the planner's ([`crate::planner`]); which containers are attached to
//! a network or mount a volume is the containers' options'.

pub mod network;
pub mod volume;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use crate::base::ident::{LABEL_LITERALS, LABEL_PREFIX, LABEL_PROJECT, ObjectKey, ProjectName};
use crate::options::literals;
use crate::options::value::HIDDEN;
use crate::plan::{OptionDifference, Origin, Reason};

/// What an engine has under a name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Found<'a> {
    /// Nothing.
    None,
    /// One.
    One(&'a Json),
    /// So many networks of one name: every call by that name would be a guess.
    Several(usize),
}

/// What is there of this name.
pub fn named<'a>(all: &'a [Json], name: &str) -> Found<'a> {
    let mut found = all.iter().filter(|object| object["Name"] == name);
    match (found.next(), found.count()) {
        (None, _) => Found::None,
        (Some(one), 0) => Found::One(one),
        (Some(_), more) => Found::Several(more + 1),
    }
}

/// Many networks or volumes by name, for whoever asks for many of them.
#[derive(Debug, Default)]
pub struct Names<'a>(BTreeMap<&'a str, Found<'a>>);

impl<'a> Names<'a> {
    /// The names of these.
    pub fn of(all: &'a [Json]) -> Self {
        let mut names: BTreeMap<&str, Found<'_>> = BTreeMap::new();
        for (name, object) in
            all.iter().filter_map(|object| Some((object["Name"].as_str()?, object)))
        {
            let found = names.entry(name).or_insert(Found::None);
            *found = match found {
                Found::None => Found::One(object),
                Found::One(_) => Found::Several(2),
                Found::Several(number) => Found::Several(*number + 1),
            };
        }
        Self(names)
    }

    /// See [`named`].
    pub fn named(&self, name: &str) -> Found<'a> {
        self.0.get(name).copied().unwrap_or(Found::None)
    }
}

/// Whether bayplan made it, for which project and under which key. `label` is that of its kind.
pub fn owner(found: &Json, label: &str) -> Option<(ProjectName, ObjectKey)> {
    let text = |label: &str| found["Labels"][label].as_str();
    Some((ProjectName::new(text(LABEL_PROJECT)?), ObjectKey::new(text(label)?)))
}

/// What came of comparing one with what is declared.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Differences {
    /// What differs, by key of the spec.
    pub reasons: Vec<Reason>,
    /// What cannot be told: it is hidden.
    pub unknown: Vec<&'static str>,
}

impl Differences {
    fn unless(&mut self, same: bool, key: &str, expected: Json, found: Json) {
        if !same {
            self.reasons.push(Reason::Option(OptionDifference {
                option: key.to_owned(),
                origin: Origin::Declared,
                expected,
                found,
                in_place: false,
                references: None,
            }));
        }
    }

    /// Maps of texts. One that bayplan made has no more than is declared; of others what nobody
    /// declared is their own business.
    fn maps(
        &mut self,
        key: &'static str,
        expected: &BTreeMap<String, String>,
        found: &Json,
        terms: Terms<'_>,
    ) {
        let found: BTreeMap<String, String> = found
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, _)| !key.starts_with(LABEL_PREFIX))
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect();
        let mut unknown = false;
        let same = expected.iter().all(|(key, value)| match found.get(key) {
            // What the spec says is public, so what is hidden is something else, unless the look
            // was taken without the spec.
            Some(text) if text == HIDDEN && !terms.public.contains(value) => {
                unknown = true;
                true
            }
            found => found == Some(value),
        });
        let more = terms.owned && found.keys().any(|key| !expected.contains_key(key));
        if unknown {
            self.unknown.push(key);
        }
        self.unless(same && !more, key, json!(expected), json!(found));
    }
}

/// How strictly one is compared.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Bayplan made it: what is no longer declared is a difference, too.
    pub owned: bool,
    /// Texts that a hidden value surely is not.
    pub public: &'a BTreeSet<String>,
}

/// Adds our labels to a body, which has the declared ones. `label` is that of its kind.
fn label(body: &mut Map<String, Json>, project: &ProjectName, label: &str, key: &ObjectKey) {
    let noted = literals::note(&Json::Object(body.clone()));
    if let Some(Json::Object(labels)) = body.get_mut("Labels") {
        labels.insert(LABEL_PROJECT.to_owned(), json!(project));
        labels.insert(label.to_owned(), json!(key));
        labels.extend(noted.map(|noted| (LABEL_LITERALS.to_owned(), json!(noted))));
    }
}

#[cfg(test)]
mod tests;
