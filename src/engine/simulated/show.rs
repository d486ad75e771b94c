//! List entries of containers, derived from inspect data.

use serde_json::{Value as Json, json};

use super::ports::split;
use super::time::Instant;

/// The entry of `GET /containers/json` for a container. `image` is the displayed image: the
/// reference, or the ID once the reference points to another image. `aliases` are names from links
/// of other containers.
pub(super) fn entry(inspect: &Json, image: &str, aliases: &[String]) -> Json {
    let mut names = vec![inspect["Name"].clone()];
    names.extend(aliases.iter().map(|alias| json!(alias)));
    let created = inspect["Created"].as_str().and_then(Instant::parse).map(Instant::seconds);
    json!({
        "Command": command(inspect),
        "Created": created.unwrap_or(0),
        "HostConfig": {"NetworkMode": inspect["HostConfig"]["NetworkMode"]},
        "Id": inspect["Id"],
        "Image": image,
        "ImageID": inspect["Image"],
        "Labels": inspect["Config"]["Labels"],
        "Mounts": inspect["Mounts"],
        "Names": names,
        "NetworkSettings": {"Networks": inspect["NetworkSettings"]["Networks"]},
        "Ports": ports(inspect),
        "State": inspect["State"]["Status"],
        "Status": status(&inspect["State"]),
    })
}

fn command(inspect: &Json) -> String {
    let args = inspect["Args"].as_array().into_iter().flatten();
    std::iter::once(&inspect["Path"])
        .chain(args)
        .filter_map(Json::as_str)
        .collect::<Vec<_>>()
        .join(" ")
}

fn status(state: &Json) -> String {
    match state["Status"].as_str().unwrap_or_default() {
        "running" => match state["Health"]["Status"].as_str() {
            Some("starting") => "Up (health: starting)".to_owned(),
            Some(health) if health != "none" => format!("Up ({health})"),
            _ => "Up".to_owned(),
        },
        "paused" => "Up (Paused)".to_owned(),
        "exited" => format!("Exited ({})", state["ExitCode"]),
        "created" => "Created".to_owned(),
        other => other.to_owned(),
    }
}

fn ports(inspect: &Json) -> Vec<Json> {
    let mut all = Vec::new();
    for (key, entries) in inspect["NetworkSettings"]["Ports"].as_object().into_iter().flatten() {
        let (port, protocol) = split(key);
        let private: u16 = port.parse().unwrap_or(0);
        let Some(entries) = entries.as_array() else {
            all.push(json!({"PrivatePort": private, "Type": protocol}));
            continue;
        };
        for entry in entries {
            let public: Option<u16> = entry["HostPort"].as_str().and_then(|text| text.parse().ok());
            all.push(json!({
                "IP": entry["HostIp"], "PrivatePort": private, "PublicPort": public,
                "Type": protocol,
            }));
        }
    }
    all
}

/// Inspect data from a list entry, for containers that a snapshot only listed.
pub(super) fn inspect_of(entry: &Json) -> Json {
    let status = entry["State"].as_str().unwrap_or_default();
    let running = matches!(status, "running" | "restarting" | "paused");
    let names = entry["Names"].as_array().into_iter().flatten().filter_map(Json::as_str);
    let name = names.into_iter().find(|name| name.matches('/').count() == 1).unwrap_or_default();
    let seconds = entry["Created"].as_u64().unwrap_or(0);
    json!({
        "Id": entry["Id"],
        "Name": name,
        "Created": Instant::at(seconds).text(),
        "Image": entry["ImageID"],
        "Config": {"Image": entry["Image"], "Labels": entry["Labels"]},
        "HostConfig": {
            "NetworkMode": entry["HostConfig"]["NetworkMode"],
            "PortBindings": bindings(&entry["Ports"]),
        },
        "Mounts": entry["Mounts"],
        "NetworkSettings": {
            "Networks": entry["NetworkSettings"]["Networks"],
            "Ports": bindings(&entry["Ports"]),
        },
        "State": {
            "Status": status,
            "Running": running,
            "Paused": status == "paused",
            "Restarting": status == "restarting",
            "Dead": status == "dead",
        },
    })
}

fn bindings(ports: &Json) -> Json {
    let mut map = serde_json::Map::new();
    for port in ports.as_array().into_iter().flatten() {
        let Some(public) = port["PublicPort"].as_u64() else { continue };
        let key = format!("{}/{}", port["PrivatePort"], port["Type"].as_str().unwrap_or("tcp"));
        let entry = json!({"HostIp": port["IP"], "HostPort": public.to_string()});
        if let Some(list) = map.entry(key).or_insert_with(|| json!([])).as_array_mut() {
            list.push(entry);
        }
    }
    Json::Object(map)
}
