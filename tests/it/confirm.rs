//! The last look of a run: what each step made so is so still, whatever kind of step it was.

use std::collections::BTreeMap;

use bayplan::apply::confirm::{Ended, Goal, Mismatch, confirm};
use bayplan::apply::{Outcome, Resume};
use bayplan::base::ident::{NetworkId, ObjectKey, SetName, StepId};
use bayplan::engine::ErrorKind;
use bayplan::engine::observe;
use bayplan::engine::simulated::{Faults, Simulated, When};
use bayplan::observed::redact::Redactor;
use bayplan::observed::scope::ObservationScope;
use bayplan::observed::snapshot::{Run, Snapshot};
use bayplan::options::Body;
use bayplan::options::settings::Settings;
use bayplan::plan::facts::NetworkFact;
use bayplan::plan::{Action, Because, NetworkRef, Subject, Verb};
use bayplan::spec::State;
use serde_json::{Value as Json, json};

use crate::made::{Made, apply, block, engine_of, fact, found, id, pin};

/// A container that is replaced, one that is changed in place and put on a network, and that network
/// and a volume, which are made.
fn made() -> Made {
    let mut made = Made::new(vec![fact("a", "web", Run::Live), fact("b", "db", Run::Live)]);
    let members = [id("a"), id("b")].to_vec();
    made.plan.facts.members = [(SetName::new("web"), members)].into();
    made.plan.facts.networks = vec![NetworkFact { name: "net".to_owned(), id: None }];
    let create = Action::CreateNetwork { network: "net".to_owned(), key: ObjectKey::new("net") };
    made.step("network:net/create", create, &[]);
    let labels = json!({"io.bayplan.project": "shop", "io.bayplan.network": "net"});
    let body = json!({"Name": "net", "Driver": "bridge", "Labels": labels});
    made.bodies.insert(StepId::new("network:net/create"), Body::from_json(body));
    made.change("network:net", Verb::Create, Because::NotThere);
    let create = Action::CreateVolume { volume: "data".to_owned(), key: ObjectKey::new("data") };
    made.step("volume:data/create", create, &[]);
    let labels = json!({"io.bayplan.project": "shop", "io.bayplan.volume": "data"});
    let body = json!({"Name": "data", "Driver": "local", "Labels": labels});
    made.bodies.insert(StepId::new("volume:data/create"), Body::from_json(body));
    made.change("volume:data", Verb::Create, Because::NotThere);
    for change in &mut made.plan.changes {
        change.set = None;
    }
    let db = || Subject::Container(id("b"));
    let on = Action::Connect {
        container: db(),
        network: "net".to_owned(),
        which: NetworkRef::CreatedBy(StepId::new("network:net/create")),
        endpoint: json!({"Aliases": ["shop"]}),
    };
    made.step("db/connect-net", on, &["network:net/create"]);
    let settings = Settings([("CpuShares".to_owned(), json!(512))].into());
    made.step("db/update", Action::Update { container: db(), settings }, &["db/connect-net"]);
    made.change("db", Verb::Update, Because::NotThere);
    made.replace("web", "a", pin(), &[]);
    made
}

fn engine() -> Simulated {
    let containers = vec![found("a", "web", "running"), found("b", "db", "running")];
    engine_of(Snapshot { containers, ..Snapshot::default() })
}

fn look(engine: &Simulated) -> Snapshot {
    let look = block(observe::observe(engine, &ObservationScope::everything())).unwrap();
    look.redact(&Redactor::default())
}

fn told(made: &Made, outcome: &Outcome, look: &Snapshot) -> Vec<String> {
    let digest = Resume::fresh(&made.plan).digest;
    let goal = Goal { state: State::Reloaded, count: 2, one_shot: false };
    let goals = BTreeMap::from([(SetName::new("web"), goal)]);
    let ended = Ended { plan: &made.plan, digest: &digest, outcome };
    let all = confirm(ended, &goals, look, |_| Vec::new());
    let line = |Mismatch { set, container, option, message }: Mismatch| {
        let whose = [set.map(|set| set.to_string()), container.map(|name| name.to_string())];
        let whose: Vec<String> = whose.into_iter().flatten().collect();
        format!("{} {option}: {message}", whose.join("/"))
    };
    all.into_iter().map(line).collect()
}

fn of<'a>(look: &'a mut Snapshot, name: &str) -> &'a mut Json {
    let found = look.containers.iter_mut().find(|found| found.name().as_str() == name);
    found.and_then(|found| found.inspect.as_mut()).unwrap()
}

#[test]
fn what_is_as_the_steps_made_it_is_no_mismatch() {
    let (engine, made) = (engine(), made());
    let outcome = block(apply(&engine, &made));
    assert!(outcome.is_success(), "{outcome:#?}");
    assert_eq!(told(&made, &outcome, &look(&engine)), Vec::<String>::new());
}

/// What is done to a look.
type Meddle = fn(&mut Snapshot);

/// The network of the plan, as texts call it.
fn short_id(look: &Snapshot) -> String {
    let network = look.networks.iter().find(|network| network["Name"] == "net").unwrap();
    network["Id"].as_str().unwrap()[..12].to_owned()
}

