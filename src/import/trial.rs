//! One container as a set: what has to be said so that what it makes reads as the container does.
//!
//! Nothing is known here of any option: rows are asked, and what they spell is tried.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::choice::Choices;
use crate::base::ident::ContainerName;
use crate::engine_model::view;
use crate::engine_model::{Engine, World};
use crate::observed::snapshot::{Container, Snapshot};
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, HIDDEN, Value};
use crate::options::{AnyRow, Context, Filled, Mode, ROWS};
use crate::planner::compare;
use crate::planner::compare::{Known, Terms};
use crate::spec::body::{self, Labels};
use crate::spec::{Set, read};
use crate::syntax::node::{Node, Problems};

/// How often the rows are gone through: what one declares may settle another.
const ROUNDS: usize = 3;
/// The most parts of a value that are tried to be left out.
const MOST_PARTS: usize = 64;
/// Labels by which others know their containers.
const FOREIGN: &[&str] = &["com.docker.compose.", "com.docker.swarm.", "desktop.docker."];

/// What all containers are held against.
pub(super) struct Around<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) engine: &'a Engine,
    pub(super) world: &'a World,
    /// What the keys of all sets mean.
    pub(super) cx: &'a Context,
    /// The same the other way round: keys by the names of containers.
    pub(super) keys: &'a BTreeMap<String, String>,
}

/// What one is held against.
pub(super) struct Trial<'a> {
    pub(super) container: &'a Container,
    pub(super) image: Option<&'a Json>,
    pub(super) around: &'a Around<'a>,
}

/// A set as a spec has it, and what comes of it.
struct State {
    set: Set,
    expected: InspectView,
}

/// The set in the making.
struct Making<'a> {
    trial: &'a Trial<'a>,
    found: InspectView,
    doc: Map<String, Json>,
    now: State,
}

/// Adds what has to be said of a container to a set that says its name and its image. `None`: even
/// that is no set.
pub(super) fn declare(
    trial: &Trial<'_>,
    doc: Map<String, Json>,
    choices: &mut Choices,
) -> Option<Map<String, Json>> {
    let inspect = trial.container.inspect.as_ref()?;
    let mut inspect = inspect.clone();
    let foreign = take_foreign(&mut inspect["Config"]["Labels"]);
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

/// Takes the labels out by which others know their containers: on one of bayplan's they would lie.
fn take_foreign(labels: &mut Json) -> bool {
    let Some(labels) = labels.as_object_mut() else { return false };
    let before = labels.len();
    labels.retain(|key, _| !FOREIGN.iter().any(|begin| key.starts_with(begin)));
    labels.len() < before
}

/// The rows in the order in which they are tried: of those that exclude each other the one that
/// says more comes first where there is something to say.
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
    /// What a set is and makes; `None` where it is no set.
    fn state(&self, doc: &Map<String, Json>) -> Option<State> {
        let root = json!({"project": "import", "containers": {"it": doc}});
        let mut spec = read::spec(Node::from_json(&root), &read::Files::new()).ok()?;
        let (key, mut set) = spec.sets.pop_first()?;
        // What a plan passes over is the container's all the same.
        for row in ROWS.iter().filter(|row| row.def().compare != Mode::Strict) {
            set.compare.entry(row.def().key.to_owned()).or_insert(Mode::Strict);
        }
        let name: ContainerName = self.container.name();
        let Around { engine, world, cx, .. } = self.around;
        let body = body::create_body(&spec, &key, &set, &name, Labels::None, cx);
        let expected = view::expected(&body, &name, self.image, engine, world);
        Some(State { set, expected: expected.saying_all() })
    }

    /// Whether a row reads the same on both sides.
    fn same(&self, row: &dyn AnyRow, state: &State, found: &InspectView) -> bool {
        let terms = Terms { set: &state.set, adopted: false, strange: None, everything: false };
        let known =
            Known { public: &self.around.snapshot.public, secrets: &BTreeMap::new(), assume: true };
        compare::same(row, terms, &state.expected, found, known)
            && (!self.may_be_filled(row, state, found) || alike(row, &state.expected, found))
    }

    /// Whether a plan takes what is there for what the engine's configuration filled in.
    fn may_be_filled(&self, row: &dyn AnyRow, state: &State, found: &InspectView) -> bool {
        let about = row.def();
        let ignored = state.set.compare.get(about.key) == Some(&Mode::Ignore);
        if about.filled == Filled::Never || ignored || state.set.option(about.key).is_some() {
            return false;
        }
        // A word may be the habit of an engine of which nothing is known; a number hardly.
        self.around.snapshot.engine.is_some() || matches!(row.read(found), Value::One(Atom::Int(_)))
    }
}

