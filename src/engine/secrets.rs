//! What references resolve to, in memory only: variables of the environment and of environment
//! files. Filling them into create bodies.
//!
//! The format of environment files is [`crate::spec::env_file`]'s. Nothing here prints a value,
//! and what holds one has no `Debug`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;

use super::FilledBody;
use crate::ident::Reference;
use crate::options::Body;
use crate::options::canon;
use crate::spec::env_file::{EnvFile, Format};

/// The longest environment file, in bytes.
const FILE_LIMIT: u64 = 4 << 20;

/// References and what they are.
#[derive(Default)]
pub struct Secrets {
    values: BTreeMap<Reference, SecretString>,
    missing: BTreeSet<Reference>,
}

impl Secrets {
    /// Looks references up: variables in the environment, files relative to the spec's folder.
    ///
    /// What is not there is [`missing`](Self::missing); a file that is there and cannot be read is
    /// an error, each with file and line and never with its text.
    pub fn resolve(
        references: &BTreeSet<Reference>,
        folder: &Path,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<String>> {
        let mut secrets = Self::default();
        let mut files: BTreeMap<&str, Option<EnvFile>> = BTreeMap::new();
        let mut faults = Vec::new();
        for reference in references {
            let value = match reference {
                Reference::Env { name } => environment(name).map(SecretString::from),
                Reference::EnvFile { path, name } => {
                    let file = files.entry(path).or_insert_with(|| {
                        read(folder, path).unwrap_or_else(|wrong| {
                            faults.extend(wrong);
                            None
                        })
                    });
                    match file.as_ref().and_then(|file| file.variables.get(name)) {
                        Some(Some(value)) => Some(value.clone()),
                        Some(None) => environment(name).map(SecretString::from),
                        None => None,
                    }
                }
            };
            match value {
                Some(value) => drop(secrets.values.insert(reference.clone(), value)),
                None => drop(secrets.missing.insert(reference.clone())),
            }
        }
        if faults.is_empty() { Ok(secrets) } else { Err(faults) }
    }

    /// The references that mean nothing here.
    pub fn missing(&self) -> &BTreeSet<Reference> {
        &self.missing
    }

    /// What was resolved, for sealing a snapshot.
    pub fn values(&self) -> &BTreeMap<Reference, SecretString> {
        &self.values
    }

    /// Puts values where a body has references. The error lists every reference without one.
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

    /// A reference stands for a whole text, or for what follows `NAME=`.
    fn fill_text(&self, text: &mut String, missing: &mut BTreeSet<Reference>) {
        let (begin, mark) = match text.split_once('=') {
            Some((name, value)) if !text.starts_with('«') => (format!("{name}="), value),
            _ => (String::new(), text.as_str()),
        };
        let Some(reference) = canon::marked_reference(mark) else { return };
        match self.values.get(&reference) {
            Some(value) => *text = begin + value.expose_secret(),
            None => drop(missing.insert(reference)),
        }
    }
}

/// An environment file; `None`: it is not there.
fn read(folder: &Path, path: &str) -> Result<Option<EnvFile>, Vec<String>> {
    let (path, format) = Format::of(path);
    let shown = crate::say::safe(path);
    let file = match std::fs::File::open(folder.join(path)) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(vec![format!("{shown}: {error}")]),
    };
    let mut text = String::new();
    match file.take(FILE_LIMIT + 1).read_to_string(&mut text) {
        Ok(_) if text.len() as u64 > FILE_LIMIT => {
            Err(vec![format!("{shown}: expected at most {FILE_LIMIT} bytes, but it is longer")])
        }
        Ok(_) => EnvFile::parse_as(&text, format)
            .map(Some)
            .map_err(|faults| faults.iter().map(|fault| fault.in_file(path)).collect()),
        Err(error) => Err(vec![format!("{shown}: {}", error.kind())]),
    }
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

    #[test]
    fn references_are_resolved_filled_in_or_listed_as_missing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("app.env"), "A=from file\nB\n").unwrap();
        let absent = Reference::EnvFile { path: "no.env".into(), name: "A".into() };
        let asked =
            BTreeSet::from([env("X"), env("Y"), file("A"), file("B"), file("C"), absent.clone()]);
        let around = |name: &str| (name == "X" || name == "B").then(|| format!("value of {name}"));
        let secrets = Secrets::resolve(&asked, folder.path(), &around).ok().unwrap();
        assert_eq!(*secrets.missing(), BTreeSet::from([env("Y"), file("C"), absent]));

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
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("app.env"), "A=1\nnot a hunter2 name\n").unwrap();
        let asked = BTreeSet::from([file("A")]);
        let faults = Secrets::resolve(&asked, folder.path(), &|_| None).err().unwrap();
        assert!(faults[0].starts_with("app.env:2: "), "{faults:?}");
        assert!(!faults[0].contains("hunter2"), "{faults:?}");
    }
}
