//! What an engine can be asked and told, and how it fails.
//!
//! Two traits: [`Reader`] has no call that changes anything, [`Writer`] adds those. Only
//! [`crate::apply`] holds a `Writer`. Answers are the engine's raw JSON.

pub mod clock;
pub mod connect;
pub mod connector;
pub mod credentials;
pub mod docker;
pub mod event_delta;
pub mod known;
pub mod observe;
pub mod secrets;
pub mod simulated;
pub mod timeouts;
#[cfg(feature = "tls")]
pub mod tls;
pub mod transport;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::Value as Json;

use crate::base::ident::{ContainerId, ContainerName, NetworkId};
use crate::observed::snapshot::RegistryAnswer;
use crate::options::settings::Settings;

/// Why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{doing}: {message}")]
pub struct EngineError {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// What was being done, in words: `inspecting container 4f1c…`.
    pub doing: String,
    /// What the engine or the connection said, made safe for printing.
    pub message: String,
    /// The way out.
    pub hint: Option<String>,
}

/// Kinds of failure that callers tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// No connection, or no right to connect.
    Unreachable,
    /// The engine's API is too old or too new.
    Version,
    /// 404.
    NotFound,
    /// 409.
    Conflict,
    /// Any other status.
    Status(u16),
    /// The connection broke or timed out: whether the call took effect is unknown.
    Interrupted,
    /// The answer is not what the API promises.
    Protocol,
    /// What was looked at kept changing.
    Busy,
}

/// The result of a call.
pub type Result<T> = std::result::Result<T, EngineError>;

/// What an engine can be asked; changes nothing.
#[expect(async_fn_in_trait, reason = "one thread, static dispatch: no bounds to state")]
pub trait Reader {
    /// `GET /version`.
    async fn version(&self) -> Result<Json>;
    /// What is known of the engine's `/version` without asking: its `ApiVersion`, where it greeted as
    /// Docker. The rest of what a plan needs of it is in [`Reader::info`], too, and asking costs an
    /// engine a few processes.
    fn greeting(&self) -> Option<Json> {
        None
    }
    /// `GET /info`.
    async fn info(&self) -> Result<Json>;
    /// `GET /containers/json?all=1`.
    async fn list(&self) -> Result<Vec<Json>>;
    /// `GET /containers/ID/json`; `None`: there is no such container.
    async fn inspect(&self, id_or_name: &str) -> Result<Option<Json>>;
    /// `GET /images/REF/json`; `None`: there is no such image.
    async fn image(&self, reference: &str) -> Result<Option<Json>>;
    /// `GET /networks`.
    async fn networks(&self) -> Result<Vec<Json>>;
    /// `GET /volumes`.
    async fn volumes(&self) -> Result<Vec<Json>>;
    /// The networks of a name; an engine may have several.
    async fn networks_named(&self, name: &str) -> Result<Vec<Json>> {
        Ok(self.networks().await?.into_iter().filter(|one| one["Name"] == name).collect())
    }
    /// The volume of a name.
    async fn volume(&self, name: &str) -> Result<Option<Json>> {
        Ok(self.volumes().await?.into_iter().find(|one| one["Name"] == name))
    }
    /// `GET /distribution/REF/json`, with the registry's credentials.
    async fn distribution(&self, reference: &str) -> Result<RegistryAnswer>;
    /// `GET /events` from a moment until now, oldest first. `None`: nothing that is sure to tell
    /// all of it can be had; it needs an answer to [`Reader::info`] before.
    async fn events(&self, since: Instant) -> Option<Vec<Json>>;
    /// `GET /containers/ID/archive?path=`: a file in a container, as
    /// [`crate::options::files::found`] has it; `None`: there is no such file.
    async fn file(&self, id: &ContainerId, path: &str) -> Result<Option<Json>>;
    /// Which of these paths and addresses are on the engine's host. No engine tells that: it is known
    /// only where the engine's file system or its network is this program's.
    async fn sources(&self, _wanted: &BTreeSet<String>) -> BTreeMap<String, bool> {
        BTreeMap::new()
    }
}

/// What became of a call that may find its work done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It took effect.
    Now,
    /// It was so already (304; 404 of a removal).
    Already,
}

