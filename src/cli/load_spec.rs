//! Reads a spec from disk, with the variable names in its environment files, and resolves its
//! references.
//!
//! Secret values stay in memory. The meaning of the file is in [`crate::spec`], not here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};

use super::args::ComposeArgs;
use super::compose::{self, Start};
use super::compose_project;
use super::files::{self, Files};
use super::named_files::{NamedFiles, Wrong};
use super::output;
use super::report::{Exit, Failure};
use crate::base::ident::Reference;
use crate::base::kind::Kind;
use crate::base::say;
use crate::compose::Project;
use crate::engine::known;
use crate::engine::secrets::Secrets;
use crate::spec::env_merge::EnvFileUse;
use crate::spec::{Compat, Spec, label_file, read};
use crate::syntax::env_file::{Fault, Format, Unset};
use crate::syntax::node::Problem;
use crate::syntax::{problems, yaml};

/// A spec that was read from disk.
pub struct Loaded<'a> {
    /// The declared state.
    pub spec: Spec,
    /// The `sha256:` digest of the file.
    pub digest: String,
    /// The files that it names.
    pub named: NamedFiles<'a>,
    /// The path of the spec, or of the first file of a Compose project.
    pub path: PathBuf,
    /// The Compose project and its files, if the spec is a Compose project.
    pub compose: Option<(Start, Project)>,
}

/// Which spec to read.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The path of the spec; `None`: the Compose project in the working directory.
    pub path: Option<&'a Path>,
    /// The options for Compose files.
    pub compose: &'a ComposeArgs,
    /// The folders outside the repository that may hold files of the spec.
    pub outside: &'a [PathBuf],
    /// Whether unresolved references are assumed to be unchanged.
    pub assume: bool,
}

/// Reads a Compose project that need not be one that bayplan can plan; `None` for a spec.
pub fn project(files: &Files, asked: Asked<'_>) -> Result<Option<compose_project::Shown>, Failure> {
    if let Some(path) = asked.path {
        let folder = path.parent().unwrap_or(Path::new(""));
        NamedFiles::new(files, folder, asked.outside)?.spec(path)?;
        let bytes = files.read(path, yaml::MOST_BYTES)?;
        if !compose::is_compose(&String::from_utf8_lossy(&bytes)) {
            return Ok(None);
        }
    }
    let mut start = compose::start(asked.path, asked.compose, files, asked.outside)?;
    start.assume = asked.assume;
    let named = NamedFiles::new(files, &start.here, asked.outside)?;
    compose_project::shown(files, &start, &named).map(Some)
}

/// Reads a spec or a Compose project, with the variable names in its environment files.
pub fn load<'a>(files: &'a Files, asked: Asked<'_>) -> Result<Loaded<'a>, Failure> {
    if let Some(path) = asked.path {
        let folder = path.parent().unwrap_or(Path::new(""));
        let named = NamedFiles::new(files, folder, asked.outside)?;
        named.spec(path)?;
        let bytes = files.read(path, yaml::MOST_BYTES)?;
        let ours = !compose::is_compose(&String::from_utf8_lossy(&bytes));
        if ours && *asked.compose != ComposeArgs::default() {
            let message = format!(
                "expected a Compose file, which the options are for, but {} is none",
                files::named(path)
            );
            return Err(Failure::new(Exit::Usage, message).hint("take the options out"));
        }
        if ours {
            let (spec, digest) = parsed(&bytes, path, &named)?;
            return Ok(Loaded { spec, digest, named, path: path.to_owned(), compose: None });
        }
    }
    let mut start = compose::start(asked.path, asked.compose, files, asked.outside)?;
    start.assume = asked.assume;
    let named = NamedFiles::new(files, &start.here, asked.outside)?;
    let read = compose_project::read(files, &start, &named)?;
    read.notes.iter().for_each(|note| output::note(note));
    let path = start.files.first().cloned().unwrap_or_default();
    let compose = Some((start, read.project));
    Ok(Loaded { spec: read.spec, digest: read.digest, named, path, compose })
}

