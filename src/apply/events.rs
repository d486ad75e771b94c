//! The events that an apply reports while it runs. Printing them is done by the command line, not
//! here.

use schemars::JsonSchema;
use serde::Serialize;

use super::outcome::{Signal, StepOutcome, Undone};
use crate::base::ident::{ChangeId, StepId};

/// One thing that happened. No secret is in it, and its texts are safe to print.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A step begins, with the look at its own objects.
    Started {
        /** which */
        step: StepId,
        /** of what */
        change: ChangeId,
        /** `stop container 5ca9d1f00b12` */
        what: String,
    },
    /// What became of a step.
    Finished(StepOutcome),
    /// How far a pull is.
    Pull {
        /** which */
        step: StepId,
        /** the layer, or empty */
        layer: String,
        /** `Downloading`, `Extracting`, … */
        status: String,
        /** bytes so far */
        #[serde(skip_serializing_if = "Option::is_none")]
        current: Option<u64>,
        /** bytes in all */
        #[serde(skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
    },
    /// A step waits.
    Waiting {
        /** which */
        step: StepId,
        /** for what */
        what: WaitingFor,
    },
    /// What the engine, or this program, thinks people should know.
    Note {
        /** which */
        step: StepId,
        /** one lowercase fragment */
        text: String,
    },
    /// What a change did is taken back: one call of that begins.
    Undoing {
        /** `CHANGE/undo-…` */
        step: StepId,
        /** of what */
        change: ChangeId,
        /** ``start `web` `` */
        what: String,
    },
    /// What became of that call.
    Undone(Undone),
    /// No further step is begun.
    Interrupted {
        /** by what */
        signal: Signal,
    },
}

/// What a step waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitingFor {
    /// The monitor time, in which it must not end.
    Running,
    /// Its health check.
    Healthy,
    /// Its end.
    End,
    /// An engine that does not answer, for two minutes at most.
    Engine,
}

/// A receiver of events.
pub trait Sink {
    /// Takes one event; must not fail and must return fast.
    fn event(&self, event: &Event);

    /// Takes the last lines that a container or its health check wrote, each after a line feed; the
    /// title says which. Gives back what results may keep: the lines may contain a freshly generated
    /// password.
    fn output(&self, _title: &str, lines: String) -> Option<String> {
        Some(lines)
    }
}

/// A sink that drops every event.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Sink for Silent {
    fn event(&self, _event: &Event) {}
}
