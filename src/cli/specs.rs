//! Reading a spec from disk: the file, the names in its environment files, what its references
//! resolve to.
//!
//! The values stay in memory; what the file says is [`crate::spec`]'s to know.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use super::files;
use super::report::{Exit, Failure};
use crate::engine::secrets::Secrets;
use crate::ident::Reference;
use crate::say;
use crate::spec::env_file::{EnvFile, Format};
use crate::spec::env_merge::EnvFileUse;
use crate::spec::node::Problem;
use crate::spec::{Set, Spec, label_file, problems, read, yaml};

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
    let wrong = |text: &str, found: &[Problem]| {
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
    let (node, mut told) = yaml::tree(text).map_err(|problem| wrong(text, &[problem]))?;
    let label_files = named_files(label_file::uses(&node), &folder, &mut told).into_iter();
    let label_files = label_files.map(|(path, file)| (path, labels(file))).collect();
    let env_files = named_files(read::env_files(&node), &folder, &mut told).into_iter();
    let names = env_files.map(|(path, file)| (path, file.names())).collect();
    let node = label_file::expand(node, &label_files);
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

/// The most faults of one file that are told.
const MOST_FAULTS: usize = 20;

/// The files that a spec names, each read once. A required file that is not there is left out: the
/// spec's reader says which line wanted it. What is wrong with one that is there is told at the
/// line of the spec that names it first, and it is taken for an empty one.
fn named_files(
    uses: Vec<EnvFileUse>,
    folder: &Path,
    told: &mut Vec<Problem>,
) -> BTreeMap<String, EnvFile> {
    let mut all = BTreeMap::new();
    for used in uses {
        let (written, format) = Format::of(&used.path);
        let path = folder.join(written);
        if all.contains_key(&used.path) || !path.exists() {
            continue;
        }
        let file = named_file(&path, written, format).unwrap_or_else(|wrong| {
            let problem = |message| Problem { place: used.place, message, hint: None };
            let more = wrong.len().saturating_sub(MOST_FAULTS);
            told.extend(wrong.into_iter().take(MOST_FAULTS).map(problem));
            if more > 0 {
                let shown = say::safe(written);
                told.push(problem(format!("{shown}: and {more} more like these")));
            }
            EnvFile::default()
        });
        all.insert(used.path, file);
    }
    all
}

/// One of them; else what is wrong with it, `PATH:LINE: …` without its text.
fn named_file(path: &Path, written: &str, format: Format) -> Result<EnvFile, Vec<String>> {
    let shown = say::safe(written);
    if path.is_dir() {
        return Err(vec![format!("{shown}: expected a file, but found a folder")]);
    }
    let most = yaml::MOST_BYTES;
    let bytes = files::read_plain(path, most)
        .map_err(|error| vec![format!("{shown}: {}", say::safe(&error.to_string()))])?;
    if bytes.len() > most {
        return Err(vec![format!("{shown}: expected at most {most} bytes, but it is longer")]);
    }
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = problems::lines(std::str::from_utf8(valid).unwrap_or_default()).count();
        vec![format!("{shown}:{line}: expected UTF-8, but found bytes that are none")]
    })?;
    EnvFile::parse_as(text, format)
        .map_err(|faults| faults.iter().map(|fault| fault.in_file(written)).collect())
}

/// What a file of labels says: the values too, for labels are no secrets.
fn labels(file: EnvFile) -> BTreeMap<String, String> {
    let text = |value: Option<SecretString>| {
        value.map(|value| value.expose_secret().to_owned()).unwrap_or_default()
    };
    file.variables.into_iter().map(|(name, value)| (name, text(value))).collect()
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
    let needed = match sets.collect::<Vec<_>>().as_slice() {
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last} take", rest.join(", ")),
        one => format!("{} takes", one.concat()),
    };
    match reference {
        Reference::Env { name } => {
            format!("the variable `{}` is not set, which {needed}", say::safe(name))
        }
        Reference::EnvFile { path, name } => {
            let (path, name) = (say::safe(Format::of(path).0), say::safe(name));
            format!("the file `{path}` gives no `{name}`, which {needed}")
        }
    }
}
