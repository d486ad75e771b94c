//! `Config`: the create body merged with the image configuration, as engines merge them.

use std::collections::BTreeSet;
use std::sync::{LazyLock, OnceLock};

use serde_json::{Map, Value as Json, json};

use super::Engine;
use super::json::{Object, entries, fill, is_empty, text, texts};
use crate::base::api;
use crate::base::path;
use crate::options::fields::Of;

/// The configuration of an image, from its inspect data. `ContainerConfig` is never used, because
/// it belongs to the build container. Empty and missing fields mean the same; null for an image
/// without a configuration.
pub fn image_config(image: &Json) -> &Json {
    &image["Config"]
}

/// An image with an unusual value in every field. If the model gives the same container with this
/// image and without an image, the container does not depend on its image.
pub fn strange_image() -> &'static Json {
    static IMAGE: OnceLock<Json> = OnceLock::new();
    IMAGE.get_or_init(|| {
        const STRANGE: &str = "/\u{1}";
        json!({"Id": STRANGE, "Os": STRANGE, "Architecture": STRANGE, "Config": {
            "Cmd": [STRANGE],
            "Entrypoint": [STRANGE],
            "Env": [format!("{STRANGE}={STRANGE}")],
            "ExposedPorts": {"65535/sctp": {}},
            "Healthcheck": {
                "Test": ["CMD", STRANGE], "Interval": i64::MAX, "Timeout": i64::MAX,
                "StartPeriod": i64::MAX, "StartInterval": i64::MAX, "Retries": i64::MAX,
            },
            "Labels": {STRANGE: STRANGE},
            "Shell": [STRANGE],
            "StopSignal": STRANGE,
            "StopTimeout": i64::MAX,
            "User": STRANGE,
            "Volumes": {STRANGE: {}},
            "WorkingDir": STRANGE,
        }})
    })
}

/// The `Config` of the inspect data.
pub(super) fn config(body: &Json, image: Option<&Json>, engine: &Engine) -> Object {
    let inherited = image.map_or(&Json::Null, image_config);
    let mut config = nothing_said();
    let missing = Of::Config.missing().chain(["NetworkDisabled", "Shell"]);
    fill(&mut config, body, &missing.collect::<Vec<_>>());
    command(&mut config, inherited);
    config.insert("Env".to_owned(), environment(&body["Env"], &inherited["Env"]));
    config.insert("Labels".to_owned(), union(&body["Labels"], &inherited["Labels"]));
    let volumes = union(&body["Volumes"], &inherited["Volumes"]);
    config.insert("Volumes".to_owned(), if is_empty(&volumes) { Json::Null } else { volumes });
    optional(&mut config, "ExposedPorts", union(&body["ExposedPorts"], &inherited["ExposedPorts"]));
    optional(&mut config, "Healthcheck", healthcheck(&body["Healthcheck"], inherited, engine));
    for field in ["User", "StopSignal", "Shell", "WorkingDir"] {
        if is_empty(&body[field]) && !is_empty(&inherited[field]) {
            config.insert(field.to_owned(), inherited[field].clone());
        }
    }
    if body["StopTimeout"].is_null() && !inherited["StopTimeout"].is_null() {
        config.insert("StopTimeout".to_owned(), inherited["StopTimeout"].clone());
    }
    let workdir = text(&config, "WorkingDir");
    if !workdir.is_empty() {
        let clean = path::clean(workdir);
        config.insert("WorkingDir".to_owned(), clean.into());
    }
    for field in ["StopSignal", "Shell", "NetworkDisabled", "MacAddress"] {
        if config.get(field).is_some_and(is_empty) {
            config.remove(field);
        }
    }
    config
}

/// The default values that an engine shows: the defaults of the option rows, and of the fields
/// without a row.
fn nothing_said() -> Object {
    static NOTHING: LazyLock<Object> = LazyLock::new(nothing);
    NOTHING.clone()
}

fn nothing() -> Object {
    let mut config = object(json!({
        "AttachStderr": false, "AttachStdin": false, "AttachStdout": false, "Image": "",
        "OnBuild": null,
    }));
    config.extend(Of::Config.shown().map(|(field, nothing)| (field.to_owned(), nothing)));
    config
}

/// A JSON value as an object.
pub(super) fn object(json: Json) -> Object {
    match json {
        Json::Object(object) => object,
        _ => Map::new(),
    }
}

/// Sets the default of a field that engines omit.
fn optional(config: &mut Object, field: &str, value: Json) {
    if is_empty(&value) {
        config.remove(field);
    } else {
        config.insert(field.to_owned(), value);
    }
}

/// Entrypoint and command. A declared entrypoint drops the image's command. An empty entrypoint
/// keeps the image's command, and `[""]` means no entrypoint.
fn command(config: &mut Object, inherited: &Json) {
    for field in ["Cmd", "Entrypoint"] {
        if let Some(Json::String(word)) = config.get(field) {
            let list = json!([word]);
            config.insert(field.to_owned(), list);
        }
    }
    let said = |field: &str| config.get(field).and_then(Json::as_array).map(Vec::len);
    let (cmd, entrypoint) = (said("Cmd").unwrap_or(0), said("Entrypoint"));
    if entrypoint.unwrap_or(0) == 0 {
        if cmd == 0 {
            config.insert("Cmd".to_owned(), inherited["Cmd"].clone());
        }
        if entrypoint.is_none() {
            config.insert("Entrypoint".to_owned(), inherited["Entrypoint"].clone());
        }
    }
    if config.get("Entrypoint") == Some(&json!([""])) {
        config.insert("Entrypoint".to_owned(), Json::Null);
    }
}

/// The executed command: its first word, and its arguments.
pub(super) fn path_and_args(config: &Object) -> (String, Vec<String>) {
    let mut words = ["Entrypoint", "Cmd"]
        .into_iter()
        .filter_map(|field| config.get(field))
        .flat_map(texts)
        .map(str::to_owned);
    (words.next().unwrap_or_default(), words.collect())
}

/// The declared entries in order, then the image's entries for other variables. A declared entry
/// without `=` also hides the image's entry.
fn environment<'j>(own: &'j Json, inherited: &'j Json) -> Json {
    let variable = |entry: &'j str| entry.split('=').next().unwrap_or_default();
    let mut all: Vec<&str> = texts(own).collect();
    let named: BTreeSet<&str> = all.iter().map(|entry| variable(entry)).collect();
    all.extend(texts(inherited).filter(|entry| !named.contains(variable(entry))));
    if all.is_empty() && !own.is_array() && !inherited.is_array() {
        return Json::Null;
    }
    all.into()
}

/// The declared entries and the image's entries; declared entries have precedence.
fn union(own: &Json, inherited: &Json) -> Json {
    let mut all = Object::new();
    for (key, value) in entries(inherited).chain(entries(own)) {
        all.insert(key.clone(), value.clone());
    }
    Json::Object(all)
}

/// The health check, field by field: a zero field takes the image's value, even beside `NONE`.
fn healthcheck(own: &Json, inherited: &Json, engine: &Engine) -> Json {
    let inherited = &inherited["Healthcheck"];
    let mut check = Object::new();
    for field in ["Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"] {
        // An older API silently drops this field.
        let unknown = field == "StartInterval" && engine.api < api::START_INTERVAL;
        let own = if unknown { &Json::Null } else { &own[field] };
        let value = if is_empty(own) { &inherited[field] } else { own };
        if !is_empty(value) {
            check.insert(field.to_owned(), value.clone());
        }
    }
    Json::Object(check)
}
