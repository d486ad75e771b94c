//! How long changes take, and how long what they replace or restart is down: heard from what a run
//! tells, and passed on to who listens.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::clock::Clock;
use super::events::{Event, Sink, WaitingFor};
use super::outcome::{Became, StepOutcome, change_of};
use super::record;
use crate::base::ident::{ChangeId, StepId};
use crate::plan::{Action, Plan, Verb};

/// Listens, measures, and passes on.
pub struct Timed<'a> {
    sink: &'a dyn Sink,
    clock: &'a dyn Clock,
    began: Duration,
    courses: RefCell<Courses>,
}

/// How the changes of a run go, by its events.
#[derive(Debug)]
pub struct Courses {
    steps: BTreeMap<StepId, Role>,
    changes: BTreeMap<ChangeId, Course>,
}

/// What a step means for what runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// What ran ends, and something is to run after it.
    TakesDown,
    /// It ends and begins.
    Restarts,
    /// Something runs.
    Starts,
    /// It is watched until it is ready.
    Proves,
    /// None of it.
    Other,
}

/// How a change goes.
#[derive(Debug, Clone, Copy)]
pub struct Course {
    began: Duration,
    last: Duration,
    down: Option<Duration>,
    up: Option<Duration>,
    /// A health check decides whether it is up.
    by_health: bool,
}

impl<'a> Timed<'a> {
    /// From now on.
    pub fn new(plan: &Plan, clock: &'a dyn Clock, sink: &'a dyn Sink) -> Self {
        let courses = RefCell::new(Courses::of(plan));
        Self { sink, clock, began: clock.now(), courses }
    }

    /// What was measured of each change that was begun. Of one that is still down it counts until now.
    pub fn measured(&self) -> BTreeMap<ChangeId, record::Times> {
        let now = self.clock.now();
        let courses = self.courses.borrow();
        let changes = courses.changes.iter();
        changes.map(|(id, course)| (id.clone(), course.times(self.began, now))).collect()
    }
}

impl Courses {
    /// At the beginning.
    pub fn of(plan: &Plan) -> Self {
        let verbs: BTreeMap<&str, Verb> =
            plan.changes.iter().map(|change| (change.id.as_str(), change.verb)).collect();
        let mut started: BTreeSet<&str> = BTreeSet::new();
        let steps = plan.steps.iter().map(|step| {
            let change = step.id.change();
            let role = match role(&step.action, verbs.get(change).copied()) {
                // What replaces it runs already: nothing is down.
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

    /// How a change goes, if it was begun.
    pub fn get(&self, change: &ChangeId) -> Option<Course> {
        self.changes.get(change).copied()
    }

    fn role(&self, step: &StepId) -> Role {
        self.steps.get(step).copied().unwrap_or(Role::Other)
    }

    /// Takes an event of now.
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
        // What is told of a change that never began is no course.
        if begins {
            self.changes.entry(change.clone()).or_insert_with(|| Course::from(now));
        }
        let Some(course) = self.changes.get_mut(&change) else { return };
        course.last = now;
        match event {
            Event::Started { .. } => course.begins(role, now),
            // What was started is stopped again.
            Event::Undoing { .. } if role == Role::Starts => course.up = None,
            Event::Waiting { what: WaitingFor::Healthy, .. } => {
                course.by_health |= role == Role::Proves;
            }
            Event::Finished(outcome) => course.ends(role, &outcome.became, now),
            Event::Undone(undone) if undone.failed.is_none() => {
                // Taking back what took it down brings it up.
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

    fn ends(&mut self, role: Role, became: &Became, now: Duration) {
        match (role, became) {
            // It did not run, or nothing was called.
            (Role::TakesDown | Role::Restarts, Became::Already | Became::Stale(_)) => {
                self.down = None;
            }
            (Role::Starts | Role::Restarts, Became::Done) => self.up = Some(now),
            (Role::Proves, Became::Done) if self.by_health => self.up = Some(now),
            (Role::Proves, Became::Failed { .. } | Became::NotReached) => self.up = None,
            _ => {}
        }
    }

    /// Since when it is down, if it is.
    pub fn down_since(&self) -> Option<Duration> {
        self.down.filter(|_| self.up.is_none())
    }

    /// What is known by now, of a run that began then.
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

/// Milliseconds; the longest there are is longer than any run.
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Sink for Timed<'_> {
    fn event(&self, event: &Event) {
        self.courses.borrow_mut().hear(event, self.clock.now());
        self.sink.event(event);
    }

    fn output(&self, container: &str, lines: String) -> Option<String> {
        self.sink.output(container, lines)
    }
}
