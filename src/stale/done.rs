//! What a run of a plan did already: all of a set, or half of it.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Looks, Moved, Slice};
use crate::ident::{ContainerId, ContainerName};
use crate::moment;
use crate::plan::build::{Built, PlanError, matching};
use crate::plan::{Action, Because, Change, Matched, Plan, Reason, Subject, Verb};
use crate::snapshot::{Container, Run};

/// A set is at its goal when deriving again gives nothing to do, or only what is asked for each
/// time (a restart, `recreate: always`) and has happened. `real` is derived from the look as it is.
pub(super) fn is_done(slice: &Slice<'_>, real: &Built, looks: &Looks<'_>) -> bool {
    if slice.changes.is_empty() {
        return false;
    }
    let own = |set: &Option<_>| set.as_ref().is_none_or(|set| set == slice.key);
    if real.errors.iter().any(|error| own(&error.set)) || awaits_its_target(slice, looks) {
        return false;
    }
    let again = real.plan.changes.iter().filter(|change| change.set.as_ref() == Some(slice.key));
    again.into_iter().all(|change| happened(slice, change, looks))
        && members(real, slice).all(|member| fits(slice, member, looks))
}

/// What a set matches, by a derivation.
fn members<'b>(real: &'b Built, slice: &Slice<'_>) -> impl Iterator<Item = &'b Matched> {
    real.plan.sets.get(slice.key).into_iter().flat_map(|report| &report.matched)
}

/// Whether a member is where the plan wants it. That no step follows does not say so: nothing is
/// done to what was paused, or to a one-shot that runs, whatever the plan meant to do to it.
fn fits(slice: &Slice<'_>, member: &Matched, looks: &Looks<'_>) -> bool {
    let Some(now) = looks.by_id(&member.id).map(Container::run) else { return false };
    let before = looks.planned_fact(&member.id).map(|fact| fact.run);
    let paused = now == Run::Paused && before.is_some_and(|run| run != Run::Paused);
    let runs = slice.set.one_shot && now.is_live() && !before.is_some_and(Run::is_live);
    !paused && !runs && !still_differs(slice, member)
}

/// Whether a member still differs in what the plan was to mend.
fn still_differs(slice: &Slice<'_>, member: &Matched) -> bool {
    let mends = |change: &&&Change| {
        change.id.as_str() == member.name.as_str()
            && matches!(change.verb, Verb::Replace | Verb::Run | Verb::Update)
    };
    let meant = slice.changes.iter().filter(mends).flat_map(|change| &change.reasons);
    let meant: BTreeSet<&str> = meant.filter_map(option).collect();
    member.differences.iter().filter_map(option).any(|differs| meant.contains(differs))
}

/// The option that a difference is about.
fn option(reason: &Reason) -> Option<&str> {
    match reason {
        Reason::Option(difference) => Some(&difference.option),
        Reason::Environment(difference) => Some(&difference.option),
        Reason::Because(_) => None,
    }
}

/// A container that is to be replaced because its target is may look as declared all the same:
/// only its replacement mends it. The same goes for one that is to be restarted after another.
fn awaits_its_target(slice: &Slice<'_>, looks: &Looks<'_>) -> bool {
    slice.changes.iter().any(|change| {
        if !restarted_after(slice, change, looks) {
            return true;
        }
        let follows = change
            .reasons
            .iter()
            .any(|reason| matches!(reason, Reason::Because(Because::TargetReplaced { .. })));
        follows && looks.replaced_by(change).is_some_and(|id| looks.by_id(id).is_some())
    })
}

/// Whether what a container was to be restarted after is up again, and it was restarted itself, and
/// later: one that came back by itself before is not. Where a change follows nothing there is nothing
/// to wait for.
fn restarted_after(slice: &Slice<'_>, change: &Change, looks: &Looks<'_>) -> bool {
    // The start that the plan knew is over; of a successor it knew none.
    let again = |name: &str| {
        let now = looks.by_name(&ContainerName::new(name))?;
        let fact = looks.planned_fact(&now.id()).and_then(|fact| fact.started_at.as_deref());
        let at = now.inspect.as_ref()?["State"]["StartedAt"].as_str()?;
        (fact != Some(at)).then(|| (now.id(), moment::nanos(at)))
    };
    change.reasons.iter().all(|reason| {
        let Reason::Because(Because::RestartsWith { target }) = reason else { return true };
        let mut all = slice.plan.changes.iter();
        let old = all.find(|first| first.id.as_str() == target.as_str());
        let old = old.and_then(|first| looks.replaced_by(first));
        let (first, then) = (again(target.as_str()), again(change.id.as_str()));
        let (Some((id, first)), Some((_, then))) = (first, then) else { return false };
        old != Some(&id) && first <= then
    })
}

