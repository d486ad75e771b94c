//! Which containers each set means, and which it must leave alone.
//!
//! By name, by our labels, by image and command, in this order. What becomes of them is
//! [`super::choose`]'s.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use super::PlanError;
use super::index::Index;
use super::owners;
use crate::ident::{
    ContainerName, ImageId, LABEL_NAME, LABEL_PREFIX, LABEL_PROJECT, LABEL_SET, ProjectName,
    SUFFIX_OLD, SetName, member_number, reserved_suffix,
};
use crate::image_ref::ImageRef;
use crate::options::{Body, Context};
use crate::plan::By;
use crate::snapshot::{Container, Run, Snapshot};
use crate::spec::{Identity, Matching, Set, Spec, State};

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
    spec: &Spec,
    snapshot: &'a Snapshot,
    index: &Index<'a>,
) -> Matches<'a> {
    let mut found = Matches::default();
    let wanted: Vec<Wanted<'_>> = spec.sets.iter().map(|(key, set)| Wanted::of(key, set)).collect();
    for key in spec.sets.keys() {
        found.sets.insert(key.clone(), Vec::new());
    }
    for container in &snapshot.containers {
        if container.inspect.is_none() && is_anybodys(container, &snapshot.images) {
            let needs = wanted.iter().filter(|wanted| wanted.may_mean(container, snapshot));
            let name = container.name();
            let by_name =
                |wanted: &&Wanted<'_>| wanted.set.identity != Identity::Named(name.clone());
            let errors = needs.filter(by_name).map(|wanted| not_inspected(wanted.key, &name));
            found.errors.extend(errors);
        }
        place(spec, &wanted, (snapshot, index), container, &mut found);
    }
    for matches in found.sets.values_mut() {
        matches.sort_by_cached_key(|found| {
            (natural(found.container.name().as_str()), found.container.id())
        });
    }
    found
}

/// A set, made ready for matching by image.
struct Wanted<'s> {
    key: &'s SetName,
    set: &'s Set,
    image: Option<ImageRef>,
    argv: Option<Vec<String>>,
}

impl<'s> Wanted<'s> {
    fn of(key: &'s SetName, set: &'s Set) -> Self {
        let image = set.image.as_deref().and_then(|text| ImageRef::parse(text).ok());
        let argv = set.option("command").map(|declared| {
            let mut body = Body::new();
            declared.write(&mut body, &Context::default());
            argv(&body.json()["Cmd"])
        });
        Self { key, set, image, argv }
    }

    fn means(&self, container: &Container, made_from: &ImageRef) -> bool {
        let by_image = matches!(self.set.identity, Identity::Counted(_))
            && !matches!(self.set.matching, Matching::Owned);
        let Some(image) = self.image.as_ref().filter(|_| by_image) else { return false };
        let argv_is = |wanted: &Vec<String>| {
            container
                .inspect
                .as_ref()
                .is_some_and(|inspect| argv(&inspect["Config"]["Cmd"]) == *wanted)
        };
        image.matches(made_from) && self.argv.as_ref().is_none_or(argv_is)
    }

    /// Whether a container of which only the list's entry is known may be one of this set. Its
    /// image is told there as the reference, or as an ID once the tag moved, which tells nothing.
    fn may_mean(&self, container: &Container, snapshot: &Snapshot) -> bool {
        let by_image = matches!(self.set.identity, Identity::Counted(_))
            && !matches!(self.set.matching, Matching::Owned);
        let (Some(image), Some(text)) = (self.image.as_ref(), self.set.image.as_ref()) else {
            return false;
        };
        let is_it = snapshot.image_of(text).is_some_and(|(id, _)| *id == container.image());
        let list = container.list.as_ref().and_then(|list| list["Image"].as_str());
        let may_be = match list.map(ImageRef::parse) {
            Some(Ok(found)) if found.repository().is_some() => image.matches(&found),
            _ => true,
        };
        by_image && (is_it || may_be)
    }
}

