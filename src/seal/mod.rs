//! Hiding what is secret in a snapshot, before it is compared, written or shown.
//!
//! A live text stays readable where it equals something public: what the spec says, what an image
//! says. Every plan of a live engine goes through here, so that planning from a kept snapshot
//! gives the same bytes. Which field of an engine's answer can carry what is in `fields`;
//! resolving references is the shell's.

mod fields;
mod import;
mod redacted;
mod struck;

use std::collections::{BTreeMap, BTreeSet};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value as Json};

pub use fields::UNKEPT;
pub use import::{Literal, name_hidden};
pub use redacted::redacted;

use crate::ident::{ImageId, Reference};
use crate::literals::{Noted, Place};
use crate::options::canon::{self, HIDDEN, Live};
use crate::options::{Body, Context, health};
use crate::snapshot::{Container, Snapshot};
use crate::spec::Spec;

/// What Docker gives a process for a path when neither image nor spec do; everybody knows it.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A snapshot in which secrets are still readable: it can neither be shown nor written.
pub struct Unsealed(Snapshot);

impl Unsealed {
    /// Takes what an engine answered, or what `docker inspect` printed.
    pub fn new(snapshot: Snapshot) -> Self {
        Self(snapshot)
    }

    /// Hides what is not public.
    pub fn seal(self, sealer: &Sealer) -> Snapshot {
        self.seal_by(sealer, |containers, seal| containers.iter_mut().for_each(seal))
    }

    /// The same, where it is said how all containers are gone through: which is first does not
    /// matter, nor whether several are at a time.
    pub fn seal_by(
        self,
        sealer: &Sealer,
        each: impl FnOnce(&mut [Container], &(dyn Fn(&mut Container) + Sync)),
    ) -> Snapshot {
        let Self(mut snapshot) = self;
        let images = ImageTexts::of(&snapshot.images);
        let view = View { sealer, images: &images, open: &import::Open::default() };
        each(&mut snapshot.containers, &|container| view.container(container));
        for network in &mut snapshot.networks {
            view.network(network);
        }
        for volume in &mut snapshot.volumes {
            view.volume(volume);
        }
        for image in snapshot.images.values_mut() {
            fields::trim_image(image);
        }
        if let Some(engine) = &mut snapshot.engine {
            fields::trim_info(&mut engine.info);
        }
        snapshot.secrets = sealer.resolvable();
        snapshot.public = sealer.public.union(&images.all).cloned().collect();
        snapshot
    }
}

/// Knows what is public and what references mean. It has no `Debug`: it holds secrets.
#[derive(Default)]
pub struct Sealer {
    /// Texts that the spec says.
    public: BTreeSet<String>,
    /// The references that the spec declares for an environment variable, in any set.
    declared: BTreeMap<String, BTreeSet<Reference>>,
    /// Every reference of the spec.
    references: BTreeSet<Reference>,
    /// What references resolved to.
    secrets: BTreeMap<Reference, SecretString>,
}

impl Sealer {
    /// For a look taken for a spec, or for none; `secrets` has what could be resolved.
    pub fn new(spec: Option<&Spec>, secrets: BTreeMap<Reference, SecretString>) -> Self {
        let mut sealer = Self { secrets, ..Self::default() };
        sealer.public.insert(DEFAULT_PATH.to_owned());
        sealer.public.extend(spec.into_iter().flat_map(Spec::object_texts));
        let options =
            spec.into_iter().flat_map(|spec| spec.sets.values()).flat_map(|set| &set.options);
        for option in options {
            option.references(&mut sealer.references);
            option.literals(&mut sealer.public);
            let mut body = Body::new();
            option.write(&mut body, &Context::default());
            texts(body.json(), &mut sealer.public);
            for entry in body.json()["Env"].as_array().into_iter().flatten() {
                sealer.add_variable(entry);
            }
        }
        sealer.public.retain(|text| !canon::looks_marked(text));
        sealer
    }

    fn add_variable(&mut self, entry: &Json) {
        let Some((name, value)) = entry.as_str().and_then(|entry| entry.split_once('=')) else {
            return;
        };
        // What the body says of a variable as a whole is no text of its own.
        self.public.remove(entry.as_str().unwrap_or_default());
        match canon::marked_reference(value) {
            Some(reference) => {
                self.declared.entry(name.to_owned()).or_default().insert(reference);
            }
            None => drop(self.public.insert(value.to_owned())),
        }
    }

    /// Seals one container that was looked at by itself, as a look inside a snapshot is sealed.
    pub fn container(&self, container: &mut Container, images: &BTreeMap<ImageId, Json>) {
        let images = ImageTexts::of(images);
        View { sealer: self, images: &images, open: &import::Open::default() }.container(container);
    }

    /// Which references of the spec could be resolved.
    fn resolvable(&self) -> BTreeMap<Reference, bool> {
        let known = |reference: &Reference| self.secrets.contains_key(reference);
        self.references.iter().map(|reference| (reference.clone(), known(reference))).collect()
    }
}

