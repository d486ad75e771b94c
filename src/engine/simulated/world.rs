//! The objects on a simulated engine as raw JSON, and how to find them.
//!
//! The effects of calls are in [`super::birth`] and [`super::life`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::show;
use super::time::Instant;
use crate::base::ident::{ContainerId, ImageId};
use crate::engine::{EngineError, ErrorKind, Result};
use crate::observed::snapshot::{EngineRecord, RegistryAnswer, Snapshot};
use crate::options::platform::Platform;

/// The behaviour of a container's process, by the container's name without reserved suffixes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// The process ends after this time with this exit code. Otherwise a process keeps running, and
    /// a one-shot ends with 0.
    pub ends: Option<(Duration, i64)>,
    /// The result of the health check, and its time. Otherwise the container is healthy at once.
    pub health: Option<(Duration, String)>,
    /// Whether the process ignores every signal except `KILL`.
    pub stubborn: bool,
    /// The start fails with this status and text.
    pub start_fails: Option<(u16, String)>,
    /// The output of the process.
    pub output: String,
    /// Whether the end is shown as the kernel's, for want of memory.
    pub out_of_memory: bool,
}

/// All objects on a simulated engine.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) version: Json,
    pub(super) info: Json,
    pub(super) record: Option<EngineRecord>,
    pub(super) containers: BTreeMap<ContainerId, Json>,
    /// The container with each name.
    names: BTreeMap<String, ContainerId>,
    pub(super) images: BTreeMap<ImageId, Json>,
    /// The image of each normalised reference.
    pub(super) tags: BTreeMap<String, ImageId>,
    pub(super) networks: Vec<Json>,
    pub(super) volumes: Vec<Json>,
    pub(super) answers: BTreeMap<String, RegistryAnswer>,
    /// The registry: `REPOSITORY@DIGEST` → the `image inspect` data after a pull.
    pub(super) registry: BTreeMap<String, Json>,
    /// Images of which only the digest is known.
    pub(super) unknown: BTreeSet<ImageId>,
    pub(super) behaviours: BTreeMap<String, Behaviour>,
    pub(super) now: Instant,
    began: Instant,
    pub(super) serial: u64,
}

impl World {
    pub(super) fn load(snapshot: &Snapshot) -> Self {
        let mut containers = BTreeMap::new();
        for container in &snapshot.containers {
            let inspect = container
                .inspect
                .clone()
                .or_else(|| container.list.as_ref().map(show::inspect_of))
                .unwrap_or_default();
            containers.insert(container.id(), inspect);
        }
        let mut tags = BTreeMap::new();
        for (id, image) in &snapshot.images {
            for field in ["RepoTags", "RepoDigests"] {
                for reference in image[field].as_array().into_iter().flatten() {
                    tags.insert(familiar(reference.as_str().unwrap_or_default()), id.clone());
                }
            }
        }
        for (reference, id) in &snapshot.references {
            if let Some(id) = id {
                tags.insert(familiar(reference), id.clone());
            }
        }
        let times = containers.values().flat_map(|inspect| {
            [&inspect["Created"], &inspect["State"]["StartedAt"], &inspect["State"]["FinishedAt"]]
        });
        let now = Instant::after(times.filter_map(Json::as_str));
        let of_engine = |get: fn(&EngineRecord) -> &Json, default: Json| {
            snapshot.engine.as_ref().map_or(default, |engine| get(engine).clone())
        };
        Self {
            version: of_engine(
                |engine| &engine.version,
                json!({"Version": "28.5.2", "ApiVersion": "1.51", "MinAPIVersion": "1.24",
                    "Os": "linux", "Arch": "amd64"}),
            ),
            info: of_engine(
                |engine| &engine.info,
                json!({"ID": "simulated", "Name": "simulated", "DockerRootDir": "/var/lib/docker",
                    "OSType": "linux", "Architecture": "x86_64", "Driver": "overlay2",
                    "CgroupVersion": "2", "SwapLimit": true}),
            ),
            record: snapshot.engine.clone(),
            names: names(&containers),
            containers,
            images: snapshot.images.clone(),
            tags,
            networks: snapshot.networks.clone(),
            volumes: snapshot.volumes.clone(),
            answers: snapshot.registry.clone(),
            registry: BTreeMap::new(),
            unknown: BTreeSet::new(),
            behaviours: BTreeMap::new(),
            now,
            began: now,
            serial: 0,
        }
    }

    /// The next pseudo-random text of 64 hexadecimal digits; the texts are reproducible.
    pub(super) fn digits(&mut self, what: &str) -> String {
        self.serial += 1;
        hex(&format!("{} {what}", self.serial))
    }

