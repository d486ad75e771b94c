//! Which runs there were, from their results, and which plan made a container.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::fake_engine::{FakeEngine, Reply, unknown};
use crate::program::{Ran, run};

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const OTHER: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// A result as its file has it.
fn result(began: &str, plan: &str, changes: &[Json]) -> Json {
    json!({
        "format": "bayplan/result/1", "changed": true, "message": "created 1 container.",
        "exit_code": 0, "reload_reasons": {}, "containers": [], "changes": changes, "steps": [],
        "stale": [], "troubles": [], "mismatches": [], "left": [], "interrupted": null,
        "summary": {"created": 1, "started": 1, "stopped": 0, "killed": 0, "removed": 0,
            "restarted": 0, "pulled": 0, "message": "created 1 container."},
        "run": {"command": "apply", "plan": plan, "project": "shop",
            "engine": {"name": "harbour-1", "id": "E", "version": "28.5.2"}, "began": began,
            "took_ms": 12_345, "by": {"user": "ann\u{1b}[2J", "host": "desk"},
            "tool": {"name": "bayplan", "version": "0.1.0"}},
    })
}

fn change(id: &str, created: &str, ended: &str) -> Json {
    json!({"id": id, "set": "db", "do": "replace", "danger": ["outage"], "ended": ended,
        "began_ms": 0, "took_ms": 8200, "down_ms": 1200, "created": created.repeat(64)})
}

/// Three runs; the newest one went back.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results/old");
    std::fs::create_dir_all(&results).unwrap();
    let put = |path: &Path, json: &Json| std::fs::write(path, json.to_string()).unwrap();
    let (first, second, third) =
        ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z");
    put(&results.join("1.json"), &result(first, DIGEST, &[change("shop-db", "d", "done")]));
    let results = folder.path().join("results");
    put(
        &results.join("2.json"),
        &result(second, OTHER, &[change("shop-web", "e", "done"), change("shop-mq", "c", "done")]),
    );
    put(&results.join("3.json"), &result(third, OTHER, &[change("shop-db", "f", "as_before")]));
    put(&results.join("other.json"), &json!({"format": "something"}));
    std::fs::write(results.join("broken.json"), "{\"format\": \"bayplan/result/1\"}").unwrap();
    // A configuration of the user's must not hide the commit that began the repository.
    // Plans are JSON files whose third line is their digest.
    let plan = format!("{{\n  \"format\": \"bayplan/plan/1\",\n  \"digest\": \"{DIGEST}\",\n}}\n");
    std::fs::write(folder.path().join("plan.json"), plan).unwrap();
    for words in [
        &["init", "-q"][..],
        &["config", "log.showRoot", "false"],
        &["add", "plan.json"],
        &["-c", "user.name=Bob", "-c", "user.email=b@b", "commit", "-qm", "more memory"],
    ] {
        let git =
            std::process::Command::new("git").arg("-C").arg(folder.path()).args(words).status();
        assert!(git.unwrap().success());
    }
    folder
}

async fn at(folder: &Path, line: &str) -> Ran {
    run(folder, &[], &line.split(' ').collect::<Vec<_>>()).await
}

