//! `bayplan config`.

use super::args::{ConfigArgs, Unresolved};
use super::files::{self, Files};
use super::report::{Exit, Failure, Result};
use super::{load_spec, output};
use crate::base::ident::Reference;
use crate::compose::go::Go;
use crate::options::value::marked_reference;

/// Runs the command.
pub fn run(args: &ConfigArgs, files: &Files) -> Result {
    files.will_take("the spec", args.spec.iter().chain(&args.compose.files));
    let asked = load_spec::Asked {
        path: args.spec.as_deref(),
        compose: &args.compose,
        outside: &args.allow_outside,
        assume: args.unresolved == Unresolved::AssumeSame,
    };
    let loaded = load_spec::load(files, asked)?;
    let json = match &loaded.compose {
        _ if args.spec_form => loaded.spec.canonical(),
        Some((_, project)) => shown(project.model.clone()).json(),
        None => loaded.spec.canonical(),
    };
    let mut text = serde_json::to_string_pretty(&json).map_err(|error| {
        let message = format!("{} cannot be printed", files::named(&loaded.path));
        Failure::new(Exit::Error, message).caused_by(error)
    })?;
    text.push('\n');
    output::bytes(text.as_bytes())?;
    Ok(Exit::Done)
}

/// A project in Compose notation: `$` is doubled, and templates replace values that may be secret.
fn shown(model: Go) -> Go {
    model.texts(&mut |text| match marked_reference(&text) {
        Some(Reference::Template { text }) => text,
        _ => text.replace('$', "$$"),
    })
}
