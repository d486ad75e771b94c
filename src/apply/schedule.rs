//! The schedule of a run: which steps may begin. A step may begin when its dependencies have
//! succeeded and the limit of concurrent calls allows the step.
//!
//! The schedule also finds the changes that must be rolled back. Such a change has a failed step,
//! waits for a failed step, or took a resource that a rollback needs.
//!
//! The effect of a step and the waits before a step are not known here. A step is checked only when
//! the step or a dependency changes, so the cost of a run grows linearly with the plan.

use std::collections::{BTreeMap, BTreeSet};

use super::outcome::{StepOutcome, StepStatus, change_of, is_final, touches};
use crate::base::ident::{ChangeId, StepId};
use crate::plan::{Action, Plan, Step};

/// Why fewer steps may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Halt {
    No,
    /// No further change is begun.
    New,
    /// No step is begun, except the last steps of a change whose new container is proven.
    All,
}

/// The status of all steps of a plan; an index stands for a step.
pub(super) struct Schedule<'a> {
    plan: &'a Plan,
    places: BTreeMap<&'a StepId, usize>,
    status: BTreeMap<StepId, StepOutcome>,
    /// For each step, the number of its dependencies that have not succeeded.
    missing: Vec<usize>,
    /// For each step, the steps that depend on the step.
    next: Vec<Vec<usize>>,
    /// Ready steps that are no calls, or that wait first; such steps ignore the limit.
    free: BTreeSet<usize>,
    /// Calls that may begin as soon as the limit allows.
    calls: BTreeSet<usize>,
    /// Calls in flight; only these count against the limit.
    calling: BTreeSet<usize>,
    /// Early pulls and tags that have not succeeded yet.
    first: BTreeSet<usize>,
    begun: BTreeSet<ChangeId>,
    halt: Halt,
    /// Steps that began or wait for dependencies, and have not ended.
    flying: BTreeSet<usize>,
    /// The steps of each change.
    of_change: BTreeMap<&'a str, Vec<usize>>,
    /// Changes that are being rolled back, or were rolled back.
    back: BTreeSet<&'a str>,
    /// Rolled-back changes whose objects are all as before.
    went_back: BTreeSet<String>,
    /// Changes that must stay untouched: a person must decide first.
    left: BTreeSet<&'a str>,
    /// Whether a step ended badly since the last search for changes to roll back.
    doubt: bool,
}

impl<'a> Schedule<'a> {
    /// A schedule, with the done steps and the blocked steps.
    pub(super) fn new(plan: &'a Plan, done: &BTreeSet<StepId>, blocked: &BTreeSet<StepId>) -> Self {
        let places: BTreeMap<&StepId, usize> =
            plan.steps.iter().enumerate().map(|(place, step)| (&step.id, place)).collect();
        let mut next = vec![Vec::new(); plan.steps.len()];
        let mut missing = vec![0; plan.steps.len()];
        let mut first = BTreeSet::new();
        for (place, step) in plan.steps.iter().enumerate() {
            // A dependency that is not in the plan is ignored.
            let after = step.after.iter().filter_map(|id| places.get(id).copied());
            let after: BTreeSet<usize> = after.collect();
            // In a plan, a step stands after its dependencies.
            if is_image(step) && after.is_subset(&first) {
                first.insert(place);
            }
            missing[place] = after.len();
            for before in after {
                next[before].push(place);
            }
        }
        let mut schedule = Self {
            plan,
            places,
            status: BTreeMap::new(),
            missing,
            next,
            free: BTreeSet::new(),
            calls: BTreeSet::new(),
            calling: BTreeSet::new(),
            first,
            begun: BTreeSet::new(),
            halt: Halt::No,
            flying: BTreeSet::new(),
            of_change: BTreeMap::new(),
            back: BTreeSet::new(),
            went_back: BTreeSet::new(),
            left: BTreeSet::new(),
            doubt: false,
        };
        for (place, step) in plan.steps.iter().enumerate() {
            schedule.of_change.entry(step.id.change()).or_default().push(place);
            if blocked.contains(&step.id) {
                schedule.left.insert(step.id.change());
            }
        }
        let idle = (0..plan.steps.len()).filter(|place| schedule.missing[*place] == 0);
        schedule.free = idle.collect();
        for step in &plan.steps {
            match (done.contains(&step.id), blocked.contains(&step.id)) {
                (_, true) => schedule.settle(outcome(step, StepStatus::NotReached)),
                (true, false) => schedule.settle(outcome(step, StepStatus::Already)),
                (false, false) => {}
            }
        }
        schedule
    }

    /// Whether every early pull and tag has succeeded.
    pub(super) fn images_settled(&self) -> bool {
        self.first.is_empty()
    }

