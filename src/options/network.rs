//! Host name, domain, DNS and network mode. Ports are [`super::ports`]'s, attachments
//! [`super::networks`]'.

use core::net::IpAddr;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::field::{At, Field, Plain, Text, field, list, set, strings};
use super::fields::{Nothing, Owned};
use super::grammar::{
    Bare, Grammar, Map, Names, TEXT, Unreadable, Wrong, any_text, list_of, list_or_one, one_text,
    spelt,
};
use super::ip::IP;
use super::risk::Risk;
use super::row::{Body, Context, Group, OPTION, OptionDef, Row, Spelled};
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};

const NETWORK: OptionDef = OptionDef { group: Group::Network, ..OPTION };

/// `domainname`.
pub static DOMAINNAME: Field<Text> = field(
    At::Config("Domainname"),
    OptionDef {
        key: "domainname",
        risk: Risk::None,
        doc: "its domain",
        examples: &["example.com"],
        ..NETWORK
    },
);

/// `dns`.
pub static DNS: Field<Addresses> = field(
    At::Host("Dns"),
    OptionDef {
        key: "dns",
        risk: Risk::None,
        doc: "name servers, in the order they are asked",
        examples: &["[10.0.0.2, 10.0.0.3]", "8.8.8.8", "[\"fd00::2\"]"],
        ..NETWORK
    },
);

/// `dns_search`.
pub static DNS_SEARCH: Field<TextList> = field(
    At::Host("DnsSearch"),
    OptionDef {
        key: "dns_search",
        risk: Risk::None,
        doc: "domains in which short names are looked up, in order",
        examples: &["[prod.example.com, example.com]", "example.com"],
        ..NETWORK
    },
);

/// `dns_opt`.
pub static DNS_OPT: Field<TextSet> = field(
    At::Host("DnsOptions"),
    OptionDef {
        key: "dns_opt",
        risk: Risk::None,
        aliases: &["dns_opts"],
        doc: "options of the resolver",
        examples: &["[\"ndots:2\", use-vc]"],
        many: true,
        ..NETWORK
    },
);

/// Texts in order; a single text may stand without a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TextList(pub Vec<String>);

impl Spelled for TextList {
    const GRAMMAR: Grammar = list_or_one("a text or a list of texts", &TEXT);
}

impl Plain for TextList {
    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        list(json, Atom::text)
    }
}

/// Texts without order; a single text may stand without a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TextSet(pub BTreeSet<String>);

impl Spelled for TextSet {
    const GRAMMAR: Grammar = list_or_one("a text or a list of texts", &TEXT);
}

impl Plain for TextSet {
    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        set(json, Atom::text)
    }
}

/// IP addresses in order, in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Addresses(pub Vec<IpAddr>);

impl Spelled for Addresses {
    const GRAMMAR: Grammar = list_or_one("an IP address or a list of them", &IP);
}

impl Plain for Addresses {
    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        let spelled = |text: &str| match text.parse::<IpAddr>() {
            Ok(ip) => Atom::Text(ip.to_string()),
            Err(_) => Atom::Text(text.to_owned()),
        };
        list(json, spelled)
    }
}

/// The row of `hostname`.
#[derive(Debug)]
pub struct HostnameRow;

impl Row for HostnameRow {
    type Declared = Text;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "hostname",
            risk: Risk::None,
            doc: "its own name inside; without one an engine takes the container's short ID",
            examples: &["db1", "web.example.com"],
            ..NETWORK
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        vec![Owned::config("Hostname", Nothing::Text)]
    }

    fn write(&self, said: &Text, body: &mut Body, _cx: &Context) {
        body.config("Hostname", said.0.as_str());
    }

    fn read(&self, look: &InspectView) -> Value {
        super::field::one_text(look.config("Hostname"))
    }

    /// Without an expected name, the name that the engine chooses counts as unset: the short ID, or
    /// the name of a shared namespace.
    fn normalize_pair(
        &self,
        expected: &mut Value,
        found: &mut Value,
        both: (&InspectView, &InspectView),
    ) {
        if *expected != Value::Unset {
            return;
        }
        let Value::One(Atom::Text(name)) = &*found else { return };
        let id = both.1.json()["Id"].as_str().unwrap_or_default();
        let shared = |field: &str| {
            let mode = both.1.host(field).as_str().unwrap_or_default();
            mode == "host" || mode.starts_with("container:")
        };
        let short = name.len() >= 12 && id.starts_with(name.as_str());
        if short || shared("NetworkMode") || shared("UTSMode") {
            *found = Value::Unset;
        }
    }
}

/// The network in which a container is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkMode {
    /// The default bridge, which is also the default.
    Bridge,
    /// The network of the host.
    Host,
    /// No network.
    None,
    /// The network of another container, named by set or container.
    Container(String),
    /// A network by name.
    Network(String),
}

/// Prints the mode as the engine writes it.
impl fmt::Display for NetworkMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bridge => f.write_str("bridge"),
            Self::Host => f.write_str("host"),
            Self::None => f.write_str("none"),
            Self::Container(target) => write!(f, "container:{target}"),
            Self::Network(name) => f.write_str(name),
        }
    }
}

impl Spelled for NetworkMode {
    const GRAMMAR: Grammar = Grammar::Text {
        what: "`bridge`, `host`, `none`, `service:SET`, `container:NAME` or a network's name",
        spell: spelt::<Self>,
        schema: || json!({"type": "string", "pattern": "^(|(container|service):.+|[a-zA-Z0-9][a-zA-Z0-9_.-]*)$"}),
    };

