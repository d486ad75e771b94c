//! Steps on networks and volumes that fail: what is reported of them, and that it leads out.

use bayplan::apply::{Outcome, StepStatus};
use bayplan::base::ident::{ChangeId, NetworkId, ObjectKey, StepId};
use bayplan::engine::simulated::{Faults, Simulated, When};
use bayplan::engine::{ErrorKind, Reader};
use bayplan::observed::snapshot::{Run as RunClass, Snapshot};
use bayplan::options::Body;
use bayplan::plan::{Action, Because, NetworkRef, Subject, Verb};
use serde_json::json;

use crate::made::{Made, apply, block, engine_of, fact, found, id, status};

fn net() -> NetworkId {
    NetworkId::new("e".repeat(64))
}

/// An engine with a network and a container on it.
fn engine() -> Simulated {
    let mut web = found("a", "web", "running");
    web.inspect.as_mut().unwrap()["NetworkSettings"]["Networks"] =
        json!({"net": {"NetworkID": net()}});
    let networks = vec![json!({"Name": "net", "Id": net(), "Driver": "bridge", "Labels": {}})];
    engine_of(Snapshot { containers: vec![web], networks, ..Snapshot::default() })
}

/// A network that is replaced: off, removed, made, on again.
fn replaced() -> Made {
    let mut fact = fact("a", "web", RunClass::Live);
    fact.networks = [("net".to_owned(), bayplan::plan::facts::Attachment::default())].into();
    let mut made = Made::new(vec![fact]);
    let web = || Subject::Container(id("a"));
    let network = || "net".to_owned();
    let off =
        Action::Disconnect { container: web(), network: network(), which: NetworkRef::Id(net()) };
    made.step("network:net/disconnect-web", off, &[]);
    let remove = Action::RemoveNetwork { network: network(), which: net() };
    made.step("network:net/remove", remove, &["network:net/disconnect-web"]);
    let create = Action::CreateNetwork { network: network(), key: ObjectKey::new("net") };
    made.step("network:net/create", create, &["network:net/remove"]);
    let body = json!({"Name": "net", "Driver": "bridge", "Internal": true,
        "Labels": {"io.bayplan.project": "shop", "io.bayplan.network": "net"}});
    made.bodies.insert(StepId::new("network:net/create"), Body::from_json(body));
    let on = Action::Connect {
        container: web(),
        network: network(),
        which: NetworkRef::CreatedBy(StepId::new("network:net/create")),
        endpoint: json!({"Aliases": ["shop"]}),
    };
    made.step("network:net/connect-web", on, &["network:net/create"]);
    made.change("network:net", Verb::Replace, Because::NotThere);
    made.plan.changes[0].set = None;
    made
}

fn failing(call: &str) -> Outcome {
    block(async {
        let engine = engine();
        engine.set_faults(Faults::every(call, When::Before, ErrorKind::Status(500)));
        apply(&engine, &replaced()).await
    })
}

#[test]
fn a_network_that_was_removed_and_not_made_again_is_not_as_before() {
    let outcome = failing("create network");
    assert_eq!(outcome.exit_code(), 7);
    let [trouble] = outcome.troubles.as_slice() else { panic!("{outcome:#?}") };
    assert!(!trouble.as_before);
    assert_eq!(trouble.change, ChangeId::new("network:net"));
    assert_eq!(trouble.stays, ["network `net` was removed and cannot be made again as it was"]);
    assert_eq!(trouble.now, ["the container is `web` (aaaaaaaaaaaa), running"]);
}

#[test]
fn a_network_that_could_not_be_removed_is_put_on_again() {
    let outcome = failing("remove network");
    assert_eq!(outcome.exit_code(), 5);
    let trouble = &outcome.troubles[0];
    assert!(trouble.as_before);
    let undone: Vec<&str> = trouble.undone.iter().map(|undone| undone.what.as_str()).collect();
    assert_eq!(undone, ["connect `web` to network `net`"]);
    let untouched = failing("disconnect");
    assert_eq!(untouched.exit_code(), 5);
    assert!(untouched.troubles[0].as_before && untouched.troubles[0].undone.is_empty());
}

#[test]
fn a_container_that_fails_leaves_the_network_and_the_volume_that_were_made() {
    block(async {
        let engine = engine_of(Snapshot::default());
        engine.set_faults(Faults::every("create web", When::Before, ErrorKind::Status(500)));
        let mut made = Made::new(Vec::new());
        for (step, what) in [("network:n/create", "network"), ("volume:v/create", "volume")] {
            let action = match what {
                "network" => {
                    Action::CreateNetwork { network: "n".to_owned(), key: ObjectKey::new("n") }
                }
                _ => Action::CreateVolume { volume: "v".to_owned(), key: ObjectKey::new("v") },
            };
            made.step(step, action, &[]);
            let body = json!({"Name": &what[..1], "Driver": "bridge"});
            made.bodies.insert(StepId::new(step), Body::from_json(body));
        }
        made.create("web", false);
        let create = made.plan.steps.iter_mut().find(|step| step.id.as_str() == "web/create");
        create.unwrap().after =
            vec![StepId::new("network:n/create"), StepId::new("volume:v/create")];
        let outcome = apply(&engine, &made).await;
        assert_eq!(status(&outcome, "volume:v/create"), StepStatus::Done);
        assert_eq!(engine.volumes().await.unwrap().len(), 1);
        assert_eq!(outcome.exit_code(), 5);
    });
}

#[test]
fn of_several_connects_the_ones_that_were_made_are_taken_back() {
    block(async {
        let mut web = found("a", "web", "running");
        web.inspect.as_mut().unwrap()["NetworkSettings"]["Networks"] = json!({"bridge": {}});
        let networks = ["b", "c"].map(|name| json!({"Name": name, "Id": name.repeat(64)})).to_vec();
        let engine = engine_of(Snapshot { containers: vec![web], networks, ..Snapshot::default() });
        engine.set_faults(Faults::every(
            "connect aaaaaaaaaaaa web c",
            When::Before,
            ErrorKind::Status(500),
        ));
        let mut made = Made::new(vec![fact("a", "web", RunClass::Live)]);
        for (name, after) in [("b", None), ("c", Some("web/connect-b"))] {
            let on = Action::Connect {
                container: Subject::Container(id("a")),
                network: name.to_owned(),
                which: NetworkRef::Id(NetworkId::new(name.repeat(64))),
                endpoint: json!(null),
            };
            made.step(&format!("web/connect-{name}"), on, after.as_slice());
        }
        made.change("web", Verb::Update, Because::NotThere);
        let outcome = apply(&engine, &made).await;
        assert_eq!(outcome.exit_code(), 5);
        let trouble = &outcome.troubles[0];
        assert!(trouble.as_before);
        let undone: Vec<&str> = trouble.undone.iter().map(|undone| undone.what.as_str()).collect();
        assert_eq!(undone, ["disconnect `web` from network `b`"]);
    });
}
