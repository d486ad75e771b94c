//! Hiding what is secret in a snapshot, before it is compared, written or shown.
//!
//! A live text stays readable where the same option of its set, or its image, says it too; what else
//! a spec says makes nothing public (`places`). Every plan of a live engine goes through here, so that planning from a kept snapshot
//! gives the same bytes. Which field of an engine's answer can carry what is in `fields`;
//! resolving references is the shell's.

mod encodings;
mod fields;
mod import;
mod places;
mod redacted;

use std::collections::{BTreeMap, BTreeSet};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value as Json};

pub use fields::UNKEPT;
pub use import::{Literal, name_hidden};
pub use redacted::redacted;

use crate::base::ident::{ImageId, LABEL_LITERALS, Reference};
use crate::observed::snapshot::{Container, Snapshot};
use crate::options::literals::Noted;
use crate::options::value;
use crate::options::value::{HIDDEN, Live};
use crate::spec::Spec;
use places::{Objects, Places, Scope, VARIABLES, World, within};

/// What Docker gives a process for a path when neither image nor spec do; everybody knows it.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A snapshot in which secrets are still readable: it can neither be shown nor written.
pub struct Unredacted(Snapshot);

impl Unredacted {
    /// Takes what an engine answered, or what `docker inspect` printed.
    pub fn new(snapshot: Snapshot) -> Self {
        Self(snapshot)
    }

    /// Hides what is not public.
    pub fn redact(self, redactor: &Redactor) -> Snapshot {
        self.redact_by(redactor, |containers, redact| containers.iter_mut().for_each(redact))
    }

    /// The same, where it is said how all containers are gone through: which is first does not
    /// matter, nor whether several are at a time.
    pub fn redact_by(
        self,
        redactor: &Redactor,
        each: impl FnOnce(&mut [Container], &(dyn Fn(&mut Container) + Sync)),
    ) -> Snapshot {
        let Self(mut snapshot) = self;
        let references = std::mem::take(&mut snapshot.references);
        let world = redactor.world(&snapshot.images, &references);
        let open = import::Open::default();
        each(&mut snapshot.containers, &|container| {
            View::of(redactor, &world, container, &open).container(container);
        });
        for network in &mut snapshot.networks {
            let own = redactor.objects.networks.get(named(network));
            View::of_object(redactor, own, network, &open).network(network);
        }
        for volume in &mut snapshot.volumes {
            let own = redactor.objects.volumes.get(named(volume));
            View::of_object(redactor, own, volume, &open).volume(volume);
        }
        let of_images = world.images.values().flat_map(Places::texts);
        snapshot.public = redactor.public.iter().chain(of_images).cloned().collect();
        for image in snapshot.images.values_mut() {
            fields::trim_image(image);
        }
        if let Some(engine) = &mut snapshot.engine {
            fields::trim_info(&mut engine.info);
        }
        snapshot.references = references;
        snapshot.secrets = redactor.resolvable();
        snapshot
    }
}

/// Knows what is public and what references mean. It has no `Debug`: it holds secrets.
#[derive(Default)]
pub struct Redactor {
    /// What each set says.
    scopes: Vec<Scope>,
    /// What networks and volumes say.
    objects: Objects,
    /// Every text of the spec, wherever it stands: no hidden value of the place that says it is it.
    public: BTreeSet<String>,
    /// Every reference of the spec.
    references: BTreeSet<Reference>,
    /// What references resolved to.
    secrets: BTreeMap<Reference, SecretString>,
}

impl Redactor {
    /// For a look taken for a spec, or for none; `secrets` has what could be resolved.
    pub fn new(spec: Option<&Spec>, secrets: BTreeMap<Reference, SecretString>) -> Self {
        let mut redactor = Self { secrets, ..Self::default() };
        redactor.public.insert(DEFAULT_PATH.to_owned());
        let Some(spec) = spec else { return redactor };
        redactor.objects = Objects::of(spec);
        redactor.public.extend(spec.object_texts());
        redactor.references.extend(spec.references());
        for (key, set) in &spec.sets {
            for option in &set.options {
                option.literals(&mut redactor.public);
            }
            let scope = Scope::of(spec, set, key.as_str());
            redactor.public.extend(scope.places.texts().cloned());
            redactor.scopes.push(scope);
        }
        redactor.public.retain(|text| !value::looks_marked(text));
        redactor
    }

    fn world<'a>(
        &'a self,
        images: &BTreeMap<ImageId, Json>,
        references: &'a BTreeMap<String, Option<ImageId>>,
    ) -> World<'a> {
        let images = images.iter().map(|(id, image)| (id.clone(), Places::of_image(image)));
        World::new(&self.scopes, images.collect(), references)
    }

    /// Which references of the spec could be resolved.
    fn resolvable(&self) -> BTreeMap<Reference, bool> {
        let known = |reference: &Reference| self.secrets.contains_key(reference);
        self.references.iter().map(|reference| (reference.clone(), known(reference))).collect()
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
    redactor: &'a Redactor,
    /// What is public of what is looked at.
    places: Vec<&'a Places>,
    /// The sets that it may be of.
    scopes: Vec<&'a Scope>,
    /// What bayplan itself created it with, in so many words.
    noted: Noted,
    /// What else is public of a container.
    open: &'a import::Open,
}

