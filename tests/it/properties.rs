//! What must hold of any spec on any engine, tried on worlds that come from a seed.
//!
//! A world is what an earlier spec left on the simulated engine, with strangers beside it; the plan is that of
//! a second spec. `BAYPLAN_SEEDS` tries more of them, `BAYPLAN_SEED` one alone. What a run of the
//! program says, and what is changed in a plan file, have tests of their own: `canary`, `tamper`.

mod hangs;
mod unlocked;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use bayplan::apply::SimulatedClock;
use bayplan::apply::lock::{self, Owner, Taken};
use bayplan::apply::recovery::{Way, recovery};
use bayplan::base::ident::ContainerName;
use bayplan::engine::simulated::{Blow, Deed, Faults, Simulated, When};
use bayplan::engine::{ErrorKind, Reader, observe};
use bayplan::observed::redact::Redactor;
use bayplan::observed::scope::ObservationScope;
use bayplan::observed::snapshot::Snapshot;
use bayplan::plan::{Action, ImagePin, Plan, Subject, Verb, format};
use bayplan::planner::{self, Input, Pins};
use bayplan::stale;

use crate::cases::{Case, looked_at};
use crate::made::block;
use crate::strangers::{Seed, noise, touched_strangers};
use crate::survives::whole::touched;
use crate::survives::{Blame, Trial};

/// So many worlds for each property.
const SEEDS: u64 = 20;

/// The image of nearly everything.
const IMAGE: &str = "app:1";

/// One line that a set may say, of a kind.
const LINES: &[&[&str]] = &[
    &["command: serve", "command: work hard", ""],
    &["mem_limit: 64m", "mem_limit: 96m", ""],
    &["environment: {A: one}", "environment: {A: two, B: three}", ""],
    &["labels: {tier: front}", ""],
    &["restart: always", "restart: unless-stopped", ""],
    &["hostname: here", ""],
    &["shm_size: 96m", ""],
    &["stop_signal: SIGINT", ""],
    &["volumes: ['data:/data']", "volumes: ['data:/data', 'more:/more']", "volumes: [/cache]", ""],
    &["networks: [front]", "networks: [front, back]", ""],
    &["cap_add: [NET_ADMIN]", ""],
    &["read_only: true", ""],
];

const STATES: &[&str] = &["reloaded", "reloaded", "reloaded", "started", "present"];
/// Those of sets that have a name.
const ENDS: &[&str] = &["stopped", "absent", "reloaded", "reloaded", "reloaded"];

/// A spec of up to four sets, each after some of those before it.
fn spec(seed: &mut Seed) -> String {
    let mut text =
        "project: shop\ndefaults: {prove_for: 0, match: owned}\nnetworks: {front: , back: }\n\
                    volumes: {data: , more: }\ncontainers:\n"
            .to_owned();
    let sets = ["db", "web", "job", "side"];
    let many = 1 + seed.below(sets.len());
    for (number, set) in sets[..many].iter().enumerate() {
        let named = seed.below(2) == 0;
        let state = if named { *seed.one(ENDS) } else { *seed.one(STATES) };
        let _ =
            writeln!(text, "  {set}:\n    image: {IMAGE}\n    state: {state}\n    discard: true");
        let _ = if named {
            writeln!(text, "    name: shop-{set}")
        } else {
            writeln!(text, "    count: {}", seed.below(4))
        };
        for kind in LINES {
            let line = seed.one(kind);
            if !line.is_empty() && seed.below(2) == 0 {
                let _ = writeln!(text, "    {line}");
            }
        }
        if seed.below(2) == 0 {
            let first = 20_000 + 100 * number;
            let _ = writeln!(text, "    ports: ['127.0.0.1:{first}-{}:80']", first + 9);
        }
        if number > 0 && seed.below(2) == 0 {
            let _ = writeln!(text, "    depends_on: [{}]", sets[seed.below(number)]);
        }
    }
    text
}

