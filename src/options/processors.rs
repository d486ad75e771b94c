//! CPU limits: time, weight, and the choice of processors. Limits of memory and processes are
//! [`super::resources`]'.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::field::{At, Field, Plain, amount, field};
use super::fields::Nothing;
use super::grammar::{Grammar, Unreadable, one_text};
use super::numbers::{self, whole};
use super::resources::{RESOURCES, is_minus_one};
use super::risk::Risk;
use super::row::{Change, OptionDef, Spelled, Unit};
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};
use crate::syntax::durations;
use crate::syntax::node::Node;

/// `cpus`.
pub static CPUS: Field<Cpus> = field(
    At::Host("NanoCpus"),
    OptionDef {
        key: "cpus",
        risk: Risk::None,
        doc: "how many processors' time it may use",
        examples: &["1.5", "2", "\"0.25\""],
        unit: Unit::NanoCpus,
        change: Change::Update(&["NanoCpus"]),
        ..RESOURCES
    },
)
.flag("--cpus")
.normalized(one_share);

/// `cpu_period`.
pub static CPU_PERIOD: Field<Micros> = field(
    At::Host("CpuPeriod"),
    OptionDef {
        key: "cpu_period",
        risk: Risk::None,
        doc: "the period of its processor time, in microseconds or as a duration",
        examples: &["50000", "25ms"],
        unit: Unit::Micros,
        change: Change::Update(&["CpuPeriod"]),
        ..RESOURCES
    },
)
.flag("--cpu-period")
.normalized(one_share);

/// `cpu_quota`.
pub static CPU_QUOTA: Field<Micros> = field(
    At::Host("CpuQuota"),
    OptionDef {
        key: "cpu_quota",
        risk: Risk::None,
        doc: "the processor time it may use in each period, in microseconds or as a duration",
        examples: &["25000", "150ms"],
        unit: Unit::Micros,
        change: Change::Update(&["CpuQuota"]),
        ..RESOURCES
    },
)
.flag("--cpu-quota")
.normalized(one_share);

/// `cpu_rt_period`. An engine accepts an update, but does not apply it to a running container.
pub static CPU_RT_PERIOD: Field<Realtime> = field(
    At::Host("CpuRealtimePeriod"),
    OptionDef {
        key: "cpu_rt_period",
        risk: Risk::None,
        doc: "the period of its realtime processor time, in microseconds or as a duration",
        examples: &["1000000", "1400us"],
        unit: Unit::Micros,
        ..RESOURCES
    },
)
.flag("--cpu-rt-period");

/// `cpu_rt_runtime`. An update of a running container has no effect either.
pub static CPU_RT_RUNTIME: Field<Realtime> = field(
    At::Host("CpuRealtimeRuntime"),
    OptionDef {
        key: "cpu_rt_runtime",
        risk: Risk::None,
        doc: "the realtime processor time in each period, in microseconds or as a duration",
        examples: &["95000", "400ms"],
        unit: Unit::Micros,
        ..RESOURCES
    },
)
.flag("--cpu-rt-runtime");

/// `cpu_shares`.
pub static CPU_SHARES: Field<Count> = field(
    At::Host("CpuShares"),
    OptionDef {
        key: "cpu_shares",
        risk: Risk::None,
        doc: "its weight where processors are short; 1024 is usual",
        examples: &["512", "2048"],
        change: Change::Update(&["CpuShares"]),
        ..RESOURCES
    },
)
.flag("--cpu-shares");

/// `cpuset`.
pub static CPUSET: Field<Cpuset> = field(
    At::Host("CpusetCpus"),
    OptionDef {
        key: "cpuset",
        risk: Risk::None,
        aliases: &["cpuset_cpus"],
        doc: "the processors it may use",
        examples: &["\"0-2,4\"", "0", "\"0,1\""],
        change: Change::Update(&["CpusetCpus"]),
        ..RESOURCES
    },
)
.flag("--cpuset-cpus");

