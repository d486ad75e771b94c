//! Takes a snapshot: a consistent look at an engine, limited to the objects that a plan may need.
//!
//! The wanted objects are chosen in [`crate::observed::scope`]; secrets are removed in
//! [`crate::observed::redact`].
//!
//! A look is consistent if no relevant object changed between the first request and the last
//! answer. The engine's event log proves that cheaply ([`super::event_delta`]), for containers,
//! networks, volumes and images. The log even shows an object that changed and changed back. The
//! objects are listed again in three cases: the log shows a change, the log is missing, or an
//! inspect contradicts the list. Every such request comes after the last inspect, and every inspect
//! must agree with the new list.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::future::{OptionFuture, try_join_all};
use futures_util::stream::{StreamExt, TryStreamExt, iter};
use futures_util::{join, try_join};
use serde_json::Value as Json;

use self::brief::{brief, brief_of_inspect, by_id, is_leaving};
use super::event_delta::EventDelta;
use super::{EngineError, ErrorKind, Reader, Result};
use crate::base::ident::{ContainerId, ImageId};
use crate::base::image_ref::ImageRef;
use crate::observed::redact::Unredacted;
use crate::observed::scope::{ObservationScope, References, dependants};
use crate::observed::snapshot::{Container, EngineRecord, RegistryAnswer, Seen, Snapshot};
use crate::options::files;

/// The number of concurrent requests for single objects. Sixteen is a little faster than eight on
/// an engine with two processors, and keeps a slow link busy.
const FLIGHTS: usize = 16;
/// How often changed objects are looked at again.
const ROUNDS: usize = 3;
/// The pause before the next look while a container is being removed.
const PAUSE: Duration = Duration::from_millis(300);

mod brief;
mod strangers;
mod targets;

type Inspects = BTreeMap<ContainerId, Json>;

/// The engine's answers about all objects that may change.
struct View {
    /// The time at which the list was requested.
    began: Instant,
    list: Vec<Json>,
    /// The listed containers that the look needs.
    meant: BTreeSet<ContainerId>,
    /// The inspected containers that turned out to be irrelevant: their changes are ignored.
    strangers: BTreeSet<ContainerId>,
    inspects: Inspects,
    /// The images of the containers, as far as they were fetched.
    images: BTreeMap<ImageId, Json>,
    /// Containers outside the spec that depend on an inspected container, and targets of inspected
    /// containers that are stopped.
    related: BTreeSet<ContainerId>,
    /// Containers outside the spec that were checked and do not depend on an inspected container.
    others: BTreeSet<ContainerId>,
    networks: Vec<Json>,
    volumes: Vec<Json>,
    /// The image of each declared reference.
    declared: BTreeMap<String, Option<Json>>,
    references: References,
}