/// An engine on which an earlier spec was applied, with strangers beside it; nothing: the earlier spec
/// declares nothing.
fn inhabited(seed: &mut Seed) -> Option<Simulated> {
    let first = Made::on(Case::of(spec(seed)), &crate::row_walks::engine())?;
    let trial = first.trial();
    let there = Simulated::new(&first.world);
    let ended = trial.run(&there, &trial.fresh, None).unwrap();
    assert_eq!(ended.exit_code(), 0, "{}", first.case.text);
    let look = looked_at(&first.case, &trial.spec, &ObservationScope::everything(), &there);
    let engine = Simulated::new(&look);
    for deed in noise(seed, IMAGE) {
        engine.set_faults(Faults { at_lists: vec![vec![deed]], ..Faults::none() });
        block(engine.list()).unwrap();
    }
    engine.set_faults(Faults::none());
    Some(engine)
}

/// A plan on a world, all from a seed.
struct Made {
    case: Case,
    world: Snapshot,
    plan: Plan,
}

impl Made {
    /// The spec that comes second in a world that an earlier one left; nothing: there is no plan, or
    /// nothing to do.
    fn of(seed: &mut Seed) -> Option<Self> {
        let engine = inhabited(seed)?;
        Self::on(Case::of(spec(seed)), &engine)
    }

    fn on(case: Case, engine: &Simulated) -> Option<Self> {
        let spec = case.spec().unwrap_or_else(|wrong| panic!("{wrong:?}\n{}", case.text));
        let world = looked_at(&case, &spec, &ObservationScope::of(&spec), engine);
        let pins = Pins::default();
        let input = Input { spec: &spec, snapshot: &world, assume: false, pins, source: None };
        let built = planner::build(&input);
        let does = built.errors.is_empty() && !built.plan.steps.is_empty();
        does.then_some(Self { case, world, plan: built.plan })
    }

    fn trial(&self) -> Trial<'_> {
        Trial::new(&self.case, &self.world, &self.plan)
    }

    /// What a plan of the same spec does now.
    fn again(&self, engine: &Simulated) -> Plan {
        let spec = self.case.spec().unwrap();
        let snapshot = looked_at(&self.case, &spec, &ObservationScope::of(&spec), engine);
        let pins = Pins::default();
        let input = Input { spec: &spec, snapshot: &snapshot, assume: false, pins, source: None };
        let built = planner::build(&input);
        assert_eq!(built.errors, [], "{}", self.case.text);
        built.plan
    }
}

/// Tries a property on many worlds; it gives what does not hold.
#[track_caller]
fn holds(property: impl Fn(&Made, &mut Seed) -> Vec<String>) {
    holds_of(|seed| {
        let made = Made::of(seed)?;
        let wrong = property(&made, seed);
        Some(wrong.into_iter().map(|what| format!("{what}\n{}", made.case.text)).collect())
    });
}

/// Tries a property on many seeds; nothing: the seed makes no plan.
#[track_caller]
fn holds_of(property: impl Fn(&mut Seed) -> Option<Vec<String>>) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("BAYPLAN_SEED") {
        Some(one) => one..one + 1,
        None => 0..number("BAYPLAN_SEEDS").unwrap_or(SEEDS),
    };
    let (mut plans, mut wrong) = (0, String::new());
    for number in seeds {
        let Some(all) = property(&mut Seed(number)) else { continue };
        plans += 1;
        for what in all {
            let _ = writeln!(wrong, "seed {number}: {what}");
        }
        assert!(wrong.len() < 20_000, "{wrong}");
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(plans > 0 || std::env::var("BAYPLAN_SEED").is_ok(), "no plan was made");
}

/// How many changing calls the plan makes.
fn calls(trial: &Trial<'_>) -> usize {
    let engine = trial.engine(&[]);
    trial.run(&engine, &trial.fresh, None);
    engine.changing().len()
}

/// What is said where a run does not end well.
fn told(what: &str, engine: &Simulated) -> String {
    format!("{what}\n    {}", engine.changing().join("\n    "))
}