/// What images say of themselves.
#[derive(Default)]
struct ImageTexts {
    /// Every text of their configurations.
    all: BTreeSet<String>,
    /// Values of environment variables, by name.
    variables: BTreeMap<String, BTreeSet<String>>,
}

impl ImageTexts {
    fn of(images: &BTreeMap<ImageId, Json>) -> Self {
        let mut own = Self::default();
        for image in images.values() {
            let config = &image["Config"];
            for field in ["Cmd", "Entrypoint", "Labels", "Healthcheck", "Shell"] {
                texts(&config[field], &mut own.all);
            }
            let test = config["Healthcheck"]["Test"].as_array();
            let words = test.map(|test| test.iter().filter_map(Json::as_str).collect::<Vec<_>>());
            own.all.extend(words.map(|words| health::whole(&words)));
            let entries = config["Env"].as_array().into_iter().flatten().filter_map(Json::as_str);
            for (name, value) in entries.filter_map(|entry| entry.split_once('=')) {
                own.variables.entry(name.to_owned()).or_default().insert(value.to_owned());
            }
        }
        own.all.extend(own.variables.values().flatten().cloned());
        own.all.retain(|text| !canon::looks_marked(text));
        own
    }
}

/// Every text in a JSON value; keys are no texts.
fn texts(json: &Json, out: &mut BTreeSet<String>) {
    match json {
        Json::String(text) => drop(out.insert(text.clone())),
        Json::Array(items) => items.iter().for_each(|item| texts(item, out)),
        Json::Object(map) => map.values().for_each(|value| texts(value, out)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// Whether there may be a text in a value.
fn has_text(json: &Json) -> bool {
    match json {
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Object(map) => !map.is_empty(),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// What sealing looks through.
struct View<'a> {
    sealer: &'a Sealer,
    images: &'a ImageTexts,
    /// What else is public of a container.
    open: &'a import::Open,
}

impl View<'_> {
    fn is_public(&self, text: &str) -> bool {
        text.is_empty()
            || !canon::looks_marked(text)
                && (self.sealer.public.contains(text)
                    || self.images.all.contains(text)
                    || self.open.texts.contains(text))
    }

    /// Hides every text in a value that is not public. Of a command each word stands for itself:
    /// `["serve", "--password", "«hidden»"]`.
    fn hide(&self, json: &mut Json) {
        match json {
            Json::String(text) if !self.is_public(text) => HIDDEN.clone_into(text),
            Json::Array(items) => items.iter_mut().for_each(|item| self.hide(item)),
            Json::Object(map) => map.values_mut().for_each(|value| self.hide(value)),
            _ => {}
        }
    }

    /// Hides every text of an object's fields but of the `plain` ones.
    fn hide_but(&self, json: &mut Json, plain: &[&str]) {
        if let Json::Object(map) = json {
            for (field, value) in map {
                // Most fields have no text, and that is soonest told.
                if has_text(value) && !plain.contains(&field.as_str()) {
                    self.hide(value);
                }
            }
        }
    }

    /// Hides the values of a map whose keys do not begin in a well-known way.
    fn hide_values(&self, json: Option<&mut Json>, known: &[&str]) {
        if let Some(map) = json.and_then(Json::as_object_mut) {
            for (key, value) in map {
                if !known.iter().any(|begin| key.starts_with(begin)) {
                    self.hide(value);
                }
            }
        }
    }

    /// A variable is public where a spec says its value, or an image says it of this variable.
    /// So is one that bayplan itself created with this value.
    fn environment(&self, entries: Option<&mut Json>, noted: &Noted) -> BTreeMap<String, Live> {
        let mut marks = BTreeMap::new();
        let Some(entries) = entries.and_then(Json::as_array_mut) else { return marks };
        for entry in entries {
            let Json::String(text) = entry else { continue };
            let Some((name, value)) = text.split_once('=') else { continue };
            let of_image = self.images.variables.get(name).is_some_and(|all| all.contains(value));
            let public = value.is_empty()
                || !canon::looks_marked(value)
                    && (of_image
                        || self.sealer.public.contains(value)
                        || self.open.says(name)
                        || noted.says(Place::Variable, name, &Json::from(value)));
            if let Some(references) = self.sealer.declared.get(name) {
                let mut live = Live { shown: public.then(|| value.to_owned()), ..Live::default() };
                for reference in references {
                    match self.sealer.secrets.get(reference) {
                        Some(secret) if secret.expose_secret() == value => {
                            live.equal.insert(reference.clone());
                        }
                        Some(_) => drop(live.different.insert(reference.clone())),
                        None => {}
                    }
                }
                marks.insert(name.to_owned(), live);
            }
            if !public {
                *text = format!("{name}={HIDDEN}");
            }
        }
        marks
    }
}

/// The object under a field.
fn object<'a>(json: &'a mut Json, field: &str) -> Option<&'a mut Map<String, Json>> {
    json.get_mut(field)?.as_object_mut()
}
