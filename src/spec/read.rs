//! Reads a spec from its syntax tree: the root. A single set is `set`'s, rules across sets are
//! `across`'s.
//!
//! All problems of a file are reported, not only the first. This module reads no files: the names
//! in environment files are an input.

use std::collections::{BTreeMap, BTreeSet};

use super::across::Whole;
use super::env_merge::{self, EnvFileUse};
use super::places::Places;
use super::planner_grammar::COMPAT;
use super::set::{self, Defaulted, SetReader};
use super::vocabulary;
use super::{Set, Spec, resources_read, strings};
use crate::base::ident::{ProjectName, SetName, reserved_suffix};
use crate::base::image_ref::ImageRef;
use crate::base::say;
use crate::syntax::node::{Entry, Kind, Node, Place, Problem, Problems, QUOTE, is_extension};

/// The names in each environment file, by the path in the spec.
pub type Files = BTreeMap<String, Vec<String>>;

/// Reads a spec from its text: [`crate::syntax::yaml::tree`], then [`tree`].
pub fn text(text: &str, files: &Files) -> Result<Spec, Vec<Problem>> {
    let (node, told) = crate::syntax::yaml::tree(text).map_err(|problem| vec![problem])?;
    tree(node, told, files)
}

/// The environment files of all sets, in the order of the spec. The caller reads these files before
/// [`spec`], which reports errors in `env_file`.
pub fn env_files(node: &Node) -> Vec<EnvFileUse> {
    let mut ignored = Problems::default();
    let Kind::Map(root) = &node.kind else { return Vec::new() };
    let containers = root.iter().filter(|entry| entry.key == "containers");
    let mut uses = Vec::new();
    for containers in containers {
        let Kind::Map(sets) = &containers.value.kind else { continue };
        for set in sets {
            let Kind::Map(keys) = &set.value.kind else { continue };
            for key in keys.iter().filter(|entry| entry.key == "env_file") {
                let files = strings::literal(key.value.clone(), &mut ignored);
                uses.extend(env_merge::uses(&files, &mut ignored));
            }
        }
    }
    uses
}

/// Reads a spec from a tree without text, such as a plan's `declared` ([`Node::from_json`]).
pub fn spec(node: Node, files: &Files) -> Result<Spec, Vec<Problem>> {
    tree(node, Vec::new(), files)
}

/// Reads a spec from a tree, together with the problems of its text.
pub fn tree(node: Node, told: Vec<Problem>, files: &Files) -> Result<Spec, Vec<Problem>> {
    let mut problems = Problems::with(told);
    let node = strings::literal(node, &mut problems);
    let node = strings::marked(node, &mut problems);
    // A variable is already a problem, so its value gives no further problem.
    let variables: BTreeSet<Place> = problems.all.iter().map(|problem| problem.place).collect();
    let told = problems.all.len();
    let spec = root(&node, files, &mut problems);
    let mut all = problems.all;
    let mut rest = all.split_off(told);
    rest.retain(|problem| problem.place.line == 0 || !variables.contains(&problem.place));
    all.append(&mut rest);
    all.sort_by_key(|problem| problem.place);
    all.dedup();
    match spec {
        Some(spec) if all.is_empty() => Ok(spec),
        _ => Err(all),
    }
}

