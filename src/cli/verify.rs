//! `bayplan verify`.

use super::args::{Global, VerifyArgs};
use super::report::{Exit, Failure, Result};

/// Runs the command.
pub fn run(_args: &VerifyArgs, _global: &Global) -> Result {
    Err(Failure::new(Exit::Error, "`bayplan verify` is not built"))
}
