//! `ssh://`, with a program of that name in front of the real one.

use std::path::Path;

use serde_json::json;

use crate::fake_engine::{FakeEngine, Reply, unknown};
use crate::program::{run, script};

const SPEC: &str = "project: shop\ncontainers: {web: {name: web, state: absent}}\n";

/// Takes the place of ssh, of the far side's shell and of `docker system dial-stdio`: notes what it
/// was told, and copies between its pipes and a socket.
const RELAY: &str = r#"#!/usr/bin/perl
use strict; use IO::Socket::UNIX; use IO::Select;
open(my $log, '>>', 'ARGV_FILE'); print $log join("\n", @ARGV), "\n==\n"; close $log;
my $s = IO::Socket::UNIX->new(Peer => 'SOCKET') or die;
my $both = IO::Select->new($s, \*STDIN);
while (1) { for my $from ($both->can_read) {
    sysread($from, my $bytes, 65536) or exit 0;
    my $to = $from == $s ? \*STDOUT : $s;
    while (length $bytes) { my $n = syswrite($to, $bytes); substr($bytes, 0, $n) = ''; }
} }
"#;

fn empty(line: &str) -> Reply {
    match line {
        "GET /info" => Reply::json(&json!({"ID": "E", "Name": "fake"})),
        "GET /networks" | "GET /containers/json?all=1" => Reply::json(&json!([])),
        "GET /volumes" => Reply::json(&json!({"Volumes": null})),
        _ => unknown(),
    }
}

/// A home with a spec, and a folder of programs in it before all others.
fn home() -> (tempfile::TempDir, String) {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("spec.yaml"), SPEC).unwrap();
    std::fs::create_dir(home.path().join("bin")).unwrap();
    let path = format!("{}/bin:/usr/bin:/bin", home.path().display());
    (home, path)
}

fn fake_ssh(home: &Path, text: &str) {
    script(&home.join("bin"), "ssh", text);
}

#[tokio::test]
async fn an_engine_is_reached_through_ssh_in_few_sessions() {
    let engine = FakeEngine::start(|line, _| empty(line));
    let (home, path) = home();
    let log = home.path().join("argv");
    fake_ssh(
        home.path(),
        &RELAY
            .replace("ARGV_FILE", &log.display().to_string())
            .replace("SOCKET", &engine.socket().display().to_string()),
    );
    let variables = [("PATH", path.as_str())];
    let args = ["plan", "spec.yaml", "--host", "ssh://joe@bay.example:2222/run/it's.sock"];
    let ran = run(home.path(), &variables, &args).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("no action taken"), "{}", ran.out);
    let told = std::fs::read_to_string(&log).unwrap();
    let sessions: Vec<&str> = told.split_terminator("\n==\n").collect();
    assert!((1..=2).contains(&sessions.len()), "{sessions:?}");
    insta::assert_snapshot!(sessions[0], @"
    -T
    -o
    ConnectTimeout=10
    -o
    BatchMode=yes
    -l
    joe
    -p
    2222
    --
    bay.example
    docker
    --host
    'unix:///run/it'\\''s.sock'
    system
    dial-stdio
    ");

    std::fs::remove_file(&log).unwrap();
    let ran =
        run(home.path(), &[("PATH", &path), ("DOCKER_HOST", "ssh://bay")], &["plan", "spec.yaml"])
            .await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let told = std::fs::read_to_string(&log).unwrap();
    insta::assert_snapshot!(told.split("\n==\n").next().unwrap().replace('\n', " "), @"-T -o ConnectTimeout=10 -o BatchMode=yes -- bay docker system dial-stdio");
}

#[tokio::test]
async fn what_ssh_says_when_it_fails_is_in_the_error_once_and_safe() {
    let (home, path) = home();
    fake_ssh(
        home.path(),
        "#!/bin/sh\nexec 1>&-\nsleep 0.1\nprintf 'joe@bay: \\033[31mPermission denied (publickey).\\n' >&2\nexit 255\n",
    );
    let args = ["plan", "spec.yaml", "--host", "ssh://joe@bay"];
    let ran = run(home.path(), &[("PATH", &path)], &args).await;
    assert_eq!(ran.code, 8);
    insta::assert_snapshot!(ran.err, @"
    error: connecting to the engine at ssh://bay
    caused by: the connection broke before the engine had answered; ssh said: joe@bay: \\u{1b}[31mPermission denied (publickey).
    hint: does `ssh HOST docker system dial-stdio` work without a password or a question?
    ");
}

#[tokio::test]
async fn no_ssh_is_told() {
    let (home, _) = home();
    let bin = home.path().join("bin").display().to_string();
    let args = ["plan", "spec.yaml", "--host", "ssh://bay"];
    let ran = run(home.path(), &[("PATH", &bin)], &args).await;
    assert_eq!(ran.code, 8);
    insta::assert_snapshot!(ran.err, @"
    error: connecting to the engine at ssh://bay
    caused by: cannot run `ssh`: No such file or directory (os error 2)
    hint: ssh:// needs the system's ssh client on the PATH
    ");
}