    /// The current time; each call gives a new time.
    pub(super) fn tick(&mut self) -> Instant {
        self.now = self.now.plus(Duration::from_millis(1));
        self.now
    }

    /// The time since the world was loaded.
    pub(super) fn elapsed(&self) -> Duration {
        self.now.since(self.began)
    }

    /// The ID of a container, by ID, by name or by an unambiguous beginning of the ID.
    pub(super) fn find(&self, id_or_name: &str) -> Option<ContainerId> {
        let exact = ContainerId::new(id_or_name);
        if self.containers.contains_key(&exact) {
            return Some(exact);
        }
        if let Some(id) = self.holder(id_or_name.trim_start_matches('/')) {
            return Some(id.clone());
        }
        let from = self.containers.range(exact..).map(|(id, _)| id);
        let mut begins = from.take_while(|id| id.as_str().starts_with(id_or_name));
        match (begins.next(), begins.next()) {
            (Some(id), None) if !id_or_name.is_empty() => Some(id.clone()),
            _ => None,
        }
    }

    /// The container with a name.
    pub(super) fn holder(&self, name: &str) -> Option<&ContainerId> {
        self.names.get(name)
    }

    /// Adds a container.
    pub(super) fn put(&mut self, id: ContainerId, inspect: Json) {
        self.names.insert(name_of(&inspect).to_owned(), id.clone());
        self.containers.insert(id, inspect);
    }

    /// Removes a container.
    pub(super) fn take(&mut self, id: &ContainerId) -> Option<Json> {
        let inspect = self.containers.remove(id)?;
        if self.names.get(name_of(&inspect)) == Some(id) {
            self.names.remove(name_of(&inspect));
        }
        Some(inspect)
    }

    /// An image, by ID, tag or digest.
    pub(super) fn image(&self, reference: &str) -> Option<(ImageId, &Json)> {
        let id = ImageId::new(reference);
        if let Some(image) = self.images.get(&id) {
            return Some((id, image));
        }
        let id = self.tags.get(&familiar(reference))?;
        Some((id.clone(), self.images.get(id)?))
    }

    /// The container with an ID, or the error for a call that needs the container.
    pub(super) fn container(&self, id: &ContainerId, doing: &str) -> Result<&Json> {
        self.containers.get(id).ok_or_else(|| gone(id, doing))
    }

    /// The container with an ID, for changes.
    pub(super) fn container_mut(&mut self, id: &ContainerId, doing: &str) -> Result<&mut Json> {
        self.containers.get_mut(id).ok_or_else(|| gone(id, doing))
    }

    /// The behaviour of a container's process.
    pub(super) fn behaviour(&self, inspect: &Json) -> Behaviour {
        let (stem, _) = crate::base::ident::reserved_suffix(name_of(inspect));
        self.behaviours.get(stem).cloned().unwrap_or_default()
    }

    /// The names that links give to each container: `/web/db`.
    fn aliases(&self) -> BTreeMap<&str, Vec<String>> {
        let mut aliases: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for inspect in self.containers.values() {
            let links = inspect["HostConfig"]["Links"].as_array().into_iter().flatten();
            for (target, alias) in links.filter_map(|link| link.as_str()?.split_once(':')) {
                let target = target.trim_start_matches('/');
                aliases.entry(target).or_default().push(alias.to_owned());
            }
        }
        aliases
    }

    /// The answer to `GET /containers/json`.
    pub(super) fn list(&self) -> Vec<Json> {
        let aliases = self.aliases();
        let called = |name: &str| aliases.get(name).map(Vec::as_slice).unwrap_or_default();
        self.containers
            .values()
            .map(|inspect| {
                let made_from = inspect["Config"]["Image"].as_str().unwrap_or_default();
                let id = inspect["Image"].as_str().unwrap_or_default();
                let still =
                    self.tags.get(&familiar(made_from)).is_some_and(|now| now.as_str() == id);
                let image = if still { made_from } else { id };
                show::entry(inspect, image, called(name_of(inspect)))
            })
            .collect()
    }

