//! The table of states, cell by cell, on small artificial worlds. Whole scenarios on recorded data
//! are under `snapshots/`.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{Built, Input, Pins, build};
use crate::base::ident::{ContainerName, ImageId, SetName};
use crate::engine_model::{Engine, World, adapt};
use crate::observed::snapshot::{Container, Snapshot};
use crate::options::Context;
use crate::plan::Reason;
use crate::spec::body::{self, Labels};
use crate::spec::{Spec, read};

/// 64 hexadecimal digits from a seed.
pub(crate) fn hex(seed: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(seed).iter().fold(String::new(), |all, byte| all + &format!("{byte:02x}"))
}

pub(crate) fn spec(text: &str) -> Spec {
    read::text(text, &BTreeMap::new()).expect("a good spec")
}

pub(crate) fn image(name: &str, config: &Json) -> (ImageId, Json) {
    let id = format!("sha256:{}", hex(name));
    let json = json!({"Id": id, "RepoTags": [name], "RepoDigests": [], "Config": config});
    (ImageId::new(id), json)
}

/// A world with the image `app:1`.
pub(crate) fn world() -> Snapshot {
    let (id, json) = image("app:1", &json!({"Cmd": ["serve"], "Env": ["PATH=/bin"]}));
    let mut snapshot = Snapshot { whole: true, ..Snapshot::default() };
    snapshot.images.insert(id.clone(), json);
    snapshot.references.insert("app:1".to_owned(), Some(id));
    snapshot
}

/// Adds a container as bayplan would have created it for a set of this spec.
pub(crate) fn add(snapshot: &mut Snapshot, spec: &Spec, set: &str, name: &str, status: &str) {
    let key = SetName::new(set);
    let name = ContainerName::new(name);
    let declared = &spec.sets[&key];
    let body = body::create_body(spec, &key, declared, &name, Labels::Ours, &Context::default());
    let image = snapshot.image_of("app:1").map(|(_, json)| json.clone());
    let mut json = adapt(&name, &body, image.as_ref(), &Engine::newest(), &World::of(snapshot));
    json["Id"] = json!(hex(name.as_str()));
    json["Created"] = json!("2026-01-01T00:00:00Z");
    let live = matches!(status, "running" | "paused" | "restarting");
    json["State"] = json!({
        "Status": status, "Running": live, "ExitCode": 0, "StartedAt": "2026-01-01T00:00:01Z",
    });
    snapshot.containers.push(Container { list: None, inspect: Some(json), env: BTreeMap::new() });
}

pub(crate) fn plan(spec: &Spec, snapshot: &Snapshot) -> Built {
    let built =
        build(&Input { spec, snapshot, assume: false, pins: Pins::default(), source: None });
    assert_eq!(built.errors, []);
    built
}

/// A set `db` with this name and further lines.
pub(crate) fn db(name: &str, more: &str) -> Spec {
    spec(&format!("project: p\ncontainers: {{db: {{image: 'app:1', name: {name}{more}}}}}\n"))
}

/// A world with the container of `db`, created under the name `one`.
pub(crate) fn with_db(status: &str) -> Snapshot {
    let mut snapshot = world();
    add(&mut snapshot, &db("one", ""), "db", "one", status);
    snapshot
}

/// The inspect data of a container.
pub(crate) fn inspect<'s>(snapshot: &'s mut Snapshot, name: &str) -> &'s mut Json {
    let mut found = snapshot.containers.iter_mut().filter(|found| found.name().as_str() == name);
    found.next().unwrap().inspect.as_mut().unwrap()
}

/// `VERB NAME` of every change, in the order of the plan.
pub(crate) fn changes(built: &Built) -> Vec<String> {
    let changes = built.plan.changes.iter();
    changes.map(|change| format!("{} {}", change.verb.word(), change.id)).collect()
}

fn web(count: u32, state: &str, more: &str) -> String {
    format!(
        "project: p\ncontainers:\n  web:\n    image: app:1\n    count: {count}\n    state: {state}\n{more}"
    )
}

/// A world with members of `web` in these states; `!` marks a differing member.
fn members(spec: &Spec, states: &[&str]) -> Snapshot {
    let mut snapshot = world();
    for (index, state) in states.iter().enumerate() {
        let name = format!("p-web-{}", index + 1);
        add(&mut snapshot, spec, "web", &name, state.trim_end_matches('!'));
        if state.ends_with('!')
            && let Some(inspect) = snapshot.containers.last_mut().and_then(|c| c.inspect.as_mut())
        {
            inspect["HostConfig"]["Memory"] = json!(123_456_789);
            inspect["HostConfig"]["MemorySwap"] = json!(246_913_578);
        }
    }
    snapshot
}

