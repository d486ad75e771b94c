//! Which containers and images a plan of a spec may need to know more of than a list tells.
//!
//! Rather too many than too few: what is inspected in vain costs a millisecond, what is not
//! inspected cannot be matched. Matching itself is the planner's; asking is [`crate::engine`]'s.

mod files;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use self::files::SetFiles;
use crate::base::ident;
use crate::base::ident::{COMPOSE_PROJECT, ContainerId, ImageId, LABEL_PREFIX, LABEL_PROJECT};
use crate::base::image_ref::{ImageRef, RefIndex};
use crate::observed::pick::Pick;
use crate::observed::snapshot::Seen;
use crate::options::platform::Platform;
use crate::spec::body;
use crate::spec::resources::RecreateNetwork;
use crate::spec::{Compat, Identity, Matching, Pull, Set, Spec};

/// What each declared image reference means on the engine; `None`: it is not there.
pub type References = BTreeMap<String, Option<ImageId>>;

/// What a snapshot is taken for.
#[derive(Debug, Clone, Default)]
pub struct ObservationScope {
    /// `None`: no spec, hence everything.
    project: Option<String>,
    /// Whether containers of Compose's project of this name are the project's.
    compose: bool,
    /// Names of named sets, and what links, `volumes_from`, `container:` and `depends_on` mean.
    names: BTreeSet<String>,
    /// Images by which sets match containers that nobody labelled.
    matching: RefIndex<()>,
    /// The same, as the spec writes them.
    matching_texts: BTreeSet<String>,
    /// Every declared image, those that are only mounted too.
    images: BTreeSet<String>,
    /// Images that are pulled whenever the registry has another one.
    always: BTreeSet<String>,
    /// Images that are pulled when they are missing.
    missing: BTreeSet<String>,
    /// For which platforms images are needed: one that is here for others alone is missing.
    platforms: BTreeMap<String, Vec<Platform>>,
    /// Containers that a plan has facts of.
    known: BTreeSet<ContainerId>,
    /// Networks that may be replaced: how containers are attached to them matters.
    networks: BTreeSet<String>,
    /// Files, folders, devices and addresses of the host that new containers would be bound to.
    sources: BTreeSet<String>,
    /// The files that sets put into their containers.
    files: SetFiles,
    /// Of everything only these containers.
    pick: Option<Pick>,
    /// Whether it matters who depends on what is looked at: something may be ended.
    dependants: bool,
    /// Whether the look is kept.
    kept: bool,
}

impl ObservationScope {
    /// All there is: what a snapshot without a spec looks at.
    pub fn everything() -> Self {
        Self::default()
    }

    /// What a spec that is written from containers may need.
    pub fn imported(pick: Pick) -> Self {
        Self { pick: Some(pick), ..Self::default() }
    }

    /// What a plan of this spec may need.
    pub fn of(spec: &Spec) -> Self {
        let mut wanted =
            Self { project: Some(spec.project.as_str().to_owned()), ..Self::default() };
        wanted.compose = spec.compat == Some(Compat::Compose);
        let places = body::places(spec);
        wanted.files = SetFiles::of(spec);
        for set in spec.sets.values() {
            wanted.add(set);
            if set.may_create() {
                wanted.sources.extend(body::bind_sources(set, &places).into_keys());
                wanted.sources.extend(body::devices(set, &places));
                wanted.sources.extend(body::host_addresses(set, &places));
                wanted.images.extend(body::mounted_images(set));
            }
        }
        for (key, network) in &spec.networks {
            let recreate = network.declared().map(|network| network.recreate);
            if recreate == Some(RecreateNetwork::Auto) {
                wanted.networks.extend(spec.network_name(key));
            }
        }
        wanted
    }

    fn add(&mut self, set: &Set) {
        if let Identity::Named(name) = &set.identity {
            self.names.insert(name.as_str().to_owned());
        }
        let mut targets: Vec<String> = set.depends_on.iter().map(|one| one.word.clone()).collect();
        for option in &set.options {
            option.targets(&mut targets);
        }
        self.names.extend(targets);
        let Some(image) = &set.image else { return };
        self.images.insert(image.clone());
        if set.matching != Matching::Owned
            && matches!(set.identity, Identity::Counted(_))
            && self.matching_texts.insert(image.clone())
            && let Ok(reference) = ImageRef::parse(image)
        {
            self.matching.add(&reference, ());
        }
        match set.pull {
            _ if !set.may_create() => {}
            Pull::Always => drop(self.always.insert(image.clone())),
            Pull::Missing => drop(self.missing.insert(image.clone())),
            Pull::Never => {}
        }
        let platform = set.platform().filter(|_| set.may_create() && set.pull != Pull::Never);
        if let Some(platform) = platform {
            self.platforms.entry(image.clone()).or_default().push(platform.clone());
        }
    }

