//! What one option is: the trait that a row of the table implements. Its erased form is
//! [`super::declared`]'s.
//!
//! Rows know no engine version, no image and no secret. Merging with the image and an engine's
//! habits are [`crate::engine_model`]'s; which rows there are is the table's in [`super`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::field::At;
use super::fields::Owned;
use super::grammar::Grammar;
use super::risk::Risk;
use super::settings::Settings;
use crate::base::ident::Reference;
use crate::options::{inspect_view::InspectView, value::Atom, value::Value};
use crate::syntax::node::{Node, Problems};

/// What a row says of itself. Parser, schema, README and row tests are made from it.
#[derive(Debug)]
pub struct OptionDef {
    /// The key in a spec: the Compose Specification's word, else Docker's.
    pub key: &'static str,
    /// Other keys that mean the same: the seed's words.
    pub aliases: &'static [&'static str],
    /// One lowercase fragment.
    pub doc: &'static str,
    /// Values as a spec would write them, in YAML flow style. The first one is shown in the README.
    pub examples: &'static [&'static str],
    /// Where it belongs in the README.
    pub group: Group,
    /// Rows of which only one is compared: the first one declared.
    pub excludes: &'static [&'static str],
    /// Rows whose difference makes a difference of this one no reason of its own.
    pub follows: &'static [&'static str],
    /// Whether the image's configuration hands it down.
    pub from_image: bool,
    /// How it is compared unless the set says otherwise.
    pub compare: Mode,
    /// Whether it is a set or a map, of which more may be found than is declared if a spec allows
    /// it: [`Mode::Superset`].
    pub many: bool,
    /// What an engine's own configuration may fill in where nothing is said.
    pub filled: Filled,
    /// How the engine changes it without a new container.
    pub change: Change,
    /// Whether it may be changed in a container that is there, by whatever hand.
    pub drifts: bool,
    /// What its numbers count, for people.
    pub unit: Unit,
    /// What about it a reviewer must not overlook.
    pub risk: Risk,
}

/// An [`OptionDef`] with the usual answers, to be completed with struct update syntax.
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
    /// Whether nobody can change it in a container that is there.
    pub fn is_fixed(&self) -> bool {
        self.change == Change::Replace && !self.drifts
    }
}

/// A chapter of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// What runs, as whom, with which surroundings.
    Process,
    /// Names, addresses, ports.
    Network,
    /// Volumes and mounts.
    Storage,
    /// Limits.
    Resources,
    /// What it may do to its host.
    Security,
    /// When it ends and comes back.
    Lifecycle,
}

/// How an option is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Equal.
    Strict,
    /// What is found may have more than is declared; for sets and maps.
    Superset,
    /// Never a difference.
    Ignore,
}

/// Values that an engine takes from its configuration, which it does not tell, where nothing is
/// said: no difference of an option that nobody declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// None: what nothing said means is known.
    Never,
    /// These texts.
    These(&'static [&'static str]),
    /// Whatever is there.
    Any,
    /// More keys of a map.
    Keys,
}

impl Filled {
    /// Whether an engine may have come to this by itself.
    pub fn covers(self, found: &Value) -> bool {
        match (self, found) {
            (Self::Any, _) => true,
            (Self::These(texts), Value::One(Atom::Text(text))) => texts.contains(&text.as_str()),
            _ => false,
        }
    }
}

/// What the numbers of an option count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things; they read as they are.
    Count,
    /// Bytes: 536870912 reads better as 512m.
    Bytes,
    /// Billionths of a processor: 1500000000 reads better as 1.5.
    NanoCpus,
}

impl Unit {
    /// A number as a spec would write it; nothing where the number itself reads as well.
    pub fn spelt(self, number: i64) -> Option<String> {
        match self {
            Self::Count => None,
            Self::Bytes => crate::syntax::sizes::spelt(number),
            Self::NanoCpus => {
                let (whole, billionths) = (number / 1_000_000_000, number % 1_000_000_000);
                let text = format!("{whole}.{billionths:09}");
                (number > 0).then(|| text.trim_end_matches('0').trim_end_matches('.').to_owned())
            }
        }
    }
}

