//! `bayplan recover`: rolls back or finishes the changes of an apply that died.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures_util::future::try_join_all;

use super::apply::entry;
use super::args::{Global, RecoverArgs};
use super::compose::MadeLabels;
use super::files::Files;
use super::journal::{self, keeping};
use super::keeper::Keeper;
use super::load_plan::{Opened, SpecPlace};
use super::locking::under_lock;
use super::progress::Progress;
use super::report::{Exit, Failure, Result};
use super::results::{Asked, Refusal, Results};
use super::signals::Signals;
use super::{load_plan, load_spec, observe, output, verify};
use crate::apply::driver::{Control, Driver, LastLook};
use crate::apply::journal::Journal;
use crate::apply::leftovers::{Kind, Leftover, leftovers};
use crate::apply::lock;
use crate::apply::record::Command;
use crate::apply::recovery::{Recovery, Way, recovery};
use crate::apply::result::ResultDocument;
use crate::apply::times::Timed;
use crate::apply::{RealClock, Settings};
use crate::base::ident::{ChangeId, StepId};
use crate::base::say;
use crate::engine::EngineError;
use crate::engine::docker::Docker;
use crate::engine::secrets::Secrets;
use crate::observed::scope::ObservationScope;
use crate::stale::{Judgement, judge};
use crate::syntax::shell_words;

/// Runs the command.
pub fn run(args: &RecoverArgs, global: &Global, files: &Files) -> Result {
    observe::will_read(global, files);
    let Some(plan) = &args.plan else { return list(global) };
    files.will_take("the plan", [plan]);
    let asked = Asked {
        command: Command::Recover,
        file: args.output.as_deref(),
        journal: args.journal.as_deref(),
        json: args.json,
        meta: &args.meta,
        simulated: false,
    };
    let results = &Results::new(files, asked);
    let refused = |refusal: Refusal| {
        results.refused(&refusal, results.writable().is_ok());
        refusal.failure
    };
    attempt(args, plan, global, results).map_err(refused)
}

