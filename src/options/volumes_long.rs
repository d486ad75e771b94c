//! The long form of a volume, and the `Mounts` of an engine: what short forms cannot say.

use serde_json::{Map, Value as Json, json};

use super::field::{known_keys, text};
use super::row::Context;
use super::volumes::{Mount, Source, absolute, bind_source, size, target, volume_name};
use crate::say;
use crate::spec::node::{Entry, Kind, Node, Place, Problems};

/// The entry with this key.
fn entry<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Node> {
    entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
}

/// A boolean that may be missing.
fn flag(entries: &[Entry], key: &str, default: bool, problems: &mut Problems) -> bool {
    match entry(entries, key).map(|node| (node, &node.kind)) {
        None | Some((_, Kind::Null)) => default,
        Some((_, Kind::Bool(value))) => *value,
        Some((node, _)) => {
            problems.expected::<()>("`true` or `false`", node);
            default
        }
    }
}

/// A text that may be missing.
fn word(entries: &[Entry], key: &str, problems: &mut Problems) -> Option<String> {
    text(entry(entries, key)?, "a text", problems)
}

/// The entries of a map under a key, all of them known.
fn inner<'a>(
    entries: &'a [Entry],
    key: &str,
    keys: &[&'static str],
    problems: &mut Problems,
) -> &'a [Entry] {
    match entry(entries, key).map(|node| (node, &node.kind)) {
        Some((_, Kind::Map(inside))) => {
            known_keys(inside, keys, problems);
            inside
        }
        None | Some((_, Kind::Null)) => &[],
        Some((node, _)) => {
            problems.expected::<()>("a map", node);
            &[]
        }
    }
}

/// Reads the long form; gives the path inside and what is there.
pub(super) fn parse(
    place: Place,
    entries: &[Entry],
    problems: &mut Problems,
) -> Option<(String, Mount)> {
    let before = problems.all.len();
    let kind = word(entries, "type", problems);
    let options: &[&'static str] = match kind.as_deref() {
        Some("volume") => &["type", "source", "target", "read_only", "volume"],
        Some("bind") => &["type", "source", "target", "read_only", "bind"],
        Some("tmpfs") => &["type", "target", "read_only", "tmpfs"],
        other => {
            let found =
                other.map_or("nothing".to_owned(), |word| format!("`{}`", say::short(word)));
            let message =
                format!("expected `type` to be `volume`, `bind` or `tmpfs`, but found {found}");
            problems.add(place, message);
            return None;
        }
    };
    known_keys(entries, options, problems);
    let mut mount = match kind.as_deref() {
        Some("volume") => volume(place, entries, problems),
        Some("bind") => bind(place, entries, problems),
        _ => memory(entries, problems),
    };
    if let Some(mount) = &mut mount {
        mount.read_only = flag(entries, "read_only", false, problems);
    }
    let inside = if let Some(text) = word(entries, "target", problems) {
        target(&text).map_err(|message| problems.add(place, message)).ok()
    } else {
        problems.add(place, "expected `target`, the path inside, but found none");
        None
    };
    (problems.all.len() == before).then_some((inside?, mount?))
}

fn volume(place: Place, entries: &[Entry], problems: &mut Problems) -> Option<Mount> {
    let inside = inner(entries, "volume", &["nocopy", "subpath"], problems);
    let subpath = word(inside, "subpath", problems);
    let source = match word(entries, "source", problems) {
        Some(name) => Source::Named { name: volume_name(&name, place, problems)?, subpath },
        None if subpath.is_some() => {
            problems.add(place, "expected `source` beside `subpath`, but found none");
            return None;
        }
        None => Source::Anonymous,
    };
    let mut mount = Mount::new(source);
    if flag(inside, "nocopy", false, problems) {
        mount.options.insert("nocopy".to_owned());
    }
    Some(mount)
}

fn bind(place: Place, entries: &[Entry], problems: &mut Problems) -> Option<Mount> {
    let inside = inner(entries, "bind", &["propagation", "create_host_path", "selinux"], problems);
    let Some(source) = word(entries, "source", problems) else {
        problems.add(place, "expected `source`, the path on the host, but found none");
        return None;
    };
    let path = bind_source(&source)
        .map_err(|(message, hint)| problems.add_hint(place, message, hint))
        .ok()?;
    let create = flag(inside, "create_host_path", true, problems);
    let mut mount = Mount::new(Source::Bind { path, create });
    if let Some(word) = word(inside, "propagation", problems) {
        if !super::volumes::PROPAGATIONS.contains(&word.as_str()) {
            let found = say::short(&word);
            problems
                .add(place, format!("expected a propagation like `rslave`, but found `{found}`"));
        }
        mount.options.insert(word);
    }
    match word(inside, "selinux", problems).as_deref() {
        None => {}
        Some(word @ ("z" | "Z")) if create => drop(mount.options.insert(word.to_owned())),
        Some(word @ ("z" | "Z")) => problems.add_hint(
            place,
            format!("expected no `selinux: {word}` beside `create_host_path: false`"),
            "an engine cannot do both: leave one out",
        ),
        Some(word) => {
            let found = say::short(word);
            problems.add(place, format!("expected `z` or `Z`, but found `{found}`"));
        }
    }
    Some(mount)
}

fn memory(entries: &[Entry], problems: &mut Problems) -> Option<Mount> {
    let inside = inner(entries, "tmpfs", &["size", "mode"], problems);
    let mut number = |key: &str, read: fn(&str) -> Option<i64>, what: &str| -> Option<i64> {
        let Some(node) = entry(inside, key) else { return Some(0) };
        let text = text(node, what, problems)?;
        match read(&text) {
            Some(number) => Some(number),
            None => problems.expected(what, node),
        }
    };
    let size = number("size", size, "a size like `64m`");
    let mode = number("mode", permissions, "octal permissions like `1777`");
    Some(Mount::new(Source::Memory { size: size?, mode: mode? }))
}

