//! The history of runs: what was applied, when, by whom and with which plan.
//!
//! Finding the result files, and asking git and engines, is done by the command line, not here.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::journaled::JournaledRun;
use super::record::{ChangeRecord, Command, Ended, RunRecord};
use super::result::ResultDocument;
use super::result_text::{course, who};
use crate::base::ident::{ContainerId, ProjectName};
use crate::base::say::{lasted, safe};
use crate::plan::Summary;

/// The format of the JSON form.
pub const FORMAT: &str = "bayplan/history/1";

/// The known runs, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct History {
    /// [`FORMAT`].
    pub format: String,
    /// The container that the user asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Asked>,
    /// The runs that have a result file.
    pub runs: Vec<Entry>,
    /// The runs that have a journal, each journal in its order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub journals: Vec<JournaledRun>,
}

/// A container whose creating plan the user asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Asked {
    /// The name of the container.
    pub name: String,
    /// The container on the engine, if the engine was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
    /// The plan that made the container, if the plan is known.
    pub made_by: Option<MadeBy>,
}

/// A container that exists on the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Live {
    /// The ID of the container.
    pub id: ContainerId,
    /// The plan digest from the label of the container; `None`: bayplan did not make the container.
    pub plan: Option<String>,
}

/// The plan that made a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MadeBy {
    /// The digest of the plan.
    pub plan: String,
    /// The commit that added the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    /// The result file of the run; `None`: no result is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// The path of the result file.
    pub file: String,
    /// The record of the run; older results have no record.
    pub run: Option<RunRecord>,
    /// The commit that added the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    /// The exit code of the run.
    pub exit_code: u8,
    /// The message of the result.
    pub message: String,
    /// The changes that the run made, counted by kind.
    pub summary: Summary,
    /// The changes that were begun; those of one container, if the user asked for a container.
    pub changes: Vec<ChangeRecord>,
}

/// A commit of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Commit {
    /// Its ID.
    pub id: String,
    /// Who wrote it.
    pub author: String,
    /// When it was committed.
    pub date: String,
    /// The first line of its message.
    pub subject: String,
}

/// Which runs to show.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only the runs of this project.
    pub project: Option<String>,
    /// Only the runs that changed this container.
    pub container: Option<String>,
}

impl History {
    /// The history of some results, by file; `commits` are the commits of plans, by plan digest.
    pub fn of(
        results: Vec<(String, ResultDocument)>,
        commits: &BTreeMap<String, Commit>,
        filter: &Filter,
    ) -> Self {
        let mut runs: Vec<Entry> = results
            .into_iter()
            .map(|(file, document)| entry(file, document, commits))
            .filter_map(|entry| filter.picked(entry))
            .collect();
        let began = |entry: &Entry| entry.run.as_ref().map(|run| run.began.clone());
        runs.sort_by_cached_key(|entry| (std::cmp::Reverse(began(entry)), entry.file.clone()));
        let container = filter.container.as_ref().map(|name| Asked {
            name: name.clone(),
            live: None,
            made_by: made_by(&runs, name),
        });
        Self { format: FORMAT.to_owned(), container, runs, journals: Vec::new() }
    }

    /// Whether nothing is known of what the user asked for.
    pub fn is_empty(&self) -> bool {
        let live = self.container.as_ref().is_some_and(|asked| asked.live.is_some());
        self.runs.is_empty() && self.journals.is_empty() && !live
    }

    /// Adds what an engine says about the container that the user asked for.
    pub fn know(&mut self, live: Live, commits: &BTreeMap<String, Commit>) {
        let Some(asked) = &mut self.container else { return };
        asked.made_by = live.plan.clone().map(|plan| {
            let made = |change: &ChangeRecord| change.created.as_ref() == Some(&live.id);
            let run = self.runs.iter().find(|entry| entry.changes.iter().any(made));
            let (file, commit) = (run.map(|run| run.file.clone()), commits.get(&plan).cloned());
            MadeBy { plan, commit, file }
        });
        asked.live = Some(live);
    }

    /// The history as text, the newest run first.
    pub fn text(&self) -> String {
        let mut out: String = self.container.iter().map(Asked::text).collect();
        let whole = self.container.is_none();
        for (index, entry) in self.runs.iter().enumerate() {
            if index > 0 || !out.is_empty() {
                out.push('\n');
            }
            out += &entry.text(whole);
        }
        for run in &self.journals {
            if !out.is_empty() {
                out.push('\n');
            }
            out += &run.text(whole);
        }
        out
    }
}

