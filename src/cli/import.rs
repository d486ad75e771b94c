//! `bayplan import`.

use std::path::Path;

use super::args::{ComposeArgs, Global, ImportArgs};
use super::files::{self, Files};
use super::load_spec::{self, Asked};
use super::output;
use super::report::{Exit, Failure, Result};
use crate::base::ident::ProjectName;
use crate::base::say;
use crate::engine::observe::observe;
use crate::engine_model::Engine;
use crate::import::{self, Imported};
use crate::observed::file;
use crate::observed::pick::{Pick, Picked, Refusal};
use crate::observed::redact::{Literal, Unredacted};
use crate::observed::scope::ObservationScope;
use crate::observed::snapshot::Snapshot;
use crate::syntax::problems;

/// The default project name of an imported spec.
const PROJECT: &str = "imported";

/// Runs the command.
pub fn run(args: &ImportArgs, global: &Global, files: &Files) -> Result {
    let there = |path: &&Path| !files::is_standard(path) && path.symlink_metadata().is_ok();
    if let Some(path) = args.output.as_deref().filter(there) {
        return Err(Failure::new(Exit::Error, format!("{} is there already", files::named(path)))
            .hint("an import replaces no spec: write it beside, and compare the two"));
    }
    if args.compose {
        return compose(args, files);
    }
    if args.compose_files != ComposeArgs::default() {
        let message = "expected `--compose`, which these options are for, but found none";
        return Err(Failure::new(Exit::Usage, message));
    }
    let pick = match (&args.project, args.all) {
        (Some(project), _) => Pick::Project(project.clone()),
        (None, true) => Pick::All,
        (None, false) => Pick::Names(args.names.clone()),
    };
    let literal = Literal { all: args.literal_all, words: args.literal.iter().cloned().collect() };
    let (snapshot, picked) = look(args.snapshot.as_deref(), (global, files), &pick, &literal)?;
    if let Some(message) = Engine::of_snapshot(&snapshot).refuse() {
        return Err(Failure::new(Exit::Error, message));
    }
    if !matches!(pick, Pick::All) && !picked.refused.is_empty() || picked.chosen.is_empty() {
        return Err(refused(&picked, &pick));
    }
    if let Some((word, close)) = literal.unknown(&snapshot, &picked) {
        let found = say::short(word);
        let message =
            format!("expected an option or a variable of these containers, but found `{found}`");
        let failure = Failure::new(Exit::Error, message);
        return Err(close.into_iter().fold(failure, Failure::hint));
    }
    let project = project(args.project.as_deref().unwrap_or(PROJECT));
    let imported = import::import(&snapshot, &picked, &project).map_err(|found| {
        let shown = problems::render("the spec", "", &found);
        Failure::new(Exit::Error, format!("what was found is no spec\n{}", shown.trim_end()))
    })?;
    tell(&imported);
    write(args, files, &imported.text, imported.spec.sets.len())
}

/// The spec for a Compose project.
fn compose(args: &ImportArgs, files: &Files) -> Result {
    let asked = Asked {
        path: None,
        compose: &args.compose_files,
        outside: &args.allow_outside,
        assume: false,
    };
    let loaded = load_spec::load(files, asked)?;
    if loaded.compose.is_none() {
        let message =
            format!("expected a Compose file, but {} is none", files::named(&loaded.path));
        return Err(Failure::new(Exit::Error, message));
    }
    let text = import::declared(&loaded.spec.canonical());
    write(args, files, &text, loaded.spec.sets.len())
}

fn write(args: &ImportArgs, files: &Files, text: &str, sets: usize) -> Result {
    match args.output.as_deref().filter(|path| !files::is_standard(path)) {
        None => output::data(text)?,
        Some(path) => {
            files.write(path, text.as_bytes())?;
            output::note(&format!(
                "written to {}: {}\nhint: read it, then: bayplan plan {}",
                files::named(path),
                say::count(sets, "container"),
                files::named(path),
            ));
        }
    }
    Ok(Exit::Done)
}

/// The snapshot to import from, with secrets hidden.
fn look(
    file: Option<&Path>,
    (global, files): (&Global, &Files),
    pick: &Pick,
    literal: &Literal,
) -> std::result::Result<(Snapshot, Picked), Failure> {
    let Some(path) = file else {
        return super::observe::runtime()?.block_on(async {
            let reader = super::observe::connect(global).await?;
            let unsealed = observe(&reader, &ObservationScope::imported(pick.clone())).await?;
            Ok(import::redact(unsealed, pick, literal))
        });
    };
    let bytes = files.read(path, file::MAX_BYTES)?;
    let snapshot =
        file::read(&bytes).map_err(|error| Failure::from(error).within(&files::named(path)))?;
    if snapshot.engine.is_none() && !snapshot.whole {
        return Ok(import::redact(Unredacted::new(snapshot), pick, literal));
    }
    if *literal != Literal::default() {
        let message = format!("{} does not hold what it hides", files::named(path));
        return Err(Failure::new(Exit::Error, message).hint(
            "`--literal` needs the engine, or what `docker inspect` prints of containers and images",
        ));
    }
    Ok(import::prepare(snapshot, pick))
}

/// A foreign project name as a valid project name.
fn project(name: &str) -> ProjectName {
    let fit =
        |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
    let name: String = name.chars().map(fit).collect();
    let name = name.trim_start_matches(['-', '_']);
    ProjectName::new(if name.is_empty() { PROJECT } else { name })
}

fn lines(refused: &[Refusal]) -> String {
    let line = |each: &Refusal| format!("  `{}`: {}", say::short(&each.name), each.why);
    refused.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn refused(picked: &Picked, pick: &Pick) -> Failure {
    let nothing = match pick {
        Pick::Project(project) => {
            format!("no container belongs to the project `{}`", say::short(project))
        }
        Pick::All | Pick::Names(_) => "there is no container to import".to_owned(),
    };
    if picked.refused.is_empty() {
        return Failure::new(Exit::Error, nothing)
            .hint("`docker ps -a` lists what there is; bayplan's own are in their spec already");
    }
    let count = say::count(picked.refused.len(), "container");
    Failure::new(Exit::Error, format!("{count} cannot be imported\n{}", lines(&picked.refused)))
}

fn tell(imported: &Imported) {
    if !imported.refused.is_empty() {
        output::note(&format!("warning: left out:\n{}", lines(&imported.refused)));
    }
}
