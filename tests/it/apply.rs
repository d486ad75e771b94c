//! The executor on the simulated engine: hand-made plans, every fault at every call.

use std::time::Duration;

use bayplan::apply::events::Event;
use bayplan::apply::{StepOutcome, StepStatus};
use bayplan::base::ident::{ContainerName, ImageId, StepId};
use bayplan::engine::simulated::{Behaviour, Faults, When};
use bayplan::engine::{ErrorKind, Reader, Writer};
use bayplan::observed::snapshot::Run as RunClass;
use bayplan::options::settings::Settings;
use bayplan::plan::facts::ImageFact;
use bayplan::plan::{Action, Because, ImagePin, Reason, Subject, Verb};
use bayplan::spec::read;
use serde_json::{Value as Json, json};

use crate::made::{
    IMAGE, Made, Watcher, apply, apply_with, block, engine, fact, found, id, named, pin,
    replacement, status,
};

#[test]
fn a_replacement_goes_its_seven_steps() {
    block(async {
        let engine = engine(vec![found("a", "web", "running")]);
        let made = replacement();
        let outcome = apply_with(&engine, &made, &Watcher::new(None), 4).await;
        assert!(outcome.is_success(), "{outcome:#?}");
        assert_eq!(outcome.exit_code(), 0);
        assert_eq!(
            outcome.summary.message,
            "created 1 container, started 1 container, stopped 1 container, removed 1 container."
        );
        let calls: Vec<String> = engine
            .changing()
            .iter()
            .map(|call| call.split(' ').next().unwrap().to_owned())
            .collect();
        assert_eq!(calls, ["create", "stop", "rename", "rename", "start", "remove"]);
        assert_eq!(named(&engine, "web").await.unwrap()["State"]["Status"], "running");
        assert_eq!(engine.inspect(id("a").as_str()).await.unwrap(), None);
        // The same steps again change nothing.
        let again = apply(&engine, &made).await;
        assert_eq!((again.exit_code(), engine.changing().len()), (3, 6));
    });
}

/// Whatever fails when: the new container is proven, or the old one runs under its name and nothing is
/// left over.
#[test]
fn one_fault_of_any_call_ends_in_the_new_world_or_in_the_old_one() {
    for when in [When::Before, When::After] {
        for kind in [ErrorKind::Interrupted, ErrorKind::Status(500), ErrorKind::Conflict] {
            for number in 0..6 {
                block(async {
                    let engine = engine(vec![found("a", "web", "running")]);
                    engine.set_faults(Faults::at(number, when, kind));
                    let outcome = apply(&engine, &replacement()).await;
                    let told = format!("{when:?} {kind:?} {number}: {outcome:#?}");
                    assert_eq!(engine.list().await.unwrap().len(), 1, "{told}");
                    let web = named(&engine, "web").await.unwrap();
                    assert_eq!(web["State"]["Running"], true, "{told}");
                    if outcome.is_success() {
                        assert_ne!(web["Id"], json!(id("a")), "{told}");
                        return;
                    }
                    assert_eq!(web["Id"], json!(id("a")), "{told}");
                    assert_eq!(outcome.exit_code(), 5, "{told}");
                    assert_eq!(outcome.summary.message, "no action taken.");
                    let [trouble] = outcome.troubles.as_slice() else { panic!("{told}") };
                    assert!(trouble.as_before && trouble.stays.is_empty(), "{told}");
                    // The plan can be applied again.
                    engine.set_faults(Faults::none());
                    let again = apply(&engine, &replacement()).await;
                    assert_eq!(again.exit_code(), 0, "{again:#?}");
                });
            }
        }
    }
}