/// Octal in every spelling, as in Compose.
fn permissions(text: &str) -> Option<i64> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    i64::from_str_radix(digits, 8).ok().filter(|mode| (0..=0o7777).contains(mode))
}

/// The long form of what the short one cannot say.
pub(super) fn print(inside: &str, mount: &Mount) -> Json {
    let mut map = Map::new();
    let mut put = |key: &str, value: Json| drop(map.insert(key.to_owned(), value));
    put("target", json!(inside));
    if mount.read_only {
        put("read_only", json!(true));
    }
    match &mount.source {
        Source::Anonymous | Source::Named { .. } => {
            put("type", json!("volume"));
            let mut options = Map::new();
            if let Source::Named { name, subpath } = &mount.source {
                put("source", json!(name));
                if let Some(subpath) = subpath {
                    options.insert("subpath".to_owned(), json!(subpath));
                }
            }
            if mount.options.contains("nocopy") {
                options.insert("nocopy".to_owned(), json!(true));
            }
            put("volume", Json::Object(options));
        }
        Source::Bind { path, create } => {
            put("type", json!("bind"));
            put("source", json!(path));
            let mut options = Map::new();
            options.insert("create_host_path".to_owned(), json!(create));
            // With `create_host_path: false` the only words are propagations.
            for word in &mount.options {
                options.insert("propagation".to_owned(), json!(word));
            }
            put("bind", Json::Object(options));
        }
        Source::Memory { size, mode } => {
            put("type", json!("tmpfs"));
            put("tmpfs", json!({"size": size, "mode": format!("{mode:o}")}));
        }
    }
    Json::Object(map)
}

/// An entry of `Mounts`.
pub(super) fn write(inside: &str, mount: &Mount, cx: &Context) -> Json {
    let mut map = Map::new();
    let mut put = |key: &str, value: Json| drop(map.insert(key.to_owned(), value));
    put("Target", json!(inside));
    put("ReadOnly", json!(mount.read_only));
    match &mount.source {
        Source::Anonymous | Source::Named { .. } => {
            put("Type", json!("volume"));
            let mut options = Map::new();
            if let Source::Named { name, subpath } = &mount.source {
                put("Source", json!(cx.volume(name)));
                if let Some(subpath) = subpath {
                    options.insert("Subpath".to_owned(), json!(subpath));
                }
            }
            if mount.options.contains("nocopy") {
                options.insert("NoCopy".to_owned(), json!(true));
            }
            if !options.is_empty() {
                put("VolumeOptions", Json::Object(options));
            }
        }
        Source::Bind { path, .. } => {
            put("Type", json!("bind"));
            put("Source", json!(absolute(path, cx)));
            if let Some(word) = mount.options.first() {
                put("BindOptions", json!({"Propagation": word}));
            }
        }
        Source::Memory { size, mode } => {
            put("Type", json!("tmpfs"));
            put("TmpfsOptions", json!({"SizeBytes": size, "Mode": mode}));
        }
    }
    Json::Object(map)
}

/// Reads an entry of `Mounts`.
pub(super) fn read(entry: &Json) -> (String, Mount) {
    let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
    let source = text(&entry["Source"]);
    let kind = text(&entry["Type"]);
    let mut mount = match kind.as_str() {
        "volume" if source.is_empty() => Mount::new(Source::Anonymous),
        "volume" => {
            let subpath = text(&entry["VolumeOptions"]["Subpath"]);
            let subpath = Some(subpath).filter(|part| !part.is_empty());
            Mount::new(Source::Named { name: source, subpath })
        }
        "bind" => {
            let path = super::volumes::clean(&source);
            Mount::new(Source::Bind { path, create: false })
        }
        "tmpfs" => {
            let number = |key: &str| entry["TmpfsOptions"][key].as_i64().unwrap_or(0);
            Mount::new(Source::Memory { size: number("SizeBytes"), mode: number("Mode") })
        }
        // A kind that no spec can say yet: shown as what it is.
        kind => Mount::new(Source::Named { name: format!("{kind}:{source}"), subpath: None }),
    };
    mount.read_only = entry["ReadOnly"].as_bool().unwrap_or(false);
    if entry["VolumeOptions"]["NoCopy"].as_bool() == Some(true) {
        mount.options.insert("nocopy".to_owned());
    }
    let propagation = text(&entry["BindOptions"]["Propagation"]);
    if !propagation.is_empty() {
        mount.options.insert(propagation);
    }
    (super::volumes::clean(&text(&entry["Target"])), mount)
}

/// The long form's schema.
pub(super) fn schema() -> Json {
    let size = json!({"type": ["integer", "string"]});
    json!({
        "type": "object",
        "properties": {
            "type": {"enum": ["volume", "bind", "tmpfs"]},
            "source": {"type": "string"},
            "target": {"type": "string", "pattern": "^/."},
            "read_only": {"type": "boolean"},
            "volume": {
                "type": "object",
                "properties": {"nocopy": {"type": "boolean"}, "subpath": {"type": "string"}},
                "additionalProperties": false,
            },
            "bind": {
                "type": "object",
                "properties": {
                    "propagation": {"enum": super::volumes::PROPAGATIONS},
                    "create_host_path": {"type": "boolean"},
                    "selinux": {"enum": ["z", "Z"]},
                },
                "additionalProperties": false,
            },
            "tmpfs": {
                "type": "object",
                "properties": {"size": size, "mode": size},
                "additionalProperties": false,
            },
        },
        "required": ["type", "target"],
        "additionalProperties": false,
    })
}
