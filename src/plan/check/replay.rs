//! Replays the steps on a simple model: each step finds the state that it needs, and in the end
//! every changed set has its declared state.
//!
//! The executor uses the effects in [`crate::plan::effect`]. This module defines the effects a
//! second time on purpose, so that a bug in one definition is found.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Graph, kind, subject};
use super::{Violations, named};
use crate::base::ident::{ContainerName, ImageId, SetName};
use crate::observed::snapshot::Run;
use crate::plan::{Action, ImagePin, Plan, Subject};
use crate::spec::State;

/// Whether an existing container has a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Live,
    Idle,
    Dead,
}

/// The state while the steps are replayed.
#[derive(Default)]
struct Stage<'a> {
    alive: BTreeMap<Subject, Life>,
    /// The container that has a name.
    names: BTreeMap<&'a ContainerName, Subject>,
    /// The name that a container has.
    called: BTreeMap<Subject, &'a ContainerName>,
    /// The attached containers, by the name of the network.
    attached: BTreeSet<(&'a str, Subject)>,
    /// Whether a network certainly exists or certainly does not exist.
    networks: BTreeMap<&'a str, bool>,
    /// Whether a volume certainly exists or certainly does not exist.
    volumes: BTreeMap<&'a str, bool>,
    images: BTreeSet<&'a ImageId>,
    /// The digests that were pulled or are already on the engine.
    pulled: BTreeSet<&'a str>,
    /// The containers that a step ended; an `auto_remove` container is then gone.
    ended: BTreeSet<Subject>,
}

pub(super) fn check(plan: &Plan, graph: &Graph<'_>, violations: &mut Violations) {
    let mut stage = Stage::of(plan);
    for step in graph.steps {
        let id = named(&step.id);
        if let Err(missed) = stage.follow(&step.action, Subject::CreatedBy(step.id.clone())) {
            let what = kind(&step.action);
            violations.add("replay", format!("expected {id} to {what} {missed}"));
        }
    }
    let acted: BTreeSet<&SetName> =
        plan.changes.iter().filter_map(|change| change.set.as_ref()).collect();
    let mut created: BTreeMap<&SetName, Vec<Subject>> = BTreeMap::new();
    for step in graph.steps {
        if let Action::Create { set, .. } = &step.action {
            created.entry(set).or_default().push(Subject::CreatedBy(step.id.clone()));
        }
    }
    for (set, report) in plan.sets.iter().filter(|(set, _)| acted.contains(set)) {
        let before = plan.facts.members.get(set).into_iter().flatten();
        let created = created.remove(set).into_iter().flatten();
        let members: Vec<Subject> =
            before.cloned().map(Subject::Container).chain(created).collect();
        if let Some(ends) = stage.misses(plan, set, report.state, &members) {
            violations.add("goal", format!("expected set {} to end with {ends}", named(set)));
        }
    }
}

/// The result of a replayed step, or the state that the step needs and does not find.
type Followed = Result<(), &'static str>;

fn finds(fine: bool, what: &'static str) -> Followed {
    if fine { Ok(()) } else { Err(what) }
}

impl<'a> Stage<'a> {
    fn of(plan: &'a Plan) -> Self {
        let mut stage = Self::default();
        for fact in &plan.facts.containers {
            let subject = Subject::Container(fact.id.clone());
            let networks = fact.networks.keys().map(|name| (name.as_str(), subject.clone()));
            stage.attached.extend(networks);
            let life = match fact.run {
                run if run.is_live() => Life::Live,
                Run::Dead | Run::Removing => Life::Dead,
                _ => Life::Idle,
            };
            stage.names.insert(&fact.name, subject.clone());
            stage.called.insert(subject.clone(), &fact.name);
            stage.alive.insert(subject, life);
        }
        stage.images.extend(plan.facts.images.iter().filter_map(|fact| fact.id.as_ref()));
        let known = plan.facts.images.iter().filter_map(|fact| fact.registry.as_deref());
        let pulls = plan.steps.iter().filter_map(|step| match &step.action {
            Action::Pull { image, .. } => image.rsplit_once('@').map(|(_, digest)| digest),
            _ => None,
        });
        let pulls: BTreeSet<&str> = pulls.collect();
        stage.pulled = known.filter(|digest| !pulls.contains(digest)).collect();
        let networks = plan.facts.networks.iter();
        stage.networks = networks.map(|fact| (fact.name.as_str(), fact.id.is_some())).collect();
        let volumes = plan.facts.volumes.iter();
        stage.volumes = volumes.map(|fact| (fact.name.as_str(), fact.driver.is_some())).collect();
        stage
    }

