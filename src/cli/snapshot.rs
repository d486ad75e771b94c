//! `bayplan snapshot`.

use super::args::{Global, SnapshotArgs};
use super::report::{Exit, Failure, Result};

/// Runs the command.
pub fn run(_args: &SnapshotArgs, _global: &Global) -> Result {
    Err(Failure::new(Exit::Error, "`bayplan snapshot` is not built"))
}
