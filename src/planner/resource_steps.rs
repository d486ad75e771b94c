//! Networks and volumes of the spec: creates missing resources, refuses resources of other
//! projects, and reports differences. Replacing a network is [`super::replace_network`]'s.

use std::collections::BTreeSet;

use super::PlanError;
use super::change_steps::ChangeSteps;
use super::draft::Planner;
use crate::base::api;
use crate::base::ident::{
    ChangeId, ChangeTarget, LABEL_NETWORK, LABEL_VOLUME, NetworkId, ObjectKey, SetName,
};
use crate::engine_model;
use crate::options::Body;
use crate::options::inspect_view::InspectView;
use crate::plan::facts::{NetworkFact, VolumeFact};
use crate::plan::left;
use crate::plan::show::reason_text;
use crate::plan::{
    Action, Because, Change, Danger, Impact, NetworkRef, Reason, Step, Verb, Warning,
};
use crate::planner::resources;
use crate::planner::resources::{Differences, Found, Terms};
use crate::spec::resources::{PREDEFINED, RecreateNetwork};
use crate::spec::{Network, Resource, Volume};

impl<'a> Planner<'a> {
    /// Plans all networks and volumes of the spec, and reports resources that earlier specs left.
    pub(super) fn objects(&mut self) {
        let spec = self.spec;
        for (key, network) in &spec.networks {
            let Some(name) = spec.network_name(key) else { continue };
            self.network(key, &name, network);
        }
        self.refuse_taken_subnets();
        for (key, volume) in &spec.volumes {
            let Some(name) = spec.volume_name(key) else { continue };
            self.volume(key, &name, volume);
        }
        self.left_over("network", LABEL_NETWORK, &spec.network_names());
        self.left_over("volume", LABEL_VOLUME, &spec.volume_names());
    }

    pub(super) fn object_error(&mut self, code: &'static str, message: String, hint: &str) {
        self.errors.push(PlanError { set: None, code, message, hint: hint.to_owned() });
    }

    fn object_warning(&mut self, code: &str, text: String) {
        self.warnings.push(Warning { code: code.to_owned(), set: None, text });
    }

    fn network(&mut self, key: &ObjectKey, name: &str, network: &'a Resource<Network>) {
        let snapshot = self.snapshot;
        match (self.networks.named(name), network.declared()) {
            (Found::Several(number), _) => self.ambiguous(name, number),
            (Found::None, None) => self.missing("network", name),
            (Found::One(_), None) => {}
            (Found::None, Some(network)) => {
                self.unsupported(name, network);
                let project = &self.spec.project;
                let body = resources::network::body(project, key, name, network, &self.engine);
                let action = Action::CreateNetwork { network: name.to_owned(), key: key.clone() };
                self.make(ChangeTarget::Network(name).id(), action, body, None);
            }
            (Found::One(found), Some(network)) => {
                let Some(owned) =
                    self.owned("network", name, key, resources::owner(found, LABEL_NETWORK))
                else {
                    return;
                };
                let terms = Terms { owned, public: snapshot.public.networks.get(name) };
                let differences = resources::network::differences(network, found, terms);
                if !differences.reasons.is_empty() && network.recreate == RecreateNetwork::Auto {
                    self.unsupported(name, network);
                    self.replace_network(key, name, network, found, &differences.reasons);
                    return;
                }
                let way = "`recreate: auto` would replace it";
                self.report_object(("network", left::NETWORK_DIFFERS), name, &differences, way);
            }
        }
    }

