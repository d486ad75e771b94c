//! Finds networks with an unfinished replacement, and gives the commands to repair them.
//!
//! A snapshot lacks a removed network, so the replacement cannot be derived again. The dependent
//! sets wait for a user.

use serde_json::Value as Json;

use super::Staleness;
use super::code::Code;
use super::judge::{Case, Found};
use crate::base::ident::{ChangeTarget, ContainerId};
use crate::plan::world::{Cell, Value};
use crate::plan::{Action, Subject};
use crate::syntax::shell_words;

/// Finds the half-replaced networks and the sets that wait for them.
pub(super) fn half_replaced(case: &Case<'_>, found: &mut Found) {
    for change in case.plan.changes.iter().filter(|change| change.set.is_none()) {
        let id = change.id.as_str();
        let steps: Vec<_> = case.plan.steps.iter().filter(|step| step.id.change() == id).collect();
        let removed = steps.iter().any(|step| {
            matches!(step.action, Action::RemoveNetwork { .. }) && case.done.contains(&step.id)
        });
        if !removed || steps.iter().all(|step| case.done.contains(&step.id)) {
            continue;
        }
        let mut left = Vec::new();
        for step in steps.iter().filter(|step| !case.done.contains(&step.id)) {
            if let Action::Connect {
                container: Subject::Container(container),
                network,
                endpoint,
                ..
            } = &step.action
                && let Some(name) =
                    case.look.by_id(container).map(crate::observed::snapshot::Container::name)
            {
                left.push(connect_command(name.as_str(), endpoint, network));
            }
            waiting(case, step.action.subject(), found);
        }
        let ChangeTarget::Network(name) = change.id.target() else { continue };
        let there = case.now.get(&Cell::Network(name.to_owned()));
        let gone = matches!(there, None | Some(Value::Absent));
        found.blocked.push(half(name, gone, &left));
        found.stuck.insert(id.to_owned());
    }
}

/// Adds the set of a container that is off its network.
fn waiting(case: &Case<'_>, subject: Option<&Subject>, found: &mut Found) {
    let Some(Subject::Container(id)) = subject else { return };
    let whose = |members: &Vec<ContainerId>| members.contains(id);
    let sets = case.plan.facts.members.iter().filter(|(_, members)| whose(members));
    found.waiting.extend(sets.map(|(set, _)| set.clone()).filter(|set| case.owners.acts(set)));
}

fn half(name: &str, gone: bool, left: &[String]) -> Staleness {
    let finish = if gone { "plan again, which makes it" } else { "put them back" };
    let commands = if left.is_empty() { String::new() } else { format!("; {}", left.join("; ")) };
    Staleness {
        code: Code::NetworkHalfReplaced.word().to_owned(),
        set: None,
        object: format!("network `{name}`"),
        expected: "it made anew, with its containers on it".to_owned(),
        found: if gone { "no such network" } else { "containers off it" }.to_owned(),
        hint: format!("{finish}{commands}"),
    }
}

/// The `docker network connect` command with the requested endpoint settings, to be pasted.
fn connect_command(container: &str, endpoint: &Json, network: &str) -> String {
    let texts = |json: &Json| -> Vec<String> {
        let all = json.as_array().into_iter().flatten();
        all.filter_map(|text| text.as_str().map(crate::base::say::short)).collect()
    };
    let ipam = &endpoint["IPAMConfig"];
    let address = |field: &str| ipam[field].as_str().map(crate::base::say::short);
    let flags = [
        ("--alias", texts(&endpoint["Aliases"])),
        ("--ip", address("IPv4Address").into_iter().collect()),
        ("--ip6", address("IPv6Address").into_iter().collect()),
        ("--link-local-ip", texts(&ipam["LinkLocalIPs"])),
    ];
    let mut words = vec!["docker", "network", "connect"];
    for (flag, values) in &flags {
        words.extend(values.iter().flat_map(|value| [*flag, value.as_str()]));
    }
    words.extend([network, container]);
    shell_words::join(&words)
}
