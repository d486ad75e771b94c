//! The files that a spec names: checks which files may be read, and reads them.
//!
//! A spec may be untrusted. Its files must be regular files inside the repository, after all links
//! are resolved. Each file is opened once and without waiting, and no message quotes a file.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::files::{self, Files};
use super::report::{Exit, Failure};
use crate::base::say;
use crate::syntax::env_file::{EnvFile, Fault, Format};
use crate::syntax::{problems, yaml};

/// The folder that marks a repository; its content belongs to git and may include credentials.
const GIT: &str = ".git";

/// The folders in which the files of one spec may be.
pub struct NamedFiles<'a> {
    files: &'a Files,
    /// The folder for relative paths.
    folder: PathBuf,
    /// The root of the repository, or the spec's folder without a repository; links are resolved.
    root: PathBuf,
    /// Whether the root is a repository.
    repository: bool,
    /// The folders of `--allow-outside`; links are resolved.
    outside: Vec<PathBuf>,
    /// The texts that were read, by the path in the spec.
    texts: RefCell<BTreeMap<String, Read>>,
    /// Additional variables; the process environment takes precedence.
    variables: RefCell<BTreeMap<String, SecretString>>,
}

/// The text of a file, `None` for a missing file, or the fault of the file.
type Read = Result<Option<SecretString>, Wrong>;

/// A fault of a file, without its text.
#[derive(Debug, Clone)]
pub struct Wrong {
    /// The message: `PATH:LINE: what`, safe to print.
    pub message: String,
    /// A hint to the user.
    pub hint: Option<String>,
}

impl<'a> NamedFiles<'a> {
    /// The files of a spec in a folder.
    pub fn new(files: &'a Files, folder: &Path, outside: &[PathBuf]) -> Result<Self, Failure> {
        let resolved = |path: &PathBuf| {
            fs::canonicalize(path).map_err(|error| {
                let message = format!("--allow-outside {}", files::named(path));
                Failure::new(Exit::Usage, message).caused_by(say::safe(&error.to_string()))
            })
        };
        let outside = outside.iter().map(resolved).collect::<Result<_, _>>()?;
        let (root, repository) = root(folder);
        let folder = if folder == Path::new("") { Path::new(".") } else { folder };
        let (texts, variables) = (RefCell::default(), RefCell::default());
        let folder = folder.to_owned();
        Ok(Self { files, folder, root, repository, outside, texts, variables })
    }

    /// Adds variables that the process environment does not set.
    pub fn know(&self, more: BTreeMap<String, SecretString>) {
        self.variables.replace(more);
    }

    /// The value of a variable.
    pub fn variable(&self, name: &str) -> Option<SecretString> {
        let own = std::env::var(name).ok().map(SecretString::from);
        own.or_else(|| self.variables.borrow().get(name).cloned())
    }

    /// The text of a file; `None` if the file does not exist.
    pub fn text(&self, path: &str) -> Result<Option<SecretString>, Wrong> {
        let known = self.texts.borrow().get(path).cloned();
        known.unwrap_or_else(|| {
            let read = self.read(path);
            self.texts.borrow_mut().insert(path.to_owned(), read.clone());
            read
        })
    }

    /// Checks that the spec itself may be read: no link on its path, of a file or of a folder, must
    /// lead out of the repository that has the link.
    pub fn spec(&self, path: &Path) -> Result<(), Failure> {
        if files::is_standard(path) {
            return Ok(());
        }
        // A file that is not there is told by the read; a link to nowhere is judged by its target.
        let target = || {
            let target = path.parent()?.join(fs::read_link(path).ok()?);
            Some(fs::canonicalize(target.parent()?).ok()?.join(target.file_name()?))
        };
        let Some(real) = fs::canonicalize(path).ok().or_else(target) else { return Ok(()) };
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut links = whole.ancestors().filter(|part| part.is_symlink());
        let leads_out = |link: &Path| {
            let (root, repository) = root(link.parent().unwrap_or(link));
            repository && !real.starts_with(root)
        };
        if !links.any(leads_out) || self.is_outside(&real) {
            return Ok(());
        }
        let message = format!(
            "{}: expected a spec, but found a link that leads out of the repository",
            files::named(path)
        );
        Err(Failure::new(Exit::Error, message).hint(ALLOW))
    }

    /// An environment file, by its path in a reference; `None` if the file does not exist.
    pub fn variables(&self, written: &str) -> Result<Option<EnvFile>, Vec<Wrong>> {
        let (path, format) = Format::of(written);
        self.parsed(path, |text| EnvFile::parse_as(text, format))
    }

    /// A label file, with its values, because labels are not secret.
    pub fn labels(&self, path: &str) -> Result<Option<BTreeMap<String, String>>, Vec<Wrong>> {
        let labels = self.parsed(path, |text| EnvFile::parse_labels(text)?.labels())?;
        let shown =
            |(name, value): (String, SecretString)| (name, value.expose_secret().to_owned());
        Ok(labels.map(|all| all.into_iter().map(shown).collect()))
    }

