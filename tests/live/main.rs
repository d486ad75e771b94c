//! Bayplan against a real engine: the whole program, from outside, as a person would run it.
//!
//! Without an engine these tests say so and pass; with `CI` set they fail instead. Every object
//! they make is named after its test and removed when it ends, however it ends. Another engine
//! than the machine's own is given by `DOCKER_HOST`; `engines.sh` in this folder starts some.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where its preparation fails"
)]

#[path = "../it/encodings.rs"]
mod encodings;
#[cfg(feature = "tls")]
#[path = "../it/gate.rs"]
mod gate;
#[path = "../it/row_examples.rs"]
mod row_examples;
mod support;
mod tap;

mod compose;
mod harness;
mod import;
mod kills;
mod literals;
mod log;
mod networks;
mod newer;
mod off_network;
mod options;
mod outages;
mod pull;
mod reach;
mod refused;
mod renames;
mod replace;
mod rolling;
mod rows;
mod secrets;
mod ssh;
mod stale;
mod states;
mod strangers;
mod taken;
mod tampered;
#[cfg(feature = "tls")]
mod tls;
mod waits;
mod walks;
