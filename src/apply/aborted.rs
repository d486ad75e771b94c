//! The outcome of a run that was aborted while calls were in flight.

use std::collections::BTreeSet;

use super::begun::Begun;
use super::outcome::{
    Outcome, RecoveryReport, Signal, StepOutcome, StepStatus, change_of, touches,
};
use crate::base::ident::StepId;
use crate::plan::{Action, Plan, Step};

/// The message for a call that was in flight when the run was aborted.
const UNKNOWN: &str = "given up in the middle of its call: what became of it is not known";

/// The message for a change that was begun, not finished, and had no call in flight.
const HALF: &str = "given up before it was finished or taken back";

/// The outcome of an aborted run. A step that ended keeps its status; a call in flight may have
/// taken effect. The engine is not asked again, so an unfinished change counts as half done.
pub fn aborted(
    plan: &Plan,
    (done, blocked): (&BTreeSet<StepId>, &BTreeSet<StepId>),
    begun: &Begun,
    signal: Option<Signal>,
) -> Outcome {
    let steps = plan.steps.iter().map(|step| {
        if let Some(outcome) = begun.ended(&step.id) {
            return outcome;
        }
        let status = if begun.has(&step.id) && calls(step) {
            StepStatus::Failed { message: UNKNOWN.to_owned() }
        } else if done.contains(&step.id) && !blocked.contains(&step.id) {
            StepStatus::Already
        } else {
            StepStatus::NotReached
        };
        let container = begun.container(&step.id);
        StepOutcome { id: step.id.clone(), status, container, output: String::new() }
    });
    let steps: Vec<StepOutcome> = steps.collect();
    let mut troubles: Vec<RecoveryReport> = Vec::new();
    for (outcome, step) in steps.iter().zip(&plan.steps) {
        let change = change_of(&outcome.id);
        let own = |other: &&Step| other.id.change() == change.as_str();
        let made = plan
            .steps
            .iter()
            .filter(own)
            .filter(|step| touches(step))
            .any(|step| steps.iter().any(|one| one.id == step.id && one.status.is_success()));
        let message = match &outcome.status {
            StepStatus::Failed { message } => message.clone(),
            status if !status.is_success() && made && touches(step) => HALF.to_owned(),
            _ => continue,
        };
        if troubles.iter().any(|trouble| trouble.change == change) {
            continue;
        }
        troubles.push(RecoveryReport {
            change,
            step: outcome.id.clone(),
            message,
            as_before: false,
            taken_back: false,
            undone: Vec::new(),
            stays: Vec::new(),
            not_by_this_run: Vec::new(),
            now: vec!["nobody looked".to_owned()],
        });
    }
    let mut outcome = Outcome::of(plan, steps, signal);
    outcome.troubles = troubles;
    outcome
}

/// Whether a step makes a call that changes something; watching a container does not.
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
        let quiet = aborted(&plan, (&none, &none), &begun, Some(Signal::Interrupt));
        assert_eq!(quiet.exit_code(), 130);
        begun.note(&call.id, None);
        let outcome = aborted(&plan, (&none, &none), &begun, Some(Signal::Interrupt));
        let failed = StepStatus::Failed { message: UNKNOWN.to_owned() };
        for step in &outcome.steps {
            let expected = if step.id == call.id { &failed } else { &StepStatus::NotReached };
            assert_eq!(&step.status, expected, "{}", step.id);
        }
        assert_eq!((outcome.exit_code(), outcome.troubles.len()), (7, 1));
        // A finished step leaves its change half done, even with no call in flight.
        let half = Begun::default();
        let container = None;
        let (id, status, output) = (call.id.clone(), StepStatus::Done, String::new());
        half.end(&StepOutcome { id, status, container, output });
        let outcome = aborted(&plan, (&none, &none), &half, Some(Signal::Interrupt));
        assert_eq!((outcome.exit_code(), outcome.troubles[0].message.as_str()), (7, HALF));
    }
}
