//! One step: the look before its call, its journal record, its call, and the result of the call.

use std::time::Duration;

use serde_json::Value as Json;

use super::events::{Event, WaitingFor};
use super::journal::Entry;
use super::outcome::{Stale, StepOutcome, StepStatus, change_of};
use super::precheck::{Check, is_for, run_of};
use super::run::Context;
use super::wait_ready::out_of_memory;
use crate::base::ident::{ContainerId, ContainerName, ImageId};
use crate::base::say;
use crate::engine::{EngineError, ErrorKind, PullProgress, Writer};
use crate::options::settings::Settings;
use crate::plan::effect::fenced;
use crate::plan::{Action, Step, Subject};

/// Why a step did not succeed.
#[derive(Debug)]
pub(super) enum StepError {
    /// The step failed; the text is safe to print.
    Failed(String),
    /// The container, network or image of the step differs from what the plan relies on.
    Stale(Stale),
    /// The engine could not be reached, so the call was never made.
    Away(String),
    /// The wait was given up: the run was asked to stop, or the change is rolled back.
    GivenUp,
}

/// The result of a call.
pub(super) type Acted = Result<(), StepError>;

/// How many lines of container output a message quotes when a process failed.
const TAIL: usize = 20;

/// How many characters of an output line a message quotes.
const WIDEST: usize = 500;

/// How often a step is retried when its call was never made, or when its removal failed.
const AGAIN: usize = 3;

/// The least time that a killed container gets to end, in seconds.
const KILL_GRACE: i64 = 10;

