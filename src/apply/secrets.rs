//! Filling secrets into create bodies, and redacting them from texts of the engine.
//!
//! The caller resolves the references and implements [`Secrets`]; how values are redacted is in
//! [`crate::observed::redact::redacted`], not here.

use crate::engine::FilledBody;
use crate::options::Body;

/// Knows the secret values of references.
pub trait Secrets {
    /// Fills in every reference of a body; the error names the reference, never a value.
    fn fill(&self, body: &Body) -> Result<FilledBody, String>;
    /// Redacts every secret value from a text that came from outside.
    fn redact(&self, text: &str) -> String;
}

/// The implementation for a plan without secret references.
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
