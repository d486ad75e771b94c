//! The HTTP transport to an engine, over a Unix socket, TCP, TLS or ssh, with persistent
//! connections.
//!
//! Reads keep the engine's raw JSON: bollard's typed models lose fields, and one unknown word fails
//! a whole list. Writes come from bollard through [`Transport::send`]. The calls themselves are in
//! [`super::docker`], not here.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value as Json;
use tokio::sync::{OnceCell, Semaphore};

use super::connect::Endpoint;
use super::connector::{ConnectFailure, Connector, LocalDaemon};
pub use super::timeouts::Timeouts;
use super::{EngineError, ErrorKind, Result, known};
use crate::base::api::{self, Api};
use crate::base::canonical::Loose;
use crate::base::say;

/// The longest error of an engine that is read, in bytes.
pub const ERROR_LIMIT: usize = 64 << 10;
/// How much memory the values of an answer may take, as a multiple of the longest body. The answers
/// of engines take less than ten times their length.
const ROOM: usize = 12;

/// The body of a request, of this program or of bollard.
pub type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// A connection to one engine; cheap to clone.
#[derive(Clone)]
pub struct Transport(Arc<Inner>);

struct Inner {
    /// Reads share connections.
    pooled: Client<Connector, Body>,
    /// A write gets a new connection, because an old shared connection may break during the call.
    fresh: Client<Connector, Body>,
    /// Limits the number of concurrent reads.
    flights: Semaphore,
    patience: Timeouts,
    /// The engine's `/version`, requested once.
    version: OnceCell<Json>,
    api: Api,
    /// Whether the engine has answered any request.
    greeted: bool,
    /// The newest API version of the engine, if the greeting named Docker and the version.
    docker: Option<Api>,
    /// Whether the engine runs on this host, as far as that is known.
    neighbour: Arc<LocalDaemon>,
    /// Whether connections are ssh sessions: then writes share connections too.
    sessions: bool,
}

/// One read: the request and the limits of its answer.
pub struct Get<'a> {
    /// The read in words, for errors.
    pub doing: &'a str,
    /// The path and query, without the API version.
    pub path: String,
    /// The longest body, in bytes.
    pub limit: usize,
    /// The timeout of the whole read.
    pub patience: Duration,
    /// The `X-Registry-Auth` header, if the engine asks a registry.
    pub auth: Option<http::HeaderValue>,
}

/// The answer to a read.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The whole body.
    pub body: Bytes,
    /// The longest body that was allowed, in bytes.
    pub limit: usize,
    /// The newest API version of the engine, if a header tells the version.
    pub newest: Option<Api>,
    /// Whether a header names Docker: `Docker/20.10.24 (linux)`.
    pub docker: bool,
}

impl Transport {
    /// Connects and agrees on an API version: by a fast ping, whose answer names the version, or
    /// else by `/version`.
    pub async fn connect(endpoint: &Endpoint, patience: Timeouts) -> Result<Self> {
        let connector = Connector::new(endpoint, patience.connect)?;
        let (said, neighbour) = (connector.said(), connector.neighbour());
        let sessions = matches!(endpoint, Endpoint::Ssh { .. });
        let pooled = Client::builder(TokioExecutor::new()).build(connector.clone());
        let fresh =
            Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        let mut inner = Inner {
            pooled,
            fresh,
            flights: Semaphore::new(if sessions { 2 } else { 32 }),
            patience,
            version: OnceCell::new(),
            api: api::OLDEST,
            greeted: false,
            docker: None,
            neighbour,
            sessions,
        };
        let doing = format!("connecting to the engine at {}", place(endpoint));
        let answer = match inner.get(&inner.hello(&doing, "/_ping"), "").await {
            Ok(answer) => answer,
            Err(error) => {
                let ssh = if sessions { self::said(&said.text().await) } else { String::new() };
                return Err(first(error, endpoint, &ssh));
            }
        };
        inner.greeted = true;
        let known = answer.newest.filter(|newest| (api::OLDEST..=api::NEWEST).contains(newest));
        inner.docker = known.filter(|_| answer.docker);
        inner.api = if let Some(newest) = known {
            newest
        } else {
            let version = inner.ask_version(&doing).await.map_err(|mut error| {
                error.hint = None;
                first(error, endpoint, "")
            })?;
            let settled = settle(&version).map_err(|(message, hint)| EngineError {
                kind: ErrorKind::Version,
                doing: doing.clone(),
                message,
                hint: Some(hint.into()),
            })?;
            inner.version = OnceCell::new_with(Some(version));
            settled
        };
        Ok(Self(Arc::new(inner)))
    }

