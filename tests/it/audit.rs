//! What a result keeps for an auditor: how long changes took and were down, and of which run it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use bayplan::apply::record::{Ended, Times};
use bayplan::apply::result::ResultDocument;
use bayplan::apply::times::Timed;
use bayplan::apply::{Outcome, SimulatedClock};
use bayplan::base::ident::{ChangeId, StepId};
use bayplan::engine::ErrorKind;
use bayplan::engine::simulated::{Behaviour, Faults, Simulated, When};
use bayplan::options::Body;
use serde_json::{Value as Json, json};

use crate::made::{Made, Watcher, apply_told, block, engine, found, replacement};
use crate::program::{Ran, run};

/// A run, and what was measured of it.
async fn measured(engine: &Simulated, made: &Made) -> (Outcome, BTreeMap<ChangeId, Times>) {
    let (clock, watcher) = (SimulatedClock(engine), Watcher::new(None));
    let timed = Timed::new(&made.plan, &clock, &watcher);
    let outcome = apply_told(engine, made, (&timed, watcher.stop.subscribe()), 4).await;
    (outcome, timed.measured())
}

/// The one change of a result.
async fn change(engine: &Simulated, made: &Made) -> (Ended, Times, Option<String>) {
    let (outcome, times) = measured(engine, made).await;
    let seen = bayplan::apply::driver::LastLook::default();
    let document = ResultDocument::of_run(&made.plan, &outcome, &times, seen);
    let [change] = document.changes.as_slice() else { panic!("{document:#?}") };
    (change.ended, change.times, change.created.as_ref().map(ToString::to_string))
}

fn seconds(number: u64) -> std::ops::Range<u64> {
    number * 1000..number * 1000 + 900
}

#[test]
fn a_replacement_is_down_from_the_stop_until_the_start() {
    block(async {
        let engine = engine(vec![found("a", "web", "running")]);
        let (ended, times, created) = change(&engine, &replacement()).await;
        assert_eq!(ended, Ended::Done);
        // While it is proven it runs.
        assert!(seconds(0).contains(&times.down_ms.unwrap()), "{times:?}");
        assert!(seconds(2).contains(&times.took_ms), "{times:?}");
        assert!(!times.still_down && created.is_some());
    });
}

#[test]
fn where_there_is_a_health_check_it_is_down_until_it_is_healthy() {
    block(async {
        let engine = engine(vec![found("a", "web", "running")]);
        let health = Some((Duration::from_secs(5), "healthy".to_owned()));
        engine.behave("web", Behaviour { health, ..Behaviour::default() });
        let mut made = replacement();
        let step = StepId::new("web/create");
        let mut body = made.bodies[&step].json().clone();
        body["Healthcheck"] = json!({"Test": ["CMD", "true"], "Interval": 1_000_000_000});
        made.bodies.insert(step, Body::from_json(body));
        let (ended, times, _) = change(&engine, &made).await;
        assert_eq!(ended, Ended::Done);
        assert!(seconds(5).contains(&times.down_ms.unwrap()), "{times:?}");
    });
}

#[test]
fn what_goes_back_is_down_until_the_old_one_runs_again() {
    block(async {
        let engine = engine(vec![found("a", "web", "running")]);
        let ends = Some((Duration::from_secs(1), 3));
        engine.behave("web", Behaviour { ends, ..Behaviour::default() });
        let (ended, times, _) = change(&engine, &replacement()).await;
        assert_eq!((ended, times.still_down), (Ended::AsBefore, false));
        assert!(seconds(1).contains(&times.down_ms.unwrap()), "{times:?}");
    });
    block(async {
        // What failed before anything was stopped never was down.
        let engine = engine(vec![found("a", "web", "running")]);
        engine.set_faults(Faults::every("create", When::Before, ErrorKind::Status(500)));
        let (ended, times, created) = change(&engine, &replacement()).await;
        assert_eq!((ended, times.down_ms, created), (Ended::AsBefore, None, None));
    });
    block(async {
        // Neither the new one nor the old one starts.
        let engine = engine(vec![found("a", "web", "running")]);
        engine.set_faults(Faults::every("start", When::Before, ErrorKind::Status(500)));
        let (ended, times, _) = change(&engine, &replacement()).await;
        assert_eq!((ended, times.still_down), (Ended::HalfDone, true));
        assert!(times.down_ms.is_some());
    });
}

#[test]
fn what_is_created_is_never_down() {
    block(async {
        let engine = engine(Vec::new());
        let mut made = Made::new(Vec::new());
        made.create("web", false);
        let (ended, times, created) = change(&engine, &made).await;
        assert_eq!((ended, times.down_ms, created.is_some()), (Ended::Done, None, true));
    });
}

