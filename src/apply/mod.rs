//! Doing what a reviewed plan says: the steps, each after a look at its own objects, along their
//! edges.
//!
//! Whether anything is done at all is not decided here: [`crate::stale`] judges a plan as a whole
//! before the first call, and gives the steps that are done already. Nothing here asks a registry,
//! reads a file or writes to a terminal; secrets are filled in and struck out by who knows them.

mod act;
mod awaits;
mod begun;
mod clock;
pub mod confirm;
mod create;
pub mod driver;
pub mod events;
mod given_up;
mod going_back;
pub mod history;
mod index;
pub mod journal;
pub mod journaled;
pub mod lock;
mod outcome;
mod precheck;
pub mod record;
pub mod recovery;
mod relied;
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

pub use awaits::{Awaits, awaits};
pub use begun::Begun;
pub use clock::{Clock, RealClock, SimulatedClock, Sleep};
pub use given_up::given_up;
pub use outcome::{Became, Outcome, Signal, Stale, StepOutcome, Trouble, Undone};
pub use resume::Resume;
pub use run::{Run, Settings, run};
pub use secrets::{NoSecrets, Secrets};

pub use crate::observed::redact::redacted;