    /// The engine's `/version`, requested once.
    pub async fn version(&self) -> Result<&Json> {
        let doing = "asking the engine about itself";
        self.0.version.get_or_try_init(|| self.0.ask_version(doing)).await
    }

    /// The newest API version of the engine, if the greeting named Docker and the version.
    pub fn docker(&self) -> Option<Api> {
        self.0.docker
    }

    /// The API version of the connection.
    pub fn api(&self) -> Api {
        self.0.api
    }

    /// Whether the engine runs on this host, as far as that is known.
    pub fn neighbour(&self) -> &LocalDaemon {
        &self.0.neighbour
    }

    /// The timeouts.
    pub fn patience(&self) -> Timeouts {
        self.0.patience
    }

    /// Reads. Only a broken connection is retried, once.
    pub async fn get(&self, get: &Get<'_>) -> Result<Answer> {
        let prefix = format!("/v{}", self.0.api);
        self.0.get(get, &prefix).await
    }

    /// Sends a request, with the API version put before its path. A request is never retried.
    pub async fn send(
        &self,
        doing: &str,
        mut request: Request<Body>,
    ) -> Result<Response<Incoming>> {
        let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        *request.uri_mut() = uri(doing, &format!("/v{}{path}", self.0.api))?;
        let client = if self.0.sessions { &self.0.pooled } else { &self.0.fresh };
        // Headers and bodies are not logged, because they contain credentials and secrets.
        let line = format!("{} {}", request.method(), say::safe(request.uri().path()));
        let answer = client.request(request).await.map_err(|error| failed(doing, &error));
        match &answer {
            Ok(response) => tracing::info!("{line}: {}", response.status().as_u16()),
            Err(error) => tracing::info!("{line}: {}", error.message),
        }
        answer
    }
}

impl Inner {
    /// A read before the API version is known, or without an API version.
    fn hello<'a>(&self, doing: &'a str, path: &str) -> Get<'a> {
        let patience = self.patience.hello;
        let patience = if self.sessions { patience * 3 } else { patience };
        Get { doing, path: path.into(), limit: 1 << 20, patience, auth: None }
    }

    async fn ask_version(&self, doing: &str) -> Result<Json> {
        json(doing, &self.get(&self.hello(doing, "/version"), "").await?)
    }

    async fn get(&self, get: &Get<'_>, prefix: &str) -> Result<Answer> {
        let _flight = self.flights.acquire().await;
        let twice = async {
            match self.once(get, prefix).await {
                // A first ssh session that ends has told the reason; a second session would repeat
                // the reason.
                Err(error)
                    if error.kind == ErrorKind::Interrupted && (self.greeted || !self.sessions) =>
                {
                    self.once(get, prefix).await
                }
                result => result,
            }
        };
        let answer =
            tokio::time::timeout(get.patience, twice).await.unwrap_or_else(|_| Err(late(get)));
        match &answer {
            Ok(answer) => {
                let (status, length) = (answer.status.as_u16(), answer.body.len());
                tracing::debug!("GET {}: {status}, {length} bytes", say::safe(&get.path));
            }
            Err(error) => tracing::debug!("GET {}: {}", say::safe(&get.path), error.message),
        }
        answer
    }

    async fn once(&self, get: &Get<'_>, prefix: &str) -> Result<Answer> {
        let mut request = Request::new(empty());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = uri(get.doing, &format!("{prefix}{}", get.path))?;
        if let Some(auth) = &get.auth {
            request.headers_mut().insert("X-Registry-Auth", auth.clone());
        }
        let response =
            self.pooled.request(request).await.map_err(|error| failed(get.doing, &error))?;
        let status = response.status();
        let newest = response.headers().get("Api-Version").and_then(|text| text.to_str().ok());
        let newest = newest.and_then(Api::parse);
        let server = response.headers().get(http::header::SERVER);
        let docker = server.is_some_and(|server| server.as_bytes().starts_with(b"Docker/"));
        let body = whole(get.doing, response.into_body(), get.limit).await?;
        Ok(Answer { status, body, limit: get.limit, newest, docker })
    }
}