const IMAGE: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

/// Ten containers that differ in six options each, and a plan that replaces them.
async fn ten() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = "project: shop\ndefaults: {state: reloaded}\ncontainers:\n".to_owned();
    let mut look =
        vec![json!({"Id": IMAGE, "RepoTags": ["app:1"], "RepoDigests": [], "Os": "linux",
        "Architecture": "amd64", "Config": {"Cmd": ["serve"]}})];
    for number in 1..=10 {
        write!(
            spec,
            "  web-{number}:\n    name: shop-web-{number}\n    image: 'app:1'\n    command: serve \
             --port {number}\n    mem_limit: 512m\n    privileged: true\n    hostname: \
             web-{number}.example.org\n    environment: {{LEVEL: debug, REGION: north}}\n    \
             ports: ['{number}:80']\n"
        )
        .unwrap();
        let mut one = found("a", &format!("shop-web-{number}"), "running").inspect.unwrap();
        one["Id"] = format!("{number:064x}").into();
        one["Image"] = IMAGE.into();
        look.push(one);
    }
    std::fs::write(folder.path().join("spec.yaml"), spec).unwrap();
    std::fs::write(folder.path().join("look.json"), json!(look).to_string()).unwrap();
    let ran = at(folder.path(), &[], "plan spec.yaml --snapshot look.json -o plan.json").await;
    assert!(ran.out.contains("10 to replace"), "{}{}", ran.out, ran.err);
    folder
}

async fn at(folder: &Path, variables: &[(&str, &str)], line: &str) -> Ran {
    run(folder, variables, &line.split(' ').collect::<Vec<_>>()).await
}

fn read(path: &Path) -> (String, Json) {
    let text = std::fs::read_to_string(path).unwrap();
    let json = serde_json::from_str(&text).unwrap();
    (text, json)
}

const APPLY: &str = "apply plan.json --simulate --snapshot look.json";

#[tokio::test]
async fn a_result_says_which_run_it_is_of_and_stays_small() {
    let folder = ten().await;
    let job = [
        ("USER", "runner"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "acme/shop"),
        ("GITHUB_RUN_ID", "42"),
        ("GITHUB_ACTOR", "ann"),
    ];
    let ran = at(folder.path(), &job, &format!("{APPLY} -o r.json --meta TICKET=SHOP-42")).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.ends_with("result written to r.json\n"), "{}", ran.err);
    let (text, result) = read(&folder.path().join("r.json"));
    assert!(text.len() < 10 << 10, "{} bytes:\n{text}", text.len());
    let run = &result["run"];
    let (_, plan) = read(&folder.path().join("plan.json"));
    assert_eq!(run["plan"], plan["digest"]);
    assert_eq!((&run["project"], &run["simulated"]), (&json!("shop"), &json!(true)));
    assert_eq!(run["by"]["ci"]["url"], "https://github.com/acme/shop/actions/runs/42");
    assert_eq!(run["meta"], json!({"TICKET": "SHOP-42"}));
    assert_eq!(run["tool"], plan["tool"]);
    assert!(run["began"].as_str().unwrap().ends_with('Z'));
    let changes = result["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 10);
    for change in changes {
        assert_eq!(change["ended"], "done", "{change}");
        assert_eq!(
            result["reload_reasons"][change["id"].as_str().unwrap()].as_array().unwrap().len(),
            6
        );
        assert!(change["down_ms"].is_u64() && change["created"].is_string(), "{change}");
    }
    let schema = at(folder.path(), &[], "schema result").await;
    jsonschema::validate(&serde_json::from_str(&schema.out).unwrap(), &result).unwrap();
    let shown = at(folder.path(), &[], "show r.json").await;
    for says in [
        "down for ",
        "ann in GitHub Actions",
        "TICKET=SHOP-42",
        "mem_limit (nothing => 536870912)",
        "danger: privileged\n",
        "danger: public_port: ",
    ] {
        assert!(shown.out.contains(says), "{says}: {}", shown.out);
    }
    let again = at(folder.path(), &[], "show r.json --format json").await;
    assert_eq!(again.out, text);
}

#[tokio::test]
async fn inspect_data_is_kept_where_it_is_asked_for() {
    let folder = ten().await;
    for (more, number) in [("", 0), (" --inspect", 10)] {
        let ran = at(folder.path(), &[], &format!("{APPLY} -o r.json{more}")).await;
        assert_eq!(ran.code, 0, "{}", ran.err);
        let (_, result) = read(&folder.path().join("r.json"));
        assert_eq!(result["containers"].as_array().unwrap().len(), number);
    }
}

