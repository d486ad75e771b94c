//! A Docker engine behind the traits: reads are raw, writes go through bollard.
//!
//! Nothing is decided here. What a status means is; whether to go on is the executor's.

mod writer;

use serde_json::Value as Json;

pub use writer::Docker;

use crate::engine::connect::{Endpoint, Environment};
use crate::engine::credentials::Credentials;
use crate::engine::transport::{self, Answer, Get, Patience, Transport};
use crate::engine::{EngineError, ErrorKind, Reader, Result};
use crate::say;
use crate::snapshot::RegistryAnswer;

/// The longest list, in bytes.
const LIST_LIMIT: usize = 64 << 20;
/// The longest look at one thing.
const ONE_LIMIT: usize = 4 << 20;

/// An engine that can only be asked.
#[derive(Clone)]
pub struct DockerReader {
    transport: Transport,
    credentials: Credentials,
}

impl DockerReader {
    /// Connects. Registry credentials are looked for in Docker's configuration when they are
    /// needed, not before.
    pub async fn connect(
        endpoint: &Endpoint,
        environment: &Environment,
        patience: Patience,
    ) -> Result<Self> {
        let transport = Transport::connect(endpoint, patience).await?;
        Ok(Self { transport, credentials: Credentials::new(environment, patience.helper) })
    }

    /// The API that is spoken with it.
    pub fn api(&self) -> transport::ApiVersion {
        self.transport.api()
    }

    async fn read(&self, doing: &str, path: String, limit: usize) -> Result<Answer> {
        let patience = self.transport.patience().read;
        self.transport.get(&Get { doing, path, limit, patience, auth: None }).await
    }

    /// One thing that may not be there.
    async fn one(&self, doing: &str, path: String) -> Result<Option<Json>> {
        let answer = self.read(doing, path, ONE_LIMIT).await?;
        if answer.status == http::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        transport::json(doing, &answer).map(Some)
    }

    /// A list; null is an empty one.
    async fn many(&self, doing: &str, path: &str, field: Option<&str>) -> Result<Vec<Json>> {
        let answer = self.read(doing, path.to_owned(), LIST_LIMIT).await?;
        let mut json = transport::json(doing, &answer)?;
        let list = match field {
            Some(field) => json.get_mut(field).map_or(Json::Null, Json::take),
            None => json,
        };
        match list {
            Json::Array(items) => Ok(items),
            Json::Null => Ok(Vec::new()),
            _ => Err(EngineError {
                kind: ErrorKind::Protocol,
                doing: doing.to_owned(),
                message: "expected a list, but the engine answered something else".into(),
                hint: None,
            }),
        }
    }
}

impl Reader for DockerReader {
    async fn version(&self) -> Result<Json> {
        Ok(self.transport.version().clone())
    }

    async fn info(&self) -> Result<Json> {
        let doing = "asking the engine about itself";
        transport::json(doing, &self.read(doing, "/info".into(), ONE_LIMIT).await?)
    }

    async fn list(&self) -> Result<Vec<Json>> {
        self.many("listing containers", "/containers/json?all=1", None).await
    }

    async fn inspect(&self, id_or_name: &str) -> Result<Option<Json>> {
        let doing = format!("inspecting container {}", say::short(id_or_name));
        self.one(&doing, format!("/containers/{}/json", segment(id_or_name))).await
    }

    async fn image(&self, reference: &str) -> Result<Option<Json>> {
        let doing = format!("inspecting image {}", say::safe(reference));
        self.one(&doing, format!("/images/{}/json", segment(reference))).await
    }

    async fn networks(&self) -> Result<Vec<Json>> {
        self.many("listing networks", "/networks", None).await
    }

    async fn volumes(&self) -> Result<Vec<Json>> {
        self.many("listing volumes", "/volumes", Some("Volumes")).await
    }

    async fn distribution(&self, reference: &str) -> Result<RegistryAnswer> {
        let doing = format!("asking the registry about {}", say::safe(reference));
        let auth = match self.credentials.header(reference).await {
            Ok(auth) => auth,
            Err(why) => return Ok(RegistryAnswer::Silent(why)),
        };
        let get = Get {
            doing: &doing,
            path: format!("/distribution/{}/json", segment(reference)),
            limit: ONE_LIMIT,
            patience: self.transport.patience().registry,
            auth,
        };
        // What the engine or the registry says against it is an answer; a broken connection to
        // the engine is not.
        let answer = self.transport.get(&get).await?;
        Ok(match transport::json(&doing, &answer) {
            Ok(json) => match json["Descriptor"]["digest"].as_str() {
                Some(digest) => RegistryAnswer::Digest(digest.to_owned()),
                None => RegistryAnswer::Silent("the answer has no digest".into()),
            },
            Err(error) => RegistryAnswer::Silent(error.message),
        })
    }
}

/// A name, ID or reference as part of a path. Slashes, colons and `@` stay: engines route by
/// them.
fn segment(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/:@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