    /// The same for judging a plan: no registry is asked, its answers are the plan's, and so are
    /// the references, digests among them, and the containers that facts are about.
    #[must_use]
    pub fn for_plan(
        mut self,
        references: impl IntoIterator<Item = String>,
        containers: impl IntoIterator<Item = ContainerId>,
    ) -> Self {
        self.always.clear();
        self.missing.clear();
        self.images.extend(references);
        self.known.extend(containers);
        self
    }

    /// The same with whoever depends on what is looked at. A list tells who is linked to a
    /// container or shares its network, not who shares its other namespaces or has its volumes:
    /// that takes a look at every container, so it is asked for only where something ends.
    #[must_use]
    pub fn with_dependants(mut self) -> Self {
        self.dependants = true;
        self
    }

    /// Whether everybody is to be asked whom they depend on.
    pub fn asks_for_dependants(&self) -> bool {
        self.dependants && !self.is_everything()
    }

    /// The same for a look that is kept: it says of the engine all that it says of itself.
    #[must_use]
    pub fn kept(mut self) -> Self {
        self.kept = true;
        self
    }

    /// Whether the look is kept.
    pub fn is_kept(&self) -> bool {
        self.kept
    }

    /// Whether there is no spec, so that everything is wanted.
    pub fn is_everything(&self) -> bool {
        self.project.is_none()
    }

    /// The files, folders, devices and addresses of the host that may be needed.
    pub fn sources(&self) -> &BTreeSet<String> {
        &self.sources
    }

    /// The files to fetch of a container; nothing: none are of interest.
    pub fn files(&self, container: Seen<'_>) -> Option<BTreeSet<String>> {
        self.files.wanted(container, self.project.as_deref())
    }

    /// The image references to look up.
    pub fn images(&self) -> &BTreeSet<String> {
        &self.images
    }

    /// The references about which a registry is asked: those that a step may have to pull.
    pub fn registry(&self, declared: &BTreeMap<String, Option<Json>>) -> BTreeSet<String> {
        let here = |text: &String| {
            let Some(Some(image)) = declared.get(text) else { return false };
            let mut platforms = self.platforms.get(text).into_iter().flatten();
            !platforms.any(|platform| platform.is_missing_in(image))
        };
        let digest = |text: &String| {
            ImageRef::parse(text).is_ok_and(|reference| reference.digest().is_some())
        };
        // A digest that is on the engine is what it is, whatever a registry says.
        let always = self.always.iter().filter(|text| !(here(text) && digest(text)));
        let missing = self.missing.iter().filter(|text| !here(text));
        always
            .chain(missing)
            .filter(|text| {
                ImageRef::parse(text).is_ok_and(|reference| reference.repository().is_some())
            })
            .cloned()
            .collect()
    }

    /// The containers of a list to inspect.
    pub fn containers(&self, list: &[Json], references: &References) -> BTreeSet<ContainerId> {
        let listed: Vec<Seen<'_>> = list.iter().map(Seen::listed).collect();
        let images: BTreeSet<&ImageId> = self
            .matching_texts
            .iter()
            .filter_map(|text| references.get(text).and_then(Option::as_ref))
            .collect();
        let begins = self.begins();
        let mut wanted: BTreeSet<ContainerId> = listed
            .iter()
            .filter(|container| match &self.pick {
                Some(pick) => pick.takes(**container),
                None => self.is_everything() || self.may_match(**container, &images, &begins),
            })
            .map(|container| container.id())
            .collect();
        let names = linkers(&listed, &wanted);
        let dependants = listed.iter().filter(|container| {
            names.contains(container.name()) || joins_network_of(**container, &wanted)
        });
        let dependants: Vec<ContainerId> = dependants.map(|found| found.id()).collect();
        wanted.extend(dependants);
        wanted.remove(&ContainerId::new(""));
        wanted
    }

    fn may_match(
        &self,
        container: Seen<'_>,
        images: &BTreeSet<&ImageId>,
        begins: &BTreeSet<usize>,
    ) -> bool {
        let name = container.name();
        let project = container.label(LABEL_PROJECT);
        if project.is_some() && project == self.project.as_deref() {
            return true;
        }
        let id = container.id();
        let means_id = |length: &usize| {
            id.as_str().get(..*length).is_some_and(|begin| self.names.contains(begin))
        };
        let composed = container.label(COMPOSE_PROJECT);
        if self.compose && composed.is_some() && composed == self.project.as_deref() {
            return true;
        }
        let named = self.names.contains(name) || self.known.contains(&id);
        if named || begins.iter().any(means_id) {
            return true;
        }
        if !self.networks.is_empty() && attached(container).any(|name| self.networks.contains(name))
        {
            return true;
        }
        // Left over by a run that died; those that were adopted have no label of ours.
        if ident::reserved_suffix(name).1.is_some() && !has_our_labels(container) {
            return true;
        }
        !self.matching.is_empty()
            && !has_our_labels(container)
            && (images.contains(&container.image()) || self.image_may_match(container))
    }

