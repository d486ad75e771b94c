//! `bayplan apply`: open, judge, run, confirm, tell.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::watch;

use super::args::{ApplyArgs, Global};
use super::judged::Opened;
use super::progress::Progress;
use super::report::{Exit, Failure, Result};
use super::{files, judged, looks, output, verify};
use crate::apply::confirm::{Mismatch, Seen, Wanted as Goal, confirm};
use crate::apply::journal::Journal;
use crate::apply::result::{ResultDocument, StaleEntry};
use crate::apply::{
    Clock, Outcome, RealClock, Run, Settings, Signal, SimulatedClock, Stale, awaits,
    run as run_steps,
};
use crate::engine::docker::Docker;
use crate::engine::secrets::Secrets;
use crate::engine::simulated::Simulated;
use crate::engine::{EngineError, Writer};
use crate::ident::{ContainerId, StepId};
use crate::plan::build::{Input, Pins, build};
use crate::plan::{Plan, Reason};
use crate::seal::Sealer;
use crate::snapshot::{Container, Snapshot};
use crate::spec::Identity;
use crate::stale::{Judgement, Staleness, judge};

/// Runs the command.
pub fn run(args: &ApplyArgs, global: &Global) -> Result {
    let opened = judged::open(&args.plan, args.expect_digest.as_deref(), args.spec.as_deref())?;
    let runtime = looks::runtime()?;
    let Some(path) = args.snapshot.as_deref().filter(|_| args.simulate) else {
        verify::needs_target(&opened.plan)?;
        let secrets = judged::secrets(&opened)?;
        return runtime.block_on(async {
            let reader = looks::connect(global).await?;
            let wanted = judged::wanted(&opened);
            let snapshot = looks::look(&reader, &wanted, Some(&opened.spec), &secrets).await?;
            let engine = Docker::new(reader);
            let clock = RealClock::new();
            Applying {
                args,
                opened,
                snapshot,
                secrets: Keeper::Known(secrets),
                engine: &engine,
                clock: &clock,
            }
            .run()
            .await
        });
    };
    let secrets = Secrets::default();
    let snapshot = looks::from_file(path, &opened.spec, &secrets)?;
    let engine = Simulated::new(&snapshot);
    let clock = SimulatedClock(&engine);
    let keeper = Keeper::Simulated;
    runtime.block_on(
        Applying { args, opened, snapshot, secrets: keeper, engine: &engine, clock: &clock }.run(),
    )
}

/// Who fills secrets in: on a simulated engine nobody has to know any, references stay marks.
enum Keeper {
    Known(Secrets),
    Simulated,
}

impl crate::apply::Secrets for Keeper {
    fn fill(
        &self,
        body: &crate::options::Body,
    ) -> std::result::Result<crate::engine::FilledBody, String> {
        match self {
            Self::Known(secrets) => secrets.fill(body).map_err(|missing| {
                let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
                format!("nothing is known of {}", names.join(", "))
            }),
            Self::Simulated => crate::apply::NoSecrets.fill(body),
        }
    }

    fn redact(&self, text: &str) -> String {
        use secrecy::ExposeSecret;
        match self {
            Self::Known(secrets) => {
                let values = secrets.values().values().map(ExposeSecret::expose_secret);
                crate::apply::redacted(text, values)
            }
            Self::Simulated => text.to_owned(),
        }
    }
}

struct Applying<'a, W> {
    args: &'a ApplyArgs,
    opened: Opened,
    snapshot: Snapshot,
    secrets: Keeper,
    engine: &'a W,
    clock: &'a dyn Clock,
}

