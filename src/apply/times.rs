//! How long changes take, and how long the replaced or restarted containers are down. The times
//! come from the events of a run, which are passed on to the sink.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::clock::Clock;
use super::events::{Event, Sink, WaitingFor};
use super::outcome::{StepOutcome, StepStatus, change_of};
use super::record;
use crate::base::ident::{ChangeId, StepId};
use crate::plan::{Action, Plan, Verb};

/// A sink that measures times and passes events on.
pub struct Timed<'a> {
    sink: &'a dyn Sink,
    clock: &'a dyn Clock,
    began: Duration,
    courses: RefCell<Courses>,
}

/// The times of all changes of a run, from its events.
#[derive(Debug)]
pub struct Courses {
    steps: BTreeMap<StepId, Role>,
    changes: BTreeMap<ChangeId, Course>,
}

/// The effect of a step on the running container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The running container ends, and a container is to run later.
    TakesDown,
    /// The container ends and starts again.
    Restarts,
    /// A container starts.
    Starts,
    /// The container is watched until it is ready.
    Proves,
    /// The step has no such effect.
    Other,
}

/// The times of a change.
#[derive(Debug, Clone, Copy)]
pub struct Course {
    began: Duration,
    last: Duration,
    down: Option<Duration>,
    up: Option<Duration>,
    /// Whether a health check decides that the container is up.
    by_health: bool,
}

impl<'a> Timed<'a> {
    /// Starts measuring now.
    pub fn new(plan: &Plan, clock: &'a dyn Clock, sink: &'a dyn Sink) -> Self {
        let courses = RefCell::new(Courses::of(plan));
        Self { sink, clock, began: clock.now(), courses }
    }

    /// The times of each change that was begun. A container that is still down counts until now.
    pub fn measured(&self) -> BTreeMap<ChangeId, record::Times> {
        let now = self.clock.now();
        let courses = self.courses.borrow();
        let changes = courses.changes.iter();
        changes.map(|(id, course)| (id.clone(), course.times(self.began, now))).collect()
    }
}

impl Courses {
    /// The state before the first event.
    pub fn of(plan: &Plan) -> Self {
        let verbs: BTreeMap<&str, Verb> =
            plan.changes.iter().map(|change| (change.id.as_str(), change.verb)).collect();
        let mut started: BTreeSet<&str> = BTreeSet::new();
        let steps = plan.steps.iter().map(|step| {
            let change = step.id.change();
            let role = match role(&step.action, verbs.get(change).copied()) {
                // The replacement runs already, so nothing goes down.
                Role::TakesDown if started.contains(change) => Role::Other,
                role => role,
            };
            if role == Role::Starts {
                started.insert(change);
            }
            (step.id.clone(), role)
        });
        Self { steps: steps.collect(), changes: BTreeMap::new() }
    }

    /// The times of a change, if the change was begun.
    pub fn get(&self, change: &ChangeId) -> Option<Course> {
        self.changes.get(change).copied()
    }

    fn role(&self, step: &StepId) -> Role {
        self.steps.get(step).copied().unwrap_or(Role::Other)
    }

    /// Takes an event that happens now.
    pub fn hear(&mut self, event: &Event, now: Duration) {
        let step = match event {
            Event::Started { step, .. }
            | Event::Waiting { step, .. }
            | Event::Undoing { step, .. } => step,
            Event::Finished(StepOutcome { id, .. }) => id,
            Event::Undone(undone) => &undone.step,
            Event::Pull { .. } | Event::Note { .. } | Event::Interrupted { .. } => return,
        };
        let role = self.role(&step.undoes().unwrap_or_else(|| step.clone()));
        let begins = matches!(event, Event::Started { .. } | Event::Undoing { .. });
        let change = change_of(step);
        // An event of a change that never began is not measured.
        if begins {
            self.changes.entry(change.clone()).or_insert_with(|| Course::from(now));
        }
        let Some(course) = self.changes.get_mut(&change) else { return };
        course.last = now;
        match event {
            Event::Started { .. } => course.begins(role, now),
            // The started container is stopped again.
            Event::Undoing { .. } if role == Role::Starts => course.up = None,
            Event::Waiting { what: WaitingFor::Healthy, .. } => {
                course.by_health |= role == Role::Proves;
            }
            Event::Finished(outcome) => course.ends(role, &outcome.status, now),
            Event::Undone(undone) if undone.failed.is_none() => {
                // Undoing the stop brings the container up again.
                if matches!(role, Role::TakesDown | Role::Restarts) {
                    course.up = Some(now);
                }
            }
            _ => {}
        }
    }
}

fn role(action: &Action, verb: Option<Verb>) -> Role {
    match (action, verb) {
        (Action::Stop { .. } | Action::Kill { .. }, Some(Verb::Replace)) => Role::TakesDown,
        (Action::Restart { .. }, _) => Role::Restarts,
        (Action::Start { .. }, _) => Role::Starts,
        (Action::WaitReady { .. }, _) => Role::Proves,
        _ => Role::Other,
    }
}

impl Course {
    fn from(began: Duration) -> Self {
        Self { began, last: began, down: None, up: None, by_health: false }
    }

    fn begins(&mut self, role: Role, now: Duration) {
        if matches!(role, Role::TakesDown | Role::Restarts) {
            (self.down, self.up) = (self.down.or(Some(now)), None);
        }
    }

    fn ends(&mut self, role: Role, status: &StepStatus, now: Duration) {
        match (role, status) {
            // The container did not run, or no call was made.
            (Role::TakesDown | Role::Restarts, StepStatus::Already | StepStatus::Stale(_)) => {
                self.down = None;
            }
            (Role::Starts | Role::Restarts, StepStatus::Done) => self.up = Some(now),
            (Role::Proves, StepStatus::Done) if self.by_health => self.up = Some(now),
            (Role::Proves, StepStatus::Failed { .. } | StepStatus::NotReached) => self.up = None,
            _ => {}
        }
    }

    /// The time since which the container is down, if it is down.
    pub fn down_since(&self) -> Option<Duration> {
        self.down.filter(|_| self.up.is_none())
    }

    /// The times known so far, for a run that began at `begin`.
    pub fn times(&self, begin: Duration, now: Duration) -> record::Times {
        let down = self.down.map(|down| self.up.unwrap_or(now).saturating_sub(down));
        record::Times {
            began_ms: millis(self.began.saturating_sub(begin)),
            took_ms: millis(self.last.saturating_sub(self.began)),
            down_ms: down.map(millis),
            still_down: self.down.is_some() && self.up.is_none(),
        }
    }
}

/// Milliseconds, capped at the largest number; no run takes that long.
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Sink for Timed<'_> {
    fn event(&self, event: &Event) {
        self.courses.borrow_mut().hear(event, self.clock.now());
        self.sink.event(event);
    }

    fn output(&self, title: &str, lines: String) -> Option<String> {
        self.sink.output(title, lines)
    }
}
