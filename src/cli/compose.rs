//! Compose files on disk: finds the files of a project and reads them with their environment.
//!
//! The meaning of the files is in [`crate::compose`]. Options, variables and defaults follow
//! `docker compose`.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::args::ComposeArgs;
use super::compose_project::read;
use super::files::{self, Files};
use super::load_spec;
use super::named_files::{NamedFiles, Wrong};
use super::report::{Exit, Failure};
use crate::base::ident::COMPOSE_HASH;
use crate::base::say;

use crate::compose::{Source, Unread, resolved};
use crate::plan::ComposeSource;
use crate::syntax::env_file::{EnvFile, Unset};
use crate::syntax::yaml;

/// The default file names, in the order of preference.
const NAMES: &[&str] =
    &["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// The names of the override files.
const OVERRIDES: &[&str] = &[
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// The files of a Compose project, and the options for reading them.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// The Compose files; later files override earlier files.
    pub files: Vec<PathBuf>,
    /// The project directory for relative paths: a folder on the engine's host.
    pub folder: PathBuf,
    /// The local folder for the project's files. If the project directory exists only on the
    /// engine's host, this is the folder of the first file.
    pub here: PathBuf,
    /// Whether the user gave the project directory.
    pub asked: bool,
    /// The project name from the option or from `COMPOSE_PROJECT_NAME`, which overrides the
    /// name in the files.
    pub name: Option<String>,
    /// The active profiles.
    pub profiles: BTreeSet<String>,
    /// The given environment files; without any, `.env` is read.
    pub env_files: Vec<PathBuf>,
    /// The variables whose values may be shown.
    pub public: BTreeSet<String>,
    /// Whether an unset variable is an error.
    pub strict: bool,
    /// Whether unknown values are assumed to be unchanged.
    pub assume: bool,
}

/// Whether a text is a Compose file, rather than a spec of bayplan.
pub fn is_compose(text: &str) -> bool {
    let begins = |word: &str| {
        text.lines().any(|line| {
            line.strip_prefix(word).is_some_and(|rest| rest.trim_start().starts_with(':'))
        })
    };
    if text.trim_start().starts_with('{') {
        let Ok((root, _)) = yaml::tree(text) else { return false };
        let crate::syntax::node::Kind::Map(entries) = &root.kind else { return false };
        let said = |word: &str| entries.iter().any(|entry| entry.key == word);
        return said("services") && !said("containers");
    }
    (begins("services") || begins("include")) && !begins("containers")
}

/// The files of a project, for a command without a spec or with `-f`.
pub fn start(
    spec: Option<&Path>,
    args: &ComposeArgs,
    read: &Files,
    outside: &[PathBuf],
) -> Result<Start, Failure> {
    let mut files: Vec<PathBuf> = args.files.clone();
    files.extend(spec.map(Path::to_owned));
    let asked = args.project_directory.clone();
    // `.env` may set `COMPOSE_FILE`. The file is read from the project directory, or beside the
    // first Compose file, or from the working directory.
    let first = files.first().and_then(|path| path.parent()).map(plain);
    let there = asked.clone().filter(|folder| folder.is_dir());
    let around = there.or(first).unwrap_or_else(|| PathBuf::from("."));
    let named = NamedFiles::new(read, &around, outside)?;
    let env_files = named_env_files(args);
    let variables = of_files(&env_files, &around, &named)?;
    let variable = |name: &str| {
        env::var(name)
            .ok()
            .or_else(|| variables.get(name).map(|one| one.expose_secret().to_owned()))
    };
    if files.is_empty() {
        files = match variable("COMPOSE_FILE") {
            Some(all) => {
                let separator = variable("COMPOSE_PATH_SEPARATOR").unwrap_or_else(|| ":".into());
                all.split(separator.as_str()).map(PathBuf::from).collect()
            }
            None => default_files(&around)?,
        };
        // Whoever writes the repository writes `.env`, so its files are files of the repository.
        if env::var("COMPOSE_FILE").is_err() && variables.contains_key("COMPOSE_FILE") {
            files.iter().try_for_each(|path| named.own(path))?;
        }
    }
    let beside = files.iter().find(|path| !files::is_standard(path)).and_then(|path| path.parent());
    let beside = beside.map_or_else(|| PathBuf::from("."), plain);
    let folder = absolute(asked.as_ref().unwrap_or(&beside));
    let mut profiles: BTreeSet<String> = args.profile.iter().cloned().collect();
    if profiles.is_empty() {
        let said = variable("COMPOSE_PROFILES").unwrap_or_default();
        profiles.extend(
            said.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned),
        );
    }
    let name = args.project_name.clone().or_else(|| variable("COMPOSE_PROJECT_NAME"));
    Ok(Start {
        files,
        here: here(&folder, &beside),
        folder,
        asked: asked.is_some(),
        name: name.filter(|name| !name.is_empty()),
        profiles,
        env_files,
        public: args.public.iter().cloned().collect(),
        strict: args.strict,
        assume: false,
    })
}

