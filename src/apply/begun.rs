//! Which calls of a run were begun. It outlives the run, which may be dropped in their middle.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::base::ident::{ContainerId, StepId};

/// The steps that began their call, each with its container as far as that was known. A step that
/// found its work done counts as well.
#[derive(Debug, Default)]
pub struct Begun(RefCell<BTreeMap<StepId, Option<ContainerId>>>);

impl Begun {
    /// Right before the call.
    pub(super) fn note(&self, step: &StepId, container: Option<ContainerId>) {
        self.0.borrow_mut().insert(step.clone(), container);
    }

    /// Whether a step began its call.
    pub(super) fn has(&self, step: &StepId) -> bool {
        self.0.borrow().contains_key(step)
    }

    /// The container of a step that began its call.
    pub(super) fn container(&self, step: &StepId) -> Option<ContainerId> {
        self.0.borrow().get(step).cloned().flatten()
    }
}
