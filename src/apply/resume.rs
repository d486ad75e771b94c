//! The starting point of a run: the first step of a plan, or the end of an earlier run.
//!
//! Which steps are done is decided by [`crate::stale`]; this module holds the data about these
//! steps.

use std::collections::BTreeMap;

use crate::base::ident::{ContainerId, ContainerName, NetworkId, StepId};
use crate::plan::world::{Cell, Value, World};
use crate::plan::{Plan, Subject, format};

/// The state that the plan expects now, and the objects that an earlier run created.
#[derive(Debug, Clone, Default)]
pub struct Resume {
    /// The digest of the plan; every created object has the digest as a label.
    pub digest: String,
    /// The expected state: the facts of the plan, and the effects of the done steps.
    pub world: World,
    /// The containers that steps of an earlier run created.
    pub created: BTreeMap<StepId, ContainerId>,
    /// The networks that steps of an earlier run created.
    pub networks: BTreeMap<StepId, NetworkId>,
}

impl Resume {
    /// The starting point of a plan without any done step.
    pub fn fresh(plan: &Plan) -> Self {
        let digest = format::write(plan).map(|written| written.digest).unwrap_or_default();
        Self { digest, world: World::planned(plan), ..Self::default() }
    }

    /// The current names of the containers.
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
