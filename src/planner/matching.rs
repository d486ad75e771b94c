//! Matches containers to sets, and finds the containers that a set must leave alone.
//!
//! A container matches by name, by the labels of bayplan, or by image and command, in this order.
//! The verdict on each match is [`super::decide`]'s.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use super::PlanError;
use super::index::Index;
use crate::base::ident::{
    COMPOSE_NUMBER, COMPOSE_ONEOFF, COMPOSE_PROJECT, COMPOSE_SERVICE, ContainerName, ImageId,
    LABEL_NAME, LABEL_PREFIX, LABEL_PROJECT, LABEL_SET, ProjectName, SUFFIX_FAILED, SUFFIX_LOCK,
    SUFFIX_OLD, SetName, member_number, reserved_suffix,
};
use crate::base::image_ref::{ImageRef, RefIndex};
use crate::observed::owners;
use crate::observed::scope::{argv, command};
use crate::observed::snapshot::{Container, Run, Snapshot};
use crate::plan::By;
use crate::spec::order::Words;
use crate::spec::{Compat, Identity, Matching, Set, Spec, State};

/// A container that belongs to a set.
#[derive(Debug, Clone)]
pub(super) struct Match<'a> {
    pub(super) container: &'a Container,
    pub(super) run: Run,
    pub(super) by: By,
    pub(super) adopted: bool,
    pub(super) number: Option<u32>,
}

/// The result of matching.
#[derive(Debug, Default)]
pub(super) struct Matches<'a> {
    /// The matches of every set, sorted by name.
    pub(super) sets: BTreeMap<SetName, Vec<Match<'a>>>,
    /// Containers of this project whose set is not in the spec.
    pub(super) orphans: Vec<(&'a Container, SetName)>,
    /// Containers of this project whose name label differs from the container name.
    pub(super) strays: Vec<&'a Container>,
    /// Containers that an aborted run left; each container is also an error.
    pub(super) leftovers: BTreeSet<ContainerName>,
    pub(super) errors: Vec<PlanError>,
}

/// The project and set of a container that bayplan created. Labels count only if the name label
/// equals the container name, because `docker commit` copies labels.
pub(crate) fn owner(container: &Container) -> Option<(ProjectName, SetName)> {
    let labels = container.labels()?;
    let (stem, _) = reserved_suffix(container.seen().name());
    said_for(labels, |name| name == stem)
}

/// The project and set in the labels, if the name label passes the test.
fn said_for(
    labels: &Map<String, Json>,
    name: impl Fn(&str) -> bool,
) -> Option<(ProjectName, SetName)> {
    let text = |key: &str| labels.get(key)?.as_str();
    text(LABEL_NAME).filter(|text| name(text))?;
    Some((ProjectName::new(text(LABEL_PROJECT)?), SetName::new(text(LABEL_SET)?)))
}

/// The Compose service and number of a container that Compose created for this project, under
/// `compat: compose`. Labels that come from the image do not count.
pub(super) fn composed(
    spec: &Spec,
    container: &Container,
    snapshot: &Snapshot,
) -> Option<(SetName, Option<u32>)> {
    if spec.compat != Some(Compat::Compose) || labelled_ours(container) {
        return None;
    }
    let image = snapshot.images.get(&container.image());
    let handed_on = |key: &str| {
        let labels = image.and_then(|image| image["Config"]["Labels"].as_object());
        labels.is_some_and(|labels| labels.contains_key(key))
    };
    let label = |key: &str| container.label(key).filter(|_| !handed_on(key));
    label(COMPOSE_PROJECT).filter(|project| *project == spec.project.as_str())?;
    label(COMPOSE_ONEOFF).filter(|oneoff| *oneoff == "False")?;
    let number = label(COMPOSE_NUMBER).and_then(|number| number.parse().ok());
    Some((SetName::new(label(COMPOSE_SERVICE)?), number))
}

/// The project and set that a container was created for, whatever its name is now. `docker commit`
/// copies labels into an image, so labels of the image do not count.
pub(crate) fn created_for(
    container: &Container,
    images: &BTreeMap<ImageId, Json>,
) -> Option<(ProjectName, SetName)> {
    let own = |image: &Json| image["Config"]["Labels"].get(LABEL_NAME).is_none();
    if !images.get(&container.image()).is_some_and(own) {
        return None;
    }
    said_for(container.labels()?, |_| true)
}

