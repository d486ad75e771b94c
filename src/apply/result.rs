//! The result document of an apply; written on refusal too.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::driver::LastLook;
use super::outcome::{Outcome, RecoveryReport, Signal, Stale, StepOutcome, StepStatus};
use super::postcheck::Mismatch;
use super::record::{ChangeRecord, Ended, RunRecord, Times, Told};
use crate::base::canonical::{self, NoCanonicalForm};
use crate::base::ident::{ChangeId, ContainerId, SetName, StepId};
use crate::base::say;
use crate::plan::left::Left;
use crate::plan::{Action, Change, Plan, Summary, Verb};

/// The format that this version writes.
pub const FORMAT: &str = "bayplan/result/1";

/// The hint of a stale step where a change is half done: no new plan is made before.
const FIRST: &str = "first bring back or finish what is half done";

/// What an apply came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResultDocument {
    /// [`FORMAT`].
    pub format: String,
    /// Whether anything on the engine was changed.
    pub changed: bool,
    /// The seed's sentence, or why nothing was done.
    pub message: String,
    /// What the program exits with.
    pub exit_code: u8,
    /// Which plan, on which engine, by whom, when; results of before do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunRecord>,
    /// What really happened, counted.
    pub summary: Summary,
    /// Why containers were replaced.
    pub reload_reasons: BTreeMap<ChangeId, Vec<Told>>,
    /// What inspect says of the changed containers at the end, secrets hidden, where it was asked for.
    #[serde(default)]
    pub containers: Vec<Json>,
    /// The plan's changes that were begun, and how they went.
    pub changes: Vec<ChangeRecord>,
    /// What became of each step whose change does not tell: all steps of a change that is done
    /// were done, but those that stand here.
    pub steps: Vec<StepOutcome>,
    /// What was found stale.
    pub stale: Vec<StaleEntry>,
    /// Changes that failed or are half done: what is where, and the ways out.
    pub troubles: Vec<RecoveryReport>,
    /// The command that brings what is half done back, or finishes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recover: Option<String>,
    /// What is not as declared after all was done.
    pub mismatches: Vec<Mismatch>,
    /// What differs and is left, because the spec says so.
    #[serde(default)]
    pub left: Vec<Left>,
    /// The signal that ended it early.
    pub interrupted: Option<Signal>,
}

/// One thing found stale, by the judgement of the whole plan or by a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StaleEntry {
    /// The set, where the whole plan was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<SetName>,
    /// The step, where one found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// What it is about, where the whole plan was judged: ``container `shop-db` ``.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What.
    #[serde(flatten)]
    pub stale: Stale,
}

/// The JSON Schema (draft 2020-12) of a result.
pub fn schema() -> Json {
    let schema = schemars::SchemaGenerator::default().into_root_schema_for::<ResultDocument>();
    let mut schema = Json::from(schema);
    schema["title"] = "A result of bayplan".into();
    schema["properties"]["format"] = serde_json::json!({"const": FORMAT});
    schema
}

/// What a run took back, and what it did otherwise: a change that went back was an action, too.
fn sentence(outcome: &Outcome, changed: bool) -> String {
    let went_back = |trouble: &&RecoveryReport| trouble.is_settled() && !trouble.undone.is_empty();
    let done = &outcome.summary.message;
    match outcome.troubles.iter().filter(went_back).count() {
        0 => done.clone(),
        back if changed => format!("took back {}; {done}", say::count(back, "change")),
        back => format!("took back {}.", say::count(back, "change")),
    }
}

impl ResultDocument {
    /// The result of a run, with the measured times of the changes that were begun.
    pub fn of_run(
        plan: &Plan,
        outcome: &Outcome,
        times: &BTreeMap<ChangeId, Times>,
        seen: LastLook,
    ) -> Self {
        let made = outcome.changes_made();
        let acted = plan.changes.iter().filter(|change| made.contains(change.id.as_str()));
        let replaced = acted.clone().filter(|change| change.verb == Verb::Replace);
        let reload_reasons: BTreeMap<ChangeId, Vec<Told>> =
            replaced.map(|change| (change.id.clone(), Told::all(&change.reasons))).collect();
        let changed = acted.count() > 0;
        let code = outcome.exit_code();
        let whole = outcome.is_whole();
        let stale = outcome.stale().map(|(step, stale)| {
            let (set, step, object) = (None, Some(step.clone()), None);
            let hint = if whole { stale.hint.clone() } else { FIRST.to_owned() };
            StaleEntry { set, step, object, stale: Stale { hint, ..stale.clone() } }
        });
        let stale = stale.collect();
        let LastLook { mismatches, left, containers } = seen;
        let begun = records(plan, outcome, times, &reload_reasons);
        let steps = untold(outcome, &begun);
        Self {
            format: FORMAT.to_owned(),
            changed,
            message: sentence(outcome, changed),
            exit_code: if code == 0 && !mismatches.is_empty() { 7 } else { code },
            run: None,
            summary: outcome.summary.clone(),
            containers,
            changes: begun,
            reload_reasons,
            steps,
            stale,
            troubles: outcome.troubles.clone(),
            recover: None,
            mismatches,
            left,
            interrupted: outcome.interrupted,
        }
    }

