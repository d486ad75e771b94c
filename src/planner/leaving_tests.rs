//! Obstacles, containers that are left alone, and dependants that would break.

use serde_json::{Value as Json, json};

use super::tests::{add, changes, codes, hex, inspect, plan, spec, world};
use super::{Built, Input, Pins, build};
use crate::observed::snapshot::{EngineRecord, Snapshot};
use crate::plan::{Action, Danger};
use crate::spec::Spec;

/// A container of `app:1` without labels, with this name and state.
fn stranger(snapshot: &mut Snapshot, name: &str, status: &str) {
    let spec = spec("project: p\ncontainers:\n  any: {image: 'app:1'}\n");
    add(snapshot, &spec, "any", name, status);
    inspect(snapshot, name)["Config"]["Labels"] = json!({});
}

/// Gives a container another image, by reference and ID.
fn of_image(snapshot: &mut Snapshot, name: &str, image: &str) {
    inspect(snapshot, name)["Config"]["Image"] = json!(image);
    inspect(snapshot, name)["Image"] = json!(format!("sha256:{}", hex(image)));
}

fn raw(spec: &Spec, snapshot: &Snapshot) -> Built {
    build(&Input { spec, snapshot, assume: false, pins: Pins::default(), source: None })
}

fn warned(built: &Built) -> Vec<&str> {
    built.plan.warnings.iter().map(|warning| warning.code.as_str()).collect()
}

#[test]
fn an_adopted_leftover_of_a_name_of_the_spec_stops_the_plan() {
    let named = spec("project: p\ncontainers:\n  db: {name: db, image: 'app:1'}\n");
    let left: &[&str] = &["leftover"];
    for (suffix, expected) in [(".bp-old", left), (".bp-new", left), (".bp-failed", &[])] {
        let mut snapshot = world();
        stranger(&mut snapshot, &format!("db{suffix}"), "exited");
        of_image(&mut snapshot, &format!("db{suffix}"), "other:1");
        assert_eq!(codes(&named, &snapshot), expected, "{suffix}");
    }
    let built = {
        let mut snapshot = world();
        stranger(&mut snapshot, "db.bp-old", "exited");
        raw(&named, &snapshot)
    };
    let hint = &built.errors[0].hint;
    assert!(hint.contains("`bayplan recover PLAN`"), "{hint}");
    assert_eq!(built.errors[0].set.as_ref().map(crate::base::ident::SetName::as_str), Some("db"));
}

#[test]
fn an_adopted_leftover_of_a_member_s_name_stops_the_plan() {
    let counted = spec("project: p\ncontainers:\n  web: {image: 'app:1', match: owned}\n");
    let mut snapshot = world();
    stranger(&mut snapshot, "p-web-3.bp-old", "exited");
    assert_eq!(codes(&counted, &snapshot), ["leftover"]);
}

#[test]
fn an_adopted_leftover_that_its_set_would_match_stops_the_plan() {
    let counted = spec("project: p\ncontainers:\n  web: {image: 'app:1', match: image}\n");
    let mut snapshot = world();
    stranger(&mut snapshot, "someone.bp-old", "exited");
    assert_eq!(codes(&counted, &snapshot), ["leftover"]);
    // No set matches the container by image …
    let owned = spec("project: p\ncontainers:\n  web: {image: 'app:1', match: owned}\n");
    assert_eq!(codes(&owned, &snapshot), Vec::<&str>::new());
    // … but its replacement is owned by the project.
    add(&mut snapshot, &owned, "web", "someone", "running");
    assert_eq!(codes(&owned, &snapshot), ["leftover"]);
}

#[test]
fn a_stranger_whose_name_merely_ends_so_is_left_alone() {
    let spec = spec("project: p\ncontainers:\n  web: {image: 'app:1', match: image}\n");
    let mut snapshot = world();
    stranger(&mut snapshot, "backup.bp-old", "exited");
    of_image(&mut snapshot, "backup.bp-old", "other:1");
    stranger(&mut snapshot, "p-web-old.bp-old", "exited");
    of_image(&mut snapshot, "p-web-old.bp-old", "other:1");
    assert_eq!(changes(&plan(&spec, &snapshot)), ["create p-web-1"]);
}