/// The local folder in which the files of a project directory are read.
fn here(folder: &Path, beside: &Path) -> PathBuf {
    if folder.is_dir() { folder.to_owned() } else { absolute(beside) }
}

/// A folder; an empty path is the working directory.
fn plain(folder: &Path) -> PathBuf {
    if folder == Path::new("") { PathBuf::from(".") } else { folder.to_owned() }
}

pub(super) fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(plain.pop()),
            std::path::Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// The default Compose file in this folder or a parent folder, with its override file.
fn default_files(around: &Path) -> Result<Vec<PathBuf>, Failure> {
    let start = absolute(around);
    for folder in start.ancestors() {
        let there =
            |names: &[&str]| names.iter().map(|name| folder.join(name)).find(|path| path.is_file());
        if let Some(first) = there(NAMES) {
            return Ok(std::iter::once(first).chain(there(OVERRIDES)).collect());
        }
    }
    let message = format!(
        "expected a spec or a Compose file, but none is named, and {} has none",
        files::named(&start)
    );
    Err(Failure::new(Exit::Usage, message).hint("name one: `bayplan plan FILE`"))
}

/// The environment files from options or from `COMPOSE_ENV_FILES`.
fn named_env_files(args: &ComposeArgs) -> Vec<PathBuf> {
    if !args.env_file.is_empty() {
        return args.env_file.clone();
    }
    let said = env::var("COMPOSE_ENV_FILES").unwrap_or_default();
    said.split(',').filter(|path| !path.is_empty()).map(PathBuf::from).collect()
}

/// The variables from the environment files: these, or else `.env` of the folder, which must not be
/// a link out of the repository.
fn of_files(
    given: &[PathBuf],
    folder: &Path,
    named: &NamedFiles<'_>,
) -> Result<BTreeMap<String, SecretString>, Failure> {
    let mut all = BTreeMap::new();
    // A shell sets it, and Compose where none did.
    if let Ok(here) = env::current_dir() {
        all.insert("PWD".to_owned(), SecretString::from(text(&here)));
    }
    for path in given {
        let bytes = Files::default().read(path, yaml::MOST_BYTES)?;
        add(&files::named(path), &bytes, &mut all)?;
    }
    let off = env::var("COMPOSE_DISABLE_ENV_FILE").unwrap_or_default();
    let off = matches!(off.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True");
    let own = folder.join(".env");
    if given.is_empty() && !off && own.is_file() {
        named.own(&own)?;
        let bytes = Files::default().read(&own, yaml::MOST_BYTES)?;
        add(&files::named(&own), &bytes, &mut all)?;
    }
    Ok(all)
}

fn add(name: &str, bytes: &[u8], all: &mut BTreeMap<String, SecretString>) -> Result<(), Failure> {
    let failed = |lines: Vec<String>| Failure::new(Exit::Error, lines.join("\n"));
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(failed(vec![format!("{name}: expected UTF-8, but found bytes that are none")]));
    };
    let file = EnvFile::parse(text)
        .map_err(|faults| failed(faults.iter().map(|fault| fault.in_file(name)).collect()))?;
    let known = all.clone();
    let lookup = |name: &str| {
        let own = known.get(name).map(|value| value.expose_secret().to_owned());
        env::var(name).ok().or(own)
    };
    let resolved =
        file.resolve(Unset::Empty, lookup).map_err(|fault| failed(vec![fault.in_file(name)]))?;
    all.extend(resolved.values);
    Ok(())
}

