//! The fields that a row names decide its value. The test uses the rows' examples in pairs, on the
//! newest engine and on an engine without any optional ability.

use std::collections::BTreeMap;

use super::{Different, Found, Known, ROWS, Sides, Terms, verdict};
use crate::base::ident::ContainerName;
use crate::engine_model::view;
use crate::engine_model::{Engine, World};
use crate::options::Context;
use crate::options::inspect_view::InspectView;
use crate::planner::tests::image;
use crate::spec::body::{self, Labels};
use crate::spec::{Set, Spec, read};

/// A set with this option, if the option is allowed.
fn spec(option: &str) -> Option<Spec> {
    let text = format!(
        "project: p\nbase_dir: /b\ncontainers:\n  a: {{name: web, image: 'app:1', {option}}}\n  db: {{image: 'db:1'}}\n"
    );
    read::text(&text, &BTreeMap::new()).ok()
}

fn of(spec: &Spec) -> (&crate::base::ident::SetName, &Set) {
    spec.sets.iter().next().expect("a set")
}

fn look(spec: &Spec, engine: &Engine) -> InspectView {
    let (key, set) = of(spec);
    let name = ContainerName::new("web");
    let cx = Context { base_dir: spec.base_dir.clone(), ..Context::default() };
    let body = body::create_body(spec, key, set, &name, Labels::None, &cx);
    let (_, image) =
        image("app:1", &serde_json::json!({"Cmd": ["serve"], "ExposedPorts": {"9/tcp": {}}}));
    view::expected(&body, &name, Some(&image), engine, &World::default())
}

#[test]
fn where_the_fields_of_a_row_are_the_same_so_is_what_it_compares() {
    let secrets = BTreeMap::new();
    let known = Known { visible: None, secrets: &secrets, assume: false };
    let mut named = 0;
    for (place, row) in ROWS.iter().copied().enumerate() {
        let about = row.def();
        let keys = [about.key].into_iter().chain(about.excludes.iter().copied());
        let rows = keys.chain(["ports", "expose", "network_mode"]).filter_map(crate::options::row);
        let says = rows.flat_map(|row| {
            row.def().examples.iter().map(|value| format!("{}: {value}", row.def().key))
        });
        let specs: Vec<Spec> = says.chain([String::new()]).filter_map(|says| spec(&says)).collect();
        let old = Engine {
            api: crate::base::api::OLDEST,
            memory_limit: false,
            cpuset: false,
            ..Engine::newest()
        };
        let looks: Vec<InspectView> = [&Engine::newest(), &old]
            .into_iter()
            .flat_map(|engine| specs.iter().map(|spec| look(spec, engine)))
            .collect();
        let set = of(&specs[0]).1;
        let terms = Terms { set, adopted: false, strange: None, everything: true };
        for (one, other) in looks.iter().flat_map(|one| looks.iter().map(move |other| (one, other)))
        {
            if !Different::between(one, other).none(place) {
                continue;
            }
            named += 1;
            let sides = Sides { expected: one, found: other, different: None };
            let told = verdict((place, row), terms, sides, known, &mut BTreeMap::new());
            assert!(matches!(told, Found::Same), "{}", about.key);
        }
    }
    assert!(named > 1_000, "{named}");
}
