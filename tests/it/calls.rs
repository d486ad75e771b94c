//! How often `plan` asks an engine, and what; and what becomes of a container that it cannot see.

use serde_json::{Value as Json, json};

use crate::fake_engine::{FakeEngine, Reply, unknown};
use crate::program::{Ran, hex, run};

const SPEC: &str = "\
project: shop
containers:
  db: {name: db, image: 'db:1', volumes: ['data:/d']}
  web: {image: 'web:1', count: 2, depends_on: [db]}
  worker: {image: 'web:1', command: work}
  new: {image: 'gone:1', name: new}
";

/// 64 digits that tell words apart.
fn id(word: &str) -> String {
    let digits = hex(word.as_bytes());
    format!("{digits:0<64}")
}

fn image(tag: &str) -> String {
    format!("sha256:{}", id(tag))
}

/// Names and images of what is there; the last two are nobody's business.
const THERE: &[(&str, &str)] =
    &[("db", "db:1"), ("one", "web:1"), ("two", "web:1"), ("foreign", "mail:1"), ("mine", "web:2")];

fn world(line: &str) -> Reply {
    let state = json!({"Status": "running", "Running": true, "StartedAt": "2026-01-01T00:00:01Z"});
    match line {
        "GET /info" => Reply::json(
            &json!({"ID": "E", "Name": "fake", "SystemTime": "2001-09-09T01:46:40Z"}),
        ),
        line if line.starts_with("GET /events?") => Reply::new(200, ""),
        "GET /networks" => Reply::json(&json!([])),
        "GET /volumes" => Reply::json(&json!({"Volumes": [{"Name": "data", "Driver": "local"}]})),
        "GET /containers/json?all=1" => {
            let entry = |(name, tag): &(&str, &str)| json!({
                "Id": id(name), "Names": [format!("/{name}")], "State": "running", "Image": tag, "ImageID": image(tag),
            });
            Reply::json(&Json::Array(THERE.iter().map(entry).collect()))
        }
        "GET /images/db:1/json" | "GET /images/web:1/json" => {
            let tag = if line.contains("db:1") { "db:1" } else { "web:1" };
            Reply::json(&json!({"Id": image(tag), "RepoTags": [tag], "Config": {"Cmd": ["run"]}}))
        }
        line if line.starts_with("GET /images/sha256:") => {
            Reply::json(&json!({"Id": image("any"), "Config": {}}))
        }
        line if line.starts_with("GET /images/gone") => {
            Reply::new(404, r#"{"message":"No such image"}"#)
        }
        line if line.starts_with("GET /distribution/gone:1/") => {
            Reply::json(&json!({"Descriptor": {"digest": format!("sha256:{}", "9".repeat(64))}}))
        }
        line => THERE
            .iter()
            .find(|(name, _)| line == format!("GET /containers/{}/json", id(name)))
            .map_or_else(unknown, |(name, tag)| {
                Reply::json(&json!({
                    "Id": id(name), "Name": format!("/{name}"), "Image": image(tag), "State": state,
                    "Created": "2026-01-01T00:00:00Z", "HostConfig": {}, "Mounts": [],
                    "Config": {"Image": tag, "Cmd": ["run"], "Labels": {}}, "NetworkSettings": {"Networks": {}},
                }))
            }),
    }
}

async fn plan(engine: &FakeEngine, spec: &str, more: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("spec.yaml"), spec).unwrap();
    let host = format!("unix://{}", engine.socket().display());
    run(folder.path(), &[("DOCKER_HOST", &host)], &[&["plan", "spec.yaml"], more].concat()).await
}

