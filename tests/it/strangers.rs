//! Somebody else acts right before any call of a run, from a seed. Noise beside the plan changes nothing. What
//! is done to the plan's own containers is seen; nothing of others is touched, and `recover` leads out.

use std::collections::BTreeMap;
use std::time::Duration;

use bayplan::apply::driver::LastLook;
use bayplan::apply::events::{Event, Sink};
use bayplan::apply::recovery::{Way, recovery};
use bayplan::apply::result::ResultDocument;
use bayplan::apply::result_text;
use bayplan::apply::{Outcome, StepStatus};
use bayplan::base::ident::{ContainerName, reserved_suffix};
use bayplan::engine::Reader;
use bayplan::engine::simulated::{Behaviour, Blow, Deed, Faults, Simulated, When};
use bayplan::observed::snapshot::Snapshot;
use bayplan::plan::Subject;
use bayplan::stale;

use serde_json::{Value as Json, json};

use crate::cases;
use crate::made::{Watcher, apply_told, apply_with, block, engine, found, id, replacement, status};
use crate::survives::{Blame, KINDS, Tally, Trial, report};

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
            let outcome = trial.run(&engine, &trial.fresh, None);
            let code = outcome.as_ref().map(Outcome::exit_code);
            tally.runs += 1;
            engine.set_faults(Faults::none());
            let mut wrong = touched_strangers(&trial, &engine);
            wrong.extend(outcome.iter().flat_map(|outcome| lies(&trial, outcome, &engine)));
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

/// The containers of which a run says that they are as before, and that are not.
fn lies(trial: &Trial<'_>, outcome: &Outcome, engine: &Simulated) -> Vec<String> {
    let mut lies = Vec::new();
    for trouble in outcome.troubles.iter().filter(|trouble| trouble.as_before) {
        let steps = trial.plan.steps.iter().filter(|it| it.id.change() == trouble.change.as_str());
        for id in steps.filter_map(|step| match step.action.subject() {
            Some(Subject::Container(id)) => Some(id),
            _ => None,
        }) {
            let Some(fact) = trial.plan.facts.containers.iter().find(|fact| fact.id == *id) else {
                continue;
            };
            let now = block(engine.inspect(id.as_str())).unwrap().unwrap_or_default();
            let name = now["Name"].as_str().unwrap_or_default().trim_start_matches('/');
            if name != fact.name.as_str() || now["State"]["Running"] != fact.run.is_live() {
                lies.push(format!("`{}` is not as before: `{name}`, {}", fact.name, now["State"]));
            }
        }
    }
    lies
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
    let Some(outcome) = outcome else { return Vec::new() };
    let mut wrong = lies(trial, &outcome, engine);
    wrong.extend(outcome.is_whole().then(|| left_over(trial, engine)).into_iter().flatten());
    wrong
}

/// A replacement whose new container ends, after somebody did something to the old container.
fn failed_after(deed: impl Fn(&mut Json)) -> (Outcome, Json) {
    let engine = engine(vec![found("a", "web", "running")]);
    let ends = Some((Duration::from_secs(1), 3));
    engine.behave("web", Behaviour { ends, ..Behaviour::default() });
    let watcher = Watcher::meddling("web/start", || engine.meddle(id("a").as_str(), &deed));
    let outcome = block(apply_with(&engine, &replacement(), &watcher, 4));
    let old = block(engine.inspect(id("a").as_str())).unwrap().unwrap();
    (outcome, old)
}

#[test]
fn an_old_container_that_somebody_renamed_gets_its_name_back() {
    let (outcome, old) = failed_after(|old| old["Name"] = "/zzz".into());
    let [trouble] = outcome.troubles.as_slice() else { panic!("{outcome:#?}") };
    assert_eq!((&old["Name"], &old["State"]["Running"]), (&json!("/web"), &json!(true)));
    assert!(
        trouble.as_before && trouble.undone.iter().any(|it| it.what == "rename `zzz` to `web`")
    );
    assert_eq!(outcome.exit_code(), 5);
}

