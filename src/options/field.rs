//! Options that are one field of the create body, told and shown under the same name: values of
//! [`Field`], not types of their own. And the small vocabulary of what they say.
//!
//! Options that are more than a field have a type in the file of their group.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

use serde_json::{Value as Json, json};

use super::fields::{Nothing, Owned};
use super::numbers;
use super::row::{self, Body, Context, OptionDef, OptionValue, Row};
use crate::base::ident::Reference;
use crate::base::say;
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value, looks_marked, marked_reference};
use crate::syntax::node::{Entry, Kind, Node, Problems, is_extension};
use crate::syntax::shell_words;

/// Where in a create body and in inspect data an option is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// At the top of a body, under `Config` of inspect data.
    Config(&'static str),
    /// Under `HostConfig`.
    Host(&'static str),
}

impl At {
    /// Writes the field.
    pub fn write(self, body: &mut Body, value: impl Into<Json>) {
        match self {
            Self::Config(field) => body.config(field, value),
            Self::Host(field) => body.host(field, value),
        }
    }

    /// Reads the field; null where it is missing.
    pub fn read(self, look: &InspectView) -> &Json {
        match self {
            Self::Config(field) => look.config(field),
            Self::Host(field) => look.host(field),
        }
    }
}

/// What fits into one field.
pub trait Plain: OptionValue {
    /// What an engine shows where nothing is said; of lists null.
    const NOTHING: Nothing = Nothing::Null;
    /// As the create body has it.
    fn write(&self) -> Json;
    /// As inspect data have it.
    fn read(json: &Json) -> Value;
    /// As a spec would say it; `None`: as the value shows. See [`Row::to_spec`].
    fn to_spec(_json: &Json) -> Option<Json> {
        None
    }
}

/// What a field makes of both sides before they are compared (see [`Row::normalize_pair`]).
pub type Normalize = fn(&mut Value, &mut Value, (&InspectView, &InspectView));

/// An option that is one field.
#[derive(Debug)]
pub struct Field<T> {
    at: At,
    owned: Owned,
    about: OptionDef,
    settle: Option<Normalize>,
    said: PhantomData<fn() -> T>,
}

/// Makes one.
pub const fn field<T: Plain>(at: At, about: OptionDef) -> Field<T> {
    Field { at, owned: Owned::new(at, T::NOTHING), about, settle: None, said: PhantomData }
}

impl<T> Field<T> {
    /// The same with both sides settled first.
    #[must_use]
    pub const fn normalized(self, settle: Normalize) -> Self {
        Self { settle: Some(settle), ..self }
    }

    /// The same of which an engine shows something else where nothing is said.
    #[must_use]
    pub const fn shows(self, nothing: Nothing) -> Self {
        Self { owned: Owned { nothing, ..self.owned }, ..self }
    }

    /// The same of which snapshots hide what is not public.
    #[must_use]
    pub const fn hidden(self) -> Self {
        Self { owned: Owned { hidden: true, ..self.owned }, ..self }
    }

    /// The same that `docker update` sets with a flag.
    #[must_use]
    pub const fn flag(self, flag: &'static str) -> Self {
        Self { owned: self.owned.flag(flag), ..self }
    }
}

impl<T: Plain> Row for Field<T> {
    type Declared = T;

    fn def(&self) -> &OptionDef {
        &self.about
    }

    fn fields(&self) -> Vec<Owned> {
        vec![self.owned]
    }

    fn write(&self, said: &T, body: &mut Body, _cx: &Context) {
        self.at.write(body, said.write());
    }

    fn read(&self, look: &InspectView) -> Value {
        T::read(self.at.read(look))
    }

    fn to_spec(&self, look: &InspectView) -> Json {
        let found = self.at.read(look);
        T::to_spec(found).unwrap_or_else(|| super::value::to_spec(&T::read(found), self.about.unit))
    }

    fn normalize_pair(
        &self,
        expected: &mut Value,
        found: &mut Value,
        both: (&InspectView, &InspectView),
    ) {
        if let Some(settle) = self.settle {
            settle(expected, found, both);
        }
    }

    fn decided_by_fields(&self) -> Option<&[At]> {
        self.settle.is_none().then_some(&[])
    }
}

impl OptionValue for bool {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        // In quotes too: Compose files have them so.
        match &node.kind {
            Kind::Bool(value) => Some(*value),
            Kind::Text(text) if text == "true" => Some(true),
            Kind::Text(text) if text == "false" => Some(false),
            _ => node.boolean(problems),
        }
    }

    fn print(&self) -> Json {
        json!(self)
    }

    fn schema() -> Json {
        json!({"enum": [true, false, "true", "false"]})
    }
}

/// Missing is the same as `false`.
impl Plain for bool {
    const NOTHING: Nothing = Nothing::False;

    fn write(&self) -> Json {
        json!(self)
    }

    fn read(json: &Json) -> Value {
        Value::One(Atom::Bool(json.as_bool().unwrap_or(false)))
    }
}

