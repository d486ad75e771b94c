//! Networks and volumes against a fresh look: what of them a run of this plan made already is done,
//! not moved; a network that was taken down and not put up again is half done.

use std::collections::{BTreeMap, BTreeSet};

use super::Staleness;
use crate::ident::{ContainerId, LABEL_NETWORK, LABEL_VOLUME, NetworkId, ObjectKey, StepId};
use crate::objects::{self, Found, Terms};
use crate::plan::build::matching;
use crate::plan::{Action, Change, NetworkRef, Plan, Step, Subject};
use crate::snapshot::{Container, Snapshot};
use crate::spec::Spec;

/// What a run of a plan did to networks and volumes.
#[derive(Default)]
pub(super) struct Objects<'a> {
    /// The changes that are done.
    done: BTreeSet<&'a str>,
    /// Those that were begun and not finished: what is where.
    half: BTreeMap<&'a str, Staleness>,
    /// The networks that steps of done changes made.
    made: BTreeMap<&'a str, NetworkId>,
}

/// Whether a change is about a network or a volume.
pub(super) fn is_about(change: &Change) -> bool {
    let id = change.id.as_str();
    change.set.is_none() && (id.starts_with("network:") || id.starts_with("volume:"))
}

impl<'a> Objects<'a> {
    pub(super) fn of(plan: &'a Plan, spec: &Spec, snapshot: &Snapshot) -> Self {
        let mut all = Self::default();
        let steps = super::judge::by_change(plan);
        for change in plan.changes.iter().filter(|change| is_about(change)) {
            let steps = steps.get(change.id.as_str()).map(Vec::as_slice).unwrap_or_default();
            for step in steps {
                match &step.action {
                    Action::CreateNetwork { network, key } => {
                        all.network(change, (step, network, key), steps, spec, snapshot);
                    }
                    Action::CreateVolume { volume, key }
                        if made_volume(spec, key, volume, snapshot) =>
                    {
                        all.done.insert(change.id.as_str());
                    }
                    _ => {}
                }
            }
        }
        all
    }

