//! What a step finds at its own look, right before its call, other than the plan relied on.

use bayplan::apply::StepStatus;
use bayplan::base::ident::ContainerName;
use bayplan::engine::Reader;
use bayplan::engine::simulated::{Deed, Faults};
use bayplan::observed::snapshot::Run as RunClass;
use bayplan::options::settings::Settings;
use bayplan::plan::facts::VolumeFact;
use bayplan::plan::{Action, Because, NetworkRef, Subject, Verb};
use serde_json::{Value as Json, json};

use crate::made::{Made, Watcher, apply, apply_with, block, engine, fact, found, id, pin, status};

type Meddle = fn(&mut Json);

const MEDDLES: [(&str, Meddle); 3] = [
    ("container_run", |found| found["State"]["Status"] = json!("paused")),
    ("container_networks", |found| found["NetworkSettings"]["Networks"]["other"] = json!({})),
    ("container_settings", |found| found["HostConfig"]["RestartPolicy"]["Name"] = json!("always")),
];

/// Two members, one after the other; the new ones are there before.
fn in_turn() -> Made {
    let facts = vec![fact("a", "one", RunClass::Live), fact("b", "two", RunClass::Live)];
    let mut made = Made::new(facts);
    made.replace("one", "a", pin(), &[]).replace("two", "b", pin(), &[]);
    let stop = made.plan.steps.iter_mut().find(|step| step.id.as_str() == "two/stop").unwrap();
    stop.after.push(bayplan::base::ident::StepId::new("one/remove"));
    made
}

#[test]
fn what_moves_while_another_member_is_replaced_is_seen_before_it_is_stopped() {
    for (code, meddle) in MEDDLES {
        block(async {
            let engine = engine(vec![found("a", "one", "running"), found("b", "two", "running")]);
            let watcher = Watcher::meddling("one/stop", || engine.meddle(id("b").as_str(), meddle));
            let outcome = apply_with(&engine, &in_turn(), &watcher, 4).await;
            let StepStatus::Stale(stale) = status(&outcome, "two/stop") else {
                panic!("{outcome:#?}")
            };
            assert_eq!(stale.code, code);
            assert!(!engine.changing().iter().any(|call| call.starts_with("stop bbb")));
            assert_eq!(status(&outcome, "one/remove"), StepStatus::Done);
            // The first member was replaced: that is not the world of before, which 3 means.
            assert_eq!(outcome.exit_code(), 5, "its new one is gone again");
            assert_eq!(engine.list().await.unwrap().len(), 2);
        });
    }
}

#[test]
fn what_is_started_or_removed_is_as_the_plan_knew_it() {
    for (code, meddle) in &MEDDLES[1..] {
        for what in ["start", "remove"] {
            block(async {
                let engine = engine(vec![found("a", "web", "exited")]);
                engine.meddle(id("a").as_str(), meddle);
                let mut made = Made::new(vec![fact("a", "web", RunClass::Idle)]);
                let container = Subject::Container(id("a"));
                let action = match what {
                    "start" => Action::Start { container, wait: false },
                    _ => Action::Remove { container },
                };
                made.step("web/it", action, &[]);
                let outcome = apply(&engine, &made).await;
                let StepStatus::Stale(stale) = status(&outcome, "web/it") else {
                    panic!("{outcome:#?}")
                };
                assert_eq!((stale.code.as_str(), outcome.exit_code()), (*code, 3));
                assert!(engine.changing().is_empty());
            });
        }
    }
}

/// Steps on one container do not surprise each other.
#[test]
fn what_steps_of_the_plan_make_of_a_container_is_no_surprise() {
    block(async {
        let networks = vec![json!({"Name": "net", "Id": "e".repeat(64)})];
        let engine = crate::made::engine_of(bayplan::observed::snapshot::Snapshot {
            containers: vec![found("a", "web", "running")],
            networks,
            ..Default::default()
        });
        let mut made = Made::new(vec![fact("a", "web", RunClass::Live)]);
        let container = || Subject::Container(id("a"));
        let connect = Action::Connect {
            container: container(),
            network: "net".to_owned(),
            which: NetworkRef::Id(bayplan::base::ident::NetworkId::new("e".repeat(64))),
            endpoint: json!(null),
        };
        let settings = Settings([("CpuShares".to_owned(), json!(512))].into());
        made.step("web/connect", connect, &[]);
        made.step("web/update", Action::Update { container: container(), settings }, &[]);
        made.step(
            "web/restart",
            Action::Restart { container: container(), timeout: None },
            &["web/connect", "web/update"],
        );
        made.change("web", Verb::Update, Because::RecreateAlways);
        let outcome = apply(&engine, &made).await;
        assert!(outcome.is_success(), "{outcome:#?}");
    });
}

#[test]
fn a_volume_that_somebody_makes_before_the_create_is_not_taken_for_ours() {
    for (meddled, code) in [(false, 0), (true, 3)] {
        block(async {
            let engine = engine(Vec::new());
            let mut made = Made::new(Vec::new());
            made.create("one", false).create("two", false);
            let fact = VolumeFact { name: "v".to_owned(), driver: None, created_at: None };
            made.plan.facts.volumes.push(fact);
            for body in made.bodies.values_mut() {
                body.host("Binds", json!(["v:/data"]));
            }
            if meddled {
                let tmpfs = json!({"Name": "v", "Driver": "local", "Options": {"type": "tmpfs"}});
                let tmpfs = bayplan::engine::FilledBody::new(tmpfs);
                bayplan::engine::Writer::create_volume(&engine, &tmpfs).await.unwrap();
            }
            let outcome = apply(&engine, &made).await;
            assert_eq!(outcome.exit_code(), code, "{outcome:#?}");
            let codes: Vec<&str> = outcome.stale().map(|(_, stale)| stale.code.as_str()).collect();
            assert!(codes.iter().all(|code| *code == "volume_taken"), "{codes:?}");
            assert_eq!(codes.is_empty(), !meddled);
        });
    }
}

/// Another run replaces the container right before the create of this one: what that run did is not taken
/// for this plan's, and its old container is not started beside its new one.
#[test]
fn what_another_run_did_to_the_old_container_is_neither_this_plan_s_nor_undone_by_it() {
    let (web, old) = (ContainerName::new("web"), ContainerName::new("web.bp-old"));
    let deeds = vec![
        Deed::Stops(web.clone()),
        Deed::Renames(web.clone(), old),
        Deed::Runs(web, "app:1".to_owned()),
    ];
    block(async {
        let engine = engine(vec![found("a", "web", "running")]);
        engine.set_faults(Faults { strangers: [(0, deeds)].into(), ..Faults::none() });
        let mut made = Made::new(vec![fact("a", "web", RunClass::Live)]);
        made.replace("web", "a", pin(), &[]);
        let outcome = apply(&engine, &made).await;
        assert!(matches!(status(&outcome, "web/stop"), StepStatus::Stale(_)), "{outcome:#?}");
        assert_eq!(outcome.exit_code(), 5, "{:#?}", outcome.troubles);
        let calls = engine.changing();
        let calls: Vec<&str> = calls.iter().map(|call| call.split(' ').next().unwrap()).collect();
        assert_eq!(calls, ["create", "remove"]);
        let old = engine.inspect("web.bp-old").await.unwrap().unwrap();
        assert_eq!(old["State"]["Running"], false);
    });
}