/// A boolean of which *not set* is a third answer: the engine decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice(pub bool);

impl OptionValue for Choice {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        bool::parse(node, problems).map(Self)
    }

    fn print(&self) -> Json {
        json!(self.0)
    }

    fn schema() -> Json {
        bool::schema()
    }
}

impl Plain for Choice {
    const NOTHING: Nothing = Nothing::Missing;

    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        json.as_bool().map_or(Value::Unset, |value| Value::One(Atom::Bool(value)))
    }
}

/// A text that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(pub String);

impl OptionValue for Text {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let text = text(node, "a text", problems)?;
        if text.is_empty() {
            return problems.expected("a text that is not empty", node);
        }
        Some(Self(text))
    }

    fn print(&self) -> Json {
        json!(self.0)
    }

    fn schema() -> Json {
        json!({"type": ["string", "number"], "minLength": 1})
    }
}

/// Missing is the same as empty.
impl Plain for Text {
    const NOTHING: Nothing = Nothing::Text;

    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        one_text(json)
    }
}

/// Words in order: a command. A string is split as a shell would, a list is taken as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argv(pub Vec<String>);

impl OptionValue for Argv {
    const EMPTY_IS_A_VALUE: bool = true;

    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::Text(line) = &node.kind else {
            return texts(node, "a command line or a list of words", problems).map(Self);
        };
        match shell_words::split(line) {
            Ok(words) => {
                let marked = words.iter().find(|word| is_refused(word));
                if let Some(word) = marked {
                    return refuse_mark(word, node, problems);
                }
                Some(Self(words))
            }
            Err(why) => {
                let message =
                    format!("expected a command line, but found {why} in `{}`", say::short(line));
                problems.add_hint(node.place, message, "or write the words as a list");
                None
            }
        }
    }

    fn print(&self) -> Json {
        json!(self.0)
    }

    fn schema() -> Json {
        json!({"oneOf": [{"type": "string"}, list_schema()]})
    }

    fn literals(&self, out: &mut BTreeSet<String>) {
        out.extend(self.0.iter().cloned());
    }
}

/// Missing is the same as no words: what is found is what runs.
impl Plain for Argv {
    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        match json {
            Json::String(word) => Value::List(vec![Atom::text(word)]),
            _ => list(json, Atom::text),
        }
    }
}

/// An amount of memory in bytes, more than nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes(pub i64);

impl OptionValue for Bytes {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let what = "a size like `512m`, `1.5g` or a number of bytes";
        numbers::size(node).map(Self).or_else(|| numbers::expected(what, node, problems))
    }

    fn print(&self) -> Json {
        json!(self.0)
    }

    fn schema() -> Json {
        json!({"oneOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": SIZE_PATTERN},
        ]})
    }
}

/// The texts that are a size.
pub(super) const SIZE_PATTERN: &str =
    r"^\+?([0-9][0-9_]*\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)? ?([bB]|[kKmMgGtTpP]([iI]?[bB])?)?$";

/// Missing is the same as 0.
impl Plain for Bytes {
    const NOTHING: Nothing = Nothing::Zero;

    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        amount(json)
    }
}

/// Reads a text; empty is not set.
pub(super) fn one_text(json: &Json) -> Value {
    match json.as_str() {
        None | Some("") => Value::Unset,
        Some(text) => Value::One(Atom::text(text)),
    }
}

/// Reads a number of which 0 is not set.
pub(super) fn amount(json: &Json) -> Value {
    match json.as_i64() {
        None | Some(0) => Value::Unset,
        Some(number) => Value::One(Atom::Int(number)),
    }
}

/// Reads a list in its order; empty is not set.
pub(super) fn list(json: &Json, atom: impl Fn(&str) -> Atom) -> Value {
    let atoms: Vec<Atom> = strings(json).map(atom).collect();
    if atoms.is_empty() { Value::Unset } else { Value::List(atoms) }
}

/// Reads a list of which the order means nothing; empty is not set.
pub(super) fn set(json: &Json, atom: impl Fn(&str) -> Atom) -> Value {
    some_set(strings(json).map(atom).collect())
}

/// A set, or *not set* where it is empty.
pub(super) fn some_set(atoms: BTreeSet<Atom>) -> Value {
    if atoms.is_empty() { Value::Unset } else { Value::Set(atoms) }
}

/// A map, or *not set* where it is empty.
pub(super) fn some_map(atoms: BTreeMap<String, Atom>) -> Value {
    if atoms.is_empty() { Value::Unset } else { Value::Map(atoms) }
}

/// The texts of a JSON array; nothing where it is none.
pub(super) fn strings(json: &Json) -> impl Iterator<Item = &str> {
    json.as_array().into_iter().flatten().filter_map(Json::as_str)
}