/// Whether a container carries labels of bayplan, including labels that `docker commit` copied.
fn labelled_ours(container: &Container) -> bool {
    container.labels().is_some_and(|labels| labels.keys().any(|key| key.starts_with(LABEL_PREFIX)))
}

/// Matches every set of a spec.
pub(super) fn match_sets<'a>(
    words: &Words<'_>,
    snapshot: &'a Snapshot,
    index: &Index<'a>,
) -> Matches<'a> {
    let mut found = Matches::default();
    let wanted = SetMatcher::of(words, snapshot);
    for key in words.spec().sets.keys() {
        found.sets.insert(key.clone(), Vec::new());
    }
    for container in &snapshot.containers {
        if container.inspect.is_none() && is_anybodys(container, &snapshot.images) {
            let name = container.name();
            let needs = wanted.may_mean(container);
            if needs.len() > MANY {
                found.errors.push(not_inspected(None, &name));
            } else {
                let errors = needs.into_iter().map(|key| not_inspected(Some(key), &name));
                found.errors.extend(errors);
            }
        }
        place(&wanted, (snapshot, index), container, &mut found);
    }
    for matches in found.sets.values_mut() {
        matches.sort_by_cached_key(|found| {
            (natural(found.container.name().as_str()), found.container.id())
        });
    }
    found
}

/// The limit of single errors for one container with too little data; beyond this number of sets
/// one error covers all sets.
const MANY: usize = 16;

/// The sets of a spec, indexed by the properties of a container.
struct SetMatcher<'s> {
    words: &'s Words<'s>,
    /// The sets that match by image, by declared command.
    by_image: BTreeMap<Option<Vec<String>>, RefIndex<&'s SetName>>,
    /// The sets that match by image, whatever the command.
    any_command: RefIndex<&'s SetName>,
    /// The sets that match by image, by local image ID.
    by_id: BTreeMap<&'s ImageId, Vec<&'s SetName>>,
    /// All sets that match by image.
    all: Vec<&'s SetName>,
}

impl<'s> SetMatcher<'s> {
    fn of(words: &'s Words<'s>, snapshot: &'s Snapshot) -> Self {
        let mut wanted = Self {
            words,
            by_image: BTreeMap::new(),
            any_command: RefIndex::default(),
            by_id: BTreeMap::new(),
            all: Vec::new(),
        };
        for (key, set) in &words.spec().sets {
            let by_image = matches!(set.identity, Identity::Counted(_))
                && !matches!(set.matching, Matching::Owned);
            let Some(text) = set.image.as_deref().filter(|_| by_image) else { continue };
            let Ok(image) = ImageRef::parse(text) else { continue };
            wanted.by_image.entry(command(set)).or_default().add(&image, key);
            wanted.any_command.add(&image, key);
            if let Some((id, _)) = snapshot.image_of(text) {
                wanted.by_id.entry(id).or_default().push(key);
            }
            wanted.all.push(key);
        }
        wanted
    }

    fn spec(&self) -> &'s Spec {
        self.words.spec()
    }

    /// The first two sets that match a container by image, and by command if the set declares a
    /// command.
    fn means(&self, container: &Container, made_from: &ImageRef) -> Vec<&'s SetName> {
        let own = container.inspect.as_ref().map(|inspect| argv(&inspect["Config"]["Cmd"]));
        let groups = [None, own].map(|command| self.by_image.get(&command));
        let found: BTreeSet<&SetName> =
            groups.into_iter().flatten().flat_map(|group| group.first(made_from, 2)).collect();
        found.into_iter().take(2).collect()
    }

    /// The sets that may match a container with a list entry only. The list shows the image as a
    /// reference; after the tag moved the list shows an ID, which matches any set.
    fn may_mean(&self, container: &Container) -> Vec<&'s SetName> {
        let list = container.list.as_ref().and_then(|list| list["Image"].as_str());
        let by_reference = match list.map(ImageRef::parse) {
            Some(Ok(found)) if found.repository().is_some() => {
                self.any_command.first(&found, MANY + 1)
            }
            _ => return self.all.iter().take(MANY + 1).copied().collect(),
        };
        let by_id = self.by_id.get(&container.image()).into_iter().flatten().copied();
        let all: BTreeSet<&SetName> = by_id.take(MANY + 1).chain(by_reference).collect();
        all.into_iter().collect()
    }
}

