//! What the loader asks the shell: texts of files and values of variables. And where a place is,
//! when several files were read.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::syntax::node::{Place, Problem};
use crate::syntax::problems;

/// Files and variables. Paths are absolute.
pub trait Source {
    /// The text of a file.
    fn read(&self, path: &str) -> Result<String, Unread>;

    /// Whether there is a file.
    fn is_file(&self, path: &str) -> bool;

    /// What environment files give, those before counting less.
    fn variables(&self, paths: &[String]) -> Result<BTreeMap<String, SecretString>, Unread>;

    /// What a file of labels says.
    fn labels(&self, path: &str) -> Result<BTreeMap<String, SecretString>, Unread>;

    /// A variable of the project's environment.
    fn variable(&self, name: &str) -> Option<SecretString>;
}

/// Why a file was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// A lowercase fragment, safe to print.
    pub message: String,
    /// The way out.
    pub hint: Option<String>,
}

/// The files that were read, one after the other, as if they were one text: a place in them is a
/// line of that text.
#[derive(Debug, Default)]
pub struct Files {
    all: Vec<File>,
}

#[derive(Debug, Clone)]
struct File {
    name: String,
    text: String,
    /// How many lines come before it.
    before: usize,
}

impl Files {
    /// Adds a file, and tells how many lines come before it.
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

    /// The same with names as they are seen from a folder.
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

    /// `FILE:LINE` of a place.
    pub fn show(&self, place: Place) -> String {
        match self.of(place) {
            Some(file) if place.line > 0 => format!("{}:{}", file.name, place.line - file.before),
            Some(file) => file.name.clone(),
            None => String::new(),
        }
    }

    /// All problems, file by file, as one text.
    pub fn render(&self, found: &[Problem]) -> String {
        let mut out = String::new();
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
