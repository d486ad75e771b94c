//! `label_file`: the labels of files are added under `labels` before the set is read.
//!
//! Labels are public, so a plan contains them, and apply needs no file. Entries of `labels`
//! override files, and later files override earlier files. The shell reads the files, like
//! environment files.

use std::collections::{BTreeMap, BTreeSet};

use super::env_merge::EnvFileUse;
use super::strings;
use crate::syntax::node::{Entry, Kind, Node, Place, Problem, Problems};

/// The labels of each file, by the path in the spec.
pub type LabelFiles = BTreeMap<String, BTreeMap<String, String>>;

/// The label files of all sets, in the order of the spec.
pub fn uses(node: &Node) -> Vec<EnvFileUse> {
    let mut uses = Vec::new();
    for set in sets(node) {
        for entry in set.iter().filter(|entry| entry.key == "label_file") {
            uses.extend(items(&entry.value).iter().filter_map(|item| {
                let path = path(item)?;
                Some(EnvFileUse { path, required: true, place: item.place })
            }));
        }
    }
    uses
}

/// Adds the labels of these files under `labels`. Files that are not given stay under `label_file`.
pub fn expand(mut node: Node, files: &LabelFiles, told: &mut Vec<Problem>) -> Node {
    let mut problems = Problems::with(std::mem::take(told));
    let Kind::Map(root) = &mut node.kind else { return node };
    for containers in root.iter_mut().filter(|entry| entry.key == "containers") {
        let Kind::Map(sets) = &mut containers.value.kind else { continue };
        for set in sets {
            if let Kind::Map(entries) = &mut set.value.kind {
                expand_set(entries, files, &mut problems);
            }
        }
    }
    *told = problems.all;
    node
}

fn sets(node: &Node) -> impl Iterator<Item = &[Entry]> {
    let containers = node.entries().iter().filter(|entry| entry.key == "containers");
    containers.flat_map(|entry| entry.value.entries()).map(|set| set.value.entries())
}

fn items(node: &Node) -> &[Node] {
    match &node.kind {
        Kind::Null => &[],
        Kind::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

/// A path with `$$` resolved.
fn path(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Text(text) if !text.is_empty() => Some(text.replace("$$", "$")),
        _ => None,
    }
}

fn expand_set(entries: &mut Vec<Entry>, files: &LabelFiles, problems: &mut Problems) {
    let Some(at) = entries.iter().position(|entry| entry.key == "label_file") else { return };
    let Some(Entry { place, value, .. }) = entries.get(at).cloned() else { return };
    let mut labels: BTreeMap<&String, (&String, Place)> = BTreeMap::new();
    let mut unread = Vec::new();
    for item in items(&value) {
        match path(item).and_then(|path| files.get(&path)) {
            Some(found) => {
                if !problems.may_add(found.len() + 1, item.place) {
                    return;
                }
                labels.extend(found.iter().map(|(key, value)| (key, (value, item.place))));
            }
            None => unread.push(item.clone()),
        }
    }
    if unread.is_empty() {
        entries.remove(at);
    } else if let Some(entry) = entries.get_mut(at) {
        entry.value.kind = Kind::List(unread);
    }
    if !entries.iter().any(|entry| entry.key == "labels") {
        let value = Node { place, kind: Kind::Map(Vec::new()) };
        entries.push(Entry { key: "labels".to_owned(), place, value });
    }
    for own in entries.iter_mut().filter(|entry| entry.key == "labels") {
        add(&mut own.value, &labels);
    }
}

/// Adds labels that the set lacks. Invalid labels are reported by the row of `labels`.
fn add(own: &mut Node, labels: &BTreeMap<&String, (&String, Place)>) {
    let text = |place, text: &str| Node { place, kind: Kind::Text(strings::written(text)) };
    if own.kind == Kind::Null {
        own.kind = Kind::Map(Vec::new());
    }
    let name = |item: &Node| match &item.kind {
        Kind::Text(text) => text.split('=').next().map(str::to_owned),
        _ => None,
    };
    let known: BTreeSet<String> = match &own.kind {
        Kind::Map(entries) => entries.iter().map(|entry| entry.key.clone()).collect(),
        Kind::List(items) => items.iter().filter_map(name).collect(),
        _ => return,
    };
    for (label, (value, place)) in labels {
        let key = strings::written(label);
        match &mut own.kind {
            _ if known.contains(&key) => {}
            Kind::Map(entries) => {
                entries.push(Entry { key, place: *place, value: text(*place, value) });
            }
            Kind::List(items) => items.push(text(*place, &format!("{label}={value}"))),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::spec::Set;
    use crate::spec::read::{self, Files};
    use crate::spec::read_tests::{fault, one};
    use crate::syntax::yaml;

    fn files() -> LabelFiles {
        let labels = |all: &[(&str, &str)]| {
            all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        LabelFiles::from([
            ("a.labels".to_owned(), labels(&[("team", "shop"), ("price", "5$$"), ("x", "1")])),
            ("b.labels".to_owned(), labels(&[("x", "2"), ("$k", "$V")])),
        ])
    }

    fn set(lines: &str) -> Set {
        let node = expand(yaml::parse(&one(lines)).unwrap(), &files(), &mut Vec::new());
        let spec = read::spec(node, &Files::new()).unwrap();
        super::super::canon_tests::again(&spec).sets.into_values().next().unwrap()
    }

    #[test]
    fn files_give_labels_that_are_not_written() {
        let both = json!({"$k": "$V", "price": "5$$", "team": "mine", "x": "2"});
        for labels in ["{team: mine}", "[team=mine]"] {
            let set = set(&format!("image: i\nlabel_file: [a.labels, b.labels]\nlabels: {labels}"));
            assert_eq!(set.option("labels").unwrap().print(), both);
        }
        for labels in ["", "\nlabels:"] {
            let set = set(&format!("image: i\nlabel_file: b.labels{labels}"));
            assert_eq!(set.option("labels").unwrap().print(), json!({"$k": "$V", "x": "2"}));
        }
    }

    #[test]
    fn who_reads_no_files_says_so() {
        insta::assert_snapshot!(fault("image: i\nlabel_file: [a.labels, 1]"), @"
        5:18 expected the file of labels `a.labels`, but it was not read
        5:28 expected the path of a file of labels, but found the number 1 (put it in quotes)
        ");
        let node = yaml::parse(&one("image: i\nlabel_file: [a.labels, gone]")).unwrap();
        let told: Vec<String> = uses(&node).into_iter().map(|one| one.path).collect();
        assert_eq!(told, ["a.labels", "gone"]);
        let problems =
            read::spec(expand(node, &files(), &mut Vec::new()), &Files::new()).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].message, "expected the file of labels `gone`, but it was not read");
    }
}