    /// The path at which a file was looked for.
    pub fn tried(&self, written: &str) -> String {
        let path = self.folder.join(Format::of(written).0);
        say::safe(&std::path::absolute(&path).unwrap_or(path).to_string_lossy())
    }

    fn parsed<T>(
        &self,
        path: &str,
        parse: impl FnOnce(&str) -> Result<T, Vec<Fault>>,
    ) -> Result<Option<T>, Vec<Wrong>> {
        let Some(text) = self.text(path).map_err(|wrong| vec![wrong])? else { return Ok(None) };
        let told = |fault: &Fault| Wrong {
            message: fault.in_file(path),
            hint: fault.hint().map(str::to_owned),
        };
        parse(text.expose_secret()).map(Some).map_err(|faults| faults.iter().map(told).collect())
    }

    fn read(&self, written: &str) -> Read {
        let shown = say::safe(written);
        let wrong = |what: &str| Wrong { message: format!("{shown}: {what}"), hint: None };
        let failed = |error: &io::Error| wrong(&say::safe(&error.to_string()));
        let path = self.folder.join(written);
        let real = match fs::canonicalize(&path) {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Outside the allowed folders, not even the existence of a file is reported.
                self.permit(&plain(&path), &shown)?;
                return Ok(None);
            }
            Err(error) => return Err(failed(&error)),
        };
        self.permit(&real, &shown)?;
        let file = files::open_regular(&real).map_err(|error| failed(&error))?;
        let about = file.metadata().map_err(|error| failed(&error))?;
        self.files.took("a file that the spec names", &about);
        // The opened file must be the checked file, even if somebody moves folders meanwhile.
        let same = |now: &fs::Metadata| (now.dev(), now.ino()) == (about.dev(), about.ino());
        let still = fs::canonicalize(&path).is_ok_and(|now| now == real)
            && fs::symlink_metadata(&real).is_ok_and(|now| same(&now));
        if !still {
            return Err(wrong("expected a file, but found one that is moved about"));
        }
        let most = yaml::MOST_BYTES;
        let bytes = files::to_the_end(file, 0, most).map_err(|error| failed(&error))?;
        if bytes.len() > most {
            return Err(wrong(&format!("expected at most {most} bytes, but it is longer")));
        }
        String::from_utf8(bytes).map(|text| Some(SecretString::from(text))).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let before = error.as_bytes().get(..valid).unwrap_or_default();
            let line = problems::lines(std::str::from_utf8(before).unwrap_or_default()).count();
            let message = format!("{shown}:{line}: expected UTF-8, but found bytes that are none");
            Wrong { message, hint: None }
        })
    }

    fn permit(&self, real: &Path, shown: &str) -> Result<(), Wrong> {
        if self.allows(real) {
            return Ok(());
        }
        let place = if self.repository { "the spec's repository" } else { "the spec's folder" };
        let message = format!("{shown}: expected a file of {place}, but found one elsewhere");
        Err(Wrong { message, hint: Some(ALLOW.to_owned()) })
    }

    fn allows(&self, real: &Path) -> bool {
        let own = real
            .strip_prefix(&self.root)
            .is_ok_and(|inside| inside.components().all(|part| part.as_os_str() != GIT));
        own || self.is_outside(real)
    }

    /// Whether `--allow-outside` names the folder of a file.
    fn is_outside(&self, real: &Path) -> bool {
        self.outside.iter().any(|folder| real.starts_with(folder))
    }

    /// Checks a path that a file of the project decides: `.env` itself, and what `.env` names.
    pub fn own(&self, path: &Path) -> Result<(), Failure> {
        let real = fs::canonicalize(path).unwrap_or_else(|_| plain(path));
        self.permit(&real, &files::named(path)).map_err(|wrong| {
            let failure = Failure::new(Exit::Error, wrong.message);
            wrong.hint.into_iter().fold(failure, Failure::hint)
        })
    }
}

/// The way out where a file is outside of the allowed folders.
pub(super) const ALLOW: &str = "`--allow-outside DIR` lets the files of a folder be read";

/// The repository of a folder, and true; without a repository the folder, and false.
pub fn root(folder: &Path) -> (PathBuf, bool) {
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let repository = folder.ancestors().find(|folder| folder.join(GIT).exists());
    match repository {
        Some(root) => (root.to_owned(), true),
        None => (folder, false),
    }
}

/// A path with its `..` resolved as text, starting at the real folder.
fn plain(path: &Path) -> PathBuf {
    let here = fs::canonicalize(".").unwrap_or_default();
    let mut plain = PathBuf::new();
    for part in here.join(path).components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
        // A symbolic link in the path is replaced by its target.
        plain = fs::canonicalize(&plain).unwrap_or(plain);
    }
    plain
}
