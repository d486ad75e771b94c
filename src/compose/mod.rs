//! Reads, merges and resolves Compose files as Compose does, and converts the project to a spec.
//!
//! The order follows Compose: for each file variables, `extends`, `include`, merging, shapes and
//! long forms; then defaults for the whole project. Values that may be secret stay templates. Files
//! and variables are read through [`Source`]. Planning and the engine model are not here.

mod canonical;
mod check;
mod deploy;
mod extends;
mod fields;
mod fitted;
pub mod go;
mod include;
mod interpolate;
mod keys;
mod lines;
mod loader;
mod lower;
mod merge;
mod model;
mod normal;
mod paths;
mod ports;
mod put;
pub mod resolved;
mod scope;
mod shape;
mod source;
mod tree;
mod unicity;
mod values;
mod volume;

use std::collections::BTreeSet;

pub use lower::lowered;
pub use source::{Files, Source, Unread};

use crate::syntax::node::{Node, Place, Problem};
use crate::syntax::template::{Seen, Template};
use go::Go;
use loader::Loader;
use scope::Scope;

/// The files and options of a project.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The absolute paths of the files; later files override earlier files.
    pub files: Vec<String>,
    /// The absolute project directory, for relative paths.
    pub folder: String,
    /// The requested project name, which overrides the name in the files.
    pub name: Option<String>,
    /// The default project name.
    pub fallback_name: String,
    /// The active profiles.
    pub profiles: BTreeSet<String>,
    /// The home directory for `~`.
    pub home: Option<String>,
    /// The variables whose values may be shown everywhere.
    pub public: BTreeSet<String>,
    /// Whether an unset variable is an error.
    pub strict: bool,
    /// Whether unknown values are assumed to be unchanged.
    pub assume: bool,
}

/// A project in long forms.
#[derive(Debug, Clone)]
pub struct Project {
    /// The project name.
    pub name: String,
    /// The content with places.
    pub root: Node,
    /// The project in the notation of `docker compose config`; values that may be secret are marks.
    pub model: Go,
    /// The notes for the user.
    pub warnings: Vec<Problem>,
}

impl Project {
    /// The names of the services.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        let services = self.root.get("services").map(Node::entries).unwrap_or_default();
        services.iter().map(|entry| entry.key.as_str())
    }

    /// Whether a service builds its image.
    pub fn builds(&self, service: &str) -> bool {
        let service = self.root.get("services").and_then(|services| services.get(service));
        service.is_some_and(|service| service.said("build").is_some())
    }

    /// A service in the notation of `docker compose config`.
    pub fn service(&self, name: &str) -> Option<&Go> {
        let of = |go: &'_ Go, key: &str| -> Option<usize> {
            let Go::Map(entries) = go else { return None };
            entries.iter().position(|(known, _)| known == key)
        };
        let Go::Map(root) = &self.model else { return None };
        let (_, services) = root.get(of(&self.model, "services")?)?;
        let Go::Map(all) = services else { return None };
        all.get(of(services, name)?).map(|(_, service)| service)
    }
}

/// Reads a project. The places in problems refer to the returned files.
pub fn load(source: &dyn Source, request: &Request) -> (Files, Result<Project, Vec<Problem>>) {
    let mut loader = Loader::new(source, request);
    let project = read(&mut loader, request);
    let Loader { files, problems, .. } = loader;
    let mut all = problems.all;
    match project {
        Some(project) if all.is_empty() => (files, Ok(project)),
        _ => {
            all.sort_by_key(|problem| problem.place);
            all.dedup();
            (files, Err(all))
        }
    }
}

fn read(loader: &mut Loader<'_>, request: &Request) -> Option<Project> {
    let name = project_name(loader, request)?;
    let scope = Scope::new(loader.source, &name);
    let mut root = loader.tree(&request.files, &request.folder, &scope, &[]);
    let is_empty = root.entries().iter().all(|entry| entry.key == "version");
    if is_empty && loader.problems.all.is_empty() {
        let message = "expected `services`, but the Compose file is empty";
        loader.problems.add(Place { line: 1, column: 1 }, message);
    }
    if !loader.problems.all.is_empty() {
        return None;
    }
    normal::normalize(&mut root, &name);
    normal::build_arguments(&mut root, &|name| scope.value(name).is_some());
    let inactive = normal::inactive(&mut root, &request.profiles);
    check::consistency(&root, &inactive, &mut loader.problems);
    if !loader.problems.all.is_empty() {
        return None;
    }
    normal::unused(&mut root);
    let mut model = model::project(&root, &name, &mut loader.problems);
    lines::keep(&mut model, &root, loader.source);
    loader.problems.all.extend(loader.uses.leaks(&request.public));
    let warnings = unset(loader, request);
    Some(Project { name, root, model, warnings })
}

/// The problems about unset variables.
fn unset(loader: &mut Loader<'_>, request: &Request) -> Vec<Problem> {
    let of = |(name, place): (&String, &Place)| Problem {
        place: *place,
        message: format!(
            "the variable `{}` is not set, and taken for empty",
            crate::base::say::short(name)
        ),
        hint: None,
    };
    let all: Vec<Problem> = loader.unset.iter().map(of).collect();
    if request.strict {
        loader.problems.all.extend(all);
        return Vec::new();
    }
    all
}

/// The project name: from the request, or else from the last file with a name, or else from the
/// folder.
fn project_name(loader: &mut Loader<'_>, request: &Request) -> Option<String> {
    if let Some(name) = &request.name {
        if *name == plain_name(name) && !name.is_empty() {
            return Some(name.clone());
        }
        let message = format!(
            "expected a project's name of lower-case letters, digits, `-` and `_` that begins with a \
             letter or digit, but found `{}`",
            crate::base::say::short(name),
        );
        loader.problems.add(Place::default(), message);
        return None;
    }
    let named = loader.named(&request.files);
    if !loader.problems.all.is_empty() {
        return None;
    }
    let Some(node) = named else { return Some(request.fallback_name.clone()) };
    let written = node.printed().unwrap_or_default();
    let scope = Scope::new(loader.source, "");
    let template = Template::parse(&written).ok();
    let filled = template
        .and_then(|template| template.fill(&|name| scope.value(name), &mut Seen::default()).ok());
    let name = filled.map(|name| plain_name(&name)).unwrap_or_default();
    Some(if name.is_empty() { request.fallback_name.clone() } else { name })
}

/// A name without the characters that project names must not have.
pub fn plain_name(name: &str) -> String {
    let lower = name.to_lowercase();
    let fits = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let plain: String = lower.chars().filter(fits).collect();
    plain.trim_start_matches(['-', '_']).to_owned()
}
