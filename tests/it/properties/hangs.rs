//! P13: a call that hangs ends with its deadline, and the run ends whole.

use std::time::Duration;

use bayplan::engine::simulated::{Blow, When};

use super::{calls, holds, told};
use crate::survives::Blame;

/// The most that one hanging call may cost: the deadline of the call, that of the look after it, and
/// what is given to an engine that finishes a call late.
const MOST: Duration = Duration::from_mins(4);

#[test]
fn a_call_that_hangs_costs_its_deadline_and_the_run_ends_whole() {
    holds(|made, seed| {
        let trial = made.trial();
        let plain = trial.engine(&[]);
        trial.run(&plain, &trial.fresh, None);
        let at = seed.below(calls(&trial));
        let mut wrong = Vec::new();
        for when in [When::Before, When::After] {
            let engine = trial.engine(&[(at, Blame::Happens(Blow::Hangs(when)))]);
            let code = trial.run(&engine, &trial.fresh, None).map(|outcome| outcome.exit_code());
            let more = engine.elapsed().saturating_sub(plain.elapsed());
            let mut all = trial.not_whole(&engine);
            if !matches!(code, Some(0 | 5)) {
                all.push(format!("it ends with {code:?}"));
            }
            if more > MOST {
                all.push(format!("it takes {more:?} more"));
            }
            wrong.extend(all.iter().map(|what| told(&format!("{at} {when:?}: {what}"), &engine)));
        }
        wrong
    });
}