/// A stop with another signal than the container's signal would fail on an old engine, in the
/// middle of a replacement.
#[test]
fn an_engine_that_takes_no_signal_with_a_stop_is_told_none() {
    let text = |state: &str, signal: &str| {
        spec(&format!(
            "project: p\ncontainers: {{web: {{image: 'app:1', state: {state}, stop_signal: {signal}}}}}\n"
        ))
    };
    let signals = |built: &Built| -> Vec<Option<String>> {
        let stops = built.plan.steps.iter().filter_map(|step| match &step.action {
            Action::Stop { signal, .. } => Some(signal.clone()),
            _ => None,
        });
        stops.collect()
    };
    for (api, state, run, said, warns) in [
        ("1.41", "reloaded", "running", None, &["stop_signal"][..]),
        ("1.41", "stopped", "running", None, &["stop_signal"]),
        ("1.41", "absent", "running", None, &["stop_signal"]),
        ("1.42", "reloaded", "running", Some("SIGINT"), &[]),
        ("1.42", "stopped", "running", Some("SIGINT"), &[]),
    ] {
        let mut snapshot = world();
        let version = json!({"ApiVersion": api, "MinAPIVersion": "1.12", "Os": "linux"});
        snapshot.engine = Some(EngineRecord { version, info: json!({}) });
        add(&mut snapshot, &text(state, "QUIT"), "web", "p-web-1", run);
        let built = plan(&text(state, "INT"), &snapshot);
        assert_eq!(signals(&built), [said.map(str::to_owned)], "{api} {state}");
        assert_eq!(warned(&built), warns, "{api} {state}");
        // The container's own signal needs no warning.
        let built =
            plan(&text(if state == "reloaded" { "restarted" } else { state }, "3"), &snapshot);
        assert_eq!(warned(&built), [""; 0], "{api} {state}");
    }
}

#[test]
fn what_removes_itself_loses_its_anonymous_volume_when_it_is_stopped() {
    for state in ["stopped", "killed"] {
        let text = format!(
            "project: p\ncontainers:\n  web:\n    image: app:1\n    state: {state}\n    auto_remove: true\n    volumes: [/data]\n"
        );
        let plain = spec(&text);
        let mut snapshot = world();
        add(&mut snapshot, &plain, "web", "p-web-1", "running");
        inspect(&mut snapshot, "p-web-1")["Mounts"] =
            json!([{"Type": "volume", "Name": hex("v"), "Destination": "/data"}]);
        assert_eq!(codes(&plain, &snapshot), ["data_lost"], "{state}");
        let discard = spec(&format!("{text}    discard: true\n"));
        let built = plan(&discard, &snapshot);
        let change = &built.plan.changes[0];
        assert!(change.danger.contains(&Danger::DataLost), "{:?}", change.danger);
        assert_eq!(change.impact.loses, ["anonymous volume at /data"]);
        assert_eq!(warned(&built), ["auto_remove"]);
        // A container without `AutoRemove` keeps its volume.
        inspect(&mut snapshot, "p-web-1")["HostConfig"]["AutoRemove"] = json!(false);
        let built = plan(&plain, &snapshot);
        assert!(!built.plan.changes[0].danger.contains(&Danger::DataLost));
        assert_eq!(warned(&built), Vec::<&str>::new());
    }
}

#[test]
fn recreate_never_reports_a_finished_one_shot_that_differs() {
    let one = |more: &str| {
        spec(&format!(
            "project: p\ncontainers:\n  job:\n    image: app:1\n    detach: false\n    recreate: never\n{more}"
        ))
    };
    let mut snapshot = world();
    add(&mut snapshot, &one(""), "job", "p-job-1", "exited");
    let built = plan(&one("    mem_limit: 64m\n"), &snapshot);
    assert_eq!(changes(&built), Vec::<String>::new());
    assert_eq!(warned(&built), ["left_differing"]);
    let report = &built.plan.sets.values().next().unwrap().matched[0];
    assert_eq!(report.differences.len(), 1);
    // A failed one-shot is not done: a new container runs.
    inspect(&mut snapshot, "p-job-1")["State"]["ExitCode"] = json!(3);
    assert_eq!(changes(&plan(&one("    mem_limit: 64m\n"), &snapshot)), ["run p-job-1"]);
}