    fn volume(&mut self, key: &ObjectKey, name: &str, volume: &'a Resource<Volume>) {
        let snapshot = self.snapshot;
        match (self.volumes.named(name), volume.declared()) {
            (Found::None, None) => self.missing("volume", name),
            (Found::One(_) | Found::Several(_), None) => {}
            (Found::None, Some(declared)) => {
                self.meant(key, name, volume);
                let body = resources::volume::body(&self.spec.project, key, name, declared);
                let danger = resources::volume::beyond(declared);
                let action = Action::CreateVolume { volume: name.to_owned(), key: key.clone() };
                self.make(ChangeTarget::Volume(name).id(), action, body, danger);
            }
            // Two volumes of one name have different drivers. The list shows both, but calls
            // address a volume by name.
            (Found::Several(number), Some(_)) => self.ambiguous(name, number),
            (Found::One(found), Some(declared)) => {
                let Some(owned) =
                    self.owned("volume", name, key, resources::owner(found, LABEL_VOLUME))
                else {
                    return;
                };
                let terms = Terms { owned, public: snapshot.public.volumes.get(name) };
                let differences = resources::volume::differences(declared, found, terms);
                let way = "a volume is never replaced by itself: move its data, remove it by \
                           hand, and plan again";
                self.report_object(("volume", left::VOLUME_DIFFERS), name, &differences, way);
            }
        }
    }

    /// Refuses a name that several resources have.
    fn ambiguous(&mut self, name: &str, number: usize) {
        self.object_error(
            "ambiguous",
            format!("{number} networks or volumes are called `{name}`, so none of them is meant"),
            "`docker network ls --no-trunc` and `docker volume ls` show them; remove all but one",
        );
    }

    fn missing(&mut self, what: &str, name: &str) {
        self.object_error(
            "external_missing",
            format!("{what} `{name}` is declared as external and is not on the engine"),
            "create it there, or take `external: true` out to have it created",
        );
    }

    /// Whether an existing resource was created for this key; `None` if another key or project owns
    /// it.
    fn owned(
        &mut self,
        what: &str,
        name: &str,
        key: &ObjectKey,
        owner: Option<(crate::base::ident::ProjectName, ObjectKey)>,
    ) -> Option<bool> {
        match owner {
            None => Some(false),
            Some((project, own)) if project == self.spec.project && own == *key => Some(true),
            Some((project, own)) => {
                self.object_error(
                    "name_owned",
                    format!("{what} `{name}` belongs to `{own}` of project `{project}`"),
                    "say `external: true` to use it as it is, or give this one another `name`",
                );
                None
            }
        }
    }

    /// Refuses a new volume if the engine has a volume of the bare key, because that volume may
    /// hold the data.
    fn meant(&mut self, key: &ObjectKey, name: &str, volume: &Resource<Volume>) {
        let bare = self.volumes.named(key.as_str());
        if volume.is_named() || bare == Found::None {
            return;
        }
        self.object_error(
            "which_volume",
            format!(
                "volume `{key}` of the spec is called `{name}`, which is not on the engine, but \
                 `{key}` is"
            ),
            &format!("say which one is meant: `name: {key}` or `name: {name}`"),
        );
    }

    fn unsupported(&mut self, name: &str, network: &Network) {
        if network.enable_ipv4 == Some(false) && !resources::network::knows_ipv4(&self.engine) {
            self.object_error(
                "unsupported",
                format!(
                    "network `{name}` is to do without IPv4, which needs API {}",
                    api::IPV4_OPTIONAL
                ),
                "leave `enable_ipv4` out, or use Docker 28 or newer",
            );
        }
    }

    /// Adds the change that creates a resource.
    fn make(&mut self, id: ChangeId, action: Action, body: Body, beyond: Option<String>) {
        let change = Change {
            id,
            set: None,
            verb: Verb::Create,
            adopted: false,
            danger: beyond.iter().map(|_| Danger::HostAccess).collect(),
            dangerous: beyond.map(|text| (Danger::HostAccess, vec![text])).into_iter().collect(),
            impact: Impact::default(),
            reasons: vec![Reason::Because(Because::NotThere)],
        };
        let job = ChangeSteps::object(change, action);
        if let Some(step) = job.first() {
            self.bodies.insert(step.clone(), body);
        }
        self.push(job);
    }

    /// Warns of the differences of a resource that is left; `what` is the kind of the resource.
    fn report_object(
        &mut self,
        (what, code): (&str, &str),
        name: &str,
        differences: &Differences,
        way: &str,
    ) {
        if !differences.reasons.is_empty() {
            let told: Vec<String> = differences.reasons.iter().map(reason_text::text).collect();
            let text = format!("{what} `{name}` differs and is left: {}; {way}", told.join("; "));
            self.object_warning(code, text);
        }
        if !differences.unknown.is_empty() {
            let text = format!(
                "whether {} of {what} `{name}` differs cannot be told",
                differences.unknown.join(", ")
            );
            self.object_warning("unknown", text);
        }
    }

