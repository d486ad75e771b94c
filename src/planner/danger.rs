//! What a reviewer must not overlook: dangers, what is kept and what is lost, and what is refused
//! outright.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::PlanError;
use super::decide::Member;
use super::ports;
use crate::base::ident::SetName;
use crate::observed::snapshot::Container;
use crate::options::inspect_view::InspectView;
use crate::plan::facts::Verdict;
use crate::plan::show::reason_text;
use crate::plan::{Danger, Impact, Reason, Verb};
use crate::spec::{Matching, Set};

/// The row of what is mounted.
const VOLUMES: &str = "volumes";

/// What a change does to its surroundings, as far as dangers go.
pub(super) struct Doing<'a> {
    pub(super) verb: Verb,
    /// The container that is there.
    pub(super) found: Option<&'a Member<'a>>,
    /// What is created.
    pub(super) created: Option<&'a InspectView>,
    pub(super) image_unknown: bool,
}

/// The dangers of a change, worst first.
pub(super) fn dangers(doing: &Doing<'_>, impact: &Impact) -> Vec<Danger> {
    let mut all = BTreeSet::new();
    let Doing { verb, found, created, image_unknown } = doing;
    let ends = matches!(
        verb,
        Verb::Remove | Verb::Replace | Verb::Kill | Verb::Stop | Verb::Restart | Verb::Run
    );
    if let Some(member) = found {
        if ends && member.run.is_live() {
            all.insert(Danger::Outage);
        }
        if member.adopted {
            all.insert(Danger::Adopted);
        }
        if matches!(verb, Verb::Stop | Verb::Kill) && revived(member.container) {
            all.insert(Danger::ComesBack);
        }
        if loses(*verb, member.container)
            && (!anonymous_volumes(member.container).is_empty() || lost_mount(impact))
        {
            all.insert(Danger::DataLost);
        }
        let rotated = |member: &Member<'_>| {
            member.comparison.references.values().any(|fact| fact.verdict == Verdict::Different)
        };
        if created.is_some() && rotated(member) {
            all.insert(Danger::SecretChanged);
        }
    }
    if let Some(look) = created {
        if look.host("Privileged") == &Json::Bool(true) {
            all.insert(Danger::Privileged);
        }
        if host_access(look) {
            all.insert(Danger::HostAccess);
        }
        if ports::any_public(look) {
            all.insert(Danger::PublicPort);
        }
    }
    if *image_unknown && created.is_some() {
        all.insert(Danger::ImageUnknown);
    }
    all.into_iter().collect()
}

/// Whether the engine removes a container, and its anonymous volumes with it, once this ends it.
/// (A restart does not.)
pub(super) fn vanishes(container: &Container, verb: Verb) -> bool {
    let inspect = container.inspect.as_ref();
    let auto = inspect.is_some_and(|inspect| inspect["HostConfig"]["AutoRemove"] == true);
    auto && container.run().is_live() && matches!(verb, Verb::Stop | Verb::Kill)
}

/// Whether nobody will find the anonymous volumes of a container after this.
fn loses(verb: Verb, container: &Container) -> bool {
    matches!(verb, Verb::Remove | Verb::Replace | Verb::Run) || vanishes(container, verb)
}

fn lost_mount(impact: &Impact) -> bool {
    !impact.unmounts.is_empty() || impact.drops.iter().any(|option| option == VOLUMES)
}

/// Whether an engine that restarts starts it again although somebody ended it: `always` does;
/// `on-failure` does if it ended with another code than 0, which a kill makes sure of and a stop
/// may; `unless-stopped` does not (all tried).
fn revived(container: &Container) -> bool {
    let inspect = container.inspect.as_ref();
    let policy = inspect.map(|inspect| &inspect["HostConfig"]["RestartPolicy"]["Name"]);
    policy.is_some_and(|policy| policy == "always" || policy == "on-failure")
}

/// Host files, namespaces or devices.
fn host_access(look: &InspectView) -> bool {
    let host_mode = ["NetworkMode", "PidMode", "IpcMode", "UTSMode", "UsernsMode"]
        .iter()
        .any(|field| look.host(field) == &Json::String("host".to_owned()));
    let binds = look.host("Binds").as_array().into_iter().flatten();
    let bound =
        binds.filter_map(Json::as_str).any(|bind| bind.starts_with('/') && bind.contains(':'));
    let mounts = look.host("Mounts").as_array().into_iter().flatten();
    let mounted = mounts.filter(|mount| mount["Type"] == "bind").count() > 0;
    let devices = look.host("Devices").as_array().is_some_and(|devices| !devices.is_empty());
    host_mode || bound || mounted || devices
}

/// Names of volumes that nobody named: they came with the container, and nobody will find them
/// when it is gone.
pub(super) fn anonymous_volumes(container: &Container) -> Vec<(String, String)> {
    let Some(inspect) = &container.inspect else { return Vec::new() };
    let named = named_sources(inspect);
    let from_others =
        inspect["HostConfig"]["VolumesFrom"].as_array().is_some_and(|from| !from.is_empty());
    let own: BTreeSet<&str> = inspect["Config"]["Volumes"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(path, _)| path.as_str())
        .collect();
    volume_mounts(inspect)
        .filter(|(name, path)| {
            let hex = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
            let anonymous = name.is_empty() || (hex && !named.contains(name.as_str()));
            // The volumes of others are shown like own ones; only declared paths are surely own.
            anonymous && (!from_others || own.contains(path.as_str()))
        })
        .collect()
}

