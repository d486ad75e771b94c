//! Compares a plan with the derived plan: completely, because reviewers read all of it.
//!
//! Three exceptions may differ, and nothing else. They are sets without changes of which something
//! moved, sets that wait for a user, and changes that already removed an object. An exception excuses
//! its own part only: what else differs makes the plan stale. Comparing facts with the snapshot is
//! [`mod@super::judge`]'s.

use std::collections::{BTreeMap, BTreeSet};

use super::Staleness;
use super::code::Code;
use super::judge::{AGAIN, Case, Found, is_image};
use crate::base::ident::{ContainerId, NetworkId, SetName, StepId};
use crate::plan::{
    Action, Because, Change, Danger, NetworkRef, Plan, Reason, Step, Subject, Warning,
};
use crate::planner::{Built, depends};

/// Codes of warnings about states that no fact pins.
const OF_THE_WORLD: [&str; 8] = [
    "bind_source",
    "dependants",
    "dropped",
    "network_differs",
    "orphan",
    "stray",
    "unknown",
    "volume_differs",
];

/// The compared parts of two plans.
pub(super) struct Parts<'a> {
    pub(super) case: &'a Case<'a>,
    /// Sets that are not compared.
    pub(super) left: BTreeSet<&'a SetName>,
    /// Sets of which a change removed an object: other members queue, and counts are lower.
    begun: BTreeSet<&'a SetName>,
    /// The containers that those changes removed.
    pub(super) gone: BTreeSet<&'a ContainerId>,
    /// The containers that steps created.
    pub(super) created: BTreeSet<ContainerId>,
    /// References of sets without changes that mean another image by now.
    pub(super) references: &'a BTreeSet<String>,
    /// The set of each change.
    sets: BTreeMap<&'a str, &'a SetName>,
    /// Changes that are not compared.
    pub(super) apart: BTreeSet<&'a str>,
    /// Those of them that have created the replacement of a container.
    replaced: BTreeSet<&'a str>,
    /// The existing networks that steps created, by step.
    made: BTreeMap<&'a StepId, NetworkId>,
}

/// Compares the plans. A difference counts as tampering, unless a moved target explains it.
pub(super) fn compare(
    case: &Case<'_>,
    again: &Built,
    found: &mut Found,
    tampered: &mut Vec<Staleness>,
) {
    let found_now = std::mem::take(found);
    let parts = Parts::of(case, &found_now);
    let mut stale = Vec::new();
    parts.changes(&again.plan, &found_now, (&mut stale, tampered));
    parts.rest(&again.plan, tampered);
    parts.warned(&again.plan, (&mut stale, tampered));
    let other_version = case.plan.tool != again.plan.tool;
    if other_version {
        stale.push(Staleness {
            code: Code::PlannerVersion.word().to_owned(),
            set: None,
            object: "the plan as a whole".to_owned(),
            expected: format!("version {}", again.plan.tool.version),
            found: format!("version {}", crate::base::say::short(&case.plan.tool.version)),
            hint: "plan again with this version and have the new plan reviewed".to_owned(),
        });
    }
    // What moved may be why another plan follows, so nobody is blamed for it.
    if !found_now.moved.is_empty() || !found_now.notes.is_empty() {
        let moved = tampered.drain(..).map(|one| Staleness {
            code: Code::PlanMoved.word().to_owned(),
            hint: AGAIN.to_owned(),
            ..one
        });
        stale.extend(moved);
    }
    *found = found_now;
    found.stale.extend(stale);
}

