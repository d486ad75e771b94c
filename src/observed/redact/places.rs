//! Public texts by place: a text in one option of a set or an image makes no other option public.
//! Otherwise the author of a spec could guess live values by listing many texts anywhere in the
//! spec.
//!
//! A place is the path of a field in a create body, which is also the path in an engine's answer.
//! List items have no place of their own, and networks have none because a spec may use another
//! name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::base::ident::{
    COMPOSE_PROJECT, COMPOSE_SERVICE, ImageId, LABEL_NAME, LABEL_PROJECT, LABEL_SET, Reference,
    SetName,
};
use crate::base::image_ref::{ImageRef, RefIndex};
use crate::observed::snapshot::{Container, Texts};
use crate::options::value;
use crate::options::{Body, Context, health};
use crate::spec::{Compat, Identity, Matching, Set, Spec};

/// The place of environment variables, by name.
pub(super) const VARIABLES: &str = "Env";

/// The place of a set's image, whose own texts are public in the set's containers.
pub(super) const IMAGE: &str = "Image";

/// The fields for the command line, which share their public texts.
const COMMAND: &[&str] = &["Cmd", "Entrypoint"];
const COMMAND_AGAIN: &[&str] = &["Path", "Args"];

/// The texts of each place.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) texts: Texts,
    /// The references that are declared in each place.
    marks: BTreeMap<String, BTreeSet<Reference>>,
}

/// The place of a field within a place.
pub(super) fn within(place: &str, field: &str) -> String {
    if place.is_empty() { field.to_owned() } else { format!("{place}.{field}") }
}

impl Places {
    /// Whether a place contains a text.
    pub(super) fn say(&self, place: &str, text: &str) -> bool {
        self.texts.say(place, text)
    }

    /// The references that are declared in a place.
    pub(super) fn references(&self, place: &str) -> impl Iterator<Item = &Reference> {
        self.marks.get(place).into_iter().flatten()
    }

    pub(super) fn insert(&mut self, place: &str, text: &str) {
        let again = COMMAND_AGAIN.iter().filter(|_| COMMAND.contains(&place)).copied();
        for place in std::iter::once(place).chain(again) {
            if let Some(reference) = value::marked_reference(text) {
                self.marks.entry(place.to_owned()).or_default().insert(reference);
            } else if !value::looks_marked(text) {
                self.texts.insert(place, text);
            }
        }
    }

