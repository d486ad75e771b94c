//! Writes the result of an apply: to people, to a file, to stdout. A write error never hides the
//! result itself.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::files::{self, Files};
use super::load_plan::Opened;
use super::report::{Exit, Failure};
use super::{output, who};
use crate::apply::record::{Command, EngineName, RunRecord};
use crate::apply::result::{ResultDocument, StaleEntry};
use crate::apply::result_text;
use crate::apply::times;
use crate::base::{canonical, say, time};
use crate::engine::known;
use crate::engine_model::Engine;
use crate::observed::snapshot::Snapshot;
use crate::plan::Tool;

/// The destinations of a result, and the record of its run.
pub struct Results<'a> {
    files: &'a Files,
    file: Option<&'a Path>,
    journal: Option<&'a Path>,
    json: bool,
    began: Instant,
    run: RefCell<RunRecord>,
}

/// The arguments about results.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The command of the run.
    pub command: Command,
    /// The result file, or a folder for the result file.
    pub file: Option<&'a Path>,
    /// The journal file.
    pub journal: Option<&'a Path>,
    /// Whether JSON is printed.
    pub json: bool,
    /// The notes from `--meta`.
    pub meta: &'a [(String, String)],
    /// Whether the engine is simulated.
    pub simulated: bool,
}

/// Why a plan was not run, with its stale parts.
pub struct Refusal {
    /// The reason.
    pub failure: Failure,
    /// The stale parts of the plan.
    pub stale: Vec<StaleEntry>,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self { failure, stale: Vec::new() }
    }
}

impl<'a> Results<'a> {
    /// The results of a run that begins now.
    pub fn new(files: &'a Files, asked: Asked<'a>) -> Self {
        let Asked { command, file, journal, json, meta, simulated } = asked;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let run = RunRecord {
            command,
            plan: None,
            project: None,
            engine: None,
            simulated,
            began: time::utc(now.as_secs()),
            took_ms: 0,
            by: who::me(),
            meta: meta.iter().cloned().collect(),
            tool: Tool::this(),
        };
        Self { files, file, journal, json, began: Instant::now(), run: RefCell::new(run) }
    }

    /// Adds the plan to the record of the run.
    pub fn of_plan(&self, opened: &Opened<'_>) {
        let mut run = self.run.borrow_mut();
        run.plan = Some(opened.digest.clone());
        run.project = Some(opened.plan.project.clone());
    }

    /// Adds the engine to the record of the run.
    pub fn of_engine(&self, snapshot: &Snapshot) {
        self.run.borrow_mut().engine = snapshot.engine.as_ref().map(|record| {
            let Engine { name, id, version, .. } = Engine::of(record);
            EngineName { name, id, version }
        });
    }

    /// The files that the command reads and writes.
    pub fn files(&self) -> &'a Files {
        self.files
    }

    /// The record of the run, as far as it is known.
    pub fn run(&self) -> RunRecord {
        self.run.borrow().clone()
    }

    /// Checks before the run that the result and the journal can be written.
    pub fn writable(&self) -> Result<(), Failure> {
        self.journal_writable()?;
        let Some(file) = self.file else { return Ok(()) };
        if self.json && files::is_standard(file) {
            let message = "expected another file than stdout, where `--json` prints the result";
            return Err(Failure::new(Exit::Usage, message).hint("leave `-o -` out"));
        }
        self.files.writable(&in_folder(file, &self.run.borrow()))
    }

    /// Checks the journal: a file that is neither an input nor the result file.
    fn journal_writable(&self) -> Result<(), Failure> {
        let Some(journal) = self.journal else { return Ok(()) };
        let other = |message: String| {
            let hint = "`--journal` names a file of its own";
            Err(Failure::new(Exit::Usage, message).hint(hint))
        };
        if files::is_standard(journal) {
            return other("expected a file for the journal, but found standard output".to_owned());
        }
        if self.file.is_some_and(|file| files::is_same(file, journal)) {
            let named = files::named(journal);
            return other(format!("expected another file for the journal: {named} is the result"));
        }
        self.files.writable(journal)
    }

    /// Writes the result of a plan that was refused. `file`: the result file can be written.
    pub fn refused(&self, refusal: &Refusal, file: bool) {
        let Failure { exit, message, causes, hint: _ } = &refusal.failure;
        let first = message.lines().next().unwrap_or_default();
        let parts = std::iter::once(first).chain(causes.iter().map(String::as_str));
        let message = parts.collect::<Vec<_>>().join(": ");
        let document = ResultDocument::refused(&message, exit.code(), refusal.stale.clone());
        let _ = self.write(&document, "", self.file.filter(|_| file));
    }

    /// Writes the result of a run, or of a plan without open steps. Gives the end of the command.
    pub fn tell(&self, document: &ResultDocument) -> Exit {
        let text = result_text::text(document);
        if self.write(document, &text, self.file) {
            return Exit::of_code(document.exit_code);
        }
        // Who reads only the error must not take it for the end of the run.
        let (code, message) = (document.exit_code, say::safe(&document.message));
        output::note(&format!("the run itself ended with exit code {code}: {message}"));
        output::note(
            "hint: what it did is told above; `bayplan verify PLAN` says what is left of the plan",
        );
        Exit::of_code(code.max(Exit::Error.code()))
    }

    /// Writes the result to all destinations; whether all writes succeeded.
    fn write(&self, document: &ResultDocument, text: &str, file: Option<&Path>) -> bool {
        // More secrets are known now than at the beginning of the run.
        let mut run = self.run().told(known::struck);
        run.took_ms = times::millis(self.began.elapsed());
        let file = file.map(|file| in_folder(file, &run));
        let took =
            (!self.json && !text.is_empty()).then(|| format!("took {}", say::lasted(run.took_ms)));
        let document = &ResultDocument { run: Some(run), ..document.clone() };
        let piped = file.as_deref().is_some_and(files::is_standard);
        let shown = if self.json {
            canonical::flat(document)
                .map_err(|error| failed(&error))
                .and_then(|line| output::data(&format!("{line}\n")))
        } else if piped {
            // The text for people goes to stderr.
            output::note(text.trim_end());
            Ok(())
        } else {
            output::told(text)
        };
        if shown.is_err() {
            // The result must be shown somewhere.
            output::note(text.trim_end());
        }
        let written = file.as_deref().map_or(Ok(()), |file| {
            let text = document.file().map_err(|error| failed(&error))?;
            self.files.write(file, text.as_bytes())
        });
        let kept = file.as_deref().filter(|_| !piped && written.is_ok());
        let kept = kept.map(|file| format!("result written to {}", files::named_output(file)));
        let last: Vec<String> = took.into_iter().chain(kept).collect();
        if !last.is_empty() {
            output::note(&last.join("; "));
        }
        let failures: Vec<Failure> = [shown, written].into_iter().filter_map(Result::err).collect();
        for failure in &failures {
            output::note(&failure.to_string());
        }
        failures.is_empty()
    }
}