#[tokio::test]
async fn runs_are_told_from_the_newest_with_who_and_what_and_the_commit_of_the_plan() {
    let folder = folder();
    let ran = at(folder.path(), "history results").await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("warning: ") && ran.err.contains("broken.json"), "{}", ran.err);
    let commit = ran.out.lines().find(|line| line.contains("committed")).unwrap().to_owned();
    assert!(commit.contains(" by Bob in ") && commit.ends_with(": more memory"), "{commit}");
    let told = ran.out.replace(&commit, "  COMMIT");
    insta::assert_snapshot!(told, @r"
    2026-11-03T00:00:00Z  shop on harbour-1, applied by ann\u{1b}[2J on desk in 12.3 s
      plan sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
      created 1 container.
      replace  shop-db; as before; 8.2 s; down for 1.2 s
      results/3.json

    2026-11-02T00:00:00Z  shop on harbour-1, applied by ann\u{1b}[2J on desk in 12.3 s
      plan sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
      created 1 container.
      replace  shop-web; 8.2 s; down for 1.2 s
      replace  shop-mq; 8.2 s; down for 1.2 s
      results/2.json

    2026-11-01T00:00:00Z  shop on harbour-1, applied by ann\u{1b}[2J on desk in 12.3 s
      plan sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
      COMMIT
      created 1 container.
      replace  shop-db; 8.2 s; down for 1.2 s
      results/old/1.json
    ");
    let ran = at(folder.path(), "history results --json --without-git --project shop").await;
    let json: Json = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&json["format"], json["runs"].as_array().unwrap().len()),
        (&"bayplan/history/1".into(), 3)
    );
    assert_eq!(json["runs"][2]["changes"][0]["down_ms"], 1200);
    assert!(!ran.out.contains("Bob"));
    for (line, code, says) in [
        ("history --project other", 0, "no results were found."),
        ("history results/other.json", 1, "expected a result"),
        ("history none", 1, "reading none"),
    ] {
        let ran = at(folder.path(), line).await;
        assert_eq!(ran.code, code, "{line}: {}", ran.err);
        assert!(ran.out.contains(says) || ran.err.contains(says), "{line}: {}{}", ran.out, ran.err);
    }
}

#[tokio::test]
async fn the_plan_of_a_container_is_told_from_results_and_from_its_label() {
    let folder = folder();
    let ran = at(folder.path(), "history --container shop-db --json").await;
    let json: Json = serde_json::from_str(&ran.out).unwrap();
    // The newest run went back: what it made is gone.
    let made = &json["container"]["made_by"];
    assert_eq!((&made["plan"], &made["file"]), (&DIGEST.into(), &"./results/old/1.json".into()));
    assert_eq!(made["commit"]["subject"], "more memory");
    assert_eq!(json["runs"].as_array().unwrap().len(), 2);
    for line in ["history --container nobody", "history --container nobody --json"] {
        let none = at(folder.path(), line).await;
        assert_eq!((none.code, none.out.as_str()), (1, ""), "{}", none.err);
        let says = "expected a run that changed container `nobody`, but found none";
        assert!(none.err.contains(says), "{}", none.err);
    }
    // Of a run that changed several, only the changes to this container are told.
    let told = at(folder.path(), "history --container shop-mq --without-git").await;
    insta::assert_snapshot!(told.out, @r"
    container `shop-mq` was made by the plan sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
      ./results/2.json

    2026-11-02T00:00:00Z  shop on harbour-1, applied by ann\u{1b}[2J on desk in 12.3 s
      plan sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
      the whole run: created 1 container.
      replace  shop-mq; 8.2 s; down for 1.2 s
      ./results/2.json
    ");
    for (own, says) in [
        (
            "shop-db",
            format!("container `shop-db` (dddddddddddd) was made by the plan {DIGEST}\n  comm"),
        ),
        ("stranger", "container `shop-db` (dddddddddddd): of no known plan, its labels".to_owned()),
    ] {
        let found = json!({"Id": "d".repeat(64), "Name": "/shop-db", "Config": {"Labels": {
            "io.bayplan.plan": DIGEST, "io.bayplan.name": own}}});
        let engine = FakeEngine::start(move |line, _| match line {
            "GET /containers/shop-db/json" => Reply::json(&found),
            _ => unknown(),
        });
        let socket = engine.socket();
        let line = format!("-H unix://{} history --container shop-db --live", socket.display());
        let ran = at(folder.path(), &line).await;
        assert!(ran.out.starts_with(&says), "{}{}", ran.out, ran.err);
    }
}

/// A shallow clone ends with a commit that seems to bring every file.
#[tokio::test]
async fn where_a_clone_was_cut_no_commit_is_told() {
    let folder = folder();
    for subject in ["two", "three"] {
        let words = ["-c", "user.name=Bob", "-c", "user.email=b@b", "commit", "-qm", subject];
        let commit = ["--allow-empty"];
        let mut git = std::process::Command::new("git");
        git.arg("-C").arg(folder.path()).args(words).args(commit);
        assert!(git.status().unwrap().success());
    }
    let parent = tempfile::tempdir().unwrap();
    let clone = parent.path().join("clone");
    let from = format!("file://{}", folder.path().display());
    let mut git = std::process::Command::new("git");
    git.args(["clone", "-q", "--depth", "1", &from]).arg(&clone);
    assert!(git.status().unwrap().success());
    let results = clone.join("results");
    std::fs::create_dir(&results).unwrap();
    std::fs::copy(folder.path().join("results/old/1.json"), results.join("1.json")).unwrap();
    let ran = at(&clone, "history results").await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("shop-db") && !ran.out.contains("committed"), "{}", ran.out);
    let whole = at(folder.path(), "history results").await;
    assert!(whole.out.contains("committed"), "{}", whole.out);
}