/// Reads a spec whose allowed files are known; also gives its `sha256:` digest. `start`: the
/// Compose project, if the spec is a Compose project.
pub fn read(
    files: &Files,
    path: &Path,
    named: &NamedFiles<'_>,
    start: Option<&Start>,
) -> Result<(Spec, String), Failure> {
    if let Some(start) = start {
        let read = compose_project::read(files, start, named)?;
        return Ok((read.spec, read.digest));
    }
    named.spec(path)?;
    parsed(&files.read(path, yaml::MOST_BYTES)?, path, named)
}

fn parsed(bytes: &[u8], path: &Path, named: &NamedFiles<'_>) -> Result<(Spec, String), Failure> {
    let name = files::named(path);
    let wrong = |text: &str, found: &[Problem]| {
        let shown = problems::render(&name, text, found);
        let count = say::count(found.len(), "problem");
        Failure::new(Exit::Error, format!("the spec has {count}\n{}", shown.trim_end()))
    };
    let other = std::str::from_utf8(bytes).ok().and_then(Kind::of);
    if let Some(other) = other.filter(|kind| *kind != Kind::Spec) {
        let message = format!("expected a spec, but found {}", other.words());
        return Err(Failure::new(Exit::Error, message).within(&name).hint(other.hint()));
    }
    let text =
        yaml::text(bytes).map_err(|problem| wrong(&String::from_utf8_lossy(bytes), &[problem]))?;
    let (node, mut told) = yaml::tree(text).map_err(|problem| wrong(text, &[problem]))?;
    let uses = label_file::uses(&node);
    let label_files = named_files(uses, named, &mut told, |path| named.labels(path));
    let variables = named_files(read::env_files(&node), named, &mut told, |path| {
        let Some(file) = named.variables(path)? else { return Ok(None) };
        let unset = file.unset(|name| std::env::var_os(name).is_some());
        if unset.is_empty() { Ok(Some(file.names())) } else { Err(faults(path, &unset)) }
    });
    let node = label_file::expand(node, &label_files, &mut told);
    let spec = read::tree(node, told, &variables).map_err(|problems| wrong(text, &problems))?;
    Ok((spec, digest(bytes)))
}

pub(super) fn faults(written: &str, all: &[Fault]) -> Vec<Wrong> {
    let path = Format::of(written).0;
    let wrong = |fault: &Fault| Wrong {
        message: fault.in_file(path),
        hint: fault.hint().map(str::to_owned),
    };
    all.iter().map(wrong).collect()
}

/// `sha256:` of some bytes.
pub fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// How many faults of one file are reported.
const MOST_FAULTS: usize = 20;

/// Reads the files that a spec names. A missing or faulty file is reported at its first line in the
/// spec, and counts as empty. A missing optional file is skipped.
pub(super) fn named_files<T: Default>(
    uses: Vec<EnvFileUse>,
    named: &NamedFiles<'_>,
    told: &mut Vec<Problem>,
    read: impl Fn(&str) -> Result<Option<T>, Vec<Wrong>>,
) -> BTreeMap<String, T> {
    let mut all = BTreeMap::new();
    for used in uses {
        if all.contains_key(&used.path) {
            continue;
        }
        let problem = |message, hint| Problem { place: used.place, message, hint };
        let file = match read(&used.path) {
            Ok(None) if !used.required => continue,
            Ok(None) => {
                let (shown, tried) = (Format::of(&used.path).0, named.tried(&used.path));
                let shown = say::safe(shown);
                let message = format!("{shown}: expected a file, but there is none at {tried}");
                told.push(problem(message, None));
                T::default()
            }
            Ok(Some(file)) => file,
            Err(wrong) => {
                let more = wrong.len().saturating_sub(MOST_FAULTS);
                let first = wrong.into_iter().take(MOST_FAULTS);
                told.extend(first.map(|wrong| problem(wrong.message, wrong.hint)));
                if more > 0 {
                    let shown = say::safe(Format::of(&used.path).0);
                    told.push(problem(format!("{shown}: and {more} more like these"), None));
                }
                T::default()
            }
        };
        all.insert(used.path.clone(), file);
    }
    all
}

