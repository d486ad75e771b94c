//! References of new containers: the order, and missing targets.

use std::collections::BTreeMap;

use serde_json::json;

use super::tests::{add, changes, codes, hex, inspect, plan, spec, world};
use crate::observed::snapshot::{Container, RegistryAnswer};
use crate::spec::Spec;

fn two(target: &str, other: &str) -> Spec {
    spec(&format!(
        "project: p\ncontainers:\n  m: {{image: 'app:1', {target}}}\n  a: {{image: 'app:1', {other}}}\n"
    ))
}

#[test]
fn a_word_that_names_a_member_orders_its_set_and_follows_its_replacement() {
    for key in ["a", "z"] {
        let text = |tty: bool| {
            spec(&format!(
                "project: p\ncontainers:\n  m: {{image: 'app:1', count: 2, state: reloaded, tty: {tty}}}\n  {key}: {{image: 'app:1', network_mode: 'container:p-m-2'}}\n"
            ))
        };
        let fresh = plan(&text(false), &world());
        let place = |id: &str| fresh.plan.steps.iter().position(|step| step.id.as_str() == id);
        assert!(place("p-m-2/wait_ready") < place(&format!("p-{key}-1/create")), "{key}");
        let mut snapshot = world();
        for (set, name) in [("m", "p-m-1"), ("m", "p-m-2"), (key, &format!("p-{key}-1"))] {
            add(&mut snapshot, &text(false), set, name, "running");
        }
        let joined = format!("container:{}", hex("p-m-2"));
        inspect(&mut snapshot, &format!("p-{key}-1"))["HostConfig"]["NetworkMode"] = json!(joined);
        assert_eq!(plan(&text(false), &snapshot).plan.steps, [], "{key}");
        let replaced = plan(&text(true), &snapshot);
        let mut all =
            [format!("replace p-{key}-1"), "replace p-m-1".into(), "replace p-m-2".into()];
        all.sort();
        assert_eq!(changes(&replaced), all);
    }
}

#[test]
fn a_name_of_nobody_is_an_error_with_what_may_have_been_meant() {
    for other in ["links: [nn]", "volumes_from: [nn]", "pid: 'container:nn'", "depends_on: [nn]"] {
        assert_eq!(codes(&two("count: 1", other), &world()), ["target_missing"], "{other}");
    }
    // An existing container outside of the spec satisfies the reference.
    let mut snapshot = world();
    let others = spec("project: q\ncontainers: {nn: {image: 'app:1', name: nn}}\n");
    add(&mut snapshot, &others, "nn", "nn", "running");
    for other in ["links: [nn]", "volumes_from: [nn]", "pid: 'container:nn'", "depends_on: [nn]"] {
        assert_eq!(codes(&two("count: 1", other), &snapshot), [""; 0], "{other}");
    }
    // A filtered snapshot may not show the target.
    let part = crate::observed::snapshot::Snapshot { whole: false, ..world() };
    assert_eq!(codes(&two("count: 1", "links: [nn]"), &part), [""; 0]);
}

#[test]
fn what_a_new_container_needs_is_neither_removed_nor_stopped_beside_it() {
    for (target, other, code) in [
        ("count: 0", "links: [m]", "target_missing"),
        ("state: absent", "links: [m]", "target_missing"),
        ("state: stopped", "network_mode: 'service:m'", "target_not_running"),
        ("state: present", "pid: 'service:m'", "target_not_running"),
    ] {
        let spec = two(target, other);
        let mut snapshot = world();
        add(&mut snapshot, &spec, "m", "p-m-1", "running");
        if target == "state: present" {
            inspect(&mut snapshot, "p-m-1")["State"]["Status"] = json!("exited");
        }
        assert_eq!(codes(&spec, &snapshot), [code], "{target}");
        let kept = other.replace("links", "depends_on");
        if kept != other {
            assert_eq!(codes(&two(target, &kept), &snapshot), [""; 0], "{kept}");
        }
        // A created but not started container needs no running target.
        if code == "target_not_running" {
            let rests = two(target, &format!("{other}, state: present"));
            assert_eq!(codes(&rests, &snapshot), [""; 0], "{target}");
        }
    }
}

#[test]
fn a_one_shot_has_ended_when_another_container_would_join_it() {
    let text = |other: &str| {
        format!(
            "project: p\ncontainers:\n  job: {{image: 'app:1', name: job, detach: false}}\n  \
             web: {{image: 'app:1', {other}}}\n"
        )
    };
    for other in ["network_mode: 'service:job'", "pid: 'service:job'", "links: [job]"] {
        assert_eq!(codes(&spec(&text(other)), &world()), ["target_not_running"], "{other}");
    }
    for other in ["volumes_from: [job]", "depends_on: [job]"] {
        assert_eq!(codes(&spec(&text(other)), &world()), [""; 0], "{other}");
    }
}

