//! Containers of real engines, recorded: what was declared is what is found.
//!
//! Each create body, adapted to the engine that it was sent to, must look like the inspect data
//! that came of it, in every row of the table and in every field that `adapt` claims to predict.

use std::collections::{BTreeMap, BTreeSet};

use bayplan::base::ident::{ContainerId, ContainerName, NetworkId};
use bayplan::engine_model;
use bayplan::engine_model::{Engine, World};
use bayplan::observed::snapshot::EngineRecord;
use bayplan::options::inspect_view::InspectView;
use bayplan::options::{Body, ROWS};
use serde_json::{Value as Json, json};

pub(crate) const ENGINES: [&str; 6] = [
    "docker-20.10.24",
    "docker-20.10.24-cgroup2",
    "docker-26.1.5",
    "docker-28.5.2",
    "docker-28.5.2-cgroup2",
    "docker-28.5.2-containerd-store",
];

/// What a container really has otherwise than its create body says: engine (`*`: all), container,
/// row or field, and why. Reviewed one by one; an entry that nothing needs fails the test.
const REAL: &[(&str, &str, &str, &str)] =
    &[("*", "net-connected", "networks", "connected by a call after the create")];

/// One engine's recordings.
struct Recording {
    name: &'static str,
    data: Json,
    engine: Engine,
    world: World,
}

impl Recording {
    fn read(name: &'static str) -> Self {
        let data = file(name);
        let engine = Engine::of(&EngineRecord {
            version: data["version"].clone(),
            info: data["info"].clone(),
        });
        let mut world = World::default();
        for network in data["networks"].as_array().unwrap() {
            let id = NetworkId::new(network["Id"].as_str().unwrap());
            world.network(network["Name"].as_str().unwrap(), id);
        }
        for (_, pair) in data["containers"].as_object().unwrap() {
            let found = &pair["inspect"];
            let id = ContainerId::new(found["Id"].as_str().unwrap());
            world.container(&container_name(found), id, found["Mounts"].clone());
        }
        Self { name, data, engine, world }
    }

    /// The image of a container. The virtual machines of the cgroup2 recordings saved none: there
    /// it is `lab/plain:1`, which all engines built alike.
    fn image(&self, found: &Json) -> Option<Json> {
        let id = found["Image"].as_str().unwrap();
        if let Some(image) = self.data["images"].get(id) {
            return Some(image.clone());
        }
        if found["Config"]["Image"] != "lab/plain:1" {
            return None;
        }
        Some(plain_image(id))
    }

    /// Every look at every container, with what was expected of it: (what, expected, found).
    fn looks(&self) -> Vec<(String, Json, Json)> {
        let mut looks = Vec::new();
        for (name, pair) in self.data["containers"].as_object().unwrap() {
            for (stage, found) in [("", &pair["inspect"]), (" before its start", &pair["created"])]
            {
                // Without the image nothing can be said; `lab/entry:1` was not recorded.
                let Some(image) = (!found.is_null()).then(|| self.image(found)).flatten() else {
                    continue;
                };
                let body = Body::from_json(pair["create"].clone());
                let name_there = container_name(found);
                let expected = engine_model::adapt(
                    &name_there,
                    &body,
                    Some(&image),
                    &self.engine,
                    &self.world,
                );
                looks.push((format!("{name}{stage}"), expected, found.clone()));
            }
        }
        looks
    }
}

/// `lab/plain:1`.
pub(crate) fn plain_image(id: &str) -> Json {
    json!({"Id": id, "Config": {
        "Cmd": ["sleep", "100000"],
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    }})
}

