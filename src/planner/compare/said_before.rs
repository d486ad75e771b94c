//! Options that a container was declared with and that an engine may also fill in.
//!
//! Such a value proves nothing by itself, because the engine may have set the value. Bayplan
//! therefore notes the declared options in a label of each created container. A removed declaration
//! is then seen as a difference. The comparison itself is [`mod@super::judge`]'s.

use crate::base::ident::LABEL_DECLARED;
use crate::options::inspect_view::InspectView;
use crate::options::row::{Filled, OptionDef};
use crate::options::value::Value;

fn said(found: &InspectView) -> impl Iterator<Item = &str> {
    let label = found.config("Labels")[LABEL_DECLARED].as_str().unwrap_or_default();
    label.split(',').filter(|word| !word.is_empty())
}

/// Whether the label notes the whole option.
pub(super) fn whole(about: &OptionDef, found: &InspectView) -> bool {
    said(found).any(|word| word == about.key)
}

/// The found entries of a map that are or were declared, if the spec no longer declares a found
/// entry.
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
