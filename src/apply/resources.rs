//! The looks and calls of steps on networks, volumes and network attachments.
//!
//! Each step is one call here. The order of the steps, as for a replaced network, is decided by the
//! plan.

use serde_json::Value as Json;

use super::act::{Acted, StepError};
use super::outcome::Stale;
use super::precheck::{Check, Checked};
use super::run::Context;
use crate::base::ident::{LABEL_NETWORK, LABEL_PLAN, LABEL_VOLUME, NetworkId, ObjectKey};
use crate::base::say;
use crate::engine::{EngineError, FilledBody, Writer};
use crate::plan::{Action, NetworkRef, Step};
use crate::planner::resources;
use crate::planner::resources::Found;

/// The state of a name that must be free.
enum Name {
    Free,
    /// The object that this step creates already exists.
    Made(Json),
    Taken(String),
}

impl<W: Writer> Context<'_, W> {
    /// Looks at the network or the volume of a step.
    pub(super) async fn precheck_object(&self, step: &Step) -> Checked {
        match &step.action {
            Action::CreateNetwork { network, key } => {
                let name = self.network_name(network, key).await?;
                if let Name::Made(found) = &name {
                    self.note_network(step, found);
                }
                Ok(checked("network", network, name))
            }
            Action::CreateVolume { volume, key } => {
                Ok(checked("volume", volume, self.volume_name(volume, key).await?))
            }
            Action::RemoveNetwork { which, .. } => {
                let all = self.engine.networks().await?;
                let there = all.iter().any(|network| network["Id"] == which.as_str());
                Ok(if there { Check::Ready(None) } else { Check::Already })
            }
            _ => Ok(Check::Ready(None)),
        }
    }

    /// The ID of a network; `None`: the network does not exist.
    pub(super) async fn which(&self, which: &NetworkRef) -> Result<Option<NetworkId>, EngineError> {
        let create = match which {
            NetworkRef::Id(id) => return Ok(Some(id.clone())),
            NetworkRef::CreatedBy(create) => create,
        };
        if let Some(id) = self.networks.borrow().get(create) {
            return Ok(Some(id.clone()));
        }
        // An earlier run made the network.
        let step = self.index.step(create);
        let Some(Action::CreateNetwork { network, key }) = step.map(|step| &step.action) else {
            return Ok(None);
        };
        match self.network_name(network, key).await? {
            Name::Made(found) => Ok(found["Id"].as_str().map(NetworkId::new)),
            Name::Free | Name::Taken(_) => Ok(None),
        }
    }

    async fn network_name(&self, name: &str, key: &ObjectKey) -> Result<Name, EngineError> {
        let all = self.look_again(|| self.engine.networks_named(name)).await?;
        Ok(self.named(&all, name, LABEL_NETWORK, key))
    }

    async fn volume_name(&self, name: &str, key: &ObjectKey) -> Result<Name, EngineError> {
        let found = self.look_again(|| self.engine.volume(name)).await?;
        Ok(self.named(found.as_slice(), name, LABEL_VOLUME, key))
    }

    fn named(&self, all: &[Json], name: &str, label: &str, key: &ObjectKey) -> Name {
        match resources::named(all, name) {
            Found::None => Name::Free,
            Found::One(found) => {
                let own = Some((self.plan.project.clone(), key.clone()));
                let ours = found["Labels"][LABEL_PLAN] == self.digest;
                if ours && resources::owner(found, label) == own {
                    return Name::Made(found.clone());
                }
                let id = found["Id"].as_str().and_then(|id| id.get(..12)).unwrap_or("another one");
                Name::Taken(say::short(id))
            }
            Found::Several(number) => Name::Taken(format!("{number} of that name")),
        }
    }

    fn note_network(&self, step: &Step, found: &Json) {
        if let Some(id) = found["Id"].as_str() {
            self.networks.borrow_mut().insert(step.id.clone(), NetworkId::new(id));
        }
    }

    fn object_body(&self, step: &Step) -> Result<FilledBody, StepError> {
        let body = self.bodies.get(&step.id);
        let body = body
            .ok_or_else(|| StepError::Failed("there is no create body for this step".to_owned()))?;
        self.secrets.fill(&self.labelled(body)).map_err(StepError::Failed)
    }

    pub(super) async fn create_network(&self, step: &Step, name: &str, key: &ObjectKey) -> Acted {
        let body = self.object_body(step)?;
        let id = match self.engine.create_network(&body).await {
            Ok(id) => id,
            Err(error) => {
                self.verify_after_error(step, 0, &error).await?;
                match self.network_name(name, key).await {
                    Ok(Name::Made(found)) => {
                        NetworkId::new(found["Id"].as_str().unwrap_or_default())
                    }
                    _ => return Err(self.failed(&error)),
                }
            }
        };
        self.networks.borrow_mut().insert(step.id.clone(), id);
        Ok(())
    }

    pub(super) async fn create_volume(&self, step: &Step) -> Acted {
        let body = self.object_body(step)?;
        let Err(error) = self.engine.create_volume(&body).await else { return Ok(()) };
        self.verify_after_error(step, 0, &error).await.map(drop)
    }

    /// The ID of a network that must exist.
    pub(super) async fn network(
        &self,
        name: &str,
        which: &NetworkRef,
    ) -> Result<NetworkId, StepError> {
        let found = self.which(which).await.map_err(|error| self.failed(&error))?;
        found.ok_or_else(|| no_network(name))
    }
}

fn no_network(network: &str) -> StepError {
    let expected = format!("network `{}`", say::short(network));
    StepError::Stale(Stale::new("network_gone", expected, "none"))
}

fn checked(what: &str, name: &str, found: Name) -> Check {
    match found {
        Name::Free => Check::Ready(None),
        Name::Made(_) => Check::Already,
        Name::Taken(by) => {
            let expected = format!("no {what} `{}`", say::short(name));
            Check::Unexpected(Stale::new(&format!("{what}_taken"), expected, by))
        }
    }
}
