//! What was applied, when, by whom and with which plan: results put in their order.
//!
//! Finding the files, and what git and engines know besides, is the command line's.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::record::{ChangeRecord, Command, Ended, RunRecord};
use super::result::ResultDocument;
use super::result_text::{course, who};
use crate::base::ident::{ContainerId, ProjectName};
use crate::base::say::{lasted, safe};
use crate::plan::Summary;

/// The format of the JSON form.
pub const FORMAT: &str = "bayplan/history/1";

/// The runs that are known, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct History {
    /// [`FORMAT`].
    pub format: String,
    /// The container that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Asked>,
    /// What was run.
    pub runs: Vec<Entry>,
}

/// A container of which the plan is asked that made it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Asked {
    /// Its name.
    pub name: String,
    /// What the engine says of it, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
    /// What it was made by, as far as it is known.
    pub made_by: Option<MadeBy>,
}

/// A container that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Live {
    /// Its ID.
    pub id: ContainerId,
    /// The digest of the plan that its label names; nothing: bayplan did not make it.
    pub plan: Option<String>,
}

/// By which plan a container was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MadeBy {
    /// Its digest.
    pub plan: String,
    /// The commit that brought it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    /// The result of the run; nothing: none is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Where its result is.
    pub file: String,
    /// Which run; results of before do not say.
    pub run: Option<RunRecord>,
    /// The commit that brought its plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    /// How it ended.
    pub exit_code: u8,
    /// What it came to.
    pub message: String,
    /// What it did, counted.
    pub summary: Summary,
    /// The changes that were begun.
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

/// Which runs are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Those of this project.
    pub project: Option<String>,
    /// Those that changed this container.
    pub container: Option<String>,
}

impl History {
    /// Of results, by their files; `commits` are those of plans, by digest.
    pub fn of(
        results: Vec<(String, ResultDocument)>,
        commits: &BTreeMap<String, Commit>,
        filter: &Filter,
    ) -> Self {
        let mut runs: Vec<Entry> = results
            .into_iter()
            .map(|(file, document)| entry(file, document, commits))
            .filter(|entry| filter.fits(entry))
            .collect();
        let began = |entry: &Entry| entry.run.as_ref().map(|run| run.began.clone());
        runs.sort_by_cached_key(|entry| (std::cmp::Reverse(began(entry)), entry.file.clone()));
        let container = filter.container.as_ref().map(|name| Asked {
            name: name.clone(),
            live: None,
            made_by: made_by(&runs, name),
        });
        Self { format: FORMAT.to_owned(), container, runs }
    }

    /// Takes what an engine says of the container that was asked for.
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

    /// For people, the newest run first.
    pub fn text(&self) -> String {
        let mut out: String = self.container.iter().map(Asked::text).collect();
        for (index, entry) in self.runs.iter().enumerate() {
            if index > 0 || !out.is_empty() {
                out.push('\n');
            }
            out += &entry.text();
        }
        out
    }
}

impl Filter {
    fn fits(&self, entry: &Entry) -> bool {
        let project = entry.run.as_ref().and_then(|run| run.project.as_ref());
        let project = |wanted: &String| project.map(ProjectName::as_str) == Some(wanted);
        let container =
            |wanted: &String| entry.changes.iter().any(|change| change.id.as_str() == wanted);
        self.project.as_ref().is_none_or(project) && self.container.as_ref().is_none_or(container)
    }
}

fn entry(file: String, document: ResultDocument, commits: &BTreeMap<String, Commit>) -> Entry {
    let plan = document.run.as_ref().and_then(|run| run.plan.as_ref());
    let commit = plan.and_then(|plan| commits.get(plan)).cloned();
    let ResultDocument { run, exit_code, message, summary, changes, .. } = document;
    Entry { file, run, commit, exit_code, message, summary, changes }
}

/// The newest run that made a container of this name which stayed.
fn made_by(runs: &[Entry], name: &str) -> Option<MadeBy> {
    let stayed = |change: &ChangeRecord| {
        change.id.as_str() == name && change.created.is_some() && change.ended != Ended::AsBefore
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

impl Commit {
    fn text(&self) -> String {
        let Self { id, author, date, subject } = self;
        let id = id.get(..12).unwrap_or(id);
        safe(&format!("committed {date} by {author} in {id}: {subject}"))
    }
}

impl Entry {
    fn text(&self) -> String {
        let mut out = self.title() + "\n";
        // Writing to a string cannot fail.
        if let Some(plan) = self.run.as_ref().and_then(|run| run.plan.as_ref()) {
            let _ = writeln!(out, "  plan {}", safe(plan));
        }
        out.extend(self.commit.iter().map(|commit| format!("  {}\n", commit.text())));
        let failed = (self.exit_code != 0).then(|| format!("exit code {}: ", self.exit_code));
        let _ = writeln!(out, "  {}{}", failed.unwrap_or_default(), safe(&self.message));
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
