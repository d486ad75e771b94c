//! The Docker engine behind the traits: reads give raw JSON, writes go through bollard.
//!
//! Only the meaning of a status is decided here; the executor decides whether to go on.

mod archive;
mod call;
mod inspected;
mod lines;
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::{Value as Json, json};

pub use writer::Docker;

use inspected::Inspected;

use crate::base::api::{self, Api};
use crate::base::ident::ContainerId;
use crate::base::say;
use crate::engine::clock::Reading;
use crate::engine::connect::{Endpoint, Environment};
use crate::engine::credentials::{Credentials, Registries, registry_of};
use crate::engine::known;
use crate::engine::transport::{self, Answer, Get, Timeouts, Transport};
use crate::engine::{EngineError, ErrorKind, Reader, Result, event_delta};
use crate::engine_model::Kind;
use crate::observed::snapshot::RegistryAnswer;

/// The longest list, in bytes.
const LIST_LIMIT: usize = 64 << 20;
/// A timeout longer than any wait: for a container with an endless stop grace period.
const EVER: std::time::Duration = std::time::Duration::from_hours(366 * 24);
/// The longest log, in bytes.
const LOG_LIMIT: usize = 4 << 20;
/// The longest answer about one object, in bytes.
const ONE_LIMIT: usize = 4 << 20;
/// The most entries of a list: containers, images, networks or volumes of one engine.
const MOST_ENTRIES: usize = 100_000;

/// A read-only connection to an engine.
#[derive(Clone)]
pub struct DockerReader {
    transport: Transport,
    credentials: Credentials,
    registries: Registries,
    /// The last reading of the engine's clock.
    clock: Arc<Mutex<Option<Reading>>>,
    inspected: Arc<Mutex<Inspected>>,
}

impl DockerReader {
    /// Connects to an engine. Registry credentials are read from Docker's configuration only when
    /// they are needed.
    pub async fn connect(
        endpoint: &Endpoint,
        environment: &Environment,
        patience: Timeouts,
    ) -> Result<Self> {
        let transport = Transport::connect(endpoint, patience).await?;
        let credentials = Credentials::new(environment, patience.helper);
        let registries = Registries::default();
        let (clock, inspected) = (Arc::default(), Arc::default());
        Ok(Self { transport, credentials, registries, clock, inspected })
    }

    /// The same connection, limited to some registries.
    #[must_use]
    pub fn asking(mut self, registries: Registries) -> Self {
        self.registries = registries;
        self
    }

    /// The API version of the connection.
    pub fn api(&self) -> Api {
        self.transport.api()
    }

    /// A reading of the engine's clock: of a shared local clock, or else the last reading.
    fn clock(&self) -> Option<Reading> {
        if self.transport.neighbour().shares_clock() {
            return Reading::ours();
        }
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self, doing: &str, path: String, limit: usize) -> Result<Answer> {
        let patience = self.transport.patience().read;
        self.transport.get(&Get { doing, path, limit, patience, auth: None }).await
    }

    /// Reads one object; `None` if the object does not exist.
    async fn one(&self, doing: &str, path: String) -> Result<Option<Answer>> {
        let answer = self.read(doing, path, ONE_LIMIT).await?;
        Ok(Some(answer).filter(|answer| answer.status != http::StatusCode::NOT_FOUND))
    }

    /// Reads a list; null counts as an empty list.
    async fn many(&self, doing: &str, path: &str, field: Option<&str>) -> Result<Vec<Json>> {
        let answer = self.read(doing, path.to_owned(), LIST_LIMIT).await?;
        let mut json = transport::json(doing, &answer)?;
        let list = match field {
            Some(field) => json.get_mut(field).map_or(Json::Null, Json::take),
            None => json,
        };
        let message = match list {
            Json::Array(items) if items.len() > MOST_ENTRIES => {
                format!("expected at most {MOST_ENTRIES} entries, but found {}", items.len())
            }
            Json::Array(items) if !items.iter().all(is_entry) => {
                "expected entries with an ID or a name, but the engine answered something else"
                    .into()
            }
            Json::Array(items) => return Ok(items),
            Json::Null => return Ok(Vec::new()),
            _ => "expected a list, but the engine answered something else".into(),
        };
        let kind = ErrorKind::Protocol;
        Err(EngineError { kind, doing: doing.to_owned(), message, hint: None })
    }
}

