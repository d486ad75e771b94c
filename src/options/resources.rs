//! Limits of memory and processes. An engine changes most of these limits in place, but removes
//! few. Limits of processors are [`super::processors`]'.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::field::{At, Bytes, Field, Plain, amount, field, size_schema};
use super::fields::Nothing;
use super::grammar::Grammar;
use super::numbers::{self, whole};
use super::risk::Risk;
use super::row::{Change, Group, OPTION, OptionDef, Spelled, Unit};
use crate::options::value::{Atom, Value};
use crate::syntax::node::Node;

pub(super) const RESOURCES: OptionDef = OptionDef { group: Group::Resources, ..OPTION };

/// `mem_limit`.
pub static MEM_LIMIT: Field<Bytes> = field(
    At::Host("Memory"),
    OptionDef {
        key: "mem_limit",
        risk: Risk::None,
        aliases: &["memory_limit", "memory"],
        doc: "the most memory it may use",
        examples: &["512m", "1.5g", "268435456"],
        unit: Unit::Bytes,
        // An engine refuses a memory limit above the limit of memory and swap. With a lower memory
        // limit it would keep the old swap limit.
        change: Change::Update(&["Memory", "MemorySwap"]),
        ..RESOURCES
    },
)
.flag("--memory");

/// `memswap_limit`. The default follows the memory limit.
pub static MEMSWAP_LIMIT: Field<Swap> = field(
    At::Host("MemorySwap"),
    OptionDef {
        key: "memswap_limit",
        risk: Risk::None,
        aliases: &["memory_swap"],
        doc: "the most memory and swap together; -1: as much swap as there is",
        examples: &["1g", "-1"],
        follows: &["mem_limit"],
        unit: Unit::Bytes,
        change: Change::Update(&["MemorySwap"]),
        ..RESOURCES
    },
)
.flag("--memory-swap");

/// `mem_reservation`.
pub static MEM_RESERVATION: Field<Bytes> = field(
    At::Host("MemoryReservation"),
    OptionDef {
        key: "mem_reservation",
        risk: Risk::None,
        aliases: &["memory_reservation"],
        doc: "the memory it is cut down to when the host runs short",
        examples: &["256m"],
        unit: Unit::Bytes,
        change: Change::Update(&["MemoryReservation"]),
        ..RESOURCES
    },
)
.flag("--memory-reservation");

/// `mem_swappiness`. An update ignores this value.
pub static MEM_SWAPPINESS: Field<Percent> = field(
    At::Host("MemorySwappiness"),
    OptionDef {
        key: "mem_swappiness",
        risk: Risk::None,
        aliases: &["memory_swappiness"],
        doc: "how readily its memory is swapped out, 0 to 100; none with control groups 2",
        examples: &["10", "0", "100"],
        ..RESOURCES
    },
);

/// `pids_limit`.
pub static PIDS_LIMIT: Field<Pids> = field(
    At::Host("PidsLimit"),
    OptionDef {
        key: "pids_limit",
        risk: Risk::None,
        doc: "the most processes it may have; -1: as many as it likes",
        examples: &["100", "-1"],
        change: Change::Update(&["PidsLimit"]),
        ..RESOURCES
    },
)
.flag("--pids-limit");

/// Memory and swap in bytes, or -1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Swap(pub i64);

/// Whether a node is -1, plain or quoted.
pub(super) fn is_minus_one(node: &Node) -> bool {
    whole(node) == Some(-1)
}

impl Spelled for Swap {
    const GRAMMAR: Grammar = Grammar::Scalar {
        what: "a size like `512m`, `1.5g` or a number of bytes",
        read: |node| {
            let minus_one = is_minus_one(node).then_some(-1);
            minus_one.or_else(|| numbers::size(node)).map(Json::from)
        },
        schema: || json!({"anyOf": [size_schema(-1), {"const": "-1"}]}),
    };
}

impl Plain for Swap {
    const NOTHING: Nothing = Nothing::Zero;

    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        amount(json)
    }
}

/// A percentage from 0 to 100; 0 differs from unset, which is -1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Percent(pub i64);

impl Spelled for Percent {
    const GRAMMAR: Grammar =
        Grammar::Whole { what: "a whole number from 0 to 100", least: -1, most: Some(100) };
}

impl Plain for Percent {
    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        match json.as_i64() {
            Some(number @ 0..) => Value::One(Atom::Int(number)),
            _ => Value::Unset,
        }
    }
}

/// A number of processes; -1 and 0 mean unlimited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pids(pub i64);

impl Spelled for Pids {
    const GRAMMAR: Grammar = Grammar::Scalar {
        what: "a whole number, or -1 for no limit",
        read: |node| match whole(node)? {
            -1 | 0 => Some(json!(-1)),
            number => (number > 0).then(|| json!(number)),
        },
        schema: || numbers::schema(-1, None),
    };
}

impl Plain for Pids {
    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        match json.as_i64() {
            Some(limit) if limit > 0 => Value::One(Atom::Int(limit)),
            _ => Value::Unset,
        }
    }
}
