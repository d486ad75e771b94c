//! Converts short forms of a Compose file to long forms, and adds default values. Runs after each
//! file.

use super::ports;
use super::tree::{ITEM, Path, boolean, dotted, list, lookup, map, null, text};
use super::volume;
use crate::base::say;
use crate::syntax::node::{Entry, Kind, Node, Place, Problems};

/// The conversion of a value to its long form.
#[derive(Debug, Clone, Copy)]
enum Long {
    /// A text becomes a list with this text.
    List,
    /// A list of names becomes a map with empty values.
    Keys,
    /// A list of `KEY=VALUE` becomes a map.
    Pairs,
    DependsOn,
    EnvFile,
    Gpus,
    Volume,
    Device,
    FileMount,
    Ports,
    Build,
    Ssh,
    External,
    /// A scalar becomes a text.
    Printed,
}

const LONG: &[(&str, Long)] = &[
    ("services.*.build", Long::Build),
    ("services.*.build.secrets.*", Long::FileMount),
    ("services.*.build.provenance", Long::Printed),
    ("services.*.build.sbom", Long::Printed),
    ("services.*.build.additional_contexts", Long::Pairs),
    ("services.*.build.ssh", Long::Ssh),
    ("services.*.depends_on", Long::DependsOn),
    ("services.*.env_file", Long::EnvFile),
    ("services.*.label_file", Long::List),
    ("services.*.gpus", Long::Gpus),
    ("services.*.networks", Long::Keys),
    ("services.*.models", Long::Keys),
    ("services.*.volumes.*", Long::Volume),
    ("services.*.dns", Long::List),
    ("services.*.devices.*", Long::Device),
    ("services.*.secrets.*", Long::FileMount),
    ("services.*.configs.*", Long::FileMount),
    ("services.*.ports", Long::Ports),
    ("volumes.*", Long::External),
    ("networks.*", Long::External),
    ("secrets.*", Long::External),
    ("configs.*", Long::External),
];

/// Converts a tree to long forms.
pub(super) fn canonical(node: Node, path: &mut Path, problems: &mut Problems) -> Node {
    let node = match lookup(LONG, path) {
        Some(long) => long.of(node, path, problems),
        None => node,
    };
    let Node { place, kind } = node;
    let kind = match kind {
        Kind::Map(entries) => {
            let entry = |Entry { key, place, value }| {
                path.push(key);
                let value = canonical(value, path, problems);
                Entry { key: path.pop().unwrap_or_default(), place, value }
            };
            Kind::Map(entries.into_iter().map(entry).collect())
        }
        Kind::List(items) => {
            path.push(ITEM.to_owned());
            let items = items.into_iter().map(|item| canonical(item, path, problems)).collect();
            path.pop();
            Kind::List(items)
        }
        other => other,
    };
    Node { place, kind }
}

impl Long {
    fn of(self, node: Node, path: &Path, problems: &mut Problems) -> Node {
        let Node { place, kind } = node;
        let whole = |kind| Node { place, kind };
        match (self, kind) {
            (Self::List, Kind::Text(word)) => list(place, vec![text(place, word)]),
            (Self::Keys, Kind::List(items)) => whole(Kind::Map(
                items
                    .into_iter()
                    .filter_map(|item| {
                        let key = item.printed()?;
                        Some(Entry { key, place: item.place, value: null(item.place) })
                    })
                    .collect(),
            )),
            (Self::Pairs | Self::Ssh, Kind::List(items)) => pairs(place, &items, problems),
            (Self::DependsOn, Kind::Map(entries)) => {
                whole(Kind::Map(entries.into_iter().map(depends).collect()))
            }
            (Self::DependsOn, Kind::List(items)) => whole(Kind::Map(
                items
                    .into_iter()
                    .filter_map(|item| {
                        let (key, place) = (item.printed()?, item.place);
                        Some(depends(Entry { key, place, value: map(place, Vec::new()) }))
                    })
                    .collect(),
            )),
            (Self::EnvFile, Kind::Text(word)) => list(place, vec![env_file(text(place, word))]),
            (Self::EnvFile, Kind::List(items)) => {
                list(place, items.into_iter().map(env_file).collect())
            }
            (Self::Gpus, Kind::Text(_)) => {
                list(place, vec![map(place, vec![("count", text(place, "all"))])])
            }
            (Self::Volume, Kind::Text(word)) => match volume::parsed(&word, place) {
                Ok(mount) => mount,
                Err(problem) => {
                    problems.all.push(problem);
                    null(place)
                }
            },
            (Self::Device, Kind::Text(word)) => device(place, &word, problems),
            (Self::FileMount, Kind::Text(word)) => map(place, vec![("source", text(place, word))]),
            (Self::Ports, Kind::List(items)) => {
                let ports = |item: Node| match &item.kind {
                    Kind::Text(text) | Kind::Number(text) => {
                        ports::parsed(text, item.place, problems).unwrap_or_default()
                    }
                    _ => vec![item],
                };
                list(place, items.into_iter().flat_map(ports).collect())
            }
            (Self::Build, Kind::Text(word)) => map(place, vec![("context", text(place, word))]),
            (Self::External, kind @ Kind::Map(_)) => external(whole(kind), path, problems),
            (Self::Printed, kind @ Kind::Bool(_)) => {
                let node = whole(kind);
                text(place, node.printed().unwrap_or_default())
            }
            (_, kind) => whole(kind),
        }
    }
}

