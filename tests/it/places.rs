//! Public is per place: what a spec says anywhere else shows nothing of a live value. A stranger who
//! writes guesses must not see which of them is right.

use std::collections::BTreeMap;

use bayplan::observed::file;
use bayplan::observed::redact::{Redactor, Unredacted};
use bayplan::spec::read;
use serde_json::{Value as Json, json};

use super::program::run;

const RIGHT: &str = "gu355-4711";

/// One container with a value in every place that may be secret, and its image. `word`: what is in
/// its command line.
fn look(value: &str, word: &str) -> Json {
    let image = format!("sha256:{}", "1".repeat(64));
    json!([
        {"Id": image, "RepoTags": ["app:1"], "RepoDigests": [], "Os": "linux", "Architecture": "amd64",
            "Config": {"Cmd": ["run"], "Env": ["OPEN=yes"]}},
        {"Id": "a".repeat(64), "Name": "/web", "Image": image, "Created": "2026-01-01T00:00:00Z",
            "State": {"Status": "running", "Running": true, "StartedAt": "2026-01-01T00:00:01Z"},
            "Path": "serve", "Args": [word],
            "Config": {"Image": "app:1", "Cmd": ["serve", word], "Entrypoint": null,
                "Env": [format!("PIN={value}"), "OPEN=yes"], "Labels": {"pin": value},
                "Healthcheck": {"Test": ["CMD", "check", value]}},
            "HostConfig": {"NetworkMode": "bridge", "Annotations": {"pin": value},
                "LogConfig": {"Type": "json-file", "Config": {"tag": value}}},
            "Mounts": [], "NetworkSettings": {"Networks": {}}},
    ])
}

/// What the program says of it.
async fn told(spec: &str, value: &str, format: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("spec.yaml"), spec).unwrap();
    std::fs::write(folder.path().join("guess.env"), format!("G={RIGHT}\n")).unwrap();
    // A guess at the command of its own set is one at this very place.
    let own = |key: &str| spec.starts_with(&format!("{WEB}    {key}: [{RIGHT}"));
    let word = if own("command") || own("entrypoint") { "same" } else { value };
    std::fs::write(folder.path().join("look.json"), look(value, word).to_string()).unwrap();
    let args = [
        "plan",
        "spec.yaml",
        "--snapshot",
        "look.json",
        "--explain-undeclared",
        "--format",
        format,
    ];
    let ran = run(folder.path(), &[], &args).await;
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    format!("{}\n{}{}", ran.code, ran.out, ran.err)
}

const WEB: &str =
    "project: p\ncontainers:\n  web:\n    name: web\n    image: app:1\n    state: reloaded\n";

#[tokio::test]
async fn a_guess_in_another_place_says_nothing() {
    let other = "  other:\n    image: other:1\n    pull: never\n    count: 0\n";
    let guesses = [
        format!("    command: [{RIGHT}, x, y]\n    environment: {{OPEN: 'no'}}\n"),
        format!("    entrypoint: [{RIGHT}]\n    labels: {{a: b}}\n"),
        format!("    environment: {{OTHER: {RIGHT}}}\n    command: [serve, x]\n"),
        format!("    labels: {{other: {RIGHT}}}\n    environment: {{PIN: wrong}}\n"),
        format!(
            "    healthcheck: {{test: [CMD, {RIGHT}]}}\n    labels: {{pin: wrong}}\n    environment: {{PIN: wrong}}\n"
        ),
        format!("    annotations: {{other: {RIGHT}}}\n    command: [serve, wrong]\n"),
        format!(
            "    logging: {{driver: json-file, options: {{env: {RIGHT}}}}}\n    environment: {{PIN: wrong}}\n"
        ),
        format!(
            "    hostname: {RIGHT}\n    environment: {{PIN: wrong}}\n    labels: {{pin: wrong}}\n"
        ),
        format!(
            "{other}    command: [{RIGHT}]\n    environment: {{PIN: {RIGHT}}}\n    labels: {{pin: {RIGHT}}}\n"
        ),
        format!(
            "{other}    environment: {{PIN: {{env_file: guess.env, name: G}}}}\n    healthcheck: {{test: [CMD, check, {RIGHT}]}}\n"
        ),
        format!(
            "networks:\n  n: {{labels: {{pin: {RIGHT}}}, driver_opts: {{pin: {RIGHT}}}}}\nvolumes:\n  v: {{labels: {{pin: {RIGHT}}}}}\n"
        ),
    ];
    for guess in guesses {
        let spec = format!("{WEB}{guess}");
        for format in ["text", "json"] {
            let right = told(&spec, RIGHT, format).await;
            let wrong = told(&spec, "s0meth1ng-else", format).await;
            // The guess itself is in the plan: that it is right must not be.
            assert_eq!(right, wrong, "{guess}");
        }
    }
}

