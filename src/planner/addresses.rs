//! Checks fixed IP addresses and MAC addresses against the snapshot. An engine reports a conflict
//! only when it starts the new container, after the old container is stopped.
//!
//! An address must be free, or its holder must release the address in this plan before the new
//! container takes it. Ports are [`super::ports`]'s.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value as Json;

use super::PlanError;
use super::change_steps::ChangeSteps;
use super::draft::Planner;

use crate::base::ident::{ChangeId, ChangeTarget, ContainerName, StepId};
use crate::base::say;
use crate::observed::snapshot::Container;
use crate::options::inspect_view::InspectView;
use crate::plan::{Action, Subject, Verb, Warning};
use crate::planner::resources::{Found, network};
use crate::spec::Spec;
use crate::spec::resources::{Cidr, Network, Pool, gives_gateway};

/// An address that a container has on a network.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Address(IpAddr),
    /// A MAC address. Engines accept a duplicate, and then neither container is reached reliably.
    Card(String),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Card(card) => f.write_str(&say::short(card)),
        }
    }
}

/// An address that a container is to have on a network.
pub(super) struct Wish {
    pub(super) job: usize,
    pub(super) network: String,
    what: What,
    /// The step that takes the address; none if the plan does not start the container.
    pub(super) at: Option<StepId>,
}

impl Wish {
    /// The IP address; none for a MAC address.
    pub(super) fn address(&self) -> Option<IpAddr> {
        match self.what {
            What::Address(address) => Some(address),
            What::Card(_) => None,
        }
    }
}

/// The networks that the spec declares, by their names on the engine.
pub(super) type Declared<'a> = BTreeMap<String, &'a Network>;

/// The containers that hold each address, by network and address.
type Held = BTreeMap<(String, What), BTreeSet<String>>;

/// Collects the networks that the spec declares, by their names on the engine.
fn declared(spec: &Spec) -> Declared<'_> {
    let all = spec.networks.iter();
    all.filter_map(|(key, one)| Some((spec.network_name(key)?, one.declared()?))).collect()
}