fn volume_mounts(inspect: &Json) -> impl Iterator<Item = (String, String)> + '_ {
    mounts(inspect, "volume", "Name")
}

/// The mounts of a kind: what is mounted, as this field has it, and where.
fn mounts<'a>(
    inspect: &'a Json,
    kind: &'a str,
    field: &'a str,
) -> impl Iterator<Item = (String, String)> + 'a {
    let mounts = inspect["Mounts"].as_array().into_iter().flatten();
    mounts.filter(move |mount| mount["Type"] == kind).map(move |mount| {
        let text = |field: &str| mount[field].as_str().unwrap_or_default().to_owned();
        (text(field), text("Destination"))
    })
}

fn named_sources(inspect: &Json) -> BTreeSet<&str> {
    let binds = inspect["HostConfig"]["Binds"].as_array().into_iter().flatten();
    let mounts = inspect["HostConfig"]["Mounts"].as_array().into_iter().flatten();
    let of_bind = |bind: &'_ Json| {
        bind.as_str().and_then(|bind| bind.split_once(':')).map(|(name, _)| name.len())
    };
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for bind in binds {
        if let (Some(text), Some(length)) = (bind.as_str(), of_bind(bind)) {
            names.insert(&text[..length]);
        }
    }
    names.extend(mounts.filter_map(|mount| mount["Source"].as_str()));
    names
}

/// What a replacement keeps and loses. `drops` are the rows of an adopted container that nobody
/// declared; of its mounts each is told by itself.
pub(super) fn impact(found: &Container, created: &InspectView, drops: Vec<String>) -> Impact {
    let mut impact = Impact { drops, loses: anonymous(found), ..Impact::default() };
    let Some(inspect) = &found.inspect else { return impact };
    let (old, new) = (named_sources(inspect), named_sources(created.json()));
    let nameless = anonymous_volumes(found);
    for volume in volume_mounts(inspect).filter(|volume| !nameless.contains(volume)) {
        let (name, path) = volume;
        if new.contains(name.as_str()) {
            impact.keeps.push(name);
        } else if old.contains(name.as_str()) {
            impact.unmounts.push(format!("{name} at {path}"));
        }
    }
    if impact.drops.iter().any(|option| option == VOLUMES) {
        let gone = mounts(inspect, "bind", "Source")
            .filter(|(source, _)| old.contains(source.as_str()) && !new.contains(source.as_str()));
        impact.unmounts.extend(gone.map(|(source, path)| format!("{source} at {path}")));
        let told = !impact.unmounts.is_empty() || !impact.loses.is_empty();
        impact.drops.retain(|option| !(told && option == VOLUMES));
    }
    for list in [&mut impact.keeps, &mut impact.unmounts, &mut impact.drops] {
        list.sort();
        list.dedup();
    }
    impact
}

/// What a removal loses.
pub(super) fn removal(found: &Container) -> Impact {
    Impact { loses: anonymous(found), ..Impact::default() }
}

/// The anonymous volumes of a container in words.
fn anonymous(found: &Container) -> Vec<String> {
    let paths = anonymous_volumes(found).into_iter();
    paths
        .map(|(_, path)| format!("anonymous volume at {path}"))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// What forbids a change: an adopted container that nobody named, data that nobody gave up, a
/// container that vanishes when it is stopped.
pub(super) fn refusals(
    key: &SetName,
    set: &Set,
    member: &Member<'_>,
    (verb, reasons): (Verb, &[Reason]),
) -> Vec<PlanError> {
    let mut errors = Vec::new();
    let name = &member.name;
    let why = format!("{}: {}", verb.word(), reason_text::texts(reasons).join("; "));
    let ends = matches!(
        verb,
        Verb::Remove | Verb::Replace | Verb::Kill | Verb::Stop | Verb::Restart | Verb::Run
    );
    if (ends || verb == Verb::Update)
        && member.adopted
        && set.matching == Matching::ImageByDefault
        && matches!(set.identity, crate::spec::Identity::Counted(_))
    {
        errors.push(PlanError::of(
            key,
            "adopted",
            format!("container `{name}` was not created by bayplan and would be touched ({why})"),
            "say `match: image` to mean such containers too, or `match: owned` to leave them",
        ));
    }
    let anonymous = anonymous_volumes(member.container);
    if loses(verb, member.container) && !set.discard && !anonymous.is_empty() {
        let paths: Vec<&str> = anonymous.iter().map(|(_, path)| path.as_str()).collect();
        errors.push(PlanError::of(
            key,
            "data_lost",
            format!(
                "container `{name}` would lose its anonymous volume at {} ({why})",
                crate::base::say::safe(&paths.join(", "))
            ),
            "mount a named volume there and move the data, or say `discard: true`",
        ));
    }
    let inspect = member.container.inspect.as_ref();
    let auto_remove = inspect.is_some_and(|inspect| inspect["HostConfig"]["AutoRemove"] == true);
    if matches!(verb, Verb::Replace | Verb::Run) && auto_remove {
        errors.push(PlanError::of(
            key,
            "auto_remove",
            format!(
                "container `{name}` removes itself when it stops, so there would be no way back \
                 ({why})"
            ),
            "remove it with a plan of its own (`state: absent`), then create it anew",
        ));
    }
    errors
}
