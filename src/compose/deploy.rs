//! Converts `deploy` (limits, reservations, restart policies) to the keys of a set.
//!
//! Options for Swarm only are reported as notes, because neither Compose nor a single engine uses
//! them.

use super::lower::Lower;
use super::tree::text;
use super::values::{exactly, size, with_durations};
use crate::base::say;
use crate::syntax::node::{Kind, Node};

/// The keys in `deploy` for Swarm only.
const SWARM: &[&str] = &["mode", "endpoint_mode", "labels", "placement", "rollback_config"];

impl Lower<'_> {
    /// Converts `deploy`, whose limits override the limits beside `deploy`.
    pub(super) fn deploy(&mut self, service: &str, node: &Node, set: &mut Node) {
        let Some(deploy) = node.said("deploy") else { return };
        for entry in deploy.entries().iter().filter(|entry| SWARM.contains(&entry.key.as_str())) {
            let message = format!(
                "`deploy.{}` of `{}`: only a swarm heeds it",
                entry.key,
                say::short(service),
            );
            self.note(entry.place, message);
        }
        let part = |key: &str| deploy.said("resources").and_then(|resources| resources.said(key));
        if let Some(limits) = part("limits") {
            for (word, key) in [("cpus", "cpus"), ("pids", "pids_limit")] {
                if let Some(value) = limits.said(word) {
                    set.set(key, value.clone());
                }
            }
            if let Some(memory) = limits.said("memory") {
                set.set("mem_limit", size(memory));
            }
        }
        if let Some(reserved) = part("reservations") {
            if let Some(memory) = reserved.said("memory") {
                set.set("mem_reservation", size(memory));
            }
            if let Some(devices) = reserved.said("devices") {
                set.set("gpus", exactly(devices));
            }
            for word in ["cpus", "generic_resources"] {
                if let Some(value) = reserved.said(word) {
                    let shown = say::short(service);
                    let message = format!(
                        "`deploy.resources.reservations.{word}` of `{shown}`: only a swarm heeds it"
                    );
                    self.note(value.place, message);
                }
            }
        }
        if let Some(policy) = deploy.said("restart_policy") {
            self.restart(service, policy, set);
        }
        if let Some(config) = deploy.said("update_config") {
            let own = node.get("x-bayplan").is_some_and(|own| own.said("update_config").is_some());
            let config = self.update_config(service, config);
            // Values under `x-bayplan` override values for Swarm.
            if !own {
                set.set("update_config", config);
            }
        }
    }

    /// Converts the update settings; Compose itself ignores them.
    fn update_config(&mut self, service: &str, config: &Node) -> Node {
        if let Some(ratio) = config.said("max_failure_ratio") {
            let shown = say::short(service);
            let message = format!(
                "`deploy.update_config.max_failure_ratio` of `{shown}`: only a swarm heeds it"
            );
            self.note(ratio.place, message);
        }
        let mut config = with_durations(config, &["delay", "monitor"]);
        if let Kind::Map(entries) = &mut config.kind {
            entries.retain(|entry| entry.key != "max_failure_ratio");
        }
        config
    }

    fn restart(&mut self, service: &str, policy: &Node, set: &mut Node) {
        for word in ["delay", "window"] {
            if let Some(value) = policy.said(word) {
                let shown = say::short(service);
                self.note(
                    value.place,
                    format!(
                        "`deploy.restart_policy.{word}` of `{shown}`: an engine waits as it likes"
                    ),
                );
            }
        }
        let condition = match policy.text_of("condition") {
            None | Some("" | "none") => "no",
            Some("any") => "always",
            Some(other) => other,
        };
        let attempts = policy.said("max_attempts").and_then(Node::printed);
        let word = match attempts.filter(|attempts| attempts != "0") {
            Some(attempts) if condition == "on-failure" => format!("on-failure:{attempts}"),
            _ => condition.to_owned(),
        };
        set.set("restart", text(policy.place, word));
    }
}