impl<'a> View<'a> {
    /// Of a container.
    fn of(
        redactor: &'a Redactor,
        world: &'a World<'a>,
        seen: &Container,
        open: &'a import::Open,
    ) -> Self {
        let (places, scopes) = world.of(seen);
        Self { redactor, places, scopes, noted: Noted::read(seen.label(LABEL_LITERALS)), open }
    }

    /// Of a network or a volume, with what the spec says of it.
    fn of_object(
        redactor: &'a Redactor,
        own: Option<&'a Places>,
        seen: &Json,
        open: &'a import::Open,
    ) -> Self {
        let noted = Noted::read(seen["Labels"][LABEL_LITERALS].as_str());
        Self { redactor, places: own.into_iter().collect(), scopes: Vec::new(), noted, open }
    }

    fn is_public(&self, place: &str, text: &str) -> bool {
        self.is_said(place, text) || self.was_said(place, text)
    }

    /// The same, but where a reference is declared, what was said once is that one or another.
    fn is_shown(&self, place: &str, text: &str) -> bool {
        self.is_said(place, text) || !self.refers(place) && self.was_said(place, text)
    }

    /// Whether the set or its image says it there, or it says nothing.
    fn is_said(&self, place: &str, text: &str) -> bool {
        text.is_empty()
            || !value::looks_marked(text)
                && (self.places.iter().any(|places| places.say(place, text))
                    || self.open.texts.contains(text))
    }

    /// Whether bayplan itself created it with that, in so many words.
    fn was_said(&self, place: &str, text: &str) -> bool {
        !value::looks_marked(text) && self.noted.says(place, &Json::from(text))
    }

    /// Hides every text in a value that is not public there. Of a command each word stands for
    /// itself: `["serve", "--password", "«hidden»"]`.
    fn hide(&self, json: &mut Json, place: &str) {
        match json {
            Json::String(text) if !self.is_shown(place, text) => *text = self.hidden(place, text),
            Json::Array(items) => items.iter_mut().for_each(|item| self.hide(item, place)),
            Json::Object(map) => {
                for (field, value) in map.iter_mut().filter(|(_, value)| has_text(value)) {
                    self.hide(value, &within(place, field));
                }
            }
            _ => {}
        }
    }

    /// What stands for a text that is not shown: the reference that it is, where one is declared
    /// there, else that it is none of those.
    fn hidden(&self, place: &str, text: &str) -> String {
        let mut different = BTreeSet::new();
        for reference in self.places.iter().flat_map(|places| places.references(place)) {
            match self.redactor.secrets.get(reference) {
                Some(secret) if secret.expose_secret() == text => {
                    return value::mark_reference(reference);
                }
                Some(_) => drop(different.insert(reference.clone())),
                None => {}
            }
        }
        // A check is one text in the end: there a mark is no value of its own.
        if different.is_empty() || place == "Healthcheck.Test" {
            return HIDDEN.to_owned();
        }
        value::mark_different(&different)
    }

    /// Hides every text of an object's fields but of the `plain` ones.
    fn hide_but(&self, json: &mut Json, place: &str, plain: &[&str]) {
        if let Json::Object(map) = json {
            for (field, value) in map {
                // Most fields have no text, and that is soonest told.
                if has_text(value) && !plain.contains(&field.as_str()) {
                    self.hide(value, &within(place, field));
                }
            }
        }
    }

    /// Whether a reference is declared there: what is found is that one or another.
    fn refers(&self, place: &str) -> bool {
        self.places.iter().any(|own| own.references(place).next().is_some())
    }

    /// Hides the values of a map whose keys do not begin in a well-known way, and those that are
    /// declared as references.
    fn hide_values(&self, json: Option<&mut Json>, place: &str, known: &[&str]) {
        if let Some(map) = json.and_then(Json::as_object_mut) {
            for (key, value) in map {
                let place = within(place, key);
                if self.refers(&place) || !known.iter().any(|begin| key.starts_with(begin)) {
                    self.hide(value, &place);
                }
            }
        }
    }

    /// A variable is public where the set or the image says its value of this variable, and where
    /// bayplan itself created the container with it.
    fn environment(&self, entries: Option<&mut Json>) -> BTreeMap<String, Live> {
        let mut marks = BTreeMap::new();
        let Some(entries) = entries.and_then(Json::as_array_mut) else { return marks };
        for entry in entries {
            let Json::String(text) = entry else { continue };
            let Some((name, value)) = text.split_once('=') else { continue };
            let usual = name == "PATH" && value == DEFAULT_PATH;
            let public = usual
                || self.is_public(&within(VARIABLES, name), value)
                || !value::looks_marked(value) && self.open.says(name);
            let declared = self.scopes.iter().filter_map(|scope| scope.declared.get(name));
            let declared: BTreeSet<&Reference> = declared.flatten().collect();
            if !declared.is_empty() {
                let mut live = Live { shown: public.then(|| value.to_owned()), ..Live::default() };
                for reference in declared {
                    match self.redactor.secrets.get(reference) {
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

/// What a network or a volume is called.
fn named(object: &Json) -> &str {
    object["Name"].as_str().unwrap_or_default()
}

/// The object under a field.
fn object<'a>(json: &'a mut Json, field: &str) -> Option<&'a mut Map<String, Json>> {
    json.get_mut(field)?.as_object_mut()
}