pub(crate) fn file(name: &str) -> Json {
    let path = format!("{}/tests/recordings/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn container_name(found: &Json) -> ContainerName {
    ContainerName::new(found["Name"].as_str().unwrap().trim_start_matches('/'))
}

fn look(json: &Json) -> InspectView {
    InspectView::new(json, &BTreeMap::new())
}

/// Differences that no entry of a list explains, and entries that explain nothing.
fn unexplained(
    differences: Vec<(&str, String, String, String)>,
    list: &[(&str, &str, &str, &str)],
) -> Vec<String> {
    let mut used = BTreeSet::new();
    let mut left = Vec::new();
    for (engine, container, what, text) in differences {
        let bare = container.trim_end_matches(" before its start");
        let entry = list.iter().position(|(on, of, row, _)| {
            engine_matches(on, engine)
                && (*of == "*" || *of == bare || *of == container)
                && *row == what
        });
        match entry {
            Some(at) => {
                used.insert(at);
            }
            None => left.push(format!("{engine}: {container}: {what}: {text}")),
        }
    }
    for (at, entry) in list.iter().enumerate() {
        if !used.contains(&at) {
            left.push(format!("explains nothing any more: {entry:?}"));
        }
    }
    left
}

fn engine_matches(pattern: &str, engine: &str) -> bool {
    pattern == "*" || engine.starts_with(pattern)
}

#[test]
fn declared_as_recorded_is_no_difference_in_any_row() {
    let mut differences = Vec::new();
    let mut count = 0;
    let mut said: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for name in ENGINES {
        let recording = Recording::read(name);
        for (container, expected, found) in recording.looks() {
            count += 1;
            let (want, have) = (look(&expected), look(&found));
            for row in ROWS {
                let (mut expected, mut found) = (row.read(&want), row.read(&have));
                row.normalize_pair(&mut expected, &mut found, (&want, &have));
                said.entry(row.def().key).or_default().insert(format!("{found:?}"));
                if expected != found {
                    let text = format!("{expected:?} => {found:?}");
                    differences.push((
                        recording.name,
                        container.clone(),
                        row.def().key.to_owned(),
                        text,
                    ));
                }
            }
        }
    }
    assert!(count > 500, "only {count} looks");
    // Every row reads something from some recording, on the expected and on the found side; else
    // its zero differences would say nothing.
    let silent: Vec<&str> =
        said.iter().filter(|(_, values)| values.len() < 2).map(|(row, _)| *row).collect();
    // No inspect has files: live tests hold those.
    assert_eq!(silent, ["files"], "rows that read the same from every recording");
    let left = unexplained(differences, REAL);
    assert!(left.is_empty(), "{} of {count} looks:\n{}", left.len(), left.join("\n"));
}

/// Fields that `adapt` does not predict: engine, container, field, why.
const NOT_PREDICTED: &[(&str, &str, &str, &str)] = &[
    ("*", "net-connected", "Networks.labnet2", "connected by a call after the create"),
    ("*", "net-connected", "Networks.labnet2.Aliases", "connected by a call after the create"),
    ("*", "mount-image", "Mounts./img.Source", "a folder of the storage driver's choice"),
];

/// A look that is not kept does without `/version`.
#[test]
fn an_engine_is_told_by_its_api_and_its_info_alone() {
    for name in ENGINES {
        let recording = file(name);
        let (version, info) = (recording["version"].clone(), recording["info"].clone());
        let greeting = json!({"ApiVersion": version["ApiVersion"]});
        let whole = Engine::of(&EngineRecord { version, info: info.clone() });
        let mut brief = Engine::of(&EngineRecord { version: greeting, info });
        brief.min_api = whole.min_api;
        assert_eq!(brief, whole, "{name}");
    }
}

#[test]
fn predicted_fields_are_as_recorded() {
    let mut differences = Vec::new();
    for name in ENGINES {
        let recording = Recording::read(name);
        for (container, expected, found) in recording.looks() {
            let (want, have) = (fields(&look(&expected)), fields(&look(&found)));
            let keys: BTreeSet<&String> = want.keys().chain(have.keys()).collect();
            for key in keys {
                let (want, have) = (want.get(key), have.get(key));
                if want != have {
                    let show =
                        |value: Option<&Json>| value.map_or("nothing".into(), Json::to_string);
                    let text = format!("{} => {}", show(want), show(have));
                    differences.push((recording.name, container.clone(), key.clone(), text));
                }
            }
        }
    }
    let left = unexplained(differences, NOT_PREDICTED);
    assert!(left.is_empty(), "{}:\n{}", left.len(), left.join("\n"));
}

/// Every predicted field of a look that is not empty, by a flat name; what has no order sorted.
fn fields(look: &InspectView) -> BTreeMap<String, Json> {
    let mut fields = BTreeMap::new();
    let mut add = |name: String, value: &Json| {
        if !empty(value) {
            fields.insert(name, value.clone());
        }
    };
    let json = look.json();
    for part in ["Config", "HostConfig"] {
        for (field, value) in json[part].as_object().unwrap() {
            let mut value = value.clone();
            if field == "Links"
                && let Json::Array(links) = &mut value
            {
                links.sort_by_key(Json::to_string);
            }
            add(format!("{part}.{field}"), &value);
        }
    }
    for field in ["Name", "Path", "Args", "Image", "Platform", "Driver"] {
        add(field.to_owned(), &json[field]);
    }
    for (name, attached) in json["NetworkSettings"]["Networks"].as_object().unwrap() {
        add(format!("Networks.{name}"), &json!(true));
        for field in ["Aliases", "DriverOpts", "IPAMConfig", "Links"] {
            add(format!("Networks.{name}.{field}"), &attached[field]);
        }
    }
    for mount in json["Mounts"].as_array().unwrap() {
        let place = mount["Destination"].as_str().unwrap();
        for field in ["Type", "RW", "Propagation"] {
            add(format!("Mounts.{place}.{field}"), &mount[field]);
        }
        // Nobody can know the name of an anonymous volume.
        let anonymous = mount["Name"].as_str().is_none_or(|name| name.len() == 64);
        if mount["Type"] != "volume" || !anonymous {
            add(format!("Mounts.{place}.Name"), &mount["Name"]);
            add(format!("Mounts.{place}.Source"), &mount["Source"]);
        }
    }
    fields
}

fn empty(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => true,
        Json::Array(list) => list.is_empty(),
        Json::Object(map) => map.is_empty(),
        Json::String(text) => text.is_empty(),
        other => *other == json!(0),
    }
}

