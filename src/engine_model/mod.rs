//! The engine model: predicts the inspect data of a container before its creation, from a create
//! body, an image and the properties of an engine.
//!
//! No other module reproduces an engine. The planner computes the expected state with the model,
//! and the simulated engine answers with the model. `tests/it/recordings.rs` compares the model
//! with recordings of real engines. Converting *found* data of older engines is done in
//! [`crate::options::inspect_view`], not here.
//!
//! Predicted: `Config`, `HostConfig`, `Path`, `Args`, `Image`, `Platform`, the requested settings
//! in `NetworkSettings.Networks`, and `Mounts` as far as the body decides. Not predicted: IDs,
//! names of anonymous volumes, addresses, and all values that change during the life of a
//! container.

mod attach;
mod downlevel;
mod engine;
mod json;
mod limits;
mod merge;
mod mounts;
mod normalize;
pub mod update;
pub mod view;
mod world;

use serde_json::{Map, Value as Json};

use crate::base::ident::ContainerName;
use crate::options::Body;
use crate::options::platform;

pub use crate::engine_model::downlevel::{Later, downlevel, mac_address, unsupported};
pub use engine::{Engine, Kind};
pub use merge::{image_config, strange_image};
pub use world::World;

/// The inspect data of a container from `body` with the final name `name`.
///
/// `image` is the `image inspect` data of the container's image. Without `image`, the image's
/// values are missing: `Image` is null in the result, and rows with
/// [`crate::options::OptionDef::from_image`] are unknown.
///
/// Options that the engine's API or host does not support are dropped, because they would otherwise
/// differ forever. References stay marks.
pub fn adapt(
    name: &ContainerName,
    body: &Body,
    image: Option<&Json>,
    engine: &Engine,
    world: &World,
) -> Json {
    let body = body.json();
    let mut config = merge::config(body, image, engine);
    let host = normalize::host_config(name, &body["HostConfig"], engine, world);
    let networks = attach::networks(body, engine, world);
    let mode = host["NetworkMode"].as_str().unwrap_or_default();
    attach::mac_address(&mut config, &networks, mode, engine, world);
    normalize::hostname(&mut config, &host, engine);
    let (path, args) = merge::path_and_args(&config);
    let mounts = mounts::mounts(&config, &host, engine, world);
    let networks = Map::from_iter([("Networks".to_owned(), Json::Object(networks))]);
    // Built by hand, because the macro would copy each part.
    let mut inspect = Map::new();
    let mut set = |field: &str, value: Json| inspect.insert(field.to_owned(), value);
    set("Name", format!("/{name}").into());
    set("Path", path.into());
    set("Args", args.into());
    set("Config", Json::Object(config));
    set("HostConfig", Json::Object(host));
    set("Image", image.map_or(Json::Null, |image| image["Id"].clone()));
    set("Platform", engine.os.as_str().into());
    set("Driver", engine.storage.as_str().into());
    set("NetworkSettings", Json::Object(networks));
    set("Mounts", mounts.into());
    if engine.containerd_store {
        set("ImageManifestDescriptor", platform::chosen(body, image));
    }
    Json::Object(inspect)
}
