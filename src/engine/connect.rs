//! Chooses the engine's endpoint from flags, environment and Docker's configuration.
//!
//! The environment is an input, so that every rule can be tested. Connecting is done by
//! [`super::transport`], not here.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::{EngineError, ErrorKind, Result, known};
use crate::base::say;
use crate::options::value::HIDDEN;

/// The default socket of the engine.
const DEFAULT: &str = "unix:///var/run/docker.sock";

/// The longest context or configuration file that is read, in bytes.
const FILE_LIMIT: u64 = 1 << 20;

/// How an engine is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A socket on this host.
    Unix(PathBuf),
    /// Plain TCP.
    Tcp {
        /// The host name or address.
        host: String,
        /// The port.
        port: u16,
    },
    /// TCP with TLS.
    Tls {
        /// The host name or address; the engine's certificate must be valid for this name.
        host: String,
        /// The port.
        port: u16,
        /// The certificates, and whether the engine's certificate is checked.
        tls: Tls,
    },
    /// `docker system dial-stdio` on a remote host, through the system's `ssh`.
    Ssh {
        /// The remote user, if given.
        user: Option<String>,
        /// The remote host, or a host alias of the user's ssh configuration.
        host: String,
        /// The port, if given.
        port: Option<u16>,
        /// The engine's socket on the remote host, if it is not the default socket.
        socket: Option<String>,
    },
}

/// The certificates of a TLS connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The authority that signed the engine's certificate; without a file, the system's authorities
    /// are used.
    pub ca: Option<PathBuf>,
    /// The client certificate and its key.
    pub client: Option<(PathBuf, PathBuf)>,
    /// Whether the engine's certificate is checked.
    pub verify: bool,
}

/// The command-line flags about the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--host`.
    pub host: Option<String>,
    /// `--context`.
    pub context: Option<String>,
    /// `--tls`: TLS, the engine's certificate unchecked unless `--tlsverify`.
    pub tls: bool,
    /// `--tlsverify`.
    pub tls_verify: bool,
    /// `--tlscacert`.
    pub tls_ca: Option<PathBuf>,
    /// `--tlscert`.
    pub tls_cert: Option<PathBuf>,
    /// `--tlskey`.
    pub tls_key: Option<PathBuf>,
}

/// The environment variables about the engine and Docker's configuration. An empty variable counts
/// as unset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `DOCKER_HOST`.
    pub host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub context: Option<String>,
    /// `DOCKER_TLS`: any text.
    pub tls: bool,
    /// `DOCKER_TLS_VERIFY`: any text.
    pub tls_verify: bool,
    /// `DOCKER_CERT_PATH`.
    pub cert_path: Option<PathBuf>,
    /// `DOCKER_CONFIG`.
    pub config: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// The search path for credential helpers, in the format of `PATH`; `None`: the `PATH` of the
    /// process.
    pub path: Option<std::ffi::OsString>,
}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let path =
            |name: &str| std::env::var_os(name).filter(|text| !text.is_empty()).map(PathBuf::from);
        Self {
            host: text("DOCKER_HOST"),
            context: text("DOCKER_CONTEXT"),
            tls: text("DOCKER_TLS").is_some(),
            tls_verify: text("DOCKER_TLS_VERIFY").is_some(),
            cert_path: path("DOCKER_CERT_PATH"),
            config: path("DOCKER_CONFIG"),
            home: path("HOME"),
            path: None,
        }
    }

    /// Docker's configuration folder.
    pub fn config_dir(&self) -> Option<PathBuf> {
        self.config.clone().or_else(|| self.home.as_ref().map(|home| home.join(".docker")))
    }
}

/// Finds the endpoint, in the order of Docker's own client: `--host`, `--context`, `DOCKER_HOST`,
/// `DOCKER_CONTEXT`, the current context, the default socket.
pub fn find(flags: &Flags, environment: &Environment) -> Result<Endpoint> {
    if let (Some(_), Some(_)) = (&flags.host, &flags.context) {
        return Err(bad(
            "expected one of `--host` and `--context`, but found both",
            "leave one of them out",
        ));
    }
    if let Some(host) = &flags.host {
        return parse(host, "--host", wanted_tls(flags, environment).as_ref());
    }
    let from_environment = || match &environment.host {
        Some(host) => parse(host, "DOCKER_HOST", wanted_tls(flags, environment).as_ref()),
        None => parse(DEFAULT, "the default", wanted_tls(flags, environment).as_ref()),
    };
    let named = if let Some(name) = &flags.context {
        Some((name.clone(), "--context"))
    } else if environment.host.is_some() {
        None
    } else if let Some(name) = &environment.context {
        Some((name.clone(), "DOCKER_CONTEXT"))
    } else {
        current_context(environment)?.map(|name| (name, "currentContext of config.json"))
    };
    match named {
        Some((name, source)) if name != "default" => context(&name, source, environment),
        _ => from_environment(),
    }
}