impl Planner<'_> {
    /// Orders every start after the steps that free its addresses.
    pub(super) fn take_addresses(&mut self) {
        let wishes: Vec<Wish> = (0..self.jobs.len()).flat_map(|job| self.wishes_of(job)).collect();
        if wishes.is_empty() {
            return;
        }
        let (stopped, released) = (self.stopped(), self.released());
        let held = held(&self.snapshot.containers);
        let declared = declared(self.spec);
        let mut taken = Held::new();
        for wish in &wishes {
            if let What::Address(address) = wish.what {
                self.place(wish, address, &declared);
            }
            let Some(at) = wish.at.clone() else { continue };
            let own = self.jobs[wish.job].change.id.to_string();
            let key = (wish.network.clone(), wish.what.clone());
            let before = taken.get(&key).into_iter().flatten().find(|by| **by != own).cloned();
            let mut edges = Vec::new();
            let mut by = before;
            for holder in held.get(&key).into_iter().flatten().filter(|by| **by != own) {
                let off = released.get(&(holder.clone(), wish.network.clone()));
                match off.or_else(|| stopped.get(holder)) {
                    Some(step) => edges.push(step.clone()),
                    None => by = Some(holder.clone()),
                }
            }
            if let Some(by) = by {
                self.tell_taken(wish, &by);
            }
            self.jobs[wish.job].wait_all(&at, edges);
            taken.entry(key).or_default().insert(own);
        }
        self.fixed_first(&wishes, &declared);
    }

    /// The fixed addresses that the container of a job is to have.
    fn wishes_of(&self, job: usize) -> Vec<Wish> {
        let it = &self.jobs[job];
        if it.change.set.is_none() {
            return Vec::new();
        }
        let name = ContainerName::new(it.change.id.as_str());
        let created = self.created.get(&it.change.id);
        let there = self.index.by_name(&name);
        let live = there.is_some_and(|container| container.run().is_live());
        let mut all = Vec::new();
        let mut wish = |network: &str, what: What, at: Option<StepId>| {
            all.push(Wish { job, network: network.to_owned(), what, at });
        };
        if let Some(look) = created {
            for (network, what) in wished(look) {
                wish(&network, what, it.start.clone());
            }
            return all;
        }
        if let (Verb::Start, Some(inspect)) =
            (it.change.verb, there.and_then(|it| it.inspect.as_ref()))
        {
            let look = InspectView::new(inspect, &BTreeMap::new());
            for (network, what) in wished(&look) {
                wish(&network, what, it.start.clone());
            }
        }
        for step in &it.steps {
            let Action::Connect { network, endpoint, .. } = &step.action else { continue };
            let at = if live { Some(step.id.clone()) } else { it.start.clone() };
            for what in of_endpoint(endpoint) {
                wish(network, what, at.clone());
            }
        }
        all
    }

    /// The disconnect steps, by container and network.
    fn released(&self) -> BTreeMap<(String, String), StepId> {
        let mut all = BTreeMap::new();
        for step in
            self.jobs.iter().filter(|job| job.change.set.is_some()).flat_map(|job| &job.steps)
        {
            if let Action::Disconnect { container: Subject::Container(id), network, .. } =
                &step.action
                && let Some(container) = self.index.by_id(id)
            {
                all.insert((container.name().to_string(), network.clone()), step.id.clone());
            }
        }
        all
    }

    fn tell_taken(&mut self, wish: &Wish, by: &str) {
        let change = &self.jobs[wish.job].change;
        let (own, set) = (change.id.clone(), change.set.clone());
        let Wish { network, what, .. } = wish;
        let network = say::short(network);
        let text = format!(
            "{what} of container `{own}` on network `{network}` is taken by container `{by}`"
        );
        match what {
            What::Address(_) => self.errors.push(PlanError {
                set,
                code: "address_taken",
                message: format!("address {text}"),
                hint: "give it another address, or stop that container".to_owned(),
            }),
            What::Card(_) => self.warnings.push(Warning {
                code: "mac_taken".to_owned(),
                set,
                text: format!("network card address {text}, and neither is reached for sure"),
            }),
        }
    }

    /// Reports an address that the network cannot give. A network that this plan makes is checked
    /// when the spec is read.
    fn place(&mut self, wish: &Wish, address: IpAddr, declared: &Declared<'_>) {
        let Wish { network: name, .. } = wish;
        let change: ChangeId = self.jobs[wish.job].change.id.clone();
        let made = self.jobs_of(&ChangeTarget::Network(name).id()).next().is_some();
        let Found::One(found) = self.networks.named(name) else { return };
        let Some(pools) = network::pools(found).filter(|_| !made) else { return };
        let what = format!("{address} of container `{change}` on network `{}`", say::short(name));
        let driver = found["Driver"].as_str().unwrap_or_default();
        let options = found["Options"].as_object().into_iter().flatten();
        let options = options.map(|(key, _)| (key.clone(), String::new())).collect();
        let kept =
            || pools.iter().find_map(|pool| pool.keeps(address, gives_gateway(driver, &options)));
        let subnets: Vec<Cidr> = pools.iter().filter_map(|pool| pool.subnet).collect();
        let own: Vec<String> = subnets
            .iter()
            .filter(|subnet| subnet.is_ipv4() == address.is_ipv4())
            .map(ToString::to_string)
            .collect();
        let (message, hint) = if name == "bridge" {
            (
                format!("address {what}: the engine gives no fixed addresses there"),
                "declare a network of your own under `networks` at the root".to_owned(),
            )
        } else if own.is_empty() {
            let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
            (
                format!("address {what}: that network has no {family}"),
                "leave the address out, or make the network with a subnet for it".to_owned(),
            )
        } else if !subnets.iter().any(|subnet| subnet.has(address)) {
            (
                format!("address {what} is outside of it"),
                format!("its addresses are those of {}", own.join(" and ")),
            )
        } else if let Some(kept) = kept() {
            (
                format!("address {what} is {kept}"),
                "give it another address of the subnet".to_owned(),
            )
        } else {
            let declared = declared.get(name.as_str()).copied();
            return self.doubt_configured(wish, (address, &pools), declared, &what);
        };
        let set = self.jobs[wish.job].change.set.clone();
        self.errors.push(PlanError { set, code: "address", message, hint });
    }

    /// Warns where an engine may refuse a fixed address. An engine refuses fixed addresses on a
    /// subnet of its own choice, and inspect data does not show the choice.
    fn doubt_configured(
        &mut self,
        wish: &Wish,
        (address, pools): (IpAddr, &[Pool]),
        declared: Option<&Network>,
        what: &str,
    ) {
        let said = declared.is_some_and(|network| !network.ipam.config.is_empty());
        let info = self.snapshot.engine.as_ref().map_or(&Json::Null, |engine| &engine.info);
        let own = pools.iter().find(|pool| pool.subnet.is_some_and(|subnet| subnet.has(address)));
        let Some(pool) = own.filter(|pool| may_be_chosen(pool, info)) else { return };
        let proven =
            || self.snapshot.containers.iter().any(|other| has_fixed(other, &wish.network));
        if said || proven() {
            return;
        }
        let subnet = pool.subnet.map(|subnet| subnet.to_string()).unwrap_or_default();
        let warning = Warning {
            code: "address".to_owned(),
            set: self.jobs[wish.job].change.set.clone(),
            text: format!(
                "address {what}: if the engine chose {subnet} by itself, it gives no fixed \
                 addresses there and the start fails; it does not tell"
            ),
        };
        self.warnings.push(warning);
    }

    /// Refuses network aliases on the built-in networks `bridge`, `host` and `none`, which support
    /// no aliases.
    pub(super) fn refuse_aliases(&mut self, job: &ChangeSteps, look: &InspectView) {
        let networks = look.json()["NetworkSettings"]["Networks"].as_object();
        let wrong = networks.into_iter().flatten().filter(|(name, end)| {
            let own = matches!(name.as_str(), "bridge" | "host" | "none");
            own && end["Aliases"].as_array().is_some_and(|aliases| !aliases.is_empty())
        });
        let told = wrong.map(|(name, _)| PlanError {
            set: job.change.set.clone(),
            code: "aliases",
            message: format!("aliases on network `{name}`: the engine gives none there"),
            hint: "declare a network of your own under `networks` at the root".to_owned(),
        });
        self.errors.extend(told.collect::<Vec<_>>());
    }
}

