//! Resolves `include`: adds the services, networks and volumes of other projects to this project.

use super::loader::{At, Loader, parent};
use super::paths::Folder;
use super::source::Unread;
use super::volume::joined;
use crate::base::say;
use crate::syntax::node::{Entry, Kind, Node, Problem};

impl Loader<'_> {
    pub(super) fn include(&mut self, root: &mut Node, at: At<'_>) {
        let Some(Entry { value: includes, .. }) = root.remove("include") else { return };
        if includes.kind == Kind::Null {
            return;
        }
        let Kind::List(items) = includes.kind else {
            self.problems.expected::<()>("a list of files", &includes);
            return;
        };
        for item in items {
            let before = self.problems.all.len();
            if let Some(included) = self.included(&item, at) {
                self.import(root, included, &item);
            }
            if self.problems.all.len() > before {
                return;
            }
        }
    }

    fn included(&mut self, item: &Node, at: At<'_>) -> Option<Node> {
        let home = self.request.home.as_deref();
        let here = Folder { path: at.folder, home };
        let texts = |key: &str| -> Vec<String> {
            match item.said(key) {
                Some(node) if node.as_text().is_some() => vec![node.printed().unwrap_or_default()],
                Some(node) => node.items().iter().filter_map(Node::printed).collect(),
                None => Vec::new(),
            }
        };
        let paths = match item.as_text() {
            Some(text) => vec![text.to_owned()],
            None => texts("path"),
        };
        let paths: Vec<String> = paths.iter().map(|path| here.absolute(path)).collect();
        let Some(first) = paths.first() else {
            return self.problems.expected("a file, or a map with `path`", item);
        };
        if let Some(remote) = paths.iter().find(|path| path.contains("://") || path.contains(":/"))
        {
            let message =
                format!("expected a file of this machine, but found `{}`", say::short(remote));
            self.problems.add_hint(item.place, message, "fetch it, and include the copy");
            return None;
        }
        let mut included = at.included.to_vec();
        included.push(at.path.to_owned());
        if included.contains(first) {
            let message = format!(
                "expected files that do not include themselves, but `{}` does in the end",
                say::short(first),
            );
            self.problems.add(item.place, message);
            return None;
        }
        let folder = match item.text_of("project_directory") {
            Some(folder) if !folder.is_empty() => here.absolute(folder),
            _ => parent(first).to_owned(),
        };
        let mut env_files: Vec<String> =
            texts("env_file").iter().map(|path| here.absolute(path)).collect();
        if env_files.is_empty() {
            let own = joined(&folder, ".env");
            env_files.extend(self.source.is_file(&own).then_some(own));
        }
        env_files.retain(|path| path != "/dev/null");
        let more = match self.source.variables(&env_files) {
            Ok(more) => more,
            Err(Unread { message, hint }) => {
                self.problems.all.push(Problem { place: item.place, message, hint });
                return None;
            }
        };
        let scope = at.scope.with(more);
        Some(self.tree(&paths, &folder, &scope, &included))
    }

    /// Adds the objects of an included project to this project.
    fn import(&mut self, root: &mut Node, mut included: Node, item: &Node) {
        for kind in ["services", "volumes", "networks", "secrets", "configs", "models"] {
            let Some(Entry { value: from, place, .. }) = included.remove(kind) else { continue };
            let Kind::Map(entries) = from.kind else { continue };
            if root.said(kind).is_none() {
                root.set(kind, super::tree::map(place, Vec::new()));
            }
            let Some(to) = root.get_mut(kind) else { continue };
            for entry in entries {
                match to.get(&entry.key) {
                    Some(known) if known.is_alike(&entry.value) => {}
                    Some(_) => {
                        let message = format!(
                            "expected `{kind}.{}` in one file, but an included file says something \
                             else of it",
                            say::short(&entry.key),
                        );
                        self.problems.add(item.place, message);
                    }
                    None => to.set(&entry.key.clone(), entry.value),
                }
            }
        }
    }
}
