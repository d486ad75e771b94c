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
//!   [`seal`] hold what is public and marks for the rest; bodies with secrets in them have neither
//!   `Debug` nor `Serialize`. *Held by types and by a canary in seven encodings.*
//! - Nothing is decided from a hash, and nothing is destroyed before its replacement is proven.
//!
//! # The house
//!
//! The core takes values and gives values:
//!
//! - [`ident`], [`api`], [`image_ref`], [`signals`], [`moment`], [`say`], [`target`],
//!   [`canonical`]: names, versions, references, signals, times, words, engines, bytes;
//! - [`spec`] and [`options`]: what is declared, and the table of all options; they know each other,
//!   since a spec is read row by row;
//! - [`snapshot`], [`snapshot_file`], [`pick`], [`literals`], [`seal`], [`wanted`]: what was found,
//!   and what of it is kept;
//! - [`look`], [`adapt`], [`desired`], [`compare`]: found and expected in the same words, and what
//!   differs; [`objects`] is the same for networks and volumes;
//! - [`plan`]: from differences to a plan, its checker, its forms, and what each step makes of the
//!   world; [`stale`]: whether a plan is still current, and which of its steps are done;
//!   [`import`]: the way back, from containers to a spec.
//!
//! The shell does all the I/O there is: [`engine`] (real and simulated), [`apply`], [`cli`]. The core
//! never names it.

pub mod adapt;
pub mod api;
pub mod apply;
pub mod canonical;
pub mod cli;
pub mod compare;
pub mod desired;
pub mod engine;
pub mod ident;
pub mod image_ref;
pub mod import;
pub mod literals;
pub mod look;
pub mod moment;
pub mod objects;
pub mod options;
pub mod pick;
pub mod plan;
pub mod say;
pub mod seal;
pub mod signals;
pub mod snapshot;
pub mod snapshot_file;
pub mod spec;
pub mod stale;
pub mod target;
pub mod wanted;
