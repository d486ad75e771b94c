//! `labels`: labels of people and other tools.
//!
//! The labels of bayplan cannot be declared, and this row ignores them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::field::some_map;
use super::fields::{Nothing, Owned};
use super::grammar::{Bare, Grammar, Map, Names, text_of};
use super::risk::Risk;
use super::row::{Body, Context, Group, OPTION, OptionDef, Row, Spelled};
use crate::base::ident::{COMPOSE_PREFIX, LABEL_PREFIX};
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};

/// Prefixes of labels that identify containers. These labels are written elsewhere, and are no
/// difference.
const OURS: [&str; 2] = [LABEL_PREFIX, COMPOSE_PREFIX];

/// The declared labels.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Labels(pub BTreeMap<String, String>);

impl Spelled for Labels {
    const GRAMMAR: Grammar = Grammar::Map(Map {
        what: "a map of labels or a list of `KEY=VALUE`",
        names: Names::Without("a label", &OURS),
        value: &text_of("the text of a label"),
        pairs: true,
        // A label without a value has the empty value, as in Compose.
        bare: Bare::Is(|_| json!("")),
    });
}

/// The row of `labels`.
#[derive(Debug)]
pub struct LabelsRow;

impl Row for LabelsRow {
    type Declared = Labels;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "labels",
            risk: Risk::None,
            doc: "labels, beside those of the image",
            examples: &[
                "{com.example.team: shop, com.example.tier: \"1\"}",
                "[com.example.team=shop, com.example.flag]",
                "{com.example.version: 1.10}",
            ],
            group: Group::Process,
            from_image: true,
            many: true,
            ..OPTION
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        vec![Owned::config("Labels", Nothing::Map)]
    }

    /// Adds to existing labels: the identifying labels are written elsewhere.
    fn write(&self, said: &Labels, body: &mut Body, _cx: &Context) {
        let labels = body.nested("Labels");
        for (key, value) in &said.0 {
            labels.insert(key.clone(), json!(value));
        }
    }

    fn read(&self, look: &InspectView) -> Value {
        let labels = look.config("Labels").as_object();
        let ours = |key: &str| OURS.iter().any(|prefix| key.starts_with(prefix));
        let others = labels.into_iter().flatten().filter(|(key, _)| !ours(key));
        let label = |(key, value): (&String, &Json)| {
            (key.clone(), Atom::text(value.as_str().unwrap_or_default()))
        };
        some_map(others.map(label).collect())
    }
}
