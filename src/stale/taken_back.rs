//! Undoes the done steps of a plan in a snapshot: the cells that these steps set get the values of
//! the facts, and created objects vanish. Every other cell keeps what the engine shows: a fact that is
//! no step's doing proves nothing.
//!
//! The plan is derived again from the result. A removed container and a removed network cannot be
//! restored, because the snapshot lacks their data.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::observed::{Origin, digests};
use crate::base::ident::{ContainerId, LABEL_LOCK, NetworkId, StepId};
use crate::base::image_ref::ImageRef;
use crate::observed::snapshot::{Container, RegistryAnswer, Run, Snapshot};
use crate::options::platform::Platform;
use crate::options::settings::{RESTART, Settings};
use crate::plan::facts::{Attachment, ContainerFact};
use crate::plan::world::{Cell, Value, World};
use crate::plan::{Action, Plan, Subject};

/// Adds the registry answers of the plan to a snapshot, because apply does not ask a registry
/// again.
pub(crate) fn with_answers(plan: &Plan, snapshot: &Snapshot) -> Snapshot {
    let mut snapshot = snapshot.clone();
    let answers = plan.facts.images.iter().filter_map(|fact| {
        let digest = fact.registry.clone()?;
        Some((fact.reference.clone(), RegistryAnswer::Digest(digest)))
    });
    snapshot.registry = answers.collect();
    snapshot
}

/// Undoes the done steps, which set the cells in `set`, except the changes in `stays`, which cannot
/// be undone.
pub(super) fn taken_back(
    origin: &Origin<'_>,
    plan: &Plan,
    (before, now): (&World, &World),
    (set, stays): (&BTreeSet<Cell>, &BTreeSet<&str>),
    mut look: Snapshot,
) -> Snapshot {
    let back = |step: Option<&StepId>| step.is_none_or(|step| stays.contains(step.change()));
    // A lock tells who runs, which is no state that a plan is derived from.
    let is_lock = |container: &Container| container.label(LABEL_LOCK).is_some();
    look.containers
        .retain(|container| !is_lock(container) && back(origin.container(container.seen())));
    look.networks.retain(|network| back(origin.network(network)));
    look.volumes.retain(|volume| {
        let name = volume["Name"].as_str().unwrap_or_default().to_owned();
        back(origin.volume(volume)) && now.get(&Cell::Volume(name)) != Some(&Value::WithContainer)
    });
    let facts: BTreeMap<&ContainerId, &ContainerFact> =
        plan.facts.containers.iter().map(|fact| (&fact.id, fact)).collect();
    let facts: BTreeMap<&ContainerId, Restored<'_>> =
        facts.into_iter().map(|(id, fact)| (id, Restored::of(fact, set))).collect();
    let renamed = renamed(&facts, &look);
    for container in &mut look.containers {
        if let Some(restored) = facts.get(&container.id()) {
            restored.apply(container);
        }
        relinked(container, &renamed);
    }
    look.containers.sort_by_cached_key(|container| (container.name(), container.id()));
    images(plan, (before, now), set, &mut look);
    look
}

/// A fact of a container, and the cells that the done steps set.
struct Restored<'a> {
    fact: &'a ContainerFact,
    subject: Subject,
    set: &'a BTreeSet<Cell>,
}

impl<'a> Restored<'a> {
    fn of(fact: &'a ContainerFact, set: &'a BTreeSet<Cell>) -> Self {
        Self { fact, subject: Subject::Container(fact.id.clone()), set }
    }

    /// Whether a done step set this part of the container.
    fn has(&self, cell: fn(Subject) -> Cell) -> bool {
        self.set.contains(&cell(self.subject.clone()))
    }

    fn is_attached(&self, network: &str) -> bool {
        self.set.contains(&Cell::Attached(self.subject.clone(), network.to_owned()))
    }

