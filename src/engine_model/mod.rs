//! What an engine would show of a container that does not exist yet: the inspect data that
//! follows from a create body, an image and an engine's habits.
//!
//! The one place that reproduces an engine. The planner computes with it what is expected, the
//! simulated engine answers with it. Held against recordings of real engines by
//! `tests/it/recordings.rs`. Translating what *found* data says in an older engine's words is
//! [`crate::options::inspect_view`]'s.
//!
//! Predicted: `Config`, `HostConfig`, `Path`, `Args`, `Image`, `Platform`, the wishes in
//! `NetworkSettings.Networks`, and `Mounts` as far as the body decides it. Not predicted: IDs,
//! names of anonymous volumes, addresses, whatever changes while a container lives.

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

/// The inspect data of a container that is created from `body` under the final name `name`.
///
/// `image` is what `image inspect` says of the image that it will be made from. Without it, what
/// an image hands down is missing: `Image` is null in the result, and the rows whose
/// [`crate::options::OptionDef::from_image`] is set, cannot be known.
///
/// What the engine at hand drops (an option that its API or its host lacks) is dropped, so that a
/// wish that cannot come true is no difference for ever. References stay the marks they are.
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
    // Put together by hand: the macro would copy each part.
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
