//! The scope of a look: the containers and images that a plan of a spec may need in detail.
//!
//! The scope rather includes too many containers: an unnecessary inspect costs a millisecond, but a
//! container without inspect data cannot be matched. Matching is done by the planner, and requests
//! are made in [`crate::engine`].

mod files;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use self::files::SetFiles;
use crate::base::ident;
use crate::base::ident::{COMPOSE_PROJECT, ContainerId, ImageId, LABEL_PREFIX, LABEL_PROJECT};
use crate::base::image_ref::{ImageRef, RefIndex};
use crate::observed::owners;
use crate::observed::pick::Pick;
use crate::observed::snapshot::Seen;
use crate::options::platform::Platform;
use crate::options::{Body, Context};
use crate::spec::body;
use crate::spec::resources::RecreateNetwork;
use crate::spec::{Compat, Identity, Matching, Pull, Set, Spec};

/// The image of each declared reference on the engine; `None`: the image does not exist.
pub type References = BTreeMap<String, Option<ImageId>>;

/// The scope of a snapshot.
#[derive(Debug, Clone, Default)]
pub struct ObservationScope {
    /// The project; `None`: there is no spec, so everything is in scope.
    project: Option<String>,
    /// Whether the containers of the Compose project with this name belong to the project.
    compose: bool,
    /// The names of named sets, and the targets of links, `volumes_from`, `container:` and
    /// `depends_on`.
    names: BTreeSet<String>,
    /// The images by which sets match unlabelled containers, by the declared command.
    matching: BTreeMap<Option<Vec<String>>, RefIndex<()>>,
    /// The images by which sets match unlabelled containers, as the spec writes them.
    matching_texts: BTreeSet<String>,
    /// Every declared image, including images that are only mounted.
    images: BTreeSet<String>,
    /// The images that are pulled whenever the registry has another digest.
    always: BTreeSet<String>,
    /// The images that are pulled if they are missing.
    missing: BTreeSet<String>,
    /// The platforms of the images: an image for other platforms only counts as missing.
    platforms: BTreeMap<String, Vec<Platform>>,
    /// The containers with facts in a plan.
    known: BTreeSet<ContainerId>,
    /// The networks that may be replaced, so that attachments to them matter.
    networks: BTreeSet<String>,
    /// Files, folders, devices and addresses of the host that new containers would be bound to.
    sources: BTreeSet<String>,
    /// The files that sets put into their containers.
    files: SetFiles,
    /// The chosen containers, in a look without a spec.
    pick: Option<Pick>,
    /// Whether the dependants of the containers matter, because a container may be stopped.
    dependants: bool,
    /// Whether the look is written to a file.
    kept: bool,
}

impl ObservationScope {
    /// The scope of a snapshot without a spec: everything.
    pub fn everything() -> Self {
        Self::default()
    }

    /// The scope for an import.
    pub fn imported(pick: Pick) -> Self {
        Self { pick: Some(pick), ..Self::default() }
    }

