//! From the words of the command line to an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use super::args::{Cli, Color, Command};
use super::files::Files;
use super::report::{Exit, Result};
use super::{
    apply, completions, diff, import, log, man, output, plan, schema, show, snapshot, verify,
};

/// The whole program.
pub fn main() -> ExitCode {
    let exit = match Cli::try_parse() {
        Ok(cli) => run(&cli).unwrap_or_else(|failure| {
            output::note(&failure.to_string());
            failure.exit
        }),
        Err(error) => {
            // A reader that has enough of the help is no error.
            let _ = error.print();
            match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
                _ => Exit::Usage,
            }
        }
    };
    ExitCode::from(exit.code())
}

fn run(cli: &Cli) -> Result {
    match cli.global.color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    let global = &cli.global;
    log::start(global.log.clone());
    let files = &Files::default();
    match &cli.command {
        Command::Snapshot(args) => snapshot::run(args, global, files),
        Command::Import(args) => import::run(args, global, files),
        Command::Plan(args) => plan::run(args, global, files),
        Command::Show(args) => show::run(args, global, files),
        Command::Diff(args) => diff::run(args, global, files),
        Command::Verify(args) => verify::run(args, global, files),
        Command::Apply(args) => apply::run(args, global, files),
        Command::Schema(args) => schema::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Man => man::run(),
    }
}
