//! Anonymous volumes across several replacements.

use serde_json::{Value as Json, json};

use super::tests::{hex, image, plan, spec, world};
use super::{Built, Input, Pins, build};
use crate::base::ident::ContainerName;
use crate::engine_model::{Engine, World, adapt};
use crate::observed::snapshot::{Container, RegistryAnswer, Snapshot};
use crate::plan::{Action, Danger, Verb};
use crate::spec::Spec;

/// A spec with one container and further lines.
fn web(more: &str) -> Spec {
    spec(&format!("project: p\ncontainers: {{web: {{image: 'app:1', state: reloaded{more}}}}}\n"))
}

/// A world with an image that declares volumes at these paths.
fn asking(paths: &Json) -> Snapshot {
    let mut snapshot = world();
    let (id, json) = image("app:1", &json!({"Cmd": ["serve"], "Volumes": paths}));
    snapshot.images.insert(id, json);
    snapshot
}

/// Applies the plan to the single container. An anonymous volume gets a name from its path and
/// `seed`.
fn run(snapshot: &mut Snapshot, built: &Built, seed: &str) {
    let body = built.bodies.values().next().expect("a container is created");
    let image = snapshot.image_of("app:1").map(|(_, json)| json.clone());
    let name = ContainerName::new("p-web-1");
    let world = World::of(snapshot);
    let mut inspect = adapt(&name, body, image.as_ref(), &Engine::newest(), &world);
    for mount in inspect["Mounts"].as_array_mut().unwrap() {
        if mount["Type"] == "volume" && mount["Name"].is_null() {
            let path = mount["Destination"].as_str().unwrap_or_default();
            mount["Name"] = json!(hex(&format!("{path} {seed}")));
        }
    }
    inspect["Id"] = json!(hex(seed));
    inspect["Created"] = json!("2026-01-01T00:00:00Z");
    inspect["State"] = json!({"Status": "running", "Running": true, "ExitCode": 0,
        "StartedAt": "2026-01-01T00:00:01Z"});
    let env = std::collections::BTreeMap::new();
    snapshot.containers = vec![Container { list: None, inspect: Some(inspect), env }];
}

/// A world with the created container of a spec.
fn created(spec: &Spec, paths: &Json) -> Snapshot {
    let mut snapshot = asking(paths);
    let built = plan(spec, &snapshot);
    run(&mut snapshot, &built, "first");
    snapshot
}

fn inspect(snapshot: &mut Snapshot) -> &mut Json {
    snapshot.containers[0].inspect.as_mut().unwrap()
}

/// Replaces the container for an unrelated reason; returns the carried paths and volumes.
fn replaced(snapshot: &mut Snapshot, spec: &Spec, seed: &str) -> Vec<(String, String)> {
    let own = inspect(snapshot)["HostConfig"]["Memory"].take();
    inspect(snapshot)["HostConfig"]["Memory"] = json!(123_456_789);
    assert_ne!(own, json!(123_456_789));
    let built = plan(spec, snapshot);
    assert_eq!(built.plan.changes.len(), 1);
    run(snapshot, &built, seed);
    let carried = built.plan.steps.iter().find_map(|step| match &step.action {
        Action::Create { carried, .. } => Some(carried.clone()),
        _ => None,
    });
    let carried = carried.unwrap().into_iter();
    // The container is as declared afterwards.
    assert_eq!(plan(spec, snapshot).plan.changes, []);
    carried.map(|one| (one.path, one.volume)).collect()
}

fn built(spec: &Spec, snapshot: &Snapshot) -> Built {
    build(&Input { spec, snapshot, assume: false, pins: Pins::default(), source: None })
}

fn codes(spec: &Spec, snapshot: &Snapshot) -> Vec<&'static str> {
    built(spec, snapshot).errors.iter().map(|error| error.code).collect()
}

#[test]
fn a_volume_goes_from_one_to_the_next_however_its_path_is_written() {
    for path in ["/data", "/data/", "/opt/..//data"] {
        let plain = web("");
        let mut snapshot = created(&plain, &json!({path: {}}));
        let own = vec![("/data".to_owned(), hex("/data first"))];
        for seed in ["second", "third", "fourth"] {
            assert_eq!(replaced(&mut snapshot, &plain, seed), own, "{path}: {seed}");
        }
    }
}

#[test]
fn a_volume_that_a_mount_asks_for_is_taken_over_by_that_mount() {
    let volumes = ", volumes: [{type: volume, target: /data, volume: {nocopy: true}}, {type: volume, target: '/x:y'}]";
    let spec = web(volumes);
    let mut snapshot = created(&spec, &json!({"/more:z": {}}));
    let own: Vec<(String, String)> = ["/data", "/more:z", "/x:y"]
        .map(|path| (path.to_owned(), hex(&format!("{path} first"))))
        .into();
    for seed in ["second", "third"] {
        assert_eq!(replaced(&mut snapshot, &spec, seed), own);
        let host = &inspect(&mut snapshot)["HostConfig"];
        let targets: Vec<&str> = host["Mounts"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|it| it["Target"].as_str())
            .collect();
        assert_eq!(targets, ["/data", "/x:y", "/more:z"]);
        assert!(host["Binds"].is_null(), "{host}");
    }
}

