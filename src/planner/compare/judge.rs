//! Judges one row: whether the expected value equals the found value.
//!
//! Values may be hidden and references unresolved, so a third answer is "unknown". The choice of
//! rows and of the mode is [`super`]'s.

use std::collections::{BTreeMap, BTreeSet};

use super::Known;
use crate::base::ident::Reference;
use crate::options::Mode;
use crate::options::value::{Atom, Live, Value, mark_reference};

/// Whether two atoms are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Same {
    Yes,
    No,
    /// Hidden values leave the comparison undecided.
    Unknown,
}

/// The result for one row.
#[expect(clippy::large_enum_variant, reason = "lives for the length of a loop's turn")]
pub(super) enum Found {
    Same,
    Unknown,
    Differs {
        expected: Value,
        found: Value,
        /// The found value has an entry that is not expected.
        beyond: bool,
        keys: Keys,
    },
}

/// The keys of a map that differ.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) added: Vec<String>,
    pub(super) changed: Vec<String>,
    pub(super) removed: Vec<String>,
}

/// Turns an empty collection into `Unset`.
pub(in crate::planner) fn collapse(value: Value) -> Value {
    match value {
        Value::List(items) if items.is_empty() => Value::Unset,
        Value::Set(items) if items.is_empty() => Value::Unset,
        Value::Map(items) if items.is_empty() => Value::Unset,
        other => other,
    }
}

pub(super) fn judge(want: Value, have: Value, mode: Mode, known: Known<'_>) -> Found {
    let superset = mode == Mode::Superset;
    let mut keys = Keys::default();
    let (same, beyond) = match (&want, &have) {
        (Value::Unknown, _) | (_, Value::Unknown) => (Same::Unknown, false),
        (Value::Unset, Value::Unset) => (Same::Yes, false),
        (Value::One(want), Value::One(have)) => (atoms(want, have, known), true),
        (Value::List(want), Value::List(have)) => (lists(want, have, known), true),
        (Value::Unset, Value::Set(_)) if superset => (Same::Yes, true),
        (Value::Set(want), Value::Set(have)) => sets(want, have, superset, known),
        (Value::Unset | Value::Map(_), Value::Unset | Value::Map(_)) => {
            let empty = BTreeMap::new();
            maps(map(&want, &empty), map(&have, &empty), superset, known, &mut keys)
        }
        (_, Value::Unset) => (Same::No, false),
        _ => (Same::No, true),
    };
    match same {
        Same::Yes => Found::Same,
        Same::Unknown => Found::Unknown,
        Same::No => Found::Differs { expected: want, found: have, beyond, keys },
    }
}

/// The map of a value; `Unset` gives an empty map.
fn map<'v>(value: &'v Value, empty: &'v BTreeMap<String, Atom>) -> &'v BTreeMap<String, Atom> {
    match value {
        Value::Map(map) => map,
        _ => empty,
    }
}

fn atoms(want: &Atom, have: &Atom, known: Known<'_>) -> Same {
    let plain = |same: bool| if same { Same::Yes } else { Same::No };
    match (want, have) {
        (Atom::Reference(reference), Atom::Live(live)) => reference_same(reference, live, known),
        // Only a simulated engine shows a reference unresolved.
        (Atom::Reference(one), Atom::Reference(other)) => plain(one == other),
        (Atom::Reference(_), _) => Same::Unknown,
        (Atom::Text(text), Atom::Live(Live { shown: Some(shown), .. })) => plain(text == shown),
        (Atom::Text(text), Atom::Live(Live { shown: None, .. })) => {
            if known.public.contains(text) {
                Same::No
            } else if known.assume && has_unresolved(text, known) {
                Same::Yes
            } else {
                Same::Unknown
            }
        }
        _ => plain(want == have),
    }
}

fn reference_same(reference: &Reference, live: &Live, known: Known<'_>) -> Same {
    if live.equal.contains(reference) {
        return Same::Yes;
    }
    if live.different.contains(reference) {
        return Same::No;
    }
    let missing = known.secrets.get(reference) != Some(&true);
    if missing && known.assume { Same::Yes } else { Same::Unknown }
}

/// Whether a text contains an unresolved reference: a health check is one text with many words.
fn has_unresolved(text: &str, known: Known<'_>) -> bool {
    let mut missing = known.secrets.iter().filter(|(_, resolved)| !**resolved);
    missing.any(|(reference, _)| text.contains(&mark_reference(reference)))
}

fn lists(want: &[Atom], have: &[Atom], known: Known<'_>) -> Same {
    if want.len() != have.len() {
        // A hidden argv is a single mark, whatever its length.
        let hidden = matches!(have, [Atom::Live(Live { shown: None, .. })]);
        return if hidden { hidden_list(want, known) } else { Same::No };
    }
    all(want.iter().zip(have).map(|(want, have)| atoms(want, have, known)))
}

/// A hidden argv differs from an argv of public words only, because that argv would be shown.
fn hidden_list(want: &[Atom], known: Known<'_>) -> Same {
    let texts = want.iter().map(|atom| match atom {
        Atom::Text(text) => Some(text),
        _ => None,
    });
    let public = texts.into_iter().all(|text| text.is_some_and(|text| known.public.contains(text)));
    if public { Same::No } else { Same::Unknown }
}

fn sets(
    want: &BTreeSet<Atom>,
    have: &BTreeSet<Atom>,
    superset: bool,
    known: Known<'_>,
) -> (Same, bool) {
    let missing: Vec<&Atom> = want.difference(have).collect();
    let extra: Vec<&Atom> = have.difference(want).collect();
    let hidden = extra.iter().filter(|atom| matches!(atom, Atom::Live(_))).count();
    let unknown = missing.iter().any(|atom| match atom {
        Atom::Text(text) => !known.public.contains(text),
        _ => true,
    });
    let same = if missing.is_empty() && (superset || extra.is_empty()) {
        Same::Yes
    } else if hidden > 0 && unknown && missing.len() <= extra.len() {
        Same::Unknown
    } else {
        Same::No
    };
    (same, !extra.is_empty())
}

fn maps(
    want: &BTreeMap<String, Atom>,
    have: &BTreeMap<String, Atom>,
    superset: bool,
    known: Known<'_>,
    keys: &mut Keys,
) -> (Same, bool) {
    let mut unknown = false;
    for (key, value) in want {
        match have.get(key).map(|have| atoms(value, have, known)) {
            None => keys.added.push(key.clone()),
            Some(Same::No) => keys.changed.push(key.clone()),
            Some(Same::Unknown) => unknown = true,
            Some(Same::Yes) => {}
        }
    }
    let extra = have.keys().filter(|key| !want.contains_key(*key));
    keys.removed.extend(extra.filter(|_| !superset).cloned());
    let Keys { added, changed, removed } = &*keys;
    // A certain difference counts, even if other entries are unknown.
    let same = match (added.is_empty() && changed.is_empty() && removed.is_empty(), unknown) {
        (false, _) => Same::No,
        (true, true) => Same::Unknown,
        (true, false) => Same::Yes,
    };
    (same, have.keys().any(|key| !want.contains_key(key)))
}

fn all(each: impl Iterator<Item = Same>) -> Same {
    let mut result = Same::Yes;
    for same in each {
        match same {
            Same::No => return Same::No,
            Same::Unknown => result = Same::Unknown,
            Same::Yes => {}
        }
    }
    result
}
