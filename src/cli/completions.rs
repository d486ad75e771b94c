//! `bayplan completions`.

use clap::CommandFactory as _;

use super::args::{Cli, CompletionsArgs};
use super::output;
use super::report::{Exit, Result};

/// Prints the completions for a shell.
pub fn run(args: &CompletionsArgs) -> Result {
    let mut bytes = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "bayplan", &mut bytes);
    output::data(&String::from_utf8_lossy(&bytes))?;
    Ok(Exit::Done)
}
