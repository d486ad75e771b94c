//! Adds the waits between steps of different changes, and sorts all steps.
//!
//! The steps within a change are already in order ([`super::change_steps`]). Waits for ports and
//! addresses are [`super::take`]'s and [`super::addresses`]'.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanError;
use super::change_steps::ChangeSteps;
use crate::base::ident::{ChangeId, ContainerId, ContainerName, SetName, StepId};
use crate::plan::{Action, Because, Reason, Step, Subject, Verb};
use crate::spec::{FailureAction, Set, UpdateConfig};

/// Adds the waits between changes: images first, dependencies before dependants, and the
/// replacements of a set in turn. Waits for released ports are [`super::take`]'s.
pub(super) fn connect(
    jobs: &mut [ChangeSteps],
    depends: &BTreeMap<SetName, BTreeSet<SetName>>,
    sets: &BTreeMap<SetName, Set>,
) {
    let mut edges = Edges::new();
    up_edges(jobs, depends, sets, &mut edges);
    down_edges(jobs, depends, &mut edges);
    let queues = queues(jobs, sets);
    for queue in &queues {
        queue.edges(jobs, &mut edges);
    }
    reattached_first(jobs, &mut edges);
    for ((job, step), others) in edges {
        jobs[job].wait_all(&step, others);
    }
    for queue in &queues {
        queue.turns(jobs);
    }
}

/// Keeps old containers until replacements that may still fail are proven. A change that takes a
/// port or an address of another replacement keeps its old container until that replacement is
/// proven. A replaced target keeps its old container until its replaced dependants are proven. So a
/// failure can roll back both changes.
pub(super) fn kept_until_proven(jobs: &mut [ChangeSteps]) {
    let replaces = |job: &ChangeSteps| !job.takes_away && job.change.verb != Verb::Restart;
    let givers: BTreeMap<StepId, (ChangeId, StepId)> = jobs
        .iter()
        .filter(|job| replaces(job))
        .filter_map(|job| Some((job.down.clone()?, (job.change.id.clone(), job.up.clone()?))))
        .collect();
    for job in jobs.iter_mut().filter(|job| replaces(job)) {
        let own = &job.change.id;
        let others = job.steps.iter().flat_map(|step| &step.after);
        let ups: Vec<StepId> = others
            .filter_map(|step| givers.get(step))
            .filter(|(giver, _)| giver != own)
            .map(|(_, up)| up.clone())
            .collect();
        job.keep_for(ups);
    }
    let mut dependants: BTreeMap<ContainerName, Vec<StepId>> = BTreeMap::new();
    for job in jobs.iter().filter(|job| replaces(job)) {
        for reason in &job.change.reasons {
            if let Reason::Because(Because::TargetReplaced { target }) = reason
                && let Some(up) = &job.up
            {
                dependants.entry(target.clone()).or_default().push(up.clone());
            }
        }
    }
    for job in jobs.iter_mut().filter(|job| replaces(job)) {
        let name = ContainerName::new(job.change.id.as_str());
        if let Some(ups) = dependants.remove(&name) {
            job.keep_for(ups);
        }
    }
}

/// The steps that a step of a job waits for.
type Edges = BTreeMap<(usize, StepId), Vec<StepId>>;

/// Up to this number of steps of a set are waited for one by one. Beyond, the last step waits for
/// the other steps, and dependants wait for the last step only. A thousand dependants of a thousand
/// steps would otherwise make a million edges. The count is per set, so that the edges of a set do
/// not depend on other sets.
const FEW: usize = 8;

/// The steps to wait for so that all given steps are done.
fn gate(mut all: Vec<(usize, StepId)>, edges: &mut Edges) -> Vec<StepId> {
    if all.len() > FEW
        && let Some((job, last)) = all.pop()
    {
        let others = all.into_iter().map(|(_, step)| step);
        edges.entry((job, last.clone())).or_default().extend(others);
        return vec![last];
    }
    all.into_iter().map(|(_, step)| step).collect()
}

/// The jobs of each set.
fn by_set(jobs: &[ChangeSteps]) -> BTreeMap<&SetName, Vec<usize>> {
    let mut sets: BTreeMap<&SetName, Vec<usize>> = BTreeMap::new();
    for (index, job) in jobs.iter().enumerate() {
        if let Some(set) = &job.change.set {
            sets.entry(set).or_default().push(index);
        }
    }
    sets
}

