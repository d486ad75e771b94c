//! `healthcheck`: how an engine finds out whether what runs is well.
//!
//! Field by field: what is not said is the image's. Merging them is [`crate::engine_model`]'s.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::field::{
    At, Field, Plain, field, known_keys, list_schema, map_schema, or_null, strings, text, texts,
};
use super::fields::Nothing;
use super::numbers;
use super::risk::Risk;
use super::row::{Group, OPTION, OptionDef, OptionValue};
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};
use crate::syntax::durations;
use crate::syntax::node::{Entry, Kind, Node, Problems};
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

/// A check that is switched off is more than none being expected: one that is found is surely not
/// it, whatever else may be there.
fn switched_off(expected: &mut Value, found: &mut Value, both: (&InspectView, &InspectView)) {
    let off = strings(&both.0.config("Healthcheck")["Test"]).eq(["NONE"]);
    if off && *found != Value::Unset {
        *expected = Value::Map(BTreeMap::from([("test".to_owned(), Atom::text("NONE"))]));
    }
}

/// What a spec says of the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Healthcheck {
    /// None, whatever the image says.
    Disabled,
    /// This one, over the image's.
    Check(Check),
}

/// A check; what is `None` is the image's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Check {
    test: Option<Vec<String>>,
    /// In nanoseconds, by the spec's key.
    durations: BTreeMap<&'static str, i64>,
    retries: Option<i64>,
}

/// Keys of durations with their fields.
const DURATIONS: &[(&str, &str)] = &[
    ("interval", "Interval"),
    ("timeout", "Timeout"),
    ("start_period", "StartPeriod"),
    ("start_interval", "StartInterval"),
];
const KEYS: &[&str] =
    &["test", "interval", "timeout", "start_period", "start_interval", "retries", "disable"];
/// What an engine takes at least.
const LEAST: i64 = 1_000_000;

fn test(node: &Node, problems: &mut Problems) -> Option<Vec<String>> {
    let what = "a command line, or a list that begins with `CMD`, `CMD-SHELL` or `NONE`";
    if let Kind::List(_) = &node.kind {
        let words = texts(node, what, problems)?;
        return match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["NONE"] | ["CMD" | "CMD-SHELL", _, ..] => Some(words),
            _ => problems.expected(what, node),
        };
    }
    let line = text(node, what, problems)?;
    if matches!(line.trim(), "" | "NONE") {
        let message = format!("expected {what}, but found {}", node.what());
        problems.add_hint(node.place, message, "write `disable: true` for no check at all");
        return None;
    }
    Some(vec!["CMD-SHELL".to_owned(), line])
}

/// The command as it is compared: one text. Where this text is known to be public, a found command
/// with a hidden word surely is another one.
pub(crate) fn whole<T: AsRef<str>>(test: &[T]) -> String {
    shell_words::join(&test.iter().map(AsRef::as_ref).collect::<Vec<&str>>())
}

/// A duration; none at all is what an engine takes for nothing said.
fn duration(node: &Node, problems: &mut Problems) -> Option<i64> {
    let what = "a duration of a millisecond or more like `30s` or `1m30s`";
    match durations::nanoseconds(&text(node, what, problems)?) {
        Some(0) => None,
        Some(length) if length >= LEAST => Some(length),
        _ => problems.expected(what, node),
    }
}

impl OptionValue for Healthcheck {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            return problems.expected("a map with `test`, or `{disable: true}`", node);
        };
        let before = problems.all.len();
        known_keys(entries, KEYS, problems);
        let mut check = Check::default();
        let mut disabled = false;
        for Entry { key, value, .. } in entries {
            if value.kind == Kind::Null || (value.says_nothing() && key != "test") {
                continue;
            }
            let length = DURATIONS.iter().find(|(word, _)| word == key);
            match (key.as_str(), length) {
                (_, Some((word, _))) => {
                    check.durations.extend(duration(value, problems).map(|length| (*word, length)));
                }
                ("test", _) => check.test = test(value, problems),
                ("disable", _) => disabled = bool::parse(value, problems).unwrap_or(false),
                ("retries", _) => match numbers::whole(value) {
                    Some(0) => {}
                    Some(retries @ 1..=1_000_000) => check.retries = Some(retries),
                    _ => return numbers::expected("a whole number of tries", value, problems),
                },
                _ => {}
            }
        }
        let off = check.test.as_deref().is_some_and(|test| test == ["NONE"]);
        let others = !check.durations.is_empty() || check.retries.is_some();
        let said = check.test.is_some() || others;
        if (disabled && said && !off) || (off && others) {
            return problems.expected("no check at all, or a check, not both", node);
        }
        if problems.all.len() > before {
            return None;
        }
        if disabled || off {
            return Some(Self::Disabled);
        }
        // Where nothing is left that says something, all of it is the image's.
        Some(Self::Check(check))
    }

    fn print(&self) -> Json {
        let Self::Check(check) = self else { return json!({"disable": true}) };
        let mut map = serde_json::Map::new();
        for (key, length) in &check.durations {
            map.insert((*key).to_owned(), json!(durations::spelt(*length)));
        }
        map.extend(check.retries.map(|retries| ("retries".to_owned(), json!(retries))));
        map.extend(check.test.as_ref().map(|test| ("test".to_owned(), json!(test))));
        Json::Object(map)
    }

    fn schema() -> Json {
        let length = json!({"anyOf": [
            {"const": 0},
            {"type": "string", "pattern": r"^\+?(0|([0-9.]+(ns|us|µs|μs|ms|s|m|h))+)$"},
        ]});
        let properties = json!({
                "test": {"oneOf": [{"type": "string"}, list_schema()]},
                "interval": length,
                "timeout": length,
                "start_period": length,
                "start_interval": length,
                "retries": numbers::schema(0, Some(1_000_000)),
                "disable": bool::schema(),
        });
        map_schema(&or_null(properties), &[])
    }

    fn literals(&self, out: &mut BTreeSet<String>) {
        let Self::Check(check) = self else { return };
        out.extend(check.test.iter().flatten().cloned());
        // As it is compared, too: see `read`.
        out.extend(check.test.as_ref().map(|test| whole(test)));
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

    /// No check and one that is switched off are the same. The command is one text, so that a
    /// reason shows it whole, and one word of it that is hidden hides it.
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
}