fn root(node: &Node, files: &Files, problems: &mut Problems) -> Option<Spec> {
    let entries = match &node.kind {
        Kind::Map(entries) => entries.as_slice(),
        Kind::Null => &[],
        _ => return problems.expected("a map with `project` and `containers`", node),
    };
    let (mut project, mut base_dir, mut compat, mut containers) = (None, None, None, None);
    let (mut networks, mut volumes, mut defaults) = (None, None, None);
    let (mut moved, mut prune) = (None, None);
    for entry in entries {
        let word = entry.key.as_str();
        match word {
            _ if is_extension(word) => {}
            _ if !vocabulary::ROOT.contains(&word) => {
                problems.unknown(entry, word, vocabulary::unknown_at_root);
            }
            // A key without a value is undeclared.
            _ if entry.value.kind == Kind::Null => {}
            "project" => project = Some(&entry.value),
            "base_dir" => base_dir = Some(&entry.value),
            "compat" => compat = Some(&entry.value),
            "defaults" => defaults = Some(entry),
            "moved" => moved = Some(&entry.value),
            "prune" => prune = entry.value.boolean(problems),
            "networks" => networks = Some(&entry.value),
            "volumes" => volumes = Some(&entry.value),
            _ => containers = Some(&entry.value),
        }
    }
    let start = Place { line: node.place.line.min(1), column: node.place.line.min(1) };
    if project.is_none() {
        lacks_project(start, problems);
    }
    let known_project = project.and_then(|node| project_name(node, problems));
    let known_base = base_dir.and_then(|node| absolute(node, problems));
    let known_compat = compat.and_then(|node| COMPAT.read(node, problems));
    let known_compat = known_compat.and_then(|word| serde_json::from_value(word).ok());
    let (networks, network_places) =
        networks.map(|node| resources_read::networks(node, problems)).unwrap_or_default();
    let (volumes, volume_places) =
        volumes.map(|node| resources_read::volumes(node, problems)).unwrap_or_default();
    let Some(containers) = containers else {
        return lacks_containers(start, problems);
    };
    let defaults = &defaults.map(|entry| defaulted(entry, problems)).unwrap_or_default();
    let mut sets =
        sets(containers, &SetReader { files, compat: known_compat, defaults }, problems)?;
    one_spelling(&mut sets.read);
    let spec = Spec {
        // A placeholder, so that the rest of the spec can be checked.
        project: known_project.unwrap_or_else(|| ProjectName::new("?")),
        base_dir: known_base,
        compat: known_compat,
        moved: moved.map(|node| super::moved::read(node, problems)).unwrap_or_default(),
        prune: prune.unwrap_or_default(),
        pruned: BTreeSet::new(),
        networks,
        volumes,
        sets: sets.read,
    };
    if let Some(node) = moved {
        super::moved::check(&spec, node, !sets.lost.is_empty(), problems);
    }
    let whole = Whole {
        spec: &spec,
        places: sets.places,
        lost: sets.lost,
        networks: network_places,
        volumes: volume_places,
        base_is_known: base_dir.is_none() || spec.base_dir.is_some(),
    };
    whole.check(problems);
    Some(spec)
}

fn lacks_project(start: Place, problems: &mut Problems) {
    problems.add_hint(
        start,
        "expected a `project`, but found none",
        "`project: NAME` marks whose containers they are, and begins their names",
    );
}

fn lacks_containers<T>(start: Place, problems: &mut Problems) -> Option<T> {
    problems.add_hint(
        start,
        "expected `containers`, but found none",
        "a spec that declares none says `containers: {}`",
    );
    None
}

fn project_name(node: &Node, problems: &mut Problems) -> Option<ProjectName> {
    let what =
        "a name of lower-case letters, digits, `-` and `_` that begins with a letter or digit";
    let Kind::Text(text) = &node.kind else {
        let hint = matches!(node.kind, Kind::Number(_) | Kind::Bool(_)).then_some(QUOTE);
        return problems.expected_with(what, node, hint);
    };
    let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if text.starts_with(first) && text.chars().all(|c| first(c) || matches!(c, '-' | '_')) {
        return Some(ProjectName::new(text.as_str()));
    }
    problems.expected(what, node)
}

fn absolute(node: &Node, problems: &mut Problems) -> Option<String> {
    match &node.kind {
        Kind::Text(text) if text.starts_with('/') => Some(text.clone()),
        _ => problems.expected("an absolute path on the engine's host", node),
    }
}

