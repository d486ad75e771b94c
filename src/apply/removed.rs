//! Containers that an engine removes as soon as their process ends (`auto_remove`): when one is gone,
//! that is no sign that somebody else was there, and no new plan would help.

use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::run::Context;
use crate::base::ident::ContainerId;
use crate::engine::Writer;

/// What is said of one, with the way out.
pub(super) const REMOVED: &str = ", and the engine removes it with its output (`auto_remove`); \
     without `auto_remove` it stays, and `docker logs` tells why";

/// How far back the engine's log is read: an end that matters is a moment ago.
const LATELY: Duration = Duration::from_mins(1);

/// How often is looked whether it is gone by now.
const LOOKS: usize = 20;

impl<W: Writer> Context<'_, W> {
    /// Waits a moment for a removal that is under way: what is said next would be of a container
    /// that nobody can do anything with.
    pub(super) async fn until_removed(&self, id: &ContainerId) {
        for _ in 0..LOOKS {
            let looked = self.engine.inspect(id.as_str()).await;
            if looked.is_ok_and(|found| found.is_none()) {
                return;
            }
            self.clock.sleep(self.clock.between_looks()).await;
        }
    }

    /// That a container of this run which is gone ended and removed itself, and with which code.
    pub(super) async fn removed_itself(&self, id: Option<ContainerId>) -> Option<String> {
        let id = id?;
        let step = {
            let created = self.created.borrow();
            created.iter().find(|(_, made)| **made == id).map(|(step, _)| step.clone())?
        };
        let removes = self.bodies.get(&step)?.json()["HostConfig"]["AutoRemove"] == true;
        let looked = self.look_again(|| self.engine.inspect(id.as_str())).await;
        if !removes || !matches!(looked, Ok(None)) {
            return None;
        }
        let since = Instant::now().checked_sub(LATELY).unwrap_or_else(Instant::now);
        let log = self.engine.events(since).await.unwrap_or_default();
        let how = match code(&log, &id) {
            Some(code) => format!("ended with exit code {code}"),
            None => "ended".to_owned(),
        };
        Some(format!("container `{}` {how}{REMOVED}", self.called(&id)))
    }
}

/// The exit code in an engine's log.
fn code(log: &[Json], id: &ContainerId) -> Option<i64> {
    let its = |event: &&Json| {
        event["Type"] == "container"
            && event["Action"] == "die"
            && event["Actor"]["ID"] == id.as_str()
    };
    log.iter().rev().find(its)?["Actor"]["Attributes"]["exitCode"].as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_last_end_counts_and_no_other_container_s() {
        let event = |action: &str, id: &str, code: &str| {
            json!({"Type": "container", "Action": action,
                "Actor": {"ID": id, "Attributes": {"exitCode": code}}})
        };
        let log = [
            event("die", "a", "1"),
            event("die", "a", "3"),
            event("destroy", "a", "9"),
            event("die", "b", "4"),
        ];
        assert_eq!(code(&log, &ContainerId::new("a")), Some(3));
        assert_eq!(code(&log, &ContainerId::new("c")), None);
    }
}
