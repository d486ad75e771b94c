//! The simulated engine's only access to the engine model, for create bodies and updates.

use serde_json::Value as Json;

use super::life::status;
use super::world::{World, fails, name_of, set};
use crate::base::ident::{ContainerId, ContainerName, ImageId, NetworkId};
use crate::engine::{ErrorKind, Result};
use crate::engine_model::update;
use crate::engine_model::update::Refused;
use crate::engine_model::{Engine, World as Names, adapt};
use crate::options::Body;
use crate::options::settings::Settings;

impl World {
    /// The inspect data of a new container, from its options, its image and the engine.
    pub(super) fn conceive(&self, body: &Json, image: &ImageId, name: &ContainerName) -> Json {
        let mut names = Names::default();
        let host = &body["HostConfig"];
        let handed_on = !host["VolumesFrom"].is_null();
        let joins =
            |field: &&str| host[*field].as_str().is_some_and(|mode| mode.starts_with("container:"));
        // A body without container references needs no other containers.
        let names_one = handed_on
            || !host["Links"].is_null()
            || ["NetworkMode", "IpcMode", "PidMode"].iter().any(joins);
        for (id, inspect) in self.containers.iter().filter(|_| names_one) {
            let mounts = if handed_on { inspect["Mounts"].clone() } else { Json::Null };
            names.container(&ContainerName::new(name_of(inspect)), id.clone(), mounts);
        }
        for network in &self.networks {
            if let (Some(name), Some(id)) = (network["Name"].as_str(), network["Id"].as_str()) {
                names.network(name, NetworkId::new(id));
            }
        }
        let body = Body::from_json(body.clone());
        adapt(name, &body, self.images.get(image), &self.engine(), &names)
    }

    fn engine(&self) -> Engine {
        self.record.as_ref().map_or_else(Engine::newest, Engine::of)
    }

    /// Updates a container; gives the warnings.
    pub(super) fn update(
        &mut self,
        id: &ContainerId,
        settings: &Settings,
        doing: &str,
    ) -> Result<Vec<String>> {
        let engine = self.engine();
        let inspect = self.container_mut(id, doing)?;
        let cannot = format!("Cannot update container {id}: ");
        if matches!(status(inspect), "dead" | "removing") {
            let text = format!("{cannot}container is marked for removal and cannot be \"update\"");
            return Err(fails(ErrorKind::Conflict, doing, &text));
        }
        match update::update(&inspect["HostConfig"], settings, &engine) {
            Ok((host, warnings)) => {
                set(inspect, &["HostConfig"], host);
                Ok(warnings)
            }
            Err(Refused { status: 409, message }) => {
                Err(fails(ErrorKind::Conflict, doing, &format!("{cannot}{message}")))
            }
            Err(Refused { status, message }) => {
                Err(fails(ErrorKind::Status(status), doing, &message))
            }
        }
    }
}
