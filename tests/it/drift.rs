//! Scheduled checks: what of a plan is drift, who caused what, and the codes that say so.

use std::path::Path;

use bayplan::base::ident::ContainerName;
use serde_json::{Value as Json, json};

use crate::program::{Ran, run};

const IMAGE: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

fn spec(more: &str) -> String {
    format!("project: p\ncontainers:\n  web: {{name: web, image: 'app:1', {more}}}\n")
}

/// A container that bayplan made, with this limit.
fn look(memory: u64) -> String {
    let name = ContainerName::new("web");
    let found = json!({
        "Id": "a".repeat(64), "Name": "/web", "Image": IMAGE, "Created": "2026-01-02T03:04:05Z",
        "Config": {"Image": "app:1", "Cmd": ["serve"], "Hostname": "aaaaaaaaaaaa", "Labels": {
            "io.bayplan.project": "p", "io.bayplan.set": "web", "io.bayplan.name": name,
            "io.bayplan.declared": ""}},
        "HostConfig": {"NetworkMode": "bridge", "Memory": memory, "MemorySwap": 2 * memory,
            "LogConfig": {"Type": "json-file", "Config": {}}, "IpcMode": "private",
            "CgroupnsMode": "private"},
        "NetworkSettings": {"Networks": {"bridge": {}}, "Ports": {}}, "Mounts": [],
        "State": {"Status": "running", "Running": true, "ExitCode": 0,
            "StartedAt": "2026-01-02T03:04:06Z"},
    });
    let image = json!({"Id": IMAGE, "RepoTags": ["app:1"], "RepoDigests": [], "Os": "linux",
        "Architecture": "amd64", "Config": {"Cmd": ["serve"]}});
    json!([image, found]).to_string()
}

async fn at(folder: &Path, line: &str) -> Ran {
    run(folder, &[], &line.split(' ').collect::<Vec<_>>()).await
}

fn put(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

const PLAN: &str = "plan spec.yaml --snapshot look.json";

#[tokio::test]
async fn a_limit_that_somebody_changed_is_drift_and_one_that_the_spec_changed_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(folder, "spec.yaml", &spec("mem_limit: 64m"));
    put(folder, "look.json", &look(64 << 20));
    let ran = at(folder, &format!("{PLAN} -o old.json --fail-on drift,changes,differences")).await;
    assert_eq!((ran.code, ran.out.contains("no action taken")), (0, true), "{}", ran.err);
    let drift = format!("{PLAN} --fail-on drift");
    let other = spec("mem_limit: 64m").replacen("project: p", "project: other", 1);
    put(folder, "other.yaml", &other.replacen("name: web", "name: other", 1));
    let other = "plan other.yaml --snapshot look.json -o other.json";
    assert_eq!(at(folder, other).await.code, 0);
    // Somebody did `docker update`; without an earlier plan it may have been the spec.
    put(folder, "look.json", &look(32 << 20));
    for (more, code, says) in [
        (" --since old.json", 2, ", drift"),
        ("", 2, "web: mem_limit"),
        (" --since spec.yaml", 1, "spec.yaml"),
        (" --since none.json", 1, "none.json"),
        (" --since other.json", 64, "is of project `other`"),
    ] {
        let ran = at(folder, &format!("{drift}{more}")).await;
        assert_eq!(ran.code, code, "{more}: {}", ran.err);
        assert!(ran.err.contains(says), "{more}: {}", ran.err);
    }
    // The spec says something else, and the container is as the earlier plan left it.
    put(folder, "spec.yaml", &spec("mem_limit: 128m, state: reloaded"));
    put(folder, "look.json", &look(64 << 20));
    let ran = at(folder, &format!("{drift} --since old.json")).await;
    assert_eq!((ran.code, ran.err.contains("drift")), (0, false), "{}", ran.err);
    let ran = at(folder, &format!("{PLAN} --fail-on changes")).await;
    assert!(ran.code == 2 && ran.err.contains("fails on changes: 1 change"), "{}", ran.err);
}

/// Nobody can change the command of a container that is there: the spec did.
#[tokio::test]
async fn what_no_engine_changes_is_told_without_an_earlier_plan() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(folder, "spec.yaml", &spec("command: other, state: reloaded"));
    put(folder, "look.json", &look(0));
    let ran = at(folder, &format!("{PLAN} --fail-on drift")).await;
    assert_eq!((ran.code, ran.err.contains("fails")), (0, false), "{}", ran.err);
}