/// The files that may be read to find and to reach an engine.
pub fn files(flags: &Flags, environment: &Environment) -> Vec<PathBuf> {
    let config = environment.config_dir().map(|folder| folder.join("config.json"));
    let tls = wanted_tls(flags, environment);
    let tls = tls.into_iter().flat_map(|tls| {
        let (cert, key) = tls.client.unzip();
        [tls.ca, cert, key].into_iter().flatten()
    });
    config.into_iter().chain(tls).collect()
}

fn bad(message: impl Into<String>, hint: impl Into<String>) -> EngineError {
    EngineError {
        kind: ErrorKind::Unreachable,
        doing: "finding the engine".into(),
        message: message.into(),
        hint: Some(hint.into()),
    }
}

/// The TLS settings from flags and environment; `None`: TLS is not requested.
fn wanted_tls(flags: &Flags, environment: &Environment) -> Option<Tls> {
    let verify = flags.tls_verify || environment.tls_verify;
    let said = flags.tls_ca.is_some() || flags.tls_cert.is_some() || flags.tls_key.is_some();
    if !(verify || flags.tls || environment.tls || said) {
        return None;
    }
    let folder = environment.cert_path.clone().or_else(|| environment.config_dir());
    let usual = |name: &str| folder.as_ref().map(|dir| dir.join(name)).filter(|path| path.exists());
    let cert = flags.tls_cert.clone().or_else(|| usual("cert.pem"));
    let key = flags.tls_key.clone().or_else(|| usual("key.pem"));
    Some(Tls {
        ca: flags.tls_ca.clone().or_else(|| usual("ca.pem")),
        client: cert.zip(key),
        verify: verify || (said && !flags.tls),
    })
}

/// Parses an address in the format of `DOCKER_HOST`.
fn parse(text: &str, source: &str, tls: Option<&Tls>) -> Result<Endpoint> {
    let hint = "write it as unix:///path/to/docker.sock, tcp://HOST:PORT or ssh://USER@HOST";
    let wrong = |what: &str| {
        let found = say::short(&without_user(text));
        Err(bad(format!("{source}: expected {what}, but found `{found}`"), hint))
    };
    match text.split_once("://") {
        Some(("unix", path)) if path.starts_with('/') => Ok(Endpoint::Unix(path.into())),
        Some(("unix", _)) => wrong("the whole path of a socket"),
        Some(("tcp", rest)) => {
            tcp(rest.trim_end_matches('/'), tls).map_or_else(|| wrong("tcp://HOST:PORT"), Ok)
        }
        Some(("ssh", rest)) => {
            ssh(rest).map_or_else(|| wrong("ssh://USER@HOST:PORT without a password"), Ok)
        }
        Some(_) => wrong("unix://, tcp:// or ssh://"),
        None if text.starts_with('/') => Ok(Endpoint::Unix(text.into())),
        None => tcp(text, tls).map_or_else(|| wrong("unix://, tcp:// or ssh://"), Ok),
    }
}

/// An address without its user part, for messages: the user part may contain a password.
fn without_user(text: &str) -> String {
    if text.contains("://") {
        return known::without_users(text);
    }
    text.rsplit_once('@').map_or_else(|| text.to_owned(), |(_, host)| format!("{HIDDEN}@{host}"))
}

fn tcp(rest: &str, tls: Option<&Tls>) -> Option<Endpoint> {
    let port = if tls.is_some() { 2376 } else { 2375 };
    let (host, port) = host_port(rest, Some(port))?;
    let port = port?;
    Some(match tls {
        Some(tls) => Endpoint::Tls { host, port, tls: tls.clone() },
        None => Endpoint::Tcp { host, port },
    })
}

/// Splits `HOST`, `HOST:PORT` or `[::1]:PORT`; an address with a path, a user or a blank is
/// refused.
fn host_port(rest: &str, default: Option<u16>) -> Option<(String, Option<u16>)> {
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':').or(if port.is_empty() { None } else { Some("x") }))
        }
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_:%".contains(c);
    if host.is_empty() || host.starts_with('-') || !host.chars().all(allowed) {
        return None;
    }
    let port = match port {
        Some(port) => Some(port.parse().ok().filter(|port| *port != 0)?),
        None => default,
    };
    Some((host.to_owned(), port))
}

