//! Watching a started container until the container is proven or has failed.
//!
//! A proven container has its name, runs, is not restarting, is the process that was started, and is
//! healthy. Without a health check, the container must run for the monitor time of the plan.

use std::time::Duration;

use serde_json::Value as Json;

use super::act::{Acted, StepError};
use super::events::WaitingFor;
use super::outcome::{Stale, is_final};
use super::precheck::{gone, name_of, started_at, status_of};
use super::removed::REMOVED;
use super::run::Context;
use crate::base::ident::{ContainerId, ContainerName};
use crate::engine::Writer;
use crate::options::health;
use crate::plan::{Action, Step};
use crate::syntax::sizes;

/// The exit code of a process that signal 9 ended.
const KILLED: i64 = 137;

/// How long a health check may take beyond its own intervals.
const BEYOND: Duration = Duration::from_secs(30);

impl<W: Writer> Context<'_, W> {
    pub(super) async fn wait_ready(&self, step: &Step, id: &ContainerId, prove_for: u32) -> Acted {
        let found = self.running(step, id, None).await?;
        let started = started_at(&found).to_owned();
        if health_limit(&found).is_some() {
            return self.healthy(step, id, Some(&started)).await;
        }
        self.wait_event(step, WaitingFor::Running);
        let until = self.clock.now() + Duration::from_secs(prove_for.into());
        while self.clock.now() < until {
            let left = until.saturating_sub(self.clock.now());
            self.pause(step, left.min(self.clock.between_looks())).await?;
            self.running(step, id, Some(&started)).await?;
        }
        Ok(())
    }

    /// Waits until a container is healthy; the process that started at `started` must still run.
    pub(super) async fn healthy(
        &self,
        step: &Step,
        id: &ContainerId,
        started: Option<&str>,
    ) -> Acted {
        let found = self.running(step, id, started).await?;
        let Some(limit) = health_limit(&found) else {
            let name = self.called(id);
            return Err(StepError::Failed(format!(
                "container `{name}` has no health check, and its health is waited for"
            )));
        };
        self.wait_event(step, WaitingFor::Healthy);
        let until = self.clock.now() + limit;
        loop {
            let found = self.running(step, id, started).await?;
            match found["State"]["Health"]["Status"].as_str() {
                Some("healthy") => return Ok(()),
                Some("unhealthy") => return Err(self.sick(id, "is unhealthy", &found)),
                _ if self.clock.now() >= until => {
                    let text = format!("is not healthy after {} s", limit.as_secs());
                    return Err(self.sick(id, &text, &found));
                }
                _ => self.pause(step, self.clock.between_looks()).await?,
            }
        }
    }

    /// Waits, unless the run is asked to stop or the change is rolled back: no call is in flight
    /// during the wait.
    pub(super) async fn pause(&self, step: &Step, duration: Duration) -> Acted {
        let stops = self.cancelled() && !(self.is_past_return(step) && self.has_grace());
        if stops || self.back.borrow().contains(step.id.change()) {
            return Err(StepError::GivenUp);
        }
        self.clock.sleep(duration).await;
        Ok(())
    }

    /// Whether the grace time of a run that was asked to stop is not over.
    fn has_grace(&self) -> bool {
        let now = self.clock.now();
        let since = self.stops_since.get().unwrap_or(now);
        self.stops_since.set(Some(since));
        now.saturating_sub(since) < self.settings.grace
    }

    /// Whether a step proves a call that cannot be undone. Its change is finished within the grace
    /// time.
    fn is_past_return(&self, step: &Step) -> bool {
        matches!(step.action, Action::WaitReady { .. })
            && self.index.steps_of(step.id.change()).iter().any(|step| is_final(step))
    }

    /// The inspect data of a container that must exist.
    pub(super) async fn there(&self, id: &ContainerId) -> Result<Json, StepError> {
        let looked = self.look_again(|| self.engine.inspect(id.as_str())).await;
        if let Some(found) = looked.map_err(|error| self.failed(&error))? {
            return Ok(found);
        }
        Err(match self.removed_itself(Some(id.clone())).await {
            Some(message) => StepError::Failed(message),
            None => StepError::Stale(gone(id, &ContainerName::new(self.called(id)))),
        })
    }

    /// The inspect data of a container that must run, with the process that started at `started`.
    /// A container that a step proves must have its name as well.
    async fn running(
        &self,
        step: &Step,
        id: &ContainerId,
        started: Option<&str>,
    ) -> Result<Json, StepError> {
        let name = self.called(id);
        let found = self.there(id).await?;
        if matches!(step.action, Action::WaitReady { .. })
            && let Some(declared) = self.name(id)
            && name_of(&found) != declared
        {
            let expected = format!("container `{declared}` with its name");
            let is = format!("the name `{}`", name_of(&found));
            return Err(StepError::Stale(Stale::new("container_renamed", expected, is)));
        }
        let state = &found["State"];
        let up = state["Running"] == true && state["Restarting"] != true;
        if up && state["Paused"] == true {
            let expected = format!("container `{name}` to be running");
            return Err(StepError::Stale(Stale::new("container_run", expected, "it paused")));
        }
        if up && started.is_none_or(|started| started == started_at(&found)) {
            return Ok(found);
        }
        let code = state["ExitCode"].as_i64().unwrap_or_default();
        let how = match out_of_memory(&found, code) {
            Some(killed) => killed,
            None if up || state["Restarting"] == true => "ended and was started again".to_owned(),
            None => format!("does not run: {}, exit code {code}", status_of(&found)),
        };
        let reason = state["Error"].as_str().filter(|text| !text.is_empty());
        let reason = reason.map_or_else(String::new, |text| {
            format!(" ({})", crate::base::say::safe(&self.secrets.redact(text)))
        });
        let output = self.output(id).await;
        let goes = if found["HostConfig"]["AutoRemove"] == true {
            self.until_removed(id).await;
            REMOVED
        } else {
            ""
        };
        Err(StepError::Failed(format!("container `{name}` {how}{reason}{goes}{output}")))
    }

    fn sick(&self, id: &ContainerId, how: &str, found: &Json) -> StepError {
        let log = found["State"]["Health"]["Log"].as_array();
        let last = log.and_then(|log| log.last()).and_then(|last| last["Output"].as_str());
        let said = self.quoted(id, "its check said", last.unwrap_or_default().trim());
        StepError::Failed(format!("container `{}` {how}{said}", self.called(id)))
    }
}