#[test]
fn whatever_a_step_made_otherwise_is_told() {
    let all: [(&str, Meddle, &[&str]); 8] = [
        (
            "the new one stopped",
            |look| of(look, "web")["State"]["Status"] = json!("exited"),
            &[
                "web count: expected 2 running containers, but found 1",
                "web/web state: expected it running, but found it stopped",
            ],
        ),
        (
            "the new one is gone",
            |look| look.containers.retain(|found| found.name().as_str() != "web"),
            &[
                "web count: expected 2 running containers, but found 1",
                "web/web name: expected the name `web`, but found no such container",
            ],
        ),
        (
            "the old one is there",
            |look| look.containers.push(found("a", "web.bp-old", "exited")),
            &["web/web.bp-old name: expected no such container, but found the name `web.bp-old`"],
        ),
        (
            "the limit is another",
            |look| of(look, "db")["HostConfig"]["CpuShares"] = json!(2),
            &["web/db limits: expected CpuShares 512, but found CpuShares 2"],
        ),
        (
            "it is off the network",
            |look| {
                let networks = &mut of(look, "db")["NetworkSettings"]["Networks"];
                networks.as_object_mut().unwrap().remove("net");
            },
            &["web/db networks: expected it on network `net`, but found it off network `net`"],
        ),
        (
            "it is on another network of that name",
            |look| {
                let other = NetworkId::new("f".repeat(64));
                of(look, "db")["NetworkSettings"]["Networks"]["net"]["NetworkID"] = json!(other);
            },
            &[
                "web/db networks: expected it on network `net`, but found it on network `net` (ffffffffffff)",
            ],
        ),
        (
            "the network is gone",
            |look| look.networks.retain(|network| network["Name"] != "net"),
            &[
                "web/db networks: expected it on network `net`, but found it on network `net` (NETWORK)",
                " network: network `net`: expected the network of `network:net/create`, but found no such network",
            ],
        ),
        (
            "the volume is gone",
            |look| look.volumes.clear(),
            &[
                " volume: volume `data`: expected the volume of `volume:data/create`, but found no such volume",
            ],
        ),
    ];
    let (engine, made) = (engine(), made());
    let outcome = block(apply(&engine, &made));
    for (what, meddle, expected) in all {
        let mut look = look(&engine);
        let short = short_id(&look);
        meddle(&mut look);
        let expected = expected.join("\n").replace("NETWORK", &short);
        assert_eq!(told(&made, &outcome, &look).join("\n"), expected, "{what}");
    }
}

/// Of what failed the report says what is where.
#[test]
fn a_set_that_is_not_finished_is_not_told_of_twice() {
    let (engine, made) = (engine(), made());
    engine.set_faults(Faults::every("create web", When::Before, ErrorKind::Status(500)));
    let outcome = block(apply(&engine, &made));
    assert!(!outcome.is_success());
    let mut look = look(&engine);
    of(&mut look, "db")["HostConfig"]["CpuShares"] = json!(2);
    look.volumes.clear();
    let told = told(&made, &outcome, &look);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with(" volume:"), "{told:?}");
}

/// A set that the spec does not have any more, and a network of its own that goes with it; another
/// container is taken off a network and put back.
fn leaving() -> Made {
    let mut made = Made::new(vec![fact("a", "job", Run::Idle), fact("b", "db", Run::Live)]);
    made.plan.facts.members = [(SetName::new("job"), vec![id("a")])].into();
    let which = NetworkId::new("e".repeat(64));
    let network = "old".to_owned();
    made.plan.facts.networks = vec![NetworkFact { name: network.clone(), id: Some(which.clone()) }];
    let remove = Action::RemoveNetwork { network: network.clone(), which: which.clone() };
    made.step("network:old/remove", remove, &[]);
    let endpoint = json!({});
    let on = NetworkRef::Id(NetworkId::new("d".repeat(64)));
    let connect = Action::Connect {
        container: Subject::Container(id("b")),
        network: "back".to_owned(),
        which: on,
        endpoint,
    };
    made.step("network:old/connect-db", connect, &["network:old/remove"]);
    made.change("network:old", Verb::Replace, Because::NotThere);
    made.plan.changes[0].set = None;
    made.step("job/remove", Action::Remove { container: Subject::Container(id("a")) }, &[]);
    made.change("job", Verb::Remove, Because::NotThere);
    made.plan.changes[1].set = Some(SetName::new("job"));
    made
}

#[test]
fn what_was_removed_is_gone_and_what_was_moved_is_where_it_was_put() {
    let made = leaving();
    let network =
        |name: &str, id: &str| json!({"Name": name, "Id": id.repeat(64), "Driver": "bridge"});
    let engine = engine_of(Snapshot {
        containers: vec![found("a", "job", "exited"), found("b", "db", "running")],
        networks: vec![network("old", "e"), network("back", "d")],
        ..Snapshot::default()
    });
    let outcome = block(apply(&engine, &made));
    assert!(outcome.is_success(), "{outcome:#?}");
    let gone = look(&engine);
    assert_eq!(told(&made, &outcome, &gone), [""; 0]);
    let mut back = gone.clone();
    back.networks.push(network("old", "e"));
    back.containers.push(found("a", "job", "exited"));
    of(&mut back, "db")["NetworkSettings"]["Networks"].as_object_mut().unwrap().remove("back");
    insta::assert_snapshot!(told(&made, &outcome, &back).join("\n"), @"
    job/job name: expected no such container, but found the name `job`
    db networks: expected it on network `back` (dddddddddddd), but found it off network `back`
     network: network `old`: expected no such network, but found eeeeeeeeeeee
    ");
}
