//! The rollback of changes: the steps that lead from the current world back to the earlier world.
//!
//! The rollback depends only on the current state, never on a history of calls. It therefore works
//! from any state that a run or a partial rollback leaves. Making the calls is done by
//! [`crate::apply`], not here.

use std::collections::BTreeSet;

use super::effect::fenced;
use super::world::{Cell, Value, World};
use super::{Action, NetworkRef, Plan, Step, Subject, Verb};
use crate::base::ident::{ContainerName, SUFFIX_FAILED, StepId};
use crate::observed::snapshot::Run;
use crate::options::settings::{PIDS, RESTART, Settings};

/// The rollback of some changes of a plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Undo {
    /// The rollback steps, in order.
    pub steps: Vec<Step>,
    /// The effects that no call can undo.
    pub cannot: Vec<Cannot>,
}

/// An effect that cannot be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cannot {
    /// The step with this effect.
    pub step: StepId,
    /// A sentence about the effect, without a full stop.
    pub what: String,
}

/// The rollback from `now` to `before`, for the steps of `changes`. `keep` lists create steps:
/// their containers, once started, are set aside under another name and not removed.
pub fn undo(
    plan: &Plan,
    changes: &BTreeSet<&str>,
    (before, now): (&World, &World),
    keep: &BTreeSet<&StepId>,
) -> Undo {
    let lost = lost(plan, changes, before, now);
    let out: BTreeSet<&str> = lost.iter().map(|cannot| cannot.step.change()).collect();
    let mut back = Back { plan, before, now: now.clone(), keep, found: Undo::default() };
    let mine = |step: &&Step| {
        let change = step.id.change();
        changes.contains(change) && !out.contains(change)
    };
    for step in plan.steps.iter().rev().filter(mine) {
        back.step(step);
    }
    let Undo { steps, mut cannot } = back.found;
    cannot.extend(lost);
    Undo { steps: in_order(plan, steps), cannot }
}

/// Orders the rollback steps. First the new containers free their names and ports, the last
/// container first. Then the old containers start in the order of the plan, because of their
/// dependencies. Updates and removals come last.
fn in_order(plan: &Plan, steps: Vec<Step>) -> Vec<Step> {
    let changes: Vec<&str> = plan.steps.iter().map(|step| step.id.change()).collect();
    let (mut room, mut starts, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    for step in steps {
        match &step.action {
            Action::Start { .. } => starts.push(step),
            Action::Update { .. } | Action::Remove { .. } => rest.push(step),
            Action::Rename { to, .. } if to.as_str().ends_with(SUFFIX_FAILED) => rest.push(step),
            _ => room.push(step),
        }
    }
    starts.sort_by_key(|step| changes.iter().position(|change| *change == step.id.change()));
    let mut all: Vec<Step> = room.into_iter().chain(starts).chain(rest).collect();
    let mut before: Option<StepId> = None;
    for step in &mut all {
        step.after = before.replace(step.id.clone()).into_iter().collect();
    }
    all
}

/// Finds lost objects: replaced containers that were removed, and removed networks. The change of a
/// lost object is not rolled back, because the new object is all there is. An old container that
/// vanished before the new container got its name was removed by somebody else, and does not block
/// the rollback.
fn lost(plan: &Plan, changes: &BTreeSet<&str>, before: &World, now: &World) -> Vec<Cannot> {
    let steps = plan.steps.iter().filter(|step| changes.contains(step.id.change()));
    let gone = |step: &Step| match &step.action {
        Action::Remove { container } if before.has(container) && !now.has(container) => {
            let aside = waits_aside(plan, step.id.change(), now);
            (!aside).then(|| "a container that is gone does not come back".to_owned())
        }
        Action::RemoveNetwork { network, which } => {
            let was = Value::Network(NetworkRef::Id(which.clone()));
            let moved = now.get(&Cell::Network(network.clone())) != Some(&was);
            let name = crate::base::say::short(network);
            let what = format!("network `{name}` was removed and cannot be made again as it was");
            moved.then_some(what)
        }
        _ => None,
    };
    let cannot = |step: &Step| Some(Cannot { step: step.id.clone(), what: gone(step)? });
    steps.filter_map(cannot).collect()
}

/// Whether the new container of a change still has its temporary name.
fn waits_aside(plan: &Plan, change: &str, now: &World) -> bool {
    let mut steps = plan.steps.iter().filter(|step| step.id.change() == change);
    steps.any(|step| match &step.action {
        Action::Create { final_name, .. } => {
            let name = Cell::Name(Subject::CreatedBy(step.id.clone()));
            now.get(&name) != Some(&Value::Name(final_name.clone()))
        }
        _ => false,
    })
}

struct Back<'a> {
    plan: &'a Plan,
    before: &'a World,
    /// The world after the rollback steps so far.
    now: World,
    keep: &'a BTreeSet<&'a StepId>,
    found: Undo,
}

