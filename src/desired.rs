//! What a set means on one engine: the create body of a container, and the inspect data that the
//! engine would show for it.
//!
//! The merge with the image and the engine's habits are [`crate::adapt`]'s; comparing is
//! [`crate::compare`]'s.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::adapt::{Engine, World, adapt};
use crate::ident::{ContainerName, LABEL_NAME, LABEL_PROJECT, LABEL_SET, SetName};
use crate::look::Look;
use crate::options::{Body, Context};
use crate::spec::{Set, Spec};

/// Whose labels a body carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labels {
    /// Ours: a container that bayplan creates.
    Ours,
    /// None of ours: what an adopted container is compared with.
    None,
}

/// The create body of one container of a set; `name` is the name it will have in the end.
pub fn body(
    spec: &Spec,
    key: &SetName,
    set: &Set,
    name: &ContainerName,
    labels: Labels,
    cx: &Context,
) -> Body {
    let mut body = Body::new();
    if let Some(image) = &set.image {
        body.config("Image", image.clone());
    }
    for declared in &set.options {
        declared.write(&mut body, cx);
    }
    if labels == Labels::Ours {
        let map = body.nested("Labels");
        map.insert(LABEL_PROJECT.to_owned(), json!(spec.project));
        map.insert(LABEL_SET.to_owned(), json!(key));
        map.insert(LABEL_NAME.to_owned(), json!(name));
    }
    body
}

/// What an engine would show for a container of this body.
pub fn expected(
    body: &Body,
    name: &ContainerName,
    image: Option<&Json>,
    engine: &Engine,
    world: &World,
) -> Look {
    Look::new(&adapt(name, body, image, engine, world), &BTreeMap::new())
}
