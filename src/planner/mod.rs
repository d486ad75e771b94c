//! From a spec and a snapshot to a plan: match, compare, choose, order, gather facts.
//!
//! A pure function; what is wrong is collected, not thrown, so that a plan's reader and a
//! staleness check see everything at once. Doubting the result is [`crate::plan::check`]'s.

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
mod ignored_by_engine;
mod image_steps;
#[cfg(test)]
mod image_tests;
mod images;
mod in_place;
mod index;
#[cfg(test)]
mod leaving_tests;
pub(crate) mod matching;
mod moves;
mod nameless;
#[cfg(test)]
mod nameless_tests;
mod order;
mod owners;
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

/// What a plan is made from.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// The declared state.
    pub spec: &'a Spec,
    /// The look at the engine.
    pub snapshot: &'a Snapshot,
    /// Whether references that cannot be resolved are taken for unchanged.
    pub assume: bool,
    /// What is settled already because a plan is derived again.
    pub pins: Pins,
    /// Where the spec was.
    pub source: Option<SpecSource>,
}

/// What deriving a plan again takes from the plan.
#[derive(Debug, Clone, Default)]
pub struct Pins {
    /// Names that fresh members of a set get, in order.
    pub names: BTreeMap<SetName, Vec<ContainerName>>,
    /// The host ports of ranges that new containers get.
    pub ports: BTreeMap<ContainerName, Vec<String>>,
    /// Containers that a run of the plan has replaced already: their dependants follow.
    pub replaced: BTreeSet<ContainerName>,
}

/// A plan, and what is wrong with it. With errors the plan is what could be derived beside them,
/// and good for nothing but comparing.
#[derive(Debug, Clone)]
pub struct Built {
    /// The plan.
    pub plan: Plan,
    /// Why it must not be used; empty for a good one.
    pub errors: Vec<PlanError>,
    /// The create body of every create step, references as marks.
    pub bodies: BTreeMap<StepId, Body>,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlanError {
    /// The set it is about.
    pub set: Option<SetName>,
    /// Stable, for machines.
    pub code: &'static str,
    /// A lowercase fragment.
    pub message: String,
    /// The way out.
    pub hint: String,
}

/// Builds a plan.
pub fn build(input: &Input<'_>) -> Built {
    let spec = prune::with_orphans(input.spec, input.snapshot);
    let input = &Input { spec: &spec, ..input.clone() };
    let renames = renames::find(input.spec, input.snapshot);
    let snapshot = renames::renamed(input.snapshot, &renames);
    let before = renames::before(&renames);
    let mut built = draft::build(&Input { snapshot: &snapshot, ..input.clone() }, before);
    renames::add(input.spec, &mut built, &renames);
    built
}

impl PlanError {
    fn of(set: &SetName, code: &'static str, message: String, hint: &str) -> Self {
        Self { set: Some(set.clone()), code, message, hint: hint.to_owned() }
    }
}
