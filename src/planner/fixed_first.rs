//! Starts containers with fixed addresses before containers without, so that the engine cannot give
//! a fixed address away. A container that has to start earlier for another reason is left alone.
//!
//! Whether an address is free at all is [`super::addresses`]'s.

use core::net::IpAddr;
use std::collections::BTreeMap;

use super::PlanError;
use super::addresses::{Declared, Wish};
use super::change_steps::ChangeSteps;
use super::draft::Planner;
use super::resources::{Found, network};
use crate::base::ident::StepId;
use crate::base::say;
use crate::options::inspect_view::InspectView;
use crate::spec::resources::{Cidr, Pool};

/// The limit of added waits in one plan: each start waits for each fixed address of its network.
const MOST_WAITS: usize = 200_000;

/// The steps of a plan as numbers, with the steps that each step waits for. Numbers keep frequent
/// queries cheap.
struct Steps {
    numbers: BTreeMap<StepId, usize>,
    after: Vec<Vec<usize>>,
    /// The number of the last walk that reached each step.
    seen: Vec<usize>,
    walks: usize,
}

impl Steps {
    fn of(jobs: &[ChangeSteps]) -> Self {
        let all = || jobs.iter().flat_map(|job| &job.steps);
        let numbers: BTreeMap<StepId, usize> =
            all().enumerate().map(|(number, step)| (step.id.clone(), number)).collect();
        let known = |id: &StepId| numbers.get(id).copied();
        let after: Vec<Vec<usize>> =
            all().map(|step| step.before().filter_map(known).collect()).collect();
        let seen = vec![0; after.len()];
        Self { numbers, after, seen, walks: 0 }
    }

    fn number(&self, step: &StepId) -> Option<usize> {
        self.numbers.get(step).copied()
    }

    /// Finds all predecessors of a step; [`is_before`](Self::is_before) answers from the result.
    fn walk(&mut self, step: usize) {
        self.walks += 1;
        let mut open = vec![step];
        while let Some(step) = open.pop() {
            for before in self.after.get(step).into_iter().flatten() {
                if let Some(seen) = self.seen.get_mut(*before).filter(|seen| **seen < self.walks) {
                    *seen = self.walks;
                    open.push(*before);
                }
            }
        }
    }

    /// Whether the last walk reached the step.
    fn is_before(&self, step: usize) -> bool {
        self.seen.get(step) == Some(&self.walks)
    }

    fn wait(&mut self, step: usize, other: usize) {
        if let Some(after) = self.after.get_mut(step) {
            after.push(other);
        }
    }
}

impl Planner<'_> {
    /// Orders the starts on each network where an engine could give a fixed address to another
    /// container.
    pub(super) fn fixed_first(&mut self, wishes: &[Wish], declared: &Declared<'_>) {
        let takers = self.takers();
        let fixed: Vec<&Wish> = wishes.iter().filter(|wish| wish.address().is_some()).collect();
        if fixed.iter().all(|wish| !takers.contains_key(&wish.network)) {
            return;
        }
        let mut pools: BTreeMap<&str, Vec<Pool>> = BTreeMap::new();
        let mut steps = Steps::of(&self.jobs);
        let mut left = MOST_WAITS;
        for wish in fixed {
            let network = wish.network.as_str();
            let (Some(takers), Some(address)) = (takers.get(network), wish.address()) else {
                continue;
            };
            let pools = pools.entry(network).or_insert_with(|| self.pools(network, declared));
            let Some(at) = wish.at.as_ref().filter(|_| gives_out(pools, address)) else { continue };
            let Some(number) = steps.number(at) else { continue };
            let Some(rest) = left.checked_sub(takers.len()) else {
                return self.errors.push(too_many(network));
            };
            left = rest;
            steps.walk(number);
            for (job, start) in takers {
                let taker = steps.number(start).filter(|taker| !steps.is_before(*taker));
                if let Some(taker) = taker.filter(|_| *job != wish.job) {
                    self.jobs[*job].wait(start, at);
                    steps.wait(taker, number);
                }
            }
        }
    }

    /// The jobs that start a container without a fixed address, by network.
    fn takers(&self) -> BTreeMap<String, Vec<(usize, StepId)>> {
        let mut all: BTreeMap<String, Vec<(usize, StepId)>> = BTreeMap::new();
        for (job, it) in self.jobs.iter().enumerate() {
            let (Some(start), Some(look)) = (&it.start, self.created.get(&it.change.id)) else {
                continue;
            };
            for network in takes_any(look) {
                all.entry(network.to_owned()).or_default().push((job, start.clone()));
            }
        }
        all
    }

    /// The address pools of a network.
    fn pools(&self, name: &str, declared: &Declared<'_>) -> Vec<Pool> {
        let declared = declared.get(name).map(|network| network.ipam.config.clone());
        let found = || match self.networks.named(name) {
            Found::One(found) => network::pools(found),
            Found::None | Found::Several(_) => None,
        };
        declared.filter(|pools| !pools.is_empty()).or_else(found).unwrap_or_default()
    }
}

/// Whether an engine may assign the address by itself.
fn gives_out(pools: &[Pool], address: IpAddr) -> bool {
    pools.iter().any(|pool| {
        let inside = |range: &Cidr| range.has(address);
        pool.subnet.as_ref().is_some_and(inside) && pool.ip_range.as_ref().is_none_or(inside)
    })
}

/// The networks on which the container has no fixed address.
fn takes_any(look: &InspectView) -> impl Iterator<Item = &str> {
    let networks = look.json()["NetworkSettings"]["Networks"].as_object();
    let any = |end: &serde_json::Value| {
        let fixed =
            |field: &str| end["IPAMConfig"][field].as_str().is_some_and(|it| !it.is_empty());
        !["IPv4Address", "IPv6Address"].into_iter().any(fixed)
    };
    networks.into_iter().flatten().filter(move |(_, end)| any(end)).map(|(name, _)| name.as_str())
}

fn too_many(network: &str) -> PlanError {
    let network = say::short(network);
    PlanError {
        set: None,
        code: "address",
        message: format!(
            "expected few fixed addresses beside few others on a network, but `{network}` has too \
             many of both: each start of these waits for each of those"
        ),
        hint: "an `ip_range` without the fixed addresses lets the engine give out others"
            .to_owned(),
    }
}
