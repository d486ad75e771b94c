//! An answer of JSON lines: the progress of a pull, or the end of a wait.
//!
//! Bollard's reader holds a line of any length, and parses all that it holds again at each piece.
//! Here a line has a limit, and each byte is looked at once. No line is kept.

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value as Json;

use super::call::protocol;
use crate::engine::transport::{self, ERROR_LIMIT, Transport};
use crate::engine::{EngineError, ErrorKind, Result};

/// The longest line, in bytes. An engine's lines have some hundred bytes.
const LONGEST: usize = 1 << 20;
/// The most lines of one answer: hours of progress, ten times a second for each layer.
const MOST: usize = 10_000_000;

/// The lines of one answer.
pub(super) struct Lines {
    doing: String,
    body: Incoming,
    /// The bytes that no line was made of yet.
    held: BytesMut,
    /// How many of the held bytes contain no end of a line.
    searched: usize,
    /// How many more lines are read.
    left: usize,
}

impl Lines {
    /// Posts a request without a body. Returns when the headers of the answer arrive.
    pub(super) async fn post(
        transport: &Transport,
        doing: &str,
        path: &str,
        auth: Option<HeaderValue>,
    ) -> Result<Self> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .body(transport::empty())
            .map_err(|_| protocol(doing, "the name fits no request"))?;
        if let Some(auth) = auth {
            request.headers_mut().insert("X-Registry-Auth", auth);
        }
        let response = transport.send(doing, request).await?;
        let (status, body) = (response.status(), response.into_body());
        if status != StatusCode::OK {
            let body = transport::whole(doing, body, ERROR_LIMIT).await;
            return Err(transport::refused(doing, status, &body.unwrap_or_default()));
        }
        let held = BytesMut::new();
        Ok(Self { doing: doing.to_owned(), body, held, searched: 0, left: MOST })
    }

    /// The next line; `None` after the last line.
    pub(super) async fn next(&mut self) -> Result<Option<Json>> {
        loop {
            let line = self.line().await?;
            let Some(line) = line else { return Ok(None) };
            if let Some(left) = self.left.checked_sub(1) {
                self.left = left;
            } else {
                let message = format!("expected at most {MOST} lines, but the answer has more");
                return Err(protocol(&self.doing, &message));
            }
            if !line.trim_ascii().is_empty() {
                return self.parsed(&line).map(Some);
            }
        }
    }

    /// The bytes of the next line, without its end.
    async fn line(&mut self) -> Result<Option<Bytes>> {
        loop {
            let fresh = self.held.get(self.searched..).unwrap_or_default();
            let end = fresh.iter().position(|byte| *byte == b'\n').map(|end| self.searched + end);
            self.searched = self.held.len();
            if end.unwrap_or(self.searched) > LONGEST {
                let message = format!("expected lines of at most {LONGEST} bytes, but found more");
                return Err(protocol(&self.doing, &message));
            }
            if let Some(end) = end {
                self.searched = 0;
                return Ok(Some(self.held.split_to(end + 1).freeze()));
            }
            let Some(frame) = self.body.frame().await else {
                self.searched = 0;
                // The last line may lack its end.
                let rest = self.held.split().freeze();
                return Ok(Some(rest).filter(|rest| !rest.is_empty()));
            };
            let frame = frame.map_err(|_| transport::broken(&self.doing))?;
            if let Ok(data) = frame.into_data() {
                // The bytes are copied, because a frame of one byte may hold much memory.
                self.held.extend_from_slice(&data);
            }
        }
    }

    fn parsed(&self, line: &[u8]) -> Result<Json> {
        let json = serde_json::from_slice::<Json>(line).map_err(|error| {
            if error.is_eof() {
                return transport::broken(&self.doing);
            }
            protocol(&self.doing, "expected lines of JSON, but found something else")
        })?;
        // An engine tells a failure under one name or both.
        let texts = [json["errorDetail"]["message"].as_str(), json["error"].as_str()];
        if json["errorDetail"].is_null() && json["error"].is_null() {
            return Ok(json);
        }
        let text = texts.into_iter().flatten().find(|text| !text.is_empty());
        let text = text.unwrap_or("it failed, and the engine says not why");
        Err(EngineError {
            kind: ErrorKind::Status(500),
            doing: self.doing.clone(),
            message: transport::said(text),
            hint: None,
        })
    }
}
