//! The earlier plan of a project: a given file, or the version of the plan file that is committed.

use std::path::Path;

use super::args::{FailOn, Format, PlanArgs};
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
    if !args.fail_on.contains(&FailOn::Drift) && !tells_causes(args.format) {
        return Ok(None);
    }
    let committed = args.output.as_deref().and_then(|path| committed(path, project));
    Ok(committed.map(|(_, plan)| plan))
}

/// The committed version of a plan file, if that is another plan of the same project.
pub fn beside(path: &Path, bytes: &[u8], project: &ProjectName, form: Format) -> Option<Plan> {
    if !tells_causes(form) {
        return None;
    }
    let (other, plan) = committed(path, project)?;
    (other != bytes).then_some(plan)
}

/// Whether a form says who caused what differs.
fn tells_causes(form: Format) -> bool {
    matches!(form, Format::Text | Format::Markdown | Format::Html)
}

/// The plan in a given file.
pub fn named(path: &Path, files: &Files) -> Result<Plan, Failure> {
    let bytes = files.read(path, format::MAX_BYTES)?;
    let loaded = format::read(&bytes);
    loaded
        .map(|loaded| loaded.plan)
        .map_err(|error| Failure::from(error).within(&files::named(path)))
}

/// The committed plan of a project at a path, with its bytes.
fn committed(path: &Path, project: &ProjectName) -> Option<(Vec<u8>, Plan)> {
    if files::is_standard(path) {
        return None;
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let (_, repository) = named_files::root(folder);
    let bytes = git::committed(folder, path.file_name()?.to_str()?).filter(|_| repository)?;
    let plan = format::read(&bytes).ok()?.plan;
    (plan.project == *project).then_some((bytes, plan))
}
