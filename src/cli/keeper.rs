//! The holder of secret values while a plan runs.

use std::collections::BTreeMap;

use super::compose::MadeLabels;
use crate::base::ident::COMPOSE_SERVICE;
use crate::engine::known;
use crate::engine::secrets::Secrets;
use crate::observed::redact::{Redactor, redacted};
use crate::options::Body;
use crate::spec::Spec;

/// Fills in secrets; on a simulated engine no values are known, so references stay as marks.
pub enum Keeper {
    /// The resolved values, and the labels that Compose would write on new containers.
    Known(Secrets, MadeLabels),
    /// No values.
    Simulated,
}

/// A body with the labels that Compose would write for its service.
fn labelled(body: &Body, made: &MadeLabels) -> Body {
    let service = body.json()["Labels"][COMPOSE_SERVICE].as_str();
    let Some(labels) = service.and_then(|service| made.get(service)) else { return body.clone() };
    let mut json = body.json().clone();
    for (label, value) in labels {
        json["Labels"][label] = value.as_str().into();
    }
    Body::from_json(json)
}

impl crate::apply::Secrets for Keeper {
    fn fill(&self, body: &Body) -> std::result::Result<crate::engine::FilledBody, String> {
        match self {
            Self::Known(secrets, made) => secrets.fill(&labelled(body, made)).map_err(|missing| {
                let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
                format!("nothing is known of {}", names.join(", "))
            }),
            Self::Simulated => crate::apply::NoSecrets.fill(body),
        }
    }

    fn redact(&self, text: &str) -> String {
        use secrecy::ExposeSecret;
        match self {
            Self::Known(secrets, _) => {
                let values = secrets.values().values().map(ExposeSecret::expose_secret);
                known::struck(&redacted(text, values))
            }
            Self::Simulated => text.to_owned(),
        }
    }
}

impl Keeper {
    /// The redactor that hides the values in looks.
    pub fn redactor(&self, spec: &Spec) -> Redactor {
        match self {
            Self::Known(secrets, _) => Redactor::new(Some(spec), secrets.values().clone()),
            Self::Simulated => Redactor::new(Some(spec), BTreeMap::new()),
        }
    }
}
