//! Somebody else acts right before any call of a run, from a seed. Noise beside the plan changes nothing. What
//! is done to the plan's own containers is seen; nothing of others is touched, and `recover` leads out.

use bayplan::apply::recovery::{Way, recovery};
use bayplan::base::ident::{ContainerName, reserved_suffix};
use bayplan::engine::Reader;
use bayplan::engine::simulated::{Deed, Faults, Simulated};
use bayplan::observed::snapshot::Snapshot;
use bayplan::stale;

use crate::cases;
use crate::made::block;
use crate::survives::{KINDS, Tally, Trial, report};

/// So many seeds for each plan.
const SEEDS: u64 = 60;

/// Numbers that look random and are the same every time (splitmix64).
pub(crate) struct Seed(pub(crate) u64);

impl Seed {
    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(most.max(1)).unwrap()).unwrap()
    }

    pub(crate) fn one<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

fn name(text: &str) -> ContainerName {
    ContainerName::new(text)
}

/// An image that is on the engine.
fn image(world: &Snapshot) -> Option<String> {
    let mut tags =
        world.images.values().flat_map(|image| image["RepoTags"].as_array().into_iter().flatten());
    tags.find_map(|tag| tag.as_str().map(str::to_owned))
}

/// What concerns nobody.
pub(crate) fn noise(seed: &mut Seed, image: &str) -> Vec<Deed> {
    let stranger = || name("stranger");
    let all = [
        vec![Deed::Runs(stranger(), image.to_owned())],
        vec![Deed::Runs(stranger(), image.to_owned()), Deed::Stops(stranger())],
        vec![Deed::Runs(stranger(), image.to_owned()), Deed::Renames(stranger(), name("other"))],
        vec![Deed::Runs(stranger(), image.to_owned()), Deed::Removes(stranger())],
    ];
    seed.one(&all).clone()
}

/// What is done to what the plan is about.
fn drift(seed: &mut Seed, trial: &Trial<'_>, image: &str) -> Vec<Deed> {
    let facts = trial.plan.facts.containers.iter().map(|fact| fact.name.clone());
    let changes = trial.plan.changes.iter().filter(|change| change.set.is_some());
    let changes = changes.flat_map(|change| {
        ["", ".bp-new", ".bp-old"].map(|suffix| name(&format!("{}{suffix}", change.id)))
    });
    let names: Vec<ContainerName> = facts.chain(changes).collect();
    let whom = seed.one(&names).clone();
    let all = [
        vec![Deed::Stops(whom.clone())],
        vec![Deed::Starts(whom.clone())],
        vec![Deed::Removes(whom.clone())],
        vec![Deed::Renames(whom.clone(), name("elsewhere"))],
        vec![Deed::Removes(whom.clone()), Deed::Runs(whom.clone(), image.to_owned())],
        vec![Deed::Renames(whom.clone(), name("elsewhere")), Deed::Runs(whom, image.to_owned())],
    ];
    seed.one(&all).clone()
}

fn with(trial: &Trial<'_>, at: usize, deeds: Vec<Deed>) -> Simulated {
    let engine = trial.engine(&[]);
    let mut faults = Faults::none();
    faults.strangers.insert(at, deeds);
    engine.set_faults(faults);
    engine
}

/// The containers of others that were called, by the log.
pub(crate) fn touched_strangers(trial: &Trial<'_>, engine: &Simulated) -> Vec<String> {
    let known = |id: &str| trial.plan.facts.containers.iter().any(|fact| fact.id.as_str() == id);
    let listed = block(engine.list()).unwrap();
    let others = listed.iter().filter_map(|one| {
        let id = one["Id"].as_str()?;
        let ours = one["Labels"]["io.bayplan.plan"] == trial.digest;
        (!ours && !known(id)).then(|| id[..12].to_owned())
    });
    let others: Vec<String> = others.collect();
    let calls = engine.changing();
    calls.into_iter().filter(|call| others.iter().any(|id| call.contains(id.as_str()))).collect()
}

/// What lies about and was made by a run of the plan.
fn left_over(trial: &Trial<'_>, engine: &Simulated) -> Vec<String> {
    let listed = block(engine.list()).unwrap();
    listed
        .iter()
        .filter(|one| one["Labels"]["io.bayplan.plan"] == trial.digest)
        .filter_map(|one| one["Names"][0].as_str().map(str::to_owned))
        .filter(|name| reserved_suffix(name).1.is_some())
        .collect()
}

