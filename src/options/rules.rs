//! What two options cannot say together: conflicts that depend on values. What only the engine
//! can know is not here.

use super::field::Bytes;
use super::lifecycle::{Restart, Retries};
use super::network::NetworkMode;
use super::networks::Networks;
use super::ports::Ports;
use super::resources::{Cpus, Micros, Swap};
use super::row::Declared;

/// What is wrong with the declared options of one set: the key of the option to blame, and
/// *expected …, but found …*.
pub fn conflicts(options: &[Declared]) -> Vec<(&'static str, String)> {
    let said = Said { options };
    [
        retries(&said),
        removal(&said),
        ports(&said),
        names(&said),
        networks(&said),
        cpus(&said),
        swap(&said),
    ]
    .into_iter()
    .flatten()
    .collect()
}

struct Said<'a> {
    options: &'a [Declared],
}

impl<'a> Said<'a> {
    fn get<S: super::Say>(&self, key: &str) -> Option<&'a S> {
        self.options.iter().find(|option| option.row().about().key == key)?.said()
    }
}

/// The engine refuses a number of retries beside any other policy.
fn retries(said: &Said) -> Option<(&'static str, String)> {
    let Retries(retries) = said.get("restart_policy_retry")?;
    if *retries == 0 {
        return None;
    }
    match said.get::<Restart>("restart") {
        Some(Restart::OnFailure(None)) => None,
        Some(Restart::OnFailure(Some(own))) if own == retries => None,
        other => {
            let found = other.map_or("none".to_owned(), |other| format!("`{other}`"));
            let message = format!(
                "expected `restart: on-failure` beside `restart_policy_retry: {retries}`, but \
                 found {found}"
            );
            Some(("restart_policy_retry", message))
        }
    }
}

/// The engine refuses to bring back what it removes.
fn removal(said: &Said) -> Option<(&'static str, String)> {
    let restart = said.get::<Restart>("restart").filter(|restart| **restart != Restart::No)?;
    said.get::<bool>("auto_remove").filter(|remove| **remove).map(|_| {
        let message =
            format!("expected no restart policy beside `auto_remove: true`, but found `{restart}`");
        ("restart", message)
    })
}

/// An engine takes processor time in one way only.
fn cpus(said: &Said) -> Option<(&'static str, String)> {
    said.get::<Cpus>("cpus")?;
    let other = ["cpu_quota", "cpu_period"].into_iter();
    let key = other.into_iter().find(|key| said.get::<Micros>(key).is_some_and(|it| it.0 > 0))?;
    Some((key, format!("expected `cpus` or `{key}`, but found both")))
}

/// Memory and swap together are no less than the memory.
fn swap(said: &Said) -> Option<(&'static str, String)> {
    let Swap(swap) = said.get("memswap_limit")?;
    let Bytes(memory) = said.get("mem_limit")?;
    (*swap > 0 && swap < memory).then(|| {
        let message = format!(
            "expected `memswap_limit` to be at least the {memory} bytes of `mem_limit`, but found \
             {swap}"
        );
        ("memswap_limit", message)
    })
}

/// Nothing is published from a network that is not the container's own.
fn ports(said: &Said) -> Option<(&'static str, String)> {
    let ports = said.get::<Ports>("ports").filter(|ports| !ports.0.is_empty())?;
    let mode = match said.get("network_mode")? {
        NetworkMode::Host => "host".to_owned(),
        NetworkMode::Container(target) => format!("container:{}", crate::say::short(target)),
        _ => return None,
    };
    let first = ports.0.first().map(ToString::to_string).unwrap_or_default();
    let message = format!("expected no `ports` beside `network_mode: {mode}`, but found `{first}`");
    Some(("ports", message))
}

/// With another container's network come its names.
fn names(said: &Said) -> Option<(&'static str, String)> {
    let Some(NetworkMode::Container(_)) = said.get("network_mode") else { return None };
    let keys = ["hostname", "links", "dns", "extra_hosts", "expose"];
    let found = said.options.iter().find(|option| keys.contains(&option.row().about().key))?;
    let key = found.row().about().key;
    let message = format!(
        "expected no `{key}` beside `network_mode: container:…`: the network is the other one's"
    );
    Some((key, message))
}

/// The mode may say which of the networks it is created in, and nothing else.
fn networks(said: &Said) -> Option<(&'static str, String)> {
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
        crate::say::short(found)
    );
    Some(("network_mode", message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::row_by_word;
    use crate::spec::node::{Node, Problems};
    use serde_json::{Value as Json, json};

    fn told(options: &Json) -> Vec<(&'static str, String)> {
        let declared: Vec<Declared> = options
            .as_object()
            .unwrap()
            .iter()
            .map(|(word, value)| {
                let node = Node::from_json(value);
                row_by_word(word).unwrap().parse(&node, &mut Problems::default()).unwrap()
            })
            .collect();
        conflicts(&declared)
    }

    #[test]
    fn what_goes_together_is_no_conflict() {
        for options in [
            json!({"restart_policy": "on-failure", "restart_policy_retry": 5}),
            json!({"restart_policy": "always", "restart_policy_retry": 0}),
            json!({"restart": "on-failure:5", "restart_policy_retry": 5}),
            json!({"restart": "no", "auto_remove": true}),
            json!({"network_mode": "host", "ports": [], "hostname": "a"}),
            json!({"network_mode": "bridge", "ports": [80]}),
            json!({"network_mode": "back", "networks": ["back", "front"]}),
            json!({"cpu_quota": 5000, "cpu_period": 10000}),
            json!({"memswap_limit": -1}),
            json!({"memswap_limit": "1g", "mem_limit": "1g"}),
        ] {
            assert_eq!(told(&options), [], "{options}");
        }
    }

    #[test]
    fn what_an_engine_would_refuse_is_told_at_the_option_to_blame() {
        for (options, key, end) in [
            (
                json!({"restart": "always", "restart_policy_retry": 5}),
                "restart_policy_retry",
                "found `always`",
            ),
            (json!({"restart_policy_retry": 5}), "restart_policy_retry", "found none"),
            (
                json!({"restart": "on-failure:3", "restart_policy_retry": 5}),
                "restart_policy_retry",
                "found `on-failure:3`",
            ),
            (json!({"restart": "always", "auto_remove": true}), "restart", "found `always`"),
            (json!({"network_mode": "host", "ports": [80]}), "ports", "found `80/tcp`"),
            (json!({"network_mode": "host", "networks": ["a"]}), "network_mode", "found `host`"),
            (json!({"cpus": 1, "cpu_quota": 5000}), "cpu_quota", "found both"),
            (json!({"cpus": 1, "cpu_period": "5ms"}), "cpu_period", "found both"),
            (json!({"memswap_limit": "1k", "mem_limit": "2k"}), "memswap_limit", "found 1024"),
            (json!({"network_mode": "container:db", "links": ["a"]}), "links", "the other one's"),
        ] {
            let told = told(&options);
            assert_eq!(told.len(), 1, "{options}: {told:?}");
            assert_eq!(told[0].0, key);
            assert!(told[0].1.ends_with(end), "{told:?}");
        }
    }
}
