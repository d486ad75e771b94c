//! Published ports.
//!
//! Ports are read from the request (`PortBindings`, `ExposedPorts`), never from `NetworkSettings`,
//! which shows the result of a running container only. Exposed ports are [`super::expose`]'s.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value as Json, json};

use super::field::{At, Field, field, known_key, map_schema, or_null, some_set};
use super::fields::{Nothing, Owned};
use super::numbers::text_or_whole;
use super::risk::Risk;
use super::row::{Body, Context, Group, OPTION, OptionDef, OptionValue, Row};
use crate::base::say;
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};
use crate::syntax::node::{Entry, Kind, Node, Place, Problems};

pub(super) const PORTS: OptionDef = OptionDef { group: Group::Network, ..OPTION };

/// `publish_all_ports`.
pub static PUBLISH_ALL_PORTS: Field<bool> = field(
    At::Host("PublishAllPorts"),
    OptionDef {
        key: "publish_all_ports",
        risk: Risk::AllPorts,
        doc: "publish every exposed port on a port that the engine picks at each start",
        examples: &["true", "false"],
        ..PORTS
    },
);

/// The protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP, the default.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        })
    }
}

/// A container port, printed as the engine's `80/tcp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// The number, from 1 to 65535.
    pub number: u16,
    /// The protocol.
    pub protocol: Protocol,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.protocol)
    }
}

/// A published port, printed as in Compose: `127.0.0.1:8080:80/tcp`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Published {
    /// The container port.
    pub port: Port,
    /// The host address; empty for all addresses of both families.
    pub host_ip: String,
    /// The first and last host port of a range of which one port is used; `None` if the engine
    /// picks.
    pub host: Option<(u16, u16)>,
}

impl Published {
    /// The single host port; `None` for a range or a random port.
    fn host_port_alone(&self) -> Option<HostPort> {
        let (port, _) = self.host.filter(|(from, to)| from == to)?;
        Some((self.port.protocol, self.host_ip.clone(), port))
    }

    /// The host port as the engine writes it: `8080`, `8080-8082` or empty.
    fn host_port(&self) -> String {
        match self.host {
            None => String::new(),
            Some((from, to)) if from == to => from.to_string(),
            Some((from, to)) => format!("{from}-{to}"),
        }
    }
}

impl Published {
    /// Whether another binding has a single port in the range of this binding.
    fn has(&self, one: &Self) -> bool {
        let single = |(from, to): (u16, u16)| (from == to).then_some(from);
        let inside = |(from, to): (u16, u16), port: u16| from < to && (from..=to).contains(&port);
        self.port == one.port
            && self.host_ip == one.host_ip
            && self.host.zip(one.host.and_then(single)).is_some_and(|(all, one)| inside(all, one))
    }
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host_port();
        match self.host_ip.as_str() {
            "" if host.is_empty() => {}
            "" => write!(f, "{host}:")?,
            ip if ip.contains(':') => write!(f, "[{ip}]:{host}:")?,
            ip => write!(f, "{ip}:{host}:")?,
        }
        write!(f, "{}", self.port)
    }
}

/// The declared ports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ports(pub BTreeSet<Published>);

/// The error of a port: the end of the message, and an optional hint.
pub(super) struct Wrong(String, Option<&'static str>);

impl Wrong {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into(), None)
    }

    pub(super) fn tell(self, place: Place, problems: &mut Problems) {
        match self.1 {
            Some(hint) => problems.add_hint(place, self.0, hint),
            None => problems.add(place, self.0),
        }
    }
}

/// Reads a port or a range: `80`, `80-82`.
pub(super) fn range(text: &str, whose: &str) -> Result<(u16, u16), Wrong> {
    let wrong = || {
        Wrong::new(format!(
            "expected {whose} from 1 to 65535 or a range of them, but found `{}`",
            say::short(text)
        ))
    };
    let number = |text: &str| match text.parse::<u16>() {
        // `parse` alone would accept a sign.
        Ok(number) if number > 0 && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(number),
        _ => Err(wrong()),
    };
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (number(from)?, number(to)?);
    if from <= to { Ok((from, to)) } else { Err(wrong()) }
}

