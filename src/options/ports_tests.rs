//! What is said of ports, form by form.

use super::*;

fn short(text: &str) -> Vec<String> {
    match short_form(text) {
        Ok(all) => all.iter().map(ToString::to_string).collect(),
        Err(Wrong(message, hint)) => {
            vec![message, hint.map(|hint| format!("hint: {hint}")).unwrap_or_default()]
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
    insta::assert_debug_snapshot!(
        ["", "web", "0", "65536", "82-80", "80/icmp", "127.0.0.1:80", "::1:80:80", "1-3:80-81",
         "host:80:80", "+80:80", "80-81-82"].map(short),
        @r""
    );
}
