//! Removed and renamed sets: containers that are removed, containers that stay, and stale plans.

use super::tests::{add, changes, plan, spec, world};
use crate::observed::snapshot::Snapshot;
use crate::plan::cause::{Cause, Causes};
use crate::plan::check::check;
use crate::plan::{Because, Danger, Reason, Verb};
use crate::spec::Spec;
use crate::stale::judge;

const BOTH: &str = "project: p\ncontainers: {web: {image: 'app:1'}, job: {image: 'app:1'}}\n";

/// A spec without `job`, and a world in which both sets have a container.
fn without_job(more: &str) -> (Spec, Snapshot) {
    let mut snapshot = world();
    add(&mut snapshot, &spec(BOTH), "web", "p-web-1", "running");
    add(&mut snapshot, &spec(BOTH), "job", "p-job-1", "running");
    (spec(&format!("project: p\n{more}containers: {{web: {{image: 'app:1'}}}}\n")), snapshot)
}

#[test]
fn what_no_set_has_is_removed_only_where_that_is_asked_for() {
    let (kept, snapshot) = without_job("");
    let built = plan(&kept, &snapshot);
    assert_eq!(changes(&built), [""; 0]);
    assert_eq!(built.plan.warnings[0].code, "orphan");
    let (pruned, snapshot) = without_job("prune: true\n");
    let built = plan(&pruned, &snapshot);
    let plan = &built.plan;
    assert_eq!(changes(&built), ["remove p-job-1"]);
    assert_eq!(plan.changes[0].verb, Verb::Remove);
    assert_eq!(plan.changes[0].dangerous[&Danger::Outage], ["gone"]);
    assert_eq!(plan.warnings, []);
    assert_eq!(check(plan), []);
    assert_eq!(plan.declared, pruned.canonical());
    let judgement = judge(plan, &pruned, &snapshot);
    assert!(judgement.is_current(), "{judgement:?}");
}

#[test]
fn what_came_since_is_not_removed_unseen() {
    let (pruned, mut snapshot) = without_job("prune: true\n");
    let plan = plan(&pruned, &snapshot).plan;
    let other = spec("project: p\ncontainers: {late: {image: 'app:1'}}\n");
    add(&mut snapshot, &other, "late", "p-late-1", "running");
    let judgement = judge(&plan, &pruned, &snapshot);
    let codes: Vec<&str> = judgement.stale.iter().map(|stale| stale.code.as_str()).collect();
    assert_eq!(codes, ["container_new"]);
}

#[test]
fn a_plan_that_prunes_what_nobody_asked_for_is_doubted() {
    let (pruned, snapshot) = without_job("prune: true\n");
    let mut plan = plan(&pruned, &snapshot).plan;
    plan.declared.as_object_mut().unwrap().remove("prune");
    assert!(check(&plan).iter().any(|violation| violation.rule == "sets"));
}

#[test]
fn what_is_pruned_says_that_it_is_an_orphan_and_which_volume_it_leaves() {
    let (pruned, mut snapshot) = without_job("prune: true\n");
    let job = snapshot.containers.last_mut().unwrap().inspect.as_mut().unwrap();
    job["Config"]["Volumes"] = serde_json::json!({"/data": {}});
    job["Mounts"] = serde_json::json!([
        {"Type": "volume", "Name": super::tests::hex("v"), "Destination": "/data"}
    ]);
    let built = plan(&pruned, &snapshot);
    let change = &built.plan.changes[0];
    assert_eq!(change.reasons, [Reason::Because(Because::Orphan)]);
    assert_eq!(change.impact.loses, ["anonymous volume at /data"]);
    assert_eq!(change.dangerous[&Danger::DataLost], ["anonymous:/data"]);
    assert_eq!(check(&built.plan), []);
    let judgement = judge(&built.plan, &pruned, &snapshot);
    assert!(judgement.is_current(), "{judgement:?}");
}

#[test]
fn an_orphan_is_one_because_the_spec_changed() {
    let (pruned, snapshot) = without_job("prune: true\n");
    let (before, now) = (plan(&spec(BOTH), &snapshot).plan, plan(&pruned, &snapshot).plan);
    for (since, cause) in [(&before, Cause::Spec), (&now, Cause::Pending)] {
        let causes: Vec<_> =
            Causes::new(&now, Some(since)).all().iter().map(|one| one.cause).collect();
        assert_eq!(causes, [Some(cause)]);
    }
}

#[test]
fn a_set_that_was_moved_has_its_containers() {
    let mut snapshot = world();
    add(&mut snapshot, &spec(BOTH), "web", "p-web-1", "running");
    add(&mut snapshot, &spec(BOTH), "job", "p-job-1", "running");
    let text = "project: p\nmoved: {job: work, work: queue}\n\
                containers: {web: {image: 'app:1'}, queue: {image: 'app:1', state: reloaded}}\n";
    let built = plan(&spec(text), &snapshot);
    assert_eq!(changes(&built), [""; 0]);
    assert_eq!(built.plan.warnings, []);
    let queue = &built.plan.sets["queue"].matched;
    assert_eq!(queue.len(), 1);
    assert_eq!(queue[0].name.as_str(), "p-job-1");
    assert!(!queue[0].adopted);
    // A replaced container keeps its name and gets the new label.
    let text = text.replace("state: reloaded", "state: reloaded, tty: true");
    let built = plan(&spec(&text), &snapshot);
    assert_eq!(changes(&built), ["replace p-job-1"]);
    let body = built.bodies.values().next().unwrap();
    assert_eq!(body.json()["Labels"]["io.bayplan.set"], "queue");
}

#[test]
fn a_named_set_that_was_moved_has_its_container_under_its_new_name_too() {
    let mut snapshot = world();
    let before = spec("project: p\ncontainers: {db: {name: one, image: 'app:1'}}\n");
    add(&mut snapshot, &before, "db", "one", "running");
    let now = "project: p\nmoved: {db: store}\ncontainers: {store: {name: one, image: 'app:1'}}\n";
    assert_eq!(changes(&plan(&spec(now), &snapshot)), [""; 0]);
    let renamed = now.replace("name: one", "name: two");
    assert_eq!(changes(&plan(&spec(&renamed), &snapshot)), ["update two"]);
}

#[test]
fn keys_that_were_moved_lead_from_what_is_gone_to_what_is_there() {
    let told = |moved: &str| {
        let text = format!("project: p\nmoved: {moved}\ncontainers: {{web: {{image: x}}}}\n");
        let problems = crate::spec::read::text(&text, &[].into()).unwrap_err();
        problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(told("[a]"), "expected a map of old keys of sets to new ones, but found a list");
    assert!(told("{a: {}}").starts_with("expected the key that the set has now"));
    assert_eq!(told("{a: wb}"), "expected `a` to lead to a set, but found `wb`");
    assert_eq!(
        told("{web: web}"),
        "expected the old key of a set, but found `web`, which is a set now"
    );
    assert!(told("{a: b, b: a}").contains("expected `a` to lead to a set"));
}