/// The error for a container that a set may match but that lacks inspect data. No plan rests on a
/// guess.
pub(super) fn not_inspected(set: Option<&SetName>, name: &ContainerName) -> PlanError {
    let place = if set.is_some() { "here" } else { "in many sets" };
    PlanError {
        set: set.cloned(),
        code: "not_inspected",
        message: format!(
            "container `{name}` counts {place} or may count, but only its list entry is known"
        ),
        hint: format!(
            "`docker inspect {name}` shows whether the engine can tell more, and `--log` why it \
             did not; a kept snapshot must have been taken for this spec"
        ),
    }
}

/// Whether a container may match by image: no labels and no reserved name claim the container.
fn is_anybodys(container: &Container, images: &BTreeMap<ImageId, Json>) -> bool {
    !labelled_ours(container)
        && owners::owner(container, images).is_none()
        && reserved_suffix(container.name().as_str()).1.is_none()
}

fn place<'a>(
    wanted: &SetMatcher<'_>,
    (snapshot, index): (&Snapshot, &Index<'a>),
    container: &'a Container,
    found: &mut Matches<'a>,
) {
    let spec = wanted.spec();
    let name = container.name();
    let labelled = owner(container);
    let owner = labelled.clone().map(|owner| now(spec, owner));
    let (stem, suffix) = reserved_suffix(name.as_str());
    if matches!(suffix, Some(SUFFIX_FAILED | SUFFIX_LOCK)) {
        // Failed containers that were kept for inspection, and locks, belong to no set.
        return;
    }
    if suffix.is_some() {
        let error = left_over(wanted, (snapshot, index), container, stem);
        found.leftovers.extend(error.as_ref().map(|_| name));
        found.errors.extend(error);
        return;
    }
    let named = wanted.words.named(name.as_str());
    // A renamed container of a named set keeps the label of its first name. Containers of counted
    // sets are not renamed.
    let counted = |key: &SetName| {
        let set = spec.sets.get(key).map(|set| &set.identity);
        matches!(set, Some(Identity::Counted(_)))
    };
    let composed = if owner.is_none() { composed(spec, container, snapshot) } else { None };
    let owner = owner.or_else(|| Some((spec.project.clone(), composed.as_ref()?.0.clone())));
    let owner = owner.or_else(|| {
        let created = created_for(container, &snapshot.images).map(|owner| now(spec, owner));
        created.filter(|(project, set)| *project != spec.project || !counted(set))
    });
    if let Some((key, to)) = named.and_then(|key| spec.sets.get_key_value(key)) {
        match &owner {
            Some((project, set))
                if *project != spec.project || set != key && !hands_over(spec, set, to, &name) =>
            {
                found.errors.push(taken(spec, key, &name, (project, set)));
            }
            _ => add(found, key, container, By::Name, owner.is_none(), None),
        }
        return;
    }
    if let Some((project, set)) = owner {
        if project != spec.project {
            return;
        }
        match spec.sets.get(&set).map(|set| &set.identity) {
            Some(Identity::Counted(_)) => {
                // Members keep a name that was built from an older key.
                let before = labelled.as_ref().map_or(&set, |(_, before)| before);
                let number = member_number(&spec.project, before, name.as_str())
                    .or(composed.and_then(|(_, number)| number));
                add(found, &set, container, By::Label, false, number);
            }
            Some(Identity::Named(_)) | None => found.orphans.push((container, set)),
        }
        return;
    }
    if labelled_ours(container) {
        let ours = container.label(LABEL_PROJECT) == Some(spec.project.as_str());
        found.strays.extend(ours.then_some(container));
        return;
    }
    if owners::owner(container, &snapshot.images).is_some() {
        return;
    }
    by_image(wanted, container, found);
}

/// Assigns an unowned container to the set that matches its image.
fn by_image<'a>(wanted: &SetMatcher<'_>, container: &'a Container, found: &mut Matches<'a>) {
    let name = container.name();
    let Some(made_from) = container.made_from().and_then(|text| ImageRef::parse(text).ok()) else {
        return;
    };
    match wanted.means(container, &made_from).as_slice() {
        [] => {}
        [one] => add(found, one, container, By::Image, true, None),
        [first, second, ..] => found.errors.push(PlanError::of(
            first,
            "matched_twice",
            format!("container `{name}` is matched by image by both `{first}` and `{second}`"),
            "give the sets different commands, or say `match: owned`",
        )),
    }
}

/// Replaces an old key of a set by the current key.
pub(crate) fn now(spec: &Spec, (project, set): (ProjectName, SetName)) -> (ProjectName, SetName) {
    let set = if project == spec.project { spec.labelled(&set).clone() } else { set };
    (project, set)
}

