//! The audit record of a run: which plan, on which engine, by whom, when and how long.
//!
//! Only data types are here. The command line reads user and host; [`super::times`] measures
//! durations.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::ident::{ChangeId, ContainerId, ProjectName, SetName};
use crate::plan::show::reason_text;
use crate::plan::{Danger, Dangerous, Reason, Tool, Verb};

/// One run of a command that may change something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunRecord {
    /// What was run.
    pub command: Command,
    /// The digest of the plan; null where no plan could be read.
    pub plan: Option<String>,
    /// Its project.
    pub project: Option<ProjectName>,
    /// The engine that answered; null where none did.
    pub engine: Option<EngineName>,
    /// Nothing real was touched: the engine was simulated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// When it began, `2026-11-24T00:06:10Z`.
    pub began: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Who ran it.
    pub by: By,
    /// What `--meta` said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub meta: BTreeMap<String, String>,
    /// What ran it.
    pub tool: Tool,
}

impl RunRecord {
    /// The record without secrets; `strike` redacts each text from outside.
    #[must_use]
    pub fn told(self, strike: impl Fn(&str) -> String) -> Self {
        let By { user, sudo_user, host, ci } = self.by;
        let some = |text: Option<String>| text.map(|text| strike(&text));
        let ci = ci.map(|Ci { system, url, actor, commit }| Ci {
            system,
            url: some(url),
            actor: some(actor),
            commit: some(commit),
        });
        let by = By { user: strike(&user), sudo_user: some(sudo_user), host: strike(&host), ci };
        let meta = self.meta.into_iter().map(|(key, value)| (key, strike(&value))).collect();
        Self { by, meta, ..self }
    }
}

/// The command of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// `bayplan apply`.
    Apply,
    /// `bayplan recover`.
    Recover,
}

impl Command {
    /// The name of the command on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Recover => "recover",
        }
    }
}

/// An engine as it names itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EngineName {
    /// The name of its host.
    pub name: String,
    /// Its ID.
    pub id: String,
    /// Its version.
    pub version: String,
}

/// Who ran a command, as far as the process knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct By {
    /// The user.
    pub user: String,
    /// Who became that user by `sudo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sudo_user: Option<String>,
    /// The machine.
    pub host: String,
    /// The job of a CI, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci: Option<Ci>,
}

/// A job of a CI.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ci {
    /// `GitHub Actions`, `GitLab`, …
    pub system: String,
    /// Where it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Who caused it, as the CI names people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The commit that it works on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// How a change that was begun went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeRecord {
    /// Which.
    pub id: ChangeId,
    /// Whose set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<SetName>,
    /// What happened.
    #[serde(rename = "do")]
    pub verb: Verb,
    /// What a reviewer was told not to overlook.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub danger: Vec<Danger>,
    /// What of it was dangerous, by danger.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dangerous: Dangerous,
    /// How it ended; results of before had only changes that took effect.
    #[serde(default)]
    pub ended: Ended,
    /// How long after the run it began, and how long it was down.
    #[serde(flatten)]
    pub times: Times,
    /// The container that it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<ContainerId>,
    /// Why; those of a replacement stand under `reload_reasons`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Told>,
}

/// A reason in words: `mem_limit (nothing => 536870912)`. The plan has its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Told(String);

/// A reason as results have it; results of before have a reason in its parts.
#[derive(Deserialize)]
#[serde(untagged)]
enum TextOrReason {
    Text(String),
    Reason(Box<Reason>),
}

impl<'de> Deserialize<'de> for Told {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match TextOrReason::deserialize(deserializer)? {
            TextOrReason::Text(text) => Self(text),
            TextOrReason::Reason(reason) => Self(reason_text::text(&reason)),
        })
    }
}

impl Told {
    /// The reasons of a change; what only follows from another image stands with the image.
    pub fn all(reasons: &[Reason]) -> Vec<Self> {
        reason_text::texts(reasons).into_iter().map(Self).collect()
    }

    /// The words. Those of a result that was read may say anything.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How a change ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It is done.
    #[default]
    Done,
    /// All of it is as it was before the run.
    AsBefore,
    /// All that the run did of it was taken back; something differs that the run did not do.
    TakenBack,
    /// Part of it is done.
    HalfDone,
}

/// When a change was worked on, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Times {
    /// From the beginning of the run until its first step.
    #[serde(default)]
    pub began_ms: u64,
    /// From there until its last step ended.
    #[serde(default)]
    pub took_ms: u64,
    /// How long what ran before and runs after did not: until it was started, or healthy where a
    /// health check says so. Nothing: it never was down, or was not to come up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down_ms: Option<u64>,
    /// It is still down.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub still_down: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_results_of_before_are_read_in_words() {
        let old = serde_json::json!([
            {"option": "mem_limit", "origin": "declared", "expected": 1024, "found": null},
            {"because": "recreate_always"}, "as it is written now",
        ]);
        let told: Vec<Told> = serde_json::from_value(old).unwrap();
        let words: Vec<&str> = told.iter().map(Told::as_str).collect();
        let mem_limit = "mem_limit (nothing => 1024), nothing => 1k";
        assert_eq!(words, [mem_limit, "recreate is `always`", "as it is written now"]);
    }
}