#[test]
fn a_set_of_another_name_has_its_container_renamed_or_says_how_to_go_on() {
    let old = spec("project: p\ncontainers: {db: {image: 'app:1', name: one}}\n");
    let mut snapshot = world();
    add(&mut snapshot, &old, "db", "one", "running");
    let renamed = "project: p\ncontainers:\n  db: {image: 'app:1', name: two}\n";
    let built = plan(&spec(renamed), &snapshot);
    assert_eq!(changes(&built), ["update two"]);
    assert_eq!(built.plan.summary.message, "renamed 1 container.");
    // A one-shot is a new container each time.
    let job = spec("project: p\ncontainers: {db: {image: 'app:1', name: two, detach: false}}\n");
    let built = plan(&job, &snapshot);
    assert_eq!(changes(&built), ["run two"]);
    let warning = &built.plan.warnings[0];
    assert_eq!(warning.code, "orphan");
    assert!(warning.text.contains("which is named `two` now"), "{}", warning.text);
    for (state, verb) in [("absent", "remove one"), ("stopped", "stop one")] {
        let text = format!("{renamed}  old: {{name: one, state: {state}}}\n");
        assert_eq!(changes(&plan(&spec(&text), &snapshot)), [verb, "create two"]);
    }
    // The labels say whose a container is, so another set gets a new container.
    let text = format!("{renamed}  old: {{name: one, image: 'app:1', state: started}}\n");
    assert_eq!(changes(&plan(&spec(&text), &snapshot)), ["create one", "update two"]);
}

#[test]
fn a_bind_source_that_is_known_to_be_missing_is_told() {
    let short = spec(
        "project: p\ncontainers: {a: {image: 'app:1', volumes: ['/srv/new:/a', '/srv/old:/b']}}\n",
    );
    let long = spec(
        "project: p\ncontainers: {a: {image: 'app:1', volumes: [{type: bind, source: /srv/new, target: /a, bind: {create_host_path: false}}]}}\n",
    );
    let mut snapshot = world();
    // Without the data there is no warning.
    assert_eq!(codes(&long, &snapshot), [""; 0]);
    assert_eq!(plan(&short, &snapshot).plan.warnings, []);
    snapshot.sources = [("/srv/new".to_owned(), false), ("/srv/old".to_owned(), true)].into();
    assert_eq!(codes(&long, &snapshot), ["bind_source_missing"]);
    let built = plan(&short, &snapshot);
    let told: Vec<&str> = built.plan.warnings.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("there is no `/srv/new` on the host"), "{told:?}");
    // An existing container that stays needs no check.
    add(&mut snapshot, &long, "a", "p-a-1", "running");
    assert_eq!(codes(&long, &snapshot), [""; 0]);
}

#[test]
fn an_image_that_is_only_mounted_is_there_or_comes_first() {
    let text = |first: &str, set: &str| {
        let mount = "volumes: [{type: image, source: 'assets:1', target: /a}]";
        spec(&format!(
            "project: p\ncontainers:\n  a: {{image: 'app:1', {mount}, {first}}}\n  z: {{image: 'assets:1', {set}}}\n"
        ))
    };
    let mut snapshot = world();
    let gone = text("stop_signal: INT", "state: absent");
    // Without an answer for the image there is no error.
    assert_eq!(codes(&gone, &snapshot), [""; 0]);
    snapshot.references.insert("assets:1".to_owned(), None);
    assert_eq!(codes(&gone, &snapshot), ["image_lacking"]);
    // The image of another set is pulled in time if that set comes first.
    let digest = format!("sha256:{}", hex("assets"));
    snapshot.registry.insert("assets:1".to_owned(), RegistryAnswer::Digest(digest));
    assert_eq!(codes(&text("stop_signal: INT", "count: 1"), &snapshot), ["image_lacking"]);
    assert_eq!(codes(&text("depends_on: [z]", "count: 1"), &snapshot), [""; 0]);
    // An existing container that stays needs no check.
    add(&mut snapshot, &gone, "a", "p-a-1", "running");
    assert_eq!(codes(&gone, &snapshot), [""; 0]);
}

/// The spec does not say whose namespaces or links the container has, so nothing differs.
#[test]
fn an_adopted_container_whose_target_was_made_again_is_not_started_in_vain() {
    let web = spec("project: p\ncontainers: {web: {image: 'app:1', name: web}}\n");
    let mut adopted = world();
    add(&mut adopted, &web, "web", "web", "exited");
    inspect(&mut adopted, "web")["Config"]["Labels"] = json!({});
    assert_eq!(changes(&plan(&web, &adopted)), ["start web"]);
    for field in ["NetworkMode", "IpcMode", "PidMode"] {
        let mut gone = adopted.clone();
        inspect(&mut gone, "web")["HostConfig"][field] = json!(format!("container:{}", hex("old")));
        assert_eq!(codes(&web, &gone), ["target_missing"], "{field}");
        // A filtered snapshot may not show the target.
        gone.whole = false;
        assert_eq!(codes(&web, &gone), [""; 0], "{field}");
    }
    // Containers outside of the spec are listed only, with their age in seconds.
    let listed = |name: &str, created: i64| json!({"Id": hex(name), "Names": [format!("/{name}")], "Created": created});
    inspect(&mut adopted, "web")["HostConfig"]["Links"] = json!(["/db:/web/db"]);
    adopted.containers[0].list = Some(listed("web", 9));
    for (created, change) in [(8, "start web"), (9, "start web"), (10, "replace web")] {
        let mut snapshot = adopted.clone();
        let list = Some(listed("db", created));
        snapshot.containers.push(Container { list, inspect: None, env: BTreeMap::new() });
        assert_eq!(changes(&plan(&web, &snapshot)), [change], "{created}");
    }
}
