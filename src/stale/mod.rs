//! Judges whether a plan is still current: compares facts with a fresh snapshot, and derives the
//! steps again.
//!
//! The judgement is pure; only [`crate::apply`] and `verify` act on it. The choice of facts is
//! [`crate::plan::facts`]'s.

pub mod code;
mod created;
#[cfg(test)]
mod created_tests;
pub mod difference;
mod done;
mod judge;
#[cfg(test)]
mod mounted_tests;
mod networks;
pub mod observed;
#[cfg(test)]
mod off_network_tests;
mod owners;
#[cfg(test)]
mod pulls_tests;
mod put_files;
#[cfg(test)]
mod put_files_tests;
#[cfg(test)]
mod renames_tests;
mod rest;
#[cfg(test)]
mod restart_tests;
mod rotated;
mod runs;
pub mod spec_moved;
#[cfg(test)]
mod strange_tests;
mod taken_back;
#[cfg(test)]
mod tests;
mod whole;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use code::Code;
use judge::AGAIN;
pub use judge::judge;
pub(crate) use taken_back::with_answers;

use crate::base::ident::{ChangeId, ContainerId, NetworkId, SetName, StepId};
use crate::options::Body;
use crate::plan::Step;
use crate::plan::left::{self, Left};
use crate::plan::world::World;

/// One thing that moved, or does not add up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Staleness {
    /// Stable, for machines: `container_gone`, `run_state`, `image_moved`, ….
    pub code: String,
    /// The set it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<SetName>,
    /// What it is about: a container, an image reference, a name.
    pub object: String,
    /// What the plan relied on.
    pub expected: String,
    /// What is so now.
    pub found: String,
    /// The way out.
    pub hint: String,
}

impl Staleness {
    /// Builds the report from a difference, its set and a remedy.
    pub fn of(moved: difference::Difference, set: Option<SetName>, hint: &str) -> Self {
        let difference::Difference { code, object, expected, found } = moved;
        Self { code: code.word().to_owned(), set, object, expected, found, hint: hint.to_owned() }
    }
}

impl std::fmt::Display for Staleness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use crate::base::say::safe;
        let Self { code, set: _, object, expected, found, hint: _ } = self;
        write!(
            f,
            "{}: expected {}, but found {} [{code}]",
            safe(object),
            safe(expected),
            safe(found)
        )
    }
}

/// What a fresh look says of one set.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SetVerdict {
    /// The plan does nothing to it.
    Untouched,
    /// All of its steps are done.
    Done,
    /// Its facts hold, the same steps follow, and not all of them are done.
    Run,
    /// Something it relied on moved.
    Stale,
    /// What an earlier run left stands in its way: it waits for a person, and so does what depends on
    /// it.
    HalfDone,
    /// It depends on one that is half done, stale or blocked.
    Blocked,
    /// Its facts hold and other steps follow: the file was not made by this planner from this
    /// spec.
    Tampered,
}

/// The judgement of a whole plan.
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    /// The verdict on each set.
    pub verdicts: BTreeMap<SetName, SetVerdict>,
    /// Relevant differences from the facts.
    pub stale: Vec<Staleness>,
    /// Contradictions inside the plan, without a difference from the facts.
    pub tampered: Vec<Staleness>,
    /// Irrelevant differences from the facts.
    pub notes: Vec<Staleness>,
    /// Leftovers of an earlier run, and networks whose replacement an earlier run did not finish.
    pub half_done: Vec<Staleness>,
    /// Steps to run, without order.
    pub run: BTreeSet<StepId>,
    /// All steps in the plan's order. Steps to run are derived again, never taken from the file;
    /// other steps come from the plan.
    pub steps: Vec<Step>,
    /// The done steps.
    pub done: BTreeSet<StepId>,
    /// The expected world now: the facts, with the effects of the done steps.
    pub world: World,
    /// The containers that an earlier run created, by step.
    pub created: BTreeMap<StepId, ContainerId>,
    /// The networks that an earlier run created, by step.
    pub networks: BTreeMap<StepId, NetworkId>,
    /// Current differences that the plan leaves.
    pub left: Vec<Left>,
    /// The changes that the derivation confirms: the same action on the same object, by the same
    /// steps.
    pub confirmed: BTreeSet<ChangeId>,
    /// The create body of every create step, with marks for references.
    pub bodies: BTreeMap<StepId, Body>,
}

impl Judgement {
    /// Whether the open steps of the plan may be run.
    pub fn is_current(&self) -> bool {
        self.stale.is_empty() && self.tampered.is_empty()
    }

    /// Whether no step is left to run.
    pub fn is_done(&self) -> bool {
        self.is_current() && self.half_done.is_empty() && self.run.is_empty()
    }

    /// Whether something moved of a set on which the plan does not act.
    pub fn is_moved(&self) -> bool {
        self.notes.iter().any(|note| note.set.is_some())
    }

    /// The end of a message where something moved on which the plan does not act.
    pub fn moved_words(&self) -> &'static str {
        if self.is_moved() { "; what it does not act on moved" } else { "" }
    }

    /// The message for a plan with no open step. "Already as declared" is said only if it is true.
    pub fn done_words(&self) -> String {
        match left::count(&self.left) {
            Some(left) => {
                format!("nothing of this plan is left to do; {left}{}.", self.moved_words())
            }
            None if self.notes.is_empty() => "already as declared.".to_owned(),
            None => "nothing of this plan is left to do; what it does not act on moved.".to_owned(),
        }
    }
}
