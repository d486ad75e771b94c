//! What engines and bollard are known to do to their callers, each against a fake engine.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bayplan::base::ident::{ContainerId, ContainerName, ImageId, Reference};
use bayplan::engine::connect::{Endpoint, Environment, Flags, find};
use bayplan::engine::docker::{Docker, DockerReader};
use bayplan::engine::observe::observe;
use bayplan::engine::transport::Timeouts;
use bayplan::engine::{Done, ErrorKind, FilledBody, Reader, Writer};
use bayplan::observed::redact::{Redactor, Unredacted};
use bayplan::observed::scope::ObservationScope;
use bayplan::observed::snapshot::{Container, Snapshot};
use bayplan::options::value::HIDDEN;
use serde_json::{Value as Json, json};

use crate::fake_engine::{FakeEngine, Reply, hello, unknown};

/// The engine's clock; any will do.
const TIME: &str = "2001-09-09T01:46:40.5Z";

fn id() -> ContainerId {
    ContainerId::new("c".repeat(64))
}

fn listed(id: &str, state: &str) -> Json {
    json!({"Id": id, "Names": [format!("/{id}")], "State": state, "Image": "x", "ImageID": "sha256:1"})
}

fn inspected(id: &str, status: &str) -> Json {
    json!({"Id": id, "Name": format!("/{id}"), "Image": "sha256:1", "State": {"Status": status, "Running": status == "running"}, "Config": {"Image": "x"}})
}

/// A world of these containers, in which nothing moves.
fn world(line: &str, containers: &[(&str, &str)]) -> Reply {
    match line {
        "GET /info" => {
            Reply::json(&json!({"ID": "E", "HttpProxy": "http://u:hunter2@p", "SystemTime": TIME}))
        }
        "GET /networks" => Reply::json(&json!([])),
        "GET /volumes" => Reply::json(&json!({"Volumes": null})),
        "GET /images/sha256:1/json" => Reply::json(&json!({"Id": "sha256:1", "Config": null})),
        "GET /containers/json?all=1" => {
            let all: Vec<Json> = containers.iter().map(|(id, state)| listed(id, state)).collect();
            Reply::json(&json!(all))
        }
        line => containers
            .iter()
            .find(|(id, _)| line == format!("GET /containers/{id}/json"))
            .map_or_else(unknown, |(id, state)| Reply::json(&inspected(id, state))),
    }
}

