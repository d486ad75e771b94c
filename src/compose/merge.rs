//! Merges the values of several Compose files.
//!
//! Special keys are in the table. For other keys, maps are merged, lists are appended, and the
//! later scalar replaces the earlier scalar.

use super::tree::{Path, dotted, list, lookup, map, null, text};
use crate::base::say;
use crate::syntax::node::{Entry, Kind, Node, Place, Problems};

/// The merge rule of a special key.
#[derive(Debug, Clone, Copy)]
enum Special {
    /// Both values as lists of `KEY=VALUE`, one after the other.
    Sequence,
    /// Both values as lists, without duplicates.
    Hosts,
    /// The later value replaces the earlier value.
    Later,
    /// A text stands for `context`.
    Build,
    /// A list becomes a map of services with default settings.
    DependsOn,
    /// A list becomes a map with empty values.
    Keys,
    /// Options of another driver are dropped.
    Logging,
    /// The later value replaces the earlier value; two maps are merged.
    Ulimit,
    /// Pools are merged by subnet.
    Pools,
}

const SPECIALS: &[(&str, Special)] = &[
    ("networks.*.ipam.config", Special::Pools),
    ("networks.*.labels", Special::Sequence),
    ("volumes.*.labels", Special::Sequence),
    ("services.*.annotations", Special::Sequence),
    ("services.*.build", Special::Build),
    ("services.*.build.args", Special::Sequence),
    ("services.*.build.additional_contexts", Special::Sequence),
    ("services.*.build.extra_hosts", Special::Hosts),
    ("services.*.build.labels", Special::Sequence),
    ("services.*.command", Special::Later),
    ("services.*.depends_on", Special::DependsOn),
    ("services.*.deploy.labels", Special::Sequence),
    ("services.*.dns", Special::Sequence),
    ("services.*.dns_opt", Special::Sequence),
    ("services.*.dns_search", Special::Sequence),
    ("services.*.entrypoint", Special::Later),
    ("services.*.env_file", Special::Sequence),
    ("services.*.label_file", Special::Sequence),
    ("services.*.environment", Special::Sequence),
    ("services.*.extra_hosts", Special::Hosts),
    ("services.*.healthcheck.test", Special::Later),
    ("services.*.labels", Special::Sequence),
    ("services.*.volumes.*.volume.labels", Special::Sequence),
    ("services.*.logging", Special::Logging),
    ("services.*.models", Special::Keys),
    ("services.*.networks", Special::Keys),
    ("services.*.sysctls", Special::Sequence),
    ("services.*.tmpfs", Special::Sequence),
    ("services.*.ulimits.*", Special::Ulimit),
];

/// Merges two values; `over` has precedence.
pub(super) fn merged(base: Node, over: Node, path: &mut Path, problems: &mut Problems) -> Node {
    if let Some(special) = lookup(SPECIALS, path) {
        return special.merged(base, over, path, problems);
    }
    if over.kind == Kind::Null {
        return base;
    }
    match (&base.kind, &over.kind) {
        (Kind::Map(_), Kind::Map(_)) => maps(base, over, path, problems),
        (Kind::List(_), Kind::List(_)) => appended(base, over),
        (Kind::Map(_) | Kind::List(_), _) => {
            let what = if matches!(base.kind, Kind::Map(_)) { "a map" } else { "a list" };
            let message = format!(
                "expected {what} as `{}`, as in the file before, but found {}",
                say::short(&dotted(path)),
                over.what(),
            );
            problems.add(over.place, message);
            base
        }
        _ => over,
    }
}

fn appended(base: Node, over: Node) -> Node {
    let Node { place, kind: Kind::List(mut items) } = base else { return over };
    if let Kind::List(more) = over.kind {
        items.extend(more);
    }
    list(place, items)
}

fn maps(mut base: Node, over: Node, path: &mut Path, problems: &mut Problems) -> Node {
    let Kind::Map(more) = over.kind else { return base };
    let Some(entries) = base.entries_mut() else { return base };
    for entry in more {
        let Some(known) = entries.iter_mut().find(|known| known.key == entry.key) else {
            entries.push(entry);
            continue;
        };
        path.push(entry.key);
        let before = std::mem::replace(&mut known.value, null(entry.place));
        known.value = merged(before, entry.value, path, problems);
        known.place = entry.place;
        path.pop();
    }
    base
}