impl Reader for DockerReader {
    async fn version(&self) -> Result<Json> {
        self.transport.version().await.cloned()
    }

    fn greeting(&self) -> Option<Json> {
        Some(json!({"ApiVersion": self.transport.docker()?.to_string()}))
    }

    async fn info(&self) -> Result<Json> {
        let doing = "asking the engine about itself";
        let sent = Instant::now();
        let answer = self.read(doing, "/info".into(), ONE_LIMIT).await?;
        let received = Instant::now();
        let info = transport::json(doing, &answer)?;
        for proxy in ["HttpProxy", "HttpsProxy"] {
            known::learn_url(info[proxy].as_str().unwrap_or_default());
        }
        let text = info["SystemTime"].as_str().unwrap_or_default();
        if let Some(reading) = Reading::new(text, sent, received) {
            *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
        }
        Ok(info)
    }

    async fn list(&self) -> Result<Vec<Json>> {
        self.many("listing containers", "/containers/json?all=1", None).await
    }

    async fn inspect(&self, id_or_name: &str) -> Result<Option<Json>> {
        let doing = format!("inspecting container {}", say::short(id_or_name));
        let path = format!("/containers/{}/json", segment(id_or_name));
        let Some(answer) = self.one(&doing, path).await? else { return Ok(None) };
        let mut inspected = self.inspected.lock().unwrap_or_else(PoisonError::into_inner);
        transport::json_by(&doing, &answer, |text| inspected.read(text)).map(Some)
    }

    async fn image(&self, reference: &str) -> Result<Option<Json>> {
        let doing = format!("inspecting image {}", say::safe(reference));
        let path = format!("/images/{}/json", segment(reference));
        // The platforms of a multi-platform image. Older engines do not know this parameter.
        let asked = if self.transport.api() >= api::MANIFESTS { "?manifests=1" } else { "" };
        let Some(answer) = self.one(&doing, format!("{path}{asked}")).await? else {
            return Ok(None);
        };
        transport::json(&doing, &answer).map(Some)
    }

    async fn file(&self, id: &ContainerId, path: &str) -> Result<Option<Json>> {
        let doing = format!("fetching {} of container {}", say::short(path), id.short());
        let asked = format!("/containers/{}/archive?path={}", segment(id.as_str()), segment(path));
        let answer = self.read(&doing, asked, archive::LIMIT).await?;
        match answer.status {
            http::StatusCode::NOT_FOUND => Ok(None),
            http::StatusCode::OK => archive::unpacked(&answer.body)
                .map_err(|_| call::protocol(&doing, "expected an archive, but found none")),
            status => Err(transport::refused(&doing, status, &answer.body)),
        }
    }

    async fn networks(&self) -> Result<Vec<Json>> {
        self.many("listing networks", "/networks", None).await
    }

    async fn volumes(&self) -> Result<Vec<Json>> {
        self.many("listing volumes", "/volumes", Some("Volumes")).await
    }

    async fn distribution(&self, reference: &str) -> Result<RegistryAnswer> {
        let doing = format!("asking the registry about {}", say::safe(reference));
        if !self.registries.allow(registry_of(reference)) {
            return Ok(RegistryAnswer::NotAsked);
        }
        let auth = match self.credentials.header(reference).await {
            Ok(auth) => auth,
            Err(why) => {
                tracing::warn!("{doing}: {}", known::struck(&why));
                return Ok(RegistryAnswer::Unauthorised);
            }
        };
        let get = Get {
            doing: &doing,
            path: format!("/distribution/{}/json", segment(reference)),
            limit: ONE_LIMIT,
            patience: self.transport.patience().registry,
            auth,
        };
        // An error from the engine or the registry is an answer; a broken connection to the engine
        // is not.
        let answer = self.transport.get(&get).await?;
        Ok(match transport::json(&doing, &answer) {
            Ok(json) => {
                match json["Descriptor"]["digest"].as_str().filter(|text| is_digest(text)) {
                    Some(digest) => RegistryAnswer::Digest(digest.to_owned()),
                    None => RegistryAnswer::Silent,
                }
            }
            Err(error) => {
                tracing::debug!("{error}");
                class(answer.status.as_u16(), &error.message)
            }
        })
    }