fn protocol(text: &str) -> Result<Protocol, Wrong> {
    match text.to_ascii_lowercase().as_str() {
        "tcp" => Ok(Protocol::Tcp),
        "udp" => Ok(Protocol::Udp),
        "sctp" => Ok(Protocol::Sctp),
        _ => Err(Wrong::new(format!(
            "expected `tcp`, `udp` or `sctp`, but found `{}`",
            say::short(text)
        ))),
    }
}

pub(super) fn with_protocol(text: &str) -> Result<(&str, Protocol), Wrong> {
    match text.split_once('/') {
        Some((rest, word)) => Ok((rest, protocol(word)?)),
        None => Ok((text, Protocol::Tcp)),
    }
}

/// A host address in canonical form.
fn address(text: &str) -> Result<String, Wrong> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    if bare.is_none() && text.contains(':') {
        let message =
            format!("expected an IPv6 address in brackets, but found `{}`", say::short(text));
        return Err(Wrong(message, Some("write `[::1]:8080:80`")));
    }
    match bare.unwrap_or(text).parse::<IpAddr>() {
        Ok(ip) => Ok(ip.to_string()),
        Err(_) => Err(Wrong::new(format!(
            "expected an IP address of the host, but found `{}`",
            say::short(text)
        ))),
    }
}

/// Reads the host port or range; for an empty text or 0 the engine picks.
fn host_range(text: &str) -> Result<Option<(u16, u16)>, Wrong> {
    if text.is_empty() || text == "0" {
        return Ok(None);
    }
    range(text, "a port of the host").map(Some).map_err(|mut wrong| {
        if text.contains('.') {
            wrong.1 = Some("an address needs a port of the host or two colons: `127.0.0.1::80`");
        }
        wrong
    })
}

/// Reads the short form, `[[IP:]HOST:]CONTAINER[/PROTOCOL]`.
fn short_form(text: &str) -> Result<Vec<Published>, Wrong> {
    let (rest, protocol) = with_protocol(text)?;
    let (host_ip, host, container) = match rest.rsplit_once(':') {
        None => ("", "", rest),
        Some((before, container)) => match before.rsplit_once(':') {
            None => ("", before, container),
            Some((ip, host)) => (ip, host, container),
        },
    };
    let (host_ip, host) = match (host_range(host), host_ip) {
        (Ok(host), ip) => (address(ip)?, host),
        // An IPv6 address without brackets, such as `::1:80`.
        (Err(_), ip) if ip.contains(':') => {
            return Err(address(ip).err().unwrap_or(Wrong::new("")));
        }
        (Err(wrong), _) => return Err(wrong),
    };
    spread(range(container, "a port of the container")?, protocol, &host_ip, host)
}

/// Spreads a range into single ports.
fn spread(
    container: (u16, u16),
    protocol: Protocol,
    host_ip: &str,
    host: Option<(u16, u16)>,
) -> Result<Vec<Published>, Wrong> {
    let (from, to) = container;
    let published = |number: u16, host: Option<(u16, u16)>| Published {
        port: Port { number, protocol },
        host_ip: host_ip.to_owned(),
        host,
    };
    match host {
        Some(host) if from == to => Ok(vec![published(from, Some(host))]),
        Some((first, last)) if last - first == to - from => Ok((from..=to)
            .zip(first..=last)
            .map(|(number, host)| published(number, Some((host, host))))
            .collect()),
        Some((first, last)) => Err(Wrong::new(format!(
            "expected as many ports of the host as of the container, but found {first}-{last} for \
             {from}-{to}"
        ))),
        None => Ok((from..=to).map(|number| published(number, None)).collect()),
    }
}

/// The publish modes of a swarm.
const MODES: [&str; 2] = ["host", "ingress"];

