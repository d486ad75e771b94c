//! Runs work under the lock of a plan's project; `bayplan unlock`.

use std::time::Duration;

use super::args::{Global, UnlockArgs};
use super::load_plan::Opened;
use super::report::{Exit, Failure, Result};
use super::results::Refusal;
use super::signals::Signals;
use super::{observe, output, silence, who};
use crate::apply::Clock;
use crate::apply::lock::{self, Owner, Taken};
use crate::apply::record::By;
use crate::base::say;
use crate::engine::docker::Docker;

/// How long the call that may take the lock is waited for once the run is interrupted.
const LATE: Duration = Duration::from_secs(2);

/// Runs work while no other apply of the project runs on the engine. `wait`: how long to wait for
/// another apply.
pub async fn under_lock<T>(
    engine: &Docker,
    clock: &dyn Clock,
    opened: &Opened<'_>,
    (wait, signals): (Duration, &Signals),
    work: impl Future<Output = std::result::Result<T, Refusal>>,
) -> std::result::Result<T, Refusal> {
    let work = async {
        tokio::select! {
            done = work => done,
            never = silence::tell(engine) => match never {},
        }
    };
    let owner = owner();
    let waits = |held: &lock::Held| {
        output::note(&format!("the lock is held by {held}: waiting to see whether it is alive …"));
    };
    let taking = lock::take(engine, clock, &opened.plan, (&opened.digest, &owner), wait, waits);
    let mut taking = std::pin::pin!(taking);
    let taken = tokio::select! {
        taken = &mut taking => taken.map_err(Failure::from)?,
        () = signals.another() => {
            // The call in flight may make the lock: nobody would give it back.
            if let Ok(Ok(Taken::Ours(lock))) = tokio::time::timeout(LATE, taking).await {
                lock.release(engine).await;
            }
            return Err(interrupted(signals).into());
        }
    };
    let lock = match taken {
        Taken::Ours(lock) => lock,
        Taken::Theirs(held) => {
            let project = say::short(opened.plan.project.as_str());
            let message =
                format!("expected no other apply of project `{project}`, but found {held}");
            let hint = format!(
                "`--wait DURATION` waits for it; `bayplan unlock {project}` takes the lock away"
            );
            return Err(Failure::new(Exit::Locked, message).hint(hint).into());
        }
        Taken::None(why) => {
            output::note(&format!("note: no lock was taken: {}", say::safe(&why)));
            return work.await;
        }
    };
    let mut work = std::pin::pin!(work);
    let done = tokio::select! {
        done = &mut work => done,
        _gone = lock.beats(engine, clock) => {
            // Each step has its own look, so going on is safer than stopping in the middle.
            output::note("warning: the lock was taken away by somebody else");
            work.await
        }
    };
    lock.release(engine).await;
    done
}

fn interrupted(signals: &Signals) -> Failure {
    let code = signals.asked().borrow().map_or(1, crate::apply::Signal::exit_code);
    Failure::new(Exit::of_code(code), "interrupted; nothing was changed")
}

/// The owner of the lock, as shown to other users.
fn owner() -> Owner {
    let By { host, ci, .. } = who::me();
    let job = ci.map(|ci| ci.url.unwrap_or(ci.system));
    Owner { host, process: std::process::id().to_string(), job }
}

/// `bayplan unlock`.
pub fn run(args: &UnlockArgs, global: &Global) -> Result {
    observe::runtime()?.block_on(async {
        let engine = Docker::new(observe::connect(global).await?);
        let project = say::short(&args.project);
        let Some(held) = lock::find(&engine, &args.project).await? else {
            output::data(&format!("nobody holds the lock of project `{project}`.\n"))?;
            return Ok(Exit::Done);
        };
        if let Some(id) = &args.id
            && !held.id.as_str().starts_with(id.as_str())
        {
            let message = format!(
                "expected the lock {}, but found {}: {held}",
                say::short(id),
                held.id.short()
            );
            return Err(Failure::new(Exit::Stale, message));
        }
        lock::break_lock(&engine, &held).await?;
        output::data(&format!("the lock of project `{project}` was taken away from {held}.\n"))?;
        Ok(Exit::Done)
    })
}