/// The whole body of an answer, of at most `limit` bytes. The frames are copied, because a frame of
/// one byte may hold much memory.
pub async fn whole(doing: &str, body: Incoming, limit: usize) -> Result<Bytes> {
    let (mut body, mut bytes) = (Limited::new(body, limit), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            if !error.is::<http_body_util::LengthLimitError>() {
                return broken(doing);
            }
            let message = format!("expected at most {limit} bytes, but the answer is longer");
            EngineError { kind: ErrorKind::Protocol, doing: doing.to_owned(), message, hint: None }
        })?;
        if let Ok(data) = frame.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes.freeze())
}

/// An empty body.
pub fn empty() -> Body {
    full(Bytes::new())
}

/// A complete body.
pub fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// The JSON of a 200, or the engine's error.
pub fn json(doing: &str, answer: &Answer) -> Result<Json> {
    json_by(doing, answer, |text| serde_json::from_str(text).map(|Loose(json)| json))
}

/// The JSON of a 200, parsed by a given function.
pub fn json_by(
    doing: &str,
    answer: &Answer,
    read: impl FnOnce(&str) -> serde_json::Result<Json>,
) -> Result<Json> {
    if answer.status != StatusCode::OK {
        return Err(refused(doing, answer.status, &answer.body));
    }
    let strange = |what: String| EngineError {
        kind: ErrorKind::Protocol,
        doing: doing.to_owned(),
        message: format!("expected JSON, but found {what}"),
        hint: None,
    };
    if !is_light(&answer.body, answer.limit) {
        return Err(strange("more values than any engine has".into()));
    }
    // Checking the whole text for UTF-8 at once takes a tenth less time.
    let text = std::str::from_utf8(&answer.body).map_err(|error| {
        strange(format!("bytes that are no UTF-8 after {}", error.valid_up_to()))
    })?;
    read(text).map_err(|error| {
        strange(format!("something else at line {} column {}", error.line(), error.column()))
    })
}

/// Whether the values of a JSON text take little memory. Small objects take most: a hundred times
/// their length.
pub fn is_light(text: &[u8], limit: usize) -> bool {
    let room = text.iter().fold(0_usize, |room, byte| match byte {
        b'{' => room.saturating_add(640),
        b',' | b'[' => room.saturating_add(32),
        _ => room,
    });
    room <= limit.saturating_mul(ROOM)
}

