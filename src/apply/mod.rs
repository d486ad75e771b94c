//! Doing what a reviewed plan says: the steps, each after a look at its own objects, along their
//! edges.
//!
//! Whether anything is done at all is not decided here: [`crate::stale`] judges a plan as a whole
//! before the first call, and gives the steps that are done already. Nothing here asks a registry,
//! reads a file or writes to a terminal; secrets are filled in and struck out by who knows them.

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
