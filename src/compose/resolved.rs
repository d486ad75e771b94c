//! The project with all values filled in, as Compose creates containers from it; in memory only.
//!
//! The values include secrets, so nothing here is shown.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};

use super::Project;
use super::go::{self, Go};
use super::lines;
use super::source::{Source, Unread};
use crate::base::ident::Reference;
use crate::options::value::marked_reference;
use crate::syntax::env_file::Format;
use crate::syntax::node::Node;
use crate::syntax::template::{Seen, Template};

/// A service with the values of its variables, environment files and label files.
pub fn service(project: &Project, name: &str, source: &dyn Source) -> Result<Option<Go>, Unread> {
    let Some(model) = project.service(name) else { return Ok(None) };
    let node = project.root.get("services").and_then(|services| services.get(name));
    let model = model.clone().texts(&mut |text| filled(text, source));
    let Go::Map(mut fields) = model else { return Ok(Some(model)) };
    for (_, line) in fields.iter_mut().filter(|(key, _)| lines::KEYS.contains(&key.as_str())) {
        if let Go::Text(text) = line
            && let Some(words) = go::words(text)
        {
            *line = Go::List(words.into_iter().map(Go::Text).collect());
        }
    }
    let take = |fields: &mut Vec<(String, Go)>, key: &str| {
        let at = fields.iter().position(|(known, _)| known == key);
        at.map(|at| fields.remove(at))
    };
    let variables = files(node, "env_file", source)?;
    take(&mut fields, "env_file");
    if let Some(Go::Map(own)) =
        fields.iter_mut().find(|field| field.0 == "environment").map(|field| &mut field.1)
    {
        for (name, value) in own.iter_mut() {
            if *value == Go::Null
                && let Some(found) = source.variable(name)
            {
                *value = Go::Text(found.expose_secret().to_owned());
            }
        }
    }
    merge(&mut fields, "environment", "env_file", variables);
    let labels = files(node, "label_file", source)?;
    take(&mut fields, "label_file");
    merge(&mut fields, "labels", "label_file", labels);
    Ok(Some(Go::Map(fields)))
}

/// The fields that do not affect a container.
const UNHASHED: &[&str] = &["build", "depends_on", "profiles", "pull_policy", "scale"];

/// The input of Compose's service hash: its SHA-256 is the label `com.docker.compose.config-hash`.
pub fn hashed(service: &Go) -> String {
    let Go::Map(fields) = service else { return String::new() };
    let fields = fields.iter().filter(|(key, _)| !UNHASHED.contains(&key.as_str()));
    let field = |(key, value): &(String, Go)| match value {
        Go::Map(deploy) if key == "deploy" => {
            let rest = deploy.iter().filter(|(key, _)| key != "replicas").cloned();
            (key.clone(), Go::Map(rest.collect()))
        }
        value => (key.clone(), value.clone()),
    };
    Go::Map(fields.map(field).collect()).marshal()
}

/// A text with its variables replaced.
pub(super) fn filled(text: String, source: &dyn Source) -> String {
    let Some(Reference::Template { text: template }) = marked_reference(&text) else { return text };
    let lookup = |name: &str| source.variable(name).map(|value| value.expose_secret().to_owned());
    let template = Template::parse(&template).ok();
    let filled = template.and_then(|one| one.fill(&lookup, &mut Seen::default()).ok());
    filled.unwrap_or_default()
}

/// The content of the files in a key; later files override earlier files.
fn files(
    service: Option<&Node>,
    key: &str,
    source: &dyn Source,
) -> Result<BTreeMap<String, SecretString>, Unread> {
    let mut all = BTreeMap::new();
    for file in service.and_then(|service| service.get(key)).map(Node::items).unwrap_or_default() {
        if let Some(path) = file.as_text() {
            all.extend(source.labels(path)?);
            continue;
        }
        let path = file.text_of("path").unwrap_or_default();
        if !file.is_true("required") && !source.is_file(path) {
            continue;
        }
        let format = match file.text_of("format") {
            Some("raw") => Format::Raw,
            _ => Format::Quoted,
        };
        all.extend(source.variables(&[format.written(&crate::base::path::clean(path))])?);
    }
    Ok(all)
}

/// Merges the content of files into a service, whose own values have precedence. A new field is
/// inserted before `next`.
fn merge(
    fields: &mut Vec<(String, Go)>,
    key: &str,
    next: &str,
    more: BTreeMap<String, SecretString>,
) {
    if more.is_empty() {
        return;
    }
    let mut all: BTreeMap<String, Go> = more
        .into_iter()
        .map(|(name, value)| (name, Go::Text(value.expose_secret().to_owned())))
        .collect();
    let known = fields.iter().position(|(known, _)| known == key);
    if let Some(Go::Map(own)) = known.and_then(|at| fields.get(at)).map(|field| field.1.clone()) {
        all.extend(own);
    }
    let merged = (key.to_owned(), Go::Map(all.into_iter().collect()));
    if let Some(field) = known.and_then(|at| fields.get_mut(at)) {
        *field = merged;
        return;
    }
    let at = super::model::place_of(fields, next);
    fields.insert(at, merged);
}