    /// Replays one step. `own` is the container that the step creates.
    fn follow(&mut self, action: &'a Action, own: Subject) -> Followed {
        match action {
            Action::Pull { image, .. } => {
                self.pulled.extend(image.rsplit_once('@').map(|(_, digest)| digest));
                Ok(())
            }
            Action::Tag { image, .. } => {
                let digest = image.rsplit_once('@').map(|(_, digest)| digest);
                finds(digest.is_some_and(|digest| self.pulled.contains(digest)), "what was pulled")
            }
            Action::Create { name, image, .. } => self.create(name, image, own),
            Action::CreateNetwork { network, .. } => {
                let there = self.networks.insert(network, true);
                finds(there == Some(false), "a network that is not there")
            }
            Action::RemoveNetwork { network, .. } => {
                let there = self.networks.insert(network, false);
                let on =
                    self.attached.iter().any(|(name, of)| name == network && self.is_there(of));
                finds(there == Some(true), "a network that is there")?;
                finds(!on, "what no container is on")
            }
            Action::CreateVolume { volume, .. } => {
                let there = self.volumes.insert(volume, true);
                finds(there == Some(false), "a volume that is not there")
            }
            _ => match subject(action) {
                Some(subject) => self.act(action, subject),
                None => Ok(()),
            },
        }
    }

    fn create(&mut self, name: &'a ContainerName, image: &'a ImagePin, own: Subject) -> Followed {
        let here = match image {
            ImagePin::Id(id) => self.images.contains(id),
            ImagePin::Digest(digest) => self.pulled.contains(digest.as_str()),
        };
        self.alive.insert(own.clone(), Life::Idle);
        self.called.insert(own.clone(), name);
        let taken = self.names.insert(name, own);
        finds(here, "from an image that is there")?;
        finds(taken.is_none(), "under a name that is free")
    }

    /// Replays a step on a container.
    fn act(&mut self, action: &'a Action, subject: &Subject) -> Followed {
        let Some(life) = self.alive.get(subject).copied() else {
            return Err("a container that is there");
        };
        let (fits, wanted) = match action {
            Action::Start { wait, .. } => {
                let next = if *wait { Life::Idle } else { Life::Live };
                self.alive.insert(subject.clone(), next);
                (life == Life::Idle, "a container that is stopped")
            }
            Action::Stop { .. } | Action::Kill { .. } => {
                self.ended.insert(subject.clone());
                self.alive.insert(subject.clone(), Life::Idle);
                (life == Life::Live, "a container that runs")
            }
            Action::Restart { .. } | Action::WaitReady { .. } | Action::Fence { .. } => {
                (life == Life::Live, "a container that runs")
            }
            Action::PutFiles { .. } => (life == Life::Idle, "a container that was not started"),
            Action::Update { .. } => (life != Life::Dead, "a container that may run"),
            Action::Rename { from, to, .. } => {
                let had = self.names.get(from) == Some(subject);
                if had {
                    self.names.remove(from);
                }
                self.called.insert(subject.clone(), to);
                let free = self.names.insert(to, subject.clone()).is_none();
                (had && free, "from a name that it has to one that is free")
            }
            Action::Remove { .. } => {
                self.alive.remove(subject);
                if let Some(name) = self.called.remove(subject) {
                    self.names.remove(name);
                }
                (life != Life::Live, "a container that is stopped")
            }
            Action::Connect { network, .. } => {
                let fresh = self.attached.insert((network, subject.clone()));
                let there = self.networks.get(network.as_str()) == Some(&true);
                (fresh && there, "a container that is not on it to a network that is there")
            }
            Action::Disconnect { network, .. } => {
                let was = self.attached.remove(&(network.as_str(), subject.clone()));
                (was, "a container that is on that network")
            }
            _ => (true, ""),
        };
        finds(fits, wanted)
    }

    fn is_there(&self, subject: &Subject) -> bool {
        self.alive.contains_key(subject)
    }

    /// The part of the declared state that a set does not reach.
    fn misses(
        &self,
        plan: &Plan,
        set: &SetName,
        state: State,
        members: &[Subject],
    ) -> Option<String> {
        let declared = &plan.declared["containers"][set.as_str()];
        let is = |life: Life| members.iter().filter(|of| self.alive.get(of) == Some(&life)).count();
        let (live, idle) = (is(Life::Live) as u64, is(Life::Idle) as u64);
        let count = declared["count"].as_u64().unwrap_or(1);
        let once = declared["detach"] == false;
        match state {
            State::Present => {
                (live + idle != count).then(|| format!("{count} containers, not {}", live + idle))
            }
            State::Started | State::Reloaded | State::Restarted if once => {
                (live > 0).then(|| "jobs that ended".to_owned())
            }
            State::Started | State::Reloaded | State::Restarted => {
                (live != count).then(|| format!("{count} running containers, not {live}"))
            }
            State::Stopped | State::Killed => (live > 0).then(|| "none that runs".to_owned()),
            State::Absent => {
                let left = members.iter().any(|of| self.is_there(of) && !self.ended.contains(of));
                left.then(|| "no container".to_owned())
            }
        }
    }
}
