//! Loads the files of a project one after the other: variables, `extends`, `include`, merging,
//! shapes, long forms.
//!
//! The order follows Compose. The merged project is completed in [`super::normal`].

use std::collections::BTreeMap;

use super::canonical;
use super::merge::merged;
use super::paths::Folder;
use super::scope::{Scope, Uses};
use super::shape::Shape;
use super::source::{Files, Source, Unread};
use super::tree::Path;
use super::unicity::enforced;
use super::{Request, keys};
use crate::syntax::node::{Kind, Node, Place, Problem, Problems, is_extension};
use crate::syntax::yaml::{self, Tag};

/// The limit of files in a project.
const MOST_FILES: usize = 500;
/// The limit of file uses in a project: one file may be extended or included many times.
const MOST_TAKEN: usize = 5_000;
/// The limit of bytes in all files of a project.
const MOST_BYTES: usize = 4 * yaml::MOST_BYTES;
/// The limit of values in all files of a project.
const MOST_VALUES: usize = 200_000;

/// The state of the loader.
pub(super) struct Loader<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) request: &'a Request,
    pub(super) files: Files,
    pub(super) problems: Problems,
    pub(super) uses: Uses,
    /// The unset variables, with the first place of each.
    pub(super) unset: BTreeMap<String, Place>,
    /// The parsed files, by path.
    texts: BTreeMap<String, Raw>,
    bytes: usize,
    values: usize,
    taken: usize,
}

/// A file before its conversion.
#[derive(Clone)]
pub(super) struct Raw {
    pub(super) root: Node,
    /// The paths of values that replace values of earlier files.
    pub(super) resets: Vec<Path>,
    /// The further documents of the file, which count as files of their own.
    more: Vec<Self>,
}

/// The current file.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    /// The path of the file.
    pub(super) path: &'a str,
    /// The folder for relative paths in the file.
    pub(super) folder: &'a str,
    pub(super) scope: &'a Scope<'a>,
    /// The files that include the current file.
    pub(super) included: &'a [String],
}

impl<'a> Loader<'a> {
    pub(super) fn new(source: &'a dyn Source, request: &'a Request) -> Self {
        Self {
            source,
            request,
            files: Files::default(),
            problems: Problems::default(),
            uses: Uses::default(),
            unset: BTreeMap::new(),
            texts: BTreeMap::new(),
            bytes: 0,
            values: 0,
            taken: 0,
        }
    }

    /// The project name in the files.
    pub(super) fn named(&mut self, files: &[String]) -> Option<Node> {
        let mut named = None;
        for path in files {
            let Some(raw) = self.raw(path, Place::default()) else { continue };
            for raw in std::iter::once(&raw).chain(&raw.more) {
                let name = raw.root.said("name").filter(|name| !name.says_nothing());
                named = name.cloned().or(named);
            }
        }
        named
    }

    /// All files as one tree, in long forms, with absolute paths.
    pub(super) fn tree(
        &mut self,
        files: &[String],
        folder: &str,
        scope: &Scope<'_>,
        included: &[String],
    ) -> Node {
        let mut all = Node { place: Place::default(), kind: Kind::Map(Vec::new()) };
        for path in files {
            let before = self.problems.all.len();
            let at = At { path, folder, scope, included };
            all = self.add(all, at);
            // Follow-up problems of a fault are not reported.
            if self.problems.all.len() > before {
                break;
            }
        }
        if self.problems.all.is_empty() {
            canonical::defaults(&mut all);
            super::check::rules(&all, &mut self.problems);
        }
        if self.problems.all.is_empty() {
            Folder { path: folder, home: self.request.home.as_deref() }.resolve(&mut all);
        }
        all
    }

    /// Adds a file to the tree, one document after the other.
    fn add(&mut self, mut all: Node, at: At<'_>) -> Node {
        let Some(mut raw) = self.raw(at.path, Place::default()) else { return all };
        let more = std::mem::take(&mut raw.more);
        for raw in std::iter::once(raw).chain(more) {
            if self.problems.all.is_empty() {
                all = self.document(all, raw, at);
            }
        }
        all
    }