    /// Sets a container to the undone values.
    fn apply(&self, container: &mut Container) {
        let fact = self.fact;
        if self.has(Cell::Name) {
            named(container, fact);
        }
        let (run, by_step) = (container.run(), self.has(Cell::Run));
        let Container { list, inspect, .. } = container;
        if let Some(list) = list
            && by_step
            && run != fact.run
        {
            *field(list, "State") = json!(status(fact.run));
        }
        let Some(inspect) = inspect else { return };
        if by_step && run != fact.run {
            ran(field(inspect, "State"), fact.run);
        }
        if by_step && fact.run.is_live() && !run.is_live() {
            holds_its_ports(list.as_mut(), inspect);
        }
        let state = field(inspect, "State");
        if let Some(code) = fact.exit_code.filter(|_| self.has(Cell::Exit) || by_step) {
            *field(state, "ExitCode") = json!(code);
        }
        if let Some(at) = fact.started_at.as_ref().filter(|_| self.has(Cell::Start)) {
            *field(state, "StartedAt") = json!(at);
        }
        if self.has(Cell::Settings) {
            restore(field(inspect, "HostConfig"), &fact.settings);
        }
        // An engine assigns the IDs of the networks at the first start.
        let started = by_step && run.is_live() && !fact.run.is_live();
        let undone = |network: &str| started || self.is_attached(network);
        reattach(field(inspect, "NetworkSettings"), &fact.networks, started, undone);
    }
}

/// Writes a run state.
fn ran(state: &mut Json, run: Run) {
    *field(state, "Status") = json!(status(run));
    for (name, value) in [
        ("Running", run.is_live()),
        ("Paused", run == Run::Paused),
        ("Restarting", false),
        ("Dead", run == Run::Dead),
    ] {
        *field(state, name) = json!(value);
    }
}

/// The renamed containers: the current name, and the name in the plan.
fn renamed(facts: &BTreeMap<&ContainerId, Restored<'_>>, look: &Snapshot) -> Vec<(String, String)> {
    let pairs = look.containers.iter().filter_map(|container| {
        let fact = facts.get(&container.id()).filter(|restored| restored.has(Cell::Name))?.fact;
        let now = container.name();
        (now != fact.name).then(|| (format!("/{now}:"), format!("/{}:", fact.name)))
    });
    pairs.collect()
}

/// Engines show links by the current names of both containers.
fn relinked(container: &mut Container, renamed: &[(String, String)]) {
    if renamed.is_empty() {
        return;
    }
    let host = container.inspect.as_mut().and_then(|inspect| inspect.get_mut("HostConfig"));
    let links = host.and_then(|host| host.get_mut("Links")).and_then(Json::as_array_mut);
    for link in links.into_iter().flatten() {
        let pair = renamed.iter().find_map(|(now, before)| {
            Some(format!("{before}{}", link.as_str()?.strip_prefix(now.as_str())?))
        });
        if let Some(text) = pair {
            *link = Json::String(text);
        }
    }
}

/// A field of an object. A hostile engine may answer something else than an object, which becomes an
/// empty object.
fn field<'j>(json: &'j mut Json, name: &str) -> &'j mut Json {
    if !json.is_object() {
        *json = json!({});
    }
    &mut json[name]
}

fn named(container: &mut Container, fact: &ContainerFact) {
    let now = container.name();
    if now == fact.name {
        return;
    }
    if let Some(inspect) = &mut container.inspect {
        *field(inspect, "Name") = json!(format!("/{}", fact.name));
    }
    let names = container.list.as_mut().and_then(|list| field(list, "Names").as_array_mut());
    for name in names.into_iter().flatten() {
        if name.as_str() == Some(&format!("/{now}")) {
            *name = json!(format!("/{}", fact.name));
        }
    }
}

/// Gives a running container its requested ports; the chosen port of a range is unknown by now.
fn holds_its_ports(list: Option<&mut Json>, inspect: &mut Json) {
    if let Some(list) = list.and_then(Json::as_object_mut) {
        list.remove("Ports");
    }
    let mut ports = inspect["HostConfig"]["PortBindings"].clone();
    let bindings = ports.as_object_mut().into_iter().flat_map(|all| all.values_mut());
    for binding in bindings.filter_map(Json::as_array_mut).flatten() {
        if binding["HostIp"].as_str().is_none_or(str::is_empty) {
            *field(binding, "HostIp") = json!("0.0.0.0");
        }
    }
    *field(field(inspect, "NetworkSettings"), "Ports") = ports;
}

fn status(run: Run) -> &'static str {
    match run {
        Run::Live => "running",
        Run::Paused => "paused",
        Run::Idle => "exited",
        Run::Dead => "dead",
        Run::Removing => "removing",
    }
}