/// The variables of a project in addition to the process environment.
pub fn variables(
    start: &Start,
    named: &NamedFiles<'_>,
) -> Result<BTreeMap<String, SecretString>, Failure> {
    of_files(&start.env_files, &start.here, named)
}

/// Files and variables for the Compose loader.
pub(super) struct Shell<'a> {
    pub(super) files: &'a Files,
    pub(super) named: &'a NamedFiles<'a>,
    /// The files on the command line, which may be in any folder.
    pub(super) given: BTreeMap<String, PathBuf>,
    /// The project directory, and the local folder for its files.
    pub(super) folders: (PathBuf, PathBuf),
}

impl Shell<'_> {
    /// The local path of a file in the project directory.
    fn here(&self, path: &str) -> String {
        let (folder, here) = &self.folders;
        let inside = Path::new(path).strip_prefix(folder).ok().filter(|_| folder != here);
        inside.map_or_else(|| path.to_owned(), |inside| text(&here.join(inside)))
    }
}

pub(super) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

impl Source for Shell<'_> {
    fn read(&self, path: &str) -> Result<String, Unread> {
        let wrong = |wrong: Wrong| Unread { message: wrong.message, hint: wrong.hint };
        if let Some(given) = self.given.get(path) {
            self.named.spec(given).map_err(|failure| unread(&failure))?;
            let bytes =
                self.files.read(given, yaml::MOST_BYTES).map_err(|failure| unread(&failure))?;
            let text = yaml::text(&bytes).map_err(|problem| Unread {
                message: format!("{}:{}: {}", say::safe(path), problem.place.line, problem.message),
                hint: problem.hint,
            })?;
            return Ok(text.to_owned());
        }
        match self.named.text(&self.here(path)).map_err(wrong)? {
            Some(text) => Ok(text.expose_secret().to_owned()),
            None => Err(Unread {
                message: format!("expected a file, but there is none at {}", say::safe(path)),
                hint: None,
            }),
        }
    }

    fn is_file(&self, path: &str) -> bool {
        self.given.contains_key(path) || Path::new(&self.here(path)).is_file()
    }

    fn variables(&self, paths: &[String]) -> Result<BTreeMap<String, SecretString>, Unread> {
        let mut all: BTreeMap<String, SecretString> = BTreeMap::new();
        for path in paths {
            let path = &self.here(path);
            let first = |wrong: Vec<Wrong>| {
                let wrong = wrong.into_iter().next();
                wrong.map_or_else(
                    || Unread { message: "expected variables".into(), hint: None },
                    |wrong| Unread { message: wrong.message, hint: wrong.hint },
                )
            };
            let Some(file) = self.named.variables(path).map_err(first)? else {
                return Err(Unread {
                    message: format!("expected a file, but there is none at {}", say::safe(path)),
                    hint: None,
                });
            };
            let lookup = |name: &str| {
                let own = || all.get(name).cloned();
                self.named.variable(name).or_else(own).map(|one| one.expose_secret().to_owned())
            };
            let values = file.resolve(Unset::Empty, lookup).map_err(|fault| Unread {
                message: fault.in_file(path),
                hint: fault.hint().map(str::to_owned),
            })?;
            all.extend(values.values);
        }
        Ok(all)
    }

    fn labels(&self, path: &str) -> Result<BTreeMap<String, SecretString>, Unread> {
        let labels = self.named.labels(&self.here(path)).map_err(|wrong| {
            let message =
                wrong.iter().map(|one| one.message.as_str()).collect::<Vec<_>>().join("\n");
            Unread { message, hint: None }
        })?;
        let labels = labels.unwrap_or_default().into_iter();
        Ok(labels.map(|(name, value)| (name, SecretString::from(value))).collect())
    }

    fn variable(&self, name: &str) -> Option<SecretString> {
        self.named.variable(name)
    }
}

