//! Computes a plan from a spec and a snapshot: match, compare, decide, order, gather facts.
//!
//! The computation is a pure function. Errors are collected, so that a reader and a staleness check
//! see all errors at once. The independent check of the plan is [`crate::plan::check`]'s.

mod addresses;
mod besides;
mod carry;
mod change_steps;
pub mod compare;
mod danger;
mod decide;
mod draft;
mod emit;
mod facts;
mod finish;
mod fixed_first;
pub(crate) mod host_path;
mod ignored_by_engine;
mod image_steps;
#[cfg(test)]
mod image_tests;
mod images;
mod in_place;
mod index;
#[cfg(test)]
mod leaving_tests;
mod linked;
#[cfg(test)]
mod linked_tests;
pub(crate) mod matching;
mod moves;
mod nameless;
#[cfg(test)]
mod nameless_tests;
#[cfg(test)]
mod off_network_tests;
mod order;
mod planned;
#[cfg(test)]
mod planned_tests;
mod ports;
mod preflight;
pub(crate) mod prune;
#[cfg(test)]
mod prune_tests;
mod renames;
#[cfg(test)]
mod renames_tests;
mod replace_network;
mod resource_steps;
pub mod resources;
#[cfg(test)]
mod restart_tests;
mod risks;
mod shown;
mod sources;
mod start_first;
#[cfg(test)]
mod start_first_tests;
mod starts;
mod subnets;
mod take;
mod targets;
#[cfg(test)]
mod targets_tests;
#[cfg(test)]
pub(crate) mod tests;
pub mod undeclared;
mod validate;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use draft::depends;

use draft::Planner;

use crate::base::ident::{ContainerName, SetName, StepId};
use crate::observed::snapshot::Snapshot;
use crate::options::Body;
use crate::plan::{Plan, SpecSource};
use crate::spec::Spec;

/// The input of a plan.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// The declared state.
    pub spec: &'a Spec,
    /// The snapshot of the engine.
    pub snapshot: &'a Snapshot,
    /// Whether an unresolved reference counts as unchanged.
    pub assume: bool,
    /// The choices that are fixed because a plan is derived again.
    pub pins: Pins,
    /// The source of the spec.
    pub source: Option<SpecSource>,
}

/// The choices that a derived plan takes from the original plan.
#[derive(Debug, Clone, Default)]
pub struct Pins {
    /// The names of new members of a set, in order.
    pub names: BTreeMap<SetName, Vec<ContainerName>>,
    /// The host ports that new containers get from ranges.
    pub ports: BTreeMap<ContainerName, Vec<String>>,
    /// Containers that a run of the plan has already replaced; their dependants have to be replaced
    /// too.
    pub replaced: BTreeSet<ContainerName>,
}

/// A plan and its errors. A plan with errors is incomplete, and serves for comparison only.
#[derive(Debug, Clone)]
pub struct Built {
    /// The plan.
    pub plan: Plan,
    /// The errors that forbid the use of the plan.
    pub errors: Vec<PlanError>,
    /// The create body of every create step, with references as marks; incomplete in a plan to
    /// show.
    pub bodies: BTreeMap<StepId, Body>,
}

/// An error that forbids a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlanError {
    /// The set with the error.
    pub set: Option<SetName>,
    /// A stable code for machines.
    pub code: &'static str,
    /// A lowercase fragment.
    pub message: String,
    /// The remedy.
    pub hint: String,
}

/// Builds a plan, with the body of each create.
pub fn build(input: &Input<'_>) -> Built {
    built(input, true)
}

/// Builds a plan that is shown and not run: the bodies are not kept, because those of many
/// containers take much memory.
pub fn build_to_show(input: &Input<'_>) -> Built {
    built(input, false)
}

fn built(input: &Input<'_>, runs: bool) -> Built {
    let spec = prune::with_orphans(input.spec, input.snapshot);
    let input = &Input { spec: &spec, ..input.clone() };
    let renames = renames::find(input.spec, input.snapshot);
    let snapshot = renames::renamed(input.snapshot, &renames);
    let before = renames::before(&renames);
    let mut built = draft::build(&Input { snapshot: &snapshot, ..input.clone() }, before, runs);
    renames::add(input.spec, &mut built, &renames);
    built
}

impl PlanError {
    fn of(set: &SetName, code: &'static str, message: String, hint: &str) -> Self {
        Self { set: Some(set.clone()), code, message, hint: hint.to_owned() }
    }
}
