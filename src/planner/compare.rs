//! Compares the expected container with the found container, option by option, and tells the origin
//! of each difference.
//!
//! The comparison decides; no hash does. Reading options out of inspect data is the rows',
//! computing the expected inspect data [`crate::engine_model::view`]'s.

#[cfg(test)]
mod fields_tests;
mod judge;
mod said_before;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value as Json;

pub(super) use self::judge::collapse;
use self::judge::{Found, Judge, Keys};
use crate::base::ident::Reference;
use crate::observed::redact::Visible;
use crate::options::field::At;
use crate::options::fields;
use crate::options::inspect_view::InspectView;
use crate::options::risk::Risk;
use crate::options::row::Filled;
use crate::options::value::{Atom, Value};
use crate::options::{self, AnyRow, Mode, ROWS};
use crate::plan::facts::{ReferenceFact, Verdict};
use crate::plan::{EnvironmentDifference, OptionDifference, Origin, Reason};
use crate::planner::danger::VOLUMES;
use crate::spec::Set;

/// The row whose differences name variables instead of showing values.
const ENVIRONMENT: &str = "environment";

/// The facts, beyond both sides, that the comparison of a container uses.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What was public in the found container; `None`: neither side comes from a look.
    pub visible: Option<Visible<'a>>,
    /// For each reference, whether it could be resolved.
    pub secrets: &'a BTreeMap<Reference, bool>,
    /// Whether an unresolved reference counts as unchanged.
    pub assume: bool,
}

/// Which rows of a container are compared, and how strictly.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The declared options.
    pub set: &'a Set,
    /// Bayplan did not create the container: only declared rows and rows from the image are
    /// compared.
    pub adopted: bool,
    /// Set if the image is unknown until it is pulled: the expected inspect data with an invented
    /// image (see [`crate::engine_model::strange_image`]). A value that is equal with the invented
    /// image and with no image does not depend on the image. Only these values are compared.
    pub strange: Option<&'a InspectView>,
    /// Compares strictly, even under `compare: ignore`. A size or a limit counts even if an engine
    /// may have filled the value in.
    pub everything: bool,
}

/// The result of the comparison of one container.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Comparison {
    /// Every option that differs, the image first, then in the order of the table.
    pub differences: Vec<Reason>,
    /// Options for which hidden or unresolved values leave the comparison undecided.
    pub unknown: Vec<&'static str>,
    /// The comparison of live values with references, by variable, or by the path of a file.
    pub references: BTreeMap<String, ReferenceFact>,
}

/// Compares every row that the terms name. `before` gives the expected inspect data under the image
/// of the found container. The function calls `before` only if a row differs; `before` gives `None`
/// if the snapshot lacks that image.
pub fn compare(
    terms: Terms<'_>,
    expected: &InspectView,
    before: impl FnOnce() -> Option<Rc<InspectView>>,
    found: &InspectView,
    known: Known<'_>,
) -> Comparison {
    let mut result = Comparison::default();
    let mut rows: Vec<(usize, &'static dyn AnyRow, Found)> = Vec::new();
    let different = Different::between(expected, found);
    let sides = Sides { expected, found, different: Some(&different) };
    for (place, row) in compared_rows(terms) {
        match verdict((place, row), terms, sides, known, &mut result.references) {
            Found::Same => {}
            Found::Unknown => result.unknown.push(row.def().key),
            differs @ Found::Differs { .. } => rows.push((place, row, differs)),
        }
    }
    let caused = terms.strange.is_none() && rows.iter().any(|(_, row, _)| row.def().from_image);
    let before = if caused { before() } else { None };
    let keys: BTreeSet<&str> = rows.iter().map(|(_, row, _)| row.def().key).collect();
    for (place, row, differs) in rows {
        let about = row.def();
        // A row that is never compared also hides the rows that follow from that row.
        let ignored = |other: &&&str| {
            crate::options::row(other).is_some_and(|row| mode(row, terms) == Mode::Ignore)
        };
        let follows = about.follows.iter().any(|other| keys.contains(other) || ignored(&other));
        if follows && terms.set.option(about.key).is_none() {
            continue;
        }
        let origin = match &before {
            None if about.from_image && terms.strange.is_none() => Origin::Unknown,
            // With an unknown image only values that do not depend on the image were compared.
            _ if terms.strange.is_some() => Origin::Declared,
            Some(before) if about.from_image => {
                let mut ignored = BTreeMap::new();
                let sides = Sides { expected: before, found, different: None };
                match verdict((place, row), terms, sides, known, &mut ignored) {
                    Found::Same => Origin::Image,
                    _ => Origin::Declared,
                }
            }
            _ => Origin::Declared,
        };
        result.differences.push(reason(about.key, origin, differs));
    }
    result
}

/// What a replacement of an adopted container does to its undeclared options.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beyond {
    /// Rows in which the container has more than its replacement.
    pub drops: Vec<String>,
    /// Rows in which it may: what it has more may be the engine's own configuration, which the
    /// replacement gets, too.
    pub may_drop: Vec<String>,
}

