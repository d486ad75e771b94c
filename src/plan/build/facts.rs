//! What the decisions relied on, by value. What is a fact and what is noise: [`crate::plan::facts`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::Draft;
use super::choose::Member;
use super::order;
use crate::ident::{ContainerName, NetworkId};
use crate::look::Look;
use crate::plan::facts::{ContainerFact, Facts, ImageFact, NetworkFact, VolumeFact};
use crate::plan::{Action, Step};
use crate::snapshot::{Container, RegistryAnswer, Snapshot};
use crate::spec::Spec;

/// Fields of `HostConfig` that `docker update` changes.
const UPDATABLE: &[&str] = &[
    "BlkioWeight",
    "CpuPeriod",
    "CpuQuota",
    "CpuRealtimePeriod",
    "CpuRealtimeRuntime",
    "CpuShares",
    "CpusetCpus",
    "CpusetMems",
    "Memory",
    "MemoryReservation",
    "MemorySwap",
    "NanoCpus",
    "PidsLimit",
];

/// Gathers the facts of a plan.
pub(super) fn gather(spec: &Spec, snapshot: &Snapshot, draft: &Draft<'_>, steps: &[Step]) -> Facts {
    let mut facts = Facts::default();
    let timed = timed(steps);
    let mut seen = BTreeSet::new();
    for (set, members) in &draft.members {
        facts.members.insert(set.clone(), members.iter().map(|member| member.id.clone()).collect());
        for member in members {
            seen.insert(member.id.clone());
            let one_shot = spec.sets.get(set).is_some_and(|set| set.one_shot);
            facts.containers.push(of_member(member, one_shot, timed.contains(&member.id)));
        }
    }
    for id in order::addressed(steps).difference(&seen) {
        if let Some(container) = draft.index.by_id(id) {
            facts.containers.push(of_container(container));
        }
    }
    facts
        .containers
        .sort_by_key(|fact| (super::matching::natural(fact.name.as_str()), fact.id.clone()));
    facts.images = images(spec, snapshot);
    facts.names = names(steps);
    let created: Vec<&Look> = draft.created.values().collect();
    facts.networks = networks(&created, snapshot);
    facts.volumes = volumes(&created, snapshot);
    let ports = draft.jobs.iter().filter(|job| job.start.is_some()).flat_map(|job| &job.takes);
    facts.ports = ports.map(ToString::to_string).collect::<BTreeSet<_>>().into_iter().collect();
    facts
}

/// Targets of steps for which the time of the start is a fact.
fn timed(steps: &[Step]) -> BTreeSet<crate::ident::ContainerId> {
    let of = |step: &Step| matches!(step.action, Action::Restart { .. } | Action::Kill { .. });
    let steps: Vec<Step> = steps.iter().filter(|step| of(step)).cloned().collect();
    order::addressed(&steps)
}

fn of_member(member: &Member<'_>, one_shot: bool, timed: bool) -> ContainerFact {
    let mut fact = of_container(member.container);
    fact.references = member.comparison.references.clone();
    if one_shot {
        fact.exit_code = member.exit_code();
    }
    if timed {
        let inspect = member.container.inspect.as_ref();
        fact.started_at =
            inspect.and_then(|inspect| inspect["State"]["StartedAt"].as_str()).map(str::to_owned);
    }
    fact
}

fn of_container(container: &Container) -> ContainerFact {
    let host = container.inspect.as_ref().map(|inspect| &inspect["HostConfig"]);
    let attached = container
        .inspect
        .as_ref()
        .or(container.list.as_ref())
        .and_then(|look| look["NetworkSettings"]["Networks"].as_object());
    ContainerFact {
        id: container.id(),
        name: container.name(),
        image: container.image(),
        run: container.run(),
        exit_code: None,
        started_at: None,
        settings: host.map(settings).unwrap_or_default(),
        networks: attached.map(|map| map.keys().cloned().collect()).unwrap_or_default(),
        references: BTreeMap::new(),
    }
}

/// What is set of the fields that change under one ID.
fn settings(host: &Json) -> BTreeMap<String, Json> {
    let mut all = BTreeMap::new();
    for field in UPDATABLE {
        let value = &host[*field];
        let unset = value.is_null() || value == 0 || value == "";
        if !unset {
            all.insert((*field).to_owned(), value.clone());
        }
    }
    let policy = &host["RestartPolicy"];
    if !matches!(policy["Name"].as_str(), None | Some("" | "no")) {
        let retries = policy["MaximumRetryCount"].as_i64().unwrap_or(0);
        let name = policy["Name"].as_str().unwrap_or_default();
        let text = if retries > 0 { format!("{name}:{retries}") } else { name.to_owned() };
        all.insert("RestartPolicy".to_owned(), Json::String(text));
    }
    all
}

fn images(spec: &Spec, snapshot: &Snapshot) -> Vec<ImageFact> {
    let references: BTreeSet<&String> =
        spec.sets.values().filter_map(|set| set.image.as_ref()).collect();
    references
        .into_iter()
        .map(|reference| ImageFact {
            reference: reference.clone(),
            id: snapshot.references.get(reference).cloned().flatten(),
            registry: match snapshot.registry.get(reference) {
                Some(RegistryAnswer::Digest(digest)) => Some(digest.clone()),
                Some(RegistryAnswer::Silent(_)) | None => None,
            },
        })
        .collect()
}

/// Names that fresh containers take; the reserved ones beside a replacement are free or the plan
/// is an error.
fn names(steps: &[Step]) -> Vec<ContainerName> {
    let mut names: Vec<ContainerName> = steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Create { name, finally, .. } if name == finally => Some(name.clone()),
            _ => None,
        })
        .collect();
    names.sort();
    names
}

fn networks(created: &[&Look], snapshot: &Snapshot) -> Vec<NetworkFact> {
    let mut facts = BTreeMap::new();
    for look in created {
        let mode = look.host("NetworkMode").as_str().unwrap_or_default();
        let found = snapshot
            .networks
            .iter()
            .find(|network| network["Name"] == mode || network["Id"] == mode);
        if let Some(network) = found
            && !matches!(mode, "bridge" | "host" | "none")
        {
            let id = NetworkId::new(network["Id"].as_str().unwrap_or_default());
            facts.insert(network["Name"].as_str().unwrap_or_default().to_owned(), id);
        }
    }
    facts.into_iter().map(|(name, id)| NetworkFact { name, id }).collect()
}

fn volumes(created: &[&Look], snapshot: &Snapshot) -> Vec<VolumeFact> {
    let mut names = BTreeSet::new();
    for look in created {
        let binds = look.host("Binds").as_array().into_iter().flatten();
        let sources = binds.filter_map(Json::as_str).filter_map(|bind| bind.split_once(':'));
        names.extend(sources.map(|(source, _)| source).filter(|source| !source.starts_with('/')));
        let mounts = look.host("Mounts").as_array().into_iter().flatten();
        let volumes = mounts.filter(|mount| mount["Type"] == "volume");
        names.extend(
            volumes.filter_map(|mount| mount["Source"].as_str()).filter(|name| !name.is_empty()),
        );
    }
    names
        .into_iter()
        .map(|name| VolumeFact {
            name: name.to_owned(),
            driver: snapshot
                .volumes
                .iter()
                .find(|volume| volume["Name"] == name)
                .and_then(|volume| volume["Driver"].as_str())
                .map(str::to_owned),
        })
        .collect()
}
