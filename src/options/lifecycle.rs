//! Restart, init process and stop of a container. The stop and start of a container by a plan are
//! [`crate::planner`]'s.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::field::{At, Choice, Field, Plain, amount, field};
use super::fields::{Nothing, Owned};
use super::grammar::{Grammar, Unreadable, one_text, spelt};
use super::numbers;
use super::risk::Risk;
use super::row::{Body, Change, Context, Group, Mode, OPTION, OptionDef, Row, Spelled, Unit};
use super::settings::RESTART;
use crate::base::signal;
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};
use crate::syntax::durations;
use crate::syntax::node::{Kind, Node};

const LIFECYCLE: OptionDef = OptionDef { group: Group::Lifecycle, ..OPTION };

/// `auto_remove`.
pub static AUTO_REMOVE: Field<bool> = field(
    At::Host("AutoRemove"),
    OptionDef {
        key: "auto_remove",
        risk: Risk::None,
        doc: "let the engine remove it when it ends",
        examples: &["true", "false"],
        ..LIFECYCLE
    },
);

/// `init`.
pub static INIT: Field<Choice> = field(
    At::Host("Init"),
    OptionDef {
        key: "init",
        risk: Risk::None,
        doc: "run an init process that forwards signals and reaps children",
        examples: &["true", "false"],
        ..LIFECYCLE
    },
);

/// `stop_signal`.
pub static STOP_SIGNAL: Field<Signal> = field(
    At::Config("StopSignal"),
    OptionDef {
        key: "stop_signal",
        risk: Risk::None,
        doc: "the signal that asks it to stop",
        examples: &["SIGTERM", "int", "SIGRTMIN+3", "10"],
        from_image: true,
        ..LIFECYCLE
    },
);

/// `stop_grace_period`.
pub static STOP_GRACE_PERIOD: Field<Grace> = field(
    At::Config("StopTimeout"),
    OptionDef {
        key: "stop_grace_period",
        risk: Risk::None,
        aliases: &["stop_timeout"],
        doc: "how long it may take to stop before it is killed: whole seconds",
        examples: &["1m30s", "20", "0s"],
        compare: Mode::Ignore,
        unit: Unit::Seconds,
        ..LIFECYCLE
    },
);

/// A signal: `SIGTERM`, or a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signal(pub String);

/// Gives `term`, `TERM`, `SIGTERM` and 15 one form; numbers without a name stay numbers.
fn signal(text: &str) -> String {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let name = text.parse().ok().and_then(signal::name);
        return name.map_or_else(|| text.to_owned(), |name| format!("SIG{name}"));
    }
    format!("SIG{}", signal::bare(text))
}

impl Spelled for Signal {
    const GRAMMAR: Grammar = Grammar::Scalar {
        what: "a signal like `SIGTERM`",
        read: |node| {
            let text = numbers::spelling(node)?;
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+-".contains(&byte);
            (!text.is_empty() && text.bytes().all(fits)).then(|| json!(signal(&text)))
        },
        schema: || {
            json!({"anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": "^[a-zA-Z0-9+-]+$"},
            ]})
        },
    };
}

impl Plain for Signal {
    const NOTHING: Nothing = Nothing::Missing;

    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        match json.as_str() {
            None | Some("") => Value::Unset,
            Some(text) => Value::One(Atom::Text(signal(text))),
        }
    }
}

/// A grace period in whole seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grace(pub i64);

impl Spelled for Grace {
    const GRAMMAR: Grammar = Grammar::Scalar {
        what: "a duration in whole seconds like `1m30s`",
        read: |node| grace(node).map(Json::from),
        schema: || {
            json!({"anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^\+?(0|([0-9.]+(ns|us|µs|μs|ms|s|m|h))+)$"},
            ]})
        },
    };
}

fn grace(node: &Node) -> Option<i64> {
    const SECOND: i64 = 1_000_000_000;
    match &node.kind {
        // The 2015 module's `stop_timeout` counts seconds.
        Kind::Number(_) => numbers::whole(node).filter(|seconds| *seconds >= 0),
        Kind::Text(text) => durations::nanoseconds(text)
            .filter(|nanoseconds| nanoseconds % SECOND == 0)
            .map(|nanoseconds| nanoseconds / SECOND),
        _ => None,
    }
}

/// A missing value does not equal 0: the default of ten seconds applies.
impl Plain for Grace {
    const NOTHING: Nothing = Nothing::Missing;

    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        json.as_i64().map_or(Value::Unset, |seconds| Value::One(Atom::Int(seconds)))
    }
}

/// The restart policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// No restart.
    No,
    /// A restart after every exit.
    Always,
    /// A restart after every exit, unless a user stopped the container.
    UnlessStopped,
    /// A restart after a failure, with an optional limit of retries.
    OnFailure(Option<u32>),
}

