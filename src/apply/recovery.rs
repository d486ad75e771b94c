//! Decides for each change that a dead run began: is the change rolled back, or finished?
//!
//! The decision needs only the plan and a look, on any machine. Making the calls is done by
//! [`run()`](super::run()), not here.

use std::collections::{BTreeMap, BTreeSet};

use super::outcome::touches;
use crate::base::ident::{ChangeId, StepId};
use crate::observed::snapshot::Snapshot;
use crate::plan::undo::{Cannot, undo};
use crate::plan::world::{Cell, Value, World};
use crate::plan::{Action, Plan, Step, Subject};
use crate::stale::observed::{Origin, observed};

/// The direction of a recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The nearer end: a change is rolled back, if possible, while its new container is not in use.
    /// Every other change is finished.
    Nearest,
    /// All changes are rolled back that can be; only the others are finished.
    BackIfPossible,
    /// All changes are rolled back.
    Back,
    /// All changes are finished.
    Finish,
}

/// The decisions about the changes that were begun.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recovery {
    /// The changes that are rolled back.
    pub back: BTreeSet<ChangeId>,
    /// The changes that are finished, and the changes that these wait for.
    pub finish: BTreeSet<ChangeId>,
    /// The reasons why a change cannot be rolled back although it should be.
    pub cannot: Vec<Cannot>,
}

impl Recovery {
    /// Whether a dead run left nothing to recover.
    pub fn is_empty(&self) -> bool {
        self.back.is_empty() && self.finish.is_empty() && self.cannot.is_empty()
    }

    /// The steps that must not run: steps that are not done, of changes that are neither rolled
    /// back nor finished.
    pub fn blocked(&self, plan: &Plan, done: &BTreeSet<StepId>) -> BTreeSet<StepId> {
        let steps = plan.steps.iter().filter(|step| {
            let change = ChangeId::new(step.id.change());
            !self.back.contains(&change) && !self.finish.contains(&change)
        });
        steps.map(|step| step.id.clone()).filter(|step| !done.contains(step)).collect()
    }
}

/// Decides about the changes of a dead run. `done` are the steps that are done.
pub fn recovery(
    plan: &Plan,
    digest: &str,
    look: &Snapshot,
    done: &BTreeSet<StepId>,
    way: Way,
) -> Recovery {
    let before = World::planned(plan);
    let now = observed(&Origin::of(plan, digest), &before, look);
    let mut recovery = Recovery::default();
    let mut begun: BTreeMap<ChangeId, bool> = BTreeMap::new();
    for change in &plan.changes {
        let name = change.id.as_str();
        let mine = || plan.steps.iter().filter(|step| step.id.change() == name && touches(step));
        if mine().all(|step| done.contains(&step.id)) {
            continue;
        }
        let back = undo(plan, &BTreeSet::from([name]), (&before, &now), &BTreeSet::new());
        let lost = back.steps.is_empty();
        if lost && !mine().any(|step| done.contains(&step.id)) {
            continue;
        }
        begun.insert(change.id.clone(), !lost);
        let done_with_it = committed_with(plan, name, &before, &now);
        let goes_back = match way {
            Way::Back => true,
            Way::BackIfPossible => !lost && done_with_it.is_none(),
            Way::Finish => false,
            Way::Nearest => {
                !lost && done_with_it.is_none() && is_nearer_to_its_beginning(plan, name, &now)
            }
        };
        if let Some(other) = done_with_it.filter(|_| goes_back) {
            let what = format!("`{other}`, which needs it as it is now, is replaced already");
            recovery.cannot.push(Cannot { step: StepId::new(format!("{name}/create")), what });
        } else if !goes_back {
            recovery.finish.insert(change.id.clone());
        } else if lost {
            recovery.cannot.extend(back.cannot);
        } else {
            recovery.back.insert(change.id.clone());
        }
    }
    recovery.take_along(plan, |change| {
        let back = || undo(plan, &BTreeSet::from([change]), (&before, &now), &BTreeSet::new());
        begun.get(&ChangeId::new(change)).copied().unwrap_or_else(|| !back().steps.is_empty())
    });
    recovery.finish_what_is_waited_for(plan, done);
    recovery
}

