//! A Compose project on disk: read, and made a spec of.
//!
//! Which files and variables it has is found in [`super::compose`].

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::compose::{Shell, Start, absolute, text, variables};
use super::files::{self, Files};
use super::load_spec;
use super::named_files::{NamedFiles, Wrong};
use super::report::{Exit, Failure};
use crate::base::say;
use crate::compose::{self, Request, resolved};
use crate::spec::env_merge::EnvFileUse;
use crate::spec::{Spec, label_file, read as read_spec};
use crate::syntax::env_file::{Format, Unset};
use crate::syntax::node::{Node, Problem};

/// A project that was read.
pub struct Read {
    /// The spec of the project.
    pub spec: Spec,
    /// The Compose project.
    pub project: compose::Project,
    /// The `sha256:` digest of all files.
    pub digest: String,
    /// The notes for the user.
    pub notes: Vec<String>,
}

/// Reads a project. `named` limits the files that the project may name, and receives the project's
/// variables.
pub fn read(files: &Files, start: &Start, named: &NamedFiles<'_>) -> Result<Read, Failure> {
    let Whole { map, project, lowered } = lower(files, start, named)?;
    let Lowered { spec, unset, notes: more } = lowered.map_err(|found| failed(&map, &found))?;
    let known = project.warnings.iter().chain(&more).map(|problem| told(&map, problem, ""));
    // An assumed variable counts as empty.
    let unset = unset.into_iter().filter(|_| !start.assume).map(|text| format!("note: {text}"));
    let notes = known.chain(unset).collect();
    let digest = load_spec::digest(map.texts().as_bytes());
    Ok(Read { spec, project, digest, notes })
}

/// A project for people to read, and notes: also on what stands in the way of a plan.
pub struct Shown {
    /// The Compose project.
    pub project: compose::Project,
    /// The notes for the user.
    pub notes: Vec<String>,
}

/// Reads a project that need not be one that bayplan can plan.
pub fn shown(files: &Files, start: &Start, named: &NamedFiles<'_>) -> Result<Shown, Failure> {
    let Whole { map, project, lowered } = lower(files, start, named)?;
    let (begin, more, unset) = match lowered {
        Ok(lowered) => ("", lowered.notes, lowered.unset),
        // A file that cannot be read is a fault of the project itself.
        Err(found) if start.strict || !start.assume && !is_whole(files, start, named, &project) => {
            return Err(failed(&map, &found));
        }
        Err(found) => ("no plan: ", found, BTreeSet::new()),
    };
    let known = project.warnings.iter().map(|problem| told(&map, problem, ""));
    let unset = unset.into_iter().filter(|_| !start.assume).map(|text| format!("note: {text}"));
    let more = more.iter().map(|problem| told(&map, problem, begin));
    let notes = known.chain(more).chain(unset).collect();
    Ok(Shown { project, notes })
}

/// Whether all environment files and label files of a project can be read.
fn is_whole(
    files: &Files,
    start: &Start,
    named: &NamedFiles<'_>,
    project: &compose::Project,
) -> bool {
    let folders = (start.folder.clone(), start.here.clone());
    let source = Shell { files, named, given: BTreeMap::new(), folders };
    project.services().all(|name| resolved::service(project, name, &source).is_ok())
}

/// A note on a place in the files.
fn told(map: &compose::Files, problem: &Problem, begin: &str) -> String {
    let shown = map.named_from(&text(&absolute(Path::new("."))));
    let place = say::safe(&shown.show(problem.place));
    format!("note: {place}: {begin}{}", say::safe(&problem.message))
}

fn failed(map: &compose::Files, found: &[Problem]) -> Failure {
    let shown = map.named_from(&text(&absolute(Path::new(".")))).render(found);
    let count = say::count(found.len(), "problem");
    Failure::new(Exit::Error, format!("the Compose file has {count}\n{}", shown.trim_end()))
}

/// What became of a project for bayplan.
struct Lowered {
    spec: Spec,
    /// The unset variables in environment files.
    unset: BTreeSet<String>,
    notes: Vec<Problem>,
}

/// A project with its files, and what became of it for bayplan.
struct Whole {
    map: compose::Files,
    project: compose::Project,
    lowered: Result<Lowered, Vec<Problem>>,
}

/// Reads a project, and makes a spec of it.
fn lower(files: &Files, start: &Start, named: &NamedFiles<'_>) -> Result<Whole, Failure> {
    let mut variables = variables(start, named)?;
    named.know(variables.clone());
    let given: BTreeMap<String, PathBuf> = start
        .files
        .iter()
        .map(|path| {
            let key =
                if files::is_standard(path) { start.folder.join("-") } else { absolute(path) };
            (text(&key), path.clone())
        })
        .collect();
    let paths = start.files.iter().map(|path| {
        let key = if files::is_standard(path) { start.folder.join("-") } else { absolute(path) };
        text(&key)
    });
    let folder = start.folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let fallback_name = compose::plain_name(&folder.unwrap_or_default());
    let request = Request {
        files: paths.collect(),
        folder: text(&start.folder),
        name: start.name.clone(),
        fallback_name,
        profiles: start.profiles.clone(),
        home: env::var("HOME").ok(),
        public: start.public.clone(),
        strict: start.strict,
        assume: start.assume,
    };
    let folders = (start.folder.clone(), start.here.clone());
    let source = Shell { files, named, given, folders };
    let (map, loaded) = compose::load(&source, &request);
    let project = loaded.map_err(|found| failed(&map, &found))?;
    // Compose gives the name of the project to services and files that ask for it.
    let name = SecretString::from(project.name.clone());
    variables.entry("COMPOSE_PROJECT_NAME".to_owned()).or_insert(name);
    named.know(variables);
    let lowered = compose::lowered(&project, &request, &source).and_then(|(node, notes)| {
        let (spec, unset) = spec(node, named, start.strict)?;
        Ok(Lowered { spec, unset, notes })
    });
    Ok(Whole { map, project, lowered })
}

/// The spec of a lowered project, with the content of its environment files and label files. Also
/// gives the unset variables in these files; `strict` refuses unset variables.
fn spec(
    node: Node,
    named: &NamedFiles<'_>,
    strict: bool,
) -> Result<(Spec, BTreeSet<String>), Vec<Problem>> {
    let mut told = Vec::new();
    let uses: Vec<EnvFileUse> = label_file::uses(&node);
    let labels = load_spec::named_files(uses, named, &mut told, |path| named.labels(path));
    let unset = RefCell::new(BTreeSet::new());
    let variables = load_spec::named_files(read_spec::env_files(&node), named, &mut told, |path| {
        let Some(file) = named.variables(path)? else { return Ok(None) };
        let value = |name: &str| named.variable(name).map(|value| value.expose_secret().to_owned());
        // Other faults of a value are reported when the value is needed.
        let without = file.resolve(Unset::Empty, value).map(|resolved| resolved.unset);
        let notes: Vec<String> = without
            .into_iter()
            .flatten()
            .map(|(line, name)| {
                let (path, name) = (say::safe(Format::of(path).0), say::short(&name));
                format!("{path}:{line}: the variable `{name}` is not set, and taken for empty")
            })
            .collect();
        if strict && !notes.is_empty() {
            return Err(notes.into_iter().map(|message| Wrong { message, hint: None }).collect());
        }
        unset.borrow_mut().extend(notes);
        Ok(Some(file.without_unset(|name| named.variable(name).is_some()).names()))
    });
    let node = label_file::expand(node, &labels, &mut told);
    Ok((read_spec::tree(node, told, &variables)?, unset.into_inner()))
}