    /// Takes the steps that may begin now, and says for each step whether the step only waits
    /// first. A step that skipped its wait once never waits later.
    pub(super) fn ready(
        &mut self,
        parallelism: usize,
        must_wait: impl Fn(&Step) -> bool,
    ) -> Vec<(&'a Step, bool)> {
        let mut ready = BTreeMap::new();
        let allowed: Vec<usize> =
            self.free.iter().copied().filter(|place| self.allowed(*place)).collect();
        for place in allowed {
            self.free.remove(&place);
            self.flying.insert(place);
            let step = &self.plan.steps[place];
            let waits = must_wait(step);
            if waits || matches!(step.action, Action::WaitReady { .. }) {
                ready.insert(place, waits);
            } else {
                self.flying.remove(&place);
                self.calls.insert(place);
            }
        }
        let room = parallelism.saturating_sub(self.calling.len());
        let allowed = self.calls.iter().copied().filter(|place| self.allowed(*place));
        for place in allowed.take(room).collect::<Vec<_>>() {
            self.calls.remove(&place);
            self.calling.insert(place);
            self.flying.insert(place);
            ready.insert(place, false);
        }
        ready.into_iter().map(|(place, waits)| (&self.plan.steps[place], waits)).collect()
    }

    fn allowed(&self, place: usize) -> bool {
        let turn = self.first.is_empty() || self.first.contains(&place);
        let change = self.plan.steps[place].id.change();
        turn && !self.back.contains(change)
            && self.is_its_turn(place)
            && match self.halt {
                Halt::No => true,
                Halt::New => self.begun.contains(&change_of(&self.plan.steps[place].id)),
                Halt::All => self.is_proven(change) || self.is_past_return(change),
            }
    }

    /// Whether a change made a call that cannot be undone, or is making it. The shortest way to a
    /// whole state is then to finish the change.
    fn is_past_return(&self, change: &str) -> bool {
        let mut places = self.of_change.get(change).into_iter().flatten();
        places.any(|place| {
            is_final(&self.plan.steps[*place])
                && (self.is_done(*place) || self.flying.contains(place))
        })
    }

    /// Whether every predecessor in `after_end` has ended: the predecessor took effect, its change
    /// was rolled back, or its change stays untouched.
    fn is_its_turn(&self, place: usize) -> bool {
        self.plan.steps[place].after_end.iter().all(|before| {
            let done = self.places.get(before).is_none_or(|place| self.is_done(*place));
            let change = before.change();
            done || self.went_back.contains(change) || self.left.contains(change)
        })
    }

    /// The wait of a step is over: its call begins as soon as the limit allows.
    pub(super) fn may_call(&mut self, step: &StepId) {
        if let Some(place) = self.places.get(step) {
            self.flying.remove(place);
            self.calls.insert(*place);
        }
    }

    /// Limits which steps may begin from now on.
    pub(super) fn halt(&mut self, halt: Halt) {
        self.doubt |= halt > self.halt;
        self.halt = self.halt.max(halt);
    }

    /// Takes the outcome of a step that was in flight.
    pub(super) fn take(&mut self, outcome: StepOutcome) {
        let place = self.places.get(&outcome.id).copied();
        let image = place.is_some_and(|place| self.first.contains(&place));
        match &outcome.status {
            StepStatus::Done if place.is_some_and(|place| touches(&self.plan.steps[place])) => {
                self.begun.insert(change_of(&outcome.id));
            }
            StepStatus::Failed { .. } | StepStatus::Stale(_) if image => self.halt(Halt::All),
            StepStatus::Stale(_) => self.halt(Halt::New),
            _ => {}
        }
        self.settle(outcome);
    }

    /// Records the outcome of a step; dependent steps may become ready.
    pub(super) fn settle(&mut self, outcome: StepOutcome) {
        let Some(place) = self.places.get(&outcome.id).copied() else { return };
        for steps in [&mut self.free, &mut self.calls, &mut self.calling, &mut self.flying] {
            steps.remove(&place);
        }
        self.doubt |= self.halt > Halt::No;
        if outcome.status.is_success() {
            self.first.remove(&place);
            for next in self.next[place].clone() {
                self.missing[next] -= 1;
                if self.missing[next] == 0 && !self.status.contains_key(&self.plan.steps[next].id) {
                    self.free.insert(next);
                }
            }
        } else {
            self.doubt = true;
        }
        self.status.insert(outcome.id.clone(), outcome);
    }

    /// Whether a step took effect.
    fn is_done(&self, place: usize) -> bool {
        let status = self.status.get(&self.plan.steps[place].id);
        status.is_some_and(|outcome| outcome.status.is_success())
    }

