//! Reads and writes snapshot files, and reads the output of `docker inspect`.
//!
//! Each object is on its own lines, so that a line diff can compare two snapshots. Secrets are
//! hidden before a snapshot is written ([`crate::observed::redact`]). The output of `docker
//! inspect` contains all secrets; it is read into memory and never written here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

use crate::base::canonical;
use crate::base::canonical::Strict;
use crate::base::ident::{ImageId, Reference};
use crate::base::kind::Kind;
use crate::base::say;
use crate::base::unique::unique;
use crate::observed::snapshot::{
    Container, EngineRecord, FORMAT, Public, RegistryAnswer, Snapshot,
};
use crate::options::value::Live;

/// The largest file that is read, in bytes: some 100,000 containers.
pub const MAX_BYTES: usize = 1 << 30;

/// Why a file is not a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unreadable {
    /// A lowercase fragment, safe to print, with line and column where there are any.
    pub message: String,
    /// A hint to the user.
    pub hint: Option<String>,
}

fn unreadable<T>(message: impl Into<String>, hint: &str) -> Result<T, Unreadable> {
    Err(Unreadable { message: message.into(), hint: Some(hint.to_owned()) })
}

const HINT: &str = "a snapshot is written by `bayplan snapshot -o FILE`; what `docker inspect` \
                    prints of containers and images is taken as well";

/// What a snapshot file holds, in the order of the file.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Snapshot", deny_unknown_fields)]
pub(crate) struct Written<'a> {
    /// `bayplan/snapshot/1`.
    format: &'a str,
    /// Whether it lists everything on the engine.
    whole: bool,
    /// Who the engine is.
    engine: &'a Option<EngineRecord>,
    /// What each image reference that was asked for means; null: not on the engine.
    references: &'a BTreeMap<String, Option<ImageId>>,
    /// What registries said.
    registry: &'a BTreeMap<String, RegistryAnswer>,
    /// Files, folders, devices and addresses of the host that new containers would be bound to: whether the
    /// host has them, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    sources: Option<&'a BTreeMap<String, bool>>,
    /// Which references to secrets could be resolved.
    secrets: &'a BTreeMap<Reference, bool>,
    /// Texts that were public when values were hidden, by place.
    public: &'a Public,
    /// Images by ID, as the engine inspects them.
    images: &'a BTreeMap<ImageId, Json>,
    /// Networks, as the engine lists them.
    networks: &'a [Json],
    /// Volumes, as the engine lists them.
    volumes: &'a [Json],
    /// Containers, by name, then ID.
    containers: &'a [Container],
}

/// The text of a snapshot file.
pub fn write(snapshot: &Snapshot) -> serde_json::Result<Vec<u8>> {
    let Snapshot {
        engine,
        containers,
        images,
        references,
        networks,
        volumes,
        registry,
        sources,
        secrets,
        public,
        whole,
    } = snapshot;
    let file = Written {
        format: FORMAT,
        whole: *whole,
        engine,
        references,
        registry,
        sources: Some(sources).filter(|sources| !sources.is_empty()),
        secrets,
        public,
        images,
        networks,
        volumes,
        containers,
    };
    let mut out = Vec::new();
    canonical::pretty(&mut out, &file, 0)?;
    out.push(b'\n');
    Ok(out)
}

/// Reads the public texts. A file of an earlier version has one list for all places: its texts
/// have no place, so that every hidden value is unknown.
fn public<'de, D: Deserializer<'de>>(from: D) -> Result<Public, D::Error> {
    struct Places;

    impl<'de> Visitor<'de> for Places {
        type Value = Public;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a map of public texts by place")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Public, A::Error> {
            Public::deserialize(MapAccessDeserializer::new(map))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Public, A::Error> {
            while list.next_element::<String>()?.is_some() {}
            Ok(Public::default())
        }
    }

    from.deserialize_any(Places)
}