    fn document(&mut self, mut all: Node, raw: Raw, at: At<'_>) -> Node {
        let mut own = self.interpolated(raw.root, &mut Path::new(), at.scope);
        if !matches!(own.kind, Kind::Map(_)) {
            self.problems.expected::<()>("a map at the root of a Compose file", &own);
            return all;
        }
        self.extend(&mut own, at, &raw.resets);
        reset(&mut all, &raw.resets, &mut Path::new());
        self.include(&mut own, at);
        if !self.problems.all.is_empty() {
            return all;
        }
        all = merged(all, own, &mut Path::new(), &mut self.problems);
        self.checked(all)
    }

    /// Checks and converts a tree: unique entries, shapes, long forms, unique entries again.
    fn checked(&mut self, all: Node) -> Node {
        let mut all = enforced(all, &mut Path::new(), &mut self.problems);
        if !self.problems.all.is_empty() {
            return all;
        }
        shape(&keys::ROOT, &all, &mut self.problems);
        all.remove("version");
        if !self.problems.all.is_empty() {
            return all;
        }
        all = canonical::canonical(all, &mut Path::new(), &mut self.problems);
        canonical::omit_empty(&mut all);
        enforced(all, &mut Path::new(), &mut self.problems)
    }

    /// A parsed file; each fault of the file is reported once.
    pub(super) fn raw(&mut self, path: &str, place: Place) -> Option<Raw> {
        self.taken += 1;
        if self.taken > MOST_TAKEN {
            if self.taken == MOST_TAKEN + 1 {
                let message = format!(
                    "expected at most {MOST_TAKEN} times that files are included or extended, but \
                     found more"
                );
                self.problems.add(place, message);
            }
            return None;
        }
        if let Some(raw) = self.texts.get(path) {
            return Some(raw.clone());
        }
        let text = match self.source.read(path) {
            Ok(text) => text,
            Err(Unread { message, hint }) => {
                self.problems.all.push(Problem { place, message, hint });
                return None;
            }
        };
        self.bytes = self.bytes.saturating_add(text.len());
        if self.texts.len() >= MOST_FILES || self.bytes > MOST_BYTES {
            let message = format!(
                "expected at most {MOST_FILES} files of {MOST_BYTES} bytes in one project, but found more"
            );
            self.problems.add(place, message);
            return None;
        }
        let before = self.files.add(path, &text);
        let moved = |mut problem: Problem| {
            if problem.place.line > 0 {
                problem.place.line += before;
            } else {
                problem.place.line = before + 1;
            }
            problem
        };
        let (trees, problems) = match yaml::compose(&text) {
            Ok(read) => read,
            Err(problem) => {
                self.problems.all.push(moved(problem));
                return None;
            }
        };
        self.problems.all.extend(problems.into_iter().map(moved));
        let mut all = Vec::new();
        for tree in trees {
            let mut root = tree.root;
            let mut resets = Vec::new();
            tagged(&mut root, &tree.tags, &mut Path::new(), &mut resets);
            let dates = dates(&root, &tree.tags);
            self.problems.all.extend(dates.into_iter().map(moved));
            let root = root.moved(before);
            self.marks(&root);
            self.count(&root);
            all.push(Raw { root, resets, more: Vec::new() });
        }
        let mut all = all.into_iter();
        let mut raw = all.next()?;
        raw.more = all.collect();
        self.texts.insert(path.to_owned(), raw.clone());
        Some(raw)
    }

