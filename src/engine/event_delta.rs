//! The changes on an engine during a look, from the engine's event log.
//!
//! This module knows which events concern a plan. Reading the log is done by [`super::docker`], and
//! looking again by [`super::observe`].

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::base::ident::ContainerId;

/// The number of events that an engine keeps: a log of this length may have lost its beginning.
pub const KEPT: usize = 256;

/// Container events that do not affect a plan.
const IDLE_TALK: &[&str] = &[
    "archive-path",
    "attach",
    "copy",
    "detach",
    "exec_create",
    "exec_detach",
    "exec_die",
    "exec_start",
    "export",
    "extract-to-dir",
    "health_status",
    "resize",
    "top",
];

/// The objects that must be looked at again.
#[expect(clippy::struct_excessive_bools, reason = "each is a list of its own")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventDelta {
    /// Containers that were inspected and have changed.
    pub containers: BTreeSet<ContainerId>,
    /// Whether the list changed: a container was created, renamed or connected to a network.
    pub list: bool,
    /// Whether a network was created or removed.
    pub networks: bool,
    /// Whether a volume was created or removed.
    pub volumes: bool,
    /// Whether a reference may point to another image.
    pub images: bool,
}

impl EventDelta {
    /// All objects, because the changes are unknown.
    pub fn unknown() -> Self {
        Self { list: true, networks: true, volumes: true, images: true, ..Self::default() }
    }

    /// The changes in some events; `listed` are all listed containers, and `wanted` the inspected
    /// containers. Unknown actions count as changes.
    pub fn of(
        events: &[Json],
        listed: &BTreeSet<ContainerId>,
        wanted: &BTreeSet<ContainerId>,
    ) -> Self {
        let mut delta = Self::default();
        for event in events {
            let word = event["Action"].as_str().or(event["status"].as_str()).unwrap_or_default();
            // `health_status: healthy`, `exec_start: sh`
            let action = word.split(':').next().unwrap_or_default();
            let actor = event["Actor"]["ID"].as_str().or(event["id"].as_str()).unwrap_or_default();
            match event["Type"].as_str() {
                Some("container") if !IDLE_TALK.contains(&action) => {
                    let id = ContainerId::new(actor);
                    delta.container(action, id, listed, wanted);
                }
                // A network event of an inspected container changes the container's attachments.
                Some("network") if matches!(action, "connect" | "disconnect") => {
                    let container = event["Actor"]["Attributes"]["container"].as_str();
                    let id = ContainerId::new(container.unwrap_or_default());
                    if wanted.contains(&id) {
                        delta.containers.insert(id);
                    } else if action == "connect" && listed.contains(&id) {
                        // The container may be wanted because of the network.
                        delta.list = true;
                    }
                }
                Some("network") => delta.networks = true,
                Some("volume") if !matches!(action, "mount" | "unmount") => delta.volumes = true,
                Some("image") if !matches!(action, "push" | "save") => delta.images = true,
                _ => {}
            }
        }
        delta
    }

    fn container(
        &mut self,
        action: &str,
        id: ContainerId,
        listed: &BTreeSet<ContainerId>,
        wanted: &BTreeSet<ContainerId>,
    ) {
        if wanted.contains(&id) {
            self.containers.insert(id);
        } else if action == "rename" || action != "destroy" && !listed.contains(&id) {
            // Only a list tells whether the container is wanted now.
            self.list = true;
        }
        if action == "commit" {
            self.images = true;
        }
    }

    /// Whether nothing changed.
    pub fn is_still(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn delta(events: &[(&str, &str, &str)]) -> EventDelta {
        let events: Vec<Json> = events
            .iter()
            .map(|(kind, action, id)| {
                let attributes = json!({"container": id});
                json!({"Type": kind, "Action": action, "Actor": {"ID": id, "Attributes": attributes}})
            })
            .collect();
        let ids = |ids: &[&str]| ids.iter().map(|id| ContainerId::new(*id)).collect();
        EventDelta::of(&events, &ids(&["ours", "theirs"]), &ids(&["ours"]))
    }

    #[test]
    fn what_changes_nothing_that_counts_is_no_stir() {
        assert!(delta(&[]).is_still());
        for (kind, action, id) in [
            ("container", "exec_start: sh -c true", "ours"),
            ("container", "health_status: healthy", "ours"),
            ("container", "die", "theirs"),
            ("container", "destroy", "gone"),
            ("network", "connect", "gone"),
            ("network", "disconnect", "theirs"),
            ("volume", "mount", "data"),
            ("image", "save", "sha256:1"),
            ("builder", "prune", ""),
        ] {
            assert!(delta(&[(kind, action, id)]).is_still(), "{kind} {action}");
        }
    }

    #[test]
    fn what_counts_says_what_to_look_at_again() {
        let ours =
            EventDelta { containers: [ContainerId::new("ours")].into(), ..EventDelta::default() };
        let list = EventDelta { list: true, ..EventDelta::default() };
        for (kind, action, id, expected) in [
            ("container", "die", "ours", ours.clone()),
            ("container", "update", "ours", ours.clone()),
            ("container", "a word of tomorrow", "ours", ours.clone()),
            ("network", "disconnect", "ours", ours),
            ("container", "create", "new", list.clone()),
            ("container", "rename", "theirs", list.clone()),
            ("network", "connect", "theirs", list),
            ("network", "destroy", "n", EventDelta { networks: true, ..EventDelta::default() }),
            ("volume", "create", "v", EventDelta { volumes: true, ..EventDelta::default() }),
            ("image", "untag", "sha256:1", EventDelta { images: true, ..EventDelta::default() }),
        ] {
            assert_eq!(delta(&[(kind, action, id)]), expected, "{kind} {action}");
        }
    }
}
