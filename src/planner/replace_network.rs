//! Replaces a network that differs: disconnects its containers, removes and creates the network,
//! and connects the containers again with the same settings. The decision to replace is
//! [`super::resource_steps`]'s.

use core::net::IpAddr;

use serde_json::{Map, Value as Json};

use super::PlanError;
use super::change_steps::ChangeSteps;
use super::draft::Planner;
use super::matching;
use crate::base::api;
use crate::base::ident::{ChangeTarget, ContainerId, NetworkId, ObjectKey, StepId};
use crate::observed::snapshot::Container;
use crate::options::inspect_view::InspectView;
use crate::options::value::HIDDEN;
use crate::plan::{
    Action, Change, Danger, Dangerous, Impact, NetworkRef, Reason, Step, Subject, Verb,
};
use crate::planner::resources;
use crate::spec::Network;

/// A container on a network, with its endpoint settings.
pub(super) struct Attached {
    pub(super) id: ContainerId,
    name: String,
    endpoint: Json,
    /// Whether another tool or another project created the container.
    strange: bool,
}

impl Planner<'_> {
    /// Replaces a network.
    pub(super) fn replace_network(
        &mut self,
        key: &ObjectKey,
        name: &str,
        network: &Network,
        found: &Json,
        reasons: &[Reason],
    ) {
        let old = NetworkId::new(found["Id"].as_str().unwrap_or_default());
        if found["Scope"].as_str().is_some_and(|scope| scope != "local") {
            self.cannot_rebuild(name, "it is a swarm's", "replace it in the swarm");
        }
        let attached = self.attached(name, &old, network);
        let interrupts: Vec<String> = attached.iter().map(|one| one.name.clone()).collect();
        let mut danger = Vec::new();
        let mut frozen = Dangerous::new();
        if !interrupts.is_empty() {
            let off = "frozen:off the network until it is made again";
            frozen.insert(Danger::Outage, vec![off.to_owned()]);
            danger.push(Danger::Outage);
        }
        if attached.iter().any(|one| one.strange) {
            danger.push(Danger::Adopted);
        }
        let change = Change {
            id: ChangeTarget::Network(name).id(),
            set: None,
            verb: Verb::Replace,
            adopted: false,
            danger,
            dangerous: frozen,
            impact: Impact { interrupts, ..Impact::default() },
            reasons: reasons.to_vec(),
        };
        let job = rebuilding(change, key, name, &old, &attached);
        let create =
            job.steps.iter().find(|step| matches!(step.action, Action::CreateNetwork { .. }));
        if let Some(step) = create {
            let body =
                resources::network::body(&self.spec.project, key, name, network, &self.engine);
            self.bodies.insert(step.id.clone(), body);
        }
        self.push(job);
    }

    fn cannot_rebuild(&mut self, name: &str, why: &str, hint: &str) {
        self.errors.push(PlanError {
            set: None,
            code: "network_not_replaced",
            message: format!("network `{name}` cannot be replaced: {why}"),
            hint: hint.to_owned(),
        });
    }

    /// The containers on a network, running or stopped, in the order of names.
    fn attached(&mut self, name: &str, id: &NetworkId, network: &Network) -> Vec<Attached> {
        let mut all = Vec::new();
        for container in &self.snapshot.containers {
            if !is_attached(container, name, id) {
                continue;
            }
            let called = container.name().to_string();
            let Some(inspect) = &container.inspect else {
                let why = format!("how container `{called}` is attached to it is not known");
                self.cannot_rebuild(name, &why, "take the snapshot with this spec");
                continue;
            };
            let look = InspectView::new(inspect, &container.env);
            // A container that names the network by ID cannot find the new network at its next
            // start.
            let mode = inspect["HostConfig"]["NetworkMode"].as_str().unwrap_or_default();
            if mode.len() >= 12 && id.as_str().starts_with(mode) {
                let why = format!(
                    "container `{called}` was created with its ID and would not start again"
                );
                self.cannot_rebuild(name, &why, "replace that container first");
            }
            // `Config.MacAddress` holds a MAC address only if the address was requested.
            let card = look.config("MacAddress").as_str().filter(|mac| !mac.is_empty());
            let card = card.filter(|_| look.host("NetworkMode") == name);
            let gives = self.engine.api >= api::CONNECT_MAC_ADDRESS;
            match endpoint(&look.json()["NetworkSettings"]["Networks"][name], network, card, gives)
            {
                Ok(endpoint) => all.push(Attached {
                    id: container.id(),
                    name: called,
                    endpoint,
                    strange: self.is_strange(container),
                }),
                Err(why) => self.cannot_rebuild(
                    name,
                    &format!("container `{called}` {why}"),
                    "take the container off it first, or declare a network in which it fits",
                ),
            }
        }
        all
    }

    /// Whether bayplan created the container for another project, or another tool created the
    /// container.
    fn is_strange(&self, container: &Container) -> bool {
        let owner = matching::owner(container)
            .or_else(|| matching::created_for(container, &self.snapshot.images));
        owner.is_none_or(|(project, _)| project != self.spec.project)
    }
}

