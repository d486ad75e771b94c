//! Registry credentials as Docker's client keeps them: `config.json` and its helpers.
//!
//! They are used for asking and pulling, nowhere else; nothing here prints one, and what a helper
//! says is in no error.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::connect::{self, Environment};
use super::known;
use crate::base::say;

/// The key under which Docker's client keeps the credentials of its default registry.
const HUB_KEY: &str = "https://index.docker.io/v1/";
/// That registry in references.
const HUB: &str = "docker.io";
/// What a helper prints, by its protocol, where it has none.
const NOT_FOUND: &str = "credentials not found in native keychain";
/// The longest answer of a helper, in bytes.
const HELPER_LIMIT: u64 = 1 << 20;

/// Which registries may be asked: all, unless somebody names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registries(Option<Vec<String>>);

impl Registries {
    /// These alone, as references name them; none named means all.
    pub fn only(names: &[String]) -> Self {
        let own = |name: &String| registry_of(&format!("{name}/")).to_owned();
        Self((!names.is_empty()).then(|| names.iter().map(own).collect()))
    }

    /// Whether this one may be.
    pub fn allow(&self, registry: &str) -> bool {
        self.0.as_ref().is_none_or(|all| all.iter().any(|one| one.eq_ignore_ascii_case(registry)))
    }
}

/// Where credentials are found.
#[derive(Clone)]
pub struct Credentials {
    environment: Environment,
    patience: Duration,
}

/// One registry's.
enum Login {
    /// User and password.
    Password(String, SecretString),
    /// What an OAuth login left.
    Token(SecretString),
}

impl Credentials {
    /// Looks in Docker's configuration folder; a helper may take as long as `patience`.
    pub fn new(environment: &Environment, patience: Duration) -> Self {
        Self { environment: environment.clone(), patience }
    }

    /// The `X-Registry-Auth` header for a reference; `None`: nobody is logged in there.
    /// An error is a text that can be shown.
    pub async fn header(&self, reference: &str) -> Result<Option<HeaderValue>, String> {
        let registry = registry_of(reference);
        let Some(login) = self.login(registry).await? else { return Ok(None) };
        match &login {
            Login::Password(_, secret) | Login::Token(secret) => {
                known::learn(secret.expose_secret());
            }
        }
        let key = if registry == HUB { HUB_KEY } else { registry };
        let body = match &login {
            Login::Password(user, password) => json!({
                "username": user, "password": password.expose_secret(), "serveraddress": key,
            }),
            Login::Token(token) => {
                json!({"identitytoken": token.expose_secret(), "serveraddress": key})
            }
        };
        // The engine reads the URL alphabet; bollard writes the standard one, and a password
        // whose encoding has `+` or `/` would count for none.
        let text = SecretString::from(URL_SAFE.encode(body.to_string()));
        let mut value = HeaderValue::from_str(text.expose_secret())
            .map_err(|_| "the credentials fit no header".to_owned())?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    async fn login(&self, registry: &str) -> Result<Option<Login>, String> {
        let config = connect::read_config(&self.environment).map_err(|error| error.message)?;
        let Some(config) = config else { return Ok(None) };
        let keys = keys(registry);
        let own = keys.iter().find_map(|key| config["credHelpers"][key].as_str());
        let store = config["credsStore"].as_str().filter(|name| !name.is_empty());
        if let Some(helper) = own.or(store) {
            for key in &keys {
                if let Some(login) = self.ask(helper, key).await? {
                    return Ok(Some(login));
                }
            }
            if own.is_some() {
                return Ok(None);
            }
        }
        Ok(keys.iter().find_map(|key| written(&config["auths"][key])))
    }

    /// Asks `docker-credential-NAME get`.
    async fn ask(&self, helper: &str, key: &str) -> Result<Option<Login>, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !helper.chars().all(fits) {
            return Err(format!(
                "expected the name of a credential helper, but found `{}`",
                say::short(helper)
            ));
        }
        let program = format!("docker-credential-{helper}");
        let mut command = Command::new(&program);
        if let Some(path) = &self.environment.path {
            command.env("PATH", path);
        }
        let ended = tokio::time::timeout(self.patience, run(command, key))
            .await
            .map_err(|_| format!("`{program}` did not answer within {:?}", self.patience))?
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => {
                    format!("`{program}`, which Docker's config.json names, is not on the PATH")
                }
                kind => format!("cannot run `{program}`: {kind}"),
            })?;
        // What it printed may be half a secret, whatever it ended with.
        let said = ended.said.expose_secret();
        if !ended.status.success() {
            if said.trim() == NOT_FOUND {
                return Ok(None);
            }
            return Err(format!("`{program}` failed ({})", ended.status));
        }
        let parsed: Option<Json> = serde_json::from_str(said).ok();
        let user = parsed.as_ref().and_then(|json| json["Username"].as_str());
        let secret = parsed.as_ref().and_then(|json| json["Secret"].as_str());
        match (user, secret) {
            (Some("<token>"), Some(secret)) => Ok(Some(Login::Token(secret.into()))),
            (Some(user), Some(secret)) => Ok(Some(Login::Password(user.into(), secret.into()))),
            _ => {
                Err(format!("expected user and secret from `{program}`, but found something else"))
            }
        }
    }
}

/// The registry of a reference, as Docker's client sees it.
pub fn registry_of(reference: &str) -> &str {
    match reference.split_once('/') {
        Some((host, _))
            if host.contains(['.', ':'])
                || host == "localhost"
                || host.chars().any(|c| c.is_ascii_uppercase()) =>
        {
            if host == "index.docker.io" {
                HUB
            } else {
                host
            }
        }
        _ => HUB,
    }
}

/// Under which keys a registry's credentials may stand.
fn keys(registry: &str) -> Vec<String> {
    if registry == HUB {
        return vec![HUB_KEY.into(), "index.docker.io".into(), HUB.into()];
    }
    let bare = registry.to_owned();
    vec![
        bare,
        format!("https://{registry}"),
        format!("https://{registry}/v1/"),
        format!("https://{registry}/v2/"),
        format!("http://{registry}"),
    ]
}

/// An entry of `auths`.
fn written(entry: &Json) -> Option<Login> {
    let text = |field: &str| entry[field].as_str().filter(|text| !text.is_empty());
    if let Some(token) = text("identitytoken") {
        return Some(Login::Token(token.into()));
    }
    if let Some(auth) = text("auth") {
        let decoded = STANDARD.decode(auth).ok().and_then(|bytes| String::from_utf8(bytes).ok())?;
        let (user, password) = decoded.split_once(':')?;
        return Some(Login::Password(user.into(), password.trim_end_matches('\0').into()));
    }
    Some(Login::Password(text("username")?.into(), text("password")?.into()))
}

/// How a helper ended.
struct Ended {
    status: ExitStatus,
    said: SecretString,
}

/// Runs a helper.
async fn run(mut command: Command, key: &str) -> std::io::Result<Ended> {
    let mut child = command
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // A helper that does not read its input says so by how it ends.
        let _ = input.write_all(key.as_bytes()).await;
    }
    let mut text = String::new();
    if let Some(output) = child.stdout.take() {
        output.take(HELPER_LIMIT).read_to_string(&mut text).await?;
    }
    let said = SecretString::from(text);
    Ok(Ended { status: child.wait().await?, said })
}
