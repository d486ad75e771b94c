//! Networks, names and ports that do not go together.

use super::{Conflict, Said};
use crate::options::network::NetworkMode;
use crate::options::networks::Networks;
use crate::options::ports::Ports;
use crate::say;

pub(super) fn check(said: &Said<'_>, all: &mut Vec<Conflict>) {
    all.extend(ports(said));
    names(said, all);
    all.extend(networks(said));
}

/// Nothing is published from a network that is not the container's own.
fn ports(said: &Said<'_>) -> Option<Conflict> {
    let ports = said.get::<Ports>("ports").filter(|ports| !ports.0.is_empty())?;
    let mode = match said.get("network_mode")? {
        NetworkMode::Host => "host".to_owned(),
        NetworkMode::Container(target) => format!("container:{}", say::short(target)),
        _ => return None,
    };
    let first = ports.0.first().map(ToString::to_string).unwrap_or_default();
    let message = format!("expected no `ports` beside `network_mode: {mode}`, but found `{first}`");
    Some(Conflict::new("ports", message))
}

/// With another container's network come its names.
fn names(said: &Said<'_>, all: &mut Vec<Conflict>) {
    let Some(NetworkMode::Container(_)) = said.get("network_mode") else { return };
    let wrong = ["hostname", "links", "dns", "extra_hosts", "expose"];
    let wrong = wrong.into_iter().filter(|key| said.has(key));
    all.extend(wrong.map(|key| {
        let message = format!(
            "expected no `{key}` beside `network_mode: container:…`: the network is the other one's"
        );
        Conflict::new(key, message)
    }));
}

/// The mode may say which of the networks it is created in, and nothing else.
fn networks(said: &Said<'_>) -> Option<Conflict> {
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