/// The error in an engine's answer.
pub fn refused(doing: &str, status: StatusCode, body: &[u8]) -> EngineError {
    let body = Some(body).filter(|body| body.len() <= ERROR_LIMIT).unwrap_or_default();
    let text = match serde_json::from_slice::<Json>(body) {
        Ok(json) => json["message"].as_str().unwrap_or_default().to_owned(),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let kind = match status {
        StatusCode::NOT_FOUND => ErrorKind::NotFound,
        StatusCode::CONFLICT => ErrorKind::Conflict,
        status => ErrorKind::Status(status.as_u16()),
    };
    let text = said(&text);
    let message = if text.is_empty() {
        format!("the engine answered {status}")
    } else {
        format!("the engine answered {}: {text}", status.as_u16())
    };
    EngineError { kind, doing: doing.to_owned(), message, hint: None }
}

/// A text of an engine or a registry: without known secrets, safe to print, on one line and
/// shortened.
pub fn said(text: &str) -> String {
    // Secrets are removed before the text is cut, because half a secret would not be found.
    let text = known::struck(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    let mut kept: String = text.chars().take(500).collect();
    if kept.len() < text.len() {
        kept.push('…');
    }
    say::safe(&kept)
}

/// The error for a connection that broke before the answer.
pub fn broken(doing: &str) -> EngineError {
    EngineError {
        kind: ErrorKind::Interrupted,
        doing: doing.to_owned(),
        message: "the connection broke before the engine had answered".into(),
        hint: None,
    }
}

fn late(get: &Get<'_>) -> EngineError {
    EngineError {
        kind: ErrorKind::Interrupted,
        doing: get.doing.to_owned(),
        message: format!("the engine did not answer within {:?}", get.patience),
        hint: None,
    }
}

fn uri(doing: &str, path: &str) -> Result<Uri> {
    format!("http://localhost{path}").parse().map_err(|_| EngineError {
        kind: ErrorKind::Protocol,
        doing: doing.to_owned(),
        message: format!(
            "expected a path that a request can have, but found `{}`",
            say::short(path)
        ),
        hint: None,
    })
}

/// The error for an error of the HTTP client.
fn failed(doing: &str, error: &hyper_util::client::legacy::Error) -> EngineError {
    let mut source = error.source();
    while let Some(inner) = source {
        #[cfg(feature = "tls")]
        if let Some(failure) = inner.downcast_ref::<std::io::Error>().and_then(super::tls::failure)
        {
            return unreachable(doing, &failure);
        }
        if let Some(failure) = inner.downcast_ref::<ConnectFailure>() {
            return unreachable(doing, failure);
        }
        source = inner.source();
    }
    broken(doing)
}

fn unreachable(doing: &str, failure: &ConnectFailure) -> EngineError {
    EngineError {
        kind: ErrorKind::Unreachable,
        doing: doing.to_owned(),
        message: failure.message.clone(),
        hint: failure.hint.clone(),
    }
}

/// Turns any error of the first read into a failure to reach the engine.
fn first(mut error: EngineError, endpoint: &Endpoint, ssh: &str) -> EngineError {
    error.kind = ErrorKind::Unreachable;
    if !ssh.is_empty() {
        error.message = format!("{}; ssh said: {ssh}", error.message);
    }
    let hint = match endpoint {
        Endpoint::Unix(_) => "is the engine running, and is it a Docker engine?",
        Endpoint::Tcp { .. } => {
            "is it a Docker engine? if it wants TLS, say --tlsverify or set DOCKER_TLS_VERIFY"
        }
        Endpoint::Tls { .. } => {
            "does it trust this client's certificate? see --tlscert, --tlskey and DOCKER_CERT_PATH"
        }
        Endpoint::Ssh { .. } => {
            "does `ssh HOST docker system dial-stdio` work without a password or a question?"
        }
    };
    error.hint.get_or_insert_with(|| hint.into());
    error
}

/// Chooses the API version by the engine's `/version`.
fn settle(version: &Json) -> std::result::Result<Api, (String, &'static str)> {
    let newest = version["ApiVersion"].as_str().and_then(Api::parse);
    let Some(newest) = newest else {
        return Err((
            "expected the engine's API version, but found none in its answer".into(),
            "is it a Docker engine that listens there?",
        ));
    };
    let name = version["Version"].as_str().map(say::short).unwrap_or_default();
    if newest < api::OLDEST {
        return Err((
            format!(
                "expected API {} or newer, but the engine ({name}) speaks {newest}",
                api::OLDEST
            ),
            "update the engine to Docker 20.10 or newer",
        ));
    }
    let oldest = version["MinAPIVersion"].as_str().and_then(Api::parse);
    if let Some(oldest) = oldest.filter(|oldest| *oldest > api::NEWEST) {
        return Err((
            format!(
                "expected an engine that speaks API {}, but it ({name}) begins at {oldest}",
                api::NEWEST
            ),
            "update bayplan",
        ));
    }
    Ok(newest.min(api::NEWEST))
}

/// An endpoint in words.
fn place(endpoint: &Endpoint) -> String {
    let text = match endpoint {
        Endpoint::Unix(path) => format!("unix://{}", path.display()),
        Endpoint::Tcp { host, port } | Endpoint::Tls { host, port, .. } => {
            format!("tcp://{host}:{port}")
        }
        Endpoint::Ssh { host, .. } => format!("ssh://{host}"),
    };
    say::safe(&text)
}
