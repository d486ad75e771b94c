//! `bayplan plan`.

use super::args::{Global, PlanArgs};
use super::report::{Exit, Failure, Result};

/// Runs the command.
pub fn run(_args: &PlanArgs, _global: &Global) -> Result {
    Err(Failure::new(Exit::Error, "`bayplan plan` is not built"))
}