/// Resolves the references of a spec from the current environment and files.
pub fn resolve(spec: &Spec, named: &NamedFiles<'_>) -> Result<Secrets, Failure> {
    let environment =
        |name: &str| named.variable(name).map(|value| value.expose_secret().to_owned());
    let fault = |written: &str, fault: Fault| {
        let message = fault.in_file(Format::of(written).0);
        Wrong { message, hint: fault.hint().map(str::to_owned) }
    };
    let files = |path: &str| named.variables(path);
    let unset = if spec.compat == Some(Compat::Compose) { Unset::Empty } else { Unset::Missing };
    let secrets = Secrets::resolve(&spec.references(), unset, files, fault, &environment);
    for value in secrets.iter().flat_map(|secrets| secrets.values().values()) {
        known::learn(value.expose_secret());
    }
    secrets.map_err(|wrong| {
        let lines: Vec<&str> = wrong.iter().map(|one| one.message.as_str()).collect();
        let failure = Failure::new(Exit::Error, lines.join("\n"));
        match wrong.into_iter().find_map(|one| one.hint) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

/// The error for unresolved references, with the sets that need them, and with `hint`.
pub fn missing<'a>(
    references: impl IntoIterator<Item = &'a Reference>,
    (spec, secrets, named): (&Spec, &Secrets, &NamedFiles<'_>),
    hint: &str,
) -> Failure {
    let lines = with_takers(references, spec, |reference| nothing(reference, secrets, named));
    Failure::new(Exit::Error, lines).hint(hint)
}

/// The error for resolved references that a snapshot did not compare.
pub fn not_compared<'a>(
    references: impl IntoIterator<Item = &'a Reference>,
    spec: &Spec,
) -> Failure {
    let lines = with_takers(references, spec, |reference| {
        let named = match reference {
            Reference::Env { name } => format!("the variable `{}`", say::safe(name)),
            Reference::Template { text } => format!("the text `{}`", say::short(text)),
            Reference::EnvFile { path, name } => {
                let path = say::safe(Format::of(path).0);
                format!("`{}` of the file `{path}`", say::safe(name))
            }
        };
        format!("the snapshot was taken without {named}")
    });
    Failure::new(Exit::Error, lines).hint(
        "take the snapshot with this spec where its references are set: `bayplan snapshot SPEC -o FILE`",
    )
}

/// The references, one a line, with the sets that use each reference.
fn with_takers<'a>(
    references: impl IntoIterator<Item = &'a Reference>,
    spec: &Spec,
    words: impl Fn(&Reference) -> String,
) -> String {
    let references: Vec<&Reference> = references.into_iter().collect();
    let takers = spec.takers();
    say::listed(&references, |reference| {
        let own = takers.iter().filter(|(_, all)| all.contains(*reference));
        let own: Vec<&str> = own.map(|(who, _)| who.as_str()).collect();
        format!("{}{}", words(reference), needed(&own))
    })
}

/// The users of a reference: ``, which `a` and network `b` take``.
fn needed(takers: &[&str]) -> String {
    match takers {
        [] => String::new(),
        [one] => format!(", which {one} takes"),
        [rest @ .., last] => format!(", which {} and {last} take", rest.join(", ")),
    }
}

/// Why a reference cannot be resolved.
fn nothing(reference: &Reference, secrets: &Secrets, named: &NamedFiles<'_>) -> String {
    let (written, name) = match reference {
        Reference::Env { name } => return format!("the variable `{}` is not set", say::safe(name)),
        Reference::Template { text } => {
            return format!("the text `{}` takes a variable that is not set", say::short(text));
        }
        Reference::EnvFile { path, name } => (path, say::safe(name)),
    };
    let path = say::safe(Format::of(written).0);
    if let Some(line) = secrets.lacking(reference) {
        return format!("{path}:{line}: `{name}` takes a variable that is not set");
    }
    match named.variables(written) {
        Ok(None) => {
            format!("there is no file `{path}` at {} to give `{name}`", named.tried(written))
        }
        _ => format!("the file `{path}` gives no `{name}`"),
    }
}