#[tokio::test]
async fn a_look_makes_as_few_calls_as_can_be_and_hides_the_proxy() {
    let engine = FakeEngine::start(|line, _| match line {
        line if line.starts_with("GET /events?") => Reply::new(200, ""),
        line => world(line, &[("a", "running"), ("b", "exited")]),
    });
    let snapshot = observe(&engine.reader().await, &ObservationScope::everything())
        .await
        .unwrap()
        .redact(&Redactor::default());
    assert_eq!(snapshot.containers.len(), 2);
    insta::assert_snapshot!(sorted(&engine), @"
    GET /v1.41/containers/a/json
    GET /v1.41/containers/b/json
    GET /v1.41/containers/json?all=1
    GET /v1.41/events?since=…&until=…
    GET /v1.41/images/sha256:1/json
    GET /v1.41/info
    GET /v1.41/networks
    GET /v1.41/volumes
    ");
    assert!(!serde_json::to_string(&snapshot.engine).unwrap().contains("hunter2"));
}

/// What was asked, without times.
fn sorted(engine: &FakeEngine) -> String {
    let lines = engine.lines();
    let mut lines: Vec<&str> =
        lines
            .iter()
            .map(|line| {
                if line.contains("/events?") {
                    "GET /v1.41/events?since=…&until=…"
                } else {
                    line
                }
            })
            .collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[tokio::test]
async fn the_log_is_asked_for_all_of_the_look_by_the_clock_of_the_engine() {
    let engine = FakeEngine::start(|line, _| match line {
        line if line.starts_with("GET /events?") => Reply::new(200, ""),
        "GET /containers/json?all=1" => {
            world(line, &[("a", "running")]).after(Duration::from_millis(50))
        }
        line => world(line, &[("a", "running")]),
    });
    let began = Instant::now();
    observe(&engine.reader().await, &ObservationScope::everything()).await.unwrap();
    let took = began.elapsed().as_secs_f64();
    let lines = engine.lines();
    assert!(lines.last().unwrap().starts_with("GET /v1.41/events?"), "{lines:?}");
    let query = lines.last().unwrap().split_once("since=").unwrap().1;
    let (since, until) = query.split_once("&until=").unwrap();
    let of = |text: &str| text.parse::<f64>().unwrap() - 1_000_000_000.5;
    assert!(of(since) <= 0.0 && of(until) >= 0.05, "{query}");
    assert!(of(until) - of(since) <= took * 2.0 + 0.01, "{query}");
}

/// A look at one container, during which the log says this, and what was asked of the engine.
async fn stirred(log: impl Into<String>) -> String {
    let (log, first) = (log.into(), AtomicBool::new(true));
    let engine = FakeEngine::start(move |line, _| match line {
        line if line.starts_with("GET /events?") => Reply::new(
            200,
            if first.swap(false, Ordering::Relaxed) { log.clone() } else { String::new() },
        ),
        line => world(line, &[("a", "running")]),
    });
    observe(&engine.reader().await, &ObservationScope::everything()).await.unwrap();
    sorted(&engine).replace("/v1.41", "")
}

#[tokio::test]
async fn what_the_log_tells_of_is_looked_at_again() {
    let event = |kind: &str, action: &str, id: &str| -> String {
        json!({"Type": kind, "Action": action, "Actor": {"ID": id, "Attributes": {}}}).to_string()
    };
    let times = |asked: &str, line: &str| asked.lines().filter(|asked| *asked == line).count();
    let list = "GET /containers/json?all=1";
    let a = "GET /containers/a/json";

    let talk = event("container", "exec_create: sh", "a") + "\n" + &event("volume", "mount", "v");
    let asked = stirred(talk).await;
    assert_eq!((times(&asked, list), times(&asked, a)), (1, 1), "{asked}");

    // It was restarted: the list alone would not show it.
    let asked = stirred(event("container", "start", "a")).await;
    assert_eq!((times(&asked, list), times(&asked, a)), (2, 2), "{asked}");

    let asked = stirred(event("network", "create", "n")).await;
    assert_eq!((times(&asked, list), times(&asked, a)), (2, 1), "{asked}");
    assert_eq!((times(&asked, "GET /networks"), times(&asked, "GET /volumes")), (2, 1), "{asked}");

    // As long as it can be: what came first may be lost. And what is no log.
    for log in [event("builder", "prune", "").repeat(256), "<html>".to_owned()] {
        let asked = stirred(log).await;
        assert_eq!((times(&asked, list), times(&asked, a)), (2, 1), "{asked}");
        assert_eq!((times(&asked, "GET /networks"), times(&asked, "GET /volumes")), (2, 2));
    }

    // What never rests is no reason for an error.
    let restless = FakeEngine::start(move |line, _| match line {
        line if line.starts_with("GET /events?") => Reply::new(200, event("container", "oom", "a")),
        line => world(line, &[("a", "running")]),
    });
    observe(&restless.reader().await, &ObservationScope::everything()).await.unwrap();
    let looks = sorted(&restless).replace("/v1.41", "");
    assert_eq!((times(&looks, list), times(&looks, a)), (5, 4), "{looks}");
}

#[tokio::test]
async fn without_a_log_things_are_listed_again() {
    let asked = |engine: &FakeEngine| {
        let lines = engine.lines();
        let all = ["/containers/json?all=1", "/networks", "/volumes", "/containers/a/json"];
        all.map(|path| lines.iter().filter(|line| line.ends_with(path)).count())
    };
    // A proxy forbids it.
    let proxied = FakeEngine::start(|line, _| match line {
        line if line.starts_with("GET /events?") => Reply::new(403, "Forbidden"),
        line => world(line, &[("a", "running")]),
    });
    observe(&proxied.reader().await, &ObservationScope::everything()).await.unwrap();
    assert_eq!(asked(&proxied), [2, 2, 2, 1]);
    // Podman's comes out of a journal, and may come later than what it tells of.
    let podman = FakeEngine::start(|line, _| match line {
        "GET /version" => {
            Reply::json(&json!({"ApiVersion": "1.41", "Components": [{"Name": "Podman Engine"}]}))
        }
        line => world(line, &[("a", "running")]),
    });
    observe(&podman.reader().await, &ObservationScope::everything()).await.unwrap();
    assert_eq!(asked(&podman), [2, 2, 2, 1]);
    assert!(!podman.lines().iter().any(|line| line.contains("/events")));
}

#[tokio::test]
async fn a_strange_container_hides_no_other() {
    let engine = FakeEngine::start(|line, _| match line {
        "GET /containers/b/json" => Reply::new(200, "{\"Id\": garbage"),
        line => world(line, &[("a", "hibernating"), ("b", "running"), ("c", "exited")]),
    });
    let taken = observe(&engine.reader().await, &ObservationScope::everything()).await.unwrap();
    let snapshot = taken.redact(&Redactor::default());
    let known: Vec<bool> = snapshot.containers.iter().map(|c| c.inspect.is_some()).collect();
    assert_eq!(known, [true, false, true]);
    assert_eq!(snapshot.containers[0].inspect.as_ref().unwrap()["State"]["Status"], "hibernating");
}

#[tokio::test]
async fn a_torn_look_is_taken_again_and_churn_is_no_error() {
    let engine = FakeEngine::start(|line, before| match (line, before) {
        ("GET /containers/json?all=1", 0) => world(line, &[("a", "running"), ("gone", "running")]),
        ("GET /containers/a/json", 0) => world(line, &[("a", "running")]),
        ("GET /containers/gone/json", _) => Reply::new(404, r#"{"message":"No such container"}"#),
        _ => world(line, &[("a", "exited")]),
    });
    let taken = observe(&engine.reader().await, &ObservationScope::everything()).await.unwrap();
    let snapshot = taken.redact(&Redactor::default());
    assert_eq!(snapshot.containers.len(), 1);
    assert_eq!(snapshot.containers[0].inspect.as_ref().unwrap()["State"]["Status"], "exited");
}

#[tokio::test]
async fn an_engine_that_never_settles_is_busy() {
    let engine = FakeEngine::start(|line, before| {
        let state = if before % 2 == 0 { "running" } else { "exited" };
        if line == "GET /containers/json?all=1" {
            world(line, &[("a", state)])
        } else {
            world(line, &[("a", "paused")])
        }
    });
    let wanted = ObservationScope::imported(bayplan::observed::pick::Pick::All);
    let error = observe(&engine.reader().await, &wanted).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Busy);
    insta::assert_snapshot!(error, @"looking at the engine: the engine is busy: a kept changing between 4 looks");
}

#[tokio::test]
async fn reads_end_in_time_stay_small_and_are_tried_twice_at_most() {
    let engine = FakeEngine::start(|line, before| match (line, before) {
        ("GET /info", _) => {
            Reply::new(200, "{\"ID\": \"slow\"}").trickled(Duration::from_millis(200))
        }
        ("GET /containers/big/json", _) => Reply::new(200, vec![b' '; 5 << 20]),
        ("GET /containers/once/json", 0) | ("GET /containers/cut/json", _) => {
            Reply::new(200, "{").cut()
        }
        ("GET /containers/once/json", _) => Reply::json(&json!({"Id": "once"})),
        ("GET /containers/deep/json", _) => Reply::new(200, "[".repeat(100_000)),
        _ => unknown(),
    });
    let reader = engine.reader().await;
    let began = Instant::now();
    assert_eq!(reader.info().await.unwrap_err().kind, ErrorKind::Interrupted);
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(reader.inspect("big").await.unwrap_err().kind, ErrorKind::Protocol);
    assert_eq!(reader.inspect("deep").await.unwrap_err().kind, ErrorKind::Protocol);
    assert_eq!(reader.inspect("once").await.unwrap().unwrap()["Id"], "once");
    assert_eq!(reader.inspect("cut").await.unwrap_err().kind, ErrorKind::Interrupted);
    let cut = engine.lines().iter().filter(|line| line.ends_with("/cut/json")).count();
    assert_eq!(cut, 2);
}

#[tokio::test]
async fn writes_carry_the_version_once_and_know_304_from_204() {
    let engine = FakeEngine::start(|line, before| match line.split('?').next().unwrap() {
        line if line.ends_with("/start") && before == 0 => Reply::new(204, ""),
        line if line.ends_with("/start") => Reply::new(304, ""),
        line if line.ends_with("/stop") => Reply::new(304, ""),
        line if line.ends_with("/kill") => Reply::new(409, r#"{"message":"is not running"}"#),
        line if line.ends_with("/rename") => Reply::new(409, "{\"message\":\"in \\u001b[31muse\"}"),
        _ => unknown(),
    });
    let docker = Docker::new(engine.reader().await);
    assert_eq!(docker.start(&id()).await.unwrap(), Done::Now);
    assert_eq!(docker.start(&id()).await.unwrap(), Done::Already);
    assert_eq!(docker.stop(&id(), None, Some(3)).await.unwrap(), Done::Already);
    assert_eq!(docker.kill(&id(), "KILL").await.unwrap(), Done::Already);
    let error = docker.rename(&id(), &ContainerName::new("web")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(!error.to_string().contains('\u{1b}'), "{error}");
    // Bollard 0.21 sends no version; should an update begin to, there would be two here.
    assert_eq!(engine.lines()[0], format!("POST /v1.41/containers/{}/start", id()));
    assert_eq!(engine.lines()[2], format!("POST /v1.41/containers/{}/stop?t=3", id()));
}

#[tokio::test]
async fn an_error_of_any_length_is_read_as_far_as_a_message_goes() {
    let engine = FakeEngine::start(|line, _| match line {
        line if line.ends_with("/start") => Reply::new(500, vec![b'x'; 1 << 20]),
        _ => unknown(),
    });
    let error = Docker::new(engine.reader().await).start(&id()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Status(500));
    assert!(
        error.to_string().ends_with("the engine answered 500 Internal Server Error"),
        "{error}"
    );
}

#[tokio::test]
async fn a_list_of_what_nothing_identifies_is_no_list() {
    for list in [json!([1, 1]), json!([{}]), json!([{"Id": ""}]), json!(["x"])] {
        let engine = FakeEngine::start(move |line, _| match line {
            "GET /networks" => Reply::json(&list),
            _ => unknown(),
        });
        let error = engine.reader().await.networks().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol, "{error}");
    }
}

#[tokio::test]
async fn a_removal_that_somebody_else_began_is_waited_for() {
    let engine = FakeEngine::start(|line, before| match line.split(' ').next().unwrap() {
        "DELETE" => Reply::new(409, r#"{"message":"removal is already in progress"}"#),
        "GET" if line.ends_with("/json") && before < 2 => {
            Reply::json(&json!({"State": {"Status": "removing"}}))
        }
        "GET" if line.ends_with("/json") => Reply::new(404, "{}"),
        _ => unknown(),
    });
    assert_eq!(Docker::new(engine.reader().await).remove(&id()).await.unwrap(), Done::Already);
    let running = FakeEngine::start(|line, _| match line.split(' ').next().unwrap() {
        "DELETE" => Reply::new(409, r#"{"message":"is running"}"#),
        "GET" if line.ends_with("/json") => Reply::json(&json!({"State": {"Status": "running"}})),
        _ => unknown(),
    });
    let error = Docker::new(running.reader().await).remove(&id()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
}

#[tokio::test]
async fn a_cut_write_is_not_repeated() {
    let engine = FakeEngine::start(|line, _| match line {
        line if line.starts_with("POST /containers/create") => Reply::new(201, "{").cut(),
        _ => unknown(),
    });
    let docker = Docker::new(engine.reader().await);
    let body = FilledBody::new(json!({"Image": "x", "MacAddress": "02:42:ac:11:00:02"}));
    let error = docker.create(&ContainerName::new("web"), &body).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Interrupted);
    assert_eq!(engine.lines(), ["POST /v1.41/containers/create?name=web"]);
    assert!(engine.asked()[1].body.contains("MacAddress"), "the body lost a field");
}

#[tokio::test]
async fn pulls_are_drained_and_an_error_in_the_stream_is_a_failure() {
    let engine = FakeEngine::start(|line, _| match line {
        line if line.contains("bad") => Reply::new(
            200,
            "{\"status\":\"Pulling\"}\n{\"errorDetail\":{\"message\":\"manifest unknown\"},\"error\":\"manifest unknown\"}\n",
        ),
        line if line.contains("cut") => Reply::new(200, "{\"status\":\"Pulling\"}\n").cut(),
        line if line.starts_with("POST /images/create") => Reply::new(
            200,
            "{\"id\":\"ab\",\"status\":\"Downloading\",\"progressDetail\":{\"current\":5,\"total\":9}}\n",
        ),
        _ => unknown(),
    });
    let folder = tempfile::tempdir().unwrap();
    let auths = json!({"auths": {"localhost:5000": {"username": "joe", "password": "p?>~p?>~"}}});
    std::fs::write(folder.path().join("config.json"), auths.to_string()).unwrap();
    let environment =
        Environment { config: Some(folder.path().to_owned()), ..Environment::default() };
    let docker = Docker::new(engine.reader_with(environment).await);
    let mut seen = Vec::new();
    docker.pull("localhost:5000/good@sha256:1", None, &mut |line| seen.push(line)).await.unwrap();
    assert_eq!((seen[0].current, seen[0].total), (Some(5), Some(9)));
    let auth = engine.asked()[1].auth.clone().unwrap();
    assert!(!auth.contains(['+', '/']) && auth.contains(['-', '_']), "the wrong alphabet");
    let error = docker.pull("localhost:5000/bad@sha256:1", None, &mut |_| {}).await.unwrap_err();
    insta::assert_snapshot!(error, @"pulling image localhost:5000/bad@sha256:1: manifest unknown");
    let error = docker.pull("localhost:5000/cut@sha256:1", None, &mut |_| {}).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Interrupted);
}

#[tokio::test]
async fn lines_of_any_length_and_number_end_in_time() {
    let long = format!("{{\"status\":\"{}\"}}\n", "x".repeat(300_000));
    let engine = FakeEngine::start(move |line, _| match line {
        line if line.contains("endless") => Reply::new(200, vec![b'x'; 64 << 10]).endless(),
        line if line.contains("blank") => Reply::new(200, vec![b'\n'; 64 << 10]).endless(),
        line if line.contains("bytes") => Reply::new(200, long.clone()).trickled(Duration::ZERO),
        line if line.contains("many") => Reply::new(200, "{\"id\":\"a\"}\n".repeat(100_000)),
        line if line.contains("text") => Reply::new(200, "{}\nsecond\n"),
        line if line.contains("short") => Reply::new(200, "{\"status\":\"done\"}"),
        line if line.contains("error") => Reply::new(200, "{\"error\":\"no \\u001b[1mspace\"}\n"),
        line if line.contains("why") => Reply::new(200, "{\"errorDetail\":{}}\n"),
        line if line.contains("moved") => Reply::new(300, vec![b'x'; 64 << 10]).endless(),
        _ => unknown(),
    });
    let docker = Docker::new(engine.reader().await);
    let began = Instant::now();
    let pulled = async |name: &str| {
        let (mut lines, image) = (0, format!("localhost:5000/{name}@sha256:1"));
        let outcome = docker.pull(&image, None, &mut |_| lines += 1).await;
        (outcome.map_err(|error| error.message), lines)
    };
    let refused = |message: &str, lines: u32| (Err(message.to_owned()), lines);
    let longest = "expected lines of at most 1048576 bytes, but found more";
    assert_eq!(pulled("endless").await, refused(longest, 0));
    let most = "expected at most 10000000 lines, but the answer has more";
    assert_eq!(pulled("blank").await, refused(most, 0));
    assert_eq!(pulled("bytes").await, (Ok(()), 1));
    assert_eq!(pulled("many").await, (Ok(()), 100_000));
    let text = "expected lines of JSON, but found something else";
    assert_eq!(pulled("text").await, refused(text, 1));
    assert_eq!(pulled("short").await, (Ok(()), 1));
    assert_eq!(pulled("error").await, refused("no \\u{1b}[1mspace", 0));
    assert_eq!(pulled("why").await, refused("it failed, and the engine says not why", 0));
    assert_eq!(pulled("moved").await, refused("the engine answered 300 Multiple Choices", 0));
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_wait_reads_one_line_and_an_answer_of_any_status_ends() {
    let engine = FakeEngine::start(|line, _| match line.split('?').next().unwrap() {
        line if line.contains("failed") && line.ends_with("/wait") => {
            Reply::new(200, "{\"StatusCode\":1,\"Error\":{\"Message\":\"no end\"}}\n")
                .after(Duration::from_millis(100))
        }
        line if line.contains("early") && line.ends_with("/wait") => Reply::new(404, "{}"),
        line if line.ends_with("/wait") => {
            Reply::new(200, vec![b' '; 64 << 10]).endless().after(Duration::from_millis(10))
        }
        line if line.ends_with("/start") => Reply::new(204, "x".repeat(64 << 10)),
        line if line.ends_with("/stop") => Reply::new(302, vec![b'x'; 64 << 10]).endless(),
        _ => unknown(),
    });
    let docker = Docker::new(engine.reader().await);
    let error = docker.run_to_end(&ContainerId::new("failed")).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Protocol, "no end"));
    let error = docker.run_to_end(&ContainerId::new("early")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(!engine.lines().iter().any(|line| line.contains("early/start")));
    let error = docker.run_to_end(&id()).await.unwrap_err();
    assert_eq!(error.message, "expected lines of at most 1048576 bytes, but found more");
    let error = docker.stop(&id(), None, Some(3)).await.unwrap_err();
    assert_eq!(error.message, "the engine answered 302 Found");
}

#[tokio::test]
async fn an_answer_of_many_small_values_is_refused_before_it_is_read() {
    for piece in ["{\"\":0},", "0,", "[],"] {
        let most = 20 << 20;
        let list = format!("[{}0]", piece.repeat(most / piece.len()));
        let engine = FakeEngine::start(move |line, _| match line {
            "GET /networks" => Reply::new(200, list.clone()),
            "GET /containers/x/json" => Reply::new(200, list[..3 << 20].to_owned() + "0]"),
            _ => unknown(),
        });
        let reader = engine.reader().await;
        for error in [reader.networks().await.unwrap_err(), reader.inspect("x").await.unwrap_err()]
        {
            assert_eq!(error.kind, ErrorKind::Protocol, "{error}");
        }
    }
}

#[tokio::test]
async fn a_run_is_waited_for_before_it_is_started() {
    let engine = FakeEngine::start(|line, _| match line.split('?').next().unwrap() {
        line if line.ends_with("/wait") => {
            Reply::new(200, "{\"StatusCode\":7}\n").after(Duration::from_millis(300))
        }
        line if line.ends_with("/start") => Reply::new(204, ""),
        _ => unknown(),
    });
    assert_eq!(Docker::new(engine.reader().await).run_to_end(&id()).await.unwrap(), 7);
    let lines = engine.lines();
    assert!(lines[0].ends_with("/wait?condition=next-exit"), "{lines:?}");
    assert!(lines[1].ends_with("/start"), "{lines:?}");
}

#[tokio::test]
async fn an_engine_that_cannot_be_used_is_one_clear_error() {
    let connect = async |path: std::path::PathBuf| {
        let (environment, patience) = (Environment::default(), Timeouts::default());
        DockerReader::connect(&Endpoint::Unix(path), &environment, patience).await.err().unwrap()
    };
    let error = connect("/nowhere/d.sock".into()).await;
    assert_eq!(error.kind, ErrorKind::Unreachable);
    insta::assert_snapshot!(error, @"connecting to the engine at unix:///nowhere/d.sock: there is no socket at /nowhere/d.sock");
    let old = FakeEngine::start(|_, _| hello("1.40"));
    let error = connect(old.socket()).await;
    assert_eq!(error.kind, ErrorKind::Version);
    assert!(error.message.contains("expected API 1.41 or newer"), "{error}");
    let none = FakeEngine::start(|_, _| Reply::new(200, "<html>"));
    assert_eq!(connect(none.socket()).await.kind, ErrorKind::Unreachable);
}

#[test]
fn the_nearest_word_on_where_the_engine_is_counts() {
    let unix = |path: &str| Endpoint::Unix(path.into());
    let around =
        |host: Option<&str>| Environment { host: host.map(Into::into), ..Environment::default() };
    assert_eq!(find(&Flags::default(), &around(None)).unwrap(), unix("/var/run/docker.sock"));
    assert_eq!(find(&Flags::default(), &around(Some("unix:///a"))).unwrap(), unix("/a"));
    let flags = Flags { host: Some("ssh://joe@host:22".into()), ..Flags::default() };
    let ssh = Endpoint::Ssh {
        user: Some("joe".into()),
        host: "host".into(),
        port: Some(22),
        socket: None,
    };
    assert_eq!(find(&flags, &around(Some("unix:///a"))).unwrap(), ssh);
    for bad in ["ssh://-oProxyCommand=x", "ssh://joe:pw@host", "npipe://x", "tcp://", "unix://rel"]
    {
        let error = find(&Flags::default(), &around(Some(bad))).unwrap_err();
        assert!(error.message.starts_with("DOCKER_HOST: expected "), "{error}");
    }
    let flags = Flags { context: Some("no".into()), ..Flags::default() };
    assert!(find(&flags, &around(None)).unwrap_err().message.contains("no Docker context `no`"));
}

#[test]
fn no_secret_gets_out_of_a_sealed_snapshot() {
    let canary = "hunter2-Zq8/x+Y";
    let inspect = json!({
        "Id": "c", "Name": "/c", "Image": "sha256:1", "Path": "sh", "Args": [canary, "serve"],
        "ExecIDs": [canary], "GraphDriver": {"Data": {"x": canary}}, "FutureField": {"x": [canary]},
        "State": {"Status": "exited", "Error": canary, "Health": {"Status": "healthy", "Log": [{"Output": canary}]}},
        "Config": {
            "Env": [format!("P={canary}"), "Q=public"], "Cmd": [canary], "Entrypoint": [canary], "Image": "x",
            "Labels": {"a": canary, "io.bayplan.set": "web"}, "CreateCommand": ["-e", canary],
            "Healthcheck": {"Test": ["CMD-SHELL", canary]},
        },
        "HostConfig": {
            "LogConfig": {"Type": "splunk", "Config": {"splunk-token": canary}},
            "Annotations": {"a": canary},
            "Mounts": [{"VolumeOptions": {"Labels": {"a": canary}, "DriverConfig": {"Name": "local", "Options": {"o": canary}}}}],
        },
        "NetworkSettings": {"Networks": {"n": {"DriverOpts": {"a": canary}, "Aliases": ["web"]}}},
    });
    let list = json!({"Id": "c", "Names": ["/c"], "Command": format!("sh {canary}"), "Labels": {"a": canary}});
    let image = json!({"Id": "sha256:1", "Config": {"Env": ["Q=public"], "Cmd": ["serve"]}, "ContainerConfig": {"Env": [canary]}});
    let container = Container { list: Some(list), inspect: Some(inspect), env: BTreeMap::new() };
    let snapshot = Snapshot {
        containers: vec![container],
        images: BTreeMap::from([(ImageId::new("sha256:1"), image)]),
        networks: vec![
            json!({"Name": "n", "Options": {"secret": canary}, "Labels": {"a": canary}}),
        ],
        volumes: vec![
            json!({"Name": "v", "Options": {"o": canary}, "Labels": {"a": canary}, "Status": {"a": canary}}),
        ],
        ..Snapshot::default()
    };
    let secrets = BTreeMap::from([(Reference::Env { name: "P".into() }, canary.into())]);
    let sealed = Unredacted::new(snapshot).redact(&Redactor::new(None, secrets));
    // Nothing of a snapshot may hold it, whatever is written of it later.
    let text = format!("{sealed:?}");
    let hex = crate::program::hex(canary.as_bytes());
    let reversed: String = canary.chars().rev().collect();
    for form in [canary, "hunter2", "aHVudGVyMi1acTgveCtZ", "hunter2-Zq8%2Fx%2BY", &hex, &reversed]
    {
        assert!(!text.contains(form), "{form} in {text}");
    }
    let inspect = sealed.containers[0].inspect.as_ref().unwrap();
    assert_eq!(inspect["Config"]["Env"], json!([format!("P={HIDDEN}"), "Q=public"]));
    assert_eq!(inspect["Args"], json!([HIDDEN, "serve"]));
    assert_eq!(inspect["Config"]["Labels"]["io.bayplan.set"], "web");
    assert_eq!(inspect["State"]["Health"], json!({"Status": "healthy"}));
}
