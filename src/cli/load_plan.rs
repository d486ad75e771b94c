//! Reads a plan file and finds its spec; `verify` and `apply` share these functions.
//!
//! The file is read once; later steps use the content from memory.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::compose::{self, MadeLabels, Start};
use super::files::{self, Files};
use super::named_files::{self, NamedFiles};
use super::report::{Exit, Failure};
use super::{load_spec, plan as planning};
use crate::base::ident::Reference;
use crate::base::say;
use crate::engine::secrets::Secrets;
use crate::observed::scope::ObservationScope;
use crate::plan::{Plan, format};
use crate::spec::{Spec, read};
use crate::stale::{Judgement, SetVerdict, Staleness, spec_moved};
use crate::syntax::node::Node;
use crate::syntax::{problems, yaml};

/// A valid plan, with its spec.
pub struct Opened<'a> {
    /// The files that the command reads and writes.
    pub files: &'a Files,
    /// The plan.
    pub plan: Plan,
    /// The spec in the plan.
    pub spec: Spec,
    /// The digest of the plan.
    pub digest: String,
    /// The path of the spec file, if the file was found.
    pub found: Option<PathBuf>,
    /// The files that the spec names.
    pub named: NamedFiles<'a>,
    /// The Compose project of the spec, if the spec is a Compose project.
    pub compose: Option<Start>,
}

/// Where to look for the spec of a plan.
#[derive(Clone, Copy)]
pub struct SpecPlace<'a> {
    /// The path from `--spec`, which is the only candidate.
    pub file: Option<&'a Path>,
    /// Whether `--without-spec` is set: no spec is read.
    pub without: bool,
    /// The additional folders from `--allow-outside`.
    pub outside: &'a [PathBuf],
}

/// The objects that judging a plan and the last look need.
pub fn wanted(opened: &Opened<'_>) -> ObservationScope {
    let facts = &opened.plan.facts;
    let wanted = ObservationScope::of(&opened.spec).for_plan(
        facts.images.iter().map(|fact| fact.reference.clone()),
        facts.containers.iter().map(|fact| fact.id.clone()),
    );
    if opened.plan.ends_containers() { wanted.with_dependants() } else { wanted }
}

/// Reads and checks a plan file, and finds its spec.
pub fn open<'a>(
    files: &'a Files,
    path: &Path,
    expect_digest: Option<&str>,
    place: SpecPlace<'_>,
) -> Result<Opened<'a>, Failure> {
    let named = files::named(path);
    let bytes = files.read(path, format::MAX_BYTES)?;
    let loaded = format::read(&bytes).map_err(|error| Failure::from(error).within(&named))?;
    if let Some(expected) = expect_digest {
        loaded.expect_digest(expected).map_err(|error| Failure::from(error).within(&named))?;
    }
    let plan = loaded.plan;
    planning::sound(&plan).map_err(|failure| failure.within(&named))?;
    let spec =
        read::spec(Node::from_json(&plan.declared), &declared_files(&plan)).map_err(|all| {
            let shown = problems::render(&named, "", &all);
            Failure::new(
                Exit::Refused,
                format!("what the plan declares is no spec\n{}", shown.trim_end()),
            )
        })?;
    let (found, folder) = places(path, &plan, place)?;
    let compose = project(path, &plan, found.as_deref(), place.outside)?;
    let folder = compose.as_ref().map_or(folder, |start| start.here.clone());
    let named = NamedFiles::new(files, &folder, place.outside)?;
    if let Some(start) = &compose {
        named.know(compose::variables(start, &named)?);
    }
    Ok(Opened { files, plan, spec, digest: loaded.digest, found, named, compose })
}