/// What the engine can do about a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A new container only.
    Replace,
    /// An update takes it: these fields of `HostConfig`, with the values that a create body
    /// amounts to. Whether an engine takes them off a container is [`crate::engine_model::update`]'s to
    /// know: most limits can be changed and not taken off.
    Update(&'static [&'static str]),
    /// Networks more or less are connected and disconnected; a changed attachment is not.
    Connect,
}

/// A create body in the newest engine's terms, raw JSON, references as marks instead of values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Body(Json);

impl Body {
    /// An empty body.
    pub fn new() -> Self {
        Self(Json::Object(serde_json::Map::new()))
    }

    /// Takes recorded JSON as a body.
    pub fn from_json(json: Json) -> Self {
        Self(json)
    }

    /// Sets a field at the top level, where an inspect has it under `Config`.
    pub fn config(&mut self, field: &str, value: impl Into<Json>) {
        if let Json::Object(map) = &mut self.0 {
            map.insert(field.to_owned(), value.into());
        }
    }

    /// Sets a field of `HostConfig`.
    pub fn host(&mut self, field: &str, value: impl Into<Json>) {
        self.nested("HostConfig").insert(field.to_owned(), value.into());
    }

    /// The object under a top-level field, made if need be.
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

    /// Takes a field at the top level out.
    pub fn take(&mut self, field: &str) -> Option<Json> {
        self.0.as_object_mut()?.remove(field)
    }

    /// The JSON, given away.
    pub fn into_json(self) -> Json {
        self.0
    }
}

/// What a network is called of which nobody knows more than `default`.
const NO_DEFAULT: &str = "default (of this spec)";

/// What writing needs to know beyond the declared value.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// What a spec calls a container (a set's key, a set's `name`, a container's name) → the name
    /// of the container that is meant.
    pub containers: BTreeMap<String, String>,
    /// The folder on the engine's host from which relative bind sources count.
    pub base_dir: Option<String>,
    /// The networks at the root of the spec by key → their names on the engine.
    pub networks: BTreeMap<String, String>,
    /// The same for volumes.
    pub volumes: BTreeMap<String, String>,
}

impl Context {
    /// The name of the network that a spec's word means: that of one at the root, else the word.
    /// `default` is Compose's word for one that a root declares, and an engine's word for its
    /// bridge, which nobody means by it: where no root declares it, it is a network that no engine
    /// has, and a plan says so.
    pub fn network<'a>(&'a self, word: &'a str) -> &'a str {
        let own = self.networks.get(word).map(String::as_str);
        own.unwrap_or(if word == "default" { NO_DEFAULT } else { word })
    }

    /// The same for a volume.
    pub fn volume<'a>(&'a self, word: &'a str) -> &'a str {
        self.volumes.get(word).map_or(word, String::as_str)
    }

    /// The name of the container that a spec's word means; the word itself where it is none of
    /// the spec's.
    pub fn container<'a>(&'a self, word: &'a str) -> &'a str {
        self.containers.get(word).map_or(word, String::as_str)
    }
}

/// What a spec may say of an option.
pub trait OptionValue: Sized + Clone + Debug + PartialEq + Send + Sync + 'static {
    /// Reads a node; adds problems and gives `None` where it is wrong.
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self>;
    /// The canonical form, which `parse` reads back to the same value.
    fn print(&self) -> Json;
    /// Its JSON Schema (draft 2020-12).
    fn schema() -> Json;
    /// Whether the empty text is a value, as of a command; of any other option that takes a text it
    /// says nothing.
    const EMPTY_IS_A_VALUE: bool = false;
    /// The references in it.
    fn references(&self, _out: &mut BTreeSet<Reference>) {}
    /// The containers or sets it names: what must be there first.
    fn targets(&self, _out: &mut Vec<String>) {}
    /// Texts in it that are public because the spec says them (literals of secret-prone options).
    fn literals(&self, _out: &mut BTreeSet<String>) {}
}

