//! Who knows the values of references while a plan runs.

use std::collections::BTreeMap;

use crate::engine::known;
use crate::engine::secrets::Secrets;
use crate::observed::redact::{Redactor, redacted};
use crate::spec::Spec;

/// Who fills secrets in: on a simulated engine nobody has to know any, references stay marks.
pub enum Keeper {
    /// The values that references were resolved to.
    Known(Secrets),
    /// None.
    Simulated,
}

impl crate::apply::Secrets for Keeper {
    fn fill(
        &self,
        body: &crate::options::Body,
    ) -> std::result::Result<crate::engine::FilledBody, String> {
        match self {
            Self::Known(secrets) => secrets.fill(body).map_err(|missing| {
                let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
                format!("nothing is known of {}", names.join(", "))
            }),
            Self::Simulated => crate::apply::NoSecrets.fill(body),
        }
    }

    fn redact(&self, text: &str) -> String {
        use secrecy::ExposeSecret;
        match self {
            Self::Known(secrets) => {
                let values = secrets.values().values().map(ExposeSecret::expose_secret);
                known::struck(&redacted(text, values))
            }
            Self::Simulated => text.to_owned(),
        }
    }
}

impl Keeper {
    /// What hides the values in looks.
    pub fn redactor(&self, spec: &Spec) -> Redactor {
        match self {
            Self::Known(secrets) => Redactor::new(Some(spec), secrets.values().clone()),
            Self::Simulated => Redactor::new(Some(spec), BTreeMap::new()),
        }
    }
}
