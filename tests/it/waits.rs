//! What is depended on with a condition and is not touched itself: it is waited for before anything
//! of the dependant set is called.

use std::time::Duration;

use bayplan::apply::StepStatus;
use bayplan::apply::events::{Event, WaitingFor};
use bayplan::engine::simulated::Behaviour;
use bayplan::observed::snapshot::Run as RunClass;
use bayplan::spec::Until;
use serde_json::json;

use crate::made::{Made, Watcher, apply, apply_with, block, engine, fact, found, id, status};

/// A set of one new container that waits for container `a`.
fn waiting(until: Until) -> Made {
    let mut made = Made::new(vec![fact("a", "db", RunClass::Live)]);
    made.create("web", false);
    made.awaits.insert(bayplan::base::ident::SetName::new("web"), vec![(id("a"), until)]);
    made
}

fn checked(status: &str) -> bayplan::observed::snapshot::Container {
    let mut db = found("a", "db", "running");
    let inspect = db.inspect.as_mut().unwrap();
    inspect["Config"]["Healthcheck"] = json!({"Test": ["CMD", "check"]});
    inspect["State"]["Health"] = json!({"Status": status, "FailingStreak": 0, "Log": []});
    db
}

#[test]
fn a_set_waits_until_what_it_depends_on_is_healthy() {
    block(async {
        let engine = engine(vec![checked("starting")]);
        let health = Some((Duration::from_secs(20), "healthy".to_owned()));
        engine.behave("db", Behaviour { health, ..Behaviour::default() });
        let watcher = Watcher::new(None);
        let outcome = apply_with(&engine, &waiting(Until::Healthy), &watcher, 4).await;
        assert!(outcome.is_success(), "{outcome:#?}");
        let waited = watcher.events.borrow().iter().any(|event| {
            matches!(event, Event::Waiting { step, what: WaitingFor::Healthy }
                if step.as_str() == "web/create")
        });
        assert!(waited);
    });
}

#[test]
fn nothing_is_called_beside_what_is_not_healthy() {
    for (db, message) in [
        (checked("unhealthy"), "container `db` is unhealthy"),
        (
            found("a", "db", "running"),
            "container `db` has no health check, and its health is waited for",
        ),
    ] {
        block(async {
            let engine = engine(vec![db]);
            let outcome = apply(&engine, &waiting(Until::Healthy)).await;
            let StepStatus::Failed { message: found } = status(&outcome, "web/create") else {
                panic!("{outcome:#?}")
            };
            assert_eq!(found, message);
            assert_eq!(engine.changing(), [""; 0]);
            assert_eq!(outcome.exit_code(), 5);
        });
    }
}

#[test]
fn a_set_waits_for_the_end_of_what_runs_once() {
    for (code, success) in [(0, true), (3, false)] {
        block(async {
            let engine = engine(vec![found("a", "db", "running")]);
            let ends = Some((Duration::from_secs(30), code));
            engine.behave("db", Behaviour { ends, ..Behaviour::default() });
            let outcome = apply(&engine, &waiting(Until::Completed)).await;
            assert_eq!(outcome.is_success(), success, "{outcome:#?}");
            if !success {
                let StepStatus::Failed { message } = status(&outcome, "web/create") else {
                    panic!()
                };
                assert_eq!(
                    message,
                    "container `db`, which must come before, ended with exit code 3"
                );
            }
        });
    }
}

#[test]
fn a_wait_keeps_nobody_from_calling() {
    block(async {
        let engine = engine(vec![checked("starting")]);
        let health = Some((Duration::from_secs(20), "healthy".to_owned()));
        engine.behave("db", Behaviour { health, ..Behaviour::default() });
        let mut made = waiting(Until::Healthy);
        made.create("free", false);
        for change in &mut made.plan.changes {
            change.set = Some(bayplan::base::ident::SetName::new(change.id.as_str()));
        }
        for step in &mut made.plan.steps {
            let own = step.id.change().to_owned();
            if let bayplan::plan::Action::Create { set, .. } = &mut step.action {
                *set = bayplan::base::ident::SetName::new(own);
            }
        }
        let outcome = apply_with(&engine, &made, &Watcher::new(None), 1).await;
        assert!(outcome.is_success(), "{outcome:#?}");
        let calls = engine.changing();
        assert!(calls[0] == "create free" && calls[1].starts_with("start "), "{calls:?}");
        assert!(calls[1].ends_with("free") && calls[2] == "create web", "{calls:?}");
    });
}
