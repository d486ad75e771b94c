//! Executing a reviewed plan: each step runs after a look at its own objects, in the order of the
//! dependencies.
//!
//! Whether the plan may run at all is not decided here: [`crate::stale`] judges the whole plan
//! before the first call, and names the steps that are already done. Nothing here contacts a
//! registry, reads a file or writes to a terminal. Secrets are filled in and redacted by an
//! implementation of [`secrets::Secrets`].

mod aborted;
mod act;
mod awaits;
mod begun;
mod clock;
mod create;
pub mod driver;
pub mod events;
mod going_back;
pub mod history;
mod index;
pub mod journal;
pub mod journaled;
pub mod leftovers;
pub mod lock;
mod outcome;
pub mod postcheck;
mod precheck;
mod recheck_facts;
pub mod record;
pub mod recovery;
mod removed;
mod resources;
pub mod result;
pub mod result_text;
mod resume;
mod run;
mod schedule;
mod secrets;
pub mod times;
mod troubles;
mod verify;
mod wait_ready;

pub use aborted::aborted;
pub use awaits::{Awaits, awaits};
pub use begun::Begun;
pub use clock::{Clock, RealClock, SimulatedClock, Sleep};
pub use outcome::{Outcome, RecoveryReport, Signal, Stale, StepOutcome, StepStatus, Undone};
pub use resume::Resume;
pub use run::{Run, Settings, run};
pub use secrets::{NoSecrets, Secrets};

pub use crate::observed::redact::redacted;
