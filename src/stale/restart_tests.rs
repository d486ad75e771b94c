//! A restart after another container: done only after both containers are up.

use serde_json::json;

use super::judge;
use super::tests::{inspect, judged, limit, replace};
use crate::plan::Verb;
use crate::planner::tests::{add, plan, spec, world};

const AGAIN: &str = "2026-01-02T00:00:00Z";

#[test]
fn what_restarts_after_another_is_done_when_both_are() {
    for (state, verb) in [("reloaded", Verb::Replace), ("restarted", Verb::Restart)] {
        let spec = spec(&format!(
            "project: p\ncontainers:\n  db: {{name: p-db, image: 'app:1', state: {state}}}\n  \
             web: {{image: 'app:1', depends_on: {{db: {{restart: true}}}}}}\n"
        ));
        let mut snapshot = world();
        add(&mut snapshot, &spec, "db", "p-db", "running");
        add(&mut snapshot, &spec, "web", "p-web-1", "running");
        if verb == Verb::Replace {
            limit(&mut snapshot, "p-db");
        }
        let plan = plan(&spec, &snapshot).plan;
        let all: Vec<Verb> = plan.changes.iter().map(|change| change.verb).collect();
        assert_eq!(all, [verb, Verb::Restart]);
        assert_eq!(judged(&plan, &spec, &snapshot), ["db Run", "web Run"]);

        // The container restarted by itself, before its dependency was up: that was another
        // restart.
        let mut early = snapshot.clone();
        inspect(&mut early, "p-web-1")["State"]["StartedAt"] = json!(AGAIN);
        let told = judged(&plan, &spec, &early);
        assert_eq!(told, ["db Run", "web Stale", "container_started"], "{state}");

        if verb == Verb::Replace {
            replace(&mut snapshot, &plan, &spec, "db", "p-db");
        }
        inspect(&mut snapshot, "p-db")["State"]["StartedAt"] = json!(AGAIN);
        // A snapshot does not show whether the restart of `db` was waited for.
        let db = if verb == Verb::Replace { "db Done" } else { "db Run" };
        assert_eq!(judged(&plan, &spec, &snapshot), [db, "web Run"], "{state}");
        // The container restarted by itself, after planning but before its dependency was up.
        let early = &mut inspect(&mut snapshot, "p-web-1")["State"]["StartedAt"];
        *early = json!("2026-01-01T23:59:59.9Z");
        let told = judged(&plan, &spec, &snapshot);
        assert_eq!(told, [db, "web Stale", "container_started"], "{state}");
        inspect(&mut snapshot, "p-web-1")["State"]["StartedAt"] = json!("2026-01-02T00:00:00.1Z");
        assert!(judge(&plan, &spec, &snapshot).is_done(), "{state}");
    }
}
