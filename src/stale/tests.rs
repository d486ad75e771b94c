//! Verdicts on a plan after changes of the world: each row of the staleness table, on small worlds.

use serde_json::json;

use super::{Judgement, judge};
use crate::base::ident::{ImageId, SetName};
use crate::observed::snapshot::{RegistryAnswer, Snapshot};
use crate::plan::{Plan, Verb};
use crate::planner::tests::{add, hex, image, plan, spec, world};
use crate::spec::Spec;

/// `SET VERDICT` for every set, and the codes of the differences.
fn told(judgement: &Judgement) -> Vec<String> {
    let sets = judgement.verdicts.iter().map(|(set, verdict)| format!("{set} {verdict:?}"));
    let moved = judgement.stale.iter().chain(&judgement.tampered).chain(&judgement.half_done);
    sets.chain(moved.map(|moved| moved.code.clone())).collect()
}

pub(super) fn judged(plan: &Plan, spec: &Spec, now: &Snapshot) -> Vec<String> {
    told(&judge(plan, spec, now))
}

/// Makes a container differ from every declaration.
pub(super) fn limit(snapshot: &mut Snapshot, name: &str) {
    let host = &mut inspect(snapshot, name)["HostConfig"];
    host["Memory"] = json!(123_456_789);
    host["MemorySwap"] = json!(246_913_578);
}

pub(super) fn inspect<'s>(snapshot: &'s mut Snapshot, name: &str) -> &'s mut serde_json::Value {
    let mut found = snapshot.containers.iter_mut().filter(|found| found.name().as_str() == name);
    found.next().unwrap().inspect.as_mut().unwrap()
}

fn remove(snapshot: &mut Snapshot, name: &str) {
    snapshot.containers.retain(|found| found.name().as_str() != name);
}

/// The effect of a replacement: another ID, and the declared options.
pub(super) fn replace(snapshot: &mut Snapshot, plan: &Plan, spec: &Spec, set: &str, name: &str) {
    remove(snapshot, name);
    create(snapshot, plan, spec, set, name);
    inspect(snapshot, name)["Id"] = json!(hex(&format!("{name} anew")));
}

/// The effect of a create and a start.
pub(super) fn create(snapshot: &mut Snapshot, plan: &Plan, spec: &Spec, set: &str, name: &str) {
    add(snapshot, spec, set, name, "running");
    let digest = crate::plan::format::write(plan).unwrap().digest;
    inspect(snapshot, name)["Config"]["Labels"]["io.bayplan.plan"] = json!(digest);
}

fn stop(snapshot: &mut Snapshot, name: &str) {
    inspect(snapshot, name)["State"] = json!({"Status": "exited", "Running": false});
}

const TWO: &str = "project: p
containers:
  web: {image: 'app:1', count: 2, state: STATE}
  zoo: {image: 'app:1', depends_on: [web]}
";

/// Two running members of `web`; `zoo` does not exist yet.
fn two(state: &str) -> (Spec, Snapshot) {
    let spec = spec(&TWO.replace("STATE", state));
    let mut snapshot = world();
    add(&mut snapshot, &spec, "web", "p-web-1", "running");
    add(&mut snapshot, &spec, "web", "p-web-2", "running");
    (spec, snapshot)
}

#[test]
fn a_plan_runs_on_the_world_that_it_was_made_for() {
    let (spec, mut snapshot) = two("reloaded");
    limit(&mut snapshot, "p-web-1");
    let plan = plan(&spec, &snapshot).plan;
    let judgement = judge(&plan, &spec, &snapshot);
    assert_eq!(told(&judgement), ["web Run", "zoo Run"]);
    assert_eq!(judgement.run.len(), plan.steps.len());
}