fn verdicts(count: u32, state: &str, states: &[&str]) -> Vec<String> {
    let spec = spec(&web(count, state, ""));
    changes(&plan(&spec, &members(&spec, states)))
}

#[test]
fn alike_members_in_their_state_need_nothing() {
    for state in ["present", "started", "reloaded"] {
        assert_eq!(verdicts(2, state, &["running", "running"]), Vec::<String>::new(), "{state}");
    }
    assert_eq!(verdicts(1, "present", &["exited"]), Vec::<String>::new());
    assert_eq!(verdicts(1, "stopped", &["exited"]), Vec::<String>::new());
}

#[test]
fn too_few_are_created_and_only_present_leaves_them_unstarted() {
    assert_eq!(verdicts(2, "started", &["running"]), ["create p-web-2"]);
    let spec = spec(&web(1, "present", ""));
    let built = plan(&spec, &world());
    let steps: Vec<&str> = built.plan.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(steps, ["p-web-1/create"]);
}

#[test]
fn started_starts_idle_alike_before_it_replaces_idle_differing() {
    assert_eq!(verdicts(1, "started", &["exited!", "exited"]), ["start p-web-2"]);
    assert_eq!(
        verdicts(2, "started", &["exited!", "exited"]),
        ["replace p-web-1", "start p-web-2"]
    );
    assert_eq!(
        verdicts(3, "started", &["exited!", "exited"]),
        ["replace p-web-1", "start p-web-2", "create p-web-3"]
    );
}

#[test]
fn differing_live_ones_are_replaced_by_reloaded_alone() {
    assert_eq!(verdicts(1, "started", &["running!"]), Vec::<String>::new());
    assert_eq!(verdicts(1, "present", &["running!"]), Vec::<String>::new());
    assert_eq!(verdicts(1, "reloaded", &["running!"]), ["replace p-web-1"]);
    assert_eq!(verdicts(1, "restarted", &["running!"]), ["restart p-web-1"]);
}

#[test]
fn too_many_go_differing_first_then_the_highest_number() {
    assert_eq!(verdicts(2, "started", &["running", "running!", "running"]), ["remove p-web-2"]);
    assert_eq!(verdicts(1, "started", &["running", "running"]), ["remove p-web-2"]);
    assert_eq!(verdicts(1, "present", &["running", "exited"]), ["remove p-web-2"]);
    assert_eq!(verdicts(1, "started", &["running", "exited"]), Vec::<String>::new());
    assert_eq!(verdicts(0, "started", &["running"]), ["remove p-web-1"]);
}

#[test]
fn ending_states_end_what_lives() {
    assert_eq!(
        verdicts(2, "stopped", &["running", "exited", "paused"]),
        ["stop p-web-1", "stop p-web-3"]
    );
    assert_eq!(verdicts(2, "killed", &["running", "exited"]), ["kill p-web-1"]);
    assert_eq!(
        verdicts(2, "absent", &["running", "exited", "dead"]),
        ["remove p-web-1", "remove p-web-2", "remove p-web-3"]
    );
}

#[test]
fn a_replacement_proves_the_new_one_before_it_removes_the_old() {
    let spec = spec(&web(1, "reloaded", ""));
    let built = plan(&spec, &members(&spec, &["running!"]));
    let steps: Vec<&str> = built.plan.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(
        steps,
        [
            "p-web-1/create",
            "p-web-1/stop",
            "p-web-1/rename-old",
            "p-web-1/rename-new",
            "p-web-1/start",
            "p-web-1/wait_ready",
            "p-web-1/remove",
        ]
    );
}

#[test]
fn members_are_replaced_one_at_a_time() {
    let spec = spec(&web(2, "reloaded", ""));
    let built = plan(&spec, &members(&spec, &["running!", "running!"]));
    let stop = built.plan.steps.iter().find(|step| step.id.as_str() == "p-web-2/stop").unwrap();
    assert!(stop.after.iter().any(|id| id.as_str() == "p-web-1/wait_ready"), "{stop:?}");
}

