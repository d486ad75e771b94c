//! Host ports: the wanted ports, the held ports, and conflicts. The assignment of ports is
//! [`super::take`]'s.

use std::fmt;

use serde_json::Value as Json;

use crate::observed::snapshot::Container;
use crate::options::Body;
use crate::options::inspect_view::InspectView;

/// A host port, or a range of which one port is used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostPort {
    address: String,
    first: u16,
    last: u16,
    protocol: String,
}

/// A container port with its host port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Binding {
    /// The container port as engines write it: `80/tcp`.
    pub(super) inside: String,
    pub(super) host: HostPort,
}

impl Binding {
    /// The binding with one port of its range: `127.0.0.1:8081:80/tcp`.
    pub(super) fn pinned(&self, port: &HostPort) -> String {
        let address = &self.host.address;
        let before = match address.as_str() {
            "" => String::new(),
            v6 if v6.contains(':') => format!("[{v6}]:"),
            v4 => format!("{v4}:"),
        };
        format!("{before}{}:{}", port.first, self.inside)
    }

    /// Reads the port back from the text of [`pinned`](Self::pinned).
    pub(super) fn said(&self, text: &str) -> Option<HostPort> {
        let before = text.strip_suffix(self.inside.as_str())?.strip_suffix(':')?;
        let number = before.rsplit(':').next()?.parse().ok()?;
        let port = Some(self.host.at(number)).filter(|port| self.host.has(port))?;
        (self.pinned(&port) == text).then_some(port)
    }

    /// Replaces the range in a create body by one port.
    pub(super) fn pin(&self, port: &HostPort, body: &mut Body) {
        let range = format!("{}-{}", self.host.first, self.host.last);
        let Some(bindings) = body.nested("HostConfig").get_mut("PortBindings") else { return };
        let hosts = bindings.get_mut(&self.inside).and_then(Json::as_array_mut);
        let own = hosts.into_iter().flatten().find(|host| {
            host["HostPort"] == range.as_str() && host["HostIp"] == self.host.address.as_str()
        });
        if let Some(own) = own {
            own["HostPort"] = port.first.to_string().into();
        }
    }
}

impl HostPort {
    /// Whether the range contains another port, on the same address.
    pub(super) fn has(&self, other: &Self) -> bool {
        self.protocol == other.protocol
            && self.address == other.address
            && (self.first..=self.last).contains(&other.first)
            && other.last <= self.last
    }

    /// The other port on this address, if the range contains the port.
    pub(super) fn kept(&self, other: &Self) -> Option<Self> {
        let here = Self { address: self.address.clone(), ..other.clone() };
        self.has(&here).then_some(here)
    }

    /// Every port of the range.
    pub(super) fn each(&self) -> impl Iterator<Item = Self> + '_ {
        self.from(self.first)
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The size of the range less one: 0 means a fixed port.
    pub(super) fn width(&self) -> u16 {
        self.last - self.first
    }

    /// The ports of the range from a number on.
    pub(super) fn from(&self, first: u16) -> impl Iterator<Item = Self> + '_ {
        (first.max(self.first)..=self.last).map(|port| self.at(port))
    }

    /// A single port of the range.
    fn at(&self, port: u16) -> Self {
        Self { first: port, last: port, ..self.clone() }
    }

    /// The first port of the range.
    pub(super) fn first(&self) -> u16 {
        self.first
    }

    /// Whether two single ports cannot be bound at the same time.
    pub(super) fn clashes(&self, other: &Self) -> bool {
        let any = |port: &Self| matches!(port.address.as_str(), "" | "0.0.0.0" | "::");
        let v6 = |port: &Self| port.address.contains(':');
        let both = |port: &Self| port.address.is_empty();
        self.protocol == other.protocol
            && self.first == other.first
            && (both(self) || both(other) || v6(self) == v6(other))
            && (any(self) || any(other) || self.address == other.address)
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = if self.address.is_empty() { "*" } else { &self.address };
        let v6 = address.contains(':');
        let (open, close) = if v6 { ("[", "]") } else { ("", "") };
        write!(f, "{open}{address}{close}:{}", self.first)?;
        if self.width() > 0 {
            write!(f, "-{}", self.last)?;
        }
        write!(f, "/{}", self.protocol)
    }
}

/// The host ports that a container takes at its start. Random ports never conflict.
pub(super) fn wanted(look: &InspectView) -> Vec<Binding> {
    let mode = look.host("NetworkMode").as_str().unwrap_or_default();
    if mode == "host" || mode == "none" || mode.starts_with("container:") {
        return Vec::new();
    }
    let mut ports = Vec::new();
    for (key, bindings) in look.host("PortBindings").as_object().into_iter().flatten() {
        let protocol = key.split_once('/').map_or("tcp", |(_, protocol)| protocol);
        for binding in bindings.as_array().into_iter().flatten() {
            let text = |field: &str| binding[field].as_str().unwrap_or_default();
            if let Some((first, last)) = range(text("HostPort")) {
                let address = text("HostIp").to_owned();
                let host = HostPort { address, first, last, protocol: protocol.to_owned() };
                ports.push(Binding { inside: key.clone(), host });
            }
        }
    }
    ports.sort();
    ports.dedup();
    ports
}

fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first > 0 && last >= first).then_some((first, last))
}

/// The host ports that a live container holds.
pub(super) fn held(container: &Container) -> Vec<HostPort> {
    if !container.run().is_live() {
        return Vec::new();
    }
    let mut ports = Vec::new();
    if let Some(list) = container.list.as_ref().and_then(|list| list["Ports"].as_array()) {
        for port in list {
            let number = port["PublicPort"].as_u64().and_then(|port| u16::try_from(port).ok());
            if let Some(number) = number.filter(|number| *number > 0) {
                ports.push(HostPort {
                    address: port["IP"].as_str().unwrap_or_default().to_owned(),
                    first: number,
                    last: number,
                    protocol: port["Type"].as_str().unwrap_or("tcp").to_owned(),
                });
            }
        }
        return ports;
    }
    let bound = container.inspect.as_ref().map(|inspect| &inspect["NetworkSettings"]["Ports"]);
    for (key, bindings) in bound.and_then(Json::as_object).into_iter().flatten() {
        let protocol = key.split_once('/').map_or("tcp", |(_, protocol)| protocol);
        for binding in bindings.as_array().into_iter().flatten() {
            if let Some((first, last)) = range(binding["HostPort"].as_str().unwrap_or_default()) {
                ports.push(HostPort {
                    address: binding["HostIp"].as_str().unwrap_or_default().to_owned(),
                    first,
                    last,
                    protocol: protocol.to_owned(),
                });
            }
        }
    }
    ports
}