    /// Whether a change only has to remove an old container that is not needed any more: the
    /// replacement is proven, or there is no replacement.
    fn is_proven(&self, change: &str) -> bool {
        let places = self.of_change.get(change).map_or(&[][..], Vec::as_slice);
        let action = |place: &usize| &self.plan.steps[*place].action;
        places.iter().any(|place| self.is_done(*place))
            && places
                .iter()
                .all(|place| self.is_done(*place) || matches!(action(place), Action::Remove { .. }))
    }

    /// Whether a change replaces a container and still has the old container.
    fn keeps_its_old(&self, change: &str) -> bool {
        let places = self.of_change.get(change).map_or(&[][..], Vec::as_slice);
        let action = |place: &usize| &self.plan.steps[*place].action;
        places.iter().any(|place| matches!(action(place), Action::Create { .. }))
            && places.iter().any(|place| self.has_begun(*place))
            && !places
                .iter()
                .any(|place| self.is_done(*place) && matches!(action(place), Action::Remove { .. }))
    }

    /// The changes that cannot be finished and are not rolled back yet. No further step of them
    /// begins; the rollback begins when no step is in flight.
    pub(super) fn doomed(&mut self) -> BTreeSet<&'a str> {
        if std::mem::take(&mut self.doubt) {
            self.find_doomed();
        }
        self.back.iter().copied().filter(|change| !self.left.contains(change)).collect()
    }

    fn find_doomed(&mut self) {
        // In a plan, a step stands after its dependencies.
        let mut dead = vec![false; self.plan.steps.len()];
        for (place, step) in self.plan.steps.iter().enumerate() {
            let ended = self.status.contains_key(&step.id) && !self.is_done(place);
            let halted = !self.is_done(place)
                && !self.flying.contains(&place)
                && !self.allowed(place)
                && self.first.is_empty()
                && self.halt > Halt::No;
            if ended || halted || self.back.contains(step.id.change()) && !self.is_done(place) {
                dead[place] = true;
            }
            if dead[place] {
                for next in &self.next[place] {
                    dead[*next] = true;
                }
            }
        }
        let doomed: Vec<&str> = self
            .of_change
            .iter()
            .filter(|(change, places)| {
                places.iter().any(|place| dead[*place])
                    && places.iter().any(|place| self.has_begun(*place))
                    && !self.is_proven(change)
            })
            .map(|(change, _)| *change)
            .collect();
        for change in doomed {
            self.takes_along(change);
        }
    }

    /// Whether a step did something, or may have done something.
    fn has_begun(&self, place: usize) -> bool {
        let step = &self.plan.steps[place];
        let ended = self.status.get(&step.id).map(|outcome| &outcome.status);
        let did = matches!(
            ended,
            Some(StepStatus::Done | StepStatus::Already | StepStatus::Failed { .. })
        );
        touches(step) && (did || self.flying.contains(&place))
    }

    /// Marks a change for rollback, with its dependent changes. A dependent change took a resource
    /// of the old container, or keeps its own old container until this change is proven.
    pub(super) fn takes_along(&mut self, change: &'a str) {
        let mut open = vec![change];
        while let Some(change) = open.pop() {
            if self.left.contains(change) || !self.back.insert(change) {
                continue;
            }
            for place in self.of_change.get(change).cloned().unwrap_or_default() {
                let gives = matches!(
                    self.plan.steps[place].action,
                    Action::Stop { .. }
                        | Action::Kill { .. }
                        | Action::Rename { .. }
                        | Action::Disconnect { .. }
                );
                let gives = gives && self.is_done(place);
                let along = self.next[place].iter().map(|next| &self.plan.steps[*next]);
                let along = along.filter(|step| {
                    let keeps = matches!(step.action, Action::Remove { .. })
                        && self.keeps_its_old(step.id.change());
                    let took =
                        gives && self.places.get(&step.id).is_some_and(|at| self.has_begun(*at));
                    keeps || took
                });
                open.extend(along.map(|step| step.id.change()));
            }
        }
    }

    /// Whether no step of a change is in flight.
    pub(super) fn is_quiet(&self, change: &str) -> bool {
        let places = self.of_change.get(change).into_iter().flatten();
        places.into_iter().all(|place| !self.flying.contains(place))
    }

    /// Records that the effects of a change were undone.
    pub(super) fn undone(&mut self, change: &str) {
        self.went_back.insert(change.to_owned());
        for place in self.of_change.get(change).into_iter().flatten() {
            let step = &self.plan.steps[*place];
            if let Some(outcome) = self.status.get_mut(&step.id)
                && outcome.status.is_success()
            {
                outcome.status = StepStatus::Undone;
            }
        }
    }

    /// The steps without an outcome so far.
    pub(super) fn open(&self) -> impl Iterator<Item = &'a Step> {
        self.plan.steps.iter().filter(|step| !self.status.contains_key(&step.id))
    }

    /// The outcomes of all steps, in the order of the plan.
    pub(super) fn outcomes(mut self) -> Vec<StepOutcome> {
        let steps = self.plan.steps.iter();
        steps
            .map(|step| {
                let known = self.status.remove(&step.id);
                known.unwrap_or_else(|| outcome(step, StepStatus::NotReached))
            })
            .collect()
    }
}

