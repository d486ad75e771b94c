//! What a container was declared with, of that which an engine may fill in by itself.
//!
//! Such a value on a container says nothing where nobody declares it: the engine may have put it
//! there. Bayplan notes what it said in a label of what it creates, so that what is declared no more
//! is seen to be gone.

use crate::base::ident::LABEL_DECLARED;
use crate::options::inspect_view::InspectView;
use crate::options::row::{Filled, OptionDef};
use crate::options::value::Value;

fn said(found: &InspectView) -> impl Iterator<Item = &str> {
    let label = found.config("Labels")[LABEL_DECLARED].as_str().unwrap_or_default();
    label.split(',').filter(|word| !word.is_empty())
}

/// Whether the option as a whole was declared.
pub(super) fn whole(about: &OptionDef, found: &InspectView) -> bool {
    said(found).any(|word| word == about.key)
}

/// The part of a map that is found and was declared or is, if some of it is declared no more.
pub(super) fn gone(
    about: &OptionDef,
    want: &Value,
    have: &Value,
    found: &InspectView,
) -> Option<Value> {
    if about.filled != Filled::Keys {
        return None;
    }
    let Value::Map(have) = have else { return None };
    let wanted = |key: &str| matches!(want, Value::Map(want) if want.contains_key(key));
    let mut all = have.clone();
    let keys = said(found).filter_map(|word| word.strip_prefix(about.key)?.strip_prefix('.'));
    let before: Vec<&str> = keys.filter(|key| have.contains_key(*key)).collect();
    all.retain(|key, _| wanted(key) || before.contains(&key.as_str()));
    before.iter().any(|key| !wanted(key)).then_some(Value::Map(all))
}
