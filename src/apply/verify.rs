//! Calls that failed: looking what they came to, for a broken connection proves nothing.
//!
//! A call took effect where what its step makes of the world is so, whatever the answer was: that is
//! said once, by [`crate::plan::effect`], and asked here for every kind of step. Nothing is ever called
//! again here.

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

/// How long an engine that does not answer is waited for.
const AWAY: Duration = Duration::from_mins(2);

/// The longest pause between two questions to an engine that does not answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A stop or a restart may take so long beyond its grace.
const BEYOND_GRACE: Duration = Duration::from_secs(30);

/// An engine finishes a call whose client went away, some time later.
const LATER: Duration = Duration::from_secs(5);

/// How long a removal that is in progress is waited for.
const REMOVING: Duration = Duration::from_secs(30);

/// What a look at the object of a step shows.
struct Shown {
    now: World,
    /// The container it is about, where it is there.
    found: Option<Json>,
}

impl<W: Writer> Context<'_, W> {
    /// Looks; an engine that does not answer just now is asked again for two minutes.
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

    /// Waits for an engine that does not answer; whether it is there again, and is the same.
    pub(super) async fn is_back(&self) -> bool {
        let Ok(info) = self.look_again(|| self.engine.info()).await else { return false };
        let target = self.plan.target.as_ref().map(|target| target.engine_id.as_str());
        target.filter(|id| !id.is_empty()).is_none_or(|id| info["ID"] == id)
    }

    /// An engine's error, for people: without secrets, safe, and with the way out.
    pub(super) fn text(&self, error: &EngineError) -> String {
        let text = crate::base::say::safe(&self.secrets.redact(&error.to_string()));
        match &error.hint {
            Some(hint) => format!("{text}\nhint: {}", self.secrets.redact(hint)),
            None => text,
        }
    }

    /// The failure that an engine's error is.
    pub(super) fn failed(&self, error: &EngineError) -> StepError {
        let text = self.text(error);
        // Nothing was connected to: the call did not happen.
        if error.kind == ErrorKind::Unreachable {
            StepError::Away(text)
        } else {
            StepError::Failed(text)
        }
    }

    /// Nobody knows what a call came to.
    pub(super) fn unclear(&self, error: &EngineError, silent: &EngineError) -> StepError {
        StepError::Failed(format!(
            "{}; what became of it cannot be told: {}",
            self.text(error),
            self.text(silent)
        ))
    }

    /// What a call that failed came to: polls until what its step makes of the world is so, as long as
    /// that may still come. Gives the container then.
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

    /// What a call came to whose container is gone; nothing: it is there, or none is expected.
    fn without(&self, step: &Step, shown: &Shown, error: &EngineError) -> Option<Acted> {
        let id = self.resolve(step.action.subject()?)?;
        if shown.found.is_some() {
            return None;
        }
        // What is removed on its end went with its process.
        let ends = matches!(step.action, Action::Stop { .. } | Action::Kill { .. });
        let ended = ends && is_unknown(error);
        Some(match &step.action {
            Action::Remove { .. } | Action::Disconnect { .. } => Ok(()),
            _ if ended => Ok(()),
            _ => Err(StepError::Stale(gone(&id, &ContainerName::new(self.called(&id))))),
        })
    }

    /// Why a step did not take effect: somebody else has its name, or what the engine said.
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

    /// What is so now of the objects that a step is about.
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

    /// Whether this run created a container: another run of the same plan writes another label.
    pub(super) fn is_ours(&self, found: &Json) -> bool {
        let made = self.origin.container(Seen::inspected(found)).is_some();
        made && found["Config"]["Labels"][LABEL_RUN] == self.run_id
    }

    /// The exit code of a one-shot whose wait broke.
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

/// Whether an engine gave no answer, so that asking again may.
fn is_away(error: &EngineError) -> bool {
    matches!(error.kind, ErrorKind::Interrupted | ErrorKind::Unreachable)
}

/// Whether an error leaves open what the call came to: the connection broke, or what stands between
/// gave up.
fn is_unknown(error: &EngineError) -> bool {
    matches!(error.kind, ErrorKind::Interrupted | ErrorKind::Status(502..=504))
}

/// How long the effect of a call may come after its answer got lost.
fn patience(action: &Action, grace: i64) -> Duration {
    match action {
        Action::Stop { .. } | Action::Restart { .. } => seconds(grace) + BEYOND_GRACE,
        Action::Kill { .. } => seconds(grace),
        _ => LATER,
    }
}

/// Whether a cell is one that the step's own object is looked at for.
fn is_own(action: &Action, cell: &Cell) -> bool {
    match action {
        Action::Rename { .. } | Action::Remove { .. } => cell.container().is_some(),
        _ => true,
    }
}
