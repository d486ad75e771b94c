//! Redaction for an import: decides which texts of a look may appear in the new spec.
//!
//! A variable's value that does not come from the image becomes a reference. The reference has the
//! variable's name. If containers have different values under one name, the reference starts with
//! the key of its set. Every other private text stays hidden, unless the user declares the text
//! public.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{Redactor, Unredacted, View, texts};
use crate::base::ident::{ContainerId, Reference, SetName};
use crate::base::say;
use crate::observed::pick::Picked;
use crate::observed::snapshot::{Container, Snapshot};
use crate::options::inspect_view::InspectView;
use crate::options::value::{HIDDEN, Live};
use crate::options::{Body, Context, ROWS, row_by_word};
use crate::syntax::node::{Node, Problems};

/// The texts that the user declares public.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Literal {
    /// All texts.
    pub all: bool,
    /// The texts of options by key, and of environment variables by name.
    pub words: BTreeSet<String>,
}

/// The public texts of one container.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// Public texts.
    pub(super) texts: BTreeSet<String>,
    /// The variables whose values are public.
    variables: BTreeSet<String>,
    /// Whether the values of all variables are public.
    all: bool,
}

impl Open {
    /// Whether the value of a variable is public.
    pub(super) fn says(&self, variable: &str) -> bool {
        self.all || self.variables.contains(variable)
    }
}

impl Literal {
    /// A word that is neither an option nor a variable, with a suggestion.
    pub fn unknown(&self, snapshot: &Snapshot, picked: &Picked) -> Option<(&str, Option<String>)> {
        let chosen = picked.chosen.iter().filter_map(|chosen| snapshot.by_id(&chosen.id));
        let names: BTreeSet<&str> = chosen.flat_map(variables).map(|(name, _)| name).collect();
        let known = |word: &&String| row_by_word(word).is_some() || names.contains(word.as_str());
        let word = self.words.iter().find(|word| !known(word))?;
        let keys = ROWS.iter().map(|row| row.def().key);
        let close = say::did_you_mean(word, names.iter().copied().chain(keys));
        Some((word, close.map(|close| format!("did you mean `{close}`?"))))
    }

    fn open(&self, container: &Container) -> Open {
        let words = self.words.iter().filter_map(|word| row_by_word(word));
        let all = self.all || words.clone().any(|row| row.def().key == "environment");
        let mut open = Open { all, variables: self.words.clone(), ..Open::default() };
        let Some(inspect) = &container.inspect else { return open };
        if self.all {
            texts(inspect, &mut open.texts);
            return open;
        }
        let look = InspectView::new(inspect, &BTreeMap::new());
        for row in words {
            let spelt = row.to_spec(&look);
            texts(&spelt, &mut open.texts);
            texts(&row.read(&look).show(), &mut open.texts);
            if let Some(declared) = row.parse(&Node::from_json(&spelt), &mut Problems::default()) {
                let mut body = Body::new();
                declared.write(&mut body, &Context::default());
                texts(body.json(), &mut open.texts);
            }
        }
        open
    }
}

/// The readable values of each container's variables, by name.
type Values = BTreeMap<ContainerId, BTreeMap<String, String>>;

impl Unredacted {
    /// Hides all private texts, and chooses the names of references.
    pub fn seal_for_import(
        self,
        pick: impl FnOnce(&Snapshot) -> Picked,
        literal: &Literal,
    ) -> (Snapshot, Picked) {
        let Self(mut snapshot) = self;
        let picked = pick(&snapshot);
        let before = values(&snapshot, &picked);
        let redactor = Redactor::new(None, BTreeMap::new());
        let world = redactor.world(&snapshot.images, &snapshot.references);
        for container in &mut snapshot.containers {
            let open = literal.open(container);
            View::of(&redactor, &world, container, &open).container(container);
        }
        // Other texts are redacted as usual; redacting twice gives the same text.
        let marks: Vec<_> =
            snapshot.containers.iter_mut().map(|each| std::mem::take(&mut each.inspect)).collect();
        let mut snapshot = Self(snapshot).redact(&redactor);
        for (container, inspect) in snapshot.containers.iter_mut().zip(marks) {
            container.inspect = inspect;
        }
        refer(&mut snapshot, &picked, &before);
        (snapshot, picked)
    }
}

/// Redacts a look that is already redacted: hidden values stay hidden, and any two hidden values
/// count as different.
pub fn name_hidden(mut snapshot: Snapshot, picked: &Picked) -> Snapshot {
    let mut before = values(&snapshot, picked);
    for chosen in &picked.chosen {
        for value in before.get_mut(&chosen.id).into_iter().flat_map(BTreeMap::values_mut) {
            *value = chosen.key.to_string();
        }
    }
    refer(&mut snapshot, picked, &before);
    snapshot
}

fn variables(container: &Container) -> impl Iterator<Item = (&str, &str)> {
    let entries =
        container.inspect.as_ref().and_then(|inspect| inspect["Config"]["Env"].as_array());
    entries.into_iter().flatten().filter_map(Json::as_str).filter_map(|entry| entry.split_once('='))
}

fn values(snapshot: &Snapshot, picked: &Picked) -> Values {
    let mut values = Values::new();
    let chosen: BTreeSet<&ContainerId> = picked.chosen.iter().map(|chosen| &chosen.id).collect();
    for container in snapshot.containers.iter().filter(|each| chosen.contains(&each.id())) {
        let own = variables(container).map(|(name, value)| (name.to_owned(), value.to_owned()));
        values.insert(container.id(), own.collect());
    }
    values
}

/// Marks each hidden value with its future reference.
fn refer(snapshot: &mut Snapshot, picked: &Picked, before: &Values) {
    let mut distinct: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut hidden: BTreeMap<ContainerId, BTreeSet<String>> = BTreeMap::new();
    let keys: BTreeMap<&ContainerId, &SetName> =
        picked.chosen.iter().map(|chosen| (&chosen.id, &chosen.key)).collect();
    for container in &snapshot.containers {
        let id = container.id();
        if !keys.contains_key(&id) {
            continue;
        }
        for (name, _) in variables(container).filter(|(_, value)| *value == HIDDEN) {
            let value = before.get(&id).and_then(|own| own.get(name));
            distinct.entry(name.to_owned()).or_default().insert(value.map_or("", String::as_str));
            hidden.entry(id.clone()).or_default().insert(name.to_owned());
        }
    }
    let mut taken: BTreeSet<String> = distinct.keys().cloned().collect();
    for container in &mut snapshot.containers {
        let id = container.id();
        let Some(key) = keys.get(&id) else { continue };
        for name in hidden.get(&id).into_iter().flatten() {
            let live = container.env.entry(name.clone()).or_insert_with(Live::default);
            if !live.equal.is_empty() {
                continue;
            }
            let several = distinct.get(name).is_some_and(|values| values.len() > 1);
            let called =
                if several { free(&prefixed(key, name), &mut taken) } else { name.clone() };
            live.equal.insert(Reference::Env { name: called });
        }
    }
}

/// A reference name with the key of the set: `PASSWORD` of `shop-db` becomes `SHOP_DB_PASSWORD`.
fn prefixed(key: &SetName, name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let key: String = key.as_str().chars().map(plain).collect();
    let digit = key.starts_with(|c: char| c.is_ascii_digit());
    format!("{}{key}_{name}", if digit { "_" } else { "" })
}

/// The name, or the name with the first free number.
fn free(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut called = name.to_owned();
    let mut number = 2_u32;
    while !taken.insert(called.clone()) {
        called = format!("{name}_{number}");
        number += 1;
    }
    called
}
