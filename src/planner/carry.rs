//! Carries anonymous volumes over to the replacement where the replacement mounts an anonymous
//! volume at the same path. Their data would be lost otherwise; the removal of the old container
//! keeps these volumes. Finding anonymous volumes is [`super::nameless`]'s.

use serde_json::{Value as Json, json};

use super::nameless::Nameless;
use crate::base::path::clean;
use crate::options::inspect_view::InspectView;
use crate::options::{Body, carried};
use crate::plan::Carried;
use crate::spec::Set;

/// The anonymous volumes that a replacement takes over. An unknown image may declare a volume at
/// any path, so the volume is carried there too. `discard` gives the volumes up.
pub(super) fn carried(
    set: &Set,
    nameless: &[Nameless],
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
    let kept =
        nameless.iter().filter(|one| !set.discard && !one.volume.is_empty() && takes(&one.path));
    kept.map(|one| Carried { path: one.path.clone(), volume: one.volume.clone() }).collect()
}

/// Mounts the carried volumes in the create body of the replacement.
pub(super) fn take_over(body: &mut Body, carried: &[Carried]) {
    if carried.is_empty() {
        return;
    }
    for Carried { path, volume } in carried {
        let asked = body.nested("HostConfig").get_mut("Mounts").and_then(Json::as_array_mut);
        let asks = |mount: &&mut Json| {
            mount["Type"] == "volume"
                && clean(mount["Target"].as_str().unwrap_or_default()) == *path
        };
        // An engine refuses two mounts at one path.
        if let Some(mount) = asked.into_iter().flatten().find(asks) {
            mount["Source"] = volume.as_str().into();
        } else if path.contains(':') {
            // The short form of an engine ends a path at a colon.
            push(body, "Mounts", json!({"Type": "volume", "Source": volume, "Target": path}));
        } else {
            push(body, "Binds", json!(format!("{volume}:{path}")));
        }
    }
    let (label, noted) = carried::note(carried.iter().map(|one| one.path.as_str()));
    body.nested("Labels").insert(label.to_owned(), noted);
}

/// Adds an entry to a list in `HostConfig`.
fn push(body: &mut Body, field: &str, entry: Json) {
    let list = body.nested("HostConfig").entry(field).or_insert_with(|| json!([]));
    if !list.is_array() {
        *list = json!([]);
    }
    if let Json::Array(list) = list {
        list.push(entry);
    }
}
