//! Gathers the facts that the decisions rely on, by value. The choice of facts is explained in
//! [`crate::plan::facts`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::Planner;
use super::decide::Member;
use super::order;
use crate::base::ident::{ContainerName, ImageId, NetworkId};
use crate::observed::snapshot::{Container, RegistryAnswer, Run, Snapshot};
use crate::options::settings::Settings;
use crate::plan::facts::{Attachment, ContainerFact, Facts, ImageFact};
use crate::plan::{Action, Step, Subject};
use crate::spec::body;
use crate::spec::{Set, Spec};

/// Gathers the facts of a plan.
pub(super) fn gather(
    spec: &Spec,
    snapshot: &Snapshot,
    draft: &Planner<'_>,
    steps: &[Step],
) -> Facts {
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
    note_wishes(&mut facts.containers, snapshot, steps);
    sort_containers(&mut facts.containers);
    facts.images = images(spec, snapshot);
    facts.images.extend(retagged(steps, draft));
    facts.images.sort_by(|one, other| one.reference.cmp(&other.reference));
    facts.images.dedup_by(|one, other| one.reference == other.reference);
    facts.names = names(steps);
    facts.networks = draft.network_facts(steps);
    facts.volumes = draft.volume_facts();
    let ports = draft.jobs.iter().filter(|job| job.start.is_some()).flat_map(|job| &job.takes);
    facts.ports =
        ports.map(|taken| taken.host.to_string()).collect::<BTreeSet<_>>().into_iter().collect();
    facts
}

/// Sorts by name, then by ID.
pub(super) fn sort_containers(containers: &mut [ContainerFact]) {
    containers
        .sort_by_cached_key(|fact| (super::matching::natural(fact.name.as_str()), fact.id.clone()));
}

/// The containers whose start time is a fact, because a step restarts or kills them.
fn timed(steps: &[Step]) -> BTreeSet<crate::base::ident::ContainerId> {
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
        networks: attached.into_iter().flatten().map(attachment).collect(),
        references: BTreeMap::new(),
    }
}

fn attachment((name, attached): (&String, &Json)) -> (String, Attachment) {
    let id = attached["NetworkID"].as_str().filter(|id| !id.is_empty()).map(NetworkId::new);
    (name.clone(), Attachment { id, endpoint: Json::Null })
}

/// Notes the endpoint settings of attachments that steps end, so that a rollback can restore the
/// attachments.
fn note_wishes(facts: &mut [ContainerFact], snapshot: &Snapshot, steps: &[Step]) {
    for step in steps {
        let Action::Disconnect { container: Subject::Container(id), network, .. } = &step.action
        else {
            continue;
        };
        let inspect = snapshot.by_id(id).and_then(|container| container.inspect.as_ref());
        let fact = facts.iter_mut().find(|fact| fact.id == *id);
        let attached = fact.and_then(|fact| fact.networks.get_mut(network));
        if let (Some(attached), Some(inspect)) = (attached, inspect) {
            attached.endpoint = wishes(&inspect["NetworkSettings"]["Networks"][network]);
        }
    }
}

/// The requested settings of an attachment, without values that the engine assigned.
pub(super) fn wishes(attached: &Json) -> Json {
    let mut out = serde_json::Map::new();
    for field in ["Aliases", "DriverOpts", "IPAMConfig", "Links"] {
        let value = &attached[field];
        let empty = match value {
            Json::Array(list) => list.is_empty(),
            Json::Object(map) => map.is_empty(),
            _ => true,
        };
        if !empty {
            out.insert(field.to_owned(), value.clone());
        }
    }
    if let Some(priority) = attached["GwPriority"].as_i64().filter(|priority| *priority != 0) {
        out.insert("GwPriority".to_owned(), priority.into());
    }
    Json::Object(out)
}

fn images(spec: &Spec, snapshot: &Snapshot) -> Vec<ImageFact> {
    let declared = spec.sets.values().filter_map(|set| set.image.clone());
    let making = spec.sets.values().filter(|set| set.may_create());
    let references: BTreeSet<String> =
        declared.chain(making.flat_map(body::mounted_images)).collect();
    let platforms = other_platforms(spec, snapshot);
    references
        .into_iter()
        .map(|reference| ImageFact {
            digest: known_by(snapshot, &reference),
            platform: platforms.get(reference.as_str()).cloned(),
            id: here(snapshot, &reference),
            registry: match snapshot.registry.get(&reference) {
                Some(RegistryAnswer::Digest(digest)) => Some(digest.clone()),
                Some(_) | None => None,
            },
            reference,
        })
        .collect()
}

/// The image of a reference, in the notation of the spec or of `docker inspect`.
fn here(snapshot: &Snapshot, reference: &str) -> Option<ImageId> {
    let known = snapshot.references.get(reference).cloned().flatten();
    known.or_else(|| snapshot.image_of(reference).map(|(id, _)| id.clone()))
}

/// The digest of the local image, if the registry was asked for the reference.
fn known_by(snapshot: &Snapshot, reference: &str) -> Option<String> {
    snapshot.registry.get(reference)?;
    let id = snapshot.references.get(reference)?.as_ref()?;
    super::images::digest_of(snapshot, id, reference)
}

/// The platforms of local images, by reference, for sets that declare another platform.
fn other_platforms<'s>(spec: &'s Spec, snapshot: &Snapshot) -> BTreeMap<&'s str, String> {
    let other = |set: &'s Set| {
        let (said, reference) = (set.platform()?, set.image.as_deref()?);
        let (_, image) = snapshot.image_of(reference)?;
        Some((reference, super::images::other_platform(said, image)?.1))
    };
    spec.sets.values().filter_map(other).collect()
}

/// Images that are here by a digest and get a declared tag. The tag points to another image before.
fn retagged(steps: &[Step], draft: &Planner<'_>) -> Vec<ImageFact> {
    // A local image index for another platform is pulled all the same.
    let pulled: BTreeSet<&String> = steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Pull { image, .. } => Some(image),
            _ => None,
        })
        .collect();
    let tagged = steps.iter().filter_map(|step| match &step.action {
        Action::Tag { image, .. } if !pulled.contains(image) => Some(image),
        _ => None,
    });
    let fact = |reference: &String| {
        let id = draft.images.pinned(reference)?.clone();
        Some(ImageFact { reference: reference.clone(), id: Some(id), ..ImageFact::default() })
    };
    tagged.filter_map(fact).collect()
}

/// The names that new containers take. The temporary names of a replacement must be free, or
/// planning fails.
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
