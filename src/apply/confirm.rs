//! The last look: whether what the engine now reports is what was declared.
//!
//! Counts and run states of the sets that were acted on, and every container that the run
//! created or changed in place, option by option. How options compare is the caller's to say; here is what is compared
//! with what.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::outcome::{Became, Outcome};
use super::precheck::{name_of, run_of, status_of};
use crate::engine::{EngineError, Reader};
use crate::ident::{ContainerId, ContainerName, SetName};
use crate::plan::{Action, Plan, Reason, Subject};
use crate::snapshot::Run;
use crate::spec::State;

/// What a set is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
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

/// A created container and what inspect says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Whose.
    pub set: SetName,
    /// What inspect says; secrets and all.
    pub inspect: Json,
}

/// Looks once more at the sets that the run acted on. `wanted` says what sets are to be,
/// `compare` how a created container of a set differs from what is declared. Gives what does not
/// fit, in the order of sets and names.
pub async fn confirm<R: Reader>(
    engine: &R,
    plan: &Plan,
    outcome: &Outcome,
    wanted: &BTreeMap<SetName, Wanted>,
    compare: impl Fn(&Seen) -> Vec<Reason>,
) -> Result<Vec<Mismatch>, EngineError> {
    let mut mismatches = Vec::new();
    let renamed: BTreeMap<&ContainerId, &ContainerName> =
        plan.steps.iter().filter_map(|step| step.action.renames()).collect();
    for (set, wanted) in wanted {
        // Of what was not finished the report says what is where.
        if !acted_on(plan, outcome, set) || !finished(plan, outcome, set) {
            continue;
        }
        let created = created(plan, outcome, set);
        let gone = removed(plan, outcome);
        let before = plan.facts.members.get(set).into_iter().flatten();
        let members: BTreeSet<&ContainerId> =
            before.filter(|id| !gone.contains(id)).chain(created.iter()).collect();
        let mut there: Vec<Json> = Vec::new();
        for id in members {
            match engine.inspect(id.as_str()).await? {
                Some(inspect) => there.push(inspect),
                None if created.contains(id) => mismatches.push(Mismatch {
                    set: set.clone(),
                    container: None,
                    option: "state".to_owned(),
                    message: format!("expected container {}, but found none", id.short()),
                }),
                None => {}
            }
        }
        there.sort_by_key(name_of);
        mismatches.extend(members_fit(set, *wanted, &there, &created));
        let updated = updated(plan, outcome);
        for inspect in there {
            let id = ContainerId::new(inspect["Id"].as_str().unwrap_or_default());
            if let Some(to) = renamed.get(&id) {
                mismatches.extend(misnamed(set, to, &name_of(&inspect)));
            }
            let whole = created.contains(&id);
            let options = updated.get(&id);
            if whole || options.is_some() {
                let name = name_of(&inspect);
                let seen = Seen { set: set.clone(), inspect };
                let differences = compare(&seen);
                let meant = differences.iter().filter(|reason| match (reason, options) {
                    (Reason::Option(found), Some(options)) => {
                        whole || options.contains(found.option.as_str())
                    }
                    _ => whole,
                });
                mismatches.extend(meant.map(|reason| differs(set, &name, reason)));
            }
        }
    }
    Ok(mismatches)
}

/// Whether any step of a set took effect.
fn acted_on(plan: &Plan, outcome: &Outcome, set: &SetName) -> bool {
    outcome.steps.iter().any(|step| {
        let change = super::outcome::change_of(&step.id);
        step.became == Became::Done
            && plan
                .changes
                .iter()
                .any(|known| known.id == change && known.set.as_ref() == Some(set))
    })
}

/// Whether all steps of a set succeeded.
fn finished(plan: &Plan, outcome: &Outcome, set: &SetName) -> bool {
    outcome.steps.iter().filter(|step| !step.became.is_success()).all(|step| {
        let id = super::outcome::change_of(&step.id);
        let change = plan.changes.iter().find(|known| known.id == id);
        change.is_none_or(|change| change.set.as_ref() != Some(set))
    })
}

fn created(plan: &Plan, outcome: &Outcome, wanted: &SetName) -> Vec<ContainerId> {
    let of_set = |step: &&crate::plan::Step| matches!(&step.action, Action::Create { set, .. } if set == wanted);
    let steps = plan.steps.iter().filter(of_set);
    steps
        .filter_map(|step| outcome.steps.iter().find(|outcome| outcome.id == step.id))
        .filter_map(|outcome| outcome.container.clone())
        .collect()
}

