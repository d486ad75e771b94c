//! `bayplan apply`.

use super::args::{ApplyArgs, Global};
use super::report::{Exit, Failure, Result};

/// Runs the command.
pub fn run(_args: &ApplyArgs, _global: &Global) -> Result {
    Err(Failure::new(Exit::Error, "`bayplan apply` is not built"))
}
