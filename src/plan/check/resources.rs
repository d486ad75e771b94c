//! Checks networks and volumes: each change has the steps of its verb, in an order that reconnects
//! every container. Steps name only networks that are facts.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Graph, kind};
use super::{Violations, named};
use crate::base::ident::{ChangeTarget, StepId};
use crate::plan::{Action, Change, Danger, NetworkRef, Plan, Subject, Verb};

/// The steps and the dangers of a network or volume change. `adopted`: the names of adopted
/// containers.
pub(super) fn change(
    change: &Change,
    places: &[usize],
    graph: &Graph<'_>,
    adopted: &BTreeSet<&str>,
    violations: &mut Violations,
) {
    let id = named(&change.id);
    let network = matches!(change.id.target(), ChangeTarget::Network(_));
    let (may, must): (&[&str], &[&str]) = match (change.verb, network) {
        (Verb::Create, true) => (&["create_network"], &["create_network"]),
        (Verb::Create, false) => (&["create_volume"], &["create_volume"]),
        (Verb::Replace, true) => (
            &["disconnect", "remove_network", "create_network", "connect"],
            &["remove_network", "create_network"],
        ),
        _ => (&[], &[]),
    };
    let kinds: BTreeSet<&str> =
        places.iter().map(|place| kind(&graph.steps[*place].action)).collect();
    let verb = change.verb.word();
    for step in kinds.iter().filter(|kind| !may.contains(kind)) {
        violations.add("shape", format!("expected {id} to {verb}, but found a step to {step}"));
    }
    for step in must.iter().filter(|kind| !kinds.contains(*kind)) {
        violations.add("shape", format!("expected {id} to {verb}, but found no step to {step}"));
    }
    violations.unless(change.set.is_none() && !change.adopted, "sets", || {
        format!("expected {id} to be of no set")
    });
    reattached(change, places, graph, violations);
    let interrupts = change.verb == Verb::Replace && !change.impact.interrupts.is_empty();
    violations.unless(interrupts == change.danger.contains(&Danger::Outage), "danger", || {
        format!("expected {id} to have the danger `Outage` where it interrupts, and only there")
    });
    let strange = change.impact.interrupts.iter().any(|name| adopted.contains(name.as_str()));
    let found = change.danger.contains(&Danger::Adopted);
    violations.unless(found || !strange, "danger", || {
        format!("expected {id} to have the danger `adopted`, but found it missing")
    });
    violations.unless(interrupts || !found, "danger", || {
        format!("expected no danger `adopted` of {id}, but found it")
    });
    for place in places {
        let (about, step) = match &graph.steps[*place].action {
            Action::CreateNetwork { network, .. }
            | Action::RemoveNetwork { network, .. }
            | Action::Connect { network, .. }
            | Action::Disconnect { network, .. } => (ChangeTarget::Network(network), place),
            Action::CreateVolume { volume, .. } => (ChangeTarget::Volume(volume), place),
            _ => continue,
        };
        violations.unless(about == change.id.target(), "names", || {
            format!("expected {} to be about {id}", named(&graph.steps[*step].id))
        });
    }
}

/// A container that is disconnected from a replaced network must be connected to the new network.
fn reattached(change: &Change, places: &[usize], graph: &Graph<'_>, violations: &mut Violations) {
    let id = named(&change.id);
    let mut off: BTreeMap<&Subject, usize> = BTreeMap::new();
    let mut on: BTreeMap<&Subject, usize> = BTreeMap::new();
    let (mut remove, mut create) = (None, None);
    for place in places {
        match &graph.steps[*place].action {
            Action::Disconnect { container, .. } => drop(off.insert(container, *place)),
            Action::Connect { container, .. } => drop(on.insert(container, *place)),
            Action::RemoveNetwork { .. } => remove = Some(*place),
            Action::CreateNetwork { .. } => create = Some(*place),
            _ => {}
        }
    }
    violations.unless(off.keys().eq(on.keys()), "replace", || {
        format!("expected {id} to put back every container that it takes off")
    });
    let Some(remove) = remove else { return };
    let before = |first: usize, then: usize| graph.before(first, then);
    let fine = off.values().all(|off| before(*off, remove))
        && create.is_some_and(|create| {
            before(remove, create) && on.values().all(|on| before(create, *on))
        });
    violations.unless(fine, "replace", || {
        format!("expected {id} to take containers off, remove, create and put them back, in turn")
    });
}

/// Networks that steps name by ID must be facts; networks that a step creates must be created
/// before use.
pub(super) fn check(plan: &Plan, graph: &Graph<'_>, violations: &mut Violations) {
    let facts: BTreeMap<_, _> =
        plan.facts.networks.iter().map(|fact| (fact.name.as_str(), fact.id.as_ref())).collect();
    let volumes: BTreeMap<&str, bool> =
        plan.facts.volumes.iter().rev().map(|fact| (&*fact.name, fact.driver.is_none())).collect();
    let mut removed: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, step) in graph.steps.iter().enumerate() {
        if let Action::RemoveNetwork { network, .. } = &step.action {
            removed.entry(network).or_default().push(place);
        }
    }
    let mut made: BTreeSet<&str> = BTreeSet::new();
    for (place, step) in graph.steps.iter().enumerate() {
        let id = named(&step.id);
        match &step.action {
            Action::Connect { network, which, .. } | Action::Disconnect { network, which, .. } => {
                let fine = match which {
                    NetworkRef::Id(id) => facts.get(network.as_str()) == Some(&Some(id)),
                    NetworkRef::CreatedBy(create) => makes(graph, create, network, place),
                };
                violations.unless(fine, "networks", || {
                    format!("expected {id} to name a network that the facts know")
                });
            }
            Action::RemoveNetwork { network, which } => {
                violations.unless(
                    facts.get(network.as_str()) == Some(&Some(which)),
                    "networks",
                    || format!("expected a fact about the network of {id}, but found none"),
                );
            }
            Action::CreateNetwork { network, .. } => {
                let known = facts.get(network.as_str());
                let mut old = removed.get(network.as_str()).into_iter().flatten();
                let replaces = old.any(|other| graph.before(*other, place));
                let free = match known {
                    Some(None) => true,
                    Some(Some(_)) => replaces,
                    None => false,
                };
                violations.unless(free && made.insert(network), "networks", || {
                    format!("expected a fact that the name of {id} is free, but found none")
                });
            }
            Action::CreateVolume { volume, .. } => {
                violations.unless(volumes.get(&**volume) == Some(&true), "volumes", || {
                    format!("expected a fact that there is no volume of {id}, but found none")
                });
            }
            _ => {}
        }
    }
}

/// Whether a step creates this network before the step at an index.
fn makes(graph: &Graph<'_>, create: &StepId, network: &str, place: usize) -> bool {
    graph.place(create).is_some_and(|made| {
        let makes = matches!(&graph.steps[made].action, Action::CreateNetwork { network: new, .. } if new == network);
        makes && graph.before(made, place) && !create.change().is_empty()
    })
}
