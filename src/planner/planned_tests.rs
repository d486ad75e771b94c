//! The planned options of containers: every option with its row's examples, options from the image,
//! and options in which members differ.

use serde_json::{Value as Json, json};

use super::tests::{add, image, spec, world};
use super::{Built, Input, Pins, build};
use crate::base::ident::ContainerName;
use crate::observed::snapshot::Snapshot;
use crate::options::ROWS;
use crate::plan::{ImagePin, Planned};
use crate::spec::Spec;

/// Plans a spec despite errors: a broken link is still an option.
fn built(spec: &Spec, snapshot: &Snapshot) -> Built {
    build(&Input { spec, snapshot, assume: false, pins: Pins::default(), source: None })
}

fn web(text: &str, snapshot: &Snapshot) -> Planned {
    let spec = spec(&format!("project: p\nbase_dir: /srv\ncontainers:\n  web: {text}\n"));
    let mut planned = built(&spec, snapshot).plan.planned;
    planned.remove("web").expect("a set that is created")
}

#[test]
fn every_option_is_told_in_the_form_of_a_spec() {
    let mut told = 0;
    for row in ROWS {
        for example in row.def().examples {
            let key = row.def().key;
            let text = format!("{{name: web, image: 'app:1', {key}: {example}}}");
            let text = format!("project: p\nbase_dir: /srv\ncontainers:\n  web: {text}\n");
            let Ok(spec) = crate::spec::read::text(&text, &[].into()) else { continue };
            let planned = built(&spec, &world()).plan.planned.remove("web");
            let Some(planned) = planned else { continue };
            let mut again = json!({"name": "web", "image": "app:1"});
            for (key, value) in &planned.options {
                again[key] = value.clone();
            }
            let again = json!({"project": "p", "base_dir": "/srv", "containers": {"web": again}});
            let spec = crate::spec::read::text(&again.to_string(), &[].into());
            let spec = spec.unwrap_or_else(|problems| panic!("{text}\n{again}\n{problems:?}"));
            let same = built(&spec, &world()).plan.planned.remove("web").expect("a set");
            assert_eq!(same.options, planned.options, "{text}");
            told += usize::from(planned.options.contains_key(key));
        }
    }
    assert!(told > 100, "only {told} examples are told");
}

#[test]
fn a_planned_size_is_never_rounded() {
    for (said, told) in [("1000000000", json!(1_000_000_000)), ("1g", json!(1_073_741_824))] {
        let planned = web(&format!("{{name: web, image: 'app:1', mem_limit: {said}}}"), &world());
        let options = serde_json::to_string(&planned.options).unwrap();
        assert!(!options.contains("\"~"), "{options}");
        assert_eq!(planned.options["mem_limit"], told);
    }
}

#[test]
fn what_is_declared_is_told_apart_from_what_the_image_hands_down() {
    let mut snapshot = world();
    let config = json!({
        "Cmd": ["serve"], "Entrypoint": ["/init"], "User": "app", "WorkingDir": "/app",
        "Env": ["PATH=/bin", "LEVEL=info", "SECRET_OF_THE_IMAGE=x"],
        "ExposedPorts": {"80/tcp": {}, "9090/tcp": {}}, "Volumes": {"/data": {}, "/cache": {}},
        "Labels": {"vendor": "acme"},
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5_000_000_000_i64},
    });
    let (id, json) = image("app:1", &config);
    snapshot.images.insert(id, json);
    let planned = web(
        "{image: 'app:1', environment: {LEVEL: debug, TOKEN: {from_env: TOKEN}}, expose: [80], \
         volumes: ['cache:/cache'], restart: 'no', user: '0', mem_limit: 512m, labels: {a: b}}",
        &snapshot,
    );
    insta::assert_snapshot!(lines(&planned), @r#"
    environment: {"LEVEL":"debug","TOKEN":{"from_env":"TOKEN"}}
    expose: ["80/tcp"]
    labels: {"a":"b"}
    mem_limit: 536870912
    user: "0"
    volumes: ["cache:/cache"]
    p-web-1: {}
    from image: command: ["serve"]
    from image: entrypoint: ["/init"]
    from image: environment: ["PATH","SECRET_OF_THE_IMAGE"]
    from image: expose: ["9090/tcp"]
    from image: healthcheck: {"interval":"5s","test":["CMD","true"]}
    from image: labels: ["vendor"]
    from image: volumes: ["/data"]
    from image: working_dir: "/app"
    "#);
}

#[test]
fn nothing_of_an_image_that_is_pulled_is_claimed() {
    let mut snapshot = world();
    snapshot.references.clear();
    let digest = format!("sha256:{}", super::tests::hex("there"));
    let answer = crate::observed::snapshot::RegistryAnswer::Digest(digest.clone());
    snapshot.registry.insert("app:1".to_owned(), answer);
    let planned = web("{image: 'app:1', tty: true}", &snapshot);
    assert_eq!(planned.image, ImagePin::Digest(digest));
    assert_eq!(planned.from_image, None);
    assert_eq!(planned.options, [("tty".to_owned(), json!(true))].into());
}

#[test]
fn members_are_told_by_what_the_others_do_not_have() {
    let planned = web(
        "{image: 'app:1', count: 3, ports: ['127.0.0.1:8080-8082:80', '81'], tty: true}",
        &world(),
    );
    insta::assert_snapshot!(lines(&planned), @r#"
    tty: true
    p-web-1: {"ports":["127.0.0.1:8080:80/tcp","81/tcp"]}
    p-web-2: {"ports":["127.0.0.1:8081:80/tcp","81/tcp"]}
    p-web-3: {"ports":["127.0.0.1:8082:80/tcp","81/tcp"]}
    from image: command: ["serve"]
    from image: environment: ["PATH"]
    "#);
    let name = ContainerName::new("p-web-2");
    let whole = planned.container(&name).expect("a member");
    assert_eq!(whole["tty"], Json::Bool(true));
    assert_eq!(whole["ports"], planned.containers[&name]["ports"]);
    assert_eq!(planned.container(&ContainerName::new("p-web-4")), None);
}

#[test]
fn other_containers_are_called_by_their_names() {
    let mut snapshot = world();
    let text = "project: p\ncontainers:\n  db: {name: p-db, image: 'app:1'}\n  \
                web: {image: 'app:1', network_mode: 'container:db', pid: 'container:db'}\n";
    let spec = spec(text);
    add(&mut snapshot, &spec, "db", "p-db", "running");
    let planned = &built(&spec, &snapshot).plan.planned["web"];
    assert_eq!(planned.options["network_mode"], json!("container:p-db"));
    assert_eq!(planned.options["pid"], json!("container:p-db"));
}

#[test]
fn sets_that_nothing_is_created_for_are_not_told() {
    let spec = spec("project: p\ncontainers: {db: {name: p-db, image: 'app:1'}}\n");
    let mut snapshot = world();
    add(&mut snapshot, &spec, "db", "p-db", "running");
    assert!(built(&spec, &snapshot).plan.planned.is_empty());
}

fn lines(planned: &Planned) -> String {
    let line = |(key, value): (&str, &Json)| format!("{key}: {value}\n");
    let all = planned.options.iter().map(|(key, value)| (key.as_str(), value));
    let mut text: String = all.map(line).collect();
    for (name, own) in &planned.containers {
        text += &[name.as_str(), ": ", &json!(own).to_string(), "\n"].concat();
    }
    for (key, value) in planned.from_image.iter().flatten() {
        text += &["from image: ", key, ": ", &value.to_string(), "\n"].concat();
    }
    text
}
