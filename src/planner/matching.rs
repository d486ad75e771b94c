//! Which containers each set means, and which it must leave alone.
//!
//! By name, by our labels, by image and command, in this order. What becomes of them is
//! [`super::decide`]'s.

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

/// One match.
#[derive(Debug, Clone)]
pub(super) struct Match<'a> {
    pub(super) container: &'a Container,
    pub(super) run: Run,
    pub(super) by: By,
    pub(super) adopted: bool,
    pub(super) number: Option<u32>,
}

/// Everything that matching found.
#[derive(Debug, Default)]
pub(super) struct Matches<'a> {
    /// By set, every set present; each in the order of names.
    pub(super) sets: BTreeMap<SetName, Vec<Match<'a>>>,
    /// Containers of this project whose set is not in the spec.
    pub(super) orphans: Vec<(&'a Container, SetName)>,
    /// Containers with labels of this project that tell another name than theirs.
    pub(super) strays: Vec<&'a Container>,
    /// What a dead run left; each is an error, too.
    pub(super) leftovers: BTreeSet<ContainerName>,
    pub(super) errors: Vec<PlanError>,
}

/// Who created a container, if bayplan did: labels count only where the name they repeat is the
/// container's own, because `docker commit` hands labels on.
pub(crate) fn owner(container: &Container) -> Option<(ProjectName, SetName)> {
    let labels = container.labels()?;
    let (stem, _) = reserved_suffix(container.seen().name());
    said_for(labels, |name| name == stem)
}

/// The project and the set that labels tell, where they tell such a name too.
fn said_for(
    labels: &Map<String, Json>,
    name: impl Fn(&str) -> bool,
) -> Option<(ProjectName, SetName)> {
    let text = |key: &str| labels.get(key)?.as_str();
    text(LABEL_NAME).filter(|text| name(text))?;
    Some((ProjectName::new(text(LABEL_PROJECT)?), SetName::new(text(LABEL_SET)?)))
}

/// Of a Compose project: for which service Compose made a container, and which of its containers it
/// is. Labels that an image handed on say nothing.
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

/// For which set of a project a container was created, whatever its name is now. `docker commit`
/// hands labels on to an image and what is made from it, so those of an image say nothing.
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

/// Whether it carries labels of ours, its own or such as `docker commit` handed on.
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

/// So many sets are told of one by one that a container of which too little is known may be theirs;
/// more of them at once.
const MANY: usize = 16;

/// The sets of a spec, found by what a container shows of itself.
struct SetMatcher<'s> {
    words: &'s Words<'s>,
    /// Those that match by image, by the command that each declares.
    by_image: BTreeMap<Option<Vec<String>>, RefIndex<&'s SetName>>,
    /// The same, whatever their commands.
    any_command: RefIndex<&'s SetName>,
    /// The same, by the image that each means on the engine.
    by_id: BTreeMap<&'s ImageId, Vec<&'s SetName>>,
    /// The same, all of them.
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

    /// The first two sets that mean a container by its image, and by its command where they declare
    /// one.
    fn means(&self, container: &Container, made_from: &ImageRef) -> Vec<&'s SetName> {
        let own = container.inspect.as_ref().map(|inspect| argv(&inspect["Config"]["Cmd"]));
        let groups = [None, own].map(|command| self.by_image.get(&command));
        let found: BTreeSet<&SetName> =
            groups.into_iter().flatten().flat_map(|group| group.first(made_from, 2)).collect();
        found.into_iter().take(2).collect()
    }

    /// The sets of which a container may be one of which only the list's entry is known. Its image
    /// is told there as the reference, or as an ID once the tag moved, which tells nothing.
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

/// A container that a set may mean and of which too little is known: nothing is planned on a guess.
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

/// Whether nobody's labels or reserved name speak against matching it by image.
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
        // What failed and was kept to be looked at, and locks: nobody's.
        return;
    }
    if suffix.is_some() {
        let error = left_over(wanted, (snapshot, index), container, stem);
        found.leftovers.extend(error.as_ref().map(|_| name));
        found.errors.extend(error);
        return;
    }
    let named = wanted.words.named(name.as_str());
    // One that was renamed for its set says its first name. Of a set with a count none is.
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
                found.errors.push(taken(key, &name, project, set));
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
                // Members keep the names that they got under an older key.
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

/// One that nobody created for anyone counts for the set that means its image.
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

/// The same owner with the key that a set of the project has now.
pub(crate) fn now(spec: &Spec, (project, set): (ProjectName, SetName)) -> (ProjectName, SetName) {
    let set = if project == spec.project { spec.labelled(&set).clone() } else { set };
    (project, set)
}

/// Whether a set that ends what it names may have a container of another set of its project: one
/// that this other one means no more, because it is gone or has another name now.
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

fn taken(set: &SetName, name: &ContainerName, project: &ProjectName, owner: &SetName) -> PlanError {
    PlanError::of(
        set,
        "name_owned",
        format!("the name `{name}` belongs to set `{owner}` of project `{project}`"),
        "choose another name, or remove that container there",
    )
}

/// Whether a container of a reserved name is what a dead run of this project left. One that was
/// adopted says nothing of us: it is one if its name without the suffix is that of a set or of a
/// member, if the container of that name is ours, or if but for its name a set would match it.
/// Strangers whose names merely end so are left alone.
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

/// What a dead run left, with the command that leads out.
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

/// A key by which `web-2` comes before `web-10`.
pub(crate) fn natural(name: &str) -> (String, u64, String) {
    let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (stem, number) = name.split_at(name.len() - digits);
    (stem.to_owned(), number.parse().unwrap_or(0), name.to_owned())
}