/// Whether a set that stops or removes a named container may take the container over from another
/// set of the project. The other set must be gone or have another name now.
fn hands_over(spec: &Spec, owner: &SetName, to: &Set, name: &ContainerName) -> bool {
    let ends = matches!(to.state, State::Absent | State::Stopped | State::Killed);
    ends && match spec.sets.get(owner).map(|set| &set.identity) {
        None => true,
        Some(Identity::Named(other)) => other != name,
        Some(Identity::Counted(_)) => false,
    }
}

fn add<'a>(
    found: &mut Matches<'a>,
    set: &SetName,
    container: &'a Container,
    by: By,
    adopted: bool,
    number: Option<u32>,
) {
    let run = container.run();
    if run == Run::Removing {
        found.errors.push(PlanError::of(
            set,
            "removing",
            format!("container `{}` is being removed right now", container.name()),
            "plan again in a moment",
        ));
        return;
    }
    found.sets.entry(set.clone()).or_default().push(Match { container, run, by, adopted, number });
}

/// The error for a set whose name a container of another set has.
fn taken(
    spec: &Spec,
    set: &SetName,
    name: &ContainerName,
    (project, owner): (&ProjectName, &SetName),
) -> PlanError {
    let own = spec.sets.get(owner).map(|set| &set.identity);
    let hint = match own {
        None if *project == spec.project => &format!(
            "`moved: {{{owner}: {set}}}` gives the container to this set; else choose another name"
        ),
        Some(Identity::Named(_)) if *project == spec.project => &format!(
            "choose another name; or give the container of `{owner}` its new name with a plan of \
             its own, and apply that first"
        ),
        _ => "choose another name, or remove that container there",
    };
    let message = format!("the name `{name}` belongs to set `{owner}` of project `{project}`");
    PlanError::of(set, "name_owned", message, hint)
}

/// Whether an aborted run of this project left a container with a reserved name suffix. Labels of
/// bayplan prove so. An adopted container lacks these labels. Its name without the suffix then has
/// to belong to a set, a member or a container of this project. Otherwise a set has to match its
/// image. Other containers with such a suffix are left alone.
fn left_over(
    wanted: &SetMatcher<'_>,
    (snapshot, index): (&Snapshot, &Index<'_>),
    container: &Container,
    stem: &str,
) -> Option<PlanError> {
    let spec = wanted.spec();
    let of_spec = |owner: Option<(ProjectName, SetName)>| {
        let owner = owner.filter(|(project, _)| *project == spec.project);
        owner.map(|(_, set)| spec.labelled(&set).clone())
    };
    if let Some(set) = of_spec(owner(container)) {
        let set = Some(set).filter(|set| spec.sets.contains_key(set));
        return Some(leftover(container, stem, set, true));
    }
    let named = || wanted.words.named(stem).or_else(|| wanted.words.member_of(stem));
    let successor = || {
        let set = of_spec(owner(index.by_name(&ContainerName::new(stem))?))?;
        spec.sets.get_key_value(&set).map(|(key, _)| key)
    };
    let alike = || {
        let old = container.name().as_str().ends_with(SUFFIX_OLD);
        let owned = owners::owner(container, &snapshot.images).is_some();
        let anybodys = old && !owned && !labelled_ours(container);
        let made_from = ImageRef::parse(container.made_from().filter(|_| anybodys)?).ok()?;
        wanted.means(container, &made_from).first().copied()
    };
    let set = named().or_else(successor).or_else(alike)?;
    Some(leftover(container, stem, Some(set.clone()), false))
}

/// The error for a container that an aborted run left, with the command that repairs the state.
fn leftover(container: &Container, stem: &str, set: Option<SetName>, ours: bool) -> PlanError {
    let name = container.name();
    let short = container.id().short().to_owned();
    PlanError {
        set,
        code: "leftover",
        message: if ours {
            format!("container `{name}` ({short}) was left by an apply that did not finish")
        } else {
            format!(
                "container `{name}` ({short}) looks as if an apply that did not finish had left \
                 it beside `{stem}`: its name ends in what bayplan reserves"
            )
        },
        hint: "`bayplan recover PLAN` with the plan that was applied brings back what was, or \
               finishes; `bayplan recover` tells which plan that is"
            .to_owned(),
    }
}

/// A sort key by which `web-2` comes before `web-10`.
pub(crate) fn natural(name: &str) -> (String, u64, String) {
    let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (stem, number) = name.split_at(name.len() - digits);
    (stem.to_owned(), number.parse().unwrap_or(0), name.to_owned())
}
