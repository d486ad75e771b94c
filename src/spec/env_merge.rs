//! `env_file`: the names in environment files become references under `environment`.
//!
//! Entries of `environment` override files, and later files override earlier files. Parsing files
//! is [`crate::syntax::env_file`]'s; reading files is the shell's.

use std::collections::{BTreeMap, BTreeSet};

use super::planner_grammar::{ENV_FILE, EnvFile};
use crate::base::say;
use crate::options::{AnyRow, Declared};
use crate::syntax::env_file::Format;
use crate::syntax::node::{Entry, Kind, Node, Place, Problems, QUOTE};

/// An environment file that a spec names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFileUse {
    /// The path in references, relative to the spec: see [`Format::of`].
    pub path: String,
    /// Whether the file must exist.
    pub required: bool,
    /// The place of the entry in the spec.
    pub place: Place,
}

/// Reads `env_file`: a path, or a list of paths and of `{path, required, format}`.
pub fn uses(node: &Node, problems: &mut Problems) -> Vec<EnvFileUse> {
    let items = match &node.kind {
        Kind::Null => return Vec::new(),
        Kind::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    items.iter().filter_map(|item| one(item, problems)).collect()
}

fn one(node: &Node, problems: &mut Problems) -> Option<EnvFileUse> {
    let read = ENV_FILE.read(node, problems)?;
    let (path, required, format) = match serde_json::from_value(read).ok()? {
        EnvFile::Path(path) => (path, true, Format::Quoted),
        EnvFile::Long { path, required, format } => {
            (path, required, if format.is_some() { Format::Raw } else { Format::Quoted })
        }
    };
    let said = node.entries().iter().find(|entry| entry.key == "path");
    let place = said.map_or(node.place, |entry| entry.value.place);
    Some(EnvFileUse { path: format.written(&path), required, place })
}

/// Reads `environment`.
pub(super) fn written(
    row: &'static dyn AnyRow,
    node: &Node,
    problems: &mut Problems,
) -> Option<Declared> {
    let before = problems.all.len();
    let typed = typed(node, problems);
    let declared = row.parse(&typed, problems);
    // A wrong or repeated item would hide problems of other items.
    if declared.is_none()
        && let Some(rest) = without_doubles(&typed)
    {
        row.parse(&rest, problems);
    }
    declared.filter(|_| problems.all.len() == before)
}

/// Drops references with values that are not texts, because a number as a name is a mistake.
fn typed(node: &Node, problems: &mut Problems) -> Node {
    let Kind::Map(entries) = &node.kind else { return node.clone() };
    let mut is_typed = |entry: &Entry| {
        let Kind::Map(inner) = &entry.value.kind else { return true };
        let before = problems.all.len();
        for Entry { key, value, .. } in inner {
            let what = match key.as_str() {
                "from_env" | "name" => "the name of a variable",
                "env_file" => "the path of an environment file",
                _ => continue,
            };
            if matches!(value.kind, Kind::Number(_)) {
                problems.expected_with::<()>(what, value, Some(QUOTE));
            }
        }
        problems.all.len() == before
    };
    let kept = entries.iter().filter(|entry| is_typed(entry)).cloned().collect();
    Node { place: node.place, kind: Kind::Map(kept) }
}

/// A list with each name once; `None` for another node, or if the list has no wrong or repeated
/// item.
fn without_doubles(node: &Node) -> Option<Node> {
    let Kind::List(items) = &node.kind else { return None };
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for item in items {
        let (Kind::Text(text) | Kind::Number(text)) = &item.kind else { continue };
        let name = text.split_once('=').map_or(text.as_str(), |(name, _)| name);
        if seen.insert(name) {
            kept.push(item.clone());
        }
    }
    (kept.len() < items.len()).then_some(Node { place: node.place, kind: Kind::List(kept) })
}

/// The node of `environment` with the names of all files. `explicit` is the printed value of
/// `environment`.
pub fn merged(
    explicit: Option<&serde_json::Value>,
    uses: &[EnvFileUse],
    files: &BTreeMap<String, Vec<String>>,
    problems: &mut Problems,
) -> Node {
    let explicit = explicit.map(Node::from_json).map(|node| node.kind);
    let mut entries = match explicit {
        Some(Kind::Map(entries)) => entries,
        _ => Vec::new(),
    };
    let mut from_files: BTreeMap<&String, &EnvFileUse> = BTreeMap::new();
    for file in uses {
        match files.get(&file.path) {
            // The names of a file count for every set that reads the file.
            Some(names) if problems.may_add(names.len() + 1, file.place) => {
                from_files.extend(names.iter().map(|name| (name, file)));
            }
            Some(_) => break,
            None if !file.required => {}
            None => problems.add(
                file.place,
                format!(
                    "expected the environment file `{}`, but it was not read",
                    say::short(Format::of(&file.path).0)
                ),
            ),
        }
    }
    let own: BTreeSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    let new = from_files.into_iter().filter(|(name, _)| !own.contains(*name));
    entries.extend(new.map(|(name, file)| reference(name, file)));
    let place = uses.first().map(|file| file.place).unwrap_or_default();
    Node { place, kind: Kind::Map(entries) }
}

/// The entry `NAME: {env_file: PATH}`.
fn reference(name: &str, file: &EnvFileUse) -> Entry {
    let place = file.place;
    let path = Node { place, kind: Kind::Text(file.path.clone()) };
    let inner = Entry { key: "env_file".into(), place, value: path };
    Entry { key: name.to_owned(), place, value: Node { place, kind: Kind::Map(vec![inner]) } }
}