#[test]
fn under_compat_a_one_shot_can_be_told_not_to_run_every_time() {
    let text = |more: &str| {
        spec(&format!(
            "project: p\ncompat: ansible-1.9\ncontainers:\n  job:\n    image: app:1\n    detach: false\n{more}"
        ))
    };
    let mut snapshot = world();
    add(&mut snapshot, &text(""), "job", "p-job-1", "exited");
    assert_eq!(changes(&plan(&text(""), &snapshot)), ["run p-job-1"]);
    let auto = text("    recreate: auto\n");
    assert_eq!(changes(&plan(&auto, &snapshot)), Vec::<String>::new());
}

#[test]
fn what_cannot_be_told_of_an_idle_member_that_is_not_needed_is_a_warning() {
    let text = "project: p\ncontainers:\n  web:\n    image: app:1\n    state: STATE\n    environment: {KEY: {from_env: KEY}}\n";
    let reloaded = spec(&text.replace("STATE", "reloaded"));
    let mut snapshot = world();
    add(&mut snapshot, &reloaded, "web", "p-web-1", "running");
    add(&mut snapshot, &reloaded, "web", "p-web-2", "exited");
    for (name, hidden) in [("p-web-1", false), ("p-web-2", true)] {
        let text = if hidden { "KEY=«hidden»" } else { "KEY=«from_env:KEY»" };
        inspect(&mut snapshot, name)["Config"]["Env"] = json!(["PATH=/bin", text]);
    }
    let built = plan(&reloaded, &snapshot);
    assert_eq!(changes(&built), Vec::<String>::new());
    assert_eq!(warned(&built), ["unknown"]);
    // The undecided difference decides for a member that is needed.
    snapshot.containers.remove(0);
    assert_eq!(codes(&reloaded, &snapshot), ["unknown"]);
    // The same holds for a one-shot that is done, whatever the state.
    let job = spec(&text.replace("STATE", "started\n    detach: false"));
    assert_eq!(codes(&job, &snapshot), ["unknown"]);
}

#[test]
fn a_word_for_a_counted_set_means_a_member_that_runs() {
    let text = "project: p\ncontainers:\n  db: {image: 'app:1', count: COUNT}\n  app: {image: 'app:1', state: reloaded, links: ['db:db']}\n";
    let one = spec(&text.replace("COUNT", "1"));
    let mut snapshot = world();
    add(&mut snapshot, &one, "db", "p-db-1", "exited");
    add(&mut snapshot, &one, "db", "p-db-2", "running");
    let built = plan(&one, &snapshot);
    let body = built.bodies.values().next().unwrap().json();
    assert_eq!(body["HostConfig"]["Links"], json!(["p-db-2:db"]));
    // Of two running members the first counts; a member that stays counts before a member that is
    // removed.
    inspect(&mut snapshot, "p-db-1")["State"]["Status"] = json!("running");
    let two = spec(&text.replace("COUNT", "2"));
    let body = plan(&two, &snapshot).bodies.values().next().unwrap().json().clone();
    assert_eq!(body["HostConfig"]["Links"], json!(["p-db-1:db"]));
    inspect(&mut snapshot, "p-db-1")["HostConfig"]["Memory"] = json!(64 << 20);
    let built = plan(&one, &snapshot);
    assert_eq!(changes(&built), ["remove p-db-1", "create p-app-1"]);
    let body = built.bodies.values().next().unwrap().json();
    assert_eq!(body["HostConfig"]["Links"], json!(["p-db-2:db"]));
}

#[test]
fn labels_of_ours_on_a_stranger_are_no_match_by_image() {
    let spec = spec("project: p\ncontainers:\n  web: {image: 'app:1', match: image}\n");
    let mut snapshot = world();
    // `docker commit` and `docker run` copy labels: the container has another name than its name
    // label.
    add(&mut snapshot, &spec, "web", "copy", "running");
    inspect(&mut snapshot, "copy")["Config"]["Labels"]["io.bayplan.name"] = json!("p-web-9");
    assert_eq!(changes(&plan(&spec, &snapshot)), ["create p-web-1"]);
}

/// `app` depends on `db` by this field of its `HostConfig`.
fn depends(snapshot: &mut Snapshot, name: &str, field: &str, value: Json) {
    inspect(snapshot, name)["HostConfig"][field] = value;
}

