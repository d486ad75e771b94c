//! What brings back what was before a change: derived from a world that is and one that was, along
//! the change's steps.
//!
//! It asks what is so now, never what was done: so it goes back from any state that a run, or a part
//! of going back, can leave. Making the calls is [`crate::apply`]'s.

use std::collections::BTreeSet;

use super::effect::fenced;
use super::world::{Cell, Value, World};
use super::{Action, NetworkRef, Plan, Step, Subject, Verb};
use crate::base::ident::{ContainerName, SUFFIX_FAILED, StepId};
use crate::observed::snapshot::Run;
use crate::options::settings::{PIDS, RESTART, Settings};

/// The way back of some changes of a plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Undo {
    /// What is to be called, in this order.
    pub steps: Vec<Step>,
    /// What stays as it is now, for no call brings it back.
    pub cannot: Vec<Cannot>,
}

/// Something that cannot be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cannot {
    /// The step that it came from.
    pub step: StepId,
    /// What, as a sentence without its end.
    pub what: String,
}

/// The way back from `now` to `before` of the steps of `changes`. `keep` are create steps of which a
/// container that ran is not removed but set aside.
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

/// First what is there now makes room, last first; then what was starts, in the order of the plan, as
/// one may need another; what is left over goes at the end, when all is up again.
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

/// What is gone for good: a container that was replaced and removed, a network that was removed. Of
/// such a change nothing is taken back: what is there now is all there is. A container that is gone
/// while the new one waits aside was removed by somebody else, and holds nothing up.
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

/// Whether the container that a change creates does not have its name yet.
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
    /// What is so after the steps that were found.
    now: World,
    keep: &'a BTreeSet<&'a StepId>,
    found: Undo,
}

impl Back<'_> {
    /// Takes one step back.
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
            Action::Rename { container, from, to } => {
                let name = Cell::Name(container.clone());
                if self.now.get(&name) == Some(&Value::Name(to.clone())) {
                    let (container, from, to) = (container.clone(), to.clone(), from.clone());
                    self.call(step, Action::Rename { container, from, to });
                }
            }
            Action::Connect { container, network, which, .. } => {
                self.disconnect(step, container, network, which);
            }
            Action::Disconnect { container, network, .. } => {
                self.connect(step, container, network);
            }
            // What was created goes with its files.
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

    /// What was created is removed, or set aside where it is to be looked at and has run.
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

    fn stop(&mut self, step: &Step, container: &Subject) {
        let container = container.clone();
        self.call(step, Action::Stop { container, signal: None, timeout: None });
    }

    /// What ran and does not is started.
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

    /// Gives back the settings that an update named.
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
                // An engine takes *nothing* for *leave it as it is*.
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
        // What was created goes as a whole.
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
