//! The one place where the simulated engine asks what an engine makes of a create body.

use serde_json::{Map, Value as Json, json};

use super::world::set;
use crate::snapshot::EngineRecord;

/// What inspect says of the options of a body: `Config` with the image's merged in, `HostConfig`,
/// `Mounts`, `NetworkSettings.Networks`.
pub(super) fn adapted(body: &Json, image: &Json, _engine: Option<&EngineRecord>) -> Json {
    let mut config = body.as_object().cloned().unwrap_or_default();
    let host = config.remove("HostConfig").unwrap_or_else(|| json!({}));
    let networking = config.remove("NetworkingConfig").unwrap_or_default();
    let own_entrypoint = config.get("Entrypoint").is_some_and(|own| !own.is_null());
    for (key, value) in image.as_object().into_iter().flatten() {
        let mine = config.get(key).cloned().unwrap_or_default();
        let merged = match key.as_str() {
            "Cmd" if own_entrypoint => mine,
            "Env" => env(&mine, value),
            "Labels" | "ExposedPorts" | "Volumes" => union(&mine, value),
            _ if mine.is_null() || mine == json!([]) || mine == "" => value.clone(),
            _ => mine,
        };
        config.insert(key.clone(), merged);
    }
    let mut inspect = json!({"Config": config, "HostConfig": host});
    let mounts = mounts(&inspect);
    set(&mut inspect, &["Mounts"], mounts);
    if networking["EndpointsConfig"].is_object() {
        set(&mut inspect, &["NetworkSettings", "Networks"], networking["EndpointsConfig"].clone());
    }
    inspect
}

fn env(mine: &Json, image: &Json) -> Json {
    let mut all = mine.as_array().cloned().unwrap_or_default();
    let key = |entry: &Json| {
        entry.as_str().unwrap_or_default().split('=').next().unwrap_or_default().to_owned()
    };
    let own: Vec<String> = all.iter().map(key).collect();
    for entry in image.as_array().into_iter().flatten() {
        if !own.contains(&key(entry)) {
            all.push(entry.clone());
        }
    }
    Json::Array(all)
}

fn union(mine: &Json, image: &Json) -> Json {
    let mut all = image.as_object().cloned().unwrap_or_default();
    all.extend(mine.as_object().cloned().unwrap_or_default());
    Json::Object(all)
}

fn mounts(inspect: &Json) -> Vec<Json> {
    let mut by_path = Map::new();
    for path in inspect["Config"]["Volumes"].as_object().into_iter().flat_map(Map::keys) {
        by_path.insert(
            path.clone(),
            json!({"Type": "volume", "Driver": "local", "Destination": path, "Mode": "", "RW": true}),
        );
    }
    for bind in inspect["HostConfig"]["Binds"].as_array().into_iter().flatten() {
        let parts: Vec<&str> = bind.as_str().unwrap_or_default().split(':').collect();
        let (source, path, mode) = match parts[..] {
            [path] => ("", path, ""),
            [source, path] => (source, path, ""),
            [source, path, mode, ..] => (source, path, mode),
            [] => continue,
        };
        let writable = !mode.split(',').any(|word| word == "ro");
        let mount = if source.starts_with('/') {
            json!({"Type": "bind", "Source": source, "Destination": path, "Mode": mode,
                "RW": writable, "Propagation": "rprivate"})
        } else {
            json!({"Type": "volume", "Name": source, "Driver": "local", "Destination": path,
                "Mode": mode, "RW": writable, "Propagation": ""})
        };
        by_path.insert(path.to_owned(), mount);
    }
    by_path.into_iter().map(|(_, mount)| mount).collect()
}