    /// Reads the event log of Docker engines only, because the log of other engines may lag behind.
    /// The request ends at the latest time that the engine's clock may show now, so that no earlier
    /// event is missed. The engine answers when that time has come: late by no more than the doubt
    /// about its clock.
    async fn events(&self, since: Instant) -> Option<Vec<Json>> {
        let clock = self.clock()?;
        if self.transport.docker().is_none()
            && Kind::of(self.transport.version().await.ok()?) != Kind::Docker
        {
            return None;
        }
        let time = |nanos: i128| {
            let second = 1_000_000_000;
            format!("{}.{:09}", nanos.div_euclid(second), nanos.rem_euclid(second))
        };
        let (since, until) = (clock.earliest(since), clock.latest(Instant::now()));
        let path = format!("/events?since={}&until={}", time(since), time(until));
        let patience = self.transport.patience().log;
        let doing = "reading the engine's log";
        let get = Get { doing, path, limit: LOG_LIMIT, patience, auth: None };
        let answer = self.transport.get(&get).await.ok()?;
        if answer.status != http::StatusCode::OK || !transport::is_light(&answer.body, LOG_LIMIT) {
            return None;
        }
        let events: std::result::Result<Vec<Json>, _> =
            serde_json::Deserializer::from_slice(&answer.body).into_iter().collect();
        events.ok().filter(|events| events.len() < event_delta::KEPT)
    }

    async fn sources(&self, wanted: &BTreeSet<String>) -> BTreeMap<String, bool> {
        if wanted.is_empty() {
            return BTreeMap::new();
        }
        let engine = self.transport.neighbour();
        let (files, network) = (engine.shares_files(), engine.shares_network());
        let there = |what: &String| {
            let is = match what.parse::<IpAddr>() {
                Ok(address) => network.then(|| has_address(address)).flatten()?,
                Err(_) => files.then(|| std::fs::exists(what).ok()).flatten()?,
            };
            Some((what.clone(), is))
        };
        wanted.iter().filter_map(there).collect()
    }
}

/// Whether this host has an IP address; no port can be bound to a foreign address.
fn has_address(address: IpAddr) -> Option<bool> {
    match UdpSocket::bind((address, 0)) {
        Ok(_) => Some(true),
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => Some(false),
        Err(_) => None,
    }
}

/// Whether a text is a digest: an algorithm, and as many hexadecimal digits as the algorithm gives.
fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, digits)| {
        matches!((algorithm, digits.len()), ("sha256", 64) | ("sha512", 128))
            && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            // A registry may echo what it was sent.
            && known::struck(text) == text
    })
}

/// Whether an entry of a list is an object that something identifies.
fn is_entry(entry: &Json) -> bool {
    let says = |field: &str| entry[field].as_str().is_some_and(|text| !text.is_empty());
    says("Id") || says("Name")
}

/// The class of an answer without a digest. Engines use several status codes for the same answer.
fn class(status: u16, message: &str) -> RegistryAnswer {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    match status {
        401 | 403 => RegistryAnswer::Unauthorised,
        404 => RegistryAnswer::NotFound,
        _ if says(&[
            "unauthorized",
            "access denied",
            "access to the resource is denied",
            "no basic auth",
        ]) =>
        {
            RegistryAnswer::Unauthorised
        }
        _ if says(&["manifest unknown", "not found"]) => RegistryAnswer::NotFound,
        _ => RegistryAnswer::Silent,
    }
}

/// A name, ID or reference as part of a URL path. Slashes, colons and `@` are kept, because engines
/// route by them.
fn segment(text: &str) -> String {
    use std::fmt::Write as _;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:@".contains(&byte);
    if text.bytes().all(plain) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
