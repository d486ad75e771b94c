//! Containers with `auto_remove`: the engine removes such a container as soon as its process ends.
//! A missing container is then no sign of a foreign change, and a new plan would not help.

use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::run::Context;
use crate::base::ident::ContainerId;
use crate::engine::Writer;

/// The sentence about an `auto_remove` container, with the way out.
pub(super) const REMOVED: &str = ", and the engine removes it with its output (`auto_remove`); \
     without `auto_remove` it stays, and `docker logs` tells why";

/// How far back the engine's event log is read; a relevant end is only a moment ago.
const LATELY: Duration = Duration::from_mins(1);

/// How often the removal is checked.
const LOOKS: usize = 20;

impl<W: Writer> Context<'_, W> {
    /// Waits a moment for a removal in progress, so that no message names a container that vanishes
    /// at once.
    pub(super) async fn until_removed(&self, id: &ContainerId) {
        for _ in 0..LOOKS {
            let looked = self.engine.inspect(id.as_str()).await;
            if looked.is_ok_and(|found| found.is_none()) {
                return;
            }
            self.clock.sleep(self.clock.between_looks()).await;
        }
    }

    /// The sentence that a missing container of this run ended and was auto-removed, with its exit
    /// code.
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

/// The exit code of a container in the engine's event log.
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
