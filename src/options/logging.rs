//! `logging`: where what it writes goes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::field::{known_keys, map_schema, or_null, pairs, text};
use super::fields::{Nothing, Owned};
use super::risk::Risk;
use super::row::{Body, Context, Filled, Group, OPTION, OptionDef, OptionValue, Row};
use crate::base::say;
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};
use crate::syntax::node::{Entry, Kind, Node, Place, Problems};

/// What a spec says of logging.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logging {
    /// The engine's own if nothing is said.
    driver: Option<String>,
    options: BTreeMap<String, String>,
}

impl Logging {
    /// The driver, where one is said.
    pub fn driver(&self) -> Option<&str> {
        self.driver.as_deref().filter(|driver| !driver.is_empty())
    }

    /// The options of the driver.
    pub fn options(&self) -> &BTreeMap<String, String> {
        &self.options
    }
}

impl OptionValue for Logging {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            return problems.expected("a map with `driver` and `options`", node);
        };
        let before = problems.all.len();
        known_keys(entries, &["driver", "options"], problems);
        let mut logging = Self::default();
        for Entry { key, value, .. } in entries {
            match key.as_str() {
                _ if value.kind == Kind::Null => {}
                "driver" if value.says_nothing() => {}
                "driver" => logging.driver = text(value, "the name of a log driver", problems),
                "options" => {
                    let options = pairs(value, "a map of options", problems).unwrap_or_default();
                    for (option, said) in options {
                        let said = said.filter(|said| said.kind != Kind::Null);
                        let Some(said) = said else {
                            no_value(value.place, &option, problems);
                            continue;
                        };
                        let said = text(&said, "a text", problems);
                        logging.options.extend(said.map(|said| (option, said)));
                    }
                }
                _ => {}
            }
        }
        if problems.all.len() > before {
            return None;
        }
        if logging.driver.as_deref().unwrap_or_default().is_empty() && logging.options.is_empty() {
            return problems.expected("a map with `driver` and `options`", node);
        }
        Some(logging)
    }

    fn print(&self) -> Json {
        let mut map = serde_json::Map::new();
        map.extend(self.driver.as_ref().map(|driver| ("driver".to_owned(), json!(driver))));
        if !self.options.is_empty() {
            map.insert("options".to_owned(), json!(self.options));
        }
        Json::Object(map)
    }

    fn schema() -> Json {
        let properties = json!({
            "driver": {"type": "string", "minLength": 1},
            "options": {"oneOf": [
                {"type": "object", "additionalProperties": {"type": ["string", "number"]}},
                {"type": "array", "items": {"type": "string", "pattern": "^[^=]+="}},
            ]},
        });
        let mut schema = map_schema(&or_null(properties), &[]);
        schema["minProperties"] = json!(1);
        schema
    }

    fn literals(&self, out: &mut BTreeSet<String>) {
        out.extend(self.options.values().cloned());
    }
}

/// Unlike a variable, an option of a driver is nowhere else to be had.
fn no_value(place: Place, option: &str, problems: &mut Problems) {
    let message =
        format!("expected a value of the log option `{}`, but found nothing", say::short(option));
    problems.add_hint(place, message, "leave the option out, or write `\"\"` for an empty one");
}

/// The row.
#[derive(Debug)]
pub struct LoggingRow;

impl Row for LoggingRow {
    type Declared = Logging;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "logging",
            risk: Risk::None,
            aliases: &["log_config"],
            doc: "where what it writes goes: a driver, the engine's own if none is said, and its \
                  options",
            examples: &[
                "{driver: json-file, options: {max-size: 10m, max-file: 3}}",
                "{driver: none}",
                "{options: [mode=non-blocking]}",
            ],
            group: Group::Process,
            filled: Filled::Keys,
            many: true,
            ..OPTION
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        vec![Owned::host("LogConfig", Nothing::Built)]
    }

    fn write(&self, said: &Logging, body: &mut Body, _cx: &Context) {
        let driver = said.driver.as_deref().unwrap_or_default();
        body.host("LogConfig", json!({"Type": driver, "Config": said.options}));
    }

    fn read(&self, look: &InspectView) -> Value {
        let log = look.host("LogConfig");
        let mut all = BTreeMap::new();
        if let Some(driver) = log["Type"].as_str().filter(|driver| !driver.is_empty()) {
            all.insert("driver".to_owned(), Atom::text(driver));
        }
        for (option, value) in log["Config"].as_object().into_iter().flatten() {
            let value = Atom::text(value.as_str().unwrap_or_default());
            all.insert(format!("options.{option}"), value);
        }
        if all.is_empty() { Value::Unset } else { Value::Map(all) }
    }

    fn to_spec(&self, look: &InspectView) -> Json {
        let log = look.host("LogConfig");
        let mut map = serde_json::Map::new();
        if let Some(driver) = log["Type"].as_str().filter(|driver| !driver.is_empty()) {
            map.insert("driver".to_owned(), json!(driver));
        }
        if let Some(options) = log["Config"].as_object().filter(|options| !options.is_empty()) {
            map.insert("options".to_owned(), json!(options));
        }
        Json::Object(map)
    }

    /// Under its own driver an engine adds the options of its configuration, which it does not
    /// tell: what is there beside the declared ones says nothing.
    fn normalize_pair(
        &self,
        expected: &mut Value,
        found: &mut Value,
        both: (&InspectView, &InspectView),
    ) {
        let own = both.0.json()["LoggingDriver"].as_str();
        let (Value::Map(want), Value::Map(have)) = (&*expected, found) else { return };
        let driver = |all: &BTreeMap<String, Atom>| all.get("driver").cloned();
        let engines = own.map(|own| Atom::Text(own.to_owned()));
        if engines.is_some() && driver(want) == engines && driver(have) == engines {
            have.retain(|key, _| want.contains_key(key));
        }
    }
}
