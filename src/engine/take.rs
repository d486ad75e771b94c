//! Taking a snapshot: one untorn look at an engine, of what a plan may need and no more.
//!
//! What is wanted is [`crate::wanted`]'s, what of it may be kept is [`crate::seal`]'s. Between two
//! lists that agree on every container that was inspected, nothing that counts has moved.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::try_join_all;
use futures_util::stream::{StreamExt, TryStreamExt, iter};
use serde_json::Value as Json;

use super::{EngineError, ErrorKind, Reader, Result};
use crate::ident::{ContainerId, ImageId};
use crate::seal::Unsealed;
use crate::snapshot::{Container, EngineRecord, RegistryAnswer, Snapshot};
use crate::wanted::{References, Wanted};

/// How many inspects are in flight.
const FLIGHTS: usize = 16;
/// How often is looked again at what moved.
const ROUNDS: usize = 3;
/// How long a container that is on its way out gets before that.
const PAUSE: Duration = Duration::from_millis(300);

type Inspects = BTreeMap<ContainerId, Json>;

/// Looks at an engine.
///
/// A container that cannot be inspected, for whatever reason of its own, keeps its list entry and
/// hides no other. An engine on which the wanted containers keep moving is an error of kind
/// [`ErrorKind::Busy`].
pub async fn take<R: Reader>(reader: &R, wanted: &Wanted) -> Result<Unsealed> {
    let (version, info, list, networks, volumes, declared) = futures_util::try_join!(
        reader.version(),
        reader.info(),
        reader.list(),
        reader.networks(),
        reader.volumes(),
        declared_images(reader, wanted),
    )?;
    let references: References =
        declared.iter().map(|(text, image)| (text.clone(), image.as_ref().map(image_id))).collect();
    let (registry, (list, inspects)) = futures_util::try_join!(
        registry_answers(reader, wanted.registry(&references)),
        settled(reader, wanted, &references, list),
    )?;
    let mut images: BTreeMap<ImageId, Json> =
        declared.into_values().flatten().map(|image| (image_id(&image), image)).collect();
    made_from(reader, &inspects, &mut images).await?;
    let containers = join(list, inspects);
    Ok(Unsealed::new(Snapshot {
        engine: Some(EngineRecord { version, info }),
        containers,
        images,
        references,
        networks,
        volumes,
        registry,
        whole: true,
        ..Snapshot::default()
    }))
}

/// Looks up the declared images.
async fn declared_images<R: Reader>(
    reader: &R,
    wanted: &Wanted,
) -> Result<BTreeMap<String, Option<Json>>> {
    iter(wanted.images())
        .map(async |text| Ok((text.clone(), reader.image(text).await?)))
        .buffer_unordered(FLIGHTS)
        .try_collect()
        .await
}

/// Asks registries, all at once.
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

/// Adds the images that inspected containers were made from. One that was deleted stays out.
async fn made_from<R: Reader>(
    reader: &R,
    inspects: &Inspects,
    images: &mut BTreeMap<ImageId, Json>,
) -> Result<()> {
    let ids: BTreeSet<&str> =
        inspects.values().filter_map(|inspect| inspect["Image"].as_str()).collect();
    let unknown: Vec<&str> = ids
        .into_iter()
        .filter(|id| !id.is_empty() && !images.contains_key(&ImageId::new(*id)))
        .collect();
    let found: Vec<(ImageId, Option<Json>)> = iter(unknown)
        .map(async |id| Ok::<_, EngineError>((ImageId::new(id), reader.image(id).await?)))
        .buffer_unordered(FLIGHTS)
        .try_collect()
        .await?;
    images.extend(found.into_iter().filter_map(|(id, image)| Some((id, image?))));
    Ok(())
}

fn image_id(image: &Json) -> ImageId {
    ImageId::new(image["Id"].as_str().unwrap_or_default())
}