#[test]
fn what_the_first_run_reached_is_done_and_the_rest_runs() {
    let (spec, mut snapshot) = two("reloaded");
    limit(&mut snapshot, "p-web-1");
    let plan = plan(&spec, &snapshot).plan;
    replace(&mut snapshot, &plan, &spec, "web", "p-web-1");
    let judgement = judge(&plan, &spec, &snapshot);
    assert_eq!(told(&judgement), ["web Done", "zoo Run"]);
    assert!(judgement.run.iter().all(|step| step.change() == "p-zoo-1"), "{:?}", judgement.run);
    create(&mut snapshot, &plan, &spec, "zoo", "p-zoo-1");
    assert!(judge(&plan, &spec, &snapshot).is_done());
}

#[test]
fn a_set_of_which_one_was_stopped_goes_on_with_the_other() {
    let (spec, mut snapshot) = two("stopped");
    let plan = plan(&spec, &snapshot).plan;
    stop(&mut snapshot, "p-web-1");
    let judgement = judge(&plan, &spec, &snapshot);
    assert_eq!(told(&judgement), ["web Run", "zoo Run"]);
    assert!(judgement.run.iter().all(|step| step.as_str() != "p-web-1/stop"));
}

#[test]
fn a_set_of_which_one_was_replaced_goes_on_with_the_other() {
    let (spec, mut snapshot) = two("reloaded");
    limit(&mut snapshot, "p-web-1");
    limit(&mut snapshot, "p-web-2");
    let plan = plan(&spec, &snapshot).plan;
    replace(&mut snapshot, &plan, &spec, "web", "p-web-1");
    let judgement = judge(&plan, &spec, &snapshot);
    assert_eq!(told(&judgement), ["web Run", "zoo Run"]);
    let run: std::collections::BTreeSet<&str> =
        judgement.run.iter().map(crate::base::ident::StepId::change).collect();
    assert_eq!(run, ["p-web-2", "p-zoo-1"].into());
    // Another tool changed another setting too, which is not the plan's work.
    inspect(&mut snapshot, "p-web-2")["HostConfig"]["PidsLimit"] = json!(7);
    let stale = ["web Stale", "zoo Blocked", "container_settings"];
    assert_eq!(judged(&plan, &spec, &snapshot), stale);
}

#[test]
fn what_somebody_else_did_is_stale() {
    let (spec, mut snapshot) = two("reloaded");
    limit(&mut snapshot, "p-web-1");
    let plan = plan(&spec, &snapshot).plan;
    let mut gone = snapshot.clone();
    remove(&mut gone, "p-web-2");
    assert_eq!(judged(&plan, &spec, &gone), ["web Stale", "zoo Blocked", "container_gone"]);
    let mut stopped = snapshot.clone();
    stop(&mut stopped, "p-web-2");
    assert_eq!(judged(&plan, &spec, &stopped), ["web Stale", "zoo Blocked", "container_run"]);
    // The other member is to be replaced too, so its replacement would exist first.
    for meddle in [remove, stop] {
        let mut moved = snapshot.clone();
        meddle(&mut moved, "p-web-1");
        assert_eq!(judged(&plan, &spec, &moved)[..2], ["web Stale", "zoo Blocked"]);
    }
    let mut more = snapshot.clone();
    add(&mut more, &spec, "web", "p-web-9", "running");
    assert_eq!(judged(&plan, &spec, &more), ["web Stale", "zoo Blocked", "container_new"]);
    let mut taken = snapshot.clone();
    add(&mut taken, &spec, "web", "p-zoo-1", "running");
    inspect(&mut taken, "p-zoo-1")["Config"] = json!({"Image": "other:1"});
    assert_eq!(judged(&plan, &spec, &taken), ["web Run", "zoo Stale", "name_taken"]);
    let mut updated = snapshot;
    inspect(&mut updated, "p-web-2")["HostConfig"]["PidsLimit"] = json!(7);
    assert_eq!(judged(&plan, &spec, &updated), ["web Stale", "zoo Blocked", "container_settings"]);
}

