//! `bayplan snapshot`.

use super::args::{ComposeArgs, Global, SnapshotArgs};
use super::files::{self, Files};
use super::report::{Exit, Failure, Result};
use super::{load_spec, observe, output};
use crate::base::say;
use crate::engine::credentials::Registries;
use crate::engine::secrets::Secrets;
use crate::engine_model::Engine;
use crate::observed::file;
use crate::observed::scope::ObservationScope;

/// Runs the command.
pub fn run(args: &SnapshotArgs, global: &Global, files: &Files) -> Result {
    files.will_take("the spec", args.spec.iter().chain(&args.compose.files));
    let asked = load_spec::Asked {
        path: args.spec.as_deref(),
        compose: &args.compose,
        outside: &args.allow_outside,
        assume: true,
    };
    let any = args.spec.is_some() || args.compose != ComposeArgs::default();
    let loaded = any.then(|| load_spec::load(files, asked)).transpose()?;
    observe::will_read(global, files);
    files.writable(&args.output)?;
    let spec = loaded.as_ref().map(|loaded| &loaded.spec);
    let secrets = match &loaded {
        Some(loaded) => load_spec::resolve(&loaded.spec, &loaded.named)?,
        None => Secrets::default(),
    };
    let wanted = spec
        .map_or_else(ObservationScope::everything, |spec| {
            ObservationScope::of(spec).with_dependants()
        })
        .kept();
    let snapshot = observe::runtime()?.block_on(async {
        let reader = observe::connect(global).await?.asking(Registries::only(&args.registries));
        observe::look(&reader, &wanted, spec, &secrets).await
    })?;
    if let Some(message) = Engine::of_snapshot(&snapshot).refuse() {
        return Err(Failure::new(Exit::Error, message));
    }
    let bytes = file::write(&snapshot).map_err(|error| {
        Failure::new(Exit::Error, "the snapshot cannot be written").caused_by(error)
    })?;
    files.write(&args.output, &bytes)?;
    let looked = snapshot.containers.iter().filter(|container| container.inspect.is_some()).count();
    output::note(&format!(
        "written to {}: {}, {looked} of them in full, {}",
        files::named_output(&args.output),
        say::count(snapshot.containers.len(), "container"),
        say::count(snapshot.images.len(), "image"),
    ));
    Ok(Exit::Done)
}