/// Whether a change that is asked for again is one that a run of this plan has made.
fn happened(slice: &Slice<'_>, again: &Change, looks: &Looks<'_>) -> bool {
    let Some(planned) = slice.changes.iter().find(|planned| planned.id == again.id) else {
        return false;
    };
    let Some(now) = looks.by_name(&ContainerName::new(again.id.as_str())) else { return false };
    let before = looks.planned_fact(&now.id());
    let always = again.reasons.iter().all(|reason| {
        matches!(reason, Reason::Because(Because::RecreateAlways | Because::TargetReplaced { .. }))
    });
    match (again.verb, before) {
        (Verb::Restart, Some(fact)) => {
            let started = now.inspect.as_ref();
            let started = started.and_then(|inspect| inspect["State"]["StartedAt"].as_str());
            matches!(planned.verb, Verb::Restart | Verb::Start)
                && restarted_after(slice, planned, looks)
                && fact.started_at.as_deref() != started
                && (fact.started_at.is_some() || fact.run != now.run())
        }
        // One that the plan created was started by it.
        (Verb::Restart, None) => creates(planned) && slice.owns(now),
        (Verb::Replace | Verb::Run, None) => always && creates(planned) && slice.owns(now),
        _ => false,
    }
}

fn creates(change: &Change) -> bool {
    matches!(change.verb, Verb::Create | Verb::Replace | Verb::Run)
}

/// What the steps of a set make of containers that are there.
#[derive(Default)]
struct Makes<'a> {
    created: BTreeSet<&'a ContainerName>,
    removed: BTreeSet<&'a ContainerId>,
    ended: BTreeSet<&'a ContainerId>,
    started: BTreeSet<&'a ContainerId>,
    renamed: BTreeSet<(&'a ContainerId, &'a ContainerName)>,
    /// Those of them that are for good.
    named: BTreeSet<(&'a ContainerId, &'a ContainerName)>,
    /// Networks that containers are put on or taken off by any step of the plan.
    rewired: BTreeSet<(&'a ContainerId, &'a str)>,
    /// The first and the last name of what takes the place of a container: nothing is done to the
    /// old one before the new one is there.
    successors: BTreeMap<&'a ContainerId, (&'a ContainerName, &'a ContainerName)>,
}

impl<'a> Makes<'a> {
    fn of(slice: &Slice<'a>) -> Self {
        let mut makes = Self::default();
        let mut created = BTreeMap::new();
        for step in slice.steps() {
            if let Action::Create { name, final_name, .. } = &step.action {
                created.insert(step.id.change(), (name, final_name));
            }
        }
        for step in slice.steps() {
            let old = match &step.action {
                Action::Stop { container: Subject::Container(id), .. }
                | Action::Rename { container: Subject::Container(id), .. }
                | Action::Remove { container: Subject::Container(id) } => Some(id),
                _ => None,
            };
            if let (Some(old), Some(names)) = (old, created.get(step.id.change())) {
                makes.successors.insert(old, *names);
            }
            makes.named.extend(step.action.renames());
            match &step.action {
                Action::Create { final_name, .. } => drop(makes.created.insert(final_name)),
                Action::Remove { container: Subject::Container(id) } => {
                    makes.removed.insert(id);
                }
                Action::Stop { container: Subject::Container(id), .. }
                | Action::Kill { container: Subject::Container(id), .. } => {
                    makes.ended.insert(id);
                }
                Action::Start { container: Subject::Container(id), .. }
                | Action::Restart { container: Subject::Container(id), .. } => {
                    makes.started.insert(id);
                }
                Action::Rename { container: Subject::Container(id), to, .. } => {
                    makes.renamed.insert((id, to));
                }
                _ => {}
            }
        }
        makes.rewired = rewired(slice.plan);
        makes
    }
}