/// The outcome of a step that did nothing.
pub(super) fn outcome(step: &Step, status: StepStatus) -> StepOutcome {
    StepOutcome { id: step.id.clone(), status, container: None, output: String::new() }
}

fn is_image(step: &Step) -> bool {
    matches!(step.action, Action::Pull { .. } | Action::Tag { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::tests::{plan, spec, world};

    fn counted(count: usize) -> Plan {
        let text = format!("project: p\ncontainers: {{web: {{image: 'app:1', count: {count}}}}}\n");
        plan(&spec(&text), &world()).plan
    }

    fn done(step: &Step) -> StepOutcome {
        outcome(step, StepStatus::Done)
    }

    /// Every step is checked a few times only. If every call checked every step, this test would
    /// take too long.
    #[test]
    fn a_long_plan_is_gone_through_in_its_order_and_never_beyond_the_room() {
        let plan = counted(3_000);
        let mut schedule = Schedule::new(&plan, &BTreeSet::new(), &BTreeSet::new());
        let mut begun: Vec<&Step> = Vec::new();
        let mut flying: Vec<&Step> = Vec::new();
        loop {
            let ready = schedule.ready(4, |_| false);
            let steps = ready.into_iter().map(|(step, _)| step);
            for step in steps {
                begun.push(step);
                flying.push(step);
            }
            let calls =
                flying.iter().filter(|step| !matches!(step.action, Action::WaitReady { .. }));
            assert!(calls.count() <= 4);
            let Some(step) = flying.pop() else { break };
            for after in &step.after {
                assert_eq!(schedule.status[after].status, StepStatus::Done);
            }
            schedule.take(done(step));
        }
        assert_eq!(begun.len(), plan.steps.len());
        let first: Vec<&str> = begun[..4].iter().map(|step| step.id.as_str()).collect();
        assert_eq!(first, ["p-web-1/create", "p-web-2/create", "p-web-3/create", "p-web-4/create"]);
        assert!(schedule.outcomes().iter().all(|outcome| outcome.status == StepStatus::Done));
    }

    #[test]
    fn what_waits_needs_no_room_until_it_calls() {
        let plan = counted(2);
        let mut schedule = Schedule::new(&plan, &BTreeSet::new(), &BTreeSet::new());
        let told = |ready: Vec<(&Step, bool)>| {
            ready.into_iter().map(|(step, waits)| (step.id.to_string(), waits)).collect::<Vec<_>>()
        };
        let waits = |step: &Step| step.id.as_str() == "p-web-1/create";
        let ready = told(schedule.ready(1, waits));
        let (one, two) = ("p-web-1/create".to_owned(), "p-web-2/create".to_owned());
        assert_eq!(ready, [(one.clone(), true), (two, false)]);
        let [first, second] = [0, 1].map(|at| {
            let name = format!("p-web-{}/create", at + 1);
            plan.steps.iter().find(|step| step.id.as_str() == name).unwrap()
        });
        schedule.may_call(&first.id);
        assert_eq!(told(schedule.ready(1, waits)), []);
        schedule.take(done(second));
        assert_eq!(told(schedule.ready(1, waits)), [(one, false)]);
    }

    #[test]
    fn what_is_stale_ends_what_was_not_begun_and_lets_the_rest_finish() {
        let plan = counted(3);
        let mut schedule = Schedule::new(&plan, &BTreeSet::new(), &BTreeSet::new());
        let ready: Vec<&Step> = schedule.ready(2, |_| false).into_iter().map(|it| it.0).collect();
        let [first, second] = ready[..] else { panic!("room for two") };
        schedule.take(done(first));
        schedule.take(outcome(
            second,
            StepStatus::Stale(super::super::outcome::Stale::new("x", "a", "b")),
        ));
        let ready: Vec<&str> =
            schedule.ready(2, |_| false).into_iter().map(|it| it.0.id.as_str()).collect();
        assert_eq!(ready, ["p-web-1/start"]);
        schedule.halt(Halt::All);
        schedule.take(done(
            plan.steps.iter().find(|step| step.id.as_str() == "p-web-1/start").unwrap(),
        ));
        assert_eq!(schedule.ready(2, |_| false).len(), 0);
    }
}
