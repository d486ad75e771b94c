//! Finds the options that a set must declare, so that its container would equal the existing
//! container.
//!
//! This module knows no option by name: each option row gives its value, and the value is tried.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::choice::Choices;
use crate::base::ident::ContainerName;
use crate::engine_model::view;
use crate::engine_model::{Engine, World};
use crate::observed::redact::Visible;
use crate::observed::snapshot::{Container, Snapshot};
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, HIDDEN, Value};
use crate::options::{AnyRow, Context, Filled, Mode, ROWS};
use crate::planner::compare;
use crate::planner::compare::{Known, Terms};
use crate::spec::body::{self, Labels};
use crate::spec::{Set, read};
use crate::syntax::node::{Node, Problems};

/// How often the rows are tried, because the value of one row may settle another row.
const ROUNDS: usize = 3;
/// How many parts of a value are tried for removal.
const MOST_PARTS: usize = 64;
/// The labels by which other tools recognise their containers.
const FOREIGN: &[&str] = &["com.docker.compose.", "com.docker.swarm.", "desktop.docker."];

/// The shared data for all containers.
pub(super) struct Around<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) engine: &'a Engine,
    pub(super) world: &'a World,
    /// The context of all set keys.
    pub(super) cx: &'a Context,
    /// The set keys by container name.
    pub(super) keys: &'a BTreeMap<String, String>,
}

/// The data for one container.
pub(super) struct Trial<'a> {
    pub(super) container: &'a Container,
    pub(super) image: Option<&'a Json>,
    pub(super) around: &'a Around<'a>,
}

/// A set, and the container that it gives.
struct State {
    set: Set,
    expected: InspectView,
}

/// The set during its construction.
struct Making<'a> {
    trial: &'a Trial<'a>,
    found: InspectView,
    doc: Map<String, Json>,
    now: State,
}

/// Adds the options of a container to a set with name and image. `None`: even name and image are no
/// valid set.
pub(super) fn declare(
    trial: &Trial<'_>,
    doc: Map<String, Json>,
    choices: &mut Choices,
) -> Option<Map<String, Json>> {
    let inspect = trial.container.inspect.as_ref()?;
    let mut inspect = inspect.clone();
    let labels = inspect.pointer_mut("/Config/Labels");
    let foreign = take_foreign(labels.unwrap_or(&mut Json::Null));
    let found = InspectView::new(&inspect, &trial.container.env);
    let now = trial.state(&doc)?;
    let mut making = Making { trial, found, doc, now };
    for _ in 0..ROUNDS {
        let before = making.doc.len();
        for row in in_order(&making.found) {
            making.row(row);
        }
        if making.doc.len() == before {
            break;
        }
    }
    for row in ROWS {
        if !making.settled(*row) {
            making.give_up(*row, choices);
        }
    }
    making.leave_out();
    let mut doc = making.doc;
    if foreign && doc.contains_key("labels") {
        let modes = doc.entry("compare").or_insert_with(|| json!({}));
        modes["labels"] =
            if modes["labels"].is_null() { json!("superset") } else { modes["labels"].take() };
        choices.add("labels", "those by which Docker Compose knows its containers are left out");
    }
    Some(doc)
}

/// Removes the labels of other tools, which would be wrong on bayplan's containers.
fn take_foreign(labels: &mut Json) -> bool {
    let Some(labels) = labels.as_object_mut() else { return false };
    let before = labels.len();
    labels.retain(|key, _| !FOREIGN.iter().any(|begin| key.starts_with(begin)));
    labels.len() < before
}

/// The rows in the order of trial: of rows that exclude each other, the more expressive row comes
/// first if it has a value.
fn in_order(found: &InspectView) -> Vec<&'static dyn AnyRow> {
    let mut rows: Vec<&'static dyn AnyRow> = ROWS.to_vec();
    let mode = found.host("NetworkMode").as_str().unwrap_or_default();
    let own = !matches!(mode, "" | "bridge" | "host" | "none") && !mode.starts_with("container:");
    if own {
        rows.sort_by_key(|row| row.def().key != "networks");
    }
    rows
}

