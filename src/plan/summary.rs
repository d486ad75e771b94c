//! The summary of steps: the counters and the English sentence of the seed.
//!
//! A finished apply is counted in the same way, from the steps that took effect.

use super::{Action, Step, Summary};
use crate::base::say;

/// The summary of steps. Updates in place are counted as updated, after the seed's container
/// counters.
pub fn of<'a>(steps: impl IntoIterator<Item = &'a Step>) -> Summary {
    let mut summary = Summary::default();
    for step in steps {
        if let Action::Create { volumes, anonymous, .. } = &step.action {
            let made = volumes.len() + anonymous.len();
            summary.volumes_created += u32::try_from(made).unwrap_or(u32::MAX);
        }
        let counter = match step.action {
            Action::Create { .. } => &mut summary.created,
            Action::Start { .. } => &mut summary.started,
            Action::Stop { .. } => &mut summary.stopped,
            Action::Kill { .. } => &mut summary.killed,
            Action::Remove { .. } => &mut summary.removed,
            Action::Restart { .. } => &mut summary.restarted,
            Action::Update { .. } => &mut summary.updated,
            Action::Pull { .. } => &mut summary.pulled,
            Action::CreateNetwork { .. } => &mut summary.networks_created,
            Action::RemoveNetwork { .. } => &mut summary.networks_removed,
            Action::CreateVolume { .. } => &mut summary.volumes_created,
            Action::Connect { .. } => &mut summary.connected,
            Action::Disconnect { .. } => &mut summary.disconnected,
            Action::Rename { .. } if step.action.renames().is_some() => &mut summary.renamed,
            Action::Tag { .. }
            | Action::PutFiles { .. }
            | Action::Rename { .. }
            | Action::WaitReady { .. }
            | Action::Fence { .. } => continue,
        };
        *counter += 1;
    }
    summary.message = message(&summary);
    summary
}

/// The sentence for some counters: `created 1 container, pulled 1 image.`, or `no action taken.`
/// The sentence in `summary` is ignored.
pub fn message(summary: &Summary) -> String {
    let Summary {
        created,
        started,
        stopped,
        killed,
        removed,
        restarted,
        updated,
        renamed,
        pulled,
        networks_created,
        networks_removed,
        volumes_created,
        connected,
        disconnected,
        message: _,
    } = summary;
    let parts: Vec<String> = [
        ("created", created, "container"),
        ("started", started, "container"),
        ("stopped", stopped, "container"),
        ("killed", killed, "container"),
        ("removed", removed, "container"),
        ("restarted", restarted, "container"),
        ("updated", updated, "container"),
        ("renamed", renamed, "container"),
        ("pulled", pulled, "image"),
        ("created", networks_created, "network"),
        ("removed", networks_removed, "network"),
        ("created", volumes_created, "volume"),
        ("connected", connected, "container"),
        ("disconnected", disconnected, "container"),
    ]
    .into_iter()
    .filter(|(_, number, _)| **number > 0)
    .map(|(done, number, what)| format!("{done} {}", say::count(*number as usize, what)))
    .collect();
    if parts.is_empty() { "no action taken.".into() } else { format!("{}.", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;

    #[test]
    fn a_replacement_counts_what_it_does() {
        insta::assert_snapshot!(of(&sample::mixed().steps).message, @"created 4 containers, started 4 containers, stopped 2 containers, removed 1 container.");
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        assert_eq!(of(&[]).message, "no action taken.");
    }

    #[test]
    fn the_order_is_the_seeds() {
        let summary = Summary {
            created: 1,
            started: 2,
            stopped: 3,
            killed: 4,
            removed: 5,
            restarted: 6,
            updated: 7,
            renamed: 2,
            pulled: 1,
            networks_created: 1,
            networks_removed: 2,
            volumes_created: 3,
            connected: 4,
            disconnected: 1,
            message: String::new(),
        };
        insta::assert_snapshot!(message(&summary), @"created 1 container, started 2 containers, stopped 3 containers, killed 4 containers, removed 5 containers, restarted 6 containers, updated 7 containers, renamed 2 containers, pulled 1 image, created 1 network, removed 2 networks, created 3 volumes, connected 4 containers, disconnected 1 container.");
    }
}
