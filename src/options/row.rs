//! [`Row`]: the trait that each option of the table implements. The erased form is
//! [`super::declared`]'s.
//!
//! Rows know no engine version, no image and no secret. Merging with the image and the habits of
//! engines are [`crate::engine_model`]'s; the list of rows is [`super`]'s.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::field::At;
use super::fields::Owned;
use super::grammar::Grammar;
use super::risk::Risk;
use super::settings::Settings;
use crate::base::ident::Reference;
use crate::options::{inspect_view::InspectView, value::Atom, value::Value};
use crate::syntax::node::{Node, Problems};

/// The definition of an option. Parser, schema, README and row tests use the definition.
#[derive(Debug)]
pub struct OptionDef {
    /// The key in a spec: Compose's key, or else Docker's key.
    pub key: &'static str,
    /// Other keys for the option: the keys of the 2015 module.
    pub aliases: &'static [&'static str],
    /// A lowercase fragment.
    pub doc: &'static str,
    /// Examples in YAML flow style. The README shows the first example.
    pub examples: &'static [&'static str],
    /// The chapter in the README.
    pub group: Group,
    /// Rows that exclude each other in the comparison: only the first declared row is compared.
    pub excludes: &'static [&'static str],
    /// Rows whose difference explains a difference of this row, so that this row gives no reason.
    pub follows: &'static [&'static str],
    /// Whether the image's configuration can set the option.
    pub from_image: bool,
    /// The default mode of comparison.
    pub compare: Mode,
    /// Whether the value is a set or a map, so that [`Mode::Superset`] may allow extra entries.
    pub many: bool,
    /// The values that an engine's configuration may fill in for an undeclared option.
    pub filled: Filled,
    /// The way in which an engine changes the option without a new container.
    pub change: Change,
    /// Whether any tool can change the option in an existing container.
    pub drifts: bool,
    /// The unit of its numbers.
    pub unit: Unit,
    /// The risk class.
    pub risk: Risk,
}

/// An [`OptionDef`] with defaults, to be completed with struct update syntax.
pub const OPTION: OptionDef = OptionDef {
    key: "",
    aliases: &[],
    doc: "",
    examples: &[],
    group: Group::Process,
    excludes: &[],
    follows: &[],
    from_image: false,
    compare: Mode::Strict,
    many: false,
    filled: Filled::Never,
    change: Change::Replace,
    drifts: false,
    unit: Unit::Count,
    risk: Risk::Unsaid,
};

impl OptionDef {
    /// Whether the option of an existing container never changes.
    pub fn is_fixed(&self) -> bool {
        self.change == Change::Replace && !self.drifts
    }
}

/// A chapter of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Command, user and environment of the process.
    Process,
    /// Names, addresses, ports.
    Network,
    /// Volumes and mounts.
    Storage,
    /// Limits.
    Resources,
    /// Rights on the host.
    Security,
    /// Restart and stop.
    Lifecycle,
}

/// A mode of comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Both sides must be equal.
    Strict,
    /// The found set or map may have extra entries.
    Superset,
    /// The option is never a difference.
    Ignore,
}

/// The values that an engine's configuration may fill in for an undeclared option. Inspect data
/// does not distinguish these values, so they are no difference of an undeclared option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// The engine fills in nothing: the default is known.
    Never,
    /// The engine fills in a text of this list.
    These(&'static [&'static str]),
    /// The engine fills in any value.
    Any,
    /// The engine adds keys to a map.
    Keys,
}

impl Filled {
    /// Whether the engine may have filled in the found value.
    pub fn covers(self, found: &Value) -> bool {
        match (self, found) {
            (Self::Any, _) => true,
            (Self::These(texts), Value::One(Atom::Text(text))) => texts.contains(&text.as_str()),
            _ => false,
        }
    }
}

/// The unit of the numbers of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A plain count.
    Count,
    /// Bytes, printed as 512m instead of 536870912.
    Bytes,
    /// Billionths of a processor, printed as 1.5 instead of 1500000000.
    NanoCpus,
    /// Seconds, printed as 1m30s instead of 90.
    Seconds,
    /// Millionths of a second, printed as 25ms instead of 25000.
    Micros,
}

impl Unit {
    /// A number in the form of a spec; `None` where only the plain number is exact.
    pub fn exact(self, number: i64) -> Option<String> {
        self.spelt(number).filter(|text| !text.starts_with('~'))
    }

    /// Both sides of a difference for people. Sides that would read the same are not spelt.
    pub fn both(self, sides: [Option<i64>; 2]) -> [Option<String>; 2] {
        let both = sides.map(|number| number.and_then(|number| self.spelt(number)));
        if both[0] == both[1] { [None, None] } else { both }
    }

    /// A number for people, with `~` if rounded; `None` if the plain number reads as well.
    pub fn spelt(self, number: i64) -> Option<String> {
        match self {
            Self::Count => None,
            Self::Bytes => crate::syntax::sizes::spelt(number),
            Self::Seconds => length(number, 1_000_000_000),
            Self::Micros => length(number, 1_000),
            Self::NanoCpus => {
                let (whole, billionths) = (number / 1_000_000_000, number % 1_000_000_000);
                let text = format!("{whole}.{billionths:09}");
                (number > 0).then(|| text.trim_end_matches('0').trim_end_matches('.').to_owned())
            }
        }
    }
}

