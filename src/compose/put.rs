//! Converts `configs` and `secrets` of a service to bind mounts and to files in the container.
//!
//! The content of such a file stays in memory; the executor copies the file into the container.

use super::lower::Lower;
use super::resolved::filled;
use super::tree::{boolean, list, map, text};
use crate::base::path;
use crate::base::say;
use crate::syntax::node::Node;

impl Lower<'_> {
    /// Converts secrets and configs: host files become mounts, and texts and variables become
    /// files.
    pub(super) fn files(&mut self, node: &Node, set: &mut Node) {
        let mut mounts: Vec<Node> =
            set.get("volumes").map(Node::items).unwrap_or_default().to_vec();
        let mut put = map(set.place, Vec::new());
        for (kind, folder) in [("configs", ""), ("secrets", "/run/secrets")] {
            for said in node.get(kind).map(Node::items).unwrap_or_default() {
                let key = said.text_of("source").unwrap_or_default();
                let Some(object) = self.project.root.get(kind).and_then(|all| all.get(key)) else {
                    continue;
                };
                let place = said.place;
                let shown = format!("`{kind}.{}`", say::short(key));
                if object.is_true("external") {
                    let message = format!("{shown} is external: only a swarm has such");
                    self.problems.add_hint(place, message, "say its `file`");
                    continue;
                }
                if let Some(empty) = self.says_nothing(object) {
                    let message = format!(
                        "{shown} has an empty `{empty}`, and Compose then mounts the project's whole \
                         folder there"
                    );
                    self.problems.add_hint(place, message, "say what is in it, or take it out");
                    continue;
                }
                let target = match said.text_of("target") {
                    Some(target) if target.starts_with('/') => target.to_owned(),
                    Some(target) if !target.is_empty() => format!("{folder}/{target}"),
                    _ => format!("{folder}/{key}"),
                };
                let Some(file) = object.said("file").and_then(Node::as_text) else {
                    put.set(&path::clean(&target), put_file(object, said));
                    continue;
                };
                if ["uid", "gid", "mode"].iter().any(|key| said.said(key).is_some()) {
                    self.note(
                        place,
                        format!(
                            "{shown}: `uid`, `gid` and `mode` are the file's own, as for Compose"
                        ),
                    );
                }
                let bind = vec![
                    ("type", text(place, "bind")),
                    ("source", text(place, file)),
                    ("target", text(place, target)),
                    ("read_only", boolean(place, true)),
                ];
                mounts.push(map(place, bind));
            }
        }
        if !mounts.is_empty() {
            set.set("volumes", list(set.place, mounts));
        }
        if !put.entries().is_empty() {
            set.set("files", put);
        }
    }
}

impl Lower<'_> {
    /// The key of an object that gives no text, no variable and no file.
    fn says_nothing(&self, object: &Node) -> Option<&'static str> {
        let empty = |key: &&str| {
            let text = object.get(key).and_then(Node::as_text);
            let filled = text.map(|text| {
                let known = !self.request.assume && text.contains('«');
                if known { filled(text.to_owned(), self.source) } else { text.to_owned() }
            });
            filled.is_some_and(|text| text.is_empty())
        };
        ["content", "environment", "file"].into_iter().find(|key| empty(key))
    }
}

/// Converts a config or secret without host file to an entry of `files`.
fn put_file(object: &Node, said: &Node) -> Node {
    let place = said.place;
    let content = object.said("content").cloned().unwrap_or_else(|| {
        let name = object.text_of("environment").unwrap_or_default();
        map(place, vec![("from_env", text(place, name))])
    });
    let mut file = map(place, vec![("content", content)]);
    for key in ["uid", "gid", "mode"] {
        if let Some(value) = said.said(key) {
            file.set(key, value.clone());
        }
    }
    file
}
