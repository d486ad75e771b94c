//! Host ports: the ports of running containers, and the allocation for a starting container.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

/// The first port that an engine allocates by itself.
const FIRST_RANDOM: u16 = 32_768;

/// One published port of a running container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Held {
    /// The address on the host; empty: all addresses.
    address: String,
    /// The port on the host.
    port: u16,
    /// `tcp`, `udp`, `sctp`.
    protocol: String,
}

impl Held {
    fn clashes(&self, other: &Self) -> bool {
        let one = (self.address.as_str(), other.address.as_str());
        let same_address = one.0 == one.1
            || [one, (one.1, one.0)].iter().any(|(wide, narrow)| match *wide {
                "" => true,
                "0.0.0.0" => !narrow.contains(':'),
                "::" => narrow.contains(':'),
                _ => false,
            });
        self.port == other.port && self.protocol == other.protocol && same_address
    }
}

/// The host ports of a running container: the allocated ports, or else the requested ports.
pub(super) fn held(inspect: &Json) -> Vec<Held> {
    let outcome = &inspect["NetworkSettings"]["Ports"];
    let shown = outcome.as_object().is_some_and(|ports| ports.values().any(Json::is_array));
    let source = if shown { outcome } else { &inspect["HostConfig"]["PortBindings"] };
    bindings(source)
        .into_iter()
        .filter_map(|(key, address, port)| {
            let (_, protocol) = split(&key);
            Some(Held { address, port: port.parse().ok()?, protocol: protocol.to_owned() })
        })
        .collect()
}

/// Whether a container can publish ports: only in a network of its own.
pub(super) fn publishes(inspect: &Json) -> bool {
    let mode = inspect["HostConfig"]["NetworkMode"].as_str().unwrap_or_default();
    mode != "host" && mode != "none" && !mode.starts_with("container:")
}

/// Whether a container requests a host port.
pub(super) fn wishes(inspect: &Json) -> bool {
    let host = &inspect["HostConfig"];
    let bound = host["PortBindings"].as_object().is_some_and(|all| !all.is_empty());
    bound || host["PublishAllPorts"] == true
}

/// The value of `NetworkSettings.Ports` after a start, or the error about a taken port.
pub(super) fn publish(inspect: &Json, taken: &[Held]) -> Result<Json, String> {
    let mut taken = taken.to_vec();
    let mut shown: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    let exposed = inspect["Config"]["ExposedPorts"].as_object();
    for key in exposed.into_iter().flat_map(serde_json::Map::keys) {
        shown.insert(normal(key), Vec::new());
    }
    let mut wishes = bindings(&inspect["HostConfig"]["PortBindings"]);
    // A binding of an unexposed port is accepted and publishes nothing.
    wishes.retain(|(key, _, _)| shown.contains_key(&normal(key)));
    if inspect["HostConfig"]["PublishAllPorts"] == json!(true) {
        for key in shown.keys() {
            if !wishes.iter().any(|(wished, _, _)| normal(wished) == *key) {
                wishes.push((key.clone(), String::new(), String::new()));
            }
        }
    }
    for (key, address, wish) in wishes {
        let key = normal(&key);
        let got = allocate(&address, &wish, split(&key).1, &taken)?;
        taken.push(got.clone());
        let entries = shown.entry(key).or_default();
        let addresses: &[&str] =
            if address.is_empty() { &["0.0.0.0", "::"] } else { &[address.as_str()] };
        for address in addresses {
            entries.push(json!({"HostIp": address, "HostPort": got.port.to_string()}));
        }
    }
    Ok(shown
        .into_iter()
        .map(|(key, entries)| {
            let value = if entries.is_empty() { Json::Null } else { Json::Array(entries) };
            (key, value)
        })
        .collect::<serde_json::Map<_, _>>()
        .into())
}

/// The key with its protocol: `80` is `80/tcp`.
fn normal(key: &str) -> String {
    let (port, protocol) = split(key);
    format!("{port}/{protocol}")
}

/// The port and the protocol of a key.
pub(super) fn split(key: &str) -> (&str, &str) {
    key.split_once('/').unwrap_or((key, "tcp"))
}

/// Every requested binding: key, address, port as text.
fn bindings(map: &Json) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for (key, entries) in map.as_object().into_iter().flatten() {
        for entry in entries.as_array().into_iter().flatten() {
            let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
            all.push((key.clone(), text("HostIp"), text("HostPort")));
        }
    }
    all
}

/// Allocates a port: the requested port, the first free port of a range, or any free port.
fn allocate(address: &str, wish: &str, protocol: &str, taken: &[Held]) -> Result<Held, String> {
    let at = |port| Held { address: address.to_owned(), port, protocol: protocol.to_owned() };
    let free = |held: &Held| !taken.iter().any(|other| other.clashes(held));
    let range = match wish.split_once('-') {
        None if wish.is_empty() || wish == "0" => Some((FIRST_RANDOM, u16::MAX)),
        None => wish.parse().ok().map(|port| (port, port)),
        Some((from, to)) => from.parse().ok().zip(to.parse().ok()),
    };
    let Some((from, to)) = range else {
        return Err(format!("invalid port specification: {wish:?}"));
    };
    (from..=to).map(at).find(free).ok_or_else(|| {
        let address = if address.is_empty() { "0.0.0.0" } else { address };
        format!("Bind for {address}:{from} failed: port is already allocated")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(address: &str, port: &str) -> Json {
        json!({
            "Config": {"ExposedPorts": {"80/tcp": {}}},
            "HostConfig": {"PortBindings": {"80/tcp": [{"HostIp": address, "HostPort": port}]}},
        })
    }

    #[test]
    fn a_port_is_taken_on_overlapping_addresses_only() {
        let taken = held(&wish("127.0.0.1", "8080"));
        assert!(publish(&wish("127.0.0.2", "8080"), &taken).is_ok());
        assert_eq!(
            publish(&wish("", "8080"), &taken).unwrap_err(),
            "Bind for 0.0.0.0:8080 failed: port is already allocated"
        );
    }

    #[test]
    fn of_a_range_the_first_free_port_is_taken_and_a_random_one_is_found() {
        let taken = held(&wish("", "8080"));
        let got = publish(&wish("", "8080-8082"), &taken).unwrap();
        assert_eq!(got["80/tcp"][0]["HostPort"], "8081");
        let got = publish(&wish("", ""), &taken).unwrap();
        assert_eq!(got["80/tcp"][0]["HostPort"], "32768");
    }
}
