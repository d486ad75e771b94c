//! Reading a spec from disk: the file, the names in its environment files, what its references
//! resolve to.
//!
//! The values stay in memory; what the file says is [`crate::spec`]'s to know.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::files;
use super::report::{Exit, Failure};
use crate::engine::secrets::Secrets;
use crate::ident::Reference;
use crate::say;
use crate::spec::env_file::EnvFile;
use crate::spec::{Set, Spec, problems, read, yaml};

/// A spec as it lies on disk.
pub struct Loaded {
    /// What it declares.
    pub spec: Spec,
    /// `sha256:` of its bytes.
    pub digest: String,
    /// The folder from which its environment files count.
    pub folder: PathBuf,
}

/// Reads a spec, and the names in the environment files that it refers to.
pub fn load(path: &Path) -> Result<Loaded, Failure> {
    let bytes = files::read(path, yaml::MOST_BYTES)?;
    let name = files::named(path);
    let wrong = |text: &str, found: &[crate::spec::node::Problem]| {
        let shown = problems::render(&name, text, found);
        let count = say::count(found.len(), "problem");
        Failure::new(Exit::Error, format!("the spec has {count}\n{}", shown.trim_end()))
    };
    let text = yaml::text(&bytes)
        .map_err(|problem| wrong(&String::from_utf8_lossy(&bytes), &[problem]))?;
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let (node, told) = yaml::tree(text).map_err(|problem| wrong(text, &[problem]))?;
    let names = env_file_names(&node, &folder)?;
    let spec = read::tree(node, told, &names).map_err(|problems| wrong(text, &problems))?;
    Ok(Loaded { spec, digest: digest(&bytes), folder })
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

/// The names in each environment file that a spec names. A required file that is not there is
/// left out: the spec's reader says which line wanted it.
fn env_file_names(
    node: &crate::spec::node::Node,
    folder: &Path,
) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let mut names = BTreeMap::new();
    for used in read::env_files(node) {
        let path = folder.join(&used.path);
        if !path.exists() {
            continue;
        }
        let bytes = files::read(&path, yaml::MOST_BYTES)?;
        let shown = say::safe(&used.path);
        let Some(text) =
            std::str::from_utf8(&bytes).ok().filter(|_| bytes.len() <= yaml::MOST_BYTES)
        else {
            let message = format!("{shown}: expected a short UTF-8 text, but found something else");
            return Err(Failure::new(Exit::Error, message));
        };
        let file = EnvFile::parse(text).map_err(|faults| {
            let lines: Vec<String> = faults.iter().map(|fault| fault.in_file(&used.path)).collect();
            Failure::new(Exit::Error, lines.join("\n"))
        })?;
        names.insert(used.path.clone(), file.names());
    }
    Ok(names)
}

/// Looks the references of a spec up, here and now.
pub fn resolve(spec: &Spec, folder: &Path) -> Result<Secrets, Failure> {
    let environment = |name: &str| std::env::var(name).ok();
    Secrets::resolve(&spec.references(), folder, &environment)
        .map_err(|faults| Failure::new(Exit::Error, faults.join("\n")))
}

/// What to say of references that mean nothing here, with the sets that need them, and `hint`.
pub fn missing<'a>(
    references: impl IntoIterator<Item = &'a Reference>,
    spec: &Spec,
    hint: &str,
) -> Failure {
    let lines: Vec<String> = references.into_iter().map(|one| nothing(one, spec)).collect();
    Failure::new(Exit::Error, lines.join("\n")).hint(hint)
}

/// One reference that means nothing here.
fn nothing(reference: &Reference, spec: &Spec) -> String {
    let needs = |set: &Set| {
        let mut all = BTreeSet::new();
        set.options.iter().for_each(|option| option.references(&mut all));
        all.contains(reference)
    };
    let sets = spec.sets.iter().filter(|(_, set)| needs(set)).map(|(key, _)| format!("`{key}`"));
    let needed = sets.collect::<Vec<_>>().join(", ");
    match reference {
        Reference::Env { name } => {
            format!("the variable `{}` is not set, which {needed} takes", say::safe(name))
        }
        Reference::EnvFile { path, name } => {
            let (path, name) = (say::safe(path), say::safe(name));
            format!("the file `{path}` gives no `{name}`, which {needed} takes")
        }
    }
}
