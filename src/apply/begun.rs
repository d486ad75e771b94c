//! Which calls of a run were begun, and how steps ended. It outlives the run, which may be dropped in
//! the middle of its calls.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::outcome::StepOutcome;
use crate::base::ident::{ContainerId, StepId};

/// The steps that began their call, each with its container as far as that was known. A step that
/// found its work done counts as well.
#[derive(Debug, Default)]
pub struct Begun {
    calls: RefCell<BTreeMap<StepId, Option<ContainerId>>>,
    ended: RefCell<BTreeMap<StepId, StepOutcome>>,
}

impl Begun {
    /// Right before the call.
    pub(super) fn note(&self, step: &StepId, container: Option<ContainerId>) {
        self.calls.borrow_mut().insert(step.clone(), container);
    }

    /// How a step ended.
    pub(super) fn end(&self, outcome: &StepOutcome) {
        self.ended.borrow_mut().insert(outcome.id.clone(), outcome.clone());
    }

    /// How a step ended, if it did.
    pub(super) fn ended(&self, step: &StepId) -> Option<StepOutcome> {
        self.ended.borrow().get(step).cloned()
    }

    /// Whether a step began its call.
    pub(super) fn has(&self, step: &StepId) -> bool {
        self.calls.borrow().contains_key(step)
    }

    /// The container of a step that began its call.
    pub(super) fn container(&self, step: &StepId) -> Option<ContainerId> {
        self.calls.borrow().get(step).cloned().flatten()
    }
}
