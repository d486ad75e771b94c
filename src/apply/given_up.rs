//! What is known of a run that was dropped in the middle of its calls.

use std::collections::BTreeSet;

use super::begun::Begun;
use super::outcome::{Became, Outcome, Signal, StepOutcome, Trouble, change_of};
use crate::base::ident::StepId;
use crate::plan::{Action, Plan, Step};

/// What became of a call whose answer nobody waited for.
const UNKNOWN: &str = "given up in the middle of its call: what became of it is not known";

/// The outcome of a run that was given up: what ended ended, and what was in flight may have taken
/// effect. Nothing is looked at. `finished` are the steps that it told of.
pub fn given_up(
    plan: &Plan,
    (done, blocked): (&BTreeSet<StepId>, &BTreeSet<StepId>),
    begun: &Begun,
    finished: &[StepOutcome],
    signal: Option<Signal>,
) -> Outcome {
    let mut troubles: Vec<Trouble> = Vec::new();
    let steps = plan.steps.iter().map(|step| {
        if let Some(outcome) = finished.iter().find(|outcome| outcome.id == step.id) {
            return outcome.clone();
        }
        let became = if begun.has(&step.id) && calls(step) {
            Became::Failed { message: UNKNOWN.to_owned() }
        } else if done.contains(&step.id) && !blocked.contains(&step.id) {
            Became::Already
        } else {
            Became::NotReached
        };
        let container = begun.container(&step.id);
        StepOutcome { id: step.id.clone(), became, container, output: String::new() }
    });
    let steps: Vec<StepOutcome> = steps.collect();
    for step in &steps {
        let change = change_of(&step.id);
        if let Became::Failed { message } = &step.became
            && !troubles.iter().any(|trouble| trouble.change == change)
        {
            troubles.push(Trouble {
                change,
                step: step.id.clone(),
                message: message.clone(),
                as_before: false,
                now: vec!["nobody looked: `bayplan verify` tells what is where".to_owned()],
                back: Vec::new(),
                finish: Vec::new(),
                then: Vec::new(),
            });
        }
    }
    let mut outcome = Outcome::of(plan, steps, signal);
    outcome.troubles = troubles;
    outcome
}

/// Whether a step makes a call; watching is none.
fn calls(step: &Step) -> bool {
    !matches!(step.action, Action::WaitReady { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;

    #[test]
    fn a_call_in_flight_is_unknown_and_what_was_not_begun_is_not_reached() {
        let plan = sample::mixed();
        let call = plan.steps.iter().find(|step| calls(step)).unwrap();
        let begun = Begun::default();
        let none = BTreeSet::new();
        let quiet = given_up(&plan, (&none, &none), &begun, &[], Some(Signal::Interrupt));
        assert_eq!(quiet.exit_code(), 130);
        begun.note(&call.id, None);
        let outcome = given_up(&plan, (&none, &none), &begun, &[], Some(Signal::Interrupt));
        let failed = Became::Failed { message: UNKNOWN.to_owned() };
        for step in &outcome.steps {
            let expected = if step.id == call.id { &failed } else { &Became::NotReached };
            assert_eq!(&step.became, expected, "{}", step.id);
        }
        assert_eq!((outcome.exit_code(), outcome.troubles.len()), (7, 1));
    }
}