    fn network(
        &mut self,
        change: &'a Change,
        (create, name, key): (&'a Step, &str, &ObjectKey),
        steps: &[&'a Step],
        spec: &Spec,
        snapshot: &Snapshot,
    ) {
        let old = steps.iter().find_map(|step| match &step.action {
            Action::RemoveNetwork { which, .. } => Some(which),
            _ => None,
        });
        let id = change.id.as_str();
        let found = objects::named(&snapshot.networks, name);
        let now = made_network(spec, key, found, snapshot).filter(|now| Some(now) != old);
        let Some(now) = now else {
            // Taken down, and nothing is there, or taken off it and it is still there.
            let begun = old.is_some_and(|old| match found {
                Found::None => true,
                Found::One(found) => {
                    found["Id"] == old.as_str() && !off(steps, old, name, snapshot).is_empty()
                }
                Found::Several(_) => false,
            });
            if begun {
                let left = old.map(|old| off(steps, old, name, snapshot)).unwrap_or_default();
                self.half.insert(id, half(name, found, &left));
            }
            return;
        };
        let left = off(steps, &now, name, snapshot);
        if left.is_empty() {
            self.done.insert(id);
            self.made.insert(create.id.as_str(), now);
        } else {
            self.half.insert(id, half(name, found, &left));
        }
    }

    /// Whether a change, by its ID, is done or half done: what others wait for is not as it was.
    pub(super) fn touched(&self, change: &str) -> bool {
        self.done.contains(change) || self.half.contains_key(change)
    }

    /// Whether a change is half done.
    pub(super) fn is_half(&self, change: &str) -> bool {
        self.half.contains_key(change)
    }

    /// Whether a run of the plan did anything to them.
    pub(super) fn is_empty(&self) -> bool {
        self.done.is_empty() && self.half.is_empty()
    }

    /// What is half done.
    pub(super) fn half(&self) -> impl Iterator<Item = (&'a str, &Staleness)> {
        self.half.iter().map(|(change, what)| (*change, what))
    }

    /// The network that a done step made.
    pub(super) fn made(&self, create: &StepId) -> Option<&NetworkId> {
        self.made.get(create.as_str())
    }

    /// A step with the network that a done step made in the place of that step.
    pub(super) fn settled(&self, mut step: Step) -> Step {
        if let Action::Connect { which, .. } | Action::Disconnect { which, .. } = &mut step.action
            && let NetworkRef::CreatedBy(create) = which
            && let Some(id) = self.made.get(create.as_str())
        {
            *which = NetworkRef::Id(id.clone());
        }
        step
    }

    /// What the plan knew of networks and volumes and is not so any more.
    pub(super) fn moved(&self, plan: &Plan, snapshot: &Snapshot) -> Vec<Staleness> {
        let mut all = Vec::new();
        let mut add = |code: &str, object: String, expected: String, found: String| {
            all.push(Staleness {
                code: code.to_owned(),
                set: None,
                object,
                expected,
                found,
                hint: "plan again and have the new plan reviewed".to_owned(),
            });
        };
        for fact in &plan.facts.networks {
            let ids: Vec<&str> = snapshot
                .networks
                .iter()
                .filter(|network| network["Name"] == fact.name.as_str())
                .filter_map(|network| network["Id"].as_str())
                .collect();
            let expected: Vec<&str> = fact.id.iter().map(NetworkId::as_str).collect();
            if ids != expected && !self.touched(&format!("network:{}", fact.name)) {
                let word = |ids: &[&str]| {
                    if ids.is_empty() { "no such network".to_owned() } else { ids.join(", ") }
                };
                let object = format!("network `{}`", fact.name);
                add("network", object, word(&expected), word(&ids));
            }
        }
        self.volumes(plan, snapshot, &mut add);
        all
    }

    fn volumes(
        &self,
        plan: &Plan,
        snapshot: &Snapshot,
        add: &mut impl FnMut(&str, String, String, String),
    ) {
        let by_a_create = made_by_creates(plan, snapshot);
        for fact in &plan.facts.volumes {
            if self.touched(&format!("volume:{}", fact.name)) {
                continue;
            }
            let volume =
                snapshot.volumes.iter().find(|volume| volume["Name"] == fact.name.as_str());
            let driver = volume.and_then(|volume| volume["Driver"].as_str());
            let object = || format!("volume `{}`", fact.name);
            // One that nobody declares is made by the first create that uses it.
            let made = fact.driver.is_none() && by_a_create.contains(fact.name.as_str());
            if fact.driver.as_deref() != driver {
                let word = |driver: Option<&str>| {
                    driver.map_or_else(
                        || "no such volume".to_owned(),
                        |driver| format!("driver {driver}"),
                    )
                };
                if !made {
                    add("volume", object(), word(fact.driver.as_deref()), word(driver));
                }
                continue;
            }
            let now = volume.and_then(|volume| volume["CreatedAt"].as_str());
            if let (Some(before), Some(now)) = (fact.created_at.as_deref(), now)
                && before != now
            {
                add("volume", object(), format!("made at {before}"), format!("made at {now}"));
            }
        }
    }
}

/// The volumes of the containers that a run of this plan created.
fn made_by_creates<'s>(plan: &Plan, snapshot: &'s Snapshot) -> BTreeSet<&'s str> {
    let known: BTreeSet<&ContainerId> = plan.facts.containers.iter().map(|fact| &fact.id).collect();
    let ours = |container: &&Container| {
        !known.contains(&container.id())
            && matching::owner(container).is_some_and(|(project, _)| project == plan.project)
    };
    let made = snapshot.containers.iter().filter(ours);
    made.flat_map(|container| {
        let look = container.inspect.as_ref().or(container.list.as_ref());
        let mounts = look.and_then(|look| look["Mounts"].as_array()).into_iter().flatten();
        mounts.filter_map(|mount| mount["Name"].as_str())
    })
    .collect()
}