impl<'a> Parts<'a> {
    fn of(case: &'a Case<'a>, found: &'a Found) -> Self {
        let left: BTreeSet<&SetName> = found.moved.iter().chain(&found.waiting).collect();
        let sets: BTreeMap<&str, &SetName> = case
            .plan
            .changes
            .iter()
            .filter_map(|change| Some((change.id.as_str(), change.set.as_ref()?)))
            .collect();
        let begun = case.stays.iter().filter_map(|id| sets.get(id).copied()).collect();
        let stuck = found.stuck.iter().map(String::as_str);
        let apart: BTreeSet<&str> = case.stays.iter().copied().chain(stuck).collect();
        let removed = case.plan.steps.iter().filter(|step| apart.contains(step.id.change()));
        let gone = removed.filter_map(|step| match &step.action {
            Action::Remove { container: Subject::Container(id) } => Some(id),
            _ => None,
        });
        let created = case.look.containers.iter().filter_map(|container| {
            Some((case.origin.container(container.seen())?, container.id()))
        });
        let created: Vec<(&StepId, ContainerId)> = created.collect();
        let replaced = created.iter().map(|(step, _)| step.change());
        let replaced = replaced.filter(|id| case.stays.contains(id)).collect();
        let mut made = BTreeMap::new();
        for network in &case.look.networks {
            if let Some(step) = case.origin.network(network)
                && case.stays.contains(step.change())
            {
                let id = NetworkId::new(network["Id"].as_str().unwrap_or_default());
                made.insert(step, id);
            }
        }
        Self {
            case,
            left,
            begun,
            gone: gone.collect(),
            created: created.into_iter().map(|(_, id)| id).collect(),
            replaced,
            references: &found.references,
            sets,
            apart,
            made,
        }
    }

    /// Whether both plans are compared completely.
    pub(super) fn whole(&self) -> bool {
        self.left.is_empty() && self.apart.is_empty()
    }