/// Sets that report count alike, and what is committed tells as a named plan does.
#[tokio::test]
async fn what_is_only_reported_is_a_difference_and_may_be_drift() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(
        folder,
        "spec.yaml",
        &spec("mem_limit: 64m, recreate: never, compare: {mem_limit: strict}"),
    );
    put(folder, "look.json", &look(64 << 20));
    assert_eq!(at(folder, &format!("{PLAN} -o plan.json")).await.code, 0);
    let git = |words: &[&str]| {
        let user = ["-c", "user.name=Ann", "-c", "user.email=a@b"];
        let mut git = std::process::Command::new("git");
        assert!(git.arg("-C").arg(folder).args(user).args(words).status().unwrap().success());
    };
    git(&["init", "-q"]);
    git(&["add", "plan.json"]);
    git(&["commit", "-qm", "plan"]);
    put(folder, "look.json", &look(32 << 20));
    // Two runs: the second one finds the plan of the first in the file, and the old one in git.
    for _ in 0..2 {
        let ran = at(folder, &format!("{PLAN} -o plan.json --fail-on drift")).await;
        assert!(ran.code == 2 && ran.err.contains(", drift"), "{}", ran.err);
    }
    // Whoever makes the plan, and whoever reads it, is told the same.
    let of = |text: &str| {
        text.lines().find(|line| line.contains("mem_limit 32m")).map(str::to_owned).unwrap()
    };
    let made = at(folder, &format!("{PLAN} -o plan.json")).await;
    assert!(of(&made.out).ends_with("(drift)"), "{}", made.out);
    let shown = at(folder, "show plan.json").await;
    assert_eq!(of(&shown.out), of(&made.out));
    for form in ["markdown", "html"] {
        let shown = at(folder, &format!("show plan.json --format {form}")).await;
        assert!(shown.out.contains("drift"), "{}", shown.out);
    }
    // Another file, a plan that is committed as it is, and one of another project tell nothing.
    std::fs::copy(folder.join("plan.json"), folder.join("other.json")).unwrap();
    let shown = at(folder, "show other.json").await;
    assert!(!shown.out.contains("drift"), "{}", shown.out);
    git(&["commit", "-qam", "again"]);
    let shown = at(folder, "show plan.json").await;
    assert!(!shown.out.contains("drift"), "{}", shown.out);
    put(
        folder,
        "spec.yaml",
        &spec("mem_limit: 64m")
            .replace("project: p", "project: q")
            .replace("name: web", "name: other"),
    );
    assert_eq!(at(folder, &format!("{PLAN} -o plan.json")).await.code, 0);
    let shown = at(folder, "show plan.json").await;
    assert!(
        !shown.out.contains("(drift)") && !shown.out.contains("(spec changed)"),
        "{}",
        shown.out
    );
}

#[tokio::test]
async fn a_check_of_a_plan_says_whether_there_is_something_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let verify = |plan: &str| format!("verify {plan} --without-spec --snapshot look.json");
    for (spec_says, memory, code) in
        [("mem_limit: 64m", 64, 0), ("mem_limit: 128m, state: reloaded", 64, 2)]
    {
        put(folder, "spec.yaml", &spec(spec_says));
        put(folder, "look.json", &look(memory << 20));
        assert_eq!(at(folder, &format!("{PLAN} -o plan.json")).await.code, 0);
        let ran = at(folder, &verify("plan.json")).await;
        assert_eq!(ran.code, 0, "{}", ran.err);
        let ran = at(folder, &(verify("plan.json") + " --detailed-exitcode")).await;
        assert_eq!(ran.code, code, "{spec_says}: {}{}", ran.out, ran.err);
    }
    // What moved since counts though the plan does nothing to it.
    put(folder, "spec.yaml", &spec("mem_limit: 64m"));
    put(folder, "look.json", &look(64 << 20));
    assert_eq!(at(folder, &format!("{PLAN} -o plan.json")).await.code, 0);
    let whole = look(64 << 20);
    let image: Json = serde_json::from_str(&whole).unwrap();
    let gone = json!([image[0]]).to_string();
    for moved in [look(32 << 20), whole.replace("running", "exited"), gone] {
        put(folder, "look.json", &moved);
        let ran = at(folder, &verify("plan.json")).await;
        assert!(ran.code == 0 && ran.out.contains("moved"), "{}{}", ran.out, ran.err);
        let ran = at(folder, &(verify("plan.json") + " --detailed-exitcode")).await;
        assert_eq!(ran.code, 2, "{moved}: {}{}", ran.out, ran.err);
    }
    put(folder, "look.json", &whole);
    // What is left counts, too.
    put(folder, "spec.yaml", &spec("command: other"));
    assert_eq!(at(folder, &format!("{PLAN} -o plan.json")).await.code, 0);
    let ran = at(folder, &(verify("plan.json") + " --detailed-exitcode")).await;
    assert!(ran.code == 2 && ran.out.contains("left"), "{}{}", ran.out, ran.err);
    let ran = at(folder, &format!("{PLAN} --fail-on differences")).await;
    assert!(ran.code == 2 && ran.err.contains("fails on differences: 1 "), "{}", ran.err);
    let json: Json =
        serde_json::from_str(&at(folder, &(verify("plan.json") + " --json")).await.out).unwrap();
    assert_eq!(json["left"].as_array().unwrap().len(), 1);
}
