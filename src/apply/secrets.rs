//! Filling secrets into create bodies, and striking them out of what comes back.
//!
//! Who resolved the references implements [`Secrets`]; how values are struck out is
//! [`crate::observed::redact::redacted`]'s.

use crate::engine::FilledBody;
use crate::options::Body;

/// Who knows the values of references.
pub trait Secrets {
    /// Fills every reference of a body in; the error names the reference, never a value.
    fn fill(&self, body: &Body) -> Result<FilledBody, String>;
    /// Strikes every value out of a text that came from outside.
    fn redact(&self, text: &str) -> String;
}

/// No references, no secrets.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSecrets;

impl Secrets for NoSecrets {
    fn fill(&self, body: &Body) -> Result<FilledBody, String> {
        Ok(FilledBody::new(body.json().clone()))
    }

    fn redact(&self, text: &str) -> String {
        text.to_owned()
    }
}
