//! The status of every step, and the outcome of the run.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::ident::{ChangeId, ContainerId, StepId};
use crate::plan::{Action, Plan, Step, Summary, summary};
use crate::stale::difference::Difference;

/// Why a run was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// SIGINT, Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal is gone.
    Hangup,
    /// SIGQUIT.
    Quit,
}

impl Signal {
    /// What a program that ended by it exits with.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
            Self::Hangup => 129,
            Self::Quit => 131,
        }
    }
}

/// Something is not as the plan has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stale {
    /// Stable, for machines: `container_gone`, `name_taken`, ….
    pub code: String,
    /// What the plan relied on; a fragment.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// The way out.
    pub hint: String,
}

impl std::fmt::Display for Stale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "expected {}, but found {}", self.expected, self.found)
    }
}

impl Stale {
    /// A difference in the world of a plan, with the usual hint.
    pub(super) fn of(moved: &Difference) -> Self {
        Self::new(moved.code.word(), moved.expectation(), moved.found.clone())
    }

    /// A stale finding with the usual hint.
    pub(super) fn new(code: &str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            expected: expected.into(),
            found: found.into(),
            hint: "make a new plan".to_owned(),
        }
    }
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum StepStatus {
    /// It took effect.
    Done,
    /// It was so already.
    Already,
    /// It failed.
    Failed {
        /** safe to print */
        message: String,
    },
    /// What it is about is not as the plan has it; nothing was called.
    Stale(Stale),
    /// It was never begun, or a wait was given up.
    NotReached,
    /// It took effect, and was taken back.
    Undone,
}

impl StepStatus {
    /// Whether the steps that depend on this step may run.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Done | Self::Already)
    }
}

/// One step and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepOutcome {
    /// Which.
    pub id: StepId,
    /// What became of it.
    #[serde(flatten)]
    pub status: StepStatus,
    /// The container it was about, once that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerId>,
    /// The end of what a one-shot wrote that ended well; safe to print, secrets hidden.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
}

/// A change that failed or was not finished: what became of it, and what is where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecoveryReport {
    /// Which change.
    pub change: ChangeId,
    /// The step that did not succeed.
    pub step: StepId,
    /// Why; safe to print.
    pub message: String,
    /// Whether all of it is as it was before the run.
    pub as_before: bool,
    /// Whether all that the run did of it was taken back; what else differs stands under
    /// `not_by_this_run`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken_back: bool,
    /// What was called to go back, and what became of it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undone: Vec<Undone>,
    /// What cannot be taken back, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stays: Vec<String>,
    /// How what the run found differs from before though the run did not do that, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_by_this_run: Vec<String>,
    /// What is where now, one fragment a container.
    pub now: Vec<String>,
}

impl RecoveryReport {
    /// Whether nothing of the change is half done.
    pub fn is_settled(&self) -> bool {
        self.as_before || self.taken_back
    }
}

/// One call that takes something back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Undone {
    /// `CHANGE/undo-…`.
    pub step: StepId,
    /// ``start `web` ``.
    pub what: String,
    /// Why it failed; safe to print. Nothing: it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// The outcome of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The outcome of every step, in the order of the plan.
    pub steps: Vec<StepOutcome>,
    /// The number of changes that took effect, by kind.
    pub summary: Summary,
    /// The changes that failed, or were begun and not finished.
    pub troubles: Vec<RecoveryReport>,
    /// The signal that asked the run to stop before its end.
    pub interrupted: Option<Signal>,
    /// Whether the run changed a container, a network or a volume, also if that was rolled back.
    pub touched: bool,
}

impl Outcome {
    /// The outcome of the steps of a plan; troubles are added later.
    pub(super) fn of(plan: &Plan, steps: Vec<StepOutcome>, interrupted: Option<Signal>) -> Self {
        let done: Vec<&Step> = plan
            .steps
            .iter()
            .zip(&steps)
            .filter(|(_, outcome)| outcome.status == StepStatus::Done)
            .map(|(step, _)| step)
            .collect();
        let summary = summary::of(done);
        let unfinished = steps
            .iter()
            .any(|step| matches!(step.status, StepStatus::NotReached | StepStatus::Undone));
        let interrupted = interrupted.filter(|_| unfinished);
        let touched = plan.steps.iter().zip(&steps).any(|(step, outcome)| {
            touches(step) && matches!(outcome.status, StepStatus::Done | StepStatus::Undone)
        });
        Self { steps, summary, troubles: Vec::new(), interrupted, touched }
    }

    /// The changes with at least one step that took effect in this run.
    pub(super) fn changes_made(&self) -> BTreeSet<&str> {
        let done = self.steps.iter().filter(|outcome| outcome.status == StepStatus::Done);
        done.map(|outcome| outcome.id.change()).collect()
    }

    /// Whether every step succeeded.
    pub fn is_success(&self) -> bool {
        self.steps.iter().all(|step| step.status.is_success())
    }

    /// The steps that were found stale.
    pub fn stale(&self) -> impl Iterator<Item = (&StepId, &Stale)> {
        self.steps.iter().filter_map(|step| match &step.status {
            StepStatus::Stale(stale) => Some((&step.id, stale)),
            _ => None,
        })
    }

    /// Whether every change is done, or all that the run did of it was rolled back.
    pub fn is_whole(&self) -> bool {
        self.troubles.iter().all(RecoveryReport::is_settled)
    }

    /// The exit code: 0 done; 3 stale, and nothing but images changed; 5 failed or stale on the way,
    /// and rolled back; 7 a change is half done; 129, 130, 131, 143 interrupted.
    pub fn exit_code(&self) -> u8 {
        let failed = self.steps.iter().any(|step| matches!(step.status, StepStatus::Failed { .. }));
        let stale = self.stale().next().is_some();
        match self.interrupted {
            _ if !self.is_whole() => 7,
            _ if failed || stale && self.touched => 5,
            _ if stale => 3,
            Some(signal) => signal.exit_code(),
            None => 0,
        }
    }
}

/// Whether a step changes a container, a network or a volume. A pulled image changes nothing that
/// runs.
pub(super) fn touches(step: &Step) -> bool {
    match step.action {
        Action::Create { .. }
        | Action::PutFiles { .. }
        | Action::Start { .. }
        | Action::Stop { .. }
        | Action::Fence { .. }
        | Action::Kill { .. }
        | Action::Restart { .. }
        | Action::Update { .. }
        | Action::Rename { .. }
        | Action::Remove { .. }
        | Action::Connect { .. }
        | Action::Disconnect { .. }
        | Action::CreateNetwork { .. }
        | Action::RemoveNetwork { .. }
        | Action::CreateVolume { .. } => true,
        Action::Pull { .. } | Action::Tag { .. } | Action::WaitReady { .. } => false,
    }
}

/// Whether no call takes back what a step did: its change is finished where it cannot go back.
pub(super) fn is_final(step: &Step) -> bool {
    matches!(step.action, Action::RemoveNetwork { .. } | Action::Restart { .. })
}

/// The change that a step belongs to.
pub(super) fn change_of(step: &StepId) -> ChangeId {
    ChangeId::new(step.change())
}