impl Trial<'_> {
    /// The set and its container; `None` for an invalid set.
    fn state(&self, doc: &Map<String, Json>) -> Option<State> {
        let root = json!({"project": "import", "containers": {"it": doc}});
        let mut spec = read::spec(Node::from_json(&root), &read::Files::new()).ok()?;
        let (key, mut set) = spec.sets.pop_first()?;
        // A plan ignores some differences, but the import must keep the container's values.
        for row in ROWS.iter().filter(|row| row.def().compare != Mode::Strict) {
            set.compare.entry(row.def().key.to_owned()).or_insert(Mode::Strict);
        }
        let name: ContainerName = self.container.name();
        let Around { engine, world, cx, .. } = self.around;
        let body = body::create_body(&spec, &key, &set, &name, Labels::None, cx);
        let expected = view::expected(&body, &name, self.image, engine, world);
        Some(State { set, expected: expected.saying_all() })
    }

    /// Whether a row has the same value on both sides.
    fn same(&self, row: &dyn AnyRow, state: &State, found: &InspectView) -> bool {
        let terms = Terms { set: &state.set, adopted: false, strange: None, everything: false };
        let visible = Some(Visible::in_container(self.around.snapshot, self.container));
        let known = Known { visible, secrets: &BTreeMap::new(), assume: true };
        compare::same(row, terms, &state.expected, found, known)
            && (!self.may_be_filled(row, state, found) || alike(row, &state.expected, found))
    }

    /// Whether a plan takes the found value for a default of the engine's configuration.
    fn may_be_filled(&self, row: &dyn AnyRow, state: &State, found: &InspectView) -> bool {
        let about = row.def();
        let ignored = state.set.compare.get(about.key) == Some(&Mode::Ignore);
        if about.filled == Filled::Never || ignored || state.set.option(about.key).is_some() {
            return false;
        }
        // For an unknown engine, a word may be a default of the engine; a number rarely is.
        self.around.snapshot.engine.is_some() || matches!(row.read(found), Value::One(Atom::Int(_)))
    }
}

fn alike(row: &dyn AnyRow, expected: &InspectView, found: &InspectView) -> bool {
    let (mut want, mut have) = (row.read(expected), row.read(found));
    row.normalize_pair(&mut want, &mut have, (expected, found));
    want == have
}

