//! Checks in-place updates: only options that an engine can update, with the values that the
//! reasons expect, and never without effect. A replacement needs at least one reason that cannot be
//! updated in place.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::graph::Graph;
use super::names;
use super::{Violations, named};
use crate::base::ident::{ContainerId, ContainerName};
use crate::plan::facts::ContainerFact;
use crate::plan::{Action, Change, OptionDifference, Plan, Reason, Subject, Verb};

/// The options that an engine updates in place, with the engine field of each option.
const FIELDS: &[(&str, &str)] = &[
    (BLKIO, "BlkioWeight"),
    ("cpu_period", "CpuPeriod"),
    ("cpu_quota", "CpuQuota"),
    ("cpu_shares", "CpuShares"),
    ("cpus", "NanoCpus"),
    ("cpuset", "CpusetCpus"),
    ("cpuset_mems", "CpusetMems"),
    ("mem_limit", "Memory"),
    ("mem_reservation", "MemoryReservation"),
    ("memswap_limit", "MemorySwap"),
    ("pids_limit", "PidsLimit"),
    ("restart", "RestartPolicy"),
    ("restart_policy_retry", "RestartPolicy"),
];

/// The option of which only the weight is updated, as a part of the expected value.
const BLKIO: &str = "blkio_config";

/// The option that is updated by connecting and disconnecting networks.
const NETWORKS: &str = "networks";

/// The option that is updated by a rename.
const NAME: &str = "name";

pub(super) fn check(plan: &Plan, graph: &Graph<'_>, violations: &mut Violations) {
    let facts: BTreeMap<_, _> =
        plan.facts.containers.iter().rev().map(|fact| (&fact.id, fact)).collect();
    let mut updates: BTreeMap<&str, (&Subject, &BTreeMap<String, Json>)> = BTreeMap::new();
    for step in graph.steps {
        if let Action::Update { container, settings } = &step.action {
            updates.insert(step.id.change(), (container, &settings.0));
        }
    }
    let moved: BTreeSet<&str> = graph
        .steps
        .iter()
        .filter(|step| {
            let (Action::Connect { container, .. } | Action::Disconnect { container, .. }) =
                &step.action
            else {
                return false;
            };
            matches!(container, Subject::Container(_))
        })
        .map(|step| step.id.change())
        .collect();
    let mut called: BTreeMap<&str, &ContainerName> = BTreeMap::new();
    for step in graph.steps {
        if let Action::Rename { container, from, to } = &step.action
            && names::is_in_place(container, to)
        {
            called.insert(step.id.change(), from);
        }
    }
    for change in &plan.changes {
        let update = updates.get(change.id.as_str()).copied();
        let before = called.get(change.id.as_str()).copied();
        let moves_any = moved.contains(change.id.as_str());
        reasons(change, update.is_some() || moves_any || before.is_some(), violations);
        renames(change, before, violations);
        moves(change, moved.contains(change.id.as_str()), violations);
        if let Some((subject, settings)) = update {
            follows(change, settings, violations);
            has_effect(&facts, change, subject, settings, violations);
        }
    }
    let left = plan.sets.values().flat_map(|report| &report.matched);
    for matched in left {
        for difference in &matched.differences {
            if let Reason::Option(difference) = difference {
                violations.unless(!difference.in_place || is_known(difference), "in_place", || {
                    let (option, name) = (named(&difference.option), named(&matched.name));
                    format!("expected {option} of {name} to need a new container")
                });
            }
        }
    }
}

/// Networks are connected and disconnected if, and only if, a reason says so.
fn moves(change: &Change, moved: bool, violations: &mut Violations) {
    if change.set.is_none() || !matches!(change.verb, Verb::Update | Verb::Start | Verb::Restart) {
        return;
    }
    let reason = change.reasons.iter().any(|reason| {
        matches!(reason, Reason::Option(difference)
            if difference.in_place && difference.option == NETWORKS)
    });
    violations.unless(reason == moved, "in_place", || {
        format!(
            "expected {} to be put on networks and taken off them for that reason, and only for it",
            named(&change.id)
        )
    });
}