    /// The result of a plan with no steps left to run.
    pub fn of_done(message: &str, left: Vec<Left>) -> Self {
        Self { left, ..Self::refused(message, 0, Vec::new()) }
    }

    /// The result of a plan that was refused, with the reason: nothing was changed.
    pub fn refused(message: &str, exit_code: u8, stale: Vec<StaleEntry>) -> Self {
        let message = say::safe(message);
        let summary = crate::plan::summary::of([]);
        Self {
            format: FORMAT.to_owned(),
            changed: false,
            message,
            exit_code,
            run: None,
            summary,
            reload_reasons: BTreeMap::new(),
            containers: Vec::new(),
            changes: Vec::new(),
            steps: Vec::new(),
            stale,
            troubles: Vec::new(),
            recover: None,
            mismatches: Vec::new(),
            left: Vec::new(),
            interrupted: None,
        }
    }

    /// The reasons of a change.
    pub fn reasons<'a>(&'a self, change: &'a ChangeRecord) -> &'a [Told] {
        self.reload_reasons.get(&change.id).unwrap_or(&change.reasons)
    }

    /// The bytes of the result file: one field a line, and one record a line in lists.
    pub fn file(&self) -> Result<String, NoCanonicalForm> {
        let Self {
            format,
            changed,
            message,
            exit_code,
            run,
            summary,
            reload_reasons,
            containers,
            changes,
            steps,
            stale,
            troubles,
            recover,
            mismatches,
            left,
            interrupted,
        } = self;
        let mut fields = vec![
            ("format", canonical::flat(format)?),
            ("changed", canonical::flat(changed)?),
            ("message", canonical::flat(message)?),
            ("exit_code", canonical::flat(exit_code)?),
        ];
        fields.extend(run.as_ref().map(canonical::flat).transpose()?.map(|run| ("run", run)));
        fields.extend([
            ("summary", canonical::flat(summary)?),
            ("reload_reasons", map(reload_reasons)?),
            ("containers", list(containers)?),
            ("changes", list(changes)?),
            ("steps", list(steps)?),
            ("stale", list(stale)?),
            ("troubles", list(troubles)?),
        ]);
        let recover = recover.as_ref().map(canonical::flat).transpose()?;
        fields.extend(recover.map(|recover| ("recover", recover)));
        fields.extend([
            ("mismatches", list(mismatches)?),
            ("left", list(left)?),
            ("interrupted", canonical::flat(interrupted)?),
        ]);
        let fields: Vec<String> =
            fields.iter().map(|(name, value)| format!("  \"{name}\": {value}")).collect();
        Ok(format!("{{\n{}\n}}\n", fields.join(",\n")))
    }
}

/// A list with one record a line.
fn list<T: Serialize>(records: &[T]) -> Result<String, NoCanonicalForm> {
    let lines: Result<Vec<String>, _> = records.iter().map(canonical::flat).collect();
    let lines = lines?;
    if lines.is_empty() {
        return Ok("[]".to_owned());
    }
    Ok(format!("[\n    {}\n  ]", lines.join(",\n    ")))
}

/// A map with one entry a line.
fn map<K: Serialize, V: Serialize>(entries: &BTreeMap<K, V>) -> Result<String, NoCanonicalForm> {
    let line = |(key, value): (&K, &V)| {
        Ok(format!("{}: {}", canonical::flat(key)?, canonical::flat(value)?))
    };
    let lines = entries.iter().map(line).collect::<Result<Vec<String>, _>>()?;
    if lines.is_empty() {
        return Ok("{}".to_owned());
    }
    Ok(format!("{{\n    {}\n  }}", lines.join(",\n    ")))
}

/// The changes that were begun, in the order of the plan.
fn records(
    plan: &Plan,
    outcome: &Outcome,
    times: &BTreeMap<ChangeId, Times>,
    elsewhere: &BTreeMap<ChangeId, Vec<Told>>,
) -> Vec<ChangeRecord> {
    let begun = plan.changes.iter().filter_map(|change| Some((change, *times.get(&change.id)?)));
    begun.map(|(change, times)| record(plan, outcome, (change, times), elsewhere)).collect()
}

