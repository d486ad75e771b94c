//! The last look: whether the engine now reports the declared state.
//!
//! The effects of every successful step must still hold, as [`crate::plan::effect`] defines them.
//! Removed networks and containers are gone, and containers are back on the networks that were
//! replaced. The counts of the changed sets must fit. Every container that the run created or
//! updated is compared option by option. The caller compares options; this module decides which
//! containers and options are compared. No engine is asked: the caller has already looked. (No step
//! removes a volume.)

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::index::Index;
use super::outcome::{Outcome, StepStatus};
use crate::base::ident::{ChangeId, ContainerId, ContainerName, SetName};
use crate::base::say;
use crate::observed::snapshot::{Run, Snapshot};
use crate::plan::world::{Cell, Value, World};
use crate::plan::{Action, Plan, Reason, Step, Subject};
use crate::spec::State;
use crate::stale::difference::difference;
use crate::stale::observed::{Origin, observed};

/// The declared goal of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goal {
    /// The declared state.
    pub state: State,
    /// The declared number of containers.
    pub count: u32,
    /// Whether the containers of the set are one-shots.
    pub one_shot: bool,
}

/// Something that is not as declared after all was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mismatch {
    /// Whose set; nothing: a network, a volume or an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<SetName>,
    /// Which container; nothing: the set as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerName>,
    /// The option; `count`, `state`, `name`, `network`, … for what is none.
    pub option: String,
    /// A lowercase fragment: *expected …, but found …*.
    pub message: String,
}

/// A run that ended: the plan of the run, its digest and its outcome.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'a> {
    /// The plan whose steps were run.
    pub plan: &'a Plan,
    /// The digest of the plan; a label with the digest identifies the containers that the run
    /// created.
    pub digest: &'a str,
    /// The outcome of the steps.
    pub outcome: &'a Outcome,
}

/// Compares the last look with the goals of the run. `goals` are the goals of the sets; `compare`
/// gives the differences between a container and the spec. Mismatches of sets come first, in the
/// order of the sets.
pub fn postcheck(
    ended: Ended<'_>,
    goals: &BTreeMap<SetName, Goal>,
    look: &Snapshot,
    compare: impl Fn(&ContainerId) -> Vec<Reason>,
) -> Vec<Mismatch> {
    let made = Made::of(ended);
    let origin = Origin::of(ended.plan, ended.digest);
    let now = observed(&origin, &made.expected, look);
    let ids: BTreeMap<Subject, ContainerId> = look
        .containers
        .iter()
        .filter_map(|found| Some((origin.subject(found.seen(), &made.expected)?, found.id())))
        .collect();
    let mut mismatches = Vec::new();
    let mut told: BTreeSet<Subject> = BTreeSet::new();
    for set in &made.acted_on {
        let members = made.members(ended.plan, set);
        // A pruned set has no goal; its containers must be gone.
        let goal = goals.get(*set);
        mismatches.extend(goal.and_then(|goal| miscounted(set, *goal, &members, &now)));
        for member in &members {
            let options = match ids.get(member) {
                Some(id) => made.meant(member, compare(id)),
                None => Vec::new(),
            };
            let name = named(member, &made.expected);
            mismatches.extend(options.iter().map(|reason| differs(set, name.clone(), reason)));
            let options_told = !options.is_empty();
            let own = |cell: &Cell| match cell {
                Cell::Settings(of) | Cell::Attached(of, _) => of == member && !options_told,
                cell => cell.container() == Some(member),
            };
            mismatches.extend(made.not_so(Some(set), &now, own));
        }
        told.extend(members);
    }
    let rest = |cell: &Cell| match cell.container() {
        Some(of) => made.moved.contains(of) && !told.contains(of),
        None => true,
    };
    mismatches.extend(made.not_so(None, &now, rest));
    mismatches
}

