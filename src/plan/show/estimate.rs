//! The start and end time of each step of a plan, in seconds, from the stop grace periods, health
//! checks and monitor times in the plan.
//!
//! A plan does not tell the duration of pulls and one-shots; they are counted beside the time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::base::ident::{ContainerName, SetName, StepId};
use crate::base::say;
use crate::options::health;
use crate::plan::{Action, Plan, Step};

/// The default number of concurrent steps.
pub const PARALLELISM: u16 = 4;
/// The default stop grace period of an engine, in seconds.
const GRACE: u64 = 10;
/// The assumed duration of a start, in seconds.
const START: u64 = 1;

/// A span of time, in seconds from the beginning of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The start of the span.
    pub start: u64,
    /// The latest end of the span.
    pub end: u64,
}

/// The estimated duration of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Estimate {
    /// The span of each step, in the order of the plan.
    pub steps: Vec<Span>,
    /// The total time in seconds.
    pub seconds: u64,
    /// The number of pulls, whose duration is unknown.
    pub pulls: usize,
    /// The number of one-shots, whose duration is unknown.
    pub runs: usize,
}

impl Estimate {
    /// The estimate in words: `up to 40 s, and 1 pull`; `None` if no step takes time.
    pub fn words(&self) -> Option<String> {
        let besides = [(self.pulls, "pull"), (self.runs, "run")];
        let besides = besides.into_iter().filter(|(number, _)| *number > 0);
        let besides = besides.map(|(number, what)| say::count(number, what));
        let time = (self.seconds > 0).then(|| format!("up to {}", time(self.seconds)));
        let all: Vec<String> = time.into_iter().chain(besides).collect();
        (!all.is_empty()).then(|| all.join(" and "))
    }
}

/// `40 s`, `1 min 20 s`, `2 h 5 min`.
pub fn time(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, _) => format!("{rest} s"),
        (0, _, 0) => format!("{minutes} min"),
        (0, ..) => format!("{minutes} min {rest} s"),
        (_, 0, _) => format!("{hours} h"),
        _ => format!("{hours} h {minutes} min"),
    }
}

/// The estimate of a plan. A step begins when its dependencies have ended, its delay is over and
/// the limit of concurrent calls allows the step; waiting does not count against the limit.
pub fn of(plan: &Plan) -> Estimate {
    let places: BTreeMap<&StepId, usize> =
        plan.steps.iter().enumerate().map(|(place, step)| (&step.id, place)).collect();
    let mut missing = vec![0_usize; plan.steps.len()];
    let mut next = vec![Vec::new(); plan.steps.len()];
    for (place, step) in plan.steps.iter().enumerate() {
        for before in step.before().filter_map(|id| places.get(id)) {
            missing[place] += 1;
            next[*before].push(place);
        }
    }
    let changes = plan.changes.iter();
    let sets: BTreeMap<&str, &SetName> =
        changes.filter_map(|change| Some((change.id.as_str(), change.set.as_ref()?))).collect();
    let mut spans = vec![Span::default(); plan.steps.len()];
    let delay = |place: usize| u64::from(plan.steps[place].delay);
    let mut ready: BinaryHeap<Reverse<(u64, usize)>> = (0..missing.len())
        .filter(|place| missing[*place] == 0)
        .map(|place| Reverse((delay(place), place)))
        .collect();
    let mut rooms: BinaryHeap<Reverse<u64>> = (0..PARALLELISM).map(|_| Reverse(0)).collect();
    while let Some(Reverse((from, place))) = ready.pop() {
        let action = &plan.steps[place].action;
        let start = if is_call(action) {
            rooms.pop().map_or(from, |Reverse(free)| from.max(free))
        } else {
            from
        };
        let end = start.saturating_add(seconds(plan, &plan.steps[place], &sets));
        if is_call(action) {
            rooms.push(Reverse(end));
        }
        spans[place] = Span { start, end };
        for after in &next[place] {
            spans[*after].start = spans[*after].start.max(end);
            missing[*after] -= 1;
            if missing[*after] == 0 {
                ready.push(Reverse((spans[*after].start.saturating_add(delay(*after)), *after)));
            }
        }
    }
    let count = |is: fn(&Action) -> bool| plan.steps.iter().filter(|it| is(&it.action)).count();
    Estimate {
        seconds: spans.iter().map(|span| span.end).max().unwrap_or(0),
        pulls: count(|action| matches!(action, Action::Pull { .. })),
        runs: count(|action| matches!(action, Action::Start { wait: true, .. })),
        steps: spans,
    }
}

/// Whether a step calls the engine, rather than waits.
fn is_call(action: &Action) -> bool {
    !matches!(action, Action::WaitReady { .. })
}

