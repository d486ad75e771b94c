//! `bayplan apply`: reads a plan, judges the plan, runs its steps, looks again and reports.

use std::collections::BTreeMap;

use super::args::{ApplyArgs, Global};
use super::files::Files;
use super::journal::{self, JournalFile, keeping};
use super::keeper::Keeper;
use super::load_plan::Opened;
use super::load_plan::SpecPlace;
use super::locking::under_lock;
use super::progress::Progress;
use super::report::{Exit, Result};
use super::results::{Asked, Refusal, Results};
use super::signals::Signals;
use super::{load_plan, observe, output, recover, verify};
use crate::apply::driver::{Control, Driver, LastLook};
use crate::apply::record::{Command, Times};
use crate::apply::result::{ResultDocument, StaleEntry};
use crate::apply::times::Timed;
use crate::apply::{Clock, Outcome, RealClock, Settings, SimulatedClock, Stale};
use crate::base::ident::ChangeId;
use crate::engine::Writer;
use crate::engine::docker::Docker;
use crate::engine::secrets::Secrets;
use crate::engine::simulated::Simulated;
use crate::observed::snapshot::Snapshot;
use crate::stale::{Judgement, Staleness, judge};

/// Runs the command. A refusal is written to the result file too.
pub fn run(args: &ApplyArgs, global: &Global, files: &Files) -> Result {
    files.will_take("the plan", [&args.plan]);
    files.will_take("the spec", &args.spec);
    files.will_take("the snapshot", &args.snapshot);
    observe::will_read(global, files);
    let asked = Asked {
        command: Command::Apply,
        file: args.output.as_deref(),
        journal: args.journal.as_deref(),
        json: args.json,
        meta: &args.meta,
        simulated: args.simulate,
    };
    let results = &Results::new(files, asked);
    let refused = |refusal: Refusal, file| {
        results.refused(&refusal, file);
        refusal.failure
    };
    results.writable().map_err(|failure| refused(failure.into(), false))?;
    // By then the command has read more files, and no output may overwrite a file that was read.
    attempt(args, global, results).map_err(|refusal| refused(refusal, results.writable().is_ok()))
}

/// The exit code of a command, or the reason why nothing was done.
type Attempt = std::result::Result<Exit, Refusal>;

fn attempt(args: &ApplyArgs, global: &Global, results: &Results<'_>) -> Attempt {
    let files = results.files();
    let place = SpecPlace {
        file: args.spec.as_deref(),
        without: args.without_spec,
        outside: &args.allow_outside,
    };
    let opened = load_plan::open(files, &args.plan, args.expect_digest.as_deref(), place)?;
    files.will_take("the spec", &opened.found);
    results.of_plan(&opened);
    results.writable()?;
    let runtime = observe::runtime()?;
    let Some(path) = args.snapshot.as_deref().filter(|_| args.simulate) else {
        verify::needs_target(&opened.plan)?;
        let secrets = load_plan::secrets(&opened)?;
        // Only now the files of the spec are known.
        results.writable()?;
        return runtime.block_on(async {
            let reader = observe::connect(global).await?;
            let engine = Docker::new(reader.clone());
            let clock = RealClock::new();
            let (engine, clock, opened) = (&engine, &clock, &opened);
            let signals = Signals::new(args.grace);
            let work = async {
                let wanted = load_plan::wanted(opened);
                let snapshot =
                    observe::look(&reader, &wanted, Some(&opened.spec), &secrets).await?;
                let secrets = Keeper::Known(secrets, load_plan::made_labels(opened));
                Applying { args, global, results, opened, snapshot, secrets, engine, clock }
                    .work(&signals)
                    .await
            };
            tokio::select! {
                attempt = under_lock(engine, clock, opened, (args.wait, &signals), work) => attempt,
                never = signals.listen() => match never {},
            }
        });
    };
    let secrets = Secrets::default();
    let snapshot = observe::from_file(files, path, &opened.spec, &secrets)?;
    let engine = Simulated::new(&snapshot);
    let clock = SimulatedClock(&engine);
    let secrets = Keeper::Simulated;
    let (engine, clock, opened) = (&engine, &clock, &opened);
    let applying = Applying { args, global, results, opened, snapshot, secrets, engine, clock };
    let signals = Signals::new(args.grace);
    runtime.block_on(async {
        tokio::select! {
            attempt = applying.work(&signals) => attempt,
            never = signals.listen() => match never {},
        }
    })
}