impl Special {
    fn merged(self, base: Node, over: Node, path: &mut Path, problems: &mut Problems) -> Node {
        match self {
            Self::Later | Self::Ulimit => over,
            Self::Sequence => appended(sequence(base), sequence(over)),
            Self::Hosts => {
                let base = sequence(base);
                let mut over = sequence(over);
                if let Kind::List(items) = &mut over.kind {
                    items.retain(|item| !base.items().iter().any(|known| known.is_alike(item)));
                }
                appended(base, over)
            }
            Self::Build => maps(build(base), build(over), path, problems),
            Self::DependsOn => {
                let defaults = |place: Place| {
                    let condition = text(place, "service_started");
                    let required = super::tree::boolean(place, true);
                    map(place, vec![("condition", condition), ("required", required)])
                };
                maps(mapping(base, defaults), mapping(over, defaults), path, problems)
            }
            Self::Keys => maps(mapping(base, null), mapping(over, null), path, problems),
            Self::Logging => {
                let driver = |node: &Node| node.said("driver").and_then(Node::printed);
                match (driver(&base), driver(&over)) {
                    (Some(one), Some(two)) if one != two => over,
                    _ => maps(base, over, path, problems),
                }
            }
            Self::Pools => pools(&base, &over, path, problems),
        }
    }
}

fn build(node: Node) -> Node {
    match node.kind {
        Kind::Text(_) => map(node.place, vec![("context", node)]),
        _ => node,
    }
}

/// Converts a list of names to a map.
fn mapping(node: Node, value: impl Fn(Place) -> Node) -> Node {
    let Node { place, kind } = node;
    let kind = match kind {
        Kind::List(items) => {
            let mut entries: Vec<Entry> = Vec::new();
            for item in items {
                let Some(key) = item.printed() else { continue };
                if !entries.iter().any(|entry| entry.key == key) {
                    entries.push(Entry { key, place: item.place, value: value(item.place) });
                }
            }
            Kind::Map(entries)
        }
        other => other,
    };
    Node { place, kind }
}

/// Converts a map to a list of `KEY=VALUE`.
fn sequence(node: Node) -> Node {
    let Node { place, kind } = node;
    let kind = match kind {
        Kind::Map(entries) => {
            let mut items: Vec<Node> = Vec::new();
            for Entry { key, place, value } in entries {
                match value.kind {
                    Kind::Null => items.push(text(place, key)),
                    Kind::List(values) => {
                        let values = values.iter().filter_map(Node::printed);
                        items.extend(values.map(|value| text(place, format!("{key}={value}"))));
                    }
                    _ => {
                        let value = value.printed().unwrap_or_default();
                        items.push(text(place, format!("{key}={value}")));
                    }
                }
            }
            items.sort_by(|one, two| one.as_text().cmp(&two.as_text()));
            Kind::List(items)
        }
        Kind::List(items) => Kind::List(items),
        Kind::Null => Kind::List(Vec::new()),
        scalar => Kind::List(vec![Node { place, kind: scalar }]),
    };
    Node { place, kind }
}

/// Merges address pools with the same subnet.
fn pools(base: &Node, over: &Node, path: &mut Path, problems: &mut Problems) -> Node {
    let mut all: Vec<Node> = Vec::new();
    let subnet = |node: &Node| node.text_of("subnet").map(str::to_owned);
    for own in base.items() {
        for other in over.items() {
            if subnet(own) != subnet(other)
                && !all.iter().any(|known| subnet(known) == subnet(other))
            {
                all.push(other.clone());
                continue;
            }
            let both = maps(own.clone(), other.clone(), path, problems);
            match all.iter_mut().find(|known| subnet(known) == subnet(&both)) {
                Some(known) => *known = both,
                None => all.push(both),
            }
        }
    }
    list(over.place, all)
}
