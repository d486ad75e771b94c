//! Limits of processes that no control group keeps: of the shell's `ulimit`, and what becomes of
//! them when memory runs out.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::field::{At, Field, Plain, amount, field, known_keys, map_schema, some_map};
use super::fields::Nothing;
use super::numbers;
use super::risk::Risk;
use super::row::{Filled, Group, Mode, OPTION, OptionDef, OptionValue};
use crate::base::say;
use crate::options::value::{Atom, Value};
use crate::syntax::node::{Entry, Kind, Node, Problems};

const RESOURCES: OptionDef = OptionDef { group: Group::Resources, ..OPTION };

/// `ulimits`. An engine shows its own defaults of today among them, so what is there beside the
/// declared ones says nothing.
pub static ULIMITS: Field<Ulimits> = field(
    At::Host("Ulimits"),
    OptionDef {
        key: "ulimits",
        risk: Risk::None,
        doc: "limits of each process: `{NAME: NUMBER}` or `{NAME: {soft, hard}}`; -1 is none",
        examples: &["{nofile: {soft: 1024, hard: 2048}, nproc: 512}", "{core: -1}"],
        compare: Mode::Superset,
        filled: Filled::Keys,
        many: true,
        ..RESOURCES
    },
);

/// `oom_score_adj`.
pub static OOM_SCORE_ADJ: Field<Score> = field(
    At::Host("OomScoreAdj"),
    OptionDef {
        key: "oom_score_adj",
        risk: Risk::None,
        doc: "how ready the kernel is to end it when memory runs out, -1000 to 1000",
        examples: &["-500", "300"],
        ..RESOURCES
    },
);

/// `oom_kill_disable`.
pub static OOM_KILL_DISABLE: Field<bool> = field(
    At::Host("OomKillDisable"),
    OptionDef {
        key: "oom_kill_disable",
        risk: Risk::None,
        doc: "wait for memory instead of ending it; not with control groups 2",
        examples: &["true", "false"],
        ..RESOURCES
    },
)
.shows(Nothing::Null);

/// What Linux limits by process.
const NAMES: &[&str] = &[
    "as",
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// Limits by name: soft and hard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ulimits(pub BTreeMap<String, (i64, i64)>);

fn limit(node: &Node, problems: &mut Problems) -> Option<i64> {
    match numbers::whole(node) {
        Some(limit) if limit >= -1 => Some(limit),
        _ => numbers::expected("a whole number, or -1 for no limit", node, problems),
    }
}

fn pair(node: &Node, problems: &mut Problems) -> Option<(i64, i64)> {
    let Kind::Map(entries) = &node.kind else {
        return limit(node, problems).map(|limit| (limit, limit));
    };
    known_keys(entries, &["soft", "hard"], problems);
    let mut of = |key: &str| {
        let entry = entries.iter().find(|entry| entry.key == key)?;
        limit(&entry.value, problems)
    };
    let (Some(soft), Some(hard)) = (of("soft"), of("hard")) else {
        return problems.expected("both `soft` and `hard`", node);
    };
    if hard >= 0 && (soft < 0 || soft > hard) {
        return problems.expected("a soft limit that is no more than the hard one", node);
    }
    Some((soft, hard))
}

impl OptionValue for Ulimits {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            return problems.expected("a map of limits like `{nofile: 1024}`", node);
        };
        let mut all = BTreeMap::new();
        let mut fine = true;
        for Entry { key, place, value } in entries {
            if !NAMES.contains(&key.as_str()) {
                let close = problems.close(key, NAMES.iter().copied());
                let message = format!("expected a limit of Linux, but found `{}`", say::short(key));
                let hint = close.map_or_else(
                    || format!("there are {}", NAMES.join(", ")),
                    |close| format!("did you mean `{close}`?"),
                );
                problems.add_hint(*place, message, hint);
                fine = false;
                continue;
            }
            let read = pair(value, problems);
            fine &= read.is_some();
            all.extend(read.map(|limits| (key.clone(), limits)));
        }
        fine.then_some(Self(all))
    }

    fn print(&self) -> Json {
        let one = |(name, (soft, hard)): (&String, &(i64, i64))| {
            let both = json!({"soft": soft, "hard": hard});
            (name.clone(), if soft == hard { json!(soft) } else { both })
        };
        Json::Object(self.0.iter().map(one).collect())
    }

    fn schema() -> Json {
        let number = numbers::schema(-1, None);
        json!({"type": "object", "propertyNames": {"enum": NAMES}, "additionalProperties": {"oneOf": [
            number,
            map_schema(&json!({"soft": number, "hard": number}), &["soft", "hard"]),
        ]}})
    }
}

/// The limits that inspect data have.
fn found(json: &Json) -> Ulimits {
    let all = json.as_array().into_iter().flatten().filter_map(|limit| {
        let of = |field: &str| limit[field].as_i64().unwrap_or(0);
        Some((limit["Name"].as_str()?.to_owned(), (of("Soft"), of("Hard"))))
    });
    Ulimits(all.collect())
}

impl Plain for Ulimits {
    fn write(&self) -> Json {
        let one = |(name, (soft, hard)): (&String, &(i64, i64))| json!({"Name": name, "Soft": soft, "Hard": hard});
        self.0.iter().map(one).collect()
    }

    fn read(json: &Json) -> Value {
        let text = |(soft, hard): (i64, i64)| {
            if soft == hard { Atom::Int(soft) } else { Atom::Text(format!("{soft}:{hard}")) }
        };
        some_map(found(json).0.into_iter().map(|(name, limits)| (name, text(limits))).collect())
    }

    fn to_spec(json: &Json) -> Option<Json> {
        Some(found(json).print())
    }
}

/// From -1000 to 1000; 0 is what nothing said means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Score(pub i64);

impl OptionValue for Score {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        match numbers::whole(node) {
            Some(score @ -1000..=1000) => Some(Self(score)),
            _ => numbers::expected("a whole number from -1000 to 1000", node, problems),
        }
    }

    fn print(&self) -> Json {
        json!(self.0)
    }

    fn schema() -> Json {
        numbers::schema(-1000, Some(1000))
    }
}

impl Plain for Score {
    const NOTHING: Nothing = Nothing::Zero;

    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        amount(json)
    }
}
