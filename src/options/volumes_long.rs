//! The long form of a mount, and the engine's `Mounts`. Mounts that the short form can express are
//! [`super::volumes`]'.

use serde_json::{Map, Value as Json, json};

use super::field::{SIZE_PATTERN, known_keys, map_schema, or_null, text, texts};
use super::numbers;
use super::row::{Context, OptionValue};
use super::volumes::{Mount, RECURSION, Source, absolute, bind_source, target, volume_name};
use crate::base::say;
use crate::syntax::node::{Entry, Kind, Node, Place, Problems};

/// The value of a key; null means "not set".
fn entry<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Node> {
    let said = entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value);
    said.filter(|said| said.kind != Kind::Null)
}

/// The value of a key; null and the empty text mean "not set".
fn scalar<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Node> {
    entry(entries, key).filter(|said| !said.says_nothing())
}

/// A boolean with a default.
fn flag(entries: &[Entry], key: &str, default: bool, problems: &mut Problems) -> bool {
    scalar(entries, key).and_then(|node| bool::parse(node, problems)).unwrap_or(default)
}

/// An optional text.
fn word(entries: &[Entry], key: &str, problems: &mut Problems) -> Option<String> {
    text(scalar(entries, key)?, "a text", problems)
}

/// The entries of a nested map, with known keys only.
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
        None => &[],
        Some((node, _)) => {
            problems.expected::<()>("a map", node);
            &[]
        }
    }
}

/// Reads the long form into the path inside the container and the mount.
pub(super) fn parse(
    place: Place,
    entries: &[Entry],
    problems: &mut Problems,
) -> Option<(String, Mount)> {
    let before = problems.all.len();
    let kind = word(entries, "type", problems);
    let options: &[&'static str] = match kind.as_deref() {
        Some("volume") => &["type", "source", "target", "read_only", "consistency", "volume"],
        Some("bind") => &["type", "source", "target", "read_only", "consistency", "bind"],
        Some("tmpfs") => &["type", "target", "read_only", "consistency", "tmpfs"],
        Some("image") => &["type", "source", "target", "read_only", "consistency", "image"],
        other => {
            let found =
                other.map_or("nothing".to_owned(), |word| format!("`{}`", say::short(word)));
            let message = format!(
                "expected `type` to be `volume`, `bind`, `tmpfs` or `image`, but found {found}"
            );
            problems.add(place, message);
            return None;
        }
    };
    known_keys(entries, options, problems);
    // A word of Docker Desktop without effect on Linux, as in Compose.
    word(entries, "consistency", problems);
    let mut mount = match kind.as_deref() {
        Some("volume") => volume(place, entries, problems),
        Some("bind") => bind(place, entries, problems),
        Some("image") => image(place, entries, problems),
        _ => memory(entries, problems),
    };
    if let Some(mount) = &mut mount {
        let of_image = matches!(mount.source, Source::Image { .. });
        let read_only = flag(entries, "read_only", of_image, problems);
        if of_image && !read_only {
            problems
                .add(place, "expected `read_only: true` or nothing: no engine writes to images");
        }
        mount.read_only = read_only && !of_image;
        needs_read_only(place, mount, problems);
    }
    let inside = if let Some(text) = word(entries, "target", problems) {
        target(&text).map_err(|message| problems.add(place, message)).ok()
    } else {
        problems.add(place, "expected `target`, the path inside, but found none");
        None
    };
    if let (Some(inside), Some(mount)) = (&inside, &mount) {
        unlabelled(place, inside, mount, problems);
    }
    (problems.all.len() == before).then_some((inside?, mount?))
}