/// A new file in a folder, named by time, project and plan; for another path, the path itself.
fn in_folder(file: &Path, run: &RunRecord) -> PathBuf {
    if !file.is_dir() {
        return file.to_owned();
    }
    let project = run.project.as_ref().map(|project| format!("-{project}")).unwrap_or_default();
    let plan = run.plan.as_deref().and_then(|digest| digest.get("sha256:".len()..)?.get(..8));
    let plan = plan.map(|plan| format!("-{plan}")).unwrap_or_default();
    let name = format!("{}{project}{plan}", run.began.replace(':', ""));
    let named = |number: u32| match number {
        1 => file.join(format!("{name}.json")),
        _ => file.join(format!("{name}-{number}.json")),
    };
    let mut number = 1;
    while std::fs::symlink_metadata(named(number)).is_ok() {
        number += 1;
    }
    named(number)
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Error, "the result cannot be written")
        .caused_by(say::safe(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(file: &Path) -> Asked<'_> {
        let (command, file) = (Command::Apply, Some(file));
        Asked { command, file, journal: None, json: false, meta: &[], simulated: false }
    }

    #[test]
    fn a_folder_gets_a_file_for_each_run() {
        let folder = tempfile::tempdir().unwrap();
        let files = &Files::default();
        let results = Results::new(files, asked(folder.path()));
        results.writable().unwrap();
        for _ in 0..3 {
            results.tell(&ResultDocument::refused("a message", 0, Vec::new()));
        }
        let began = results.run.borrow().began.replace(':', "");
        for name in [format!("{began}.json"), format!("{began}-2.json"), format!("{began}-3.json")]
        {
            assert!(folder.path().join(&name).is_file(), "{name}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn what_became_known_as_secret_during_a_run_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("r.json");
        let files = &Files::default();
        let meta = [("note".to_owned(), "of canary-9f2c61 it is".to_owned())];
        let results = Results::new(files, Asked { meta: &meta, ..asked(&file) });
        results.run.borrow_mut().by.user = "canary-9f2c61".to_owned();
        known::learn("canary-9f2c61");
        results.tell(&ResultDocument::refused("a message", 0, Vec::new()));
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains("it is") && !text.contains("canary"), "{text}");
    }

    #[test]
    fn what_was_done_decides_the_code_before_what_could_not_be_written() {
        let file = Path::new("/nonexistent/result.json");
        let files = &Files::default();
        for (code, exit) in [(0, Exit::Error), (5, Exit::Failed), (7, Exit::PartWay)] {
            let results = Results::new(files, asked(file));
            let document = ResultDocument::refused("a message", code, Vec::new());
            assert_eq!(results.tell(&document), exit);
        }
    }

    #[test]
    fn a_written_result_holds_nothing_that_a_terminal_obeys() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("r.json");
        let files = &Files::default();
        let results = Results::new(files, asked(&file));
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
