//! Notes which texts of a container, network or volume were public at its creation.
//!
//! A literal of a spec is public, even after the spec has changed. A label notes digests of such
//! literals. A text is public only in the field that was created with this text. So a copy of the
//! labels on a container with other values reveals nothing. A place is the path of a field; hiding
//! itself is [`crate::observed::redact`]'s.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use crate::options::{files, value};

/// The length of a digest, long enough to avoid collisions.
const DIGITS: usize = 16;

/// Fields that are public only as a whole: a word of one command says nothing about another
/// command.
const WHOLES: &[&str] = &["Cmd", "Entrypoint", "Healthcheck.Test"];

/// Maps of texts that may be hidden, as paths in a create body. Lists and networks have no places
/// of their own.
const MAPS: &[&str] = &[
    "Labels",
    "HostConfig.Annotations",
    "HostConfig.LogConfig.Config",
    "HostConfig.Mounts.VolumeOptions.Labels",
    "HostConfig.Mounts.VolumeOptions.DriverConfig.Options",
    "HostConfig.DeviceRequests.Options",
    "Networks.DriverOpts",
    // Maps of networks and volumes.
    "Options",
    "IPAM.Options",
];

/// Fields of a create body with another path in inspect data.
const ELSEWHERE: &[(&str, &str)] =
    &[("NetworkingConfig.EndpointsConfig", "Networks"), ("DriverOpts", "Options")];

/// The place of a variable.
pub fn variable(name: &str) -> String {
    format!("Env.{name}")
}

/// The value of the label: the digests of the literals in the create body of a container, network
/// or volume. `None` without literals.
pub fn note(body: &Json) -> Option<String> {
    let mut all = BTreeSet::new();
    for (name, value) in variables(&body["Env"]) {
        if value::marked_reference(value).is_none() {
            all.insert(digest(&variable(name), &Json::from(value)));
        }
    }
    for (path, file) in body[files::FIELD].as_object().into_iter().flatten() {
        let content = file["Content"].as_str().unwrap_or_default();
        if value::marked_reference(content).is_none() {
            all.insert(digest(&format!("{}.{path}.Content", files::FIELD), &file["Content"]));
        }
    }
    for (field, value) in body.as_object().into_iter().flatten() {
        add("", field, value, &mut all);
    }
    (!all.is_empty()).then(|| all.into_iter().collect::<Vec<_>>().join(","))
}

/// Adds the digests of a field: the whole of `WHOLES`, each text in a map of `MAPS`. Other fields
/// are searched for such nested fields.
fn add(place: &str, field: &str, value: &Json, all: &mut BTreeSet<String>) {
    let path = if place.is_empty() { field.to_owned() } else { format!("{place}.{field}") };
    let elsewhere = ELSEWHERE.iter().find(|(said, _)| *said == path);
    let path = elsewhere.map_or(&*path, |(_, told)| told);
    if WHOLES.contains(&path) && value.is_array() {
        all.insert(digest(path, value));
        return;
    }
    let fields: Vec<(&String, &Json)> = match value {
        Json::Object(map) if path == "Networks" => {
            map.values().filter_map(Json::as_object).flatten().collect()
        }
        Json::Object(map) => map.iter().collect(),
        Json::Array(items) => items.iter().filter_map(Json::as_object).flatten().collect(),
        _ => return,
    };
    for (field, value) in fields {
        if MAPS.contains(&path) {
            all.insert(digest(&format!("{path}.{field}"), value));
        } else {
            add(path, field, value, all);
        }
    }
}

/// The digests in the label of an object.
#[derive(Debug, Default)]
pub struct Noted(BTreeSet<String>);

impl Noted {
    /// Reads the label; empty without a label.
    pub fn read(label: Option<&str>) -> Self {
        let words = label.unwrap_or_default().split(',').filter(|word| word.len() == DIGITS);
        Self(words.map(str::to_owned).collect())
    }

    /// Whether the object was created with this literal at this place.
    pub fn says(&self, place: &str, value: &Json) -> bool {
        !self.0.is_empty() && self.0.contains(&digest(place, value))
    }
}