#[test]
fn nothing_is_done_because_no_step_follows_any_more() {
    let (spec, mut snapshot) = two("reloaded");
    limit(&mut snapshot, "p-web-1");
    let plan = plan(&spec, &snapshot).plan;
    // A paused container is never touched, but differs from the declaration.
    let mut paused = snapshot.clone();
    let state = json!({"Status": "paused", "Running": true, "Paused": true});
    inspect(&mut paused, "p-web-1")["State"] = state.clone();
    assert_eq!(judged(&plan, &spec, &paused), ["web Stale", "zoo Blocked", "container_run"]);
    let mut other = snapshot;
    inspect(&mut other, "p-web-2")["State"] = state;
    assert_eq!(judged(&plan, &spec, &other), ["web Stale", "zoo Blocked", "container_run"]);
}

#[test]
fn a_one_shot_that_somebody_started_is_not_done() {
    let spec = spec(
        "project: p\ncontainers:\n  job: {image: 'app:1', name: job, detach: false, state: started}\n",
    );
    let mut snapshot = world();
    add(&mut snapshot, &spec, "job", "job", "exited");
    inspect(&mut snapshot, "job")["State"]["ExitCode"] = json!(3);
    let plan = plan(&spec, &snapshot).plan;
    assert_eq!(plan.changes[0].verb, Verb::Run);
    let mut runs = snapshot.clone();
    inspect(&mut runs, "job")["State"] = json!({"Status": "running", "Running": true});
    assert_eq!(judged(&plan, &spec, &runs)[..2], ["job Stale", "container_run"]);
    // A one-shot that this plan started is not done either while it runs.
    replace(&mut snapshot, &plan, &spec, "job", "job");
    let told = judged(&plan, &spec, &snapshot);
    assert_eq!(told[0], "job Stale", "{told:?}");
}

#[test]
fn a_set_that_is_not_acted_on_may_move() {
    let (spec, mut snapshot) = two("started");
    let plan = plan(&spec, &snapshot).plan;
    add(&mut snapshot, &spec, "web", "p-web-9", "exited");
    let judgement = judge(&plan, &spec, &snapshot);
    assert_eq!(told(&judgement), ["web Untouched", "zoo Run"]);
    assert_eq!(judgement.notes.len(), 1);
}

#[test]
fn what_is_not_acted_on_may_move_though_others_depend_on_it() {
    let (spec, snapshot) = two("started");
    let plan = plan(&spec, &snapshot).plan;
    let mut stopped = snapshot.clone();
    // The stopped member would be started now, before `zoo`.
    stop(&mut stopped, "p-web-2");
    assert_eq!(judged(&plan, &spec, &stopped), ["web Untouched", "zoo Run"]);
}

#[test]
fn what_a_moved_target_makes_of_its_dependants_is_stale_and_nobodys_fault() {
    let spec = spec(
        "project: p\ncontainers:\n  web: {image: 'app:1', name: web, state: reloaded}\n  \
         zoo: {image: 'app:1', name: zoo, state: reloaded, tty: true, links: [web]}\n",
    );
    let mut snapshot = world();
    add(&mut snapshot, &spec, "web", "web", "running");
    add(&mut snapshot, &spec, "zoo", "zoo", "running");
    inspect(&mut snapshot, "zoo")["Config"]["Tty"] = json!(false);
    let plan = plan(&spec, &snapshot).plan;
    assert_eq!(judged(&plan, &spec, &snapshot), ["web Untouched", "zoo Run"]);
    // Another tool created the container again, with a terminal. Now both this container and its
    // linked dependant would be replaced.
    replace(&mut snapshot, &plan, &spec, "web", "web");
    inspect(&mut snapshot, "web")["Config"]["Tty"] = json!(true);
    assert_eq!(judged(&plan, &spec, &snapshot), ["web Untouched", "zoo Stale", "target_moved"]);
}

