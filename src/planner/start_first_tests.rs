//! Containers that may run beside their replacement, and containers that may not.

use serde_json::{Value as Json, json};

use super::tests::{add, inspect, spec, world};
use super::{Built, Input, Pins, build};
use crate::observed::snapshot::Snapshot;
use crate::plan::Action;
use crate::spec::Spec;

const AHEAD: &str = ", update_config: {order: start-first}";

fn web(more: &str) -> Spec {
    spec(&format!("project: p\ncontainers: {{web: {{image: 'app:1', state: reloaded{more}}}}}\n"))
}

fn built(spec: &Spec, snapshot: &Snapshot) -> Built {
    build(&Input { spec, snapshot, assume: false, pins: Pins::default(), source: None })
}

/// A world with a running container of these options, which holds its ports and its address.
fn running(before: &str) -> Snapshot {
    let mut snapshot = world();
    add(&mut snapshot, &web(before), "web", "p-web-1", "running");
    let found = inspect(&mut snapshot, "p-web-1");
    let mut ports = found["HostConfig"]["PortBindings"].clone();
    for host in ports.as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
        for host in host.as_array_mut().unwrap() {
            let port = host["HostPort"].as_str().unwrap().split('-').next().unwrap().to_owned();
            *host = json!({"HostIp": "0.0.0.0", "HostPort": port});
        }
    }
    found["NetworkSettings"]["Ports"] = ports;
    for end in found["NetworkSettings"]["Networks"].as_object_mut().unwrap().values_mut() {
        end["IPAddress"] = end["IPAMConfig"]["IPv4Address"].clone();
    }
    snapshot
}

/// The reasons against a start ahead, from the first options to the second.
fn refused(before: &str, now: &str) -> Vec<String> {
    let built = built(&web(&format!("{now}{AHEAD}")), &running(before));
    assert!(!built.plan.changes.is_empty(), "{now}: nothing to replace");
    let why = |message: &str| message.rsplit_once(": ").map(|(_, why)| why.to_owned());
    built.errors.iter().map(|error| why(&error.message).unwrap_or(error.message.clone())).collect()
}

#[test]
fn what_only_one_of_them_has_forbids_nothing() {
    for (before, now) in [
        (", ports: ['8080:80']", ", ports: ['8081:80']"),
        (", ports: ['8080:80']", ", ports: ['8080-8081:80'], tty: true"),
        (", ports: ['80']", ", ports: ['80'], tty: true"),
        (", volumes: ['aa:/data']", ", volumes: ['bb:/data']"),
        (", volumes: ['aa:/data:ro']", ", volumes: ['aa:/data']"),
        (", volumes: ['aa:/data']", ", volumes: ['aa:/data:ro']"),
        (", volumes: ['aa:/data']", ", count: 1, volumes: ['/srv:/data']"),
        (", volumes: ['/run/docker.sock:/s']", ", volumes: ['/run/docker.sock:/s'], tty: true"),
        (
            ", volumes: [{type: image, source: 'app:1', target: /a}]",
            ", volumes: [{type: image, source: 'app:1', target: /a}], tty: true",
        ),
        (", network_mode: host", ", network_mode: host, tty: true"),
        (", expose: [80]", ", network_mode: host, expose: [80]"),
    ] {
        assert_eq!(refused(before, now), [""; 0], "{before} {now}");
    }
}

#[test]
fn what_both_have_forbids_it() {
    for (before, now, why) in [
        (", ports: ['8080:80']", ", ports: ['8080:81']", "both would publish host port *:8080/tcp"),
        (", volumes: ['aa:/data']", ", volumes: ['aa:/other']", "both would write to `aa`"),
        (
            ", volumes: ['/srv:/data']",
            ", volumes: ['/srv/x/:/other']",
            "both would write to `/srv/x`",
        ),
        (
            ", network_mode: host, expose: [80]",
            ", network_mode: host, expose: [80], tty: true",
            "both would listen on port 80 of the host",
        ),
    ] {
        assert_eq!(refused(before, now), [why], "{before} {now}");
    }
}

#[test]
fn the_volumes_of_others_are_written_by_both() {
    let text = |more: &str| {
        format!(
            "project: p\ncontainers:\n  web: {{image: 'app:1', state: reloaded, volumes_from: [db]{more}}}\n  \
             db: {{name: db, image: 'app:1', volumes: ['data:/data']}}\n"
        )
    };
    let before = spec(&text(""));
    let mut snapshot = world();
    add(&mut snapshot, &before, "db", "db", "running");
    add(&mut snapshot, &before, "web", "p-web-1", "running");
    for (mode, errors) in [("", 1), (", count: 1", 1)] {
        let built = built(&spec(&text(&format!(", tty: true{mode}{AHEAD}"))), &snapshot);
        assert_eq!(built.errors.len(), errors, "{:?}", built.errors);
        assert!(built.errors[0].message.ends_with("both would write to `data`"));
    }
    let read = text(&format!(", tty: true{AHEAD}")).replace("[db]", "['db:ro']");
    assert_eq!(built(&spec(&read), &snapshot).errors, []);
}

#[test]
fn of_a_range_a_port_is_taken_that_the_old_one_does_not_have() {
    let ports = ", ports: ['8080-8082:80']";
    let now = web(&format!("{ports}, tty: true{AHEAD}"));
    let built = built(&now, &running(ports));
    assert_eq!(built.errors, []);
    let pinned = built.plan.steps.iter().find_map(|step| match &step.action {
        Action::Create { ports, .. } => Some(ports.clone()),
        _ => None,
    });
    assert_eq!(pinned.unwrap(), ["8081:80/tcp"]);
    assert_eq!(crate::plan::check::check(&built.plan), []);
    let narrow = ", ports: ['8080-8080:80']";
    assert_eq!(refused(narrow, &format!("{narrow}, tty: true")).len(), 1);
    let full = Json::from(refused(", ports: ['8080:80', '8081:81']", ", ports: ['8080-8081:80']"));
    insta::assert_snapshot!(full, @r#"["host port *:8080-8081/tcp of container `p-web-1` is taken by the container that it replaces"]"#);
}