/// The variables of a list of `NAME=value`.
pub fn variables(entries: &Json) -> impl Iterator<Item = (&str, &str)> {
    let entries = entries.as_array().into_iter().flatten();
    entries.filter_map(|entry| entry.as_str()?.split_once('='))
}

fn digest(place: &str, value: &Json) -> String {
    let text = serde_json::json!([place, value]).to_string();
    let mut out = String::new();
    for byte in Sha256::digest(text.as_bytes()).iter().take(DIGITS / 2) {
        use std::fmt::Write as _;
        // Writing to a string never fails.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn noted(body: &Json) -> Noted {
        Noted::read(note(body).as_deref())
    }

    #[test]
    fn what_a_spec_says_is_known_again_at_its_own_place() {
        let noted = noted(&json!({
            "Env": ["LEVEL=info", "EMPTY=", "TOKEN=«from_env:TOKEN»"],
            "Labels": {"team": "red"}, "Cmd": ["serve", "--verbose"], "Entrypoint": null,
            "Healthcheck": {"Test": ["CMD", "true"]},
            "Files": {"/etc/a": {"Content": "text"}, "/etc/b": {"Content": "«from_env:B»"}},
            "HostConfig": {
                "Annotations": {"note": "one"},
                "LogConfig": {"Type": "syslog", "Config": {"tag": "web"}},
                "Mounts": [{"VolumeOptions": {"Labels": {"of": "shop"},
                    "DriverConfig": {"Name": "local", "Options": {"o": "addr=nas"}}}}],
                "DeviceRequests": [{"Options": {"virtualization": "false"}}],
            },
            "NetworkingConfig": {"EndpointsConfig": {"back": {"DriverOpts": {"queue": "2"}}}},
        }));
        for (place, value) in [
            ("Env.LEVEL", json!("info")),
            ("Labels.team", json!("red")),
            ("Cmd", json!(["serve", "--verbose"])),
            ("Healthcheck.Test", json!(["CMD", "true"])),
            ("Files./etc/a.Content", json!("text")),
            ("HostConfig.Annotations.note", json!("one")),
            ("HostConfig.LogConfig.Config.tag", json!("web")),
            ("HostConfig.Mounts.VolumeOptions.Labels.of", json!("shop")),
            ("HostConfig.Mounts.VolumeOptions.DriverConfig.Options.o", json!("addr=nas")),
            ("HostConfig.DeviceRequests.Options.virtualization", json!("false")),
            ("Networks.DriverOpts.queue", json!("2")),
        ] {
            assert!(noted.says(place, &value), "{place} {value}");
        }
        for (place, value) in [
            ("Env.LEVEL", json!("debug")),
            ("Env.OTHER", json!("info")),
            ("Env.TOKEN", json!("«from_env:TOKEN»")),
            ("Labels.LEVEL", json!("info")),
            ("Files./etc/b.Content", json!("«from_env:B»")),
            ("Labels.tag", json!("web")),
            ("Cmd", json!(["serve"])),
            ("Cmd", json!("serve")),
            ("Entrypoint", Json::Null),
        ] {
            assert!(!noted.says(place, &value), "{place} {value}");
        }
    }

    #[test]
    fn options_of_networks_and_volumes_are_known_again() {
        let network = noted(&json!({"Options": {"mtu": "1400"}, "IPAM": {"Options": {"a": "b"}}}));
        assert!(network.says("Options.mtu", &json!("1400")));
        assert!(network.says("IPAM.Options.a", &json!("b")));
        let volume = noted(&json!({"DriverOpts": {"o": "addr=nas"}, "Labels": {"team": "red"}}));
        assert!(volume.says("Options.o", &json!("addr=nas")));
        assert!(volume.says("Labels.team", &json!("red")));
    }

    #[test]
    fn a_body_that_says_nothing_has_no_label() {
        assert_eq!(note(&json!({"Env": ["A=«from_env:A»"], "Cmd": null})), None);
        assert!(!Noted::read(None).says("Labels.a", &json!("b")));
    }
}
