//! Containers that a person took off a network since the plan.

use serde_json::json;

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
    let now = judged(&reviewed, &declared, &snapshot);
    assert!(now.contains(&"container_networks".to_owned()), "{now:?}");
    assert!(!now.contains(&"tampered".to_owned()), "{now:?}");
}