/// The longest duration of a step, as far as the plan tells.
fn seconds(plan: &Plan, step: &Step, sets: &BTreeMap<&str, &SetName>) -> u64 {
    let grace = |timeout: &Option<i64>| timeout.map_or(GRACE, |it| u64::try_from(it).unwrap_or(0));
    match &step.action {
        Action::Stop { timeout, .. } => grace(timeout),
        Action::Restart { timeout, .. } => grace(timeout).saturating_add(START),
        Action::Start { wait: false, .. } => START,
        Action::WaitReady { prove_for, .. } => {
            let name = step.id.change();
            let check = sets.get(name).and_then(|set| until_healthy(plan, set, name));
            check.unwrap_or_else(|| u64::from(*prove_for))
        }
        Action::Start { wait: true, .. }
        | Action::Pull { .. }
        | Action::Tag { .. }
        | Action::Create { .. }
        | Action::PutFiles { .. }
        | Action::Fence { .. }
        | Action::Kill { .. }
        | Action::Update { .. }
        | Action::Rename { .. }
        | Action::Remove { .. }
        | Action::CreateNetwork { .. }
        | Action::RemoveNetwork { .. }
        | Action::CreateVolume { .. }
        | Action::Connect { .. }
        | Action::Disconnect { .. } => 0,
    }
}

/// The longest time until the health check of a step's container decides; `None`: the plan tells
/// no check. For a container that is there already, the spec alone tells a check.
fn until_healthy(plan: &Plan, set: &SetName, name: &str) -> Option<u64> {
    let created = plan.planned.get(set).and_then(|all| {
        let own = all.containers.get(&ContainerName::new(name))?;
        let image = all.from_image.as_ref().and_then(|all| all.get(HEALTHCHECK));
        let declared = own.get(HEALTHCHECK).or_else(|| all.options.get(HEALTHCHECK));
        Some(health::planned(image, declared))
    });
    let declared = || &plan.declared["containers"][set.as_str()][HEALTHCHECK];
    let check = created.unwrap_or_else(|| health::planned(None, Some(declared())));
    health::is_on(&check).then(|| health::longest_seconds(&check))
}

/// The key of the health check.
const HEALTHCHECK: &str = "healthcheck";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::sample;

    #[test]
    fn times_read_as_people_say_them() {
        let all = [1, 59, 60, 61, 3_600, 3_660, 7_325].map(time);
        assert_eq!(all, ["1 s", "59 s", "1 min", "1 min 1 s", "1 h", "1 h 1 min", "2 h 2 min"]);
    }

    #[test]
    fn a_replacement_takes_its_grace_its_start_and_its_proof() {
        let mut plan = sample::empty();
        assert_eq!(of(&plan).words(), None);
        sample::add_replace(&mut plan, "db", "shop-db", 1);
        let estimate = of(&plan);
        assert_eq!(estimate.words().as_deref(), Some("up to 21 s"));
        let ends: Vec<u64> = estimate.steps.iter().map(|span| span.end).collect();
        assert_eq!(ends, [0, 10, 10, 10, 11, 21, 21]);
        // Other steps run at the same time.
        sample::add_replace(&mut plan, "web", "shop-web", 2);
        assert_eq!(of(&plan).seconds, 21);
    }

    #[test]
    fn until_it_is_healthy_counts_instead_of_the_proof() {
        let mut plan = sample::empty();
        sample::add_replace(&mut plan, "db", "shop-db", 1);
        let planned = plan.planned.values_mut().next().unwrap();
        let of_image = json!({"test": ["CMD", "x"], "interval": "20s", "timeout": "10s"});
        planned.from_image.as_mut().unwrap().insert("healthcheck".into(), of_image);
        assert_eq!(of(&plan).seconds, 10 + 1 + 3 * 30);
        let planned = plan.planned.values_mut().next().unwrap();
        planned.options.insert("healthcheck".into(), json!({"retries": 1, "start_period": "5s"}));
        assert_eq!(of(&plan).seconds, 10 + 1 + 5 + 30);
        let planned = plan.planned.values_mut().next().unwrap();
        planned.options.insert("healthcheck".into(), json!({"disable": true}));
        assert_eq!(of(&plan).seconds, 10 + 1 + 10);
    }

    #[test]
    fn a_delay_and_the_end_of_others_are_waited_for() {
        let mut plan = sample::empty();
        for number in 0..3 {
            sample::add_stop(&mut plan, "many", &format!("many-{number}"), number);
        }
        plan.steps[1].after = vec![plan.steps[0].id.clone()];
        plan.steps[1].delay = 30;
        plan.steps[2].after_end = vec![plan.steps[1].id.clone()];
        let begin: Vec<u64> = of(&plan).steps.iter().map(|span| span.start).collect();
        assert_eq!(begin, [0, 40, 50]);
        plan.steps[0].delay = 5;
        assert_eq!(of(&plan).seconds, 65);
    }

    #[test]
    fn what_finds_no_room_comes_later() {
        let mut plan = sample::empty();
        for number in 0..9 {
            sample::add_stop(&mut plan, "many", &format!("many-{number}"), number);
        }
        let estimate = of(&plan);
        assert_eq!(estimate.seconds, 30);
        let starts: Vec<u64> = estimate.steps.iter().map(|span| span.start).collect();
        assert_eq!(starts, [0, 0, 0, 0, 10, 10, 10, 10, 20]);
    }

    #[test]
    fn what_takes_as_long_as_it_takes_is_named() {
        let estimate = Estimate { seconds: 80, pulls: 2, runs: 1, ..Estimate::default() };
        assert_eq!(estimate.words().as_deref(), Some("up to 1 min 20 s and 2 pulls and 1 run"));
    }
}
