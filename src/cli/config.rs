//! `bayplan config`.

use clap::ValueEnum;

use super::args::{ConfigArgs, Unresolved};
use super::files::{self, Files};
use super::report::{Exit, Failure, Result};
use super::{compose_project, load_spec, output};
use crate::base::canonical;
use crate::base::ident::Reference;
use crate::compose::go::Go;
use crate::options::value::marked_reference;

/// `bayplan config --format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ConfigFormat {
    /// JSON, the only form.
    Json,
}

/// Runs the command.
pub fn run(args: &ConfigArgs, files: &Files) -> Result {
    files.will_take("the spec", args.spec.iter().chain(&args.compose.files));
    let asked = load_spec::Asked {
        path: args.spec.as_deref(),
        compose: &args.compose,
        outside: &args.allow_outside,
        assume: args.unresolved == Unresolved::AssumeSame,
    };
    let project = if args.spec_form { None } else { load_spec::project(files, asked)? };
    let json = match project {
        Some(compose_project::Shown { project, notes }) => {
            for note in &notes {
                output::note(note);
            }
            shown(project.model).json()
        }
        None => load_spec::load(files, asked)?.spec.canonical(),
    };
    let mut text = Vec::new();
    canonical::pretty(&mut text, &json, 0).map_err(|error| {
        let of = args.spec.as_deref().map_or_else(|| "the project".to_owned(), files::named);
        Failure::new(Exit::Error, format!("{of} cannot be printed")).caused_by(error)
    })?;
    text.push(b'\n');
    output::bytes(&text)?;
    Ok(Exit::Done)
}

/// A project in Compose notation: `$` is doubled, and templates replace values that may be secret.
fn shown(model: Go) -> Go {
    match model {
        Go::Text(text) => Go::Text(match marked_reference(&text) {
            Some(Reference::Template { text }) => text,
            _ => text.replace('$', "$$"),
        }),
        Go::List(items) => Go::List(items.into_iter().map(shown).collect()),
        Go::Map(entries) => Go::Map(
            entries
                .into_iter()
                .map(|(key, value)| (key.replace('$', "$$"), shown(value)))
                .collect(),
        ),
        other => other,
    }
}
