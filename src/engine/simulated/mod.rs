//! An engine that is not there: recorded inspect data, and what calls do to it.
//!
//! For `apply --simulate` and for tests. It shares [`crate::engine_model`] with the planner, so that it
//! cannot prove the planner right where both are wrong: recordings and live tests do that. No
//! process runs, no time passes; [`Simulated::advance`] is the only clock. What a snapshot hides
//! stays hidden.

mod adapted;
mod birth;
mod faults;
mod life;
mod ports;
mod resources;
mod show;
mod simulation;
mod time;
mod world;

pub use faults::{Blow, Call, Deed, Fault, Faults, When};
pub use simulation::Simulated;
pub use world::Behaviour;

#[cfg(test)]
mod tests;
