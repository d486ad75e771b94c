//! Networks that a run of a plan put containers on or took them off are done, not moved: the look as
//! if it had not.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::objects::Objects;
use crate::ident::{ContainerId, NetworkId};
use crate::plan::facts::ContainerFact;
use crate::plan::{Action, Change, NetworkRef, Plan, Reason, Subject};
use crate::snapshot::Snapshot;

/// One move of a container that the plan knew.
struct Move<'a> {
    network: &'a str,
    which: Option<&'a NetworkId>,
    way: Way<'a>,
}

enum Way<'a> {
    /// Onto it, with these wishes.
    On(&'a Json),
    /// Off it, where it was so.
    Off(Json),
}

/// Takes back what containers show exactly as the steps of this plan make it; all else that moved
/// stays moved. Gives whether there was any. Networks that are replaced are [`Objects`]'s.
pub(super) fn before_connects(plan: &Plan, objects: &Objects<'_>, look: &mut Snapshot) -> bool {
    let moves = moves(plan, objects);
    let mut any = false;
    if moves.is_empty() {
        return any;
    }
    for container in &mut look.containers {
        let id = container.id();
        let Some((fact, moves)) = moves.get(&id) else { continue };
        let own = container.inspect.as_ref().map(crate::look::own_names).unwrap_or_default();
        let own: Vec<String> = own.into_iter().map(str::to_owned).collect();
        let attached = container.inspect.as_mut().map(|inspect| &mut inspect["NetworkSettings"]);
        let Some(attached) = attached.and_then(|all| all["Networks"].as_object_mut()) else {
            continue;
        };
        let was: BTreeSet<&str> = fact.networks.iter().map(String::as_str).collect();
        for one in moves {
            let there = attached.get(one.network);
            match (&one.way, there) {
                (Way::On(wishes), Some(there))
                    if !was.contains(one.network)
                        && is(one.which, there)
                        && is_as_wished(there, wishes, &own) =>
                {
                    attached.remove(one.network);
                    any = true;
                }
                (Way::Off(before), None) if was.contains(one.network) && before.is_object() => {
                    attached.insert(one.network.to_owned(), before.clone());
                    any = true;
                }
                _ => {}
            }
        }
    }
    any
}

type Moves<'a> = BTreeMap<ContainerId, (&'a ContainerFact, Vec<Move<'a>>)>;

fn moves<'a>(plan: &'a Plan, objects: &'a Objects<'_>) -> Moves<'a> {
    let facts: BTreeMap<&ContainerId, &ContainerFact> =
        plan.facts.containers.iter().map(|fact| (&fact.id, fact)).collect();
    let changes: BTreeMap<&str, &Change> = plan
        .changes
        .iter()
        .filter(|change| change.set.is_some())
        .map(|change| (change.id.as_str(), change))
        .collect();
    let mut all = Moves::new();
    for step in &plan.steps {
        let Some(change) = changes.get(step.id.change()) else { continue };
        let (id, network, which, way) = match &step.action {
            Action::Connect { container: Subject::Container(id), network, which, endpoint } => {
                (id, network, which, Way::On(endpoint))
            }
            Action::Disconnect { container: Subject::Container(id), network, which } => {
                (id, network, which, Way::Off(endpoint_before(change, network, which)))
            }
            _ => continue,
        };
        let Some(fact) = facts.get(id) else { continue };
        let which = match which {
            NetworkRef::Id(id) => Some(id),
            NetworkRef::CreatedBy(create) => objects.made(create),
        };
        let moves = &mut all.entry(id.clone()).or_insert_with(|| (*fact, Vec::new())).1;
        moves.push(Move { network, which, way });
    }
    all
}

/// Whether an attachment is to this network; before the first start only its name is told.
fn is(which: Option<&NetworkId>, there: &Json) -> bool {
    match there["NetworkID"].as_str().filter(|id| !id.is_empty()) {
        Some(id) => which.is_some_and(|which| which.as_str() == id),
        None => true,
    }
}

/// Whether an attachment is as a step wishes it. Older engines add a container's own names.
fn is_as_wished(there: &Json, wishes: &Json, own: &[String]) -> bool {
    let aliases = |json: &Json| -> BTreeSet<String> {
        let all = json["Aliases"].as_array().into_iter().flatten();
        let all = all.filter_map(Json::as_str).map(str::to_owned);
        all.filter(|name| !own.contains(name)).collect()
    };
    let same = |field: &str| {
        let something = |json: &Json| match json {
            Json::Object(map) if map.is_empty() => Json::Null,
            other => other.clone(),
        };
        something(&there[field]) == something(&wishes[field])
    };
    aliases(there) == aliases(wishes) && same("IPAMConfig") && same("DriverOpts")
}

/// The attachment that a container had, as the reasons of its change tell it; null where they do
/// not.
pub(crate) fn endpoint_before(change: &Change, network: &str, which: &NetworkRef) -> Json {
    let found = change.reasons.iter().find_map(|reason| match reason {
        Reason::Option(difference) if difference.option == "networks" => {
            difference.found.get(network)?.as_str()
        }
        _ => None,
    });
    let Some(mut attached) = found.and_then(parsed) else { return Json::Null };
    if let NetworkRef::Id(id) = which {
        attached.insert("NetworkID".to_owned(), json!(id));
    }
    Json::Object(attached)
}

/// Reads what the row of networks says of an attachment: `aliases db www, ipv4 10.0.0.5`.
fn parsed(text: &str) -> Option<Map<String, Json>> {
    let (mut out, mut ipam) = (Map::new(), Map::new());
    for part in text.split(", ").filter(|part| *part != "attached") {
        let (what, words) = part.split_once(' ')?;
        let all: Vec<&str> = words.split(' ').collect();
        match what {
            "aliases" => drop(out.insert("Aliases".to_owned(), json!(all))),
            "ipv4" => drop(ipam.insert("IPv4Address".to_owned(), json!(words))),
            "ipv6" => drop(ipam.insert("IPv6Address".to_owned(), json!(words))),
            "link-local" => drop(ipam.insert("LinkLocalIPs".to_owned(), json!(all))),
            "gw_priority" => {
                out.insert("GwPriority".to_owned(), json!(words.parse::<i64>().ok()?));
            }
            "options" => {
                let pairs = all.into_iter().map(|pair| pair.split_once('='));
                let pairs: BTreeMap<&str, &str> = pairs.collect::<Option<_>>()?;
                out.insert("DriverOpts".to_owned(), json!(pairs));
            }
            _ => return None,
        }
    }
    out.insert("IPAMConfig".to_owned(), Json::Object(ipam));
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reason_says_of_an_attachment_is_read_back() {
        let read = |text: &str| parsed(text).map(Json::Object);
        let none = json!({"IPAMConfig": {}});
        assert_eq!(read("attached"), Some(none));
        assert_eq!(
            read("aliases db www, ipv4 10.0.0.5, options a=b, gw_priority 3"),
            Some(json!({"Aliases": ["db", "www"], "IPAMConfig": {"IPv4Address": "10.0.0.5"},
                "DriverOpts": {"a": "b"}, "GwPriority": 3}))
        );
        assert_eq!(read("mac 02:00:00:00:00:01"), None);
    }
}
