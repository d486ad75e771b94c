//! `update_config`: the replacement of the members of a set, in the words of the Compose
//! Specification.
//!
//! `monitor` is Compose's word for `prove_for`. Refusing `start-first` is the planner's.

use serde_json::{Map, Value as Json, json};

use super::canon;
use super::planner::{digits, seconds};
use super::read::one_of;
use crate::base::say;
use crate::syntax::durations;
use crate::syntax::node::{Entry, Kind, Node, Problems, is_extension};

/// How the members of a set are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpdateConfig {
    /// The number of replacements at the same time; 0 means all.
    pub parallelism: u32,
    /// The seconds between two replacements.
    pub delay: u32,
    /// Whether the old container stops before or after the new container starts.
    pub order: Order,
    /// The treatment of the other members after a failure.
    pub failure_action: FailureAction,
}

impl Default for UpdateConfig {
    fn default() -> Self {
        Self {
            parallelism: 1,
            delay: 0,
            order: Order::StopFirst,
            failure_action: FailureAction::Pause,
        }
    }
}

impl UpdateConfig {
    /// The number of replacements at the same time, out of a total.
    pub fn at_once(&self, of: usize) -> usize {
        match usize::try_from(self.parallelism) {
            Ok(0) | Err(_) => of,
            Ok(some) => some.min(of),
        }
    }

    /// The number of last replacements in a queue whose end implies the end of all.
    pub fn last(&self, of: usize) -> usize {
        match self.failure_action {
            FailureAction::Continue => of,
            FailureAction::Pause | FailureAction::Rollback => self.at_once(of),
        }
    }
}

/// The order of stop and start in a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The old container stops before the new container starts.
    StopFirst,
    /// The old container stops after the new container is proven; both run meanwhile.
    StartFirst,
}

/// The treatment of the other members after a failed replacement. The failed member is always
/// rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureAction {
    /// No further replacement begins; finished replacements stay.
    Pause,
    /// Finished replacements are rolled back too.
    Rollback,
    /// The other members are replaced all the same.
    Continue,
}

const ORDERS: &[(&str, Order)] =
    &[("stop-first", Order::StopFirst), ("start-first", Order::StartFirst)];

const FAILURE_ACTIONS: &[(&str, FailureAction)] = &[
    ("pause", FailureAction::Pause),
    ("rollback", FailureAction::Rollback),
    ("continue", FailureAction::Continue),
];

/// The update settings, and Compose's word for `prove_for`.
pub(super) type Read = (UpdateConfig, Option<u32>);

/// Reads the map.
pub(super) fn read(node: &Node, problems: &mut Problems) -> Read {
    let mut config = UpdateConfig::default();
    let mut monitor = None;
    let Kind::Map(entries) = &node.kind else {
        let nothing = problems.expected("a map with `parallelism`, `order`, …", node);
        return nothing.unwrap_or((config, None));
    };
    for Entry { key, place, value } in entries.iter().filter(|entry| !is_extension(&entry.key)) {
        match (key.as_str(), &value.kind) {
            (_, Kind::Null) => {}
            ("parallelism", _) => {
                let number = digits(value).and_then(|text| text.parse().ok());
                let what = "a whole number, `0` for all at once";
                let number = number.or_else(|| problems.expected(what, value));
                config.parallelism = number.unwrap_or(config.parallelism);
            }
            ("delay", _) => config.delay = seconds(value, problems).unwrap_or(config.delay),
            ("monitor", _) => monitor = seconds(value, problems),
            ("order", _) => {
                config.order = one_of(value, ORDERS, problems).unwrap_or(config.order);
            }
            ("failure_action", _) => {
                let action = one_of(value, FAILURE_ACTIONS, problems);
                config.failure_action = action.unwrap_or(config.failure_action);
            }
            ("max_failure_ratio", _) => problems.add_hint(
                *place,
                "`max_failure_ratio` is for a swarm, and bayplan does not support it",
                "`failure_action: continue` replaces the others whatever fails",
            ),
            (other, _) => {
                let keys = "`parallelism`, `delay`, `order`, `failure_action` or `monitor`";
                problems.add(*place, format!("expected {keys}, but found `{}`", say::short(other)));
            }
        }
    }
    (config, monitor)
}

