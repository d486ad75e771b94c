//! Hides the secrets in a snapshot, before the snapshot is compared, written or shown.
//!
//! A text stays readable if the same option of its set or its image contains the text; other texts
//! of the spec make nothing public (`places`). A plan for a live engine uses the redacted look, so
//! that planning from a saved snapshot gives the same bytes. The fields that may carry secrets are
//! in `fields`; references are resolved by the command line.

mod encodings;
mod fields;
mod import;
mod places;
mod redacted;
mod visible;

use std::collections::{BTreeMap, BTreeSet};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value as Json};

pub use fields::UNKEPT;
pub use import::{Literal, name_hidden};
pub use redacted::redacted;
pub use visible::Visible;

use crate::base::ident::{ImageId, LABEL_LITERALS, Reference, SetName};
use crate::observed::snapshot::{Container, Public, Snapshot};
use crate::options::literals::Noted;
use crate::options::value;
use crate::options::value::{HIDDEN, Live};
use crate::spec::Spec;
use places::{Objects, Places, Scope, VARIABLES, World, within};

/// Docker's default `PATH`, which is public.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A snapshot with readable secrets; it can be neither shown nor written.
pub struct Unredacted(Snapshot);

impl Unredacted {
    /// Takes the answers of an engine, or the output of `docker inspect`.
    pub fn new(snapshot: Snapshot) -> Self {
        Self(snapshot)
    }

    /// Hides all private texts.
    pub fn redact(self, redactor: &Redactor) -> Snapshot {
        self.redact_by(redactor, |containers, redact| containers.iter_mut().for_each(redact))
    }