#[test]
fn a_volume_is_declared_by_who_names_it_and_not_by_how_it_is_called() {
    let (one, other) = (hex("one"), hex("other"));
    let declared = |name: &str| web(&format!(", volumes: ['{name}:/data']"));
    for paths in [json!({"/data": {}}), Json::Null] {
        let mut snapshot = created(&declared(&one), &paths);
        assert_eq!(replaced(&mut snapshot, &declared(&one), "second"), []);
        // Another declared volume differs, and an anonymous volume does not equal a declared
        // volume.
        for spec in [declared(&other), declared("data"), web("")] {
            let built = plan(&spec, &snapshot);
            assert_eq!(built.plan.changes.len(), 1, "{paths}");
            let change = &built.plan.changes[0];
            assert_eq!(change.impact.unmounts, [format!("{one} at /data")]);
            assert!(change.danger.contains(&Danger::DataLost));
        }
        // Removing the container loses no data: its volume has a name.
        let gone = spec("project: p\ncontainers: {web: {image: 'app:1', state: absent}}\n");
        assert_eq!(plan(&gone, &snapshot).plan.changes[0].danger, [Danger::Outage]);
    }
}

#[test]
fn an_engine_that_tells_which_names_it_made_up_is_believed() {
    let plain = web("");
    let volume = hex("v");
    let mut snapshot = created(&plain, &Json::Null);
    let found = inspect(&mut snapshot);
    found["HostConfig"]["Binds"] = json!([format!("{volume}:/data")]);
    found["Mounts"] =
        json!([{"Type": "volume", "Name": volume, "Destination": "/data", "RW": true}]);
    assert_eq!(codes(&plain, &snapshot), [""; 0]);
    snapshot.volumes.push(json!({"Name": volume, "Driver": "local",
        "Labels": {"com.docker.volume.anonymous": ""}}));
    assert_eq!(codes(&plain, &snapshot), ["data_lost"]);
    // A spec may still declare the volume.
    assert_eq!(codes(&web(&format!(", volumes: ['{volume}:/other']")), &snapshot), [""; 0]);
}

#[test]
fn the_volumes_of_others_are_theirs() {
    let text = "project: p\ncontainers:\n  web: {image: 'app:1', state: reloaded, tty: true, volumes_from: [db]}\n  db: {name: db, image: 'app:1'}\n";
    let mut snapshot = created(&web(""), &json!({"/data": {}}));
    let volume = hex("/data first");
    let mut db = snapshot.containers[0].clone();
    let of_db = db.inspect.as_mut().unwrap();
    (of_db["Id"], of_db["Name"]) = (json!(hex("db")), json!("/db"));
    of_db["Config"]["Labels"] = json!({});
    inspect(&mut snapshot)["HostConfig"]["VolumesFrom"] = json!(["db"]);
    snapshot.containers.push(db);
    let built = built(&spec(text), &snapshot);
    assert_eq!(built.errors, []);
    let change = built.plan.changes.iter().find(|change| change.id.as_str() == "p-web-1").unwrap();
    assert!(change.impact.loses.is_empty() && change.verb == Verb::Replace, "{change:?}");
    let bodies = built.bodies.values().map(|body| body.json().to_string());
    assert!(bodies.into_iter().all(|body| !body.contains(&volume)));
}

#[test]
fn what_was_taken_over_in_case_is_not_lost_unsaid() {
    let old = web("");
    let mut snapshot = created(&old, &json!({"/data": {}}));
    let text =
        "project: p\ncontainers: {web: {image: 'app:1', pull: always, state: reloadedMORE}}\n";
    let pulls = spec(&text.replace("MORE", ""));
    let digest = format!("sha256:{}", hex("new"));
    snapshot.registry.insert("app:1".to_owned(), RegistryAnswer::Digest(digest.clone()));
    let built = plan(&pulls, &snapshot);
    // The pulled image declares no volume.
    let (_, mut pulled) = image("app:1", &json!({"Cmd": ["serve"]}));
    let id = crate::base::ident::ImageId::new(format!("sha256:{}", hex("pulled")));
    pulled["Id"] = json!(id);
    pulled["RepoDigests"] = json!([format!("app@{digest}")]);
    snapshot.references.insert("app:1".to_owned(), Some(id.clone()));
    snapshot.images.insert(id, pulled);
    run(&mut snapshot, &built, "second");
    assert_eq!(codes(&pulls, &snapshot), ["data_lost"]);
    let given_up = spec(&text.replace("MORE", ", discard: true"));
    let change = &plan(&given_up, &snapshot).plan.changes[0];
    assert_eq!(change.impact.loses, ["anonymous volume at /data"]);
    assert!(change.danger.contains(&Danger::DataLost));
}
