//! Is a plan still true? Facts against a fresh look, and the steps derived again.
//!
//! A pure judgement; only [`crate::apply`] and `verify` act on it. What a plan relied on is
//! [`crate::plan::facts`]'s.

pub mod code;
pub mod difference;
mod done;
mod judge;
#[cfg(test)]
mod mounted_tests;
mod networks;
pub mod observed;
mod owners;
#[cfg(test)]
mod pulls_tests;
mod put_files;
#[cfg(test)]
mod put_files_tests;
#[cfg(test)]
mod renames_tests;
#[cfg(test)]
mod restart_tests;
mod rotated;
pub mod spec_moved;
mod taken_back;
#[cfg(test)]
mod tests;
mod whole;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use code::Code;
pub use judge::judge;
pub(crate) use taken_back::with_answers;

use crate::base::ident::{ContainerId, NetworkId, SetName, StepId};
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
    /// What differs, whose it is, and the way out.
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
    /// What an earlier run left, and networks that it took down and did not put up again.
    pub half_done: Vec<Staleness>,
    /// Steps that are to be run, in no order.
    pub run: BTreeSet<StepId>,
    /// All steps in the plan's order: those that are run as they were derived, never as the file
    /// has them; the rest as they were done or are left.
    pub steps: Vec<Step>,
    /// The steps that are done already.
    pub done: BTreeSet<StepId>,
    /// What the plan relies on by now: its facts, and the effects of what is done.
    pub world: World,
    /// The containers that steps of an earlier run created.
    pub created: BTreeMap<StepId, ContainerId>,
    /// The networks that steps of an earlier run created.
    pub networks: BTreeMap<StepId, NetworkId>,
    /// What differs now and the plan leaves.
    pub left: Vec<Left>,
    /// The create body of every create step, references as marks.
    pub bodies: BTreeMap<StepId, Body>,
}

impl Judgement {
    /// Whether the plan may be run, as far as it is not done.
    pub fn is_current(&self) -> bool {
        self.stale.is_empty() && self.tampered.is_empty()
    }

    /// Whether there is nothing left to do.
    pub fn is_done(&self) -> bool {
        self.is_current() && self.half_done.is_empty() && self.run.is_empty()
    }

    /// What to say where nothing is left to do: that all is as declared only where it is.
    pub fn done_words(&self) -> String {
        match left::count(&self.left) {
            Some(left) => format!("nothing of this plan is left to do; {left}."),
            None if self.notes.is_empty() => "already as declared.".to_owned(),
            None => "nothing of this plan is left to do; what it does not act on moved.".to_owned(),
        }
    }
}