/// A container is renamed if, and only if, a reason says so, and to the name in the reason.
fn renames(change: &Change, before: Option<&ContainerName>, violations: &mut Violations) {
    let said = change.reasons.iter().filter_map(|reason| match reason {
        Reason::Option(difference) if difference.option == NAME => {
            Some((difference.expected.as_str(), difference.found.as_str()))
        }
        _ => None,
    });
    let done = before.map(|name| (Some(change.id.as_str()), Some(name.as_str())));
    violations.unless(said.eq(done), "in_place", || {
        format!("expected {} to be renamed for that reason, and only for it", named(&change.id))
    });
}

fn is_known(difference: &OptionDifference) -> bool {
    difference.option == NAME
        || difference.option == NETWORKS
        || FIELDS.iter().any(|(option, _)| *option == difference.option)
}

/// Each kind of change has only fitting reasons.
fn reasons(change: &Change, updates: bool, violations: &mut Violations) {
    let id = named(&change.id);
    let mut mended = 0;
    for reason in &change.reasons {
        let Reason::Option(difference) = reason else { continue };
        mended += usize::from(difference.in_place);
        violations.unless(!difference.in_place || is_known(difference), "in_place", || {
            format!("expected {} of {id} to need a new container", named(&difference.option))
        });
    }
    let all = mended == change.reasons.len();
    match change.verb {
        Verb::Update => violations.unless(all, "in_place", || {
            format!("expected every reason to update {id} to be one that an update takes away")
        }),
        Verb::Start | Verb::Restart => {
            violations.unless((mended > 0) == updates, "in_place", || {
                format!("expected {id} to be updated for its differences, and only for those")
            });
        }
        Verb::Replace => violations.unless(!all, "in_place", || {
            format!("expected a reason to replace {id} that an update cannot take away")
        }),
        _ => {}
    }
}

/// The settings are exactly the settings that the reasons ask for.
fn follows(change: &Change, settings: &BTreeMap<String, Json>, violations: &mut Violations) {
    let id = named(&change.id);
    let mut asked: BTreeSet<&str> = BTreeSet::new();
    for reason in &change.reasons {
        let Reason::Option(difference) = reason else { continue };
        let Some((_, field)) = FIELDS.iter().find(|(option, _)| *option == difference.option)
        else {
            continue;
        };
        asked.insert(field);
        // The engine refuses a memory limit above the limit of memory and swap.
        if *field == "Memory" {
            asked.insert("MemorySwap");
        }
        let set = settings.get(*field).unwrap_or(&Json::Null);
        let expected = match difference.option.as_str() {
            BLKIO => &difference.expected["weight"],
            _ => &difference.expected,
        };
        let plain = !expected.is_object() && difference.option != "restart_policy_retry";
        let off = expected.is_null() && *set == 0;
        violations.unless(off || !plain || set == expected, "in_place", || {
            let option = named(&difference.option);
            format!("expected {id} to set what {option} expects, but found {}", named(set))
        });
    }
    for field in settings.keys().filter(|field| !asked.contains(field.as_str())) {
        violations.add("in_place", format!("expected no reason to set {} of {id}", named(field)));
    }
}

fn has_effect(
    facts: &BTreeMap<&ContainerId, &ContainerFact>,
    change: &Change,
    subject: &Subject,
    settings: &BTreeMap<String, Json>,
    violations: &mut Violations,
) {
    let id = named(&change.id);
    let Subject::Container(container) = subject else {
        violations.add("in_place", format!("expected {id} to update a container that is there"));
        return;
    };
    // A missing fact is reported by another check.
    let Some(fact) = facts.get(container) else { return };
    let nothing = |value: &Json| *value == 0 || value == "no";
    let moves = settings.iter().any(|(field, value)| match fact.settings.0.get(field) {
        Some(found) => found != value,
        None => !nothing(value),
    });
    violations.unless(moves, "in_place", || {
        format!("expected the update of {id} to change something, but found all of it set")
    });
}