    /// Pulls an image by digest.
    pub(super) fn pull(&mut self, image: &str, platform: Option<&str>, doing: &str) -> Result<()> {
        let Some((repository, digest)) = image.split_once('@') else {
            return Err(fails(ErrorKind::Status(400), doing, "invalid reference format"));
        };
        let platform = platform.map(Platform::read);
        let here = self.tags.get(&familiar(image)).and_then(|id| self.images.get_mut(id));
        match (here, &platform) {
            (Some(here), Some(platform)) if platform.is_missing_in(here) => {
                // An image index in containerd's store gets one more platform.
                if platform.bring(here) {
                    return Ok(());
                }
                let said = format!("Cannot overwrite digest {digest}");
                return Err(fails(ErrorKind::Status(500), doing, &said));
            }
            (Some(_), _) => return Ok(()),
            (None, _) => {}
        }
        let given = self.registry.get(image).cloned();
        let known = given.is_some();
        let mut inspect = given.unwrap_or_else(|| {
            json!({"Id": format!("sha256:{}", hex(&format!("image {digest}"))), "Os": "linux",
                "RepoTags": [], "RepoDigests": [], "Config": {}})
        });
        if let Some(platform) = platform.filter(|_| !known) {
            for (field, text) in platform.fields() {
                inspect[field] = json!(text);
            }
        }
        let id = ImageId::new(inspect["Id"].as_str().unwrap_or_default());
        if let Some(here) = self.images.get(&id) {
            inspect = here.clone();
        } else {
            inspect["RepoTags"] = json!([]);
            inspect["RepoDigests"] = json!([]);
            if !known {
                self.unknown.insert(id.clone());
            }
        }
        push(&mut inspect, "RepoDigests", &format!("{repository}@{digest}"));
        self.tags.insert(familiar(image), id.clone());
        self.images.insert(id, inspect);
        Ok(())
    }

    /// Moves a tag.
    pub(super) fn tag(&mut self, image: &str, tag: &str, doing: &str) -> Result<()> {
        let Some((id, _)) = self.image(image) else {
            return Err(fails(ErrorKind::NotFound, doing, &format!("No such image: {image}")));
        };
        let key = familiar(tag);
        for other in self.images.values_mut() {
            if let Some(tags) = other["RepoTags"].as_array_mut() {
                tags.retain(|had| had.as_str().map(familiar).as_deref() != Some(key.as_str()));
            }
        }
        if let Some(inspect) = self.images.get_mut(&id) {
            push(inspect, "RepoTags", &key);
        }
        self.tags.insert(key, id);
        Ok(())
    }
}

/// Adds a text to a list, which may be missing.
fn push(json: &mut Json, field: &str, text: &str) {
    if !json.is_object() {
        return;
    }
    if !json[field].is_array() {
        json[field] = json!([]);
    }
    if let Some(list) = json[field].as_array_mut()
        && !list.iter().any(|had| had == text)
    {
        list.push(json!(text));
    }
}

/// A reference in the notation of engines: without the default registry, with a tag.
pub(super) fn familiar(reference: &str) -> String {
    let mut short = reference;
    for prefix in ["docker.io/", "index.docker.io/", "library/"] {
        short = short.strip_prefix(prefix).unwrap_or(short);
    }
    let last = short.rsplit('/').next().unwrap_or(short);
    match short.split_once('@') {
        // A tag beside a digest has no meaning.
        Some((name, digest)) => {
            let slash = name.rfind('/').map_or(0, |at| at + 1);
            let end = name[slash..].find(':').map_or(name.len(), |at| slash + at);
            format!("{}@{digest}", &name[..end])
        }
        None if last.contains(':') => short.to_owned(),
        None => format!("{short}:latest"),
    }
}

/// The container with each name; the first container of several.
fn names(containers: &BTreeMap<ContainerId, Json>) -> BTreeMap<String, ContainerId> {
    let named = containers.iter().rev();
    named.map(|(id, inspect)| (name_of(inspect).to_owned(), id.clone())).collect()
}

/// A container's primary name.
pub(super) fn name_of(inspect: &Json) -> &str {
    inspect["Name"].as_str().unwrap_or_default().trim_start_matches('/')
}

/// SHA-256 in hexadecimal digits.
fn hex(text: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The error for a status other than success.
pub(super) fn fails(kind: ErrorKind, doing: &str, message: &str) -> EngineError {
    EngineError { kind, doing: doing.to_owned(), message: message.to_owned(), hint: None }
}

fn gone(id: &ContainerId, doing: &str) -> EngineError {
    fails(ErrorKind::NotFound, doing, &format!("No such container: {id}"))
}

/// Sets a nested field in inspect data; replaces other values on the path by objects.
pub(super) fn set(json: &mut Json, path: &[&str], value: impl Into<Json>) {
    let mut at = json;
    for key in path {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[*key];
    }
    *at = value.into();
}

#[cfg(test)]
mod tests {
    use super::familiar;

    #[test]
    fn references_that_mean_the_same_are_the_same() {
        assert_eq!(familiar("docker.io/library/nginx"), "nginx:latest");
        assert_eq!(familiar("localhost:5000/web"), "localhost:5000/web:latest");
        assert_eq!(familiar("localhost:5000/web:1@sha256:ab"), "localhost:5000/web@sha256:ab");
        assert_eq!(familiar("nginx@sha256:ab"), "nginx@sha256:ab");
    }
}