/// The Compose project of a plan. Its files must be in the repository of the plan, and a local
/// project directory must be there or in one of the folders `outside`.
fn project(
    path: &Path,
    plan: &Plan,
    found: Option<&Path>,
    outside: &[PathBuf],
) -> Result<Option<Start>, Failure> {
    let Some(source) = plan.spec.as_ref().and_then(|source| source.compose.as_ref()) else {
        return Ok(None);
    };
    let Some(first) = found else { return Ok(None) };
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") && !files::is_standard(path) => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let paths = source.files.iter().chain(&source.env_files);
    for path in paths {
        if !is_plain(path) || within_repository(&folder, path).is_none() {
            let shown = say::safe(path);
            let message = format!(
                "expected `{shown}`, seen from the plan, to be a file of the plan's repository, but \
                 found none"
            );
            let hint = "make the plan with files of one repository, or say `--without-spec`";
            return Err(Failure::new(Exit::Refused, message).hint(hint));
        }
    }
    let start = compose::start_of(source, first, &folder);
    // The plan decides where `.env` and the files of the spec are read.
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let here = real(&start.here);
    let (root, _) = named_files::root(&folder);
    let is_own = here.starts_with(root) || here.starts_with(real(first).parent().unwrap_or(first));
    if start.asked && !is_own && !outside.iter().any(|outside| here.starts_with(real(outside))) {
        let message = format!(
            "expected the plan's project directory to be in the plan's repository, but found {}",
            files::named(&start.folder)
        );
        return Err(Failure::new(Exit::Refused, message).hint(named_files::ALLOW));
    }
    Ok(Some(start))
}

/// The path of the spec and the folder for its files: the folder of the spec that is read, or else
/// the plan's folder. The path in a plan decides nothing else.
fn places(
    path: &Path,
    plan: &Plan,
    place: SpecPlace<'_>,
) -> Result<(Option<PathBuf>, PathBuf), Failure> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") && !files::is_standard(path) => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let found = match (place.without, place.file) {
        (true, _) => None,
        (false, Some(path)) => Some(path.to_owned()),
        (false, None) => Some(beside(plan, &folder)?),
    };
    let own = |path: &Path| match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let counts = found.as_deref().map_or(folder, own);
    Ok((found, counts))
}

/// The spec file that a plan names, which must exist in the plan's repository.
fn beside(plan: &Plan, folder: &Path) -> Result<PathBuf, Failure> {
    let hint = "name it with `--spec FILE`, or say `--without-spec` to go on without this check";
    let Some(source) = &plan.spec else {
        let message =
            "the plan names no spec: whether it still declares the same cannot be checked";
        return Err(Failure::new(Exit::Refused, message).hint(hint));
    };
    let shown = say::safe(&source.path);
    if !is_plain(&source.path) {
        let message = format!(
            "expected a relative path of plain names to the spec, but the plan names `{shown}`"
        );
        return Err(Failure::new(Exit::Refused, message).hint(hint));
    }
    within_repository(folder, &source.path).ok_or_else(|| {
        let message = format!(
            "expected the spec `{shown}`, seen from the plan, to be a file of the plan's \
             repository, but found none"
        );
        Failure::new(Exit::Refused, message).hint(hint)
    })
}

/// Whether a path is relative and plain, with `..` only at its beginning.
fn is_plain(path: &str) -> bool {
    let mut named = false;
    let plain = |part: &str| {
        let up = part == "..";
        let fits = if up { !named } else { !part.is_empty() && part != "." };
        named |= !up;
        fits && !part.contains(|c: char| c == '\\' || c.is_control())
    };
    path.split('/').all(plain)
}

/// The declared form names every variable, so no environment file is read.
fn declared_files(_plan: &Plan) -> read::Files {
    read::Files::new()
}

/// A regular file inside the plan's repository or folder; a plan must not make bayplan read other
/// files.
fn within_repository(folder: &Path, relative: &str) -> Option<PathBuf> {
    let folder = std::fs::canonicalize(folder).ok()?;
    let path = std::fs::canonicalize(folder.join(relative)).ok()?;
    let (root, _) = named_files::root(&folder);
    let regular = std::fs::symlink_metadata(&path).is_ok_and(|about| about.is_file());
    (regular && path.starts_with(root)).then_some(path)
}

