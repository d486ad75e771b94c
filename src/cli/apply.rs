//! `bayplan apply`: open, judge, run, confirm, tell.

use std::collections::{BTreeMap, BTreeSet};

use super::args::{ApplyArgs, Global};
use super::files::Files;
use super::load_plan::Opened;
use super::load_plan::SpecPlace;
use super::progress::Progress;
use super::report::{Exit, Result};
use super::results::{Refusal, Results};
use super::signals::Signals;
use super::{load_plan, observe, output, verify};
use crate::apply::confirm::{Mismatch, ObservationScope as Goal, confirm};
use crate::apply::result::{ResultDocument, StaleEntry};
use crate::apply::{
    Begun, Clock, Outcome, RealClock, Resume, Run, Settings, SimulatedClock, Stale, awaits,
    given_up, run as run_steps,
};
use crate::base::ident::{ContainerId, StepId};
use crate::engine::docker::Docker;
use crate::engine::known;
use crate::engine::secrets::Secrets;
use crate::engine::simulated::Simulated;
use crate::engine::{EngineError, Writer};
use crate::observed::redact::{Redactor, redacted};
use crate::observed::snapshot::{Container, Snapshot};
use crate::plan::left::{self, Left};
use crate::plan::{Change, Plan, Reason};
use crate::planner::{Input, Pins, build};
use crate::spec::Identity;
use crate::stale::{Judgement, Staleness, judge};

/// Runs the command. Whatever keeps a plan from being run is in a result, too.
pub fn run(args: &ApplyArgs, global: &Global, files: &Files) -> Result {
    files.will_take("the plan", [&args.plan]);
    files.will_take("the spec", &args.spec);
    files.will_take("the snapshot", &args.snapshot);
    observe::will_read(global, files);
    let results = Results::of(args, files);
    let refused = |refusal: Refusal, file| {
        results.refused(&refusal, file);
        refusal.failure
    };
    results.writable().map_err(|failure| refused(failure.into(), false))?;
    // By then more is known to be read than at first.
    attempt(args, global, results).map_err(|refusal| refused(refusal, results.writable().is_ok()))
}

/// What a command gives, or why nothing was done.
type Attempt = std::result::Result<Exit, Refusal>;

fn attempt(args: &ApplyArgs, global: &Global, results: Results<'_>) -> Attempt {
    let files = results.files();
    let place = SpecPlace {
        file: args.spec.as_deref(),
        without: args.without_spec,
        outside: &args.allow_outside,
    };
    let opened = load_plan::open(files, &args.plan, args.expect_digest.as_deref(), place)?;
    files.will_take("the spec", &opened.found);
    let runtime = observe::runtime()?;
    let Some(path) = args.snapshot.as_deref().filter(|_| args.simulate) else {
        verify::needs_target(&opened.plan)?;
        let secrets = load_plan::secrets(&opened)?;
        // Now it is known which files the spec names.
        results.writable()?;
        return runtime.block_on(async {
            let reader = observe::connect(global).await?;
            let wanted = load_plan::wanted(&opened);
            let snapshot = observe::look(&reader, &wanted, Some(&opened.spec), &secrets).await?;
            let engine = Docker::new(reader);
            let clock = RealClock::new();
            let secrets = Keeper::Known(secrets);
            let (engine, clock) = (&engine, &clock);
            Applying { args, results, opened, snapshot, secrets, engine, clock }.run().await
        });
    };
    let secrets = Secrets::default();
    let snapshot = observe::from_file(files, path, &opened.spec, &secrets)?;
    let engine = Simulated::new(&snapshot);
    let clock = SimulatedClock(&engine);
    let secrets = Keeper::Simulated;
    let (engine, clock) = (&engine, &clock);
    runtime.block_on(Applying { args, results, opened, snapshot, secrets, engine, clock }.run())
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
                known::struck(&redacted(text, values))
            }
            Self::Simulated => text.to_owned(),
        }
    }
}

/// What the last look came to.
#[derive(Default)]
struct Seen {
    /// What is not as declared although it was to be.
    mismatches: Vec<Mismatch>,
    /// What differs and is left.
    left: Vec<Left>,
    /// Inspect data of what was touched.
    containers: Vec<serde_json::Value>,
}

struct Applying<'a, W> {
    args: &'a ApplyArgs,
    results: Results<'a>,
    opened: Opened<'a>,
    snapshot: Snapshot,
    secrets: Keeper,
    engine: &'a W,
    clock: &'a dyn Clock,
}

