//! The values of secret references, in memory only: variables of the environment and of environment
//! files. The module also fills the values into create bodies.
//!
//! The format of environment files is in [`crate::syntax::env_file`]; the command line reads the
//! files. No code here prints a value, and types with values have no `Debug`.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;

use super::FilledBody;
use crate::base::ident::Reference;
use crate::options::Body;
use crate::options::value;
use crate::syntax::env_file::{EnvFile, Fault, Resolved, Unset};
use crate::syntax::template::{Seen, Template};

/// References with their values.
#[derive(Default)]
pub struct Secrets {
    values: BTreeMap<Reference, SecretString>,
    missing: BTreeSet<Reference>,
    /// For missing references, the line in their file that uses an unset variable.
    lacking: BTreeMap<Reference, usize>,
}

impl Secrets {
    /// Resolves references: variables in the environment, and in the files that `files` reads.
    ///
    /// `unset` gives the value for unset variables in files. References without a value are in
    /// [`missing`](Self::missing). A faulty file gives the error of `files`.
    pub fn resolve<E>(
        references: &BTreeSet<Reference>,
        unset: Unset,
        files: impl Fn(&str) -> Result<Option<EnvFile>, Vec<E>>,
        fault: impl Fn(&str, Fault) -> E,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<E>> {
        let mut secrets = Self::default();
        let mut read: BTreeMap<&str, Resolved> = BTreeMap::new();
        let mut faults = Vec::new();
        for reference in references {
            let value = match reference {
                Reference::Env { name } => environment(name).map(SecretString::from),
                Reference::Template { text } => filled(text, environment),
                Reference::EnvFile { path, name } => {
                    let file = read.entry(path).or_insert_with(|| {
                        let file = files(path).and_then(|file| {
                            let file = file.unwrap_or_default();
                            file.resolve(unset, environment)
                                .map_err(|wrong| vec![fault(path, wrong)])
                        });
                        file.unwrap_or_else(|wrong| {
                            faults.extend(wrong);
                            Resolved::default()
                        })
                    });
                    let line = file.lacking.get(name).map(|line| (reference.clone(), *line));
                    secrets.lacking.extend(line);
                    file.values.get(name).cloned()
                }
            };
            match value {
                Some(value) => drop(secrets.values.insert(reference.clone(), value)),
                None => drop(secrets.missing.insert(reference.clone())),
            }
        }
        if faults.is_empty() { Ok(secrets) } else { Err(faults) }
    }

    /// The references without a value.
    pub fn missing(&self) -> &BTreeSet<Reference> {
        &self.missing
    }

    /// The line in the reference's file that uses an unset variable.
    pub fn lacking(&self, reference: &Reference) -> Option<usize> {
        self.lacking.get(reference).copied()
    }

    /// The resolved values, for sealing a snapshot.
    pub fn values(&self) -> &BTreeMap<Reference, SecretString> {
        &self.values
    }

    /// Replaces the references in a body by their values. The error lists every reference without a
    /// value.
    pub fn fill(&self, body: &Body) -> Result<FilledBody, BTreeSet<Reference>> {
        let mut json = body.json().clone();
        let mut missing = BTreeSet::new();
        self.fill_json(&mut json, &mut missing);
        if missing.is_empty() { Ok(FilledBody::new(json)) } else { Err(missing) }
    }

    fn fill_json(&self, json: &mut Json, missing: &mut BTreeSet<Reference>) {
        match json {
            Json::String(text) => self.fill_text(text, missing),
            Json::Array(items) => {
                for item in items {
                    self.fill_json(item, missing);
                }
            }
            Json::Object(map) => {
                for value in map.values_mut() {
                    self.fill_json(value, missing);
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }

    /// Fills a text; a reference is a whole text, or the part after `NAME=`.
    fn fill_text(&self, text: &mut String, missing: &mut BTreeSet<Reference>) {
        let (begin, mark) = match text.split_once('=') {
            Some((name, value)) if !text.starts_with('«') => (format!("{name}="), value),
            _ => (String::new(), text.as_str()),
        };
        let Some(reference) = value::marked_reference(mark) else { return };
        match self.values.get(&reference) {
            Some(value) => *text = begin + value.expose_secret(),
            None => drop(missing.insert(reference)),
        }
    }
}

/// A text with its variables replaced; `None` if a required variable is unset.
fn filled(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Option<SecretString> {
    let mut seen = Seen::default();
    let filled = Template::parse(text).ok()?.fill(environment, &mut seen).ok()?;
    seen.unset.is_empty().then(|| SecretString::from(filled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn env(name: &str) -> Reference {
        Reference::Env { name: name.into() }
    }

    fn file(name: &str) -> Reference {
        Reference::EnvFile { path: "app.env".into(), name: name.into() }
    }

    fn resolve(asked: &BTreeSet<Reference>, text: &str) -> Result<Secrets, Vec<String>> {
        let files = |path: &str| match path {
            "app.env" => EnvFile::parse(text)
                .map(Some)
                .map_err(|faults| faults.iter().map(|fault| fault.in_file(path)).collect()),
            _ => Ok(None),
        };
        let around = |name: &str| (name == "X" || name == "B").then(|| format!("value of {name}"));
        Secrets::resolve(asked, Unset::Missing, files, |path, fault| fault.in_file(path), &around)
    }

    #[test]
    fn references_are_resolved_filled_in_or_listed_as_missing() {
        let absent = Reference::EnvFile { path: "no.env".into(), name: "A".into() };
        let asked = BTreeSet::from([
            env("X"),
            env("Y"),
            file("A"),
            file("B"),
            file("C"),
            file("D"),
            absent.clone(),
        ]);
        let secrets = resolve(&asked, "A=from file\nB\nD=$Y\n").ok().unwrap();
        assert_eq!(*secrets.missing(), BTreeSet::from([env("Y"), file("C"), file("D"), absent]));
        assert_eq!(secrets.lacking(&file("D")), Some(3));
        assert_eq!(secrets.lacking(&file("C")), None);

        let body = Body::from_json(json!({
            "Image": "a=b",
            "Env": ["P=«from_env:X»", "Q=«env_file:app.env#A»", "R=«env_file:app.env#B»", "S=plain"],
        }));
        let filled = secrets.fill(&body).ok().unwrap();
        assert_eq!(
            *filled.expose(),
            json!({
                "Image": "a=b",
                "Env": ["P=value of X", "Q=from file", "R=value of B", "S=plain"],
            })
        );
        let lacking = Body::from_json(json!({"Env": ["P=«from_env:Y»", "Q=«from_env:X»"]}));
        assert_eq!(secrets.fill(&lacking).err().unwrap(), BTreeSet::from([env("Y")]));
    }

    #[test]
    fn a_broken_file_is_an_error_that_does_not_quote_it() {
        let asked = BTreeSet::from([file("A")]);
        let faults = resolve(&asked, "A=1\nnot a hunter2 name\n").err().unwrap();
        assert!(faults[0].starts_with("app.env:2: "), "{faults:?}");
        assert!(!faults[0].contains("hunter2"), "{faults:?}");
    }
}
