//! `healthcheck`: the test by which an engine judges the health of a container.
//!
//! Undeclared fields come from the image; merging them is [`crate::engine_model`]'s.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::field::{At, Field, Plain, field, strings};
use super::fields::Nothing;
use super::grammar::{Grammar, TEXT, Wrong, key, keys, list_of};
use super::numbers;
use super::risk::Risk;
use super::row::{Group, OPTION, OptionDef, Spelled};
use crate::base::say;
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};
use crate::syntax::durations;
use crate::syntax::shell_words;

/// `healthcheck`.
pub static HEALTHCHECK: Field<Healthcheck> = field(
    At::Config("Healthcheck"),
    OptionDef {
        key: "healthcheck",
        risk: Risk::None,
        doc: "how the engine finds out whether it is well; what is not said is the image's",
        examples: &[
            "{test: [CMD, pg_isready], interval: 30s, timeout: 5s, retries: 3, start_period: 1m}",
            "{test: 'curl -f http://localhost/', start_interval: 500ms}",
            "{disable: true}",
        ],
        group: Group::Process,
        from_image: true,
        many: true,
        ..OPTION
    },
)
.normalized(switched_off);

/// A disabled check differs from every found check, even if parts of the found check are hidden.
fn switched_off(expected: &mut Value, found: &mut Value, both: (&InspectView, &InspectView)) {
    let off = strings(&both.0.config("Healthcheck")["Test"]).eq(["NONE"]);
    if off && *found != Value::Unset {
        *expected = Value::Map(BTreeMap::from([("test".to_owned(), Atom::text("NONE"))]));
    }
}

/// The declared health check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "serde_json::Map<String, Json>", into = "serde_json::Map<String, Json>")]
pub enum Healthcheck {
    /// No check, even if the image has a check.
    Disabled,
    /// A check, with missing fields from the image.
    Check(Check),
}

/// A check; a `None` field comes from the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Check {
    test: Option<Vec<String>>,
    /// Nanoseconds, by key of the spec.
    durations: BTreeMap<&'static str, i64>,
    retries: Option<i64>,
}

/// The keys of durations with their fields.
const DURATIONS: &[(&str, &str)] = &[
    ("interval", "Interval"),
    ("timeout", "Timeout"),
    ("start_period", "StartPeriod"),
    ("start_interval", "StartInterval"),
];
/// The minimal duration that an engine accepts, in nanoseconds.
const LEAST: i64 = 1_000_000;
/// The interval and the timeout of an engine, if a check says none, in nanoseconds.
const USUAL: u64 = 30_000_000_000;
/// The retries of an engine, if a check says none.
const RETRIES: u64 = 3;

/// Whether a check of a create body or of inspect data is one that an engine runs.
pub fn is_on(check: &Json) -> bool {
    strings(&check["Test"]).next().is_some_and(|word| word != "NONE")
}

/// The nanoseconds until a check of a create body or of inspect data says `healthy` or `unhealthy`
/// at the latest: its start period, then a probe for each retry, and `more` probes.
pub fn longest(check: &Json, more: u64) -> u64 {
    let said = |field: &str| check[field].as_u64().filter(|number| *number > 0);
    let [interval, timeout] = ["Interval", "Timeout"].map(|field| said(field).unwrap_or(USUAL));
    let probes = said("Retries").unwrap_or(RETRIES).saturating_add(more);
    let probes = interval.saturating_add(timeout).saturating_mul(probes);
    said("StartPeriod").unwrap_or(0).saturating_add(probes)
}

/// [`longest`] in seconds, without further probes.
pub fn longest_seconds(check: &Json) -> u64 {
    longest(check, 0).div_ceil(1_000_000_000)
}

/// A check as a create body has it, from the check of an image and the check of a spec.
pub fn planned(image: Option<&Json>, declared: Option<&Json>) -> Json {
    let mut said = serde_json::Map::new();
    for check in [image, declared].into_iter().flatten().filter_map(Json::as_object) {
        said.extend(check.clone());
    }
    Healthcheck::from(said).write()
}

/// The command as a single text for the comparison. If this text is public, a command with a hidden
/// word differs for certain.
pub(crate) fn whole<T: AsRef<str>>(test: &[T]) -> String {
    shell_words::join(&test.iter().map(AsRef::as_ref).collect::<Vec<&str>>())
}