fn rewired(plan: &Plan) -> BTreeSet<(&ContainerId, &str)> {
    let moves = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Connect { container: Subject::Container(id), network, .. }
        | Action::Disconnect { container: Subject::Container(id), network, .. } => {
            Some((id, network.as_str()))
        }
        _ => None,
    });
    moves.collect()
}

/// Whether a container is on other networks than the plan knew only where a step moves it.
fn only_rewired(makes: &Makes<'_>, id: &ContainerId, looks: &Looks<'_>) -> bool {
    let (Some(fact), Some(now)) = (looks.planned_fact(id), looks.by_id(id)) else { return false };
    let look = now.inspect.as_ref().or(now.list.as_ref());
    let now = look.and_then(|look| look["NetworkSettings"]["Networks"].as_object());
    let now: BTreeSet<&str> = now.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let before: BTreeSet<&str> = fact.networks.iter().map(String::as_str).collect();
    now.symmetric_difference(&before).all(|network| makes.rewired.contains(&(id, *network)))
}

/// Whether everything that moved is what the steps of this plan make of it: a run of it got stuck
/// in this set.
pub(super) fn is_half_done(
    slice: &Slice<'_>,
    moved: &[Moved],
    again: &Built,
    looks: &Looks<'_>,
) -> bool {
    let makes = Makes::of(slice);
    // What a leftover holds (a name, a port) makes more errors than itself.
    let own = |error: &&PlanError| error.set.as_ref() == Some(slice.key);
    let mut left = again.errors.iter().filter(own).filter_map(|error| leftover(error, looks));
    let stuck = left.clone().next().is_some() && left.all(|found| slice.left(found, looks));
    let ours = |container: &Container| slice.owns(container);
    // Whether the container that takes the place of this one is there; where none does, there is
    // nothing to wait for.
    let succeeded = |id: &ContainerId, for_good: bool| {
        let Some((first, last)) = makes.successors.get(id) else { return true };
        let there = |name: &ContainerName| {
            looks
                .by_name(name)
                .is_some_and(|now| ours(now) && looks.planned_fact(&now.id()).is_none())
        };
        there(last) || !for_good && there(first)
    };
    let made = |moved: &Moved| {
        let Some(id) = &moved.id else { return moved.derived && stuck };
        let now = looks.by_id(id);
        match moved.staleness.code.as_str() {
            "container_gone" => makes.removed.contains(id) && succeeded(id, true),
            "container_unmatched" | "container_renamed" => {
                let renamed = now.is_some_and(|now| makes.renamed.contains(&(id, &now.name())));
                // A new name for good comes first, and before a successor.
                let first = now.is_some_and(|now| makes.named.contains(&(id, &now.name())));
                first || renamed && succeeded(id, false)
            }
            "container_new" | "name_taken" => {
                now.is_some_and(|now| ours(now) && makes.created.contains(&now.name()))
            }
            "run_state" => now.is_some_and(|now| match now.run() {
                Run::Idle => makes.ended.contains(id) && succeeded(id, false),
                Run::Live => makes.started.contains(id),
                Run::Paused | Run::Dead | Run::Removing => false,
            }),
            "networks" => only_rewired(&makes, id, looks),
            "started_again" => makes.started.contains(id),
            _ => false,
        }
    };
    moved.iter().all(made)
}

/// The container that an error takes for what a dead run left.
pub(super) fn leftover<'l>(error: &PlanError, looks: &Looks<'l>) -> Option<&'l Container> {
    if error.code != "leftover" {
        return None;
    }
    looks.by_name(&ContainerName::new(error.message.split('`').nth(1)?))
}

impl Slice<'_> {
    /// Whether a run of this plan may have left a container: it made it, or the plan knew it under
    /// another name. A stranger's name may end as ours do.
    pub(super) fn left(&self, container: &Container, looks: &Looks<'_>) -> bool {
        self.owns(container) || looks.planned_fact(&container.id()).is_some()
    }

    /// Whether bayplan created a container for this set.
    fn owns(&self, container: &Container) -> bool {
        matching::owner(container)
            .is_some_and(|(project, set)| project == self.plan.project && set == *self.key)
    }
}
