//! Converts values of a service to the notation of set options; uses short forms where they are
//! complete.

use super::go;
use super::model::{bytes, said_pairs};
use super::tree::{boolean, list, map, text};
use crate::base::ident::Reference;
use crate::options::value::marked_reference;
use crate::spec::strings;
use crate::syntax::durations;
use crate::syntax::node::{Entry, Kind, Node, Problems, is_extension};

/// The durations of a health check.
const CHECK_DURATIONS: &[&str] = &["interval", "timeout", "start_period", "start_interval"];

/// A map of texts; a null value becomes an empty text.
pub(super) fn texts(node: &Node) -> Node {
    let mut own = map(node.place, Vec::new());
    for (key, value, of) in said_pairs(node) {
        own.set(&key, text(of.place, value.unwrap_or_default()));
    }
    own
}

pub(super) fn size(node: &Node) -> Node {
    match bytes(node) {
        Some(bytes) => Node { place: node.place, kind: Kind::Number(bytes.to_string()) },
        None => node.clone(),
    }
}

/// A duration; days and weeks are converted, because only Compose has them.
pub(super) fn duration(node: &Node) -> Node {
    let said = node.printed().filter(|text| durations::nanoseconds(text).is_none());
    match said.and_then(|text| durations::of_compose(&text)) {
        Some(nanoseconds) => text(node.place, durations::printed(nanoseconds)),
        None => node.clone(),
    }
}

/// A map with durations in these keys.
pub(super) fn with_durations(node: &Node, keys: &[&str]) -> Node {
    let mut own = node.clone();
    for key in keys {
        if let Some(value) = own.get(key).map(duration) {
            own.set(key, value);
        }
    }
    own
}

/// A health check. An empty list says nothing, and a text is always a command line.
pub(super) fn health(node: &Node) -> Node {
    let mut own = with_durations(node, CHECK_DURATIONS);
    let Some(test) = own.get("test").cloned() else { return own };
    if let Some(line @ ("" | "NONE")) = test.as_text() {
        let words = ["CMD-SHELL", line].map(|word| text(test.place, word));
        own.set("test", list(test.place, words.to_vec()));
    } else if matches!(&test.kind, Kind::List(items) if items.is_empty())
        && let Some(entries) = own.entries_mut()
    {
        entries.retain(|entry| entry.key != "test");
    }
    own
}

pub(super) fn logging(node: &Node) -> Node {
    let mut own = node.clone();
    if let Some(options) = own.get("options").map(texts) {
        own.set("options", options);
    }
    own
}

/// The networks of a service, with the service name as an alias.
pub(super) fn networks(service: &str, node: &Node) -> Node {
    let mut own = node.clone();
    let Some(entries) = own.entries_mut() else { return own };
    for Entry { place, value, .. } in entries {
        if value.kind == Kind::Null {
            *value = map(*place, Vec::new());
        }
        let said = value.get("aliases").map(Node::items).unwrap_or_default();
        let mut aliases = vec![text(*place, service)];
        aliases.extend(said.iter().filter(|alias| alias.as_text() != Some(service)).cloned());
        value.set("aliases", list(*place, aliases));
        if let Some(known) = value.entries_mut() {
            known.retain(|entry| !is_extension(&entry.key));
        }
        if let Some(options) = value.get("driver_opts").map(texts) {
            value.set("driver_opts", options);
        }
    }
    own
}

/// `ADDRESS:PUBLISHED:TARGET/PROTOCOL`.
pub(super) fn port(node: &Node) -> Node {
    let said = |key: &str| node.said(key).and_then(Node::printed).filter(|text| !text.is_empty());
    let Some(target) = said("target") else { return node.clone() };
    let bracketed =
        |address: String| if address.contains(':') { format!("[{address}]") } else { address };
    let address = said("host_ip").map(bracketed);
    let begin = match (address, said("published")) {
        (None, None) => String::new(),
        (None, Some(published)) => format!("{published}:"),
        (Some(address), published) => format!("{address}:{}:", published.unwrap_or_default()),
    };
    let end = match said("protocol").as_deref() {
        None | Some("tcp") => String::new(),
        Some(other) => format!("/{other}"),
    };
    text(node.place, format!("{begin}{target}{end}"))
}

