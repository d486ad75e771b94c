//! Changing calls to a Docker engine, through bollard over our transport.
//!
//! Each call gets its own bollard client, whose transport records the status and the connection
//! error. Bollard itself treats 304 as 204, and drops the reason for a failed connection. Answers
//! with a body are read here, within limits. No call is retried here: after a broken connection,
//! the effect of the call is unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bollard::query_parameters as query;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Method, Request, StatusCode};
use serde_json::Value as Json;

use super::call::{Call, late, protocol};
use super::lines::Lines;
use super::{DockerReader, EVER, ONE_LIMIT, archive, segment};
use crate::base::api;
use crate::base::ident::{ContainerId, ContainerName, NetworkId};
use crate::base::image_ref::ImageRef;
use crate::base::say;
use crate::engine::known;
use crate::engine::transport;
use crate::engine::{
    Created, Done, EngineError, ErrorKind, FilledBody, PullProgress, Reader, Result, Writer,
};
use crate::observed::snapshot::RegistryAnswer;
use crate::options::settings::Settings;

/// How long a removal by another client may take.
const REMOVAL: Duration = Duration::from_mins(1);
/// The time between two looks at a removal.
const PAUSE: Duration = Duration::from_millis(100);
/// How long an engine may take to confirm a wait. Docker confirms at once; another engine may
/// confirm only at the end, so then sending the request must be enough.
const WAIT_OPENS: Duration = Duration::from_secs(3);
/// How many bytes of container output are kept.
const TAIL_LIMIT: usize = 1 << 20;

/// A connection to an engine for reads and writes.
#[derive(Clone)]
pub struct Docker {
    reader: DockerReader,
}

impl Docker {
    /// A writer over the connection of a reader.
    pub fn new(reader: DockerReader) -> Self {
        Self { reader }
    }

    /// The read-only part of the connection.
    pub fn reader(&self) -> &DockerReader {
        &self.reader
    }

    fn call(&self, doing: String) -> Result<Call> {
        Call::new(&self.reader.transport, doing)
    }

    /// Posts a JSON body; gives the answer of a 200 or 201.
    async fn post(&self, doing: &str, path: &str, body: &Json) -> Result<Json> {
        let bytes =
            serde_json::to_vec(body).map_err(|_| protocol(doing, "the body cannot be written"))?;
        self.send(doing, (Method::POST, path), ("application/json", bytes)).await
    }