/// Delays the steps on a container until the container is back on its replaced network.
fn reattached_first(jobs: &[ChangeSteps], edges: &mut Edges) {
    let mut back: BTreeMap<&ContainerId, Vec<&StepId>> = BTreeMap::new();
    for step in jobs.iter().filter(|job| job.change.set.is_none()).flat_map(|job| &job.steps) {
        if let Action::Connect { container: Subject::Container(id), .. } = &step.action {
            back.entry(id).or_default().push(&step.id);
        }
    }
    if back.is_empty() {
        return;
    }
    for (index, job) in jobs.iter().enumerate().filter(|(_, job)| job.change.set.is_some()) {
        let Some(first) = job.first() else { continue };
        for id in addressed(&job.steps) {
            let waits = back.get(&id).into_iter().flatten().map(|step| (*step).clone());
            edges.entry((index, first.clone())).or_default().extend(waits);
        }
    }
}

/// The dependencies of a set are up before the containers of the set are created or started.
fn up_edges(
    jobs: &[ChangeSteps],
    depends: &BTreeMap<SetName, BTreeSet<SetName>>,
    declared: &BTreeMap<SetName, Set>,
    edges: &mut Edges,
) {
    let sets = by_set(jobs);
    let needed: BTreeSet<&SetName> = depends.values().flatten().collect();
    let mut ups: BTreeMap<&SetName, Vec<StepId>> = BTreeMap::new();
    for set in needed {
        // Replacements queue, so the last replacements end after all others.
        let own = sets.get(set).into_iter().flatten();
        let (queued, free): (Vec<usize>, Vec<usize>) =
            own.partition(|index| jobs[**index].disturbs.is_some() && jobs[**index].up.is_some());
        let last = update_of(declared, set).last(queued.len());
        let all = free.iter().chain(queued.iter().rev().take(last).rev());
        let all = all.filter_map(|index| Some((*index, jobs[*index].up.clone()?))).collect();
        ups.insert(set, gate(all, edges));
    }
    for (set, targets) in depends {
        for index in sets.get(set).into_iter().flatten() {
            let Some(needs) = &jobs[*index].needs else { continue };
            let ups = targets.iter().filter_map(|target| ups.get(target)).flatten().cloned();
            edges.entry((*index, needs.clone())).or_default().extend(ups);
        }
    }
}

/// Dependants are taken away before their dependencies.
fn down_edges(
    jobs: &[ChangeSteps],
    depends: &BTreeMap<SetName, BTreeSet<SetName>>,
    edges: &mut Edges,
) {
    let sets = by_set(jobs);
    let going = |set: &SetName| {
        let own = sets.get(set).into_iter().flatten();
        own.copied().filter(|index| jobs[*index].takes_away)
    };
    for (set, targets) in depends.iter().filter(|(_, targets)| !targets.is_empty()) {
        let lasts = going(set).filter_map(|index| Some((index, jobs[index].last()?.clone())));
        let lasts = gate(lasts.collect(), edges);
        for index in targets.iter().flat_map(going) {
            let Some(first) = jobs[index].first().cloned() else { continue };
            edges.entry((index, first)).or_default().extend(lasts.iter().cloned());
        }
    }
}

/// The update settings of a set.
fn update_of(sets: &BTreeMap<SetName, Set>, set: &SetName) -> UpdateConfig {
    sets.get(set).map(|set| set.update).unwrap_or_default()
}

/// The replacements of one set, limited in parallelism: a replacement disturbs its container only
/// after an earlier replacement is proven.
struct Queue {
    update: UpdateConfig,
    /// The jobs of the queue: the step that disturbs, and the step that proves.
    turns: Vec<(usize, StepId, StepId)>,
}

fn queues(jobs: &[ChangeSteps], sets: &BTreeMap<SetName, Set>) -> Vec<Queue> {
    let mut all: BTreeMap<&SetName, Queue> = BTreeMap::new();
    for (index, job) in jobs.iter().enumerate() {
        let (Some(set), Some(disturbs), Some(up)) = (&job.change.set, &job.disturbs, &job.up)
        else {
            continue;
        };
        let new = || Queue { update: update_of(sets, set), turns: Vec::new() };
        all.entry(set).or_insert_with(new).turns.push((index, disturbs.clone(), up.clone()));
    }
    all.into_values().collect()
}