fn unread(failure: &Failure) -> Unread {
    let causes = failure.causes.join(": ");
    let message = if causes.is_empty() {
        failure.message.clone()
    } else {
        format!("{}: {causes}", failure.message)
    };
    Unread { message, hint: failure.hint.clone() }
}

/// The labels that Compose writes on its containers, by service. The hash label covers secret
/// values, so the labels stay in memory.
pub type MadeLabels = BTreeMap<String, BTreeMap<String, String>>;

/// The labels of every service of a project. The hash covers all values, including secrets.
pub fn made_labels(
    files: &Files,
    start: &Start,
    named: &NamedFiles<'_>,
) -> Result<MadeLabels, Failure> {
    let project = read(files, start, named)?.project;
    let folders = (start.folder.clone(), start.here.clone());
    let source = Shell { files, named, given: BTreeMap::new(), folders };
    let paths: Vec<String> =
        start.files.iter().map(|path| absolute(path).to_string_lossy().into_owned()).collect();
    let mut all = MadeLabels::new();
    for name in project.services() {
        let service = resolved::service(&project, name, &source)
            .map_err(|wrong| Failure::new(Exit::Error, wrong.message))?;
        let Some(service) = service else { continue };
        let hash = load_spec::digest(resolved::hashed(&service).as_bytes());
        let hash = hash.trim_start_matches("sha256:").to_owned();
        let labels = BTreeMap::from([
            (COMPOSE_HASH.to_owned(), hash),
            ("com.docker.compose.project.config_files".to_owned(), paths.join(",")),
        ]);
        all.insert(name.to_owned(), labels);
    }
    Ok(all)
}

/// The description of a project's files in a plan; `relative` converts a path to a path relative to
/// the plan file.
pub fn source(start: &Start, project: &str, relative: impl Fn(&Path) -> String) -> ComposeSource {
    let beside = start.files.first().and_then(|first| first.parent()).map(plain);
    let usual = beside.is_some_and(|beside| absolute(&beside) == start.folder);
    // A folder that exists only on the engine's host does not depend on the place of the plan.
    let far = start.folder != start.here;
    let folder = || if far { text(&start.folder) } else { relative(&start.folder) };
    ComposeSource {
        project: project.to_owned(),
        files: start.files.iter().skip(1).map(|path| relative(path)).collect(),
        project_directory: (!usual).then(folder),
        env_files: start.env_files.iter().map(|path| relative(path)).collect(),
        profiles: start.profiles.iter().cloned().collect(),
        public: start.public.iter().cloned().collect(),
    }
}

/// The project files from the description in a plan, relative to the folder of the plan file.
pub fn start_of(source: &ComposeSource, first: &Path, folder: &Path) -> Start {
    let from = |path: &String| folder.join(path);
    let own = source.project_directory.as_ref().map(from);
    let beside = first.parent().map_or_else(|| PathBuf::from("."), plain);
    let folder = absolute(own.as_ref().unwrap_or(&beside));
    Start {
        here: here(&folder, &beside),
        asked: own.is_some(),
        folder,
        files: std::iter::once(first.to_owned()).chain(source.files.iter().map(from)).collect(),
        name: Some(source.project.clone()),
        profiles: source.profiles.iter().cloned().collect(),
        env_files: source.env_files.iter().map(from).collect(),
        public: source.public.iter().cloned().collect(),
        strict: false,
        assume: false,
    }
}
