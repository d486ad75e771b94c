//! Runs that are broken at every call, in every way, and what comes after: going back, applying again,
//! `recover`. Afterwards each container of the plan is the old one or the new one, runs as it should,
//! has its name, and nothing is left over; nothing else was touched.
//!
//! The engine is simulated. `BAYPLAN_FAULTS=all` breaks the plans of all cases, and pairs of faults.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::time::Instant;

use bayplan::apply::events::Silent;
use bayplan::apply::recovery::{Recovery, Way, recovery};
use bayplan::apply::{self, Begun, Outcome, Resume, Settings, SimulatedClock};
use bayplan::base::ident::{ContainerId, StepId, reserved_suffix};
use bayplan::engine::simulated::{Blow, Fault, Faults, Simulated, When};
use bayplan::engine::{ErrorKind, Reader};
use bayplan::observed::scope::ObservationScope;
use bayplan::observed::snapshot::{Run, Snapshot};
use bayplan::options::Body;
use bayplan::options::settings::Settings as Limits;
use bayplan::plan::{Action, Plan, Subject, format};
use bayplan::spec::Spec;
use bayplan::stale::{self, Judgement};
use serde_json::Value as Json;

use crate::cases::{self, Case, Known, NAMES, looked_at, offer, planned_bodies};
use crate::made::block;

/// One plan of each kind.
const KINDS: &[&str] = &[
    "reloaded-differing",
    "reloaded-three-in-turn",
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
    "networks-created",
    "image-pull-missing-replaces",
    "six-sets-ten-changes",
];

/// What befalls one changing call.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Blame {
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
struct Trial<'a> {
    case: &'a Case,
    world: &'a Snapshot,
    plan: &'a Plan,
    spec: Spec,
    digest: String,
    bodies: BTreeMap<StepId, Body>,
    fresh: Judgement,
}

impl<'a> Trial<'a> {
    fn new(case: &'a Case, world: &'a Snapshot, plan: &'a Plan) -> Self {
        let spec = case.declared(&plan.declared).unwrap();
        let bodies = planned_bodies(&spec, world, plan);
        let fresh = stale::judge(plan, &spec, world);
        let digest = format::write(plan).unwrap().digest;
        Self { case, world, plan, spec, digest, bodies, fresh }
    }

    fn engine(&self, faults: &[(usize, Blame)]) -> Simulated {
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

    fn look(&self, engine: &Simulated) -> Snapshot {
        let wanted = ObservationScope::of(&self.spec).for_plan(
            self.plan.facts.images.iter().map(|fact| fact.reference.clone()),
            self.plan.facts.containers.iter().map(|fact| fact.id.clone()),
        );
        looked_at(self.case, &self.spec, &wanted, engine)
    }

    /// Runs the plan, or what is recovered of it; nothing: the run died.
    fn run(
        &self,
        engine: &Simulated,
        judgement: &Judgement,
        recovery: Option<&Recovery>,
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
        let (_keep, cancel) = tokio::sync::watch::channel(None);
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
            sink: &Silent,
            cancel,
            settings: Settings { parallelism: 4, ..Settings::default() },
        };
        block(async {
            let begun = Begun::default();
            tokio::select! {
                biased;
                outcome = apply::run(run, &begun) => Some(outcome),
                () = engine.caller_dies() => None,
            }
        })
    }

    /// Breaks a run, does what comes then, and says what does not hold. Gives whether the last of the
    /// faults was reached.
    fn broken(&self, faults: &[(usize, Blame)], then: Then, wrong: &mut Vec<String>) -> Reached {
        let engine = self.engine(faults);
        let outcome = self.run(&engine, &self.fresh, None);
        let last = faults.iter().map(|(number, _)| *number).max().unwrap_or_default();
        let reached = engine.changing().len() > last;
        let told = |what: &str| {
            format!("{faults:?}, then {then:?}: {what}\n    {}", engine.changing().join("\n    "))
        };
        let ended = outcome.as_ref().map(Outcome::exit_code);
        // What ended whole needs nobody: it is the old world or the new one.
        let mut needs = Reached { reached, followed: true };
        match ended {
            Some(code) if code != 7 => {
                needs.followed = false;
                wrong.extend(
                    self.not_whole(&engine)
                        .into_iter()
                        .map(|what| told(&format!("ended with {code}: {what}"))),
                );
                if code == 0 || !reached {
                    return needs;
                }
            }
            Some(_) if faults.len() == 1 && !self.is_lossy() => {
                wrong.push(told(&format!(
                    "one fault ends with 7: {:#?}",
                    outcome.map(|it| it.troubles)
                )));
                return needs;
            }
            _ => {}
        }
        engine.set_faults(Faults::none());
        if let Some(what) = self.follow(&engine, if needs.followed { then } else { Then::Apply }) {
            wrong.push(told(&format!("after {ended:?}: {what}")));
        }
        needs
    }

