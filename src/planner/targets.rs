//! Requires the containers that new containers refer to: by links, namespaces, `volumes_from` or
//! `depends_on`. An engine reports a missing container only after other steps are done. Targets
//! that exist but forbid the start are [`super::starts`]'.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanError;
use super::decide::Member;
use super::draft::Planner;
use super::index::Dependency;
use crate::base::ident::{ChangeId, ContainerName, SetName};
use crate::base::say;
use crate::plan::Verb;
use crate::planner::resources::Found;
use crate::spec::order;
use crate::spec::resources::PREDEFINED;

/// The kind of dependency for a key of the spec.
fn dependency(by: &str) -> Option<Dependency> {
    match by {
        "network_mode" | "pid" | "ipc" => Some(Dependency::Namespace),
        "links" => Some(Dependency::Link),
        "volumes_from" => Some(Dependency::Volumes),
        // `depends_on` only orders.
        _ => None,
    }
}

/// The state of a container after the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Will {
    Run,
    Rest,
    Go,
    /// The container does not exist.
    Lack,
}

impl Planner<'_> {
    /// Adds errors for new containers that refer to a container that will be missing or stopped.
    pub(super) fn guard_targets(&mut self) {
        let mut acting: BTreeMap<SetName, bool> = BTreeMap::new();
        for job in &self.jobs {
            let creates = matches!(job.change.verb, Verb::Create | Verb::Replace | Verb::Run);
            if let Some(set) = job.change.set.as_ref().filter(|_| creates) {
                *acting.entry(set.clone()).or_default() |= job.start.is_some();
            }
        }
        let faulty: BTreeSet<SetName> =
            self.errors.iter().filter_map(|error| error.set.clone()).collect();
        for (key, starts) in acting {
            let Some(set) = self.spec.sets.get(&key) else { continue };
            for (word, by) in order::words(set) {
                if by == "depends_on" {
                    continue;
                }
                let target = self.words.resolve(&word);
                // The errors of the target already explain the problem.
                if target.is_some_and(|target| faulty.contains(target)) {
                    continue;
                }
                let error = self.doubt(&key, by, &word, target.is_some(), starts);
                self.errors.extend(error);
            }
        }
        self.guard_order();
    }

    /// Requires that every `depends_on` names a container or a set, even if the plan has no
    /// changes. An unknown word would order nothing.
    fn guard_order(&mut self) {
        for (key, set) in self.spec.sets.iter().filter(|(_, set)| set.may_create()) {
            for one in set.depends_on.iter().filter(|one| one.required) {
                let is_set = self.words.resolve(&one.word).is_some();
                let error = self.doubt(key, "depends_on", &one.word, is_set, false);
                self.errors.extend(error);
            }
        }
    }

    fn doubt(
        &self,
        key: &SetName,
        by: &str,
        word: &str,
        is_set: bool,
        starts: bool,
    ) -> Option<PlanError> {
        let dependency = dependency(by);
        let name = ContainerName::new(self.cx.container(word));
        let will = self.will(&name);
        let what = match (dependency, will) {
            // A set may have no containers, or may lose its containers after its dependants.
            (None, Will::Lack) if !is_set => "there is no such container or set".to_owned(),
            (Some(_), Will::Lack) if is_set => "that set will have no container".to_owned(),
            (Some(_), Will::Lack) => "there is no such container or set".to_owned(),
            (Some(_), Will::Go) => format!("this plan removes `{name}`"),
            (Some(Dependency::Namespace), Will::Rest) if starts => {
                format!("container `{name}` will not run, and only what runs can be joined")
            }
            _ => return None,
        };
        // A filtered snapshot may not show the container.
        if will == Will::Lack && !self.snapshot.whole && !is_set {
            return None;
        }
        let code = if will == Will::Rest { "target_not_running" } else { "target_missing" };
        let told = self.errors.len() < say::MOST;
        let close = || say::did_you_mean(word, self.spec.sets.keys().map(SetName::as_str));
        let close = told.then(close).flatten();
        let hint = match close.filter(|close| !is_set && *close != word) {
            Some(close) => format!("did you mean the set `{close}`?"),
            None => "declare it, or take the reference out".to_owned(),
        };
        let message = format!("`{by}` names `{}`, but {what}", say::short(word));
        Some(PlanError { set: Some(key.clone()), code, message, hint })
    }

    pub(super) fn will(&self, name: &ContainerName) -> Will {
        let creates = |verb: Verb| matches!(verb, Verb::Create | Verb::Replace | Verb::Run);
        let id = ChangeId::new(name.as_str());
        if let Some(job) = self.jobs_of(&id).find(|job| creates(job.change.verb)) {
            // A one-shot has ended by the time that another container joins it.
            let stays = job.start.is_some() && job.change.verb != Verb::Run;
            return if stays { Will::Run } else { Will::Rest };
        }
        let Some(found) = self.index.meant(name.as_str()) else { return Will::Lack };
        let live = self.index.by_id(&found).is_some_and(|found| found.run().is_live());
        match self.touched.get(&found).map(|(_, verb)| *verb) {
            Some(Verb::Remove) => Will::Go,
            Some(Verb::Stop | Verb::Kill) => Will::Rest,
            Some(Verb::Start | Verb::Restart) => Will::Run,
            _ if live => Will::Run,
            _ => Will::Rest,
        }
    }

    /// Missing networks of a stopped container. An engine starts the container with the network ID
    /// that it knew, and refuses even if a new network has the same name.
    pub(super) fn networks_gone(&self, member: &Member<'_>) -> Vec<String> {
        if !self.snapshot.whole || member.run.is_live() {
            return Vec::new();
        }
        let Some(inspect) = &member.container.inspect else { return Vec::new() };
        let attached = inspect["NetworkSettings"]["Networks"].as_object().into_iter().flatten();
        let gone = attached.filter(|(name, attached)| {
            let known = attached["NetworkID"].as_str().filter(|id| !id.is_empty());
            let is_there = |id: &str| match self.networks.named(name) {
                Found::None => false,
                Found::One(network) => network["Id"] == id,
                Found::Several(_) => self.snapshot.networks.iter().any(|all| all["Id"] == id),
            };
            !PREDEFINED.contains(&name.as_str()) && known.is_some_and(|id| !is_there(id))
        });
        gone.map(|(name, _)| name.clone()).collect()
    }
}