/// Compares an adopted container with its replacement. `compare: ignore` hides a difference, but
/// the loss is told all the same.
pub fn beyond(
    terms: Terms<'_>,
    expected: &InspectView,
    found: &InspectView,
    known: Known<'_>,
) -> Beyond {
    let all = Terms { adopted: false, everything: true, ..terms };
    let has_more = |placed: (usize, &'static dyn AnyRow), expected: &InspectView| {
        let sides = Sides { expected, found, different: None };
        let about = placed.1.def();
        let untold = terms.set.option(about.key).is_none() && !about.from_image;
        match verdict(placed, all, sides, known, &mut BTreeMap::new()) {
            // Nobody declared the value that the container gives up, and no reason tells it.
            Found::Differs { beyond, keys, .. } => beyond || untold && !keys.changed.is_empty(),
            Found::Same | Found::Unknown => false,
        }
    };
    let everything = expected.clone().saying_all();
    let placed = ROWS.iter().copied().enumerate();
    let dropped: Vec<_> = placed.filter(|placed| has_more(*placed, &everything)).collect();
    // A row that follows from another row is told there.
    let keys: BTreeSet<&str> = dropped.iter().map(|(_, row)| row.def().key).collect();
    let mut result = Beyond::default();
    for (place, row) in dropped {
        let about = row.def();
        if about.follows.iter().any(|other| keys.contains(other)) {
            continue;
        }
        let certain = has_more((place, row), expected);
        // A reason tells every entry of a declared option. Mounts are told as lost one by one.
        let told = terms.set.option(about.key).is_some()
            && about.key != VOLUMES
            && mode(row, terms) == Mode::Strict
            && differs(row, terms, expected, found, known);
        match certain {
            true if told => {}
            true => result.drops.push(about.key.to_owned()),
            false => result.may_drop.push(about.key.to_owned()),
        }
    }
    result
}

/// Whether one row differs for certain.
pub fn differs(
    row: &dyn AnyRow,
    terms: Terms<'_>,
    expected: &InspectView,
    found: &InspectView,
    known: Known<'_>,
) -> bool {
    matches!(alone(row, terms, expected, found, known), Found::Differs { .. })
}

/// Whether one row is equal for certain.
pub fn same(
    row: &dyn AnyRow,
    terms: Terms<'_>,
    expected: &InspectView,
    found: &InspectView,
    known: Known<'_>,
) -> bool {
    matches!(alone(row, terms, expected, found, known), Found::Same)
}

/// Compares a single row.
fn alone(
    row: &dyn AnyRow,
    terms: Terms<'_>,
    expected: &InspectView,
    found: &InspectView,
    known: Known<'_>,
) -> Found {
    let placed = (position(row.def().key), row);
    let sides = Sides { expected, found, different: None };
    verdict(placed, terms, sides, known, &mut BTreeMap::new())
}

/// The two sides of a comparison.
#[derive(Clone, Copy)]
struct Sides<'a> {
    expected: &'a InspectView,
    found: &'a InspectView,
    different: Option<&'a Different<'a>>,
}

/// The fields in which the two sides differ. Most options are undeclared, so most fields are equal.
/// Comparing all fields at once takes a tenth of the time of reading each row.
struct Different<'a> {
    config: BTreeSet<&'a str>,
    host: BTreeSet<&'a str>,
}

impl<'a> Different<'a> {
    fn between(one: &'a InspectView, other: &'a InspectView) -> Self {
        let of = |field| differing(&one.json()[field], &other.json()[field]);
        Self { config: of("Config"), host: of("HostConfig") }
    }

    /// Whether all fields that decide the row at a place of the table are the same.
    fn none(&self, place: usize) -> bool {
        let fields = fields::deciding(place);
        !fields.is_empty()
            && fields.iter().all(|field| match field {
                At::Config(field) => !self.config.contains(field),
                At::Host(field) => !self.host.contains(field),
            })
    }
}

