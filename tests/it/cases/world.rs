//! One case read from its folder: the spec, the world it was recorded in, the secrets there are.
//! What many cases have alike lies once under `snapshots/worlds/`, and a case names it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use bayplan::base::ident::{ImageId, Reference};
use bayplan::base::image_ref::ImageRef;
use bayplan::observed::snapshot::{Container, EngineRecord, RegistryAnswer, Snapshot};
use bayplan::spec::{Spec, read};
use bayplan::syntax::env_file::{EnvFile, Unset};
use bayplan::syntax::node::{Node, Problem};
use bayplan::syntax::template::{Seen, Template};
use bayplan::syntax::yaml;
use secrecy::ExposeSecret as _;
use serde_json::{Value as Json, json};

/// What a case takes from `snapshots/worlds/`: its `world.json`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Shared {
    /// A file of `engines/`.
    engine: Option<String>,
    /// Files of `networks/`.
    networks: Vec<String>,
    /// Files of `images/`.
    images: Vec<String>,
}

impl Shared {
    /// The files it names, relative to `snapshots/worlds`.
    pub(crate) fn files(&self) -> Vec<String> {
        let engine = self.engine.iter().map(|name| ("engines", name));
        let networks = self.networks.iter().map(|name| ("networks", name));
        let images = self.images.iter().map(|name| ("images", name));
        engine
            .chain(networks)
            .chain(images)
            .map(|(kind, name)| format!("{kind}/{name}.json"))
            .collect()
    }
}

/// The folder of all cases.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("snapshots")
}

/// A case.
pub(crate) struct Case {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// The spec file.
    pub(crate) text: String,
    /// What of its world it shares with other cases.
    pub(crate) shared: Shared,
    /// What the files that the spec names hold, by path.
    files: BTreeMap<String, EnvFile>,
    environment: BTreeMap<String, String>,
}

impl Case {
    /// One of a spec alone.
    pub(crate) fn of(text: String) -> Self {
        let (shared, folder) = (Shared::default(), PathBuf::new());
        let (files, environment) = (BTreeMap::new(), BTreeMap::new());
        Self { folder, text, shared, files, environment }
    }

    /// Reads the case of this name.
    pub(crate) fn load(name: &str) -> Self {
        let folder = root().join(name);
        let text = fs::read_to_string(folder.join("spec.yaml"))
            .unwrap_or_else(|why| panic!("snapshots/{name}/spec.yaml: {why}"));
        let mut case = Self {
            folder,
            text,
            shared: Shared::default(),
            files: BTreeMap::new(),
            environment: BTreeMap::new(),
        };
        if let Some(shared) = case.json("world.json") {
            case.shared = serde_json::from_value(shared)
                .unwrap_or_else(|why| panic!("snapshots/{name}/world.json: {why}"));
        }
        if let Some(environment) = case.json("environment.json") {
            case.environment = serde_json::from_value(environment).unwrap();
        }
        let node = yaml::parse(&case.text);
        for used in node.iter().flat_map(read::env_files) {
            let text = fs::read_to_string(case.folder.join(&used.path)).unwrap();
            case.files.insert(used.path, EnvFile::parse(&text).unwrap());
        }
        case
    }

    /// A file of its own.
    fn json(&self, file: &str) -> Option<Json> {
        parsed(&self.folder.join(file))
    }

    /// What it shares of a kind, then what it has of its own.
    fn list(&self, kind: &str, shared: &[String]) -> Vec<Json> {
        let files = shared.iter().map(|name| world(kind, name));
        let items: Vec<Json> = files
            .chain(self.json(&format!("{kind}.json")))
            .flat_map(|file| match file {
                Json::Array(items) => items,
                other => {
                    panic!("{}: {kind}: expected a list, found {other}", self.folder.display())
                }
            })
            .collect();
        let ids = items.iter().filter_map(|item| item["Id"].as_str());
        let distinct: BTreeSet<&str> = ids.clone().collect();
        assert_eq!(
            ids.count(),
            distinct.len(),
            "{}: one of the {kind} twice",
            self.folder.display()
        );
        items
    }

    fn engine(&self) -> Option<EngineRecord> {
        let shared = self.shared.engine.as_ref().map(|name| world("engines", name));
        let own = self.json("engine.json");
        assert!(shared.is_none() || own.is_none(), "{}: two engines", self.folder.display());
        shared.or(own).map(|engine| serde_json::from_value(engine).unwrap())
    }

    fn names(&self) -> read::Files {
        self.files.iter().map(|(path, file)| (path.clone(), file.names())).collect()
    }

    /// The spec.
    pub(crate) fn spec(&self) -> Result<Spec, Vec<Problem>> {
        read::text(&self.text, &self.names())
    }