/// The effects of a run on the world of its plan.
#[derive(Default)]
struct Made<'a> {
    /// The world after all successful steps.
    expected: World,
    /// The cells that finished changes of the run set.
    cells: BTreeSet<Cell>,
    /// Containers that network changes disconnected and connected again.
    moved: BTreeSet<&'a Subject>,
    /// Sets whose changes are all finished, with at least one step done in this run.
    acted_on: BTreeSet<&'a SetName>,
    created: BTreeMap<&'a SetName, Vec<Subject>>,
    /// The updated containers with the changed options; other differences were left on purpose.
    updated: BTreeMap<&'a Subject, BTreeSet<&'a str>>,
}

impl<'a> Made<'a> {
    fn of(Ended { plan, outcome, .. }: Ended<'a>) -> Self {
        let index = Index::of(plan);
        let both = || plan.steps.iter().zip(&outcome.steps);
        // The result already describes the state of every unfinished change.
        let open: BTreeSet<ChangeId> = both()
            .filter(|(_, ended)| !ended.status.is_success())
            .filter_map(|(step, _)| index.change_of(&step.id))
            .map(|change| change.id.clone())
            .collect();
        let set_of = |step: &Step| index.change_of(&step.id).and_then(|change| change.set.as_ref());
        let unfinished: BTreeSet<&SetName> = both()
            .filter(|(_, ended)| !ended.status.is_success())
            .filter_map(|(s, _)| set_of(s))
            .collect();
        let mut made = Self { expected: World::planned(plan), ..Self::default() };
        for (step, ended) in both().filter(|(_, ended)| ended.status.is_success()) {
            let effects = step.effects(&made.expected);
            let change = index.change_of(&step.id);
            let set = change.and_then(|change| change.set.as_ref());
            let finished = change.is_some_and(|change| !open.contains(&change.id))
                && set.is_none_or(|set| !unfinished.contains(set));
            if finished {
                made.cells.extend(
                    effects
                        .iter()
                        .filter(|(_, value)| value.is_some())
                        .map(|(cell, _)| cell.clone()),
                );
                made.acted_on.extend(set.filter(|_| ended.status == StepStatus::Done));
                made.moved.extend(step.action.subject().filter(|_| set.is_none()));
            }
            made.expected.take(effects);
            match &step.action {
                Action::Create { set, .. } => {
                    made.created.entry(set).or_default().push(Subject::CreatedBy(step.id.clone()));
                }
                Action::Update { container, .. }
                | Action::Connect { container, .. }
                | Action::Disconnect { container, .. }
                    if set.is_some() =>
                {
                    let reasons = change.into_iter().flat_map(|change| &change.reasons);
                    let options = reasons.filter_map(|reason| match reason {
                        Reason::Option(option) => Some(option.option.as_str()),
                        _ => None,
                    });
                    made.updated.entry(container).or_default().extend(options);
                }
                _ => {}
            }
        }
        made
    }

    /// The containers of a set, including the removed containers.
    fn members(&self, plan: &Plan, set: &SetName) -> Vec<Subject> {
        let before = plan.facts.members.get(set).into_iter().flatten();
        let before = before.cloned().map(Subject::Container);
        let mut all: Vec<Subject> =
            before.chain(self.created.get(set).into_iter().flatten().cloned()).collect();
        all.sort_by_cached_key(|member| named(member, &self.expected));
        all
    }

    /// The differences of a container in options that the run was to set.
    fn meant(&self, member: &Subject, mut differences: Vec<Reason>) -> Vec<Reason> {
        let whole = matches!(member, Subject::CreatedBy(_));
        let options = self.updated.get(member);
        differences.retain(|reason| match (reason, options) {
            (Reason::Option(found), Some(options)) => {
                whole || options.contains(found.option.as_str())
            }
            _ => whole,
        });
        differences
    }

