//! `bayplan schema`.

use super::args::{SchemaArgs, SchemaOf};
use super::output;
use super::report::{Exit, Failure, Result};
use crate::plan::schema;

/// Prints a schema.
pub fn run(args: &SchemaArgs) -> Result {
    let schema = match args.of {
        SchemaOf::Spec => crate::spec::schema::spec(),
        SchemaOf::Plan => schema::plan(),
        SchemaOf::Snapshot => schema::snapshot(),
        SchemaOf::Result => crate::apply::result::schema(),
    };
    let mut bytes = Vec::new();
    crate::base::canonical::pretty(&mut bytes, &schema, 0)
        .map_err(|error| Failure::new(Exit::Error, "writing the schema").caused_by(error))?;
    bytes.push(b'\n');
    output::data(&String::from_utf8_lossy(&bytes))?;
    Ok(Exit::Done)
}