impl Restart {
    /// The name in the engine's API.
    fn name(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Always => "always",
            Self::UnlessStopped => "unless-stopped",
            Self::OnFailure(_) => "on-failure",
        }
    }
}

impl fmt::Display for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::OnFailure(Some(retries)) => write!(f, ":{retries}"),
            _ => Ok(()),
        }
    }
}

impl Spelled for Restart {
    const GRAMMAR: Grammar = Grammar::Text {
        what: "`\"no\"` in quotes, `always`, `unless-stopped`, `on-failure` or \
               `on-failure:RETRIES`",
        spell: spelt::<Self>,
        schema: || {
            json!({
                "type": "string",
                "pattern": "^(no|always|unless-stopped|on-failure(:[0-9]+)?)$",
            })
        },
    };
}

impl FromStr for Restart {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        match text.split_once(':').unwrap_or((text, "")) {
            ("no", "") => Ok(Self::No),
            ("always", "") => Ok(Self::Always),
            ("unless-stopped", "") => Ok(Self::UnlessStopped),
            ("on-failure", "" | "0") => Ok(Self::OnFailure(None)),
            ("on-failure", retries) => match retries.parse() {
                Ok(retries) if i32::try_from(retries).is_ok() => Ok(Self::OnFailure(Some(retries))),
                _ => Err(Unreadable),
            },
            _ => Err(Unreadable),
        }
    }
}

one_text!(Restart);

/// The row of the restart policy. The separate retries of the 2015 module join this value, and both
/// are read as one value.
#[derive(Debug)]
pub struct RestartRow;

impl Row for RestartRow {
    type Declared = Restart;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "restart",
            risk: Risk::None,
            aliases: &["restart_policy"],
            doc: "when the engine starts it again: no, always, unless-stopped, on-failure[:RETRIES]",
            examples: &["unless-stopped", "always", "on-failure:5", "on-failure", "\"no\""],
            excludes: &["restart_policy_retry"],
            change: Change::Update(&[RESTART]),
            ..LIFECYCLE
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        vec![Owned::host(RESTART, Nothing::Built).flag("--restart")]
    }

    fn write(&self, said: &Restart, body: &mut Body, _cx: &Context) {
        let retries = match said {
            Restart::OnFailure(Some(retries)) => *retries,
            _ => 0,
        };
        body.host("RestartPolicy", json!({"Name": said.name(), "MaximumRetryCount": retries}));
    }

    fn decided_by_fields(&self) -> Option<&[At]> {
        Some(&[])
    }

    fn read(&self, look: &InspectView) -> Value {
        let policy = look.host("RestartPolicy");
        let retries = policy["MaximumRetryCount"].as_i64().unwrap_or(0);
        let text = match policy["Name"].as_str() {
            None | Some("" | "no") => "no".to_owned(),
            Some("on-failure") if retries > 0 => format!("on-failure:{retries}"),
            Some(name) => name.to_owned(),
        };
        Value::One(Atom::Text(text))
    }
}

/// The number of retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Retries(pub u32);

impl Spelled for Retries {
    const GRAMMAR: Grammar =
        Grammar::Whole { what: "a number of retries", least: 0, most: Some(i32::MAX as i64) };
}

/// The row of the 2015 module's retries, beside `restart_policy: on-failure`.
#[derive(Debug)]
pub struct RetriesRow;

impl Row for RetriesRow {
    type Declared = Retries;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "restart_policy_retry",
            risk: Risk::None,
            doc: "how often `restart: on-failure` tries; the same as `on-failure:RETRIES`",
            examples: &["5", "0"],
            // The reason of the policy shows the number too.
            excludes: &["restart"],
            follows: &["restart"],
            change: Change::Update(&[RESTART]),
            ..LIFECYCLE
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        vec![Owned::host("RestartPolicy", Nothing::Built)]
    }

    /// Joins the value of `restart`, which comes earlier in the table. Zero retries add nothing.
    fn write(&self, said: &Retries, body: &mut Body, _cx: &Context) {
        if said.0 == 0 {
            return;
        }
        let policy = body.nested("HostConfig").entry("RestartPolicy");
        let policy = policy.or_insert_with(|| json!({"Name": "on-failure"}));
        if let Json::Object(policy) = policy {
            policy.insert("MaximumRetryCount".to_owned(), json!(said.0));
        }
    }

    fn decided_by_fields(&self) -> Option<&[At]> {
        Some(&[])
    }

    fn read(&self, look: &InspectView) -> Value {
        amount(&look.host("RestartPolicy")["MaximumRetryCount"])
    }
}
