//! The steps by ID, and the guaranteed order between steps.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::base::ident::StepId;
use crate::plan::{Action, Step, Subject};

/// The steps of a plan as a graph; dangling and backward edges are ignored.
pub(super) struct Graph<'a> {
    pub(super) steps: &'a [Step],
    places: BTreeMap<&'a StepId, usize>,
    /// For each step, the indices of its dependencies, which are all smaller.
    after: Vec<Vec<usize>>,
    /// For each step, the last query that visited the step.
    seen: RefCell<Vec<u64>>,
    /// The number of queries so far.
    asked: Cell<u64>,
    /// How many more steps may be visited. A plan whose order takes too long to check is refused.
    left: Cell<u64>,
}

/// The base limit of visited steps, far above the need of any plan that people can review.
const LOOKS: u64 = 50_000_000;
/// The additional limit for each step of a long plan.
const LOOKS_A_STEP: u64 = 1_000;

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
        let count = u64::try_from(steps.len()).unwrap_or(u64::MAX);
        Self {
            steps,
            places,
            after,
            seen: RefCell::new(vec![0; steps.len()]),
            asked: Cell::new(0),
            left: Cell::new(LOOKS.saturating_add(count.saturating_mul(LOOKS_A_STEP))),
        }
    }

    pub(super) fn place(&self, id: &StepId) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// Whether step `first` has certainly succeeded when step `then` begins.
    pub(super) fn before(&self, first: usize, then: usize) -> bool {
        let question = self.asked.get() + 1;
        self.asked.set(question);
        let mut seen = self.seen.borrow_mut();
        let mut open = vec![then];
        while let Some(place) = open.pop() {
            let looks = u64::try_from(self.after[place].len()).unwrap_or(u64::MAX);
            let Some(left) = self.left.get().checked_sub(looks) else { return false };
            self.left.set(left);
            for other in &self.after[place] {
                if *other == first {
                    return true;
                }
                // A step above `first` in the list cannot depend on `first`.
                if *other > first && std::mem::replace(&mut seen[*other], question) != question {
                    open.push(*other);
                }
            }
        }
        false
    }

    /// The indices of the steps of each change, in the order of the list.
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
        Action::PutFiles { container, .. }
        | Action::Start { container, .. }
        | Action::WaitReady { container, .. }
        | Action::Fence { container }
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
        Action::PutFiles { .. } => "put_files",
        Action::Start { .. } => "start",
        Action::WaitReady { .. } => "wait_ready",
        Action::Fence { .. } => "fence",
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
