//! Tests of impossible step orders, missing turns, and anonymous volumes that no container takes
//! over.

use serde_json::json;

use super::tests::{action, breaks, place, without};
use super::*;
use crate::base::ident::{ContainerId, ContainerName, NetworkId, StepId};
use crate::observed::snapshot::Run;
use crate::plan::{Carried, NetworkRef, Subject, sample};

fn old() -> Subject {
    Subject::Container(ContainerId::new(sample::hex("", 1)))
}

#[test]
fn a_step_finds_what_it_is_about() {
    breaks("replay", |plan| without(plan, "shop-db/create"));
    breaks("replay", |plan| without(plan, "shop-db/stop"));
    breaks("replay", |plan| plan.facts.containers[0].run = Run::Idle);
    breaks("replay", |plan| plan.facts.images.clear());
    breaks("replay", |plan| without(plan, "shop-db/rename-old"));
    breaks("replay", |plan| {
        *action(plan, "shop-db/wait_ready") = Action::WaitReady { container: old(), prove_for: 1 };
    });
    breaks("replay", |plan| {
        let Action::Create { name, .. } = action(plan, "shop-web-2/create") else { return };
        *name = ContainerName::new("shop-web-1");
    });
    breaks("replay", |plan| {
        let connect = Action::Connect {
            container: old(),
            network: "nowhere".to_owned(),
            which: NetworkRef::Id(NetworkId::new(sample::hex("", 5))),
            endpoint: json!(null),
        };
        *action(plan, "shop-db/stop") = connect;
    });
    breaks("replay", |plan| {
        let which = NetworkId::new(sample::hex("", 5));
        let remove = Action::RemoveNetwork { network: "nowhere".to_owned(), which };
        *action(plan, "shop-db/stop") = remove;
    });
    breaks("replay", |plan| {
        *action(plan, "legacy/stop") = Action::Tag {
            image: format!("app@{}", sample::hex("sha256:", 4)),
            tag: "app:1".to_owned(),
        };
    });
}

#[test]
fn a_set_ends_with_what_its_state_says() {
    breaks("goal", |plan| plan.declared["containers"]["web"]["count"] = json!(4));
    breaks("goal", |plan| without(plan, "shop-web-3/start"));
    breaks("goal", |plan| plan.sets.values_mut().for_each(|set| set.state = State::Absent));
}

#[test]
fn a_turn_is_waited_for_as_its_set_says() {
    let two = |plan: &mut Plan, update: serde_json::Value| {
        *plan = sample::ten();
        plan.declared["containers"]["web"]["update_config"] = update;
    };
    breaks("turns", |plan| two(plan, json!({"parallelism": 2})));
    breaks("turns", |plan| two(plan, json!({"parallelism": 0, "order": "start-first"})));
    breaks("turns", |plan| {
        let start = place(plan, "shop-db/stop");
        plan.steps[start].delay = 7;
    });
    breaks("turns", |plan| {
        let start = place(plan, "shop-web-2/start");
        plan.steps[start].after_end.push(StepId::new("shop-web-1/wait_ready"));
    });
    breaks("turns", |plan| {
        two(plan, json!({"parallelism": 0, "delay": "5s", "failure_action": "continue"}));
        let stop = place(plan, "shop-web-2/stop");
        plan.steps[stop].after_end.push(StepId::new("shop-web-1/wait_ready"));
        plan.steps[stop].delay = 6;
    });
}

#[test]
fn what_is_taken_over_is_a_volume_that_nobody_named_and_that_is_kept() {
    let carry = |plan: &mut Plan, step: &str, path: &str, volume: &str| {
        let Action::Create { carried, .. } = action(plan, step) else { return };
        carried.push(Carried { path: path.to_owned(), volume: volume.to_owned() });
    };
    let volume = sample::hex("", 40);
    let mut plan = sample::mixed();
    carry(&mut plan, "shop-db/create", "/cache", &volume);
    assert_eq!(check(&plan), []);
    for (step, path, name) in [
        ("shop-db/create", "/cache/", volume.as_str()),
        ("shop-db/create", "cache", &volume),
        ("shop-db/create", "/cache", "named"),
        ("shop-web-1/create", "/cache", &volume),
    ] {
        breaks("carried", |plan| carry(plan, step, path, name));
    }
    breaks("carried", |plan| {
        carry(plan, "shop-db/create", "/b", &volume);
        carry(plan, "shop-db/create", "/a", &sample::hex("", 41));
    });
    breaks("carried", |plan| {
        carry(plan, "shop-db/create", "/a", &volume);
        carry(plan, "shop-db/create", "/b", &volume);
    });
    breaks("carried", |plan| {
        carry(plan, "shop-db/create", "/cache", &volume);
        plan.declared["containers"]["db"]["discard"] = json!(true);
    });
    breaks("carried", |plan| {
        carry(plan, "shop-db/create", "/cache", &volume);
        let change = plan.changes.iter_mut().find(|change| change.id.as_str() == "shop-db");
        change.unwrap().impact.loses.push("anonymous volume at /cache".to_owned());
    });
}