fn alike(row: &dyn AnyRow, expected: &InspectView, found: &InspectView) -> bool {
    let (mut want, mut have) = (row.read(expected), row.read(found));
    row.normalize_pair(&mut want, &mut have, (expected, found));
    want == have
}

impl Making<'_> {
    /// Whether nothing is to be said of a row, or has been said in another's words.
    fn settled(&self, row: &dyn AnyRow) -> bool {
        self.doc.contains_key(row.def().key)
            || twins(row).any(|twin| self.doc.contains_key(twin.def().key))
            || self.same(row)
    }

    fn same(&self, row: &dyn AnyRow) -> bool {
        self.trial.same(row, &self.now, &self.found)
    }

    /// Declares a row if it has to be and can be.
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

    /// What a spec would say, other containers by what they are called.
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

    /// Of a map the entries that are not so anyway.
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

    /// Takes out of a value what is so anyway.
    fn shorten(&mut self, row: &dyn AnyRow, mut value: Json) {
        let ordered = matches!(row.read(&self.found), Value::List(_));
        let mut paths = Vec::new();
        parts(&value, &mut Vec::new(), &mut paths);
        if ordered || paths.len() > MOST_PARTS {
            return;
        }
        // The last first, so that the others stay where they are.
        for path in paths.iter().rev() {
            let mut less = value.clone();
            take_part(&mut less, path);
            if self.try_value(row, &less) {
                value = less;
            }
        }
    }

    /// What cannot be said is not compared, and a comment tells so. What can be said of it is.
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

    /// Has a row compared otherwise, if that settles it.
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

    /// Leaves out what is so without it.
    fn leave_out(&mut self) {
        for row in ROWS.iter().rev() {
            let key = row.def().key;
            // What is not compared would seem to be so without it, whatever it is.
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

/// The rows that say the same in other words.
fn twins(row: &dyn AnyRow) -> impl Iterator<Item = &'static dyn AnyRow> + use<> {
    let (key, excludes) = (row.def().key, row.def().excludes);
    ROWS.iter().copied().filter(move |other| {
        let about = other.def();
        about.key != key && (excludes.contains(&about.key) || about.excludes.contains(&key))
    })
}

/// A map that says nothing but its keys, as a list of them.
fn names_alone(json: &Json) -> Option<Json> {
    let map = json.as_object().filter(|map| !map.is_empty())?;
    let empty = |value: &Json| value.is_null() || value == &json!({});
    map.values().all(empty).then(|| map.keys().map(String::as_str).collect())
}

/// The places of everything in a value that might be left out.
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

/// Takes one of them out.
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

/// What of a map or a list can be said, and what the rest of a map is called. A list whose order
/// counts makes no sense in parts.
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

/// The same with every text changed; keys are left alone.
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

/// Whether something in it was hidden.
fn hides(json: &Json) -> bool {
    match json {
        Json::String(text) => text.contains(HIDDEN),
        Json::Array(items) => items.iter().any(hides),
        Json::Object(map) => map.iter().any(|(key, value)| key.contains(HIDDEN) || hides(value)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Texts as a spec has to write them.
fn written(json: Json) -> Json {
    crate::spec::canon::written(json)
}
