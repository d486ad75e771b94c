//! Registry credentials in the format of Docker's client: `config.json` and credential helpers.
//!
//! Credentials are used only for registry requests and pulls. No code here prints a credential, and
//! no error contains the output of a helper.

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

/// The key of Docker Hub's credentials in `config.json`.
const HUB_KEY: &str = "https://index.docker.io/v1/";
/// The name of Docker Hub in image references.
const HUB: &str = "docker.io";
/// The output of a helper without credentials for a registry, by the helper protocol.
const NOT_FOUND: &str = "credentials not found in native keychain";
/// The longest output of a helper, in bytes.
const HELPER_LIMIT: u64 = 1 << 20;

/// The registries that may be contacted: all registries, unless the user names some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registries(Option<Vec<String>>);

impl Registries {
    /// Only these registries, by their names in references; an empty list allows all registries.
    pub fn only(names: &[String]) -> Self {
        let own = |name: &String| registry_of(&format!("{name}/")).to_owned();
        Self((!names.is_empty()).then(|| names.iter().map(own).collect()))
    }

    /// Whether a registry may be contacted.
    pub fn allow(&self, registry: &str) -> bool {
        self.0.as_ref().is_none_or(|all| all.iter().any(|one| one.eq_ignore_ascii_case(registry)))
    }
}

/// The places where credentials are found.
#[derive(Clone)]
pub struct Credentials {
    environment: Environment,
    patience: Duration,
}

/// The credentials for one registry.
enum Login {
    /// User and password.
    Password(String, SecretString),
    /// The token of an OAuth login.
    Token(SecretString),
}

impl Credentials {
    /// Reads Docker's configuration folder; each helper gets `patience` as its timeout.
    pub fn new(environment: &Environment, patience: Duration) -> Self {
        Self { environment: environment.clone(), patience }
    }

    /// The `X-Registry-Auth` header for a reference; `None`: there are no credentials. The error
    /// text is safe to show.
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
        // Engines read the URL-safe alphabet. Bollard writes the standard alphabet, so a password
        // whose encoding has `+` or `/` would be ignored.
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

    /// Runs `docker-credential-NAME get`.
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
        // The output may contain a part of a secret, whatever the exit code.
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

/// The registry of a reference, by the rules of Docker's client.
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

/// The keys under which a registry's credentials may be stored.
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

/// Reads an entry of `auths`.
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

/// The result of a helper process.
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
        // A helper that ignores its input shows the problem by its exit code.
        let _ = input.write_all(key.as_bytes()).await;
    }
    let mut text = String::new();
    if let Some(output) = child.stdout.take() {
        output.take(HELPER_LIMIT).read_to_string(&mut text).await?;
    }
    let said = SecretString::from(text);
    Ok(Ended { status: child.wait().await?, said })
}
