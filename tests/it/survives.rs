//! Runs that are broken at every call, in every way, and what comes after: going back, applying again,
//! `recover`. Afterwards each container of the plan is the old one or the new one, runs as it should,
//! has its name, and nothing is left over; nothing else was touched.
//!
//! The engine is simulated. `BAYPLAN_FAULTS=all` breaks the plans of all cases, and pairs of faults.

pub(crate) mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bayplan::apply::events::{Silent, Sink};
use bayplan::apply::journal::NoJournal;
use bayplan::apply::recovery::{Recovery, Way, recovery};
use bayplan::apply::{self, Begun, Outcome, Resume, Settings, Signal, SimulatedClock};
use bayplan::base::ident::StepId;
use bayplan::engine::simulated::{Blow, Fault, Faults, Simulated, When};
use bayplan::engine::{ErrorKind, Reader as _};
use bayplan::observed::scope::ObservationScope;
use bayplan::observed::snapshot::Snapshot;
use bayplan::options::Body;
use bayplan::plan::{Action, Plan, Subject, format};
use bayplan::spec::Spec;
use bayplan::stale::{self, Judgement};

use crate::cases::{self, Case, Known, NAMES, looked_at, offer, planned_bodies};
use crate::made::{Watcher, block};

/// One plan of each kind.
pub(crate) const KINDS: &[&str] = &[
    "reloaded-differing",
    "reloaded-three-in-turn",
    "update-config-pairs",
    "update-config-rollback",
    "update-config-continue",
    "update-config-start-first",
    "reloaded-fenced",
    "reloaded-too-few",
    "started-idle-differing",
    "started-idle-alike",
    "started-on-stopped-replace",
    "one-shot-first",
    "one-shot-differing",
    "option-networks",
    "in-place-networks",
    "in-place-and-not",
    "rename-and-replace",
    "rename-between-two",
    "restarted-differing",
    "stopped-live",
    "killed-live",
    "absent-all",
    "ports-freed-by-this-plan",
    "depends-on-order",
    "dependants-network",
    "volumes-anonymous-carried",
    "networks-created",
    "image-pull-missing-replaces",
    "six-sets-ten-changes",
];

/// Of plans with at most so many changes, all pairs of faults are tried.
const PAIRED: usize = 3;

/// What befalls one changing call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Blame {
    Fails(When, ErrorKind),
    Happens(Blow),
}

const ALL: &[Blame] = &[
    Blame::Fails(When::Before, ErrorKind::Interrupted),
    Blame::Fails(When::Before, ErrorKind::Unreachable),
    Blame::Fails(When::Before, ErrorKind::Status(500)),
    Blame::Fails(When::Before, ErrorKind::Status(504)),
    Blame::Fails(When::Before, ErrorKind::Conflict),
    Blame::Fails(When::Before, ErrorKind::NotFound),
    Blame::Fails(When::After, ErrorKind::Interrupted),
    Blame::Fails(When::After, ErrorKind::Status(500)),
    Blame::Fails(When::After, ErrorKind::Status(504)),
    Blame::Fails(When::After, ErrorKind::NotFound),
    Blame::Happens(Blow::Hangs(When::Before)),
    Blame::Happens(Blow::Hangs(When::After)),
    Blame::Happens(Blow::CallerDies(When::Before)),
    Blame::Happens(Blow::CallerDies(When::After)),
];

/// What comes after a run that died, or that ended half done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Apply,
    Recover(Way),
}

const THEN: [Then; 4] = [
    Then::Apply,
    Then::Recover(Way::Nearest),
    Then::Recover(Way::Back),
    Then::Recover(Way::Finish),
];

/// A plan that is broken.
pub(crate) struct Trial<'a> {
    case: &'a Case,
    pub(crate) world: &'a Snapshot,
    pub(crate) plan: &'a Plan,
    pub(crate) spec: Spec,
    pub(crate) digest: String,
    bodies: BTreeMap<StepId, Body>,
    pub(crate) fresh: Judgement,
}

