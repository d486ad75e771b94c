//! Compares the current spec file with the declaration in a plan. The comparison with the engine is
//! [`super::judge()`]'s.

use std::collections::BTreeSet;

use super::Staleness;
use super::code::Code;
use crate::base::ident::SetName;
use crate::plan::Plan;
use crate::spec::Spec;

/// The differences between the declaration and the current spec, for sets with changes. With
/// `same_file` the file has the same bytes as at planning, so the whole declaration must match.
pub fn spec_moved(plan: &Plan, before: &Spec, now: &Spec, same_file: bool) -> Vec<Staleness> {
    let acted: BTreeSet<&SetName> =
        plan.changes.iter().filter_map(|change| change.set.as_ref()).collect();
    let mut all = Vec::new();
    let root = |spec: &Spec| {
        (spec.project.clone(), spec.base_dir.clone(), spec.compat, spec.moved.clone())
    };
    if root(before) != root(now) && !acted.is_empty() {
        all.push(moved(None, "the project and the rules of the plan", "others"));
    }
    for key in acted {
        let (old, new) = (before.sets.get(key), now.sets.get(key));
        let same = match (old, new) {
            (Some(old), Some(new)) => before.canonical_set(old) == now.canonical_set(new),
            // The spec does not declare a pruned set.
            (None, None) => before.prune,
            _ => false,
        };
        if !same {
            let found = if new.is_some() { "something else" } else { "no such set" };
            all.push(moved(Some(key), "what the plan declares", found));
        }
    }
    let (old, new) = (before.canonical(), now.canonical());
    // The users of a network or volume follow from names that may have changed, so all resources
    // count.
    let resources = |spec: &serde_json::Value| (spec["networks"].clone(), spec["volumes"].clone());
    if resources(&old) != resources(&new) && !plan.changes.is_empty() {
        all.push(moved(None, "the networks and volumes of the plan", "others"));
    }
    // `prune` may come from the command line.
    let whole = |mut spec: serde_json::Value| {
        if let Some(root) = spec.as_object_mut() {
            root.remove("prune");
        }
        spec
    };
    if all.is_empty() && same_file && whole(old) != whole(new) {
        all.push(moved(
            None,
            "what the plan declares",
            "something else, in it or in a file it names",
        ));
    }
    all
}

/// The sets without changes that the current spec declares otherwise than the plan. A plan that
/// says less than the spec must not pass in silence.
pub fn declared_otherwise(plan: &Plan, before: &Spec, now: &Spec) -> Vec<Staleness> {
    let acted: BTreeSet<&SetName> =
        plan.changes.iter().filter_map(|change| change.set.as_ref()).collect();
    let keys: BTreeSet<&SetName> = before.sets.keys().chain(now.sets.keys()).collect();
    let others = keys.into_iter().filter(|key| !acted.contains(key));
    let moved = others.filter_map(|key| {
        let (old, new) = (before.sets.get(key), now.sets.get(key));
        let same =
            old.map(|set| before.canonical_set(set)) == new.map(|set| now.canonical_set(set));
        let found = match (old, new) {
            _ if same => return None,
            (None, Some(_)) => "a set that the plan does not have",
            (_, None) => "no such set",
            (Some(_), Some(_)) => "something else",
        };
        Some(moved(Some(key), "what the plan declares", found))
    });
    moved.collect()
}

/// The report of a moved spec.
pub fn moved(set: Option<&SetName>, expected: &str, found: &str) -> Staleness {
    Staleness {
        code: Code::SpecMoved.word().to_owned(),
        set: set.cloned(),
        object: set.map_or_else(|| "the spec".to_owned(), |set| format!("set `{set}` in the spec")),
        expected: expected.to_owned(),
        found: found.to_owned(),
        hint: "the spec has moved on: plan again and have the new plan reviewed".to_owned(),
    }
}
