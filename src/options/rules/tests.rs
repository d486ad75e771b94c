//! What goes together, what does not, and what is to blame.

use serde_json::{Value as Json, json};

use super::*;
use crate::options::row_by_word;
use crate::spec::node::{Node, Problems};

fn told(options: &Json) -> Vec<Conflict> {
    let declared: Vec<Declared> = options
        .as_object()
        .unwrap()
        .iter()
        .map(|(word, value)| {
            let node = Node::from_json(value);
            row_by_word(word).unwrap().parse(&node, &mut Problems::default()).unwrap()
        })
        .collect();
    conflicts(&declared, &BTreeSet::new())
}

#[test]
fn what_goes_together_is_no_conflict() {
    for options in [
        json!({"restart_policy": "on-failure", "restart_policy_retry": 5}),
        json!({"restart_policy": "always", "restart_policy_retry": 0}),
        json!({"restart": "on-failure:5", "restart_policy_retry": 5}),
        json!({"restart": "no", "auto_remove": true}),
        json!({"network_mode": "host", "ports": [], "hostname": "a"}),
        json!({"network_mode": "bridge", "ports": [80]}),
        json!({"network_mode": "back", "networks": ["back", "front"]}),
        json!({"cpu_quota": 5000, "cpu_period": 10000}),
        json!({"memswap_limit": -1}),
        json!({"memswap_limit": "1g", "mem_limit": "1g", "mem_reservation": "1g"}),
    ] {
        assert_eq!(told(&options), [], "{options}");
    }
}

#[test]
fn what_an_engine_would_refuse_is_told_at_the_option_to_blame() {
    let host = "found `always`";
    for (options, key, end) in [
        (json!({"restart": "always", "restart_policy_retry": 5}), "restart_policy_retry", host),
        (json!({"restart_policy_retry": 5}), "restart_policy_retry", "found none"),
        (
            json!({"restart": "on-failure:3", "restart_policy_retry": 5}),
            "restart_policy_retry",
            "found `on-failure:3`",
        ),
        (json!({"restart": "always", "auto_remove": true}), "restart", "found `always`"),
        (json!({"network_mode": "host", "ports": [80]}), "ports", "found `80/tcp`"),
        (json!({"network_mode": "host", "networks": ["a"]}), "network_mode", "found `host`"),
        (json!({"cpus": 1, "cpu_quota": 5000}), "cpu_quota", "found both"),
        (json!({"cpus": 1, "cpu_period": "5ms"}), "cpu_period", "found both"),
        (json!({"memswap_limit": "8m", "mem_limit": "9m"}), "memswap_limit", "found 8388608"),
        (json!({"network_mode": "container:db", "links": ["a"]}), "links", "the other one's"),
    ] {
        let told = told(&options);
        assert_eq!(told.len(), 1, "{options}: {told:?}");
        assert_eq!(told[0].key, key);
        assert!(told[0].message.ends_with(end), "{told:?}");
    }
}

#[test]
fn nothing_follows_from_what_could_not_be_read() {
    let declared = |word: &str, value: Json| {
        let node = Node::from_json(&value);
        row_by_word(word).unwrap().parse(&node, &mut Problems::default()).unwrap()
    };
    let options =
        [declared("restart_policy_retry", json!(5)), declared("memswap_limit", json!("1g"))];
    assert_eq!(conflicts(&options, &BTreeSet::from(["restart", "mem_limit"])), []);
    assert_eq!(conflicts(&options, &BTreeSet::new()).len(), 1);
}