    /// A spec may mean a container by its ID, too: how long the words are that may be one.
    fn begins(&self) -> BTreeSet<usize> {
        let lengths = self.names.iter().map(String::len);
        lengths.filter(|length| (12..=64).contains(length)).collect()
    }

    /// Whether the list's `Image` leaves it possible that a declared image was meant. Once the
    /// tag moved it is an ID, which tells nothing.
    fn image_may_match(&self, container: Seen<'_>) -> bool {
        let image = container.list.and_then(|list| list["Image"].as_str());
        match image.map(ImageRef::parse) {
            Some(Ok(found)) if found.repository().is_some() => self.matching.has(&found),
            _ => true,
        }
    }
}

/// Those of some containers, by their inspect data, that share a namespace or volumes with one of
/// the targets, or with one that does.
pub fn dependants(
    others: &BTreeMap<ContainerId, Json>,
    targets: &BTreeMap<ContainerId, Json>,
) -> BTreeSet<ContainerId> {
    let mut words: BTreeSet<String> = targets.iter().flat_map(names_of).collect();
    let mut found = BTreeSet::new();
    loop {
        let joins = |inspect: &Json| shared_with(inspect).any(|word| means(word, &words));
        let more: Vec<&ContainerId> = others
            .iter()
            .filter(|(id, inspect)| !found.contains(*id) && joins(inspect))
            .map(|(id, _)| id)
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more.iter().map(|id| (*id).clone()));
        words.extend(more.iter().filter_map(|id| others.get_key_value(*id)).flat_map(names_of));
    }
}

/// What others call it by: its ID and its name.
fn names_of((id, inspect): (&ContainerId, &Json)) -> [String; 2] {
    let name = inspect["Name"].as_str().unwrap_or_default().trim_start_matches('/');
    [id.as_str().to_owned(), name.to_owned()]
}

/// Names or IDs of those whose namespaces or volumes it has.
fn shared_with(inspect: &Json) -> impl Iterator<Item = &str> {
    let host = &inspect["HostConfig"];
    let modes = ["NetworkMode", "PidMode", "IpcMode"].into_iter();
    let modes = modes.filter_map(|field| host[field].as_str()?.strip_prefix("container:"));
    let volumes = host["VolumesFrom"].as_array().into_iter().flatten().filter_map(Json::as_str);
    modes.chain(volumes.filter_map(|text| text.split(':').next()))
}

/// Whether a word is one of these names, one of these IDs, or the beginning of one.
fn means(word: &str, names: &BTreeSet<String>) -> bool {
    names.contains(word)
        || word.len() >= 12
            && names.range(word.to_owned()..).next().is_some_and(|id| id.starts_with(word))
}

/// The networks that it is on.
fn attached(container: Seen<'_>) -> impl Iterator<Item = &String> {
    let networks = container.list.and_then(|list| list["NetworkSettings"]["Networks"].as_object());
    networks.into_iter().flatten().map(|(name, _)| name)
}

fn has_our_labels(container: Seen<'_>) -> bool {
    container.labels().is_some_and(|labels| labels.keys().any(|key| key.starts_with(LABEL_PREFIX)))
}

/// Names of containers that hold a link to one of these: the list shows a link as a further name
/// of its target, `/HOLDER/ALIAS`.
fn linkers(listed: &[Seen<'_>], targets: &BTreeSet<ContainerId>) -> BTreeSet<String> {
    let targets = listed.iter().filter(|container| targets.contains(&container.id()));
    targets
        .filter_map(|container| container.list?["Names"].as_array())
        .flatten()
        .filter_map(|name| name.as_str()?.strip_prefix('/')?.split_once('/'))
        .map(|(holder, _)| holder.to_owned())
        .collect()
}

fn joins_network_of(container: Seen<'_>, targets: &BTreeSet<ContainerId>) -> bool {
    let mode = container.list.and_then(|list| list["HostConfig"]["NetworkMode"].as_str());
    mode.and_then(|mode| mode.strip_prefix("container:"))
        .is_some_and(|id| targets.contains(&ContainerId::new(id)))
}

#[cfg(test)]
mod tests;
