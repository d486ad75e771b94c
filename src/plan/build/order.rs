//! Which steps wait for steps of other changes, and one order in which all can be made.
//!
//! Within a change the steps are in order already ([`super::job`]).

use std::collections::{BTreeMap, BTreeSet};

use super::PlanError;
use super::job::Job;
use super::ports::{self, HostPort};
use crate::ident::{SetName, StepId};
use crate::plan::{Step, Subject};
use crate::snapshot::Snapshot;

/// Adds the edges between jobs: images first, dependencies before dependants, one replacement of
/// a set at a time, ports given up before they are taken.
pub(super) fn connect(
    jobs: &mut [Job],
    depends: &BTreeMap<SetName, BTreeSet<SetName>>,
    snapshot: &Snapshot,
) -> Vec<PlanError> {
    let edges: Vec<(usize, StepId, StepId)> = up_edges(jobs, depends)
        .into_iter()
        .chain(down_edges(jobs, depends))
        .chain(queues(jobs))
        .collect();
    for (job, step, other) in edges {
        jobs[job].wait(&step, &other);
    }
    take_ports(jobs, snapshot)
}

fn of_set<'a>(jobs: &'a [Job], set: &'a SetName) -> impl Iterator<Item = (usize, &'a Job)> {
    jobs.iter().enumerate().filter(move |(_, job)| job.change.set.as_ref() == Some(set))
}

/// What a set needs is up before the set's own containers are created or started.
fn up_edges(
    jobs: &[Job],
    depends: &BTreeMap<SetName, BTreeSet<SetName>>,
) -> Vec<(usize, StepId, StepId)> {
    let mut edges = Vec::new();
    for (set, targets) in depends {
        for (index, job) in of_set(jobs, set) {
            let Some(needs) = &job.needs else { continue };
            for target in targets {
                for up in of_set(jobs, target).filter_map(|(_, job)| job.up.as_ref()) {
                    edges.push((index, needs.clone(), up.clone()));
                }
            }
        }
    }
    edges
}

/// What is only taken away goes after those that depend on it.
fn down_edges(
    jobs: &[Job],
    depends: &BTreeMap<SetName, BTreeSet<SetName>>,
) -> Vec<(usize, StepId, StepId)> {
    let mut edges = Vec::new();
    for (set, targets) in depends {
        let last: Vec<StepId> = of_set(jobs, set)
            .filter(|(_, job)| job.takes_away)
            .filter_map(|(_, job)| job.last().cloned())
            .collect();
        for target in targets {
            for (index, job) in of_set(jobs, target).filter(|(_, job)| job.takes_away) {
                let Some(first) = job.first().cloned() else { continue };
                edges.extend(last.iter().map(|last| (index, first.clone(), last.clone())));
            }
        }
    }
    edges
}

/// Replacements of one set, one at a time: the next one disturbs nothing before the one before it
/// is proven.
fn queues(jobs: &[Job]) -> Vec<(usize, StepId, StepId)> {
    let mut before: BTreeMap<&SetName, &StepId> = BTreeMap::new();
    let mut edges = Vec::new();
    for (index, job) in jobs.iter().enumerate() {
        let (Some(set), Some(disturbs), Some(up)) = (&job.change.set, &job.disturbs, &job.up)
        else {
            continue;
        };
        if let Some(before) = before.insert(set, up) {
            edges.push((index, disturbs.clone(), before.clone()));
        }
    }
    edges
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
pub(super) fn addressed(steps: &[Step]) -> BTreeSet<crate::ident::ContainerId> {
    use crate::plan::Action;
    steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Start { container, .. }
            | Action::Prove { container }
            | Action::Stop { container, .. }
            | Action::Kill { container, .. }
            | Action::Restart { container, .. }
            | Action::Rename { container, .. }
            | Action::Remove { container } => Some(container),
            Action::Pull { .. } | Action::Tag { .. } | Action::Create { .. } => None,
        })
        .filter_map(|subject| match subject {
            Subject::Container(id) => Some(id.clone()),
            Subject::CreatedBy(_) => None,
        })
        .collect()
}
