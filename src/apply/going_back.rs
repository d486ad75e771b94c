//! Rolling changes back, along the steps that [`crate::plan::undo`] derives from a fresh look.
//!
//! A failed call ends the current attempt for its change. A further attempt starts from another
//! look, a few times. A last look says whether everything is as before the run. What differs then
//! and is not this run's is told, and stays.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value as Json;

use super::act::StepError as Why;
use super::events::Event;
use super::outcome::{Stale, Undone, change_of};
use super::precheck::{name_of, status_of};
use super::run::Context;
use crate::base::ident::{
    ContainerId, ContainerName, LABEL_NAME, LABEL_PLAN, SUFFIX_FAILED, StepId,
};
use crate::engine::{EngineError, Writer};
use crate::observed::snapshot::Snapshot;
use crate::plan::undo::{Cannot, undo};
use crate::plan::world::{Cell, Value, World};
use crate::plan::{Action, Step, Subject};
use crate::stale::difference::difference;
use crate::stale::observed::observed;

/// How often a rollback is attempted.
const TRIES: u32 = 4;

/// The pause before the next attempt; the pause grows with each attempt.
const PAUSE: Duration = Duration::from_secs(1);

/// The result of a rollback.
#[derive(Debug, Default)]
pub(super) struct WentBack {
    /// The changes that were rolled back.
    pub(super) changes: BTreeSet<String>,
    /// The changes of which nothing is left that this run did.
    pub(super) whole: BTreeSet<String>,
    /// The differences from before, by change, that no step of this run made.
    pub(super) others: Vec<(String, String)>,
    /// Every rollback call, in order.
    pub(super) undone: Vec<Undone>,
    /// The effects that cannot be undone.
    pub(super) cannot: Vec<Cannot>,
    /// The state of each container now, by change.
    pub(super) now: Vec<(String, String)>,
}

/// The current containers and networks of some changes.
struct Seen {
    world: World,
    /// A description of each container, by change.
    lines: Vec<(String, String)>,
    /// The changes whose container another plan has replaced.
    superseded: BTreeSet<String>,
}

