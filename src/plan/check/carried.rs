//! Checks carried volumes: the anonymous volumes that a replacement takes over from the old
//! container. A volume is carried at most once, and is neither lost nor created again. A set that
//! drops its anonymous volumes carries none.

use std::collections::BTreeSet;

use super::{Violations, named};
use crate::base::path::clean;
use crate::options::carried::is_made_up;
use crate::plan::{Action, Plan, Step};

pub(super) fn check(plan: &Plan, violations: &mut Violations) {
    let replaces: BTreeSet<&str> = plan
        .steps
        .iter()
        .filter(|step| matches!(step.action, Action::Remove { .. }))
        .map(|step| step.id.change())
        .collect();
    let mut volumes = BTreeSet::new();
    for step in &plan.steps {
        let Action::Create { set, carried, anonymous, .. } = &step.action else { continue };
        let id = named(&step.id);
        let given_up = plan.declared["containers"][set.as_str()]["discard"] == true;
        let may = replaces.contains(step.id.change()) && !given_up;
        violations.unless(may || carried.is_empty(), "carried", || {
            format!("expected {id} to take no volume over")
        });
        violations.unless(
            carried.windows(2).all(|two| two[0].path < two[1].path),
            "carried",
            || format!("expected {id} to take over one volume at each path, sorted"),
        );
        for one in carried {
            let path = named(&one.path);
            let fine = one.path.starts_with('/') && one.path != "/" && clean(&one.path) == one.path;
            violations.unless(fine, "carried", || {
                format!("expected {id} to name a path inside the container, but found {path}")
            });
            violations.unless(is_made_up(&one.volume), "carried", || {
                let volume = named(&one.volume);
                format!("expected {id} to take over a volume without a name, but found {volume}")
            });
            violations.unless(volumes.insert(&one.volume), "carried", || {
                format!("expected one step to take over the volume at {path} of {id}")
            });
            let anew = anonymous.contains(&one.path) || is_lost(plan, step, &one.path);
            violations.unless(!anew, "carried", || {
                format!("expected the volume at {path} of {id} to be kept, but found it lost")
            });
        }
    }
}

/// Whether the change of a step reports the volume at a path as lost.
fn is_lost(plan: &Plan, step: &Step, path: &str) -> bool {
    let own = plan.changes.iter().filter(|change| change.id.as_str() == step.id.change());
    let mut lost = own.flat_map(|change| &change.impact.loses);
    lost.any(|text| text.rsplit_once(" at ").is_some_and(|(_, lost)| lost == path))
}
