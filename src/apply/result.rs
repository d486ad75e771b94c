//! The document that an apply ends with, whatever became of it; written on refusal too.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::confirm::Mismatch;
use super::outcome::{Outcome, Signal, Stale, StepOutcome, Trouble};
use crate::base::ident::{ChangeId, SetName, StepId};
use crate::plan::left::Left;
use crate::plan::{Change, Plan, Reason, Summary, Verb};

/// The format that this version writes.
pub const FORMAT: &str = "bayplan/result/1";

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
    /// What really happened, counted.
    pub summary: Summary,
    /// Why containers were replaced.
    pub reload_reasons: BTreeMap<ChangeId, Vec<Reason>>,
    /// What inspect says of the changed containers at the end, secrets hidden.
    pub containers: Vec<Json>,
    /// The plan's changes of which any step took effect.
    pub changes: Vec<Change>,
    /// What became of every step.
    pub steps: Vec<StepOutcome>,
    /// What was found stale.
    pub stale: Vec<StaleEntry>,
    /// Changes that failed or are half done: what is where, and the ways out.
    pub troubles: Vec<Trouble>,
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

impl ResultDocument {
    /// Of a run. `containers` is inspect data of the changed containers with secrets hidden.
    pub fn of_run(
        plan: &Plan,
        outcome: &Outcome,
        mismatches: Vec<Mismatch>,
        left: Vec<Left>,
        containers: Vec<Json>,
    ) -> Self {
        let made = outcome.changes_made();
        let acted = |change: &&Change| made.contains(change.id.as_str());
        let changes: Vec<Change> = plan.changes.iter().filter(acted).cloned().collect();
        let replaced = changes.iter().filter(|change| change.verb == Verb::Replace);
        let code = outcome.exit_code();
        let stale = outcome
            .stale()
            .map(|(step, stale)| StaleEntry {
                set: None,
                step: Some(step.clone()),
                object: None,
                stale: stale.clone(),
            })
            .collect();
        Self {
            format: FORMAT.to_owned(),
            changed: !changes.is_empty(),
            message: outcome.summary.message.clone(),
            exit_code: if code == 0 && !mismatches.is_empty() { 7 } else { code },
            summary: outcome.summary.clone(),
            reload_reasons: replaced
                .map(|change| (change.id.clone(), change.reasons.clone()))
                .collect(),
            containers,
            changes,
            steps: outcome.steps.clone(),
            stale,
            troubles: outcome.troubles.clone(),
            recover: None,
            mismatches,
            left,
            interrupted: outcome.interrupted,
        }
    }

    /// Of a plan of which nothing is left to do.
    pub fn of_done(message: &str, left: Vec<Left>) -> Self {
        Self { left, ..Self::refused(message, 0, Vec::new()) }
    }

    /// Of a plan that was not run, and why: nothing was changed.
    pub fn refused(message: &str, exit_code: u8, stale: Vec<StaleEntry>) -> Self {
        let message = crate::base::say::safe(message);
        let summary = crate::plan::summary::of([]);
        Self {
            format: FORMAT.to_owned(),
            changed: false,
            message,
            exit_code,
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
}
