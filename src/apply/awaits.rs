//! The dependencies that a set waits for before its containers are created or started: `depends_on`
//! with a condition, for containers that the plan does not touch.
//!
//! Containers that the plan starts are not handled here: their own steps prove them, and edges
//! between steps do the waiting. Waiting changes nothing on the engine, so the plan has no step for
//! it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::act::{Acted, StepError};
use super::events::WaitingFor;
use super::precheck::{run_of, status_of};
use super::run::Context;
use crate::base::ident::{ContainerId, SetName};
use crate::engine::Writer;
use crate::plan::{Action, Plan, Step, Subject};
use crate::spec::order::Words;
use crate::spec::{Spec, Until, depends};

/// For each set, the running containers that the set waits for, with the condition of each.
pub type Awaits = BTreeMap<SetName, Vec<(ContainerId, Until)>>;

/// The dependencies of each set of a plan.
pub fn awaits(spec: &Spec, plan: &Plan) -> Awaits {
    let ends = |step: &Step| {
        !matches!(
            step.action,
            Action::Update { .. } | Action::Connect { .. } | Action::Disconnect { .. }
        )
    };
    let touched: BTreeSet<&ContainerId> = plan
        .steps
        .iter()
        .filter(|step| ends(step))
        .filter_map(|step| match step.action.subject() {
            Some(Subject::Container(id)) => Some(id),
            Some(Subject::CreatedBy(_)) | None => None,
        })
        .collect();
    let live: BTreeSet<&ContainerId> = plan
        .facts
        .containers
        .iter()
        .filter(|fact| fact.run.is_live())
        .map(|fact| &fact.id)
        .collect();
    let mut awaits = Awaits::new();
    let known = Words::of(spec);
    for (key, set) in &spec.sets {
        for (target, until) in depends::awaited(&known, set) {
            let members = plan.facts.members.get(target).into_iter().flatten();
            let kept = members.filter(|id| live.contains(id) && !touched.contains(id));
            awaits.entry(key.clone()).or_default().extend(kept.map(|id| (id.clone(), until)));
        }
    }
    awaits
}

impl<W: Writer> Context<'_, W> {
    /// Whether a step must wait for the dependencies of its set.
    pub(super) fn must_wait(&self, step: &Step) -> bool {
        if step.delay > 0 {
            return true;
        }
        let met = self.met.borrow();
        self.awaited(step).iter().any(|(id, until)| *until != Until::Started && !met.contains(id))
    }

    /// The dependencies of the set of a step.
    fn awaited(&self, step: &Step) -> &[(ContainerId, Until)] {
        let set = match &step.action {
            Action::Create { set, .. } => Some(set),
            Action::Start { container: Subject::Container(_), .. } | Action::Restart { .. } => {
                self.index.change_of(&step.id).and_then(|change| change.set.as_ref())
            }
            _ => None,
        };
        set.and_then(|set| self.awaits.get(set)).map_or(&[], Vec::as_slice)
    }

    /// Waits for the dependencies of the set of a step. Each dependency is awaited once a run.
    pub(super) async fn await_dependencies(&self, step: &Step) -> Acted {
        let until = self.clock.now() + Duration::from_secs(step.delay.into());
        while self.clock.now() < until {
            let left = until.saturating_sub(self.clock.now());
            self.pause(step, left.min(self.clock.between_looks())).await?;
        }
        for (id, until) in self.awaited(step) {
            if self.met.borrow().contains(id) {
                continue;
            }
            match until {
                Until::Started => {}
                Until::Healthy => self.healthy(step, id, None).await?,
                Until::Completed => self.completed(step, id).await?,
            }
            self.met.borrow_mut().insert(id.clone());
        }
        Ok(())
    }

    /// Waits until a running one-shot container has ended.
    async fn completed(&self, step: &Step, id: &ContainerId) -> Acted {
        let mut told = false;
        loop {
            let found = self.there(id).await?;
            if !run_of(&found).is_live() {
                let code = &found["State"]["ExitCode"];
                if status_of(&found) == "exited" && *code == 0 {
                    return Ok(());
                }
                let (name, output) = (self.called(id), self.output(id).await);
                return Err(StepError::Failed(format!(
                    "container `{name}`, which must come before, ended with exit code {code}{output}"
                )));
            }
            if !told {
                self.wait_event(step, WaitingFor::End);
                told = true;
            }
            self.pause(step, self.clock.between_looks()).await?;
        }
    }
}
