//! The facts of one set against those of a fresh look, value by value.

use std::collections::{BTreeMap, BTreeSet};

use super::Staleness;
use crate::desired;
use crate::ident::{ContainerId, ContainerName, SetName, short_digest};
use crate::options::settings::Settings;
use crate::plan::facts::{ContainerFact, Facts, Verdict};
use crate::plan::{Action, Change, Plan, Step, Subject};
use crate::snapshot::{Container, Snapshot};
use crate::spec::Set;

/// Plan and look, found quickly.
pub(super) struct Looks<'a> {
    plan: BTreeMap<&'a ContainerId, &'a ContainerFact>,
    by_id: BTreeMap<ContainerId, &'a Container>,
    by_name: BTreeMap<ContainerName, &'a Container>,
    /// The containers that a change of the plan removes in the end, by change.
    removed: BTreeMap<&'a str, &'a ContainerId>,
}

impl<'a> Looks<'a> {
    pub(super) fn of(plan: &'a Plan, snapshot: &'a Snapshot) -> Self {
        let removed = plan.steps.iter().filter_map(|step| match &step.action {
            Action::Remove { container: Subject::Container(id) } => Some((step.id.change(), id)),
            _ => None,
        });
        Self {
            plan: plan.facts.containers.iter().map(|fact| (&fact.id, fact)).collect(),
            by_id: snapshot.containers.iter().map(|found| (found.id(), found)).collect(),
            by_name: snapshot.containers.iter().map(|found| (found.name(), found)).collect(),
            removed: removed.collect(),
        }
    }

    /// What the plan says of a container.
    pub(super) fn planned_fact(&self, id: &ContainerId) -> Option<&'a ContainerFact> {
        self.plan.get(id).copied()
    }

    pub(super) fn by_id(&self, id: &ContainerId) -> Option<&'a Container> {
        self.by_id.get(id).copied()
    }

    pub(super) fn by_name(&self, name: &ContainerName) -> Option<&'a Container> {
        self.by_name.get(name).copied()
    }

    /// The container that a change takes away.
    pub(super) fn replaced_by(&self, change: &Change) -> Option<&'a ContainerId> {
        self.removed.get(change.id.as_str()).copied()
    }
}

/// Something that moved, and the container that it is about.
pub(super) struct Moved {
    pub(super) staleness: Staleness,
    pub(super) id: Option<ContainerId>,
    /// It is an error of deriving again, not a fact.
    pub(super) derived: bool,
}

/// What of a plan and its facts concerns one set.
pub(super) struct Slice<'a> {
    pub(super) key: &'a SetName,
    pub(super) set: &'a Set,
    pub(super) plan: &'a Plan,
    /// The changes of this set.
    pub(super) changes: Vec<&'a Change>,
    /// The steps of those changes.
    pub(super) steps: Vec<&'a Step>,
}

fn moved(key: &SetName, code: &str, object: String, expected: String, found: String) -> Moved {
    Moved {
        staleness: Staleness {
            code: code.to_owned(),
            set: Some(key.clone()),
            object,
            expected,
            found,
            hint: "plan again and have the new plan reviewed".to_owned(),
        },
        id: None,
        derived: false,
    }
}

fn about(id: &ContainerId, moved: Moved) -> Moved {
    Moved { id: Some(id.clone()), ..moved }
}

