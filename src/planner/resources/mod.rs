//! Compares the networks and volumes of a spec with one engine, and builds the bodies that create
//! them.
//!
//! The changes of networks and volumes are the planner's ([`crate::planner`]). The networks and
//! mounts of a container are the container options'.

pub mod network;
pub mod volume;

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::base::ident::{
    COMPOSE_MADE_BY, COMPOSE_PREFIX, COMPOSE_PROJECT, LABEL_LITERALS, LABEL_PREFIX, LABEL_PROJECT,
    ObjectKey, ProjectName,
};
use crate::observed::snapshot::Texts;
use crate::options::literals;
use crate::options::value::{Atom, HIDDEN};
use crate::plan::{OptionDifference, Origin, Reason};
use crate::spec::body::COMPOSE_VERSION;

/// The networks or volumes with one name on an engine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Found<'a> {
    /// No resource has the name.
    None,
    /// One resource has the name.
    One(&'a Json),
    /// This number of networks or volumes share the name, so a call by name is ambiguous.
    Several(usize),
}

/// Finds the networks or volumes with a name.
pub fn named<'a>(all: &'a [Json], name: &str) -> Found<'a> {
    let mut found = all.iter().filter(|object| object["Name"] == name);
    match (found.next(), found.count()) {
        (None, _) => Found::None,
        (Some(one), 0) => Found::One(one),
        (Some(_), more) => Found::Several(more + 1),
    }
}

/// An index of networks or volumes by name, for many lookups.
#[derive(Debug, Default)]
pub struct Names<'a>(BTreeMap<&'a str, Found<'a>>);

impl<'a> Names<'a> {
    /// Indexes networks or volumes.
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

/// The project and key of a resource that bayplan created; `label` is the label of its kind.
pub fn owner(found: &Json, label: &str) -> Option<(ProjectName, ObjectKey)> {
    let text = |label: &str| found["Labels"][label].as_str();
    Some((ProjectName::new(text(LABEL_PROJECT)?), ObjectKey::new(text(label)?)))
}

/// The result of comparing a resource with its declaration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Differences {
    /// The differences, by key of the spec.
    pub reasons: Vec<Reason>,
    /// The keys that hidden values leave undecided.
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

    /// Compares maps of texts. A resource of bayplan must have no undeclared entries; other
    /// resources may have undeclared entries.
    fn maps(
        &mut self,
        (key, place): (&'static str, &str),
        expected: &BTreeMap<String, String>,
        found: &Json,
        terms: Terms<'_>,
    ) {
        let found: BTreeMap<String, String> = found
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, _)| !key.starts_with(LABEL_PREFIX))
            .filter(|(key, _)| !key.starts_with(COMPOSE_PREFIX) || expected.contains_key(*key))
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect();
        let mut unknown = false;
        let same = expected.iter().all(|(key, value)| match found.get(key) {
            // The look would have shown a text that was public here, so a hidden text differs.
            Some(text) if text == HIDDEN && !terms.would_show(place, key, value) => {
                unknown = true;
                true
            }
            found => found == Some(value),
        });
        let more = terms.owned && found.keys().any(|key| !expected.contains_key(key));
        if unknown {
            self.unknown.push(key);
        }
        let shown: BTreeMap<&String, Json> =
            found.iter().map(|(key, text)| (key, Atom::text(text).show())).collect();
        self.unless(same && !more, key, json!(expected), json!(shown));
    }
}

/// The strictness of the comparison of a resource.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Bayplan created the resource, so undeclared entries are differences too.
    pub owned: bool,
    /// The texts that were public in the resource, by place.
    pub public: Option<&'a Texts>,
}

impl Terms<'_> {
    fn would_show(self, place: &str, key: &str, value: &str) -> bool {
        self.public.is_some_and(|texts| texts.say(&format!("{place}.{key}"), value))
    }
}

/// Adds the labels of bayplan to a body with the declared labels; `label` is the label of the kind.
fn label(body: &mut Map<String, Json>, project: &ProjectName, label: &str, key: &ObjectKey) {
    let noted = literals::note(&Json::Object(body.clone()));
    if let Some(Json::Object(labels)) = body.get_mut("Labels") {
        if labels.contains_key(COMPOSE_PROJECT) {
            labels.insert(COMPOSE_MADE_BY.to_owned(), json!(COMPOSE_VERSION));
        }
        labels.insert(LABEL_PROJECT.to_owned(), json!(project));
        labels.insert(label.to_owned(), json!(key));
        labels.extend(noted.map(|noted| (LABEL_LITERALS.to_owned(), json!(noted))));
    }
}

#[cfg(test)]
mod tests;