/// Inspects what is wanted until a list agrees with it.
async fn settled<R: Reader>(
    reader: &R,
    wanted: &Wanted,
    references: &References,
    mut list: Vec<Json>,
) -> Result<(Vec<Json>, Inspects)> {
    let mut inspects = Inspects::new();
    let mut look_at = wanted.containers(&list, references);
    for round in 0..=ROUNDS {
        for (id, inspect) in inspect_all(reader, look_at).await? {
            match inspect {
                Some(inspect) => drop(inspects.insert(id, inspect)),
                None => drop(inspects.remove(&id)),
            }
        }
        let again = reader.list().await?;
        look_at = moved(wanted, references, (&list, &again), &inspects);
        list = again;
        let leaving = leaving(&look_at, &inspects);
        if look_at.is_empty() || (round == ROUNDS && leaving == look_at) {
            let wanted = wanted.containers(&list, references);
            inspects.retain(|id, _| wanted.contains(id));
            return Ok((list, inspects));
        }
        if !leaving.is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
    }
    let moving: Vec<&str> = look_at.iter().map(ContainerId::short).collect();
    Err(EngineError {
        kind: ErrorKind::Busy,
        doing: "looking at the engine".into(),
        message: format!(
            "the engine is busy: {} kept changing between {} looks",
            moving.join(", "),
            ROUNDS + 1
        ),
        hint: Some("try again once whatever changes these containers is done".into()),
    })
}

async fn inspect_all<R: Reader>(
    reader: &R,
    ids: BTreeSet<ContainerId>,
) -> Result<Vec<(ContainerId, Option<Json>)>> {
    iter(ids)
        .map(async |id| match reader.inspect(id.as_str()).await {
            Ok(inspect) => Ok((id, inspect)),
            // The connection's troubles are everybody's; the rest is this container's own.
            Err(error) if matches!(error.kind, ErrorKind::Unreachable | ErrorKind::Interrupted) => {
                Err(error)
            }
            Err(error) => {
                tracing::warn!("{error}");
                Ok((id, None))
            }
        })
        .buffer_unordered(FLIGHTS)
        .try_collect()
        .await
}

/// The wanted containers that a second list shows differently than what is known of them.
fn moved(
    wanted: &Wanted,
    references: &References,
    (before, after): (&[Json], &[Json]),
    inspects: &Inspects,
) -> BTreeSet<ContainerId> {
    let before = by_id(before);
    let after = by_id(after);
    let entries: Vec<Json> = after.values().map(|entry| (*entry).clone()).collect();
    wanted
        .containers(&entries, references)
        .into_iter()
        .filter(|id| {
            let Some(now) = after.get(id).map(|entry| brief(entry)) else { return false };
            let then = before.get(id).map(|entry| brief(entry));
            match inspects.get(id) {
                Some(inspect) => brief_of_inspect(inspect) != now || is_leaving(inspect),
                // It could not be inspected: settled once two lists agree on it.
                None => then.as_ref() != Some(&now),
            }
        })
        .collect()
}

fn is_leaving(inspect: &Json) -> bool {
    inspect["State"]["Status"] == "removing"
}

fn leaving(ids: &BTreeSet<ContainerId>, inspects: &Inspects) -> BTreeSet<ContainerId> {
    ids.iter().filter(|id| inspects.get(*id).is_some_and(is_leaving)).cloned().collect()
}

fn by_id(list: &[Json]) -> BTreeMap<ContainerId, &Json> {
    let id = |entry: &Json| entry["Id"].as_str().map(ContainerId::new);
    list.iter().filter_map(|entry| Some((id(entry)?, entry))).collect()
}

/// What two looks must agree on: the name, and how it runs. Lists call `removing` what an inspect
/// calls `dead`, so those are one; a word that nobody knows is compared as it is.
fn brief_of(container: &Container, status: &Json) -> (String, String) {
    let known = ["running", "restarting", "paused", "created", "exited", "stopped"];
    let run = match status.as_str() {
        Some("dead" | "removing") => "gone".to_owned(),
        Some(word) if !known.contains(&word) => word.to_owned(),
        _ => format!("{:?}", container.run()),
    };
    (container.name().to_string(), run)
}

fn brief(entry: &Json) -> (String, String) {
    let container = Container { list: Some(entry.clone()), inspect: None, env: BTreeMap::new() };
    brief_of(&container, &entry["State"])
}

fn brief_of_inspect(inspect: &Json) -> (String, String) {
    let container = Container { list: None, inspect: Some(inspect.clone()), env: BTreeMap::new() };
    brief_of(&container, &inspect["State"]["Status"])
}

/// List entries and inspects as containers, by name, then ID.
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
