//! Which steps wait for steps of other changes, and one order in which all can be made.
//!
//! Within a change the steps are in order already ([`super::job`]).

use std::collections::{BTreeMap, BTreeSet};

use super::PlanError;
use super::job::Job;
use super::ports::{self, HostPort};
use crate::ident::{ContainerId, SetName, StepId};
use crate::plan::{Action, Step, Subject};
use crate::snapshot::Snapshot;

/// Adds the edges between jobs: images first, dependencies before dependants, one replacement of
/// a set at a time, ports given up before they are taken.
pub(super) fn connect(
    jobs: &mut [Job],
    depends: &BTreeMap<SetName, BTreeSet<SetName>>,
    snapshot: &Snapshot,
) -> Vec<PlanError> {
    let mut edges = Edges::new();
    up_edges(jobs, depends, &mut edges);
    down_edges(jobs, depends, &mut edges);
    queues(jobs, &mut edges);
    reattached_first(jobs, &mut edges);
    for ((job, step), others) in edges {
        jobs[job].wait_all(&step, others);
    }
    take_ports(jobs, snapshot)
}

/// For a step of a job, what it waits for.
type Edges = BTreeMap<(usize, StepId), Vec<StepId>>;

/// So many steps of a set are waited for one by one; of more, the last waits for the others and
/// is waited for alone, so that a thousand that need a thousand do not make a million edges.
/// Counted in one set alone: its edges are the same whatever becomes of other sets.
const FEW: usize = 8;

/// What must be waited for so that all of these are done.
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
fn by_set(jobs: &[Job]) -> BTreeMap<&SetName, Vec<usize>> {
    let mut sets: BTreeMap<&SetName, Vec<usize>> = BTreeMap::new();
    for (index, job) in jobs.iter().enumerate() {
        if let Some(set) = &job.change.set {
            sets.entry(set).or_default().push(index);
        }
    }
    sets
}

