//! An engine that answers what a test tells it to, on a unix socket: late, cut short, garbled.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bayplan::engine::connect::{Endpoint, Environment};
use bayplan::engine::docker::DockerReader;
use bayplan::engine::transport::Timeouts;
use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

/// One request, as it came over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// `GET /v1.41/info`.
    pub(crate) line: String,
    pub(crate) auth: Option<String>,
    pub(crate) body: String,
}

/// One answer.
#[derive(Clone)]
pub(crate) struct Reply {
    status: u16,
    pieces: Vec<Bytes>,
    before_each: Duration,
    cut: bool,
    endless: bool,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Bytes>) -> Self {
        let pieces = vec![body.into()];
        Self { status, pieces, before_each: Duration::ZERO, cut: false, endless: false }
    }

    pub(crate) fn json(json: &serde_json::Value) -> Self {
        Self::new(200, json.to_string())
    }

    /// All that is answered.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.pieces.concat()).into_owned()
    }

    /// The connection is cut where the body would end.
    pub(crate) fn cut(mut self) -> Self {
        self.cut = true;
        self
    }

    /// One byte at a time, each after a pause.
    pub(crate) fn trickled(mut self, pause: Duration) -> Self {
        self.pieces = self.pieces.concat().into_iter().map(|b| Bytes::from(vec![b])).collect();
        self.before_each = pause;
        self
    }

    /// The body is repeated for ever.
    pub(crate) fn endless(mut self) -> Self {
        self.endless = true;
        self
    }

    /// The body comes after a pause, the headers at once.
    pub(crate) fn after(mut self, pause: Duration) -> Self {
        self.before_each = pause;
        self
    }
}

/// Path without version, and how often it was asked before.
type Script = dyn Fn(&str, usize) -> Reply + Send + Sync;

pub(crate) struct FakeEngine {
    folder: tempfile::TempDir,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl FakeEngine {
    /// Listens. `/version` says API 1.41 unless the script knows better; `/_ping` says the same.
    pub(crate) fn start(script: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = tokio::net::UnixListener::bind(folder.path().join("d.sock")).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (script, log): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, log) = (Arc::clone(&script), Arc::clone(&log));
                let service = service_fn(move |request| {
                    answer(request, Arc::clone(&script), Arc::clone(&log))
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { folder, asked }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("d.sock")
    }

    /// Request lines after the greeting.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).skip(1).collect()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) async fn reader(&self) -> DockerReader {
        self.reader_with(Environment::default()).await
    }

    pub(crate) async fn reader_with(&self, environment: Environment) -> DockerReader {
        let patience = Timeouts { read: Duration::from_millis(800), ..Timeouts::default() };
        DockerReader::connect(&Endpoint::Unix(self.socket()), &environment, patience).await.unwrap()
    }
}

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, std::io::Error>;

async fn answer(
    request: Request<Incoming>,
    script: Arc<Script>,
    log: Arc<Mutex<Vec<Asked>>>,
) -> Result<Response<Body>, Infallible> {
    let line = format!("{} {}", request.method(), request.uri());
    let auth = request.headers().get("x-registry-auth");
    let auth = auth.map(|value| value.to_str().unwrap().to_owned());
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    let before = {
        let mut log = log.lock().unwrap();
        let before = log.iter().filter(|asked| asked.line == line).count();
        log.push(Asked { line: line.clone(), auth, body });
        before
    };
    let bare = line.replacen("/v1.41", "", 1);
    let reply = match (script(&bare, before), bare.as_str()) {
        (Reply { status: 501, .. }, "GET /version") => hello("1.41"),
        (Reply { status: 501, .. }, "GET /_ping") => match script("GET /version", 0) {
            Reply { status: 501, .. } => hello("1.41"),
            reply => reply,
        },
        (reply, _) => reply,
    };
    // A ping tells the API and whose engine it is in headers.
    let version = (bare == "GET /_ping")
        .then(|| serde_json::from_slice::<serde_json::Value>(&reply.pieces.concat()).ok())
        .flatten()
        .unwrap_or_default();
    let api = version["ApiVersion"].as_str().map(str::to_owned);
    let podman = version["Components"][0]["Name"] == "Podman Engine";
    let mut parts: Vec<Option<Bytes>> = reply.pieces.into_iter().map(Some).collect();
    if reply.cut {
        parts.push(None);
    }
    let pause = reply.before_each;
    let parts: Box<dyn Iterator<Item = Option<Bytes>> + Send> = if reply.endless {
        Box::new(parts.into_iter().cycle())
    } else {
        Box::new(parts.into_iter())
    };
    let frames = stream::unfold(parts, move |mut parts| async move {
        let part = parts.next()?;
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let frame = part.map(Frame::data).ok_or_else(|| std::io::Error::other("cut"));
        Some((frame, parts))
    });
    let body = StreamBody::new(frames).boxed_unsync();
    let mut response = Response::builder().status(reply.status);
    if let Some(api) = api {
        let server = if podman { "Libpod/5.8.6 (linux)" } else { "Docker/20.10.24 (linux)" };
        response = response.header("Api-Version", api).header("Server", server);
    }
    Ok(response.body(body).unwrap())
}

/// What `/version` says.
pub(crate) fn hello(api: &str) -> Reply {
    Reply::json(
        &serde_json::json!({"Version": "20.10.24", "ApiVersion": api, "MinAPIVersion": "1.12"}),
    )
}

/// The answer to what a script does not know.
pub(crate) fn unknown() -> Reply {
    Reply::new(501, r#"{"message":"not in the script"}"#)
}