impl Making<'_> {
    /// Whether a row needs no value, or another row already gave its value.
    fn settled(&self, row: &dyn AnyRow) -> bool {
        self.doc.contains_key(row.def().key)
            || twins(row).any(|twin| self.doc.contains_key(twin.def().key))
            || self.same(row)
    }

    fn same(&self, row: &dyn AnyRow) -> bool {
        self.trial.same(row, &self.now, &self.found)
    }

    /// Declares a row, if that is necessary and possible.
    fn row(&mut self, row: &'static dyn AnyRow) {
        if self.settled(row) {
            return;
        }
        let spelt = self.spelt(row);
        if hides(&spelt) {
            return;
        }
        let names = names_alone(&spelt);
        let plain = map_texts(&spelt, &|text| text.strip_suffix("/tcp").unwrap_or(text).to_owned());
        let plain = (plain != spelt).then_some(plain);
        let short = self.beyond(row, &spelt);
        let nothing = [json!([]), json!({}), json!(false), json!(""), json!(0), json!(-1)];
        let candidates = names.into_iter().chain(plain).chain(short).chain([spelt]).chain(nothing);
        for value in candidates.filter(|value| !value.is_null()) {
            if self.try_value(row, &value) {
                self.shorten(row, value);
                return;
            }
        }
    }

    /// The value in spec notation, with other containers by name.
    fn spelt(&self, row: &dyn AnyRow) -> Json {
        let Around { world, cx, keys, .. } = self.trial.around;
        let rename = |text: &str| {
            let (kind, rest) = match text.strip_prefix("container:") {
                Some(rest) => ("container:", rest),
                None => ("", text),
            };
            let (word, tail) = rest.split_at(rest.find(':').unwrap_or(rest.len()));
            let hex = word.len() >= 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
            let name = if hex { world.container_name(word) } else { None };
            let name = name.unwrap_or(word);
            let key = keys.get(name).map_or(name, String::as_str);
            (format!("{kind}{name}{tail}"), format!("{kind}{key}{tail}"))
        };
        let spelt = written(row.to_spec(&self.found));
        let named = map_texts(&spelt, &|text| rename(text).0);
        let keyed = map_texts(&spelt, &|text| rename(text).1);
        let refers = |json: &Json| {
            let declared = row.parse(&Node::from_json(json), &mut Problems::default());
            declared.map(|declared| {
                let mut targets = Vec::new();
                declared.targets(&mut targets);
                targets.sort();
                targets.iter().map(|word| cx.container(word).to_owned()).collect::<Vec<_>>()
            })
        };
        match (refers(&named), refers(&keyed)) {
            (Some(before), Some(after)) if !before.is_empty() && before == after => keyed,
            (Some(before), _) if !before.is_empty() => named,
            _ => spelt,
        }
    }

    /// The entries of a map that are not there by default.
    fn beyond(&self, row: &dyn AnyRow, spelt: &Json) -> Option<Json> {
        let (Value::Map(want), Value::Map(have), Json::Object(entries)) =
            (row.read(&self.now.expected), row.read(&self.found), spelt)
        else {
            return None;
        };
        let more = entries.iter().filter(|(key, _)| want.get(*key) != have.get(*key));
        Some(Json::Object(more.map(|(key, value)| (key.clone(), value.clone())).collect()))
    }

    /// Declares a value if that settles the row.
    fn try_value(&mut self, row: &dyn AnyRow, value: &Json) -> bool {
        let mut doc = self.doc.clone();
        doc.insert(row.def().key.to_owned(), value.clone());
        let Some(state) = self.trial.state(&doc) else { return false };
        if !self.trial.same(row, &state, &self.found) {
            return false;
        }
        (self.doc, self.now) = (doc, state);
        true
    }

    /// Removes the parts of a value that are there by default.
    fn shorten(&mut self, row: &dyn AnyRow, mut value: Json) {
        let ordered = matches!(row.read(&self.found), Value::List(_));
        let mut paths = Vec::new();
        parts(&value, &mut Vec::new(), &mut paths);
        if ordered || paths.len() > MOST_PARTS {
            return;
        }
        // The last part first, so that earlier positions stay valid.
        for path in paths.iter().rev() {
            let mut less = value.clone();
            take_part(&mut less, path);
            if self.try_value(row, &less) {
                value = less;
            }
        }
    }

    /// Excludes a row from the comparison, with a comment, because a spec cannot express its value.
    /// The expressible part is declared.
    fn give_up(&mut self, row: &'static dyn AnyRow, choices: &mut Choices) {
        let key = row.def().key;
        let spelt = self.spelt(row);
        let ordered = matches!(row.read(&self.found), Value::List(_));
        let (rest, lost) = if ordered { (None, Vec::new()) } else { sayable(row, &spelt) };
        let hidden = hides(&spelt);
        let what = if lost.is_empty() { "it".to_owned() } else { lost.join(", ") };
        let why = if hidden {
            format!(
                "{what} may be secret, and would be lost in a replacement; `--literal {key}` writes it"
            )
        } else {
            format!("{what} cannot be declared here, and would be lost in a replacement")
        };
        let modes = ["superset", "ignore"].into_iter();
        for (mode, value) in modes.flat_map(|mode| [(mode, rest.as_ref()), (mode, None)]) {
            if self.compare(row, mode, value) {
                choices.add("compare", format!("{key}: {why}"));
                return;
            }
        }
    }

    /// Changes the comparison mode of a row if that settles the row.
    fn compare(&mut self, row: &dyn AnyRow, mode: &str, value: Option<&Json>) -> bool {
        let mut doc = self.doc.clone();
        let key = row.def().key;
        let modes = doc.entry("compare").or_insert_with(|| json!({}));
        modes[key] = json!(mode);
        if let Some(value) = value {
            let value = self.beyond(row, value).unwrap_or_else(|| value.clone());
            let empty = value == json!({}) || value == json!([]);
            if !empty {
                doc.insert(key.to_owned(), value);
            }
        }
        let Some(state) = self.trial.state(&doc) else { return false };
        if !self.trial.same(row, &state, &self.found) {
            return false;
        }
        (self.doc, self.now) = (doc, state);
        true
    }

    /// Removes every option without effect.
    fn leave_out(&mut self) {
        for row in ROWS.iter().rev() {
            let key = row.def().key;
            // An option that is not compared would always seem to have no effect.
            let given_up = !self.doc.get("compare").unwrap_or(&Json::Null)[key].is_null();
            if given_up || !self.doc.contains_key(key) {
                continue;
            }
            let mut doc = self.doc.clone();
            doc.remove(key);
            let Some(state) = self.trial.state(&doc) else { continue };
            let said = |key: &str| doc.contains_key(key);
            let mut compared = ROWS.iter().filter(|other| {
                said(other.def().key) || !twins(**other).any(|twin| said(twin.def().key))
            });
            if compared.all(|other| self.trial.same(*other, &state, &self.found)) {
                (self.doc, self.now) = (doc, state);
            }
        }
    }
}