/// The network that is there, if it is as a create step makes it.
fn made_network(
    spec: &Spec,
    key: &ObjectKey,
    found: Found<'_>,
    snapshot: &Snapshot,
) -> Option<NetworkId> {
    let Found::One(found) = found else { return None };
    let declared = spec.networks.get(key)?.declared()?;
    let ours = objects::owner(found, LABEL_NETWORK) == Some((spec.project.clone(), key.clone()));
    let terms = Terms { owned: true, public: &snapshot.public };
    let differs = objects::network::differences(declared, found, terms);
    let same = differs.reasons.is_empty() && differs.unknown.is_empty();
    let id = found["Id"].as_str().map(NetworkId::new)?;
    (ours && same).then_some(id)
}

fn made_volume(spec: &Spec, key: &ObjectKey, name: &str, snapshot: &Snapshot) -> bool {
    let Found::One(found) = objects::named(&snapshot.volumes, name) else { return false };
    let Some(declared) = spec.volumes.get(key).and_then(|volume| volume.declared()) else {
        return false;
    };
    let terms = Terms { owned: true, public: &snapshot.public };
    let differs = objects::volume::differences(declared, found, terms);
    objects::owner(found, LABEL_VOLUME) == Some((spec.project.clone(), key.clone()))
        && differs.reasons.is_empty()
        && differs.unknown.is_empty()
}

/// The containers that a replacement of a network puts back and that are not on it: commands that
/// put them there.
fn off(steps: &[&Step], id: &NetworkId, name: &str, snapshot: &Snapshot) -> Vec<String> {
    let on = |container: &Container| {
        let look = container.inspect.as_ref().or(container.list.as_ref());
        let networks = look.and_then(|look| look["NetworkSettings"]["Networks"].as_object());
        networks.into_iter().flatten().any(|(own, attached)| {
            own == name && matches!(attached["NetworkID"].as_str(), None | Some(""))
                || attached["NetworkID"] == id.as_str()
        })
    };
    let connects = steps.iter().filter_map(|step| match &step.action {
        Action::Connect { container: Subject::Container(container), endpoint, .. } => {
            Some((snapshot.by_id(container)?, endpoint))
        }
        _ => None,
    });
    connects
        .filter(|(container, _)| !on(container))
        .map(|(container, endpoint)| connect_command(container.name().as_str(), endpoint, name))
        .collect()
}

/// `docker network connect`, with what the endpoint wishes.
pub(crate) fn connect_command(
    container: &str,
    endpoint: &serde_json::Value,
    network: &str,
) -> String {
    let mut words = vec!["docker network connect".to_owned()];
    let texts = |json: &serde_json::Value| -> Vec<String> {
        let all = json.as_array().into_iter().flatten();
        all.filter_map(|text| text.as_str().map(crate::say::short)).collect()
    };
    words.extend(texts(&endpoint["Aliases"]).into_iter().map(|alias| format!("--alias {alias}")));
    let ipam = &endpoint["IPAMConfig"];
    for (field, flag) in [("IPv4Address", "--ip"), ("IPv6Address", "--ip6")] {
        if let Some(address) = ipam[field].as_str() {
            words.push(format!("{flag} {}", crate::say::short(address)));
        }
    }
    let links = texts(&ipam["LinkLocalIPs"]).into_iter();
    words.extend(links.map(|address| format!("--link-local-ip {address}")));
    words.push(format!("{network} {container}"));
    words.join(" ")
}

fn half(name: &str, found: Found<'_>, left: &[String]) -> Staleness {
    let there = match found {
        Found::None => "no such network",
        Found::One(_) | Found::Several(_) => "containers off it",
    };
    let finish = match found {
        Found::None => "plan again, which makes it",
        Found::One(_) | Found::Several(_) => "put them back",
    };
    let commands = if left.is_empty() { String::new() } else { format!("; {}", left.join("; ")) };
    Staleness {
        code: "network_half_replaced".to_owned(),
        set: None,
        object: format!("network `{name}`"),
        expected: "it made anew, with its containers on it".to_owned(),
        found: there.to_owned(),
        hint: format!("{finish}{commands}"),
    }
}