fn ssh(rest: &str) -> Option<Endpoint> {
    let (place, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (user, place) = match place.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, place),
    };
    // A user with a leading dash would be an ssh option; a colon starts a password.
    let fits = |user: &str| !user.is_empty() && !user.starts_with('-') && !user.contains(':');
    if user.is_some_and(|user| !fits(user)) {
        return None;
    }
    let (host, port) = host_port(place, None)?;
    let socket = (path.len() > 1).then(|| path.to_owned());
    Some(Endpoint::Ssh { user: user.map(str::to_owned), host, port, socket })
}

/// `currentContext` in Docker's `config.json`; `None` without the file.
fn current_context(environment: &Environment) -> Result<Option<String>> {
    let Some(config) = read_config(environment)? else { return Ok(None) };
    Ok(config["currentContext"].as_str().filter(|name| !name.is_empty()).map(str::to_owned))
}

/// Docker's `config.json`.
pub(super) fn read_config(environment: &Environment) -> Result<Option<Json>> {
    let Some(dir) = environment.config_dir() else { return Ok(None) };
    let path = dir.join("config.json");
    if !path.exists() {
        return Ok(None);
    }
    // The parser's message could quote the file, and the file contains credentials.
    let json = read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
    json.map(Some).ok_or_else(|| {
        bad(
            format!("expected JSON in {}, but could not read any", shown(&path)),
            "mend the file, or point DOCKER_CONFIG at another folder",
        )
    })
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let about = std::fs::metadata(path)?;
    // Another kind of file might be waited for.
    if !about.is_file() || about.len() > FILE_LIMIT {
        return Err(std::io::Error::other("no file, or too long a file"));
    }
    std::fs::read(path)
}

fn shown(path: &Path) -> String {
    say::safe(&path.display().to_string())
}

/// The endpoint of a Docker context.
fn context(name: &str, source: &str, environment: &Environment) -> Result<Endpoint> {
    let unknown = || {
        let known = known_contexts(environment).join(", ");
        bad(
            format!("{source}: there is no Docker context `{}`", say::short(name)),
            format!("there are {known}; `--host` names an engine without one"),
        )
    };
    let dir = environment.config_dir().ok_or_else(unknown)?;
    // The folder is the SHA-256 of the name, so no name can escape the contexts folder.
    let folder = hex(&Sha256::digest(name.as_bytes()));
    let meta = dir.join("contexts/meta").join(&folder).join("meta.json");
    let text = read(&meta).map_err(|_| unknown())?;
    let meta: Json = serde_json::from_slice(&text).map_err(|_| {
        bad(
            format!("{source}: expected JSON in {}, but could not read any", shown(&meta)),
            "`docker context rm` and `docker context create` make it anew",
        )
    })?;
    let docker = &meta["Endpoints"]["docker"];
    let host = docker["Host"].as_str().unwrap_or(DEFAULT);
    let material = dir.join("contexts/tls").join(&folder).join("docker");
    let file = |name: &str| Some(material.join(name)).filter(|path| path.exists());
    let client = file("cert.pem").zip(file("key.pem"));
    let unchecked = docker["SkipTLSVerify"].as_bool().unwrap_or(false);
    let tls = (material.exists() || unchecked).then(|| Tls {
        ca: file("ca.pem"),
        client,
        verify: !unchecked,
    });
    parse(host, &format!("Docker context `{}` ({source})", say::short(name)), tls.as_ref())
}

/// The names of Docker's contexts, sorted, the built-in context first. Unreadable contexts are
/// skipped.
fn known_contexts(environment: &Environment) -> Vec<String> {
    let folder = environment.config_dir().map(|dir| dir.join("contexts/meta"));
    let entries = folder.and_then(|folder| std::fs::read_dir(folder).ok());
    let name = |entry: std::fs::DirEntry| {
        let meta: Json =
            serde_json::from_slice(&read(&entry.path().join("meta.json")).ok()?).ok()?;
        Some(format!("`{}`", say::short(meta["Name"].as_str()?)))
    };
    let mut names: Vec<String> = entries.into_iter().flatten().flatten().filter_map(name).collect();
    names.sort();
    names.insert(0, "`default`".to_owned());
    names
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