#[test]
fn an_edited_plan_is_tampered_with_and_another_version_is_stale() {
    let (spec, mut snapshot) = two("reloaded");
    limit(&mut snapshot, "p-web-1");
    let good = plan(&spec, &snapshot).plan;
    let mut edited = good.clone();
    edited.changes.retain(|change| change.id.as_str() != "p-web-1");
    edited.steps.retain(|step| step.id.change() != "p-web-1");
    let refused = |plan: &Plan| {
        let judgement = judge(plan, &spec, &snapshot);
        assert!(!judgement.tampered.is_empty(), "{judgement:#?}");
        told(&judgement)
    };
    assert_eq!(refused(&edited)[0], "web Tampered");
    // Another version of bayplan excuses no tampering.
    edited.tool.version = "0.0.1".to_owned();
    assert_eq!(refused(&edited)[0], "web Tampered");
    let mut older = good.clone();
    older.tool.version = "0.0.1".to_owned();
    assert_eq!(judged(&older, &spec, &snapshot), ["web Run", "zoo Run", "planner_version"]);
    let mut danger = good;
    danger.changes.iter_mut().for_each(|change| change.danger.clear());
    assert_eq!(refused(&danger)[0], "web Tampered");
}

#[test]
fn what_is_asked_for_each_time_is_done_once() {
    let text = TWO.replace("STATE}", "restarted}");
    let restarted = spec(&text);
    let mut snapshot = world();
    add(&mut snapshot, &restarted, "web", "p-web-1", "running");
    add(&mut snapshot, &restarted, "web", "p-web-2", "exited");
    add(&mut snapshot, &restarted, "zoo", "p-zoo-1", "running");
    limit(&mut snapshot, "p-web-2");
    let restart = plan(&restarted, &snapshot).plan;
    let mut half = snapshot.clone();
    inspect(&mut half, "p-web-1")["State"]["StartedAt"] = json!("2026-01-02T00:00:00Z");
    let found = judged(&restart, &restarted, &half);
    assert_eq!(found, ["web Run", "zoo Untouched"], "one of two");
    replace(&mut half, &restart, &restarted, "web", "p-web-2");
    assert!(judge(&restart, &restarted, &half).is_done());

    let always = spec(&TWO.replace("STATE}", "started, recreate: always}"));
    let mut snapshot = world();
    add(&mut snapshot, &always, "web", "p-web-1", "running");
    add(&mut snapshot, &always, "web", "p-web-2", "running");
    let recreate = plan(&always, &snapshot).plan;
    replace(&mut snapshot, &recreate, &always, "web", "p-web-1");
    replace(&mut snapshot, &recreate, &always, "web", "p-web-2");
    assert_eq!(judged(&recreate, &always, &snapshot), ["web Done", "zoo Run"]);
}

#[test]
fn a_dependant_whose_target_was_replaced_is_not_done_before_it_is_replaced_itself() {
    let spec = spec(
        "project: p
containers:
  db: {name: p-db, image: 'app:1', state: reloaded}
  web: {image: 'app:1', network_mode: 'container:p-db'}
",
    );
    let mut snapshot = world();
    add(&mut snapshot, &spec, "db", "p-db", "running");
    add(&mut snapshot, &spec, "web", "p-web-1", "running");
    limit(&mut snapshot, "p-db");
    let plan = plan(&spec, &snapshot).plan;
    let all: Vec<Verb> = plan.changes.iter().map(|change| change.verb).collect();
    assert_eq!(all, [Verb::Replace, Verb::Replace]);
    replace(&mut snapshot, &plan, &spec, "db", "p-db");
    // The old target is removed last; an earlier removal is another tool's.
    assert_eq!(judged(&plan, &spec, &snapshot), ["db Stale", "web Blocked", "container_gone"]);
    replace(&mut snapshot, &plan, &spec, "web", "p-web-1");
    assert!(judge(&plan, &spec, &snapshot).is_done());
}

/// A world with another image in the registry than under the local tag.
fn moved_tag(digest: &str) -> (Spec, Snapshot) {
    let spec = spec(
        "project: p
containers:
  web: {image: 'app:1', pull: always}
",
    );
    let mut snapshot = world();
    snapshot.registry.insert("app:1".to_owned(), RegistryAnswer::Digest(digest.to_owned()));
    (spec, snapshot)
}