    /// Adds every text of a value; keys become places.
    fn add(&mut self, place: &str, json: &Json) {
        match json {
            Json::String(text) => self.insert(place, text),
            Json::Array(items) => items.iter().for_each(|item| self.add(place, item)),
            Json::Object(map) => {
                for (field, value) in map {
                    self.add(&within(place, field), value);
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }

    /// Adds the texts of a create body, without its variables.
    fn add_body(&mut self, body: &Json) {
        for (field, value) in body.as_object().into_iter().flatten() {
            match field.as_str() {
                VARIABLES => {}
                "NetworkingConfig" => {
                    let all = value["EndpointsConfig"].as_object();
                    all.into_iter().flatten().for_each(|(_, one)| self.add("Networks", one));
                }
                field => self.add(field, value),
            }
        }
    }

    /// The texts of a snapshot.
    pub(super) fn of_texts(texts: Texts) -> Self {
        Self { texts, marks: BTreeMap::new() }
    }

    /// The texts of an image.
    pub(super) fn of_image(image: &Json) -> Self {
        let mut places = Self::default();
        let config = &image["Config"];
        for field in ["Cmd", "Entrypoint", "Labels", "Healthcheck", "Shell"] {
            places.add(field, &config[field]);
        }
        let test = config["Healthcheck"]["Test"].as_array();
        if let Some(test) = test {
            let words: Vec<&str> = test.iter().filter_map(Json::as_str).collect();
            places.insert("Healthcheck.Test", &health::whole(&words));
        }
        for (name, value) in variables(&config[VARIABLES]) {
            places.insert(&within(VARIABLES, name), value);
        }
        places
    }
}

/// The networks and volumes of a spec, by their names on an engine.
#[derive(Debug, Default)]
pub(super) struct Objects {
    pub(super) networks: BTreeMap<String, Places>,
    pub(super) volumes: BTreeMap<String, Places>,
}

impl Objects {
    pub(super) fn of(spec: &Spec) -> Self {
        let mut objects = Self::default();
        let add = |places: &mut Places, place: &str, all: &BTreeMap<String, String>| {
            for (key, text) in all {
                places.insert(&within(place, key), text);
            }
        };
        for (key, network) in &spec.networks {
            let (Some(name), Some(network)) = (spec.network_name(key), network.declared()) else {
                continue;
            };
            let places = objects.networks.entry(name).or_default();
            add(places, "Options", &network.driver_opts);
            add(places, "IPAM.Options", &network.ipam.options);
            add(places, "Labels", &network.labels);
        }
        for (key, volume) in &spec.volumes {
            let (Some(name), Some(volume)) = (spec.volume_name(key), volume.declared()) else {
                continue;
            };
            let places = objects.volumes.entry(name).or_default();
            add(places, "Options", &volume.driver_opts);
            add(places, "Labels", &volume.labels);
        }
        objects
    }
}

/// How a set matches a container. The first way counts, as in a plan: a set that matches by image
/// alone learns nothing of a container that another set names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    Name,
    Label,
    Image,
}

/// The texts of a set, and the data for finding its containers.
pub(super) struct Scope {
    pub(super) key: SetName,
    project: String,
    /// The key of the set, and its former keys.
    keys: BTreeSet<String>,
    name: Option<String>,
    /// The image of the set, and whether the set matches containers by image.
    image: Option<String>,
    by_image: bool,
    /// Whether the key is the name of a Compose service.
    compose: bool,
    pub(super) places: Places,
    /// The references that the set declares for each variable.
    pub(super) declared: BTreeMap<String, BTreeSet<Reference>>,
}

impl Scope {
    pub(super) fn of(spec: &Spec, set: &Set, key: &str) -> Self {
        let own = SetName::new(key);
        let former = spec.former(&own).map(SetName::as_str);
        let mut scope = Self {
            key: own.clone(),
            project: spec.project.as_str().to_owned(),
            keys: former.chain([key]).map(str::to_owned).collect(),
            name: match &set.identity {
                Identity::Named(name) => Some(name.as_str().to_owned()),
                Identity::Counted(_) => None,
            },
            image: set.image.clone(),
            by_image: set.matching != Matching::Owned
                && matches!(set.identity, Identity::Counted(_)),
            compose: spec.compat == Some(Compat::Compose),
            places: Places::default(),
            declared: BTreeMap::new(),
        };
        if let Some(image) = &set.image {
            scope.places.insert(IMAGE, image);
        }
        for option in &set.options {
            let mut body = Body::new();
            option.write(&mut body, &Context::default());
            scope.places.add_body(body.json());
            for (name, value) in variables(&body.json()[VARIABLES]) {
                match value::marked_reference(value) {
                    Some(reference) => {
                        scope.declared.entry(name.to_owned()).or_default().insert(reference);
                    }
                    None => scope.places.insert(&within(VARIABLES, name), value),
                }
            }
        }
        scope
    }

    /// How the set may match a container: by name, by the labels of the set, or by image if the
    /// container has no such labels.
    fn may_be_of(&self, container: &Container, images: &References) -> Option<By> {
        let name = container.name();
        // During a replacement a container has a temporary name with a reserved suffix.
        if self.name.as_deref() == Some(crate::base::ident::reserved_suffix(name.as_str()).0) {
            return Some(By::Name);
        }
        let is_key = |label| container.label(label).is_some_and(|key| self.keys.contains(key));
        let is_project = |label| container.label(label) == Some(self.project.as_str());
        if is_project(LABEL_PROJECT) && is_key(LABEL_SET)
            || self.compose && is_project(COMPOSE_PROJECT) && is_key(COMPOSE_SERVICE)
        {
            return Some(By::Label);
        }
        let created = container.label(LABEL_NAME).is_some_and(|own| {
            crate::base::ident::reserved_suffix(name.as_str()).0 == own || own == name.as_str()
        });
        (self.by_image && !created && self.has_image(container, images)).then_some(By::Image)
    }

    fn has_image(&self, container: &Container, images: &References) -> bool {
        let Some(image) = &self.image else { return false };
        let made_from = container.made_from().and_then(|text| ImageRef::parse(text).ok());
        let declared = ImageRef::parse(image).ok();
        images.get(image).and_then(Option::as_ref) == Some(&container.image())
            || declared.zip(made_from).is_some_and(|(declared, found)| declared.matches(&found))
    }
}

/// The images of references.
pub(super) type References = BTreeMap<String, Option<ImageId>>;

/// An index for finding the possible sets of a container quickly.
struct ScopeIndex<'a> {
    names: BTreeMap<&'a str, Vec<usize>>,
    keys: BTreeMap<&'a str, Vec<usize>>,
    images: RefIndex<usize>,
    ids: BTreeMap<&'a ImageId, Vec<usize>>,
}

/// The largest number of sets with one image. With more sets, the image assigns a container to
/// none of them, so that no text of these sets is public.
const MANY: usize = 100;

impl<'a> ScopeIndex<'a> {
    fn of(scopes: &'a [Scope], references: &'a References) -> Self {
        let (names, keys) = (BTreeMap::new(), BTreeMap::new());
        let (images, ids) = (RefIndex::default(), BTreeMap::new());
        let mut index = Self { names, keys, images, ids };
        for (at, scope) in scopes.iter().enumerate() {
            if let Some(name) = &scope.name {
                index.names.entry(name.as_str()).or_default().push(at);
            }
            for key in &scope.keys {
                index.keys.entry(key.as_str()).or_default().push(at);
            }
            let Some(image) = scope.image.as_ref().filter(|_| scope.by_image) else { continue };
            if let Ok(image) = ImageRef::parse(image) {
                index.images.add(&image, at);
            }
            if let Some(Some(id)) = references.get(image) {
                index.ids.entry(id).or_default().push(at);
            }
        }
        index
    }