impl<'a> Trial<'a> {
    pub(crate) fn new(case: &'a Case, world: &'a Snapshot, plan: &'a Plan) -> Self {
        let spec = case.declared(&plan.declared).unwrap();
        let bodies = planned_bodies(&spec, world, plan);
        let fresh = stale::judge(plan, &spec, world);
        let digest = format::write(plan).unwrap().digest;
        Self { case, world, plan, spec, digest, bodies, fresh }
    }

    pub(crate) fn engine(&self, faults: &[(usize, Blame)]) -> Simulated {
        let engine = Simulated::new(self.world);
        offer(&engine, self.world, self.plan);
        let mut all = Faults::none();
        for (number, blame) in faults {
            match *blame {
                Blame::Fails(when, kind) => drop(all.nth.insert(*number, Fault { when, kind })),
                Blame::Happens(blow) => drop(all.blows.insert(*number, blow)),
            }
        }
        engine.set_faults(all);
        engine
    }

    pub(crate) fn look(&self, engine: &Simulated) -> Snapshot {
        let wanted = ObservationScope::of(&self.spec).for_plan(
            self.plan.facts.images.iter().map(|fact| fact.reference.clone()),
            self.plan.facts.containers.iter().map(|fact| fact.id.clone()),
        );
        looked_at(self.case, &self.spec, &wanted, engine)
    }

    /// Runs the plan, or what is recovered of it; nothing: the run died.
    pub(crate) fn run(
        &self,
        engine: &Simulated,
        judgement: &Judgement,
        recovery: Option<&Recovery>,
    ) -> Option<Outcome> {
        block(self.under_way(engine, judgement, recovery))
    }

    /// The same under way, beside others.
    pub(crate) async fn under_way(
        &self,
        engine: &Simulated,
        judgement: &Judgement,
        recovery: Option<&Recovery>,
    ) -> Option<Outcome> {
        let (_keep, cancel) = tokio::sync::watch::channel(None);
        self.heard(engine, judgement, recovery, (&Silent, cancel)).await
    }

    /// The same, heard by a sink that may ask it to stop.
    async fn heard(
        &self,
        engine: &Simulated,
        judgement: &Judgement,
        recovery: Option<&Recovery>,
        (sink, cancel): (&dyn Sink, tokio::sync::watch::Receiver<Option<Signal>>),
    ) -> Option<Outcome> {
        let plan = &Plan { steps: judgement.steps.clone(), ..self.plan.clone() };
        let nobody = BTreeSet::new();
        let left = plan
            .steps
            .iter()
            .map(|step| &step.id)
            .filter(|id| !judgement.run.contains(*id) && !judgement.done.contains(*id));
        let (blocked, back) = match recovery {
            None => (left.cloned().collect(), &nobody),
            Some(recovery) => (recovery.blocked(plan, &judgement.done), &recovery.back),
        };
        let resume = Resume {
            digest: self.digest.clone(),
            world: judgement.world.clone(),
            created: judgement.created.clone(),
            networks: judgement.networks.clone(),
        };
        let bodies = if judgement.bodies.is_empty() { &self.bodies } else { &judgement.bodies };
        let run = apply::Run {
            engine,
            plan,
            bodies,
            done: &judgement.done,
            blocked: &blocked,
            back,
            awaits: &apply::awaits(&self.spec, plan),
            secrets: &Known(self.case),
            clock: &SimulatedClock(engine),
            resume: &resume,
            sink,
            journal: &NoJournal,
            cancel,
            settings: Settings { parallelism: 4, ..Settings::default() },
        };
        let begun = Begun::default();
        tokio::select! {
            biased;
            outcome = apply::run(run, &begun) => Some(outcome),
            () = engine.caller_dies() => None,
        }
    }

