//! Containers that a person took off a network since the plan.

use serde_json::json;

use super::judge;
use super::tests::{inspect, judged};
use crate::planner::tests::{add, hex, plan, spec, world};

#[test]
fn a_container_that_a_person_took_off_its_network_blames_nobody() {
    let declared = spec(
        "project: p\nnetworks: {back: {name: back, external: true}}\ndefaults: {state: reloaded}\n\
         containers:\n  db: {image: 'app:1'}\n  web: {image: 'app:1', networks: {back: {aliases: \
         [www]}}}\n",
    );
    let mut snapshot = world();
    snapshot.networks.push(json!({"Name": "back", "Id": hex("back"), "Driver": "bridge"}));
    add(&mut snapshot, &declared, "web", "p-web-1", "running");
    let attached = json!({"back": {"NetworkID": hex("back"), "Aliases": ["www"]}});
    inspect(&mut snapshot, "p-web-1")["NetworkSettings"]["Networks"] = attached;
    let reviewed = plan(&declared, &snapshot).plan;
    assert_eq!(judged(&reviewed, &declared, &snapshot), ["db Run", "web Untouched"]);
    inspect(&mut snapshot, "p-web-1")["NetworkSettings"]["Networks"] = json!({});
    assert_eq!(judged(&reviewed, &declared, &snapshot), ["db Run", "web Untouched"]);
    let notes = judge(&reviewed, &declared, &snapshot).notes;
    let told: Vec<&str> = notes.iter().map(|note| note.code.as_str()).collect();
    assert_eq!(told, ["container_networks"]);
}