/// A scalar as the text it was written as: numbers keep their spelling, booleans are refused,
/// because a reader cannot tell what they would turn into.
pub(crate) fn text(node: &Node, what: &str, problems: &mut Problems) -> Option<String> {
    match &node.kind {
        Kind::Text(text) if is_refused(text) => refuse_mark(text, node, problems),
        Kind::Text(text) | Kind::Number(text) => Some(text.clone()),
        Kind::Bool(value) => {
            let message = format!("expected {what}, but found {}", node.what());
            problems.add_hint(node.place, message, format!("quote it if it is meant: \"{value}\""));
            None
        }
        _ => problems.expected(what, node),
    }
}

/// Whether a text could be mistaken for a mark. That of a template is one: reading a spec makes it
/// where templates may stand, and refuses it everywhere in a file.
fn is_refused(text: &str) -> bool {
    let template = matches!(marked_reference(text), Some(Reference::Template { .. }));
    looks_marked(text) && !template
}

fn refuse_mark<T>(text: &str, node: &Node, problems: &mut Problems) -> Option<T> {
    let message = format!(
        "expected a text without « and » around it, but found `{}`: it is how values that are not \
         shown are written",
        say::short(text)
    );
    problems.add(node.place, message);
    None
}

/// A list of texts; every wrong item is a problem of its own.
pub(super) fn texts(node: &Node, what: &str, problems: &mut Problems) -> Option<Vec<String>> {
    let Kind::List(items) = &node.kind else { return problems.expected(what, node) };
    let read: Vec<Option<String>> =
        items.iter().map(|item| text(item, "a text", problems)).collect();
    read.into_iter().collect()
}

/// One text or a list of them.
pub(super) fn one_or_more(node: &Node, what: &str, problems: &mut Problems) -> Option<Vec<String>> {
    match node.kind {
        Kind::List(_) => texts(node, what, problems),
        _ => text(node, what, problems).map(|text| vec![text]),
    }
}

/// The entries of a map, or of a list of `KEY=VALUE` texts; without `=` the value is `None`. A key
/// that is said twice is a problem.
pub(crate) fn pairs(
    node: &Node,
    what: &str,
    problems: &mut Problems,
) -> Option<Vec<(String, Option<Node>)>> {
    match &node.kind {
        Kind::Map(entries) => Some(
            entries
                .iter()
                .map(|Entry { key, value, .. }| (key.clone(), Some(value.clone())))
                .collect(),
        ),
        Kind::List(items) => {
            let mut seen = BTreeSet::new();
            let mut read = Vec::new();
            let mut fine = true;
            for item in items {
                let entry = text(item, "a text like `KEY=VALUE`", problems);
                let Some(entry) = entry else {
                    fine = false;
                    continue;
                };
                let (key, value) = match entry.split_once('=') {
                    Some((key, value)) => (key.to_owned(), Some(value)),
                    None => (entry, None),
                };
                if !seen.insert(key.clone()) {
                    let message =
                        format!("expected every key once, but found `{}` again", say::short(&key));
                    problems.add(item.place, message);
                    fine = false;
                }
                let kind =
                    |text: &str| Node { place: item.place, kind: Kind::Text(text.to_owned()) };
                read.push((key, value.map(kind)));
            }
            fine.then_some(read)
        }
        _ => problems.expected(what, node),
    }
}

/// Whether an entry's key is one of these; a problem if not, unless it is for other programs.
pub(super) fn known_key(entry: &Entry, keys: &[&'static str], problems: &mut Problems) -> bool {
    if keys.contains(&entry.key.as_str()) {
        return true;
    }
    if is_extension(&entry.key) {
        return false;
    }
    let message =
        format!("expected one of `{}`, but found `{}`", keys.join("`, `"), say::short(&entry.key));
    match say::did_you_mean(&entry.key, keys.iter().copied()) {
        Some(word) => problems.add_hint(entry.place, message, format!("did you mean `{word}`?")),
        None => problems.add(entry.place, message),
    }
    false
}

/// Adds a problem for every key that is none of these.
pub(crate) fn known_keys(entries: &[Entry], keys: &[&'static str], problems: &mut Problems) {
    for entry in entries {
        known_key(entry, keys, problems);
    }
}

/// The schema of a map of these, with what is for other programs.
pub(super) fn map_schema(properties: &Json, required: &[&str]) -> Json {
    json!({
        "type": "object",
        "properties": properties,
        "patternProperties": {"^x-": {}},
        "required": required,
        "additionalProperties": false,
    })
}

/// Properties of which each may have nothing after it, or an empty text, which says nothing.
pub(super) fn or_null(mut properties: Json) -> Json {
    for (_, schema) in properties.as_object_mut().into_iter().flatten() {
        let empty = row::takes_text(schema);
        *schema = row::or_nothing(schema.take(), empty);
    }
    properties
}

/// The schema of a list of texts.
pub(super) fn list_schema() -> Json {
    json!({"type": "array", "items": {"type": ["string", "number"]}})
}

/// The schema of one text or a list of them.
pub(super) fn one_or_more_schema() -> Json {
    json!({"oneOf": [{"type": ["string", "number"]}, list_schema()]})
}