/// The addresses of live containers, fixed or chosen by the engine.
fn held(containers: &[Container]) -> Held {
    let mut all = Held::new();
    for container in containers.iter().filter(|container| container.run().is_live()) {
        let look = container.inspect.as_ref().or(container.list.as_ref());
        let networks = look.and_then(|look| look["NetworkSettings"]["Networks"].as_object());
        for (network, end) in networks.into_iter().flatten() {
            let addresses = ["IPAddress", "GlobalIPv6Address"].into_iter();
            let addresses = addresses.filter_map(|field| end[field].as_str()?.parse().ok());
            let card = end["MacAddress"].as_str().filter(|card| !card.is_empty());
            let card = card.map(|card| What::Card(card.to_ascii_lowercase()));
            for what in addresses.map(What::Address).chain(card) {
                let by = container.name().to_string();
                all.entry((network.clone(), what)).or_default().insert(by);
            }
        }
    }
    all
}

/// The addresses that both the planned container and the other container have, in words.
pub(super) fn in_both(look: &InspectView, other: &Container) -> Vec<String> {
    let held = held(std::slice::from_ref(other));
    let both = wished(look).into_iter().filter(|wish| held.contains_key(wish));
    both.map(|(_, what)| what.to_string()).collect()
}

/// The fixed addresses of a container, with their networks.
fn wished(look: &InspectView) -> Vec<(String, What)> {
    let networks = look.json()["NetworkSettings"]["Networks"].as_object();
    let mut all = Vec::new();
    for (network, end) in networks.into_iter().flatten() {
        // After the first start an engine shows every MAC address as if it were requested.
        let fresh = look.json()["Id"].is_null();
        let wishes = of_endpoint(end).into_iter();
        let wishes = wishes.filter(|what| fresh || matches!(what, What::Address(_)));
        all.extend(wishes.map(|what| (network.clone(), what)));
    }
    let main = look.host("NetworkMode").as_str().unwrap_or_default();
    let card = look.config("MacAddress").as_str().filter(|card| !card.is_empty());
    all.extend(card.map(|card| (main.to_owned(), What::Card(card.to_ascii_lowercase()))));
    all.sort();
    all.dedup();
    all
}

fn of_endpoint(end: &Json) -> Vec<What> {
    let ipam = &end["IPAMConfig"];
    let addresses = ["IPv4Address", "IPv6Address"].into_iter();
    let addresses = addresses.filter_map(|field| ipam[field].as_str()?.parse().ok());
    let card = end["MacAddress"].as_str().filter(|card| !card.is_empty());
    let card = card.map(|card| What::Card(card.to_ascii_lowercase()));
    addresses.map(What::Address).chain(card).collect()
}

/// Whether a running container has a fixed address on the network.
fn has_fixed(container: &Container, network: &str) -> bool {
    let Some(inspect) = container.inspect.as_ref().filter(|_| container.run().is_live()) else {
        return false;
    };
    let end = &inspect["NetworkSettings"]["Networks"][network]["IPAMConfig"];
    ["IPv4Address", "IPv6Address"]
        .iter()
        .any(|field| end[field].as_str().is_some_and(|it| !it.is_empty()))
}

/// Whether the engine may have chosen the subnet itself: the subnet lies in a default address pool,
/// and the gateway is the first address.
fn may_be_chosen(pool: &Pool, info: &Json) -> bool {
    let Some(subnet) = pool.subnet else { return false };
    let plain = Pool { gateway: None, ..pool.clone() };
    let named = pool.gateway.is_some_and(|gateway| plain.keeps(gateway, true).is_some());
    if !named || pool.ip_range.is_some() || !pool.aux_addresses.is_empty() {
        return false;
    }
    let told = info["DefaultAddressPools"].as_array().filter(|told| !told.is_empty());
    let told = told.map(|told| told.iter().filter_map(|one| one["Base"].as_str()).collect());
    let usual = || vec!["172.16.0.0/12", "192.168.0.0/16", "fd00::/8"];
    let bases: Vec<&str> = told.unwrap_or_else(usual);
    bases.into_iter().filter_map(Cidr::told).any(|base| base.covers(&subnet))
}
