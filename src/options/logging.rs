//! `logging`: the log driver and its options. The options of each driver are [`super::rules`]'.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::fields::{Nothing, Owned};
use super::grammar::{Bare, Grammar, Map, Names, TEXT, Wrong, key, keys, text_of};
use super::risk::Risk;
use super::row::{Body, Context, Filled, Group, OPTION, OptionDef, Row, Spelled};
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};

/// The declared logging.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Logging {
    /// The driver; the engine's default driver if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    driver: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    options: BTreeMap<String, String>,
}

impl Logging {
    /// The declared driver.
    pub fn driver(&self) -> Option<&str> {
        self.driver.as_deref().filter(|driver| !driver.is_empty())
    }

    /// The options of the driver.
    pub fn options(&self) -> &BTreeMap<String, String> {
        &self.options
    }
}

impl Spelled for Logging {
    const GRAMMAR: Grammar = Grammar::Checked {
        of: &keys(
            "a map with `driver` and `options`",
            &[
                key("driver", text_of("the name of a log driver")),
                key(
                    "options",
                    Grammar::Map(Map {
                        what: "a map of options",
                        names: Names::Some,
                        value: &TEXT,
                        pairs: true,
                        // Unlike a variable, a driver option has no other source for its value.
                        bare: Bare::Wrong(
                            "a log option with its value",
                            Some("leave the option out, or write `\"\"` for an empty one"),
                        ),
                    }),
                ),
            ],
        ),
        check: |read| {
            let empty = |value: &Json| value.as_object().is_some_and(serde_json::Map::is_empty);
            let nothing = read.get("driver").is_none() && read.get("options").is_none_or(empty);
            if nothing { Err(Wrong::Other) } else { Ok(read) }
        },
    };
}

/// The row of `logging`.
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

    /// Drops undeclared options under the engine's default driver: the engine adds options of its
    /// configuration, which inspect data does not distinguish.
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
