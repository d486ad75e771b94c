//! References in a spec: `{from_env: NAME}`, `{env_file: PATH}`, `{template: TEXT}`.
//!
//! Resolving references is the shell's.

use serde_json::{Value as Json, json};

use super::field::Text;
use super::row::OptionValue as _;
use crate::base::ident::Reference;
use crate::base::say;
use crate::options::value::looks_marked;
use crate::syntax::node::{Entry, Node, Problems};
use crate::syntax::template::Template;

/// Prints a reference; `own` is the default variable of an env file.
pub(super) fn print(own: Option<&str>, reference: &Reference) -> Json {
    match reference {
        Reference::Env { name } => json!({"from_env": name}),
        Reference::EnvFile { path, name } if Some(name.as_str()) == own => {
            json!({"env_file": path})
        }
        Reference::EnvFile { path, name } => json!({"env_file": path, "name": name}),
        Reference::Template { text } => json!({"template": text}),
    }
}

/// Reads `{from_env: NAME}`, `{env_file: PATH}`, `{env_file: PATH, name: NAME}` or `{template:
/// TEXT}`. See [`print()`] for `own`.
pub(super) fn parse(
    own: Option<&str>,
    node: &Node,
    entries: &[Entry],
    problems: &mut Problems,
) -> Option<Reference> {
    let mut field = |key: &str| {
        let entry = entries.iter().find(|entry| entry.key == key)?;
        Some(Text::parse(&entry.value, problems).map(|text| text.0))
    };
    let template = field("template");
    if let (Some(text), 1) = (&template, entries.len()) {
        let text = text.clone()?;
        if Template::parse(&text).is_err() {
            return problems.expected("a text with variables like `${NAME}`", node);
        }
        return Some(Reference::Template { text });
    }
    let own = own.map(|own| Some(own.to_owned()));
    let named = field("name");
    let reference = match (field("from_env"), field("env_file"), named.or(own), entries.len()) {
        (Some(name), None, _, 1) => Reference::Env { name: name? },
        (None, Some(path), Some(name), 1 | 2) if entries.iter().all(is_of_file) => {
            Reference::EnvFile { path: path?, name: name? }
        }
        _ => {
            let keys: Vec<String> = entries.iter().map(|entry| say::short(&entry.key)).collect();
            let message = format!(
                "expected `{{from_env: NAME}}` or `{{env_file: PATH}}`, but found a map of {}",
                if keys.is_empty() {
                    "nothing".to_owned()
                } else {
                    format!("`{}`", keys.join("`, `"))
                }
            );
            problems.add(node.place, message);
            return None;
        }
    };
    // A reference must survive printing and parsing, because plans and marks contain its text.
    if reference.to_string().parse().as_ref() != Ok(&reference)
        || looks_marked(&reference.to_string())
    {
        return problems.expected("a reference that can be written down", node);
    }
    Some(reference)
}

fn is_of_file(entry: &Entry) -> bool {
    matches!(entry.key.as_str(), "env_file" | "name")
}

/// The schemas of the three forms: a variable, a file, a template.
pub(super) fn schemas() -> [Json; 3] {
    let name = json!({"type": "string", "minLength": 1});
    let form = |properties: Json, needed: &str| {
        json!({
            "type": "object",
            "properties": properties,
            "required": [needed],
            "additionalProperties": false,
        })
    };
    [
        form(json!({"from_env": name}), "from_env"),
        form(json!({"env_file": name, "name": name}), "env_file"),
        form(json!({"template": name}), "template"),
    ]
}
