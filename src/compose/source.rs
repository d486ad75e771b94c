//! The files and variables that the loader reads, and the places in these files.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::base::say;
use crate::syntax::node::{Place, Problem};
use crate::syntax::problems;

/// A source of files and variables. Paths are absolute.
pub trait Source {
    /// The text of a file.
    fn read(&self, path: &str) -> Result<String, Unread>;

    /// Whether a file exists.
    fn is_file(&self, path: &str) -> bool;

    /// The variables of some environment files; later files override earlier files.
    fn variables(&self, paths: &[String]) -> Result<BTreeMap<String, SecretString>, Unread>;

    /// The labels in a label file.
    fn labels(&self, path: &str) -> Result<BTreeMap<String, SecretString>, Unread>;

    /// A variable of the project's environment.
    fn variable(&self, name: &str) -> Option<SecretString>;
}

/// Why a file was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The message: a lowercase fragment, safe to print.
    pub message: String,
    /// A hint to the user.
    pub hint: Option<String>,
}

/// The files that were read, numbered like one long text: a place is a line of that text.
#[derive(Debug, Default)]
pub struct Files {
    all: Vec<File>,
}

#[derive(Debug, Clone)]
struct File {
    name: String,
    text: String,
    /// The number of lines before the file.
    before: usize,
}

impl Files {
    /// Adds a file; gives the number of lines before the file.
    pub(super) fn add(&mut self, name: &str, text: &str) -> usize {
        let before =
            self.all.last().map_or(0, |last| last.before + problems::lines(&last.text).count());
        self.all.push(File { name: name.to_owned(), text: text.to_owned(), before });
        before
    }

    /// The texts of all files, one after the other.
    pub fn texts(&self) -> String {
        self.all.iter().map(|file| file.text.as_str()).collect()
    }

    /// The files with names relative to a folder.
    #[must_use]
    pub fn named_from(&self, folder: &str) -> Self {
        let begin = format!("{}/", folder.trim_end_matches('/'));
        let name = |name: &str| name.strip_prefix(&begin).unwrap_or(name).to_owned();
        let all = self.all.iter().map(|file| File { name: name(&file.name), ..file.clone() });
        Self { all: all.collect() }
    }

    fn of(&self, place: Place) -> Option<&File> {
        if place.line == 0 {
            return self.all.first();
        }
        self.all.iter().rev().find(|file| file.before < place.line)
    }

    /// A place as `FILE:LINE`.
    pub fn show(&self, place: Place) -> String {
        match self.of(place) {
            Some(file) if place.line > 0 => format!("{}:{}", file.name, place.line - file.before),
            Some(file) => file.name.clone(),
            None => String::new(),
        }
    }

    /// All problems as one text, file by file.
    pub fn render(&self, found: &[Problem]) -> String {
        let mut out = String::new();
        // Where no file could be read at all, the messages name the files.
        for problem in found.iter().filter(|_| self.all.is_empty()) {
            let hint = problem.hint.as_ref().map(|hint| format!("  hint: {}\n", say::safe(hint)));
            out.extend([say::safe(&problem.message), "\n".to_owned(), hint.unwrap_or_default()]);
        }
        for file in &self.all {
            let own = found.iter().filter(|problem| {
                self.of(problem.place).is_some_and(|of| of.before == file.before)
            });
            let own: Vec<Problem> = own
                .map(|problem| {
                    let mut problem = problem.clone();
                    problem.place.line = problem.place.line.saturating_sub(file.before);
                    problem
                })
                .collect();
            if !own.is_empty() {
                out.push_str(&problems::render(&file.name, &file.text, &own));
            }
        }
        out
    }
}