impl Back<'_> {
    /// Adds the rollback of one step.
    fn step(&mut self, step: &Step) {
        match &step.action {
            Action::Create { final_name, .. } => self.create(step, final_name),
            Action::Start { container, .. } => {
                let was = self.was(container);
                if !was.is_some_and(Run::is_live) && self.is(container).is_some_and(Run::is_live) {
                    self.stop(step, container);
                }
            }
            Action::Stop { container, .. }
            | Action::Kill { container, .. }
            | Action::Restart { container, .. } => self.start(step, container),
            Action::Update { container, settings } => {
                self.settings(step, container, settings);
            }
            Action::Fence { container } => self.settings(step, container, &fenced()),
            Action::Rename { container, from, to } => self.rename(step, container, (from, to)),
            Action::Connect { container, network, which, .. } => {
                self.disconnect(step, container, network, which);
            }
            Action::Disconnect { container, network, .. } => {
                self.connect(step, container, network);
            }
            // No rollback step: files vanish with the container, images and created objects stay,
            // and `lost` reports removals.
            Action::Pull { .. }
            | Action::Tag { .. }
            | Action::PutFiles { .. }
            | Action::WaitReady { .. }
            | Action::Remove { .. }
            | Action::CreateNetwork { .. }
            | Action::RemoveNetwork { .. }
            | Action::CreateVolume { .. } => {}
        }
    }

    fn call(&mut self, of: &Step, action: Action) {
        let step = Step::new(of.id.undo(), action, Vec::new());
        self.now.after(&step);
        self.found.steps.push(step);
    }

    fn cannot(&mut self, step: &Step, what: &str) {
        let what = what.to_owned();
        self.found.cannot.push(Cannot { step: step.id.clone(), what });
    }

    fn was(&self, container: &Subject) -> Option<Run> {
        run(self.before, container)
    }

    fn is(&self, container: &Subject) -> Option<Run> {
        run(&self.now, container)
    }

    /// Removes the created container, or sets a started container aside if it is to be kept.
    fn create(&mut self, step: &Step, name: &ContainerName) {
        let container = Subject::CreatedBy(step.id.clone());
        let Some(Value::Name(from)) = self.now.get(&Cell::Name(container.clone())).cloned() else {
            return;
        };
        if from.as_str().ends_with(SUFFIX_FAILED) {
            return;
        }
        let ran = match self.now.get(&Cell::Start(container.clone())) {
            Some(Value::StartedAt(at)) => !at.is_empty() && !at.starts_with("0001"),
            _ => false,
        };
        if self.is(&container).is_some_and(Run::is_live) {
            self.stop(step, &container);
        }
        if ran && self.keep.contains(&step.id) {
            let to = ContainerName::new(format!("{name}{SUFFIX_FAILED}"));
            self.call(step, Action::Rename { container, from, to });
        } else {
            self.call(step, Action::Remove { container });
        }
    }

    /// Gives a container its earlier name. The container is known by its ID, so a name that
    /// somebody else gave it meanwhile counts as the new name.
    fn rename(
        &mut self,
        step: &Step,
        container: &Subject,
        names: (&ContainerName, &ContainerName),
    ) {
        let (from, to) = names;
        let Some(Value::Name(now)) = self.now.get(&Cell::Name(container.clone())).cloned() else {
            return;
        };
        if now == *to || self.lost_its_name(step, container, &now) {
            let (container, to) = (container.clone(), from.clone());
            self.call(step, Action::Rename { container, from: now, to });
        }
    }

    /// Whether an old container has a name that no step of the plan gives it. Only a new container
    /// beside it shows that its change was begun.
    fn lost_its_name(&self, step: &Step, container: &Subject, now: &ContainerName) -> bool {
        let was = self.before.get(&Cell::Name(container.clone()));
        let of_plan = |step: &Step| match &step.action {
            Action::Rename { container: of, from, to } => {
                of == container && [from, to].contains(&now)
            }
            _ => false,
        };
        let made = |other: &Step| {
            let created = Subject::CreatedBy(other.id.clone());
            other.id.change() == step.id.change() && self.now.has(&created)
        };
        was.is_some_and(|was| matches!(was, Value::Name(was) if was != now))
            && !self.plan.steps.iter().any(of_plan)
            && self.plan.steps.iter().any(made)
    }

    fn stop(&mut self, step: &Step, container: &Subject) {
        let container = container.clone();
        self.call(step, Action::Stop { container, signal: None, timeout: None });
    }

    /// Starts a container that ran before and does not run now.
    fn start(&mut self, step: &Step, container: &Subject) {
        let (Some(was), Some(is)) = (self.was(container), self.is(container)) else { return };
        let restarted = matches!(step.action, Action::Restart { .. })
            && !self.before.holds(&Cell::Start(container.clone()), &self.now);
        if restarted {
            self.cannot(step, "a restart cannot be taken back");
        }
        if !was.is_live() || is.is_live() {
            return;
        }
        let change = self.plan.changes.iter().find(|change| change.id.as_str() == step.id.change());
        if change.is_some_and(|change| change.verb == Verb::Run) {
            self.cannot(step, "a job that was stopped is not run again");
            return;
        }
        if was == Run::Paused {
            self.cannot(step, "what was paused runs");
        }
        self.call(step, Action::Start { container: container.clone(), wait: false });
    }

    /// Restores the settings that an update changed.
    fn settings(&mut self, step: &Step, container: &Subject, named: &Settings) {
        let cell = Cell::Settings(container.clone());
        let (Some(Value::Settings(was)), Some(Value::Settings(is))) =
            (self.before.get(&cell), self.now.get(&cell))
        else {
            return;
        };
        let mut back = Settings::default();
        let mut stays: Vec<&str> = Vec::new();
        for field in named.0.keys().filter(|field| was.0.get(*field) != is.0.get(*field)) {
            let value = match (field.as_str(), was.0.get(field)) {
                (_, Some(value)) => value.clone(),
                (RESTART, None) => "no".into(),
                (PIDS, None) => 0.into(),
                // An engine treats a missing value as *no change*.
                (field, None) => {
                    stays.push(field);
                    continue;
                }
            };
            back.0.insert(field.clone(), value);
        }
        if !stays.is_empty() {
            let what = format!("an engine does not take off {}", stays.join(", "));
            self.cannot(step, &what);
        }
        if !back.is_empty() {
            let (container, settings) = (container.clone(), back);
            self.call(step, Action::Update { container, settings });
        }
    }

    fn disconnect(&mut self, step: &Step, container: &Subject, network: &str, which: &NetworkRef) {
        let cell = Cell::Attached(container.clone(), network.to_owned());
        let attached = |world: &World| matches!(world.get(&cell), Some(Value::Attached(..)));
        // A created container is removed as a whole.
        let there = matches!(container, Subject::Container(_)) && self.now.has(container);
        if there && attached(&self.now) && !attached(self.before) {
            let (container, network) = (container.clone(), network.to_owned());
            let which = which.clone();
            self.call(step, Action::Disconnect { container, network, which });
        }
    }

    fn connect(&mut self, step: &Step, container: &Subject, network: &str) {
        let cell = Cell::Attached(container.clone(), network.to_owned());
        let Some(Value::Attached(was, endpoint)) = self.before.get(&cell).cloned() else { return };
        if !self.now.has(container) || matches!(self.now.get(&cell), Some(Value::Attached(..))) {
            return;
        }
        let which = was.or_else(|| match &step.action {
            Action::Disconnect { which, .. } => Some(which.clone()),
            _ => None,
        });
        let Some(which) = which else { return };
        let (container, network) = (container.clone(), network.to_owned());
        self.call(step, Action::Connect { container, network, which, endpoint });
    }
}

fn run(world: &World, container: &Subject) -> Option<Run> {
    match world.get(&Cell::Run(container.clone())) {
        Some(Value::Run(run)) => Some(*run),
        _ => None,
    }
}