/// The content of a snapshot file, for reading.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(rename = "format")]
    _format: String,
    whole: bool,
    engine: Option<EngineRead>,
    #[serde(deserialize_with = "unique")]
    references: BTreeMap<String, Option<ImageId>>,
    #[serde(deserialize_with = "unique")]
    registry: BTreeMap<String, RegistryAnswer>,
    #[serde(default, deserialize_with = "unique")]
    sources: BTreeMap<String, bool>,
    #[serde(deserialize_with = "unique")]
    secrets: BTreeMap<Reference, bool>,
    #[serde(deserialize_with = "public")]
    public: Public,
    #[serde(deserialize_with = "unique")]
    images: BTreeMap<ImageId, Strict>,
    networks: Vec<Strict>,
    volumes: Vec<Strict>,
    containers: Vec<ContainerRead>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EngineRead {
    version: Strict,
    info: Strict,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContainerRead {
    #[serde(default)]
    list: Option<Strict>,
    #[serde(default)]
    inspect: Option<Strict>,
    #[serde(default, deserialize_with = "unique")]
    env: BTreeMap<String, Live>,
}

/// Reads a snapshot file, or the output of `docker inspect`.
pub fn read(bytes: &[u8]) -> Result<Snapshot, Unreadable> {
    if bytes.len() > MAX_BYTES {
        let (most, found) = (MAX_BYTES >> 20, bytes.len() >> 20);
        return unreadable(format!("expected at most {most} MiB, but found {found} MiB"), HINT);
    }
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return unreadable(
            "expected UTF-8, but found UTF-16, as some shells write it",
            "in PowerShell: `docker inspect … | Out-File -Encoding utf8 FILE`",
        );
    }
    let bytes = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).or_else(|error| {
        let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        unreadable(format!("line {line}: expected UTF-8, but found other bytes"), HINT)
    })?;
    match text.trim_start().chars().next() {
        None => unreadable("expected a snapshot, but found an empty file", HINT),
        Some('{') => match format(text) {
            Some(format) => read_ours(text, &format),
            None => read_inspect(text),
        },
        Some('[') => read_inspect(text),
        Some(other) => {
            let found = say::safe(&other.to_string());
            unreadable(format!("line 1: expected `{{` or `[`, but found `{found}`"), HINT)
        }
    }
}

/// The `format` field of an object. bayplan writes `format` as the first field; another tool may
/// have sorted the fields.
fn format(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Head {
        format: Option<String>,
    }
    let rest = text.trim_start().strip_prefix('{')?.trim_start();
    let first = rest.strip_prefix("\"format\"").map(str::trim_start);
    if let Some(rest) = first.and_then(|rest| rest.strip_prefix(':')) {
        let said = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
        return Some(said.unwrap_or("something else").to_owned());
    }
    // Inspect data have no such field, so they are not parsed twice.
    let ours = text.contains("\"bayplan/") && text.contains("\"format\"");
    ours.then(|| serde_json::from_str::<Head>(text).ok()?.format).flatten()
}

fn read_ours(text: &str, format: &str) -> Result<Snapshot, Unreadable> {
    match format {
        FORMAT => {}
        other => {
            if let Some(kind) = Kind::of_format(other).filter(|kind| *kind != Kind::Snapshot) {
                let message = format!("expected a snapshot, but found {}", kind.words());
                return unreadable(message, kind.hint());
            }
            let other = say::short(other);
            return unreadable(
                format!("expected the format {FORMAT}, but found {other}"),
                "another version of bayplan wrote it: use that one, or take the snapshot again",
            );
        }
    }
    let file: Read = serde_json::from_str(text).map_err(|error| Unreadable {
        message: canonical::complaint(&error),
        hint: Some(HINT.to_owned()),
    })?;
    let bare = |values: Vec<Strict>| values.into_iter().map(|value| value.0).collect();
    let containers: Vec<Container> = file
        .containers
        .into_iter()
        .map(|container| Container {
            list: container.list.map(|list| list.0),
            inspect: container.inspect.map(|inspect| inspect.0),
            env: container.env,
        })
        .collect();
    if let Some(index) = containers.iter().position(|each| each.id().as_str().is_empty()) {
        let message = format!("containers[{index}]: expected an `Id`, but found none");
        return unreadable(message, HINT);
    }
    Ok(Snapshot {
        engine: file
            .engine
            .map(|engine| EngineRecord { version: engine.version.0, info: engine.info.0 }),
        containers,
        images: file.images.into_iter().map(|(id, image)| (id, image.0)).collect(),
        references: file.references,
        networks: bare(file.networks),
        volumes: bare(file.volumes),
        registry: file.registry,
        sources: file.sources,
        secrets: file.secrets,
        public: file.public,
        whole: file.whole,
    })
}

/// Reads the output of one or several `docker inspect` calls: lists of objects, or single objects.
fn read_inspect(text: &str) -> Result<Snapshot, Unreadable> {
    let mut snapshot = Snapshot::default();
    let mut number = 0;
    for value in serde_json::Deserializer::from_str(text).into_iter::<Strict>() {
        let value = value.map_err(|error| Unreadable {
            message: canonical::complaint(&error),
            hint: Some(HINT.to_owned()),
        })?;
        let objects = match value.0 {
            Json::Array(objects) => objects,
            object => vec![object],
        };
        for object in objects {
            number += 1;
            sort_in(&mut snapshot, object, number)?;
        }
    }
    let mut containers = std::mem::take(&mut snapshot.containers);
    containers.sort_by_cached_key(|container| (container.name(), container.id()));
    containers.dedup();
    if let Some(twice) = containers.windows(2).find(|two| two[0].id() == two[1].id()) {
        let name = say::short(twice[0].name().as_str());
        return unreadable(
            format!("expected one look at the container `{name}`, but found two that differ"),
            "inspect everything in one go",
        );
    }
    snapshot.containers = containers;
    Ok(snapshot)
}

