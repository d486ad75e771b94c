//! The earlier plan of a project: a given file, or the committed version of the output file.

use std::path::Path;

use super::args::{FailOn, PlanArgs};
use super::files::{self, Files};
use super::git;
use super::named_files;
use super::report::{Exit, Failure};
use crate::base::ident::ProjectName;
use crate::plan::{Plan, format};

/// The earlier plan, if there is one. A given file must be a plan; a committed file may be
/// anything.
pub fn before(
    args: &PlanArgs,
    project: &ProjectName,
    files: &Files,
) -> Result<Option<Plan>, Failure> {
    if let Some(path) = &args.since {
        let plan = named(path, files)?;
        if plan.project != *project {
            let message = format!(
                "expected an earlier plan of project `{project}`, but {} is of project `{}`",
                files::named(path),
                plan.project,
            );
            let hint = "`--since` names a plan of the same project";
            return Err(Failure::new(Exit::Usage, message).hint(hint));
        }
        return Ok(Some(plan));
    }
    if !args.fail_on.contains(&FailOn::Drift) {
        return Ok(None);
    }
    let output = args.output.as_deref().filter(|path| !files::is_standard(path));
    Ok(output.and_then(committed))
}

/// The plan in a given file.
pub fn named(path: &Path, files: &Files) -> Result<Plan, Failure> {
    let bytes = files.read(path, format::MAX_BYTES)?;
    let loaded = format::read(&bytes);
    loaded
        .map(|loaded| loaded.plan)
        .map_err(|error| Failure::from(error).within(&files::named(path)))
}

/// The committed plan at a path.
fn committed(path: &Path) -> Option<Plan> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let (_, repository) = named_files::root(folder);
    let bytes = git::committed(folder, path.file_name()?.to_str()?).filter(|_| repository)?;
    format::read(&bytes).ok().map(|loaded| loaded.plan)
}
