//! The record of which calls began and how steps ended. The record outlives the run, because a run
//! may be aborted in the middle of its calls.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::outcome::StepOutcome;
use crate::base::ident::{ContainerId, StepId};

/// The steps that began their call, each with its container if the ID was known. A step whose work
/// was already done counts as begun.
#[derive(Debug, Default)]
pub struct Begun {
    calls: RefCell<BTreeMap<StepId, Option<ContainerId>>>,
    ended: RefCell<BTreeMap<StepId, StepOutcome>>,
}

impl Begun {
    /// Records that the call of a step is about to be made.
    pub(super) fn note(&self, step: &StepId, container: Option<ContainerId>) {
        self.calls.borrow_mut().insert(step.clone(), container);
    }

    /// Records the outcome of a step.
    pub(super) fn end(&self, outcome: &StepOutcome) {
        self.ended.borrow_mut().insert(outcome.id.clone(), outcome.clone());
    }

    /// The outcome of a step that has ended.
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