#[test]
fn a_difference_names_both_sides() {
    let spec = spec(&web(1, "reloaded", "    mem_limit: 64m\n"));
    let plain = self::spec(&web(1, "reloaded", ""));
    let built = plan(&spec, &members(&plain, &["running"]));
    let reasons: Vec<&Reason> =
        built.plan.changes.iter().flat_map(|change| &change.reasons).collect();
    insta::assert_json_snapshot!(reasons, @r#"
    [
      {
        "option": "mem_limit",
        "origin": "declared",
        "expected": 67108864,
        "found": null,
        "in_place": true
      }
    ]
    "#);
}

/// The codes of the errors of a plan.
pub(crate) fn codes(spec: &Spec, snapshot: &Snapshot) -> Vec<&'static str> {
    let built =
        build(&Input { spec, snapshot, assume: false, pins: Pins::default(), source: None });
    built.errors.iter().map(|error| error.code).collect()
}

/// The steps that a step waits for.
fn after<'b>(built: &'b Built, step: &str) -> Vec<&'b str> {
    let found = built.plan.steps.iter().find(|found| found.id.as_str() == step).unwrap();
    found.after.iter().map(crate::base::ident::StepId::as_str).collect()
}

/// Gives a running container this host port.
fn holds(snapshot: &mut Snapshot, name: &str, port: u16) {
    let container =
        snapshot.containers.iter_mut().find(|found| found.name().as_str() == name).unwrap();
    let inspect = container.inspect.as_mut().unwrap();
    inspect["NetworkSettings"]["Ports"] =
        json!({"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": port.to_string()}]});
}

#[test]
fn members_that_share_a_range_keep_what_they_hold_and_do_not_wait_for_each_other() {
    let ports = "    ports: [\"127.0.0.1:8080-8082:80\"]\n";
    let spec = spec(&web(3, "reloaded", ports));
    let mut snapshot = members(&spec, &["running!", "running!"]);
    // The ports are swapped: the first member holds the second port.
    holds(&mut snapshot, "p-web-1", 8081);
    holds(&mut snapshot, "p-web-2", 8080);
    let built = plan(&spec, &snapshot);
    assert_eq!(changes(&built), ["replace p-web-1", "replace p-web-2", "create p-web-3"]);
    assert_eq!(after(&built, "p-web-1/start"), ["p-web-1/rename-new"]);
    assert_eq!(after(&built, "p-web-3/start"), ["p-web-3/create"]);
}

#[test]
fn a_port_is_taken_after_its_holder_stops_and_waiting_in_a_circle_is_an_error() {
    let text = |one: &str, other: &str, more: &str| {
        spec(&format!(
            "project: p\ncontainers:\n  one:\n    image: app:1\n    state: reloaded\n    ports: [\"127.0.0.1:{one}:80\"]\n  two:\n    image: app:1\n    state: reloaded\n    ports: [\"127.0.0.1:{other}:80\"]\n{more}"
        ))
    };
    let before = text("81", "82", "");
    let mut snapshot = world();
    add(&mut snapshot, &before, "one", "p-one-1", "running");
    add(&mut snapshot, &before, "two", "p-two-1", "running");
    holds(&mut snapshot, "p-one-1", 81);
    holds(&mut snapshot, "p-two-1", 82);
    // Both containers stop before either starts, so a swap is possible …
    let built = plan(&text("82", "81", ""), &snapshot);
    assert!(after(&built, "p-one-1/start").contains(&"p-two-1/stop"));
    assert!(after(&built, "p-two-1/start").contains(&"p-one-1/stop"));
    // … unless one container must be up before the other container stops.
    assert_eq!(codes(&text("82", "81", "    depends_on: [one]\n"), &snapshot), ["cycle"]);
}

#[test]
fn nobody_waits_for_the_health_of_what_has_no_health_check() {
    let text = |check: &str| {
        spec(&format!(
            "project: p\ncontainers:\n  db:\n    image: app:1\n{check}  web:\n    image: app:1\n    depends_on: {{db: {{condition: service_healthy}}}}\n"
        ))
    };
    let mut snapshot = world();
    assert_eq!(codes(&text(""), &snapshot), ["no_health_check"]);
    assert_eq!(codes(&text("    healthcheck: {disable: true}\n"), &snapshot), ["no_health_check"]);
    assert_eq!(codes(&text("    healthcheck: {test: [CMD, check]}\n"), &snapshot), [""; 0]);
    for image in snapshot.images.values_mut() {
        image["Config"]["Healthcheck"] = json!({"Test": ["CMD", "check"]});
    }
    assert_eq!(codes(&text(""), &snapshot), [""; 0]);
}

