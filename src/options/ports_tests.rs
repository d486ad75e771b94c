//! Parsing ports in all their forms.

use super::*;

fn short(text: &str) -> Vec<String> {
    match short_form(text) {
        Ok(all) => all.iter().map(ToString::to_string).collect(),
        Err(Wrong(message, hint)) => {
            [message].into_iter().chain(hint.map(|hint| format!("hint: {hint}"))).collect()
        }
    }
}

#[test]
fn short_forms_are_spread_into_single_ports() {
    let forms: &[(&str, &[&str])] = &[
        ("80", &["80/tcp"]),
        ("80-81/udp", &["80/udp", "81/udp"]),
        ("8080:80", &["8080:80/tcp"]),
        ("0:80", &["80/tcp"]),
        (":80", &["80/tcp"]),
        ("8080-8081:80-81", &["8080:80/tcp", "8081:81/tcp"]),
        ("8080-8082:80", &["8080-8082:80/tcp"]),
        ("127.0.0.1:8080:80/TCP", &["127.0.0.1:8080:80/tcp"]),
        ("127.0.0.1::80", &["127.0.0.1::80/tcp"]),
        ("0.0.0.0:80:80", &["0.0.0.0:80:80/tcp"]),
        ("[::1]:80:80/sctp", &["[::1]:80:80/sctp"]),
        ("[0:0::1]::80", &["[::1]::80/tcp"]),
    ];
    for (text, all) in forms {
        assert_eq!(short(text), *all, "{text}");
    }
}

#[test]
fn wrong_short_forms_are_told_with_a_way_out() {
    let wrong = [
        "",
        "web",
        "0",
        "65536",
        "82-80",
        "80/icmp",
        "127.0.0.1:80",
        "::1:80:80",
        "1-3:80-81",
        "host:80:80",
        "+80:80",
        "80-81-82",
    ];
    let told: Vec<String> = wrong.map(|text| short(text).join("\n")).into();
    insta::assert_snapshot!(told.join("\n"), @"
    expected a port of the container from 1 to 65535 or a range of them, but found ``
    expected a port of the container from 1 to 65535 or a range of them, but found `web`
    expected a port of the container from 1 to 65535 or a range of them, but found `0`
    expected a port of the container from 1 to 65535 or a range of them, but found `65536`
    expected a port of the container from 1 to 65535 or a range of them, but found `82-80`
    expected `tcp`, `udp` or `sctp`, but found `icmp`
    expected a port of the host from 1 to 65535 or a range of them, but found `127.0.0.1`
    hint: an address needs a port of the host or two colons: `127.0.0.1::80`
    expected an IPv6 address in brackets, but found `::1`
    hint: write `[::1]:8080:80`
    expected as many ports of the host as of the container, but found 1-3 for 80-81
    expected an IP address of the host, but found `host`
    expected a port of the host from 1 to 65535 or a range of them, but found `+80`
    expected a port of the container from 1 to 65535 or a range of them, but found `80-81-82`
    ");
}

#[test]
fn one_port_of_the_host_is_published_once() {
    let node = Node::from_json(&json!(["8080:80", "8080:81", "8080:80/udp", "8081:81", {
        "target": 82, "published": 9000, "hostip": "::1", "mode": "mesh"
    }]));
    let mut problems = Problems::default();
    assert_eq!(Ports::parse(&node, &mut problems), None);
    let told: Vec<String> = problems
        .all
        .iter()
        .map(|problem| format!("{}; {}", problem.message, problem.hint.as_deref().unwrap_or("-")))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    expected every port of the host once, but found `8080:81/tcp` beside `8080:80/tcp`; -
    expected one of `target`, `published`, `host_ip`, `protocol`, `mode`, `name`, `app_protocol`, but found `hostip`; did you mean `host_ip`?
    expected `host` or `ingress`, but found `mesh`; -
    ");
}

#[test]
fn the_long_form_may_do_without_brackets() {
    let node = Node::from_json(&json!([
        {"target": 53, "published": "53", "host_ip": "::1", "protocol": "udp"},
        {"target": "80-81", "published": "8080-8081"},
        {"target": 90, "published": "9090-9099"},
    ]));
    let ports = Ports::parse(&node, &mut Problems::default()).unwrap();
    let printed = ports.print();
    assert_eq!(
        printed,
        json!(["[::1]:53:53/udp", "8080:80/tcp", "8081:81/tcp", "9090-9099:90/tcp"])
    );
}

/// Bindings of an engine are read in any spelling.
#[test]
fn found_bindings_are_read_in_one_spelling() {
    for (port, host, text) in [
        ("80", json!({"HostIp": "", "HostPort": "8080"}), "8080:80/tcp"),
        ("80/tcp", json!({"HostPort": "0"}), "80/tcp"),
        ("80/tcp", json!({"HostIp": "0:0::1", "HostPort": "80-81"}), "[::1]:80-81:80/tcp"),
        ("80/tcp", json!({"HostIp": "0.0.0.0", "HostPort": ""}), "0.0.0.0::80/tcp"),
        ("80-81/tcp", json!({"HostPort": "x"}), ":x:80-81/tcp"),
    ] {
        assert_eq!(found(port, &host), Atom::Text(text.to_owned()), "{port} {host}");
    }
}
