//! Namespaces and cgroups: the parts of the host or of another container that a container sees.
//!
//! The network namespace is [`super::network`]'s.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::field::{At, Field, Plain, Text, field, one_text, some_map};
use super::fields::{Nothing, Owned};
use super::grammar::{Bare, Grammar, Map, Names, Unreadable, one_text, spelt, text_of};
use super::risk::Risk;
use super::row::{Body, Context, Filled, Group, OPTION, OptionDef, Row, Spelled};
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};

const SECURITY: OptionDef = OptionDef { group: Group::Security, ..OPTION };

/// `uts`.
pub static UTS: Field<Word<Host>> = field(
    At::Host("UTSMode"),
    OptionDef {
        key: "uts",
        risk: Risk::Namespace,
        doc: "host: the host's own name and domain",
        examples: &["host"],
        ..SECURITY
    },
);

/// `userns_mode`.
pub static USERNS_MODE: Field<Word<Host>> = field(
    At::Host("UsernsMode"),
    OptionDef {
        key: "userns_mode",
        risk: Risk::Namespace,
        aliases: &["userns"],
        doc: "host: users are the host's, where the engine maps them otherwise",
        examples: &["host"],
        ..SECURITY
    },
);

/// `cgroup`. The default is a setting of the engine.
pub static CGROUP: Field<Word<HostOrPrivate>> = field(
    At::Host("CgroupnsMode"),
    OptionDef {
        key: "cgroup",
        risk: Risk::Namespace,
        aliases: &["cgroupns_mode"],
        doc: "whose control groups it sees: host or private",
        examples: &["private", "host"],
        filled: Filled::These(&["host", "private"]),
        ..SECURITY
    },
);

/// `cgroup_parent`.
pub static CGROUP_PARENT: Field<Text> = field(
    At::Host("CgroupParent"),
    OptionDef {
        key: "cgroup_parent",
        risk: Risk::None,
        doc: "the control group under which its own is made",
        examples: &["/shop", "shop.slice"],
        ..SECURITY
    },
);

/// `runtime`.
pub static RUNTIME: Field<Runtime> = field(
    At::Host("Runtime"),
    OptionDef {
        key: "runtime",
        risk: Risk::None,
        doc: "the program that runs it; the engine's own if nothing is said",
        examples: &["runsc", "io.containerd.kata.v2"],
        ..SECURITY
    },
);

/// `sysctls`.
pub static SYSCTLS: Field<Assignments> = field(
    At::Host("Sysctls"),
    OptionDef {
        key: "sysctls",
        risk: Risk::None,
        doc: "settings of the kernel that are its own",
        examples: &["{net.core.somaxconn: 1024}", "[net.ipv4.ip_forward=1]"],
        many: true,
        ..SECURITY
    },
);

/// The row of `pid`.
pub static PID: Shared<Host> = Shared {
    field: "PidMode",
    about: OptionDef {
        key: "pid",
        risk: Risk::Namespace,
        aliases: &["pid_mode"],
        doc: "whose processes it sees: host, service:SET or container:NAME",
        examples: &["host", "\"container:db\"", "\"service:data\""],
        ..SECURITY
    },
    words: PhantomData,
};

/// The row of `ipc`. The default is a setting of the engine.
pub static IPC: Shared<IpcWords> = Shared {
    field: "IpcMode",
    about: OptionDef {
        key: "ipc",
        risk: Risk::Namespace,
        aliases: &["ipc_mode"],
        doc: "whose shared memory it has: private, shareable, none, host, service:SET or \
              container:NAME",
        examples: &["shareable", "host", "private", "none", "\"container:db\""],
        filled: Filled::These(&["private", "shareable"]),
        ..SECURITY
    },
    words: PhantomData,
};

/// The words that an option accepts.
pub trait Words: Clone + std::fmt::Debug + PartialEq + Send + Sync + 'static {
    /// The words.
    const ALL: &'static [&'static str];
    /// The words in a message, together with the forms for another container.
    const WHOSE: &'static str = "";
}

/// The word `host`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host;
impl Words for Host {
    const ALL: &'static [&'static str] = &["host"];
    const WHOSE: &'static str = "`host`, `service:SET` or `container:NAME`";
}

/// The words `host` and `private`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostOrPrivate;
impl Words for HostOrPrivate {
    const ALL: &'static [&'static str] = &["host", "private"];
}

/// The words of `ipc`, beside another container's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpcWords;
impl Words for IpcWords {
    const ALL: &'static [&'static str] = &["none", "private", "shareable", "host"];
    const WHOSE: &'static str =
        "`none`, `private`, `shareable`, `host`, `service:SET` or `container:NAME`";
}

