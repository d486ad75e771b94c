//! One apply at a time for each project and engine, across machines. The lock is a container that
//! is created and never started; its name is unique on an engine.
//!
//! The holder of the lock changes the container every few seconds, to show that the holder is
//! alive. A lock without changes for a while, by the clock of the observer, is removed by its ID.
//! Only one observer can succeed with that. No correctness depends on the lock: each step looks at
//! its own objects. The lock only keeps two applies apart.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::clock::Clock;
use crate::base::ident::{
    ContainerId, ContainerName, ImageId, LABEL_LOCK, LABEL_LOCK_PLAN, SUFFIX_LOCK,
};
use crate::base::say;
use crate::engine::{Done, EngineError, ErrorKind, FilledBody, Reader, Writer};
use crate::options::settings::{RESTART, Settings};
use crate::plan::Plan;

/// How often the holder changes the lock.
const BEAT: Duration = Duration::from_secs(3);

/// How long a lock must stay unchanged before the lock counts as left by a dead run.
const LEASE: Duration = Duration::from_secs(15);

/// The time between two looks at a foreign lock.
const LOOK: Duration = Duration::from_secs(1);

/// Labels of a lock beside its project and its plan: the host, the process and the CI job.
const LABEL_HOST: &str = "io.bayplan.lock.host";
const LABEL_PROCESS: &str = "io.bayplan.lock.process";
const LABEL_JOB: &str = "io.bayplan.lock.job";

/// The holder of a lock, as shown to people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owner {
    /// The host name.
    pub host: String,
    /// The process on that host.
    pub process: String,
    /// The URL of the CI job, if a CI job holds the lock.
    pub job: Option<String>,
}

/// A lock that exists on the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The container of the lock.
    pub id: ContainerId,
    /// The project of the lock.
    pub project: String,
    /// The time at which the lock was taken, by the engine's clock.
    pub since: String,
    /// The holder of the lock.
    pub owner: Owner,
    /// A number that the holder changes while the holder is alive.
    beat: i64,
}

impl Held {
    /// Reads a container as a lock, if the container is a lock.
    pub fn of(found: &Json) -> Option<Self> {
        let labels = &found["Config"]["Labels"];
        let text = |key: &str| labels[key].as_str().map(str::to_owned);
        let project = text(LABEL_LOCK)?;
        let named = found["Name"].as_str()?.trim_start_matches('/').strip_suffix(SUFFIX_LOCK)?;
        (named == project).then(|| Self {
            id: ContainerId::new(found["Id"].as_str().unwrap_or_default()),
            project,
            since: found["Created"].as_str().unwrap_or_default().to_owned(),
            owner: Owner {
                host: text(LABEL_HOST).unwrap_or_default(),
                process: text(LABEL_PROCESS).unwrap_or_default(),
                job: text(LABEL_JOB).filter(|job| !job.is_empty()),
            },
            beat: found["HostConfig"]["RestartPolicy"]["MaximumRetryCount"].as_i64().unwrap_or(0),
        })
    }
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Owner { host, process, job } = &self.owner;
        let (since, host, process) =
            (say::short(&self.since), say::short(host), say::short(process));
        write!(f, "process {process} on {host}, since {since}")?;
        match job {
            Some(job) => write!(f, ", {}", say::safe(job)),
            None => Ok(()),
        }
    }
}

/// The result of taking a lock.
#[derive(Debug)]
pub enum Taken {
    /// This run holds the lock.
    Ours(Lock),
    /// Another run holds the lock and is alive.
    Theirs(Held),
    /// The engine could not create a lock, with the reason; the run goes on without a lock.
    None(String),
}

/// A lock that this run holds.
#[derive(Debug)]
pub struct Lock {
    id: ContainerId,
}

/// The name of the lock container of a project.
fn name_of(project: &str) -> ContainerName {
    ContainerName::new(format!("{project}{SUFFIX_LOCK}"))
}

/// The lock of a project, if the lock is taken.
pub async fn find<R: Reader>(engine: &R, project: &str) -> Result<Option<Held>, EngineError> {
    let found = engine.inspect(name_of(project).as_str()).await?;
    Ok(found.as_ref().and_then(Held::of).filter(|held| held.project == project))
}

/// Whether the holder of a lock is alive: it touches the lock within the lease. `None` if the lock
/// is released meanwhile.
pub async fn is_alive<R: Reader>(
    engine: &R,
    clock: &dyn Clock,
    project: &str,
) -> Result<Option<bool>, EngineError> {
    let Some(before) = find(engine, project).await? else { return Ok(None) };
    let until = clock.now() + LEASE;
    while clock.now() < until {
        clock.sleep(LOOK).await;
        match find(engine, project).await? {
            None => return Ok(None),
            Some(now) if now != before => return Ok(Some(true)),
            Some(_) => {}
        }
    }
    Ok(Some(false))
}