/// Any JSON under the names that adapt reads, so that it is read and not passed over.
fn any_json() -> impl proptest::strategy::Strategy<Value = Json> {
    use proptest::prelude::*;
    let names = proptest::sample::select(vec![
        "Binds",
        "Cmd",
        "Config",
        "EndpointsConfig",
        "Entrypoint",
        "Env",
        "ExposedPorts",
        "Healthcheck",
        "HostConfig",
        "Hostname",
        "Id",
        "Labels",
        "Links",
        "LogConfig",
        "Memory",
        "MemorySwap",
        "Mounts",
        "NetworkMode",
        "NetworkSettings",
        "Networks",
        "NetworkingConfig",
        "PortBindings",
        "RestartPolicy",
        "SecurityOpt",
        "Type",
        "Volumes",
        "VolumesFrom",
        "WorkingDir",
        "Aliases",
        "bridge",
    ]);
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        ".{0,9}".prop_map(Json::from),
        "(container:|/|:|\\.\\.|=|é|default|a){0,4}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 48, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            proptest::collection::btree_map(names.clone(), inner, 0..8).prop_map(|map| {
                map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            }),
        ]
    })
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(512))]

    #[test]
    fn no_json_makes_adapt_or_look_panic(body in any_json(), image in any_json()) {
        let (engine, world) = (Engine::newest(), World::default());
        let name = ContainerName::new("web");
        let body = Body::from_json(body);
        let adapted = engine_model::adapt(&name, &body, Some(&image), &engine, &world);
        for json in [&adapted, body.json(), &image] {
            let look = look(json);
            proptest::prop_assert!(ROWS.iter().all(|row| row.read(&look) == row.read(&look)));
        }
    }
}
