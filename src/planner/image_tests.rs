//! Plans with an image that is unknown, missing or ignored.

use serde_json::{Value as Json, json};

use super::tests::{add, changes, codes, inspect, plan, spec, world};
use crate::base::ident::{ImageId, Reference};
use crate::observed::snapshot::{RegistryAnswer, Snapshot};
use crate::options::value::Live;
use crate::plan::{Change, Danger, Reason};
use crate::spec::Spec;

/// The registry has another image for `app:1` than the engine.
fn moved(snapshot: &mut Snapshot) {
    let digest = RegistryAnswer::Digest(format!("sha256:{}", "d".repeat(64)));
    snapshot.registry.insert("app:1".to_owned(), digest);
}

/// A running member of `web`, declared by `before`, with a new image in the registry.
fn pending(before: &str) -> Snapshot {
    let mut snapshot = world();
    add(&mut snapshot, &web(before), "web", "p-web-1", "running");
    moved(&mut snapshot);
    snapshot
}

fn web(more: &str) -> Spec {
    spec(&format!(
        "project: p\ncontainers:\n  web:\n    image: app:1\n    state: reloaded\n    pull: always\n{more}"
    ))
}

/// The reasons for the change of the member, and the rows that may change.
fn told(spec: &Spec, snapshot: &Snapshot) -> (Vec<String>, Vec<String>) {
    let built = plan(spec, snapshot);
    let change = change(&built.plan.changes);
    let reasons = change.reasons.iter().map(|reason| match reason {
        Reason::Option(difference) => difference.option.clone(),
        Reason::Environment(difference) => format!(
            "environment +{:?} ~{:?} -{:?}",
            difference.added, difference.changed, difference.removed
        ),
        Reason::Because(because) => {
            json!(because)["because"].as_str().unwrap_or_default().to_owned()
        }
    });
    (reasons.collect(), change.impact.may_change.clone())
}

fn change(changes: &[Change]) -> &Change {
    changes.iter().find(|change| change.id.as_str() == "p-web-1").unwrap()
}

#[test]
fn a_declared_command_is_compared_though_the_image_is_not_known() {
    let snapshot = pending("    command: [old]\n    user: \"1\"\n");
    let (reasons, may) = told(&web("    command: [new]\n    user: \"2\"\n"), &snapshot);
    assert_eq!(reasons, ["command", "user", "image_not_known"]);
    assert!(!may.contains(&"command".to_owned()) && !may.contains(&"user".to_owned()), "{may:?}");
    assert!(may.contains(&"environment".to_owned()), "{may:?}");
    // The member is as declared, except for the image.
    let (reasons, _) = told(&web("    command: [old]\n    user: \"1\"\n"), &snapshot);
    assert_eq!(reasons, ["image_not_known"]);
}

#[test]
fn what_the_image_decides_may_change() {
    // An empty or undeclared command comes from the image …
    let snapshot = pending("    command: [old]\n");
    for more in ["", "    command: []\n"] {
        let (reasons, may) = told(&web(more), &snapshot);
        assert_eq!(reasons, ["image_not_known"], "{more:?}");
        assert!(may.contains(&"command".to_owned()), "{may:?}");
    }
    // … unless a declared entrypoint drops the image's command.
    let (reasons, may) = told(&web("    entrypoint: [run]\n"), &snapshot);
    assert_eq!(reasons, ["entrypoint", "image_not_known"]);
    assert!(!may.contains(&"command".to_owned()), "{may:?}");
}

#[test]
fn own_variables_and_labels_are_compared_though_the_image_is_not_known() {
    let snapshot = pending(
        "    environment: {A: \"1\", GONE: \"1\"}\n    labels: {x: \"1\"}\n    expose: [\"80\"]\n",
    );
    let (reasons, may) = told(
        &web(
            "    environment: {A: \"2\", B: \"3\"}\n    labels: {x: \"2\"}\n    expose: [\"81\"]\n",
        ),
        &snapshot,
    );
    // The variable GONE may come from the new image.
    let environment = r#"environment +["B"] ~["A"] -[]"#;
    assert_eq!(reasons, [environment, "labels", "expose", "image_not_known"]);
    for option in ["environment", "labels", "expose"] {
        assert!(may.contains(&option.to_owned()), "{may:?}");
    }
}

