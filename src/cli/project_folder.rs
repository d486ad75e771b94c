//! Checks that a Compose project is planned from the folder in which its containers were created.
//! In another folder every relative path would differ, and the plan would replace all containers.

use std::path::Path;

use super::args::Global;
use super::compose::Start;
use super::observe;
use super::report::{Exit, Failure};
use crate::base::ident::{COMPOSE_FOLDER, COMPOSE_ONEOFF, COMPOSE_PROJECT};
use crate::base::say;
use crate::observed::snapshot::{Container, Snapshot};
use crate::spec::{Spec, body};

/// Refuses a look with project containers from another folder, unless the user gave the project
/// directory.
pub(super) fn refuse_other(start: &Start, spec: &Spec, snapshot: &Snapshot) -> Result<(), Failure> {
    if start.asked {
        return Ok(());
    }
    let other = |container: &Container| {
        let own = container.label(COMPOSE_PROJECT) == Some(spec.project.as_str())
            && container.label(COMPOSE_ONEOFF) != Some("True");
        let from = container.label(COMPOSE_FOLDER).filter(|_| own)?;
        (!is_same(Path::new(from), &start.folder)).then(|| (container.name(), from.to_owned()))
    };
    let Some((name, from)) = snapshot.containers.iter().find_map(other) else { return Ok(()) };
    let (from, folder) = (say::safe(&from), say::safe(&start.folder.to_string_lossy()));
    let message = format!(
        "expected container `{name}` of project `{}` to be made from {folder}, but found it made from \
         {from}",
        spec.project,
    );
    Err(Failure::new(Exit::Error, message).hint(format!(
        "`--project-directory {from}` plans for that folder, `--project-directory {folder}` moves the \
         project; another project needs another name (`-p`)"
    )))
}

fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    one == other || real(one).is_some_and(|one| Some(one) == real(other))
}

/// Refuses relative paths for a remote engine, unless the user gave the project directory.
pub(super) fn refuse_far(start: &Start, spec: &Spec, global: &Global) -> Result<(), Failure> {
    if start.asked || !observe::is_elsewhere(global)? {
        return Ok(());
    }
    let cx = body::places(spec);
    let mut sources = spec.sets.values().flat_map(|set| body::bind_sources(set, &cx).into_keys());
    let Some(source) = sources.find(|source| Path::new(source).starts_with(&start.folder)) else {
        return Ok(());
    };
    let message = format!(
        "expected to know the project's folder on the engine's host, which {} counts from, but the \
         engine is on another machine",
        say::safe(&source)
    );
    Err(Failure::new(Exit::Error, message)
        .hint("say it with `--project-directory DIR`; files are still read from here"))
}
