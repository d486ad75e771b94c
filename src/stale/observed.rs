//! Reads the world of a plan out of a snapshot: the values of the plan's cells.
//!
//! Objects that a run created carry the plan's digest as a label, so the creating step is known.
//! Names alone prove nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::base::ident::{
    ContainerName, ImageId, LABEL_NETWORK, LABEL_PLAN, LABEL_PROJECT, LABEL_SET, LABEL_VOLUME,
    NetworkId, ObjectKey, SUFFIX_FAILED, SUFFIX_LOCK, SetName, StepId,
};
use crate::observed::snapshot::{Container, Seen, Snapshot};
use crate::options::platform::Platform;
use crate::options::settings::Settings;
use crate::plan::world::{Cell, Value, World};
use crate::plan::{Action, NetworkRef, Plan, Subject};
use crate::planner::resources;
use crate::planner::resources::Found;

/// The objects that the steps of a plan create, with the plan's digest.
pub struct Origin<'a> {
    plan: &'a Plan,
    digest: &'a str,
    containers: BTreeMap<&'a str, (&'a StepId, &'a SetName)>,
    networks: BTreeMap<&'a str, (&'a StepId, &'a ObjectKey)>,
    volumes: BTreeMap<&'a str, (&'a StepId, &'a ObjectKey)>,
}

impl<'a> Origin<'a> {
    /// Collects the objects that the steps of a plan create.
    pub fn of(plan: &'a Plan, digest: &'a str) -> Self {
        let mut origin = Self {
            plan,
            digest,
            containers: BTreeMap::new(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
        };
        for step in &plan.steps {
            match &step.action {
                Action::Create { final_name, set, .. } => {
                    origin.containers.insert(final_name.as_str(), (&step.id, set));
                }
                Action::CreateNetwork { network, key } => {
                    origin.networks.insert(network, (&step.id, key));
                }
                Action::CreateVolume { volume, key } => {
                    origin.volumes.insert(volume, (&step.id, key));
                }
                _ => {}
            }
        }
        origin
    }

    /// The step of this plan that created a container.
    pub fn container(&self, found: Seen<'_>) -> Option<&'a StepId> {
        (found.label(LABEL_PLAN)? == self.digest).then_some(())?;
        let (name, suffix) = crate::base::ident::reserved_suffix(found.name());
        // A failed container is only kept for inspection.
        (!matches!(suffix, Some(SUFFIX_FAILED | SUFFIX_LOCK))).then_some(())?;
        let (step, set) = self.containers.get(name).copied()?;
        let is = |label: &str, own: &str| found.label(label) == Some(own);
        let ours = is(LABEL_PROJECT, self.plan.project.as_str()) && is(LABEL_SET, set.as_str());
        ours.then_some(step)
    }

    /// The step of this plan that created a network.
    pub fn network(&self, found: &Json) -> Option<&'a StepId> {
        self.object(found, &self.networks, LABEL_NETWORK)
    }

    /// The step of this plan that created a volume.
    pub fn volume(&self, found: &Json) -> Option<&'a StepId> {
        self.object(found, &self.volumes, LABEL_VOLUME)
    }

    fn object(
        &self,
        found: &Json,
        made: &BTreeMap<&'a str, (&'a StepId, &'a ObjectKey)>,
        label: &str,
    ) -> Option<&'a StepId> {
        let (step, key) = made.get(found["Name"].as_str()?)?;
        let owner = resources::owner(found, label)?;
        let ours = owner == (self.plan.project.clone(), (*key).clone());
        (ours && found["Labels"][LABEL_PLAN] == self.digest).then_some(*step)
    }

    /// The name of a container in cells; `None` if the plan does not know the container.
    pub fn subject(&self, found: Seen<'_>, known: &World) -> Option<Subject> {
        if let Some(step) = self.container(found) {
            return Some(Subject::CreatedBy(step.clone()));
        }
        let subject = Subject::Container(found.id());
        known.get(&Cell::Name(subject.clone())).is_some().then_some(subject)
    }
}

/// The world of a snapshot, in the cells of `known`.
pub fn observed(origin: &Origin<'_>, known: &World, snapshot: &Snapshot) -> World {
    let mut world = World::default();
    let mut with_containers: BTreeSet<&str> = BTreeSet::new();
    networks(origin, known, snapshot, &mut world);
    for container in &snapshot.containers {
        let seen = container.seen();
        let subject = origin.subject(seen, known);
        let holder = Cell::Holder(ContainerName::new(seen.name()));
        if known.get(&holder).is_some() {
            let by = subject.clone().unwrap_or_else(|| Subject::Container(seen.id()));
            world.set(holder, Value::Holder(by));
        }
        let Some(subject) = subject else { continue };
        if matches!(subject, Subject::CreatedBy(_)) {
            with_containers.extend(mounted_volumes(container));
        }
        note_container(&mut world, &subject, seen, origin);
    }
    let images = Images::of(origin.plan, snapshot);
    for (cell, expected) in known.cells() {
        match cell {
            Cell::Reference(reference) => {
                world.set(cell.clone(), images.meant(reference));
            }
            Cell::Volume(name) => {
                let found = resources::named(&snapshot.volumes, name);
                let with = *expected == Value::Absent && with_containers.contains(name.as_str());
                world.set(cell.clone(), volume(origin, found, with));
            }
            _ => {}
        }
    }
    world
}