impl<W: Writer> Applying<'_, W> {
    async fn run(self) -> Result {
        let mut judgement = judge(&self.opened.plan, &self.opened.spec, &self.snapshot);
        judgement.stale.extend(judged::spec_moved(&self.opened, self.args.spec.is_some())?);
        for note in &judgement.notes {
            output::note(&format!("note: {note}"));
        }
        if let Some(failure) = judged::verdict(&judgement) {
            return self.refuse(failure, &judgement);
        }
        if judgement.is_done() {
            return self.done();
        }
        let outcome = self.steps(&judgement).await;
        let (mismatches, containers) = match self.last_look(&outcome).await {
            Ok(seen) => seen,
            Err(error) => {
                output::note(&format!("warning: the last look failed: {error}"));
                (Vec::new(), Vec::new())
            }
        };
        self.tell(&judgement, &outcome, mismatches, containers)
    }

    /// Nothing is done; the result says so all the same.
    fn refuse(&self, failure: Failure, judgement: &Judgement) -> Result {
        let entries = judgement.stale.iter().chain(&judgement.tampered).map(entry).collect();
        let message = failure.message.lines().next().unwrap_or_default();
        self.write(&ResultDocument::refused(message, failure.exit.code(), entries))?;
        Err(failure)
    }

    fn done(&self) -> Result {
        let document = ResultDocument::refused("already as declared.", 0, Vec::new());
        self.write(&document)?;
        if !self.args.json {
            output::data("already as declared.\n")?;
        }
        Ok(Exit::Done)
    }

    async fn steps(&self, judgement: &Judgement) -> Outcome {
        let plan = &self.opened.plan;
        let all = plan.steps.iter().map(|step| step.id.clone());
        let (mut done, mut blocked): (BTreeSet<StepId>, BTreeSet<StepId>) = Default::default();
        for id in all.filter(|id| !judgement.run.contains(id)) {
            let waits = judgement.is_blocked(plan, &id);
            if waits {
                blocked.insert(id)
            } else {
                done.insert(id)
            };
        }
        let (stop, cancel) = watch::channel(None);
        let progress = Progress::new(self.args.json, judgement.run.len());
        let run = Run {
            engine: self.engine,
            plan,
            bodies: &judgement.bodies,
            done: &done,
            blocked: &blocked,
            awaits: &awaits(&self.opened.spec, plan),
            secrets: &self.secrets,
            clock: self.clock,
            sink: &progress,
            cancel,
            settings: Settings { parallelism: self.args.parallelism.into(), ..Settings::default() },
        };
        let mut journal = Journal::new();
        tokio::select! {
            outcome = run_steps(run, &mut journal) => outcome,
            never = listen(&stop) => match never {},
        }
    }

    /// What the engine reports of what was changed, compared once more, secrets hidden.
    async fn last_look(
        &self,
        outcome: &Outcome,
    ) -> std::result::Result<(Vec<Mismatch>, Vec<serde_json::Value>), EngineError> {
        let spec = &self.opened.spec;
        let plan = &self.opened.plan;
        let sealer = match &self.secrets {
            Keeper::Known(secrets) => Sealer::new(Some(spec), secrets.values().clone()),
            Keeper::Simulated => Sealer::new(Some(spec), BTreeMap::new()),
        };
        let wanted = judged::wanted(&self.opened);
        let snapshot = crate::engine::take::take(self.engine, &wanted).await?.seal(&sealer);
        let snapshot = crate::stale::pinned(plan, &snapshot);
        let input =
            Input { spec, snapshot: &snapshot, assume: true, pins: Pins::default(), source: None };
        let again = build(&input).plan;
        let goals = spec
            .sets
            .iter()
            .map(|(key, set)| {
                let count = match set.identity {
                    Identity::Named(_) => 1,
                    Identity::Counted(count) => count,
                };
                (key.clone(), Goal { state: set.state, count, one_shot: set.one_shot })
            })
            .collect();
        let compare = |seen: &Seen| differences(&again, seen);
        let mismatches = confirm(self.engine, plan, outcome, &goals, compare).await?;
        let touched: BTreeSet<ContainerId> =
            outcome.steps.iter().filter_map(|step| step.container.clone()).collect();
        let containers =
            snapshot.containers.iter().filter(|container| touched.contains(&container.id()));
        Ok((
            mismatches,
            containers.filter_map(|container: &Container| container.inspect.clone()).collect(),
        ))
    }

    fn tell(
        &self,
        judgement: &Judgement,
        outcome: &Outcome,
        mismatches: Vec<Mismatch>,
        containers: Vec<serde_json::Value>,
    ) -> Result {
        let mut document =
            ResultDocument::of_run(&self.opened.plan, outcome, mismatches, containers);
        document.stale.extend(judgement.half_done.iter().map(entry));
        if document.exit_code == 0 && !judgement.half_done.is_empty() {
            document.exit_code = Exit::Stale.code();
        }
        self.write(&document)?;
        if !self.args.json {
            output::data(&crate::apply::result_text::text(&document))?;
        }
        Ok(Exit::of_code(document.exit_code))
    }

    fn write(&self, document: &ResultDocument) -> std::result::Result<(), Failure> {
        let failed = |error: serde_json::Error| {
            Failure::new(Exit::Error, "the result cannot be written").caused_by(error)
        };
        if let Some(path) = &self.args.output {
            let text = serde_json::to_string_pretty(document).map_err(failed)?;
            files::write(path, format!("{text}\n").as_bytes())?;
        }
        if self.args.json {
            let line = serde_json::to_string(document).map_err(failed)?;
            output::data(&format!("{line}\n"))?;
        }
        Ok(())
    }
}

fn entry(staleness: &Staleness) -> StaleEntry {
    StaleEntry {
        set: staleness.set.clone(),
        step: None,
        object: Some(staleness.object.clone()),
        stale: Stale {
            code: staleness.code.clone(),
            expected: staleness.expected.clone(),
            found: staleness.found.clone(),
            hint: staleness.hint.clone(),
        },
    }
}

/// What differs of a created container in a plan made from the last look.
fn differences(again: &Plan, seen: &Seen) -> Vec<Reason> {
    let id = ContainerId::new(seen.inspect["Id"].as_str().unwrap_or_default());
    let matched = again.sets.get(&seen.set).into_iter().flat_map(|report| &report.matched);
    let Some(matched) = matched.into_iter().find(|matched| matched.id == id) else {
        return Vec::new();
    };
    let change = again.changes.iter().find(|change| change.id.as_str() == matched.name.as_str());
    let reasons = change.into_iter().flat_map(|change| &change.reasons);
    reasons
        .chain(&matched.differences)
        .filter(|reason| !matches!(reason, Reason::Because(_)))
        .cloned()
        .collect()
}

/// The first signal asks the run to stop at the next safe point, the second one ends the program.
async fn listen(stop: &watch::Sender<Option<Signal>>) -> std::convert::Infallible {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    loop {
        let signal = tokio::select! {
            _ = interrupt.recv() => Signal::Interrupt,
            _ = terminate.recv() => Signal::Terminate,
        };
        if stop.borrow().is_some() {
            output::note(
                "interrupted twice: calls in flight were given up; `bayplan verify` tells what is where",
            );
            std::process::exit(i32::from(signal.exit_code()));
        }
        output::note(
            "interrupted: calls in flight are finished, no step is begun (again: give up)",
        );
        let _ = stop.send(Some(signal));
    }
}
