//! Tree to spec: the root, and what concerns several sets at once. One set is `set`'s.
//!
//! Every problem of a file is found, not the first. Nothing is read from disk: the names in
//! environment files are an input.

use std::collections::{BTreeMap, BTreeSet};

use super::env_merge::{self, EnvFileUse};
use super::node::{Entry, Kind, Node, Place, Problem, Problems};
use super::set::{self, Places, SetReader};
use super::vocabulary::{self, or};
use super::{Compat, Identity, Pull, Set, Spec, depends, objects_read, order, planner, strings};
use crate::ident::{ProjectName, SetName, reserved_suffix};
use crate::image_ref::ImageRef;
use crate::options::{Context, rules};
use crate::say;

/// The names in each environment file that was read, by the path that the spec writes.
pub type Files = BTreeMap<String, Vec<String>>;

/// Reads a spec from its text: [`super::yaml::tree`], then [`tree`].
pub fn text(text: &str, files: &Files) -> Result<Spec, Vec<Problem>> {
    let (node, told) = super::yaml::tree(text).map_err(|problem| vec![problem])?;
    tree(node, told, files)
}

/// The environment files that the sets of a spec name, in the order of the file: what has to be
/// read before [`spec`]. What is wrong with them is told there.
pub fn env_files(node: &Node) -> Vec<EnvFileUse> {
    let mut ignored = Problems::default();
    let node = strings::literal(node.clone(), &mut ignored);
    let Kind::Map(root) = node.kind else { return Vec::new() };
    let containers = root.into_iter().filter(|entry| entry.key == "containers");
    let mut uses = Vec::new();
    for containers in containers {
        let Kind::Map(sets) = containers.value.kind else { continue };
        for set in sets {
            let Kind::Map(keys) = set.value.kind else { continue };
            for key in keys.iter().filter(|entry| entry.key == "env_file") {
                uses.extend(env_merge::uses(&key.value, &mut ignored));
            }
        }
    }
    uses
}

/// Reads a spec from its tree, as a plan's `declared` is one ([`Node::from_json`]).
pub fn spec(node: Node, files: &Files) -> Result<Spec, Vec<Problem>> {
    tree(node, Vec::new(), files)
}

/// Reads a spec from its tree, with the problems that were found when that was read from text.
pub fn tree(node: Node, told: Vec<Problem>, files: &Files) -> Result<Spec, Vec<Problem>> {
    let mut problems = Problems { all: told };
    let node = strings::literal(node, &mut problems);
    // What a variable would have become is no problem of its own.
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
    let (mut networks, mut volumes) = (None, None);
    for entry in entries {
        let word = entry.key.as_str();
        match word {
            _ if vocabulary::is_extension(word) => {}
            _ if !vocabulary::ROOT.contains(&word) => {
                let (message, hint) = vocabulary::unknown_at_root(word);
                problems.all.push(Problem { place: entry.place, message, hint });
            }
            // A key with nothing after it declares nothing.
            _ if entry.value.kind == Kind::Null => {}
            "project" => project = Some(&entry.value),
            "base_dir" => base_dir = Some(&entry.value),
            "compat" => compat = Some(&entry.value),
            "networks" => networks = Some(&entry.value),
            "volumes" => volumes = Some(&entry.value),
            _ => containers = Some(&entry.value),
        }
    }
    let start = Place { line: node.place.line.min(1), column: node.place.line.min(1) };
    if project.is_none() {
        problems.add_hint(
            start,
            "expected a `project`, but found none",
            "`project: NAME` marks whose containers they are, and begins their names",
        );
    }
    let known_project = project.and_then(|node| project_name(node, problems));
    let known_base = base_dir.and_then(|node| absolute(node, problems));
    let known_compat = compat.and_then(|node| compat_of(node, problems));
    let networks = networks.map(|node| objects_read::networks(node, problems)).unwrap_or_default();
    let volumes = volumes.map(|node| objects_read::volumes(node, problems)).unwrap_or_default();
    let Some(containers) = containers else {
        problems.add_hint(
            start,
            "expected `containers`, but found none",
            "a spec that declares none says `containers: {}`",
        );
        return None;
    };
    let reader = SetReader {
        files,
        compat: known_compat,
        base_is_known: base_dir.is_none() || known_base.is_some(),
    };
    let (sets, places) = sets(containers, &reader, problems)?;
    let spec = Spec {
        project: known_project?,
        base_dir: known_base,
        compat: known_compat,
        networks,
        volumes,
        sets,
    };
    object_names(&spec, problems);
    names(&spec, &places, problems);
    pulls(&spec, &places, problems);
    circles(&spec, &places, problems);
    conditions(&spec, &places, problems);
    vet(&spec, &places, &reader, problems);
    conflicts(&spec, &places, problems);
    Some(spec)
}

