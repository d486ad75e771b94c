//! Assigns host ports to every start. The plan pins one port of each range, so that a reviewer sees
//! the port and every apply takes the same port.
//!
//! A port must be free, or this plan must stop its holder before the start. Parsing ports is
//! [`super::ports`]'s.

use std::collections::BTreeMap;

use super::PlanError;
use super::change_steps::ChangeSteps;
use super::draft::Planner;
use super::ports::{self, Binding, HostPort};
use crate::base::ident::{ContainerName, StepId};
use crate::options::inspect_view::InspectView;
use crate::plan::Action;

/// The holders of host ports, by port number.
#[derive(Default)]
struct Held {
    ports: BTreeMap<u16, Vec<(HostPort, String)>>,
    /// The first port of each range that may be free.
    begins: BTreeMap<HostPort, u16>,
}

impl Held {
    fn add(&mut self, port: HostPort, by: String) {
        self.ports.entry(port.first()).or_default().push((port, by));
    }

    /// The free ports of a range. Ports are never released, so held ports are not checked again.
    fn free(&mut self, range: &HostPort) -> impl Iterator<Item = HostPort> {
        let begin = self.begins.get(range).copied().unwrap_or_default();
        let first = range.from(begin).find(|port| self.by(port).next().is_none());
        let begin = first.as_ref().map_or(u16::MAX, HostPort::first);
        self.begins.insert(range.clone(), begin);
        let free = move |port: &HostPort| self.by(port).next().is_none();
        first.into_iter().flat_map(move |_| range.from(begin)).filter(free)
    }

    /// The holders of a port, or of a port that conflicts.
    fn by<'h>(&'h self, port: &'h HostPort) -> impl Iterator<Item = &'h String> {
        let same = self.ports.get(&port.first()).into_iter().flatten();
        same.filter(move |(other, _)| other.clashes(port)).map(|(_, by)| by)
    }

    /// The other holders of a port, or of a port that conflicts.
    fn others<'h>(&'h self, port: &'h HostPort, own: &'h str) -> impl Iterator<Item = &'h String> {
        self.by(port).filter(move |by| *by != own)
    }
}

/// A port to bind, with its job and the preferred ports of a range.
struct Wish {
    job: usize,
    binding: Binding,
    /// The preferred ports of a range, the best first.
    rather: Vec<HostPort>,
}

impl Planner<'_> {
    /// The steps after which containers have released their ports and addresses, by name.
    pub(super) fn stopped(&self) -> BTreeMap<String, StepId> {
        let downs = self.jobs.iter();
        downs.filter_map(|job| Some((job.change.id.to_string(), job.down.clone()?))).collect()
    }

    /// Assigns host ports to every start.
    pub(super) fn take_ports(&mut self) {
        let (mut taken, mut held) = (Held::default(), Held::default());
        let stopped = self.stopped();
        for container in &self.snapshot.containers {
            for port in ports::held(container) {
                held.add(port, container.name().to_string());
            }
        }
        for wish in self.wishes() {
            let own = self.jobs[wish.job].change.id.to_string();
            let ahead = self.jobs[wish.job].ahead && wish.binding.host.width() > 0;
            let gives_up = |by: &str| {
                let late = ahead && self.is_later(wish.job, by);
                stopped.get(by).filter(|_| !late).cloned()
            };
            // A container that starts ahead takes no port of the old container; conflicts of fixed
            // ports are reported elsewhere.
            let has = if ahead { "" } else { own.as_str() };
            match chosen(&wish, (&own, has), &held, &mut taken, gives_up) {
                Some((port, edges)) => {
                    self.write_port(&wish, &port);
                    taken.add(port, own);
                    let job = &mut self.jobs[wish.job];
                    if let Some(start) = job.start.clone() {
                        job.wait_all(&start, edges);
                    }
                }
                None if self.jobs[wish.job].start.is_none() => {}
                None => {
                    let error = port_error(&self.jobs[wish.job], &wish.binding.host, &held, &taken);
                    self.errors.push(error);
                }
            }
        }
    }

    /// Whether a container is the old container of this job, or the old container of a later job of
    /// the set.
    fn is_later(&self, job: usize, by: &str) -> bool {
        let set = &self.jobs[job].change.set;
        let later = self.jobs.iter().skip(job);
        later.into_iter().any(|it| it.change.id.as_str() == by && it.change.set == *set)
    }

    /// The ports to bind: fixed ports first, then kept ports, then narrow ranges before wide
    /// ranges.
    fn wishes(&self) -> Vec<Wish> {
        let all = self.jobs.iter().enumerate().flat_map(|(job, it)| {
            let wish = move |binding: &Binding| {
                let rather = self.rather(it, binding);
                Wish { job, binding: binding.clone(), rather }
            };
            // A container that is not started takes no fixed port, but still gets a port of a
            // range.
            let starts = it.start.is_some();
            it.takes.iter().filter(move |binding| starts || binding.host.width() > 0).map(wish)
        });
        let mut all: Vec<Wish> = all.collect();
        all.sort_by_key(|wish| {
            let width = wish.binding.host.width();
            (width > 0, wish.rather.is_empty(), width, wish.job)
        });
        all
    }

    /// The preferred ports of a range: pinned ports first, then ports that the container has.
    fn rather(&self, job: &ChangeSteps, binding: &Binding) -> Vec<HostPort> {
        if binding.host.width() == 0 || !creates(job) {
            return Vec::new();
        }
        let name = ContainerName::new(job.change.id.as_str());
        let pinned = self.ports.get(&name).into_iter().flatten();
        let said = pinned.filter_map(|text| binding.said(text));
        let container = self.index.by_name(&name);
        let held = container.map(ports::held).unwrap_or_default();
        let inspect = container.and_then(|container| container.inspect.as_ref());
        let wished =
            inspect.map(|inspect| ports::wanted(&InspectView::new(inspect, &BTreeMap::new())));
        let wished = wished.into_iter().flatten().filter(|one| one.inside == binding.inside);
        let wished = wished.map(|one| one.host).filter(|host| host.width() == 0);
        let has = wished.chain(held);
        said.chain(has.filter_map(|port| binding.host.kept(&port))).collect()
    }

    /// Writes the chosen port into the create step, the create body and the taken ports.
    fn write_port(&mut self, wish: &Wish, port: &HostPort) {
        let job = &mut self.jobs[wish.job];
        if wish.binding.host.width() == 0 || !creates(job) {
            return;
        }
        let text = wish.binding.pinned(port);
        if let Some(own) = job.takes.iter_mut().find(|own| **own == wish.binding) {
            own.host = port.clone();
        }
        for step in &mut job.steps {
            if let Action::Create { ports, .. } = &mut step.action {
                ports.push(text.clone());
                ports.sort();
                if let Some(body) = self.bodies.get_mut(&step.id) {
                    wish.binding.pin(port, body);
                }
            }
        }
    }
}

