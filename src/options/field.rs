//! [`Field`]: options that are a single field, with the same name in create body and inspect data.
//! Also the common value types of such options.
//!
//! Options with more than one field have their own type in the file of their group. The properties
//! of a field are [`super::fields`]'.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::fields::{Nothing, Owned};
use super::grammar::{Grammar, Spelt, TEXT, Wrong, good};
use super::numbers;
use super::row::{self, Body, Context, OptionDef, OptionValue, Row, Spelled};
use crate::base::ident::Reference;
use crate::base::say;
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value, looks_marked, marked_reference};
use crate::syntax::node::{Entry, Kind, Node, Problems, is_extension};
use crate::syntax::shell_words;

/// The place of a field in create body and inspect data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// At the top of a create body, and under `Config` of inspect data.
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

    /// Reads the field; null if the field is missing.
    pub fn read(self, look: &InspectView) -> &Json {
        match self {
            Self::Config(field) => look.config(field),
            Self::Host(field) => look.host(field),
        }
    }
}

/// A value type that fits into one field.
pub trait Plain: OptionValue {
    /// The value that an engine shows for an undeclared option; null for lists.
    const NOTHING: Nothing = Nothing::Null;
    /// The value in a create body.
    fn write(&self) -> Json;
    /// The value in inspect data.
    fn read(json: &Json) -> Value;
    /// The value in a spec; `None` if [`Value`] shows the value as a spec has it. See
    /// [`Row::to_spec`].
    fn to_spec(_json: &Json) -> Option<Json> {
        None
    }
}

/// A function that normalizes both sides before the comparison (see [`Row::normalize_pair`]).
pub type Normalize = fn(&mut Value, &mut Value, (&InspectView, &InspectView));

/// An option that is a single field.
#[derive(Debug)]
pub struct Field<T> {
    at: At,
    owned: Owned,
    about: OptionDef,
    settle: Option<Normalize>,
    said: PhantomData<fn() -> T>,
}

/// Makes a field option.
pub const fn field<T: Plain>(at: At, about: OptionDef) -> Field<T> {
    Field { at, owned: Owned::new(at, T::NOTHING), about, settle: None, said: PhantomData }
}

impl<T> Field<T> {
    /// Normalizes both sides before the comparison.
    #[must_use]
    pub const fn normalized(self, settle: Normalize) -> Self {
        Self { settle: Some(settle), ..self }
    }

    /// Sets the value that an engine shows for an undeclared option.
    #[must_use]
    pub const fn shows(self, nothing: Nothing) -> Self {
        Self { owned: Owned { nothing, ..self.owned }, ..self }
    }

    /// Hides texts in snapshots, unless the texts are public.
    #[must_use]
    pub const fn hidden(self) -> Self {
        Self { owned: Owned { hidden: true, ..self.owned }, ..self }
    }

    /// Sets the flag by which `docker update` changes the field.
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

impl Spelled for bool {
    const GRAMMAR: Grammar = Grammar::Bool;
}

/// A missing value equals `false`.
impl Plain for bool {
    const NOTHING: Nothing = Nothing::False;

    fn write(&self) -> Json {
        json!(self)
    }

    fn read(json: &Json) -> Value {
        Value::One(Atom::Bool(json.as_bool().unwrap_or(false)))
    }
}

/// A boolean whose absence is a third value: the engine decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Choice(pub bool);

impl Spelled for Choice {
    const GRAMMAR: Grammar = Grammar::Bool;
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(pub String);

impl Spelled for Text {
    const GRAMMAR: Grammar = Grammar::Text {
        what: "a text that is not empty",
        spell: |text| good(!text.is_empty(), text),
        schema: || json!({"type": ["string", "number"], "minLength": 1}),
    };
}

/// A missing value equals the empty text.
impl Plain for Text {
    const NOTHING: Nothing = Nothing::Text;

    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        one_text(json)
    }
}

/// The words of a command, in order. A string is split like in a shell; a list is taken as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Argv(pub Vec<String>);

impl Spelled for Argv {
    const EMPTY_IS_A_VALUE: bool = true;

