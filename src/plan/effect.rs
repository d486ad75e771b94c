//! What a step makes of a world: said once, for all who ask.
//!
//! Whether a step is done already, whether it may be called now, whether a call took effect, what is
//! compared after a run, what is taken back: all of it follows from here. Making the call is
//! [`crate::apply`]'s.

use super::world::{Cell, Value, World};
use super::{Action, NetworkRef, Plan, Step, Subject};
use crate::base::ident::StepId;
use crate::observed::snapshot::Run;
use crate::options::settings::{RESTART, Settings};

/// What a step makes of one cell; nothing: the cell is relied on no more.
pub type Effect = (Cell, Option<Value>);

impl Step {
    /// What the step makes of a world.
    pub fn effects(&self, world: &World) -> Vec<Effect> {
        self.action.effects(&self.id, world)
    }
}

impl Action {
    /// What a step makes of a world; `step` is its ID, by which what it creates is known.
    pub fn effects(&self, step: &StepId, world: &World) -> Vec<Effect> {
        let set = |cell: Cell, value: Value| (cell, Some(value));
        match self {
            Self::Pull { image, .. } => {
                vec![set(Cell::Reference(image.clone()), Value::Pulled)]
            }
            Self::Tag { image, tag } => {
                vec![set(Cell::Reference(tag.clone()), Value::SameImage(image.clone()))]
            }
            Self::Create { name, .. } => {
                let subject = Subject::CreatedBy(step.clone());
                vec![
                    set(Cell::Name(subject.clone()), Value::Name(name.clone())),
                    set(Cell::Run(subject.clone()), Value::Run(Run::Idle)),
                    set(Cell::Holder(name.clone()), Value::Holder(subject)),
                ]
            }
            Self::Start { container, wait } => started(container, *wait, world),
            // What is in files no fact says: whoever asks compares them with what is declared.
            Self::PutFiles { .. } | Self::WaitReady { .. } => Vec::new(),
            Self::Stop { container, .. } | Self::Kill { container, .. } => vec![
                set(Cell::Run(container.clone()), Value::Run(Run::Idle)),
                (Cell::Exit(container.clone()), None),
            ],
            Self::Fence { container } => {
                vec![settings_after(container, &fenced(), world)]
            }
            Self::Restart { container, .. } => {
                let mut all = vec![set(Cell::Run(container.clone()), Value::Run(Run::Live))];
                all.extend(started_again(container, world));
                all
            }
            Self::Update { container, settings } => {
                vec![settings_after(container, settings, world)]
            }
            Self::Rename { container, from, to } => vec![
                set(Cell::Name(container.clone()), Value::Name(to.clone())),
                set(Cell::Holder(from.clone()), Value::Absent),
                set(Cell::Holder(to.clone()), Value::Holder(container.clone())),
            ],
            Self::Remove { container } => removed(container, world),
            Self::CreateNetwork { network, .. } => {
                let made = Value::Network(NetworkRef::CreatedBy(step.clone()));
                vec![set(Cell::Network(network.clone()), made)]
            }
            Self::RemoveNetwork { network, .. } => {
                vec![set(Cell::Network(network.clone()), Value::Absent)]
            }
            Self::CreateVolume { volume, .. } => {
                vec![set(Cell::Volume(volume.clone()), Value::CreatedVolume(step.clone()))]
            }
            Self::Connect { container, network, which, endpoint } => {
                let value = Value::Attached(Some(which.clone()), endpoint.clone());
                vec![set(Cell::Attached(container.clone(), network.clone()), value)]
            }
            Self::Disconnect { container, network, .. } => {
                vec![set(Cell::Attached(container.clone(), network.clone()), Value::Absent)]
            }
        }
    }
}

/// What a fence sets.
pub fn fenced() -> Settings {
    Settings([(RESTART.to_owned(), "no".into())].into())
}

fn settings_after(container: &Subject, settings: &Settings, world: &World) -> Effect {
    let cell = Cell::Settings(container.clone());
    let before = match world.get(&cell) {
        Some(Value::Settings(before)) => before.clone(),
        _ => Settings::default(),
    };
    (cell, Some(Value::Settings(before.after(settings))))
}

/// What a start makes of a container; `wait`: it runs to its end.
fn started(container: &Subject, wait: bool, world: &World) -> Vec<Effect> {
    let run = if wait { Run::Idle } else { Run::Live };
    let mut all = vec![
        (Cell::Run(container.clone()), Some(Value::Run(run))),
        (Cell::Exit(container.clone()), wait.then_some(Value::Exit(0))),
    ];
    all.extend(started_again(container, world));
    all
}

/// The time of a start counts only where the plan relies on it.
fn started_again(container: &Subject, world: &World) -> Option<Effect> {
    let cell = Cell::Start(container.clone());
    match world.get(&cell) {
        Some(Value::StartedAt(before) | Value::StartedAgain(before)) => {
            Some((cell, Some(Value::StartedAgain(before.clone()))))
        }
        _ => None,
    }
}

/// A container that is gone has no name, and nobody relies on the rest of it.
fn removed(container: &Subject, world: &World) -> Vec<Effect> {
    let name = Cell::Name(container.clone());
    let mut all = Vec::new();
    if let Some(Value::Name(held)) = world.get(&name) {
        all.push((Cell::Holder(held.clone()), Some(Value::Absent)));
    }
    let rest = [
        Cell::Image(container.clone()),
        Cell::Run(container.clone()),
        Cell::Exit(container.clone()),
        Cell::Start(container.clone()),
        Cell::Settings(container.clone()),
    ];
    all.extend(rest.into_iter().map(|cell| (cell, None)));
    all.extend(world.attachments(container).map(|(cell, _)| (cell.clone(), None)));
    all.push((name, Some(Value::Absent)));
    all
}

impl World {
    /// The world after a step.
    pub fn after(&mut self, step: &Step) {
        let effects = step.effects(self);
        self.take(effects);
    }

    /// The world after these effects.
    pub fn take(&mut self, effects: Vec<Effect>) {
        for (cell, value) in effects {
            match value {
                Some(value) => self.set(cell, value),
                None => self.forget(&cell),
            }
        }
    }

    /// The world after all steps of a plan that are among `done`.
    #[must_use]
    pub fn after_all(mut self, plan: &Plan, done: &std::collections::BTreeSet<StepId>) -> Self {
        for step in plan.steps.iter().filter(|step| done.contains(&step.id)) {
            self.after(step);
        }
        self
    }
}