/// What a spec may say of an option, where a [`Grammar`] says it all: what it reads, serde makes a
/// value of, and what serde writes of a value is its canonical form.
pub trait Spelled:
    Serialize + DeserializeOwned + Clone + Debug + PartialEq + Send + Sync + 'static
{
    /// What may stand for it.
    const GRAMMAR: Grammar;
    /// See [`OptionValue::EMPTY_IS_A_VALUE`].
    const EMPTY_IS_A_VALUE: bool = false;
    /// See [`OptionValue::references`].
    fn references(&self, _out: &mut BTreeSet<Reference>) {}
    /// See [`OptionValue::targets`].
    fn targets(&self, _out: &mut Vec<String>) {}
    /// See [`OptionValue::literals`].
    fn literals(&self, _out: &mut BTreeSet<String>) {}
}

impl<T: Spelled> OptionValue for T {
    const EMPTY_IS_A_VALUE: bool = <T as Spelled>::EMPTY_IS_A_VALUE;

    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        match serde_json::from_value(T::GRAMMAR.read(node, problems)?) {
            Ok(value) => Some(value),
            // What a grammar reads is a value: the row tests hold that. What is none is refused.
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

    fn literals(&self, out: &mut BTreeSet<String>) {
        Spelled::literals(self, out);
    }
}

/// One row of the table.
pub trait Row: Sync + 'static {
    /// What the spec may say.
    type Declared: OptionValue;
    /// What it is.
    fn def(&self) -> &OptionDef;
    /// The fields of `Config` and `HostConfig` that it writes, with what others must know of them.
    fn fields(&self) -> Vec<Owned>;
    /// Writes it into a create body, in the newest engine's terms.
    fn write(&self, said: &Self::Declared, body: &mut Body, cx: &Context);
    /// Reads it from inspect data, of an engine or of [`crate::engine_model`]. Lenient: what it does not
    /// understand is `Unset`.
    fn read(&self, look: &InspectView) -> Value;
    /// What a spec would say to get what is found: the way back from [`Row::read`], for specs that
    /// are written from containers. It may give what no spec can say: whoever asks parses it and
    /// compares what comes of it. Most values show as a spec would say them; a row overrides this
    /// where that is not so, which the row tests tell.
    fn to_spec(&self, look: &InspectView) -> Json {
        super::value::to_spec(&self.read(look), self.def().unit)
    }
    /// Problems of what is said that need more than the value: relative paths without `base_dir`.
    fn vet(&self, _said: &Self::Declared, _cx: &Context) -> Result<(), String> {
        Ok(())
    }
    /// What a found and an expected value must be freed of before they are compared; most
    /// options: nothing.
    fn normalize_pair(
        &self,
        _expected: &mut Value,
        _found: &mut Value,
        _both: (&InspectView, &InspectView),
    ) {
    }
    /// What a found value must be freed of where it may have more than is expected, beyond what its
    /// form tells: wishes inside of one entry of a map.
    fn without_more(
        &self,
        _expected: &mut Value,
        _found: &mut Value,
        _both: (&InspectView, &InspectView),
    ) {
    }
    /// Whether the fields that it writes decide what is compared, with these beside them: where all
    /// are the same on both sides, so is what is read. `None`: more decides, as where sides are settled.
    fn decided_by_fields(&self) -> Option<&[At]> {
        None
    }
    /// What an update must set so that a container is as expected in this row; `None`: an update
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

/// A schema that also takes what says nothing: null, and where texts can stand an empty one.
pub fn or_nothing(schema: Json, empty: bool) -> Json {
    let mut any = vec![schema, json!({"type": "null"})];
    any.extend(empty.then(|| json!({"const": ""})));
    json!({"anyOf": any})
}

/// Whether a schema lets a text stand, of whatever form.
pub fn takes_text(schema: &Json) -> bool {
    let words = |key: &str| match &schema[key] {
        Json::Array(all) => all.iter().any(|word| word == "string"),
        word => word == "string",
    };
    let values = || schema["enum"].as_array().into_iter().flatten().chain([&schema["const"]]);
    let parts = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|key| schema[key].as_array());
    words("type") || values().any(Json::is_string) || parts.flatten().any(takes_text)
}
