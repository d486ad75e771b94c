//! One case read from its folder: the spec, the world it was recorded in, the secrets there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use bayplan::ident::{ImageId, Reference};
use bayplan::image_ref::ImageRef;
use bayplan::snapshot::{Container, EngineRecord, RegistryAnswer, Snapshot};
use bayplan::spec::node::{Node, Problem};
use bayplan::spec::{Spec, env_file::EnvFile, read, yaml};
use secrecy::ExposeSecret as _;
use serde_json::{Value as Json, json};

/// A case.
pub(crate) struct Case {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// The spec file.
    pub(crate) text: String,
    /// What the files that the spec names hold, by path.
    files: BTreeMap<String, EnvFile>,
    environment: BTreeMap<String, String>,
}

impl Case {
    /// Reads the case of this name.
    pub(crate) fn load(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("snapshots").join(name);
        let text = fs::read_to_string(folder.join("spec.yaml"))
            .unwrap_or_else(|why| panic!("snapshots/{name}/spec.yaml: {why}"));
        let mut case = Self { folder, text, files: BTreeMap::new(), environment: BTreeMap::new() };
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

    fn json(&self, file: &str) -> Option<Json> {
        let text = fs::read_to_string(self.folder.join(file)).ok()?;
        Some(serde_json::from_str(&text).unwrap_or_else(|why| panic!("{file}: {why}")))
    }

    fn list(&self, file: &str) -> Vec<Json> {
        match self.json(file) {
            Some(Json::Array(items)) => items,
            _ => Vec::new(),
        }
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
            Reference::EnvFile { path, name } => {
                let value = self.files.get(path)?.variables.get(name)?.as_ref()?;
                Some(value.expose_secret().to_owned())
            }
        }
    }

    /// Every value of a secret in this case.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let files = self.files.values().flat_map(|file| file.variables.values().flatten());
        let mut all: Vec<String> = files.map(|value| value.expose_secret().to_owned()).collect();
        all.extend(self.environment.values().cloned());
        all
    }

    /// The look that the shell would have taken: everything, secrets still in it.
    pub(crate) fn look(&self, wanted: &BTreeSet<String>) -> Snapshot {
        let images: BTreeMap<ImageId, Json> = self
            .list("images.json")
            .into_iter()
            .map(|image| (ImageId::new(image["Id"].as_str().unwrap_or_default()), image))
            .collect();
        let containers: Vec<Container> = self
            .list("containers.json")
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
            engine: self
                .json("engine.json")
                .map(|engine| serde_json::from_value::<EngineRecord>(engine).unwrap()),
            containers,
            images,
            references,
            networks: self.list("networks.json"),
            volumes: self.list("volumes.json"),
            registry,
            whole: true,
            ..Snapshot::default()
        }
    }
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