    const GRAMMAR: Grammar = Grammar::OneOf {
        what: "a command line or a list of words",
        of: &[
            Grammar::List { what: "a list of words", item: &TEXT, alone: false },
            Grammar::Text {
                what: "a command line",
                spell: command_line,
                schema: || json!({"type": "string"}),
            },
        ],
    };
}

/// Splits a command line like a shell.
fn command_line(line: &str) -> Spelt {
    match shell_words::split(line) {
        Ok(words) if words.iter().any(|word| is_refused(word)) => {
            Err(Wrong::Told(
            "expected words without « and » around them: that is how values that are not shown are \
             written"
                .to_owned(),
            None,
        ))
        }
        Ok(words) => Ok(json!(words)),
        Err(why) => Err(Wrong::Told(
            format!("expected a command line, but found {why} in `{}`", say::short(line)),
            Some("or write the words as a list"),
        )),
    }
}

/// A missing value equals an empty list: inspect data shows the command that runs.
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

/// A positive amount of memory in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub i64);

impl Spelled for Bytes {
    const GRAMMAR: Grammar = Grammar::Scalar {
        what: "a size like `512m`, `1.5g` or a number of bytes",
        read: |node| numbers::size(node).map(Json::from),
        schema: || size_schema(0),
    };
}

/// The schema of a size with a minimum in bytes.
pub(super) fn size_schema(least: i64) -> Json {
    json!({"anyOf": [
        {"type": "integer", "minimum": least},
        {"type": "string", "pattern": SIZE_PATTERN},
    ]})
}

/// The pattern of a size.
pub(super) const SIZE_PATTERN: &str =
    r"^\+?([0-9][0-9_]*\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)? ?([bB]|[kKmMgGtTpP]([iI]?[bB])?)?$";

/// A missing value equals 0.
impl Plain for Bytes {
    const NOTHING: Nothing = Nothing::Zero;

    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        amount(json)
    }
}

/// Reads a text; an empty text is unset.
pub(super) fn one_text(json: &Json) -> Value {
    match json.as_str() {
        None | Some("") => Value::Unset,
        Some(text) => Value::One(Atom::text(text)),
    }
}

/// Reads a number; 0 is unset.
pub(super) fn amount(json: &Json) -> Value {
    match json.as_i64() {
        None | Some(0) => Value::Unset,
        Some(number) => Value::One(Atom::Int(number)),
    }
}

/// Reads a list in order; an empty list is unset.
pub(super) fn list(json: &Json, atom: impl Fn(&str) -> Atom) -> Value {
    let atoms: Vec<Atom> = strings(json).map(atom).collect();
    if atoms.is_empty() { Value::Unset } else { Value::List(atoms) }
}

/// Reads a list without order; an empty list is unset.
pub(super) fn set(json: &Json, atom: impl Fn(&str) -> Atom) -> Value {
    some_set(strings(json).map(atom).collect())
}

/// A set; an empty set is unset.
pub(super) fn some_set(atoms: BTreeSet<Atom>) -> Value {
    if atoms.is_empty() { Value::Unset } else { Value::Set(atoms) }
}

/// A map; an empty map is unset.
pub(super) fn some_map(atoms: BTreeMap<String, Atom>) -> Value {
    if atoms.is_empty() { Value::Unset } else { Value::Map(atoms) }
}

/// The texts of a JSON array; nothing for another JSON value.
pub(super) fn strings(json: &Json) -> impl Iterator<Item = &str> {
    json.as_array().into_iter().flatten().filter_map(Json::as_str)
}

/// A scalar as its original text. Numbers keep their spelling. Booleans are refused, because their
/// text would be ambiguous.
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

/// Whether a text could be mistaken for a mark. The mark of a template passes: reading a spec
/// refuses every mark that a file contains, and creates this mark where templates are allowed.
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

/// Reads a list of texts; every wrong item is a separate problem.
pub(super) fn texts(node: &Node, what: &str, problems: &mut Problems) -> Option<Vec<String>> {
    let Kind::List(items) = &node.kind else { return problems.expected(what, node) };
    let read: Vec<Option<String>> =
        items.iter().map(|item| text(item, "a text", problems)).collect();
    read.into_iter().collect()
}

/// The entries of a map, or of a list of `KEY=VALUE` texts; without `=` the value is `None`. A
/// repeated key is a problem.
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

/// Whether the key is known; an unknown key is a problem, unless the key starts with `x-`.
pub(super) fn known_key(entry: &Entry, keys: &[&'static str], problems: &mut Problems) -> bool {
    if keys.contains(&entry.key.as_str()) {
        return true;
    }
    if is_extension(&entry.key) {
        return false;
    }
    let message =
        format!("expected one of `{}`, but found `{}`", keys.join("`, `"), say::short(&entry.key));
    match problems.close(&entry.key, keys.iter().copied()) {
        Some(word) => problems.add_hint(entry.place, message, format!("did you mean `{word}`?")),
        None => problems.add(entry.place, message),
    }
    false
}

/// Adds a problem for every unknown key.
pub(crate) fn known_keys(entries: &[Entry], keys: &[&'static str], problems: &mut Problems) {
    for entry in entries {
        known_key(entry, keys, problems);
    }
}

/// The schema of a map with these properties and `x-` keys.
pub(super) fn map_schema(properties: &Json, required: &[&str]) -> Json {
    json!({
        "type": "object",
        "properties": properties,
        "patternProperties": {"^x-": {}},
        "required": required,
        "additionalProperties": false,
    })
}

/// Lets every property also be null or, if it takes texts, the empty text; both mean "not set".
pub(super) fn or_null(mut properties: Json) -> Json {
    for (_, schema) in properties.as_object_mut().into_iter().flatten() {
        let empty = row::takes_text(schema);
        *schema = row::or_nothing(schema.take(), empty);
    }
    properties
}