/// A length of time, from a number of units of so many nanoseconds.
fn length(number: i64, nanoseconds: i64) -> Option<String> {
    let length = number.checked_mul(nanoseconds).filter(|length| *length >= 0)?;
    Some(crate::syntax::durations::spelt(length))
}

/// The way in which an engine can resolve a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Only a new container can.
    Replace,
    /// An update sets these fields of `HostConfig` to the values of the create body. Whether an
    /// engine can also remove a limit is [`crate::engine_model::update`]'s: most limits can be
    /// changed but not removed.
    Update(&'static [&'static str]),
    /// Networks are connected and disconnected; a changed endpoint needs a new container.
    Connect,
}

/// A create body in the form of the newest engine: raw JSON, with marks for references.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Body(Json);

impl Body {
    /// An empty body.
    pub fn new() -> Self {
        Self(Json::Object(serde_json::Map::new()))
    }

    /// Wraps recorded JSON as a body.
    pub fn from_json(json: Json) -> Self {
        Self(json)
    }

    /// Sets a field at the top level, which inspect data shows under `Config`.
    pub fn config(&mut self, field: &str, value: impl Into<Json>) {
        if let Json::Object(map) = &mut self.0 {
            map.insert(field.to_owned(), value.into());
        }
    }

    /// Sets a field of `HostConfig`.
    pub fn host(&mut self, field: &str, value: impl Into<Json>) {
        self.nested("HostConfig").insert(field.to_owned(), value.into());
    }

    /// The object in a top-level field, created if missing.
    pub fn nested(&mut self, field: &str) -> &mut serde_json::Map<String, Json> {
        if !self.0.is_object() {
            self.0 = Json::Object(serde_json::Map::new());
        }
        let Json::Object(map) = &mut self.0 else { unreachable!("made an object above") };
        let slot = map.entry(field).or_insert_with(|| Json::Object(serde_json::Map::new()));
        if !slot.is_object() {
            *slot = Json::Object(serde_json::Map::new());
        }
        let Json::Object(inner) = slot else { unreachable!("made an object above") };
        inner
    }

    /// The JSON.
    pub fn json(&self) -> &Json {
        &self.0
    }

    /// Removes a field of the top level.
    pub fn take(&mut self, field: &str) -> Option<Json> {
        self.0.as_object_mut()?.remove(field)
    }

    /// The JSON, without a copy.
    pub fn into_json(self) -> Json {
        self.0
    }
}

/// A network name that no engine has, for an undeclared `default`.
const NO_DEFAULT: &str = "default (of this spec)";

/// The data beside the declared value that a write needs.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The names that a spec uses for a container (a set's key, a set's `name`, a container name) →
    /// the container name on the engine.
    pub containers: BTreeMap<String, String>,
    /// The keys of sets with several containers → the names of all of them. A link to such a set
    /// reaches each container, as under Compose; a set that is missing here has its first one.
    pub members: BTreeMap<String, Vec<String>>,
    /// The folder on the engine's host that relative bind sources start from.
    pub base_dir: Option<String>,
    /// The keys of the spec's networks → their names on the engine.
    pub networks: BTreeMap<String, String>,
    /// The keys of the spec's volumes → their names on the engine.
    pub volumes: BTreeMap<String, String>,
}

impl Context {
    /// The name of a network on the engine: the name of a network of the spec, or else the word
    /// itself. Compose uses `default` for a declared network, but engines use it for the default
    /// bridge. An undeclared `default` therefore gives a name that no engine has, and the plan
    /// reports the error.
    pub fn network<'a>(&'a self, word: &'a str) -> &'a str {
        let own = self.networks.get(word).map(String::as_str);
        own.unwrap_or(if word == "default" { NO_DEFAULT } else { word })
    }

    /// The name of a volume on the engine: the name of a volume of the spec, or else the word
    /// itself.
    pub fn volume<'a>(&'a self, word: &'a str) -> &'a str {
        self.volumes.get(word).map_or(word, String::as_str)
    }

    /// The name of a container on the engine; the word itself if the spec does not know it.
    pub fn container<'a>(&'a self, word: &'a str) -> &'a str {
        self.containers.get(word).map_or(word, String::as_str)
    }

    /// The names on the engine of the containers that a link to a word reaches.
    pub fn linked<'a>(&'a self, word: &'a str) -> Vec<&'a str> {
        match self.members.get(word) {
            Some(all) => all.iter().map(String::as_str).collect(),
            None => vec![self.container(word)],
        }
    }
}