fn creates(job: &ChangeSteps) -> bool {
    job.steps.iter().any(|step| matches!(step.action, Action::Create { .. }))
}

/// The port for a wish, and the steps after which the port is free. A free or own port is better
/// than a port to wait for: members of a set would wait for each other. The ports of `has` count as
/// free.
fn chosen(
    wish: &Wish,
    (own, has): (&str, &str),
    held: &Held,
    taken: &mut Held,
    gives_up: impl Fn(&str) -> Option<StepId>,
) -> Option<(HostPort, Vec<StepId>)> {
    let range = &wish.binding.host;
    // Two fixed ports of one container may conflict on some engines only.
    if range.width() == 0 {
        let fixed = Some(range.clone()).filter(|port| taken.others(port, own).next().is_none());
        return first(fixed.into_iter(), has, held, gives_up);
    }
    let rather = wish.rather.iter().filter(|port| taken.by(port).next().is_none());
    let rather: Vec<HostPort> = rather.cloned().collect();
    first(rather.into_iter().chain(taken.free(range)), has, held, gives_up)
}

/// The first port without another holder, or else the first port that its holders release.
fn first(
    ports: impl Iterator<Item = HostPort>,
    has: &str,
    held: &Held,
    gives_up: impl Fn(&str) -> Option<StepId>,
) -> Option<(HostPort, Vec<StepId>)> {
    let mut found: Option<(HostPort, Vec<StepId>)> = None;
    for port in ports {
        let edges: Option<Vec<StepId>> = held.others(&port, has).map(|by| gives_up(by)).collect();
        match edges {
            Some(edges) if edges.is_empty() => return Some((port, edges)),
            Some(edges) if found.is_none() => found = Some((port, edges)),
            _ => {}
        }
    }
    found
}

fn port_error(job: &ChangeSteps, wish: &HostPort, held: &Held, taken: &Held) -> PlanError {
    let own = if job.ahead { "" } else { job.change.id.as_str() };
    let by = wish
        .each()
        .find_map(|port| taken.others(&port, own).chain(held.others(&port, own)).next().cloned());
    let other = "publish another port, or a range of ports, or stop that container";
    let (by, hint) = match by {
        None => ("something else".to_owned(), other),
        Some(by) if by == job.change.id.as_str() => (
            "the container that it replaces".to_owned(),
            "say `order: stop-first`, or publish a range of which a port is free",
        ),
        Some(by) => (format!("container `{by}`"), other),
    };
    PlanError {
        set: job.change.set.clone(),
        code: "port_taken",
        message: format!("host port {wish} of container `{}` is taken by {by}", job.change.id),
        hint: hint.to_owned(),
    }
}