/// A container that is put back on a network is left alone until it is.
fn reattached_first(jobs: &[Job], edges: &mut Edges) {
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

/// What a set needs is up before the set's own containers are created or started.
fn up_edges(jobs: &[Job], depends: &BTreeMap<SetName, BTreeSet<SetName>>, edges: &mut Edges) {
    let sets = by_set(jobs);
    let needed: BTreeSet<&SetName> = depends.values().flatten().collect();
    let mut ups: BTreeMap<&SetName, Vec<StepId>> = BTreeMap::new();
    for set in needed {
        // Replacements queue: the last one's end is the end of all of them.
        let own = sets.get(set).into_iter().flatten();
        let (queued, free): (Vec<usize>, Vec<usize>) =
            own.partition(|index| jobs[**index].disturbs.is_some() && jobs[**index].up.is_some());
        let all = free.iter().chain(queued.last());
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

/// What is only taken away goes after those that depend on it.
fn down_edges(jobs: &[Job], depends: &BTreeMap<SetName, BTreeSet<SetName>>, edges: &mut Edges) {
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

/// Replacements of one set, one at a time: the next one disturbs nothing before the one before it
/// is proven.
fn queues(jobs: &[Job], edges: &mut Edges) {
    let mut before: BTreeMap<&SetName, &StepId> = BTreeMap::new();
    for (index, job) in jobs.iter().enumerate() {
        let (Some(set), Some(disturbs), Some(up)) = (&job.change.set, &job.disturbs, &job.up)
        else {
            continue;
        };
        if let Some(before) = before.insert(set, up) {
            edges.entry((index, disturbs.clone())).or_default().push(before.clone());
        }
    }
}

/// Who has which host ports, by protocol and number.
#[derive(Default)]
struct Held(BTreeMap<(String, u16), Vec<(HostPort, String)>>);

impl Held {
    fn add(&mut self, port: HostPort, by: String) {
        self.0.entry(port.key()).or_default().push((port, by));
    }

    /// Who else has this port, or one that cannot be bound beside it.
    fn others<'h>(&'h self, port: &'h HostPort, own: &'h str) -> impl Iterator<Item = &'h String> {
        let same = self.0.get(&port.key()).into_iter().flatten();
        same.filter(move |(other, by)| by != own && other.clashes(port)).map(|(_, by)| by)
    }
}

/// Every start gets its host ports: free ones, or ones whose holder this plan stops before.
fn take_ports(jobs: &mut [Job], snapshot: &Snapshot) -> Vec<PlanError> {
    let mut errors = Vec::new();
    let (mut taken, mut held) = (Held::default(), Held::default());
    let stopped: BTreeMap<String, StepId> = jobs
        .iter()
        .filter_map(|job| Some((job.change.id.to_string(), job.down.clone()?)))
        .collect();
    for container in &snapshot.containers {
        for port in ports::held(container) {
            held.add(port, container.name().to_string());
        }
    }
    // Fixed ports first, then the narrowest range: the others take what they leave.
    let mut wishes: Vec<(usize, HostPort)> = jobs
        .iter()
        .enumerate()
        .filter(|(_, job)| job.start.is_some())
        .flat_map(|(index, job)| job.takes.iter().map(move |port| (index, port.clone())))
        .collect();
    wishes.sort_by_key(|(index, port)| (port.width(), *index));
    for (index, wish) in wishes {
        let own = jobs[index].change.id.to_string();
        // A port that is free, or its own, goes before one that must be waited for: members of a
        // set would wait for each other.
        let mut found: Option<(HostPort, Vec<StepId>)> = None;
        for port in wish.each().filter(|port| taken.others(port, &own).next().is_none()) {
            let edges: Option<Vec<StepId>> =
                held.others(&port, &own).map(|by| stopped.get(by).cloned()).collect();
            match edges {
                Some(edges) if edges.is_empty() => {
                    found = Some((port, edges));
                    break;
                }
                Some(edges) if found.is_none() => found = Some((port, edges)),
                _ => {}
            }
        }
        match found {
            Some((port, edges)) => {
                taken.add(port, own);
                if let Some(start) = jobs[index].start.clone() {
                    for edge in edges {
                        jobs[index].wait(&start, &edge);
                    }
                }
            }
            None => errors.push(port_error(&jobs[index], &wish, &held, &taken)),
        }
    }
    errors
}

fn port_error(job: &Job, wish: &HostPort, held: &Held, taken: &Held) -> PlanError {
    let own = job.change.id.as_str();
    let by = wish
        .each()
        .find_map(|port| taken.others(&port, own).chain(held.others(&port, own)).next().cloned());
    let by = by.map_or_else(|| "something else".to_owned(), |by| format!("container `{by}`"));
    PlanError {
        set: job.change.set.clone(),
        code: "port_taken",
        message: format!("host port {wish} of container `{own}` is taken by {by}"),
        hint: "publish another port, or a range of ports, or stop that container".to_owned(),
    }
}

/// The steps of all jobs in an order in which they could be made one by one; the steps of a cycle
/// as an error.
pub(super) fn sort(jobs: &[Job]) -> Result<Vec<Step>, PlanError> {
    let steps: Vec<&Step> = jobs.iter().flat_map(|job| &job.steps).collect();
    let position: BTreeMap<&StepId, usize> =
        steps.iter().enumerate().map(|(index, step)| (&step.id, index)).collect();
    let mut waiting: Vec<usize> = vec![0; steps.len()];
    let mut then: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (index, step) in steps.iter().enumerate() {
        for before in step.after.iter().filter_map(|id| position.get(id)) {
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
        hint: "two containers swap a host port, or depend on each other: change one of them in a \
               plan of its own"
            .to_owned(),
    })
}

/// The containers that steps address, by ID.
pub(super) fn addressed(steps: &[Step]) -> BTreeSet<ContainerId> {
    steps
        .iter()
        .filter_map(|step| match step.action.subject()? {
            Subject::Container(id) => Some(id.clone()),
            Subject::CreatedBy(_) => None,
        })
        .collect()
}