/// Reads `defaults`, and checks its values even if no set uses them.
fn defaulted<'a>(entry: &'a Entry, problems: &mut Problems) -> Defaulted<'a> {
    let mut all = Defaulted::new();
    let Kind::Map(entries) = &entry.value.kind else {
        problems.expected::<()>("a map of planner keys", &entry.value);
        return all;
    };
    for one in entries.iter().filter(|one| !is_extension(&one.key)) {
        let Some(key) = vocabulary::default_by_word(&one.key) else {
            let (message, hint) = vocabulary::unknown_default(&one.key);
            problems.all.push(Problem { place: one.place, message, hint });
            continue;
        };
        if vocabulary::planner_key(key).is_some_and(|key| key.is_undeclared(&one.value)) {
            continue;
        }
        if let Some(first) = all.get(key) {
            let (again, first) = (&one.key, &first.key);
            let message =
                format!("expected `{key}` once, but found `{again}`, which means `{first}`");
            problems.add(one.place, message);
            continue;
        }
        all.insert(key, one);
    }
    set::look_at(entry, &all, problems);
    all
}

/// The limit of sets in a spec.
const MOST_SETS: usize = 10_000;

/// The hint for a spec that is too large.
pub(super) const SPLIT: &str = "split the spec: one for each project, or for each host";

/// The readable sets.
#[derive(Default)]
struct Sets {
    read: BTreeMap<SetName, Set>,
    places: BTreeMap<SetName, Places>,
    /// Words that may refer to unreadable sets.
    lost: BTreeSet<String>,
}

fn sets(node: &Node, reader: &SetReader<'_>, problems: &mut Problems) -> Option<Sets> {
    let Kind::Map(entries) = &node.kind else {
        return problems.expected("a map of container sets", node);
    };
    if let Some(beyond) = entries.get(MOST_SETS) {
        let found = entries.len();
        let message = format!("expected at most {MOST_SETS} container sets, but found {found}");
        problems.add_hint(beyond.place, message, SPLIT);
        return None;
    }
    let mut all = Sets::default();
    for entry in entries {
        let name = set_name(entry, problems);
        let read = reader.read(entry, problems);
        let (Some(name), Some((set, places))) = (name, read) else {
            all.lost.insert(entry.key.clone());
            continue;
        };
        if places.any_broken(&["name"]) {
            all.lost.extend(places.text("name").map(str::to_owned));
        }
        all.places.insert(name.clone(), places);
        all.read.insert(name, set);
    }
    Some(all)
}

/// Gives all references of one image the shortest spelling, so that the image is pulled once.
fn one_spelling(sets: &mut BTreeMap<SetName, Set>) {
    let mut best: BTreeMap<String, String> = BTreeMap::new();
    let meant = |image: &str| ImageRef::parse(image).ok().map(|image| image.to_string());
    for image in sets.values().filter_map(|set| set.image.as_ref()) {
        let Some(meant) = meant(image) else { continue };
        let known = best.entry(meant).or_insert_with(|| image.clone());
        if (image.len(), image.as_str()) < (known.len(), known.as_str()) {
            known.clone_from(image);
        }
    }
    for image in sets.values_mut().filter_map(|set| set.image.as_mut()) {
        if let Some(known) = meant(image).and_then(|meant| best.get(&meant)) {
            image.clone_from(known);
        }
    }
}

fn set_name(entry: &Entry, problems: &mut Problems) -> Option<SetName> {
    let word = &entry.key;
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if !word.starts_with(|c: char| c.is_ascii_alphanumeric()) || !word.chars().all(inside) {
        problems.add(
            entry.place,
            format!(
                "expected a set's name of letters, digits, `_`, `.` and `-` that begins with a \
                 letter or digit, but found `{}`",
                say::short(word)
            ),
        );
        return None;
    }
    if let (_, Some(suffix)) = reserved_suffix(word) {
        problems.add(
            entry.place,
            format!("expected a name that does not end in `{suffix}`, which is bayplan's own"),
        );
        return None;
    }
    Some(SetName::new(word.as_str()))
}