fn record(
    plan: &Plan,
    outcome: &Outcome,
    (change, mut times): (&Change, Times),
    elsewhere: &BTreeMap<ChangeId, Vec<Told>>,
) -> ChangeRecord {
    let trouble = outcome.troubles.iter().find(|trouble| trouble.change == change.id);
    let ended = match trouble {
        Some(trouble) if trouble.as_before => Ended::AsBefore,
        Some(trouble) if trouble.taken_back => Ended::TakenBack,
        Some(_) => Ended::HalfDone,
        None => ended(outcome, change),
    };
    // A rolled-back container without a new start never went down.
    if matches!(ended, Ended::AsBefore | Ended::TakenBack) && times.still_down {
        (times.down_ms, times.still_down) = (None, false);
    }
    let reasons =
        if elsewhere.contains_key(&change.id) { Vec::new() } else { Told::all(&change.reasons) };
    ChangeRecord {
        id: change.id.clone(),
        set: change.set.clone(),
        verb: change.verb,
        danger: change.danger.clone(),
        dangerous: change.dangerous.clone(),
        ended,
        times,
        created: created(plan, outcome, &change.id),
        reasons,
    }
}

/// The end of a change without trouble; a run may end before the change begins.
fn ended(outcome: &Outcome, change: &Change) -> Ended {
    let steps = || outcome.steps.iter().filter(|step| step.id.change() == change.id.as_str());
    if steps().all(|step| step.status.is_success()) {
        return Ended::Done;
    }
    let made = steps().any(|step| step.status == StepStatus::Done);
    if made { Ended::HalfDone } else { Ended::AsBefore }
}

/// The container that a change created, in this run or in an earlier run.
fn created(plan: &Plan, outcome: &Outcome, change: &ChangeId) -> Option<ContainerId> {
    let both = plan.steps.iter().zip(&outcome.steps);
    let mut made = both.filter(|(step, outcome)| {
        let create = matches!(step.action, Action::Create { .. });
        create && step.id.change() == change.as_str() && outcome.status.is_success()
    });
    made.find_map(|(_, outcome)| outcome.container.clone())
}

/// The steps whose outcome does not follow from their change.
fn untold(outcome: &Outcome, changes: &[ChangeRecord]) -> Vec<StepOutcome> {
    let done = changes.iter().filter(|change| change.ended == Ended::Done);
    let done: BTreeSet<&str> = done.map(|change| change.id.as_str()).collect();
    let told = |step: &&StepOutcome| {
        let plain = step.status == StepStatus::Done && step.output.is_empty();
        plain && done.contains(step.id.change())
    };
    outcome.steps.iter().filter(|step| !told(step)).map(brief).collect()
}

/// The outcome of a step. A successful step needs no container ID: its change has the ID.
fn brief(outcome: &StepOutcome) -> StepOutcome {
    let container = outcome.container.clone().filter(|_| !outcome.status.is_success());
    StepOutcome { container, ..outcome.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::outcome::Undone;
    use crate::plan::sample;

    #[test]
    fn nobody_is_sent_to_a_new_plan_while_a_change_is_half_done() {
        let plan = sample::mixed();
        let stale = Stale::new("container_renamed", "it", "another");
        let steps = plan.steps.iter().map(|step| StepOutcome {
            id: step.id.clone(),
            status: StepStatus::Stale(stale.clone()),
            container: None,
            output: String::new(),
        });
        let mut outcome = Outcome::of(&plan, steps.collect(), None);
        let hint = |outcome: &Outcome| {
            let (times, seen) = (BTreeMap::new(), LastLook::default());
            let document = ResultDocument::of_run(&plan, outcome, &times, seen);
            document.stale[0].stale.hint.clone()
        };
        assert_eq!(hint(&outcome), "make a new plan");
        outcome.troubles.push(RecoveryReport {
            change: ChangeId::new("web"),
            step: StepId::new("web/start"),
            message: "no".to_owned(),
            as_before: false,
            taken_back: false,
            undone: Vec::new(),
            stays: Vec::new(),
            not_by_this_run: Vec::new(),
            now: Vec::new(),
        });
        assert_eq!(hint(&outcome), FIRST);
    }

    #[test]
    fn a_change_that_went_back_was_an_action() {
        let mut outcome = Outcome::of(&sample::mixed(), Vec::new(), None);
        assert_eq!(sentence(&outcome, false), "no action taken.");
        let step = StepId::new("web/undo-stop");
        let undone = Undone { step, what: "start `web`".to_owned(), failed: None };
        outcome.troubles.push(RecoveryReport {
            change: ChangeId::new("web"),
            step: StepId::new("web/start"),
            message: "no".to_owned(),
            as_before: true,
            taken_back: true,
            undone: vec![undone],
            stays: Vec::new(),
            not_by_this_run: Vec::new(),
            now: Vec::new(),
        });
        assert_eq!(sentence(&outcome, false), "took back 1 change.");
        let mut more = outcome.clone();
        more.summary.message = "created 1 container.".to_owned();
        assert_eq!(sentence(&more, true), "took back 1 change; created 1 container.");
        outcome.troubles[0].undone.clear();
        assert_eq!(sentence(&outcome, false), "no action taken.");
    }
}