/// Refuses `SELinux` labels on a path with a colon: the short form cannot express the path, and the
/// engine's long form has no labels.
fn unlabelled(place: Place, inside: &str, mount: &Mount, problems: &mut Problems) {
    let Source::Bind { path, .. } = &mount.source else { return };
    let label = ["z", "Z"].into_iter().find(|word| mount.options.contains(*word));
    if let Some(word) = label
        && (path.contains(':') || inside.contains(':'))
    {
        problems.add_hint(
            place,
            format!("expected no `selinux: {word}` beside a path with a colon"),
            "an engine cannot do both: leave one out",
        );
    }
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

/// Requires a read-only mount for read-only nested mounts.
fn needs_read_only(place: Place, mount: &Mount, problems: &mut Problems) {
    let said = |recursion: &&(&str, &str, &str)| mount.options.contains(recursion.1);
    match RECURSION.iter().find(said) {
        Some((said, word, _)) if word.starts_with("read-only") && !mount.read_only => {
            problems.add(place, format!("expected `read_only: true` beside `recursive: {said}`"));
        }
        // The Docker CLI refuses this too: the engine would leave some nested mounts writable.
        Some(("readonly", ..)) if !mount.options.contains("rprivate") => problems.add_hint(
            place,
            "expected `propagation: rprivate` beside `recursive: readonly`",
            "an engine holds mounts that come later read-only in no other way",
        ),
        _ => {}
    }
}

fn image(place: Place, entries: &[Entry], problems: &mut Problems) -> Option<Mount> {
    let inside = inner(entries, "image", &["subpath"], problems);
    let subpath = word(inside, "subpath", problems);
    let Some(reference) = word(entries, "source", problems).filter(|text| !text.is_empty()) else {
        problems.add(place, "expected `source`, the image, but found none");
        return None;
    };
    Some(Mount::new(Source::Image { reference, subpath }))
}

fn bind(place: Place, entries: &[Entry], problems: &mut Problems) -> Option<Mount> {
    let inside = inner(
        entries,
        "bind",
        &["propagation", "create_host_path", "selinux", "recursive"],
        problems,
    );
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
    let recursion = word(inside, "recursive", problems).filter(|word| word != "enabled");
    if let Some(said) = &recursion {
        match RECURSION.iter().find(|(word, ..)| word == said) {
            Some((_, word, _)) => {
                mount.options.insert((*word).to_owned());
            }
            None => problems.add(
                place,
                format!(
                    "expected `enabled`, `disabled`, `writable` or `readonly`, but found `{}`",
                    say::short(said)
                ),
            ),
        }
        if create {
            problems.add_hint(
                place,
                format!(
                    "expected `create_host_path: false` beside `recursive: {}`",
                    say::short(said)
                ),
                "an engine that is told of recursion makes no folder on the host",
            );
        }
    }
    match word(inside, "selinux", problems).as_deref() {
        None => {}
        Some(word @ ("z" | "Z")) if create && recursion.is_none() => {
            mount.options.insert(word.to_owned());
        }
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

/// The further options of a `tmpfs` mount in the long form.
const EXECUTION: &[&str] = &["exec", "noexec"];

fn memory(entries: &[Entry], problems: &mut Problems) -> Option<Mount> {
    let inside = inner(entries, "tmpfs", &["size", "mode", "options"], problems);
    let words = entry(inside, "options")
        .map_or(Some(Vec::new()), |node| texts(node, "a list of `exec` or `noexec`", problems));
    if let (Some(node), Some(words)) = (entry(inside, "options"), &words) {
        // Docker accepts no other words here (tried on 28.5).
        for word in words.iter().filter(|word| !EXECUTION.contains(&word.as_str())) {
            let message = format!("expected `exec` or `noexec`, but found `{}`", say::short(word));
            let hint = "the option `tmpfs` takes any: `tmpfs: [\"/run:noexec,uid=1000\"]`";
            problems.add_hint(node.place, message, hint);
        }
    }
    let mut number = |key: &str, read: fn(&Node) -> Option<i64>, what: &str| -> Option<i64> {
        let Some(node) = scalar(inside, key) else { return Some(0) };
        read(node).or_else(|| numbers::expected(what, node, problems))
    };
    let size = number("size", numbers::size, "a size like `64m`");
    let mode = number(
        "mode",
        numbers::permissions,
        "permissions, octal like `01777`, or as a number up to 4095",
    );
    let mut mount = Mount::new(Source::Memory { size: size?, mode: mode? });
    mount.options.extend(words?);
    Some(mount)
}

/// Prints a mount that the short form cannot express.
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
            // A bind in `Mounts` has no other words.
            for word in &mount.options {
                match RECURSION.iter().find(|(_, own, _)| own == word) {
                    Some((said, ..)) => options.insert("recursive".to_owned(), json!(said)),
                    None => options.insert("propagation".to_owned(), json!(word)),
                };
            }
            put("bind", Json::Object(options));
        }
        Source::Memory { size, mode } => {
            put("type", json!("tmpfs"));
            let mut options = Map::new();
            options.insert("size".to_owned(), json!(size));
            options.insert("mode".to_owned(), json!(format!("{mode:o}")));
            if !mount.options.is_empty() {
                options.insert("options".to_owned(), json!(mount.options));
            }
            put("tmpfs", Json::Object(options));
        }
        Source::Image { reference, subpath } => {
            put("type", json!("image"));
            put("source", json!(reference));
            if let Some(subpath) = subpath {
                put("image", json!({"subpath": subpath}));
            }
        }
    }
    Json::Object(map)
}