struct Applying<'a, W> {
    args: &'a ApplyArgs,
    global: &'a Global,
    results: &'a Results<'a>,
    opened: &'a Opened<'a>,
    snapshot: Snapshot,
    secrets: Keeper,
    engine: &'a W,
    clock: &'a dyn Clock,
}

impl<W: Writer> Applying<'_, W> {
    async fn work(&self, signals: &Signals) -> Attempt {
        self.results.of_engine(&self.snapshot);
        let mut judgement = judge(&self.opened.plan, &self.opened.spec, &self.snapshot);
        load_plan::spec_moved(self.opened, self.args.spec.is_some(), &mut judgement)?;
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
        let (opened, plan) = (self.opened, &self.opened.plan);
        let driver = Driver {
            engine: self.engine,
            clock: self.clock,
            secrets: &self.secrets,
            redactor: self.secrets.redactor(&opened.spec),
            plan,
            digest: &opened.digest,
            spec: &opened.spec,
        };
        let journal = journal::of(self.args.journal.as_deref(), &self.results.run(), opened)?;
        let journal = journal.as_ref();
        let progress = Progress::new((self.args.json, self.args.keep_output), plan, &judgement.run);
        let timed = Timed::new(plan, self.clock, &progress);
        let control = Control {
            sink: &timed,
            journal: keeping(journal),
            cancel: signals.asked(),
            abort: signals.aborted(),
            settings: Settings {
                parallelism: self.args.parallelism.into(),
                keep_failed: self.args.keep_failed,
                grace: self.args.grace / 2,
            },
        };
        let (outcome, aborted) = driver.run(&judgement, None, control).await;
        let measured = timed.measured();
        progress.close();
        signals.last_look();
        let wanted = load_plan::wanted(opened);
        let seen = if aborted {
            None
        } else {
            tokio::select! {
                () = signals.another() => None,
                looked = driver.last_look(&outcome, &wanted) => looked.map_or_else(
                    |error| {
                        output::note(&format!("warning: the last look failed: {error}"));
                        None
                    },
                    Some,
                ),
            }
        };
        let seen = seen
            .unwrap_or_else(|| LastLook { left: judgement.left.clone(), ..LastLook::default() });
        Ok(self.tell((&judgement, journal), &outcome, &measured, seen))
    }

    fn tell(
        &self,
        (judgement, journal): (&Judgement, Option<&JournalFile>),
        outcome: &Outcome,
        times: &BTreeMap<ChangeId, Times>,
        mut seen: LastLook,
    ) -> Exit {
        if !self.args.inspect {
            seen.containers.clear();
        }
        let mut document = ResultDocument::of_run(&self.opened.plan, outcome, times, seen);
        document.stale.extend(judgement.half_done.iter().map(entry));
        if document.exit_code == 0 && !judgement.half_done.is_empty() {
            let exit = if outcome.touched { Exit::PartWay } else { Exit::Stale };
            document.exit_code = exit.code();
        }
        if !outcome.is_whole() {
            let spec = (self.args.spec.as_deref(), self.args.without_spec);
            document.recover = Some(recover::command(&self.args.plan, spec, self.global));
        }
        if let Some(journal) = journal {
            journal.ends(&document);
        }
        self.results.tell(&document)
    }
}

pub(super) fn entry(staleness: &Staleness) -> StaleEntry {
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