    /// The compared changes: changes of compared sets, and changes without a set that those changes
    /// wait for.
    fn kept<'p>(&self, plan: &'p Plan) -> (Vec<&'p Change>, Vec<Step>) {
        let own = |change: &Change| match &change.set {
            Some(set) => !self.left.contains(set),
            None => self.whole() || !is_image(change.id.as_str()),
        };
        let mut ids: BTreeSet<&str> = plan
            .changes
            .iter()
            .filter(|change| own(change))
            .map(|change| change.id.as_str())
            .filter(|id| !self.apart.contains(id))
            .collect();
        let mut steps_of: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
        for step in &plan.steps {
            steps_of.entry(step.id.change()).or_default().push(step);
        }
        let mut open: Vec<&str> = ids.iter().copied().collect();
        while let Some(id) = open.pop() {
            let steps = steps_of.get(id).into_iter().flatten();
            for before in steps.flat_map(|step| &step.after) {
                let change = before.change();
                if is_image(change) && ids.insert(change) {
                    open.push(change);
                }
            }
        }
        let changes =
            plan.changes.iter().filter(|change| ids.contains(change.id.as_str())).collect();
        let mut steps: Vec<Step> = plan
            .steps
            .iter()
            .filter(|step| ids.contains(step.id.change()))
            .map(|step| self.without_edges(step, &ids))
            .collect();
        // Edges define the order of steps, so the order in the list does not count.
        if !self.whole() {
            steps.sort_by(|one, other| one.id.cmp(&other.id));
        }
        (changes, steps)
    }

    /// A step without edges to changes that are not compared, and with the existing network. After
    /// some members of a set are done, the other members queue in another order; the derived queue
    /// is run.
    fn without_edges(&self, step: &Step, kept: &BTreeSet<&str>) -> Step {
        let mut step = step.clone();
        let set = self.sets.get(step.id.change()).copied();
        let requeued = set.is_some_and(|set| self.begun.contains(set));
        let own = step.id.change().to_owned();
        let queues = |id: &StepId| {
            requeued && id.change() != own && self.sets.get(id.change()).copied() == set
        };
        step.after.retain(|id| kept.contains(id.change()) && !queues(id));
        step.after_end.retain(|id| kept.contains(id.change()) && !queues(id));
        if requeued {
            step.delay = 0;
        }
        if let Action::Connect { which, .. } | Action::Disconnect { which, .. } = &mut step.action
            && let NetworkRef::CreatedBy(create) = &*which
            && let Some(id) = self.made.get(create)
        {
            *which = NetworkRef::Id(id.clone());
        }
        step
    }

    /// Compares changes and steps, set by set.
    fn changes(
        &self,
        again: &Plan,
        found: &Found,
        (stale, tampered): (&mut Vec<Staleness>, &mut Vec<Staleness>),
    ) {
        let (old, old_steps) = self.kept(self.case.plan);
        let (new, new_steps) = self.kept(again);
        let ordered = old.len() == new.len()
            && old.iter().zip(&new).all(|(old, new)| self.same_change(old, new));
        if ordered && old_steps == new_steps {
            return;
        }
        let mut blamed: BTreeSet<Option<&SetName>> = BTreeSet::new();
        let by_id: BTreeMap<&str, &Change> =
            new.iter().map(|change| (change.id.as_str(), *change)).collect();
        let known: BTreeSet<&str> = old.iter().map(|change| change.id.as_str()).collect();
        for change in &old {
            let other = by_id.get(change.id.as_str());
            if !other.is_some_and(|other| self.same_change(change, other)) {
                blamed.insert(change.set.as_ref());
            }
        }
        let more = new.iter().filter(|change| !known.contains(change.id.as_str()));
        blamed.extend(more.map(|change| change.set.as_ref()));
        let mut sets: BTreeMap<&str, Option<&SetName>> = BTreeMap::new();
        for change in old.iter().chain(&new) {
            sets.insert(change.id.as_str(), change.set.as_ref());
        }
        let same = |change: &&Change| {
            let other = by_id.get(change.id.as_str());
            other.is_some_and(|other| anywhere(change) == anywhere(other))
        };
        if old.len() == new.len() && old_steps == new_steps && old.iter().all(same) {
            stale.push(sources_moved());
            return;
        }
        let steps: BTreeMap<&StepId, &Step> =
            new_steps.iter().map(|step| (&step.id, step)).collect();
        let others = old_steps.iter().filter(|step| steps.get(&step.id) != Some(step));
        blamed.extend(others.map(|step| sets.get(step.id.change()).copied().flatten()));
        if blamed.is_empty() {
            blamed.insert(None);
        }
        for set in blamed {
            match set.and_then(|set| self.moved_target(set, found)) {
                Some(target) => stale.push(target),
                None => tampered.push(blame(set, (&old, &new))),
            }
        }
    }

    /// Whether two changes are the same. A dependant of an already replaced target differs more
    /// than at the review, because references to the old target are broken. The action on the
    /// dependant must still be the same.
    fn same_change(&self, old: &Change, new: &Change) -> bool {
        if self.whole() {
            return old == new;
        }
        let follows = old.reasons.iter().any(|reason| match reason {
            Reason::Because(
                Because::TargetReplaced { target } | Because::RestartsWith { target },
            ) => self.replaced.contains(target.as_str()),
            _ => false,
        });
        // A container that this plan replaced may be of the repository by now: the reviewer read of
        // more danger than there is.
        let sources = |change: &Change| change.dangerous.get(&Danger::ImageSource).cloned();
        let fewer = sources(new).is_none() || sources(new) == sources(old);
        let (mut old, mut new) = (anywhere(old), anywhere(new));
        for change in [&mut old, &mut new] {
            if follows {
                without_targets(change);
            }
            if change.set.as_ref().is_some_and(|set| self.begun.contains(set)) {
                uncounted(change);
            }
        }
        fewer && old == new
    }

    /// The report for an unmoved set whose steps changed because a dependency moved.
    fn moved_target(&self, set: &SetName, found: &Found) -> Option<Staleness> {
        let targets = depends(&self.case.words, set);
        let target = targets.iter().find(|target| found.moved.contains(*target))?;
        Some(Staleness {
            code: Code::TargetMoved.word().to_owned(),
            set: Some(set.clone()),
            object: format!("set `{target}`, which `{set}` depends on"),
            expected: "it as it was".to_owned(),
            found: "that it moved, so that other steps follow".to_owned(),
            hint: AGAIN.to_owned(),
        })
    }

    /// Whether the report of a set is compared.
    pub(super) fn told(&self, set: &SetName) -> bool {
        !self.left.contains(set)
    }

    /// Compares warnings, because reviewers read them. Some warnings are about states that no fact
    /// pins: there a difference makes the plan stale.
    fn warned(
        &self,
        again: &Plan,
        (stale, tampered_with): (&mut Vec<Staleness>, &mut Vec<Staleness>),
    ) {
        let (old, new) = (self.warnings(self.case.plan), self.warnings(again));
        let old_only = old.iter().filter(|warning| !new.contains(warning));
        let differing: Vec<&Warning> =
            old_only.chain(new.iter().filter(|warning| !old.contains(warning))).copied().collect();
        if differing.is_empty() && old == new {
            return;
        }
        let words = |all: &[&Warning]| {
            let mine: Vec<String> = all
                .iter()
                .filter(|warning| differing.contains(warning))
                .map(|warning| crate::base::say::short(&warning.text))
                .collect();
            if mine.is_empty() { "no such warning".to_owned() } else { mine.join("; ") }
        };
        let (expected, found) = (words(&old), words(&new));
        let of_the_world =
            differing.iter().all(|warning| OF_THE_WORLD.contains(&warning.code.as_str()));
        if of_the_world && !differing.is_empty() {
            stale.push(Staleness {
                code: Code::WarningsMoved.word().to_owned(),
                set: None,
                object: "the warnings".to_owned(),
                expected,
                found,
                hint: AGAIN.to_owned(),
            });
        } else {
            tampered_with.push(tampered(None, "the warnings".to_owned(), expected, found));
        }
    }

    fn warnings<'p>(&self, plan: &'p Plan) -> Vec<&'p Warning> {
        let own = |warning: &&Warning| match &warning.set {
            Some(set) => self.told(set) || !self.case.spec.sets.contains_key(set),
            None => true,
        };
        plan.warnings.iter().filter(own).collect()
    }
}