    /// Hides all private texts, with a custom way to visit the containers: their order does not
    /// matter, and visits may be concurrent.
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
        snapshot.public = redactor.public(&world, &snapshot.containers);
        for network in &mut snapshot.networks {
            let own = redactor.objects.networks.get(named(network));
            View::of_object(redactor, own, network, &open).network(network);
        }
        for volume in &mut snapshot.volumes {
            let own = redactor.objects.volumes.get(named(volume));
            View::of_object(redactor, own, volume, &open).volume(volume);
        }
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

/// Knows the public texts and the values of references. No `Debug`, because the values are secret.
#[derive(Default)]
pub struct Redactor {
    /// The texts of each set.
    scopes: Vec<Scope>,
    /// The texts of networks and volumes.
    objects: Objects,
    /// All references of the spec.
    references: BTreeSet<Reference>,
    /// The resolved values of references.
    secrets: BTreeMap<Reference, SecretString>,
}

impl Redactor {
    /// The redactor for a look with or without a spec; `secrets` has the resolved references.
    pub fn new(spec: Option<&Spec>, secrets: BTreeMap<Reference, SecretString>) -> Self {
        let mut redactor = Self { secrets, ..Self::default() };
        let Some(spec) = spec else { return redactor };
        redactor.objects = Objects::of(spec);
        redactor.references.extend(spec.references());
        for (key, set) in &spec.sets {
            redactor.scopes.push(Scope::of(spec, set, key.as_str()));
        }
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

    /// The public texts by place, and where they are public.
    fn public(&self, world: &World<'_>, containers: &[Container]) -> Public {
        let texts = |all: &BTreeMap<String, Places>| {
            all.iter().map(|(name, places)| (name.clone(), places.texts.clone())).collect()
        };
        let sets = |container: &Container| -> BTreeSet<SetName> {
            world.of(container).1.iter().map(|scope| scope.key.clone()).collect()
        };
        let of_sets = self.scopes.iter();
        Public {
            sets: of_sets.map(|scope| (scope.key.clone(), scope.places.texts.clone())).collect(),
            networks: texts(&self.objects.networks),
            volumes: texts(&self.objects.volumes),
            containers: containers
                .iter()
                .map(|container| (container.id(), sets(container)))
                .filter(|(_, sets)| !sets.is_empty())
                .collect(),
        }
    }

    /// Whether each reference of the spec could be resolved.
    fn resolvable(&self) -> BTreeMap<Reference, bool> {
        let known = |reference: &Reference| self.secrets.contains_key(reference);
        self.references.iter().map(|reference| (reference.clone(), known(reference))).collect()
    }
}

/// Collects every text in a JSON value; keys are not texts.
fn texts(json: &Json, out: &mut BTreeSet<String>) {
    match json {
        Json::String(text) => drop(out.insert(text.clone())),
        Json::Array(items) => items.iter().for_each(|item| texts(item, out)),
        Json::Object(map) => map.values().for_each(|value| texts(value, out)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// Whether a value can contain a text.
fn has_text(json: &Json) -> bool {
    match json {
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Object(map) => !map.is_empty(),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// The data for redacting one object.
struct View<'a> {
    redactor: &'a Redactor,
    /// The public texts for the object.
    places: Vec<&'a Places>,
    /// The sets to which the object may belong.
    scopes: Vec<&'a Scope>,
    /// The literal texts with which bayplan created the object.
    noted: Noted,
    /// Further public texts of a container.
    open: &'a import::Open,
}

impl<'a> View<'a> {
    /// The view of a container.
    fn of(
        redactor: &'a Redactor,
        world: &'a World<'a>,
        seen: &Container,
        open: &'a import::Open,
    ) -> Self {
        let (places, scopes) = world.of(seen);
        Self { redactor, places, scopes, noted: Noted::read(seen.label(LABEL_LITERALS)), open }
    }

    /// The view of a network or a volume, with its texts in the spec.
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

    /// Whether a text stays readable. Where a reference is declared, a text that was only literal
    /// at the creation is hidden.
    fn is_shown(&self, place: &str, text: &str) -> bool {
        self.is_said(place, text) || !self.refers(place) && self.was_said(place, text)
    }

    /// Whether the set or its image contains the text in this place, or the text is empty.
    fn is_said(&self, place: &str, text: &str) -> bool {
        text.is_empty()
            || !value::looks_marked(text)
                && (self.places.iter().any(|places| places.say(place, text))
                    || self.open.texts.contains(text))
    }

    /// Whether bayplan created the object with this literal text.
    fn was_said(&self, place: &str, text: &str) -> bool {
        !value::looks_marked(text) && self.noted.says(place, &Json::from(text))
    }

    /// Hides every private text in a value. In a command, each word is hidden separately:
    /// `["serve", "--password", "«hidden»"]`.
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

    /// The mark for a hidden text: the reference with this value, if a reference is declared in
    /// this place; otherwise a mark that says *none of these references*.
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
        // A health check is one text in the end, so a mark within the text is not a value.
        if different.is_empty() || place == "Healthcheck.Test" {
            return HIDDEN.to_owned();
        }
        value::mark_different(&different)
    }

    /// Hides every text in an object, except in the `plain` fields.
    fn hide_but(&self, json: &mut Json, place: &str, plain: &[&str]) {
        if let Json::Object(map) = json {
            for (field, value) in map {
                // Most fields have no text, and this test is the fastest.
                if has_text(value) && !plain.contains(&field.as_str()) {
                    self.hide(value, &within(place, field));
                }
            }
        }
    }

    /// Whether a reference is declared in this place, so that the found text may be its value.
    fn refers(&self, place: &str) -> bool {
        self.places.iter().any(|own| own.references(place).next().is_some())
    }

    /// Hides the private texts in a map. The value of a key with a known prefix stays readable,
    /// unless a reference is declared for the key.
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

    /// Redacts environment variables. A value is public if the set or the image has the same value,
    /// or if bayplan created the container with the value.
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

/// The name of a network or a volume.
fn named(object: &Json) -> &str {
    object["Name"].as_str().unwrap_or_default()
}

/// The object in a field.
fn object<'a>(json: &'a mut Json, field: &str) -> Option<&'a mut Map<String, Json>> {
    json.get_mut(field)?.as_object_mut()
}
