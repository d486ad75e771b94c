//! `bayplan diff`.

use std::path::Path;

use super::args::{DiffArgs, Global};
use super::files::{self, Files};
use super::output;
use super::report::{Exit, Failure, Result};
use crate::plan::format;
use crate::plan::show::{diff, diff_text};

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
