//! Volumes without a name go over to the container that replaces theirs, where their path is still there:
//! their data would be lost otherwise. The old container's removal leaves them.

use serde_json::{Value as Json, json};

use super::danger::anonymous_volumes;
use crate::observed::snapshot::Container;
use crate::options::Body;
use crate::options::inspect_view::InspectView;
use crate::plan::Carried;
use crate::spec::Set;

/// The volumes without a name that a replacement takes over: those at whose path it would get one, or
/// may, where its image is not known. `discard` gives them up.
pub(super) fn carried(
    set: &Set,
    found: &Container,
    created: &InspectView,
    image_unknown: bool,
) -> Vec<Carried> {
    let mounts = || created.json()["Mounts"].as_array().into_iter().flatten();
    let at = |path: &str| mounts().find(|mount| mount["Destination"] == path);
    let takes = |path: &str| match at(path) {
        Some(mount) => {
            mount["Type"] == "volume" && mount["Name"].as_str().is_none_or(str::is_empty)
        }
        None => image_unknown,
    };
    // A colon ends a path in an engine's short form.
    let mut all: Vec<Carried> = anonymous_volumes(found)
        .into_iter()
        .filter(|(volume, path)| {
            !set.discard && !volume.is_empty() && !path.contains(':') && takes(path)
        })
        .map(|(volume, path)| Carried { path, volume })
        .collect();
    all.sort();
    all
}

/// Writes them into the body of what takes them over.
pub(super) fn take_over(body: &mut Body, carried: &[Carried]) {
    if carried.is_empty() {
        return;
    }
    let binds = body.nested("HostConfig").entry("Binds").or_insert_with(|| json!([]));
    if !binds.is_array() {
        *binds = json!([]);
    }
    if let Json::Array(binds) = binds {
        binds.extend(carried.iter().map(|one| json!(format!("{}:{}", one.volume, one.path))));
    }
}
