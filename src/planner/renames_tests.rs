//! Renames in place: the containers that are renamed or not, and the checker's rules for their
//! reasons. The plans are under `snapshots/rename-*`.

use serde_json::json;

use super::tests::{add, changes, codes, db, inspect, plan, spec, with_db};
use crate::base::ident::{ChangeId, ContainerName, StepId};
use crate::observed::snapshot::Snapshot;
use crate::plan::check::check;
use crate::plan::{Action, Plan, Reason, summary};

#[test]
fn every_state_that_keeps_containers_renames_and_no_other() {
    for (state, verb) in [
        ("present", "update two"),
        ("started", "update two"),
        ("reloaded", "update two"),
        ("restarted", "restart two"),
    ] {
        let built = plan(&db("two", &format!(", state: {state}")), &with_db("running"));
        assert_eq!(changes(&built), [verb], "{state}");
        assert_eq!(check(&built.plan), []);
    }
    for state in ["stopped", "killed", "absent"] {
        let built = plan(&db("two", &format!(", state: {state}")), &with_db("running"));
        assert_eq!(changes(&built), [""; 0], "{state}");
    }
    assert_eq!(changes(&plan(&db("two", ""), &with_db("exited"))), ["start two"]);
    assert_eq!(changes(&plan(&db("two", ""), &with_db("paused"))), ["update two"]);
    // A dead container is left alone, and a restarting container cannot be renamed.
    assert_eq!(changes(&plan(&db("two", ""), &with_db("dead"))), ["create two"]);
    assert_eq!(codes(&db("two", ""), &with_db("restarting")), ["restarting"]);
}

#[test]
fn nobody_is_renamed_whose_name_or_labels_are_another_matter() {
    // Another set matches the container by name.
    let both = "project: p\ncontainers:\n  db: {image: 'app:1', name: two}\n  \
                old: {name: one, state: stopped}\n";
    assert_eq!(changes(&plan(&spec(both), &with_db("running"))), ["stop one", "create two"]);
    // Another container has the new name.
    let mut snapshot = with_db("running");
    add(&mut snapshot, &db("two", ""), "db", "two", "running");
    assert_eq!(changes(&plan(&db("two", ""), &snapshot)), [""; 0]);
    // The container was created under the new name and renamed by hand, so it keeps its name.
    let mut snapshot = with_db("running");
    inspect(&mut snapshot, "one")["Name"] = json!("/one-backup");
    let built = plan(&db("one", ""), &snapshot);
    assert_eq!(changes(&built), ["create one"]);
    assert!(built.plan.warnings[0].text.contains("`one-backup` was made for set `db`"));
    // After a rename for its set the container still belongs to its project.
    let mut snapshot = with_db("running");
    inspect(&mut snapshot, "one")["Name"] = json!("/two");
    let other = spec("project: q\ncontainers: {x: {image: 'app:1', name: two}}\n");
    assert_eq!(codes(&other, &snapshot), ["name_owned"]);
    // The image is unknown, so the owner of the labels is unknown too.
    let mut snapshot = with_db("running");
    inspect(&mut snapshot, "one")["Image"] = json!("sha256:77");
    assert_eq!(changes(&plan(&db("two", ""), &snapshot)), ["create two"]);
    // No other container gets the old name in the same plan.
    let mut snapshot = with_db("running");
    inspect(&mut snapshot, "one")["Name"] = json!("/p-web-1");
    let text = "project: p\ncontainers:\n  db: {image: 'app:1', name: two}\n  \
                web: {image: 'app:1', match: owned}\n";
    assert_eq!(changes(&plan(&spec(text), &snapshot)), ["create p-web-2", "update two"]);
}

/// Two named sets, each with its container.
fn pair(first: &str, second: &str) -> crate::spec::Spec {
    spec(&format!(
        "project: p\ncontainers:\n  db: {{image: 'app:1', name: {first}}}\n  \
         web: {{image: 'app:1', name: {second}}}\n"
    ))
}

