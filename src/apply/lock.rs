//! One apply for each project and engine, across machines: a container that is created and never started,
//! under a name of which an engine has one.
//!
//! Who holds it changes it every few seconds, so that it is seen to be alive. One that nobody changes for
//! a while, by the clock of who looks, is removed by its ID, which only one of several can. Nothing is
//! right because of the lock: each step has its own look. It keeps two applies out of each other's way.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::clock::Clock;
use crate::base::ident::{ContainerId, ContainerName, ImageId, LABEL_LOCK, SUFFIX_LOCK};
use crate::base::say;
use crate::engine::{Done, EngineError, ErrorKind, FilledBody, Writer};
use crate::options::settings::{RESTART, Settings};
use crate::plan::Plan;

/// How often the lock is changed by who holds it.
const BEAT: Duration = Duration::from_secs(3);

/// How long a lock that nobody changes is looked at before it counts as left by a dead run.
const LEASE: Duration = Duration::from_secs(15);

/// Between two looks at the lock of somebody else.
const LOOK: Duration = Duration::from_secs(1);

/// Labels of a lock beside its project: where, who, of which plan, in which job of a CI.
const LABEL_HOST: &str = "io.bayplan.lock.host";
const LABEL_PROCESS: &str = "io.bayplan.lock.process";
const LABEL_DIGEST: &str = "io.bayplan.lock.plan";
const LABEL_JOB: &str = "io.bayplan.lock.job";

/// Who takes a lock, for people who find it taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owner {
    /// The machine.
    pub host: String,
    /// The process there.
    pub process: String,
    /// Where a CI shows the job, if it is one.
    pub job: Option<String>,
}

/// A lock that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its container.
    pub id: ContainerId,
    /// Whose it is.
    pub project: String,
    /// Since when, by the engine's clock.
    pub since: String,
    /// Who.
    pub owner: Owner,
    /// What changes while who holds it is alive.
    beat: i64,
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

/// What came of taking a lock.
#[derive(Debug)]
pub enum Taken {
    /// It is ours.
    Ours(Lock),
    /// Somebody else has it, and is alive.
    Theirs(Held),
    /// The engine gives none, and why; nothing depends on it.
    None(String),
}

/// A lock that is ours.
#[derive(Debug)]
pub struct Lock {
    id: ContainerId,
}

/// The name of the lock of a project.
fn name_of(project: &str) -> ContainerName {
    ContainerName::new(format!("{project}{SUFFIX_LOCK}"))
}

/// The lock of a project, if somebody holds it.
pub async fn find<W: Writer>(engine: &W, project: &str) -> Result<Option<Held>, EngineError> {
    let found = engine.inspect(name_of(project).as_str()).await?;
    Ok(found.as_ref().and_then(held).filter(|held| held.project == project))
}

/// Takes a lock away from who holds it.
pub async fn break_lock<W: Writer>(engine: &W, held: &Held) -> Result<(), EngineError> {
    engine.remove(&held.id).await.map(drop)
}

/// Whether a container is a lock, and how it stands.
fn held(found: &Json) -> Option<Held> {
    let labels = &found["Config"]["Labels"];
    let text = |key: &str| labels[key].as_str().map(str::to_owned);
    let project = text(LABEL_LOCK)?;
    let named = found["Name"].as_str()?.trim_start_matches('/').strip_suffix(SUFFIX_LOCK)?;
    (named == project).then(|| Held {
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

/// Takes the lock of a plan's project. One that somebody else holds is waited for as long as `wait`, and
/// looked at until it is seen whether who holds it is alive; `waits` is told of it then.
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
    // The lock that is looked at, and since when it has not changed.
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
        let Some(now) = held(&found) else {
            let why = format!("container `{name}` is no lock");
            return Ok(Taken::None(why));
        };
        let since = match &seen {
            Some((before, since)) if *before == now => *since,
            Some((before, _)) if before.id == now.id => {
                // It changed: who holds it is alive.
                if clock.now().saturating_sub(began) >= wait {
                    return Ok(Taken::Theirs(now));
                }
                clock.now()
            }
            _ => clock.now(),
        };
        if clock.now().saturating_sub(since) >= LEASE {
            // By its ID: of several who do that one removes it, and no lock that is newer.
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
    /// Shows that who holds it is alive, for good. Ends when the lock is not ours any more.
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

    /// Gives it back. One that is gone already is as well.
    pub async fn release<W: Writer>(self, engine: &W) {
        // Where this fails, the lease ends by itself.
        let _: Result<Done, EngineError> = engine.remove(&self.id).await;
    }
}

fn body(image: &ImageId, plan: &Plan, digest: &str, owner: &Owner) -> Json {
    let Owner { host, process, job } = owner;
    json!({
        "Image": image,
        // Nothing of that name is in any image: it cannot be started.
        "Entrypoint": ["/bayplan-lock"],
        "Cmd": [],
        "Labels": {
            LABEL_LOCK: plan.project,
            LABEL_DIGEST: digest,
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

/// An image that is here and would bring no volume along: that would stay when the lock goes.
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
