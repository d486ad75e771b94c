//! Limits of processes outside of cgroups: `ulimit` values, and the behaviour when memory runs out.
//! Limits by cgroups are [`super::resources`]' and [`super::processors`]'.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::field::{At, Field, Plain, amount, field, some_map};
use super::fields::Nothing;
use super::grammar::{Bare, Grammar, Map, Names, Wrong, key, keys};
use super::risk::Risk;
use super::row::{Filled, Group, Mode, OPTION, OptionDef, Spelled};
use crate::options::value::{Atom, Value};

const RESOURCES: OptionDef = OptionDef { group: Group::Resources, ..OPTION };

/// `ulimits`. An engine also shows its current defaults, so undeclared limits are no difference.
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

/// The resource limits of Linux.
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

/// Soft and hard limits by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ulimits(pub BTreeMap<String, Limit>);

/// A soft and a hard limit; -1 means unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Said", into = "Said")]
pub struct Limit {
    soft: i64,
    hard: i64,
}

/// The form in a spec: a single number if both limits are equal.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Said {
    Same(i64),
    Both { soft: i64, hard: i64 },
}

impl From<Said> for Limit {
    fn from(said: Said) -> Self {
        match said {
            Said::Same(limit) => Self { soft: limit, hard: limit },
            Said::Both { soft, hard } => Self { soft, hard },
        }
    }
}

impl From<Limit> for Said {
    fn from(Limit { soft, hard }: Limit) -> Self {
        if soft == hard { Self::Same(soft) } else { Self::Both { soft, hard } }
    }
}

impl Spelled for Ulimits {
    const GRAMMAR: Grammar = Grammar::Map(Map {
        what: "a map of limits like `{nofile: 1024}`",
        names: Names::Of("a limit of Linux", NAMES),
        value: &Grammar::OneOf { what: "a limit, or both `soft` and `hard`", of: &[LIMIT, BOTH] },
        pairs: false,
        bare: Bare::Wrong("a limit with its number", None),
    });
}

const LIMIT: Grammar =
    Grammar::Whole { what: "a whole number, or -1 for no limit", least: -1, most: None };

const BOTH: Grammar = Grammar::Checked {
    of: &keys(
        "both `soft` and `hard`",
        &[key("soft", LIMIT).required(), key("hard", LIMIT).required()],
    ),
    check: |read| {
        let of = |key: &str| read[key].as_i64().unwrap_or(-1);
        let (soft, hard) = (of("soft"), of("hard"));
        if hard >= 0 && (soft < 0 || soft > hard) {
            return Err(Wrong::Expected("a soft limit that is no more than the hard one"));
        }
        Ok(read)
    },
};

/// Reads the limits from inspect data.
fn found(json: &Json) -> Ulimits {
    let all = json.as_array().into_iter().flatten().filter_map(|limit| {
        let of = |field: &str| limit[field].as_i64().unwrap_or(0);
        Some((limit["Name"].as_str()?.to_owned(), Limit { soft: of("Soft"), hard: of("Hard") }))
    });
    Ulimits(all.collect())
}

impl Plain for Ulimits {
    fn write(&self) -> Json {
        let one = |(name, Limit { soft, hard }): (&String, &Limit)| json!({"Name": name, "Soft": soft, "Hard": hard});
        self.0.iter().map(one).collect()
    }

    fn read(json: &Json) -> Value {
        let text = |Limit { soft, hard }: Limit| {
            if soft == hard { Atom::Int(soft) } else { Atom::Text(format!("{soft}:{hard}")) }
        };
        some_map(found(json).0.into_iter().map(|(name, limits)| (name, text(limits))).collect())
    }

    fn to_spec(json: &Json) -> Option<Json> {
        Some(json!(found(json)))
    }
}

/// A score from -1000 to 1000; 0 is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Score(pub i64);

impl Spelled for Score {
    const GRAMMAR: Grammar = Grammar::Whole {
        what: "a whole number from -1000 to 1000",
        least: -1000,
        most: Some(1000),
    };
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
