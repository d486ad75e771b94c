//! `bayplan man`: one page with every subcommand.

use clap::CommandFactory as _;

use super::args::Cli;
use super::output;
use super::report::{Exit, Failure, Result};

/// Prints the manual page.
pub fn run() -> Result {
    let page = page()
        .map_err(|error| Failure::new(Exit::Error, "rendering the manual page").caused_by(error))?;
    output::data(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Done)
}

fn page() -> std::io::Result<Vec<u8>> {
    let mut command = Cli::command().flatten_help(true);
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let heading = format!(".SH BAYPLAN {}\n", sub.get_name().to_uppercase());
        page.extend_from_slice(heading.as_bytes());
        let man = clap_mangen::Man::new(sub.clone());
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
    }
    Ok(page)
}