/// Restores the settings of a fact.
fn restore(host: &mut Json, before: &Settings) {
    let now = Settings::of_host(host);
    let Some(host) = host.as_object_mut() else { return };
    let mut had = before.body();
    let fields: BTreeSet<&String> = now.0.keys().chain(before.0.keys()).collect();
    for field in fields.into_iter().filter(|field| now.0.get(*field) != before.0.get(*field)) {
        let value = match had.get_mut(field).map(Json::take) {
            Some(value) => value,
            None if field == RESTART => json!({"Name": "no", "MaximumRetryCount": 0}),
            None => Json::Null,
        };
        host.insert(field.clone(), value);
    }
}

/// Restores the `undone` networks of a fact, and removes such networks that the fact lacks. A fact
/// without an ID restores an attachment without an ID only if the container was `started` since;
/// otherwise the fact was never so, and the found ID shows it.
fn reattach(
    settings: &mut Json,
    before: &BTreeMap<String, Attachment>,
    started: bool,
    undone: impl Fn(&str) -> bool,
) {
    let Some(all) = settings.get_mut("Networks").and_then(Json::as_object_mut) else { return };
    all.retain(|name, _| before.contains_key(name) || !undone(name));
    for (name, attached) in before.iter().filter(|(name, _)| undone(name)) {
        let id = attached.id.as_ref().map_or("", NetworkId::as_str);
        let there =
            all.get(name).is_some_and(|now| now["NetworkID"].as_str().unwrap_or_default() == id);
        let never_so = attached.id.is_none() && !started && all.contains_key(name);
        if !there && !never_so {
            let mut endpoint = attached.endpoint.clone();
            if !endpoint.is_object() {
                let now = all.get(name).filter(|now| now.is_object());
                endpoint = now.cloned().unwrap_or_else(|| json!({}));
            }
            endpoint["NetworkID"] = json!(id);
            all.insert(name.clone(), endpoint);
        }
    }
}

/// Restores a repository digest: an engine may drop the digest when the tag moves on.
fn known_by(image: &mut Json, reference: &str, digest: &str) {
    let Some(repository) = ImageRef::parse(reference).ok().and_then(|parsed| parsed.repository())
    else {
        return;
    };
    if digests(image).any(|own| own == digest) {
        return;
    }
    let text = json!(format!("{repository}@{digest}"));
    match image.get_mut("RepoDigests").and_then(Json::as_array_mut) {
        Some(all) => all.push(text),
        None => *field(image, "RepoDigests") = json!([text]),
    }
}

/// The known data of a missing image: its platform.
fn for_platform(platform: &str) -> Json {
    let mut parts = platform.split('/');
    let (os, architecture) = (parts.next(), parts.next());
    json!({"Os": os, "Architecture": architecture, "Variant": parts.next()})
}

/// Restores the targets of references, and removes pulled images.
fn images(plan: &Plan, (before, now): (&World, &World), set: &BTreeSet<Cell>, look: &mut Snapshot) {
    for fact in &plan.facts.images {
        let undone = set.contains(&Cell::Reference(fact.reference.clone()));
        if undone && look.references.contains_key(&fact.reference) {
            look.references.insert(fact.reference.clone(), fact.id.clone());
        }
        // The image may have lost its last reference, and a snapshot has only referenced images.
        if let Some(id) = &fact.id {
            let known = || fact.platform.as_deref().map_or(Json::Null, for_platform);
            let image = look.images.entry(id.clone()).or_insert_with(known);
            if let Some(digest) = &fact.digest {
                known_by(image, &fact.reference, digest);
            }
        }
    }
    let pulled = |image: &String| {
        let cell = Cell::Reference(image.clone());
        before.get(&cell) == Some(&Value::Absent) && matches!(now.get(&cell), Some(Value::Image(_)))
    };
    let pulls = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Pull { image, platform } if pulled(image) => Some((image, platform)),
        _ => None,
    });
    let known: BTreeSet<_> = plan.facts.images.iter().filter_map(|fact| fact.id.as_ref()).collect();
    for (image, platform) in pulls {
        let Some((_, digest)) = image.rsplit_once('@') else { continue };
        for (id, image) in &mut look.images {
            if !digests(image).any(|own| own == digest) {
                continue;
            }
            match platform {
                // The containerd image store may add a platform to an existing image.
                Some(platform) if known.contains(id) => Platform::read(platform).withhold(image),
                _ => {
                    let own = image.get_mut("RepoDigests").and_then(Json::as_array_mut);
                    if let Some(own) = own {
                        own.retain(|text| text.as_str().is_none_or(|text| !text.ends_with(digest)));
                    }
                }
            }
        }
    }
}