/// Removes the lock of another holder.
pub async fn break_lock<W: Writer>(engine: &W, held: &Held) -> Result<(), EngineError> {
    engine.remove(&held.id).await.map(drop)
}

/// Takes the lock of a plan's project. A foreign lock is awaited for at most `wait`, and watched
/// until its holder proves to be alive or dead. `waits` is told about a foreign lock.
pub async fn take<W: Writer>(
    engine: &W,
    clock: &dyn Clock,
    plan: &Plan,
    (digest, owner): (&str, &Owner),
    wait: Duration,
    waits: impl Fn(&Held),
) -> Result<Taken, EngineError> {
    let name = name_of(plan.project.as_str());
    let Some(image) = image(engine, plan).await? else {
        let why = "no image is here yet that a lock could be made from";
        return Ok(Taken::None(why.to_owned()));
    };
    let body = body(&image, plan, digest, owner);
    let began = clock.now();
    // The observed foreign lock, and the time since its last change.
    let mut seen: Option<(Held, Duration)> = None;
    loop {
        match engine.create(&name, &FilledBody::new(body.clone())).await {
            Ok(created) => return Ok(Taken::Ours(Lock { id: created.id })),
            Err(error) if error.kind == ErrorKind::Conflict => {}
            Err(error) if matches!(error.kind, ErrorKind::Status(_) | ErrorKind::NotFound) => {
                return Ok(Taken::None(error.to_string()));
            }
            Err(error) => return Err(error),
        }
        let Some(found) = engine.inspect(name.as_str()).await? else { continue };
        let Some(now) = Held::of(&found) else {
            let why = format!("container `{name}` is no lock");
            return Ok(Taken::None(why));
        };
        let since = match &seen {
            Some((before, since)) if *before == now => *since,
            Some((before, _)) if before.id == now.id => {
                // The lock changed: its holder is alive.
                if clock.now().saturating_sub(began) >= wait {
                    return Ok(Taken::Theirs(now));
                }
                clock.now()
            }
            _ => clock.now(),
        };
        if clock.now().saturating_sub(since) >= LEASE {
            // Removal by ID: only one observer can succeed, and a newer lock is never removed.
            engine.remove(&now.id).await?;
            seen = None;
            continue;
        }
        if seen.as_ref().is_none_or(|(before, _)| before.id != now.id) {
            waits(&now);
        }
        seen = Some((now, since));
        clock.sleep(LOOK).await;
    }
}

impl Lock {
    /// Shows forever that the holder is alive. Ends when this run has lost the lock.
    pub async fn beats<W: Writer>(&self, engine: &W, clock: &dyn Clock) -> EngineError {
        let mut number = 1;
        loop {
            clock.sleep(BEAT).await;
            number += 1;
            let policy = format!("on-failure:{number}");
            let settings = Settings([(RESTART.to_owned(), policy.into())].into());
            if let Err(error) = engine.update(&self.id, &settings).await
                && error.kind == ErrorKind::NotFound
            {
                return error;
            }
        }
    }

    /// Removes the lock. A lock that is already gone is fine.
    pub async fn release<W: Writer>(self, engine: &W) {
        // If the removal fails, the lock expires by itself.
        let _: Result<Done, EngineError> = engine.remove(&self.id).await;
    }
}

fn body(image: &ImageId, plan: &Plan, digest: &str, owner: &Owner) -> Json {
    let Owner { host, process, job } = owner;
    json!({
        "Image": image,
        // No image has this path, so the container cannot be started.
        "Entrypoint": ["/bayplan-lock"],
        "Cmd": [],
        "Labels": {
            LABEL_LOCK: plan.project,
            LABEL_LOCK_PLAN: digest,
            LABEL_HOST: host,
            LABEL_PROCESS: process,
            LABEL_JOB: job.as_deref().unwrap_or_default(),
        },
        "HostConfig": {
            "NetworkMode": "none",
            "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 1},
        },
    })
}

/// A local image that declares no volume: an anonymous volume would outlive the lock.
async fn image<W: Writer>(engine: &W, plan: &Plan) -> Result<Option<ImageId>, EngineError> {
    let declared = plan.facts.images.iter().filter_map(|fact| fact.id.as_ref());
    let made = plan.facts.containers.iter().map(|fact| &fact.image);
    for id in declared.chain(made) {
        let found = engine.image(id.as_str()).await?;
        let volumes = |found: &Json| {
            found["Config"]["Volumes"].as_object().is_some_and(|all| !all.is_empty())
        };
        if found.is_some_and(|found| !volumes(&found)) {
            return Ok(Some(id.clone()));
        }
    }
    Ok(None)
}
