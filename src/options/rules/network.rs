//! Conflicts of networks, addresses and ports. Conflicts between sets are [`crate::spec`]'s.

use std::collections::BTreeMap;

use super::{Conflict, DeclaredOptions, MOST_TOLD};
use crate::base::say;
use crate::options::field::Text;
use crate::options::mac::Mac;
use crate::options::network::NetworkMode;
use crate::options::networks::{Networks, main};
use crate::options::ports::{Ports, Published};
use crate::options::row::OptionValue;

/// The longest host name of the kernel.
const LONGEST_NAME: usize = 64;

pub(super) fn check(said: &DeclaredOptions<'_>, all: &mut Vec<Conflict>) {
    all.extend(long_name(said));
    all.extend(networks(said));
    all.extend(addresses(said));
    host_ports(said, all);
    link_local(said, all);
}

/// Refuses IPv6 link-local host addresses: an engine takes no interface for the address, so the
/// bind fails.
fn link_local(said: &DeclaredOptions<'_>, all: &mut Vec<Conflict>) {
    let published = said.get::<Ports>("ports").into_iter().flat_map(|ports| &ports.0);
    let of_a_link = |published: &&Published| {
        let address = published.host_ip.parse::<std::net::Ipv6Addr>();
        address.is_ok_and(|address| address.is_unicast_link_local())
    };
    all.extend(published.filter(of_a_link).take(MOST_TOLD).map(|published| {
        let message = format!(
            "expected an address of the host that is no link's own, but found `{published}`"
        );
        let hint = "an engine cannot be told which network card it is of";
        Conflict::new("ports", message).at(published.to_string()).hint(hint)
    }));
}

/// The kernel refuses a longer host name, at the start only. A domain may be longer.
fn long_name(said: &DeclaredOptions<'_>) -> Option<Conflict> {
    let Text(name) = said.get("hostname")?;
    (name.len() > LONGEST_NAME).then(|| {
        let found = name.len();
        let message =
            format!("expected a `hostname` of at most {LONGEST_NAME} bytes, but found {found}");
        Conflict::new("hostname", message).hint("`domainname` takes what follows the first dot")
    })
}

/// `network_mode` may name the network of the create, but no other mode fits beside `networks`.
fn networks(said: &DeclaredOptions<'_>) -> Option<Conflict> {
    let networks: &Networks = said.get("networks")?;
    let mode: &NetworkMode = said.get("network_mode")?;
    let found = match mode {
        NetworkMode::Network(name) if networks.0.contains_key(name) => return None,
        NetworkMode::Bridge if networks.0.contains_key("bridge") => return None,
        NetworkMode::Bridge => "bridge",
        NetworkMode::Host => "host",
        NetworkMode::None => "none",
        NetworkMode::Container(_) => "container:…",
        NetworkMode::Network(name) => name,
    };
    let message = format!(
        "expected no `network_mode` beside `networks` but one of them, but found `{}`",
        say::short(found)
    );
    Some(Conflict::new("network_mode", message))
}

/// `mac_address` is the MAC address on the network of the create.
fn addresses(said: &DeclaredOptions<'_>) -> Option<Conflict> {
    let own: &Mac = said.get("mac_address")?;
    let networks: &Networks = said.get("networks")?;
    let first = match said.get("network_mode") {
        Some(NetworkMode::Network(name)) => name,
        Some(NetworkMode::Bridge) => "bridge",
        _ => main(networks)?,
    };
    let printed = networks.print();
    let there = printed[first]["mac_address"].as_str()?;
    let own = own.print();
    (own != there).then(|| {
        let message = format!(
            "expected the `mac_address` of `{}`, {there}, but found {}",
            say::short(first),
            own.as_str().unwrap_or_default()
        );
        Conflict::new("mac_address", message).hint("say it once, under `networks`")
    })
}

/// The forms of "all addresses": of both families, of IPv4, of IPv6.
const WIDE: [&str; 3] = ["", "0.0.0.0", "::"];

/// Whether two bindings share an address of the host.
fn overlap(one: &Published, other: &Published) -> bool {
    let family = |all: &str, ip: &str| match all {
        "" => true,
        "0.0.0.0" => !ip.contains(':'),
        "::" => ip.is_empty() || ip.contains(':'),
        _ => false,
    };
    one.host_ip == other.host_ip
        || family(&one.host_ip, &other.host_ip)
        || family(&other.host_ip, &one.host_ip)
}

/// A host port can be bound once only, even for the same container port.
fn host_ports(said: &DeclaredOptions<'_>, all: &mut Vec<Conflict>) {
    let before = all.len();
    let mut taken: BTreeMap<_, Taken<'_>> = BTreeMap::new();
    for published in said.get::<Ports>("ports").into_iter().flat_map(|ports| &ports.0) {
        let Some((port, _)) = published.host.filter(|(from, to)| from == to) else { continue };
        let others = taken.entry((published.port.protocol, port)).or_default();
        if all.len() - before == MOST_TOLD {
            return;
        }
        if let Some(other) = others.overlapping(published) {
            let message = format!(
                "expected every port of the host once, but found `{published}` beside `{other}`, \
                 which is of the same address"
            );
            all.push(Conflict::new("ports", message).at(published.to_string()));
        }
        others.add(published);
    }
}

/// The bindings of a host port, by address.
#[derive(Default)]
struct Taken<'a> {
    all: Vec<&'a Published>,
    by_address: BTreeMap<&'a str, &'a Published>,
    /// The bindings of all addresses of one or both families.
    wide: Vec<&'a Published>,
}

impl<'a> Taken<'a> {
    fn add(&mut self, published: &'a Published) {
        self.all.push(published);
        self.by_address.entry(&published.host_ip).or_insert(published);
        let known = |other: &&Published| other.host_ip == published.host_ip;
        if WIDE.contains(&published.host_ip.as_str()) && !self.wide.iter().any(known) {
            self.wide.push(published);
        }
    }

    /// The first binding with the same address, or with all addresses.
    fn overlapping(&self, published: &Published) -> Option<&'a Published> {
        if WIDE.contains(&published.host_ip.as_str()) {
            return self.all.iter().copied().find(|other| overlap(other, published));
        }
        let same = self.by_address.get(published.host_ip.as_str()).copied();
        same.or_else(|| self.wide.iter().copied().find(|other| overlap(other, published)))
    }
}