    /// The candidates for the sets of a container.
    fn candidates(&self, container: &Container) -> BTreeSet<usize> {
        let name = container.name();
        let stem = crate::base::ident::reserved_suffix(name.as_str()).0;
        let labels = [LABEL_SET, COMPOSE_SERVICE].into_iter();
        let keyed = labels.filter_map(|label| self.keys.get(container.label(label)?));
        let sure = self.names.get(stem).into_iter().chain(keyed).flatten();
        let made_from = container.made_from().and_then(|text| ImageRef::parse(text).ok());
        let matching = made_from.map(|image| self.images.first(&image, MANY + 1));
        let same = self.ids.get(&container.image()).into_iter().flatten().take(MANY + 1);
        let by_image: BTreeSet<usize> =
            matching.into_iter().flatten().chain(same.copied()).collect();
        let by_image = Some(by_image).filter(|found| found.len() <= MANY);
        sure.copied().chain(by_image.into_iter().flatten()).collect()
    }
}

/// The public texts for a look, from sets and images.
pub(super) struct World<'a> {
    scopes: &'a [Scope],
    index: ScopeIndex<'a>,
    pub(super) images: BTreeMap<ImageId, Places>,
    references: &'a References,
}

impl<'a> World<'a> {
    pub(super) fn new(
        scopes: &'a [Scope],
        images: BTreeMap<ImageId, Places>,
        references: &'a References,
    ) -> Self {
        Self { scopes, index: ScopeIndex::of(scopes, references), images, references }
    }

    /// The public texts for a container, and its possible sets.
    pub(super) fn of(&'a self, container: &Container) -> (Vec<&'a Places>, Vec<&'a Scope>) {
        let candidates = self.index.candidates(container).into_iter();
        let candidates: Vec<(By, &Scope)> = candidates
            .filter_map(|at| self.scopes.get(at))
            .filter_map(|scope| Some((scope.may_be_of(container, self.references)?, scope)))
            .collect();
        let best = candidates.iter().map(|(by, _)| *by).min();
        let scopes = candidates.into_iter().filter(|(by, _)| Some(*by) == best);
        let scopes: Vec<&Scope> = scopes.map(|(_, scope)| scope).collect();
        let declared = scopes.iter().filter_map(|scope| {
            self.references.get(scope.image.as_ref()?).and_then(Option::as_ref)
        });
        let own = container.image();
        let images: BTreeSet<&ImageId> = declared.chain([&own]).collect();
        let images = images.into_iter().filter_map(|id| self.images.get(id));
        (images.chain(scopes.iter().map(|scope| &scope.places)).collect(), scopes)
    }
}

fn variables(entries: &Json) -> impl Iterator<Item = (&str, &str)> {
    let entries = entries.as_array().into_iter().flatten();
    entries.filter_map(Json::as_str).filter_map(|entry| entry.split_once('='))
}
