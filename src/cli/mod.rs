//! The command line: one file per subcommand, and shared functions.
//!
//! No decision is made here: commands read files, call the library and print its answers.

pub mod apply;
pub mod args;
pub mod completions;
pub mod compose;
pub mod compose_project;
pub mod config;
mod denied;
pub mod diff;
pub mod exit_codes;
pub mod fail_on;
pub mod files;
pub mod forms;
pub mod git;
pub mod history;
pub mod import;
pub mod journal;
pub mod keeper;
pub mod load_plan;
pub mod load_spec;
pub mod locking;
pub mod log;
pub mod man;
pub mod named_files;
pub mod observe;
pub mod output;
pub mod plan;
pub mod progress;
mod project_folder;
pub mod recover;
pub mod report;
pub mod results;
pub mod run;
pub mod schema;
pub mod show;
pub mod signals;
mod silence;
pub mod since;
pub mod snapshot;
pub mod verify;
pub mod who;