    /// The scope for a plan of a spec.
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
            && let Ok(reference) = ImageRef::parse(image)
        {
            self.matching_texts.insert(image.clone());
            self.matching.entry(command(set)).or_default().add(&reference, ());
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

    /// The scope for judging a plan: no registry is asked, because the plan has the answers. The
    /// references and the containers of the plan's facts are added.
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

    /// Adds the dependants of the containers. A list shows links and shared networks, but not other
    /// shared namespaces or volumes. Finding dependants therefore needs an inspect of every
    /// container, and is done only if a container is stopped.
    #[must_use]
    pub fn with_dependants(mut self) -> Self {
        self.dependants = true;
        self
    }

    /// Whether the dependants of the containers are needed.
    pub fn asks_for_dependants(&self) -> bool {
        self.dependants && !self.is_everything()
    }

    /// The scope for a look that is written to a file, with all engine data.
    #[must_use]
    pub fn kept(mut self) -> Self {
        self.kept = true;
        self
    }

    /// Whether the look is written to a file.
    pub fn is_kept(&self) -> bool {
        self.kept
    }

    /// Whether there is no spec, so that everything is in scope.
    pub fn is_everything(&self) -> bool {
        self.project.is_none()
    }

    /// Whether the look is only saved for later use, so that changing containers are no error.
    pub fn is_for_later(&self) -> bool {
        self.is_everything() && self.pick.is_none()
    }

    /// The files, folders, devices and addresses of the host that may be needed.
    pub fn sources(&self) -> &BTreeSet<String> {
        &self.sources
    }

    /// The files to fetch from a container; `None`: no file is needed.
    pub fn files(&self, container: Seen<'_>) -> Option<BTreeSet<String>> {
        self.files.wanted(container, self.project.as_deref())
    }

    /// The image references to look up.
    pub fn images(&self) -> &BTreeSet<String> {
        &self.images
    }

    /// The references to ask a registry about: images that a step may have to pull.
    pub fn registry(&self, declared: &BTreeMap<String, Option<Json>>) -> BTreeSet<String> {
        let here = |text: &String| {
            let Some(Some(image)) = declared.get(text) else { return false };
            let mut platforms = self.platforms.get(text).into_iter().flatten();
            !platforms.any(|platform| platform.is_missing_in(image))
        };
        let digest = |text: &String| {
            ImageRef::parse(text).is_ok_and(|reference| reference.digest().is_some())
        };
        // A digest on the engine needs no registry.
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

    /// The listed containers to inspect; `strangers` were found by [`Self::is_stranger`].
    pub fn containers(
        &self,
        list: &[Json],
        references: &References,
        strangers: &BTreeSet<ContainerId>,
    ) -> BTreeSet<ContainerId> {
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
                None if self.is_everything() => true,
                None => {
                    self.is_meant(**container, &begins)
                        || !strangers.contains(&container.id())
                            && self.may_match(**container, &images)
                }
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

    /// Whether an inspect shows that no set can match a container by image: another image, another
    /// command, or another tool as owner. None of this ever changes. `image`: the container's
    /// image, if it is known.
    pub fn is_stranger(&self, inspect: &Json, image: Option<&Json>) -> bool {
        let container = Seen::inspected(inspect);
        if self.is_everything() {
            return false;
        }
        let made_from = inspect["Config"]["Image"].as_str().and_then(|it| ImageRef::parse(it).ok());
        let own = argv(&inspect["Config"]["Cmd"]);
        let means = |command: &Option<Vec<String>>| {
            let references = self.matching.get(command);
            made_from.as_ref().is_some_and(|it| references.is_some_and(|all| all.has(it)))
        };
        let owned = image.is_some() && owners::owner_beside(container, image).is_some();
        owned || !(means(&None) || means(&Some(own)))
    }

    /// Whether the name or the labels of a container bring it into scope.
    fn is_meant(&self, container: Seen<'_>, begins: &BTreeSet<usize>) -> bool {
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
        // A leftover of a dead run; an adopted container has no bayplan labels.
        ident::reserved_suffix(name).1.is_some() && !has_our_labels(container)
    }

    /// Whether a set may match a container by image, as far as a list tells.
    fn may_match(&self, container: Seen<'_>, images: &BTreeSet<&ImageId>) -> bool {
        !self.matching.is_empty()
            && !has_our_labels(container)
            && (images.contains(&container.image()) || self.image_may_match(container))
    }

    /// The lengths of the words in the spec that may be ID prefixes.
    fn begins(&self) -> BTreeSet<usize> {
        let lengths = self.names.iter().map(String::len);
        lengths.filter(|length| (12..=64).contains(length)).collect()
    }

    /// Whether the list's `Image` field may be a declared image. After a tag has moved, the field
    /// is an ID, which tells nothing.
    fn image_may_match(&self, container: Seen<'_>) -> bool {
        let image = container.list.and_then(|list| list["Image"].as_str());
        match image.map(ImageRef::parse) {
            Some(Ok(found)) if found.repository().is_some() => {
                self.matching.values().any(|all| all.has(&found))
            }
            _ => true,
        }
    }
}

/// The command that a set declares.
pub fn command(set: &Set) -> Option<Vec<String>> {
    let declared = set.option("command")?;
    let mut body = Body::new();
    declared.write(&mut body, &Context::default());
    Some(argv(&body.json()["Cmd"]))
}

/// The words of a list.
pub fn argv(json: &Json) -> Vec<String> {
    let words = json.as_array().into_iter().flatten();
    words.filter_map(|word| word.as_str().map(str::to_owned)).collect()
}

/// The containers that share a namespace or volumes with one of the targets, directly or through
/// another container.
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

/// The names by which other containers refer to a container: its ID and its name.
fn names_of((id, inspect): (&ContainerId, &Json)) -> [String; 2] {
    let name = inspect["Name"].as_str().unwrap_or_default().trim_start_matches('/');
    [id.as_str().to_owned(), name.to_owned()]
}

/// The names or IDs of the containers whose namespaces or volumes a container shares.
fn shared_with(inspect: &Json) -> impl Iterator<Item = &str> {
    let host = &inspect["HostConfig"];
    let modes = ["NetworkMode", "PidMode", "IpcMode"].into_iter();
    let modes = modes.filter_map(|field| host[field].as_str()?.strip_prefix("container:"));
    let volumes = host["VolumesFrom"].as_array().into_iter().flatten().filter_map(Json::as_str);
    modes.chain(volumes.filter_map(|text| text.split(':').next()))
}

/// Whether a word is a name, an ID or an ID prefix of these containers.
fn means(word: &str, names: &BTreeSet<String>) -> bool {
    names.contains(word)
        || word.len() >= 12
            && names.range(word.to_owned()..).next().is_some_and(|id| id.starts_with(word))
}

/// The networks of a container.
fn attached(container: Seen<'_>) -> impl Iterator<Item = &String> {
    let networks = container.list.and_then(|list| list["NetworkSettings"]["Networks"].as_object());
    networks.into_iter().flatten().map(|(name, _)| name)
}

fn has_our_labels(container: Seen<'_>) -> bool {
    container.labels().is_some_and(|labels| labels.keys().any(|key| key.starts_with(LABEL_PREFIX)))
}

/// The names of containers with a link to one of the targets: a list shows a link as an additional
/// name of the target, `/HOLDER/ALIAS`.
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
