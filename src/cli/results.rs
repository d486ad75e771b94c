//! Where the result of an apply goes: to people, to a file, to stdout. What cannot be written never
//! hides what was done.

use std::path::Path;

use super::files::{self, Files};
use super::output;
use super::report::{Exit, Failure};
use crate::apply::result::{ResultDocument, StaleEntry};
use crate::apply::result_text;
use crate::base::canonical;

/// Where it goes.
#[derive(Debug, Clone, Copy)]
pub struct Results<'a> {
    files: &'a Files,
    file: Option<&'a Path>,
    json: bool,
}

/// Why a plan was not run, and what of it is stale.
pub struct Refusal {
    /// Why.
    pub failure: Failure,
    /// What.
    pub stale: Vec<StaleEntry>,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self { failure, stale: Vec::new() }
    }
}

impl<'a> Results<'a> {
    /// As the command line says.
    pub fn new(files: &'a Files, file: Option<&'a Path>, json: bool) -> Self {
        Self { files, file, json }
    }

    /// What the command reads and writes.
    pub fn files(&self) -> &'a Files {
        self.files
    }

    /// Whether the result can be written: found out before anything is done.
    pub fn writable(&self) -> Result<(), Failure> {
        let Some(file) = self.file else { return Ok(()) };
        if self.json && files::is_standard(file) {
            let message = "expected another file than stdout, where `--json` prints the result";
            return Err(Failure::new(Exit::Usage, message).hint("leave `-o -` out"));
        }
        self.files.writable(file)
    }

    /// Of a plan that was not run. `file`: the file can be written.
    pub fn refused(&self, refusal: &Refusal, file: bool) {
        let Failure { exit, message, causes, hint: _ } = &refusal.failure;
        let first = message.lines().next().unwrap_or_default();
        let parts = std::iter::once(first).chain(causes.iter().map(String::as_str));
        let message = parts.collect::<Vec<_>>().join(": ");
        let document = ResultDocument::refused(&message, exit.code(), refusal.stale.clone());
        let here = if file { *self } else { Self { file: None, ..*self } };
        let _ = here.write(&document, "");
    }

    /// Of a plan that was run, or that there was nothing to do of. Gives how the command ends.
    pub fn tell(&self, document: &ResultDocument) -> Exit {
        let text = result_text::text(document);
        let code = if self.write(document, &text) { 0 } else { Exit::Error.code() };
        Exit::of_code(document.exit_code.max(code))
    }

    /// Writes it wherever it goes; whether all of that went well.
    fn write(&self, document: &ResultDocument, text: &str) -> bool {
        let piped = self.file.is_some_and(files::is_standard);
        let shown = if self.json {
            canonical::flat(document)
                .map_err(|error| failed(&error))
                .and_then(|line| output::data(&format!("{line}\n")))
        } else if piped {
            // What is for people goes beside the file.
            output::note(text.trim_end());
            Ok(())
        } else {
            output::data(text)
        };
        if shown.is_err() {
            // It must be told somewhere.
            output::note(text.trim_end());
        }
        let written = self.file.map_or(Ok(()), |file| {
            let mut out = Vec::new();
            canonical::pretty(&mut out, document, 0).map_err(|error| failed(&error))?;
            out.push(b'\n');
            self.files.write(file, &out)
        });
        let failures: Vec<Failure> = [shown, written].into_iter().filter_map(Result::err).collect();
        for failure in &failures {
            output::note(&failure.to_string());
        }
        failures.is_empty()
    }
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Error, "the result cannot be written")
        .caused_by(crate::base::say::safe(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_decides_the_code_before_what_could_not_be_written() {
        let file = Path::new("/nonexistent/result.json");
        let files = &Files::default();
        for (code, exit) in [(0, Exit::Error), (5, Exit::Failed), (7, Exit::PartWay)] {
            let results = Results { files, file: Some(file), json: false };
            let document = ResultDocument::refused("a message", code, Vec::new());
            assert_eq!(results.tell(&document), exit);
        }
    }

    #[test]
    fn a_written_result_holds_nothing_that_a_terminal_obeys() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("r.json");
        let results = Results { files: &Files::default(), file: Some(&file), json: false };
        let mut document = ResultDocument::refused("", 0, Vec::new());
        document.containers =
            vec![serde_json::json!({"Cmd": "a\u{1b}[2J\u{202e}\u{7f}", "f": 0.5})];
        results.tell(&document);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(r"a\u001b[2J\u202e\u007f"), "{text}");
        let line = canonical::flat(&document).unwrap();
        assert!(!text.chars().any(|c| c != '\n' && crate::base::say::is_unsafe(c)), "{text}");
        assert!(!line.chars().any(crate::base::say::is_unsafe), "{line}");
    }
}
