//! Steps by ID, and what surely comes before what.

use std::collections::{BTreeMap, BTreeSet};

use crate::ident::StepId;
use crate::plan::{Action, Step, Subject};

/// The steps of a plan as a graph; edges that lead nowhere or backwards in the list are left out.
pub(super) struct Graph<'a> {
    pub(super) steps: &'a [Step],
    places: BTreeMap<&'a StepId, usize>,
    /// For each step, the places of those that it waits for, all of them smaller.
    after: Vec<Vec<usize>>,
}

impl<'a> Graph<'a> {
    pub(super) fn of(steps: &'a [Step]) -> Self {
        let mut places = BTreeMap::new();
        for (place, step) in steps.iter().enumerate() {
            places.entry(&step.id).or_insert(place);
        }
        let after = steps.iter().enumerate().map(|(place, step)| {
            let before = step.after.iter().filter_map(|id| places.get(id).copied());
            before.filter(|other| *other < place).collect()
        });
        let after = after.collect();
        Self { steps, places, after }
    }

    pub(super) fn place(&self, id: &StepId) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// Whether `first` has surely succeeded when `then` begins.
    pub(super) fn before(&self, first: usize, then: usize) -> bool {
        let mut seen = BTreeSet::new();
        let mut left = vec![then];
        while let Some(place) = left.pop() {
            for other in &self.after[place] {
                if *other == first {
                    return true;
                }
                // What stands above `first` in the list cannot wait for it.
                if *other > first && seen.insert(*other) {
                    left.push(*other);
                }
            }
        }
        false
    }

    /// The places of the steps of a change, in the order of the list.
    pub(super) fn by_change(&self) -> BTreeMap<&'a str, Vec<usize>> {
        let mut changes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, step) in self.steps.iter().enumerate() {
            changes.entry(step.id.change()).or_default().push(place);
        }
        changes
    }
}

/// The container that a step addresses.
pub(super) fn subject(action: &Action) -> Option<&Subject> {
    match action {
        Action::Start { container, .. }
        | Action::WaitReady { container }
        | Action::Stop { container, .. }
        | Action::Kill { container, .. }
        | Action::Restart { container, .. }
        | Action::Update { container, .. }
        | Action::Rename { container, .. }
        | Action::Remove { container }
        | Action::Connect { container, .. }
        | Action::Disconnect { container, .. } => Some(container),
        Action::Pull { .. }
        | Action::Tag { .. }
        | Action::Create { .. }
        | Action::CreateNetwork { .. }
        | Action::RemoveNetwork { .. }
        | Action::CreateVolume { .. } => None,
    }
}

/// The word of an action.
pub(super) fn kind(action: &Action) -> &'static str {
    match action {
        Action::Pull { .. } => "pull",
        Action::Tag { .. } => "tag",
        Action::Create { .. } => "create",
        Action::Start { .. } => "start",
        Action::WaitReady { .. } => "wait_ready",
        Action::Stop { .. } => "stop",
        Action::Kill { .. } => "kill",
        Action::Restart { .. } => "restart",
        Action::Update { .. } => "update",
        Action::Rename { .. } => "rename",
        Action::Remove { .. } => "remove",
        Action::CreateNetwork { .. } => "create_network",
        Action::RemoveNetwork { .. } => "remove_network",
        Action::CreateVolume { .. } => "create_volume",
        Action::Connect { .. } => "connect",
        Action::Disconnect { .. } => "disconnect",
    }
}