fn pairs(place: Place, items: &[Node], problems: &mut Problems) -> Node {
    let mut node = map(place, Vec::new());
    for item in items {
        let Some((key, value)) = item.as_text().and_then(|text| text.split_once('=')) else {
            if item.as_text() == Some("default") {
                node.set("default", null(item.place));
                continue;
            }
            problems.expected::<()>("`KEY=VALUE`", item);
            continue;
        };
        node.set(key, text(item.place, value));
    }
    node
}

fn depends(mut entry: Entry) -> Entry {
    let place = entry.place;
    entry.value.set_default("condition", text(place, "service_started"));
    entry.value.set_default("required", boolean(place, true));
    entry
}

fn env_file(node: Node) -> Node {
    let place = node.place;
    let mut file = if node.as_text().is_some() { map(place, vec![("path", node)]) } else { node };
    file.set_default("required", boolean(place, true));
    file
}

fn device(place: Place, word: &str, problems: &mut Problems) -> Node {
    let parts: Vec<&str> = word.split(':').collect();
    let (source, target, permissions) = match parts.as_slice() {
        [source] => (*source, *source, "rwm"),
        [source, target] => (*source, *target, "rwm"),
        [source, target, permissions] => (*source, *target, *permissions),
        _ => {
            problems.add_hint(
                place,
                format!(
                    "expected a device like `/dev/a:/dev/b:rwm`, but found `{}`",
                    say::short(word)
                ),
                "the long form, with `source`, `target` and `permissions`, can say everything",
            );
            ("", "", "")
        }
    };
    let target = if target.is_empty() { source } else { target };
    let entries = [("source", source), ("target", target), ("permissions", permissions)];
    map(place, entries.into_iter().map(|(key, value)| (key, text(place, value))).collect())
}

/// Converts `external: {name: NAME}`, the older notation.
fn external(mut node: Node, path: &Path, problems: &mut Problems) -> Node {
    let Some(said) = node.get("external").filter(|said| matches!(said.kind, Kind::Map(_))) else {
        return node;
    };
    let (place, name) = (said.place, said.said("name").cloned());
    node.set("external", boolean(place, true));
    let Some(name) = name else { return node };
    match node.get("name") {
        Some(own) if !own.is_alike(&name) => {
            let key = say::short(&dotted(path));
            let message = format!("expected one name of `{key}`, but found two: use `name` alone");
            problems.add(name.place, message);
        }
        Some(_) => {}
        None => node.set("name", name),
    }
    node
}

/// Adds default values, after all files are merged.
pub(super) fn defaults(root: &mut Node) {
    let Some(services) = root.get_mut("services").and_then(Node::entries_mut) else { return };
    for service in services {
        let service = &mut service.value;
        if let Some(build) = service.get_mut("build") {
            let place = build.place;
            build.set_default("context", text(place, "."));
        }
        each(service.get_mut("secrets"), |secret| {
            let source = secret.text_of("source").unwrap_or_default().to_owned();
            let place = secret.place;
            secret.set_default("target", text(place, format!("/run/secrets/{source}")));
        });
        each(service.get_mut("ports"), |port| {
            let place = port.place;
            port.set_default("protocol", text(place, "tcp"));
            port.set_default("mode", text(place, "ingress"));
        });
        each(service.get_mut("gpus"), requests);
        let reservations = service
            .get_mut("deploy")
            .and_then(|deploy| deploy.get_mut("resources"))
            .and_then(|resources| resources.get_mut("reservations"));
        each(reservations.and_then(|reservations| reservations.get_mut("devices")), requests);
    }
}

fn requests(request: &mut Node) {
    if request.get("count").is_none() && request.get("device_ids").is_none() {
        let place = request.place;
        request.set("count", text(place, "all"));
    }
}

/// Calls a function for every map in a list.
pub(super) fn each<'a>(node: impl Into<Option<&'a mut Node>>, with: impl FnMut(&mut Node)) {
    let Some(Node { kind: Kind::List(items), .. }) = node.into() else { return };
    items.iter_mut().filter(|item| matches!(item.kind, Kind::Map(_))).for_each(with);
}

/// Removes empty entries from `dns`.
pub(super) fn omit_empty(root: &mut Node) {
    let Some(services) = root.get_mut("services").and_then(Node::entries_mut) else { return };
    for service in services {
        if let Some(Node { kind: Kind::List(items), .. }) = service.value.get_mut("dns") {
            items.retain(|item| !item.says_nothing());
        }
    }
}