#[tokio::test]
async fn a_plan_asks_once_for_each_thing_it_needs() {
    let engine = FakeEngine::start(|line, _| world(line));
    let ran = plan(&engine, SPEC, &[]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let mut lines: Vec<String> = engine.asked().into_iter().map(|asked| asked.line).collect();
    lines.sort();
    let lines = lines.join("\n").replace(&"0".repeat(40), "…").replace("/v1.41", "");
    let times = lines.find("since=").zip(lines.find("\nGET /images")).unwrap();
    let lines = lines.replace(&lines[times.0..times.1], "…");
    insta::assert_snapshot!(lines, @"
    GET /_ping
    GET /containers/6462…00000000000000000000/json
    GET /containers/6f6e65…000000000000000000/json
    GET /containers/74776f…000000000000000000/json
    GET /containers/json?all=1
    GET /distribution/gone:1/json
    GET /events?…
    GET /images/db:1/json
    GET /images/gone:1/json
    GET /images/gone@sha256:9999999999999999999999999999999999999999999999999999999999999999/json
    GET /images/web:1/json
    GET /info
    GET /networks
    GET /volumes
    ");
}

#[tokio::test]
async fn nothing_is_planned_for_a_set_that_may_mean_what_cannot_be_inspected() {
    let broken = |name: &'static str| {
        let id = id(name);
        FakeEngine::start(move |line, _| {
            if line == format!("GET /containers/{id}/json") {
                return Reply::new(500, r#"{"message":"layer does not exist"}"#);
            }
            world(line)
        })
    };
    let ran = plan(&broken("one"), SPEC, &[]).await;
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.is_empty(), "{}", ran.out);
    insta::assert_snapshot!(ran.err.replace(&"0".repeat(40), "…"), @"
     WARN bayplan::engine::observe: inspecting container 6f6e65…00000000000000…: the engine answered 500: layer does not exist
    error: there is no plan: 2 errors
      set `web`: container `one` counts here or may count, but only its list entry is known [not_inspected]
        hint: `docker inspect one` shows whether the engine can tell more, and `--log` why it did not; a kept snapshot must have been taken for this spec
      set `worker`: container `one` counts here or may count, but only its list entry is known [not_inspected]
        hint: `docker inspect one` shows whether the engine can tell more, and `--log` why it did not; a kept snapshot must have been taken for this spec
    ");

    let ran =
        plan(&broken("db"), "project: shop\ncontainers: {db: {name: db, state: absent}}\n", &[])
            .await;
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("[not_inspected]"), "{}", ran.err);

    // Whom it does not concern, it does not hinder.
    let owned = "project: shop\ncontainers: {web: {image: 'web:1', match: owned}}\n";
    let ran = plan(&broken("one"), owned, &[]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
}

/// A list does not tell who shares a container's processes: everybody is asked, and only then.
#[tokio::test]
async fn where_something_ends_everybody_is_asked_whether_they_depend_on_it() {
    let other = id("two");
    let engine = FakeEngine::start(move |line, _| {
        if line == format!("GET /containers/{other}/json") {
            return Reply::json(&json!({
                "Id": other, "Name": "/two", "Image": image("web:1"), "Mounts": [],
                "State": {"Status": "running", "Running": true}, "NetworkSettings": {"Networks": {}},
                "Config": {"Image": "web:1"}, "HostConfig": {"PidMode": format!("container:{}", id("db"))},
            }));
        }
        if line.starts_with("GET /images/sha256:") {
            return Reply::json(&json!({"Id": image("web:1"), "Config": {}}));
        }
        world(line)
    });
    let spec = |state: &str| {
        format!("project: shop\ncontainers: {{db: {{name: db, image: 'db:1', state: {state}}}}}\n")
    };
    let ran = plan(&engine, &spec("started"), &[]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let inspects = |asked: &[crate::fake_engine::Asked]| {
        asked
            .iter()
            .filter(|asked| asked.line.contains("/containers/") && !asked.line.contains("all=1"))
            .count()
    };
    let before = engine.asked();
    assert_eq!(inspects(&before), 1, "{before:?}");
    let ran = plan(&engine, &spec("absent"), &[]).await;
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.err.contains("`two` depends on it"), "{}", ran.err);
    assert_eq!(inspects(&engine.asked()[before.len()..]), 1 + THERE.len());
}

#[tokio::test]
async fn the_log_tells_calls_and_is_silent_unless_it_is_wanted() {
    let engine = FakeEngine::start(|line, _| world(line));
    let quiet = plan(&engine, SPEC, &[]).await;
    assert!(quiet.err.is_empty(), "{}", quiet.err);
    let loud = plan(&engine, SPEC, &["--log", "debug"]).await;
    assert_eq!(loud.out, quiet.out, "the log went where data goes");
    for call in
        ["GET /_ping: 200", "GET /containers/json?all=1: 200", "GET /images/gone:1/json: 404"]
    {
        assert!(loud.err.contains(call), "{call} is not in {}", loud.err);
    }
    let other = plan(&engine, SPEC, &["--log", "hyper=trace"]).await;
    assert!(!other.err.contains("GET /version"), "{}", other.err);
    let wrong = plan(&engine, SPEC, &["--log", "loud"]).await;
    assert_eq!(wrong.code, 64);
    assert!(wrong.err.contains("expected a level"), "{}", wrong.err);
}

/// A look that is kept has the engine's range of APIs and its components; one that is not needs none
/// of that.
#[tokio::test]
async fn a_kept_look_says_what_the_engine_says_of_itself() {
    let engine = FakeEngine::start(|line, _| world(line));
    let host = format!("unix://{}", engine.socket().display());
    let folder = tempfile::tempdir().unwrap();
    let args = ["snapshot", "-o", "all.json"];
    let ran = run(folder.path(), &[("DOCKER_HOST", &host)], &args).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let asked = engine.asked().into_iter().filter(|asked| asked.line == "GET /version").count();
    assert_eq!(asked, 1);
    let kept = std::fs::read_to_string(folder.path().join("all.json")).unwrap();
    assert!(kept.contains("\"MinAPIVersion\""), "{kept}");
}

#[tokio::test]
async fn podman_is_refused_by_every_look() {
    let podman = FakeEngine::start(|line, _| match line {
        "GET /version" => Reply::json(&json!({
            "ApiVersion": "1.41", "Version": "5.8.6", "Components": [{"Name": "Podman Engine"}],
        })),
        line => world(line),
    });
    let refusal = "expected Docker Engine, but found podman 5.8.6";
    let ran = plan(&podman, SPEC, &[]).await;
    assert!(ran.code == 1 && ran.err.contains(refusal), "{} {}", ran.code, ran.err);
    let folder = tempfile::tempdir().unwrap();
    let host = format!("unix://{}", podman.socket().display());
    for args in [&["snapshot", "-o", "all.json"][..], &["import", "--all"]] {
        let ran = run(folder.path(), &[("DOCKER_HOST", &host)], args).await;
        assert!(ran.code == 1 && ran.err.contains(refusal), "{args:?} {} {}", ran.code, ran.err);
    }
    assert!(!folder.path().join("all.json").exists(), "half a snapshot");
}
