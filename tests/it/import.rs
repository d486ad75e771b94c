//! Specs that are written from containers: of every container that was recorded on an engine, a
//! spec is written, and a plan of it against the same look is empty.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bayplan::base::ident::{ImageId, ProjectName, SetName};
use bayplan::engine_model::view;
use bayplan::engine_model::{Engine, World};
use bayplan::import::{self, Imported};
use bayplan::observed::pick::Pick;
use bayplan::observed::redact::{Literal, Unredacted};
use bayplan::observed::snapshot::{Container, EngineRecord, Snapshot};
use bayplan::options::inspect_view::InspectView;
use bayplan::options::value::Value;
use bayplan::options::{AnyRow, Context, ROWS};
use bayplan::plan::show::{About, text};
use bayplan::planner::{Input, Pins, build};
use bayplan::spec::Identity;
use bayplan::spec::body::{self, Labels};
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
    let mut containers = Vec::new();
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
    let mut look = Snapshot {
        engine: Some(EngineRecord { version: data["version"].clone(), info: data["info"].clone() }),
        containers,
        networks: data["networks"].as_array().unwrap().clone(),
        volumes: data["volumes"].as_array().cloned().unwrap_or_default(),
        whole: true,
        ..Snapshot::default()
    };
    for (id, image) in &images {
        look.name_image(id, image);
    }
    look.images = images;
    look
}

fn imported(look: &Snapshot, pick: &Pick, literal: &Literal) -> (Snapshot, Imported) {
    let (sealed, picked) = import::redact(Unredacted::new(look.clone()), pick, literal);
    let imported = import::import(&sealed, &picked, &ProjectName::new("imported")).unwrap();
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
        out += &text::text(&built.plan, &About::default(), text::Options::default());
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
        let labels = config["Labels"].as_object_mut();
        if let Some(all) = labels {
            all.retain(|key, _| !key.starts_with("com.docker."));
        }
        for (label, value) in ours {
            config["Labels"][format!("io.bayplan.{label}")] = json!(value);
        }
    }
    snapshot
}

/// Rows in which a container made of the spec would not be as the one that is there, whatever a
/// plan makes of that.
fn unfaithful(imported: &Imported, sealed: &Snapshot) -> Vec<String> {
    let engine = Engine::of_snapshot(sealed);
    let world = World::of(sealed);
    let mut all = Vec::new();
    let cx = Context {
        containers: imported
            .spec
            .sets
            .iter()
            .filter_map(|(key, set)| match &set.identity {
                Identity::Named(name) => Some((key.to_string(), name.to_string())),
                Identity::Counted(_) => None,
            })
            .collect(),
        ..Context::default()
    };
    for (key, set) in &imported.spec.sets {
        let Identity::Named(name) = &set.identity else { panic!("{key} has no name") };
        let container = sealed.by_name(name.as_str()).unwrap();
        let body = body::create_body(&imported.spec, key, set, name, Labels::None, &cx);
        let image = sealed.images.get(&container.image());
        let want = view::expected(&body, name, image, &engine, &world);
        let mut inspect = container.inspect.clone().unwrap();
        if let Some(labels) = inspect["Config"]["Labels"].as_object_mut() {
            labels.retain(|key, _| !key.starts_with("com.docker.compose."));
        }
        let have = InspectView::new(&inspect, &container.env);
        for row in ROWS {
            let about = row.def();
            let twin = |other: &&&dyn AnyRow| {
                let (one, two) = (about.excludes, other.def().excludes);
                set.option(other.def().key).is_some()
                    && (one.contains(&other.def().key) || two.contains(&about.key))
            };
            if set.compare.contains_key(about.key) || ROWS.iter().find(twin).is_some() {
                continue;
            }
            let (mut expected, mut found) = (row.read(&want), row.read(&have));
            row.normalize_pair(&mut expected, &mut found, (&want, &have));
            let nothing = |value: &Value| value.show() == json!([]) || value.show() == json!({});
            if expected != found && !(nothing(&expected) && found == Value::Unset) {
                all.push(format!("{key}: {}: {expected:?} => {found:?}", about.key));
            }
        }
    }
    all
}

