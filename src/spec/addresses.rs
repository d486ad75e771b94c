//! Refuses fixed addresses and host ports that several containers of the spec would share.
//!
//! An engine would refuse only the later containers, while the first containers of a set already
//! run. Conflicts with containers of the engine are the planner's.

use core::net::IpAddr;
use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::across::Whole;
use super::resources::{Network, Resource, gives_gateway};
use super::{Identity, Set};
use crate::base::ident::{ObjectKey, SetName};
use crate::base::say;
use crate::options::Declared;
use crate::options::rules::MOST_TOLD;
use crate::syntax::node::{Problem, Problems};

/// The keys of fixed addresses on a network.
const FIXED: [&str; 3] = ["ipv4_address", "ipv6_address", "mac_address"];

/// The set that holds each address, by network and text.
type Taken<'a> = BTreeMap<(String, String), &'a SetName>;

pub(super) fn check(whole: &Whole<'_>, problems: &mut Problems) {
    let mut taken = Taken::new();
    let names = whole.spec.network_names();
    for (key, set) in whole.spec.sets.iter().filter(|(_, set)| set.may_create()) {
        let Some(places) = whole.places.get(key) else { continue };
        let many = many(set).filter(|_| !whole.broken(key, &["count"]));
        if let (Some(count), Some(_)) = (many, set.option("mac_address")) {
            problems.add_hint(places.of("mac_address"), shared("mac_address", count), HINT);
        }
        let printed = set.option("networks").map(Declared::print);
        let networks = printed.as_ref().and_then(Json::as_object).into_iter().flatten();
        // Finding the place of each error is slow, so the number of reported errors is limited.
        let wrong = networks.filter_map(|(network, wishes)| {
            let mut found = Vec::new();
            if let (Some(count), Some(fixed)) =
                (many, FIXED.iter().find(|fixed| wishes[**fixed].is_string()))
            {
                found.push((shared(fixed, count), Some(HINT)));
            }
            for fixed in ["ipv4_address", "ipv6_address"] {
                let Some(address) = wishes[fixed].as_str() else { continue };
                let name = names.get(network).unwrap_or(network);
                found.extend(again(&mut taken, key, name, address));
                found.extend(outside(whole, network, address));
            }
            (!found.is_empty()).then_some((network, found))
        });
        for (network, found) in wrong.take(MOST_TOLD) {
            let place = places.item("networks", network);
            problems.all.extend(found.into_iter().map(|(message, hint)| Problem {
                place,
                message,
                hint: hint.map(str::to_owned),
            }));
        }
    }
}

/// A message with an optional hint.
type Fault = (String, Option<&'static str>);

/// The error for an address that another set has.
fn again<'a>(
    taken: &mut Taken<'a>,
    key: &'a SetName,
    network: &str,
    address: &str,
) -> Option<Fault> {
    let first = *taken.entry((network.to_owned(), address.to_owned())).or_insert(key);
    (first != key).then(|| {
        let message =
            format!("expected every address once, but found {address} in `{first}` and in `{key}`");
        (message, None)
    })
}

const HINT: &str = "leave it out, or declare one set for each";

/// The number of members, if the set has several.
fn many(set: &Set) -> Option<u32> {
    match set.identity {
        Identity::Counted(count) if count > 1 => Some(count),
        _ => None,
    }
}

fn shared(fixed: &str, count: u32) -> String {
    format!("expected no `{fixed}` where there are {count} containers to have it, but found one")
}

/// The error for an address that a declared network cannot give.
fn outside(whole: &Whole<'_>, key: &str, address: &str) -> Option<Fault> {
    let network: &Network =
        whole.spec.networks.get(&ObjectKey::new(key)).and_then(Resource::declared)?;
    // Another IPAM driver assigns addresses by its own rules.
    if network.ipam.driver.is_some() || whole.networks.broken(key) {
        return None;
    }
    let address: IpAddr = address.parse().ok()?;
    let subnets = network.ipam.config.iter().filter_map(|pool| pool.subnet);
    let subnets: Vec<_> = subnets.filter(|subnet| subnet.is_ipv4() == address.is_ipv4()).collect();
    if subnets.iter().any(|subnet| subnet.has(address)) {
        let driver = network.driver.as_deref().unwrap_or("bridge");
        let gives = gives_gateway(driver, &network.driver_opts);
        let kept = network.ipam.config.iter().find_map(|pool| pool.keeps(address, gives))?;
        let message =
            format!("expected an address that a container can have, but {address} is {kept}");
        return Some((message, Some("give it another address of the subnet")));
    }
    let key = say::short(key);
    if subnets.is_empty() {
        let message =
            format!("expected a subnet of the network `{key}` for {address}, but found none");
        return Some((message, Some("declare it: `ipam: {config: [{subnet: …}]}`")));
    }
    let all: Vec<String> = subnets.iter().map(ToString::to_string).collect();
    let message = format!("expected an address in {}, but found {address}", all.join(" or "));
    Some((message, Some("the subnets of a network are under `ipam` at the root")))
}

#[cfg(test)]
mod tests {
    use crate::spec::read_tests::right;
    use crate::spec::together_tests::told_are;

    const NETWORKS: &str = "\
project: p
networks:
  auto:
  own: {name: real, ipam: {config: [{subnet: 10.9.0.0/24}, {subnet: 10.8.0.0/24}]}}
  there: {external: true}
  other: {ipam: {driver: dhcp}}
containers:
";

    #[test]
    fn an_address_is_one_containers_and_in_a_subnet() {
        let sets = "  \
            a: {image: x, networks: {own: {ipv4_address: 10.9.0.5}}}\n  \
            b: {image: x, networks: {own: {ipv4_address: 10.9.0.5}, auto: }}\n  \
            c: {image: x, count: 2, networks: {own: {ipv4_address: 10.9.0.6}}}\n  \
            d: {image: x, count: 2, mac_address: '02:42:ac:11:00:09', networks: [own]}\n  \
            e: {image: x, networks: {own: {ipv4_address: 10.7.0.6}}, nonsense: 1}\n  \
            f: {image: x, networks: {auto: {ipv4_address: 10.7.0.6}, own: {ipv6_address: 'fd00::1'}}}\n";
        told_are(
            &format!("{NETWORKS}{sets}"),
            &[
                "9:28 expected every address once, but found 10.9.0.5 in `a` and in `b`",
                "10:38 expected no `ipv4_address` where there are 2 containers",
                "11:27 expected no `mac_address` where there are 2 containers",
                "12:28 expected an address in 10.9.0.0/24 or 10.8.0.0/24, but found 10.7.0.6",
                "12:60 expected an option",
                "13:28 expected a subnet of the network `auto` for 10.7.0.6, but found none",
                "13:60 expected a subnet of the network `own` for fd00::1, but found none",
            ],
        );
    }

    #[test]
    fn of_what_others_know_nothing_is_said() {
        let sets = "  \
            a: {image: x, networks: {own: {ipv4_address: 10.8.0.5}, there: {ipv4_address: 1.2.3.4}}}\n  \
            b: {image: x, networks: {other: {ipv4_address: 1.2.3.4}, real: {ipv4_address: 9.9.9.9}}}\n  \
            c: {image: x, count: 0, networks: {own: {ipv4_address: 10.8.0.5}}}\n  \
            d: {name: dd, state: absent, networks: {own: {ipv4_address: 10.8.0.5}}}\n";
        right(&format!("{NETWORKS}{sets}"));
    }
}
