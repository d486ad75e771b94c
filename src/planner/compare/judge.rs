//! Judges one row: whether the expected value equals the found value.
//!
//! Values may be hidden and references unresolved, so a third answer is "unknown". The choice of
//! rows and of the mode is [`super`]'s.

use std::cell::OnceCell;
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

/// The two values of a row are judged with what is known beside them.
pub(super) struct Judge<'a> {
    known: Known<'a>,
    /// See [`Judge::readable`].
    make: &'a dyn Fn() -> Option<Value>,
    made: OnceCell<Option<Value>>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(known: Known<'a>, make: &'a dyn Fn() -> Option<Value>) -> Self {
        Self { known, make, made: OnceCell::new() }
    }

    /// The expected value, as far as the look would have shown it in the found container. A hidden
    /// value differs from what is readable here. Few rows ask.
    fn readable(&self) -> Option<&Value> {
        self.made.get_or_init(self.make).as_ref()
    }

    pub(super) fn judge(&self, want: Value, have: Value, mode: Mode) -> Found {
        let superset = mode == Mode::Superset;
        let mut keys = Keys::default();
        let (same, beyond) = match (&want, &have) {
            (Value::Unknown, _) | (_, Value::Unknown) => (Same::Unknown, false),
            (Value::Unset, Value::Unset) => (Same::Yes, false),
            (Value::One(want), Value::One(have)) => {
                let shown = || matches!(self.readable(), Some(Value::One(atom)) if atom == want);
                (atoms(want, have, shown, self.known), true)
            }
            (Value::List(want), Value::List(have)) => (self.lists(want, have), true),
            (Value::Unset, Value::Set(_)) if superset => (Same::Yes, true),
            (Value::Set(want), Value::Set(have)) => self.sets(want, have, superset),
            (Value::Unset | Value::Map(_), Value::Unset | Value::Map(_)) => {
                let empty = BTreeMap::new();
                self.maps(map(&want, &empty), map(&have, &empty), superset, &mut keys)
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

    fn lists(&self, want: &[Atom], have: &[Atom]) -> Same {
        let readable = || match self.readable() {
            Some(Value::List(shown)) => shown.as_slice(),
            _ => &[],
        };
        if want.len() != have.len() {
            // A hidden argv is a single mark, whatever its length. It differs from an argv of public
            // words only, because that argv would be shown.
            let hidden = matches!(have, [Atom::Live(Live { shown: None, .. })]);
            return if hidden && readable() != want { Same::Unknown } else { Same::No };
        }
        all(want.iter().zip(have).enumerate().map(|(at, (want, have))| {
            atoms(want, have, || readable().get(at) == Some(want), self.known)
        }))
    }

    fn sets(&self, want: &BTreeSet<Atom>, have: &BTreeSet<Atom>, superset: bool) -> (Same, bool) {
        let missing: Vec<&Atom> = want.difference(have).collect();
        let extra: Vec<&Atom> = have.difference(want).collect();
        let hidden = extra.iter().filter(|atom| matches!(atom, Atom::Live(_))).count();
        let shown = |atom: &Atom| {
            matches!(atom, Atom::Text(_))
                && matches!(self.readable(), Some(Value::Set(shown)) if shown.contains(atom))
        };
        let same = if missing.is_empty() && (superset || extra.is_empty()) {
            Same::Yes
        } else if hidden > 0
            && missing.len() <= extra.len()
            && missing.iter().any(|atom| !shown(atom))
        {
            Same::Unknown
        } else {
            Same::No
        };
        (same, !extra.is_empty())
    }

    fn maps(
        &self,
        want: &BTreeMap<String, Atom>,
        have: &BTreeMap<String, Atom>,
        superset: bool,
        keys: &mut Keys,
    ) -> (Same, bool) {
        let mut unknown = false;
        for (key, value) in want {
            let shown = || {
                let Some(Value::Map(shown)) = self.readable() else { return false };
                shown.get(key) == Some(value)
            };
            match have.get(key).map(|have| atoms(value, have, shown, self.known)) {
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
}

/// The map of a value; `Unset` gives an empty map.
fn map<'v>(value: &'v Value, empty: &'v BTreeMap<String, Atom>) -> &'v BTreeMap<String, Atom> {
    match value {
        Value::Map(map) => map,
        _ => empty,
    }
}

/// Compares two scalars; `shown` tells whether the look would have shown the expected one.
fn atoms(want: &Atom, have: &Atom, shown: impl Fn() -> bool, known: Known<'_>) -> Same {
    let plain = |same: bool| if same { Same::Yes } else { Same::No };
    match (want, have) {
        (Atom::Reference(reference), Atom::Live(live)) => reference_same(reference, live, known),
        // Only a simulated engine shows a reference unresolved.
        (Atom::Reference(one), Atom::Reference(other)) => plain(one == other),
        (Atom::Reference(_), _) => Same::Unknown,
        (Atom::Text(text), Atom::Live(Live { shown: Some(shown), .. })) => plain(text == shown),
        (Atom::Text(text), Atom::Live(Live { shown: None, .. })) => {
            if shown() {
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