/// What no spec can say of a recorded container: it is not compared, and a comment says so. An
/// entry that nothing needs fails the test.
const UNSAYABLE: &[&str] = &[
    // Variables that are kept from the process.
    "env-unset: environment",
    // A port called `7000-7002`.
    "expose-range: expose",
    // `NetworkDisabled`, which Docker does not let anybody say any more.
    "net-disabled: networks",
    // Those of Docker Compose are left out, as a comment says.
    "web: labels",
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
            let tree = bayplan::syntax::yaml::parse(&imported.text).unwrap().to_json();
            assert!(schema.is_valid(&tree), "{name}: {}", imported.text);
            let found = told(&imported, &sealed);
            assert!(found.is_empty(), "{name}: {found}");
            let sealed_whole = sealed.clone();
            let found = told(&imported, &owned(sealed, &imported));
            assert!(found.is_empty(), "{name}, as if bayplan had made them: {found}");
            // Nothing is known of the engine where `docker inspect` told of it.
            let part = Snapshot { engine: None, whole: false, ..look.clone() };
            let (sealed, from_part) = self::imported(&part, &Pick::All, &literal);
            let found = told(&from_part, &sealed);
            assert!(found.is_empty(), "{name}, of a part: {found}");
            if all {
                assert_eq!(unfaithful(&imported, &sealed_whole), Vec::<String>::new(), "{name}");
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

    let line = "import cmd --snapshot inspect.json --literal comand";
    let ran = run(folder.path(), &[], &line.split(' ').collect::<Vec<_>>()).await;
    assert_eq!(ran.code, 1, "{}", ran.out);
    insta::assert_snapshot!(ran.err, @r"
    error: expected an option or a variable of these containers, but found `comand`
    hint: did you mean `command`?
    ");

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

/// The containers of these names alone, on the engine of the newest recordings.
fn only(names: &[&str]) -> Snapshot {
    let mut look = look("docker-28.5.2");
    look.containers.retain(|container| names.contains(&container.name().as_str()));
    assert_eq!(look.containers.len(), names.len());
    look
}

fn words(words: &[&str]) -> Literal {
    Literal { words: words.iter().map(|word| (*word).to_owned()).collect(), ..Literal::default() }
}

/// The spec that is written, and that a plan of it is empty.
#[track_caller]
fn shown(look: &Snapshot, pick: &Pick, literal: &Literal) -> String {
    let (sealed, imported) = imported(look, pick, literal);
    let found = told(&imported, &sealed);
    assert!(found.is_empty(), "{found}\n{}", imported.text);
    let mut text = imported.text;
    for one in imported.refused {
        writeln!(text, "# {}: {}", one.name, one.why).unwrap();
    }
    text
}

#[test]
fn a_project_of_docker_compose_keeps_its_names_and_its_order() {
    let look = only(&["shop-db-1", "shop-web-1", "default"]);
    let pick = Pick::Project("shop".to_owned());
    insta::assert_snapshot!(shown(
        &look,
        &pick,
        &words(&["command", "entrypoint", "labels", "MODE"])
    ));
}

#[test]
fn a_condition_of_docker_compose_is_taken_over_where_its_check_is_known() {
    let mut look = only(&["shop-db-1", "shop-web-1", "default"]);
    for container in &mut look.containers {
        let inspect = container.inspect.as_mut().unwrap();
        if inspect["Name"] == "/shop-db-1" {
            inspect["Config"]["Healthcheck"] = json!({"Test": ["CMD", "true"]});
            inspect["State"]["Health"] = json!({"Status": "healthy"});
        }
        let labels = inspect["Config"]["Labels"].as_object_mut().unwrap();
        // The one that depends on none says so with an empty text.
        let depends = labels.get_mut("com.docker.compose.depends_on");
        if let Some(depends) = depends.filter(|depends| *depends != "") {
            *depends = json!("db:service_healthy:true");
        }
    }
    let pick = Pick::Project("shop".to_owned());
    let with = |literal: &str| {
        let text = shown(&look, &pick, &words(&["command", "entrypoint", "labels", literal]));
        let lines = text.lines().skip_while(|line| !line.contains("depends_on"));
        lines.take(2).map(str::trim).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(with("healthcheck"), "depends_on: db: {condition: service_healthy, restart: true}");
    // Who cannot say how health is checked does not wait for it.
    assert_eq!(with("MODE"), "depends_on: db: {condition: service_started, restart: true}");
}

#[test]
fn what_may_be_secret_is_left_out_and_the_reader_is_told() {
    let look = only(&["health-shell", "labels-override", "cmd", "env"]);
    insta::assert_snapshot!("secret", shown(&look, &Pick::All, &Literal::default()));
    let open = Literal { all: true, ..Literal::default() };
    insta::assert_snapshot!("public", shown(&look, &Pick::All, &open));
}

#[test]
fn variables_of_one_name_and_several_values_are_told_apart() {
    let mut look = only(&["cmd", "memory", "pids"]);
    let secrets = [["TOKEN=one", "HOST=same"], ["TOKEN=two", "HOST=same"], ["CMD_TOKEN=x", "B=y"]];
    for (container, values) in look.containers.iter_mut().zip(secrets) {
        let env = &mut container.inspect.as_mut().unwrap()["Config"]["Env"];
        env.as_array_mut().unwrap().extend(values.map(Json::from));
    }
    insta::assert_snapshot!(shown(&look, &Pick::All, &words(&["command", "B"])));
}

#[test]
fn an_image_whose_name_moved_on_or_that_is_gone_is_told() {
    let mut look = only(&["moved", "image-by-id", "image-by-digest", "cmd"]);
    let gone = look.by_name("cmd").unwrap().image();
    let mut inspect = look.by_name("moved").unwrap().inspect.clone().unwrap();
    inspect["Id"] = json!("e".repeat(64));
    inspect["Name"] = json!("/gone");
    inspect["Config"]["Hostname"] = json!("");
    inspect["Image"] = json!(format!("sha256:{}", "f".repeat(64)));
    look.containers.push(Container { inspect: Some(inspect), list: None, env: BTreeMap::new() });
    assert!(look.images.contains_key(&gone));
    insta::assert_snapshot!(shown(&look, &Pick::All, &words(&["command"])));
}

#[test]
fn a_project_of_bayplan_is_imported_as_it_was() {
    let mut look = only(&["cmd", "memory", "pids", "pids-zero"]);
    let ours =
        [("web", "shop-web-1"), ("db", "shop-base"), ("web", "shop-web-2"), ("x", "renamed")];
    let body = look.by_name("cmd").unwrap().inspect.clone().unwrap();
    for (container, (set, name)) in look.containers.iter_mut().zip(ours) {
        let inspect = container.inspect.as_mut().unwrap();
        if set == "web" {
            for part in ["Config", "HostConfig", "Path", "Args"] {
                inspect[part] = body[part].clone();
            }
            inspect["Config"]["Hostname"] = json!("");
        }
        inspect["Name"] = json!(format!("/{name}"));
        inspect["Config"]["Labels"] = json!({"io.bayplan.project": "shop", "io.bayplan.set": set,
            "io.bayplan.name": if set == "x" { "another" } else { name }});
    }
    let pick = Pick::Project("shop".to_owned());
    let (sealed, picked) =
        import::redact(Unredacted::new(look.clone()), &pick, &words(&["command"]));
    let imported = import::import(&sealed, &picked, &ProjectName::new("shop")).unwrap();
    assert_eq!(told(&imported, &sealed), "");
    let refused = format!("{:?}", imported.refused);
    insta::assert_snapshot!(imported.text + &refused);
    // Of members that differ no set can be made; a plan without one of them would remove it.
    let mut other = look.clone();
    other.containers[2].inspect.as_mut().unwrap()["Config"]["Tty"] = json!(true);
    let (sealed, picked) = import::redact(Unredacted::new(other), &pick, &words(&["command"]));
    let imported = import::import(&sealed, &picked, &ProjectName::new("shop")).unwrap();
    assert_eq!(imported.spec.sets.keys().map(SetName::as_str).collect::<Vec<_>>(), ["db", "x"]);
    assert_eq!(imported.refused.len(), 2, "{:?}", imported.refused);
    let (_, picked) = import::redact(Unredacted::new(look), &Pick::All, &Literal::default());
    assert_eq!(picked.chosen, []);
}

#[test]
fn containers_in_every_state_can_be_imported_or_are_refused() {
    let mut told_states = BTreeMap::new();
    for name in ENGINES {
        let data = file(name);
        for (state, recorded) in data["states"].as_object().unwrap() {
            let mut look = look(name);
            let inspect = if recorded["Id"].is_string() { recorded } else { &recorded["inspect"] };
            look.containers = vec![Container {
                inspect: Some(inspect.clone()),
                list: None,
                env: BTreeMap::new(),
            }];
            let open = Literal { all: true, ..Literal::default() };
            let (sealed, imported) = imported(&look, &Pick::All, &open);
            let found = told(&imported, &sealed);
            let is = imported.spec.sets.values().next().map(|set| set.state);
            told_states.insert(state.clone(), format!("{is:?} {:?} {found}", imported.refused));
        }
    }
    insta::assert_debug_snapshot!(told_states);
}

#[test]
fn no_value_of_a_variable_gets_out() {
    for name in ENGINES {
        let mut look = look(name);
        for (number, container) in look.containers.iter_mut().enumerate() {
            let Json::Array(entries) = &mut container.inspect.as_mut().unwrap()["Config"]["Env"]
            else {
                continue;
            };
            for (at, entry) in entries.iter_mut().enumerate() {
                let name = entry.as_str().unwrap().split('=').next().unwrap().to_owned();
                *entry = json!(format!("{name}=canary{number}x{at}"));
            }
            entries.push(json!("PASSWORD=canary"));
        }
        let (sealed, imported) = imported(&look, &Pick::All, &words(&["command", "labels"]));
        assert!(!imported.text.contains("canary"), "{}", imported.text);
        assert!(imported.text.contains("PASSWORD: {from_env: PASSWORD}"), "{}", imported.text);
        let found = told(&imported, &sealed);
        assert!(found.is_empty(), "{name}: {found}");
    }
}

#[test]
fn ten_thousand_are_imported_in_linear_time() {
    let one = only(&["env"]);
    let many = |count: usize| {
        let mut look = one.clone();
        let container = look.containers.remove(0);
        for number in 0..count {
            let mut inspect = container.inspect.clone().unwrap();
            inspect["Id"] = json!(format!("{number:064x}"));
            inspect["Name"] = json!(format!("/c{number}"));
            inspect["Config"]["Hostname"] = json!("");
            look.containers.push(Container { inspect: Some(inspect), ..container.clone() });
        }
        let began = std::time::Instant::now();
        let (_, imported) = imported(&look, &Pick::All, &Literal::default());
        assert_eq!(imported.spec.sets.len(), count);
        began.elapsed()
    };
    let (few, lot) = (many(100), many(800));
    assert!(lot < few * 24, "{few:?} for 100, {lot:?} for 800");
}

#[test]
fn a_size_that_no_unit_divides_is_written_as_a_number() {
    let mut look = only(&["memory"]);
    let inspect = look.containers[0].inspect.as_mut().unwrap();
    inspect["HostConfig"]["Memory"] = json!(1_000_004_096);
    inspect["HostConfig"]["MemorySwap"] = json!(2_000_008_192_i64);
    let (_, imported) = imported(&look, &Pick::All, &Literal::default());
    assert!(imported.text.contains("mem_limit: 1000004096\n"), "{}", imported.text);
    assert!(!imported.text.contains("cannot be declared"), "{}", imported.text);
}

#[test]
fn what_was_left_out_is_told_before_a_replacement_loses_it() {
    let (sealed, imported) = imported(&only(&["cmd"]), &Pick::All, &Literal::default());
    let text = imported.text.replace("state: started", "state: reloaded\n    tty: true");
    let spec = bayplan::spec::read::text(&text, &BTreeMap::new()).unwrap();
    let input =
        Input { spec: &spec, snapshot: &sealed, assume: true, pins: Pins::default(), source: None };
    let built = build(&input);
    assert_eq!(built.errors, []);
    let [change] = &built.plan.changes[..] else { panic!("{:?}", built.plan.changes) };
    assert!(change.impact.drops.contains(&"command".to_owned()), "{:?}", change.impact);
}

#[tokio::test]
async fn what_nobody_declared_is_listed_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["env-override", "memory", "labels-override", "default"];
    let look = inspected("docker-28.5.2", &names);
    std::fs::write(folder.path().join("look.json"), look).unwrap();
    let set = |name: &str, image: &str| format!("  {name}: {{name: {name}, image: {image}}}\n");
    let spec = ["project: shop\ncontainers:\n".to_owned(), set("env-override", "lab/full:1")];
    let more = [set("memory", "lab/plain:1"), set("labels-override", "lab/full:1")];
    let spec = spec.concat() + &more.concat() + &set("default", "lab/plain:1");
    std::fs::write(folder.path().join("spec.yaml"), spec).unwrap();
    let line = "plan spec.yaml --snapshot look.json --explain-undeclared --detailed-exitcode";
    let ran = run(folder.path(), &[], &line.split(' ').collect::<Vec<_>>()).await;
    // What the spec says otherwise differs and is left.
    assert_eq!(ran.code, 2, "{}", ran.err);
    insta::assert_snapshot!(ran.out);
    let line = format!("{line} --format json");
    let ran = run(folder.path(), &[], &line.split(' ').collect::<Vec<_>>()).await;
    serde_json::from_str::<Json>(&ran.out).unwrap();
    assert!(ran.err.contains("UNDECLARED\n  env-override of env-override\n"), "{}", ran.err);
}