#[tokio::test]
async fn refusals_and_runs_in_a_folder_are_kept_one_by_one() {
    let folder = ten().await;
    std::fs::create_dir(folder.path().join("results")).unwrap();
    for (more, code) in [("", 0), (" --expect-digest sha256:00", 4), ("", 0)] {
        let ran = at(folder.path(), &[], &format!("{APPLY} -o results{more}")).await;
        assert_eq!(ran.code, code, "{}", ran.err);
    }
    let results = std::fs::read_dir(folder.path().join("results")).unwrap();
    let mut all: Vec<_> = results.map(|entry| entry.unwrap().path()).collect();
    all.sort();
    assert_eq!(all.len(), 3);
    let codes: Vec<Json> = all.iter().map(|path| read(path).1["exit_code"].clone()).collect();
    assert_eq!(codes.iter().filter(|code| **code == json!(4)).count(), 1, "{codes:?}");
    let bad = at(folder.path(), &[], &format!("{APPLY} --meta nothing")).await;
    assert_eq!(bad.code, 64);
}

/// The new container runs before the old one is stopped.
#[tokio::test]
async fn what_starts_before_the_old_one_stops_is_never_down() {
    let folder = tempfile::tempdir().unwrap();
    let spec = "project: shop\ncontainers:\n  web: {name: shop-web, image: 'app:1', command: new, \
                state: reloaded, update_config: {order: start-first}}\n";
    std::fs::write(folder.path().join("spec.yaml"), spec).unwrap();
    let image = json!({"Id": IMAGE, "RepoTags": ["app:1"], "RepoDigests": [], "Os": "linux",
        "Architecture": "amd64", "Config": {"Cmd": ["serve"]}});
    let mut web = found("a", "shop-web", "running").inspect.unwrap();
    web["Image"] = IMAGE.into();
    std::fs::write(folder.path().join("look.json"), json!([image, web]).to_string()).unwrap();
    let ran = at(folder.path(), &[], "plan spec.yaml --snapshot look.json -o plan.json").await;
    assert!(ran.out.contains("1 to replace"), "{}{}", ran.out, ran.err);
    let ran = at(folder.path(), &[], &format!("{APPLY} -o r.json")).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let (_, result) = read(&folder.path().join("r.json"));
    let change = &result["changes"][0];
    assert_eq!((&change["ended"], &change["down_ms"]), (&json!("done"), &Json::Null), "{change}");
    assert!(!ran.err.contains("down"), "{}", ran.err);
}

/// What surrounds a plan is struck as its texts are; users and passwords of addresses always are.
#[tokio::test]
async fn no_secret_is_in_what_surrounds_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let spec = "project: shop\ncontainers:\n  web: {image: 'app:1', environment: {KEY: {from_env: \
                KEY}}}\n";
    std::fs::write(folder.path().join("spec.yaml"), spec).unwrap();
    let image = json!([{"Id": IMAGE, "RepoTags": ["app:1"], "RepoDigests": [], "Os": "linux",
        "Architecture": "amd64", "Config": {"Cmd": ["serve"]}}]);
    std::fs::write(folder.path().join("look.json"), image.to_string()).unwrap();
    let secret = "hunter2hunter2";
    let url = format!("https://ci/{secret}/7");
    let variables = [("KEY", secret), ("USER", secret), ("JENKINS_URL", "x"), ("BUILD_URL", &url)];
    let meta = format!("--meta note={secret} --meta from=https://ann:pass@ci/7");
    for line in [
        format!("plan spec.yaml --snapshot look.json -o plan.json {meta}"),
        format!("plan spec.yaml --snapshot look.json --format markdown {meta}"),
        format!("{APPLY} -o r.json --journal j {meta}"),
        format!("{APPLY} --json {meta}"),
        format!("{APPLY} --expect-digest sha256:00 -o refused.json {meta}"),
    ] {
        let ran = at(folder.path(), &variables, &line).await;
        assert!(ran.code == 0 || line.contains("expect"), "{}", ran.err);
        let mut all = ran.out + &ran.err;
        for name in ["plan.json", "r.json", "j", "refused.json"] {
            all += &std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        }
        // A simulated run asks for no secret, and knows none.
        let known = !line.starts_with("apply");
        assert!(!known || !all.contains(secret), "{line}: {all}");
        assert!(!all.contains("ann:pass"), "{line}: {all}");
        let _ = std::fs::remove_file(folder.path().join("refused.json"));
    }
}

/// A run that ends early begins some changes and leaves others alone.
#[test]
fn a_change_of_which_nothing_was_called_is_as_before() {
    block(async {
        // Somebody removed what is to be replaced.
        let engine = engine(Vec::new());
        let (ended, times, created) = change(&engine, &replacement()).await;
        assert_eq!((ended, times.down_ms, created), (Ended::AsBefore, None, None));
    });
}
