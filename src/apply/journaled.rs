//! Runs as a journal tells them, including runs that died without a result.
//!
//! Reading the file is done by the command line; the format of a line is in [`super::journal`].

use std::fmt::Write as _;

use serde::Serialize;

use super::history::{Filter, ending};
use super::journal::{Entry, Record};
use super::record::Command;
use crate::base::ident::{ProjectName, StepId};
use crate::base::say::{count, safe};

/// One run of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JournaledRun {
    /// The path of the journal.
    pub file: String,
    /// The command that was run.
    pub command: Command,
    /// Whether the engine was simulated.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// The project of the plan.
    pub project: ProjectName,
    /// The digest of the plan.
    pub plan: String,
    /// The time at which the run began.
    pub began: String,
    /// The calls of the run.
    pub calls: Vec<JournaledCall>,
    /// The end of the run; null: the journal does not know the end.
    pub ended: Option<JournaledEnd>,
    /// Whether the run is under way: its process holds the journal.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub under_way: bool,
    /// Whether the last record of the journal is cut off.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut_off: bool,
}

/// A journal that was read, with the state of its file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journaled {
    /// The complete records.
    pub records: Vec<Record>,
    /// Whether a process holds the file, to write to it.
    pub held: bool,
    /// Whether the file ends in the middle of a record.
    pub cut_off: bool,
}

/// A call in a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JournaledCall {
    /// The step of the call.
    pub step: StepId,
    /// The call in words.
    pub what: String,
    /// The time of the call.
    pub at: String,
    /// Whether the call rolled something back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub back: bool,
    /// The result of the call.
    pub came: CameOf,
    /// The error of a failed call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// The result of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CameOf {
    /// The call took effect.
    Done,
    /// The call failed.
    Failed,
    /// No answer was recorded: the call may have been made.
    Unknown,
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JournaledEnd {
    /// The time of the end.
    pub at: String,
    /// The exit code of the run.
    pub exit_code: u8,
    /// The message of the run.
    pub message: String,
}

/// The runs of a journal that pass the filter, in the order in which they began.
pub fn runs(file: &str, journal: Journaled, filter: &Filter) -> Vec<JournaledRun> {
    let mut runs: Vec<JournaledRun> = Vec::new();
    for Record { at, entry, .. } in journal.records {
        if let Entry::Begins { command, project, plan, simulated, .. } = entry {
            let (file, began, calls, ended) = (file.to_owned(), at, Vec::new(), None);
            let (under_way, cut_off) = (false, false);
            runs.push(JournaledRun {
                file,
                command,
                simulated,
                project,
                plan,
                began,
                calls,
                ended,
                under_way,
                cut_off,
            });
            continue;
        }
        // Records before the first run belong to no run.
        let Some(run) = runs.last_mut() else { continue };
        match entry {
            Entry::Begins { .. } => {}
            Entry::Calls { step, what, back } => {
                let (came, failed) = (CameOf::Unknown, None);
                run.calls.push(JournaledCall { step, what, at, back, came, failed });
            }
            Entry::Answered { step, failed } => {
                let open =
                    |call: &&mut JournaledCall| call.step == step && call.came == CameOf::Unknown;
                if let Some(call) = run.calls.iter_mut().rev().find(open) {
                    call.came = if failed.is_some() { CameOf::Failed } else { CameOf::Done };
                    call.failed = failed;
                }
            }
            Entry::Ends { exit_code, message } => {
                run.ended = Some(JournaledEnd { at, exit_code, message });
            }
        }
    }
    if let Some(last) = runs.last_mut().filter(|run| run.ended.is_none()) {
        (last.under_way, last.cut_off) = (journal.held, journal.cut_off && !journal.held);
    }
    runs.into_iter().filter_map(|run| run.picked(filter)).collect()
}

impl JournaledRun {
    /// The run with the calls that the user asked for; `None`: there are none in the run.
    fn picked(mut self, filter: &Filter) -> Option<Self> {
        if filter.project.as_ref().is_some_and(|project| self.project.as_str() != project) {
            return None;
        }
        if let Some(name) = &filter.container {
            self.calls.retain(|call| call.step.change() == name);
        }
        (filter.container.is_none() || !self.calls.is_empty()).then_some(self)
    }

