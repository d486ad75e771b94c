//! `Mounts`: the mounts of a container, as far as the create body decides them.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::json::{Object, entries, text, texts};
use super::{Engine, World};
use crate::base::path;

/// The mounts of the inspect data, by destination; the order of engines is arbitrary. Anonymous
/// volumes have no `Name` and no `Source`, because both are unknown before the create.
pub(super) fn mounts(config: &Object, host: &Object, engine: &Engine, world: &World) -> Vec<Json> {
    let mut by_destination: BTreeMap<String, Json> = BTreeMap::new();
    let mut add = |mount: Json| {
        let destination = mount["Destination"].as_str().unwrap_or_default().to_owned();
        by_destination.insert(destination, mount);
    };
    let driver = match text(host, "VolumeDriver") {
        "" => "local",
        driver => driver,
    };
    texts(&host["VolumesFrom"]).flat_map(|from| taken_over(from, world)).for_each(&mut add);
    texts(&host["Binds"]).filter_map(|bind| bound(bind, driver, engine)).for_each(&mut add);
    let mounts = host.get("Mounts").and_then(Json::as_array);
    mounts.into_iter().flatten().map(|mount| mounted(mount, engine)).for_each(&mut add);
    for (path, _) in config.get("Volumes").into_iter().flat_map(entries) {
        let destination = path::clean(path);
        by_destination.entry(destination).or_insert_with_key(|destination| {
            json!({
                "Type": "volume", "Destination": destination, "Driver": driver, "Mode": "",
                "RW": true, "Propagation": "",
            })
        });
    }
    by_destination.into_values().collect()
}

/// The mounts from another container: `CONTAINER`, `CONTAINER:ro`.
fn taken_over(from: &str, world: &World) -> Vec<Json> {
    let (container, mode) = from.split_once(':').unwrap_or((from, "rw"));
    let read_only = mode.split(',').any(|flag| flag == "ro");
    let take = |mount: &Json| {
        let mut mount = mount.clone();
        if let Json::Object(mount) = &mut mount {
            mount.insert("Mode".to_owned(), "".into());
            if read_only {
                mount.insert("RW".to_owned(), false.into());
            }
        }
        mount
    };
    world.mounts(container).iter().map(take).collect()
}

/// A bind `SOURCE:DESTINATION[:FLAGS]`, or only a destination for an anonymous volume.
fn bound(bind: &str, driver: &str, engine: &Engine) -> Option<Json> {
    let parts: Vec<&str> = bind.split(':').collect();
    let (source, destination, mode) = match parts.as_slice() {
        [destination] => ("", *destination, ""),
        [source, destination] => (*source, *destination, ""),
        [source, destination, mode] => (*source, *destination, *mode),
        _ => return None,
    };
    let writable = !mode.split(',').any(|flag| flag == "ro");
    let destination = path::clean(destination);
    if source.starts_with('/') {
        let propagation = mode.split(',').find(|flag| {
            matches!(*flag, "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave")
        });
        return Some(json!({
            "Type": "bind", "Source": path::clean(source), "Destination": destination,
            "Mode": mode, "RW": writable, "Propagation": propagation.unwrap_or("rprivate"),
        }));
    }
    if source.is_empty() {
        return Some(json!({
            "Type": "volume", "Destination": destination, "Driver": driver, "Mode": mode,
            "RW": writable, "Propagation": "",
        }));
    }
    Some(json!({
        "Type": "volume", "Name": source, "Source": volume_path(source, driver, engine),
        "Destination": destination, "Driver": driver,
        // An engine always shares volumes by an SELinux label.
        "Mode": if mode.is_empty() { "z" } else { mode }, "RW": writable, "Propagation": "",
    }))
}

/// An entry of `HostConfig.Mounts`.
fn mounted(mount: &Json, engine: &Engine) -> Json {
    let of = |field: &str| mount[field].as_str().unwrap_or_default();
    let kind = of("Type");
    let writable = mount["ReadOnly"].as_bool() != Some(true) && kind != "image";
    let mut shown = Object::new();
    let mut set = |field: &str, value: Json| shown.insert(field.to_owned(), value);
    set("Type", kind.into());
    set("Destination", path::clean(of("Target")).into());
    set("RW", writable.into());
    set("Mode", "".into());
    set("Propagation", "".into());
    match kind {
        "bind" => {
            let propagation = mount["BindOptions"]["Propagation"].as_str().unwrap_or_default();
            let propagation = if propagation.is_empty() { "rprivate" } else { propagation };
            set("Source", path::clean(of("Source")).into());
            set("Propagation", propagation.into());
        }
        "volume" => {
            let driver = mount["VolumeOptions"]["DriverConfig"]["Name"].as_str();
            let driver = driver.filter(|name| !name.is_empty()).unwrap_or("local");
            set("Driver", driver.into());
            set("Mode", "z".into());
            if !of("Source").is_empty() {
                set("Name", of("Source").into());
                set("Source", volume_path(of("Source"), driver, engine).into());
            }
        }
        "image" => {
            // The source of an image mount is a folder of the storage driver.
            set("Name", of("Source").into());
            set("Propagation", "rprivate".into());
        }
        _ => {
            set("Source", of("Source").into());
        }
    }
    Json::Object(shown)
}

/// The host path of a volume of the built-in driver; other drivers report their paths.
fn volume_path(name: &str, driver: &str, engine: &Engine) -> String {
    if driver == "local" {
        format!("{}/volumes/{name}/_data", engine.root_dir)
    } else {
        String::new()
    }
}
