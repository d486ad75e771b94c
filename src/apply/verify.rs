//! Verifying failed calls by a look, because a broken connection does not prove a failure.
//!
//! A call took effect if the effects of its step hold, whatever the answer was.
//! [`crate::plan::effect`] defines the effects of every kind of step. No call is repeated here.

use std::time::Duration;

use serde_json::Value as Json;

use super::act::{Acted, StepError, seconds};
use super::outcome::Stale;
use super::precheck::{gone, run_of, started_at};
use super::run::Context;
use crate::base::ident::{ContainerId, ContainerName, LABEL_RUN};
use crate::engine::{EngineError, ErrorKind, Writer};
use crate::observed::snapshot::{Run, Seen, Snapshot};
use crate::plan::world::{Cell, Value, World};
use crate::plan::{Action, Step, Subject};
use crate::stale::observed::observed;

/// How long to wait for an engine that does not answer.
const AWAY: Duration = Duration::from_mins(2);

/// The longest pause between two requests to an engine that does not answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long a stop or a restart may take beyond its stop grace period.
const BEYOND_GRACE: Duration = Duration::from_secs(30);

/// How long an engine may need to finish a call whose client disconnected.
const LATER: Duration = Duration::from_secs(5);

/// How long to wait for a removal in progress.
const REMOVING: Duration = Duration::from_secs(30);

/// The result of a look at the object of a step.
struct Shown {
    now: World,
    /// The inspect data of the container of the step, if the container exists.
    found: Option<Json>,
}