/// Reads the long form, `{target: 80, published: 8080, host_ip: 127.0.0.1, protocol: tcp}`.
fn long_form(place: Place, entries: &[Entry], problems: &mut Problems) -> Option<Vec<Published>> {
    const KEYS: [&str; 7] =
        ["target", "published", "host_ip", "protocol", "mode", "name", "app_protocol"];
    let before = problems.all.len();
    let mut said = BTreeMap::new();
    for entry in entries {
        if known_key(entry, &KEYS, problems)
            && entry.value.kind != Kind::Null
            && let Some(text) = text_or_whole(&entry.value, "a text or a number", problems)
        {
            said.insert(entry.key.as_str(), (text, entry.value.place));
        }
    }
    // The mode has a meaning in a swarm only, and the name has none anywhere.
    if let Some((mode, place)) =
        said.get("mode").filter(|(mode, _)| !MODES.contains(&mode.as_str()))
    {
        let message = format!("expected `host` or `ingress`, but found `{}`", say::short(mode));
        problems.add(*place, message);
    }
    let Some((target, target_place)) = said.get("target") else {
        problems.add(place, "expected `target`, the port of the container, but found none");
        return None;
    };
    let read =
        |key: &str| -> (String, Place) { said.get(key).cloned().unwrap_or((String::new(), place)) };
    let (published, published_place) = read("published");
    let (ip, ip_place) = read("host_ip");
    let (word, word_place) = read("protocol");
    // An address of the long form may lack its brackets.
    let ip = if ip.contains(':') && !ip.starts_with('[') { format!("[{ip}]") } else { ip };
    let mut keep = |place: Place, wrong: Wrong| wrong.tell(place, problems);
    let target =
        range(target, "a port of the container").map_err(|wrong| keep(*target_place, wrong));
    let host = host_range(&published).map_err(|wrong| keep(published_place, wrong));
    let ip = address(&ip).map_err(|wrong| keep(ip_place, wrong));
    let protocol = if word.is_empty() { Ok(Protocol::Tcp) } else { protocol(&word) };
    let protocol = protocol.map_err(|wrong| keep(word_place, wrong));
    let (Ok(target), Ok(host), Ok(ip), Ok(protocol)) = (target, host, ip, protocol) else {
        return None;
    };
    let all = spread(target, protocol, &ip, host).map_err(|wrong| keep(place, wrong)).ok()?;
    (problems.all.len() == before).then_some(all)
}

impl OptionValue for Ports {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::List(items) = &node.kind else {
            return problems.expected("a list of ports", node);
        };
        let mut all: BTreeSet<Published> = BTreeSet::new();
        let mut taken: BTreeMap<HostPort, Published> = BTreeMap::new();
        let mut fine = true;
        for item in items {
            let read = match &item.kind {
                Kind::Map(entries) => long_form(item.place, entries, problems),
                _ => text_or_whole(item, "a port like `8080:80`", problems).and_then(|text| {
                    short_form(&text).map_err(|wrong| wrong.tell(item.place, problems)).ok()
                }),
            };
            let read = read.filter(|read| problems.may_add(read.len(), item.place));
            fine &= read.is_some();
            let mut told = false;
            for published in read.into_iter().flatten() {
                // Docker would refuse at the start, after the old container is stopped.
                let other = published.host_port_alone().map(|port| taken.entry(port));
                let other = other.map(|entry| &*entry.or_insert_with(|| published.clone()));
                if let Some(other) = other.filter(|other| **other != published)
                    && !told
                {
                    let message = format!(
                        "expected every port of the host once, but found `{published}` beside `{other}`"
                    );
                    problems.add(item.place, message);
                    told = true;
                    fine = false;
                }
                all.insert(published);
            }
        }
        fine.then_some(Self(all))
    }

    fn print(&self) -> Json {
        self.0.iter().map(|published| json!(published.to_string())).collect()
    }

    fn schema() -> Json {
        let port = json!({"anyOf": [
            {"type": "integer", "minimum": 0, "maximum": 65535},
            {"type": "string", "pattern": "^([0-9]+(-[0-9]+)?)?$"},
        ]});
        let properties = json!({
            "target": port,
            "published": port,
            "host_ip": {"type": "string"},
            "protocol": {"enum": ["tcp", "udp", "sctp", "TCP", "UDP", "SCTP"]},
            "mode": {"enum": MODES},
            "name": {"type": ["string", "number"]},
            "app_protocol": {"type": ["string", "number"]},
        });
        json!({"type": "array", "items": {"oneOf": [
            {"type": "integer", "minimum": 1, "maximum": 65535},
            {"type": "string", "pattern": r"^(([^/]*:)?[0-9-]*:)?[0-9]+(-[0-9]+)?(/[a-zA-Z]+)?$"},
            map_schema(&or_null(properties), &["target"]),
        ]}})
    }
}

