//! The last look: whether what the engine now reports is what was declared.
//!
//! Counts and run states of the sets that were acted on, and every container that the run
//! created or changed in place, option by option. How options compare is the caller's to say; here is
//! what is compared with what. No engine is asked: the look is taken already.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::index::Index;
use super::outcome::{Became, Outcome};
use super::precheck::status_of;
use crate::base::ident::{ContainerId, ContainerName, SetName};
use crate::observed::snapshot::{Container, Run, Snapshot};
use crate::plan::{Action, Plan, Reason, Subject};
use crate::spec::State;

/// What a set is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goal {
    /// Its state.
    pub state: State,
    /// How many.
    pub count: u32,
    /// Whether its members run once to their end.
    pub one_shot: bool,
}

/// Something that is not as declared after all was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mismatch {
    /// Whose set.
    pub set: SetName,
    /// Which container; nothing: the set as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerName>,
    /// The option; `count`, `state` for those.
    pub option: String,
    /// A lowercase fragment: *expected …, but found …*.
    pub message: String,
}

/// Compares the last look with what the run was to make. `wanted` says what sets are to be, `compare`
/// how a container differs from what is declared. Gives what does not fit, in the order of sets and
/// names.
pub fn confirm(
    plan: &Plan,
    outcome: &Outcome,
    wanted: &BTreeMap<SetName, Goal>,
    look: &Snapshot,
    compare: impl Fn(&ContainerId) -> Vec<Reason>,
) -> Vec<Mismatch> {
    let made = Made::of(plan, outcome);
    let there: BTreeMap<ContainerId, &Container> =
        look.containers.iter().map(|container| (container.id(), container)).collect();
    let nobody = BTreeSet::new();
    let mut mismatches = Vec::new();
    for (set, wanted) in wanted {
        // Of what was not finished the report says what is where.
        if !made.acted_on.contains(set) || made.unfinished.contains(set) {
            continue;
        }
        let created = made.created.get(set).unwrap_or(&nobody);
        let before = plan.facts.members.get(set).into_iter().flatten();
        let members: BTreeSet<&ContainerId> =
            before.filter(|id| !made.removed.contains(id)).chain(created.iter().copied()).collect();
        let lost = created.iter().filter(|id| !there.contains_key(**id));
        mismatches.extend(lost.map(|id| Mismatch {
            set: set.clone(),
            container: None,
            option: "state".to_owned(),
            message: format!("expected container {}, but found none", id.short()),
        }));
        let mut members: Vec<&Container> =
            members.into_iter().filter_map(|id| there.get(id).copied()).collect();
        members.sort_by_cached_key(|member| member.name());
        mismatches.extend(members_fit(set, *wanted, &members, created));
        for member in members {
            let (id, name) = (member.id(), member.name());
            if let Some(to) = made.renamed.get(&id) {
                mismatches.extend(misnamed(set, to, &name));
            }
            let meant = made.meant(&id, created.contains(&id), &compare);
            mismatches.extend(meant.iter().map(|reason| differs(set, &name, reason)));
        }
    }
    mismatches
}

/// What a run made of the sets and the containers of a plan.
#[derive(Default)]
struct Made<'a> {
    /// Sets of which any step took effect.
    acted_on: BTreeSet<&'a SetName>,
    /// Sets of which a step did not succeed.
    unfinished: BTreeSet<&'a SetName>,
    created: BTreeMap<&'a SetName, BTreeSet<&'a ContainerId>>,
    removed: BTreeSet<&'a ContainerId>,
    /// The containers that were changed in place, and in which options; what else differs was left
    /// on purpose.
    updated: BTreeMap<&'a ContainerId, BTreeSet<&'a str>>,
    renamed: BTreeMap<&'a ContainerId, &'a ContainerName>,
}

impl<'a> Made<'a> {
    fn of(plan: &'a Plan, outcome: &'a Outcome) -> Self {
        let index = Index::of(plan);
        let mut made = Self::default();
        for (step, ended) in plan.steps.iter().zip(&outcome.steps) {
            made.renamed.extend(step.action.renames());
            let change = index.change_of(&step.id).filter(|change| change.set.is_some());
            let set = change.and_then(|change| change.set.as_ref());
            if ended.became == Became::Done {
                made.acted_on.extend(set);
            }
            if !ended.became.is_success() {
                made.unfinished.extend(set);
            }
            match &step.action {
                Action::Create { set, .. } => {
                    made.created.entry(set).or_default().extend(&ended.container);
                }
                Action::Remove { container: Subject::Container(id) }
                    if ended.became.is_success() =>
                {
                    made.removed.insert(id);
                }
                Action::Update { container: Subject::Container(id), .. }
                | Action::Connect { container: Subject::Container(id), .. }
                | Action::Disconnect { container: Subject::Container(id), .. }
                    if ended.became.is_success() =>
                {
                    let reasons = change.into_iter().flat_map(|change| &change.reasons);
                    let options = reasons.filter_map(|reason| match reason {
                        Reason::Option(option) => Some(option.option.as_str()),
                        _ => None,
                    });
                    if change.is_some() {
                        made.updated.insert(id, options.collect());
                    }
                }
                _ => {}
            }
        }
        made
    }