impl<W: Writer> Context<'_, W> {
    /// Looks; retries for two minutes if the engine does not answer.
    pub(super) async fn look_again<T, F>(&self, look: impl Fn() -> F) -> Result<T, EngineError>
    where
        F: Future<Output = Result<T, EngineError>>,
    {
        let mut pause = Duration::from_millis(500);
        let until = self.clock.now() + AWAY;
        loop {
            match look().await {
                Err(error) if is_away(&error) && self.clock.now() < until => {
                    self.note_away();
                    self.clock.sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => return Err(error),
                Ok(seen) => {
                    self.away.set(false);
                    return Ok(seen);
                }
            }
        }
    }

    /// Waits for an engine that does not answer. True: the engine answers again and is the same
    /// engine.
    pub(super) async fn is_back(&self) -> bool {
        let Ok(info) = self.look_again(|| self.engine.info()).await else { return false };
        let target = self.plan.target.as_ref().map(|target| target.engine_id.as_str());
        target.filter(|id| !id.is_empty()).is_none_or(|id| info["ID"] == id)
    }

    /// The text of an engine error, for people: redacted, safe to print, and with the way out.
    pub(super) fn text(&self, error: &EngineError) -> String {
        let text = crate::base::say::safe(&self.secrets.redact(&error.to_string()));
        match &error.hint {
            Some(hint) => format!("{text}\nhint: {}", self.secrets.redact(hint)),
            None => text,
        }
    }

    /// The step error for an engine error.
    pub(super) fn failed(&self, error: &EngineError) -> StepError {
        let text = self.text(error);
        // There was no connection, so the call was never made.
        if error.kind == ErrorKind::Unreachable {
            StepError::Away(text)
        } else {
            StepError::Failed(text)
        }
    }

    /// The step error for a call whose result is unknown.
    pub(super) fn unclear(&self, error: &EngineError, silent: &EngineError) -> StepError {
        StepError::Failed(format!(
            "{}; what became of it cannot be told: {}",
            self.text(error),
            self.text(silent)
        ))
    }

    /// Verifies a failed call: polls until the effects of the step hold, as long as they may still
    /// come. Gives the inspect data of the container on success.
    pub(super) async fn verify_after_error(
        &self,
        step: &Step,
        grace: i64,
        error: &EngineError,
    ) -> Result<Option<Json>, StepError> {
        if error.kind == ErrorKind::Unreachable {
            return Err(self.failed(error));
        }
        let mut expected = World::default();
        expected.take(step.effects(&self.world.borrow()));
        let began = self.clock.now();
        let patience =
            if is_unknown(error) { patience(&step.action, grace) } else { Duration::ZERO };
        loop {
            let looked = self.look_at(step, &expected).await;
            let shown = looked.map_err(|silent| self.unclear(error, &silent))?;
            if let Some(end) = self.without(step, &shown, error) {
                return end.map(|()| None);
            }
            let counts = |cell: &Cell| is_own(&step.action, cell);
            let mut cells = expected.cells().map(|(cell, _)| cell).filter(|cell| counts(cell));
            if cells.all(|cell| expected.holds(cell, &shown.now)) {
                return Ok(shown.found);
            }
            let removing = shown.found.as_ref().is_some_and(|found| run_of(found) == Run::Removing);
            let passed = self.clock.now().saturating_sub(began);
            let more = if removing { REMOVING.max(patience) } else { patience };
            if passed >= more {
                return Err(self.not_so(step, &shown, error));
            }
            self.clock.sleep(self.clock.between_looks()).await;
        }
    }

    /// The result of a failed call whose container is gone; `None`: the container exists, or the
    /// step has none.
    fn without(&self, step: &Step, shown: &Shown, error: &EngineError) -> Option<Acted> {
        let id = self.resolve(step.action.subject()?)?;
        if shown.found.is_some() {
            return None;
        }
        // An `auto_remove` container vanished with its process.
        let ends = matches!(step.action, Action::Stop { .. } | Action::Kill { .. });
        let ended = ends && is_unknown(error);
        Some(match &step.action {
            Action::Remove { .. } | Action::Disconnect { .. } => Ok(()),
            _ if ended => Ok(()),
            _ => Err(StepError::Stale(gone(&id, &ContainerName::new(self.called(&id))))),
        })
    }

    /// The error of a step without effect: the name is taken, or the engine's error.
    fn not_so(&self, step: &Step, shown: &Shown, error: &EngineError) -> StepError {
        match &step.action {
            Action::Create { name, .. } if is_unknown(error) && shown.found.is_some() => {
                let expected = format!("the name `{name}` to be free");
                let found = "somebody else's container under it";
                StepError::Stale(Stale::new("name_taken", expected, found))
            }
            _ => self.failed(error),
        }
    }

    /// The current state of the objects of a step.
    async fn look_at(&self, step: &Step, expected: &World) -> Result<Shown, EngineError> {
        let mut snapshot = Snapshot::default();
        match &step.action {
            Action::CreateNetwork { .. } | Action::RemoveNetwork { .. } => {
                snapshot.networks = self.look_again(|| self.engine.networks()).await?;
            }
            Action::CreateVolume { .. } => {
                snapshot.volumes = self.look_again(|| self.engine.volumes()).await?;
            }
            Action::Create { name, .. } => {
                let found = self.look_again(|| self.engine.inspect(name.as_str())).await?;
                let found = found.filter(|found| super::precheck::name_of(found) == *name);
                let mut now = World::default();
                if let Some(found) = found.as_ref().filter(|found| self.is_ours(found)) {
                    let made = Subject::CreatedBy(step.id.clone());
                    now = self.seen(&made, found);
                    now.set(Cell::Holder(name.clone()), Value::Holder(made));
                }
                return Ok(Shown { now, found });
            }
            action => {
                let id =
                    action.subject().and_then(|subject| Some((subject, self.resolve(subject)?)));
                let Some((subject, id)) = id else {
                    return Ok(Shown { now: World::default(), found: None });
                };
                let found = self.look_again(|| self.engine.inspect(id.as_str())).await?;
                let now = found.as_ref().map(|found| self.seen(subject, found));
                return Ok(Shown { now: now.unwrap_or_default(), found });
            }
        }
        let now = observed(&self.origin, expected, &snapshot);
        Ok(Shown { now, found: None })
    }

    /// Whether this run created a container: another run of the plan writes another run label.
    pub(super) fn is_ours(&self, found: &Json) -> bool {
        let made = self.origin.container(Seen::inspected(found)).is_some();
        made && found["Config"]["Labels"][LABEL_RUN] == self.run_id
    }

    /// The exit code of a one-shot whose wait was interrupted.
    pub(super) async fn ended_after_all(
        &self,
        id: &ContainerId,
        error: &EngineError,
    ) -> Result<i64, StepError> {
        loop {
            let looked = self.look_again(|| self.engine.inspect(id.as_str())).await;
            let Some(found) = looked.map_err(|silent| self.unclear(error, &silent))? else {
                return Err(StepError::Stale(gone(id, &ContainerName::new(self.called(id)))));
            };
            if !is_unknown(error) {
                return Err(self.failed(error));
            }
            if !run_of(&found).is_live() {
                let never = started_at(&found).starts_with("0001");
                let code = found["State"]["ExitCode"].as_i64().filter(|_| !never);
                return code.ok_or_else(|| self.failed(error));
            }
            if self.cancelled() {
                return Err(StepError::GivenUp);
            }
            self.clock.sleep(self.clock.between_looks()).await;
        }
    }
}

/// Whether an engine gave no answer, so that a retry may help.
fn is_away(error: &EngineError) -> bool {
    matches!(error.kind, ErrorKind::Interrupted | ErrorKind::Unreachable)
}

/// Whether an error leaves the result of the call open: the connection broke, or a proxy gave up.
fn is_unknown(error: &EngineError) -> bool {
    matches!(error.kind, ErrorKind::Interrupted | ErrorKind::Status(502..=504))
}

/// How long the effect of a call may take to appear after a lost answer.
fn patience(action: &Action, grace: i64) -> Duration {
    match action {
        Action::Stop { .. } | Action::Restart { .. } => seconds(grace) + BEYOND_GRACE,
        Action::Kill { .. } => seconds(grace),
        _ => LATER,
    }
}

/// Whether a look at the step's own object shows this cell.
fn is_own(action: &Action, cell: &Cell) -> bool {
    match action {
        Action::Rename { .. } | Action::Remove { .. } => cell.container().is_some(),
        _ => true,
    }
}