/// Writes the observed values of a container into its cells.
pub fn note_container(world: &mut World, subject: &Subject, seen: Seen<'_>, origin: &Origin<'_>) {
    let mut set = |cell: fn(Subject) -> Cell, value: Value| {
        world.set(cell(subject.clone()), value);
    };
    set(Cell::Name, Value::Name(ContainerName::new(seen.name())));
    set(Cell::Image, Value::Image(seen.image()));
    set(Cell::Run, Value::Run(seen.run()));
    let look = seen.inspect.or(seen.list);
    if let Some(inspect) = seen.inspect {
        set(Cell::Settings, Value::Settings(Settings::of_host(&inspect["HostConfig"])));
        let state = &inspect["State"];
        let started = state["StartedAt"].as_str().unwrap_or_default();
        // An engine reports exit code 0 for a container that never ran.
        let ran = !started.is_empty() && !started.starts_with("0001");
        let code = state["ExitCode"].as_i64().filter(|_| ran);
        set(Cell::Exit, code.map_or(Value::Absent, Value::Exit));
        set(Cell::Start, Value::StartedAt(started.to_owned()));
    }
    let attached = look.and_then(|look| look["NetworkSettings"]["Networks"].as_object());
    for (network, endpoint) in attached.into_iter().flatten() {
        let id = endpoint["NetworkID"].as_str().filter(|id| !id.is_empty()).map(NetworkId::new);
        let which = id.map(|id| origin.which(network, id, world));
        let cell = Cell::Attached(subject.clone(), network.clone());
        world.set(cell, Value::Attached(which, endpoint.clone()));
    }
}

impl Origin<'_> {
    /// The name of a network in cells: the creating step, or else the network ID.
    fn which(&self, name: &str, id: NetworkId, world: &World) -> NetworkRef {
        match (self.networks.get(name), world.made(name)) {
            (Some((step, _)), Some(made)) if *made == id => NetworkRef::CreatedBy((*step).clone()),
            _ => NetworkRef::Id(id),
        }
    }
}

fn networks(origin: &Origin<'_>, known: &World, snapshot: &Snapshot, world: &mut World) {
    for (cell, _) in known.cells() {
        let Cell::Network(name) = cell else { continue };
        let value = match resources::named(&snapshot.networks, name) {
            Found::None => Value::Absent,
            Found::Several(number) => Value::Several(number),
            Found::One(found) => {
                let id = NetworkId::new(found["Id"].as_str().unwrap_or_default());
                match origin.network(found) {
                    Some(step) => {
                        world.note_made(name, id);
                        Value::Network(NetworkRef::CreatedBy(step.clone()))
                    }
                    None => Value::Network(NetworkRef::Id(id)),
                }
            }
        };
        world.set(cell.clone(), value);
    }
}

/// The value of a volume. With `with_container` a container of this plan mounts the volume, which
/// did not exist before.
fn volume(origin: &Origin<'_>, found: Found<'_>, with_container: bool) -> Value {
    let found = match found {
        Found::None => return Value::Absent,
        Found::Several(number) => return Value::Several(number),
        Found::One(found) => found,
    };
    if let Some(step) = origin.volume(found) {
        return Value::CreatedVolume(step.clone());
    }
    let text = |field: &str| found[field].as_str().map(str::to_owned);
    if with_container {
        return Value::WithContainer;
    }
    Value::Volume { driver: text("Driver").unwrap_or_default(), created_at: text("CreatedAt") }
}

fn mounted_volumes(container: &Container) -> impl Iterator<Item = &str> {
    let look = container.inspect.as_ref().or(container.list.as_ref());
    let mounts = look.and_then(|look| look["Mounts"].as_array()).into_iter().flatten();
    mounts.filter_map(|mount| mount["Name"].as_str())
}

/// Resolves image references. A reference that a step pulls or tags is found by repository digest,
/// and only if the image has the pulled platform.
struct Images<'a> {
    pinned: BTreeMap<&'a str, Option<&'a str>>,
    by_digest: BTreeMap<&'a str, Vec<(&'a ImageId, &'a Json)>>,
    snapshot: &'a Snapshot,
}

impl<'a> Images<'a> {
    fn of(plan: &'a Plan, snapshot: &'a Snapshot) -> Self {
        let mut pinned: BTreeMap<&str, Option<&str>> = BTreeMap::new();
        for step in &plan.steps {
            match &step.action {
                Action::Pull { image, platform } => {
                    pinned.insert(image, platform.as_deref());
                }
                Action::Tag { image, .. } => {
                    pinned.entry(image).or_default();
                }
                _ => {}
            }
        }
        let mut by_digest: BTreeMap<&str, Vec<(&ImageId, &Json)>> = BTreeMap::new();
        let images = snapshot.images.iter().filter(|_| !pinned.is_empty());
        for (id, image) in images {
            for digest in digests(image) {
                by_digest.entry(digest).or_default().push((id, image));
            }
        }
        Self { pinned, by_digest, snapshot }
    }

    fn meant(&self, reference: &str) -> Value {
        let id = match (self.pinned.get(reference), reference.rsplit_once('@')) {
            (Some(platform), Some((_, digest))) => {
                let all = self.by_digest.get(digest).into_iter().flatten();
                let mut fit = all.filter(|(_, image)| {
                    !platform.is_some_and(|wanted| Platform::read(wanted).is_missing_in(image))
                });
                fit.next().map(|(id, _)| *id)
            }
            _ => self.snapshot.references.get(reference).and_then(Option::as_ref),
        };
        id.cloned().map_or(Value::Absent, Value::Image)
    }
}

/// The repository digests of an image.
pub(super) fn digests(image: &Json) -> impl Iterator<Item = &str> {
    let all = image["RepoDigests"].as_array().into_iter().flatten();
    all.filter_map(|text| text.as_str()?.rsplit_once('@').map(|(_, digest)| digest))
}