/// Writes an entry of `Mounts`.
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
        Source::Bind { path, create } => {
            put("Type", json!("bind"));
            put("Source", json!(absolute(path, cx)));
            let mut options = Map::new();
            if *create {
                options.insert("CreateMountpoint".to_owned(), json!(true));
            }
            for word in &mount.options {
                match RECURSION.iter().find(|(_, own, _)| own == word) {
                    Some((.., field)) => options.insert((*field).to_owned(), json!(true)),
                    None => options.insert("Propagation".to_owned(), json!(word)),
                };
            }
            if !options.is_empty() {
                put("BindOptions", Json::Object(options));
            }
        }
        Source::Memory { size, mode } => {
            put("Type", json!("tmpfs"));
            let mut options = Map::new();
            options.insert("SizeBytes".to_owned(), json!(size));
            options.insert("Mode".to_owned(), json!(mode));
            if !mount.options.is_empty() {
                let words =
                    mount.options.iter().map(|word| word.splitn(2, '=').collect::<Vec<_>>());
                options.insert("Options".to_owned(), words.collect::<Vec<_>>().into());
            }
            put("TmpfsOptions", Json::Object(options));
        }
        Source::Image { reference, subpath } => {
            put("Type", json!("image"));
            put("Source", json!(reference));
            if let Some(subpath) = subpath {
                put("ImageOptions", json!({"Subpath": subpath}));
            }
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
            let path = crate::base::path::clean(&source);
            let create = entry["BindOptions"]["CreateMountpoint"].as_bool() == Some(true);
            Mount::new(Source::Bind { path, create })
        }
        "tmpfs" => {
            let number = |key: &str| entry["TmpfsOptions"][key].as_i64().unwrap_or(0);
            Mount::new(Source::Memory { size: number("SizeBytes"), mode: number("Mode") })
        }
        "image" => {
            let subpath = text(&entry["ImageOptions"]["Subpath"]);
            let subpath = Some(subpath).filter(|part| !part.is_empty());
            Mount::new(Source::Image { reference: source, subpath })
        }
        // A type that no spec can express is shown as text.
        kind => Mount::new(Source::Named { name: format!("{kind}:{source}"), subpath: None }),
    };
    mount.read_only = entry["ReadOnly"].as_bool().unwrap_or(false)
        && !matches!(mount.source, Source::Image { .. });
    for (_, word, field) in RECURSION {
        if entry["BindOptions"][field].as_bool() == Some(true) {
            mount.options.insert(word.to_owned());
        }
    }
    for option in entry["TmpfsOptions"]["Options"].as_array().into_iter().flatten() {
        let parts = option.as_array().into_iter().flatten().filter_map(Json::as_str);
        mount.options.insert(parts.collect::<Vec<_>>().join("="));
    }
    if entry["VolumeOptions"]["NoCopy"].as_bool() == Some(true) {
        mount.options.insert("nocopy".to_owned());
    }
    let propagation = text(&entry["BindOptions"]["Propagation"]);
    if !propagation.is_empty() {
        mount.options.insert(propagation);
    }
    (crate::base::path::clean(&text(&entry["Target"])), mount)
}

/// The schema of the long form.
pub(super) fn schema() -> Json {
    let size = json!({"anyOf": [
        {"type": "integer", "minimum": 0}, {"type": "string", "pattern": SIZE_PATTERN},
    ]});
    let mode = json!({"anyOf": [
        {"type": "integer", "minimum": 0, "maximum": 4095},
        {"type": "string", "pattern": "^(0o)?[0-7]+$"},
    ]});
    let texts = json!({"type": "array", "items": {"enum": EXECUTION}});
    let volume = json!({"nocopy": bool::schema(), "subpath": {"type": "string"}});
    let bind = json!({
        "propagation": {"enum": super::volumes::PROPAGATIONS},
        "create_host_path": bool::schema(),
        "selinux": {"enum": ["z", "Z"]},
        "recursive": {"enum": ["enabled", "disabled", "writable", "readonly"]},
    });
    let tmpfs = json!({"size": size, "mode": mode, "options": texts});
    let mut properties = or_null(json!({
        "source": {"type": "string"},
        "read_only": bool::schema(),
        "consistency": {"type": "string"},
        "volume": map_schema(&or_null(volume), &[]),
        "bind": map_schema(&or_null(bind), &[]),
        "tmpfs": map_schema(&or_null(tmpfs), &[]),
        "image": map_schema(&or_null(json!({"subpath": {"type": "string"}})), &[]),
    }));
    properties["type"] = json!({"enum": ["volume", "bind", "tmpfs", "image"]});
    properties["target"] = json!({"type": "string", "pattern": "^/."});
    map_schema(&properties, &["type", "target"])
}
