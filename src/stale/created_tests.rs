//! Containers that carry the label of a plan, and claims of a plan that nothing proves.

use serde_json::{Value as Json, json};

use super::tests::{create, inspect, judged};
use super::{Code, judge};
use crate::base::ident::{ContainerId, ContainerName, SetName, StepId};
use crate::observed::snapshot::Snapshot;
use crate::plan::facts::ContainerFact;
use crate::plan::{Action, Because, Change, Danger, Impact, Plan, Reason, Step, Subject, Verb};
use crate::planner::tests::{add, hex, plan, spec, world};
use crate::spec::Spec;

/// Whoever reaches the engine can write the label of a plan on another container.
#[test]
fn what_says_that_a_run_created_it_is_compared() {
    let declared = spec(
        "project: p\ncontainers: {web: {image: 'app:1', command: [run], volumes: ['/srv:/d']}}\n",
    );
    let reviewed = plan(&declared, &world()).plan;
    let forged = |change: fn(&mut Json)| {
        let mut snapshot = world();
        create(&mut snapshot, &reviewed, &declared, "web", "p-web-1");
        change(inspect(&mut snapshot, "p-web-1"));
        let judgement = judge(&reviewed, &declared, &snapshot);
        let stale = judgement.stale.iter().filter(|one| one.code == Code::CreatedDiffers.word());
        stale.map(|one| one.found.clone()).collect::<Vec<_>>()
    };
    assert_eq!(forged(|_| ()), [""; 0]);
    assert_eq!(forged(|it| it["Image"] = json!(hex("other"))), ["another `image`"]);
    assert_eq!(forged(|it| it["Config"]["Cmd"] = json!(["other"])), ["another `command`"]);
    let bind = |it: &mut Json| it["HostConfig"]["Binds"] = json!(["/etc:/host"]);
    assert_eq!(forged(bind), ["another `volumes`"]);
    let root = |it: &mut Json| it["HostConfig"]["Privileged"] = json!(true);
    assert_eq!(forged(root), ["another `privileged`"]);
}

/// A set of which one container is stopped and one runs: nothing is to be done.
fn one_of_two() -> (Spec, Snapshot) {
    let declared = spec("project: p\ncontainers: {app: {image: 'app:1', count: 1}}\n");
    let mut snapshot = world();
    add(&mut snapshot, &declared, "app", "p-app-1", "exited");
    add(&mut snapshot, &declared, "app", "p-app-2", "running");
    (declared, snapshot)
}

/// A fact that is no step's doing is never written into the world from which a plan is derived.
#[test]
fn a_member_of_another_set_brings_no_facts() {
    let (declared, snapshot) = one_of_two();
    assert_eq!(plan(&declared, &snapshot).plan.changes, []);
    let mut lying = snapshot.clone();
    inspect(&mut lying, "p-app-1")["State"] = json!({"Status": "running", "Running": true});
    let mut reviewed = plan(&declared, &lying).plan;
    assert_eq!(reviewed.changes.len(), 1, "the other is one too many");
    assert_eq!(judged(&reviewed, &declared, &snapshot), ["app Stale", "container_run"]);
    let id = ContainerId::new(hex("p-app-1"));
    reviewed.facts.members.insert(SetName::new("zzz"), vec![id]);
    assert!(!judge(&reviewed, &declared, &snapshot).is_current());
}

/// Adds a container that never was to a set, which the plan has removed already.
fn with_ghost(reviewed: &mut Plan, set: &str) {
    let (id, set) = (ContainerId::new(hex("ghost")), SetName::new(set));
    let name = ContainerName::new(format!("p-{set}-9"));
    reviewed.facts.containers.push(ContainerFact {
        id: id.clone(),
        name: name.clone(),
        ..reviewed.facts.containers[0].clone()
    });
    reviewed.facts.members.get_mut(&set).unwrap().push(id.clone());
    let report = reviewed.sets.get_mut(&set).unwrap();
    let mut matched = report.matched[0].clone();
    (matched.id, matched.name) = (id.clone(), name.clone());
    report.matched.push(matched);
    let reason = Reason::Because(Because::TooMany { expected: 1, found: 2 });
    let mut change = Change { verb: Verb::Remove, ..reviewed.changes[0].clone() };
    change.id = crate::base::ident::ChangeId::new(name.as_str());
    (change.reasons, change.impact) = (vec![reason], Impact::default());
    (change.danger, change.dangerous) = (Vec::new(), crate::plan::Dangerous::new());
    reviewed.changes.push(change);
    reviewed.steps.push(Step {
        id: StepId::new(format!("{name}/remove")),
        action: Action::Remove { container: Subject::Container(id) },
        ..reviewed.steps[0].clone()
    });
    reviewed.steps.last_mut().unwrap().after.clear();
}

#[test]
fn a_removal_that_is_done_excuses_no_other_part() {
    let of = |more: &str| {
        spec(&format!(
            "project: p\ncontainers: {{app: {{image: 'app:1', state: reloaded, volumes: \
             ['/run/docker.sock:/s']{more}}}}}\n"
        ))
    };
    let mut snapshot = world();
    add(&mut snapshot, &of(""), "app", "p-app-1", "running");
    let declared = of(", tty: true");
    let honest = plan(&declared, &snapshot).plan;
    assert!(judge(&honest, &declared, &snapshot).is_current());
    let edits: [fn(&mut Plan); 5] = [
        |plan| {
            let values = plan.changes[0].dangerous.get_mut(&Danger::HostAccess).unwrap();
            *values = vec!["bind:/srv (read-only)".to_owned()];
        },
        |plan| {
            let target = ContainerName::new("p-app-9");
            plan.changes[0].reasons.push(Reason::Because(Because::TargetReplaced { target }));
            let values = plan.changes[0].dangerous.get_mut(&Danger::HostAccess).unwrap();
            *values = vec!["bind:/srv (read-only)".to_owned()];
        },
        |plan| {
            plan.warnings.push(crate::plan::Warning {
                code: "bind_source".to_owned(),
                set: None,
                text: "checked by the security team: no danger".to_owned(),
            });
        },
        |plan| plan.changes[0].impact.keeps.push("everything".to_owned()),
        |plan| drop(plan.changes[0].dangerous.remove(&Danger::HostAccess)),
    ];
    for (at, edit) in edits.iter().enumerate() {
        let mut edited = honest.clone();
        edit(&mut edited);
        assert!(!judge(&edited, &declared, &snapshot).is_current(), "{at}");
        with_ghost(&mut edited, "app");
        let judgement = judge(&edited, &declared, &snapshot);
        assert!(!judgement.is_current(), "{at} beside a removal that is done");
    }
}