#[test]
fn a_reference_is_checked_though_the_image_is_not_known() {
    let key = Reference::Env { name: "KEY".to_owned() };
    let text = "    environment: {KEY: {from_env: KEY}}\n";
    let mut snapshot = pending(text);
    snapshot.secrets.insert(key.clone(), true);
    let live = |equal: bool| {
        let mut live = Live::default();
        if equal { &mut live.equal } else { &mut live.different }.insert(key.clone());
        live
    };
    for (equal, secret_changed) in [(true, false), (false, true)] {
        snapshot.containers[0].env.insert("KEY".to_owned(), live(equal));
        let built = plan(&web(text), &snapshot);
        let dangers = &change(&built.plan.changes).danger;
        assert_eq!(dangers.contains(&Danger::SecretChanged), secret_changed, "{dangers:?}");
        let facts = &built.plan.facts.containers[0].references;
        assert!(facts.contains_key("KEY"), "{facts:?}");
    }
}

#[test]
fn an_image_that_is_ignored_is_no_reason_known_or_not() {
    let ignore = "    compare: {image: ignore}\n";
    let mut snapshot = pending("");
    assert_eq!(changes(&plan(&web(ignore), &snapshot)), Vec::<String>::new());
    // The defaults come from the container's own image.
    let config = json!({"Cmd": ["serve"], "Env": ["PATH=/bin", "NEW=1"]});
    let (other, json) = super::tests::image("other", &config);
    snapshot.images.insert(other.clone(), json);
    snapshot.references.insert("app:1".to_owned(), Some(other));
    snapshot.registry.clear();
    let never = spec(
        "project: p\ncontainers:\n  web: {image: 'app:1', state: reloaded, compare: {image: ignore}}\n",
    );
    assert_eq!(changes(&plan(&never, &snapshot)), Vec::<String>::new());
    // Any other difference replaces the container, with the new image.
    let (reasons, _) = {
        moved(&mut snapshot);
        told(&web("    compare: {image: ignore}\n    mem_limit: 64m\n"), &snapshot)
    };
    assert_eq!(reasons, ["mem_limit"]);
}

#[test]
fn an_image_that_is_ignored_is_needed_for_creating_alone() {
    let ignore = web("    compare: {image: ignore}\n");
    let mut snapshot = pending("");
    let silent = RegistryAnswer::Silent;
    snapshot.registry.insert("app:1".to_owned(), silent);
    assert_eq!(changes(&plan(&ignore, &snapshot)), Vec::<String>::new());
    snapshot.containers.clear();
    assert_eq!(codes(&ignore, &snapshot), ["image_lacking"]);
}

#[test]
fn a_set_of_none_needs_no_image() {
    let none = |pull: &str| {
        spec(&format!(
            "project: p\ncontainers:\n  web: {{image: 'gone:1', count: 0, pull: {pull}}}\n"
        ))
    };
    let mut snapshot = world();
    snapshot.references.insert("gone:1".to_owned(), None);
    for pull in ["missing", "always", "never"] {
        assert_eq!(codes(&none(pull), &snapshot), Vec::<&str>::new(), "{pull}");
    }
    // The members are removed all the same.
    add(&mut snapshot, &web(""), "web", "p-web-1", "running");
    inspect(&mut snapshot, "p-web-1")["Config"]["Image"] = json!("gone:1");
    inspect(&mut snapshot, "p-web-1")["Image"] = Json::String(ImageId::new("lost").to_string());
    assert_eq!(changes(&plan(&none("missing"), &snapshot)), ["remove p-web-1"]);
}