    /// Warns of resources of this project that the spec no longer declares.
    fn left_over(
        &mut self,
        what: &str,
        label: &str,
        names: &std::collections::BTreeMap<String, String>,
    ) {
        let snapshot = self.snapshot;
        let all = if what == "network" { &snapshot.networks } else { &snapshot.volumes };
        let names: BTreeSet<&str> = names.values().map(String::as_str).collect();
        for found in all {
            let name = found["Name"].as_str().unwrap_or_default();
            let ours = resources::owner(found, label)
                .is_some_and(|(project, _)| project == self.spec.project);
            if ours && !names.contains(name) {
                let name = crate::base::say::short(name);
                let text = format!(
                    "{what} `{name}` belongs to this project, but the spec does not declare it; \
                     `docker {what} rm {name}` removes it"
                );
                self.object_warning("orphan", text);
            }
        }
    }

    /// The create body that the engine accepts. Further networks that an old engine refuses in a
    /// create are connected afterwards.
    pub(super) fn attach(
        &mut self,
        set: Option<&SetName>,
        job: &mut ChangeSteps,
        body: &Body,
    ) -> Body {
        for (what, api) in engine_model::unsupported(body, &self.engine) {
            self.errors.push(PlanError {
                set: set.cloned(),
                code: "unsupported",
                message: format!("{what} needs API {api}, but the engine has {}", self.engine.api),
                hint: "leave it out, or use a newer engine".to_owned(),
            });
        }
        let (body, later) = engine_model::downlevel(body, &self.engine);
        let later = later
            .into_iter()
            .filter_map(|(name, endpoint)| {
                let made =
                    self.jobs_of(&ChangeTarget::Network(&name).id()).find_map(|job| job.up.clone());
                let id = || self.world.network_by(&name).map(|(_, id)| NetworkRef::Id(id.clone()));
                let which = made.map(NetworkRef::CreatedBy).or_else(id)?;
                Some((name, which, endpoint))
            })
            .collect::<Vec<_>>();
        if !later.is_empty() {
            job.connect(later);
        }
        body
    }

    /// Makes the creation of a container wait for its networks and volumes. A missing network is an
    /// error.
    pub(super) fn await_objects(
        &mut self,
        set: Option<&SetName>,
        job: &mut ChangeSteps,
        look: &InspectView,
    ) {
        let Some(needs) = job.needs.clone() else { return };
        let networks = networks_of(look);
        for name in &networks {
            self.need_network(set, name);
        }
        let networks = networks.iter().map(|name| ChangeTarget::Network(name).id());
        let volumes = volumes_of(look).into_iter().map(|name| ChangeTarget::Volume(&name).id());
        for change in networks.chain(volumes).collect::<Vec<_>>() {
            let ups: Vec<_> = self.jobs_of(&change).filter_map(|job| job.up.clone()).collect();
            for up in ups {
                job.wait(&needs, &up);
            }
        }
    }

    /// Requires that a network exists exactly once or is created by the plan.
    fn need_network(&mut self, set: Option<&SetName>, name: &str) {
        let made = self.jobs_of(&ChangeTarget::Network(name).id()).next().is_some();
        // Every engine has networks, so a snapshot without networks lacks the data.
        if made || PREDEFINED.contains(&name) || self.snapshot.networks.is_empty() {
            return;
        }
        let (code, message, hint) = match self.networks.named(name) {
            Found::One(_) => return,
            Found::None if self.world.network_by(name).is_some() => return,
            Found::None => (
                "network_missing",
                format!("network `{name}` is not on the engine"),
                self.meant_network(name).unwrap_or_else(|| {
                    "declare it under `networks` at the root, or create it there".to_owned()
                }),
            ),
            Found::Several(number) => (
                "ambiguous",
                format!("{number} networks are called `{name}`, so none of them is meant"),
                "`docker network ls --no-trunc` shows them; remove all but one".to_owned(),
            ),
        };
        self.errors.push(PlanError { set: set.cloned(), code, message, hint });
    }