impl Filter {
    /// The run with the changes that the user asked for; `None`: there are none in the run.
    fn picked(&self, mut entry: Entry) -> Option<Entry> {
        let project = entry.run.as_ref().and_then(|run| run.project.as_ref());
        let project = |wanted: &String| project.map(ProjectName::as_str) == Some(wanted);
        if !self.project.as_ref().is_none_or(project) {
            return None;
        }
        if let Some(name) = &self.container {
            entry.changes.retain(|change| change.id.as_str() == name);
        }
        (self.container.is_none() || !entry.changes.is_empty()).then_some(entry)
    }
}

fn entry(file: String, document: ResultDocument, commits: &BTreeMap<String, Commit>) -> Entry {
    let plan = document.run.as_ref().and_then(|run| run.plan.as_ref());
    let commit = plan.and_then(|plan| commits.get(plan)).cloned();
    let ResultDocument { run, exit_code, message, summary, changes, .. } = document;
    Entry { file, run, commit, exit_code, message, summary, changes }
}

/// The plan of the newest run that made and kept a container of this name.
fn made_by(runs: &[Entry], name: &str) -> Option<MadeBy> {
    let stayed = |change: &ChangeRecord| {
        let went_back = matches!(change.ended, Ended::AsBefore | Ended::TakenBack);
        change.id.as_str() == name && change.created.is_some() && !went_back
    };
    let made = |entry: &&Entry| {
        let real = entry.run.as_ref().is_none_or(|run| !run.simulated);
        real && entry.changes.iter().any(stayed)
    };
    let entry = runs.iter().find(made)?;
    let plan = entry.run.as_ref()?.plan.clone()?;
    Some(MadeBy { plan, commit: entry.commit.clone(), file: Some(entry.file.clone()) })
}

impl Asked {
    fn text(&self) -> String {
        let name = safe(&self.name);
        let id = self.live.as_ref().map(|live| format!(" ({})", live.id.short()));
        let id = id.unwrap_or_default();
        let Some(made) = &self.made_by else {
            let told = if self.live.is_some() { "its labels name none" } else { "no result tells" };
            return format!("container `{name}`{id}: of no known plan, {told}\n");
        };
        let mut out = format!("container `{name}`{id} was made by the plan {}\n", safe(&made.plan));
        out.extend(made.commit.iter().map(|commit| format!("  {}\n", commit.text())));
        out.extend(made.file.iter().map(|file| format!("  {}\n", safe(file))));
        out
    }
}

/// How a run ended: `exit code 5: no action taken.`, `the whole run: created 3 containers.`
pub(super) fn ending(whole: bool, exit_code: u8, message: &str) -> String {
    let run = if whole { "" } else { "the whole run: " };
    let failed = (exit_code != 0).then(|| format!("exit code {exit_code}: "));
    format!("{run}{}{}", failed.unwrap_or_default(), safe(message))
}

impl Commit {
    fn text(&self) -> String {
        let Self { id, author, date, subject } = self;
        let id = id.get(..12).unwrap_or(id);
        safe(&format!("committed {date} by {author} in {id}: {subject}"))
    }
}

impl Entry {
    /// `whole`: all changes follow; else the message is marked as that of the whole run.
    fn text(&self, whole: bool) -> String {
        let mut out = self.title() + "\n";
        // Writing to a string cannot fail.
        if let Some(plan) = self.run.as_ref().and_then(|run| run.plan.as_ref()) {
            let _ = writeln!(out, "  plan {}", safe(plan));
        }
        out.extend(self.commit.iter().map(|commit| format!("  {}\n", commit.text())));
        let _ = writeln!(out, "  {}", ending(whole, self.exit_code, &self.message));
        for change in &self.changes {
            let (verb, id) = (change.verb.word(), safe(change.id.as_str()));
            let _ = writeln!(out, "  {verb:<7}  {id}{}", course(change));
        }
        let _ = writeln!(out, "  {}", safe(&self.file));
        out
    }

    /// `2026-11-24T00:06:10Z  shop on harbour-1, applied by ann on ci-7 in 12.3 s`.
    fn title(&self) -> String {
        let Some(run) = &self.run else { return "at a time that is not known".to_owned() };
        let RunRecord { command, project, engine, simulated, began, took_ms, by, .. } = run;
        let project = project.as_ref().map_or("no plan", |project| project.as_str());
        let engine = engine.as_ref().map(|engine| format!(" on {}", engine.name));
        let simulated = if *simulated { ", simulated" } else { "" };
        let done = match command {
            Command::Apply => "applied",
            Command::Recover => "recovered",
        };
        safe(&format!(
            "{began}  {project}{}{simulated}, {done} by {} in {}",
            engine.unwrap_or_default(),
            who(by),
            lasted(*took_ms)
        ))
    }
}