/// `cpuset_mems`.
pub static CPUSET_MEMS: Field<Cpuset> = field(
    At::Host("CpusetMems"),
    OptionDef {
        key: "cpuset_mems",
        risk: Risk::None,
        doc: "the memory nodes it may use",
        examples: &["\"0-1\"", "0"],
        change: Change::Update(&["CpusetMems"]),
        ..RESOURCES
    },
)
.flag("--cpuset-mems");

/// The default period of an engine, in microseconds.
const USUAL_PERIOD: i64 = 100_000;

/// Treats `cpus` and a quota as equal if both give the same share: the kernel gets the same values.
/// Two quotas of one share with different periods differ, because the period matters.
fn one_share(expected: &mut Value, found: &mut Value, both: (&InspectView, &InspectView)) {
    let number = |look: &InspectView, field| look.host(field).as_i64().filter(|number| *number > 0);
    let agree = |cpus: &InspectView, quota: &InspectView| {
        let period = number(quota, "CpuPeriod").unwrap_or(USUAL_PERIOD);
        match (number(cpus, "NanoCpus"), number(quota, "CpuQuota")) {
            (Some(nano), Some(micros)) => {
                i128::from(nano) * i128::from(period) == i128::from(micros) * 1_000_000_000
            }
            _ => false,
        }
    };
    if agree(both.0, both.1) || agree(both.1, both.0) {
        found.clone_from(expected);
    }
}

/// Billionths of a processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cpus(pub i64);

/// Reads a decimal number with at most nine fraction digits, in billionths.
fn billionths(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fraction = fraction.trim_end_matches('0');
    if !digits(whole)
        || !digits(fraction)
        || fraction.len() > 9
        || !text.bytes().any(|byte| byte != b'.')
    {
        return None;
    }
    // Joins both parts into one number: `1.5` becomes 1 and 500000000.
    format!("{whole}{fraction:0<9}").parse().ok()
}

impl Spelled for Cpus {
    const GRAMMAR: Grammar = Grammar::Scalar {
        what: "a number of processors like `1.5`",
        read: |node| Some(json!(numbers::spelling(node)?.parse::<Self>().ok()?)),
        schema: || {
            json!({"anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": r"^([0-9]+\.?[0-9]*|\.[0-9]+)$"},
            ]})
        },
    };
}

impl FromStr for Cpus {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        billionths(text).map(Self).ok_or(Unreadable)
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        let text = format!("{whole}.{fraction:09}");
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

one_text!(Cpus);

impl Plain for Cpus {
    const NOTHING: Nothing = Nothing::Zero;

    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        amount(json)
    }
}

/// Microseconds; 0 means unset, and so does -1, which an engine shows for a removed quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub i64);

/// Microseconds; here -1 is the kernel's word for "no limit".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Realtime(pub Micros);

impl Spelled for Realtime {
    const GRAMMAR: Grammar = Grammar::Scalar {
        what: "a whole number of microseconds, or a duration",
        read: |node| micros(node).filter(|_| !is_minus_one(node)).map(Json::from),
        schema: || json!({"allOf": [micros_schema(), {"not": {"enum": [-1, "-1"]}}]}),
    };
}

impl Plain for Realtime {
    const NOTHING: Nothing = Nothing::Zero;

    fn write(&self) -> Json {
        self.0.write()
    }

    fn read(json: &Json) -> Value {
        Micros::read(json)
    }
}

impl Spelled for Micros {
    const GRAMMAR: Grammar = Grammar::Scalar {
        what: "a whole number of microseconds, or a duration like `50ms`",
        read: |node| micros(node).map(Json::from),
        schema: micros_schema,
    };
}

fn micros(node: &Node) -> Option<i64> {
    if is_minus_one(node) {
        return Some(0);
    }
    if let Some(number) = whole(node) {
        return Some(number).filter(|number| *number >= 0);
    }
    let exact = |nanoseconds: &i64| *nanoseconds >= 0 && nanoseconds % 1_000 == 0;
    let length = durations::nanoseconds(&numbers::spelling(node)?).filter(exact)?;
    Some(length / 1_000)
}

