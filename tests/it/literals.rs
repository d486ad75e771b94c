//! What bayplan itself created from literals is public: reasons show what it was. Nothing else is.

use std::collections::BTreeMap;

use bayplan::engine::observe;
use bayplan::observed::redact::Redactor;
use bayplan::observed::scope::ObservationScope;
use bayplan::plan::show::{About, text};
use bayplan::spec::{Spec, read};

use crate::made::block;
use crate::row_walks::{converge, engine, plan};

fn spec(options: &str) -> Spec {
    let text = format!(
        "project: shop\ncontainers:\n  web:\n    name: shop-web\n    image: app:1\n    state: \
         reloaded\n{options}"
    );
    read::text(&text, &read::Files::new()).unwrap()
}

const OLD: &str = "    environment: {LOG_LEVEL: info, GONE: one, TOKEN: {from_env: TOKEN}}\n    \
                   labels: {team: red}\n    command: [serve, --old-flag]\n    healthcheck: {test: \
                   [CMD, old-check]}\n";
const NEW: &str = "    environment: {LOG_LEVEL: debug, NEW: two}\n    labels: {team: blue}\n    \
                   command: [serve, --new-flag]\n    healthcheck: {test: [CMD, new-check]}\n";

#[test]
fn old_literals_of_what_bayplan_created_are_shown() {
    let engine = engine();
    block(converge(&engine, &spec(OLD))).unwrap();
    let plan = block(plan(&engine, &spec(NEW))).plan;
    let shown = text::text(&plan, &About::default(), text::Options::default());
    for told in [
        "environment + NEW=two ~ LOG_LEVEL info → debug - GONE=one - TOKEN",
        "labels ~ team red → blue",
        "--old-flag",
        "old-check",
    ] {
        assert!(
            shown.split_whitespace().collect::<Vec<_>>().join(" ").contains(told),
            "{told} in\n{shown}"
        );
    }
    assert!(!shown.contains("from_env:TOKEN"), "{shown}");
}

/// Another value under labels that somebody copied is not the literal, so it stays hidden; and so
/// does one that is a literal somewhere else.
#[test]
fn a_value_is_public_at_its_own_place_and_as_it_was() {
    let engine = engine();
    block(converge(&engine, &spec(OLD))).unwrap();
    let mut look = block(observe::observe(&engine, &ObservationScope::everything()))
        .unwrap()
        .redact(&Redactor::default());
    let inspect = look.containers.iter_mut().find_map(|found| found.inspect.as_mut()).unwrap();
    assert!(inspect["Config"]["Env"].to_string().contains("LOG_LEVEL=info"), "{inspect:#}");
    assert!(!inspect["Config"]["Env"].to_string().contains("from_env"), "{inspect:#}");
    inspect["Config"]["Env"] = serde_json::json!(["LOG_LEVEL=hunter2", "OTHER=info"]);
    inspect["Config"]["Labels"]["team"] = "hunter2".into();
    inspect["Config"]["Cmd"] = serde_json::json!(["serve", "hunter2"]);
    let sealed = bayplan::observed::redact::Unredacted::new(look)
        .redact(&Redactor::new(None, BTreeMap::new()));
    let inspect = sealed.containers.iter().find_map(|found| found.inspect.as_ref()).unwrap();
    let all = inspect["Config"].to_string();
    assert!(!all.contains("hunter2") && !all.contains("OTHER=info"), "{all}");
}