/// A pull brings the image of the digest.
fn bring(snapshot: &mut Snapshot, digest: &str) -> ImageId {
    let (id, mut json) = image("another app", &json!({"Cmd": ["serve"]}));
    json["RepoDigests"] = json!([format!("app@{digest}")]);
    snapshot.images.insert(id.clone(), json);
    id
}

#[test]
fn an_image_that_a_run_pulled_and_tagged_is_done_and_one_that_somebody_tagged_moved() {
    let digest = format!("sha256:{}", hex("new"));
    for here in [false, true] {
        let (spec, mut snapshot) = moved_tag(&digest);
        if here {
            bring(&mut snapshot, &digest);
        }
        let plan = plan(&spec, &snapshot).plan;
        let images = if here { 1 } else { 2 };
        let count = plan.steps.iter().filter(|step| step.id.change() == "image:app:1").count();
        assert_eq!(count, images);
        assert_eq!(judged(&plan, &spec, &snapshot), ["web Run"]);
        let id = bring(&mut snapshot, &digest);
        assert_eq!(judged(&plan, &spec, &snapshot), ["web Run"], "pulled, not tagged");
        let old = snapshot.references.insert("app:1".to_owned(), Some(id));
        assert_eq!(judged(&plan, &spec, &snapshot), ["web Run"], "pulled and tagged");
        snapshot.images.remove(&old.flatten().unwrap());
        assert_eq!(judged(&plan, &spec, &snapshot), ["web Run"], "nobody refers to the old one");
        let (other, json) = image("a stranger", &json!({}));
        snapshot.images.insert(other.clone(), json);
        snapshot.references.insert("app:1".to_owned(), Some(other));
        assert_eq!(judged(&plan, &spec, &snapshot), ["web Stale", "image_moved"]);
    }
}

#[test]
fn a_rotated_secret_is_stale_and_says_so() {
    let spec = spec(
        "project: p
containers:
  web: {image: 'app:1', count: 2, environment: {KEY: {from_env: KEY}}}
",
    );
    let reference: crate::base::ident::Reference = "from_env:KEY".parse().unwrap();
    let mut snapshot = world();
    add(&mut snapshot, &spec, "web", "p-web-1", "running");
    snapshot.secrets.insert(reference.clone(), true);
    let live = |equal: bool| {
        let mut live = crate::options::value::Live::default();
        let marks = if equal { &mut live.equal } else { &mut live.different };
        marks.insert(reference.clone());
        live
    };
    snapshot.containers[0].env.insert("KEY".to_owned(), live(true));
    let plan = plan(&spec, &snapshot).plan;
    assert_eq!(judged(&plan, &spec, &snapshot), ["web Run"]);
    snapshot.containers[0].env.insert("KEY".to_owned(), live(false));
    assert_eq!(judged(&plan, &spec, &snapshot), ["web Stale", "secret_rotated"]);
    assert!(plan.facts.members.contains_key(&SetName::new("web")));
}

#[test]
fn what_was_changed_in_place_is_done_and_the_rest_of_the_set_runs() {
    let before = spec(&TWO.replace("STATE", "reloaded, mem_limit: 64m"));
    let after = spec(&TWO.replace("STATE", "reloaded, mem_limit: 96m"));
    let mut snapshot = world();
    add(&mut snapshot, &before, "web", "p-web-1", "running");
    add(&mut snapshot, &before, "web", "p-web-2", "running");
    let plan = plan(&after, &snapshot).plan;
    assert!(plan.changes.iter().any(|change| change.verb == Verb::Update), "{plan:#?}");
    let update = |snapshot: &mut Snapshot, memory: i64| {
        let host = &mut inspect(snapshot, "p-web-1")["HostConfig"];
        host["Memory"] = json!(memory << 20);
        host["MemorySwap"] = json!(memory << 21);
    };
    update(&mut snapshot, 96);
    assert_eq!(judged(&plan, &after, &snapshot), ["web Run", "zoo Run"]);
    update(&mut snapshot, 80);
    assert_eq!(
        judged(&plan, &after, &snapshot),
        ["web Stale", "zoo Blocked", "container_settings"]
    );
}