    fn targets(&self, out: &mut Vec<String>) {
        if let Self::Container(target) = self {
            out.push(target.clone());
        }
    }
}

impl FromStr for NetworkMode {
    type Err = Unreadable;

    fn from_str(mode: &str) -> Result<Self, Unreadable> {
        match (mode, super::namespaces::container(mode)) {
            ("" | "default" | "bridge", _) => Ok(Self::Bridge),
            ("host", _) => Ok(Self::Host),
            ("none", _) => Ok(Self::None),
            (_, Some(target)) if !target.is_empty() => Ok(Self::Container(target.to_owned())),
            (name, None) if is_name(name) => Ok(Self::Network(name.to_owned())),
            _ => Err(Unreadable),
        }
    }
}

one_text!(NetworkMode);

/// Whether a text is a valid name of a container, network or volume.
pub(crate) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// The row of `network_mode`.
#[derive(Debug)]
pub struct NetworkModeRow;

impl Row for NetworkModeRow {
    type Declared = NetworkMode;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "network_mode",
            risk: Risk::Namespace,
            aliases: &["net"],
            doc: "the network it starts in: bridge, host, none, service:SET, container:NAME or a \
                  network's name",
            examples: &[
                "host",
                "\"container:db\"",
                "\"service:data\"",
                "bridge",
                "none",
                "backend",
            ],
            excludes: &["networks"],
            ..NETWORK
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        vec![Owned::host("NetworkMode", Nothing::Text)]
    }

    fn write(&self, said: &NetworkMode, body: &mut Body, cx: &Context) {
        let mode = match said {
            NetworkMode::Container(target) => format!("container:{}", cx.container(target)),
            NetworkMode::Network(name) => cx.network(name).to_owned(),
            other => other.to_string(),
        };
        body.host("NetworkMode", mode);
    }

    fn decided_by_fields(&self) -> Option<&[At]> {
        Some(&[])
    }

    fn read(&self, look: &InspectView) -> Value {
        let mode = match look.host("NetworkMode").as_str() {
            None | Some("" | "default") => "bridge",
            Some(mode) => mode,
        };
        Value::One(Atom::Text(mode.to_owned()))
    }
}

/// Entries of `/etc/hosts`, each `NAME:ADDRESS`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hosts(pub BTreeSet<String>);

impl Spelled for Hosts {
    const GRAMMAR: Grammar = Grammar::Checked {
        of: &Grammar::OneOf {
            what: "a list of `NAME:ADDRESS` or a map of names to addresses",
            of: &[
                list_of(
                    "a list of `NAME:ADDRESS`",
                    &Grammar::Text {
                        what: "`NAME:ADDRESS` with an IP address or `host-gateway`",
                        spell: |entry| {
                            let parts = entry.split_once('=').or_else(|| entry.split_once(':'));
                            let spelt = parts.filter(|(name, _)| !name.is_empty());
                            let spelt =
                                spelt.and_then(|(name, ip)| Some(host(name, &host_ip(ip)?)));
                            spelt.map(Json::from).ok_or(Wrong::Other)
                        },
                        schema: || json!({"type": "string", "pattern": "^[^=:]+[=:].+$"}),
                    },
                ),
                Grammar::Map(Map {
                    what: "a map of names to addresses",
                    names: Names::Some,
                    value: &list_or_one(
                        "an address or a list of them",
                        &Grammar::Text {
                            what: "an IP address or `host-gateway`",
                            spell: |ip| host_ip(ip).map(Json::from).ok_or(Wrong::Other),
                            schema: any_text,
                        },
                    ),
                    pairs: false,
                    bare: Bare::Wrong("a host's name with its address", None),
                }),
            ],
        },
        check: |read| {
            let Json::Object(by_name) = read else { return Ok(read) };
            let of = |(name, ips): (&String, &Json)| -> Vec<String> {
                strings(ips).map(|ip| host(name, ip)).collect()
            };
            Ok(by_name.iter().flat_map(of).collect())
        },
    };
}

fn host(name: &str, ip: &str) -> String {
    format!("{name}:{ip}")
}

/// An address in canonical form, with or without brackets, or `host-gateway`.
fn host_ip(text: &str) -> Option<String> {
    let bare = text.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(text);
    match bare.parse::<IpAddr>() {
        Ok(ip) => Some(ip.to_string()),
        Err(_) => (bare == "host-gateway").then(|| bare.to_owned()),
    }
}

impl Plain for Hosts {
    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        let spelled = |entry: &str| match entry.split_once(':') {
            Some((name, ip)) => match ip.parse::<IpAddr>() {
                Ok(ip) => Atom::Text(format!("{name}:{ip}")),
                Err(_) => Atom::Text(entry.to_owned()),
            },
            None => Atom::Text(entry.to_owned()),
        };
        set(json, spelled)
    }
}

/// `extra_hosts`.
pub static EXTRA_HOSTS: Field<Hosts> = field(
    At::Host("ExtraHosts"),
    OptionDef {
        key: "extra_hosts",
        risk: Risk::None,
        aliases: &["etc_hosts"],
        doc: "names beside those that name servers know: `NAME:ADDRESS`",
        examples: &[
            "[\"db:10.0.0.5\"]",
            "{gateway: host-gateway, v6: \"::1\"}",
            "[\"a=10.0.0.1\"]",
        ],
        many: true,
        ..NETWORK
    },
);
