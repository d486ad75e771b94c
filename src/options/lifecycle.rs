//! When a container comes back and how it ends.

use std::fmt;

use serde_json::{Value as Json, json};

use super::field::{At, Choice, Field, Plain, amount, field};
use super::fields::{Nothing, Owned};
use super::numbers;
use super::risk::Risk;
use super::row::{Body, Change, Context, Group, Mode, OPTION, OptionDef, OptionValue, Row};
use super::settings::RESTART;
use crate::base::signal;
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};
use crate::syntax::durations;
use crate::syntax::node::{Kind, Node, Problems};

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
        ..LIFECYCLE
    },
);

/// A signal: `SIGTERM`, or its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal(pub String);

/// `term`, `TERM`, `SIGTERM` and 15 are one; numbers without a name stay numbers.
fn signal(text: &str) -> String {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let name = text.parse().ok().and_then(signal::name);
        return name.map_or_else(|| text.to_owned(), |name| format!("SIG{name}"));
    }
    format!("SIG{}", signal::bare(text))
}

impl OptionValue for Signal {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let what = "a signal like `SIGTERM`";
        let text = numbers::text_or_whole(node, what, problems)?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+-".contains(&byte);
        if text.is_empty() || !text.bytes().all(fits) {
            return problems.expected(what, node);
        }
        Some(Self(signal(&text)))
    }

    fn print(&self) -> Json {
        json!(self.0)
    }

    fn schema() -> Json {
        json!({"oneOf": [
            {"type": "integer", "minimum": 1},
            {"type": "string", "pattern": "^[a-zA-Z0-9+-]+$"},
        ]})
    }
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

/// Whole seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grace(pub i64);

impl OptionValue for Grace {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        const SECOND: i64 = 1_000_000_000;
        let what = "a duration in whole seconds like `1m30s`";
        let seconds = match &node.kind {
            // The unit of the seed's `stop_timeout`.
            Kind::Number(_) => numbers::whole(node).filter(|seconds| *seconds >= 0),
            Kind::Text(text) => durations::nanoseconds(text)
                .filter(|nanoseconds| nanoseconds % SECOND == 0)
                .map(|nanoseconds| nanoseconds / SECOND),
            _ => None,
        };
        match seconds {
            Some(seconds) => Some(Self(seconds)),
            None => numbers::expected(what, node, problems),
        }
    }

    fn print(&self) -> Json {
        json!(self.0)
    }

    fn schema() -> Json {
        json!({"oneOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": r"^\+?(0|([0-9.]+(ns|us|µs|μs|ms|s|m|h))+)$"},
        ]})
    }
}

/// Missing is not 0: then the engine's ten seconds apply.
impl Plain for Grace {
    const NOTHING: Nothing = Nothing::Missing;

    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        json.as_i64().map_or(Value::Unset, |seconds| Value::One(Atom::Int(seconds)))
    }
}

/// When the engine starts a container again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// Never.
    No,
    /// Whenever it ends.
    Always,
    /// Whenever it ends, unless somebody stopped it.
    UnlessStopped,
    /// When it ends with an error, so many times; nothing said: always.
    OnFailure(Option<u32>),
}

impl Restart {
    /// As the engine names it.
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

impl OptionValue for Restart {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let what = "`no`, `always`, `unless-stopped`, `on-failure` or `on-failure:RETRIES`";
        if node.kind == Kind::Bool(false) {
            let hint = "quote it: \"no\"";
            problems.add_hint(
                node.place,
                format!("expected {what}, but found {}", node.what()),
                hint,
            );
            return None;
        }
        let Kind::Text(text) = &node.kind else { return problems.expected(what, node) };
        match text.split_once(':').unwrap_or((text, "")) {
            ("no", "") => Some(Self::No),
            ("always", "") => Some(Self::Always),
            ("unless-stopped", "") => Some(Self::UnlessStopped),
            ("on-failure", "") => Some(Self::OnFailure(None)),
            ("on-failure", retries) => match retries.parse() {
                Ok(0) => Some(Self::OnFailure(None)),
                Ok(retries) if i32::try_from(retries).is_ok() => {
                    Some(Self::OnFailure(Some(retries)))
                }
                _ => problems.expected(what, node),
            },
            _ => problems.expected(what, node),
        }
    }

    fn print(&self) -> Json {
        json!(self.to_string())
    }

    fn schema() -> Json {
        json!({"type": "string", "pattern": "^(no|always|unless-stopped|on-failure(:[0-9]+)?)$"})
    }
}

/// The row of the restart policy. It writes what it says; the seed's separate number of retries
/// joins it, and both are read as one.
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

/// How many times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries(pub u32);

impl OptionValue for Retries {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let retries = numbers::whole(node).and_then(|retries| i32::try_from(retries).ok());
        match retries.and_then(|retries| u32::try_from(retries).ok()) {
            Some(retries) => Some(Self(retries)),
            None => numbers::expected("a number of retries", node, problems),
        }
    }

    fn print(&self) -> Json {
        json!(self.0)
    }

    fn schema() -> Json {
        numbers::schema(0, Some(i32::MAX.into()))
    }
}

/// The seed's number of retries beside `restart_policy: on-failure`.
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
            // The policy's own reason shows the number too.
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

    /// Comes after `restart` in the table, and so joins what that row wrote. Without retries there
    /// is nothing to join.
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
