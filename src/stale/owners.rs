//! Finds the sets that a cell belongs to, and whether the plan acts on these sets. The values of
//! cells are [`super::observed`]'s.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::ident::{ContainerId, SetName, StepId};
use crate::plan::world::Cell;
use crate::plan::{Action, Plan, Step, Subject};
use crate::spec::Spec;
use crate::spec::body;

/// Sets by the objects that belong to them.
pub(super) struct Owners<'a> {
    acts: BTreeSet<&'a SetName>,
    members: BTreeMap<&'a ContainerId, &'a SetName>,
    addressed: BTreeSet<&'a Subject>,
    creates: BTreeMap<&'a StepId, &'a SetName>,
    /// The set whose steps give a container this name.
    names: BTreeMap<&'a str, &'a SetName>,
    references: BTreeMap<String, Vec<&'a SetName>>,
    /// References that steps pull, tag or create from.
    pinned: BTreeSet<&'a str>,
    steps: BTreeMap<&'a SetName, Vec<&'a Step>>,
}

impl<'a> Owners<'a> {
    pub(super) fn of(plan: &'a Plan, spec: &'a Spec) -> Self {
        let changes: BTreeMap<&str, &SetName> = plan
            .changes
            .iter()
            .filter_map(|change| Some((change.id.as_str(), change.set.as_ref()?)))
            .collect();
        let mut owners = Self {
            acts: changes.values().copied().collect(),
            members: BTreeMap::new(),
            addressed: BTreeSet::new(),
            creates: BTreeMap::new(),
            names: BTreeMap::new(),
            references: BTreeMap::new(),
            pinned: BTreeSet::new(),
            steps: BTreeMap::new(),
        };
        for (set, members) in &plan.facts.members {
            owners.members.extend(members.iter().map(|id| (id, set)));
        }
        for step in &plan.steps {
            owners.step(step, changes.get(step.id.change()).copied());
        }
        owners.references(spec);
        owners
    }

    fn step(&mut self, step: &'a Step, set: Option<&'a SetName>) {
        self.addressed.extend(step.action.subject());
        let name = match &step.action {
            Action::Create { name, .. } => Some(name),
            Action::Rename { to, .. } => Some(to),
            _ => None,
        };
        match &step.action {
            Action::Create { set, .. } => drop(self.creates.insert(&step.id, set)),
            Action::Pull { image, .. } => drop(self.pinned.insert(image)),
            Action::Tag { image, tag } => self.pinned.extend([image.as_str(), tag.as_str()]),
            _ => {}
        }
        let Some(set) = set else { return };
        self.steps.entry(set).or_default().push(step);
        if let Some(name) = name {
            self.names.insert(name.as_str(), set);
        }
    }

    /// Maps image references to sets: the image of each set, and mounted images of a set that
    /// creates containers.
    fn references(&mut self, spec: &'a Spec) {
        let creating: BTreeSet<&SetName> = self.creates.values().copied().collect();
        for (key, set) in &spec.sets {
            let mounted =
                if creating.contains(key) { body::mounted_images(set) } else { BTreeSet::new() };
            for reference in set.image.iter().cloned().chain(mounted) {
                self.references.entry(reference).or_default().push(key);
            }
        }
    }

    /// Whether the plan acts on a set.
    pub(super) fn acts(&self, set: &SetName) -> bool {
        self.acts.contains(set)
    }

    /// Whether a step addresses a container.
    pub(super) fn addressed(&self, subject: &Subject) -> bool {
        self.addressed.contains(subject)
    }

    /// The steps of the changes of a set.
    pub(super) fn steps_of(&self, set: &SetName) -> impl Iterator<Item = &'a Step> {
        self.steps.get(set).into_iter().flatten().copied()
    }

    /// The sets that a cell belongs to, acting sets first.
    pub(super) fn of_cell(&self, cell: &Cell) -> Vec<&'a SetName> {
        let mut all: Vec<&SetName> = match cell {
            Cell::Holder(name) => self.names.get(name.as_str()).copied().into_iter().collect(),
            Cell::Reference(reference) => {
                self.references.get(reference).into_iter().flatten().copied().collect()
            }
            Cell::Network(_) | Cell::Volume(_) => Vec::new(),
            _ => match cell.container() {
                Some(Subject::Container(id)) => self.members.get(id).copied().into_iter().collect(),
                Some(Subject::CreatedBy(step)) => {
                    self.creates.get(step).copied().into_iter().collect()
                }
                None => Vec::new(),
            },
        };
        all.sort_by_key(|set| (!self.acts(set), *set));
        all
    }

    /// Whether the actions of the plan rely on a cell. A cell without a set counts. For a container
    /// that only network steps address, its name and its image count.
    pub(super) fn matters(&self, cell: &Cell) -> bool {
        let identity = matches!(cell, Cell::Name(_) | Cell::Image(_));
        let addressed = identity && cell.container().is_some_and(|subject| self.addressed(subject));
        let pinned =
            matches!(cell, Cell::Reference(reference) if self.pinned.contains(reference.as_str()));
        let sets = self.of_cell(cell);
        let strangers = cell.container().is_some_and(|subject| self.addressed(subject));
        let nobodys = sets.is_empty() && !strangers && !matches!(cell, Cell::Reference(_));
        addressed || pinned || nobodys || sets.iter().any(|set| self.acts(set))
    }
}