/// The step that fails for good, and all that is called to go back.
#[test]
fn every_undo_is_told_in_order() {
    block(async {
        let engine = engine(vec![found("a", "web", "running")]);
        engine.set_faults(Faults::every("start", When::Before, ErrorKind::Status(500)));
        let outcome = apply(&engine, &replacement()).await;
        // Neither the new one nor the old one starts.
        assert_eq!(outcome.exit_code(), 7);
        let trouble = &outcome.troubles[0];
        assert!(!trouble.as_before);
        assert_eq!(trouble.now, ["the old container is `web` (aaaaaaaaaaaa), exited"]);
    });
    block(async {
        let engine = engine(vec![found("a", "web", "running")]);
        let ends = Some((Duration::from_secs(1), 3));
        engine.behave("web", Behaviour { ends, ..Behaviour::default() });
        let outcome = apply(&engine, &replacement()).await;
        let undone: Vec<&str> =
            outcome.troubles[0].undone.iter().map(|undone| undone.what.as_str()).collect();
        assert_eq!(
            undone,
            [
                "rename `web` to `web.bp-new`",
                "rename `web.bp-old` to `web`",
                "start `web`",
                "remove `web.bp-new`"
            ]
        );
        assert_eq!(status(&outcome, "web/stop"), StepStatus::Undone);
    });
}

#[test]
fn an_interrupted_call_that_took_effect_is_no_failure() {
    for number in 0..6 {
        block(async {
            let engine = engine(vec![found("a", "web", "running")]);
            engine.set_faults(Faults::at(number, When::After, ErrorKind::Interrupted));
            let outcome = apply(&engine, &replacement()).await;
            assert!(outcome.is_success(), "{number}: {outcome:#?}");
            assert_eq!(engine.changing().len(), 6, "no call was made twice");
        });
    }
}

#[test]
fn asked_to_stop_it_goes_back_unless_the_new_one_is_proven() {
    for after in 1..=7 {
        block(async {
            let engine = engine(vec![found("a", "web", "running")]);
            let watcher = Watcher::new(Some(after));
            let outcome = apply_with(&engine, &replacement(), &watcher, 4).await;
            let began = |event: &&Event| matches!(event, Event::Started { .. });
            let began = watcher.events.borrow().iter().filter(began).count();
            assert_eq!(began, after, "nothing begins after the signal");
            let stale = |step: &StepOutcome| matches!(step.status, StepStatus::Stale(_));
            assert!(!outcome.steps.iter().any(stale), "{outcome:#?}");
            let web = named(&engine, "web").await.unwrap();
            assert_eq!(
                (&web["State"]["Running"], engine.list().await.unwrap().len()),
                (&json!(true), 1)
            );
            if after == 7 {
                assert_eq!(outcome.exit_code(), 0);
                return;
            }
            assert_eq!(outcome.exit_code(), 130, "{outcome:#?}");
            assert_eq!(web["Id"], json!(id("a")));
            let [trouble] = outcome.troubles.as_slice() else { panic!("{outcome:#?}") };
            assert!(trouble.as_before);
        });
    }
}

