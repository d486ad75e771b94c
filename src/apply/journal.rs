//! What an apply meant to do and did, in order; append-only.
//!
//! The record of one run for people and for machines that survive it. Nothing is ever decided from
//! an old journal: who goes on after a dead run looks at the engine.

use std::collections::BTreeMap;
use std::io::Write;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ident::{ContainerId, StepId};

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Its call is about to be made.
    Intent,
    /// Its call took effect.
    Done,
    /// It was so already; no call was made.
    Already,
    /// It failed.
    Failed,
    /// What it was about is not as expected; no further call is made.
    Stale,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// From 1.
    pub seq: u64,
    /// Which step.
    pub step: StepId,
    /// Where it is now.
    pub phase: Phase,
    /// The container it is about, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerId>,
}

/// Why a record was refused.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A step does not go from there to there.
    #[error("step `{step}` went from {from:?} to {to:?}, which no step does")]
    Order {
        /** which */
        step: StepId,
        /** where it was; nothing: not begun */
        from: Option<Phase>,
        /** where it should have gone */
        to: Phase,
    },
    /// It could not be written.
    #[error("the journal cannot be written: {0}")]
    Write(#[from] std::io::Error),
}

/// The journal of one run.
#[derive(Default)]
pub struct Journal {
    records: Vec<Record>,
    phases: BTreeMap<StepId, Phase>,
    mirror: Option<Box<dyn Write>>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("records", &self.records).finish_non_exhaustive()
    }
}

impl Journal {
    /// In memory only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also as JSON lines, each flushed before the call that it announces.
    pub fn mirrored(mirror: Box<dyn Write>) -> Self {
        Self { mirror: Some(mirror), ..Self::default() }
    }

    /// Everything so far.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Where a step is; nothing: not begun.
    pub fn phase(&self, step: &StepId) -> Option<Phase> {
        self.phases.get(step).copied()
    }

    /// Adds a record; refuses what no step does.
    pub fn note(
        &mut self,
        step: &StepId,
        phase: Phase,
        container: Option<&ContainerId>,
    ) -> Result<(), JournalError> {
        let from = self.phase(step);
        let legal = match (from, phase) {
            // A step may fail or be found stale before it ever gets to its call.
            (None, Phase::Intent | Phase::Already | Phase::Failed | Phase::Stale)
            | (Some(Phase::Intent), Phase::Done | Phase::Failed | Phase::Stale) => true,
            (None, Phase::Done) | (Some(_), _) => false,
        };
        if !legal {
            return Err(JournalError::Order { step: step.clone(), from, to: phase });
        }
        let seq = self.records.len() as u64 + 1;
        let record = Record { seq, step: step.clone(), phase, container: container.cloned() };
        if let Some(mirror) = &mut self.mirror {
            let mut line = serde_json::to_vec(&record).map_err(std::io::Error::from)?;
            line.push(b'\n');
            mirror.write_all(&line)?;
            mirror.flush()?;
        }
        self.phases.insert(step.clone(), phase);
        self.records.push(record);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_goes_one_way_only() {
        let all = [Phase::Intent, Phase::Done, Phase::Already, Phase::Failed, Phase::Stale];
        let step = StepId::new("a/stop");
        let mut ways = Vec::new();
        for first in all {
            for second in all {
                let mut journal = Journal::new();
                let one = journal.note(&step, first, None).is_ok();
                if one && journal.note(&step, second, None).is_ok() {
                    ways.push((first, second));
                }
                assert_eq!(one, first != Phase::Done, "{first:?}");
            }
        }
        assert_eq!(
            ways,
            [
                (Phase::Intent, Phase::Done),
                (Phase::Intent, Phase::Failed),
                (Phase::Intent, Phase::Stale)
            ]
        );
    }

    #[test]
    fn a_journal_that_cannot_be_written_stops_its_step() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("disk full"))
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut journal = Journal::mirrored(Box::new(Full));
        let error = journal.note(&StepId::new("a/stop"), Phase::Intent, None).unwrap_err();
        assert_eq!(error.to_string(), "the journal cannot be written: disk full");
        assert!(journal.records().is_empty());
    }
}
