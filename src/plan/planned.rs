//! The containers that a plan creates, in engine terms, for reviewers and policies.
//!
//! The description follows from the spec, the image and the engine, and is derived again at apply.
//! Differences of kept containers are not here; they are in `sets`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::ImagePin;
use crate::base::ident::ContainerName;

/// Options by key, in the canonical form of a spec: references in place of secrets.
pub type Options = BTreeMap<String, Json>;

/// What the containers of one set will be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// The image as it is declared.
    pub reference: String,
    /// What exactly they are created from.
    pub image: ImagePin,
    /// The containers that are created; of each what the others do not have.
    pub containers: BTreeMap<ContainerName, Options>,
    /// What all of them have beyond the engine's defaults, without what the image hands down.
    pub options: Options,
    /// What the image hands down, of variables and labels their names; null where that is not known
    /// until the image is pulled.
    pub from_image: Option<Options>,
}

impl Planned {
    /// Splits the options of all containers into common options and options of single containers.
    pub fn of(
        reference: String,
        image: ImagePin,
        mut containers: BTreeMap<ContainerName, Options>,
        from_image: Option<Options>,
    ) -> Self {
        let mut options = containers.values().next().cloned().unwrap_or_default();
        for own in containers.values().skip(1) {
            options.retain(|key, value| own.get(key) == Some(value));
        }
        for own in containers.values_mut() {
            own.retain(|key, _| !options.contains_key(key));
        }
        Self { reference, image, containers, options, from_image }
    }

    /// All options of one container; `None` if the plan does not create the container.
    pub fn container(&self, name: &ContainerName) -> Option<Options> {
        let own = self.containers.get(name)?;
        let all = self.options.iter().chain(own);
        Some(all.map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}