/// Recovers what a run left; what does not hold then.
fn recovered(trial: &Trial<'_>, engine: &Simulated, way: Way) -> Vec<String> {
    engine.set_faults(Faults::none());
    let look = trial.look(engine);
    let judgement = stale::judge(trial.plan, &trial.spec, &look);
    let what = recovery(trial.plan, &trial.digest, &look, &judgement.done, way);
    if !what.cannot.is_empty() {
        return Vec::new();
    }
    let code = trial.run(engine, &judgement, Some(&what)).map(|outcome| outcome.exit_code());
    let mut wrong = trial.not_whole(engine);
    if code != Some(0) {
        wrong.push(format!("recover {way:?} ends with {code:?}"));
    }
    wrong.into_iter().map(|what| told(&what, engine)).collect()
}

/// P1, P4.
#[test]
fn an_applied_plan_leaves_nothing_to_do_and_does_nothing_a_second_time() {
    holds(|made, _| {
        let trial = made.trial();
        let engine = trial.engine(&[]);
        let code = trial.run(&engine, &trial.fresh, None).map(|outcome| outcome.exit_code());
        let mut wrong = Vec::new();
        if code != Some(0) {
            wrong.push(told(&format!("it ends with {code:?}"), &engine));
        }
        let left = made.again(&engine).changes;
        if !left.is_empty() {
            wrong.push(told(&format!("left to do: {left:?}"), &engine));
        }
        let judgement = stale::judge(trial.plan, &trial.spec, &trial.look(&engine));
        if judgement.is_current() && !judgement.run.is_empty() {
            wrong.push(format!("would be run again: {:?}", judgement.run));
        }
        wrong
    });
}

/// P2, P10.
#[test]
fn a_run_that_dies_anywhere_twice_is_recovered_and_can_be_applied_again() {
    holds(|made, seed| {
        let trial = made.trial();
        let calls = calls(&trial);
        let mut wrong = Vec::new();
        for way in [Way::Back, Way::Finish, Way::Nearest, Way::BackIfPossible] {
            let blow = |seed: &mut Seed| {
                let when = *seed.one(&[When::Before, When::After]);
                (seed.below(calls), Blame::Happens(Blow::CallerDies(when)))
            };
            let first = blow(seed);
            let engine = trial.engine(&[first]);
            trial.run(&engine, &trial.fresh, None);
            // The second one dies as well.
            let at = engine.changing().len() + seed.below(3);
            let (_, Blame::Happens(second)) = blow(seed) else { unreachable!() };
            engine.set_faults(Faults { blows: BTreeMap::from([(at, second)]), ..Faults::none() });
            let judgement = stale::judge(trial.plan, &trial.spec, &trial.look(&engine));
            if judgement.is_current() {
                trial.run(&engine, &judgement, None);
            }
            wrong.extend(recovered(&trial, &engine, way));
        }
        wrong
    });
}

/// P3.
#[test]
fn no_volume_disappears_that_the_plan_does_not_name() {
    holds(|made, seed| {
        let trial = made.trial();
        let loses: BTreeSet<&str> = made
            .plan
            .changes
            .iter()
            .flat_map(|change| &change.impact.loses)
            .map(String::as_str)
            .collect();
        let at = seed.below(calls(&trial));
        let mut wrong = Vec::new();
        for faults in [vec![], vec![(at, Blame::Fails(When::After, ErrorKind::Status(500)))]] {
            let engine = trial.engine(&faults);
            trial.run(&engine, &trial.fresh, None);
            let now = block(engine.volumes()).unwrap();
            for volume in &made.world.volumes {
                let name = volume["Name"].as_str().unwrap_or_default();
                if !now.iter().any(|one| one["Name"] == name)
                    && !loses.iter().any(|lost| {
                        lost.contains(name) || lost.contains(&name[..12.min(name.len())])
                    })
                {
                    wrong.push(told(&format!("volume {name} is gone, not of {loses:?}"), &engine));
                }
            }
        }
        wrong
    });
}