fn project_name(node: &Node, problems: &mut Problems) -> Option<ProjectName> {
    let what =
        "a name of lower-case letters, digits, `-` and `_` that begins with a letter or digit";
    let Kind::Text(text) = &node.kind else {
        let hint = matches!(node.kind, Kind::Number(_) | Kind::Bool(_)).then_some(set::QUOTE);
        return set::expected(what, node, hint, problems);
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

fn compat_of(node: &Node, problems: &mut Problems) -> Option<Compat> {
    match &node.kind {
        Kind::Text(text) if text == "ansible-1.9" => Some(Compat::Ansible19),
        _ => problems.expected("`ansible-1.9`", node),
    }
}

/// The sets, and where they say what.
type Sets = (BTreeMap<SetName, Set>, BTreeMap<SetName, Places>);

fn sets(node: &Node, reader: &SetReader<'_>, problems: &mut Problems) -> Option<Sets> {
    let Kind::Map(entries) = &node.kind else {
        return problems.expected("a map of container sets", node);
    };
    let (mut sets, mut places) = (BTreeMap::new(), BTreeMap::new());
    let mut complete = true;
    for entry in entries {
        let name = set_name(entry, problems);
        let read = reader.read(entry, problems);
        match (name, read) {
            (Some(name), Some((set, place))) => {
                places.insert(name.clone(), place);
                sets.insert(name, set);
            }
            _ => complete = false,
        }
    }
    complete.then_some((sets, places))
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

/// No two sets may mean the same container.
fn names(spec: &Spec, places: &BTreeMap<SetName, Places>, problems: &mut Problems) {
    let mut seen: BTreeMap<&str, &SetName> = BTreeMap::new();
    for (key, set) in &spec.sets {
        let Identity::Named(name) = &set.identity else { continue };
        let place = places.get(key).map(|places| places.of("name")).unwrap_or_default();
        if let Some(first) = seen.insert(name.as_str(), key) {
            problems.add(
                place,
                format!("expected every name once, but found `{name}` in `{first}` and in `{key}`"),
            );
        }
        let member_of = spec.sets.iter().find(|(other, set)| {
            let stem = format!("{}-{other}-", spec.project);
            let number = name.as_str().strip_prefix(&stem);
            matches!(set.identity, Identity::Counted(_))
                && number.is_some_and(|rest| {
                    !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit())
                })
        });
        if let Some((other, _)) = member_of {
            problems.add(
                place,
                format!("expected a name of its own, but `{name}` is what a member of `{other}` is called"),
            );
        }
    }
}

/// One reference is pulled in one way: after a pull it means another image to all who name it.
fn pulls(spec: &Spec, places: &BTreeMap<SetName, Places>, problems: &mut Problems) {
    let mut seen: BTreeMap<String, (&SetName, Pull)> = BTreeMap::new();
    for (key, set) in &spec.sets {
        let image = set.image.as_deref().and_then(|image| ImageRef::parse(image).ok());
        let Some(image) = image else { continue };
        let (first, pull) = *seen.entry(image.to_string()).or_insert((key, set.pull));
        if pull != set.pull {
            let place = places.get(key).map(|places| places.of("pull")).unwrap_or_default();
            let (one, other) = (word(pull), word(set.pull));
            let image = image.familiar();
            problems.add(
                place,
                format!(
                    "expected one `pull` for `{image}`, but found `{one}` in `{first}` and \
                     `{other}` in `{key}`"
                ),
            );
        }
    }
}

/// As a spec says it.
fn word(pull: Pull) -> &'static str {
    planner::PULLS.iter().find(|(_, each)| *each == pull).map_or("", |(word, _)| *word)
}

/// No two networks and no two volumes may mean the same one on the engine.
fn object_names(spec: &Spec, problems: &mut Problems) {
    for (what, names) in [("network", spec.network_names()), ("volume", spec.volume_names())] {
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        for (key, name) in &names {
            if let Some(first) = seen.insert(name, key) {
                problems.add(
                    Place::default(),
                    format!(
                        "expected every {what} once, but found the name `{name}` under `{first}` \
                         and under `{key}`"
                    ),
                );
            }
        }
    }
}

fn circles(spec: &Spec, places: &BTreeMap<SetName, Places>, problems: &mut Problems) {
    let Err(cycle) = order::order(spec) else { return };
    let place = |hop: &(SetName, order::Need)| {
        places.get(&hop.0).map(|places| places.of(hop.1.by)).unwrap_or_default()
    };
    let told: Vec<String> = cycle
        .hops
        .iter()
        .map(|hop| {
            let (set, need) = hop;
            format!("`{set}` needs `{}` ({}, line {})", need.set, need.by, place(hop).line)
        })
        .collect();
    problems.add_hint(
        cycle.hops.first().map(place).unwrap_or_default(),
        format!(
            "expected sets that can be put in an order, but found a circle: {}",
            told.join(", ")
        ),
        "take one of these references out",
    );
}

/// What is waited for must be able to come.
fn conditions(spec: &Spec, places: &BTreeMap<SetName, Places>, problems: &mut Problems) {
    for (key, set) in &spec.sets {
        for (message, hint) in depends::faults(&spec.sets, set) {
            let place = places.get(key).map(|places| places.of("depends_on")).unwrap_or_default();
            problems.add_hint(place, message, hint);
        }
    }
}

/// What a row minds only when it knows the whole spec.
fn vet(
    spec: &Spec,
    places: &BTreeMap<SetName, Places>,
    reader: &SetReader<'_>,
    problems: &mut Problems,
) {
    if !reader.base_is_known {
        return;
    }
    let cx = Context { base_dir: spec.base_dir.clone(), ..Context::default() };
    for (key, set) in &spec.sets {
        for declared in &set.options {
            let row = declared.row();
            if let Err(message) = row.vet(declared, &cx) {
                let place = places.get(key).map(|places| places.of(row.about().key));
                problems.add(place.unwrap_or_default(), message);
            }
        }
    }
}

/// What options of one set mind of each other.
fn conflicts(spec: &Spec, places: &BTreeMap<SetName, Places>, problems: &mut Problems) {
    for (key, set) in &spec.sets {
        for (blamed, message) in rules::conflicts(&set.options) {
            let place = places.get(key).map(|places| places.of(blamed));
            problems.add(place.unwrap_or_default(), message);
        }
    }
}

/// `` expected `a` or `b`, but found … `` with a suggestion.
pub(super) fn one_of<T: Copy>(
    node: &Node,
    words: &[(&str, T)],
    problems: &mut Problems,
) -> Option<T> {
    let keys: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let Kind::Text(text) = &node.kind else {
        return problems.expected(&or(&keys), node);
    };
    if let Some((_, value)) = words.iter().find(|(word, _)| word == text) {
        return Some(*value);
    }
    // The word that everybody tries first.
    let close = if text == "running" { Some("started") } else { None };
    let close = close
        .filter(|word| keys.contains(word))
        .or_else(|| say::did_you_mean(text, keys.iter().copied()));
    let hint = close.map(|close| format!("did you mean `{close}`?"));
    set::expected(&or(&keys), node, hint.as_deref(), problems)
}
