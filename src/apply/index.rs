//! An index of a plan by ID, so that the cost of a step does not grow with the length of the plan.

use std::collections::BTreeMap;

use crate::base::ident::{ContainerId, StepId};
use crate::plan::facts::ContainerFact;
use crate::plan::{Change, Plan, Step};

/// The parts of a plan by their IDs.
pub(super) struct Index<'a> {
    changes: BTreeMap<&'a str, &'a Change>,
    steps: BTreeMap<&'a StepId, &'a Step>,
    facts: BTreeMap<&'a ContainerId, &'a ContainerFact>,
    of_change: BTreeMap<&'a str, Vec<&'a Step>>,
}

impl<'a> Index<'a> {
    pub(super) fn of(plan: &'a Plan) -> Self {
        let mut of_change: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
        for step in &plan.steps {
            of_change.entry(step.id.change()).or_default().push(step);
        }
        Self {
            changes: plan.changes.iter().map(|change| (change.id.as_str(), change)).collect(),
            steps: plan.steps.iter().map(|step| (&step.id, step)).collect(),
            facts: plan.facts.containers.iter().map(|fact| (&fact.id, fact)).collect(),
            of_change,
        }
    }

    /// The change that a step is part of.
    pub(super) fn change_of(&self, step: &StepId) -> Option<&'a Change> {
        self.changes.get(step.change()).copied()
    }

    /// A step by its ID.
    pub(super) fn step(&self, id: &StepId) -> Option<&'a Step> {
        self.steps.get(id).copied()
    }

    /// The steps of a change, in the order of the plan.
    pub(super) fn steps_of(&self, change: &str) -> &[&'a Step] {
        self.of_change.get(change).map_or(&[], Vec::as_slice)
    }

    /// The facts of a container in the plan.
    pub(super) fn fact(&self, id: &ContainerId) -> Option<&'a ContainerFact> {
        self.facts.get(id).copied()
    }
}
