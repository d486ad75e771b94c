//! The expected side of a comparison: the inspect data that an engine would show.

use serde_json::Value as Json;

use super::{Engine, World};
use crate::base::ident::ContainerName;
use crate::options::Body;
use crate::options::inspect_view::InspectView;

/// The inspect data that an engine would show for a container with this body.
pub fn expected(
    body: &Body,
    name: &ContainerName,
    image: Option<&Json>,
    engine: &Engine,
    world: &World,
) -> InspectView {
    let mut fitted = body.clone();
    super::mac_address(&mut fitted, engine);
    let mut inspect = super::adapt(name, &fitted, image, engine, world);
    // In the host's network, the engine shows the hostname of the host at the create. The hostname
    // is not declared, so a later rename of the host is no difference.
    if body.json()["Hostname"].as_str().is_none_or(str::is_empty) {
        inspect["Config"]["Hostname"] = "".into();
    }
    // The option rows need to know which option requested the MAC address, because the address is
    // compared once.
    inspect["OwnMacAddress"] = body.json()["MacAddress"].is_string().into();
    // The option rows need to know whether the engine shows a requested MAC address of a stopped
    // container.
    inspect["ShowsMacAddress"] = engine.shows_mac_address().into();
    // An option row needs to know the default log driver, which may add log options.
    inspect["LoggingDriver"] = engine.log_driver.as_str().into();
    InspectView::of(inspect)
}