/// A container that a set may mean and of which too little is known: nothing is planned on a guess.
pub(super) fn not_inspected(set: &SetName, name: &ContainerName) -> PlanError {
    PlanError {
        set: Some(set.clone()),
        code: "not_inspected",
        message: format!(
            "container `{name}` counts here or may count, but only its list entry is known"
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

fn argv(json: &Json) -> Vec<String> {
    let words = json.as_array().into_iter().flatten();
    words.filter_map(|word| word.as_str().map(str::to_owned)).collect()
}

fn place<'a>(
    spec: &Spec,
    wanted: &[Wanted<'_>],
    (snapshot, index): (&Snapshot, &Index<'a>),
    container: &'a Container,
    found: &mut Matches<'a>,
) {
    let name = container.name();
    let owner = owner(container);
    let (stem, suffix) = reserved_suffix(name.as_str());
    if suffix.is_some() {
        let error = left_over(spec, wanted, (snapshot, index), container, stem);
        found.leftovers.extend(error.as_ref().map(|_| name));
        found.errors.extend(error);
        return;
    }
    let named = wanted.iter().find(|wanted| wanted.set.identity == Identity::Named(name.clone()));
    // One that was renamed for its set says its first name. Of a set with a count none is.
    let counted = |key: &SetName| {
        let set = spec.sets.get(key).map(|set| &set.identity);
        matches!(set, Some(Identity::Counted(_)))
    };
    let owner = owner.or_else(|| {
        let created = created_for(container, &snapshot.images);
        created.filter(|(project, set)| *project != spec.project || !counted(set))
    });
    if let Some(wanted) = named {
        match &owner {
            Some((project, set))
                if *project != spec.project
                    || set != wanted.key && !hands_over(spec, set, wanted.set, &name) =>
            {
                found.errors.push(taken(wanted.key, &name, project, set));
            }
            _ => add(found, wanted.key, container, By::Name, owner.is_none(), None),
        }
        return;
    }
    if let Some((project, set)) = owner {
        if project != spec.project {
            return;
        }
        match spec.sets.get(&set).map(|set| &set.identity) {
            Some(Identity::Counted(_)) => {
                let number = member_number(&spec.project, &set, name.as_str());
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
    let Some(made_from) = container.made_from().and_then(|text| ImageRef::parse(text).ok()) else {
        return;
    };
    let sets: Vec<&Wanted<'_>> =
        wanted.iter().filter(|wanted| wanted.means(container, &made_from)).collect();
    match sets.as_slice() {
        [] => {}
        [one] => add(found, one.key, container, By::Image, true, None),
        [first, second, ..] => found.errors.push(PlanError::of(
            first.key,
            "matched_twice",
            format!(
                "container `{name}` is matched by image by both `{}` and `{}`",
                first.key, second.key
            ),
            "give the sets different commands, or say `match: owned`",
        )),
    }
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
    spec: &Spec,
    wanted: &[Wanted<'_>],
    (snapshot, index): (&Snapshot, &Index<'_>),
    container: &Container,
    stem: &str,
) -> Option<PlanError> {
    let of_spec = |owner: Option<(ProjectName, SetName)>| {
        owner.filter(|(project, _)| *project == spec.project).map(|(_, set)| set)
    };
    if let Some(set) = of_spec(owner(container)) {
        let set = Some(set).filter(|set| spec.sets.contains_key(set));
        return Some(leftover(spec, container, stem, set, true));
    }
    let named = || {
        wanted.iter().find(|wanted| match &wanted.set.identity {
            Identity::Named(name) => name.as_str() == stem,
            Identity::Counted(_) => member_number(&spec.project, wanted.key, stem).is_some(),
        })
    };
    let successor = || {
        let set = of_spec(owner(index.by_name(&ContainerName::new(stem))?))?;
        wanted.iter().find(|wanted| *wanted.key == set)
    };
    let alike = || {
        let old = container.name().as_str().ends_with(SUFFIX_OLD);
        let owned = owners::owner(container, &snapshot.images).is_some();
        let anybodys = old && !owned && !labelled_ours(container);
        let made_from = ImageRef::parse(container.made_from().filter(|_| anybodys)?).ok()?;
        wanted.iter().find(|wanted| wanted.means(container, &made_from))
    };
    let set = named().or_else(successor).or_else(alike)?;
    Some(leftover(spec, container, stem, Some(set.key.clone()), false))
}

/// What a dead run left, with the commands to finish: the old container is never worse off than
/// before.
fn leftover(
    spec: &Spec,
    container: &Container,
    stem: &str,
    set: Option<SetName>,
    ours: bool,
) -> PlanError {
    let name = container.name();
    // Going back runs no job again.
    let one_shot = set.as_ref().and_then(|set| spec.sets.get(set)).is_some_and(|set| set.one_shot);
    let start = if one_shot { String::new() } else { format!(" && docker start {stem}") };
    let short = container.id().short().to_owned();
    PlanError {
        set,
        code: "leftover",
        message: if ours {
            format!("container `{name}` ({short}) was left by an apply that did not finish")
        } else {
            format!(
                "container `{name}` ({short}) looks as if an apply that did not finish had left \
                 it: its name ends in what bayplan reserves"
            )
        },
        hint: if name.as_str().ends_with(SUFFIX_OLD) {
            format!(
                "if `{stem}` is there and good: docker rm {name}; else go back: \
                 docker rm -f {stem}; docker rename {name} {stem}{start}"
            )
        } else {
            format!(
                "docker rm -f {name}; then, if `{stem}` is there and stopped: docker start {stem}"
            )
        },
    }
}

/// A key by which `web-2` comes before `web-10`.
pub(crate) fn natural(name: &str) -> (String, u64, String) {
    let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (stem, number) = name.split_at(name.len() - digits);
    (stem.to_owned(), number.parse().unwrap_or(0), name.to_owned())
}
