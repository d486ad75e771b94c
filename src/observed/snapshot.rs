//! A snapshot: one consistent look at an engine, in raw JSON, with secrets hidden.
//!
//! Taking a look is done in [`crate::engine`], and hiding secrets in [`crate::observed::redact`].
//! This module defines the content of a snapshot and finds its parts.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::base::ident::{ContainerId, ContainerName, ImageId, Reference, SetName};
use crate::base::image_ref::ImageRef;
use crate::base::unique::unique;
use crate::options::value::Live;

/// The format that this version writes.
pub const FORMAT: &str = "bayplan/snapshot/1";

/// One look at an engine.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    /// The engine; `None` for the output of `docker inspect`.
    pub engine: Option<EngineRecord>,
    /// Every container, sorted by name and ID.
    pub containers: Vec<Container>,
    /// The images of containers and references, by ID, as `image inspect` data.
    pub images: BTreeMap<ImageId, Json>,
    /// The image of each requested reference; `None`: the image does not exist on the engine.
    pub references: BTreeMap<String, Option<ImageId>>,
    /// The networks, from `network inspect` or the list.
    pub networks: Vec<Json>,
    /// The volumes, from the list.
    pub volumes: Vec<Json>,
    /// The registry answers for the references that a step may pull.
    pub registry: BTreeMap<String, RegistryAnswer>,
    /// Whether files, folders, devices and addresses on the engine's host exist, as far as bayplan
    /// could find out.
    pub sources: BTreeMap<String, bool>,
    /// Whether each reference to a secret could be resolved.
    pub secrets: BTreeMap<Reference, bool>,
    /// The public texts at the time of the redaction, by place. A hidden value differs from every
    /// public text of the value's own place.
    pub public: Public,
    /// Whether the snapshot lists everything on the engine; the output of `docker inspect` does
    /// not.
    pub whole: bool,
}

/// The texts of the spec that a look may show, each for the same option of the same set alone.
/// What images say is public, too; it stands in the images.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Public {
    /// The texts of each set, by place: a field of a container, such as `Cmd` or `Env.PORT`.
    #[serde(deserialize_with = "unique")]
    pub sets: BTreeMap<SetName, Texts>,
    /// The texts of each network, by name and place.
    #[serde(deserialize_with = "unique")]
    pub networks: BTreeMap<String, Texts>,
    /// The texts of each volume, by name and place.
    #[serde(deserialize_with = "unique")]
    pub volumes: BTreeMap<String, Texts>,
    /// The sets whose texts each container may show, by its ID.
    #[serde(deserialize_with = "unique")]
    pub containers: BTreeMap<ContainerId, BTreeSet<SetName>>,
}

/// The texts of each place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Texts(#[serde(deserialize_with = "unique")] pub BTreeMap<String, BTreeSet<String>>);

impl Texts {
    /// Whether a place has a text.
    pub fn say(&self, place: &str, text: &str) -> bool {
        self.0.get(place).is_some_and(|texts| texts.contains(text))
    }

    /// Adds a text to a place.
    pub fn insert(&mut self, place: &str, text: &str) {
        self.0.entry(place.to_owned()).or_default().insert(text.to_owned());
    }
}

/// The engine's own words about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EngineRecord {
    /// `GET /version`.
    pub version: Json,
    /// `GET /info`, without what only changes (counters, times, warnings of the host).
    pub info: Json,
}

/// One container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Container {
    /// Its entry in `GET /containers/json?all=1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<Json>,
    /// `GET /containers/ID/json`, where the plan may need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspect: Option<Json>,
    /// What was marked of its environment variables, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Live>,
}

/// What a registry said of a reference, through the engine's distribution endpoint. Of an answer
/// without a digest only the class is kept: its words may be anything, such as an internal page or
/// the credentials that it was asked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegistryAnswer {
    /// The digest the reference has there.
    Digest(String),
    /// It wants credentials, or others.
    Unauthorised,
    /// It knows no such reference.
    NotFound,
    /// `--registries` does not name it, so it was not asked.
    NotAsked,
    /// Nothing that makes sense.
    Silent,
}

impl RegistryAnswer {
    /// Why there is no digest, for people.
    pub fn lacking(&self) -> Option<&'static str> {
        match self {
            Self::Digest(_) => None,
            Self::Unauthorised => Some("it wants credentials, or others"),
            Self::NotFound => Some("it knows no such image"),
            Self::NotAsked => Some("it is not among those that may be asked"),
            Self::Silent => Some("it is silent"),
        }
    }
}

/// How a container is, as far as decisions go.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Run {
    /// Running or restarting.
    Live,
    /// Running, but frozen.
    Paused,
    /// Created or exited.
    Idle,
    /// A removal that failed half-way.
    Dead,
    /// On its way out.
    Removing,
}

impl Run {
    /// The word for the run state.
    pub fn word(self) -> &'static str {
        match self {
            Self::Live => "running",
            Self::Paused => "paused",
            Self::Idle => "stopped",
            Self::Dead => "dead",
            Self::Removing => "being removed",
        }
    }

    /// Whether the container is running, restarting or paused.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Live | Self::Paused)
    }
}

/// A container by its list entry and its inspect data, both borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// See [`Container::list`].
    pub list: Option<&'a Json>,
    /// See [`Container::inspect`].
    pub inspect: Option<&'a Json>,
}

impl<'a> Seen<'a> {
    /// A container from a list entry.
    pub fn listed(entry: &'a Json) -> Self {
        Self { list: Some(entry), inspect: None }
    }

