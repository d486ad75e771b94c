//! `gpus`: requests for GPUs, and for other devices that a driver chooses.
//!
//! Devices by path or by CDI name are [`super::devices`]'s.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::devices::{CDI, SECURITY, request, requests};
use super::field::{some_set, strings};
use super::fields::{Nothing, Owned};
use super::grammar::{Bare, Grammar, Map, Names, TEXT, Wrong, key, keys, list_of};
use super::numbers;
use super::risk::Risk;
use super::row::{Body, Context, OptionDef, Row, Spelled};
use crate::options::field::At;
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};
use crate::syntax::shell_words;

/// A request for devices that a driver chooses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "serde_json::Map<String, Json>", into = "serde_json::Map<String, Json>")]
pub struct Request {
    driver: String,
    /// The number of devices; -1 means all devices.
    count: i64,
    ids: Vec<String>,
    capabilities: BTreeSet<String>,
    options: BTreeMap<String, String>,
}

impl From<serde_json::Map<String, Json>> for Request {
    fn from(read: serde_json::Map<String, Json>) -> Self {
        let said = |key: &str| read.get(key).unwrap_or(&Json::Null);
        let said_so = said("capabilities");
        let capabilities =
            if let Some([exact @ Json::Array(_)]) = said_so.as_array().map(Vec::as_slice) {
                strings(exact).map(str::to_owned).collect()
            } else {
                strings(said_so).map(str::to_owned).chain([GPU.to_owned()]).collect()
            };
        let options = said("options").as_object().into_iter().flatten();
        let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
        Self {
            driver: text(said("driver")),
            count: if said("count") == "all" { -1 } else { said("count").as_i64().unwrap_or(0) },
            ids: strings(said("device_ids")).map(str::to_owned).collect(),
            capabilities,
            options: options.map(|(key, value)| (key.clone(), text(value))).collect(),
        }
    }
}

impl From<Request> for serde_json::Map<String, Json> {
    fn from(request: Request) -> Self {
        let mut map = Self::new();
        let mut put = |key: &str, value: Json| drop(map.insert(key.to_owned(), value));
        if !request.driver.is_empty() {
            put("driver", json!(request.driver));
        }
        match request.count {
            -1 => put("count", json!("all")),
            0 => {}
            count => put("count", json!(count)),
        }
        if !request.ids.is_empty() {
            put("device_ids", json!(request.ids));
        }
        // A nested list means exactly these capabilities: see `CAPABILITIES`.
        let all = json!(request.capabilities);
        put("capabilities", if request.capabilities.contains(GPU) { all } else { json!([all]) });
        if !request.options.is_empty() {
            put("options", json!(request.options));
        }
        map
    }
}

/// The capability of GPUs.
const GPU: &str = "gpu";

/// Requests for GPUs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Gpus(pub BTreeSet<Request>);

impl Request {
    fn all() -> Self {
        let capabilities = BTreeSet::from([GPU.to_owned()]);
        let (driver, ids, options) = (String::new(), Vec::new(), BTreeMap::new());
        Self { driver, count: -1, ids, capabilities, options }
    }

    /// The request in unambiguous words: `driver nvidia, count 2, capabilities gpu`.
    fn words(&self) -> String {
        let list = |texts: Vec<&str>| shell_words::join(&texts);
        let mut parts = Vec::new();
        if !self.driver.is_empty() {
            parts.push(format!("driver {}", list(vec![&self.driver])));
        }
        match self.count {
            -1 => parts.push("count all".to_owned()),
            0 => {}
            count => parts.push(format!("count {count}")),
        }
        if !self.ids.is_empty() {
            let ids = self.ids.iter().map(String::as_str).collect();
            parts.push(format!("device_ids {}", list(ids)));
        }
        let capabilities = self.capabilities.iter().map(String::as_str).collect();
        parts.push(format!("capabilities {}", list(capabilities)));
        if !self.options.is_empty() {
            let options: Vec<String> =
                self.options.iter().map(|(key, value)| format!("{key}={value}")).collect();
            parts.push(format!("options {}", list(options.iter().map(String::as_str).collect())));
        }
        parts.join(", ")
    }

    fn of_json(json: &Json) -> Self {
        let options = json["Options"].as_object().into_iter().flatten();
        let capabilities = json["Capabilities"].as_array().into_iter().flatten();
        Self {
            driver: json["Driver"].as_str().unwrap_or_default().to_owned(),
            count: json["Count"].as_i64().unwrap_or(0),
            ids: strings(&json["DeviceIDs"]).map(str::to_owned).collect(),
            // A spec cannot express alternatives, so all found capabilities are shown as one list.
            capabilities: capabilities.flat_map(strings).map(str::to_owned).collect(),
            options: options
                .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
        }
    }
}