impl Recovery {
    /// Extends a rollback to dependent changes. A dependent change took a resource that the old
    /// container freed, or keeps its own old container until this change is proven. `can` says
    /// whether a change was begun and can be rolled back.
    fn take_along(&mut self, plan: &Plan, can: impl Fn(&str) -> bool) {
        let mut open: Vec<ChangeId> = self.back.iter().cloned().collect();
        while let Some(change) = open.pop() {
            let gives = |step: &&Step| {
                step.id.change() == change.as_str()
                    && matches!(
                        step.action,
                        Action::Stop { .. }
                            | Action::Kill { .. }
                            | Action::Rename { .. }
                            | Action::Disconnect { .. }
                    )
            };
            let freed: BTreeSet<&StepId> =
                plan.steps.iter().filter(gives).map(|step| &step.id).collect();
            for step in plan.steps.iter().filter(|step| step.id.change() != change.as_str()) {
                let took = step.after.iter().any(|id| freed.contains(id));
                let keeps = matches!(step.action, Action::Remove { .. })
                    && step.after.iter().any(|id| id.change() == change.as_str());
                let other = ChangeId::new(step.id.change());
                if (took || keeps) && !self.back.contains(&other) && can(other.as_str()) {
                    self.finish.remove(&other);
                    self.back.insert(other.clone());
                    open.push(other);
                }
            }
        }
    }

    /// Also finishes the changes whose steps a finished change waits for.
    fn finish_what_is_waited_for(&mut self, plan: &Plan, done: &BTreeSet<StepId>) {
        for step in plan.steps.iter().rev() {
            if !self.finish.contains(&ChangeId::new(step.id.change())) || done.contains(&step.id) {
                continue;
            }
            let open = step.after.iter().filter(|id| !done.contains(*id));
            let changes: Vec<ChangeId> = open.map(|id| ChangeId::new(id.change())).collect();
            self.finish.extend(changes.into_iter().filter(|change| !self.back.contains(change)));
        }
    }
}

/// Another change that can no longer be rolled back, where one of the two keeps its old container
/// until the other is proven. Neither old container runs without the other.
fn committed_with(plan: &Plan, change: &str, before: &World, now: &World) -> Option<String> {
    let removes = |step: &&Step| matches!(step.action, Action::Remove { .. });
    let pairs = plan
        .steps
        .iter()
        .filter(removes)
        .flat_map(|step| step.after.iter().map(|id| (step.id.change(), id.change())));
    let mut others = pairs.filter_map(|pair| match pair {
        (one, other) if one == other => None,
        (own, other) | (other, own) if own == change => Some(other),
        _ => None,
    });
    let gone = |other: &&str| {
        plan.steps.iter().filter(|step| step.id.change() == *other).any(|step| {
            let Action::Remove { container } = &step.action else { return false };
            before.has(container) && !now.has(container)
        })
    };
    others.find(gone).map(str::to_owned)
}

/// Whether a change creates a container that does not run, and that never ran or was created under
/// a temporary name. A container that ran under its final name may have been in use for long.
fn is_nearer_to_its_beginning(plan: &Plan, change: &str, now: &World) -> bool {
    let mut steps = plan.steps.iter().filter(|step| step.id.change() == change);
    steps.any(|step| {
        let Action::Create { name, final_name, .. } = &step.action else { return false };
        let created = Subject::CreatedBy(step.id.clone());
        let live = match now.get(&Cell::Run(created.clone())) {
            Some(Value::Run(run)) => run.is_live(),
            _ => false,
        };
        let never = match now.get(&Cell::Start(created)) {
            Some(Value::StartedAt(at)) => at.is_empty() || at.starts_with("0001"),
            _ => true,
        };
        !live && (never || name != final_name)
    })
}
