//! A simulated engine: recorded inspect data, changed by calls.
//!
//! The engine is for `apply --simulate` and for tests. Simulation and planner share
//! [`crate::engine_model`], so the simulation cannot find an error in the model; recordings and
//! live tests can. No process runs, and only [`Simulated::advance`] moves the clock. Hidden values
//! of a snapshot stay hidden.

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