impl Spelled for Gpus {
    const GRAMMAR: Grammar = Grammar::OneOf {
        what: "`all` or a list of requests like `{driver: nvidia, count: 2}`",
        of: &[
            list_of("a list of requests", &REQUEST),
            Grammar::Checked {
                of: &Grammar::Word(&["all"]),
                check: |_| Ok(json!([Request::all()])),
            },
        ],
    };
}

const REQUEST: Grammar = Grammar::Checked {
    of: &keys(
        "a map with `count` or `device_ids`",
        &[
            key("driver", TEXT),
            key(
                "count",
                Grammar::Scalar {
                    what: "`all` or a number of devices",
                    read: |node| match numbers::spelling(node)?.as_str() {
                        "all" | "-1" => Some(json!("all")),
                        number => match number.parse() {
                            Ok(number @ 1..=1_000_000) => Some(json!(number)),
                            _ => None,
                        },
                    },
                    schema: || {
                        json!({"anyOf": [
                            {"enum": ["all", -1, "-1"]}, numbers::schema(1, Some(1_000_000)),
                        ]})
                    },
                },
            ),
            key("device_ids", list_of("a list of devices", &TEXT)),
            key("capabilities", CAPABILITIES),
            key(
                "options",
                Grammar::Map(Map {
                    what: "a map of options",
                    names: Names::Any,
                    value: &TEXT,
                    pairs: true,
                    bare: Bare::Is(|_| json!("")),
                }),
            ),
        ],
    ),
    check: |read| {
        let ids = read["device_ids"].as_array().is_some_and(|ids| !ids.is_empty());
        match (ids, read.get("count").is_some()) {
            (true, true) => Err(Wrong::Expected("`count` or `device_ids`, not both")),
            (false, false) => {
                let mut read = read;
                read["count"] = json!("all");
                Ok(read)
            }
            _ => Ok(read),
        }
    },
};

/// Compose adds the capability `gpu` to every request of `gpus`, so a plain list need not name it.
/// A nested list means exactly these capabilities, as in the engine's API. Compose sends
/// `devices` under `deploy` in this form.
const CAPABILITIES: Grammar = Grammar::Checked {
    of: &list_of(
        "a list of capabilities",
        &Grammar::OneOf {
            what: "a capability",
            of: &[list_of("a list of capabilities", &TEXT), TEXT],
        },
    ),
    check: |read| match read.as_array().map(Vec::as_slice) {
        Some([Json::Array(exact)]) if exact.is_empty() => {
            Err(Wrong::Expected("a capability at least, without which no driver is meant"))
        }
        Some([Json::Array(_)]) => Ok(read),
        Some(all) if all.iter().all(Json::is_string) => Ok(read),
        _ => Err(Wrong::Expected("a list of capabilities, or such a list in a list")),
    },
};

/// The row of requests for GPUs.
#[derive(Debug)]
pub struct GpusRow;

impl Row for GpusRow {
    type Declared = Gpus;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "gpus",
            risk: Risk::Gpus,
            aliases: &["device_requests"],
            doc: "graphics processors: `all`, or requests with a count or device IDs",
            examples: &[
                "all",
                "[{driver: nvidia, count: 2}]",
                "[{device_ids: [\"0\", \"3\"], capabilities: [utility], options: {mig: \"1\"}}]",
                "[{driver: acme, count: 1, capabilities: [[tpu]]}]",
            ],
            many: true,
            ..SECURITY
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        vec![Owned::host("DeviceRequests", Nothing::Null)]
    }

    fn write(&self, said: &Gpus, body: &mut Body, _cx: &Context) {
        for one in &said.0 {
            let mut json = json!({
                "Driver": one.driver, "Count": one.count, "Capabilities": [one.capabilities],
            });
            if !one.ids.is_empty() {
                json["DeviceIDs"] = json!(one.ids);
            }
            if !one.options.is_empty() {
                json["Options"] = json!(one.options);
            }
            request(body, json);
        }
    }

    fn decided_by_fields(&self) -> Option<&[At]> {
        Some(&[])
    }

    fn read(&self, look: &InspectView) -> Value {
        let others = requests(look).filter(|request| request["Driver"] != CDI);
        some_set(others.map(|json| Atom::Text(Request::of_json(json).words())).collect())
    }

    fn to_spec(&self, look: &InspectView) -> Json {
        let others = requests(look).filter(|request| request["Driver"] != CDI);
        let others: Vec<Request> = others.map(Request::of_json).collect();
        if others == [Request::all()] {
            return json!("all");
        }
        json!(others)
    }
}
