//! What the decisions relied on, by value. What is a fact and what is noise: [`crate::plan::facts`].

use std::collections::{BTreeMap, BTreeSet};

use super::Draft;
use super::choose::Member;
use super::order;
use crate::desired;
use crate::ident::ContainerName;
use crate::options::settings::Settings;
use crate::plan::facts::{ContainerFact, Facts, ImageFact};
use crate::plan::{Action, Step};
use crate::snapshot::{Container, RegistryAnswer, Run, Snapshot};
use crate::spec::Spec;

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
            facts.containers.push(of_container(container, container.run()));
        }
    }
    sort_containers(&mut facts.containers);
    facts.images = images(spec, snapshot);
    facts.images.extend(retagged(steps, snapshot));
    facts.images.sort_by(|one, other| one.reference.cmp(&other.reference));
    facts.images.dedup_by(|one, other| one.reference == other.reference);
    facts.names = names(steps);
    facts.networks = draft.network_facts(steps);
    facts.volumes = draft.volume_facts();
    let ports = draft.jobs.iter().filter(|job| job.start.is_some()).flat_map(|job| &job.takes);
    facts.ports = ports.map(ToString::to_string).collect::<BTreeSet<_>>().into_iter().collect();
    facts
}

/// By name, then ID.
pub(super) fn sort_containers(containers: &mut [ContainerFact]) {
    containers
        .sort_by_cached_key(|fact| (super::matching::natural(fact.name.as_str()), fact.id.clone()));
}

/// Targets of steps for which the time of the start is a fact.
fn timed(steps: &[Step]) -> BTreeSet<crate::ident::ContainerId> {
    let of = |step: &Step| matches!(step.action, Action::Restart { .. } | Action::Kill { .. });
    let steps: Vec<Step> = steps.iter().filter(|step| of(step)).cloned().collect();
    order::addressed(&steps)
}

fn of_member(member: &Member<'_>, one_shot: bool, timed: bool) -> ContainerFact {
    let mut fact = of_container(member.container, member.run);
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

fn of_container(container: &Container, run: Run) -> ContainerFact {
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
        run,
        exit_code: None,
        started_at: None,
        settings: host.map(Settings::of_host).unwrap_or_default(),
        networks: attached.map(|map| map.keys().cloned().collect()).unwrap_or_default(),
        references: BTreeMap::new(),
    }
}

fn images(spec: &Spec, snapshot: &Snapshot) -> Vec<ImageFact> {
    let declared = spec.sets.values().filter_map(|set| set.image.clone());
    let making = spec.sets.values().filter(|set| set.may_create());
    let references: BTreeSet<String> =
        declared.chain(making.flat_map(desired::mounted_images)).collect();
    references
        .into_iter()
        .map(|reference| ImageFact {
            id: snapshot.references.get(&reference).cloned().flatten(),
            registry: match snapshot.registry.get(&reference) {
                Some(RegistryAnswer::Digest(digest)) => Some(digest.clone()),
                Some(RegistryAnswer::Silent(_)) | None => None,
            },
            reference,
        })
        .collect()
}

/// Images that are here by a digest and get a declared tag: that tag means another one before.
fn retagged(steps: &[Step], snapshot: &Snapshot) -> Vec<ImageFact> {
    // An index that is here for another platform is pulled all the same.
    let pulled = |image: &String| {
        steps
            .iter()
            .any(|step| matches!(&step.action, Action::Pull { image: it, .. } if it == image))
    };
    let tagged = steps.iter().filter_map(|step| match &step.action {
        Action::Tag { image, .. } if !pulled(image) => Some(image),
        _ => None,
    });
    let fact = |reference: &String| {
        let id = super::images::pinned(snapshot, reference)?.clone();
        Some(ImageFact { reference: reference.clone(), id: Some(id), registry: None })
    };
    tagged.filter_map(fact).collect()
}

/// Names that fresh containers take; the reserved ones beside a replacement are free or the plan
/// is an error.
fn names(steps: &[Step]) -> Vec<ContainerName> {
    let mut names: Vec<ContainerName> = steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Create { name, final_name, .. } if name == final_name => Some(name.clone()),
            _ => None,
        })
        .collect();
    names.sort();
    names
}
