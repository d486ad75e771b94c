//! Finds the steps of a plan that are already done. The result contains all predecessors of its
//! steps, and the snapshot shows the effects of these steps.
//!
//! Every cell that steps touch has a history: its value before and after each of these steps. A
//! step counts as done only if it brings a cell to the found value. It must also take no other cell
//! past its found value. The remaining differences are not the work of this plan.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::ident::StepId;
use crate::base::time;
use crate::plan::world::{Cell, Value, World};
use crate::plan::{Action, Plan, Step, Subject};

/// The history of a cell along the steps of a plan.
#[derive(Default)]
struct History {
    /// The positions of the steps that touch the cell, in the plan's order.
    steps: Vec<usize>,
    /// Whether the found value fits before the first step, after the first step, and so on.
    fits: Vec<bool>,
    /// The number of done steps.
    count: usize,
}

impl History {
    fn fits_now(&self) -> bool {
        self.fits.get(self.count).copied().unwrap_or(false)
    }

    /// The largest number of done steps at which the found value fits.
    fn most(&self) -> Option<usize> {
        self.fits.iter().rposition(|fits| *fits)
    }
}

struct Search<'a> {
    plan: &'a Plan,
    now: &'a World,
    places: BTreeMap<&'a StepId, usize>,
    touched: Vec<Vec<Cell>>,
    histories: BTreeMap<Cell, History>,
    done: BTreeSet<usize>,
}

/// The done steps. `before` has the facts of the plan, `now` the observed values. `put` are the
/// steps whose files the snapshot shows as declared, because no cell describes files.
pub(super) fn done(
    plan: &Plan,
    before: &World,
    now: &World,
    put: &BTreeSet<StepId>,
) -> BTreeSet<StepId> {
    let mut search = Search::of(plan, before, now);
    let mut open: BTreeSet<Cell> = search
        .histories
        .iter()
        .filter(|(_, all)| !all.fits_now())
        .map(|(cell, _)| cell.clone())
        .collect();
    while let Some(cell) = open.pop_first() {
        while let Some(next) = search.next(&cell) {
            let Some(more) = search.admitted(next) else { break };
            open.extend(search.take(more));
        }
    }
    search.finish(put)
}

impl<'a> Search<'a> {
    fn of(plan: &'a Plan, before: &World, now: &'a World) -> Self {
        let mut world = before.clone();
        let mut histories: BTreeMap<Cell, History> = BTreeMap::new();
        let mut touched = Vec::with_capacity(plan.steps.len());
        for (place, step) in plan.steps.iter().enumerate() {
            let effects = step.effects(&world);
            let cells: Vec<Cell> = effects.iter().map(|(cell, _)| cell.clone()).collect();
            for cell in &cells {
                histories.entry(cell.clone()).or_insert_with(|| History {
                    fits: vec![world.holds(cell, now)],
                    ..History::default()
                });
            }
            world.take(effects);
            for cell in &cells {
                if let Some(history) = histories.get_mut(cell) {
                    history.steps.push(place);
                    history.fits.push(world.holds(cell, now));
                }
            }
            touched.push(cells);
        }
        let places = plan.steps.iter().enumerate().map(|(at, step)| (&step.id, at)).collect();
        Self { plan, now, places, touched, histories, done: BTreeSet::new() }
    }

    /// The next step of a cell whose found value does not fit yet but may fit later.
    fn next(&self, cell: &Cell) -> Option<usize> {
        let history = self.histories.get(cell)?;
        let more = !history.fits_now() && history.most().is_some_and(|most| most > history.count);
        if more { history.steps.get(history.count).copied() } else { None }
    }

    /// A step with all its open predecessors, unless a cell would be taken past its found value.
    fn admitted(&self, step: usize) -> Option<BTreeSet<usize>> {
        let mut more = BTreeSet::new();
        let mut open = vec![step];
        while let Some(place) = open.pop() {
            if self.done.contains(&place) || !more.insert(place) {
                continue;
            }
            let after = &self.plan.steps.get(place)?.after;
            open.extend(after.iter().filter_map(|id| self.places.get(id)));
        }
        let mut counts: BTreeMap<&Cell, usize> = BTreeMap::new();
        for place in &more {
            for cell in self.touched.get(*place).into_iter().flatten() {
                *counts.entry(cell).or_default() += 1;
            }
        }
        let fit = counts.iter().all(|(cell, more)| {
            let Some(history) = self.histories.get(cell) else { return false };
            history.most().is_some_and(|most| history.count + more <= most)
        });
        let in_time = more.iter().all(|place| self.in_time(*place));
        (fit && in_time).then_some(more)
    }

    /// Whether a dependent restart came after its dependencies were up; an earlier restart was
    /// another restart.
    fn in_time(&self, place: usize) -> bool {
        let Some(Step { action: Action::Restart { container, .. }, after, .. }) =
            self.plan.steps.get(place)
        else {
            return true;
        };
        let started = |subject: &Subject| match self.now.get(&Cell::Start(subject.clone())) {
            Some(Value::StartedAt(at)) => Some(time::nanos(at)),
            _ => None,
        };
        let first = after
            .iter()
            .filter_map(|id| self.plan.steps.get(*self.places.get(id)?)?.action.subject())
            .filter(|subject| *subject != container)
            .filter_map(started)
            .max();
        first.is_none_or(|first| started(container).is_some_and(|own| first <= own))
    }

    /// Marks steps as done; returns the cells that these steps touch.
    fn take(&mut self, more: BTreeSet<usize>) -> Vec<Cell> {
        let mut cells = Vec::new();
        for place in &more {
            for cell in self.touched.get(*place).into_iter().flatten() {
                if let Some(history) = self.histories.get_mut(cell) {
                    history.count += 1;
                }
                cells.push(cell.clone());
            }
        }
        self.done.extend(more);
        cells
    }

    /// A step that puts files is done if a later step is done or the files are there. A wait is
    /// done if all other steps are done.
    fn finish(mut self, put: &BTreeSet<StepId>) -> BTreeSet<StepId> {
        let seen = self.plan.steps.iter().enumerate().filter(|(_, step)| put.contains(&step.id));
        let seen = seen.filter_map(|(place, _)| self.admitted(place));
        let seen: Vec<usize> = seen.filter(|more| more.len() <= 1).flatten().collect();
        self.done.extend(seen);
        let all = self.plan.steps.iter().enumerate();
        let waits = |step: &Step| matches!(step.action, Action::WaitReady { .. });
        let whole = all.clone().all(|(place, step)| self.done.contains(&place) || waits(step));
        all.filter(|(place, _)| whole || self.done.contains(place))
            .map(|(_, step)| step.id.clone())
            .collect()
    }
}
