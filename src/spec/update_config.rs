//! `update_config`: the replacement of the members of a set, in the words of the Compose
//! Specification.
//!
//! `monitor` is Compose's word for `prove_for`. Refusing `start-first` is the planner's.

use serde::{Deserialize, Serialize};

use super::planner_grammar::Seconds;

/// How the members of a set are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpdateConfig {
    /// The number of replacements at the same time; 0 means all.
    pub parallelism: u32,
    /// The time between two replacements.
    pub delay: Seconds,
    /// Whether the old container stops before or after the new container starts.
    pub order: Order,
    /// The treatment of the other members after a failure.
    pub failure_action: FailureAction,
}

impl Default for UpdateConfig {
    fn default() -> Self {
        Self {
            parallelism: 1,
            delay: Seconds(0),
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The old container stops before the new container starts.
    StopFirst,
    /// The old container stops after the new container is proven; both run meanwhile.
    StartFirst,
}

/// The treatment of the other members after a failed replacement. The failed member is always
/// rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureAction {
    /// No further replacement begins; finished replacements stay.
    Pause,
    /// Finished replacements are rolled back too.
    Rollback,
    /// The other members are replaced all the same.
    Continue,
}

/// The value of `update_config`: the update settings, and Compose's word for `prove_for`.
#[derive(Debug, Deserialize)]
pub(super) struct Updates {
    /// The update settings.
    #[serde(flatten)]
    pub(super) config: UpdateConfig,
    /// The proof time of each member.
    pub(super) monitor: Option<Seconds>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

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
            delay: Seconds(60),
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
            ("update_config: {paralelism: 1}", "expected one of `parallelism`"),
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