    /// Breaks a run, does what comes then, each on a world of its own, and says what does not hold.
    fn broken(&self, faults: &[(usize, Blame)], then: &[Then]) -> Tally {
        let engine = self.engine(faults);
        let outcome = self.run(&engine, &self.fresh, None);
        let last = faults.iter().map(|(number, _)| *number).max().unwrap_or_default();
        let reached = engine.changing().len() > last;
        let ended = outcome.as_ref().map(Outcome::exit_code);
        let mut tally = Tally { reached, runs: 1, wrong: Vec::new() };
        let told = |then: &str, what: &str| {
            let calls = engine.changing().join("\n    ");
            format!("{faults:?}, {then}: after {ended:?}: {what}\n    {calls}")
        };
        // What ended whole needs nobody: it is the old world or the new one.
        let needs_nobody = ended.is_some_and(|code| code != 7);
        if needs_nobody {
            let wrong = self.not_whole(&engine);
            tally.wrong.extend(wrong.into_iter().map(|what| told("at its end", &what)));
            if ended == Some(0) || !reached {
                return tally;
            }
        } else if ended.is_some() && faults.len() == 1 && !self.is_lossy() {
            let troubles = outcome.map(|it| it.troubles);
            tally.wrong.push(told("at its end", &format!("one fault ends with 7: {troubles:#?}")));
            return tally;
        }
        engine.set_faults(Faults::none());
        let look = self.look(&engine);
        let judgement = stale::judge(self.plan, &self.spec, &look);
        let then = if needs_nobody { &[Then::Apply] } else { then };
        tally.runs = then.len();
        for then in then {
            if let Some(what) = self.follow(&engine.fork(), (&look, &judgement), *then) {
                tally.wrong.push(told(&format!("then {then:?}"), &what));
            }
        }
        tally
    }

    /// Whether the plan does what no call takes back.
    fn is_lossy(&self) -> bool {
        self.plan.steps.iter().any(|step| {
            matches!(step.action, Action::Restart { .. } | Action::RemoveNetwork { .. })
        })
    }

    /// What comes after, without any fault; what does not hold then.
    fn follow(
        &self,
        engine: &Simulated,
        (look, judgement): (&Snapshot, &Judgement),
        then: Then,
    ) -> Option<String> {
        if !judgement.half_done.is_empty() {
            // A network that was taken down is put up by a person.
            return None;
        }
        let outcome = match then {
            // A volume that was made with a container stays when that goes: a new plan is made.
            Then::Apply if kept_volume(judgement) => return None,
            Then::Apply => {
                if !judgement.is_current() {
                    return Some(format!(
                        "is not current: {:#?}",
                        judgement.stale.iter().chain(&judgement.tampered).collect::<Vec<_>>()
                    ));
                }
                self.run(engine, judgement, None)
            }
            Then::Recover(way) => {
                let what = recovery(self.plan, &self.digest, look, &judgement.done, way);
                if !what.cannot.is_empty() {
                    return None;
                }
                if !what.finish.is_empty() && !judgement.is_current() {
                    return Some(format!("cannot be finished: {:#?}", judgement.stale));
                }
                self.run(engine, judgement, Some(&what))
            }
        };
        let outcome = outcome?;
        let whole = match then {
            Then::Apply => outcome.exit_code() == 0,
            Then::Recover(_) => outcome.is_whole() && outcome.exit_code() == 0,
        };
        if !whole {
            return Some(format!("ends with {}: {:#?}", outcome.exit_code(), outcome.troubles));
        }
        let mut wrong = self.not_whole(engine);
        if then == Then::Recover(Way::Back) && wrong.is_empty() {
            let again = stale::judge(self.plan, &self.spec, &self.look(engine));
            if !again.is_current() && !kept_volume(&again) {
                wrong.push(format!("the plan is not current any more: {:#?}", again.stale));
            }
        }
        (!wrong.is_empty()).then(|| wrong.join("; "))
    }
}

/// Whether a plan is stale for a volume alone that was made with a container.
fn kept_volume(judgement: &Judgement) -> bool {
    let volume = |one: &stale::Staleness| one.code == "volume_taken";
    !judgement.stale.is_empty() && judgement.stale.iter().all(volume)
}

/// What came of a run that was broken.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Whether the last of the faults was reached.
    reached: bool,
    /// How often a broken run was followed to its end.
    pub(crate) runs: usize,
    /// What does not hold.
    pub(crate) wrong: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.wrong.extend(other.wrong);
    }
}

fn all_kinds() -> bool {
    std::env::var("BAYPLAN_FAULTS").is_ok_and(|value| value == "all")
}