/// The rows with the same meaning in another notation.
fn twins(row: &dyn AnyRow) -> impl Iterator<Item = &'static dyn AnyRow> + use<> {
    let (key, excludes) = (row.def().key, row.def().excludes);
    ROWS.iter().copied().filter(move |other| {
        let about = other.def();
        about.key != key && (excludes.contains(&about.key) || about.excludes.contains(&key))
    })
}

/// A map with empty values, as a list of its keys.
fn names_alone(json: &Json) -> Option<Json> {
    let map = json.as_object().filter(|map| !map.is_empty())?;
    let empty = |value: &Json| value.is_null() || value == &json!({});
    map.values().all(empty).then(|| map.keys().map(String::as_str).collect())
}

/// The paths of all parts of a value that may be removable.
fn parts(json: &Json, at: &mut Vec<String>, out: &mut Vec<Vec<String>>) {
    let inner: Vec<(String, &Json)> = match json {
        Json::Array(items) => {
            items.iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect()
        }
        Json::Object(map) => map.iter().map(|(key, item)| (key.clone(), item)).collect(),
        _ => return,
    };
    for (key, item) in inner {
        at.push(key);
        out.push(at.clone());
        parts(item, at, out);
        at.pop();
    }
}

/// Removes one part.
fn take_part(json: &mut Json, path: &[String]) {
    let Some((first, rest)) = path.split_first() else { return };
    let index = first.parse::<usize>().ok();
    match json {
        Json::Array(items) => match (index, rest) {
            (Some(index), []) if index < items.len() => drop(items.remove(index)),
            (Some(index), rest) => {
                if let Some(item) = items.get_mut(index) {
                    take_part(item, rest);
                }
            }
            (None, _) => {}
        },
        Json::Object(map) if rest.is_empty() => drop(map.remove(first)),
        Json::Object(map) => {
            if let Some(item) = map.get_mut(first) {
                take_part(item, rest);
            }
        }
        _ => {}
    }
}

/// The expressible part of a map or a list, and the names of the other map entries. A list with a
/// fixed order has no parts.
fn sayable(row: &dyn AnyRow, spelt: &Json) -> (Option<Json>, Vec<String>) {
    let fits = |one: &Json| {
        !hides(one) && row.parse(&Node::from_json(one), &mut Problems::default()).is_some()
    };
    match spelt {
        Json::Object(map) => {
            let alone = |key: &String, value: &Json| fits(&json!({key.as_str(): value}));
            let (rest, lost): (Map<_, _>, Map<_, _>) =
                map.clone().into_iter().partition(|(key, value)| alone(key, value));
            let names =
                lost.keys().map(|key| format!("`{}`", crate::base::say::short(key))).collect();
            (Some(Json::Object(rest)), names)
        }
        Json::Array(items) => {
            let rest = items.iter().filter(|item| fits(&json!([item]))).cloned().collect();
            (Some(Json::Array(rest)), Vec::new())
        }
        _ => (None, Vec::new()),
    }
}

/// A value with every text converted; keys are kept.
fn map_texts(json: &Json, change: &dyn Fn(&str) -> String) -> Json {
    match json {
        Json::String(text) => Json::String(change(text)),
        Json::Array(items) => items.iter().map(|item| map_texts(item, change)).collect(),
        Json::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), map_texts(value, change))).collect()
        }
        other => other.clone(),
    }
}

/// Whether a value contains a hidden text.
fn hides(json: &Json) -> bool {
    match json {
        Json::String(text) => text.contains(HIDDEN),
        Json::Array(items) => items.iter().any(hides),
        Json::Object(map) => map.iter().any(|(key, value)| key.contains(HIDDEN) || hides(value)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Texts in spec notation.
fn written(json: Json) -> Json {
    crate::spec::canon::written(json)
}