impl<W: Writer> Context<'_, W> {
    /// Waits for the dependencies of a step. Gives the outcome of the step when they are never
    /// ready.
    pub(super) async fn wait_for(&self, step: &Step) -> Option<StepOutcome> {
        let error = self.await_dependencies(step).await.err()?;
        Some(self.end(step, ended(error)))
    }

    /// Runs one step, from its look to its outcome.
    pub(super) async fn perform(&self, step: &Step) -> StepOutcome {
        self.sink.event(&Event::Started {
            step: step.id.clone(),
            change: change_of(&step.id),
            what: self.words(&step.action),
        });
        self.flying.borrow_mut().insert(step.id.clone());
        let mut tried = self.attempt(step).await;
        for _ in 0..AGAIN {
            // A call that was never made is retried after a fresh look, and so is a failed removal.
            tried = match tried {
                Err(StepError::Away(_)) if !self.cancelled() && self.is_back().await => {
                    self.attempt(step).await
                }
                Err(StepError::Failed(_)) if matches!(step.action, Action::Remove { .. }) => {
                    self.clock.sleep(self.clock.between_looks()).await;
                    self.attempt(step).await
                }
                other => other,
            };
        }
        let status = tried.unwrap_or_else(ended);
        self.flying.borrow_mut().remove(&step.id);
        if status.is_success() {
            self.note_effect(step);
        }
        self.end(step, status)
    }

    /// Looks at the objects of a step, and makes the call if the step still needs its call.
    async fn attempt(&self, step: &Step) -> Result<StepStatus, StepError> {
        let looked = self.look_again(|| self.precheck(step)).await;
        match looked.map_err(|error| self.failed(&error))? {
            Check::Unexpected(stale) => Ok(match self.removed_itself(self.about(step)).await {
                Some(message) => failed(message),
                None => StepStatus::Stale(stale),
            }),
            Check::Already => {
                self.note_already(&step.action).await;
                self.begun.note(&step.id, self.about(step));
                Ok(StepStatus::Already)
            }
            Check::Ready(found) => {
                self.begun.note(&step.id, self.about(step));
                self.noted(step, found.as_deref(), false).await.map(|()| StepStatus::Done)
            }
        }
    }

    /// Reports the outcome of a step to the sink.
    fn end(&self, step: &Step, status: StepStatus) -> StepOutcome {
        let container = self.about(step);
        let output = self.outputs.borrow_mut().remove(&step.id).unwrap_or_default();
        let outcome = StepOutcome { id: step.id.clone(), status, container, output };
        self.begun.end(&outcome);
        self.sink.event(&Event::Finished(outcome.clone()));
        outcome
    }

    /// The container of a step, as far as the run knows its ID yet.
    pub(super) fn about(&self, step: &Step) -> Option<ContainerId> {
        match step.action.subject() {
            Some(subject) => self.resolve(subject),
            None => self.created.borrow().get(&step.id).cloned(),
        }
    }

    /// Records what later steps need from a step that was done before this run.
    async fn note_already(&self, action: &Action) {
        match action {
            Action::Pull { image, platform } => {
                // If this look fails, the later create looks again and reports the error.
                let _ = self.note_pulled(image, platform.as_deref()).await;
            }
            Action::Rename { container, to, .. } => {
                if let Some(id) = self.resolve(container) {
                    self.names.borrow_mut().insert(id, to.clone());
                }
            }
            _ => {}
        }
    }

    /// Makes the call of a step, with a journal record before and after. Without the record the
    /// call is not made; a rollback call is made without a record.
    pub(super) async fn noted(&self, step: &Step, found: Option<&Json>, back: bool) -> Acted {
        if matches!(step.action, Action::WaitReady { .. }) {
            return self.act(step, found).await;
        }
        let entry = Entry::Calls { step: step.id.clone(), what: self.words(&step.action), back };
        if let Err(why) = self.journal.note(entry)
            && !back
        {
            return Err(StepError::Failed(format!("the journal cannot be written: {why}")));
        }
        let acted = self.act(step, found).await;
        let failed = match &acted {
            Ok(()) => None,
            Err(StepError::Failed(text) | StepError::Away(text)) => Some(text.clone()),
            Err(StepError::Stale(stale)) => Some(stale.to_string()),
            Err(StepError::GivenUp) => Some("given up".to_owned()),
        };
        // If this record fails, the next call cannot be recorded and is not made.
        let _ = self.journal.note(Entry::Answered { step: step.id.clone(), failed });
        acted
    }

    /// Makes the call of a step. A call that failed still succeeded if a look shows its effect.
    async fn act(&self, step: &Step, found: Option<&Json>) -> Acted {
        let engine = self.engine;
        let (called, grace) = match &step.action {
            Action::Pull { image, platform } => {
                return self.pull(step, image, platform.as_deref()).await;
            }
            Action::Tag { image, tag } => return self.tag(image, tag).await,
            Action::Create { name, image, .. } => return self.create(step, name, image).await,
            Action::PutFiles { container, .. } => return self.put_files(container).await,
            Action::Start { container, wait: true } => {
                return self.run_to_end(step, &self.id(container)?).await;
            }
            Action::WaitReady { container, prove_for } => {
                return self.wait_ready(step, &self.id(container)?, *prove_for).await;
            }
            Action::Kill { container, signal } => {
                return self.kill(step, &self.id(container)?, signal, found).await;
            }
            Action::Rename { container, to, .. } => {
                return self.rename(step, &self.id(container)?, to).await;
            }
            Action::CreateNetwork { network, key } => {
                return self.create_network(step, network, key).await;
            }
            Action::CreateVolume { .. } => return self.create_volume(step).await,
            Action::Start { container, wait: false } => {
                (engine.start(&self.id(container)?).await.map(drop), 0)
            }
            Action::Stop { container, signal, timeout } => {
                let id = self.id(container)?;
                let stopped = engine.stop(&id, signal.as_deref(), *timeout).await;
                (stopped.map(drop), timeout.unwrap_or_else(|| grace_of(found)))
            }
            Action::Restart { container, timeout } => {
                let restarted = engine.restart(&self.id(container)?, *timeout).await;
                (restarted, timeout.unwrap_or_else(|| grace_of(found)))
            }
            Action::Update { container, settings } => {
                (self.update(step, &self.id(container)?, settings).await, 0)
            }
            Action::Fence { container } => {
                (self.update(step, &self.id(container)?, &fenced()).await, 0)
            }
            Action::Remove { container } => {
                (engine.remove(&self.id(container)?).await.map(drop), 0)
            }
            Action::RemoveNetwork { which, .. } => {
                (engine.remove_network(which).await.map(drop), 0)
            }
            Action::Connect { container, network, which, endpoint } => {
                let (id, which) = (self.id(container)?, self.network(network, which).await?);
                (engine.connect(&which, &id, endpoint).await, 0)
            }
            Action::Disconnect { container, network, which } => {
                let (id, which) = (self.id(container)?, self.network(network, which).await?);
                (engine.disconnect(&which, &id).await, 0)
            }
        };
        let Err(error) = called else { return Ok(()) };
        self.verify_after_error(step, grace, &error).await.map(drop)
    }

    pub(super) fn id(&self, subject: &Subject) -> Result<ContainerId, StepError> {
        self.resolve(subject).ok_or_else(|| {
            StepError::Stale(Stale::new(
                "not_created",
                "the container that an earlier step created",
                "none",
            ))
        })
    }

    async fn pull(&self, step: &Step, image: &str, platform: Option<&str>) -> Acted {
        let mut progress = |progress: PullProgress| {
            let PullProgress { layer, status, current, total } = progress;
            let (layer, status) = (say::short(&layer), say::short(&status));
            self.sink.event(&Event::Pull { step: step.id.clone(), layer, status, current, total });
        };
        let outcome = self.engine.pull(image, platform, &mut progress).await;
        match (outcome, self.note_pulled(image, platform).await) {
            (Ok(()), Ok(true)) => Ok(()),
            (Ok(()), Ok(false)) => Err(StepError::Failed(format!(
                "expected image `{image}`{} on the engine after its pull, but found none",
                platform.map(|platform| format!(" for {platform}")).unwrap_or_default()
            ))),
            // The connection broke, but the engine finished the pull.
            (Err(error), Ok(true)) if error.kind == ErrorKind::Interrupted => Ok(()),
            (Err(error), _) | (_, Err(error)) => Err(self.failed(&error)),
        }
    }

    /// Records the image that a pull gave. False: the image is missing, or fits another platform
    /// only.
    async fn note_pulled(&self, image: &str, platform: Option<&str>) -> Result<bool, EngineError> {
        let found = self.look_again(|| self.engine.image(image)).await?;
        let Some(found) = found.filter(|found| is_for(found, platform)) else { return Ok(false) };
        let id = found["Id"].as_str().map(ImageId::new);
        let digest = image.rsplit_once('@').map(|(_, digest)| digest.to_owned());
        if let Some((id, digest)) = id.zip(digest) {
            self.pulled.borrow_mut().insert(digest, id);
        }
        Ok(true)
    }

    async fn tag(&self, image: &str, tag: &str) -> Acted {
        let Err(error) = self.engine.tag(image, tag).await else { return Ok(()) };
        let wanted = self.look_again(|| self.engine.image(image)).await;
        let now = self.look_again(|| self.engine.image(tag)).await;
        match (wanted, now) {
            (Ok(Some(wanted)), Ok(Some(now))) if wanted["Id"] == now["Id"] => Ok(()),
            _ => Err(self.failed(&error)),
        }
    }

    async fn run_to_end(&self, step: &Step, id: &ContainerId) -> Acted {
        self.wait_event(step, WaitingFor::End);
        let ended = tokio::select! {
            biased;
            ended = self.engine.run_to_end(id) => ended,
            () = self.out_of_patience() => return Err(StepError::GivenUp),
        };
        let code = match ended {
            Ok(0) => 0,
            Ok(code) => self.last_exit_code(id, code).await?,
            Err(error) => self.ended_after_all(id, &error).await?,
        };
        let output = self.output(id).await;
        if code == 0 {
            self.outputs.borrow_mut().insert(step.id.clone(), output);
            return Ok(());
        }
        let found = self.look_again(|| self.engine.inspect(id.as_str())).await;
        let killed = found.ok().flatten().and_then(|found| out_of_memory(&found, code));
        let how = killed.unwrap_or_else(|| format!("ended with exit code {code}"));
        Err(StepError::Failed(format!("container `{}` {how}{output}", self.called(id))))
    }

    /// The exit code of a container that failed with `code`, once the engine starts it no more: the
    /// engine tries again under the restart policy `on-failure`.
    async fn last_exit_code(&self, id: &ContainerId, code: i64) -> Result<i64, StepError> {
        loop {
            let looked = self.look_again(|| self.engine.inspect(id.as_str())).await;
            // A container that is gone is not started again.
            let Some(found) = looked.map_err(|error| self.failed(&error))? else { return Ok(code) };
            if !run_of(&found).is_live() {
                return Ok(found["State"]["ExitCode"].as_i64().unwrap_or(code));
            }
            if self.cancelled() {
                return Err(StepError::GivenUp);
            }
            self.clock.sleep(self.clock.between_looks()).await;
        }
    }

    /// The last output lines of a container, as far as a message may keep them.
    pub(super) async fn output(&self, id: &ContainerId) -> String {
        let Ok(text) = self.engine.tail(id, TAIL).await else { return String::new() };
        self.quoted(id, "its last output", &text)
    }

    /// The end of a text that a container wrote, safe to print and without secrets. The sink shows
    /// the lines; the result is what a message may keep.
    pub(super) fn quoted(&self, id: &ContainerId, what: &str, text: &str) -> String {
        let text = self.secrets.redact(text);
        let all: Vec<&str> = text.lines().collect();
        let last = all.get(all.len().saturating_sub(TAIL)..).unwrap_or_default();
        let line = |line: &&str| {
            let cut: String = line.trim_end_matches('\r').chars().take(WIDEST).collect();
            let more = if cut.len() < line.trim_end_matches('\r').len() { "…" } else { "" };
            format!("\n  | {}{more}", say::safe(&cut))
        };
        let lines: String = last.iter().map(line).collect();
        let kept = Some(lines).filter(|lines| !lines.is_empty());
        let title = format!("`{}`: {what}", self.called(id));
        let kept = kept.and_then(|lines| self.sink.output(&title, lines));
        kept.map_or_else(String::new, |lines| format!("; {what}:{lines}"))
    }

    async fn kill(
        &self,
        step: &Step,
        id: &ContainerId,
        signal: &str,
        found: Option<&Json>,
    ) -> Acted {
        let outcome = self.engine.kill(id, signal).await;
        if let Err(error) = &outcome
            && !matches!(error.kind, ErrorKind::Conflict | ErrorKind::Interrupted)
        {
            return self.verify_after_error(step, 0, error).await.map(drop);
        }
        self.wait_event(step, WaitingFor::End);
        let limit = seconds(grace_of(found).max(self.declared_grace(step)).max(KILL_GRACE));
        if self.ends_within(id, limit).await.map_err(|error| self.failed(&error))? {
            return Ok(());
        }
        let name = self.called(id);
        Err(StepError::Failed(match outcome {
            Err(error) => self.text(&error),
            Ok(_) => format!(
                "container `{name}` still runs {} s after signal {}",
                limit.as_secs(),
                say::short(signal)
            ),
        }))
    }

    /// The stop grace period that the spec declares for the set of a step, in seconds. Kill steps
    /// do not carry the period, and an older container may have another value.
    fn declared_grace(&self, step: &Step) -> i64 {
        let set = self.index.change_of(&step.id).and_then(|change| change.set.as_ref());
        let declared = set.map(|set| &self.plan.declared["containers"][set.as_str()]);
        // The canonical form of the period is whole seconds.
        declared.and_then(|set| set["stop_grace_period"].as_i64()).unwrap_or(0)
    }

    async fn update(
        &self,
        step: &Step,
        id: &ContainerId,
        settings: &Settings,
    ) -> Result<(), EngineError> {
        let warnings = self.engine.update(id, settings).await?;
        self.note_warnings(step, &warnings);
        Ok(())
    }

    /// Reports the warnings that the engine gave with a successful call.
    pub(super) fn note_warnings(&self, step: &Step, warnings: &[String]) {
        for warning in warnings {
            let text = say::safe(&self.secrets.redact(warning));
            self.sink.event(&Event::Note { step: step.id.clone(), text });
        }
    }

    async fn rename(&self, step: &Step, id: &ContainerId, to: &ContainerName) -> Acted {
        if let Err(error) = self.engine.rename(id, to).await {
            self.verify_after_error(step, 0, &error).await?;
        }
        self.names.borrow_mut().insert(id.clone(), to.clone());
        Ok(())
    }

    pub(super) fn wait_event(&self, step: &Step, what: WaitingFor) {
        self.sink.event(&Event::Waiting { step: step.id.clone(), what });
    }

    /// Whether a container ends within `limit`.
    pub(super) async fn ends_within(
        &self,
        id: &ContainerId,
        limit: Duration,
    ) -> Result<bool, EngineError> {
        let until = self.clock.now() + limit;
        loop {
            let found = self.look_again(|| self.engine.inspect(id.as_str())).await?;
            if found.is_none_or(|found| !run_of(&found).is_live()) {
                return Ok(true);
            }
            if self.clock.now() >= until {
                return Ok(false);
            }
            self.clock.sleep(self.clock.between_looks()).await;
        }
    }

    /// A step in words, for people.
    pub(super) fn words(&self, action: &Action) -> String {
        let of = |subject: &Subject| {
            self.resolve(subject)
                .map_or_else(|| "the new one".to_owned(), |id| format!("`{}`", self.called(&id)))
        };
        match action {
            Action::Pull { image, .. } => format!("pull {}", say::short(image)),
            Action::Tag { tag, .. } => format!("tag {}", say::short(tag)),
            Action::Create { name, .. } => format!("create container `{name}`"),
            Action::PutFiles { container, files } => {
                format!("put {} into {}", say::count(files.len(), "file"), of(container))
            }
            Action::Start { container, wait: false } => format!("start {}", of(container)),
            Action::Start { container, wait: true } => format!("run {} to its end", of(container)),
            Action::WaitReady { container, .. } => {
                format!("wait until {} is ready", of(container))
            }
            Action::Fence { container } => {
                format!("set the restart policy of {} to no", of(container))
            }
            Action::Stop { container, .. } => format!("stop {}", of(container)),
            Action::Kill { container, signal } => {
                format!("kill {} ({})", of(container), say::short(signal))
            }
            Action::Restart { container, .. } => format!("restart {}", of(container)),
            Action::Update { container, settings } => {
                format!("update {}: {}", of(container), say::safe(&settings.words()))
            }
            Action::Rename { container, to, .. } => format!("rename {} to `{to}`", of(container)),
            Action::Remove { container } => format!("remove {}", of(container)),
            Action::CreateNetwork { network, .. } => {
                format!("create network `{}`", say::short(network))
            }
            Action::RemoveNetwork { network, .. } => {
                format!("remove network `{}`", say::short(network))
            }
            Action::CreateVolume { volume, .. } => {
                format!("create volume `{}`", say::short(volume))
            }
            Action::Connect { container, network, .. } => {
                format!("connect {} to network `{}`", of(container), say::short(network))
            }
            Action::Disconnect { container, network, .. } => {
                format!("disconnect {} from network `{}`", of(container), say::short(network))
            }
        }
    }
}

fn ended(error: StepError) -> StepStatus {
    match error {
        StepError::Failed(message) | StepError::Away(message) => failed(message),
        StepError::Stale(stale) => StepStatus::Stale(stale),
        StepError::GivenUp => StepStatus::NotReached,
    }
}

fn failed(message: String) -> StepStatus {
    StepStatus::Failed { message }
}

/// The stop grace period of a container, in seconds.
fn grace_of(found: Option<&Json>) -> i64 {
    found.and_then(|found| found["Config"]["StopTimeout"].as_i64()).unwrap_or(10)
}

/// A number of seconds as a duration; a negative number counts as 0.
pub(super) fn seconds(number: i64) -> Duration {
    Duration::from_secs(u64::try_from(number).unwrap_or(0))
}