fn fields() -> [(&'static str, Json); 2] {
    [("NetworkMode", json!(format!("container:{}", hex("db")))), ("Links", json!(["/db:/app/db"]))]
}

#[test]
fn a_target_that_somebody_depends_on_is_not_removed() {
    let gone = spec("project: p\ncontainers:\n  db: {name: db, image: 'app:1', state: absent}\n");
    for (field, value) in fields() {
        for status in ["running", "paused", "exited"] {
            let mut snapshot = world();
            stranger(&mut snapshot, "db", "running");
            stranger(&mut snapshot, "app", status);
            depends(&mut snapshot, "app", field, value.clone());
            assert_eq!(codes(&gone, &snapshot), ["unmanaged_dependants"], "{field} {status}");
        }
    }
    // A volume stays while a container uses the volume (tried).
    let mut snapshot = world();
    stranger(&mut snapshot, "db", "running");
    stranger(&mut snapshot, "app", "running");
    depends(&mut snapshot, "app", "VolumesFrom", json!(["db"]));
    assert_eq!(changes(&plan(&gone, &snapshot)), ["remove db"]);
    // The target may be removed together with its dependants.
    let both = spec(
        "project: p\ncontainers:\n  db: {name: db, image: 'app:1', state: absent}\n  app: {name: app, image: 'app:1', state: absent}\n",
    );
    let mut snapshot = world();
    stranger(&mut snapshot, "db", "running");
    stranger(&mut snapshot, "app", "running");
    depends(&mut snapshot, "app", "Links", json!(["/db:/app/db"]));
    assert_eq!(changes(&plan(&both, &snapshot)), ["remove app", "remove db"]);
}

#[test]
fn a_managed_dependant_that_stays_live_forbids_the_removal() {
    let text = |app: &str| {
        spec(&format!(
            "project: p\ncontainers:\n  db: {{name: db, image: 'app:1', state: absent}}\n  app: {{name: app, image: 'app:1', state: {app}}}\n"
        ))
    };
    for (field, value) in fields() {
        let mut snapshot = world();
        stranger(&mut snapshot, "db", "running");
        stranger(&mut snapshot, "app", "running");
        depends(&mut snapshot, "app", field, value);
        assert_eq!(codes(&text("present"), &snapshot), ["dependants_left"], "{field}");
        // A replaced dependant drops its reference to the old target. A stopped dependant is
        // repaired when it is needed again.
        for state in ["reloaded, tty: true", "stopped", "absent"] {
            assert_eq!(codes(&text(state), &snapshot), Vec::<&str>::new(), "{field} {state}");
        }
    }
}

#[test]
fn a_paused_dependant_forbids_the_replacement_of_its_target() {
    let text = "project: p\ncontainers:\n  db: {name: db, image: 'app:1', state: reloaded, tty: true}\n  app: {name: app, image: 'app:1', links: [db]}\n";
    let mut snapshot = world();
    stranger(&mut snapshot, "db", "running");
    stranger(&mut snapshot, "app", "paused");
    depends(&mut snapshot, "app", "Links", json!(["/db:/app/db"]));
    assert_eq!(codes(&spec(text), &snapshot), ["dependants_left"]);
    inspect(&mut snapshot, "app")["State"]["Status"] = json!("running");
    assert_eq!(changes(&plan(&spec(text), &snapshot)), ["replace app", "replace db"]);
}

#[test]
fn a_running_one_shot_forbids_the_replacement_of_its_target() {
    let text = "project: p\ncontainers:\n  db: {name: db, image: 'app:1', state: reloaded, tty: true}\n  job: {name: job, image: 'app:1', detach: false, links: [db]}\n";
    let mut snapshot = world();
    stranger(&mut snapshot, "db", "running");
    stranger(&mut snapshot, "job", "running");
    depends(&mut snapshot, "job", "Links", json!(["/db:/job/db"]));
    assert_eq!(codes(&spec(text), &snapshot), ["dependants_left"]);
}

#[test]
fn one_shots_beyond_what_is_wanted_are_ended_and_differing_ones_run_anew() {
    let text = |count: u32, more: &str| {
        spec(&format!(
            "project: p\ncontainers:\n  job: {{image: 'app:1', detach: false, count: {count}{more}}}\n"
        ))
    };
    let mut snapshot = world();
    for number in 1..=2 {
        add(&mut snapshot, &text(2, ""), "job", &format!("p-job-{number}"), "running");
    }
    assert_eq!(changes(&plan(&text(2, ""), &snapshot)), Vec::<String>::new());
    assert_eq!(changes(&plan(&text(1, ""), &snapshot)), ["remove p-job-2"]);
    assert_eq!(changes(&plan(&text(0, ""), &snapshot)), ["remove p-job-1", "remove p-job-2"]);
    let differing = text(2, ", tty: true");
    assert_eq!(changes(&plan(&differing, &snapshot)), ["run p-job-1", "run p-job-2"]);
    let never = text(2, ", tty: true, recreate: never");
    assert_eq!(changes(&plan(&never, &snapshot)), Vec::<String>::new());
}

#[test]
fn a_leftover_of_a_job_is_told_once() {
    let text = spec("project: p\ncontainers:\n  job: {image: 'app:1', detach: false}\n");
    let mut snapshot = world();
    add(&mut snapshot, &text, "job", "p-job-1", "exited");
    add(&mut snapshot, &text, "job", "p-job-1.bp-old", "exited");
    inspect(&mut snapshot, "p-job-1.bp-old")["Config"]["Labels"]["io.bayplan.name"] =
        json!("p-job-1");
    inspect(&mut snapshot, "p-job-1")["State"]["ExitCode"] = json!(3);
    let built = raw(&text, &snapshot);
    let codes: Vec<&str> = built.errors.iter().map(|error| error.code).collect();
    assert_eq!(codes, ["leftover"], "told once");
}

#[test]
fn who_differs_goes_first_also_while_the_image_is_not_known() {
    let text = |count: u32| {
        spec(&format!(
            "project: p\ncontainers:\n  web: {{image: 'app:1', count: {count}, pull: always}}\n"
        ))
    };
    let mut snapshot = world();
    for number in 1..=3 {
        add(&mut snapshot, &text(3), "web", &format!("p-web-{number}"), "running");
    }
    inspect(&mut snapshot, "p-web-1")["HostConfig"]["OomScoreAdj"] = json!(7);
    let digest = format!("sha256:{}", hex("new"));
    snapshot
        .registry
        .insert("app:1".into(), crate::observed::snapshot::RegistryAnswer::Digest(digest));
    assert_eq!(changes(&plan(&text(2), &snapshot)), ["remove p-web-1"]);
}

#[test]
fn stopping_what_others_share_a_network_with_is_a_warning() {
    let stopped =
        spec("project: p\ncontainers:\n  db: {name: db, image: 'app:1', state: stopped}\n");
    let mut snapshot = world();
    stranger(&mut snapshot, "db", "running");
    stranger(&mut snapshot, "app", "running");
    depends(&mut snapshot, "app", "NetworkMode", json!(format!("container:{}", hex("db"))));
    let built = plan(&stopped, &snapshot);
    assert_eq!(changes(&built), ["stop db"]);
    assert_eq!(warned(&built), ["dependants"]);
    inspect(&mut snapshot, "app")["State"]["Status"] = json!("exited");
    assert_eq!(warned(&plan(&stopped, &snapshot)), Vec::<&str>::new());
}

#[test]
fn a_thousand_that_depend_on_a_thousand_wait_for_one() {
    let text = |state: &str, more: &str| {
        spec(&format!(
            "project: p\ncontainers:\n  db: {{image: 'app:1', count: 1000, state: {state}}}\n  app: {{image: 'app:1', count: 1000, state: {state}, depends_on: [db]{more}}}\n"
        ))
    };
    let edges =
        |built: &Built| -> usize { built.plan.steps.iter().map(|step| step.after.len()).sum() };
    for state in ["started", "present"] {
        let built = plan(&text(state, ""), &world());
        assert!(edges(&built) < 3 * built.plan.steps.len(), "{state}: {} edges", edges(&built));
        // All members of `db` are up before any member of `app` is created.
        let last_up =
            built.plan.steps.iter().rposition(|step| step.id.as_str().starts_with("p-db"));
        let first = built.plan.steps.iter().position(|step| step.id.as_str().starts_with("p-app"));
        assert!(last_up < first, "{state}");
    }
    let started = text("started", "");
    let mut snapshot = world();
    for number in 1..=1000 {
        add(&mut snapshot, &started, "db", &format!("p-db-{number}"), "running");
        add(&mut snapshot, &started, "app", &format!("p-app-{number}"), "running");
    }
    for state in ["absent", "stopped"] {
        let built = plan(&text(state, ""), &snapshot);
        assert!(edges(&built) < 3 * built.plan.steps.len(), "{state}: {} edges", edges(&built));
    }
}