impl<'a> Slice<'a> {
    /// The members that the plan found.
    fn members(&self) -> BTreeSet<&'a ContainerId> {
        self.plan.facts.members.get(self.key).into_iter().flatten().collect()
    }

    /// The steps of this set.
    pub(super) fn steps(&self) -> impl Iterator<Item = &'a Step> {
        self.steps.iter().copied()
    }

    /// Everything of this set that moved. `fresh` are the facts of the plan derived again;
    /// `excused` says which image references a run of this plan has pulled already.
    pub(super) fn moved(
        &self,
        fresh: &Fresh<'_>,
        looks: &Looks<'_>,
        snapshot: &Snapshot,
        excused: &BTreeSet<String>,
    ) -> Vec<Moved> {
        let mut all = Vec::new();
        self.containers(fresh, looks, &mut all);
        self.images(snapshot, excused, &mut all);
        self.names(looks, &mut all);
        all
    }

    fn containers(&self, fresh: &Fresh<'_>, looks: &Looks<'_>, all: &mut Vec<Moved>) {
        let before = self.members();
        let now = fresh.members(self.key);
        for &id in &before {
            let Some(old) = looks.planned_fact(id) else { continue };
            let object = format!("container `{}`", old.name);
            match fresh.fact(id) {
                Some(new) if now.contains(id) => self.fields(old, new, all),
                _ => {
                    let (code, found) = match looks.by_id(id) {
                        None => ("container_gone", "no such container".to_owned()),
                        Some(other) => (
                            "container_unmatched",
                            format!("it as `{}`, not matched any more", other.name()),
                        ),
                    };
                    let expected = format!("{} there", id.short());
                    all.push(about(id, moved(self.key, code, object, expected, found)));
                }
            }
        }
        for &id in now.difference(&before) {
            let name = looks.by_id(id).map(|container| container.name().to_string());
            let object = format!("container `{}`", name.unwrap_or_default());
            let found = format!("{}, matched now", id.short());
            let expected = "no such container".to_owned();
            all.push(about(id, moved(self.key, "container_new", object, expected, found)));
        }
    }

    fn fields(&self, old: &ContainerFact, new: &ContainerFact, all: &mut Vec<Moved>) {
        // Every field of a fact is compared; references are judged apart, because they are blamed
        // on another thing than the world.
        let ContainerFact {
            id: _,
            name,
            image,
            run,
            exit_code,
            started_at,
            settings,
            networks,
            references: _,
        } = old;
        let mut add = |code: &str, expected: String, found: String| {
            if expected != found {
                let object = format!("container `{name}`");
                all.push(about(&old.id, moved(self.key, code, object, expected, found)));
            }
        };
        add("container_renamed", format!("the name {name}"), format!("the name {}", new.name));
        add("container_image", short_digest(image.as_str()), short_digest(new.image.as_str()));
        add("run_state", run.word().to_owned(), new.run.word().to_owned());
        let code = |code: &Option<i64>| {
            code.map_or("no exit code".to_owned(), |code| format!("exit code {code}"))
        };
        add("exit_code", code(exit_code), code(&new.exit_code));
        if let Some(started_at) = started_at {
            let now = new.started_at.clone().unwrap_or_else(|| "another start".to_owned());
            add("started_again", format!("started at {started_at}"), format!("started at {now}"));
        }
        let text = |settings: &Settings| {
            if settings.is_empty() { "no limits".to_owned() } else { settings.words() }
        };
        add("settings", text(settings), text(&new.settings));
        add("networks", networks.join(", "), new.networks.join(", "));
    }

    /// The images that containers are made from, and those that new ones mount.
    fn images(&self, snapshot: &Snapshot, excused: &BTreeSet<String>, all: &mut Vec<Moved>) {
        let creates = self.steps().any(|step| matches!(step.action, Action::Create { .. }));
        let mounted = if creates { desired::mounted_images(self.set) } else { BTreeSet::new() };
        let known: BTreeSet<&String> = self.set.image.iter().chain(&mounted).collect();
        for reference in known.into_iter().filter(|reference| !excused.contains(*reference)) {
            self.image(reference, snapshot, all);
        }
    }

    fn image(&self, declared: &String, snapshot: &Snapshot, all: &mut Vec<Moved>) {
        // What it is, and what it is to become where an image that is here gets its tag.
        let tagged = self.plan.steps.iter().filter_map(|step| match &step.action {
            Action::Tag { image, tag } if tag == declared => Some(image),
            _ => None,
        });
        for reference in std::iter::once(declared).chain(tagged) {
            let old = self.plan.facts.images.iter().find(|fact| fact.reference == *reference);
            let Some(old) = old.map(|fact| fact.id.as_ref()) else { continue };
            let new = match reference.split_once('@').filter(|_| reference != declared) {
                Some((_, digest)) => super::pulls::with_digest(snapshot, digest),
                None => snapshot.references.get(reference).and_then(Option::as_ref),
            };
            if old != new {
                let word = |id: Option<&crate::ident::ImageId>| {
                    id.map_or_else(|| "not on the engine".to_owned(), crate::ident::ImageId::short)
                };
                let object = format!("image `{reference}`");
                all.push(moved(self.key, "image_moved", object, word(old), word(new)));
            }
        }
    }

    /// Names that fresh containers take must be free.
    fn names(&self, looks: &Looks<'_>, all: &mut Vec<Moved>) {
        // A name that the plan itself frees first is no fact.
        let freed: BTreeSet<&str> = self
            .changes
            .iter()
            .filter_map(|change| change.id.as_str().strip_prefix("dead:"))
            .collect();
        for step in self.steps() {
            // Whoever is renamed may have its name already.
            let (name, own) = match (&step.action, step.action.renames()) {
                (Action::Create { name, final_name, .. }, _) if name == final_name => (name, None),
                (_, Some((id, to))) => (to, Some(id)),
                _ => continue,
            };
            let holder = looks.by_name(name).map(Container::id);
            if let Some(id) = holder
                && Some(&id) != own
                && !freed.contains(name.as_str())
            {
                let found = format!("container {}", id.short());
                let object = format!("name `{name}`");
                let free = "it to be free".to_owned();
                all.push(about(&id, moved(self.key, "name_taken", object, free, found)));
            }
        }
    }

    /// References that resolve to something else than when the plan was reviewed.
    pub(super) fn rotated(&self, fresh: &Fresh<'_>, looks: &Looks<'_>) -> Vec<Staleness> {
        let mut all = Vec::new();
        for id in self.members() {
            let (Some(old), Some(new)) = (looks.planned_fact(id), fresh.fact(id)) else { continue };
            for (variable, fact) in &old.references {
                let now = new.references.get(variable).map(|fact| fact.verdict);
                let same = match fact.verdict {
                    Verdict::Equal | Verdict::Assumed => now != Some(Verdict::Different),
                    Verdict::Different => now != Some(Verdict::Equal),
                };
                if same {
                    continue;
                }
                let object =
                    format!("`{variable}` of container `{}` ({})", old.name, fact.reference);
                let found = now.map_or("nothing", said).to_owned();
                let expected = said(fact.verdict).to_owned();
                let moved = moved(self.key, "secret_rotated", object, expected, found);
                all.push(Staleness {
                    hint: "rotated since review: plan again with the values that will be used"
                        .to_owned(),
                    ..moved.staleness
                });
            }
        }
        all
    }
}

fn said(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Equal => "the live value",
        Verdict::Different => "something else than the live value",
        Verdict::Assumed => "the live value (assumed)",
    }
}

/// The facts of the plan derived again, found quickly.
pub(super) struct Fresh<'a> {
    facts: &'a Facts,
    containers: BTreeMap<&'a ContainerId, &'a ContainerFact>,
}

impl<'a> Fresh<'a> {
    pub(super) fn of(facts: &'a Facts) -> Self {
        Self { facts, containers: facts.containers.iter().map(|fact| (&fact.id, fact)).collect() }
    }

    fn members(&self, set: &SetName) -> BTreeSet<&'a ContainerId> {
        self.facts.members.get(set).into_iter().flatten().collect()
    }

    fn fact(&self, id: &ContainerId) -> Option<&'a ContainerFact> {
        self.containers.get(id).copied()
    }
}
