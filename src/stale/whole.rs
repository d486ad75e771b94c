//! What a reviewer reads of a plan beyond its sets: images, networks, volumes, the summary, warnings.

use std::collections::{BTreeMap, BTreeSet};

use super::objects::{Objects, is_about};
use super::{Judgement, SetVerdict, Staleness};
use crate::ident::{ContainerName, SetName};
use crate::plan::build::Built;
use crate::plan::{Change, Plan, Reason, Step, Warning};

/// What is of no single set must be as reviewed too: images, networks, volumes, the summary.
pub(super) fn compare_whole(
    plan: &Plan,
    again: &Built,
    (pulled, objects, partly): (&BTreeSet<String>, &Objects<'_>, bool),
    judgement: &mut Judgement,
) {
    let half = judgement.verdicts.values().any(|verdict| *verdict == SetVerdict::HalfDone);
    if !judgement.is_current() || half {
        return;
    }
    // Where there is no set to blame, what is wrong with the whole is told here.
    if judgement.verdicts.is_empty() && !plan.changes.is_empty() {
        judgement.stale.extend(again.errors.iter().map(|error| Staleness {
            code: error.code.to_owned(),
            set: None,
            object: "the plan as a whole".to_owned(),
            expected: "the same plan".to_owned(),
            found: error.message.clone(),
            hint: error.hint.clone(),
        }));
    }
    let again = &again.plan;
    // Once it is pulled, what an image was before may not be known any more.
    let settled = |change: &Change| {
        let id = change.id.as_str();
        let image = id.strip_prefix("image:");
        image.is_some_and(|image| pulled.contains(image)) || objects.touched(id)
    };
    let shared = |plan: &Plan| -> Vec<Change> {
        let changes = plan.changes.iter();
        let own = |change: &&Change| change.set.is_none() && !settled(change);
        // Images of sets that are done are done with them, those of sets that moved are news.
        let open = |change: &&Change| !partly || is_about(change);
        changes.filter(own).filter(open).cloned().collect()
    };
    let (old, new) = (shared(plan), shared(again));
    let ids: BTreeSet<&str> = old.iter().map(|change| change.id.as_str()).collect();
    // Beside what is done, half done or moved only the rest can be as it was.
    let partly = partly || !objects.is_empty();
    let steps = |plan: &Plan| -> Vec<Step> {
        let own = |step: &&Step| !partly || ids.contains(step.id.change());
        let mut steps: Vec<Step> = plan.steps.iter().filter(own).cloned().collect();
        steps.sort_by(|a, b| a.id.cmp(&b.id));
        steps
    };
    let same = old == new
        && steps(plan) == steps(again)
        && (partly || plan.summary == again.summary)
        && (partly || !pulled.is_empty() || same_told(plan, again));
    if same {
        return;
    }
    let other_version = plan.tool != again.tool;
    let staleness = Staleness {
        code: if other_version { "planner_version" } else { "tampered" }.to_owned(),
        set: None,
        object: "the plan as a whole".to_owned(),
        expected: plan.summary.message.clone(),
        found: again.summary.message.clone(),
        hint: "the file does not follow from what it declares: plan again".to_owned(),
    };
    if other_version {
        judgement.stale.push(staleness);
    } else {
        judgement.tampered.push(staleness);
    }
}

/// Warnings about what no fact holds fast: it may come and go between plan and apply.
const OF_THE_WORLD: [&str; 8] = [
    "bind_source",
    "dependants",
    "dropped",
    "network_differs",
    "orphan",
    "stray",
    "unknown",
    "volume_differs",
];

/// Whether what else a reviewer reads follows, too: warnings, and what differs and is not acted on.
fn same_told(plan: &Plan, again: &Plan) -> bool {
    let warnings = |plan: &Plan| -> Vec<Warning> {
        let fast = |warning: &&Warning| !OF_THE_WORLD.contains(&warning.code.as_str());
        plan.warnings.iter().filter(fast).cloned().collect()
    };
    // A look that knows more tells differences that another one could not.
    let unknown: BTreeSet<&SetName> = [plan, again]
        .into_iter()
        .flat_map(|plan| &plan.warnings)
        .filter(|warning| warning.code == "unknown")
        .filter_map(|warning| warning.set.as_ref())
        .collect();
    let differences = |plan: &Plan| -> BTreeMap<(SetName, ContainerName), Vec<Reason>> {
        let sets = plan.sets.iter().filter(|(set, _)| !unknown.contains(set));
        let matched = sets.flat_map(|(set, report)| report.matched.iter().map(move |m| (set, m)));
        matched.map(|(set, m)| ((set.clone(), m.name.clone()), m.differences.clone())).collect()
    };
    warnings(plan) == warnings(again) && differences(plan) == differences(again)
}
