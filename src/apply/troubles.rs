//! The changes that failed or were not finished, and their state.

use std::collections::BTreeSet;

use super::going_back::WentBack;
use super::outcome::{Outcome, RecoveryReport, StepOutcome, StepStatus, change_of, touches};
use super::run::Context;
use crate::base::ident::{ChangeId, StepId};
use crate::engine::Writer;

/// The message for a rolled-back change that an earlier run began.
const RECOVERED: &str = "a run of this plan ended before it was finished";

/// The message for an unfinished change without a failed step.
const NOT_REACHED: &str = "not reached: the run was asked to stop, or something before it failed";

/// The message for a change whose steps all took effect and were undone.
const TAKEN_BACK: &str = "taken back: the run was asked to stop, or something beside it failed";

impl<W: Writer> Context<'_, W> {
    /// A report for each change that has a failed step, or was begun and not finished.
    pub(super) async fn troubles(
        &self,
        outcome: &Outcome,
        went: &[WentBack],
    ) -> Vec<RecoveryReport> {
        let mut troubles: Vec<RecoveryReport> = Vec::new();
        for step in &outcome.steps {
            let change = change_of(&step.id);
            if step.status.is_success() || troubles.iter().any(|trouble| trouble.change == change) {
                continue;
            }
            let Some((at, message)) = self.why(&change, step, outcome) else { continue };
            let went = went.iter().find(|went| went.changes.contains(change.as_str()));
            troubles.push(match went {
                Some(went) => taken_back(change, at, message, went),
                None => self.left(change, at, message).await,
            });
        }
        troubles
    }

    /// The step that explains an unfinished change, and the message; `None`: nobody began the
    /// change.
    fn why(
        &self,
        change: &ChangeId,
        first: &StepOutcome,
        outcome: &Outcome,
    ) -> Option<(StepId, String)> {
        let mine = || outcome.steps.iter().filter(|step| step.id.change() == change.as_str());
        let begun = mine().any(|step| matches!(step.status, StepStatus::Done | StepStatus::Undone));
        let failed = mine().find_map(|step| match &step.status {
            StepStatus::Failed { message } => Some((step.id.clone(), message.clone())),
            StepStatus::Stale(stale) if begun => Some((step.id.clone(), stale.to_string())),
            _ => None,
        });
        if failed.is_some() {
            return failed;
        }
        let end = mine().find(|step| step.status == StepStatus::NotReached);
        let why = if end.is_some() { NOT_REACHED } else { TAKEN_BACK };
        let asked = self.asked_back.contains(change);
        let why = asked.then_some(RECOVERED).or(begun.then_some(why))?;
        Some((end.unwrap_or(first).id.clone(), why.to_owned()))
    }

    /// The report for a change that was not rolled back: the change only pulled an image, or can no
    /// longer be rolled back.
    async fn left(&self, change: ChangeId, step: StepId, message: String) -> RecoveryReport {
        let touched = self.index.steps_of(change.as_str()).iter().any(|step| touches(step));
        let now = self.lines(&BTreeSet::from([change.as_str()])).await;
        RecoveryReport {
            change,
            step,
            message,
            as_before: !touched,
            taken_back: false,
            undone: Vec::new(),
            stays: Vec::new(),
            not_by_this_run: Vec::new(),
            now,
        }
    }
}

fn taken_back(change: ChangeId, step: StepId, message: String, went: &WentBack) -> RecoveryReport {
    let own = |id: &StepId| id.change() == change.as_str();
    let undone = went.undone.iter().filter(|undone| own(&undone.step)).cloned().collect();
    let stays = went.cannot.iter().filter(|cannot| own(&cannot.step));
    let stays = stays.map(|cannot| cannot.what.clone()).collect();
    let lines = |all: &[(String, String)]| -> Vec<String> {
        let mine = all.iter().filter(|(of, _)| *of == change.as_str());
        mine.map(|(_, line)| line.clone()).collect()
    };
    let (now, not_by_this_run) = (lines(&went.now), lines(&went.others));
    let taken_back = went.whole.contains(change.as_str());
    let as_before = taken_back && not_by_this_run.is_empty();
    RecoveryReport {
        change,
        step,
        message,
        as_before,
        taken_back,
        undone,
        stays,
        not_by_this_run,
        now,
    }
}
