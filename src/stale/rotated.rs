//! Finds secret references whose comparison with the live value has changed since the review. Other
//! facts are [`mod@super::judge`]'s.

use std::collections::{BTreeMap, BTreeSet};

use super::Staleness;
use super::code::Code;
use crate::base::ident::{ContainerId, SetName};
use crate::plan::Plan;
use crate::plan::facts::{ContainerFact, Verdict};

/// The rotated references of the sets that the plan acts on.
pub(super) fn rotated(plan: &Plan, again: &Plan) -> Vec<Staleness> {
    let now: BTreeMap<&ContainerId, &ContainerFact> =
        again.facts.containers.iter().map(|fact| (&fact.id, fact)).collect();
    let sets: BTreeMap<&ContainerId, &SetName> = plan
        .facts
        .members
        .iter()
        .flat_map(|(set, members)| members.iter().map(move |id| (id, set)))
        .collect();
    let acts: BTreeSet<&SetName> =
        plan.changes.iter().filter_map(|change| change.set.as_ref()).collect();
    let mut all = Vec::new();
    for old in &plan.facts.containers {
        let (Some(new), Some(set)) = (now.get(&old.id), sets.get(&old.id)) else { continue };
        if !acts.contains(set) {
            continue;
        }
        for (variable, fact) in &old.references {
            let verdict = new.references.get(variable).map(|fact| fact.verdict);
            if verdict.is_none_or(|now| same(fact.verdict, now)) {
                continue;
            }
            all.push(Staleness {
                code: Code::SecretRotated.word().to_owned(),
                set: Some((*set).clone()),
                object: format!("`{variable}` of container `{}` ({})", old.name, fact.reference),
                expected: words(fact.verdict).to_owned(),
                found: verdict.map_or("nothing", words).to_owned(),
                hint: "rotated since review: plan again with the values that will be used"
                    .to_owned(),
            });
        }
    }
    all
}

/// Whether two verdicts agree. A reviewed `Assumed` counts as equal; a current `Assumed` agrees
/// with every verdict.
pub(super) fn same(reviewed: Verdict, now: Verdict) -> bool {
    match reviewed {
        Verdict::Equal | Verdict::Assumed => now != Verdict::Different,
        Verdict::Different => now != Verdict::Equal,
    }
}

fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Equal => "the live value",
        Verdict::Different => "something else than the live value",
        Verdict::Assumed => "the live value (assumed)",
    }
}