    /// The cells that steps set and that have another value now, among the wanted cells.
    fn not_so(
        &self,
        set: Option<&SetName>,
        now: &World,
        wanted: impl Fn(&Cell) -> bool,
    ) -> Vec<Mismatch> {
        // A name is reported with the container that should have the name.
        let wanted = |cell: &&Cell| !matches!(cell, Cell::Holder(_)) && wanted(cell);
        let gone = |cell: &Cell| {
            let Some(subject) = cell.container() else { return false };
            !matches!(cell, Cell::Name(_)) && !now.has(subject)
        };
        let cells = self.cells.iter().filter(wanted);
        let cells = cells.filter(|cell| !gone(cell) && !self.expected.holds(cell, now));
        let tell = |cell: &Cell| {
            let moved = difference(cell, &self.expected, now);
            let about = cell.container();
            let object =
                if about.is_none() { format!("{}: ", moved.object) } else { String::new() };
            Mismatch {
                set: set.cloned(),
                container: about
                    .and_then(|of| named(of, &self.expected).or_else(|| named(of, now))),
                option: word(cell).to_owned(),
                message: format!("{object}expected {}, but found {}", moved.expected, moved.found),
            }
        };
        cells.map(tell).collect()
    }
}

/// The current name of a container, or its planned name.
fn named(subject: &Subject, world: &World) -> Option<ContainerName> {
    match world.get(&Cell::Name(subject.clone()))? {
        Value::Name(name) => Some(name.clone()),
        _ => None,
    }
}

/// The word for a cell in messages: an option or a property.
fn word(cell: &Cell) -> &'static str {
    match cell {
        Cell::Name(_) | Cell::Holder(_) => "name",
        Cell::Image(_) | Cell::Reference(_) => "image",
        Cell::Run(_) | Cell::Exit(_) | Cell::Start(_) => "state",
        Cell::Settings(_) => "limits",
        Cell::Attached(..) => "networks",
        Cell::Network(_) => "network",
        Cell::Volume(_) => "volume",
    }
}

/// A mismatch if the number of containers is not the declared count.
fn miscounted(set: &SetName, goal: Goal, members: &[Subject], now: &World) -> Option<Mismatch> {
    let there: Vec<&Subject> = members.iter().filter(|member| now.has(member)).collect();
    let runs = |member: &&&Subject, fits: fn(Run) -> bool| {
        let run = now.get(&Cell::Run((**member).clone()));
        matches!(run, Some(Value::Run(run)) if fits(*run))
    };
    let (what, found) = match goal.state {
        // A container that a failed removal left does not count.
        State::Present => {
            let counts = |run: Run| run.is_live() || run == Run::Idle;
            ("containers", there.iter().filter(|member| runs(member, counts)).count())
        }
        State::Started | State::Reloaded | State::Restarted if goal.one_shot => {
            let zero = |member: &&&Subject| {
                !runs(member, Run::is_live)
                    && now.get(&Cell::Exit((**member).clone())) == Some(&Value::Exit(0))
            };
            ("containers that ended with 0", there.iter().filter(zero).count())
        }
        State::Started | State::Reloaded | State::Restarted => {
            ("running containers", there.iter().filter(|member| runs(member, Run::is_live)).count())
        }
        State::Absent => ("containers", there.len()),
        State::Stopped | State::Killed => return None,
    };
    let count = if goal.state == State::Absent { 0 } else { goal.count as usize };
    (found != count).then(|| Mismatch {
        set: Some(set.clone()),
        container: None,
        option: "count".to_owned(),
        message: format!("expected {count} {what}, but found {found}"),
    })
}

fn differs(set: &SetName, name: Option<ContainerName>, reason: &Reason) -> Mismatch {
    let (option, message) = match reason {
        Reason::Option(option) => (
            option.option.clone(),
            format!(
                "expected {}, but found {}",
                say::safe(&option.expected.to_string()),
                say::safe(&option.found.to_string())
            ),
        ),
        Reason::Environment(environment) => {
            let names: Vec<String> =
                [&environment.added, &environment.changed, &environment.removed]
                    .into_iter()
                    .flatten()
                    .map(|name| say::short(name))
                    .collect();
            let message =
                format!("expected it as declared, but found others: {}", names.join(", "));
            (environment.option.clone(), message)
        }
        Reason::Because(_) => {
            ("state".to_owned(), "expected it as declared, but found it otherwise".to_owned())
        }
    };
    Mismatch { set: Some(set.clone()), container: name, option, message }
}