impl<W: Writer> Applying<'_, W> {
    /// All of it, with somebody who listens to signals.
    async fn run(self) -> Attempt {
        let signals = Signals::new();
        tokio::select! {
            attempt = self.work(&signals) => attempt,
            never = signals.listen() => match never {},
        }
    }

    async fn work(&self, signals: &Signals) -> Attempt {
        let mut judgement = judge(&self.opened.plan, &self.opened.spec, &self.snapshot);
        judgement.stale.extend(load_plan::spec_moved(&self.opened, self.args.spec.is_some())?);
        for note in &judgement.notes {
            output::note(&format!("note: {note}"));
        }
        if let Some(failure) = load_plan::verdict(&judgement) {
            let stale = judgement.stale.iter().chain(&judgement.tampered).map(entry).collect();
            return Err(Refusal { failure, stale });
        }
        if judgement.is_done() {
            let words = judgement.done_words();
            let document = ResultDocument::of_done(&words, judgement.left.clone());
            return Ok(self.results.tell(&document));
        }
        let (outcome, given_up) = self.steps(&judgement, signals).await;
        signals.last_look();
        let seen = if given_up {
            None
        } else {
            tokio::select! {
                () = signals.another() => None,
                looked = self.last_look(&outcome) => looked.map_or_else(
                    |error| {
                        output::note(&format!("warning: the last look failed: {error}"));
                        None
                    },
                    Some,
                ),
            }
        };
        let seen = seen.unwrap_or_else(|| Seen { left: judgement.left.clone(), ..Seen::default() });
        Ok(self.tell(&judgement, &outcome, seen))
    }

    /// Runs the steps, and says whether they were given up.
    async fn steps(&self, judgement: &Judgement, signals: &Signals) -> (Outcome, bool) {
        // What is run is what was derived again, never what the file says.
        let plan = &Plan { steps: judgement.steps.clone(), ..self.opened.plan.clone() };
        let done = &judgement.done;
        let blocked = left_out(judgement);
        let resume = Resume {
            digest: self.opened.digest.clone(),
            world: judgement.world.clone(),
            created: judgement.created.clone(),
            networks: judgement.networks.clone(),
        };
        let progress = Progress::new(self.args.json, self.args.keep_output, judgement.run.len());
        let run = Run {
            engine: self.engine,
            plan,
            bodies: &judgement.bodies,
            done,
            blocked: &blocked,
            resume: &resume,
            awaits: &awaits(&self.opened.spec, plan),
            secrets: &self.secrets,
            clock: self.clock,
            sink: &progress,
            cancel: signals.asked(),
            settings: Settings { parallelism: self.args.parallelism.into(), ..Settings::default() },
        };
        let begun = Begun::default();
        let ended = tokio::select! {
            outcome = run_steps(run, &begun) => Some(outcome),
            () = signals.twice() => None,
        };
        if let Some(outcome) = ended {
            return (outcome, false);
        }
        let signal = *signals.asked().borrow();
        (given_up(plan, (done, &blocked), &begun, &progress.outcomes(), signal), true)
    }

    /// What the engine reports of what was changed, compared once more, secrets hidden.
    async fn last_look(&self, outcome: &Outcome) -> std::result::Result<Seen, EngineError> {
        let spec = &self.opened.spec;
        let plan = &self.opened.plan;
        let redactor = match &self.secrets {
            Keeper::Known(secrets) => Redactor::new(Some(spec), secrets.values().clone()),
            Keeper::Simulated => Redactor::new(Some(spec), BTreeMap::new()),
        };
        let wanted = load_plan::wanted(&self.opened);
        let snapshot =
            crate::engine::observe::observe(self.engine, &wanted).await?.redact(&redactor);
        let snapshot = crate::stale::with_answers(plan, &snapshot);
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
        let differences = differences(&again);
        let compare = |id: &ContainerId| differences.get(id).cloned().unwrap_or_default();
        let mismatches = confirm(plan, outcome, &goals, &snapshot, compare);
        let touched: BTreeSet<ContainerId> =
            outcome.steps.iter().filter_map(|step| step.container.clone()).collect();
        let containers =
            snapshot.containers.iter().filter(|container| touched.contains(&container.id()));
        Ok(Seen {
            mismatches,
            left: left::of(&again),
            containers: containers
                .filter_map(|container: &Container| container.inspect.clone())
                .collect(),
        })
    }

    fn tell(&self, judgement: &Judgement, outcome: &Outcome, seen: Seen) -> Exit {
        let Seen { mismatches, left, containers } = seen;
        let mut document =
            ResultDocument::of_run(&self.opened.plan, outcome, mismatches, left, containers);
        document.stale.extend(judgement.half_done.iter().map(entry));
        if document.exit_code == 0 && !judgement.half_done.is_empty() {
            document.exit_code = Exit::Stale.code();
        }
        self.results.tell(&document)
    }
}

/// The steps that are neither run nor done: they wait for a person.
fn left_out(judgement: &Judgement) -> BTreeSet<StepId> {
    let left = judgement.steps.iter().map(|step| &step.id);
    left.filter(|id| !judgement.run.contains(*id) && !judgement.done.contains(*id))
        .cloned()
        .collect()
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
fn differences(again: &Plan) -> BTreeMap<ContainerId, Vec<Reason>> {
    let changes: BTreeMap<&str, &Change> =
        again.changes.iter().map(|change| (change.id.as_str(), change)).collect();
    let matched = again.sets.values().flat_map(|report| &report.matched);
    matched
        .map(|matched| {
            let change = changes.get(matched.name.as_str());
            let reasons = change.into_iter().flat_map(|change| &change.reasons);
            let reasons = reasons.chain(&matched.differences);
            let options = reasons.filter(|reason| !matches!(reason, Reason::Because(_)));
            (matched.id.clone(), options.cloned().collect())
        })
        .collect()
}
