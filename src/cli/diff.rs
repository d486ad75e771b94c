//! `bayplan diff`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::args::Global;
use super::files::{self, Files};
use super::output;
use super::report::{Exit, Failure, Result};
use crate::plan::format;
use crate::plan::show::{diff, diff_text};

/// `bayplan diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// A saved plan
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// Another one
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// Compare the files line by line as well
    #[arg(short, long)]
    pub unified: bool,
    /// List the steps that are other ones, too
    #[arg(long)]
    pub steps: bool,
}

/// Compares two saved plans.
pub fn run(args: &DiffArgs, global: &Global, files: &Files) -> Result {
    let (old, new) = (load(files, &args.old)?, load(files, &args.new)?);
    let difference = diff::between(&old.plan, &new.plan);
    let mut shown = diff_text::text(&difference, output::text(global, args.steps));
    if args.unified {
        let names = (&*files::named(&args.old), &*files::named(&args.new));
        shown.push_str(&diff::unified(&old.plan, &new.plan, names)?);
    }
    output::data(&shown)?;
    Ok(if difference.acts_alike { Exit::Done } else { Exit::Changes })
}

fn load(files: &Files, path: &Path) -> std::result::Result<format::Loaded, Failure> {
    let bytes = files.read(path, format::MAX_BYTES)?;
    format::read(&bytes).map_err(|error| Failure::from(error).within(&files::named(path)))
}
