//! Compose files as they are: read, merged and resolved as the reference does it, and said as a spec
//! of bayplan's.
//!
//! The order is that of Compose: per file variables, `extends`, `include`, merging, shape, long
//! forms; then once what all files come to. Values that may be secret stay templates. Files and
//! variables are asked for through [`Source`]; planning, and what engines make of it, are not here.

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

use crate::syntax::node::{Node, Problem};
use crate::syntax::template::{Seen, Template};
use go::Go;
use loader::Loader;
use scope::Scope;

/// What is to be read.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The files, absolute; those after count more.
    pub files: Vec<String>,
    /// The folder from which relative paths count, absolute.
    pub folder: String,
    /// The project's name, where it is not the files that say it.
    pub name: Option<String>,
    /// The name where nobody says one.
    pub fallback_name: String,
    /// Profiles that are active.
    pub profiles: BTreeSet<String>,
    /// What `~` is.
    pub home: Option<String>,
    /// Variables whose values may be shown wherever they are used.
    pub public: BTreeSet<String>,
    /// Whether a variable that is not set is a fault.
    pub strict: bool,
    /// Whether values that are not known here are taken for the same.
    pub assume: bool,
}

/// A project, in long forms.
#[derive(Debug, Clone)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// What it says, with places.
    pub root: Node,
    /// As the reference prints it; values that may be secret are marks.
    pub model: Go,
    /// What people should know.
    pub warnings: Vec<Problem>,
}

impl Project {
    /// The keys of its services.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        let services = self.root.get("services").map(Node::entries).unwrap_or_default();
        services.iter().map(|entry| entry.key.as_str())
    }

    /// Whether a service's image is one that is built.
    pub fn builds(&self, service: &str) -> bool {
        let service = self.root.get("services").and_then(|services| services.get(service));
        service.is_some_and(|service| service.said("build").is_some())
    }

    /// A service as the reference prints it.
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

/// Reads a project. Problems have places in the files that come back with them.
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
    let model = model::project(&root, &name, &mut loader.problems);
    loader.problems.all.extend(loader.uses.leaks(&request.public));
    let warnings = unset(loader, request);
    Some(Project { name, root, model, warnings })
}

/// What to say of variables that are not set.
fn unset(loader: &mut Loader<'_>, request: &Request) -> Vec<Problem> {
    let of = |(name, place): (&String, &crate::syntax::node::Place)| Problem {
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

/// The name of the project: asked for, else the last that a file says, else the folder's.
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
        loader.problems.add(crate::syntax::node::Place::default(), message);
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

/// A name with everything taken out that no project's name has.
pub fn plain_name(name: &str) -> String {
    let lower = name.to_lowercase();
    let fits = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let plain: String = lower.chars().filter(fits).collect();
    plain.trim_start_matches(['-', '_']).to_owned()
}