/// The canonical form, without defaults.
pub(super) fn print(config: &UpdateConfig) -> Json {
    let usual = UpdateConfig::default();
    let mut map = Map::new();
    if config.parallelism != usual.parallelism {
        map.insert("parallelism".to_owned(), json!(config.parallelism));
    }
    if config.delay != usual.delay {
        let delay = durations::spelt(i64::from(config.delay) * 1_000_000_000);
        map.insert("delay".to_owned(), json!(delay));
    }
    if config.order != usual.order {
        map.insert("order".to_owned(), canon::word(ORDERS, &config.order));
    }
    if config.failure_action != usual.failure_action {
        map.insert(
            "failure_action".to_owned(),
            canon::word(FAILURE_ACTIONS, &config.failure_action),
        );
    }
    Json::Object(map)
}

/// The JSON Schema of `update_config`.
pub(super) fn schema() -> Json {
    let words = |words: Vec<&str>| json!({"enum": words.into_iter().map(Json::from).chain([Json::Null]).collect::<Vec<_>>()});
    let duration = || json!({"anyOf": [super::schema::duration(), {"type": "null"}]});
    json!({
        "type": ["object", "null"],
        "properties": {
            "parallelism": {"anyOf": [super::schema::count(), {"type": "null"}]},
            "delay": duration(),
            "monitor": duration(),
            "order": words(ORDERS.iter().map(|(word, _)| *word).collect()),
            "failure_action": words(FAILURE_ACTIONS.iter().map(|(word, _)| *word).collect()),
        },
        "patternProperties": {"^x-": {}},
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::read_tests::{right, wrong};

    fn text(body: &str) -> String {
        format!("project: p\ncontainers: {{web: {{image: x, {body}}}}}\n")
    }

    fn set(body: &str) -> (UpdateConfig, u32, Json) {
        let spec = right(&text(body));
        let set = spec.sets.values().next().unwrap();
        let json = spec.canonical_set(set).get("update_config").cloned();
        (set.update, set.prove_for, json.unwrap_or_default())
    }

    #[test]
    fn it_is_read_wherever_compose_has_it_and_written_in_one_way() {
        let all = "{parallelism: '2', delay: 1m, order: start-first, failure_action: rollback, monitor: 5s}";
        let expected = UpdateConfig {
            parallelism: 2,
            delay: 60,
            order: Order::StartFirst,
            failure_action: FailureAction::Rollback,
        };
        let json = json!({"parallelism": 2, "delay": "1m", "order": "start-first",
            "failure_action": "rollback"});
        for body in [format!("update_config: {all}"), format!("deploy: {{update_config: {all}}}")] {
            assert_eq!(set(&body), (expected, 5, json.clone()), "{body}");
        }
        let usual =
            "update_config: {parallelism: 1, order: stop-first, failure_action: pause, delay: }";
        assert_eq!(set(usual), (UpdateConfig::default(), 10, Json::Null));
    }

    #[test]
    fn what_is_wrong_is_told_where_it_stands() {
        for (body, told) in [
            ("update_config: {order: first}", "`stop-first` or `start-first`"),
            ("update_config: {parallelism: -1}", "a whole number, `0` for all at once"),
            ("update_config: {max_failure_ratio: 0.5}", "`max_failure_ratio` is for a swarm"),
            ("update_config: {paralelism: 1}", "expected `parallelism`"),
            ("update_config: 2", "a map with `parallelism`"),
            ("prove_for: 3s, update_config: {monitor: 5s}", "found 5 s and 3 s"),
            ("detach: false, update_config: {order: start-first}", "beside `detach: false`"),
        ] {
            let found = wrong(&text(body));
            assert!(found.contains(told), "{body}: {found}");
        }
    }

    #[test]
    fn as_many_are_replaced_at_once_as_there_are() {
        let of = |parallelism| UpdateConfig { parallelism, ..UpdateConfig::default() };
        assert_eq!([0, 1, 2, 9].map(|some| of(some).at_once(3)), [3, 1, 2, 3]);
    }
}