    async fn send(
        &self,
        doing: &str,
        (method, path): (Method, &str),
        (kind, bytes): (&str, Vec<u8>),
    ) -> Result<Json> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::CONTENT_TYPE, kind)
            .body(transport::full(Bytes::from(bytes)))
            .map_err(|_| protocol(doing, "the name fits no request"))?;
        let patience = self.write_patience();
        let send = async {
            let response = self.reader.transport.send(doing, request).await?;
            let status = response.status();
            // The call may have taken effect, however long its answer is.
            let body = transport::whole(doing, response.into_body(), ONE_LIMIT).await;
            Ok((status, body.map_err(|_| transport::broken(doing))?))
        };
        let (status, bytes) = tokio::time::timeout(patience, send)
            .await
            .unwrap_or_else(|_| Err(late(doing, patience)))?;
        if !matches!(status, StatusCode::OK | StatusCode::CREATED) {
            return Err(transport::refused(doing, status, &bytes));
        }
        if !transport::is_light(&bytes, ONE_LIMIT) {
            return Ok(Json::Null);
        }
        Ok(serde_json::from_slice(&bytes).unwrap_or_default())
    }

    fn write_patience(&self) -> Duration {
        self.reader.transport.patience().write
    }

    /// How long a stop may take: the stop grace period, plus the time that an engine needs beyond
    /// the period. With a shorter timeout the engine would go on stopping after the call.
    async fn grace(&self, id: &ContainerId, timeout: Option<i64>) -> Result<Duration> {
        let seconds = if let Some(seconds) = timeout {
            seconds
        } else {
            let inspect = self.reader.inspect(id.as_str()).await?;
            let own = inspect.and_then(|json| json["Config"]["StopTimeout"].as_i64());
            own.unwrap_or(10)
        };
        let Ok(seconds) = u64::try_from(seconds) else { return Ok(EVER) };
        let grace = Duration::from_secs(seconds.min(EVER.as_secs()));
        Ok(grace + self.reader.transport.patience().beyond_grace)
    }

    /// The signal for a stop call. Docker 20.10 ignores the parameter and uses the container's own
    /// stop signal; that is fine only if both signals are equal.
    async fn stop_signal(
        &self,
        id: &ContainerId,
        signal: Option<&str>,
        doing: &str,
    ) -> Result<Option<String>> {
        let Some(signal) = signal else { return Ok(None) };
        if self.reader.transport.api() >= api::STOP_SIGNAL {
            return Ok(Some(signal.to_owned()));
        }
        let inspect = self.reader.inspect(id.as_str()).await?.unwrap_or_default();
        let own = inspect["Config"]["StopSignal"].as_str().unwrap_or("SIGTERM");
        let bare = |text: &str| text.trim_start_matches("SIG").to_owned();
        if bare(own) == bare(signal) {
            return Ok(None);
        }
        Err(EngineError {
            kind: ErrorKind::Version,
            doing: doing.to_owned(),
            message: format!(
                "expected API {} for a stop with {}, but the engine speaks {}; the \
                 container's own signal is {}",
                api::STOP_SIGNAL,
                say::short(signal),
                self.reader.transport.api(),
                say::short(own)
            ),
            hint: Some(
                "leave `stop_signal` out, or replace the container with one that has it".into(),
            ),
        })
    }

    /// Waits until a removal by another client is over. `None`: no removal is in progress, so the
    /// call was refused.
    async fn removed(&self, id: &ContainerId) -> Result<Option<Done>> {
        let watch = async {
            loop {
                let Some(inspect) = self.reader.inspect(id.as_str()).await? else {
                    return Ok(Some(Done::Already));
                };
                if inspect["State"]["Status"] != "removing" {
                    return Ok(None);
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(REMOVAL, watch).await.unwrap_or(Ok(None))
    }
}

impl Reader for Docker {
    async fn version(&self) -> Result<Json> {
        self.reader.version().await
    }
    async fn info(&self) -> Result<Json> {
        self.reader.info().await
    }
    async fn list(&self) -> Result<Vec<Json>> {
        self.reader.list().await
    }
    async fn inspect(&self, id_or_name: &str) -> Result<Option<Json>> {
        self.reader.inspect(id_or_name).await
    }
    async fn image(&self, reference: &str) -> Result<Option<Json>> {
        self.reader.image(reference).await
    }
    async fn networks(&self) -> Result<Vec<Json>> {
        self.reader.networks().await
    }
    async fn volumes(&self) -> Result<Vec<Json>> {
        self.reader.volumes().await
    }
    async fn distribution(&self, reference: &str) -> Result<RegistryAnswer> {
        self.reader.distribution(reference).await
    }
    async fn events(&self, since: Instant) -> Option<Vec<Json>> {
        self.reader.events(since).await
    }
    async fn file(&self, id: &ContainerId, path: &str) -> Result<Option<Json>> {
        self.reader.file(id, path).await
    }
    async fn sources(&self, paths: &BTreeSet<String>) -> BTreeMap<String, bool> {
        self.reader.sources(paths).await
    }
}

impl Writer for Docker {
    async fn create(&self, name: &ContainerName, body: &FilledBody) -> Result<Created> {
        let doing = format!("creating container {}", say::safe(name.as_str()));
        let mut path = format!("/containers/create?name={}", segment(name.as_str()));
        // The platform is a query parameter; an engine would ignore a field in the body.
        if let Some(platform) = body.expose()["Platform"].as_str() {
            path.push_str("&platform=");
            path.push_str(&segment(platform));
        }
        let json = self.post(&doing, &path, body.expose()).await?;
        let Some(id) = json["Id"].as_str().filter(|id| !id.is_empty()) else {
            return Err(protocol(&doing, "expected the new container's ID, but found none"));
        };
        Ok(Created { id: ContainerId::new(id), warnings: warnings(&json) })
    }

    async fn put_files(&self, id: &ContainerId, files: &FilledBody) -> Result<()> {
        let doing = format!("putting files into container {}", id.short());
        let bytes = archive::packed(files.expose())
            .map_err(|_| protocol(&doing, "a path fits no archive"))?;
        let path = format!("/containers/{}/archive?path=/", segment(id.as_str()));
        self.send(&doing, (Method::PUT, &path), ("application/x-tar", bytes)).await.map(drop)
    }

    async fn start(&self, id: &ContainerId) -> Result<Done> {
        let call = self.call(format!("starting container {}", id.short()))?;
        let client = call.client.clone();
        call.done(self.write_patience(), client.start_container(id.as_str(), None)).await
    }

    async fn stop(
        &self,
        id: &ContainerId,
        signal: Option<&str>,
        timeout: Option<i64>,
    ) -> Result<Done> {
        let call = self.call(format!("stopping container {}", id.short()))?;
        let patience = self.grace(id, timeout).await?;
        let signal = self.stop_signal(id, signal, &call.doing).await?;
        let options = query::StopContainerOptions { signal, t: timeout.map(seconds) };
        let client = call.client.clone();
        call.done(patience, client.stop_container(id.as_str(), Some(options))).await
    }

    /// A 409 says that the container is not running, so the kill has nothing left to do.
    async fn kill(&self, id: &ContainerId, signal: &str) -> Result<Done> {
        let call = self.call(format!("killing container {}", id.short()))?;
        let client = call.client.clone();
        let options = query::KillContainerOptions { signal: signal.to_owned() };
        let sent = call
            .done(self.write_patience(), client.kill_container(id.as_str(), Some(options)))
            .await;
        match sent {
            Err(error) if error.kind == ErrorKind::Conflict => Ok(Done::Already),
            sent => sent,
        }
    }

    async fn restart(&self, id: &ContainerId, timeout: Option<i64>) -> Result<()> {
        let call = self.call(format!("restarting container {}", id.short()))?;
        let patience = self.grace(id, timeout).await?;
        let options = query::RestartContainerOptions { signal: None, t: timeout.map(seconds) };
        let client = call.client.clone();
        call.done(patience, client.restart_container(id.as_str(), Some(options))).await.map(drop)
    }

    async fn rename(&self, id: &ContainerId, to: &ContainerName) -> Result<()> {
        let doing = format!("renaming container {} to {}", id.short(), say::safe(to.as_str()));
        let call = self.call(doing)?;
        let client = call.client.clone();
        let options = query::RenameContainerOptions { name: to.as_str().to_owned() };
        call.done(self.write_patience(), client.rename_container(id.as_str(), options))
            .await
            .map(drop)
    }

    async fn update(&self, id: &ContainerId, settings: &Settings) -> Result<Vec<String>> {
        let doing = format!("updating container {}", id.short());
        let path = format!("/containers/{}/update", segment(id.as_str()));
        Ok(warnings(&self.post(&doing, &path, &settings.body()).await?))
    }

    /// A 409 may say that another client is removing the container; the call then waits for the end
    /// of the removal.
    async fn remove(&self, id: &ContainerId) -> Result<Done> {
        let call = self.call(format!("removing container {}", id.short()))?;
        let client = call.client.clone();
        let options = query::RemoveContainerOptions { v: false, force: false, link: false };
        let sent = call
            .done(self.write_patience(), client.remove_container(id.as_str(), Some(options)))
            .await;
        match sent {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Done::Already),
            Err(error) if error.kind == ErrorKind::Conflict => self.removed(id).await?.ok_or(error),
            sent => sent,
        }
    }

    async fn pull(
        &self,
        image: &str,
        platform: Option<&str>,
        progress: &mut dyn FnMut(PullProgress),
    ) -> Result<()> {
        let doing = format!("pulling image {}", say::safe(image));
        let credentials = self.reader.credentials.header(image).await;
        let auth = credentials.map_err(|why| protocol(&doing, &why))?;
        let (repository, digest) = image.split_once('@').unwrap_or((image, ""));
        let mut path = format!("/images/create?fromImage={}", segment(repository));
        for (name, value) in [("tag", digest), ("platform", platform.unwrap_or_default())] {
            if !value.is_empty() {
                path.extend(["&", name, "=", &segment(value)]);
            }
        }
        let silence = self.reader.transport.patience().silence;
        let late = |_| late(&doing, silence);
        let open = Lines::post(&self.reader.transport, &doing, &path, auth);
        let mut lines = tokio::time::timeout(silence, open).await.map_err(late)??;
        while let Some(line) = tokio::time::timeout(silence, lines.next()).await.map_err(late)?? {
            progress(pull_progress(&line));
        }
        Ok(())
    }

    async fn tag(&self, image: &str, tag: &str) -> Result<()> {
        let doing = format!("tagging image {} as {}", say::safe(image), say::safe(tag));
        let call = self.call(doing)?;
        let wrong = |why: &str| protocol(&call.doing, why);
        let parsed = ImageRef::parse(tag).map_err(|why| wrong(&why))?;
        let repo = parsed.repository().ok_or_else(|| wrong("an image ID is no tag"))?;
        let options =
            query::TagImageOptions { repo: Some(repo), tag: parsed.tag().map(str::to_owned) };
        let client = call.client.clone();
        let image = segment(image);
        call.done(self.write_patience(), client.tag_image(&image, Some(options))).await.map(drop)
    }

    async fn run_to_end(&self, id: &ContainerId) -> Result<i64> {
        let doing = format!("waiting for the end of container {}", id.short());
        let path = format!("/containers/{}/wait?condition=next-exit", segment(id.as_str()));
        let mut opening = Box::pin(Lines::post(&self.reader.transport, &doing, &path, None));
        // From the headers on, the wait misses no end.
        let mut opened = tokio::select! {
            opened = &mut opening => Some(opened?),
            () = tokio::time::sleep(WAIT_OPENS) => None,
        };
        if let Some(end) = opened.as_mut().and_then(|lines| lines.next().now_or_never()) {
            end?;
            return Err(protocol(&doing, "the engine ended the wait before the start"));
        }
        if self.start(id).await? == Done::Already {
            return Err(protocol(&doing, "it was running already"));
        }
        let mut lines = match opened {
            Some(lines) => lines,
            None => opening.await?,
        };
        match lines.next().await? {
            Some(end) => exit_code(&end, &doing),
            None => Err(transport::broken(&doing)),
        }
    }

    async fn create_network(&self, body: &FilledBody) -> Result<NetworkId> {
        let name = body.expose()["Name"].as_str().unwrap_or_default();
        let doing = format!("creating network {}", say::safe(name));
        let json = self.post(&doing, "/networks/create", body.expose()).await?;
        match json["Id"].as_str().filter(|id| !id.is_empty()) {
            Some(id) => Ok(NetworkId::new(id)),
            None => Err(protocol(&doing, "expected the new network's ID, but found none")),
        }
    }

    async fn remove_network(&self, id: &NetworkId) -> Result<Done> {
        let call = self.call(format!("removing network {}", id.short()))?;
        let client = call.client.clone();
        match call.done(self.write_patience(), client.remove_network(id.as_str())).await {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Done::Already),
            sent => sent,
        }
    }

    async fn create_volume(&self, body: &FilledBody) -> Result<()> {
        let name = body.expose()["Name"].as_str().unwrap_or_default();
        let doing = format!("creating volume {}", say::safe(name));
        self.post(&doing, "/volumes/create", body.expose()).await.map(drop)
    }

    async fn connect(
        &self,
        network: &NetworkId,
        container: &ContainerId,
        endpoint: &Json,
    ) -> Result<()> {
        let (who, where_) = (container.short(), network.short());
        let doing = format!("connecting container {who} to network {where_}");
        let path = format!("/networks/{}/connect", segment(network.as_str()));
        let mut body = serde_json::json!({"Container": container});
        if !endpoint.is_null() {
            body["EndpointConfig"] = endpoint.clone();
        }
        self.post(&doing, &path, &body).await.map(drop)
    }

    async fn disconnect(&self, network: &NetworkId, container: &ContainerId) -> Result<()> {
        let (who, where_) = (container.short(), network.short());
        let doing = format!("disconnecting container {who} from network {where_}");
        let path = format!("/networks/{}/disconnect", segment(network.as_str()));
        let body = serde_json::json!({"Container": container, "Force": false});
        self.post(&doing, &path, &body).await.map(drop)
    }

    async fn tail(&self, id: &ContainerId, lines: usize) -> Result<String> {
        let doing = format!("reading the output of container {}", id.short());
        let inspect = self.reader.inspect(id.as_str()).await?.unwrap_or_default();
        let path =
            format!("/containers/{}/logs?stdout=1&stderr=1&tail={lines}", segment(id.as_str()));
        let answer = self.reader.read(&doing, path, TAIL_LIMIT * 8).await?;
        if answer.status != StatusCode::OK {
            return Err(transport::refused(&doing, answer.status, &answer.body));
        }
        let terminal = inspect["Config"]["Tty"].as_bool().unwrap_or(false);
        let bytes = if terminal { answer.body.to_vec() } else { untangled(&answer.body) };
        let begin = bytes.len().saturating_sub(TAIL_LIMIT);
        Ok(String::from_utf8_lossy(bytes.get(begin..).unwrap_or_default()).into_owned())
    }
}

