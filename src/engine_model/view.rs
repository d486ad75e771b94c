//! What an engine would show for a container: the expected side of a comparison.

use serde_json::Value as Json;

use super::{Engine, World};
use crate::base::ident::ContainerName;
use crate::options::Body;
use crate::options::inspect_view::InspectView;

/// What an engine would show for a container of this body.
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
    // In the host's network an engine shows the name that the host has when the container is made.
    // Nobody declared it, and a host that is renamed later makes no difference.
    if body.json()["Hostname"].as_str().is_none_or(str::is_empty) {
        inspect["Config"]["Hostname"] = "".into();
    }
    // Which option wished for the address of the network card is for rows to know: it is told once.
    inspect["OwnMacAddress"] = body.json()["MacAddress"].is_string().into();
    // And whether the engine shows a wish for one on a container that does not run.
    inspect["ShowsMacAddress"] = engine.shows_mac_address().into();
    // Whose log options may be more than was said is for a row to know.
    inspect["LoggingDriver"] = engine.log_driver.as_str().into();
    InspectView::of(inspect)
}
