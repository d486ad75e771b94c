//! What two options cannot say together: conflicts that depend on values. What only the engine
//! can know is not here.

use super::lifecycle::{Restart, Retries};
use super::network::NetworkMode;
use super::ports::Ports;
use super::row::Declared;

/// What is wrong with the declared options of one set, each *expected …, but found …*.
pub fn conflicts(options: &[Declared]) -> Vec<String> {
    let said = Said { options };
    [retries(&said), removal(&said), ports(&said), names(&said)].into_iter().flatten().collect()
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
fn retries(said: &Said) -> Option<String> {
    let Retries(retries) = said.get("restart_policy_retry")?;
    if *retries == 0 {
        return None;
    }
    match said.get::<Restart>("restart") {
        Some(Restart::OnFailure(None)) => None,
        Some(Restart::OnFailure(Some(own))) if own == retries => None,
        Some(other) => Some(format!(
            "expected `restart: on-failure` beside `restart_policy_retry: {retries}`, but found \
             `{other}`"
        )),
        None => Some(format!(
            "expected `restart: on-failure` beside `restart_policy_retry: {retries}`, but found none"
        )),
    }
}

/// The engine refuses to bring back what it removes.
fn removal(said: &Said) -> Option<String> {
    let restart = said.get::<Restart>("restart").filter(|restart| **restart != Restart::No)?;
    said.get::<bool>("auto_remove").filter(|remove| **remove).map(|_| {
        format!("expected no restart policy beside `auto_remove: true`, but found `{restart}`")
    })
}

/// Nothing is published from a network that is not the container's own.
fn ports(said: &Said) -> Option<String> {
    let ports = said.get::<Ports>("ports").filter(|ports| !ports.0.is_empty())?;
    let mode = match said.get("network_mode")? {
        NetworkMode::Host => "host".to_owned(),
        NetworkMode::Container(target) => format!("container:{}", crate::say::short(target)),
        _ => return None,
    };
    let first = ports.0.first().map(ToString::to_string).unwrap_or_default();
    Some(format!("expected no `ports` beside `network_mode: {mode}`, but found `{first}`"))
}

/// With another container's network come its names.
fn names(said: &Said) -> Option<String> {
    let Some(NetworkMode::Container(_)) = said.get("network_mode") else { return None };
    let keys = ["hostname", "links", "dns", "extra_hosts", "expose"];
    let found = said.options.iter().find(|option| keys.contains(&option.row().about().key))?;
    Some(format!(
        "expected no `{}` beside `network_mode: container:…`: the network is the other one's",
        found.row().about().key
    ))
}