    /// The network of the spec, or else of the engine, with a similar name.
    fn meant_network(&self, name: &str) -> Option<String> {
        if self.errors.len() >= crate::base::say::MOST {
            return None;
        }
        let names = self.spec.network_names();
        let there = self.snapshot.networks.iter().filter_map(|found| found["Name"].as_str());
        let close = crate::base::say::did_you_mean(name, names.keys().map(String::as_str))
            .or_else(|| crate::base::say::did_you_mean(name, there))?;
        Some(format!("did you mean `{}`?", crate::base::say::short(close)))
    }

    /// The identity of every network that is declared or used.
    pub(super) fn network_facts(&self, steps: &[Step]) -> Vec<NetworkFact> {
        let connected: BTreeSet<&str> = steps
            .iter()
            .filter_map(|step| match &step.action {
                Action::Connect { network, .. } | Action::Disconnect { network, .. } => {
                    Some(network.as_str())
                }
                _ => None,
            })
            .collect();
        let declared = self.spec.network_names().into_values();
        let used = self.used_networks.iter().cloned();
        let names: BTreeSet<String> = declared
            .chain(used)
            .chain(connected.iter().map(|name| (*name).to_owned()))
            .filter(|name| {
                !PREDEFINED.contains(&name.as_str()) || connected.contains(name.as_str())
            })
            .collect();
        let fact = |called: String| {
            let (name, id) = match self.networks.named(&called) {
                Found::One(found) => (called, found["Id"].as_str().map(NetworkId::new)),
                Found::None | Found::Several(_) => match self.world.network_by(&called) {
                    Some((name, id)) => (name.to_owned(), Some(id.clone())),
                    None => (called, None),
                },
            };
            NetworkFact { name, id }
        };
        let facts: BTreeSet<_> =
            names.into_iter().map(fact).map(|fact| (fact.name, fact.id)).collect();
        facts.into_iter().map(|(name, id)| NetworkFact { name, id }).collect()
    }

    /// The identity of every volume that is declared or used.
    pub(super) fn volume_facts(&self) -> Vec<VolumeFact> {
        let declared = self.spec.volume_names().into_values();
        let used = self.used_volumes.iter().cloned();
        let names: BTreeSet<String> = declared.chain(used).collect();
        let fact = |name: String| {
            let found = match self.volumes.named(&name) {
                Found::One(found) => Some(found),
                Found::None | Found::Several(_) => None,
            };
            let text = |field: &str| found?[field].as_str().map(str::to_owned);
            VolumeFact { name, driver: text("Driver"), created_at: text("CreatedAt") }
        };
        names.into_iter().map(fact).collect()
    }
}

/// The networks that a new container joins, by the names in its create body.
pub(super) fn networks_of(look: &InspectView) -> Vec<String> {
    let mode = look.host("NetworkMode").as_str().unwrap_or_default();
    if mode.starts_with("container:") {
        return Vec::new();
    }
    let attached = look.json()["NetworkSettings"]["Networks"].as_object();
    let mut names: Vec<String> =
        attached.into_iter().flatten().map(|(name, _)| name.clone()).collect();
    if names.is_empty() && !mode.is_empty() {
        names.push(mode.to_owned());
    }
    names
}

/// The named volumes that a new container mounts, by the names in its create body.
pub(super) fn volumes_of(look: &InspectView) -> Vec<String> {
    let binds = look.host("Binds").as_array().into_iter().flatten();
    let sources = binds.filter_map(|bind| bind.as_str()?.split_once(':'));
    let named = sources.map(|(source, _)| source).filter(|source| !source.starts_with('/'));
    let mounts = look.host("Mounts").as_array().into_iter().flatten();
    let mounted = mounts.filter(|mount| mount["Type"] == "volume");
    let mounted =
        mounted.filter_map(|mount| mount["Source"].as_str()).filter(|name| !name.is_empty());
    named.chain(mounted).map(str::to_owned).collect()
}