    /// In what a container differs that the run was to make so; `whole`: it created it.
    fn meant(
        &self,
        id: &ContainerId,
        whole: bool,
        compare: impl Fn(&ContainerId) -> Vec<Reason>,
    ) -> Vec<Reason> {
        let options = self.updated.get(id);
        if !whole && options.is_none() {
            return Vec::new();
        }
        let mut differences = compare(id);
        differences.retain(|reason| match (reason, options) {
            (Reason::Option(found), Some(options)) => {
                whole || options.contains(found.option.as_str())
            }
            _ => whole,
        });
        differences
    }
}

/// A container that was renamed in place and is called something else.
fn misnamed(set: &SetName, to: &ContainerName, name: &ContainerName) -> Option<Mismatch> {
    (name != to).then(|| Mismatch {
        set: set.clone(),
        container: Some(name.clone()),
        option: "name".to_owned(),
        message: format!(
            "expected the name `{to}`, but found `{}`",
            crate::base::say::short(name.as_str())
        ),
    })
}

/// Counts and run states.
fn members_fit(
    set: &SetName,
    wanted: Goal,
    there: &[&Container],
    created: &BTreeSet<&ContainerId>,
) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    let mut wrong = |container: Option<ContainerName>, option: &str, message: String| {
        mismatches.push(Mismatch {
            set: set.clone(),
            container,
            option: option.to_owned(),
            message,
        });
    };
    let (lives, idles): (Vec<&Container>, Vec<&Container>) =
        there.iter().partition(|member| member.run().is_live());
    let counted = match wanted.state {
        // What a failed removal left counts as nothing.
        State::Present => {
            let idle = idles.iter().filter(|member| member.run() == Run::Idle).count();
            Some(("containers", lives.len() + idle))
        }
        State::Started | State::Reloaded | State::Restarted if wanted.one_shot => {
            let zero = |member: &&&Container| {
                member.inspect.as_ref().is_some_and(|inspect| inspect["State"]["ExitCode"] == 0)
            };
            Some(("containers that ended with 0", idles.iter().filter(zero).count()))
        }
        State::Started | State::Reloaded | State::Restarted => {
            Some(("running containers", lives.len()))
        }
        State::Absent => Some(("containers", there.len())),
        State::Stopped | State::Killed => None,
    };
    let count = if wanted.state == State::Absent { 0 } else { wanted.count as usize };
    if let Some((what, found)) = counted
        && found != count
    {
        wrong(None, "count", format!("expected {count} {what}, but found {found}"));
    }
    for member in there {
        let should = match wanted.state {
            State::Stopped | State::Killed => Some(false),
            State::Started | State::Reloaded | State::Restarted
                if created.contains(&member.id()) =>
            {
                Some(!wanted.one_shot)
            }
            _ => None,
        };
        if should.is_some_and(|should| should != member.run().is_live()) {
            let expected = if should == Some(true) { "running" } else { "stopped" };
            let message = format!("expected it {expected}, but found it {}", status(member));
            wrong(Some(member.name()), "state", message);
        }
    }
    mismatches
}

/// What a container is found to be, in the engine's word.
fn status(container: &Container) -> String {
    let listed = || container.list.as_ref().and_then(|list| list["State"].as_str());
    match &container.inspect {
        Some(inspect) => status_of(inspect),
        None => crate::base::say::short(listed().unwrap_or("in an unknown state")),
    }
}

fn differs(set: &SetName, name: &ContainerName, reason: &Reason) -> Mismatch {
    let (option, message) = match reason {
        Reason::Option(option) => (
            option.option.clone(),
            format!(
                "expected {}, but found {}",
                crate::base::say::safe(&option.expected.to_string()),
                crate::base::say::safe(&option.found.to_string())
            ),
        ),
        Reason::Environment(environment) => {
            let names: Vec<String> =
                [&environment.added, &environment.changed, &environment.removed]
                    .into_iter()
                    .flatten()
                    .map(|name| crate::base::say::short(name))
                    .collect();
            let message =
                format!("expected it as declared, but found others: {}", names.join(", "));
            (environment.option.clone(), message)
        }
        Reason::Because(_) => {
            ("state".to_owned(), "expected it as declared, but found it otherwise".to_owned())
        }
    };
    Mismatch { set: set.clone(), container: Some(name.clone()), option, message }
}