/// A change without its image sources, which depend on other containers.
fn anywhere(change: &Change) -> Change {
    let mut change = change.clone();
    change.danger.retain(|danger| *danger != Danger::ImageSource);
    change.dangerous.remove(&Danger::ImageSource);
    change
}

/// No fact pins from which repositories the containers are that no set of the spec declares.
fn sources_moved() -> Staleness {
    Staleness {
        code: Code::SourcesMoved.word().to_owned(),
        set: None,
        object: "the images of what runs of the project".to_owned(),
        expected: "those of the review".to_owned(),
        found: "images of other repositories".to_owned(),
        hint: AGAIN.to_owned(),
    }
}

/// Takes away what a change says of targets, of which this plan has replaced the container.
fn without_targets(change: &mut Change) {
    change.reasons.clear();
    if let Some(values) = change.dangerous.get_mut(&Danger::OtherContainers) {
        values.clear();
    }
}

/// Takes away the counts of containers: a set that was begun has fewer old containers by now.
fn uncounted(change: &mut Change) {
    for value in change.dangerous.get_mut(&Danger::Outage).into_iter().flatten() {
        *value = value.split(|one: char| one.is_ascii_digit()).collect();
    }
    for reason in &mut change.reasons {
        if let Reason::Because(Because::TooFew { found, .. } | Because::TooMany { found, .. }) =
            reason
        {
            *found = 0;
        }
    }
}

/// The report of tampering: no fact moved, but other changes follow.
fn blame(set: Option<&SetName>, (old, new): (&[&Change], &[&Change])) -> Staleness {
    let verbs = |all: &[&Change]| {
        let own = all.iter().filter(|change| change.set.as_ref() == set);
        let each: Vec<String> =
            own.map(|change| format!("{} {}", change.verb.word(), change.id)).collect();
        match each.len() {
            0 => "no change".to_owned(),
            1..=5 => each.join(", "),
            more => format!("{}, and {} more", each[..5].join(", "), more - 5),
        }
    };
    let (expected, found) = (verbs(old), verbs(new));
    let found = if expected == found { format!("{found}, in other words or steps") } else { found };
    let object = match set {
        Some(set) => format!("set `{set}`"),
        None => "what belongs to no set".to_owned(),
    };
    tampered(set.cloned(), object, expected, found)
}

pub(super) fn tampered(
    set: Option<SetName>,
    object: String,
    expected: String,
    found: String,
) -> Staleness {
    Staleness {
        code: Code::Tampered.word().to_owned(),
        set,
        object,
        expected,
        found,
        hint: "the file does not follow from what it declares: plan again, and ask who edited it"
            .to_owned(),
    }
}