    /// Reports marks in a file, which only bayplan may write.
    fn marks(&mut self, node: &Node) {
        let mut left = vec![node];
        while let Some(node) = left.pop() {
            match &node.kind {
                Kind::Text(text) if crate::spec::strings::is_marked(text) => {
                    let message = "expected a text without bayplan's own marks, but found one";
                    self.problems.add(node.place, message);
                }
                Kind::List(items) => left.extend(items),
                Kind::Map(entries) => {
                    for entry in entries {
                        if crate::spec::strings::is_marked(&entry.key) {
                            let message =
                                "expected a key without bayplan's own marks, but found one";
                            self.problems.add(entry.place, message);
                        }
                        left.push(&entry.value);
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether the limit of values was exceeded; the rest of the files is then ignored.
    pub(super) fn is_full(&self) -> bool {
        self.values > MOST_VALUES
    }

    /// Counts values, and whether they are still within the limit.
    pub(super) fn count(&mut self, node: &Node) -> bool {
        let before = self.values;
        self.values = self.values.saturating_add(node.size(MOST_VALUES + 1));
        if self.values > MOST_VALUES && before <= MOST_VALUES {
            self.problems.add(
                node.place,
                "expected a project of reasonable size, but found far too much in its files (what \
                 aliases and `extends` stand for counts)",
            );
        }
        self.values <= MOST_VALUES
    }
}

/// Reports the values in a tree that do not fit their shapes.
fn shape(shape: &Shape, node: &Node, problems: &mut Problems) {
    shape.check(node, &mut Path::new(), problems);
}

/// Collects the tags in a tree, and removes values with `!reset`.
fn tagged(node: &mut Node, tags: &BTreeMap<Place, Tag>, path: &mut Path, found: &mut Vec<Path>) {
    if tags.is_empty() {
        return;
    }
    let mut tag = |node: &mut Node, path: &mut Path| match tags.get(&node.place) {
        Some(Tag::Reset) => {
            found.push(path.clone());
            false
        }
        Some(Tag::Override) => {
            found.push(path.clone());
            true
        }
        Some(Tag::Date) | None => {
            tagged(node, tags, path, found);
            true
        }
    };
    match &mut node.kind {
        Kind::Map(entries) => entries.retain_mut(|entry| {
            path.push(entry.key.clone());
            let kept = tag(&mut entry.value, path);
            path.pop();
            kept
        }),
        Kind::List(items) => {
            let mut at = 0_usize;
            items.retain_mut(|item| {
                path.push(at.to_string());
                at += 1;
                let kept = tag(item, path);
                path.pop();
                kept
            });
        }
        _ => {}
    }
}

/// The unquoted dates: Compose refuses them everywhere except in extensions, because they are not
/// texts.
fn dates(root: &Node, tags: &BTreeMap<Place, Tag>) -> Vec<Problem> {
    let mut problems = Problems::default();
    let is_date = |place: &Place| tags.get(place) == Some(&Tag::Date);
    let told = |date: &str| format!("expected a text, but found the date {date}");
    let hint = "put it in quotes";
    let mut left = if tags.values().any(|tag| *tag == Tag::Date) { vec![root] } else { Vec::new() };
    while let Some(node) = left.pop() {
        match &node.kind {
            Kind::List(items) => left.extend(items),
            Kind::Map(entries) => {
                for entry in entries.iter().filter(|entry| !is_extension(&entry.key)) {
                    if is_date(&entry.place) {
                        problems.add_hint(entry.place, told(&entry.key), hint);
                    }
                    left.push(&entry.value);
                }
            }
            Kind::Text(date) if is_date(&node.place) => {
                problems.add_hint(node.place, told(date), hint);
            }
            _ => {}
        }
    }
    problems.all.sort_by_key(|problem| problem.place);
    problems.all
}

/// Removes the values that a later file replaces.
pub(super) fn reset(node: &mut Node, resets: &[Path], path: &mut Path) {
    if resets.is_empty() {
        return;
    }
    if let Some(entries) = node.entries_mut() {
        entries.retain_mut(|entry| {
            path.push(entry.key.clone());
            let hit = resets.contains(path);
            if !hit {
                reset(&mut entry.value, resets, path);
            }
            path.pop();
            !hit
        });
    }
}

/// The folder of a file.
pub(super) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((folder, _)) => folder,
    }
}
