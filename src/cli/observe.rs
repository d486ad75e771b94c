//! Looks at an engine, or reads a snapshot file, for all commands.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::args::Global;
use super::files::{self, Files};
use super::report::{Exit, Failure};
use crate::engine::Reader;
use crate::engine::connect::{self, Endpoint, Environment, Flags};
use crate::engine::docker::DockerReader;
use crate::engine::secrets::Secrets;
use crate::engine::transport::Timeouts;
use crate::observed::file;
use crate::observed::redact::{Redactor, Unredacted};
use crate::observed::scope::ObservationScope;
use crate::observed::snapshot::{Container, Snapshot};
use crate::spec::Spec;

/// How many containers a thread takes at a time. For up to twice as many containers, a second
/// thread does not pay off.
const PART: usize = 16;

/// The async runtime of the command line: one thread, because the engine is the bottleneck.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Error, "starting up").caused_by(error))
}

/// Connects to the engine of the command line, the environment or Docker's context.
pub async fn connect(global: &Global) -> Result<DockerReader, Failure> {
    let (flags, environment) = (flags(global), Environment::of_process());
    // No connection was tried yet, so an error here is an error in the arguments.
    let usage = |error| Failure { exit: Exit::Usage, ..Failure::from(error) };
    let endpoint = connect::find(&flags, &environment).map_err(usage)?;
    Ok(DockerReader::connect(&endpoint, &environment, Timeouts::default()).await?)
}

/// Whether the engine is on another machine, as far as its address tells.
pub fn is_elsewhere(global: &Global) -> Result<bool, Failure> {
    let near = |host: &str| matches!(host, "localhost" | "127.0.0.1" | "::1");
    Ok(match connect::find(&flags(global), &Environment::of_process())? {
        Endpoint::Unix(_) => false,
        Endpoint::Tcp { host, .. } | Endpoint::Tls { host, .. } => !near(&host),
        Endpoint::Ssh { .. } => true,
    })
}

fn flags(global: &Global) -> Flags {
    Flags {
        host: global.host.clone(),
        context: global.context.clone(),
        tls: global.tls,
        tls_verify: global.tlsverify,
        tls_ca: global.tlscacert.clone(),
        tls_cert: global.tlscert.clone(),
        tls_key: global.tlskey.clone(),
    }
}

/// Protects the files that connecting and registry requests may read from being overwritten.
pub fn will_read(global: &Global, files: &Files) {
    let paths = connect::files(&flags(global), &Environment::of_process());
    files.will_take("a file of the engine's or of Docker's configuration", paths);
}

/// Looks at an engine for a spec, with secrets hidden.
pub async fn look<R: Reader>(
    reader: &R,
    wanted: &ObservationScope,
    spec: Option<&Spec>,
    secrets: &Secrets,
) -> Result<Snapshot, Failure> {
    let unsealed = crate::engine::observe::observe(reader, wanted).await?;
    Ok(unsealed.redact_by(&Redactor::new(spec, secrets.values().clone()), by_two))
}

/// Redacts containers on two threads, because the engine is idle meanwhile.
fn by_two(containers: &mut [Container], redact: &(dyn Fn(&mut Container) + Sync)) {
    let many = containers.len() > 2 * PART;
    let parts = Mutex::new(containers.chunks_mut(PART));
    let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some(part) = next() {
            part.iter_mut().for_each(redact);
        }
    };
    thread::scope(|scope| {
        if many {
            // Without a second thread, the first thread does all the work.
            drop(thread::Builder::new().spawn_scoped(scope, work));
        }
        work();
    });
}

/// Reads a snapshot file for a spec, with secrets hidden.
pub fn from_file(
    files: &Files,
    path: &Path,
    spec: &Spec,
    secrets: &Secrets,
) -> Result<Snapshot, Failure> {
    let bytes = files.read(path, file::MAX_BYTES)?;
    Ok(redacted(kept(path, &bytes)?, spec, secrets))
}

/// Reads a snapshot file as it is.
pub fn kept(path: &Path, bytes: &[u8]) -> Result<Snapshot, Failure> {
    file::read(bytes).map_err(|error| Failure::from(error).within(&files::named(path)))
}

/// Redacts a snapshot for a spec. A snapshot of bayplan is already redacted; the output of `docker
/// inspect` is redacted now.
pub fn redacted(snapshot: Snapshot, spec: &Spec, secrets: &Secrets) -> Snapshot {
    if snapshot.engine.is_some() || snapshot.whole {
        return snapshot;
    }
    Unredacted::new(snapshot).redact(&Redactor::new(Some(spec), secrets.values().clone()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::Value as Json;

    use super::*;

    #[test]
    fn every_container_is_gone_through_once() {
        for number in [0, 1, 2 * PART, 2 * PART + 1, 20 * PART + 3] {
            let container = Container { list: None, inspect: None, env: BTreeMap::new() };
            let mut containers = vec![container; number];
            let calls = AtomicUsize::new(0);
            by_two(&mut containers, &|container| {
                container.list = Some(Json::Null);
                calls.fetch_add(1, Ordering::Relaxed);
            });
            assert!(containers.iter().all(|container| container.list.is_some()));
            assert_eq!(calls.into_inner(), number);
        }
    }
}