/// Whether a container is on a network. Between create and start inspect data has the network name
/// only.
fn is_attached(container: &Container, name: &str, id: &NetworkId) -> bool {
    let look = container.inspect.as_ref().or(container.list.as_ref());
    let networks = look.and_then(|look| look["NetworkSettings"]["Networks"].as_object());
    networks.into_iter().flatten().any(|(own, attached)| {
        let known = attached["NetworkID"].as_str().filter(|known| !known.is_empty());
        known.map_or(own == name, |known| known == id.as_str())
    })
}

/// The requested endpoint settings of an attachment, or the reason why they cannot be repeated.
fn endpoint(
    attached: &Json,
    network: &Network,
    card: Option<&str>,
    gives: bool,
) -> Result<Json, String> {
    let mut out = Map::new();
    match card {
        Some(card) if gives => drop(out.insert("MacAddress".to_owned(), card.into())),
        Some(card) => {
            return Err(format!(
                "has the address {card} there, which this engine does not give back"
            ));
        }
        None => {}
    }
    if let Json::Object(wishes) = super::facts::wishes(attached) {
        out.extend(wishes);
    }
    let hidden = attached["DriverOpts"].as_object().into_iter().flatten();
    if hidden.into_iter().any(|(_, value)| value == HIDDEN) {
        return Err("is attached with driver options that are not shown".to_owned());
    }
    for field in ["IPv4Address", "IPv6Address"] {
        let Some(address) = attached["IPAMConfig"][field].as_str().filter(|text| !text.is_empty())
        else {
            continue;
        };
        let parsed: Option<IpAddr> = address.parse().ok();
        let mut subnets = network.ipam.config.iter().filter_map(|pool| pool.subnet);
        if !parsed.is_some_and(|address| subnets.any(|subnet| subnet.has(address))) {
            let address = crate::base::say::short(address);
            return Err(format!("has the fixed address {address}, which is in no declared subnet"));
        }
    }
    Ok(Json::Object(out))
}

/// The steps: disconnect all, remove, create, connect all.
fn rebuilding(
    change: Change,
    key: &ObjectKey,
    name: &str,
    old: &NetworkId,
    attached: &[Attached],
) -> ChangeSteps {
    let id = change.id.clone();
    let step = |what: &str, action: Action, after: Vec<StepId>| {
        Step::new(StepId::of(&id, what), action, after)
    };
    let network = name.to_owned();
    let mut steps: Vec<Step> = attached
        .iter()
        .map(|one| {
            let container = Subject::Container(one.id.clone());
            let which = NetworkRef::Id(old.clone());
            let action = Action::Disconnect { container, network: network.clone(), which };
            step(&format!("disconnect-{}", one.name), action, Vec::new())
        })
        .collect();
    let off = steps.iter().map(|step| step.id.clone()).collect();
    let remove = Action::RemoveNetwork { network: network.clone(), which: old.clone() };
    let remove = step("remove", remove, off);
    let create = Action::CreateNetwork { network: network.clone(), key: key.clone() };
    let create = step("create", create, vec![remove.id.clone()]);
    let up = create.id.clone();
    steps.extend([remove, create]);
    for one in attached {
        let container = Subject::Container(one.id.clone());
        let which = NetworkRef::CreatedBy(up.clone());
        let endpoint = one.endpoint.clone();
        let action = Action::Connect { container, network: network.clone(), which, endpoint };
        steps.push(step(&format!("connect-{}", one.name), action, vec![up.clone()]));
    }
    ChangeSteps::of_object(change, steps, up)
}
