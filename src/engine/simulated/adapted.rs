//! The one place where the simulated engine asks what an engine makes of a create body.

use serde_json::Value as Json;

use super::world::{World, name_of};
use crate::adapt::{Engine, World as Names, adapt};
use crate::ident::{ContainerName, ImageId, NetworkId};
use crate::options::Body;

impl World {
    /// What inspect will say of the options, image and engine merged in.
    pub(super) fn conceive(&self, body: &Json, image: &ImageId, name: &ContainerName) -> Json {
        let mut names = Names::default();
        for (id, inspect) in &self.containers {
            let mounts = inspect["Mounts"].clone();
            names.container(&ContainerName::new(name_of(inspect)), id.clone(), mounts);
        }
        for network in &self.networks {
            if let (Some(name), Some(id)) = (network["Name"].as_str(), network["Id"].as_str()) {
                names.network(name, NetworkId::new(id));
            }
        }
        let engine = self.record.as_ref().map_or_else(Engine::newest, Engine::of);
        let body = Body::from_json(body.clone());
        adapt(name, &body, self.images.get(image), &engine, &names)
    }
}