fn names() -> Vec<String> {
    if all_kinds() {
        return NAMES.iter().map(|name| name.replace('_', "-")).collect();
    }
    KINDS.iter().map(|name| (*name).to_owned()).collect()
}

/// Goes through cases on all processors, and says how much was tried.
pub(crate) fn report(
    (what, least): (&str, usize),
    names: &[String],
    each: impl Fn(&str) -> Tally + Sync,
) {
    let began = Instant::now();
    let next = AtomicUsize::new(0);
    let one_after_the_other = || {
        let mut all = Tally::default();
        while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Tally { runs, wrong, .. } = each(name);
            all.runs += runs;
            all.wrong.extend(wrong.into_iter().map(|text| format!("{name}: {text}")));
        }
        all
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut all = Tally::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(one_after_the_other)).collect();
        for thread in threads {
            all.add(thread.join().unwrap());
        }
    });
    let Tally { runs, wrong, .. } = all;
    let seconds = began.elapsed().as_secs_f64();
    let line = format!("{what}: {runs} runs, {} violations, {seconds:.1} s\n", wrong.len());
    // Past libtest's capture: how much was tried is worth knowing.
    let _ = std::io::stderr().write_all(line.as_bytes());
    // The head of each, and the first ones whole.
    let head = |text: &String| text.lines().next().unwrap_or_default().to_owned();
    let heads: Vec<String> = wrong.iter().take(60).map(head).collect();
    let shown: Vec<&str> = wrong.iter().take(8).map(String::as_str).collect();
    let count = wrong.len();
    assert!(wrong.is_empty(), "{count} of {runs}:\n{}\n{}", heads.join("\n"), shown.join("\n"));
    assert!(runs >= least, "only {runs}");
}

#[test]
fn every_call_is_broken_in_every_way() {
    report(("every call x every fault", 3_000), &names(), |name| {
        let mut all = Tally::default();
        let Some((case, world, plan)) = cases::made(name) else { return all };
        let trial = Trial::new(&case, &world, &plan);
        for blame in ALL {
            all.add(every_call(&trial, *blame));
        }
        all
    });
}

fn every_call(trial: &Trial<'_>, blame: Blame) -> Tally {
    let mut all = Tally::default();
    for number in 0.. {
        let tally = trial.broken(&[(number, blame)], &THEN);
        let reached = tally.reached;
        all.add(tally);
        if !reached {
            break;
        }
    }
    all
}

/// All that runs is to be started again by the engine: after its restart, too, each container is the old
/// one or the new one.
#[test]
fn an_engine_that_dies_at_any_call_is_outlived() {
    let names = ["reloaded-fenced", "restarting-is-replaced"].map(str::to_owned);
    report(("an engine that dies at any call", 60), &names, |name| {
        let mut all = Tally::default();
        let Some((case, world, plan)) = cases::made(name) else { return all };
        let trial = Trial::new(&case, &world, &plan);
        for when in [When::Before, When::After] {
            all.add(every_call(&trial, Blame::Happens(Blow::EngineRestarts(when))));
        }
        all
    });
}

/// A second fault befalls going back, or what goes on.
#[test]
fn pairs_of_faults_end_whole_or_are_recovered() {
    let then = [Then::Apply, Then::Recover(Way::Nearest), Then::Recover(Way::Back)];
    let names = if all_kinds() { names() } else { vec!["reloaded-differing".to_owned()] };
    report(("pairs of faults", 1_000), &names, |name| {
        let mut all = Tally::default();
        let Some((case, world, plan)) = cases::made(name) else { return all };
        // Those of more containers take too long: their calls are the same ones, only more of them.
        if plan.changes.len() > PAIRED {
            return all;
        }
        let trial = Trial::new(&case, &world, &plan);
        for first in ALL {
            for (one, two) in pairs(&trial, *first) {
                for second in ALL {
                    all.add(trial.broken(&[(one, *first), (two, *second)], &then));
                }
            }
        }
        all
    });
}