#[test]
fn what_somebody_did_to_the_old_container_is_told_and_is_not_as_before() {
    type Harm = fn(&mut Json);
    let deeds: [(Harm, &str); 3] = [
        (
            |old| old["NetworkSettings"]["Networks"] = json!({}),
            "expected container `web` on network `bridge`, but found it off network `bridge`",
        ),
        (
            |old| old["NetworkSettings"]["Networks"]["none"] = json!({}),
            "expected container `web` off network `none`, but found it on network `none`",
        ),
        (
            |old| old["HostConfig"]["Memory"] = json!(1 << 27),
            "expected container `web` with no limits, but found Memory 134217728",
        ),
    ];
    for (deed, says) in deeds {
        let (outcome, old) = failed_after(deed);
        let [trouble] = outcome.troubles.as_slice() else { panic!("{outcome:#?}") };
        assert_eq!(trouble.not_by_this_run, [says]);
        assert!(!trouble.as_before && trouble.taken_back, "{trouble:#?}");
        assert_eq!((&old["Name"], outcome.exit_code()), (&json!("/web"), 5));
        let (plan, times) = (replacement().plan, BTreeMap::new());
        let document = ResultDocument::of_run(&plan, &outcome, &times, LastLook::default());
        let told = result_text::text(&document);
        assert!(told.contains(says) && !told.contains("as it was before"), "{told}");
    }
}

/// A run died, and somebody renamed what it had set aside: `recover` gives it its name back.
#[test]
fn recover_finds_a_renamed_old_container_by_its_id() {
    let (case, world, plan) = cases::made("reloaded-differing").unwrap();
    let trial = Trial::new(&case, &world, &plan);
    let mut found = 0;
    for at in 0..plain_calls(&trial) {
        let engine = trial.engine(&[(at, Blame::Happens(Blow::CallerDies(When::Before)))]);
        assert!(trial.run(&engine, &trial.fresh, None).is_none());
        engine.set_faults(Faults::none());
        let olds = plan.facts.containers.iter().filter(|fact| {
            let now = block(engine.inspect(fact.id.as_str())).unwrap().unwrap_or_default();
            now["Name"].as_str().is_some_and(|name| name.ends_with(".bp-old"))
        });
        let olds: Vec<_> = olds.collect();
        for old in &olds {
            engine.meddle(old.id.as_str(), |now| now["Name"] = json!("/elsewhere"));
        }
        let look = trial.look(&engine);
        let judgement = stale::judge(&plan, &trial.spec, &look);
        let what = recovery(&plan, &trial.digest, &look, &judgement.done, Way::BackIfPossible);
        let outcome = trial.run(&engine, &judgement, Some(&what)).unwrap();
        for old in olds {
            found += 1;
            let now = block(engine.inspect(old.id.as_str())).unwrap().unwrap();
            assert_eq!(now["Name"], format!("/{}", old.name), "{at}: {:#?}", outcome.troubles);
        }
        assert_eq!(lies(&trial, &outcome, &engine), Vec::<String>::new(), "{at}");
    }
    assert!(found > 0);
}

/// Renames the new container once it is watched.
struct Renamer<'a>(&'a Simulated);

impl Sink for Renamer<'_> {
    fn event(&self, event: &Event) {
        if matches!(event, Event::Waiting { .. }) {
            self.0.meddle("web", |new| new["Name"] = "/elsewhere".into());
        }
    }
}

/// The name is a part of being ready: a new container without its name is not proven.
#[test]
fn a_new_container_that_somebody_renames_is_not_proven() {
    block(async {
        let engine = engine(vec![found("a", "web", "running")]);
        let (_keep, cancel) = tokio::sync::watch::channel(None);
        let outcome = apply_told(&engine, &replacement(), (&Renamer(&engine), cancel), 4).await;
        let StepStatus::Stale(stale) = status(&outcome, "web/wait_ready") else {
            panic!("{outcome:#?}")
        };
        assert_eq!(
            stale.to_string(),
            "expected container `web` with its name, but found the name `elsewhere`"
        );
        assert_eq!(outcome.exit_code(), 5);
        let [old] = &engine.list().await.unwrap()[..] else { panic!("{outcome:#?}") };
        assert_eq!((&old["Names"][0], &old["Id"]), (&json!("/web"), &json!(id("a"))));
    });
}
