//! Specs that are written from containers: of every container that was recorded on an engine, a
//! spec is written, and a plan of it against the same look is empty.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bayplan::ident::{ImageId, ProjectName};
use bayplan::image_ref::ImageRef;
use bayplan::import::{Imported, Pick, import};
use bayplan::plan::build::{Input, Pins, build};
use bayplan::plan::text;
use bayplan::seal::{Literal, Unsealed};
use bayplan::snapshot::{Container, EngineRecord, Snapshot};
use bayplan::spec::Identity;
use serde_json::{Value as Json, json};

use crate::program::run;
use crate::recordings::{ENGINES, file, plain_image};

/// Everything that was recorded of an engine, as one look at it.
fn look(name: &str) -> Snapshot {
    let data = file(name);
    let mut images: BTreeMap<ImageId, Json> = data["images"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(id, image)| (ImageId::new(id), image.clone()))
        .collect();
    let (mut containers, mut references) = (Vec::new(), BTreeMap::new());
    for pair in data["containers"].as_object().unwrap().values() {
        let inspect = &pair["inspect"];
        let id = ImageId::new(inspect["Image"].as_str().unwrap());
        let said = inspect["Config"]["Image"].as_str().unwrap();
        if !images.contains_key(&id) && said == "lab/plain:1" {
            let mut image = plain_image(id.as_str());
            image["RepoTags"] = json!([said]);
            images.insert(id.clone(), image);
        }
        containers.push(Container {
            inspect: Some(inspect.clone()),
            list: None,
            env: BTreeMap::new(),
        });
    }
    containers.sort_by_key(|container| (container.name(), container.id()));
    for (id, image) in &images {
        let names = image["RepoTags"].as_array().into_iter().flatten();
        for name in names.filter_map(Json::as_str).chain([id.as_str()]) {
            references.insert(name.to_owned(), Some(id.clone()));
            if let Some(short) = name.strip_suffix(":latest") {
                references.insert(short.to_owned(), Some(id.clone()));
            }
        }
        assert!(ImageRef::parse(id.as_str()).is_ok());
    }
    Snapshot {
        engine: Some(EngineRecord { version: data["version"].clone(), info: data["info"].clone() }),
        containers,
        images,
        references,
        networks: data["networks"].as_array().unwrap().clone(),
        volumes: data["volumes"].as_array().cloned().unwrap_or_default(),
        whole: true,
        ..Snapshot::default()
    }
}

fn imported(look: &Snapshot, pick: &Pick, literal: &Literal) -> (Snapshot, Imported) {
    let (sealed, picked) = Unsealed::new(look.clone()).seal_for_import(pick, literal);
    let imported = import(&sealed, &picked, &ProjectName::new("imported")).unwrap();
    (sealed, imported)
}

/// What a plan of it would do, and what is wrong with it.
fn told(imported: &Imported, snapshot: &Snapshot) -> String {
    let spec = &imported.spec;
    let input = Input { spec, snapshot, assume: true, pins: Pins::default(), source: None };
    let built = build(&input);
    let mut out = String::new();
    if !built.errors.is_empty() {
        writeln!(out, "{:#?}", built.errors).unwrap();
    }
    if !built.plan.changes.is_empty() {
        out += &text::text(&built.plan, text::Options { steps: false, colour: false });
    }
    let differences =
        built.plan.sets.iter().flat_map(|(key, set)| set.matched.iter().map(move |m| (key, m)));
    for (key, matched) in differences.filter(|(_, matched)| !matched.differences.is_empty()) {
        writeln!(out, "{key}: {:?}", matched.differences).unwrap();
    }
    out
}

/// Containers of a look as if bayplan had made them for the spec: these are compared in every row.
fn owned(mut snapshot: Snapshot, imported: &Imported) -> Snapshot {
    for (key, set) in &imported.spec.sets {
        let Identity::Named(name) = &set.identity else { panic!("{key} has no name") };
        let mut all = snapshot.containers.iter_mut();
        let container = all.find(|container| container.name() == *name).unwrap();
        let config = &mut container.inspect.as_mut().unwrap()["Config"];
        let ours = [("project", "imported"), ("set", key.as_str()), ("name", name.as_str())];
        for (label, value) in ours {
            config["Labels"][format!("io.bayplan.{label}")] = json!(value);
        }
    }
    snapshot
}