#[test]
fn networks_that_a_member_was_put_on_are_done_and_the_rest_runs() {
    let text = |networks: &str| {
        format!(
            "project: p\nnetworks: {{na: {{name: na, external: true}}, nb: {{name: nb, external: true}}, \
             nc: {{name: nc, external: true}}, nd: {{name: nd, external: true}}}}\ncontainers:\n  \
             web: {{image: 'app:1', state: reloaded, networks: {networks}}}\n"
        )
    };
    let (before, after) =
        (spec(&text("[na, nd]")), spec(&text("{na: , nb: {aliases: [x]}, nc: }")));
    let mut snapshot = world();
    snapshot.networks = ["na", "nb", "nc", "nd"]
        .map(|name| json!({"Name": name, "Id": hex(name), "Driver": "bridge"}))
        .to_vec();
    add(&mut snapshot, &before, "web", "p-web-1", "running");
    let networks = |snapshot: &mut Snapshot| {
        let all = &mut inspect(snapshot, "p-web-1")["NetworkSettings"]["Networks"];
        for (name, attached) in all.as_object_mut().unwrap() {
            attached["NetworkID"] = json!(hex(name));
        }
    };
    networks(&mut snapshot);
    inspect(&mut snapshot, "p-web-1")["NetworkSettings"]["Networks"]["nd"]["Aliases"] =
        json!(["old"]);
    let plan = plan(&after, &snapshot).plan;
    let steps: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(steps.len(), 3, "{steps:?}");
    assert_eq!(judged(&plan, &after, &snapshot), ["web Run"]);
    let put = |snapshot: &mut Snapshot, name: &str, aliases: &[&str]| {
        let attached = json!({"NetworkID": hex(name), "Aliases": aliases, "IPAMConfig": {}});
        inspect(snapshot, "p-web-1")["NetworkSettings"]["Networks"][name] = attached;
    };
    put(&mut snapshot, "nb", &["x"]);
    assert_eq!(judged(&plan, &after, &snapshot), ["web Run"]);
    let mut other = snapshot.clone();
    put(&mut other, "nb", &["y"]);
    let otherwise = judged(&plan, &after, &other);
    assert_eq!(otherwise, ["web Stale", "container_networks"], "on it, and otherwise");
    put(&mut snapshot, "nc", &[]);
    let all = &mut inspect(&mut snapshot, "p-web-1")["NetworkSettings"]["Networks"];
    all.as_object_mut().unwrap().remove("nd");
    let mut stranger = snapshot.clone();
    assert!(judge(&plan, &after, &snapshot).is_done());
    put(&mut snapshot, "nd", &["old"]);
    assert_eq!(judged(&plan, &after, &snapshot), ["web Run"]);
    let all = &mut inspect(&mut stranger, "p-web-1")["NetworkSettings"]["Networks"];
    all.as_object_mut().unwrap().remove("nb");
    // The effects of later steps exist without the effect of an earlier step: another tool
    // disconnected the network.
    assert_eq!(judged(&plan, &after, &stranger)[..2], ["web Stale", "container_networks"]);
    put(&mut snapshot, "ne", &[]);
    assert_eq!(judged(&plan, &after, &snapshot), ["web Stale", "container_networks"]);
}

