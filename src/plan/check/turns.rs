//! Checks turns: a set replaces only as many containers at once as declared, and each further
//! replacement waits for an earlier proof. A new container starts beside the old container only if
//! the set says so.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::graph::Graph;
use super::{Violations, named};
use crate::base::ident::{SetName, StepId};
use crate::plan::{Action, Change, Plan, Subject, Verb};
use crate::syntax::durations;

/// One replacement in a set.
struct Turn<'a> {
    change: &'a Change,
    /// The first step that touches a running container.
    disturbs: usize,
    /// The step that proves the new container.
    up: &'a StepId,
}

pub(super) fn check(plan: &Plan, graph: &Graph<'_>, violations: &mut Violations) {
    let places = graph.by_change();
    let mut turns: BTreeMap<&SetName, Vec<Turn<'_>>> = BTreeMap::new();
    let mut ups: BTreeMap<&StepId, &SetName> = BTreeMap::new();
    for change in &plan.changes {
        let (Some(set), Some(own)) = (&change.set, places.get(change.id.as_str())) else {
            continue;
        };
        let update = &plan.declared["containers"][set.as_str()]["update_config"];
        ahead(change, own, graph, update, violations);
        let Some(turn) = turn(change, own, graph) else { continue };
        ups.insert(turn.up, set);
        turns.entry(set).or_default().push(turn);
    }
    for (set, mut turns) in turns {
        turns.sort_by_key(|turn| turn.disturbs);
        let update = &plan.declared["containers"][set.as_str()]["update_config"];
        in_turn(set, &turns, graph, update, violations);
    }
    let sets: BTreeMap<&str, &SetName> = plan
        .changes
        .iter()
        .filter_map(|change| Some((change.id.as_str(), change.set.as_ref()?)))
        .collect();
    for step in graph.steps {
        let id = named(&step.id);
        let set = sets.get(step.id.change()).copied();
        let update = set.map(|set| &plan.declared["containers"][set.as_str()]["update_config"]);
        let goes_on = update.is_some_and(|update| update["failure_action"] == "continue");
        for other in &step.after_end {
            let fine =
                goes_on && other.change() != step.id.change() && ups.get(other).copied() == set;
            violations.unless(fine, "turns", || {
                format!(
                    "expected {id} to wait for the end of its set's replacements alone, and only \
                     where it says `failure_action: continue`, but found {}",
                    named(other)
                )
            });
        }
        let waits = step.before().any(|other| ups.get(other).copied() == set);
        let fine = step.delay == 0 || waits && Some(step.delay) == update.and_then(delay);
        violations.unless(fine, "turns", || {
            format!("expected {id} to wait as long as its set says, but found {} s", step.delay)
        });
    }
}

fn delay(update: &Json) -> Option<u32> {
    let nanos = durations::nanoseconds(update["delay"].as_str()?)?;
    u32::try_from(nanos / 1_000_000_000).ok()
}

/// The turn of a change that restarts or replaces a container.
fn turn<'a>(change: &'a Change, places: &[usize], graph: &Graph<'a>) -> Option<Turn<'a>> {
    let find = |is: &dyn Fn(&Action) -> bool| {
        places.iter().copied().find(|place| is(&graph.steps[*place].action))
    };
    let ready = find(&|action| matches!(action, Action::WaitReady { .. }));
    if let Some(restart) = find(&|action| matches!(action, Action::Restart { .. })) {
        let up = &graph.steps[ready.unwrap_or(restart)].id;
        return Some(Turn { change, disturbs: restart, up });
    }
    find(&|action| matches!(action, Action::Create { .. }))?;
    find(&|action| matches!(action, Action::Remove { .. }))?;
    let start = find(&|action| matches!(action, Action::Start { .. }));
    let renamed =
        find(&|action| matches!(action, Action::Rename { container: Subject::CreatedBy(_), .. }));
    let touches = |action: &Action| {
        matches!(
            action,
            Action::Fence { .. }
                | Action::Stop { .. }
                | Action::Kill { .. }
                | Action::Start { .. }
                | Action::Rename { .. }
        )
    };
    let disturbs = find(&touches)?;
    // A container that starts ahead counts as up once it has its name.
    let stop = find(&|action| matches!(action, Action::Stop { .. }));
    let ahead = start.zip(stop).is_some_and(|(start, stop)| start < stop);
    let up = if ahead { renamed } else { ready.or(start).or(renamed) }?;
    Some(Turn { change, disturbs, up: &graph.steps[up].id })
}

/// After the first few turns, each turn waits for the proof of an earlier turn, a different proof
/// each time.
fn in_turn(
    set: &SetName,
    turns: &[Turn<'_>],
    graph: &Graph<'_>,
    update: &Json,
    violations: &mut Violations,
) {
    let most = match update["parallelism"].as_u64() {
        Some(0) => turns.len(),
        Some(most) => usize::try_from(most).unwrap_or(usize::MAX),
        None => 1,
    };
    // The earlier turns whose proof no turn waits for yet.
    let mut open: BTreeSet<&StepId> = BTreeSet::new();
    let mut free = 0;
    for turn in turns {
        let mut before = graph.steps[turn.disturbs].before();
        match before.find(|step| open.contains(step)) {
            Some(step) => drop(open.remove(step)),
            None => free += 1,
        }
        open.insert(turn.up);
        violations.unless(free <= most, "turns", || {
            format!(
                "expected {} to wait for its turn: set {} replaces {most} at once",
                named(&turn.change.id),
                named(set)
            )
        });
    }
}

/// The new container starts before the old container stops if, and only if, the set says so.
fn ahead(
    change: &Change,
    places: &[usize],
    graph: &Graph<'_>,
    update: &Json,
    violations: &mut Violations,
) {
    let find = |is: fn(&Action) -> bool| {
        places.iter().copied().find(|place| is(&graph.steps[*place].action))
    };
    let start = find(|action| matches!(action, Action::Start { .. }));
    let stop = find(|action| matches!(action, Action::Stop { .. }));
    let (Verb::Replace, Some((start, stop))) = (change.verb, start.zip(stop)) else { return };
    let (said, is) = (update["order"] == "start-first", graph.before(start, stop));
    violations.unless(said == is, "turns", || {
        let words = |ahead| if ahead { "start-first" } else { "stop-first" };
        format!(
            "expected {} to be replaced {}, but found it {}",
            named(&change.id),
            words(said),
            words(is)
        )
    });
}