/// The numbers of two calls, the second of which comes when the first was broken so.
fn pairs(trial: &Trial<'_>, first: Blame) -> Vec<(usize, usize)> {
    let mut all = Vec::new();
    for one in 0.. {
        let engine = trial.engine(&[(one, first)]);
        trial.run(&engine, &trial.fresh, None);
        let calls = engine.changing().len();
        if calls <= one {
            return all;
        }
        all.extend((one + 1..calls).map(|two| (one, two)));
    }
    all
}

/// Asked to stop once any number of calls began, a run ends whole: what it began is done or as before,
/// and no container is off a network that the plan makes again.
#[test]
fn a_run_that_is_asked_to_stop_ends_whole_after_any_call() {
    let mut runs = 0;
    let all = names().into_iter().chain(["networks-replaced".to_owned()]);
    for name in all.collect::<BTreeSet<_>>() {
        let Some((case, world, plan)) = cases::made(&name) else { panic!("{name} has no plan") };
        let trial = Trial::new(&case, &world, &plan);
        for after in 1..200 {
            runs += 1;
            let engine = trial.engine(&[]);
            let watcher = Watcher::new(Some(after));
            let heard = (&watcher as &dyn Sink, watcher.stop.subscribe());
            let outcome = block(trial.heard(&engine, &trial.fresh, None, heard)).unwrap();
            let code = outcome.exit_code();
            let calls = engine.changing().join("\n  ");
            assert!(matches!(code, 0 | 130), "{name}, {after}: {code}\n  {calls}");
            assert_eq!(
                trial.not_whole(&engine),
                Vec::<String>::new(),
                "{name}, {after}\n  {calls}"
            );
            let off = off_their_network(&trial, &engine);
            assert_eq!(off, Vec::<String>::new(), "{name}, {after}\n  {calls}");
            if code == 0 {
                break;
            }
        }
    }
    println!("asked to stop: {runs} runs");
}

/// The containers that are off a network which the plan makes again.
fn off_their_network(trial: &Trial<'_>, engine: &Simulated) -> Vec<String> {
    let steps = || trial.plan.steps.iter().map(|step| &step.action);
    let removed: BTreeSet<&String> = steps()
        .filter_map(|action| match action {
            Action::RemoveNetwork { network, .. } => Some(network),
            _ => None,
        })
        .collect();
    let mut off = Vec::new();
    for action in steps() {
        let Action::Connect { container: Subject::Container(id), network, .. } = action else {
            continue;
        };
        let Some(found) = block(engine.inspect(id.as_str())).unwrap() else { continue };
        if removed.contains(network) && found["NetworkSettings"]["Networks"].get(network).is_none()
        {
            off.push(format!("{id} is off {network}"));
        }
    }
    off
}

/// What a person is told to do, `recover` without a way, never leaves a container off its network: what
/// cannot go back is finished, also where another set is stale.
#[test]
fn a_network_that_a_dead_run_took_down_is_put_up_again() {
    let (case, world, plan) = cases::made("networks-replaced").unwrap();
    let trial = Trial::new(&case, &world, &plan);
    let whole = trial.engine(&[]);
    trial.run(&whole, &trial.fresh, None);
    let calls = whole.changing().len();
    assert!(calls > 4, "{calls}");
    for (call, when) in (0..calls).flat_map(|at| [(at, When::Before), (at, When::After)]) {
        for way in [Way::Nearest, Way::BackIfPossible] {
            let engine = trial.engine(&[(call, Blame::Happens(Blow::CallerDies(when)))]);
            assert!(trial.run(&engine, &trial.fresh, None).is_none());
            engine.set_faults(Faults::none());
            let look = trial.look(&engine);
            let judgement = stale::judge(&plan, &trial.spec, &look);
            let what = recovery(&plan, &trial.digest, &look, &judgement.done, way);
            assert_eq!(what.cannot, [], "{call} {when:?} {way:?}");
            let outcome = trial.run(&engine, &judgement, Some(&what)).unwrap();
            let calls = engine.changing().join("\n  ");
            assert!(outcome.is_whole(), "{call} {when:?} {way:?}\n  {calls}");
            let off = off_their_network(&trial, &engine);
            assert_eq!(off, Vec::<String>::new(), "{call} {when:?} {way:?}\n  {calls}");
        }
    }
}
