//! What is declared and the engine at hand will not keep: its API or its host lacks it, so it takes
//! the create and drops the option, with a warning in its answer or without a word.
//!
//! A plan says so before anything is done. It is never a difference: [`crate::adapt`] leaves out of
//! what is expected whatever the engine leaves out. Nothing here knows an option by name: what an
//! engine that lacks nothing would show is compared with what this one will.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::draft::Draft;
use super::images::Settled;
use crate::compare::{self, Terms};
use crate::desired::{self, Labels};
use crate::ident::{ContainerName, SetName};
use crate::plan::{OptionDifference, Origin, Reason, Warning, reason_text};
use crate::spec::{Set, State};

impl<'a> Draft<'a> {
    /// Warns of what will be dropped of containers of a set.
    pub(super) fn report_dropped(
        &mut self,
        key: &SetName,
        set: &'a Set,
        settled: &Settled<'_>,
        name: &ContainerName,
    ) {
        let makes = !matches!(set.state, State::Stopped | State::Killed | State::Absent);
        // Without an engine in the look, nothing is known of what it lacks.
        if !makes || self.snapshot.engine.is_none() {
            return;
        }
        let able = self.engine.lacking_nothing();
        let body = desired::body(self.spec, key, set, name, Labels::None, &self.cx);
        let on = |engine| desired::expected(&body, name, settled.image(), engine, &self.world);
        let (wish, real) = (on(&able), on(&self.engine));
        let terms = Terms { set, adopted: true, strange: None, everything: false };
        let lost = compare::compare(terms, &wish, || None, &real, self.known()).differences;
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

/// What is declared, and what will be kept of it. Of a map only what is lost.
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