impl Spelled for Healthcheck {
    const GRAMMAR: Grammar = Grammar::Checked {
        of: &keys(
            "a map with `test`, or `{disable: true}`",
            &[
                key("test", TEST).with_empty(),
                key("interval", LENGTH),
                key("timeout", LENGTH),
                key("start_period", LENGTH),
                key("start_interval", LENGTH),
                key(
                    "retries",
                    Grammar::Whole {
                        what: "a whole number of tries",
                        least: 0,
                        most: Some(1_000_000),
                    },
                ),
                key("disable", Grammar::Bool),
            ],
        ),
        check: |read| {
            let Json::Object(mut said) = read else { return Err(Wrong::Other) };
            // An engine treats zero as unset.
            said.retain(|_, value| *value != "0s" && *value != 0);
            let disabled = said.remove("disable") == Some(Json::Bool(true));
            let off = said.get("test").is_some_and(|test| *test == json!(["NONE"]));
            let others = said.keys().any(|key| key != "test");
            if (disabled && !said.is_empty() && !off) || (off && others) {
                return Err(Wrong::Expected("no check at all, or a check, not both"));
            }
            // An empty declaration leaves the whole check to the image.
            Ok(if disabled || off { json!({"disable": true}) } else { Json::Object(said) })
        },
    };
}

const WHAT: &str = "a command line, or a list that begins with `CMD`, `CMD-SHELL` or `NONE`";

const TEST: Grammar = Grammar::OneOf {
    what: WHAT,
    of: &[
        Grammar::Checked {
            of: &list_of(WHAT, &TEXT),
            check: |read| match strings(&read).collect::<Vec<_>>().as_slice() {
                ["NONE"] | ["CMD" | "CMD-SHELL", _, ..] => Ok(read),
                _ => Err(Wrong::Other),
            },
        },
        Grammar::Text {
            what: WHAT,
            spell: |line| match line.trim() {
                "" | "NONE" => Err(Wrong::Told(
                    format!("expected {WHAT}, but found the text `{}`", say::short(line)),
                    Some("write `disable: true` for no check at all"),
                )),
                _ => Ok(json!(["CMD-SHELL", line])),
            },
            schema: || json!({"type": "string"}),
        },
    ],
};

/// A duration.
const LENGTH: Grammar = Grammar::Scalar {
    what: "a duration of a millisecond or more like `30s` or `1m30s`",
    read: |node| match durations::nanoseconds(&numbers::spelling(node)?)? {
        0 => Some(json!("0s")),
        length => (length >= LEAST).then(|| json!(durations::spelt(length))),
    },
    schema: || {
        json!({"anyOf": [
            {"const": 0},
            {"type": "string", "pattern": r"^\+?(0|([0-9.]+(ns|us|µs|μs|ms|s|m|h))+)$"},
        ]})
    },
};

impl From<serde_json::Map<String, Json>> for Healthcheck {
    fn from(read: serde_json::Map<String, Json>) -> Self {
        if read.contains_key("disable") {
            return Self::Disabled;
        }
        let lengths = DURATIONS.iter().filter_map(|(key, _)| {
            let length = durations::nanoseconds(read.get(*key)?.as_str()?)?;
            Some((*key, length))
        });
        Self::Check(Check {
            test: read.get("test").map(|test| strings(test).map(str::to_owned).collect()),
            durations: lengths.collect(),
            retries: read.get("retries").and_then(Json::as_i64),
        })
    }
}

impl From<Healthcheck> for serde_json::Map<String, Json> {
    fn from(said: Healthcheck) -> Self {
        let mut map = Self::new();
        let mut put = |key: &str, value: Json| drop(map.insert(key.to_owned(), value));
        let Healthcheck::Check(check) = said else {
            put("disable", json!(true));
            return map;
        };
        for (key, length) in &check.durations {
            put(key, json!(durations::spelt(*length)));
        }
        if let Some(retries) = check.retries {
            put("retries", json!(retries));
        }
        if let Some(test) = check.test {
            put("test", json!(test));
        }
        map
    }
}

impl Plain for Healthcheck {
    const NOTHING: Nothing = Nothing::Missing;