#[test]
fn a_host_that_was_renamed_is_no_difference() {
    let host = |more: &str| spec(&web(1, "reloaded", &format!("    network_mode: host\n{more}")));
    let mut snapshot = world();
    add(&mut snapshot, &host(""), "web", "p-web-1", "running");
    inspect(&mut snapshot, "p-web-1")["Config"]["Hostname"] = json!("before");
    snapshot.engine = Some(crate::observed::snapshot::EngineRecord {
        version: json!({"ApiVersion": "1.51", "Os": "linux"}),
        info: json!({"Name": "after"}),
    });
    assert_eq!(changes(&plan(&host(""), &snapshot)), Vec::<String>::new());
    // A declared host name is compared.
    let built = plan(&host("    hostname: after\n"), &snapshot);
    assert_eq!(changes(&built), ["replace p-web-1"]);
}

/// An engine before API 1.44 keeps the MAC address in `Config`.
#[test]
fn a_network_card_is_told_on_every_engine() {
    for api in ["1.41", "1.43", "1.44", "1.51"] {
        let spec = db("one", ", mac_address: '02:42:ac:11:00:99'");
        let mut snapshot = world();
        let version =
            json!({"ApiVersion": api, "Version": "20.10.24", "Os": "linux", "Arch": "amd64"});
        let info = json!({"ID": "E", "Name": "n", "OSType": "linux"});
        snapshot.engine = Some(crate::observed::snapshot::EngineRecord { version, info });
        add(&mut snapshot, &db("other", ""), "db", "other", "running");
        let other = inspect(&mut snapshot, "other");
        other["Config"]["Labels"] = json!({});
        other["Config"]["Image"] = json!("other:1");
        other["NetworkSettings"]["Networks"]["bridge"]["MacAddress"] = json!("02:42:ac:11:00:99");
        let built = plan(&spec, &snapshot);
        let codes: Vec<&str> =
            built.plan.warnings.iter().map(|warning| warning.code.as_str()).collect();
        assert!(codes.contains(&"mac_taken"), "{api}: {codes:?}");
    }
}

/// A step that waits for the end of another turn comes after that turn. The start of that turn
/// therefore cannot wait for an address that is released later.
#[test]
fn a_fixed_address_is_not_waited_for_by_who_must_go_first() {
    let text = |web: &str, more: &str| {
        spec(&format!(
            "project: p\nnetworks: {{n: {{ipam: {{config: [{{subnet: 10.9.0.0/24}}]}}}}}}\ncontainers:\n  \
             web: {{image: 'app:1', count: 2, state: reloaded, {web}}}\n{more}"
        ))
    };
    let before = text("ports: ['8080-8081:80']", "");
    let mut snapshot = world();
    for (name, port) in [("p-web-1", "8080"), ("p-web-2", "8081")] {
        add(&mut snapshot, &before, "web", name, "running");
        let bound = json!({"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": port}]});
        inspect(&mut snapshot, name)["NetworkSettings"]["Ports"] = bound;
    }
    let now = text(
        "networks: [n], update_config: {failure_action: continue}",
        "  one: {image: 'app:1', ports: ['8081:80'], networks: {n: {ipv4_address: 10.9.0.9}}}\n",
    );
    let built = plan(&now, &snapshot);
    assert_eq!(crate::plan::check::check(&built.plan), []);
}

/// A replacement of an adopted container has the engine's log driver where no driver is declared.
#[test]
fn a_log_driver_that_nobody_declared_is_told_as_lost() {
    let was = spec("project: p\ncontainers: {db: {image: 'app:1', name: db}}\n");
    let text =
        "project: p\ncontainers: {db: {image: 'app:1', name: db, state: reloaded, tty: true}}\n";
    for (log, lost) in [
        (json!({"Type": "syslog", "Config": {}}), true),
        (json!({"Type": "syslog", "Config": {"tag": "db"}}), true),
        (json!({"Type": "json-file", "Config": {}}), false),
    ] {
        let mut snapshot = world();
        add(&mut snapshot, &was, "db", "db", "running");
        let adopted = inspect(&mut snapshot, "db");
        adopted["Config"]["Labels"] = json!({});
        adopted["HostConfig"]["LogConfig"] = log.clone();
        let built = plan(&spec(text), &snapshot);
        let drops = &built.plan.changes[0].impact.drops;
        assert_eq!(drops.contains(&"logging".to_owned()), lost, "{log} {drops:?}");
        // What is declared is told as a reason.
        let said = text.replace("tty: true", "logging: {driver: json-file}");
        let built = plan(&spec(&said), &snapshot);
        let drops: Vec<_> = built.plan.changes.iter().flat_map(|it| &it.impact.drops).collect();
        assert!(drops.is_empty(), "{log} {drops:?}");
    }
}