/// The fields in which two objects differ; a missing field counts as null.
fn differing<'a>(one: &'a Json, other: &'a Json) -> BTreeSet<&'a str> {
    let (Json::Object(one), Json::Object(other)) = (one, other) else {
        let all = [one, other].into_iter().filter_map(Json::as_object).flatten();
        return all.map(|(field, _)| field.as_str()).collect();
    };
    let mut different = BTreeSet::new();
    let (mut ones, mut others) = (one.iter().peekable(), other.iter().peekable());
    loop {
        let order = match (ones.peek(), others.peek()) {
            (Some((one, _)), Some((other, _))) => one.cmp(other),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return different,
        };
        let one = if order == Ordering::Greater { None } else { ones.next() };
        let other = if order == Ordering::Less { None } else { others.next() };
        let value =
            |side: Option<(&String, &'a Json)>| side.map_or(&Json::Null, |(_, value)| value);
        if value(one) != value(other) {
            different.extend(one.or(other).map(|(field, _)| field.as_str()));
        }
    }
}

/// The rows to compare. Of rows that exclude each other only the declared row is compared, or the
/// first row if none is declared.
fn compared_rows(terms: Terms<'_>) -> impl Iterator<Item = (usize, &'static dyn AnyRow)> {
    ROWS.iter().copied().enumerate().filter(move |(place, row)| {
        let about = row.def();
        let says = |key: &str| terms.set.option(key).is_some();
        let declared = says(about.key);
        if about.excludes.is_empty() {
            return declared || !terms.adopted || about.from_image;
        }
        let twin_declared = about.excludes.iter().any(|twin| says(twin));
        let earlier = |twin: &&&str| position(twin) < *place;
        let earlier_twin = about.excludes.iter().find(earlier);
        if !declared && (twin_declared || earlier_twin.is_some()) {
            return false;
        }
        // If both rows are declared, one comparison gives one reason.
        if earlier_twin.is_some_and(|twin| says(twin)) {
            return false;
        }
        declared || !terms.adopted || about.from_image
    })
}

fn position(key: &str) -> usize {
    options::place(key).unwrap_or(usize::MAX)
}

/// The mode that the set or the row demands, if any.
fn asked(row: &dyn AnyRow, set: &Set) -> Option<Mode> {
    let about = row.def();
    if let Some(mode) = set.compare.get(about.key) {
        return Some(*mode);
    }
    if about.compare == Mode::Ignore {
        return Some(Mode::Ignore);
    }
    // A row with a single value has no superset.
    let all = set.compare.get("*").copied();
    all.map(|mode| if mode == Mode::Superset && !about.many { Mode::Strict } else { mode })
}

/// How strictly one row is compared.
pub fn mode(row: &dyn AnyRow, terms: Terms<'_>) -> Mode {
    let about = row.def();
    let declared = terms.set.option(about.key).is_some();
    if let Some(mode) = asked(row, terms.set) {
        return mode;
    }
    // Undeclared options of an adopted container may stay, as long as the options of the image are
    // there.
    if terms.adopted && !declared { Mode::Superset } else { about.compare }
}

fn verdict(
    (place, row): (usize, &dyn AnyRow),
    terms: Terms<'_>,
    Sides { expected, found, different }: Sides<'_>,
    known: Known<'_>,
    references: &mut BTreeMap<String, ReferenceFact>,
) -> Found {
    let mode = if terms.everything { Mode::Strict } else { mode(row, terms) };
    if mode == Mode::Ignore {
        return Found::Same;
    }
    let about = row.def();
    if about.filled != Filled::Keys && different.is_some_and(|different| different.none(place)) {
        return Found::Same;
    }
    let (mut want, mut have) = (expected.read(place, |look| row.read(look)), row.read(found));
    // Under `superset` a value that is no longer declared may stay as an extra value.
    let loose = !terms.everything && asked(row, terms.set) == Some(Mode::Superset);
    let gone = if loose { None } else { said_before::gone(about, &want, &have, found) };
    row.normalize_pair(&mut want, &mut have, (expected, found));
    if mode == Mode::Superset {
        row.without_more(&mut want, &mut have, (expected, found));
    }
    let mut want = collapse(want);
    let have = collapse(have);
    let readable = || Some(readable(row, mode, known.visible?, (expected, found)));
    let judge = Judge::new(known, &readable);
    if let Some(gone) = gone {
        return judge.judge(want, gone, Mode::Strict);
    }
    // Under `everything` a word of a fixed list may still be a default of the engine; a size or a
    // limit was most likely declared.
    let asked = || {
        terms.everything && about.filled == Filled::Any
            || terms.set.option(about.key).is_some()
            || terms.set.compare.contains_key(about.key)
            || said_before::whole(about, found)
    };
    if about.filled.covers(&have) && !asked() {
        return Found::Same;
    }
    let mut open = false;
    if let Some(strange) = terms.strange.filter(|_| about.from_image) {
        match sure(want, &collapse(strange.read(place, |look| row.read(look)))) {
            Sure::All(all) => want = all,
            Sure::Part(part) => (want, open) = (part, true),
            Sure::None => return Found::Same,
        }
    }
    if about.risk == Risk::Secrets && have != Value::Unknown {
        note_references(&want, &have, known, references);
    }
    let mode = if open { Mode::Superset } else { mode };
    match judge.judge(want, have, mode) {
        // Further entries may come from the unknown image, so they prove no loss.
        Found::Differs { expected, found, beyond: _, keys } if open => {
            Found::Differs { expected, found, beyond: false, keys }
        }
        verdict => verdict,
    }
}

/// The expected value, as far as the look would have shown it in the found container.
fn readable(
    row: &dyn AnyRow,
    mode: Mode,
    visible: Visible<'_>,
    (expected, found): (&InspectView, &InspectView),
) -> Value {
    let expected = &visible.hide(expected);
    let (mut want, mut have) = (row.read(expected), row.read(found));
    row.normalize_pair(&mut want, &mut have, (expected, found));
    if mode == Mode::Superset {
        row.without_more(&mut want, &mut have, (expected, found));
    }
    collapse(want)
}

/// The part of a value that is certain while the image is unknown.
enum Sure {
    /// The whole value.
    All(Value),
    /// These entries; the image may add more entries.
    Part(Value),
    /// Nothing: the image decides.
    None,
}

/// The part of a value that is equal with no image and with the invented image.
fn sure(want: Value, strange: &Value) -> Sure {
    if want == *strange {
        return Sure::All(want);
    }
    match (want, strange) {
        (Value::Map(mut want), Value::Map(strange)) => {
            want.retain(|key, value| strange.get(key) == Some(value));
            Sure::Part(Value::Map(want))
        }
        (Value::Set(want), Value::Set(strange)) => {
            Sure::Part(Value::Set(want.intersection(strange).cloned().collect()))
        }
        _ => Sure::None,
    }
}

/// The rows that depend on the unknown image, wholly or in part. `expected` is computed with no
/// image, `strange` with the invented image.
pub fn open_rows(expected: &InspectView, strange: &InspectView) -> Vec<String> {
    let rows = ROWS.iter().filter(|row| row.def().from_image);
    let open = rows.filter(|row| collapse(row.read(expected)) != collapse(row.read(strange)));
    open.map(|row| row.def().key.to_owned()).collect()
}

fn note_references(
    want: &Value,
    have: &Value,
    known: Known<'_>,
    references: &mut BTreeMap<String, ReferenceFact>,
) {
    let Value::Map(want) = want else { return };
    for (name, atom) in want {
        let Atom::Reference(reference) = atom else { continue };
        let live = match have {
            Value::Map(have) => have.get(name),
            _ => None,
        };
        let missing = known.secrets.get(reference) != Some(&true);
        let verdict = match live {
            Some(Atom::Reference(found)) if found == reference => Verdict::Equal,
            Some(Atom::Live(live)) if live.equal.contains(reference) => Verdict::Equal,
            Some(Atom::Live(live)) if live.different.contains(reference) => Verdict::Different,
            _ if missing => Verdict::Assumed,
            _ => Verdict::Different,
        };
        references.insert(name.clone(), ReferenceFact { reference: reference.clone(), verdict });
    }
}

fn reason(key: &str, origin: Origin, differs: Found) -> Reason {
    let (expected, found, keys) = match differs {
        Found::Differs { expected, found, keys, .. } => (expected, found, keys),
        Found::Same | Found::Unknown => (Value::Unset, Value::Unset, Keys::default()),
    };
    if key == ENVIRONMENT {
        let Keys { added, changed, removed } = keys;
        let option = key.to_owned();
        return Reason::Environment(EnvironmentDifference {
            option,
            origin,
            added,
            changed,
            removed,
            values: BTreeMap::new(),
        });
    }
    Reason::Option(OptionDifference {
        option: key.to_owned(),
        origin,
        expected: expected.show(),
        found: found.show(),
        in_place: false,
        references: None,
    })
}
