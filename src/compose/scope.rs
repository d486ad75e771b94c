//! The sources of variable values, and the places in which variables are used.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::{ExposeSecret as _, SecretString};

use super::source::Source;
use super::tree::{Path, dotted};
use crate::base::say;
use crate::syntax::node::{Place, Problem};

/// The variable with the name of the project, which Compose sets.
pub(super) const PROJECT_NAME: &str = "COMPOSE_PROJECT_NAME";

/// Variables by name, with inner scopes first.
pub(super) struct Scope<'a> {
    source: &'a dyn Source,
    project: &'a str,
    /// The variables from the files of an `include` that the project's environment does not set.
    inner: BTreeMap<String, SecretString>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(source: &'a dyn Source, project: &'a str) -> Self {
        Self { source, project, inner: BTreeMap::new() }
    }

    /// A scope with further variables, as far as they are not set yet.
    pub(super) fn with(&self, more: BTreeMap<String, SecretString>) -> Self {
        let mut inner = self.inner.clone();
        for (name, value) in more {
            if self.value(&name).is_none() {
                inner.insert(name, value);
            }
        }
        Self { source: self.source, project: self.project, inner }
    }

    pub(super) fn value(&self, name: &str) -> Option<String> {
        if name == PROJECT_NAME {
            return Some(self.project.to_owned());
        }
        let found = self.source.variable(name).or_else(|| self.inner.get(name).cloned());
        found.map(|value| value.expose_secret().to_owned())
    }

    /// Whether a variable is set by a file of an `include`.
    pub(super) fn is_inner(&self, name: &str) -> bool {
        self.inner.contains_key(name)
    }
}

/// The places in which variables are used.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Variables in visible places, with the first place of each.
    open: BTreeMap<String, (Place, String)>,
    /// Variables in templates.
    closed: BTreeMap<String, String>,
}

/// Parts of variable names that usually mean a secret.
const SECRET: &[&str] = &[
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PASS",
    "PWD",
    "SECRET",
    "TOKEN",
    "APIKEY",
    "KEY",
    "CREDENTIAL",
    "CREDENTIALS",
    "AUTH",
    "DSN",
    "SALT",
    "COOKIE",
    "SIGNATURE",
    "PRIVATE",
];

/// Variables of the shell, which are not secret whatever their name.
const PLAIN: &[&str] = &["PWD", "OLDPWD", "SSH_AUTH_SOCK"];

/// Last words of variables about paths, names, addresses or sizes, which are not secret whatever
/// else the name says.
const PLAIN_ENDS: &[&str] = &[
    "ADDR",
    "ADDRESS",
    "CIDR",
    "COUNT",
    "CPUS",
    "DIR",
    "DIRECTORY",
    "DOMAIN",
    "ENABLED",
    "FILE",
    "FOLDER",
    "GATEWAY",
    "HOST",
    "HOSTNAME",
    "IMAGE",
    "INTERFACE",
    "INTERVAL",
    "IP",
    "LIMIT",
    "LOCATION",
    "MEM",
    "MEMORY",
    "MODE",
    "NAME",
    "NETWORK",
    "PATH",
    "PLATFORM",
    "PORT",
    "REGISTRY",
    "REPLICAS",
    "REPOSITORY",
    "RETRIES",
    "SIZE",
    "SUBNET",
    "TAG",
    "TIMEOUT",
    "VERSION",
    "VOLUME",
];

/// Further last words of variables that are not secret, if no other word is.
const PLAIN_WORDS: &[&str] =
    &["ARCH", "ENV", "ENVIRONMENT", "GID", "HOME", "PGID", "PUID", "ROOT", "TIMEZONE", "TZ", "UID"];

/// Whether the name of a variable says that its value is a port, a path or the like.
fn looks_plain(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let last = upper.rsplit('_').next().unwrap_or_default();
    let port = upper.split('_').any(|word| word == "PORT");
    port || PLAIN.contains(&upper.as_str())
        || PLAIN_ENDS.contains(&last)
        || PLAIN_WORDS.contains(&last)
}

/// Whether the name of a variable looks secret.
pub(super) fn looks_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let last = upper.rsplit('_').next().unwrap_or_default();
    if PLAIN.contains(&upper.as_str()) || upper != last && PLAIN_ENDS.contains(&last) {
        return false;
    }
    upper.split('_').any(|word| SECRET.contains(&word))
        || ["PASSWORD", "SECRET", "TOKEN"].iter().any(|word| upper.contains(word))
}

impl Uses {
    pub(super) fn open(&mut self, names: &[String], place: Place, path: &Path) {
        for name in names.iter().filter(|name| *name != PROJECT_NAME) {
            self.open.entry(name.clone()).or_insert_with(|| (place, dotted(path)));
        }
    }

    pub(super) fn close(&mut self, names: &[String], path: &str) {
        for name in names {
            self.closed.entry(name.clone()).or_insert_with(|| path.to_owned());
        }
    }

    /// Reports variables in visible places that may be secret: by their names, or because a
    /// template uses them too.
    pub(super) fn leaks(&self, public: &BTreeSet<String>) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (name, (place, path)) in self.open.iter().filter(|(name, _)| !public.contains(*name)) {
            let shown = say::short(name);
            let why = match self.closed.get(name) {
                _ if looks_secret(name) => "is called as secrets are".to_owned(),
                // A port often stands under `environment` too.
                Some(_) if looks_plain(name) => continue,
                Some(other) => {
                    format!("is used in `{}` too, where values are secret", say::short(other))
                }
                None => continue,
            };
            problems.push(Problem {
                place: *place,
                message: format!(
                    "expected a public variable in `{}`, whose value a plan shows, but found \
                     `{shown}`, which {why}",
                    say::short(path),
                ),
                hint: Some(format!("`--public {shown}` says that its value may be shown")),
            });
        }
        problems
    }
}