    fn write(&self) -> Json {
        let Self::Check(check) = self else { return json!({"Test": ["NONE"]}) };
        let mut map = serde_json::Map::new();
        map.extend(check.test.as_ref().map(|test| ("Test".to_owned(), json!(test))));
        for (key, field) in DURATIONS {
            map.extend(check.durations.get(key).map(|length| ((*field).to_owned(), json!(length))));
        }
        map.extend(check.retries.map(|retries| ("Retries".to_owned(), json!(retries))));
        Json::Object(map)
    }

    /// A missing check equals a disabled check. The command is a single text: a reason shows the
    /// whole command, and a hidden word hides the whole command.
    fn read(json: &Json) -> Value {
        let words: Vec<&str> = strings(&json["Test"]).collect();
        let Some(map) = json.as_object().filter(|_| words != ["NONE"]) else {
            return Value::Unset;
        };
        let mut all = BTreeMap::new();
        if !words.is_empty() {
            let hidden = words.iter().find_map(|word| match Atom::text(word) {
                Atom::Live(live) => Some(Atom::Live(live)),
                _ => None,
            });
            let shown = || Atom::Text(whole(&words));
            all.insert("test".to_owned(), hidden.unwrap_or_else(shown));
        }
        for (key, field) in DURATIONS {
            if let Some(length @ 1..) = map.get(*field).and_then(Json::as_i64) {
                all.insert((*key).to_owned(), Atom::Text(durations::spelt(length)));
            }
        }
        if let Some(retries @ 1..) = map.get("Retries").and_then(Json::as_i64) {
            all.insert("retries".to_owned(), Atom::Int(retries));
        }
        if all.is_empty() { Value::Unset } else { Value::Map(all) }
    }

    fn to_spec(json: &Json) -> Option<Json> {
        let words: Vec<&str> = strings(&json["Test"]).collect();
        if words == ["NONE"] {
            return Some(json!({"disable": true}));
        }
        let Value::Map(all) = Self::read(json) else { return Some(Json::Null) };
        let mut map: serde_json::Map<String, Json> =
            all.iter().map(|(key, atom)| (key.clone(), atom.show())).collect();
        if !words.is_empty() {
            map.insert("test".to_owned(), json!(words));
        }
        Some(Json::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::OptionValue as _;
    use crate::syntax::node::{Node, Problems};

    #[test]
    fn what_is_zero_is_not_said() {
        let schema = jsonschema::draft202012::new(&Healthcheck::schema()).unwrap();
        let all_zero = json!({"interval": "0s", "timeout": 0, "start_period": "0ms", "retries": 0});
        for (said, left) in [
            (json!({"disable": false}), json!({})),
            (all_zero, json!({})),
            (json!({"disable": true, "interval": "0s"}), json!({"disable": true})),
            (json!({"retries": 0, "timeout": "5s"}), json!({"timeout": "5s"})),
        ] {
            let mut problems = Problems::default();
            let read = Healthcheck::parse(&Node::from_json(&said), &mut problems);
            let printed = read.unwrap_or_else(|| panic!("{said}: {problems:?}")).print();
            assert_eq!(printed, left, "{said}");
            assert!(schema.is_valid(&said) && schema.is_valid(&printed), "{said}");
            assert!(Healthcheck::parse(&Node::from_json(&printed), &mut problems).is_some());
        }
        for wrong in [json!({"interval": "1us"}), json!({"retries": -1}), json!({"test": ""})] {
            let read = Healthcheck::parse(&Node::from_json(&wrong), &mut Problems::default());
            assert_eq!(read, None, "{wrong}");
        }
    }

    #[test]
    fn a_check_takes_its_start_period_and_its_probes_at_most() {
        let image = json!({"test": ["CMD", "x"], "interval": "10s", "timeout": "5s"});
        let of = |declared: Json| {
            let check = planned(Some(&image), Some(&declared));
            is_on(&check).then(|| longest_seconds(&check))
        };
        assert_eq!(of(Json::Null), Some(3 * (10 + 5)));
        assert_eq!(of(json!({"retries": 2, "start_period": "1m"})), Some(60 + 2 * 15));
        assert_eq!(of(json!({"disable": true})), None);
        let bare = planned(None, Some(&json!({"test": ["CMD", "x"]})));
        assert_eq!(longest(&bare, 1), 4 * 60 * 1_000_000_000);
        assert!(!is_on(&planned(None, Some(&json!({"interval": "10s"})))));
    }
}
