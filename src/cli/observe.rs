//! Looking at an engine, or at a file instead: what every command that knows the world shares.

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

/// So many containers a processor takes at a time; for few more a second thread is not worth it.
const PART: usize = 16;

/// A runtime for the shell's waiting: one thread, as the engine is the bottleneck.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Error, "starting up").caused_by(error))
}

/// Connects to the engine that the command line, the environment or Docker's context means.
pub async fn connect(global: &Global) -> Result<DockerReader, Failure> {
    let (flags, environment) = (flags(global), Environment::of_process());
    // Nothing was tried so far: what is wrong here is how the engine was named.
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

/// Has nothing written over what connecting, and asking registries, may read.
pub fn will_read(global: &Global, files: &Files) {
    let paths = connect::files(&flags(global), &Environment::of_process());
    files.will_take("a file of the engine's or of Docker's configuration", paths);
}

/// One look at an engine for a spec, secrets hidden.
pub async fn look<R: Reader>(
    reader: &R,
    wanted: &ObservationScope,
    spec: Option<&Spec>,
    secrets: &Secrets,
) -> Result<Snapshot, Failure> {
    let unsealed = crate::engine::observe::observe(reader, wanted).await?;
    Ok(unsealed.redact_by(&Redactor::new(spec, secrets.values().clone()), by_two))
}

/// Goes through containers on two processors: the engine has nothing to do meanwhile.
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
            // Where there is no second thread, the first does it all.
            drop(thread::Builder::new().spawn_scoped(scope, work));
        }
        work();
    });
}

/// A look from a file.
pub fn from_file(
    files: &Files,
    path: &Path,
    spec: &Spec,
    secrets: &Secrets,
) -> Result<Snapshot, Failure> {
    let bytes = files.read(path, file::MAX_BYTES)?;
    Ok(redacted(kept(path, &bytes)?, spec, secrets))
}

/// A look as a file has it.
pub fn kept(path: &Path, bytes: &[u8]) -> Result<Snapshot, Failure> {
    file::read(bytes).map_err(|error| Failure::from(error).within(&files::named(path)))
}

/// The same for a spec. One that bayplan took is redacted already; what `docker inspect` printed is
/// redacted now.
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