/// The declared value of an option.
pub trait OptionValue: Sized + Clone + Debug + PartialEq + Send + Sync + 'static {
    /// Reads a node; `None` with problems for a wrong node.
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self>;
    /// The canonical form, which `parse` reads back to the same value.
    fn print(&self) -> Json;
    /// The JSON Schema (draft 2020-12).
    fn schema() -> Json;
    /// Whether the empty text is a value, as for a command. Elsewhere the empty text means "not
    /// set".
    const EMPTY_IS_A_VALUE: bool = false;
    /// Adds the references in the value.
    fn references(&self, _out: &mut BTreeSet<Reference>) {}
    /// Adds the containers or sets that the value names, which must exist before.
    fn targets(&self, _out: &mut Vec<String>) {}
}

/// A declared value whose syntax a [`Grammar`] describes completely. Serde turns the grammar's
/// result into the value, and the value into its canonical form.
pub trait Spelled:
    Serialize + DeserializeOwned + Clone + Debug + PartialEq + Send + Sync + 'static
{
    /// The grammar of the value.
    const GRAMMAR: Grammar;
    /// See [`OptionValue::EMPTY_IS_A_VALUE`].
    const EMPTY_IS_A_VALUE: bool = false;
    /// See [`OptionValue::references`].
    fn references(&self, _out: &mut BTreeSet<Reference>) {}
    /// See [`OptionValue::targets`].
    fn targets(&self, _out: &mut Vec<String>) {}
}

impl<T: Spelled> OptionValue for T {
    const EMPTY_IS_A_VALUE: bool = <T as Spelled>::EMPTY_IS_A_VALUE;

    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        match serde_json::from_value(T::GRAMMAR.read(node, problems)?) {
            Ok(value) => Some(value),
            // A grammar's result always deserializes, as the row tests check. A failure is refused
            // all the same.
            Err(error) => {
                problems.add(node.place, format!("expected a value of this option, but {error}"));
                None
            }
        }
    }

    fn print(&self) -> Json {
        json!(self)
    }

    fn schema() -> Json {
        T::GRAMMAR.schema()
    }

    fn references(&self, out: &mut BTreeSet<Reference>) {
        Spelled::references(self, out);
    }

    fn targets(&self, out: &mut Vec<String>) {
        Spelled::targets(self, out);
    }
}

/// A row of the table.
pub trait Row: Sync + 'static {
    /// The type of the declared value.
    type Declared: OptionValue;
    /// The definition of the option.
    fn def(&self) -> &OptionDef;
    /// The fields of `Config` and `HostConfig` that the row writes, with their properties.
    fn fields(&self) -> Vec<Owned>;
    /// Writes the value into a create body, in the form of the newest engine.
    fn write(&self, said: &Self::Declared, body: &mut Body, cx: &Context);
    /// Reads the value from inspect data of an engine or of [`crate::engine_model`]. A value that
    /// the row does not understand is `Unset`.
    fn read(&self, look: &InspectView) -> Value;
    /// The value in a spec that would give the found value: the inverse of [`Row::read`], for specs
    /// that are written from containers. A caller has to parse and compare the result, because a
    /// spec may not be able to express the value. Most values print as in a spec. A row overrides
    /// this method where values do not, as the row tests check.
    fn to_spec(&self, look: &InspectView) -> Json {
        super::value::to_spec(&self.read(look), self.def().unit)
    }
    /// Reports problems that depend on the context, such as relative paths without `base_dir`.
    fn vet(&self, _said: &Self::Declared, _cx: &Context) -> Result<(), String> {
        Ok(())
    }
    /// Normalizes an expected and a found value before the comparison; most options need nothing.
    fn normalize_pair(
        &self,
        _expected: &mut Value,
        _found: &mut Value,
        _both: (&InspectView, &InspectView),
    ) {
    }
    /// Drops extra settings inside of the entries of a map, for a superset comparison. Extra
    /// entries themselves are dropped elsewhere.
    fn without_more(
        &self,
        _expected: &mut Value,
        _found: &mut Value,
        _both: (&InspectView, &InspectView),
    ) {
    }
    /// Tells whether the row's own fields, together with the returned fields, decide the
    /// comparison: if all are equal, the row is equal. `None` if more decides, such as a
    /// normalization.
    fn decided_by_fields(&self) -> Option<&[At]> {
        None
    }
    /// The settings of an update that gives this row its expected value; `None` if an update
    /// cannot.
    fn update(&self, expected: &InspectView) -> Option<Settings> {
        match self.def().change {
            Change::Replace | Change::Connect => None,
            Change::Update(fields) => {
                Some(Settings::to_set(&expected.json()["HostConfig"], fields))
            }
        }
    }
}

/// Lets a schema also accept null and, if it takes texts, the empty text.
pub fn or_nothing(schema: Json, empty: bool) -> Json {
    let mut any = vec![schema, json!({"type": "null"})];
    any.extend(empty.then(|| json!({"const": ""})));
    json!({"anyOf": any})
}

/// Whether a schema accepts a text of any form.
pub fn takes_text(schema: &Json) -> bool {
    let words = |key: &str| match &schema[key] {
        Json::Array(all) => all.iter().any(|word| word == "string"),
        word => word == "string",
    };
    let values = || schema["enum"].as_array().into_iter().flatten().chain([&schema["const"]]);
    let parts = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|key| schema[key].as_array());
    words("type") || values().any(Json::is_string) || parts.flatten().any(takes_text)
}