impl<W: Writer> Context<'_, W> {
    /// Rolls changes back. The steps of these changes must not be in flight.
    pub(super) async fn go_back(&self, changes: BTreeSet<&str>) -> WentBack {
        let mut went = WentBack {
            changes: changes.iter().map(|change| (*change).to_owned()).collect(),
            ..WentBack::default()
        };
        for number in 1..=TRIES {
            let Some(seen) = self.see(&changes, &mut went).await else { break };
            let keep = self.kept(&changes).await;
            let mut back = undo(self.plan, &changes, (&self.before, &seen.world), &keep);
            back.steps.retain(|step| self.may_undo(step, &seen));
            let nothing = back.steps.is_empty();
            went.cannot = back.cannot;
            let mut failed: BTreeSet<&str> = BTreeSet::new();
            for step in &back.steps {
                // The last attempt tries every step: a container that runs under another name is
                // better than no running container.
                if failed.contains(step.id.change()) && number < TRIES {
                    continue;
                }
                let undone = self.take_back(step).await;
                if undone.failed.is_some() {
                    failed.insert(step.id.change());
                }
                went.undone.push(undone);
            }
            if nothing || failed.is_empty() {
                break;
            }
            if number < TRIES {
                self.clock.sleep(PAUSE * number).await;
            }
        }
        if let Some(seen) = self.see(&changes, &mut went).await {
            // Nothing of this run is left if no undo step is left.
            let left = undo(self.plan, &changes, (&self.before, &seen.world), &BTreeSet::new());
            let left = left.steps.iter().filter(|step| self.may_undo(step, &seen));
            let steps = left.map(|step| step.id.change());
            let cannot = went.cannot.iter().map(|cannot| cannot.step.change());
            let half: BTreeSet<&str> = steps.chain(cannot).collect();
            let whole = changes.difference(&half);
            went.whole = whole.map(|change| (*change).to_owned()).collect();
            went.others = self.others(&went.whole, &seen.world);
            went.now = seen.lines;
        }
        went
    }

    /// The differences of the old containers of changes that were rolled back, by change.
    fn others(&self, changes: &BTreeSet<String>, now: &World) -> Vec<(String, String)> {
        let mut all = Vec::new();
        let mut known: BTreeSet<&Subject> = BTreeSet::new();
        for step in self.plan.steps.iter().filter(|step| changes.contains(step.id.change())) {
            let Some(subject @ Subject::Container(_)) = step.action.subject() else { continue };
            if !known.insert(subject) {
                continue;
            }
            // A container that was started again has another start, and maybe another exit code.
            let told = |cell: &&Cell| {
                matches!(
                    cell,
                    Cell::Name(_) | Cell::Run(_) | Cell::Settings(_) | Cell::Attached(..)
                )
            };
            let (before, now) = (&self.before.of(subject), &now.of(subject));
            for cell in before.moved(now).into_iter().filter(told) {
                let moved = Stale::of(&difference(cell, before, now)).to_string();
                all.push((step.id.change().to_owned(), moved));
            }
        }
        all
    }

    /// Whether a rollback step is this plan's: the step undoes what this run or an earlier run of the
    /// plan did. What another plan did to the old container stays: that plan replaced the container.
    fn may_undo(&self, back: &Step, seen: &Seen) -> bool {
        let change = back.id.change();
        if matches!(back.action.subject(), Some(Subject::CreatedBy(_))) {
            return true;
        }
        let ours = |step: &StepId| self.begun.has(step) || self.done.contains(step);
        // A container that is fenced may end by itself, and nobody else starts it then.
        let is_fenced = || {
            let mut own = self.plan.steps.iter().filter(|step| step.id.change() == change);
            own.any(|step| matches!(step.action, Action::Fence { .. }) && ours(&step.id))
        };
        !seen.superseded.contains(change)
            && (self.asked_back.contains(&change_of(&back.id))
                || back.id.undoes().is_some_and(|step| ours(&step))
                || matches!(back.action, Action::Start { .. }) && is_fenced())
    }

    /// Whether the name of a new container belongs to a container that another plan made for it.
    async fn is_superseded(&self, name: &ContainerName) -> Result<bool, EngineError> {
        let found = self.look_again(|| self.engine.inspect(name.as_str())).await?;
        let Some(found) = found.filter(|found| name_of(found) == *name) else { return Ok(false) };
        let labels = &found["Config"]["Labels"];
        let known = Subject::Container(ContainerId::new(found["Id"].as_str().unwrap_or_default()));
        let other = labels[LABEL_PLAN].as_str().is_some_and(|plan| plan != self.digest);
        Ok(other && labels[LABEL_NAME] == name.as_str() && !self.before.has(&known))
    }

    /// Looks at the objects of some changes; reports an engine that does not answer.
    async fn see(&self, changes: &BTreeSet<&str>, went: &mut WentBack) -> Option<Seen> {
        match self.seen_of(changes).await {
            Ok(seen) => {
                self.relies_on(changes, &seen.world);
                Some(seen)
            }
            Err(error) => {
                let text = format!("the engine does not say what is where: {}", self.text(&error));
                went.now = changes.iter().map(|one| ((*one).to_owned(), text.clone())).collect();
                None
            }
        }
    }

    /// The state of the containers of some changes, for people.
    pub(super) async fn lines(&self, changes: &BTreeSet<&str>) -> Vec<String> {
        match self.seen_of(changes).await {
            Ok(seen) => seen.lines.into_iter().map(|(_, line)| line).collect(),
            Err(error) => {
                vec![format!("the engine does not say what is where: {}", self.text(&error))]
            }
        }
    }

    /// The containers and the networks of some changes, as they are now.
    async fn seen_of(&self, changes: &BTreeSet<&str>) -> Result<Seen, EngineError> {
        let mut seen =
            Seen { world: World::default(), lines: Vec::new(), superseded: BTreeSet::new() };
        let mut known: BTreeSet<Subject> = BTreeSet::new();
        let mine = || self.plan.steps.iter().filter(|step| changes.contains(step.id.change()));
        let mut networks = World::default();
        for step in mine() {
            let change = step.id.change();
            if let Action::CreateNetwork { network, .. } | Action::RemoveNetwork { network, .. } =
                &step.action
            {
                networks.set(Cell::Network(network.clone()), Value::Absent);
            }
            let (subject, found) = match &step.action {
                Action::Create { name, final_name, .. } => {
                    if self.is_superseded(final_name).await? {
                        seen.superseded.insert(change.to_owned());
                    }
                    let made = Subject::CreatedBy(step.id.clone());
                    let found = self.made(&step.id, [name, final_name]).await?;
                    (made, found)
                }
                action => {
                    let Some(subject @ Subject::Container(id)) = action.subject() else { continue };
                    if known.contains(subject) {
                        continue;
                    }
                    let found = self.look_again(|| self.engine.inspect(id.as_str())).await?;
                    (subject.clone(), found)
                }
            };
            let creates = matches!(step.action, Action::Create { .. });
            let replaces = mine().any(|other| {
                other.id.change() == change && matches!(other.action, Action::Create { .. })
            });
            let what = match (creates, replaces) {
                (true, _) => "the new container",
                (false, true) => "the old container",
                (false, false) => "the container",
            };
            if let Some(found) = &found {
                let own = self.seen(&subject, found);
                for (cell, value) in own.cells() {
                    seen.world.set(cell.clone(), value.clone());
                }
                seen.lines.push((change.to_owned(), line(what, found)));
            } else if !creates {
                seen.lines.push((change.to_owned(), format!("{what} is gone")));
            }
            known.insert(subject);
        }
        if networks.cells().next().is_some() {
            let all = self.look_again(|| self.engine.networks()).await?;
            let snapshot = Snapshot { networks: all, ..Snapshot::default() };
            let found = observed(&self.origin, &networks, &snapshot);
            for (cell, value) in found.cells() {
                seen.world.set(cell.clone(), value.clone());
            }
        }
        Ok(seen)
    }

    /// The container that a create step made, in this run or in a dead run. If the answer of the
    /// create was lost, the label of the run identifies the container.
    async fn made(
        &self,
        step: &StepId,
        names: [&ContainerName; 2],
    ) -> Result<Option<Json>, EngineError> {
        let id = self.created.borrow().get(step).cloned();
        if let Some(id) = id {
            return self.look_again(|| self.engine.inspect(id.as_str())).await;
        }
        for name in names {
            let found = self.look_again(|| self.engine.inspect(name.as_str())).await?;
            let ours = found.filter(|found| name_of(found) == *name && self.is_ours(found));
            if let Some(found) = ours {
                let id = ContainerId::new(found["Id"].as_str().unwrap_or_default());
                self.created.borrow_mut().insert(step.clone(), id.clone());
                self.names.borrow_mut().insert(id, name.clone());
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Makes the current state of these containers the state that the run relies on.
    fn relies_on(&self, changes: &BTreeSet<&str>, now: &World) {
        let mut world = self.world.borrow_mut();
        let steps = self.plan.steps.iter().filter(|step| changes.contains(step.id.change()));
        let subjects: BTreeSet<Subject> = steps
            .filter_map(|step| match &step.action {
                Action::Create { .. } => Some(Subject::CreatedBy(step.id.clone())),
                action => action.subject().cloned(),
            })
            .collect();
        for subject in subjects {
            let before = world.of(&subject);
            for (cell, _) in before.cells() {
                world.forget(cell);
            }
            for (cell, value) in now.of(&subject).cells() {
                world.set(cell.clone(), value.clone());
                if let (Cell::Name(_), Value::Name(name)) = (cell, value)
                    && let Some(id) = self.resolve(&subject)
                {
                    self.names.borrow_mut().insert(id, name.clone());
                }
            }
        }
    }

    /// The create steps whose failed container may be kept, because its reserved name is free.
    async fn kept(&self, changes: &BTreeSet<&str>) -> BTreeSet<&StepId> {
        let mut keep = BTreeSet::new();
        if !self.settings.keep_failed {
            return keep;
        }
        for step in self.plan.steps.iter().filter(|step| changes.contains(step.id.change())) {
            let Action::Create { final_name, .. } = &step.action else { continue };
            let aside = format!("{final_name}{SUFFIX_FAILED}");
            let looked = self.look_again(|| self.engine.inspect(&aside)).await;
            if matches!(looked, Ok(None)) {
                keep.insert(&step.id);
            }
        }
        keep
    }

    /// Makes one rollback call.
    async fn take_back(&self, step: &Step) -> Undone {
        let what = self.words(&step.action);
        self.sink.event(&Event::Undoing {
            step: step.id.clone(),
            change: change_of(&step.id),
            what: what.clone(),
        });
        let failed = match self.call_back(step).await {
            Ok(()) => {
                self.world.borrow_mut().after(step);
                None
            }
            Err(Why::Failed(message) | Why::Away(message)) => Some(message),
            Err(Why::Stale(stale)) => Some(stale.to_string()),
            Err(Why::GivenUp) => Some("given up".to_owned()),
        };
        let undone = Undone { step: step.id.clone(), what, failed };
        self.sink.event(&Event::Undone(undone.clone()));
        undone
    }

    async fn call_back(&self, step: &Step) -> Result<(), Why> {
        let subject = step.action.subject().and_then(|subject| self.resolve(subject));
        let found = match &subject {
            Some(id) => self
                .look_again(|| self.engine.inspect(id.as_str()))
                .await
                .map_err(|error| self.failed(&error))?,
            None => None,
        };
        match self.noted(step, found.as_ref(), true).await {
            // The engine could not be reached; the call is retried when the engine is back.
            Err(Why::Away(text)) => {
                if self.is_back().await {
                    self.noted(step, found.as_ref(), true).await
                } else {
                    Err(Why::Failed(text))
                }
            }
            other => other,
        }
    }
}

/// `` the old container is `web` (5ca9d1f00b12), running ``.
fn line(what: &str, found: &Json) -> String {
    let id = ContainerId::new(found["Id"].as_str().unwrap_or_default());
    format!("{what} is `{}` ({}), {}", name_of(found), id.short(), status_of(found))
}
