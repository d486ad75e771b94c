//! Removes duplicate entries of lists: the last entry wins, at the position of the first.

use std::collections::BTreeMap;

use super::tree::{ITEM, Path, dotted, lookup};
use super::volume;
use crate::base::say;
use crate::syntax::node::{Kind, Node, Problems};

/// The identity of an entry.
#[derive(Debug, Clone, Copy)]
enum Index {
    /// The part before `=`.
    Key,
    /// The target of a mount.
    Volume,
    /// The path in the container.
    Device,
    /// The port in the file's notation.
    Expose,
    /// The target of a file in this folder.
    Mount(&'static str),
    /// Address, ports and protocol.
    Port,
    /// The path of an environment file.
    EnvFile,
}

const UNIQUE: &[(&str, Index)] = &[
    ("networks.*.labels", Index::Key),
    ("networks.*.ipam.options", Index::Key),
    ("services.*.annotations", Index::Key),
    ("services.*.build.args", Index::Key),
    ("services.*.build.additional_contexts", Index::Key),
    ("services.*.build.platform", Index::Key),
    ("services.*.build.tags", Index::Key),
    ("services.*.build.labels", Index::Key),
    ("services.*.cap_add", Index::Key),
    ("services.*.cap_drop", Index::Key),
    ("services.*.devices", Index::Device),
    ("services.*.configs", Index::Mount("")),
    ("services.*.deploy.labels", Index::Key),
    ("services.*.dns", Index::Key),
    ("services.*.dns_opt", Index::Key),
    ("services.*.dns_search", Index::Key),
    ("services.*.environment", Index::Key),
    ("services.*.env_file", Index::EnvFile),
    ("services.*.expose", Index::Expose),
    ("services.*.labels", Index::Key),
    ("services.*.links", Index::Key),
    ("services.*.networks.*.aliases", Index::Key),
    ("services.*.networks.*.link_local_ips", Index::Key),
    ("services.*.ports", Index::Port),
    ("services.*.profiles", Index::Key),
    ("services.*.secrets", Index::Mount("/run/secrets")),
    ("services.*.sysctls", Index::Key),
    ("services.*.tmpfs", Index::Key),
    ("services.*.volumes", Index::Volume),
];

/// A tree without duplicate entries.
pub(super) fn enforced(node: Node, path: &mut Path, problems: &mut Problems) -> Node {
    let Node { place, kind } = node;
    let kind = match kind {
        Kind::Map(mut entries) => {
            for entry in &mut entries {
                path.push(entry.key.clone());
                let value = std::mem::replace(&mut entry.value, super::tree::null(place));
                entry.value = enforced(value, path, problems);
                path.pop();
            }
            Kind::Map(entries)
        }
        Kind::List(items) => match lookup(UNIQUE, path) {
            Some(index) => Kind::List(unique(items, index, path, problems)),
            None => Kind::List(items),
        },
        other => other,
    };
    Node { place, kind }
}

fn unique(items: Vec<Node>, index: Index, path: &mut Path, problems: &mut Problems) -> Vec<Node> {
    let mut kept: Vec<Node> = Vec::with_capacity(items.len());
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for item in items {
        path.push(ITEM.to_owned());
        let key = index.of(&item, path, problems);
        path.pop();
        let Some(key) = key else { continue };
        if let Some(first) = known.get(&key).and_then(|at| kept.get_mut(*at)) {
            *first = item;
            continue;
        }
        known.insert(key, kept.len());
        kept.push(item);
    }
    kept
}

impl Index {
    /// The identity of an entry; `None` for an invalid entry.
    fn of(self, node: &Node, path: &Path, problems: &mut Problems) -> Option<String> {
        let mut expected = |what: &str| {
            let key = say::short(&dotted(path));
            let message = format!("expected {what} in `{key}`, but found {}", node.what());
            problems.add(node.place, message);
            None
        };
        match self {
            Self::Key => match node.as_text() {
                Some(text) => Some(text.split('=').next().unwrap_or_default().to_owned()),
                None => expected("a text"),
            },
            Self::Volume => match &node.kind {
                Kind::Map(_) => match node.text_of("target") {
                    Some(target) => Some(target.to_owned()),
                    None => expected("a mount with a `target`"),
                },
                Kind::Text(text) => match volume::parsed(text, node.place) {
                    Ok(mount) => Some(mount.text_of("target").unwrap_or_default().to_owned()),
                    Err(problem) => {
                        problems.all.push(problem);
                        None
                    }
                },
                _ => Some(String::new()),
            },
            Self::Device => match &node.kind {
                Kind::Map(_) => match node.text_of("target") {
                    Some(target) => Some(target.to_owned()),
                    None => expected("a device with a `target`"),
                },
                Kind::Text(text) => {
                    let mut parts = text.split(':');
                    let source = parts.next();
                    parts.next().or(source).map(str::to_owned)
                }
                _ => Some(String::new()),
            },
            Self::Expose => match &node.kind {
                Kind::Text(text) | Kind::Number(text) => Some(text.clone()),
                _ => expected("a port"),
            },
            Self::Mount(folder) => match &node.kind {
                Kind::Text(text) => Some(format!("{folder}/{text}")),
                Kind::Map(_) => match node.text_of("target") {
                    Some(target) => Some(target.to_owned()),
                    None => {
                        Some(format!("{folder}/{}", node.text_of("source").unwrap_or_default()))
                    }
                },
                _ => expected("a name, or a map with a `source`"),
            },
            Self::Port => match &node.kind {
                Kind::Map(_) => port(node).or_else(|| expected("a port with a `target`")),
                Kind::Text(text) | Kind::Number(text) => Some(text.clone()),
                _ => Some(String::new()),
            },
            Self::EnvFile => match &node.kind {
                Kind::Text(text) => Some(text.clone()),
                Kind::Map(_) => match node.text_of("path") {
                    Some(path) => Some(path.to_owned()),
                    None => expected("a file with a `path`"),
                },
                _ => Some(String::new()),
            },
        }
    }
}

/// Address, ports and protocol of a port with a target.
fn port(node: &Node) -> Option<String> {
    let said = |key: &str| node.said(key).and_then(Node::printed);
    let target = said("target")?;
    // To Compose, a number, a text and nothing are not the same.
    let published = match node.get("published").map(|node| &node.kind) {
        Some(Kind::Text(text)) => text.clone(),
        other => format!("{other:?}"),
    };
    let host = said("host_ip").unwrap_or_else(|| "0.0.0.0".into());
    let protocol = said("protocol").unwrap_or_else(|| "tcp".into());
    Some(format!("{host}:{published}:{target}/{protocol}"))
}
