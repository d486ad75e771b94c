//! A rename in place on the simulated engine, and what is said where the run ends after it.

use bayplan::apply::StepStatus;
use bayplan::base::ident::ContainerName;
use bayplan::engine::simulated::{Faults, When};
use bayplan::engine::{ErrorKind, Reader};
use bayplan::observed::snapshot::Run;
use bayplan::options::settings::Settings;
use bayplan::plan::{Action, Because, Subject, Verb};
use serde_json::json;

use crate::made::{Made, Watcher, apply, apply_with, block, engine, fact, found, id, pin, status};

/// A plan that renames `old` to `web` first.
fn renaming() -> Made {
    let mut made = Made::new(vec![fact("a", "old", Run::Live)]);
    let (from, to) = (ContainerName::new("old"), ContainerName::new("web"));
    let container = Subject::Container(id("a"));
    made.step("web/rename", Action::Rename { container, from, to }, &[]);
    made
}

async fn name_now(engine: &impl Reader) -> String {
    let now = engine.inspect(id("a").as_str()).await.unwrap().unwrap();
    now["Name"].as_str().unwrap().to_owned()
}

#[test]
fn a_replacement_that_fails_after_the_rename_gives_the_old_name_back() {
    block(async {
        for call in ["create web", "stop", "start"] {
            let engine = engine(vec![found("a", "old", "running")]);
            engine.set_faults(Faults::every(call, When::Before, ErrorKind::Status(500)));
            let mut made = renaming();
            made.replace("web", "a", pin(), &["web/rename"]);
            let outcome = apply(&engine, &made).await;
            // The old one was stopped, and does not start again either.
            let whole = call != "start";
            let code = if whole { 5 } else { 7 };
            assert_eq!(outcome.exit_code(), code, "{call}");
            let [trouble] = outcome.troubles.as_slice() else { panic!("{:#?}", outcome.troubles) };
            assert_eq!(trouble.as_before, whole);
            assert_eq!(name_now(&engine).await, "/old", "{call}");
        }
    });
}

#[test]
fn an_update_that_fails_after_the_rename_takes_that_back() {
    block(async {
        let engine = engine(vec![found("a", "old", "running")]);
        engine.set_faults(Faults::every("update", When::Before, ErrorKind::Status(500)));
        let mut made = renaming();
        let settings = Settings([("Memory".to_owned(), json!(1 << 27))].into());
        let container = Subject::Container(id("a"));
        made.step("web/update", Action::Update { container, settings }, &["web/rename"]);
        made.change("web", Verb::Update, Because::RecreateAlways);
        let outcome = apply(&engine, &made).await;
        assert_eq!(outcome.exit_code(), 5);
        assert_eq!(outcome.summary.message, "no action taken.");
        assert_eq!(name_now(&engine).await, "/old");
        let [trouble] = outcome.troubles.as_slice() else { panic!("{:#?}", outcome.troubles) };
        assert_eq!(trouble.now, ["the container is `old` (aaaaaaaaaaaa), running"]);
    });
}

#[test]
fn what_moves_after_the_rename_is_seen_before_anything_else_is_done() {
    block(async {
        let engine = engine(vec![found("a", "old", "running")]);
        let mut made = renaming();
        made.replace("web", "a", pin(), &["web/rename"]);
        let watcher = Watcher::meddling("web/rename", || {
            engine.meddle(id("a").as_str(), |found| found["State"]["Status"] = json!("paused"));
        });
        let outcome = apply_with(&engine, &made, &watcher, 4).await;
        assert_eq!(status(&outcome, "web/rename"), StepStatus::Undone);
        let StepStatus::Stale(stale) = status(&outcome, "web/create") else {
            panic!("{outcome:#?}")
        };
        assert_eq!(stale.code, "container_run");
    });
}