/// The warnings in an answer.
fn warnings(answer: &Json) -> Vec<String> {
    let warnings = answer["Warnings"].as_array().into_iter().flatten();
    warnings.filter_map(Json::as_str).map(transport::said).collect()
}

/// Seconds in the type of the API, capped at the largest number.
fn seconds(timeout: i64) -> i32 {
    i32::try_from(timeout).unwrap_or(if timeout < 0 { -1 } else { i32::MAX })
}

/// The exit code in the answer to a wait.
fn exit_code(end: &Json, doing: &str) -> Result<i64> {
    match (end["Error"]["Message"].as_str(), end["StatusCode"].as_i64()) {
        (Some(why), _) if !why.is_empty() => Err(protocol(doing, why)),
        (_, Some(code)) => Ok(code),
        (_, None) => Err(protocol(doing, "expected an exit code, but found none")),
    }
}

fn pull_progress(line: &Json) -> PullProgress {
    // The answer may repeat an error of a registry.
    let clean = |text: &Json| say::short(&known::struck(text.as_str().unwrap_or_default()));
    let detail = &line["progressDetail"];
    PullProgress {
        layer: clean(&line["id"]),
        status: clean(&line["status"]),
        current: detail["current"].as_u64(),
        total: detail["total"].as_u64(),
    }
}

/// Decodes the output of a container without a terminal: frames with an 8-byte header, whose last
/// four bytes are the length. An incomplete last frame is decoded as far as possible.
fn untangled(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    while let Some((header, rest)) = bytes.split_first_chunk::<8>() {
        let [_, _, _, _, length @ ..] = header;
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let (frame, rest) = rest.split_at(length.min(rest.len()));
        out.extend_from_slice(frame);
        bytes = rest;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_repeats_no_secret() {
        known::learn("token of a registry");
        let line = serde_json::json!({
            "id": "layer token of a registry",
            "status": "sent token of a registry to http://u:p@r/",
        });
        let told = pull_progress(&line);
        assert_eq!(told.layer, "layer «hidden»");
        assert_eq!(told.status, "sent «hidden» to http://«hidden»@r/");
    }
}