/// What no spec can say of a recorded container: it is not compared, and a comment says so. An
/// entry that nothing needs fails the test.
const UNSAYABLE: &[&str] = &[
    // Variables that are kept from the process.
    "env-unset: environment",
    // A port called `7000-7002`.
    "expose-range: expose",
    // A container of an image that is mounted.
    "mount-image: volumes",
    // `NetworkDisabled`, which Docker does not let anybody say any more.
    "net-disabled: networks",
];

#[test]
fn a_plan_of_what_was_imported_is_empty() {
    let schema = jsonschema::draft202012::new(&bayplan::spec::schema::spec()).unwrap();
    let (mut count, mut unsayable) = (0, BTreeSet::new());
    for name in ENGINES {
        let look = look(name);
        for all in [false, true] {
            let literal = Literal { all, ..Literal::default() };
            let (sealed, imported) = imported(&look, &Pick::All, &literal);
            assert_eq!(imported.refused, [], "{name}");
            count += imported.spec.sets.len();
            let tree = bayplan::spec::yaml::parse(&imported.text).unwrap().to_json();
            assert!(schema.is_valid(&tree), "{name}: {}", imported.text);
            let found = told(&imported, &sealed);
            assert!(found.is_empty(), "{name}: {found}");
            let found = told(&imported, &owned(sealed, &imported));
            assert!(found.is_empty(), "{name}, as if bayplan had made them: {found}");
            if all {
                for (key, set) in &imported.spec.sets {
                    unsayable.extend(set.compare.keys().map(|row| format!("{key}: {row}")));
                }
            }
        }
    }
    assert!(count > 800, "only {count}");
    assert_eq!(unsayable.iter().map(String::as_str).collect::<Vec<_>>(), UNSAYABLE);
}

/// What `docker inspect` prints of these containers and the images of the engine.
fn inspected(engine: &str, names: &[&str]) -> String {
    let data = file(engine);
    let images = data["images"].as_object().unwrap().values();
    let containers = names.iter().map(|name| &data["containers"][*name]["inspect"]);
    containers.chain(images).cloned().collect::<Json>().to_string()
}

#[tokio::test]
async fn what_docker_inspect_printed_is_imported_and_planned() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["env-override", "cmd", "memory", "vol-named"];
    let path = folder.path().join("inspect.json");
    std::fs::write(&path, inspected("docker-28.5.2", &names)).unwrap();
    let line = "import env-override cmd vol-named --snapshot inspect.json -o spec.yaml";
    let words: Vec<&str> = line.split(' ').collect();
    let ran = run(folder.path(), &[], &words).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    let spec = std::fs::read_to_string(folder.path().join("spec.yaml")).unwrap();
    insta::assert_snapshot!(format!("{spec}---\n{}", ran.err));

    let again = run(folder.path(), &[], &words).await;
    assert_eq!(again.code, 1, "{}", again.out);
    assert!(again.err.starts_with("error: spec.yaml is there already"), "{}", again.err);

    let plan = ["plan", "spec.yaml", "--snapshot", "inspect.json", "--detailed-exitcode"];
    let values = [("A", "own"), ("NEW", "1")];
    let planned = run(folder.path(), &values, &plan).await;
    assert_eq!(planned.code, 0, "{}{}", planned.out, planned.err);
    let planned = run(folder.path(), &[("A", "another"), ("NEW", "1")], &plan).await;
    assert!(planned.out.contains("environment"), "{}{}", planned.out, planned.err);
}

#[tokio::test]
async fn what_cannot_be_imported_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut look: Json =
        serde_json::from_str(&inspected("docker-28.5.2", &["cmd", "memory"])).unwrap();
    look[0]["Name"] = json!("/cmd.bp-old");
    look[1]["State"]["Status"] = json!("dead");
    std::fs::write(folder.path().join("look.json"), look.to_string()).unwrap();
    for (line, code, told) in [
        ("import cmd.bp-old memory nobody", 1, "3 containers cannot be imported"),
        ("import --all", 1, "2 containers cannot be imported"),
        ("import --project shop", 1, "no container belongs to the project `shop`"),
        ("import", 64, "required arguments"),
        ("import cmd --all", 64, "cannot be used with"),
    ] {
        let line = format!("{line} --snapshot look.json");
        let ran = run(folder.path(), &[], &line.split(' ').collect::<Vec<_>>()).await;
        assert_eq!(ran.code, code, "{line}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(told), "{line}: {}", ran.err);
    }
}
