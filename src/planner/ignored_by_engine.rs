//! Finds declared options that the engine will drop, because its API or its host lacks the option.
//! Such an engine accepts the create and drops the option, with a warning or silently.
//!
//! The plan warns of the loss. A dropped option is never a difference: [`crate::engine_model`]
//! leaves the option out of the expected inspect data. This module knows no option by name: the
//! code compares the inspect data of a fully capable engine with the inspect data of the real
//! engine. Options that an engine refuses are [`super::preflight`]'s.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::draft::{Expected, Planner};
use super::images::ResolvedImage;
use crate::base::ident::{ContainerName, SetName};
use crate::engine_model::view;
use crate::options::Body;
use crate::options::inspect_view::InspectView;
use crate::plan::show::reason_text;
use crate::plan::{OptionDifference, Origin, Reason, Warning};
use crate::planner::compare;
use crate::planner::compare::Terms;
use crate::spec::body::{self, Labels};
use crate::spec::{Set, State};

impl<'a> Planner<'a> {
    /// Warns of declared options that the engine will drop.
    pub(super) fn report_dropped(
        &mut self,
        key: &SetName,
        set: &'a Set,
        settled: &ResolvedImage<'_>,
        name: &ContainerName,
        expected: &mut Expected<'a>,
    ) {
        let makes = !matches!(set.state, State::Stopped | State::Killed | State::Absent);
        // A snapshot without an engine does not show the engine's abilities.
        if !makes || self.snapshot.engine.is_none() || set.options.is_empty() {
            return;
        }
        let cx = self.context_of(set, name);
        let body = body::create_body(self.spec, key, set, name, Labels::None, &cx);
        let image = settled.image();
        let real = self.expect(key, set, name, image, expected);
        if keeps_all(&body, &real) {
            return;
        }
        let able = self.engine.supporting_all();
        let wish = view::expected(&body, name, image, &able, &self.world);
        let terms = Terms { set, adopted: true, strange: None, everything: false };
        let known = self.known_of_expected();
        let lost = compare::compare(terms, &wish, || None, &real, known).differences;
        let api = self.engine.api;
        let lost = lost.into_iter().filter_map(|reason| match reason {
            Reason::Option(difference) => Some(difference),
            _ => None,
        });
        let declared = lost.filter(|difference| set.option(&difference.option).is_some());
        let texts: BTreeSet<String> = declared.map(kept).collect();
        self.warnings.extend(texts.into_iter().map(|text| Warning {
            code: "dropped".to_owned(),
            set: Some(key.clone()),
            text: format!("{text}: the engine drops it, its host or its API {api} lacks it"),
        }));
    }
}

/// Whether the expected inspect data contains the whole create body, so that nothing is lost. This
/// cheap test nearly always succeeds; it may fail if an engine shows a value in another form.
fn keeps_all(body: &Body, real: &InspectView) -> bool {
    let fields = body.json().as_object().into_iter().flatten();
    fields.into_iter().all(|(field, said)| match field.as_str() {
        "HostConfig" => keeps(said, &real.json()["HostConfig"]),
        "NetworkingConfig" => {
            keeps(&said["EndpointsConfig"], &real.json()["NetworkSettings"]["Networks"])
        }
        field => keeps(said, real.config(field)),
    })
}

/// Whether one value contains another value. An image may append entries to a list.
fn keeps(said: &Json, shown: &Json) -> bool {
    match (said, shown) {
        (Json::Null, _) => true,
        (Json::Object(said), Json::Object(shown)) => {
            said.iter().all(|(field, value)| keeps(value, shown.get(field).unwrap_or(&Json::Null)))
        }
        (Json::Array(said), Json::Array(shown)) => {
            said.len() <= shown.len()
                && said.iter().zip(shown).all(|(said, shown)| keeps(said, shown))
        }
        (said, shown) => said == shown,
    }
}

/// The declared and the kept value in words; of a map only the lost entries.
fn kept(difference: OptionDifference) -> String {
    let OptionDifference { option, expected: mut declared, found: mut kept, .. } = difference;
    if let (Json::Object(declared), Json::Object(kept)) = (&mut declared, &mut kept) {
        let same =
            |key: &String, value: &Json, other: &Map<String, Json>| other.get(key) == Some(value);
        let before = declared.clone();
        declared.retain(|key, value| !same(key, value, kept));
        kept.retain(|key, value| !same(key, value, &before));
    }
    reason_text::text(&Reason::Option(OptionDifference {
        option,
        origin: Origin::Declared,
        expected: if kept == json!({}) { Json::Null } else { kept },
        found: declared,
        in_place: false,
        references: None,
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::engine_model::{Engine, World};
    use crate::options::{Context, ROWS};
    use crate::planner::compare::Known;
    use crate::planner::tests::image;
    use crate::spec::read;

    /// If the cheap test says that all is kept, the full comparison finds no loss.
    #[test]
    fn what_stands_in_the_look_is_not_dropped() {
        let secrets = BTreeMap::new();
        let known = Known { visible: None, secrets: &secrets, assume: false };
        let old = Engine {
            api: crate::base::api::OLDEST,
            cgroup2: true,
            swap_limit: false,
            memory_limit: false,
            pids_limit: false,
            cpu_shares: false,
            cpu_quota: false,
            cpuset: false,
            blkio_weight: false,
            ..Engine::newest()
        };
        let name = ContainerName::new("web");
        let (_, image) = image("app:1", &json!({"Cmd": ["serve"]}));
        let (mut kept, mut dropped) = (0, 0);
        for (row, value) in
            ROWS.iter().flat_map(|row| row.def().examples.iter().map(move |value| (row, value)))
        {
            let option = row.def().key;
            let text = format!(
                "project: p\nbase_dir: /b\ncontainers:\n  a: {{name: web, image: 'app:1', {option}: {value}}}\n"
            );
            let Ok(spec) = read::text(&text, &BTreeMap::new()) else { continue };
            let (key, set) = spec.sets.iter().next().unwrap();
            let cx = Context { base_dir: spec.base_dir.clone(), ..Context::default() };
            let body = body::create_body(&spec, key, set, &name, Labels::None, &cx);
            for engine in [&old, &Engine::newest()] {
                let on =
                    |engine| view::expected(&body, &name, Some(&image), engine, &World::default());
                let (wish, real) = (on(&engine.supporting_all()), on(engine));
                let terms = Terms { set, adopted: true, strange: None, everything: false };
                let lost = compare::compare(terms, &wish, || None, &real, known).differences;
                let lost = lost.iter().any(|reason| {
                    matches!(reason, Reason::Option(one) if set.option(&one.option).is_some())
                });
                if keeps_all(&body, &real) {
                    kept += 1;
                    assert!(!lost, "{option}: {value}");
                }
                dropped += usize::from(lost);
            }
        }
        assert!(kept > 100 && dropped > 5, "{kept} {dropped}");
    }
}
