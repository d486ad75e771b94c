//! `depends_on` with `restart: true`: the containers that are restarted, and the containers that
//! are not.

use super::tests::{add, changes, codes, inspect, plan, spec, world};
use crate::base::ident::ContainerName;
use crate::observed::snapshot::Snapshot;
use crate::plan::check::check;
use crate::plan::{Because, Plan, Reason, Verb};
use crate::spec::Spec;

/// A set `web` with these lines, which restarts after `db`. If `differs` holds, `db` has an
/// undeclared terminal.
fn two(db: &str, web: &str, differs: bool) -> (Spec, Snapshot) {
    let spec = spec(&format!(
        "project: p\ncontainers:\n  db: {{name: p-db, image: 'app:1', {db}}}\n  \
         web: {{image: 'app:1', depends_on: {{db: {{restart: true}}}}, {web}}}\n"
    ));
    let mut snapshot = world();
    add(&mut snapshot, &spec, "db", "p-db", "running");
    if differs {
        inspect(&mut snapshot, "p-db")["Config"]["Tty"] = true.into();
    }
    (spec, snapshot)
}

#[test]
fn a_live_one_is_restarted_after_what_is_replaced_or_restarted() {
    for (db, web, differs, status, told) in [
        (
            "state: reloaded",
            "state: started",
            true,
            "running",
            &["replace p-db", "restart p-web-1"][..],
        ),
        (
            "state: reloaded",
            "state: reloaded",
            true,
            "running",
            &["replace p-db", "restart p-web-1"],
        ),
        (
            "state: reloaded",
            "state: present",
            true,
            "running",
            &["replace p-db", "restart p-web-1"],
        ),
        (
            "state: restarted",
            "state: started",
            false,
            "running",
            &["restart p-db", "restart p-web-1"],
        ),
        // The dependency does not change, or only in place.
        ("state: reloaded", "state: started", false, "running", &[]),
        ("state: started", "state: started", true, "running", &[]),
        ("state: reloaded, mem_limit: 64m", "state: started", false, "running", &["update p-db"]),
        // A paused container stays paused; a container that is started or stopped needs no restart.
        ("state: reloaded", "state: started", true, "paused", &["replace p-db"]),
        ("state: reloaded", "state: present", true, "paused", &["replace p-db"]),
        ("state: reloaded", "state: started", true, "exited", &["replace p-db", "start p-web-1"]),
        ("state: reloaded", "state: stopped", true, "running", &["replace p-db", "stop p-web-1"]),
        (
            "state: reloaded",
            "recreate: always",
            true,
            "running",
            &["replace p-db", "replace p-web-1"],
        ),
    ] {
        let (spec, mut snapshot) = two(db, web, differs);
        add(&mut snapshot, &spec, "web", "p-web-1", status);
        if db.contains("mem_limit") {
            for field in ["Memory", "MemorySwap"] {
                inspect(&mut snapshot, "p-db")["HostConfig"][field] = 0.into();
            }
        }
        assert_eq!(changes(&plan(&spec, &snapshot)), told, "{db}, {web}, {status}");
    }
}

#[test]
fn it_is_changed_in_place_before_and_restarted_when_the_other_is_up() {
    let (spec, mut snapshot) = two("state: reloaded", "state: reloaded, mem_limit: 64m", true);
    add(&mut snapshot, &spec, "web", "p-web-1", "running");
    let host = &mut inspect(&mut snapshot, "p-web-1")["HostConfig"];
    host["Memory"] = (32 << 20).into();
    host["MemorySwap"] = (64 << 20).into();
    let plan = plan(&spec, &snapshot).plan;
    let web = plan.changes.iter().find(|change| change.verb == Verb::Restart).unwrap();
    let because = Because::RestartsWith { target: ContainerName::new("p-db") };
    assert_eq!(web.reasons.last(), Some(&Reason::Because(because)));
    assert_eq!(web.reasons.len(), 2);
    let steps: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    let place = |id: &str| steps.iter().position(|step| *step == id).unwrap();
    assert!(place("p-web-1/update") < place("p-web-1/restart"), "{steps:?}");
    let restart = &plan.steps[place("p-web-1/restart")];
    assert!(restart.after.iter().any(|id| id.as_str() == "p-db/wait_ready"), "{:?}", restart.after);

    // The checker reports a restart that is too early or has no cause.
    let violations = |change: &dyn Fn(&mut Plan)| {
        let mut other = plan.clone();
        change(&mut other);
        check(&other).iter().map(|doubt| doubt.rule).collect::<Vec<_>>()
    };
    assert_eq!(violations(&|_| {}), [""; 0]);
    let early = violations(&|plan| {
        let steps = plan.steps.iter_mut().filter(|step| step.id.as_str() == "p-web-1/restart");
        steps.for_each(|step| step.after.retain(|id| id.as_str() != "p-db/wait_ready"));
    });
    assert_eq!(early, ["follows"]);
    let stranger = violations(&|plan| {
        let target = ContainerName::new("p-cache");
        let web = plan.changes.iter_mut().find(|change| change.verb == Verb::Restart).unwrap();
        *web.reasons.last_mut().unwrap() = Reason::Because(Because::RestartsWith { target });
    });
    assert_eq!(stranger, ["follows"]);
}

#[test]
fn what_nobody_made_is_restarted_only_where_the_set_says_that_it_may() {
    let (spec, mut snapshot) = two("state: reloaded", "state: started", true);
    add(&mut snapshot, &spec, "web", "stranger", "running");
    let labels = &mut inspect(&mut snapshot, "stranger")["Config"]["Labels"];
    *labels = serde_json::json!({});
    assert_eq!(codes(&spec, &snapshot), ["adopted"]);
}

#[test]
fn what_may_be_missing_and_is_orders_nothing() {
    let text = |required: bool| {
        spec(&format!(
            "project: p\ncontainers:\n  web: {{image: 'app:1', depends_on: {{gone: {{required: {required}}}}}}}\n"
        ))
    };
    assert_eq!(codes(&text(true), &world()), ["target_missing"]);
    let built = plan(&text(false), &world());
    assert_eq!(built.plan.warnings, []);
    assert_eq!(built.plan.changes.len(), 1);
}