    /// What a journal without an end says of its run.
    fn open_end(&self) -> &'static str {
        match (self.under_way, self.cut_off) {
            (true, _) => "it is under way",
            (_, true) => {
                "its end is not known: its process died, or the disk was full, in the middle of a \
                 record; what comes after is not in the journal"
            }
            (_, false) => {
                "its end is not known: its process died, or the journal could not be written any \
                 more; what comes after is not in the journal"
            }
        }
    }

    /// The run as text; `whole`: all its calls follow, not those of one container.
    pub fn text(&self, whole: bool) -> String {
        let Self { file, command, simulated, project, plan, began, calls, .. } = self;
        let simulated = if *simulated { ", simulated" } else { "" };
        let (command, calls_made) = (command.word(), count(calls.len(), "call"));
        let head = format!("{began}  {project}{simulated}, {command}, {calls_made}");
        let mut out = format!("{}\n  plan {}\n", safe(&head), safe(plan));
        // Writing to a string cannot fail.
        let _ = match &self.ended {
            None => writeln!(out, "  {}", self.open_end()),
            Some(JournaledEnd { exit_code, message, .. }) => {
                writeln!(out, "  {}", ending(whole, *exit_code, message))
            }
        };
        for call in calls {
            let end = match (call.came, &call.failed) {
                (CameOf::Done, _) => "done".to_owned(),
                (CameOf::Failed, why) => {
                    format!("failed: {}", safe(why.as_deref().unwrap_or_default()))
                }
                (CameOf::Unknown, _) => "no answer: it may have been made".to_owned(),
            };
            let back = if call.back { "back: " } else { "" };
            let _ = writeln!(out, "  {back}{}; {end}", safe(&call.what));
        }
        let _ = writeln!(out, "  {}", safe(file));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::journal::{Chain, FORMAT, read};

    fn begins(project: &str) -> Entry {
        Entry::Begins {
            format: FORMAT.to_owned(),
            command: Command::Apply,
            version: "0.1.0".to_owned(),
            project: ProjectName::new(project),
            plan: "sha256:ab".to_owned(),
            engine: None,
            simulated: false,
        }
    }

    fn kept(filter: &Filter) -> Vec<JournaledRun> {
        let mut chain = Chain::default();
        let (stop, create) = (StepId::new("shop-db/stop"), StepId::new("shop-db/create"));
        let calls = |step: &StepId, what: &str, back| Entry::Calls {
            step: step.clone(),
            what: what.to_owned(),
            back,
        };
        let text: String = [
            begins("shop"),
            calls(&create, "create container shop-db.bp-new", false),
            Entry::Answered { step: create, failed: None },
            calls(&stop, "stop container shop-db", false),
            Entry::Answered { step: stop.clone(), failed: Some("no \u{1b}[2J".to_owned()) },
            calls(&stop, "start container shop-db", true),
            begins("other"),
            Entry::Ends { exit_code: 5, message: "no action taken.".to_owned() },
        ]
        .into_iter()
        .map(|entry| chain.line("2026-01-02T03:04:05Z".to_owned(), entry).unwrap())
        .collect();
        let records = read(text.as_bytes()).unwrap().records;
        runs("j", Journaled { records, ..Journaled::default() }, filter)
    }

    #[test]
    fn a_journal_without_an_end_says_what_is_known_of_it() {
        let mut run = kept(&Filter::default()).remove(0);
        for (under_way, cut_off, told) in [
            (false, false, "could not be written any more"),
            (false, true, "in the middle of a record"),
            (true, false, "it is under way"),
        ] {
            (run.under_way, run.cut_off) = (under_way, cut_off);
            assert!(run.text(true).contains(told), "{}", run.text(true));
        }
        let mut chain = Chain::default();
        let line = chain.line(String::new(), begins("shop")).unwrap();
        let records = read(line.as_bytes()).unwrap().records;
        let held = Journaled { records, held: true, cut_off: true };
        let run = runs("j", held, &Filter::default()).remove(0);
        assert_eq!((run.under_way, run.cut_off), (true, false));
    }

    #[test]
    fn a_run_that_died_is_told_with_the_call_that_nobody_answered() {
        let text: Vec<String> = kept(&Filter::default()).iter().map(|run| run.text(true)).collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        2026-01-02T03:04:05Z  shop, apply, 3 calls
          plan sha256:ab
          its end is not known: its process died, or the journal could not be written any more; what comes after is not in the journal
          create container shop-db.bp-new; done
          stop container shop-db; failed: no \u{1b}[2J
          back: start container shop-db; no answer: it may have been made
          j

        2026-01-02T03:04:05Z  other, apply, 0 calls
          plan sha256:ab
          exit code 5: no action taken.
          j
        ");
    }

    #[test]
    fn runs_are_asked_for_by_project_and_by_container() {
        let by = |project: Option<&str>, container: Option<&str>| {
            let filter = Filter {
                project: project.map(str::to_owned),
                container: container.map(str::to_owned),
            };
            let kept = kept(&filter);
            kept.first().map(|run| run.calls.len())
        };
        assert_eq!((by(Some("shop"), None), by(None, Some("shop-db"))), (Some(3), Some(3)));
        assert_eq!((by(Some("else"), None), by(None, Some("shop"))), (None, None));
    }

    #[test]
    fn of_a_run_only_the_calls_to_the_container_are_told() {
        let mut chain = Chain::default();
        let of = |step: &str| Entry::Calls {
            step: StepId::new(step),
            what: step.to_owned(),
            back: false,
        };
        let ends = Entry::Ends { exit_code: 0, message: "created 2 containers.".to_owned() };
        let entries = [begins("shop"), of("shop-db/create"), of("shop-web/create"), ends];
        let line = |entry| chain.line("2026-01-02T03:04:05Z".to_owned(), entry).unwrap();
        let text: String = entries.into_iter().map(line).collect();
        let journal =
            Journaled { records: read(text.as_bytes()).unwrap().records, ..Journaled::default() };
        let filter = Filter { container: Some("shop-web".to_owned()), ..Filter::default() };
        let told = runs("j", journal, &filter)[0].text(false);
        insta::assert_snapshot!(told, @r"
        2026-01-02T03:04:05Z  shop, apply, 1 call
          plan sha256:ab
          the whole run: created 2 containers.
          shop-web/create; no answer: it may have been made
          j
        ");
    }
}
