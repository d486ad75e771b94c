//! P8 without the lock: two applies of two plans at once, on one engine. Each step has a look of its own,
//! so what they leave is whole, or `recover` of the plans makes it so.

use std::collections::BTreeSet;

use bayplan::apply::recovery::{Way, recovery};
use bayplan::base::ident::reserved_suffix;
use bayplan::engine::Reader as _;
use bayplan::engine::simulated::{Faults, Simulated};
use bayplan::stale;

use super::{Made, holds_of, inhabited, spec, told};
use crate::cases::Case;
use crate::made::block;
use crate::survives::Trial;

/// Runs a plan after some turns of the other one. Its exit code.
async fn after(turns: usize, trial: &Trial<'_>, engine: &Simulated) -> u8 {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
    trial.under_way(engine, &trial.fresh, None).await.unwrap().exit_code()
}

/// The names that lie about.
fn left_over(engine: &Simulated) -> BTreeSet<String> {
    let all = block(engine.list()).unwrap();
    let names = all.iter().filter_map(|one| one["Names"][0].as_str());
    let names = names.map(|name| name.trim_start_matches('/').to_owned());
    names.filter(|name| reserved_suffix(name).1.is_some()).collect()
}

/// `recover` of a plan, as a person would call it: what does not end well.
fn recovered(trial: &Trial<'_>, engine: &Simulated) -> Option<String> {
    engine.set_faults(Faults::none());
    let look = trial.look(engine);
    let judgement = stale::judge(trial.plan, &trial.spec, &look);
    let way = if judgement.is_current() { Way::Nearest } else { Way::BackIfPossible };
    let what = recovery(trial.plan, &trial.digest, &look, &judgement.done, way);
    if what.is_empty() || !what.cannot.is_empty() {
        return None;
    }
    let outcome = trial.run(engine, &judgement, Some(&what)).unwrap();
    (!outcome.is_whole()).then(|| format!("recover: {what:?} {:#?}", outcome.troubles))
}

#[test]
fn two_plans_at_once_without_a_lock_leave_what_recover_makes_whole() {
    holds_of(|seed| {
        let engine = inhabited(seed)?;
        let one = Made::on(Case::of(spec(seed)), &engine)?;
        let other = Made::on(Case::of(spec(seed)), &engine)?;
        let (one_trial, other_trial) = (one.trial(), other.trial());
        let turns = seed.below(20);
        let codes = block(async {
            tokio::join!(after(0, &one_trial, &engine), after(turns, &other_trial, &engine))
        });
        let mut wrong = Vec::new();
        let left = left_over(&engine);
        if codes.0 != 7 && codes.1 != 7 && !left.is_empty() {
            wrong.push(format!("left over: {left:?}"));
        }
        wrong.extend(recovered(&one_trial, &engine));
        wrong.extend(recovered(&other_trial, &engine));
        let left = left_over(&engine);
        if !left.is_empty() {
            wrong.push(format!("left over after recover: {left:?}"));
        }
        let texts = || format!("{}\n{}", one.case.text, other.case.text);
        let wrong = wrong
            .iter()
            .map(|what| told(&format!("{codes:?} after {turns}: {what}\n{}", texts()), &engine));
        Some(wrong.collect())
    });
}