/// Looks at an engine.
///
/// A container that cannot be inspected keeps its list entry and does not affect other containers.
/// If the wanted containers keep changing, the error has the kind [`ErrorKind::Busy`].
pub async fn observe<R: Reader>(reader: &R, wanted: &ObservationScope) -> Result<Unredacted> {
    let began = Instant::now();
    let first = async {
        let (list, declared) = try_join!(reader.list(), declared_images(reader, wanted))?;
        let references = references(&declared);
        let meant = wanted.containers(&list, &references, &BTreeSet::new());
        // A failed request here is repeated, with its error, once an inspect names the image.
        let images = made_from(reader, listed_images(&list, &meant), &declared);
        let (inspected, images, registry) = try_join!(
            inspect_all(reader, meant.clone()),
            async { Ok(images.await.unwrap_or_default()) },
            registry_answers(reader, wanted.registry(&declared)),
        )?;
        Ok(((list, meant), declared, references, inspected, images, registry))
    };
    let version = async {
        match reader.greeting().filter(|_| !wanted.is_kept()) {
            Some(greeting) => Ok(greeting),
            None => reader.version().await,
        }
    };
    let (version, info, networks, volumes, first) =
        try_join!(version, reader.info(), reader.networks(), reader.volumes(), first)?;
    let ((list, meant), declared, references, inspected, images, registry) = first;
    let mut view = View {
        began,
        list,
        meant,
        strangers: BTreeSet::new(),
        inspects: Inspects::new(),
        images,
        related: BTreeSet::new(),
        others: BTreeSet::new(),
        networks,
        volumes,
        declared,
        references,
    };
    view.add(inspected);
    view.settle(reader, wanted).await?;
    view.finish();
    view.fetch_files(reader, wanted).await?;
    let mut images = std::mem::take(&mut view.images);
    images.extend(pinned_images(reader, &registry, &view.declared).await?);
    let ids = view.inspects.values().map(|inspect| Seen::inspected(inspect).image()).collect();
    let unseen = |id: &ImageId| !images.contains_key(id);
    let late = made_from(reader, filter(ids, unseen), &view.declared).await?;
    images.extend(late);
    images.extend(view.declared.into_values().flatten().map(|image| (image_id(&image), image)));
    let mut snapshot = Snapshot {
        engine: Some(EngineRecord { version, info }),
        containers: join(view.list, view.inspects),
        images,
        references: view.references,
        networks: view.networks,
        volumes: view.volumes,
        registry,
        sources: reader.sources(wanted.sources()).await,
        whole: true,
        ..Snapshot::default()
    };
    if wanted.is_everything() {
        // A spec may be planned against the snapshot later.
        for (id, image) in snapshot.images.clone() {
            snapshot.name_image(&id, &image);
        }
    }
    Ok(Unredacted::new(snapshot))
}

/// Inspects the declared images.
async fn declared_images<R: Reader>(
    reader: &R,
    wanted: &ObservationScope,
) -> Result<BTreeMap<String, Option<Json>>> {
    iter(wanted.images())
        .map(async |text| Ok((text.clone(), reader.image(text).await?)))
        .buffer_unordered(FLIGHTS)
        .try_collect()
        .await
}

fn references(declared: &BTreeMap<String, Option<Json>>) -> References {
    declared.iter().map(|(text, image)| (text.clone(), image.as_ref().map(image_id))).collect()
}

/// Asks the registries, all at once.
async fn registry_answers<R: Reader>(
    reader: &R,
    references: BTreeSet<String>,
) -> Result<BTreeMap<String, RegistryAnswer>> {
    let asked = references.into_iter().map(async |text| {
        let answer = reader.distribution(&text).await?;
        Ok::<_, EngineError>((text, answer))
    });
    Ok(try_join_all(asked).await?.into_iter().collect())
}

/// The images of some containers, by the list.
fn listed_images(list: &[Json], of: &BTreeSet<ContainerId>) -> BTreeSet<ImageId> {
    let seen = list.iter().map(Seen::listed);
    seen.filter(|seen| of.contains(&seen.id())).map(Seen::image).collect()
}

