//! Calls that failed: looking what they came to, for a broken connection proves nothing.
//!
//! Nothing is ever called again here. A call whose effect is there succeeded, whatever the answer
//! was.

use std::time::Duration;

use serde_json::Value as Json;

use super::act::{Acted, Trouble, seconds};
use super::outcome::Stale;
use super::precheck::{gone, name_of, run_of, started_at};
use super::run::Context;
use crate::base::ident::{ContainerId, ContainerName, LABEL_NAME, LABEL_PLAN};
use crate::engine::{EngineError, ErrorKind, Writer};
use crate::observed::snapshot::Run;
use crate::options::settings::Settings;

/// The time between two looks.
pub(super) const POLL: Duration = Duration::from_millis(250);

/// How often an engine that does not answer is asked again, each time after twice as long.
const TRIES: u32 = 6;

/// A stop may take so long beyond its grace.
const BEYOND_GRACE: Duration = Duration::from_secs(30);

impl<W: Writer> Context<'_, W> {
    /// Looks; an engine that does not answer just now is asked again for half a minute.
    pub(super) async fn look_again<T, F>(&self, look: impl Fn() -> F) -> Result<T, EngineError>
    where
        F: Future<Output = Result<T, EngineError>>,
    {
        let mut pause = Duration::from_millis(500);
        let mut tries = 1;
        loop {
            match look().await {
                Err(error)
                    if tries < TRIES
                        && matches!(
                            error.kind,
                            ErrorKind::Interrupted | ErrorKind::Unreachable
                        ) =>
                {
                    self.clock.sleep(pause).await;
                    pause *= 2;
                    tries += 1;
                }
                other => return other,
            }
        }
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
    pub(super) fn failed(&self, error: &EngineError) -> Trouble {
        Trouble::Failed(self.text(error))
    }

    /// The container after a call that failed, or the trouble: it is gone, or nobody knows.
    async fn after(&self, id: &ContainerId, error: &EngineError) -> Result<Json, Trouble> {
        match self.look_again(|| self.engine.inspect(id.as_str())).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) => {
                let name = ContainerName::new(self.called(id));
                Err(Trouble::Stale(gone(id, &name)))
            }
            Err(silent) => Err(self.unclear(error, &silent)),
        }
    }

    /// Nobody knows what a call came to.
    fn unclear(&self, error: &EngineError, silent: &EngineError) -> Trouble {
        Trouble::Failed(format!(
            "{}; what became of it cannot be told: {}",
            self.text(error),
            self.text(silent)
        ))
    }

    /// A create that failed may have created: a container that was not there before, with the
    /// name and the label that only this create writes.
    pub(super) async fn created_after_all(
        &self,
        name: &ContainerName,
        body: &Json,
        error: &EngineError,
    ) -> Result<ContainerId, Trouble> {
        if error.kind != ErrorKind::Interrupted {
            return Err(self.failed(error));
        }
        let label = body["Labels"][LABEL_NAME].as_str();
        // An engine finishes a create whose client went away, some time later.
        for _ in 0..8 {
            let looked = self.look_again(|| self.engine.inspect(name.as_str())).await;
            if let Some(found) = looked.map_err(|silent| self.unclear(error, &silent))? {
                let labels = &found["Config"]["Labels"];
                let ours = labels[LABEL_PLAN] == self.digest;
                if ours && label == labels[LABEL_NAME].as_str() && name_of(&found) == *name {
                    return Ok(ContainerId::new(found["Id"].as_str().unwrap_or_default()));
                }
                let expected = format!("the name `{name}` to be free");
                return Err(Trouble::Stale(Stale::new(
                    "name_taken",
                    expected,
                    "somebody else's container under it",
                )));
            }
            self.clock.sleep(POLL).await;
        }
        Err(self.failed(error))
    }

    pub(super) async fn started_after_all(&self, id: &ContainerId, error: &EngineError) -> Acted {
        let found = self.after(id, error).await?;
        // 404 of a start may also mean a network; then the container is still there.
        if run_of(&found).is_live() { Ok(()) } else { Err(self.failed(error)) }
    }

    /// The exit code of a one-shot whose wait broke.
    pub(super) async fn ended_after_all(
        &self,
        id: &ContainerId,
        error: &EngineError,
    ) -> Result<i64, Trouble> {
        if error.kind != ErrorKind::Interrupted {
            self.after(id, error).await?;
            return Err(self.failed(error));
        }
        loop {
            let found = self.after(id, error).await?;
            if !run_of(&found).is_live() {
                let never = started_at(&found).starts_with("0001");
                let code = found["State"]["ExitCode"].as_i64().filter(|_| !never);
                return code.ok_or_else(|| self.failed(error));
            }
            if self.cancelled() {
                return Err(Trouble::GivenUp);
            }
            self.clock.sleep(POLL).await;
        }
    }

    pub(super) async fn stopped_after_all(
        &self,
        id: &ContainerId,
        grace: i64,
        error: &EngineError,
    ) -> Acted {
        if error.kind == ErrorKind::Interrupted {
            let limit = seconds(grace) + BEYOND_GRACE;
            let ended = self.ends_within(id, limit).await;
            ended.map_err(|silent| self.unclear(error, &silent))?;
        }
        let found = self.look_again(|| self.engine.inspect(id.as_str())).await;
        match found.map_err(|silent| self.unclear(error, &silent))? {
            // AutoRemove: it went with its process.
            None if error.kind == ErrorKind::Interrupted => Ok(()),
            None => Err(Trouble::Stale(gone(id, &ContainerName::new(self.called(id))))),
            Some(found) if !run_of(&found).is_live() => Ok(()),
            Some(_) => Err(self.failed(error)),
        }
    }

    pub(super) async fn restarted_after_all(
        &self,
        id: &ContainerId,
        before: Option<&Json>,
        error: &EngineError,
    ) -> Acted {
        let before = before.map(started_at).unwrap_or_default();
        let mut found = self.after(id, error).await?;
        if error.kind == ErrorKind::Interrupted {
            let until = self.clock.now() + BEYOND_GRACE;
            while started_at(&found) == before && self.clock.now() < until {
                self.clock.sleep(POLL).await;
                found = self.after(id, error).await?;
            }
        }
        let again = started_at(&found) != before && run_of(&found).is_live();
        if again { Ok(()) } else { Err(self.failed(error)) }
    }

    pub(super) async fn updated_after_all(
        &self,
        id: &ContainerId,
        settings: &Settings,
        error: &EngineError,
    ) -> Acted {
        let Some(fact) = self.fact(id) else { return Err(self.failed(error)) };
        let wanted = fact.settings.after(settings);
        // An engine finishes a call whose client went away, some time later.
        let looks = if error.kind == ErrorKind::Interrupted { 8 } else { 1 };
        for look in 0..looks {
            if look > 0 {
                self.clock.sleep(POLL).await;
            }
            let found = self.after(id, error).await?;
            if Settings::of_host(&found["HostConfig"]) == wanted {
                return Ok(());
            }
        }
        Err(self.failed(error))
    }

    pub(super) async fn renamed_after_all(
        &self,
        id: &ContainerId,
        to: &ContainerName,
        error: &EngineError,
    ) -> Acted {
        let found = self.after(id, error).await?;
        if name_of(&found) == *to { Ok(()) } else { Err(self.failed(error)) }
    }

    /// A removal that is in progress, or whose answer got lost, is waited for.
    pub(super) async fn removed_after_all(&self, id: &ContainerId, error: &EngineError) -> Acted {
        for _ in 0..40 {
            let looked = self.look_again(|| self.engine.inspect(id.as_str())).await;
            match looked.map_err(|silent| self.unclear(error, &silent))? {
                None => return Ok(()),
                Some(found) if run_of(&found) == Run::Removing => {}
                Some(_) if error.kind == ErrorKind::Interrupted => {
                    // It may be about to begin; two more looks, then it did not happen.
                    self.clock.sleep(POLL * 2).await;
                    let looked = self.look_again(|| self.engine.inspect(id.as_str())).await;
                    return match looked.map_err(|silent| self.unclear(error, &silent))? {
                        None => Ok(()),
                        Some(found) if run_of(&found) == Run::Removing => continue,
                        Some(_) => Err(self.failed(error)),
                    };
                }
                Some(_) => return Err(self.failed(error)),
            }
            self.clock.sleep(POLL).await;
        }
        Err(self.failed(error))
    }
}
