//! `deploy`: Compose's alternative form of some options. Each entry is read like its own key.
//!
//! Keys that need a swarm are refused by name. The options themselves are the table's.

use serde_json::{Value as Json, json};

use super::planner_grammar::{COUNT, UPDATE_CONFIG};
use crate::options::grammar::Grammar;
use crate::options::row;
use crate::syntax::node::{Entry, Kind, Node, Problems, is_extension};

/// Paths under `deploy` and the equivalent keys.
const SAME: &[(&str, &str)] = &[
    ("deploy.replicas", "count"),
    ("deploy.resources.limits.cpus", "cpus"),
    ("deploy.resources.limits.memory", "mem_limit"),
    ("deploy.resources.limits.pids", "pids_limit"),
    ("deploy.resources.reservations.memory", "mem_reservation"),
    ("deploy.resources.reservations.devices", "gpus"),
    ("deploy.restart_policy", "restart"),
    ("deploy.update_config", "update_config"),
];

/// Paths that belong to a swarm service, with a hint.
const SWARM: &[(&str, &str)] = &[
    ("deploy.mode", "bayplan makes as many containers as `replicas` or `count` says"),
    ("deploy.endpoint_mode", "publish with `ports`"),
    ("deploy.labels", "labels of containers stand under `labels`"),
    ("deploy.placement", "one spec is for one engine"),
    ("deploy.rollback_config", "bayplan keeps the old container until the new one is proven"),
    ("deploy.resources.reservations.cpus", "an engine reserves no processors; see `cpu_shares`"),
    ("deploy.resources.reservations.generic_resources", "see `devices` and `gpus`"),
    ("deploy.restart_policy.delay", "an engine waits as it likes, longer each time"),
    ("deploy.restart_policy.window", "an engine starts to count anew after ten seconds"),
];

/// The key that a path under `deploy` stands for.
pub(super) fn meaning(word: &str) -> Option<&'static str> {
    SAME.iter().find(|(path, _)| *path == word).map(|(_, key)| *key)
}

/// The entries under `deploy`, with their full paths: see [`meaning`].
pub(super) fn entries(set: &[Entry], problems: &mut Problems) -> Vec<Entry> {
    let mut all = Vec::new();
    for deploy in set.iter().filter(|entry| entry.key == "deploy") {
        walk("deploy", &deploy.value, &mut all, problems);
    }
    all
}

fn walk(path: &str, node: &Node, all: &mut Vec<Entry>, problems: &mut Problems) {
    let entries = match &node.kind {
        Kind::Map(entries) => entries,
        Kind::Null => return,
        _ => {
            problems.expected::<()>(&format!("a map under `{path}`"), node);
            return;
        }
    };
    for Entry { key, place, value } in entries {
        if is_extension(key) {
            continue;
        }
        let word = format!("{path}.{key}");
        let inside = SAME.iter().chain(SWARM).any(|(known, _)| {
            known.strip_prefix(word.as_str()).is_some_and(|rest| rest.starts_with('.'))
        });
        if word == "deploy.restart_policy" {
            if let Some(value) = restart(value, problems) {
                all.push(Entry { key: word, place: *place, value });
            }
        } else if word == "deploy.resources.reservations.devices" {
            all.push(Entry { key: word, place: *place, value: exactly(value) });
        } else if meaning(&word).is_some() {
            all.push(Entry { key: word, place: *place, value: value.clone() });
        } else if let Some((_, instead)) = SWARM.iter().find(|(known, _)| *known == word) {
            let message = format!("`{word}` is for a swarm, and bayplan does not support it");
            problems.add_hint(*place, message, *instead);
        } else if inside {
            walk(&word, value, all, problems);
        } else {
            let found = crate::base::say::short(&word);
            let message = format!("expected a key of Compose's `{path}`, but found `{found}`");
            problems.add(*place, message);
        }
    }
}

/// Wraps device capabilities into a nested list, because `gpus` adds a capability to a plain list
/// only.
fn exactly(devices: &Node) -> Node {
    let mut devices = devices.clone();
    let Kind::List(requests) = &mut devices.kind else { return devices };
    let entries = requests.iter_mut().filter_map(|request| match &mut request.kind {
        Kind::Map(entries) => Some(entries),
        _ => None,
    });
    for Entry { value, .. } in entries.flatten().filter(|entry| entry.key == "capabilities") {
        let plain = |items: &[Node]| items.iter().all(|item| !matches!(item.kind, Kind::List(_)));
        if matches!(&value.kind, Kind::List(items) if plain(items)) {
            *value = Node { place: value.place, kind: Kind::List(vec![value.clone()]) };
        }
    }
    devices
}

/// Converts `condition` and `max_attempts` into a value of `restart`.
fn restart(node: &Node, problems: &mut Problems) -> Option<Node> {
    let Kind::Map(entries) = &node.kind else {
        return match node.kind {
            Kind::Null => None,
            _ => problems.expected("a map with `condition`", node),
        };
    };
    let mut condition = "any";
    let mut attempts = None;
    let mut fine = true;
    for Entry { key, place, value } in entries.iter().filter(|entry| !is_extension(&entry.key)) {
        let word = format!("deploy.restart_policy.{key}");
        match (key.as_str(), &value.kind) {
            (_, Kind::Null) => {}
            ("condition", Kind::Text(text)) if CONDITIONS.contains(&text.as_str()) => {
                condition = text;
            }
            ("condition", _) => {
                return problems.expected(&crate::base::say::or(CONDITIONS), value);
            }
            ("max_attempts", _) => attempts = Some((ATTEMPTS.read(value, problems)?, *place)),
            _ => {
                fine = false;
                let known = SWARM.iter().find(|(known, _)| *known == word);
                let hint =
                    known.map_or("there are `condition` and `max_attempts`", |known| known.1);
                problems.add_hint(*place, format!("`{word}` is not supported"), hint);
            }
        }
    }
    let text = match (condition, attempts) {
        ("none", _) => "no".to_owned(),
        ("on-failure", Some((attempts, _))) => format!("on-failure:{attempts}"),
        ("on-failure", None) => "on-failure".to_owned(),
        (_, None) => "always".to_owned(),
        (_, Some((_, place))) => {
            problems.add_hint(
                place,
                "expected `condition: on-failure` beside `max_attempts`, but found `any`",
                "an engine counts the attempts of `on-failure` alone",
            );
            return None;
        }
    };
    fine.then_some(Node { place: node.place, kind: Kind::Text(text) })
}

const ATTEMPTS: Grammar = Grammar::Whole { what: "a number of attempts", least: 1, most: None };

const CONDITIONS: &[&str] = &["none", "on-failure", "any"];

/// The JSON Schema of `deploy`.
pub(super) fn schema() -> Json {
    let of = |key: &str| row(key).map_or(json!(true), crate::options::AnyRow::schema);
    let map = |properties: Json| json!({"type": ["object", "null"], "properties": properties, "patternProperties": {"^x-": {}}, "additionalProperties": false});
    map(json!({
        "replicas": COUNT.schema(),
        "update_config": UPDATE_CONFIG.schema(),
        "resources": map(json!({
            "limits": map(json!({
                "cpus": of("cpus"), "memory": of("mem_limit"), "pids": of("pids_limit"),
            })),
            "reservations": map(json!({"memory": of("mem_reservation"), "devices": of("gpus")})),
        })),
        "restart_policy": map(json!({
            "condition": {"enum": CONDITIONS},
            "max_attempts": ATTEMPTS.schema(),
        })),
    }))
}