fn lost_volumes(trial: &Trial<'_>, engine: &Simulated) -> Vec<String> {
    if trial.plan.changes.iter().any(|change| !change.impact.loses.is_empty()) {
        return Vec::new();
    }
    let now = block(engine.volumes()).unwrap();
    let there = |volume: &&serde_json::Value| now.iter().any(|one| one["Name"] == volume["Name"]);
    let lost = trial.world.volumes.iter().filter(|volume| !there(volume));
    lost.map(|volume| volume["Name"].to_string()).collect()
}

fn plain_calls(trial: &Trial<'_>) -> usize {
    let engine = trial.engine(&[]);
    trial.run(&engine, &trial.fresh, None);
    engine.changing().len()
}

#[test]
fn noise_between_any_two_calls_changes_nothing() {
    let names: Vec<String> = KINDS.iter().map(|name| (*name).to_owned()).collect();
    report(("noise of strangers", 1_000), &names, |case| {
        let mut tally = Tally::default();
        let Some((case, world, plan)) = cases::made(case) else { return tally };
        let trial = Trial::new(&case, &world, &plan);
        let Some(image) = image(&world) else { return tally };
        let calls = plain_calls(&trial);
        for number in 0..SEEDS {
            let mut seed = Seed(number);
            let (at, deeds) = (seed.below(calls), noise(&mut seed, &image));
            let engine = with(&trial, at, deeds.clone());
            let code = trial.run(&engine, &trial.fresh, None).map(|outcome| outcome.exit_code());
            tally.runs += 1;
            let mut wrong = trial.not_whole(&engine);
            wrong.extend(touched_strangers(&trial, &engine));
            if code != Some(0) || !wrong.is_empty() {
                let calls = engine.changing().join("\n    ");
                tally
                    .wrong
                    .push(format!("{deeds:?} before {at}: {code:?}, {wrong:?}\n    {calls}"));
            }
        }
        tally
    });
}

#[test]
fn what_strangers_do_to_the_plans_own_containers_is_seen_and_led_out_of() {
    let names: Vec<String> = KINDS.iter().map(|name| (*name).to_owned()).collect();
    report(("strangers among the plan's own", 1_000), &names, |case| {
        let mut tally = Tally::default();
        let Some((case, world, plan)) = cases::made(case) else { return tally };
        let trial = Trial::new(&case, &world, &plan);
        let Some(image) = image(&world) else { return tally };
        let calls = plain_calls(&trial);
        for number in 0..SEEDS {
            let mut seed = Seed(number);
            let (at, deeds) = (seed.below(calls), drift(&mut seed, &trial, &image));
            let engine = with(&trial, at, deeds.clone());
            let code = trial.run(&engine, &trial.fresh, None).map(|outcome| outcome.exit_code());
            tally.runs += 1;
            engine.set_faults(Faults::none());
            let mut wrong = touched_strangers(&trial, &engine);
            wrong.extend(lost_volumes(&trial, &engine));
            // Only where a person is needed may something lie about.
            if code != Some(7) {
                wrong.extend(left_over(&trial, &engine));
            }
            wrong.extend(recovered(&trial, &engine));
            wrong.extend(touched_strangers(&trial, &engine));
            if !wrong.is_empty() {
                let calls = engine.changing().join("\n    ");
                tally
                    .wrong
                    .push(format!("{deeds:?} before {at}: {code:?}, {wrong:?}\n    {calls}"));
            }
        }
        tally
    });
}

/// What `recover` leaves lying about, though it says that it can.
fn recovered(trial: &Trial<'_>, engine: &Simulated) -> Vec<String> {
    let look = trial.look(engine);
    let judgement = stale::judge(trial.plan, &trial.spec, &look);
    let what = recovery(trial.plan, &trial.digest, &look, &judgement.done, Way::Back);
    if !what.cannot.is_empty() || what.is_empty() {
        return Vec::new();
    }
    let outcome = trial.run(engine, &judgement, Some(&what));
    let whole = outcome.is_some_and(|outcome| outcome.is_whole());
    if whole { left_over(trial, engine) } else { Vec::new() }
}
