//! The interface to an engine: its calls and its errors.
//!
//! [`Reader`] has no changing call; [`Writer`] adds the changing calls. Only [`crate::apply`] holds
//! a `Writer`. Answers are the engine's raw JSON.

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
    /// The kind of failure.
    pub kind: ErrorKind,
    /// The call in words: `inspecting container 4f1c…`.
    pub doing: String,
    /// The message of the engine or of the connection, safe to print.
    pub message: String,
    /// A hint to the user.
    pub hint: Option<String>,
}

/// The kinds of failure that callers distinguish.
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
    /// The observed objects kept changing.
    Busy,
}

/// The result of a call.
pub type Result<T> = std::result::Result<T, EngineError>;

/// The read-only calls of an engine.
#[expect(async_fn_in_trait, reason = "one thread, static dispatch: no bounds to state")]
pub trait Reader {
    /// `GET /version`.
    async fn version(&self) -> Result<Json>;
    /// The engine's `/version`, as far as it is known without a request: its `ApiVersion`, if the
    /// engine's greeting named Docker. The other version data that a plan needs is in
    /// [`Reader::info`] too, and a request costs an engine a few processes.
    fn greeting(&self) -> Option<Json> {
        None
    }
    /// `GET /info`.
    async fn info(&self) -> Result<Json>;
    /// `GET /containers/json?all=1`.
    async fn list(&self) -> Result<Vec<Json>>;
    /// `GET /containers/ID/json`; `None`: the container does not exist.
    async fn inspect(&self, id_or_name: &str) -> Result<Option<Json>>;
    /// `GET /images/REF/json`; `None`: the image does not exist.
    async fn image(&self, reference: &str) -> Result<Option<Json>>;
    /// `GET /networks`.
    async fn networks(&self) -> Result<Vec<Json>>;
    /// `GET /volumes`.
    async fn volumes(&self) -> Result<Vec<Json>>;
    /// The networks with a name; an engine may have several networks with one name.
    async fn networks_named(&self, name: &str) -> Result<Vec<Json>> {
        Ok(self.networks().await?.into_iter().filter(|one| one["Name"] == name).collect())
    }
    /// The volume with a name.
    async fn volume(&self, name: &str) -> Result<Option<Json>> {
        Ok(self.volumes().await?.into_iter().find(|one| one["Name"] == name))
    }
    /// `GET /distribution/REF/json`, with the registry's credentials.
    async fn distribution(&self, reference: &str) -> Result<RegistryAnswer>;
    /// `GET /events` from a moment until now, oldest first. `None`: a complete log is not
    /// available. Needs an earlier answer to [`Reader::info`].
    async fn events(&self, since: Instant) -> Option<Vec<Json>>;
    /// `GET /containers/ID/archive?path=`: a file in a container, in the form of
    /// [`crate::options::files::found`]; `None`: the file does not exist.
    async fn file(&self, id: &ContainerId, path: &str) -> Result<Option<Json>>;
    /// Which of these paths and addresses exist on the engine's host. Engines do not tell that, so
    /// an answer needs a shared file system or network.
    async fn sources(&self, _wanted: &BTreeSet<String>) -> BTreeMap<String, bool> {
        BTreeMap::new()
    }
}

/// The result of a call whose work may already be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// The call took effect.
    Now,
    /// The work was already done (304; 404 for a removal).
    Already,
}

/// A created container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The ID of the container.
    pub id: ContainerId,
    /// The warnings of the engine.
    pub warnings: Vec<String>,
}

/// A create body with secrets filled in. The type has neither `Debug` nor `Serialize`, so that no
/// log contains a body.
pub struct FilledBody(Json);

impl FilledBody {
    /// Takes a body whose references are all filled in.
    pub fn new(json: Json) -> Self {
        Self(json)
    }

    /// The JSON for the request.
    pub fn expose(&self) -> &Json {
        &self.0
    }
}

/// The progress of a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullProgress {
    /// The layer; empty for the whole image.
    pub layer: String,
    /// `Downloading`, `Extracting`, ….
    pub status: String,
    /// The bytes so far.
    pub current: Option<u64>,
    /// The bytes in total.
    pub total: Option<u64>,
}

/// The changing calls of an engine.
#[expect(async_fn_in_trait, reason = "one thread, static dispatch: no bounds to state")]
pub trait Writer: Reader {
    /// `POST /containers/create?name=`.
    async fn create(&self, name: &ContainerName, body: &FilledBody) -> Result<Created>;
    /// `PUT /containers/ID/archive?path=/`: the files in [`crate::options::files::FIELD`], in one
    /// archive.
    async fn put_files(&self, id: &ContainerId, files: &FilledBody) -> Result<()>;
    /// `POST /containers/ID/start`.
    async fn start(&self, id: &ContainerId) -> Result<Done>;
    /// `POST /containers/ID/stop`; returns after the container has ended. Without `timeout`, the
    /// container's own stop grace period applies.
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
    /// `POST /containers/ID/update`; gives the engine's warnings. Fields that are not in the body
    /// stay unchanged.
    async fn update(&self, id: &ContainerId, settings: &Settings) -> Result<Vec<String>>;
    /// `DELETE /containers/ID`, never with force, never with volumes.
    async fn remove(&self, id: &ContainerId) -> Result<Done>;
    /// `POST /images/create`, read to its end. `image` is `REPOSITORY@DIGEST`; without `platform`,
    /// the engine's own platform is pulled.
    async fn pull(
        &self,
        image: &str,
        platform: Option<&str>,
        progress: &mut dyn FnMut(PullProgress),
    ) -> Result<()>;
    /// `POST /images/IMAGE/tag`.
    async fn tag(&self, image: &str, tag: &str) -> Result<()>;
    /// Starts a container and waits for its end; gives the exit code. The wait (`next-exit`) is
    /// opened before the start.
    async fn run_to_end(&self, id: &ContainerId) -> Result<i64>;
    /// `POST /networks/create`; gives the ID of the network.
    async fn create_network(&self, body: &FilledBody) -> Result<NetworkId>;
    /// `DELETE /networks/ID`.
    async fn remove_network(&self, id: &NetworkId) -> Result<Done>;
    /// `POST /volumes/create`. An existing volume with this name is kept unchanged, whatever the
    /// body says.
    async fn create_volume(&self, body: &FilledBody) -> Result<()>;
    /// `POST /networks/ID/connect`; `endpoint` are the endpoint settings, or null.
    async fn connect(
        &self,
        network: &NetworkId,
        container: &ContainerId,
        endpoint: &Json,
    ) -> Result<()>;
    /// `POST /networks/ID/disconnect`, never with force.
    async fn disconnect(&self, network: &NetworkId, container: &ContainerId) -> Result<()>;
    /// The last output lines of a container, from both streams.
    async fn tail(&self, id: &ContainerId, lines: usize) -> Result<String>;
}