/// Inspects images by ID, except declared images that are already known. A deleted image is
/// omitted.
async fn made_from<R: Reader>(
    reader: &R,
    ids: BTreeSet<ImageId>,
    declared: &BTreeMap<String, Option<Json>>,
) -> Result<BTreeMap<ImageId, Json>> {
    let known: BTreeSet<ImageId> = declared.values().flatten().map(image_id).collect();
    let unknown = filter(ids, |id| !id.as_str().is_empty() && !known.contains(id));
    let found: Vec<Option<(ImageId, Json)>> = iter(unknown)
        .map(async |id| {
            let image = reader.image(id.as_str()).await?;
            Ok::<_, EngineError>(image.map(|image| (id, image)))
        })
        .buffer_unordered(FLIGHTS)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

/// The local images with the digests that registries answered: such images need no pull, whatever
/// their tag. A digest that a declared image already has is not requested.
async fn pinned_images<R: Reader>(
    reader: &R,
    registry: &BTreeMap<String, RegistryAnswer>,
    declared: &BTreeMap<String, Option<Json>>,
) -> Result<BTreeMap<ImageId, Json>> {
    let pinned = registry.iter().filter_map(|(reference, answer)| {
        let RegistryAnswer::Digest(digest) = answer else { return None };
        let known = |image: &Json| {
            let digests = image["RepoDigests"].as_array().into_iter().flatten();
            digests.filter_map(Json::as_str).any(|text| text.ends_with(digest.as_str()))
        };
        let open = !declared.values().flatten().any(known);
        let pinned = ImageRef::parse(reference).ok()?.with_digest(digest)?;
        open.then(|| pinned.familiar())
    });
    let pinned: BTreeSet<String> = pinned.collect();
    let asked = pinned.iter().map(|reference| reader.image(reference));
    let found = try_join_all(asked).await?;
    Ok(found.into_iter().flatten().map(|image| (image_id(&image), image)).collect())
}

fn filter<T: Ord>(mut all: BTreeSet<T>, keep: impl Fn(&T) -> bool) -> BTreeSet<T> {
    all.retain(keep);
    all
}

fn image_id(image: &Json) -> ImageId {
    ImageId::new(image["Id"].as_str().unwrap_or_default())
}

impl View {
    /// Adds the results of inspects.
    fn add(&mut self, inspected: Vec<(ContainerId, Inspected)>) {
        for (id, inspect) in inspected {
            match inspect {
                Inspected::As(inspect) => drop(self.inspects.insert(id, inspect)),
                Inspected::Gone | Inspected::Unknown => drop(self.inspects.remove(&id)),
            }
        }
    }

    /// Looks again until the view is consistent.
    async fn settle<R: Reader>(&mut self, reader: &R, wanted: &ObservationScope) -> Result<()> {
        for round in 0..=ROUNDS {
            self.set_strangers_aside(wanted);
            self.find_dependants(reader, wanted).await?;
            self.find_targets(reader).await?;
            let (events, (listed, looked_at, agrees)) =
                join!(reader.events(self.began), self.while_asking());
            let delta = match events {
                Some(events) => EventDelta::of(&events, &listed, &looked_at),
                None => EventDelta::unknown(),
            };
            if delta.is_still() && agrees {
                return Ok(());
            }
            let before = self.look_again(reader, wanted, &delta).await?;
            if round == ROUNDS {
                self.ask_newcomers(reader, wanted).await?;
            }
            let looked_at = self.looked_at();
            let mut moved = self.moved(&before, &looked_at);
            // An object that always changes, but always looks the same, must not block the look
            // forever.
            if round < ROUNDS {
                moved.extend(delta.containers.intersection(&looked_at).cloned());
            }
            let leaving = self.leaving(&moved);
            if moved.is_empty() || (round == ROUNDS && leaving == moved) {
                return Ok(());
            }
            if round == ROUNDS && wanted.is_for_later() {
                tracing::warn!("{}", busy(&moved));
                self.inspects.retain(|id, _| !moved.contains(id));
                return Ok(());
            }
            if round == ROUNDS {
                return Err(busy(&moved));
            }
            if !leaving.is_empty() {
                tokio::time::sleep(PAUSE).await;
            }
            self.add(inspect_all(reader, moved).await?);
        }
        Ok(())
    }

    /// Compares the list with the inspects while the engine reads its log. Gives the listed
    /// containers, the inspected containers, and whether both agree.
    async fn while_asking(&self) -> (BTreeSet<ContainerId>, BTreeSet<ContainerId>, bool) {
        // The connection runs first, so that the request is sent.
        for _ in 0..2 {
            tokio::task::yield_now().await;
        }
        let looked_at = self.looked_at();
        let agrees = self.agrees(&looked_at);
        (ids(&self.list), looked_at, agrees)
    }

    /// Fetches the declared files from containers. If one file cannot be read, the look has no file
    /// of that container.
    async fn fetch_files<R: Reader>(
        &mut self,
        reader: &R,
        wanted: &ObservationScope,
    ) -> Result<()> {
        let asked = self.inspects.iter().flat_map(|(id, inspect)| {
            let paths = wanted.files(Seen::inspected(inspect)).into_iter().flatten();
            paths.map(|path| (id.clone(), path))
        });
        let asked: Vec<(ContainerId, String)> = asked.collect();
        let fetched: Vec<(ContainerId, String, Result<Option<Json>>)> = iter(asked)
            .map(async |(id, path)| {
                let file = reader.file(&id, &path).await;
                (id, path, file)
            })
            .buffer_unordered(FLIGHTS)
            .collect()
            .await;
        let mut unknown = BTreeSet::new();
        for (id, path, file) in fetched {
            let Some(config) = self.inspects.get_mut(&id).and_then(|all| all.get_mut("Config"))
            else {
                continue;
            };
            match file {
                Ok(file) => config[files::FIELD][path] = file.unwrap_or_default(),
                // A connection error ends the whole look; any other error concerns this container
                // only.
                Err(error)
                    if matches!(error.kind, ErrorKind::Unreachable | ErrorKind::Interrupted) =>
                {
                    return Err(error);
                }
                Err(error) => {
                    tracing::warn!("{error}");
                    unknown.insert(id);
                }
            }
        }
        for id in &unknown {
            if let Some(config) = self.inspects.get_mut(id).and_then(|all| all.get_mut("Config")) {
                config[files::FIELD].take();
            }
        }
        Ok(())
    }

    /// The listed containers that must be inspected.
    fn looked_at(&self) -> BTreeSet<ContainerId> {
        let mut all = self.meant.clone();
        if !self.related.is_empty() {
            all.extend(self.related.intersection(&ids(&self.list)).cloned());
        }
        all
    }

    /// Checks the dependencies of containers outside the look, once each: a container never changes
    /// the namespaces that it shares.
    async fn find_dependants<R: Reader>(
        &mut self,
        reader: &R,
        wanted: &ObservationScope,
    ) -> Result<()> {
        if !wanted.asks_for_dependants() {
            return Ok(());
        }
        let looked_at = self.looked_at();
        let aside = filter(self.strangers.clone(), |id| !looked_at.contains(id));
        let known = |id: &ContainerId| looked_at.contains(id) || aside.contains(id);
        let asked = |id: &ContainerId| !known(id) && !self.others.contains(id);
        let inspected = inspect_all(reader, filter(ids(&self.list), asked)).await?;
        let mut others: Inspects = inspected
            .into_iter()
            .filter_map(|(id, inspect)| match inspect {
                Inspected::As(inspect) => Some((id, inspect)),
                Inspected::Gone | Inspected::Unknown => None,
            })
            .collect();
        others.extend(aside.iter().filter_map(|id| self.inspects.remove_entry(id)));
        for id in dependants(&others, &self.inspects) {
            self.inspects.extend(others.remove_entry(&id));
            self.related.insert(id);
        }
        self.inspects.extend(aside.iter().filter_map(|id| others.remove_entry(id)));
        self.others.extend(others.into_keys());
        Ok(())
    }

    /// Whether every inspect agrees with the list.
    fn agrees(&self, looked_at: &BTreeSet<ContainerId>) -> bool {
        let list = by_id(&self.list);
        looked_at.iter().all(|id| match (list.get(id.as_str()), self.inspects.get(id)) {
            (Some(entry), Some(inspect)) => {
                brief(entry) == brief_of_inspect(inspect) && !is_leaving(inspect)
            }
            _ => false,
        })
    }

    /// Reads the list again, with the other changed objects; gives the previous list.
    async fn look_again<R: Reader>(
        &mut self,
        reader: &R,
        wanted: &ObservationScope,
        delta: &EventDelta,
    ) -> Result<Vec<Json>> {
        self.began = Instant::now();
        let (list, networks, volumes, declared) = join!(
            reader.list(),
            OptionFuture::from(delta.networks.then(|| reader.networks())),
            OptionFuture::from(delta.volumes.then(|| reader.volumes())),
            OptionFuture::from(delta.images.then(|| declared_images(reader, wanted))),
        );
        if let Some(networks) = networks {
            self.networks = networks?;
        }
        if let Some(volumes) = volumes {
            self.volumes = volumes?;
        }
        if let Some(declared) = declared {
            self.declared = declared?;
            self.references = references(&self.declared);
        }
        let before = std::mem::replace(&mut self.list, list?);
        self.meant = wanted.containers(&self.list, &self.references, &self.strangers);
        Ok(before)
    }

    /// The wanted containers whose list entry differs from the known state.
    fn moved(&self, before: &[Json], looked_at: &BTreeSet<ContainerId>) -> BTreeSet<ContainerId> {
        let (before, after) = (by_id(before), by_id(&self.list));
        let moved = looked_at.iter().filter(|id| {
            let Some(now) = after.get(id.as_str()).map(|entry| brief(entry)) else { return false };
            match self.inspects.get(*id) {
                Some(inspect) => brief_of_inspect(inspect) != now || is_leaving(inspect),
                // A container without an inspect is settled once two lists agree.
                None => before.get(id.as_str()).map(|entry| brief(entry)).as_ref() != Some(&now),
            }
        });
        moved.cloned().collect()
    }

    fn leaving(&self, ids: &BTreeSet<ContainerId>) -> BTreeSet<ContainerId> {
        ids.iter().filter(|id| self.inspects.get(*id).is_some_and(is_leaving)).cloned().collect()
    }
}

fn busy(moving: &BTreeSet<ContainerId>) -> EngineError {
    let moving: Vec<&str> = moving.iter().map(ContainerId::short).collect();
    EngineError {
        kind: ErrorKind::Busy,
        doing: "looking at the engine".into(),
        message: format!(
            "the engine is busy: {} kept changing between {} looks",
            moving.join(", "),
            ROUNDS + 1
        ),
        hint: Some("try again once whatever changes these containers is done".into()),
    }
}

/// The result of an inspect.
enum Inspected {
    As(Json),
    Gone,
    /// The container has no usable answer.
    Unknown,
}

async fn inspect_all<R: Reader>(
    reader: &R,
    ids: BTreeSet<ContainerId>,
) -> Result<Vec<(ContainerId, Inspected)>> {
    iter(ids)
        .map(async |id| match reader.inspect(id.as_str()).await {
            Ok(inspect) => Ok((id, inspect.map_or(Inspected::Gone, Inspected::As))),
            // A connection error ends the whole look; any other error concerns this container only.
            Err(error) if matches!(error.kind, ErrorKind::Unreachable | ErrorKind::Interrupted) => {
                Err(error)
            }
            Err(error) => {
                tracing::warn!("{error}");
                Ok((id, Inspected::Unknown))
            }
        })
        .buffer_unordered(FLIGHTS)
        .try_collect()
        .await
}

fn ids(list: &[Json]) -> BTreeSet<ContainerId> {
    list.iter().map(|entry| Seen::listed(entry).id()).collect()
}

/// Joins list entries and inspects to containers, sorted by name and ID.
fn join(list: Vec<Json>, mut inspects: Inspects) -> Vec<Container> {
    let mut containers: Vec<Container> = list
        .into_iter()
        .map(|entry| {
            let inspect =
                entry["Id"].as_str().and_then(|id| inspects.remove(&ContainerId::new(id)));
            Container { list: Some(entry), inspect, env: BTreeMap::new() }
        })
        .collect();
    containers.sort_by_cached_key(|container| (container.name(), container.id()));
    containers
}