#[tokio::test]
async fn what_the_same_option_of_the_set_says_is_seen_to_be_so() {
    let lines = format!(
        "    environment: {{PIN: {RIGHT}}}\n    labels: {{pin: {RIGHT}}}\n    command: [serve, {RIGHT}]\n    \
         annotations: {{pin: {RIGHT}}}\n    healthcheck: {{test: [CMD, check, {RIGHT}]}}\n    \
         logging: {{driver: json-file, options: {{tag: {RIGHT}}}}}\n"
    );
    let spec = format!("{WEB}{lines}");
    let same = told(&spec, RIGHT, "text").await;
    assert!(same.contains("othing to do"), "{same}");
    let differs = told(&spec, "s0meth1ng-else", "text").await;
    assert!(differs.contains("1 to replace") && !differs.contains("s0meth1ng"), "{differs}");
    for option in ["environment", "labels", "command", "annotations", "healthcheck", "logging"] {
        assert!(differs.contains(&format!("           {option}")), "{option}: {differs}");
    }
}

/// A snapshot that was taken with one spec, kept as a file, and what the program says of it with
/// another one.
async fn told_later(then: &str, now: &str, value: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let spec = read::text(then, &read::Files::new()).unwrap();
    let found = file::read(look(value, "same").to_string().as_bytes()).unwrap();
    let mut kept = Unredacted::new(found).redact(&Redactor::new(Some(&spec), BTreeMap::new()));
    // As one of an engine: what `docker inspect` prints would be hidden for the spec of today.
    kept.whole = true;
    let kept = String::from_utf8(file::write(&kept).unwrap()).unwrap();
    std::fs::write(folder.path().join("look.json"), kept).unwrap();
    std::fs::write(folder.path().join("spec.yaml"), now).unwrap();
    let args = ["plan", "spec.yaml", "--snapshot", "look.json", "--format", "text"];
    let ran = run(folder.path(), &[], &args).await;
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    format!("{}\n{}{}", ran.code, ran.out, ran.err)
}

/// A text that another option, or another set, said when a snapshot was taken was hidden in this
/// option all the same, so a snapshot cannot tell whether it is the value.
#[tokio::test]
async fn a_saved_snapshot_answers_no_guess_that_it_was_not_taken_for() {
    let other = "  other:\n    name: other\n    image: app:1\n";
    let by_image = "  other:\n    image: app:1\n    match: image\n";
    let elsewhere = [
        format!("    labels: {{guess: {RIGHT}}}\n"),
        format!("    environment: {{GUESS: {RIGHT}}}\n    hostname: {RIGHT}\n"),
        format!("{other}    environment: {{PIN: {RIGHT}}}\n    labels: {{pin: {RIGHT}}}\n"),
        format!("{by_image}    environment: {{PIN: {RIGHT}}}\n    labels: {{pin: {RIGHT}}}\n"),
        format!("volumes:\n  v: {{driver_opts: {{pin: {RIGHT}}}}}\n"),
    ];
    let web = format!("{WEB}    command: [serve, same]\n");
    for then in elsewhere {
        let then = format!("{web}{then}");
        for guess in [
            format!("    environment: {{PIN: {RIGHT}}}\n"),
            format!("    labels: {{pin: {RIGHT}}}\n"),
            format!("    healthcheck: {{test: [CMD, check, {RIGHT}]}}\n"),
            format!("    annotations: {{pin: {RIGHT}}}\n"),
            format!("    logging: {{driver: json-file, options: {{tag: {RIGHT}}}}}\n"),
        ] {
            let now = format!("{web}{guess}");
            let right = told_later(&then, &now, RIGHT).await;
            let wrong = told_later(&then, &now, "s0meth1ng-else").await;
            assert_eq!(right, wrong, "{then}{guess}");
            // Nor is the value said to be another one.
            assert!(right.contains("cannot be told [unknown]"), "{then}{guess}{right}");
        }
    }
    // At its own place the text would have been seen, so a hidden value is another one.
    let own = format!("{web}    environment: {{PIN: {RIGHT}}}\n");
    let differs = told_later(&own, &own, "s0meth1ng-else").await;
    assert!(differs.contains("1 to replace"), "{differs}");
    let same = told_later(&own, &own, RIGHT).await;
    assert!(same.contains("othing to do"), "{same}");
}

#[tokio::test]
async fn extension_keys_are_in_no_plan() {
    let canary = "x-canary";
    let lines = format!(
        "    x-a: {canary}\n    logging: {{driver: json-file, x-a: {canary}}}\n    healthcheck: {{test: [CMD, a], x-a: {canary}}}\n    \
         networks: {{n: {{aliases: [a], x-a: {canary}}}}}\n    deploy: {{x-a: {canary}}}\n    \
         ulimits: {{nofile: {{soft: 1, hard: 2}}}}\n    volumes: [{{type: volume, source: v, target: /v, x-a: {canary}}}]\n    \
         ports: [{{target: 80, x-a: {canary}}}]\nx-top: {canary}\n\
         networks: {{n: {{x-a: {canary}}}}}\nvolumes: {{v: {{x-a: {canary}}}}}\n"
    );
    let plan = told(&format!("{WEB}{lines}"), "v", "json").await;
    assert!(plan.contains("bayplan/plan/1"), "{plan}");
    assert!(!plan.contains(canary), "{plan}");
}
