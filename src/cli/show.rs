//! `bayplan show`.

use super::args::{Format, Global, ShowArgs};
use super::report::{Exit, Failure, Result};
use super::{files, output};
use crate::plan::{format, markdown, text};

/// Prints a plan.
pub fn run(args: &ShowArgs, global: &Global) -> Result {
    let bytes = files::read(&args.file, format::MAX_BYTES)?;
    let within = |failure: Failure| failure.within(&files::named(&args.file));
    let loaded = format::read(&bytes).map_err(|error| within(error.into()))?;
    let shown = match args.format {
        Format::Text => {
            let options = text::Options { steps: args.steps, colour: output::colour(global) };
            text::text(&loaded.plan, options)
        }
        Format::Markdown => markdown::markdown(&loaded.plan, args.steps),
        // It was proven to be canonical UTF-8: the file is its own JSON form.
        Format::Json => String::from_utf8_lossy(&bytes).into_owned(),
    };
    output::data(&shown)?;
    Ok(Exit::Done)
}