    /// A container from inspect data.
    pub fn inspected(inspect: &'a Json) -> Self {
        Self { list: None, inspect: Some(inspect) }
    }

    fn best(self) -> &'a Json {
        static NULL: Json = Json::Null;
        self.inspect.or(self.list).unwrap_or(&NULL)
    }

    /// The ID of the container.
    pub fn id(self) -> ContainerId {
        ContainerId::new(self.best()["Id"].as_str().unwrap_or_default())
    }

    /// The primary name, which has a single slash; links add further names to the list.
    pub fn name(self) -> &'a str {
        if let Some(name) = self.inspect.and_then(|inspect| inspect["Name"].as_str()) {
            return name.trim_start_matches('/');
        }
        let all = self.list.and_then(|list| list["Names"].as_array());
        all.into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .filter_map(|name| name.strip_prefix('/'))
            .find(|name| !name.contains('/'))
            .unwrap_or_default()
    }

    /// The run state. For an unknown state of a newer engine, `State.Running` decides.
    pub fn run(self) -> Run {
        let state = self.inspect.map(|inspect| &inspect["State"]);
        let told = state.and_then(|state| state["Status"].as_str());
        let running = || told.and(state).and_then(|state| state["Running"].as_bool());
        match told.or_else(|| self.best()["State"].as_str()).unwrap_or_default() {
            "running" | "restarting" => Run::Live,
            "paused" => Run::Paused,
            "created" | "exited" | "stopped" => Run::Idle,
            "dead" => Run::Dead,
            "removing" => Run::Removing,
            _ if running() == Some(true) => Run::Live,
            _ => Run::Idle,
        }
    }

    /// The ID of the container's image.
    pub fn image(self) -> ImageId {
        let id = match self.inspect {
            Some(inspect) => &inspect["Image"],
            None => &self.best()["ImageID"],
        };
        ImageId::new(id.as_str().unwrap_or_default())
    }

    /// The manifest digest of the container's image, if the engine uses the containerd image store.
    pub fn manifest(self) -> Option<&'a str> {
        let chosen = |json: &'a Json| json["ImageManifestDescriptor"]["digest"].as_str();
        self.inspect.and_then(chosen).or_else(|| self.list.and_then(chosen))
    }

    /// The labels of the container.
    pub fn labels(self) -> Option<&'a Map<String, Json>> {
        let labels = match self.inspect {
            Some(inspect) => &inspect["Config"]["Labels"],
            None => &self.best()["Labels"],
        };
        labels.as_object()
    }

    /// The value of a label.
    pub fn label(self, key: &str) -> Option<&'a str> {
        self.labels()?.get(key)?.as_str()
    }
}

impl Container {
    /// The container, borrowed.
    pub fn seen(&self) -> Seen<'_> {
        Seen { list: self.list.as_ref(), inspect: self.inspect.as_ref() }
    }

    /// See [`Seen::id`].
    pub fn id(&self) -> ContainerId {
        self.seen().id()
    }

    /// See [`Seen::name`].
    pub fn name(&self) -> ContainerName {
        ContainerName::new(self.seen().name())
    }

    /// See [`Seen::run`].
    pub fn run(&self) -> Run {
        self.seen().run()
    }

    /// See [`Seen::image`].
    pub fn image(&self) -> ImageId {
        self.seen().image()
    }

    /// The image reference at the creation: inspect's `Config.Image`. The list's `Image` changes
    /// when a tag moves, so it is not used.
    pub fn made_from(&self) -> Option<&str> {
        self.inspect.as_ref()?["Config"]["Image"].as_str()
    }

    /// See [`Seen::labels`].
    pub fn labels(&self) -> Option<&Map<String, Json>> {
        self.seen().labels()
    }

    /// See [`Seen::label`].
    pub fn label(&self, key: &str) -> Option<&str> {
        self.seen().label(key)
    }
}

impl Snapshot {
    /// The container with a primary name.
    pub fn by_name(&self, name: &str) -> Option<&Container> {
        self.containers.iter().find(|container| container.seen().name() == name)
    }

    /// The container with an ID.
    pub fn by_id(&self, id: &ContainerId) -> Option<&Container> {
        self.containers.iter().find(|container| container.id() == *id)
    }

    /// Makes all names of an image, and its ID, refer to the image.
    pub fn name_image(&mut self, id: &ImageId, image: &Json) {
        let names = ["RepoTags", "RepoDigests"].iter().filter_map(|field| image[*field].as_array());
        for name in names.flatten().filter_map(Json::as_str) {
            self.references.insert(name.to_owned(), Some(id.clone()));
            if let Some(bare) = name.strip_suffix(":latest") {
                self.references.insert(bare.to_owned(), Some(id.clone()));
            }
        }
        self.references.insert(id.as_str().to_owned(), Some(id.clone()));
    }

    /// The image of a reference on this engine.
    ///
    /// A snapshot of bayplan contains the requested references; the output of `docker inspect`
    /// contains references in the notation of users.
    pub fn image_of(&self, reference: &str) -> Option<(&ImageId, &Json)> {
        let known = self.references.get(reference);
        let familiar = || ImageRef::parse(reference).ok().map(|parsed| parsed.familiar());
        let known = match known {
            None => self.references.get(&familiar()?),
            known => known,
        };
        let id = known?.as_ref()?;
        Some((id, self.images.get(id)?))
    }
}
