//! A run from the judgement of its plan to the last look, shared by `apply` and `recover`.
//!
//! Reading files, handling signals and printing are done by the command line, not here.

use std::collections::{BTreeMap, BTreeSet};

use super::begun::Begun;
use super::clock::Clock;
use super::events::Sink;
use super::journal::Journal;
use super::outcome::{Outcome, Signal};
use super::postcheck::{Ended, Goal, Mismatch, postcheck};
use super::recovery::Recovery;
use super::resume::Resume;
use super::run::{Run, Settings, run};
use super::secrets::Secrets;
use super::{aborted, awaits};
use crate::base::ident::{ContainerId, StepId};
use crate::engine::{EngineError, Writer, observe};
use crate::observed::redact::Redactor;
use crate::observed::scope::ObservationScope;
use crate::observed::snapshot::Container;
use crate::plan::left::{self, Left};
use crate::plan::{Change, Plan, Reason};
use crate::planner::{Input, Pins, build};
use crate::spec::{Identity, Spec};
use crate::stale::Judgement;

/// The inputs of a run besides the judgement of its plan.
pub struct Driver<'a, W> {
    /// The engine.
    pub engine: &'a W,
    /// The clock of the run.
    pub clock: &'a dyn Clock,
    /// Fills secrets into create bodies and redacts them from texts.
    pub secrets: &'a dyn Secrets,
    /// Redacts secrets from inspect data.
    pub redactor: Redactor,
    /// The plan as the file has it.
    pub plan: &'a Plan,
    /// The digest of the plan.
    pub digest: &'a str,
    /// The spec that the plan contains.
    pub spec: &'a Spec,
}

/// The result of the last look.
#[derive(Debug, Default)]
pub struct LastLook {
    /// The options and states that differ although the run was to set them.
    pub mismatches: Vec<Mismatch>,
    /// The differences that the plan leaves.
    pub left: Vec<Left>,
    /// The inspect data of the containers that the run touched.
    pub containers: Vec<serde_json::Value>,
}

/// How a run reports, and how the run is stopped.
pub struct Control<'a, F> {
    /// Receives the events of the run.
    pub sink: &'a dyn Sink,
    /// Keeps the journal of the run.
    pub journal: &'a dyn Journal,
    /// Asks the run to stop after the calls in flight.
    pub cancel: tokio::sync::watch::Receiver<Option<Signal>>,
    /// Ends when the run is to be aborted with calls in flight.
    pub abort: F,
    /// The settings of the run.
    pub settings: Settings,
}

impl<W: Writer> Driver<'_, W> {
    /// Runs the steps of a judged plan, and says whether the run was aborted. `recovery` says which
    /// changes of a dead run are rolled back or finished; without `recovery` the plan is applied.
    pub async fn run<F: Future<Output = ()>>(
        &self,
        judgement: &Judgement,
        recovery: Option<&Recovery>,
        control: Control<'_, F>,
    ) -> (Outcome, bool) {
        // The run uses the steps that were derived again from the spec, never the steps in the
        // file.
        let plan = &Plan { steps: judgement.steps.clone(), ..self.plan.clone() };
        let done = &judgement.done;
        let nobody = BTreeSet::new();
        let (blocked, back) = match recovery {
            None => (left_out(judgement), &nobody),
            Some(recovery) => (recovery.blocked(plan, done), &recovery.back),
        };
        let resume = Resume {
            digest: self.digest.to_owned(),
            world: judgement.world.clone(),
            created: judgement.created.clone(),
            networks: judgement.networks.clone(),
        };
        let order = Run {
            engine: self.engine,
            plan,
            bodies: &judgement.bodies,
            done,
            blocked: &blocked,
            back,
            resume: &resume,
            awaits: &awaits(self.spec, plan),
            secrets: self.secrets,
            clock: self.clock,
            sink: control.sink,
            journal: control.journal,
            cancel: control.cancel.clone(),
            settings: control.settings,
        };
        let begun = Begun::default();
        let ended = tokio::select! {
            outcome = run(order, &begun) => Some(outcome),
            () = control.abort => None,
        };
        if let Some(outcome) = ended {
            return (outcome, false);
        }
        let signal = *control.cancel.borrow();
        (aborted(plan, (done, &blocked), &begun, signal), true)
    }

    /// What the engine reports of what was changed, compared once more, secrets hidden.
    pub async fn last_look(
        &self,
        outcome: &Outcome,
        wanted: &ObservationScope,
    ) -> Result<LastLook, EngineError> {
        let (spec, plan) = (self.spec, self.plan);
        let snapshot = observe::observe(self.engine, wanted).await?.redact(&self.redactor);
        let snapshot = crate::stale::with_answers(plan, &snapshot);
        let input =
            Input { spec, snapshot: &snapshot, assume: true, pins: Pins::default(), source: None };
        let again = build(&input).plan;
        let goals = spec
            .sets
            .iter()
            .map(|(key, set)| {
                let count = match set.identity {
                    Identity::Named(_) => 1,
                    Identity::Counted(count) => count,
                };
                (key.clone(), Goal { state: set.state, count, one_shot: set.one_shot })
            })
            .collect();
        let differences = differences(&again);
        let compare = |id: &ContainerId| differences.get(id).cloned().unwrap_or_default();
        let ended = Ended { plan, digest: self.digest, outcome };
        let mismatches = postcheck(ended, &goals, &snapshot, compare);
        let touched: BTreeSet<ContainerId> =
            outcome.steps.iter().filter_map(|step| step.container.clone()).collect();
        let containers =
            snapshot.containers.iter().filter(|container| touched.contains(&container.id()));
        Ok(LastLook {
            mismatches,
            left: left::of(&again),
            containers: containers
                .filter_map(|container: &Container| container.inspect.clone())
                .collect(),
        })
    }
}

/// The steps that are neither run nor done: they wait for a person.
fn left_out(judgement: &Judgement) -> BTreeSet<StepId> {
    let left = judgement.steps.iter().map(|step| &step.id);
    left.filter(|id| !judgement.run.contains(*id) && !judgement.done.contains(*id))
        .cloned()
        .collect()
}

/// What differs of a created container in a plan made from the last look.
fn differences(again: &Plan) -> BTreeMap<ContainerId, Vec<Reason>> {
    let changes: BTreeMap<&str, &Change> =
        again.changes.iter().map(|change| (change.id.as_str(), change)).collect();
    let matched = again.sets.values().flat_map(|report| &report.matched);
    matched
        .map(|matched| {
            let change = changes.get(matched.name.as_str());
            let reasons = change.into_iter().flat_map(|change| &change.reasons);
            let reasons = reasons.chain(&matched.differences);
            let options = reasons.filter(|reason| !matches!(reason, Reason::Because(_)));
            (matched.id.clone(), options.cloned().collect())
        })
        .collect()
}
