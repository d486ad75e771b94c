//! Names, networks and addresses. Ports have a file of their own.

use core::net::IpAddr;
use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::field::{
    At, Field, Plain, Text, field, list, one_or_more, one_or_more_schema, set, text, texts,
};
use super::fields::{Nothing, Owned};
use super::risk::Risk;
use super::row::{Body, Context, Group, OPTION, OptionDef, OptionValue, Row};
use crate::base::say;
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};
use crate::syntax::node::{Entry, Kind, Node, Problems};

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

/// Texts in order; one of them may stand alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextList(pub Vec<String>);

impl OptionValue for TextList {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        one_or_more(node, "a text or a list of texts", problems).map(Self)
    }

    fn print(&self) -> Json {
        json!(self.0)
    }

    fn schema() -> Json {
        one_or_more_schema()
    }
}

impl Plain for TextList {
    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        list(json, Atom::text)
    }
}

/// Texts in no order; one of them may stand alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextSet(pub BTreeSet<String>);

impl OptionValue for TextSet {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let texts = one_or_more(node, "a text or a list of texts", problems)?;
        Some(Self(texts.into_iter().collect()))
    }

    fn print(&self) -> Json {
        json!(self.0)
    }

    fn schema() -> Json {
        one_or_more_schema()
    }
}

impl Plain for TextSet {
    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        set(json, Atom::text)
    }
}

/// IP addresses in order, each in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses(pub Vec<IpAddr>);

impl OptionValue for Addresses {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let texts = one_or_more(node, "an IP address or a list of them", problems)?;
        let mut addresses = Vec::new();
        for text in &texts {
            if let Ok(ip) = text.parse() {
                addresses.push(ip);
            } else {
                let message = format!("expected an IP address, but found `{}`", say::short(text));
                problems.add(node.place, message);
            }
        }
        (addresses.len() == texts.len()).then_some(Self(addresses))
    }

    fn print(&self) -> Json {
        json!(self.0)
    }

    fn schema() -> Json {
        let address = json!({"type": "string", "pattern": "^[0-9a-fA-F:.]+$"});
        json!({"oneOf": [address, {"type": "array", "items": address}]})
    }
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

/// The row of the host name.
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

    /// Where nothing is expected, the name that an engine finds by itself is nothing found: the
    /// short ID, or whatever the namespace it shares is called.
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

/// Which network a container starts in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkMode {
    /// Docker's own bridge, which is also what nothing said means.
    Bridge,
    /// The host's.
    Host,
    /// No network.
    None,
    /// Another container's: a set or a container.
    Container(String),
    /// A network by its name.
    Network(String),
}

impl NetworkMode {
    /// As an engine writes it.
    fn text(&self) -> String {
        match self {
            Self::Bridge => "bridge".to_owned(),
            Self::Host => "host".to_owned(),
            Self::None => "none".to_owned(),
            Self::Container(target) => format!("container:{target}"),
            Self::Network(name) => name.clone(),
        }
    }
}

impl OptionValue for NetworkMode {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let what = "`bridge`, `host`, `none`, `service:SET`, `container:NAME` or a network's name";
        let mode = text(node, what, problems)?;
        match (mode.as_str(), super::namespaces::container(&mode)) {
            ("" | "default" | "bridge", _) => Some(Self::Bridge),
            ("host", _) => Some(Self::Host),
            ("none", _) => Some(Self::None),
            (_, Some("")) => problems.expected("the key of a set or a container's name", node),
            (_, Some(target)) => Some(Self::Container(target.to_owned())),
            (name, None) if is_name(name) => Some(Self::Network(name.to_owned())),
            _ => problems.expected(what, node),
        }
    }

    fn print(&self) -> Json {
        json!(self.text())
    }

    fn schema() -> Json {
        json!({"type": "string", "pattern": "^(|(container|service):.+|[a-zA-Z0-9][a-zA-Z0-9_.-]*)$"})
    }

    fn targets(&self, out: &mut Vec<String>) {
        if let Self::Container(target) = self {
            out.push(target.clone());
        }
    }
}

/// Whether a text is a name as engines give them to containers, networks and volumes.
pub(crate) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// The row of the network mode.
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
            other => other.text(),
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

/// Names in the container's `/etc/hosts`, each `NAME:ADDRESS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts(pub BTreeSet<String>);

impl OptionValue for Hosts {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let what = "a list of `NAME:ADDRESS` or a map of names to addresses";
        let mut pairs: Vec<(String, String)> = Vec::new();
        let before = problems.all.len();
        match &node.kind {
            Kind::Map(entries) => {
                for Entry { key, value, .. } in entries {
                    let addresses = one_or_more(value, "an address", problems);
                    pairs.extend(addresses.into_iter().flatten().map(|ip| (key.clone(), ip)));
                }
            }
            Kind::List(_) => {
                for entry in texts(node, what, problems).into_iter().flatten() {
                    match entry.split_once('=').or_else(|| entry.split_once(':')) {
                        Some((name, ip)) => pairs.push((name.to_owned(), ip.to_owned())),
                        None => problems.add(
                            node.place,
                            format!("expected `NAME:ADDRESS`, but found `{}`", say::short(&entry)),
                        ),
                    }
                }
            }
            _ => return problems.expected(what, node),
        }
        let mut hosts = BTreeSet::new();
        for (name, ip) in &pairs {
            let bare = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(ip);
            match bare.parse::<IpAddr>() {
                _ if name.is_empty() => {
                    problems.add(node.place, "expected a host's name, but found none");
                }
                Ok(ip) => drop(hosts.insert(format!("{name}:{ip}"))),
                Err(_) if bare == "host-gateway" => drop(hosts.insert(format!("{name}:{bare}"))),
                Err(_) => problems.add(
                    node.place,
                    format!(
                        "expected an IP address or `host-gateway`, but found `{}`",
                        say::short(ip)
                    ),
                ),
            }
        }
        (problems.all.len() == before).then_some(Self(hosts))
    }

    fn print(&self) -> Json {
        json!(self.0)
    }

    fn schema() -> Json {
        json!({"oneOf": [
            {"type": "array", "items": {"type": "string", "pattern": "^[^=:]+[=:].+$"}},
            {"type": "object", "additionalProperties": one_or_more_schema()},
        ]})
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