    /// The spec as a plan carries it.
    pub(crate) fn declared(&self, declared: &Json) -> Result<Spec, Vec<Problem>> {
        read::spec(Node::from_json(declared), &self.names())
    }

    /// What a reference resolves to.
    pub(crate) fn secret(&self, reference: &Reference) -> Option<String> {
        match reference {
            Reference::Env { name } => self.environment.get(name).cloned(),
            Reference::Template { text } => {
                let known = |name: &str| self.environment.get(name).cloned();
                Template::parse(text).ok()?.fill(&known, &mut Seen::default()).ok()
            }
            Reference::EnvFile { path, name } => {
                let known = |name: &str| self.environment.get(name).cloned();
                let file = self.files.get(path)?.resolve(Unset::Missing, known).unwrap();
                Some(file.values.get(name)?.expose_secret().to_owned())
            }
        }
    }

    /// Every value of a secret in this case.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let files =
            self.files.values().map(|file| file.resolve(Unset::Missing, |_| None).unwrap().values);
        let values = files.flat_map(BTreeMap::into_values);
        let mut all: Vec<String> = values.map(|value| value.expose_secret().to_owned()).collect();
        all.extend(self.environment.values().cloned());
        all
    }

    /// The look that the shell would have taken: everything, secrets still in it.
    pub(crate) fn look(&self, wanted: &BTreeSet<String>) -> Snapshot {
        let images: BTreeMap<ImageId, Json> = self
            .list("images", &self.shared.images)
            .into_iter()
            .map(|image| (ImageId::new(image["Id"].as_str().unwrap_or_default()), image))
            .collect();
        let containers: Vec<Container> = self
            .list("containers", &[])
            .into_iter()
            .map(|inspect| Container {
                list: Some(listed(&inspect, &images)),
                inspect: Some(inspect),
                env: BTreeMap::new(),
            })
            .collect();
        let mut references = BTreeMap::new();
        for reference in wanted {
            references.insert(reference.clone(), resolve(reference, &images));
        }
        let registry = match self.json("registry.json") {
            Some(answers) => {
                serde_json::from_value::<BTreeMap<String, RegistryAnswer>>(answers).unwrap()
            }
            None => BTreeMap::new(),
        };
        Snapshot {
            engine: self.engine(),
            containers,
            images,
            references,
            networks: self.list("networks", &self.shared.networks),
            volumes: self.list("volumes", &[]),
            registry,
            whole: true,
            ..Snapshot::default()
        }
    }
}

/// A JSON file, if there is one.
fn parsed(path: &Path) -> Option<Json> {
    let text = fs::read_to_string(path).ok()?;
    Some(serde_json::from_str(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display())))
}

/// A file that cases share.
fn world(kind: &str, name: &str) -> Json {
    let path = root().join(format!("worlds/{kind}/{name}.json"));
    parsed(&path)
        .unwrap_or_else(|| panic!("{} is named by a case but is not there", path.display()))
}

/// The entry that the list would have: what it says beside inspect data. Its `Image` is an ID once
/// the tag points elsewhere.
fn listed(inspect: &Json, images: &BTreeMap<ImageId, Json>) -> Json {
    let declared = inspect["Config"]["Image"].as_str().unwrap_or_default();
    let id = ImageId::new(inspect["Image"].as_str().unwrap_or_default());
    let image =
        if resolve(declared, images).as_ref() == Some(&id) { declared } else { id.as_str() };
    json!({
        "Id": inspect["Id"],
        "Names": [inspect["Name"]],
        "Image": image,
        "ImageID": inspect["Image"],
        "Labels": inspect["Config"]["Labels"],
        "State": inspect["State"]["Status"],
        "HostConfig": {"NetworkMode": inspect["HostConfig"]["NetworkMode"]},
        "Mounts": inspect["Mounts"],
        "NetworkSettings": {"Networks": inspect["NetworkSettings"]["Networks"]},
    })
}

/// The image that a reference means on this engine.
fn resolve(reference: &str, images: &BTreeMap<ImageId, Json>) -> Option<ImageId> {
    let wanted = ImageRef::parse(reference).ok()?;
    let names = |image: &Json| -> Vec<String> {
        ["RepoTags", "RepoDigests"]
            .iter()
            .filter_map(|field| image[*field].as_array())
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect()
    };
    images
        .iter()
        .find(|(id, image)| {
            id.as_str() == reference
                || names(image)
                    .iter()
                    .any(|name| ImageRef::parse(name).is_ok_and(|name| name == wanted))
        })
        .map(|(id, _)| id.clone())
}
