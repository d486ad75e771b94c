//! Everything that is tested as a whole and needs no engine; one binary, so that it links once.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where its preparation fails"
)]

mod apply;
mod audit;
mod busy;
mod calls;
mod canary;
mod cases;
mod compose;
mod compose_program;
mod contexts;
mod credentials;
mod drift;
mod effort;
mod encodings;
mod engine;
mod fake_engine;
mod fuzzed;
#[cfg(feature = "tls")]
mod gate;
mod golden;
mod history;
mod hostile_spec;
mod hostile_whole;
mod html;
mod import;
mod journal;
mod literals;
mod locks;
mod long_values;
mod made;
mod networks;
mod outputs;
mod places;
mod postcheck;
mod program;
mod properties;
mod readme;
mod recheck_facts;
mod recordings;
mod renames;
mod results;
mod row_examples;
mod row_values;
mod row_walks;
mod rows;
mod shipped_specs;
mod spec_files;
mod ssh;
mod stories;
mod strangers;
mod survives;
mod tamper;
mod tidy;
#[cfg(feature = "tls")]
mod tls;
mod told;
mod views;
mod waits;