/// P5.
#[test]
fn calls_come_in_the_order_of_what_depends_on_what() {
    holds(|made, _| {
        let trial = made.trial();
        let engine = trial.engine(&[]);
        trial.run(&engine, &trial.fresh, None);
        let log = engine.changing();
        // Where the call of a step stands: its verb, and its container's name at that time.
        let place = |id: &str| {
            let step = made.plan.steps.iter().find(|step| step.id.as_str() == id)?;
            let change = step.id.change();
            match &step.action {
                Action::Create { name, .. } => {
                    log.iter().position(|call| *call == format!("create {name}"))
                }
                Action::Stop { container: Subject::Container(it), .. } => {
                    let begin = format!("stop {}", it.short());
                    log.iter().position(|call| call.starts_with(&begin))
                }
                Action::Start { container: Subject::CreatedBy(_), .. } => {
                    let starts = |call: &&String| {
                        let name = call.rsplit(' ').next().unwrap_or_default();
                        call.starts_with("start ") && name.trim_end_matches(".bp-new") == change
                    };
                    log.iter().position(|call| starts(&call))
                }
                _ => None,
            }
        };
        let mut wrong = Vec::new();
        for step in &made.plan.steps {
            let Some(own) = place(step.id.as_str()) else { continue };
            for before in &step.after {
                if place(before.as_str()).is_some_and(|before| before > own) {
                    wrong.push(told(&format!("{} before {before}", step.id), &engine));
                }
            }
        }
        wrong
    });
}

/// P6.
#[test]
fn noise_never_makes_a_plan_stale_and_what_is_done_to_its_containers_always_does() {
    holds(|made, seed| {
        let trial = made.trial();
        let judged = |deeds: Vec<Deed>| {
            let engine = trial.engine(&[]);
            engine.set_faults(Faults { at_lists: vec![deeds], ..Faults::none() });
            block(engine.list()).unwrap();
            engine.set_faults(Faults::none());
            stale::judge(trial.plan, &trial.spec, &trial.look(&engine))
        };
        let mut wrong = Vec::new();
        let quiet = noise(seed, IMAGE);
        let judgement = judged(quiet.clone());
        if !judgement.is_current() {
            wrong.push(format!("{quiet:?} makes it stale: {:?}", judgement.stale));
        }
        let targets = touched(&made.plan);
        for fact in made.plan.facts.containers.iter().filter(|fact| targets.contains(&fact.id)) {
            let name = fact.name.clone();
            let elsewhere = ContainerName::new("elsewhere");
            for deeds in [
                vec![Deed::Renames(name.clone(), elsewhere)],
                vec![Deed::Removes(name.clone())],
                vec![Deed::Removes(name.clone()), Deed::Runs(name.clone(), IMAGE.to_owned())],
            ] {
                let judgement = judged(deeds.clone());
                let of_fact = |id: &bayplan::base::ident::StepId| id.change() == name.as_str();
                // One that is to be removed and is gone is as the plan wants it.
                let removes = made.plan.changes.iter().any(|change| {
                    change.id.as_str() == name.as_str() && change.verb == Verb::Remove
                });
                if judgement.is_current() && judgement.run.iter().any(of_fact) && !removes {
                    wrong.push(format!("{deeds:?} goes unseen"));
                }
            }
        }
        wrong
    });
}

/// P7.
#[test]
fn no_call_touches_what_the_plan_does_not_name() {
    holds(|made, seed| {
        let trial = made.trial();
        let at = seed.below(calls(&trial));
        let kind = *seed.one(&[ErrorKind::Conflict, ErrorKind::Status(500), ErrorKind::NotFound]);
        let mut wrong = Vec::new();
        for faults in [vec![], vec![(at, Blame::Fails(When::Before, kind))]] {
            let engine = trial.engine(&faults);
            trial.run(&engine, &trial.fresh, None);
            wrong.extend(touched_strangers(&trial, &engine));
        }
        wrong
    });
}

/// One of several applies, as the program goes about it: under the lock, by a look of its own. Whether it
/// had its turn.
async fn locked(trial: &Trial<'_>, engine: &Simulated, host: &str) -> bool {
    let clock = SimulatedClock(engine);
    let owner = Owner { host: host.to_owned(), ..Owner::default() };
    let who = (trial.digest.as_str(), &owner);
    let taken = lock::take(engine, &clock, trial.plan, who, Duration::ZERO, |_| ()).await.unwrap();
    let Taken::Ours(lock) = taken else { return false };
    let seen = observe::observe(engine, &ObservationScope::of(&trial.spec)).await.unwrap();
    let seen = seen.redact(&Redactor::new(Some(&trial.spec), BTreeMap::new()));
    let judgement = stale::judge(trial.plan, &trial.spec, &seen);
    assert!(judgement.is_current(), "{:?}", judgement.stale);
    tokio::select! {
        outcome = trial.under_way(engine, &judgement, None) => {
            assert_eq!(outcome.unwrap().exit_code(), 0);
        }
        _ = lock.beats(engine, &clock) => unreachable!("the lock was taken away"),
    }
    lock.release(engine).await;
    true
}