/// A word of a fixed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<W>(pub &'static str, PhantomData<W>);

impl<W: Words> Spelled for Word<W> {
    const GRAMMAR: Grammar = Grammar::Word(W::ALL);
}

impl<W: Words> FromStr for Word<W> {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let known = W::ALL.iter().find(|word| **word == text);
        known.map(|word| Self(word, PhantomData)).ok_or(Unreadable)
    }
}

impl<W> fmt::Display for Word<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

one_text!(Word<W: Words>);

impl<W: Words> Plain for Word<W> {
    const NOTHING: Nothing = Nothing::Text;

    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        one_text(json)
    }
}

/// A runtime by name; `runc` is the default of an engine without configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Runtime(pub Text);

impl Spelled for Runtime {
    const GRAMMAR: Grammar = Text::GRAMMAR;
}

impl Plain for Runtime {
    const NOTHING: Nothing = Nothing::Missing;

    fn write(&self) -> Json {
        Plain::write(&self.0)
    }

    fn read(json: &Json) -> Value {
        match json.as_str() {
            Some("runc") => Value::Unset,
            _ => one_text(json),
        }
    }
}

/// Values by name, such as kernel settings or driver options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Assignments(pub BTreeMap<String, String>);

impl Spelled for Assignments {
    const GRAMMAR: Grammar = Grammar::Map(Map {
        what: "a map of settings or a list of `NAME=VALUE`",
        names: Names::Some,
        value: &text_of("the value of a setting"),
        pairs: true,
        bare: Bare::Wrong("`NAME=VALUE`", None),
    });
}

impl Plain for Assignments {
    const NOTHING: Nothing = Nothing::Missing;

    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        let entries = json.as_object().into_iter().flatten();
        let one = |(name, value): (&String, &Json)| {
            (name.clone(), Atom::text(value.as_str().unwrap_or_default()))
        };
        some_map(entries.map(one).collect())
    }
}

/// A namespace that may belong to another container.
#[derive(Debug)]
pub struct Shared<W> {
    field: &'static str,
    about: OptionDef,
    words: PhantomData<fn() -> W>,
}

/// The owner of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose<'a> {
    Word(&'a str),
    Container(&'a str),
}

/// The declared owner of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace<W>(String, PhantomData<W>);

impl<W: Words> Namespace<W> {
    fn whose(&self) -> Whose<'_> {
        self.0.strip_prefix("container:").map_or(Whose::Word(&self.0), Whose::Container)
    }
}

impl<W: Words> Spelled for Namespace<W> {
    const GRAMMAR: Grammar = Grammar::Text {
        what: W::WHOSE,
        spell: spelt::<Self>,
        schema: || {
            let words = W::ALL.join("|");
            json!({"type": "string", "pattern": format!("^({words}|(service|container):.+)$")})
        },
    };

    fn targets(&self, out: &mut Vec<String>) {
        if let Whose::Container(target) = self.whose() {
            out.push(target.to_owned());
        }
    }
}

impl<W: Words> FromStr for Namespace<W> {
    type Err = Unreadable;

    fn from_str(said: &str) -> Result<Self, Unreadable> {
        match container(said) {
            Some("") => Err(Unreadable),
            Some(target) => Ok(Self(format!("container:{target}"), PhantomData)),
            None if W::ALL.contains(&said) => Ok(Self(said.to_owned(), PhantomData)),
            None => Err(Unreadable),
        }
    }
}

impl<W> fmt::Display for Namespace<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

one_text!(Namespace<W: Words>);

/// The target of `container:`, or of Compose's `service:`.
pub(super) fn container(mode: &str) -> Option<&str> {
    mode.strip_prefix("container:").or_else(|| mode.strip_prefix("service:"))
}

impl<W: Words> Row for Shared<W> {
    type Declared = Namespace<W>;

    fn def(&self) -> &OptionDef {
        &self.about
    }

    fn fields(&self) -> Vec<Owned> {
        vec![Owned::host(self.field, Nothing::Text)]
    }

    fn write(&self, said: &Namespace<W>, body: &mut Body, cx: &Context) {
        let mode = match said.whose() {
            Whose::Container(target) => format!("container:{}", cx.container(target)),
            Whose::Word(word) => word.to_owned(),
        };
        body.host(self.field, mode);
    }

    fn read(&self, look: &InspectView) -> Value {
        one_text(look.host(self.field))
    }
}
