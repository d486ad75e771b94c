//! Containers that are off the network in which they were created: connected in place, or a leftover.

use std::collections::BTreeMap;

use serde_json::json;

use super::Built;
use super::tests::{add, plan, spec, world};
use crate::base::ident::{LABEL_LOCK, LABEL_LOCK_PLAN, LABEL_PLAN, SetName};
use crate::observed::snapshot::{Container, Snapshot};
use crate::plan::Action;
use crate::spec::Spec;

fn off() -> (Spec, Snapshot) {
    let spec = spec(
        "project: p\nnetworks: {back: }\ndefaults: {state: reloaded}\ncontainers:\n  web: {image: \
         'app:1', networks: {back: {aliases: [www]}}}\n",
    );
    let mut snapshot = world();
    add(&mut snapshot, &spec, "web", "p-web-1", "running");
    let inspect = snapshot.containers[0].inspect.as_mut().unwrap();
    inspect["HostConfig"]["NetworkMode"] = json!("p_back");
    inspect["NetworkSettings"]["Networks"] = json!({});
    (spec, snapshot)
}

fn network(snapshot: &mut Snapshot, created: &str, plan: &str) {
    snapshot.networks.push(json!({
        "Name": "p_back", "Id": "n".repeat(64), "Driver": "bridge", "Created": created,
        "Labels": {"io.bayplan.project": "p", "io.bayplan.network": "back", LABEL_PLAN: plan},
    }));
}

fn actions(built: &Built) -> Vec<&str> {
    assert_eq!(built.errors, []);
    let words = built.plan.steps.iter().map(|step| match step.action {
        Action::Connect { .. } => "connect",
        Action::CreateNetwork { .. } => "create_network",
        _ => "other",
    });
    words.collect()
}

#[test]
fn it_is_connected_and_not_replaced() {
    let (spec, mut snapshot) = off();
    assert_eq!(actions(&plan(&spec, &snapshot)), ["create_network", "connect"]);
    network(&mut snapshot, "2025-01-01T00:00:00Z", "sha256:aa");
    let built = plan(&spec, &snapshot);
    assert_eq!(actions(&built), ["connect"]);
    let Action::Connect { endpoint, .. } = &built.plan.steps[0].action else { panic!() };
    assert_eq!(*endpoint, json!({"Aliases": ["www"]}));
}

#[test]
fn a_lock_proves_a_replacement_that_did_not_finish() {
    let (spec, mut snapshot) = off();
    network(&mut snapshot, "2026-02-01T00:00:00Z", "sha256:aa");
    // A person may have taken the container off since the network was made.
    assert_eq!(actions(&plan(&spec, &snapshot)), ["connect"]);
    let labels = json!({LABEL_LOCK: "p", LABEL_LOCK_PLAN: "sha256:bb"});
    let list = json!({"Id": "l1", "Names": ["/p.bp-lock"], "Labels": labels, "State": "created"});
    let lock = Container { list: Some(list), inspect: None, env: BTreeMap::new() };
    snapshot.containers.push(lock);
    let built = super::build(&super::Input {
        spec: &spec,
        snapshot: &snapshot,
        assume: false,
        pins: super::Pins::default(),
        source: None,
    });
    let [error] = built.errors.as_slice() else { panic!("{:?}", built.errors) };
    assert_eq!((error.code, error.set.as_ref().map(SetName::as_str)), ("leftover", Some("web")));
    assert!(error.hint.contains("sha256:aa"), "{}", error.hint);
    assert!(error.hint.contains("bayplan unlock p"), "{}", error.hint);
}

#[test]
fn a_container_of_no_set_that_is_off_is_told() {
    let (spec, mut snapshot) = off();
    network(&mut snapshot, "2026-02-01T00:00:00Z", "sha256:aa");
    let list = json!({
        "Id": "t1", "Names": ["/tool"], "State": "running", "Created": 1_767_225_600,
        "Image": "tool:1", "ImageID": "sha256:ff",
        "HostConfig": {"NetworkMode": "p_back"}, "NetworkSettings": {"Networks": {}},
    });
    let tool = Container { list: Some(list), inspect: None, env: BTreeMap::new() };
    snapshot.containers.push(tool);
    let built = plan(&spec, &snapshot);
    let told = built.plan.warnings.iter().find(|warning| warning.code == "off_network").unwrap();
    assert!(told.text.contains("container `tool`") && told.text.contains("sha256:aa"), "{told:?}");
}