#[test]
fn a_name_that_one_container_gives_up_is_taken_by_the_next() {
    let before = pair("one", "two");
    let mut snapshot = with_db("running");
    add(&mut snapshot, &before, "web", "two", "running");
    let after = |plan: &Plan, step: &str| {
        let step = plan.steps.iter().find(|one| one.id.as_str() == step).unwrap();
        step.after.iter().map(StepId::to_string).collect::<Vec<_>>()
    };
    let built = plan(&pair("three", "one"), &snapshot);
    assert_eq!(changes(&built), ["update one", "update three"]);
    assert_eq!(after(&built.plan, "one/rename"), ["three/rename"]);
    assert_eq!(check(&built.plan), []);
    let unordered = |plan: &Plan| {
        let mut bad = plan.clone();
        for step in &mut bad.steps {
            step.after.retain(|id| id.as_str() != "three/rename");
        }
        check(&bad).iter().any(|violation| violation.rule == "names")
    };
    assert!(unordered(&built.plan));
    // A new container takes the name.
    let built = plan(&pair("three", "one"), &with_db("running"));
    assert_eq!(changes(&built), ["create one", "update three"]);
    assert_eq!(after(&built.plan, "one/create"), ["three/rename"]);
    assert_eq!(check(&built.plan), []);
    assert!(unordered(&built.plan));
    // Two that swap their names, and a set that is gone.
    let errors = |spec: &crate::spec::Spec, snapshot: &Snapshot| {
        let pins = super::Pins::default();
        super::build(&super::Input { spec, snapshot, assume: false, pins, source: None }).errors
    };
    let swapped = errors(&pair("two", "one"), &snapshot);
    assert_eq!(swapped.len(), 2, "{swapped:?}");
    assert!(swapped[0].hint.contains("apply that first"), "{swapped:?}");
    let other = spec("project: p\ncontainers:\n  new: {image: 'app:1', name: one}\n");
    let gone = errors(&other, &with_db("running"));
    assert!(gone[0].hint.contains("`moved: {db: new}`"), "{gone:?}");
}

#[test]
fn the_checker_holds_a_rename_to_its_reason_its_name_and_its_place() {
    let good = plan(&db("two", ", state: reloaded, mem_limit: 64m"), &with_db("running")).plan;
    assert_eq!(check(&good), []);
    let breaks = |rule: &str, change: &dyn Fn(&mut Plan)| {
        let mut bad = good.clone();
        change(&mut bad);
        let rules: Vec<&str> = check(&bad).iter().map(|violation| violation.rule).collect();
        assert!(rules.contains(&rule), "{rules:?} lacks {rule}");
    };
    let said = |plan: &mut Plan, expected: &str| {
        let Reason::Option(difference) = &mut plan.changes[0].reasons[0] else { panic!() };
        difference.expected = json!(expected);
    };
    breaks("in_place", &|plan| said(plan, "three"));
    breaks("in_place", &|plan| drop(plan.changes[0].reasons.remove(0)));
    breaks("in_place", &|plan| {
        plan.steps.remove(0);
        plan.steps[0].after.clear();
        plan.summary = summary::of(&plan.steps);
    });
    breaks("names", &|plan| plan.facts.names.clear());
    breaks("names", &|plan| plan.steps[1].after.clear());
    breaks("names", &|plan| {
        let Action::Rename { to, .. } = &mut plan.steps[0].action else { panic!() };
        *to = ContainerName::new("three");
    });
    breaks("names", &|plan| {
        let Action::Rename { from, .. } = &mut plan.steps[0].action else { panic!() };
        *from = ContainerName::new("zero");
    });
    breaks("summary", &|plan| plan.summary.renamed = 0);
    // The rename must belong to the change of its container.
    breaks("names", &|plan| {
        plan.changes[0].id = ChangeId::new("one");
        plan.steps[0].id = StepId::new("one/rename");
    });
}

#[test]
fn whoever_has_the_volumes_of_the_old_name_is_not_forgotten() {
    let mut snapshot = with_db("running");
    add(&mut snapshot, &db("one", ""), "db", "other", "running");
    let other = inspect(&mut snapshot, "other");
    other["Config"]["Labels"] = json!({});
    other["HostConfig"]["VolumesFrom"] = json!(["one"]);
    let replaced = db("two", ", state: reloaded, tty: true");
    assert_eq!(codes(&replaced, &snapshot), ["unmanaged_dependants"]);
}