/// Adds one object to the snapshot; its fields tell its kind.
fn sort_in(snapshot: &mut Snapshot, object: Json, number: usize) -> Result<(), Unreadable> {
    let text = |field: &str| object[field].as_str().is_some_and(|text| !text.is_empty());
    if object["HostConfig"].is_object() && object["Config"].is_object() && text("Id") {
        let container = Container { list: None, inspect: Some(object), env: BTreeMap::new() };
        snapshot.containers.push(container);
    } else if (object["RootFS"].is_object() || object["RepoTags"].is_array()) && text("Id") {
        let id = ImageId::new(object["Id"].as_str().unwrap_or_default());
        snapshot.name_image(&id, &object);
        snapshot.images.insert(id, object);
    } else if object["IPAM"].is_object() && text("Id") {
        snapshot.networks.push(object);
    } else if text("Mountpoint") && text("Name") && text("Driver") {
        snapshot.volumes.push(object);
    } else {
        let found = match &object {
            Json::Object(map) => {
                let keys: Vec<String> = map.keys().take(5).map(|key| say::short(key)).collect();
                format!("one with the fields `{}`", keys.join("`, `"))
            }
            _ => "something that is no object".to_owned(),
        };
        return unreadable(
            format!(
                "object {number}: expected a container, an image, a network or a volume as \
                 `docker inspect` prints it, but found {found}"
            ),
            HINT,
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::base::ident::{ContainerId, SetName};
    use crate::observed::snapshot::Texts;

    fn container(id: &str, name: &str) -> Json {
        json!({
            "Id": id, "Name": format!("/{name}"), "Image": "sha256:1", "Config": {"Env": ["A=\u{1b}"]},
            "HostConfig": {}, "State": {"Status": "running"},
        })
    }

    fn sample() -> Snapshot {
        let live = Live { shown: Some("x".into()), ..Live::default() };
        let reference = Reference::Env { name: "P".into() };
        let mut texts = Texts::default();
        texts.insert("Env.A", "x");
        Snapshot {
            engine: Some(EngineRecord { version: json!({"ApiVersion": "1.51"}), info: json!({}) }),
            containers: vec![Container {
                list: Some(json!({"Id": "c1"})),
                inspect: Some(container("c1", "web")),
                env: BTreeMap::from([("A".into(), live)]),
            }],
            images: BTreeMap::from([(ImageId::new("sha256:1"), json!({"Size": 1.5}))]),
            references: BTreeMap::from([("a:1".into(), None)]),
            networks: vec![json!({"Name": "bridge"})],
            volumes: vec![],
            registry: BTreeMap::from([("a:1".into(), RegistryAnswer::NotFound)]),
            sources: BTreeMap::from([("/srv".into(), false)]),
            secrets: BTreeMap::from([(reference, true)]),
            public: Public {
                sets: BTreeMap::from([(SetName::new("web"), texts)]),
                containers: BTreeMap::from([(
                    ContainerId::new("c1"),
                    BTreeSet::from([SetName::new("web")]),
                )]),
                ..Public::default()
            },
            whole: true,
        }
    }

    fn refused(text: &str) -> String {
        read(text.as_bytes()).unwrap_err().message
    }

    #[test]
    fn what_is_written_is_read_back_and_written_alike() {
        let bytes = write(&sample()).unwrap();
        let back = read(&bytes).unwrap();
        assert_eq!(back, sample());
        assert_eq!(write(&back).unwrap(), bytes);
        insta::assert_snapshot!(String::from_utf8(bytes).unwrap());
    }

    #[test]
    fn a_list_of_public_texts_has_no_places() {
        let mut file: Json = serde_json::from_slice(&write(&sample()).unwrap()).unwrap();
        file["public"] = json!(["x"]);
        let expected = Snapshot { public: Public::default(), ..sample() };
        assert_eq!(read(file.to_string().as_bytes()).unwrap(), expected);
        file["public"] = json!("x");
        let told = refused(&file.to_string());
        assert!(told.contains("a map of public texts by place"), "{told}");
    }

    #[test]
    fn keys_in_another_order_are_the_same_file() {
        let bytes = write(&sample()).unwrap();
        let sorted = serde_json::from_slice::<Json>(&bytes).unwrap().to_string();
        assert!(!sorted.starts_with("{\"format\""), "{sorted}");
        assert_eq!(read(sorted.as_bytes()).unwrap(), sample());
        assert_eq!(
            refused(&sorted.replace("snapshot/1", "snapshot/9")),
            "expected the format bayplan/snapshot/1, but found bayplan/snapshot/9"
        );
    }

    #[test]
    fn inspect_output_is_sorted_by_what_it_is() {
        let image = json!({"Id": "sha256:1", "RepoTags": ["a:latest"], "RepoDigests": ["a@sha256:2"], "RootFS": {}});
        let network = json!({"Id": "n", "Name": "net", "IPAM": {}, "Driver": "bridge"});
        let volume = json!({"Name": "v", "Driver": "local", "Mountpoint": "/v"});
        let text = format!(
            "{}\n{}\n{}",
            json!([container("c2", "web"), image, network]),
            json!([container("c1", "db"), volume]),
            container("c2", "web"),
        );
        let snapshot = read(text.as_bytes()).unwrap();
        let names: Vec<_> =
            snapshot.containers.iter().map(|each| each.name().to_string()).collect();
        assert_eq!(names, ["db", "web"]);
        assert_eq!((snapshot.networks.len(), snapshot.volumes.len()), (1, 1));
        assert!(!snapshot.whole && snapshot.engine.is_none());
        let known: Vec<_> = snapshot.references.keys().collect();
        assert_eq!(known, ["a", "a:latest", "a@sha256:2", "sha256:1"]);
    }

    #[test]
    fn what_is_no_snapshot_is_refused_with_its_place() {
        let text = String::from_utf8(write(&sample()).unwrap()).unwrap();
        insta::assert_snapshot!(refused(&text[..text.len() - 40]), @"line 70, column 13: expected more, but the file ends here: it is cut off");
        insta::assert_snapshot!(refused(&text.replace("\"whole\": true", "\"whole\": 1")), @"line 3, column 12: expected a boolean, but found integer `1`");
        insta::assert_snapshot!(refused(&text.replace("\"whole\": true", "\"hole\": true")), @"line 3, column 8: expected one of `format`, `whole`, `engine`, `references`, `registry`, `sources`, `secrets`, `public`, `images`, `networks`, `volumes`, `containers`, but found `hole`, did you mean `whole`?");
        insta::assert_snapshot!(refused(&text.replace("\"a:1\": null", "\"a:1\": null, \"a:1\": null")), @"line 11, column 22: the key `a:1` comes twice");
        insta::assert_snapshot!(refused(&text.replace("snapshot/1", "snapshot/2")), @"expected the format bayplan/snapshot/1, but found bayplan/snapshot/2");
        insta::assert_snapshot!(refused(&text.replace("snapshot/1", "plan/1")), @"expected a snapshot, but found a plan");
        insta::assert_snapshot!(refused(&text.replace("snapshot/1", "result/1")), @"expected a snapshot, but found the result of an apply");
        insta::assert_snapshot!(refused(""), @"expected a snapshot, but found an empty file");
        insta::assert_snapshot!(refused("NAME  IMAGE"), @"line 1: expected `{` or `[`, but found `N`");
        insta::assert_snapshot!(refused("[{\"Id\": \"x\"}, 3]"), @"object 1: expected a container, an image, a network or a volume as `docker inspect` prints it, but found one with the fields `Id`");
        insta::assert_snapshot!(refused("[3]"), @"object 1: expected a container, an image, a network or a volume as `docker inspect` prints it, but found something that is no object");
        insta::assert_snapshot!(refused("[{\"Id\": \"x\", \"Id\": \"y\"}]"), @"line 1, column 23: the key `Id` comes twice");
        insta::assert_snapshot!(refused(&format!("[{}", container("a", "b"))), @"line 1, column 117: expected more, but the file ends here: it is cut off");
        insta::assert_snapshot!(refused(&"[".repeat(1_000_000)), @"line 1, column 128: expected at most 127 levels, but found more");
        insta::assert_snapshot!(refused("[\"\u{7}\"]"), @"line 1, column 3: expected a string, but found a control character in it");
        insta::assert_snapshot!(refused(&json!([container("a", "b"), {"Id": "a", "Name": "/b", "Config": {}, "HostConfig": {}}]).to_string()), @"expected one look at the container `b`, but found two that differ");
    }

    #[test]
    fn a_hundred_megabytes_of_nothing_are_refused_quickly() {
        let spaces = " ".repeat(100 << 20);
        assert_eq!(refused(&spaces), "expected a snapshot, but found an empty file");
    }
}