/// A host port on one address.
type HostPort = (Protocol, String, u16);

/// The row of published ports.
#[derive(Debug)]
pub struct PortsRow;

impl Row for PortsRow {
    type Declared = Ports;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "ports",
            risk: Risk::Ports,
            doc: "ports published on the host: short or long form, addresses, tcp, udp, sctp; of a range the plan gives each member one",
            examples: &[
                "[\"127.0.0.1:8080-8082:8080\"]",
                "[80, \"443:443\", \"5000-5002:6000-6002/udp\"]",
                "[\"[::1]:53:53/udp\", \"127.0.0.1::80\", {target: 90, published: 9090, host_ip: 0.0.0.0}]",
            ],
            many: true,
            ..PORTS
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        vec![
            Owned::host("PortBindings", Nothing::Null),
            Owned::config("ExposedPorts", Nothing::Missing),
        ]
    }

    /// Exposes every published port too, because an engine ignores the binding of an unexposed
    /// port.
    fn write(&self, said: &Ports, body: &mut Body, _cx: &Context) {
        let mut bindings: BTreeMap<String, Vec<Json>> = BTreeMap::new();
        for published in &said.0 {
            let port = published.port.to_string();
            body.nested("ExposedPorts").insert(port.clone(), json!({}));
            bindings.entry(port).or_default().push(json!({
                "HostIp": published.host_ip,
                "HostPort": published.host_port(),
            }));
        }
        body.host("PortBindings", json!(bindings));
    }

    fn decided_by_fields(&self) -> Option<&[At]> {
        Some(&[])
    }

    fn read(&self, look: &InspectView) -> Value {
        let bindings = look.host("PortBindings").as_object();
        let texts = bindings.into_iter().flatten().flat_map(|(port, hosts)| {
            hosts.as_array().into_iter().flatten().map(|host| found(port, host))
        });
        some_set(texts.collect())
    }

    /// A container has a single port of a range. The plan chooses the port, so the choice is no
    /// difference.
    fn normalize_pair(
        &self,
        expected: &mut Value,
        found: &mut Value,
        _both: (&InspectView, &InspectView),
    ) {
        let (Value::Set(want), Value::Set(have)) = (expected, &*found) else { return };
        let ranges = want.difference(have).filter_map(|atom| Some((atom.clone(), read(atom)?)));
        let mut ranges: Vec<(Atom, Published)> = ranges.collect();
        ranges.sort_by_key(|(_, range)| range.host.map(|(from, to)| to - from));
        for (atom, range) in ranges {
            let is_one = |port: &&Atom| read(port).is_some_and(|port| range.has(&port));
            let one = have.difference(want).find(is_one).cloned();
            if let Some(one) = one {
                want.remove(&atom);
                want.insert(one);
            }
        }
    }
}

/// Reads a binding from its text.
fn read(atom: &Atom) -> Option<Published> {
    let Atom::Text(text) = atom else { return None };
    let mut all = short_form(text).ok()?;
    all.pop().filter(|_| all.is_empty())
}

/// A binding of the engine in the form of a spec, or unchanged if a spec cannot express it.
fn found(port: &str, host: &Json) -> Atom {
    let ip = host["HostIp"].as_str().unwrap_or_default();
    let host_port = host["HostPort"].as_str().unwrap_or_default();
    let read = || -> Result<Published, Wrong> {
        let (number, protocol) = with_protocol(port)?;
        let (number, _) = range(number, "a port")?;
        let host_ip = ip.parse::<IpAddr>().map_or_else(|_| ip.to_owned(), |ip| ip.to_string());
        Ok(Published { port: Port { number, protocol }, host_ip, host: host_range(host_port)? })
    };
    Atom::Text(
        read()
            .map_or_else(|_| format!("{ip}:{host_port}:{port}"), |published| published.to_string()),
    )
}

#[cfg(test)]
#[path = "ports_tests.rs"]
mod tests;
