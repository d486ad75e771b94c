//! What a client asks an engine to create: a socket that hands on to the engine's own and keeps the
//! bodies.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value as Json;

/// A socket between a client and an engine.
pub(crate) struct Tap {
    path: PathBuf,
    asked: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// The engine's own socket; nothing where it is reached otherwise.
fn engine() -> Option<PathBuf> {
    match std::env::var("DOCKER_HOST") {
        Ok(host) => host.strip_prefix("unix://").map(PathBuf::from),
        Err(_) => Some("/var/run/docker.sock".into()),
    }
}

impl Tap {
    /// Listens in a folder.
    pub(crate) fn new(folder: &Path) -> Option<Self> {
        let engine = engine()?;
        let path = folder.join("tap.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let asked: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let kept = Arc::clone(&asked);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(engine)) = (client, UnixStream::connect(&engine)) else {
                    return;
                };
                let kept = Arc::clone(&kept);
                thread::spawn(move || {
                    let (from, to) = (engine.try_clone().unwrap(), client.try_clone().unwrap());
                    let back = thread::spawn(move || hand_on(from, to, |_| {}));
                    let mut all = Vec::new();
                    hand_on(client, engine, |bytes| all.extend_from_slice(bytes));
                    kept.lock().unwrap().push(all);
                    back.join().unwrap();
                });
            }
        });
        Some(Self { path, asked })
    }

    /// As `DOCKER_HOST` says it.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// The bodies so far of what was to be created, by kind and name. Connections that are open are
    /// waited for.
    pub(crate) fn taken(&self) -> BTreeMap<String, Json> {
        thread::sleep(std::time::Duration::from_millis(500));
        let all = std::mem::take(&mut *self.asked.lock().unwrap());
        all.iter().flat_map(|bytes| creates(bytes)).collect()
    }
}

fn hand_on(mut from: UnixStream, mut to: UnixStream, mut see: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        see(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// The creates among the requests of one connection.
fn creates(bytes: &[u8]) -> Vec<(String, Json)> {
    let text = String::from_utf8_lossy(bytes);
    let mut found = Vec::new();
    for request in text.split("POST ").skip(1) {
        let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
        let path = head.split_whitespace().next().unwrap_or_default();
        let (route, query) = path.split_once('?').unwrap_or((path, ""));
        let mut parts = route.rsplit('/');
        let (Some("create"), Some(kind)) = (parts.next(), parts.next()) else { continue };
        // Nothing in a body begins a line with a number in hexadecimal digits: chunks do.
        let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        let body =
            if chunked { body.split_once("\r\n").map_or("", |(_, body)| body) } else { body };
        let mut values = serde_json::Deserializer::from_str(body).into_iter::<Json>();
        let Some(Ok(body)) = values.next() else { continue };
        let named = query.split('&').find_map(|pair| pair.strip_prefix("name="));
        let name = named.or(body["Name"].as_str()).unwrap_or_default().to_owned();
        found.push((format!("{kind} {name}"), body));
    }
    found
}