/// A created container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its ID.
    pub id: ContainerId,
    /// What the engine dropped or disliked.
    pub warnings: Vec<String>,
}

/// A create body with secrets filled in. It has neither `Debug` nor `Serialize`, so that it gets
/// into no log.
pub struct FilledBody(Json);

impl FilledBody {
    /// Takes a body in which every reference was filled in.
    pub fn new(json: Json) -> Self {
        Self(json)
    }

    /// The JSON, for sending.
    pub fn expose(&self) -> &Json {
        &self.0
    }
}

/// How far a pull is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullProgress {
    /// The layer, or empty.
    pub layer: String,
    /// `Downloading`, `Extracting`, ….
    pub status: String,
    /// Bytes so far.
    pub current: Option<u64>,
    /// Bytes in all.
    pub total: Option<u64>,
}

/// What an engine can be told.
#[expect(async_fn_in_trait, reason = "one thread, static dispatch: no bounds to state")]
pub trait Writer: Reader {
    /// `POST /containers/create?name=`.
    async fn create(&self, name: &ContainerName, body: &FilledBody) -> Result<Created>;
    /// `PUT /containers/ID/archive?path=/`: the files of [`crate::options::files::FIELD`], all of them in
    /// one archive.
    async fn put_files(&self, id: &ContainerId, files: &FilledBody) -> Result<()>;
    /// `POST /containers/ID/start`.
    async fn start(&self, id: &ContainerId) -> Result<Done>;
    /// `POST /containers/ID/stop`, not before the container ended. Without `timeout` the
    /// container's own grace applies.
    async fn stop(
        &self,
        id: &ContainerId,
        signal: Option<&str>,
        timeout: Option<i64>,
    ) -> Result<Done>;
    /// `POST /containers/ID/kill`.
    async fn kill(&self, id: &ContainerId, signal: &str) -> Result<Done>;
    /// `POST /containers/ID/restart`.
    async fn restart(&self, id: &ContainerId, timeout: Option<i64>) -> Result<()>;
    /// `POST /containers/ID/rename`.
    async fn rename(&self, id: &ContainerId, to: &ContainerName) -> Result<()>;
    /// `POST /containers/ID/update`. Gives what the engine dropped or disliked. What the body does
    /// not name is left as it is.
    async fn update(&self, id: &ContainerId, settings: &Settings) -> Result<Vec<String>>;
    /// `DELETE /containers/ID`, never with force, never with volumes.
    async fn remove(&self, id: &ContainerId) -> Result<Done>;
    /// `POST /images/create`, drained to its end. `image` is `REPOSITORY@DIGEST`; without a
    /// platform it is the engine's own.
    async fn pull(
        &self,
        image: &str,
        platform: Option<&str>,
        progress: &mut dyn FnMut(PullProgress),
    ) -> Result<()>;
    /// `POST /images/IMAGE/tag`.
    async fn tag(&self, image: &str, tag: &str) -> Result<()>;
    /// Starts a container and waits for its end: the wait (`next-exit`) is opened before the
    /// start. Gives the exit code.
    async fn run_to_end(&self, id: &ContainerId) -> Result<i64>;
    /// `POST /networks/create`; gives the new one's ID.
    async fn create_network(&self, body: &FilledBody) -> Result<NetworkId>;
    /// `DELETE /networks/ID`.
    async fn remove_network(&self, id: &NetworkId) -> Result<Done>;
    /// `POST /volumes/create`. One of that name is given back as it is, whatever the body says.
    async fn create_volume(&self, body: &FilledBody) -> Result<()>;
    /// `POST /networks/ID/connect`; `endpoint` are the endpoint's settings, null for none.
    async fn connect(
        &self,
        network: &NetworkId,
        container: &ContainerId,
        endpoint: &Json,
    ) -> Result<()>;
    /// `POST /networks/ID/disconnect`, never with force.
    async fn disconnect(&self, network: &NetworkId, container: &ContainerId) -> Result<()>;
    /// The last lines of a container's output, both streams.
    async fn tail(&self, id: &ContainerId, lines: usize) -> Result<String>;
}
