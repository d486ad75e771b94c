//! Is a plan still true? Facts against a fresh look, and the steps derived again.
//!
//! A pure judgement; only [`crate::apply`] and `verify` act on it. What a plan relied on is
//! [`crate::plan::facts`]'s.

mod connects;
mod done;
mod facts;
mod judge;
#[cfg(test)]
mod mounted_tests;
mod objects;
mod pulls;
#[cfg(test)]
mod pulls_tests;
#[cfg(test)]
mod renames_tests;
#[cfg(test)]
mod restart_tests;
#[cfg(test)]
mod tests;
mod updates;
mod whole;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use connects::endpoint_before;
pub use judge::judge;
pub(crate) use objects::connect_command;
pub(crate) use pulls::pinned;

use crate::ident::{SetName, StepId};
use crate::options::Body;

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

impl std::fmt::Display for Staleness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use crate::say::safe;
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
    /// At its goal already: its steps are skipped.
    Done,
    /// Its facts hold and the same steps follow.
    Run,
    /// Something it relied on moved.
    Stale,
    /// A run of this plan got stuck in it: it is left alone, and so is what depends on it.
    HalfDone,
    /// It depends on one that is half done, stale or blocked.
    Blocked,
    /// Its facts hold and other steps follow: the file was not made by this planner from this
    /// spec.
    Tampered,
}

/// A whole judgement.
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    /// By set.
    pub verdicts: BTreeMap<SetName, SetVerdict>,
    /// Everything that moved and matters.
    pub stale: Vec<Staleness>,
    /// What does not add up although nothing moved.
    pub tampered: Vec<Staleness>,
    /// What moved and does not matter.
    pub notes: Vec<Staleness>,
    /// What is where in sets that are half done.
    pub half_done: Vec<Staleness>,
    /// Steps of the plan that are to be run, in no order.
    pub run: BTreeSet<StepId>,
    /// Changes of networks that are half done: their steps wait for a person.
    pub stuck: BTreeSet<String>,
    /// The create body of every create step, references as marks.
    pub bodies: BTreeMap<StepId, Body>,
}

impl Judgement {
    /// Whether the plan may be run, as far as it is not done.
    pub fn is_current(&self) -> bool {
        self.stale.is_empty() && self.tampered.is_empty()
    }

    /// Whether a step waits because its set, or what that depends on, is half done.
    pub fn is_blocked(&self, plan: &crate::plan::Plan, step: &StepId) -> bool {
        let change = step.as_str().rsplit_once('/').map_or("", |(change, _)| change);
        if self.stuck.contains(change) {
            return true;
        }
        let set = plan.changes.iter().find(|known| known.id.as_str() == change);
        let verdict =
            set.and_then(|change| change.set.as_ref()).and_then(|set| self.verdicts.get(set));
        matches!(verdict, Some(SetVerdict::HalfDone | SetVerdict::Blocked))
    }

    /// Whether there is nothing left to do.
    pub fn is_done(&self) -> bool {
        self.is_current() && self.half_done.is_empty() && self.run.is_empty()
    }
}