/// The command that recovers a plan, for pasting into a shell.
pub fn command(plan: &Path, spec: (Option<&Path>, bool), global: &Global) -> String {
    let mut words = vec!["bayplan".to_owned(), "recover".to_owned()];
    let (file, without) = spec;
    let file = file.map(|file| ["--spec".to_owned(), file.to_string_lossy().into_owned()]);
    words.extend(file.into_iter().flatten());
    words.extend(without.then(|| "--without-spec".to_owned()));
    for (flag, value) in [("--host", &global.host), ("--context", &global.context)] {
        words.extend(value.iter().flat_map(|value| [flag.to_owned(), value.clone()]));
    }
    words.push(plan.to_string_lossy().into_owned());
    shell_words::join(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Lists the leftovers on an engine.
fn list(global: &Global) -> Result {
    let (all, alive) = observe::runtime()?.block_on(async {
        let reader = &observe::connect(global).await?;
        let everything = ObservationScope::everything();
        let snapshot = observe::look(reader, &everything, None, &Secrets::default()).await?;
        let all = leftovers(&snapshot);
        let locks = all.iter().filter(|left| left.kind == Kind::Lock);
        let clock = &RealClock::new();
        let beats = locks.filter_map(|left| left.project.as_deref()).map(|project| async move {
            let alive = lock::is_alive(reader, clock, project).await?;
            Ok::<_, EngineError>(alive.map(|alive| (project.to_owned(), alive)))
        });
        let alive: BTreeMap<String, bool> =
            try_join_all(beats).await?.into_iter().flatten().collect();
        Ok::<_, Failure>((all, alive))
    })?;
    output::data(&listed(&all, &alive))?;
    Ok(Exit::Done)
}

/// The leftovers in words, and the ways out. `alive`: the projects whose lock was watched, and
/// whether its holder is alive.
fn listed(all: &[Leftover], alive: &BTreeMap<String, bool>) -> String {
    let mut out: String = all.iter().map(|left| line(left, alive)).collect();
    let is_alive = |left: &&Leftover| {
        let beats = |project: &String| alive.get(project).is_some_and(|beats| *beats);
        left.project.as_ref().is_some_and(beats)
    };
    let dead: Vec<&Leftover> = all.iter().filter(|left| !is_alive(left)).collect();
    let unproven = Kind::OffNetwork { is_locked: false };
    let half_done = |left: &&&Leftover| match left.kind {
        Kind::Container => true,
        Kind::Kept => false,
        kind => kind != unproven && left.plan.is_some(),
    };
    if dead.iter().any(|left| half_done(&left)) {
        out += "hint: `bayplan recover PLAN` with that plan brings back what was, or finishes\n";
    }
    if dead.iter().any(|left| left.kind == unproven) {
        out += "hint: a container that is off its network is put back by a new plan of its \
                project, by `docker network connect`, or by `bayplan recover PLAN` if the run of \
                that plan died\n";
    }
    if all.is_empty() {
        out += "nothing lies about.\n";
    }
    out
}

fn line(left: &Leftover, alive: &BTreeMap<String, bool>) -> String {
    let project = left.project.as_ref().map(|name| format!(", of project {}", say::short(name)));
    let mut plan = match (&left.plan, left.kind) {
        (_, Kind::Kept) => "kept to be looked at".to_owned(),
        (Some(digest), _) => format!("of the plan with {}", say::safe(digest)),
        (None, _) => "of no plan that it names".to_owned(),
    };
    if left.kind == Kind::Lock {
        plan += match left.project.as_ref().and_then(|project| alive.get(project)) {
            Some(true) => ": it is under way",
            Some(false) => ": nobody has touched it for 15 seconds, its process died",
            None => ": it has ended meanwhile",
        };
    }
    format!("{}{}, {plan}\n", left.what, project.unwrap_or_default())
}

type Attempt = std::result::Result<Exit, Refusal>;

fn attempt(args: &RecoverArgs, path: &Path, global: &Global, results: &Results<'_>) -> Attempt {
    let open = |without: bool| {
        let (file, outside) = (args.spec.as_deref(), args.allow_outside.as_slice());
        load_plan::open(results.files(), path, None, SpecPlace { file, without, outside })
    };
    // What carries the label of the plan is recovered without a spec, too.
    let (opened, unfound) = match open(args.without_spec) {
        Err(failure) if failure.exit == Exit::Refused && args.spec.is_none() => {
            (open(true)?, Some(failure))
        }
        opened => (opened?, None),
    };
    results.of_plan(&opened);
    verify::needs_target(&opened.plan)?;
    // Only finishing a change needs the values of references.
    let (secrets, missing) = match load_plan::secrets(&opened) {
        Ok(secrets) => (secrets, None),
        Err(failure) => (load_spec::resolve(&opened.spec, &opened.named)?, Some(failure)),
    };
    results.writable()?;
    observe::runtime()?.block_on(async {
        let reader = observe::connect(global).await?;
        let engine = &Docker::new(reader.clone());
        let clock = &RealClock::new();
        let signals = Signals::new(args.grace);
        let opened = &opened;
        let work = async {
            let wanted = load_plan::wanted(opened);
            let snapshot = observe::look(&reader, &wanted, Some(&opened.spec), &secrets).await?;
            results.of_engine(&snapshot);
            let judgement = judge(&opened.plan, &opened.spec, &snapshot);
            other_engine(&judgement)?;
            let recovery = decided(args, opened, &snapshot, &judgement, (missing, unfound))?;
            if recovery.is_empty() {
                let words = "nothing of this plan is half done.";
                return Ok(results.tell(&ResultDocument::of_done(words, Vec::new())));
            }
            let journal = journal::of(args.journal.as_deref(), &results.run(), opened)?;
            let journal = journal.as_ref();
            let all = (&judgement, &recovery, keeping(journal));
            let mut document =
                recovered(args, opened, all, secrets, (engine, clock), &signals).await;
            if document.exit_code == Exit::PartWay.code() {
                let spec = (args.spec.as_deref(), args.without_spec);
                document.recover = Some(command(path, spec, global));
            }
            if let Some(journal) = journal {
                journal.ends(&document);
            }
            Ok(results.tell(&document))
        };
        tokio::select! {
            attempt = under_lock(engine, clock, opened, (args.wait, &signals), work) => attempt,
            never = signals.listen() => match never {},
        }
    })
}

async fn recovered(
    args: &RecoverArgs,
    opened: &Opened<'_>,
    (judgement, recovery, journal): (&Judgement, &Recovery, &dyn Journal),
    secrets: Secrets,
    (engine, clock): (&Docker, &RealClock),
    signals: &Signals,
) -> ResultDocument {
    let secrets = Keeper::Known(secrets, MadeLabels::new());
    let driver = Driver {
        engine,
        clock,
        secrets: &secrets,
        redactor: secrets.redactor(&opened.spec),
        plan: &opened.plan,
        digest: &opened.digest,
        spec: &opened.spec,
    };
    let progress = Progress::new((args.json, false), &opened.plan, &judgement.run).without_total();
    let timed = Timed::new(&opened.plan, clock, &progress);
    let control = Control {
        sink: &timed,
        journal,
        cancel: signals.asked(),
        abort: signals.aborted(),
        settings: Settings { grace: args.grace / 2, ..Settings::default() },
    };
    let (outcome, _) = driver.run(judgement, Some(recovery), control).await;
    progress.close();
    let (measured, seen) = (timed.measured(), LastLook::default());
    ResultDocument::of_run(&opened.plan, &outcome, &measured, seen)
}

/// Refuses a plan for another engine.
fn other_engine(judgement: &Judgement) -> std::result::Result<(), Refusal> {
    let code = crate::stale::Code::Engine.word();
    let other: Vec<_> =
        judgement.stale.iter().filter(|staleness| staleness.code == code).cloned().collect();
    if other.is_empty() {
        return Ok(());
    }
    let message = format!("this is another engine\n{}", load_plan::describe(&other));
    let stale = other.iter().map(entry).collect();
    Err(Refusal { failure: Failure::new(Exit::Stale, message), stale })
}

/// Refuses changes that nothing but the file proves: no container carries the label of the plan, and
/// they do not follow from what the plan and its spec declare. Whoever edits a file can claim anything.
fn strange(
    (args, opened): (&RecoverArgs, &Opened<'_>),
    judgement: &Judgement,
    decided: &Recovery,
    unfound: Option<Failure>,
) -> std::result::Result<(), Refusal> {
    let made: BTreeSet<&str> = judgement.created.keys().map(StepId::change).collect();
    let all = decided.back.iter().chain(&decided.finish);
    let open: Vec<&ChangeId> = all.filter(|change| !made.contains(change.as_str())).collect();
    if open.is_empty() {
        return Ok(());
    }
    if let Some(failure) = unfound {
        return Err(failure.into());
    }
    let mut of_spec = Judgement::default();
    load_plan::spec_moved(opened, args.spec.is_some(), &mut of_spec)?;
    if let Some(failure) = load_plan::verdict(&of_spec) {
        return Err(Refusal { failure, stale: of_spec.stale.iter().map(entry).collect() });
    }
    let strange = open.into_iter().find(|change| !judgement.confirmed.contains(*change));
    let Some(change) = strange else { return Ok(()) };
    let change = say::short(change.as_str());
    let message = format!(
        "`{change}` does not follow from what the plan declares, and no container of it has the \
         label of the plan"
    );
    let failure = Failure::new(Exit::Refused, message)
        .hint("nothing was touched; `bayplan recover` without a plan lists what a run left");
    Err(failure.into())
}

/// The decision about the changes of a dead run, or the reason against the requested decision.
fn decided(
    args: &RecoverArgs,
    opened: &Opened<'_>,
    snapshot: &crate::observed::snapshot::Snapshot,
    judgement: &Judgement,
    (missing, unfound): (Option<Failure>, Option<Failure>),
) -> std::result::Result<Recovery, Refusal> {
    let way = match (args.back, args.finish) {
        (true, _) => Way::Back,
        (_, true) => Way::Finish,
        _ => Way::Nearest,
    };
    let of = |way| recovery(&opened.plan, &opened.digest, snapshot, &judgement.done, way);
    let mut decided = of(way);
    // A stale plan is rolled back where possible. Only a change that cannot be rolled back is
    // finished: each of its steps looks at its own objects first.
    let rescued = way == Way::Nearest && !decided.finish.is_empty() && !judgement.is_current();
    if rescued {
        decided = of(Way::BackIfPossible);
    }
    if let Some(cannot) = decided.cannot.first() {
        let message = format!("{} cannot go back: {}", cannot.step.change(), cannot.what);
        let failure = Failure::new(Exit::Refused, say::safe(&message))
            .hint("`bayplan recover` without `--back` finishes what cannot go back");
        return Err(failure.into());
    }
    strange((args, opened), judgement, &decided, unfound)?;
    if decided.finish.is_empty() {
        return Ok(decided);
    }
    let rescued = rescued && judgement.tampered.is_empty();
    if let Some(failure) = load_plan::verdict(judgement).filter(|_| !rescued) {
        let stale = judgement.stale.iter().chain(&judgement.tampered).map(entry).collect();
        let hint = "`bayplan recover` without `--finish` brings back what was, where it can";
        return Err(Refusal { failure: failure.hint(hint), stale });
    }
    match missing {
        Some(failure) => Err(failure.into()),
        None => Ok(decided),
    }
}
