//! The effects of each step on a world, defined in one place.
//!
//! All checks use these effects: is a step already done, may the call be made, did the call take
//! effect? The last look and rollback use the effects too. Making the call is done by
//! [`crate::apply`], not here.

use super::world::{Cell, Value, World};
use super::{Action, NetworkRef, Plan, Step, Subject};
use crate::base::ident::StepId;
use crate::observed::snapshot::Run;
use crate::options::settings::{RESTART, Settings};

/// The effect of a step on one cell; `None`: the plan no longer relies on the cell.
pub type Effect = (Cell, Option<Value>);

impl Step {
    /// The effects of the step on a world.
    pub fn effects(&self, world: &World) -> Vec<Effect> {
        self.action.effects(&self.id, world)
    }
}

impl Action {
    /// The effects of a step on a world; `step` is its ID, which identifies the objects that the
    /// step creates.
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
            // Facts do not hold file contents; the caller compares files with the spec.
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

/// The settings that a fence sets.
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

/// The effects of a start; `wait`: the container is a one-shot that runs to its end.
fn started(container: &Subject, wait: bool, world: &World) -> Vec<Effect> {
    let run = if wait { Run::Idle } else { Run::Live };
    let mut all = vec![
        (Cell::Run(container.clone()), Some(Value::Run(run))),
        (Cell::Exit(container.clone()), wait.then_some(Value::Exit(0))),
    ];
    all.extend(started_again(container, world));
    all
}

/// The start time, if the plan relies on the start time of the container.
fn started_again(container: &Subject, world: &World) -> Option<Effect> {
    let cell = Cell::Start(container.clone());
    match world.get(&cell) {
        Some(Value::StartedAt(before) | Value::StartedAgain(before)) => {
            Some((cell, Some(Value::StartedAgain(before.clone()))))
        }
        _ => None,
    }
}

/// The effects of a removal: the name is gone, and the plan relies on no other cell of the
/// container.
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
    /// Applies the effects of a step.
    pub fn after(&mut self, step: &Step) {
        let effects = step.effects(self);
        self.take(effects);
    }

    /// Applies effects.
    pub fn take(&mut self, effects: Vec<Effect>) {
        for (cell, value) in effects {
            match value {
                Some(value) => self.set(cell, value),
                None => self.forget(&cell),
            }
        }
    }

    /// The world after all steps of a plan that are in `done`.
    #[must_use]
    pub fn after_all(mut self, plan: &Plan, done: &std::collections::BTreeSet<StepId>) -> Self {
        for step in plan.steps.iter().filter(|step| done.contains(&step.id)) {
            self.after(step);
        }
        self
    }
}
