//! Where a run of a plan begins: at its first step, or where an earlier run of it ended.
//!
//! Which steps are done is found by [`crate::stale`]; here is what a run must know of them.

use std::collections::BTreeMap;

use crate::base::ident::{ContainerId, ContainerName, NetworkId, StepId};
use crate::plan::world::{Cell, Value, World};
use crate::plan::{Plan, Subject, format};

/// What a plan relies on by now, and what an earlier run of it created.
#[derive(Debug, Clone, Default)]
pub struct Resume {
    /// The plan's digest, which all that is created carries.
    pub digest: String,
    /// What the plan relies on: its facts, and the effects of the steps that are done.
    pub world: World,
    /// The containers that steps of an earlier run created.
    pub created: BTreeMap<StepId, ContainerId>,
    /// The networks that steps of an earlier run created.
    pub networks: BTreeMap<StepId, NetworkId>,
}

impl Resume {
    /// No step is done yet.
    pub fn fresh(plan: &Plan) -> Self {
        let digest = format::write(plan).map(|written| written.digest).unwrap_or_default();
        Self { digest, world: World::planned(plan), ..Self::default() }
    }

    /// The names that containers have by now.
    pub(super) fn names(&self) -> BTreeMap<ContainerId, ContainerName> {
        let named = self.world.cells().filter_map(|(cell, value)| {
            let (Cell::Name(subject), Value::Name(name)) = (cell, value) else { return None };
            let id = match subject {
                Subject::Container(id) => id,
                Subject::CreatedBy(step) => self.created.get(step)?,
            };
            Some((id.clone(), name.clone()))
        });
        named.collect()
    }
}
