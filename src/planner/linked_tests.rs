//! Links to a set with several members, under Compose and elsewhere.

use serde_json::json;

use super::tests::{add, changes, inspect, plan, spec, world};
use crate::base::ident::StepId;
use crate::observed::snapshot::Snapshot;
use crate::spec::Spec;

/// A project with as many members of `db`, and of `web`, which links to them.
fn project(compat: &str, db: u32, web: u32) -> Spec {
    let alias = if compat.is_empty() { "" } else { "'db:db-1', 'db:p-db-1'" };
    spec(&format!(
        "project: p\n{compat}\nnetworks: {{back: {{name: back}}}}\ndefaults: {{state: reloaded}}\ncontainers:\n  \
         db: {{image: 'app:1', count: {db}, networks: [back]}}\n  \
         web: {{image: 'app:1', count: {web}, networks: [back], links: ['db:sql', {alias}]}}\n"
    ))
}

/// The links of a create body.
fn links(spec: &Spec, snapshot: &Snapshot, step: &str) -> Vec<String> {
    let built = plan(spec, snapshot);
    let body = built.bodies[&StepId::new(step)].json();
    let links = &body["NetworkingConfig"]["EndpointsConfig"]["back"]["Links"];
    links.as_array().unwrap().iter().map(|link| link.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_link_reaches_the_first_member_and_under_compose_every_member() {
    let none = world();
    assert_eq!(links(&project("", 2, 1), &none, "p-web-1/create"), ["p-db-1:sql"]);
    let both = project("compat: compose", 2, 2);
    let of = |number: u8| {
        let all = ["p-db-1", "p-db-2"].iter().flat_map(|name| {
            [format!("{name}:db-{number}"), format!("{name}:p-db-{number}"), format!("{name}:sql")]
        });
        all.collect::<std::collections::BTreeSet<String>>()
    };
    for number in [1, 2] {
        let links = links(&both, &none, &format!("p-web-{number}/create"));
        assert_eq!(links.into_iter().collect::<std::collections::BTreeSet<_>>(), of(number));
    }
}

/// A container keeps the links that it was made with, however many members there are today.
#[test]
fn a_target_that_is_scaled_replaces_nothing_that_links_to_it() {
    let mut snapshot = world();
    let two = project("compat: compose", 2, 1);
    for (set, name) in [("db", "p-db-1"), ("db", "p-db-2"), ("web", "p-web-1")] {
        add(&mut snapshot, &two, set, name, "running");
    }
    let links = |numbers: &[u8]| {
        let of =
            |number: &u8| ["sql", "db-1", "p-db-1"].map(|alias| format!("p-db-{number}:{alias}"));
        json!(numbers.iter().flat_map(of).collect::<Vec<_>>())
    };
    let set = |snapshot: &mut Snapshot, numbers: &[u8]| {
        inspect(snapshot, "p-web-1")["NetworkSettings"]["Networks"]["back"]["Links"] =
            links(numbers);
    };
    let of_web = |snapshot: &Snapshot, spec: &Spec| {
        let mut all = changes(&plan(spec, snapshot));
        all.retain(|change| change.contains("web"));
        all
    };
    let none: Vec<String> = Vec::new();
    for made_with in [&[1, 2][..], &[1], &[1, 2, 3, 4]] {
        set(&mut snapshot, made_with);
        for count in [1, 2, 3] {
            let spec = project("compat: compose", count, 1);
            let reasons = plan(&spec, &snapshot).plan.changes;
            assert_eq!(of_web(&snapshot, &spec), none, "{made_with:?}, {count}: {reasons:?}");
        }
    }
    // A missing link to the first member, and one to a stranger, are differences.
    set(&mut snapshot, &[2]);
    assert_eq!(of_web(&snapshot, &two), ["replace p-web-1"]);
    set(&mut snapshot, &[1, 2]);
    let networks = &mut inspect(&mut snapshot, "p-web-1")["NetworkSettings"]["Networks"];
    networks["back"]["Links"].as_array_mut().unwrap().push(json!("mail:sql"));
    assert_eq!(of_web(&snapshot, &two), ["replace p-web-1"]);
}