    /// Whether the plan does what no call takes back.
    fn is_lossy(&self) -> bool {
        self.plan.steps.iter().any(|step| {
            matches!(step.action, Action::Restart { .. } | Action::RemoveNetwork { .. })
        })
    }

    /// What comes after, without any fault; what does not hold then.
    fn follow(&self, engine: &Simulated, then: Then) -> Option<String> {
        let look = self.look(engine);
        let judgement = stale::judge(self.plan, &self.spec, &look);
        if !judgement.half_done.is_empty() {
            // A network that was taken down is put up by a person.
            return None;
        }
        let outcome = match then {
            // A volume that was made with a container stays when that goes: a new plan is made.
            Then::Apply if kept_volume(&judgement) => return None,
            Then::Apply => {
                if !judgement.is_current() {
                    return Some(format!(
                        "is not current: {:#?}",
                        judgement.stale.iter().chain(&judgement.tampered).collect::<Vec<_>>()
                    ));
                }
                self.run(engine, &judgement, None)
            }
            Then::Recover(way) => {
                let what = recovery(self.plan, &self.digest, &look, &judgement.done, way);
                if !what.cannot.is_empty() {
                    return None;
                }
                if !what.finish.is_empty() && !judgement.is_current() {
                    return Some(format!("cannot be finished: {:#?}", judgement.stale));
                }
                self.run(engine, &judgement, Some(&what))
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

    /// Which containers are neither as before nor as planned, and what else is not as it must be.
    fn not_whole(&self, engine: &Simulated) -> Vec<String> {
        let mut wrong = Vec::new();
        let all = block(engine.list()).unwrap();
        let found: BTreeMap<ContainerId, Json> = all
            .iter()
            .map(|listed| listed["Id"].as_str().unwrap())
            .map(|id| (ContainerId::new(id), block(engine.inspect(id)).unwrap().unwrap()))
            .collect();
        let name = |json: &Json| json["Name"].as_str().unwrap_or_default()[1..].to_owned();
        let had: BTreeMap<ContainerId, &Json> = self
            .world
            .containers
            .iter()
            .filter_map(|one| Some((one.id(), one.inspect.as_ref()?)))
            .collect();
        for (id, json) in &found {
            if reserved_suffix(&name(json)).1.is_some() && !had.contains_key(id) {
                wrong.push(format!("`{}` is left over", name(json)));
            }
        }
        wrong.extend(self.others_moved(&had, &found));
        for change in self.plan.changes.iter().filter(|change| change.set.is_some()) {
            wrong.extend(self.change_not_whole(change.id.as_str(), &found));
        }
        let volumes: BTreeSet<String> = block(engine.volumes())
            .unwrap()
            .iter()
            .filter_map(|one| one["Name"].as_str().map(str::to_owned))
            .collect();
        for volume in &self.world.volumes {
            let name = volume["Name"].as_str().unwrap_or_default();
            if !volumes.contains(name)
                && !self.plan.changes.iter().any(|change| !change.impact.loses.is_empty())
            {
                wrong.push(format!("volume `{name}` is lost"));
            }
        }
        wrong
    }

    /// What became of containers that the plan does not touch, or does not remove.
    fn others_moved(
        &self,
        had: &BTreeMap<ContainerId, &Json>,
        found: &BTreeMap<ContainerId, Json>,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        let name = |json: &Json| json["Name"].as_str().unwrap_or_default()[1..].to_owned();
        let touched: BTreeSet<&ContainerId> = self
            .plan
            .steps
            .iter()
            .filter_map(|step| match step.action.subject() {
                Some(Subject::Container(id)) => Some(id),
                _ => None,
            })
            .collect();
        let removed: BTreeSet<&ContainerId> = self
            .plan
            .steps
            .iter()
            .filter_map(|step| match &step.action {
                Action::Remove { container: Subject::Container(id) } => Some(id),
                _ => None,
            })
            .collect();
        for (id, before) in had {
            match found.get(id) {
                None if removed.contains(id) => {}
                None => wrong.push(format!("`{}` is gone", name(before))),
                Some(now) if !touched.contains(id) => {
                    for field in ["Name", "HostConfig"] {
                        let links = field == "HostConfig" && before[field]["Links"].is_array();
                        if before[field] != now[field] && !links {
                            wrong.push(format!(
                                "`{}` is not of the plan and has another {field}",
                                name(before)
                            ));
                        }
                    }
                    if before["State"]["Status"] != now["State"]["Status"] {
                        wrong.push(format!(
                            "`{}` is not of the plan and is {}",
                            name(before),
                            now["State"]["Status"]
                        ));
                    }
                }
                Some(_) => {}
            }
        }
        wrong
    }

    /// A change is done, or all of it is as before.
    fn change_not_whole(&self, change: &str, found: &BTreeMap<ContainerId, Json>) -> Vec<String> {
        let mut wrong = Vec::new();
        let steps = || self.plan.steps.iter().filter(|step| step.id.change() == change);
        let started = steps().any(|step| {
            matches!(&step.action, Action::Start { container: Subject::CreatedBy(_), wait: false })
        });
        let creates = steps().any(|step| matches!(step.action, Action::Create { .. }));
        let new = found.values().find(|json| {
            json["Name"] == format!("/{change}")
                && json["Config"]["Labels"]["io.bayplan.plan"] == self.digest
        });
        if let Some(new) = new
            && started
            && new["State"]["Running"] != true
        {
            wrong.push(format!("the new `{change}` does not run"));
        }
        let olds: BTreeSet<&ContainerId> = steps()
            .filter_map(|step| match step.action.subject() {
                Some(Subject::Container(id)) => Some(id),
                _ => None,
            })
            .collect();
        for old in olds {
            let Some(fact) = self.plan.facts.containers.iter().find(|fact| fact.id == *old) else {
                continue;
            };
            let Some(json) = found.get(old) else {
                if creates && new.is_none() {
                    wrong.push(format!("`{change}` is neither old nor new"));
                }
                continue;
            };
            if creates && new.is_some() {
                wrong.push(format!("`{change}` is both old and new"));
                continue;
            }
            if !creates {
                continue;
            }
            if json["Name"] != format!("/{}", fact.name) {
                wrong.push(format!("the old `{}` is called {}", fact.name, json["Name"]));
            }
            let live = json["State"]["Running"] == true;
            let one_shot =
                steps().any(|step| matches!(step.action, Action::Start { wait: true, .. }));
            if live != fact.run.is_live() && !one_shot && fact.run != Run::Paused {
                wrong.push(format!("the old `{}` is {}", fact.name, json["State"]["Status"]));
            }
            if Limits::of_host(&json["HostConfig"]) != fact.settings {
                wrong.push(format!("the old `{}` has other settings", fact.name));
            }
        }
        wrong
    }
}

/// Whether a plan is stale for a volume alone that was made with a container.
fn kept_volume(judgement: &Judgement) -> bool {
    let volume = |one: &stale::Staleness| one.code == "volume_taken";
    !judgement.stale.is_empty() && judgement.stale.iter().all(volume)
}

/// How far a broken run how.
#[derive(Debug, Clone, Copy)]
struct Reached {
    reached: bool,
    /// Whether what came then was what was asked for.
    followed: bool,
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

fn report(what: &str, runs: usize, wrong: &[String], began: Instant) {
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
}

#[test]
fn every_call_is_broken_in_every_way() {
    let began = Instant::now();
    let (mut runs, mut wrong) = (0, Vec::new());
    for name in names() {
        let Some((case, world, plan)) = cases::made(&name) else { continue };
        let trial = Trial::new(&case, &world, &plan);
        for blame in ALL {
            for number in 0.. {
                let mut own = Vec::new();
                let mut reached = true;
                for then in THEN {
                    runs += 1;
                    let how = trial.broken(&[(number, *blame)], then, &mut own);
                    reached = how.reached;
                    if !how.followed || !own.is_empty() {
                        break;
                    }
                }
                wrong.extend(own.into_iter().map(|text| format!("{name}: {text}")));
                if !reached {
                    break;
                }
            }
        }
    }
    report("every call x every fault", runs, &wrong, began);
}

/// A second fault befalls going back, or what goes on.
#[test]
fn pairs_of_faults_end_whole_or_are_recovered() {
    let began = Instant::now();
    let (mut runs, mut wrong) = (0, Vec::new());
    let small: &[&str] = if all_kinds() {
        &[
            "reloaded-differing",
            "reloaded-too-few",
            "ports-freed-by-this-plan",
            "in-place-networks",
            "rename-and-replace",
            "reloaded-three-in-turn",
        ]
    } else {
        &["reloaded-differing"]
    };
    for name in small {
        let Some((case, world, plan)) = cases::made(name) else { panic!("{name}") };
        let trial = Trial::new(&case, &world, &plan);
        for first in ALL {
            for second in ALL {
                for (one, two) in pairs(&trial, *first) {
                    for then in [Then::Apply, Then::Recover(Way::Nearest), Then::Recover(Way::Back)]
                    {
                        runs += 1;
                        let mut own = Vec::new();
                        let how = trial.broken(&[(one, *first), (two, *second)], then, &mut own);
                        wrong.extend(own.into_iter().map(|text| format!("{name}: {text}")));
                        if !how.followed {
                            break;
                        }
                    }
                }
            }
        }
    }
    report("pairs of faults", runs, &wrong, began);
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