impl Queue {
    /// Each turn, with the step that the turn waits for.
    fn pairs(&self) -> impl Iterator<Item = (&(usize, StepId, StepId), &StepId)> {
        let apart = self.update.at_once(self.turns.len());
        let before = self.turns.iter().map(|(_, _, up)| up);
        self.turns.iter().skip(apart).zip(before)
    }

    /// Adds the steps that must succeed before each turn.
    fn edges(&self, jobs: &[ChangeSteps], edges: &mut Edges) {
        if self.update.failure_action != FailureAction::Continue {
            for ((index, disturbs, _), before) in self.pairs() {
                edges.entry((*index, disturbs.clone())).or_default().push(before.clone());
            }
        }
        if self.update.failure_action == FailureAction::Rollback {
            self.keep_all(jobs, edges);
        }
    }

    /// Keeps every old container until all new containers are proven, so that one rollback takes
    /// all replacements along. The first removal waits for all proofs, and the other removals wait
    /// for the first removal.
    fn keep_all(&self, jobs: &[ChangeSteps], edges: &mut Edges) {
        let removes = self.turns.iter().filter_map(|(index, ..)| {
            let removes = |step: &&Step| matches!(step.action, Action::Remove { .. });
            Some((*index, jobs[*index].steps.iter().find(removes)?.id.clone()))
        });
        let mut removes = removes.collect::<Vec<_>>().into_iter();
        let Some((index, remove)) = removes.next() else { return };
        let ups = self.turns.iter().map(|(_, _, up)| up.clone());
        edges.entry((index, remove.clone())).or_default().extend(ups);
        for other in removes {
            edges.entry(other).or_default().push(remove.clone());
        }
    }

    /// Adds the steps that must end before each turn, and the delay.
    fn turns(&self, jobs: &mut [ChangeSteps]) {
        let whatever = self.update.failure_action == FailureAction::Continue;
        for ((index, disturbs, _), before) in self.pairs() {
            jobs[*index].wait_turn(disturbs, (whatever.then_some(before), self.update.delay.0));
        }
    }
}

/// Sorts the steps of all jobs into an order of execution. A cycle is an error that names its
/// steps.
pub(super) fn sort(jobs: &[ChangeSteps]) -> Result<Vec<Step>, PlanError> {
    let steps: Vec<&Step> = jobs.iter().flat_map(|job| &job.steps).collect();
    let position: BTreeMap<&StepId, usize> =
        steps.iter().enumerate().map(|(index, step)| (&step.id, index)).collect();
    let mut waiting: Vec<usize> = vec![0; steps.len()];
    let mut then: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (index, step) in steps.iter().enumerate() {
        for before in step.before().filter_map(|id| position.get(id)) {
            waiting[index] += 1;
            then[*before].push(index);
        }
    }
    let mut ready: BTreeSet<usize> =
        (0..steps.len()).filter(|&index| waiting[index] == 0).collect();
    let mut sorted = Vec::with_capacity(steps.len());
    while let Some(index) = ready.pop_first() {
        sorted.push(steps[index].clone());
        for &next in &then[index] {
            waiting[next] -= 1;
            if waiting[next] == 0 {
                ready.insert(next);
            }
        }
    }
    if sorted.len() == steps.len() {
        return Ok(sorted);
    }
    let stuck: Vec<String> = steps
        .iter()
        .enumerate()
        .filter(|(index, _)| waiting[*index] > 0)
        .map(|(_, step)| format!("`{}`", step.id))
        .collect();
    Err(PlanError {
        set: None,
        code: "cycle",
        message: format!("these steps wait for each other: {}", stuck.join(", ")),
        hint:
            "two containers swap what only one can have, a host port or an address, or depend on \
               each other: change one of them in a plan of its own"
                .to_owned(),
    })
}

/// The IDs of the containers that steps address.
pub(super) fn addressed(steps: &[Step]) -> BTreeSet<ContainerId> {
    steps
        .iter()
        .filter_map(|step| match step.action.subject()? {
            Subject::Container(id) => Some(id.clone()),
            Subject::CreatedBy(_) => None,
        })
        .collect()
}