/// P8.
#[test]
fn of_applies_at_once_those_that_have_a_turn_do_the_plan_once() {
    holds(|made, seed| {
        let trial = made.trial();
        let engine = trial.engine(&[]);
        let more = seed.below(2);
        let mut turns = Vec::new();
        block(async {
            let third = async { more == 1 && locked(&trial, &engine, "c").await };
            let (a, b, c) =
                tokio::join!(locked(&trial, &engine, "a"), locked(&trial, &engine, "b"), third);
            turns.extend([a, b, c]);
        });
        let mut wrong = touched_strangers(&trial, &engine);
        wrong.retain(|call| !call.contains("bp-lock"));
        wrong.extend(trial.not_whole(&engine));
        if !turns.contains(&true) || !made.again(&engine).changes.is_empty() {
            wrong.push(told(&format!("something is left to do, turns: {turns:?}"), &engine));
        }
        wrong
    });
}

/// P9.
#[test]
fn what_runs_is_made_from_the_image_that_the_plan_pins() {
    holds(|made, _| {
        let trial = made.trial();
        let engine = trial.engine(&[]);
        trial.run(&engine, &trial.fresh, None);
        let mut wrong = Vec::new();
        for step in &made.plan.steps {
            let Action::Create { image: ImagePin::Id(pinned), .. } = &step.action else { continue };
            let name = step.id.change();
            let found = block(engine.inspect(name)).unwrap().unwrap_or_default();
            if found["Image"] != pinned.as_str() {
                wrong.push(format!("{name} is made from {}, not from {pinned}", found["Image"]));
            }
        }
        wrong
    });
}

/// P14.
#[test]
fn a_step_whose_answer_is_lost_is_done_once() {
    holds(|made, _| {
        let trial = made.trial();
        let engine = trial.engine(&[]);
        engine.set_faults(Faults::every("", When::After, ErrorKind::Interrupted));
        let plain = trial.engine(&[]);
        trial.run(&plain, &trial.fresh, None);
        let code = trial.run(&engine, &trial.fresh, None).map(|outcome| outcome.exit_code());
        engine.set_faults(Faults::none());
        let restarts =
            made.plan.steps.iter().any(|step| matches!(step.action, Action::Restart { .. }));
        let mut wrong = Vec::new();
        if code != Some(0) && !restarts {
            wrong.push(told(&format!("it ends with {code:?}"), &engine));
        }
        let sorted = |engine: &Simulated| {
            let mut verbs: Vec<String> = engine
                .changing()
                .iter()
                .map(|call| call.split(' ').next().unwrap_or_default().to_owned())
                .collect();
            verbs.sort();
            verbs
        };
        if code == Some(0) && sorted(&engine) != sorted(&plain) {
            wrong.push(told("other calls than those of a run that is answered", &engine));
        }
        wrong
    });
}

/// P15.
#[test]
fn a_plan_has_the_same_bytes_whatever_order_an_engine_tells_things_in() {
    holds(|made, seed| {
        let spec = made.case.spec().unwrap();
        let mut world = made.world.clone();
        for number in (1..world.containers.len()).rev() {
            world.containers.swap(number, seed.below(number + 1));
        }
        for list in [&mut world.networks, &mut world.volumes] {
            for number in (1..list.len()).rev() {
                list.swap(number, seed.below(number + 1));
            }
        }
        let bytes = |snapshot: &Snapshot| {
            let pins = Pins::default();
            let input = Input { spec: &spec, snapshot, assume: false, pins, source: None };
            format::write(&planner::build(&input).plan).unwrap().text
        };
        let (one, other) = (bytes(&made.world), bytes(&world));
        if one == other { Vec::new() } else { vec![format!("{one}\n{other}")] }
    });
}
