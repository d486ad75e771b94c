//! Indexes the containers of a snapshot by name, by ID and by dependency, so that the time per
//! container stays constant. The meaning of a match is [`super::matching`]'s.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::base::ident::{ContainerId, ContainerName};
use crate::observed::snapshot::{Container, Snapshot};

/// The kind of a dependency between two containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dependency {
    /// The dependant shares a network, IPC or PID namespace that ends with the target.
    Namespace,
    /// The dependant has a link to the target, and cannot start without the target.
    Link,
    /// The dependant uses the volumes of the target, and keeps these volumes after the target is
    /// gone.
    Volumes,
}

/// The containers of a snapshot, indexed.
#[derive(Debug, Default)]
pub(super) struct Index<'a> {
    by_name: BTreeMap<ContainerName, &'a Container>,
    by_id: BTreeMap<ContainerId, &'a Container>,
    /// Former names of renamed containers; references may still use these names.
    before: BTreeMap<ContainerName, ContainerId>,
    /// The dependants of each container, by ID.
    dependants: BTreeMap<ContainerId, BTreeSet<(ContainerId, Dependency)>>,
    /// The targets of each container, by ID.
    targets: BTreeMap<ContainerId, BTreeSet<ContainerId>>,
}

impl<'a> Index<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        Self::knowing(snapshot, BTreeMap::new())
    }

    /// Builds the index; `before` has the former names of renamed containers.
    pub(super) fn knowing(
        snapshot: &'a Snapshot,
        before: BTreeMap<ContainerName, ContainerId>,
    ) -> Self {
        let mut index = Self { before, ..Self::default() };
        for container in &snapshot.containers {
            index.by_name.insert(container.name(), container);
            index.by_id.insert(container.id(), container);
        }
        for container in &snapshot.containers {
            for (target, dependency) in index.named_targets(container) {
                index.depends(&container.id(), &target, dependency);
            }
            for dependant in linked_by(container) {
                if let Some(dependant) = index.by_name.get(&dependant).map(|found| found.id()) {
                    index.depends(&dependant, &container.id(), Dependency::Link);
                }
            }
        }
        index
    }

    pub(super) fn by_name(&self, name: &ContainerName) -> Option<&'a Container> {
        self.by_name.get(name).copied()
    }

    pub(super) fn by_id(&self, id: &ContainerId) -> Option<&'a Container> {
        self.by_id.get(id).copied()
    }

    /// The containers that depend on a container. A container with several kinds of dependency
    /// comes once for each kind, the tightest first.
    pub(super) fn dependants(
        &self,
        id: &ContainerId,
    ) -> impl Iterator<Item = (&'a Container, Dependency)> {
        let all = self.dependants.get(id).into_iter().flatten();
        all.filter_map(|(id, dependency)| Some((self.by_id(id)?, *dependency)))
    }

    /// The targets of a container.
    pub(super) fn targets(&self, id: &ContainerId) -> impl Iterator<Item = &ContainerId> {
        self.targets.get(id).into_iter().flatten()
    }

    /// The targets of broken links of a container. A target that was created after the container is
    /// another container than the linked target. A missing target counts only if the container is
    /// stopped. A container with a broken link does not start again.
    pub(super) fn broken_links(&self, container: &'a Container) -> Vec<ContainerName> {
        let Some(inspect) = &container.inspect else { return Vec::new() };
        let links = inspect["HostConfig"]["Links"].as_array().into_iter().flatten();
        let words = links.filter_map(|link| link.as_str()?.split(':').next());
        let broken = |word: &str| {
            let Some(target) = self.meant(word).and_then(|id| self.by_id(&id)) else {
                let gone = ContainerName::new(word.trim_start_matches('/'));
                return (!container.run().is_live()).then_some(gone);
            };
            let later = match &target.inspect {
                Some(target) => created(target) > created(inspect),
                // Of a container outside of the spec only the list is known, in whole seconds.
                None => listed_at(target)? > listed_at(container)?,
            };
            later.then(|| target.name())
        };
        words.filter_map(broken).collect()
    }

    fn depends(&mut self, dependant: &ContainerId, target: &ContainerId, dependency: Dependency) {
        if dependant != target {
            self.dependants
                .entry(target.clone())
                .or_default()
                .insert((dependant.clone(), dependency));
            self.targets.entry(dependant.clone()).or_default().insert(target.clone());
        }
    }

    /// The targets that the inspect data of a container names.
    fn named_targets(&self, container: &'a Container) -> Vec<(ContainerId, Dependency)> {
        let look = container.inspect.as_ref().or(container.list.as_ref());
        let Some(host) = look.map(|look| &look["HostConfig"]) else { return Vec::new() };
        let modes = ["NetworkMode", "IpcMode", "PidMode"].into_iter();
        let modes = modes.filter_map(|field| host[field].as_str()?.strip_prefix("container:"));
        let texts = |field: &str| host[field].as_array().into_iter().flatten();
        let first = |text: &'a str| text.split(':').next().unwrap_or_default();
        let links = texts("Links").filter_map(Json::as_str).map(first);
        let from = texts("VolumesFrom").filter_map(Json::as_str).map(first);
        let modes = modes.map(|word| (word, Dependency::Namespace));
        let links = links.map(|word| (word, Dependency::Link));
        let from = from.map(|word| (word, Dependency::Volumes));
        let all = modes.chain(links).chain(from);
        all.filter_map(|(word, dependency)| Some((self.meant(word)?, dependency))).collect()
    }

    /// Finds the container for a name, an ID or an ID prefix.
    pub(super) fn meant(&self, word: &str) -> Option<ContainerId> {
        let word = word.trim_start_matches('/');
        if let Some(container) = self.by_name.get(&ContainerName::new(word)) {
            return Some(container.id());
        }
        if let Some(id) = self.before.get(&ContainerName::new(word)) {
            return Some(id.clone());
        }
        let (id, _) = self.by_id.range(ContainerId::new(word)..).next()?;
        (word.len() >= 12 && id.as_str().starts_with(word)).then(|| id.clone())
    }
}

/// The time of creation, as a text that sorts by time.
pub(super) fn created(inspect: &Json) -> String {
    let text = inspect["Created"].as_str().unwrap_or_default().trim_end_matches('Z');
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{seconds}.{fraction:0<9}")
}

/// The time of creation in the list, in seconds.
fn listed_at(container: &Container) -> Option<i64> {
    container.list.as_ref()?["Created"].as_i64()
}

/// The containers that link to this container: a list shows a link as a further name of the target,
/// `/HOLDER/ALIAS`.
fn linked_by(container: &Container) -> impl Iterator<Item = ContainerName> {
    let names = container.list.as_ref().and_then(|list| list["Names"].as_array());
    let names = names.into_iter().flatten().filter_map(Json::as_str);
    let holders = names.filter_map(|name| name.trim_start_matches('/').split_once('/'));
    holders.map(|(holder, _)| ContainerName::new(holder))
}
