//! Bayplan: an offline planner with a separate executor for Docker containers.
//!
//! `plan` looks at an engine once and writes a plan, a JSON file that people review; `apply` does
//! exactly what was reviewed, or nothing.
//!
//! # Invariants
//!
//! - The planner is a pure function of a spec and a snapshot: no clock, no environment, no network,
//!   no randomness; the same inputs give the same bytes. What the environment, a file or a registry
//!   answers is asked by the shell and is part of the input. *Held by `tests/it/tidy.rs`, which
//!   reads what the core names, and by disallowed types.*
//! - A step is one changing engine call at most, addressed by an immutable ID or by the ID that a
//!   create of the same run returned, and part of a change that has a reason. *Held by the checker,
//!   which shares no code with the builder and vets each plan before it is written and after it is
//!   read.*
//! - Only the applier writes to an engine: all others hold a [`engine::Reader`], which has no call
//!   that changes anything. *Held by types.*
//! - No secret value gets into a plan, a snapshot, a result, a message or a log. Looks that leave
//!   [`observed::redact`] hold what is public and marks for the rest; bodies with secrets in them have neither
//!   `Debug` nor `Serialize`. *Held by types and by a canary in seven encodings.*
//! - Nothing is decided from a hash, and nothing is destroyed before its replacement is proven.
//!
//! # The house
//!
//! The core takes values and gives values. From the ground up, each room knows only those below it:
//!
//! - [`base`]: names, references, signals, times, words, bytes;
//! - [`syntax`]: how specs are written: the tree of a YAML file, sizes, durations, command lines;
//! - [`options`]: the table of all options, one row each, and the view of inspect data they read;
//! - [`spec`]: what is declared: container sets, networks and volumes, and their create bodies;
//! - [`compose`]: Compose files, read as the reference reads them, and said as a spec;
//! - [`observed`]: what was found, which part of an engine is looked at, and what of it is hidden;
//! - [`engine_model`]: what an engine makes of a create body, in the words of inspect data;
//! - [`plan`]: the nouns of a plan, its file, its checker, and how it is shown;
//! - [`planner`]: from a spec and a snapshot to a plan: comparing, matching, deciding, ordering;
//! - [`stale`]: whether a plan is still current; [`import`]: the way back, from containers to a spec.
//!
//! The shell does all the I/O there is: [`engine`] (real and simulated), [`apply`], [`cli`]. The core
//! never names it.

pub mod apply;
pub mod base;
pub mod cli;
pub mod compose;
pub mod engine;
pub mod engine_model;
pub mod import;
pub mod observed;
pub mod options;
pub mod plan;
pub mod planner;
pub mod spec;
pub mod stale;
pub mod syntax;

#[cfg(test)]
#[path = "../tests/it/effort.rs"]
mod effort;
