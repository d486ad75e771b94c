//! The main program: from the arguments to an exit code.

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};

use super::args::{Cli, Color, Command};
use super::files::Files;
use super::report::{Exit, Result};
use super::{
    apply, completions, config, diff, history, import, locking, log, man, output, plan, recover,
    schema, show, snapshot, verify,
};
use crate::base::say;
use crate::engine::known;

/// The whole program.
pub fn main() -> ExitCode {
    keep_memory_to_itself();
    super::signals::outlive_long_files();
    let exit = match Cli::try_parse() {
        Ok(cli) => run(&cli).unwrap_or_else(|failure| {
            output::note(&failure.to_string());
            failure.exit
        }),
        Err(error) => {
            let error = harmless(&error);
            // A closed reader of the help is not an error.
            let _ = error.print();
            match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
                _ => Exit::Usage,
            }
        }
    };
    ExitCode::from(exit.code())
}

/// Disables core dumps and tracing by other programs of this user, because the memory contains
/// secrets.
fn keep_memory_to_itself() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    // If the system refuses, the program goes on.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// An argument error repeats arguments, which may contain unsafe characters; the characters are
/// replaced first.
fn harmless(error: &clap::Error) -> clap::Error {
    let words = std::env::args_os().map(|word| say::safe(&word.to_string_lossy()));
    match Cli::try_parse_from(words) {
        Err(error) => error,
        // Without the unsafe characters the arguments are valid; the error is then reported without
        // the arguments.
        Ok(_) => {
            Cli::command().error(error.kind(), "expected no such characters in the command line")
        }
    }
}

fn run(cli: &Cli) -> Result {
    match cli.global.color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    let global = &cli.global;
    known::learn_environment();
    known::learn_url(global.host.as_deref().unwrap_or_default());
    log::start(global.log.clone());
    let files = &Files::default();
    match &cli.command {
        Command::Snapshot(args) => snapshot::run(args, global, files),
        Command::Import(args) => import::run(args, global, files),
        Command::Config(args) => config::run(args, files),
        Command::Plan(args) => plan::run(args, global, files),
        Command::Show(args) => show::run(args, global, files),
        Command::Diff(args) => diff::run(args, global, files),
        Command::Verify(args) => verify::run(args, global, files),
        Command::Apply(args) => apply::run(args, global, files),
        Command::History(args) => history::run(args, global, files),
        Command::Unlock(args) => locking::run(args, global),
        Command::Recover(args) => recover::run(args, global, files),
        Command::Schema(args) => schema::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Man => man::run(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_dump_of_memory_is_written() {
        keep_memory_to_itself();
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
        let dumpable = rustix::process::dumpable_behavior().unwrap();
        assert_eq!(dumpable, rustix::process::DumpableBehavior::NotDumpable);
    }
}