/// The short form of a mount, if it is complete.
pub(super) fn mount(node: &Node) -> Node {
    let (source, target) =
        (node.text_of("source").unwrap_or_default(), node.text_of("target").unwrap_or_default());
    let kind = node.text_of("type").unwrap_or_default();
    let mut options: Vec<&str> = Vec::new();
    if node.is_true("read_only") {
        options.push("ro");
    }
    let own = node.get(kind);
    let said = |key: &str| own.and_then(|own| own.said(key));
    let short = match kind {
        "bind" => {
            said("create_host_path").is_some_and(|made| made.kind == Kind::Bool(true))
                && said("recursive").is_none()
        }
        "volume" => said("labels").is_none() && said("subpath").is_none(),
        _ => false,
    };
    options.extend(own.and_then(|own| own.text_of("selinux")));
    options.extend(own.and_then(|own| own.text_of("propagation")));
    if own.is_some_and(|own| own.is_true("nocopy")) {
        options.push("nocopy");
    }
    let colons = source.contains(':') || target.contains(':');
    let anonymous = source.is_empty();
    if !short || colons || anonymous && !options.is_empty() || node.said("consistency").is_some() {
        return long_mount(node);
    }
    let mut spec = if anonymous { target.to_owned() } else { format!("{source}:{target}") };
    if !options.is_empty() {
        spec = format!("{spec}:{}", options.join(","));
    }
    text(node.place, spec)
}

/// The long form of a mount, without default values.
fn long_mount(node: &Node) -> Node {
    let mut own = map(node.place, Vec::new());
    let kind = node.text_of("type").unwrap_or_default();
    for entry in node.entries() {
        let other = matches!(entry.key.as_str(), "bind" | "volume" | "tmpfs" | "image")
            && entry.key != kind;
        let empty = entry.value.entries().is_empty() && matches!(entry.value.kind, Kind::Map(_));
        if !other && !empty && entry.key != "consistency" && !is_extension(&entry.key) {
            own.set(&entry.key, entry.value.clone());
        }
    }
    if kind == "bind" {
        as_compose_binds(&mut own);
    }
    own
}

/// A bind mount in long form as Compose sends it: without `create_host_path: true` no folder is
/// made and no `SELinux` label is set, and an engine that is told of recursion makes no folder.
fn as_compose_binds(mount: &mut Node) {
    let place = mount.place;
    mount.set_default("bind", map(place, Vec::new()));
    let Some(bind) = mount.get_mut("bind") else { return };
    let makes = bind.is_true("create_host_path") && bind.said("recursive").is_none();
    bind.set("create_host_path", boolean(place, makes));
    if let Some(entries) = bind.entries_mut().filter(|_| !makes) {
        entries.retain(|entry| entry.key != "selinux");
    }
}

pub(super) fn device(node: &Node) -> Node {
    let part = |key: &str| node.text_of(key).filter(|text| !text.is_empty());
    let source = part("source").unwrap_or_default();
    let target = part("target").unwrap_or(source);
    let permissions = part("permissions").unwrap_or("rwm");
    text(node.place, format!("{source}:{target}:{permissions}"))
}

/// Device requests, whose options are texts.
pub(super) fn requests(devices: &Node) -> Node {
    let mut devices = devices.clone();
    super::canonical::each(Some(&mut devices), |request| {
        if let Some(options) = request.said("options").map(texts) {
            request.set("options", options);
        }
    });
    devices
}

/// Device requests in exact form: see `exactly` in the spec's own `deploy`.
pub(super) fn exactly(devices: &Node) -> Node {
    let mut devices = requests(devices);
    super::canonical::each(Some(&mut devices), |request| {
        if let Some(capabilities) = request.get("capabilities").cloned() {
            let place = capabilities.place;
            request.set("capabilities", list(place, vec![capabilities]));
        }
    });
    devices
}

pub(super) fn hosts(node: &Node) -> Node {
    let mut problems = Problems::default();
    let items = match super::model::hosts(node, &mut problems) {
        Some(go::Go::List(items)) => items,
        _ => Vec::new(),
    };
    let items = items.into_iter().filter_map(|item| match item {
        go::Go::Text(host) => Some(text(node.place, host)),
        _ => None,
    });
    list(node.place, items.collect())
}

/// A path relative to a folder.
pub(super) fn relative(folder: &str, path: &str) -> String {
    let parts = |path: &str| -> Vec<String> {
        path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let (from, to) = (parts(folder), parts(path));
    let common = from.iter().zip(&to).take_while(|(one, two)| one == two).count();
    let up = std::iter::repeat_n("..", from.len() - common);
    let down = to.iter().skip(common).map(String::as_str);
    let path: Vec<&str> = up.chain(down).collect();
    path.join("/")
}

/// A tree in spec notation: `$` is doubled, and marks become templates.
pub(super) fn written(node: Node) -> Node {
    let Node { place, kind } = node;
    let kind = match kind {
        Kind::Text(word) => match marked_reference(&word) {
            Some(Reference::Template { text: template }) => {
                return map(place, vec![("template", text(place, strings::written(&template)))]);
            }
            _ => Kind::Text(strings::written(&word)),
        },
        Kind::List(items) => Kind::List(items.into_iter().map(written).collect()),
        Kind::Map(entries) => Kind::Map(
            entries
                .into_iter()
                .map(|Entry { key, place, value }| Entry {
                    key: strings::written(&key),
                    place,
                    value: written(value),
                })
                .collect(),
        ),
        other => other,
    };
    Node { place, kind }
}
