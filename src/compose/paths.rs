//! Resolves relative paths, from the project directory or from the folder of an included file.

use super::canonical::each;
use super::volume::joined;
use crate::syntax::node::{Entry, Kind, Node};

/// The base of relative paths.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folder<'a> {
    /// The folder.
    pub(super) path: &'a str,
    /// The home directory for `~`, if it is known.
    pub(super) home: Option<&'a str>,
}

impl Folder<'_> {
    /// The absolute form of a path.
    pub(super) fn absolute(self, path: &str) -> String {
        let home = self.home.unwrap_or("~");
        if path == "~" {
            return home.to_owned();
        }
        if let Some(rest) = path.strip_prefix("~/") {
            return joined(home, rest);
        }
        if path.starts_with('/') || is_windows(path) {
            path.to_owned()
        } else {
            joined(self.path, path)
        }
    }

    /// Resolves a path on the engine's host. An empty path is the folder itself.
    fn mounted<'a>(self, node: impl Into<Option<&'a mut Node>>) {
        if let Some(Node { kind: Kind::Text(text), .. }) = node.into() {
            *text = self.absolute(text);
        }
    }

    fn text<'a>(self, node: impl Into<Option<&'a mut Node>>) {
        if let Some(Node { kind: Kind::Text(text), .. }) = node.into()
            && !text.is_empty()
        {
            *text = self.absolute(text);
        }
    }

    /// Resolves a build context, unless the context is remote.
    fn context(self, node: Option<&mut Node>) {
        let elsewhere = |text: &str| {
            [
                "https://",
                "http://",
                "git://",
                "ssh://",
                "github.com/",
                "git@",
                "docker-image://",
                "oci-layout://",
                "target:",
                "service:",
            ]
            .iter()
            .any(|begin| text.starts_with(begin))
        };
        if node.as_ref().and_then(|node| node.as_text()).is_some_and(|text| !elsewhere(text)) {
            self.text(node);
        }
    }

    /// Makes all paths in a tree absolute.
    pub(super) fn resolve(self, root: &mut Node) {
        for Entry { value: service, .. } in entries(root, "services") {
            if let Some(build) = service.get_mut("build") {
                self.context(build.get_mut("context"));
                for Entry { value, .. } in entries(build, "additional_contexts") {
                    self.context(Some(value));
                }
                for Entry { value, .. } in entries(build, "ssh") {
                    self.text(Some(value));
                }
            }
            each(service.get_mut("env_file"), |file| self.text(file.get_mut("path")));
            if let Some(Node { kind: Kind::List(files), .. }) = service.get_mut("label_file") {
                for file in files {
                    self.text(file);
                }
            }
            if let Some(extends) = service.get_mut("extends") {
                self.text(extends.get_mut("file"));
            }
            let watch = service.get_mut("develop").and_then(|develop| develop.get_mut("watch"));
            each(watch, |watch| self.text(watch.get_mut("path")));
            each(service.get_mut("volumes"), |mount| {
                if mount.text_of("type") == Some("bind") {
                    self.mounted(mount.get_mut("source"));
                }
            });
        }
        for kind in ["configs", "secrets"] {
            for Entry { value, .. } in entries(root, kind) {
                self.text(value.get_mut("file"));
            }
        }
        for Entry { value: volume, .. } in entries(root, "volumes") {
            if volume.text_of("driver") == Some("local")
                && let Some(options) = volume.get_mut("driver_opts")
                && options.text_of("o") == Some("bind")
            {
                self.mounted(options.get_mut("device"));
            }
        }
    }
}

fn entries<'a>(node: &'a mut Node, key: &str) -> &'a mut [Entry] {
    node.get_mut(key).and_then(Node::entries_mut).map_or(&mut [], |entries| entries.as_mut_slice())
}

/// Whether a path is a Windows path: `C:\…`, `C:/…`, `\\…`.
fn is_windows(path: &str) -> bool {
    let mut chars = path.chars();
    let drive = chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.next() == Some(':')
        && matches!(chars.next(), Some('\\' | '/'));
    drive || path.starts_with(r"\\")
}
