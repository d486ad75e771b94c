//! Decides which values of variables a reason may show.
//!
//! An expected value comes from the spec or the image, so the value is public. A found value is
//! shown in two cases: the container's image has the same variable and value, or bayplan created
//! the container with this literal. A value is public only for its own variable.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::base::ident::LABEL_LITERALS;
use crate::options::AnyRow;
use crate::options::environment::EnvironmentRow;
use crate::options::inspect_view::InspectView;
use crate::options::literals::{self, Noted, variables};
use crate::options::value::{Atom, Live, Value};
use crate::plan::{Reason, Values};

/// Adds public values to the differences of the environment. `image` is the image of the container.
pub(super) fn values(
    differences: &mut [Reason],
    expected: &InspectView,
    found: &InspectView,
    image: Option<&Json>,
) {
    for reason in differences {
        let Reason::Environment(difference) = reason else { continue };
        let row: &dyn AnyRow = &EnvironmentRow;
        let (expected, found_all) = (map(row.read(expected)), map(row.read(found)));
        let noted = Noted::read(found.config("Labels")[LABEL_LITERALS].as_str());
        let handed: Vec<(&str, &str)> =
            image.into_iter().flat_map(|image| variables(&image["Config"]["Env"])).collect();
        let public = |name: &str, value: &str| {
            handed.contains(&(name, value))
                || noted.says(&literals::variable(name), &Json::from(value))
        };
        let expected = |name: &String| match expected.get(name) {
            Some(Atom::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let found = |name: &String| match found_all.get(name) {
            Some(Atom::Text(text) | Atom::Live(Live { shown: Some(text), .. })) => {
                Some(text.clone()).filter(|text| public(name, text))
            }
            _ => None,
        };
        let mut values = BTreeMap::new();
        for name in &difference.added {
            values.insert(name.clone(), Values { expected: expected(name), found: None });
        }
        for name in &difference.changed {
            if let (Some(expected), Some(found)) = (expected(name), found(name)) {
                let both = Values { expected: Some(expected), found: Some(found) };
                values.insert(name.clone(), both);
            }
        }
        for name in &difference.removed {
            values.insert(name.clone(), Values { expected: None, found: found(name) });
        }
        values.retain(|_, values| *values != Values::default());
        difference.values = values;
    }
}

fn map(value: Value) -> BTreeMap<String, Atom> {
    match value {
        Value::Map(map) => map,
        _ => BTreeMap::new(),
    }
}
