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
                   [CMD, old-check]}\n    logging: {driver: json-file, options: {tag: old-tag}}\n    \
                   annotations: {note: old-note}\n";
const NEW: &str = "    environment: {LOG_LEVEL: debug, NEW: two}\n    labels: {team: blue}\n    \
                   command: [serve, --new-flag]\n    healthcheck: {test: [CMD, new-check]}\n    \
                   logging: {driver: json-file, options: {tag: new-tag}}\n    annotations: {note: \
                   new-note}\n";

#[test]
fn old_literals_of_what_bayplan_created_are_shown() {
    let engine = engine();
    block(converge(&engine, &spec(OLD))).unwrap();
    let plan = block(plan(&engine, &spec(NEW))).plan;
    let shown = text::text(&plan, &About::default(), text::Options::default());
    for told in [
        "environment (spec changed) + NEW=two ~ LOG_LEVEL info → debug - GONE=one - TOKEN",
        "labels ~ team red → blue",
        "--old-flag",
        "old-check",
        "~ options.tag old-tag → new-tag",
        "~ note old-note → new-note",
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
    inspect["HostConfig"]["LogConfig"]["Config"] =
        serde_json::json!({"tag": "hunter2", "env": "old-tag"});
    inspect["HostConfig"]["Annotations"]["note"] = "hunter2".into();
    let sealed = bayplan::observed::redact::Unredacted::new(look)
        .redact(&Redactor::new(None, BTreeMap::new()));
    let inspect = sealed.containers.iter().find_map(|found| found.inspect.as_ref()).unwrap();
    let all = format!("{} {}", inspect["Config"], inspect["HostConfig"]);
    assert!(!all.contains("hunter2") && !all.contains("OTHER=info"), "{all}");
    assert!(!all.contains("old-tag"), "{all}");
}

/// Networks and volumes carry the label, too.
#[test]
fn old_options_of_networks_and_volumes_are_shown() {
    let engine = engine();
    let of = |words: &str| {
        let text = format!(
            "project: shop\nnetworks:\n  own: {{driver_opts: {{words: {words}-net}}, labels: {{team: \
             {words}}}}}\nvolumes:\n  data: {{driver_opts: {{o: {words}-data}}}}\ncontainers:\n  web: \
             {{image: 'app:1', networks: [own], volumes: ['data:/data']}}\n"
        );
        read::text(&text, &read::Files::new()).unwrap()
    };
    block(converge(&engine, &of("old"))).unwrap();
    let plan = block(plan(&engine, &of("new"))).plan;
    let shown = text::text(&plan, &About::default(), text::Options::default());
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for told in ["words: old-net => new-net", "team: old => new", "o: old-data => new-data"] {
        assert!(shown.contains(told), "{told} in\n{shown}");
    }
}