fn micros_schema() -> Json {
    json!({"anyOf": [
        {"type": "integer", "minimum": -1},
        {"type": "string", "pattern": r"^(-1|\+?[0-9]+|\+?([0-9.]+(ns|us|µs|μs|ms|s|m|h))+)$"},
    ]})
}

impl Plain for Micros {
    const NOTHING: Nothing = Nothing::Zero;

    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        match amount(json) {
            // An update leaves a negative number for a removed quota.
            Value::One(Atom::Int(number)) if number < 0 => Value::Unset,
            value => value,
        }
    }
}

/// Numbers of processors or memory nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cpuset(pub BTreeSet<u16>);

/// Reads `0-2,4`.
fn cpuset(text: &str) -> Option<BTreeSet<u16>> {
    let mut all = BTreeSet::new();
    for part in text.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let number =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok());
        let (from, to): (u16, u16) = (number(from)??, number(to)??);
        if from > to {
            return None;
        }
        all.extend(from..=to);
    }
    Some(all)
}

/// The canonical form: neighbours as ranges.
fn ranges(numbers: &BTreeSet<u16>) -> String {
    let mut runs: Vec<(u16, u16)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, to)) if number - *to == 1 => *to = number,
            _ => runs.push((number, number)),
        }
    }
    let run = |(from, to): &(u16, u16)| {
        if from == to { from.to_string() } else { format!("{from}-{to}") }
    };
    runs.iter().map(run).collect::<Vec<_>>().join(",")
}

impl Spelled for Cpuset {
    const GRAMMAR: Grammar = Grammar::Scalar {
        what: "numbers like `0-2,4`",
        read: |node| Some(json!(numbers::spelling(node)?.parse::<Self>().ok()?)),
        schema: || {
            json!({"anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 65535},
                {"type": "string", "pattern": "^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$"},
            ]})
        },
    };
}

impl FromStr for Cpuset {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        cpuset(text).map(Self).ok_or(Unreadable)
    }
}

impl fmt::Display for Cpuset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&ranges(&self.0))
    }
}

one_text!(Cpuset);

impl Plain for Cpuset {
    const NOTHING: Nothing = Nothing::Text;

    fn write(&self) -> Json {
        json!(ranges(&self.0))
    }

    fn read(json: &Json) -> Value {
        match json.as_str() {
            None | Some("") => Value::Unset,
            Some(text) => {
                let text = cpuset(text).map_or_else(|| text.to_owned(), |numbers| ranges(&numbers));
                Value::One(Atom::Text(text))
            }
        }
    }
}

/// A whole number; 0 means unset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Count(pub i64);

impl Spelled for Count {
    const GRAMMAR: Grammar = Grammar::Whole { what: "a whole number", least: 0, most: None };
}

impl Plain for Count {
    const NOTHING: Nothing = Nothing::Zero;

    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        amount(json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_counted_in_billionths() {
        for (text, number) in [
            ("1.5", Some(1_500_000_000)),
            ("2", Some(2_000_000_000)),
            (".25", Some(250_000_000)),
            ("1.", Some(1_000_000_000)),
            ("0.000000001", Some(1)),
            ("1.0000000000", Some(1_000_000_000)),
            ("0.0000000001", None),
            ("", None),
            (".", None),
            ("1e1", None),
            ("-1", None),
            ("99999999999", None),
        ] {
            assert_eq!(billionths(text), number, "{text:?}");
        }
    }

    #[test]
    fn cpusets_have_one_spelling() {
        let spelled = |text: &str| cpuset(text).map(|numbers| ranges(&numbers));
        assert_eq!(spelled("0,1").as_deref(), Some("0-1"));
        assert_eq!(spelled("4,0-2,1").as_deref(), Some("0-2,4"));
        for wrong in ["", "0,", "2-1", "a", "0--1", "70000"] {
            assert_eq!(spelled(wrong), None, "{wrong:?}");
        }
    }
}