#[test]
fn a_stranger_under_a_reserved_name_is_no_run_of_ours() {
    let (spec, mut snapshot) = two("reloaded");
    limit(&mut snapshot, "p-web-1");
    let plan = plan(&spec, &snapshot).plan;
    for suffix in ["new", "old"] {
        let mut taken = snapshot.clone();
        let name = format!("p-web-1.bp-{suffix}");
        add(&mut taken, &spec, "web", &name, "exited");
        // A run of this plan created this container.
        inspect(&mut taken, &name)["Config"]["Labels"]["io.bayplan.name"] = json!("p-web-1");
        let ours = judged(&plan, &spec, &taken);
        assert_eq!(ours[..3], ["web HalfDone", "zoo Blocked", "leftover"], "{suffix}");
        inspect(&mut taken, &name)["Config"]["Labels"] = json!({});
        let stale = ["web Stale", "zoo Blocked", "name_taken"];
        assert_eq!(judged(&plan, &spec, &taken)[..3], stale, "{suffix}");
    }
}

#[test]
fn a_volume_is_the_one_that_the_plan_knew_or_that_its_creates_made() {
    let spec = spec(
        "project: p\ncontainers:\n  web: {image: 'app:1', count: 2, volumes: ['old:/a', 'new:/b']}\n",
    );
    let mut snapshot = world();
    let volume = |name: &str, at: &str| json!({"Name": name, "Driver": "local", "CreatedAt": at, "Labels": null, "Options": null});
    snapshot.volumes.push(volume("old", "2026-01-01T00:00:00Z"));
    let plan = plan(&spec, &snapshot).plan;
    assert_eq!(judged(&plan, &spec, &snapshot), ["web Run"]);
    let mut anew = snapshot.clone();
    anew.volumes[0] = volume("old", "2026-01-02T00:00:00Z");
    assert_eq!(judged(&plan, &spec, &anew), ["web Run", "volume_moved"]);
    // A removed fact does not match the snapshot.
    let mut less = plan.clone();
    less.facts.volumes.iter_mut().for_each(|fact| fact.created_at = None);
    assert_eq!(judged(&less, &spec, &snapshot), ["web Run", "tampered"]);
    snapshot.volumes.push(volume("new", "2026-01-03T00:00:00Z"));
    assert_eq!(judged(&plan, &spec, &snapshot), ["web Run", "volume_taken"]);
    // A run of this plan created the first member, and its volume.
    create(&mut snapshot, &plan, &spec, "web", "p-web-1");
    inspect(&mut snapshot, "p-web-1")["Mounts"] = json!([{"Type": "volume", "Name": "new"}]);
    let judgement = judge(&plan, &spec, &snapshot);
    assert_eq!(told(&judgement), ["web Run"]);
    assert!(judgement.done.contains(&crate::base::ident::StepId::new("p-web-1/start")));
}

#[test]
fn warnings_and_what_is_left_are_as_reviewed_too() {
    let (spec, mut snapshot) = two("reloaded");
    limit(&mut snapshot, "p-web-1");
    let state = json!({"Status": "paused", "Running": true, "Paused": true});
    inspect(&mut snapshot, "p-web-1")["State"] = state;
    let plan = plan(&spec, &snapshot).plan;
    let codes: Vec<&str> = plan.warnings.iter().map(|warning| warning.code.as_str()).collect();
    assert!(codes.contains(&"paused"), "{codes:?}");
    assert!(judge(&plan, &spec, &snapshot).is_current());
    let mut removed = plan.clone();
    removed.warnings.clear();
    assert_eq!(judged(&removed, &spec, &snapshot).last().unwrap(), "tampered");
    let mut hidden = plan.clone();
    for report in hidden.sets.values_mut() {
        report.matched.iter_mut().for_each(|matched| matched.differences.clear());
    }
    assert_eq!(judged(&hidden, &spec, &snapshot).last().unwrap(), "tampered");
    // A warning may come and go, but the reviewer read another list.
    add(&mut snapshot, &spec, "web", "p-gone-1", "running");
    let labels = &mut inspect(&mut snapshot, "p-gone-1")["Config"]["Labels"];
    labels["io.bayplan.set"] = json!("gone");
    assert_eq!(judged(&plan, &spec, &snapshot).last().unwrap(), "warnings_moved");
}
