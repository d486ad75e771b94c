//! Bare calls to the engine over one connection.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use serde_json::Value as Json;

const SOCKET: &str = "/var/run/docker.sock";

/// A connection that stays open.
pub(super) struct Line {
    sender: SendRequest<Full<Bytes>>,
    driver: tokio::task::JoinHandle<()>,
}

impl Line {
    pub(super) async fn open() -> Self {
        let socket = tokio::net::UnixStream::connect(SOCKET).await.unwrap();
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.unwrap();
        let driver = tokio::spawn(async {
            let _ = connection.await;
        });
        Self { sender, driver }
    }

    /// One call, which must succeed; null: no answer but its status.
    pub(super) async fn call(&mut self, method: &str, path: &str, body: Option<&Json>) -> Json {
        let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("host", "docker")
            .header("content-type", "application/json")
            .body(Full::new(bytes))
            .unwrap();
        let answer = self.sender.send_request(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(status.as_u16() < 400, "{method} {path}: {status} {body:?}");
        serde_json::from_slice(&body).unwrap_or_default()
    }

    pub(super) async fn get(&mut self, path: &str) -> Json {
        self.call("GET", path, None).await
    }

    pub(super) async fn post(&mut self, path: &str, body: Option<&Json>) -> Json {
        self.call("POST", path, body).await
    }

    pub(super) async fn delete(&mut self, path: &str) {
        self.call("DELETE", path, None).await;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A runtime for bare calls.
pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