#[test]
fn what_dies_while_it_is_watched_is_not_proven_and_its_secrets_stay_secret() {
    block(async {
        let engine = engine(vec![found("a", "web", "running")]);
        engine.behave(
            "web",
            Behaviour {
                ends: Some((Duration::from_secs(1), 3)),
                output: "token hunter2hunter2\n\u{1b}[31mred".to_owned(),
                ..Behaviour::default()
            },
        );
        let outcome = apply(&engine, &replacement()).await;
        assert_eq!(outcome.exit_code(), 5);
        let StepStatus::Failed { message } = status(&outcome, "web/wait_ready") else {
            panic!("{outcome:#?}")
        };
        insta::assert_snapshot!(message, @r"
        container `web` does not run: exited, exit code 3; its last output:
          | token «hidden»
          | \u{1b}[31mred
        ");
        assert_eq!(status(&outcome, "web/remove"), StepStatus::NotReached);
        let trouble = &outcome.troubles[0];
        assert_eq!(trouble.now, ["the old container is `web` (aaaaaaaaaaaa), running"]);
        assert!(!format!("{outcome:?}").contains("hunter2"));
    });
}

#[test]
fn an_unhealthy_container_is_not_proven_and_a_slow_one_is() {
    let check = json!({"Test": ["CMD", "true"], "Interval": 1_000_000_000_u64, "Retries": 3});
    for (status, code) in [("healthy", 0), ("unhealthy", 5)] {
        block(async {
            let engine = engine(vec![found("a", "web", "running")]);
            let health = Some((Duration::from_secs(20), status.to_owned()));
            engine.behave("web", Behaviour { health, ..Behaviour::default() });
            let mut made = replacement();
            for body in made.bodies.values_mut() {
                body.config("Healthcheck", check.clone());
            }
            let outcome = apply(&engine, &made).await;
            assert_eq!(outcome.exit_code(), code, "{outcome:#?}");
        });
    }
}

/// What the check said last is told to its end, whatever it said before; secrets stay hidden.
#[test]
fn an_unhealthy_container_tells_the_end_of_what_its_check_said() {
    block(async {
        let engine = engine(vec![found("a", "web", "running")]);
        let health = Some((Duration::from_secs(2), "unhealthy".to_owned()));
        engine.behave("web", Behaviour { health, ..Behaviour::default() });
        let mut made = replacement();
        let check = json!({"Test": ["CMD", "true"], "Interval": 1_000_000_000_u64, "Retries": 1});
        for body in made.bodies.values_mut() {
            body.config("Healthcheck", check.clone());
        }
        let said =
            format!("{}\nhunter2hunter2: {}\nno route\n", "noise\n".repeat(40), "-".repeat(80));
        let watcher = Watcher::meddling("web/start", || {
            engine.meddle("web", |new| {
                new["State"]["Health"]["Log"] = json!([{"ExitCode": 1, "Output": said}]);
            });
        });
        let outcome = apply_with(&engine, &made, &watcher, 4).await;
        let StepStatus::Failed { message } = status(&outcome, "web/wait_ready") else {
            panic!("{outcome:#?}")
        };
        assert!(message.starts_with("container `web` is unhealthy; its check said:\n  | noise"));
        assert!(message.ends_with(&format!("\n  | «hidden»: {}\n  | no route", "-".repeat(80))));
        assert_eq!(message.lines().count(), 21, "{message}");
    });
}

#[test]
fn a_container_that_was_killed_for_its_memory_says_so() {
    for one_shot in [false, true] {
        block(async {
            let engine = engine(Vec::new());
            let ends = Some((Duration::from_secs(1), 137));
            engine.behave("web", Behaviour { ends, out_of_memory: true, ..Behaviour::default() });
            let mut made = Made::new(Vec::new());
            made.create("web", one_shot);
            for body in made.bodies.values_mut() {
                body.host("Memory", json!(8 << 20));
            }
            let outcome = apply(&engine, &made).await;
            let step = if one_shot { "web/start" } else { "web/wait_ready" };
            let StepStatus::Failed { message } = status(&outcome, step) else {
                panic!("{outcome:#?}")
            };
            assert_eq!(message, "container `web` was killed: out of memory (limit 8m)");
        });
    }
}

#[test]
fn a_one_shot_is_proven_by_its_exit_code() {
    for code in [0, 4] {
        block(async {
            let engine = engine(Vec::new());
            let ends = Some((Duration::from_mins(1), code));
            let output = "did it for hunter2hunter2".to_owned();
            engine.behave("job", Behaviour { ends, output, ..Behaviour::default() });
            let mut made = Made::new(Vec::new());
            made.create("job", true);
            let outcome = apply(&engine, &made).await;
            if code == 0 {
                assert!(outcome.is_success());
                let start = outcome.steps.iter().find(|step| step.id.as_str() == "job/start");
                let output = "; its last output:\n  | did it for «hidden»";
                assert_eq!(start.unwrap().output, output);
            } else {
                let StepStatus::Failed { message } = status(&outcome, "job/start") else {
                    panic!()
                };
                let output = "; its last output:\n  | did it for «hidden»";
                assert_eq!(message, format!("container `job` ended with exit code 4{output}"));
                assert_eq!(outcome.exit_code(), 5);
            }
        });
    }
}

#[test]
fn a_failure_ends_its_change_and_what_depends_on_it_and_nothing_else() {
    block(async {
        let engine = engine(vec![found("a", "web", "running"), found("b", "api", "running")]);
        engine.set_faults(Faults::every("create web", When::Before, ErrorKind::Status(500)));
        let facts = vec![fact("a", "web", RunClass::Live), fact("b", "api", RunClass::Live)];
        let mut made = Made::new(facts);
        made.replace("web", "a", pin(), &[]).replace("api", "b", pin(), &[]);
        made.create("late", false);
        let late =
            made.plan.steps.iter_mut().find(|step| step.id.as_str() == "late/create").unwrap();
        late.after.push(StepId::new("web/wait_ready"));
        let outcome = apply(&engine, &made).await;
        assert_eq!(outcome.exit_code(), 5);
        assert_eq!(status(&outcome, "api/remove"), StepStatus::Done);
        assert_eq!(status(&outcome, "late/create"), StepStatus::NotReached);
        assert_eq!(outcome.troubles.len(), 1);
        let old = engine.inspect(id("a").as_str()).await.unwrap().unwrap();
        assert_eq!(old["State"]["Running"], true);
    });
}

#[test]
fn an_update_that_the_engine_refuses_leaves_everything_as_it_was() {
    block(async {
        let engine = engine(vec![found("a", "web", "running")]);
        engine.set_faults(Faults::every("update", When::Before, ErrorKind::Status(500)));
        let mut made = Made::new(vec![fact("a", "web", RunClass::Live)]);
        let settings = Settings([("Memory".to_owned(), json!(1 << 27))].into());
        let container = Subject::Container(id("a"));
        made.step("web/update", Action::Update { container, settings }, &[]);
        made.change("web", Verb::Update, Because::RecreateAlways);
        let outcome = apply(&engine, &made).await;
        assert!(matches!(status(&outcome, "web/update"), StepStatus::Failed { .. }));
        assert_eq!(outcome.exit_code(), 5);
        let [trouble] = outcome.troubles.as_slice() else { panic!("{:#?}", outcome.troubles) };
        assert!(trouble.as_before && trouble.undone.is_empty());
        assert_eq!(trouble.now, ["the container is `web` (aaaaaaaaaaaa), running"]);
        let old = engine.inspect(id("a").as_str()).await.unwrap().unwrap();
        assert_eq!(
            (&old["State"]["Running"], &old["HostConfig"]["Memory"]),
            (&json!(true), &Json::Null)
        );
    });
}

#[test]
fn independent_changes_run_together_up_to_the_limit() {
    for (limit, most) in [(1, 1), (2, 2), (8, 3)] {
        block(async {
            let engine = engine(Vec::new());
            let mut made = Made::new(Vec::new());
            made.create("one", false).create("two", false).create("three", false);
            let outcome = apply_with(&engine, &made, &Watcher::new(None), limit).await;
            assert!(outcome.is_success());
            assert_eq!(engine.most_in_flight(), most);
        });
    }
}

#[test]
fn what_moved_since_the_judgement_is_stale_and_nothing_is_called() {
    type Meddle = fn(&mut Json);
    let cases: [(&str, Meddle); 4] = [
        ("container_renamed", |old| old["Name"] = json!("/other")),
        ("container_image", |old| old["Image"] = json!("sha256:bb")),
        ("container_run", |old| old["State"]["Status"] = json!("exited")),
        ("container_run", |old| old["State"]["Status"] = json!("paused")),
    ];
    for (code, meddle) in cases {
        block(async {
            let engine = engine(vec![found("a", "web", "running")]);
            engine.meddle(id("a").as_str(), meddle);
            let outcome = apply(&engine, &replacement()).await;
            let codes: Vec<&str> = outcome.stale().map(|(_, stale)| stale.code.as_str()).collect();
            assert_eq!((codes, outcome.exit_code()), (vec![code], 3));
            assert!(engine.changing().is_empty());
        });
    }
}

#[test]
fn a_taken_name_and_a_moved_image_are_stale() {
    block(async {
        let engine = engine(vec![found("a", "web", "running"), found("c", "web.bp-new", "exited")]);
        let outcome = apply(&engine, &replacement()).await;
        let stale = outcome.stale().next().unwrap().1.to_string();
        insta::assert_snapshot!(stale, @"expected the name `web.bp-new` to be free, but found container cccccccccccc under it");
        assert!(engine.changing().is_empty());
    });
    block(async {
        let engine = engine(Vec::new());
        engine.pull("app@sha256:dd", None, &mut |_| {}).await.unwrap();
        engine.tag("app@sha256:dd", "app:1").await.unwrap();
        let mut made = Made::new(Vec::new());
        made.create("web", false);
        let outcome = apply(&engine, &made).await;
        assert_eq!(outcome.stale().next().unwrap().1.code, "image_moved");
        assert_eq!((outcome.exit_code(), engine.changing().len()), (3, 2));
    });
}

fn pulled(digest: &str) -> Made {
    let image = format!("app@{digest}");
    let mut made = Made::new(vec![fact("a", "web", RunClass::Live)]);
    made.plan.facts.images.push(ImageFact {
        reference: "app:1".to_owned(),
        id: Some(ImageId::new(IMAGE)),
        registry: Some(digest.to_owned()),
        ..ImageFact::default()
    });
    made.step("image:app:1/pull", Action::Pull { image: image.clone(), platform: None }, &[]);
    let tag = Action::Tag { image, tag: "app:1".to_owned() };
    made.step("image:app:1/tag", tag, &["image:app:1/pull"]);
    let pin = ImagePin::Digest(digest.to_owned());
    made.replace("web", "a", pin, &["image:app:1/tag"]);
    let unknown = Because::ImageNotKnown { reference: "app:1".to_owned(), found: None };
    made.plan.changes[0].reasons = vec![Reason::Because(unknown)];
    made
}

#[test]
fn a_pull_that_gives_the_image_that_was_found_stops_nothing() {
    block(async {
        let engine = engine(vec![found("a", "web", "running")]);
        engine.offer("app@sha256:dd", json!({"Id": IMAGE}));
        let outcome = apply(&engine, &pulled("sha256:dd")).await;
        let (_, stale) = outcome.stale().next().unwrap();
        assert_eq!((stale.code.as_str(), outcome.exit_code()), ("image_unchanged", 3));
        assert_eq!(engine.changing(), ["pull app@sha256:dd"]);
    });
    block(async {
        let engine = engine(vec![found("a", "web", "running")]);
        let new = json!({"Id": "sha256:cc", "Config": {"Cmd": ["serve"]}});
        engine.offer("app@sha256:dd", new);
        let outcome = apply(&engine, &pulled("sha256:dd")).await;
        assert!(outcome.is_success(), "{outcome:#?}");
        assert_eq!(named(&engine, "web").await.unwrap()["Image"], "sha256:cc");
    });
}

#[test]
fn a_failed_pull_stops_everything_before_anything_was_touched() {
    block(async {
        let engine = engine(vec![found("a", "web", "running"), found("b", "api", "running")]);
        engine.set_faults(Faults::every("pull", When::Before, ErrorKind::Status(500)));
        let mut made = pulled("sha256:dd");
        made.plan.facts.containers.push(fact("b", "api", RunClass::Live));
        made.replace("api", "b", pin(), &[]);
        let outcome = apply(&engine, &made).await;
        assert_eq!(outcome.exit_code(), 5);
        assert_eq!(engine.changing().len(), 1);
        assert_eq!(status(&outcome, "api/create"), StepStatus::NotReached);
    });
}

/// Stop, kill, restart, start, remove: done once, and already done the second time.
#[test]
fn single_calls_are_made_once() {
    let subject = || Subject::Container(id("a"));
    let cases = [
        ("stop", "running", Action::Stop { container: subject(), signal: None, timeout: Some(1) }),
        ("kill", "running", Action::Kill { container: subject(), signal: "KILL".to_owned() }),
        ("restart", "running", Action::Restart { container: subject(), timeout: None }),
        ("start", "exited", Action::Start { container: subject(), wait: false }),
        ("remove", "exited", Action::Remove { container: subject() }),
    ];
    for (what, state, action) in cases {
        block(async {
            let engine = engine(vec![found("a", "web", state)]);
            let run = if state == "running" { RunClass::Live } else { RunClass::Idle };
            let mut fact = fact("a", "web", run);
            if what == "restart" {
                fact.started_at = Some("2026-01-02T03:04:06Z".to_owned());
            }
            let mut made = Made::new(vec![fact]);
            let step = format!("web/{what}");
            made.step(&step, action, &[]);
            let outcome = apply(&engine, &made).await;
            assert_eq!(status(&outcome, &step), StepStatus::Done, "{outcome:#?}");
            assert_eq!(engine.changing().len(), 1);
            let again = apply(&engine, &made).await;
            assert_eq!(status(&again, &step), StepStatus::Already, "{again:#?}");
            assert_eq!(
                (again.summary.message.as_str(), engine.changing().len()),
                ("no action taken.", 1)
            );
        });
    }
}

#[test]
fn a_process_that_ignores_its_killing_is_a_failure() {
    block(async {
        let engine = engine(vec![found("a", "web", "running")]);
        engine.behave("web", Behaviour { stubborn: true, ..Behaviour::default() });
        let mut made = Made::new(vec![fact("a", "web", RunClass::Live)]);
        let kill =
            Action::Kill { container: Subject::Container(id("a")), signal: "HUP".to_owned() };
        made.step("web/kill", kill, &[]);
        let outcome = apply(&engine, &made).await;
        let StepStatus::Failed { message } = status(&outcome, "web/kill") else { panic!() };
        assert_eq!(message, "container `web` still runs 10 s after signal HUP");
        // A longer grace of the set counts, though the container was made with another one.
        made.change("web", Verb::Kill, Because::NotThere);
        let declared =
            "project: p\ncontainers: {web: {name: web, state: killed, stop_grace_period: 1m30s}}";
        made.plan.declared = read::text(declared, &read::Files::new()).unwrap().canonical();
        let outcome = apply(&engine, &made).await;
        let StepStatus::Failed { message } = status(&outcome, "web/kill") else { panic!() };
        assert_eq!(message, "container `web` still runs 90 s after signal HUP");
    });
}

#[test]
fn a_kill_of_another_process_than_was_reviewed_is_stale() {
    block(async {
        let engine = engine(vec![found("a", "web", "running")]);
        let mut fact = fact("a", "web", RunClass::Live);
        fact.started_at = Some("2026-01-01T00:00:00Z".to_owned());
        let mut made = Made::new(vec![fact]);
        let kill =
            Action::Kill { container: Subject::Container(id("a")), signal: "KILL".to_owned() };
        made.step("web/kill", kill, &[]);
        let outcome = apply(&engine, &made).await;
        assert_eq!(outcome.stale().next().unwrap().1.code, "container_started");
        assert!(engine.changing().is_empty());
    });
}

/// What came back by itself while the other was away is not what was meant.
#[test]
fn a_restart_after_another_is_made_though_it_was_started_meanwhile() {
    block(async {
        for (because, calls) in [
            (Because::RestartsWith { target: ContainerName::new("db") }, 1),
            (Because::NotThere, 0),
        ] {
            let engine = engine(vec![found("a", "web", "running")]);
            let mut fact = fact("a", "web", RunClass::Live);
            fact.started_at = Some("2026-01-01T00:00:00Z".to_owned());
            let mut made = Made::new(vec![fact]);
            let container = Subject::Container(id("a"));
            made.step("web/restart", Action::Restart { container, timeout: None }, &[]);
            made.change("web", Verb::Restart, because);
            apply(&engine, &made).await;
            assert_eq!(engine.changing().len(), calls);
        }
    });
}