/// The containers that were changed in place, and in which options; what else differs was left on
/// purpose.
fn updated<'a>(plan: &'a Plan, outcome: &Outcome) -> BTreeMap<ContainerId, BTreeSet<&'a str>> {
    let mut all = BTreeMap::new();
    for step in &plan.steps {
        let (Action::Update { container: Subject::Container(id), .. }
        | Action::Connect { container: Subject::Container(id), .. }
        | Action::Disconnect { container: Subject::Container(id), .. }) = &step.action
        else {
            continue;
        };
        let became = outcome.steps.iter().find(|outcome| outcome.id == step.id);
        let change = super::outcome::change_of(&step.id);
        let change = plan.changes.iter().find(|known| known.id == change && known.set.is_some());
        if let (true, Some(change)) =
            (became.is_some_and(|outcome| outcome.became.is_success()), change)
        {
            let options = change.reasons.iter().filter_map(|reason| match reason {
                Reason::Option(option) => Some(option.option.as_str()),
                _ => None,
            });
            all.insert(id.clone(), options.collect());
        }
    }
    all
}

/// A container that was renamed in place and is called something else.
fn misnamed(set: &SetName, to: &ContainerName, name: &ContainerName) -> Option<Mismatch> {
    (name != to).then(|| Mismatch {
        set: set.clone(),
        container: Some(name.clone()),
        option: "name".to_owned(),
        message: format!(
            "expected the name `{to}`, but found `{}`",
            crate::say::short(name.as_str())
        ),
    })
}

fn removed(plan: &Plan, outcome: &Outcome) -> Vec<ContainerId> {
    let done = |step: &&crate::plan::Step| {
        outcome.steps.iter().any(|outcome| outcome.id == step.id && outcome.became.is_success())
    };
    let removes = plan.steps.iter().filter(|step| matches!(step.action, Action::Remove { .. }));
    removes
        .filter(done)
        .filter_map(|step| match step.action.subject() {
            Some(Subject::Container(id)) => Some(id.clone()),
            _ => None,
        })
        .collect()
}

/// Counts and run states.
fn members_fit(
    set: &SetName,
    wanted: Wanted,
    there: &[Json],
    created: &[ContainerId],
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
    let is_created =
        |inspect: &Json| created.iter().any(|id| inspect["Id"].as_str() == Some(id.as_str()));
    let live = |inspect: &&Json| run_of(inspect).is_live();
    let (lives, idles): (Vec<&Json>, Vec<&Json>) = there.iter().partition(live);
    let counted = match wanted.state {
        // What a failed removal left counts as nothing.
        State::Present => {
            let idle = |inspect: &&&Json| run_of(inspect) == Run::Idle;
            Some(("containers", lives.len() + idles.iter().filter(idle).count()))
        }
        State::Started | State::Reloaded | State::Restarted if wanted.one_shot => {
            let zero = |inspect: &&&Json| inspect["State"]["ExitCode"] == 0;
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
    for inspect in there {
        let should = match wanted.state {
            State::Stopped | State::Killed => Some(false),
            State::Started | State::Reloaded | State::Restarted if is_created(inspect) => {
                Some(!wanted.one_shot)
            }
            _ => None,
        };
        if should.is_some_and(|should| should != run_of(inspect).is_live()) {
            let expected = if should == Some(true) { "running" } else { "stopped" };
            let message = format!("expected it {expected}, but found it {}", status_of(inspect));
            wrong(Some(name_of(inspect)), "state", message);
        }
    }
    mismatches
}

fn differs(set: &SetName, name: &ContainerName, reason: &Reason) -> Mismatch {
    let (option, message) = match reason {
        Reason::Option(option) => (
            option.option.clone(),
            format!(
                "expected {}, but found {}",
                crate::say::safe(&option.expected.to_string()),
                crate::say::safe(&option.found.to_string())
            ),
        ),
        Reason::Environment(environment) => {
            let names: Vec<String> =
                [&environment.added, &environment.changed, &environment.removed]
                    .into_iter()
                    .flatten()
                    .map(|name| crate::say::short(name))
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