/// The labels that Compose would write on the plan's containers. Empty for an unreadable project,
/// which another check reports; Compose will then recreate the containers.
pub fn made_labels(opened: &Opened<'_>) -> MadeLabels {
    let start = opened
        .compose
        .as_ref()
        .filter(|start| !start.files.iter().any(|path| files::is_standard(path)));
    start
        .and_then(|start| compose::made_labels(opened.files, start, &opened.named).ok())
        .unwrap_or_default()
}

/// The changes in the spec since the plan, for the sets that the plan changes. `required`: the spec
/// comes from `--spec`.
pub fn spec_moved(
    opened: &Opened<'_>,
    required: bool,
    judgement: &mut Judgement,
) -> Result<(), Failure> {
    let Some(path) = &opened.found else { return Ok(()) };
    let start = opened.compose.as_ref();
    let (now, digest) = match load_spec::read(opened.files, path, &opened.named, start) {
        Ok(read) => read,
        Err(failure) if required => {
            // A read error is reported as it is. Other errors show no content, because the path in
            // a plan may lead to any file.
            opened.files.read(path, yaml::MOST_BYTES)?;
            let message = format!("expected a spec, but {} is none", files::named(path));
            return Err(Failure::new(failure.exit, message)
                .hint("`bayplan plan` of it says what is wrong with it"));
        }
        Err(_) => {
            judgement.stale.push(spec_moved::moved(None, "a spec", "a file that is none"));
            return Ok(());
        }
    };
    let same_file = opened.plan.spec.as_ref().is_some_and(|source| source.digest == digest);
    let (plan, before) = (&opened.plan, &opened.spec);
    judgement.stale.extend(spec_moved::spec_moved(plan, before, &now, same_file));
    judgement.notes.extend(spec_moved::declared_otherwise(plan, before, &now));
    Ok(())
}

/// Resolves the references of the sets that a plan changes.
pub fn secrets(opened: &Opened<'_>) -> Result<Secrets, Failure> {
    let secrets = load_spec::resolve(&opened.spec, &opened.named)?;
    let acted = opened.plan.changes.iter().filter_map(|change| change.set.as_ref());
    let mut needed: BTreeSet<Reference> = BTreeSet::new();
    for set in acted.filter_map(|key| opened.spec.sets.get(key)) {
        for declared in &set.options {
            declared.references(&mut needed);
        }
    }
    let missing: Vec<&Reference> =
        needed.iter().filter(|reference| secrets.missing().contains(*reference)).collect();
    if missing.is_empty() {
        return Ok(secrets);
    }
    let hint = "set it: what the plan's sets refer to must be known where the plan is judged";
    Err(load_spec::missing(missing, (&opened.spec, &secrets, &opened.named), hint))
}

/// The reasons against applying a plan: one line each, with a hint.
pub fn describe(all: &[Staleness]) -> String {
    say::listed(all, |staleness| {
        let set = staleness.set.as_ref().map(|set| say::short(set.as_str()) + ": ");
        let set = set.unwrap_or_default();
        format!("  {set}{staleness}\n    hint: {}", say::safe(&staleness.hint))
    })
}

/// The failure for a judgement, if the judgement ends the command.
pub fn verdict(judgement: &Judgement) -> Option<Failure> {
    if !judgement.tampered.is_empty() {
        let text = describe(&judgement.tampered);
        return Some(Failure::new(
            Exit::Refused,
            format!("the plan does not follow from what it declares; nothing was changed\n{text}"),
        ));
    }
    if !judgement.stale.is_empty() {
        let count = crate::base::say::count(judgement.stale.len(), "thing");
        let text = describe(&judgement.stale);
        return Some(Failure::new(
            Exit::Stale,
            format!("the plan is stale: {count} it relied on moved; nothing was changed\n{text}"),
        ));
    }
    None
}

/// The sets with a verdict, as a list for people.
pub fn sets_of(judgement: &Judgement, verdict: SetVerdict) -> String {
    let sets = judgement.verdicts.iter().filter(|(_, found)| **found == verdict);
    let names: Vec<&str> = sets.map(|(set, _)| set.as_str()).collect();
    names.join(", ")
}