/// That the kernel killed the process of a container for its memory; `code` is the exit code. The
/// engine also marks a container whose other processes were killed so.
pub(super) fn out_of_memory(found: &Json, code: i64) -> Option<String> {
    if found["State"]["OOMKilled"] != true || code != KILLED {
        return None;
    }
    let limit = found["HostConfig"]["Memory"].as_i64().filter(|limit| *limit > 0);
    let limit = limit.map(|limit| sizes::spelt(limit).unwrap_or_else(|| limit.to_string()));
    let limit = limit.map(|limit| format!(" (limit {limit})")).unwrap_or_default();
    Some(format!("was killed: out of memory{limit}"))
}

/// How long a health check may take; `None`: the container has no health check.
fn health_limit(found: &Json) -> Option<Duration> {
    let check = &found["Config"]["Healthcheck"];
    let status = found["State"]["Health"]["Status"].as_str();
    if status.is_none_or(|status| status == "none") || check["Test"][0] == "NONE" {
        return None;
    }
    // A long declared interval is respected; an engine reports `unhealthy` long before the limit.
    Some(Duration::from_nanos(health::longest(check, 1)).saturating_add(BEYOND))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_process_that_was_killed_for_its_memory_is_told_with_its_limit() {
        let of = |killed: bool, code: i64, limit: i64| {
            let state = json!({"OOMKilled": killed});
            out_of_memory(&json!({"State": state, "HostConfig": {"Memory": limit}}), code)
        };
        let text = of(true, 137, 8 << 20).unwrap();
        assert_eq!(text, "was killed: out of memory (limit 8m)");
        // Without a limit of its own, the memory of the host was out.
        assert_eq!(of(true, 137, 0).unwrap(), "was killed: out of memory");
        // Another process in the container was killed.
        assert_eq!(of(true, 1, 8 << 20), None);
        assert_eq!(of(false, 137, 8 << 20), None);
    }

    #[test]
    fn a_health_check_gets_its_own_time_and_a_bit() {
        let of = |check: Json| {
            health_limit(&json!({"State": {"Health": {"Status": "starting"}},
                "Config": {"Healthcheck": check}}))
        };
        let second = 1_000_000_000_u64;
        let check = json!({"Test": ["CMD", "x"], "Interval": second, "Retries": 2,
            "StartPeriod": 600 * second, "Timeout": 2 * second});
        assert_eq!(of(check), Some(Duration::from_secs(600 + 3 * (1 + 2) + 30)));
        assert_eq!(of(json!({"Test": ["CMD", "x"]})), Some(Duration::from_secs(4 * 60 + 30)));
        assert!(of(json!({"Interval": u64::MAX, "Retries": u64::MAX})).is_some());
        assert_eq!(of(json!({"Test": ["NONE"]})), None);
        assert_eq!(health_limit(&json!({"State": {}})), None);
    }
}
