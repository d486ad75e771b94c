//! What the containers that a plan creates will be, in words: a line for each option.
//!
//! What of it is dangerous is told by the dangers, in full.

use serde_json::Value as Json;

use super::told;
use crate::options;
use crate::plan::planned::{Options, Planned};
use crate::plan::{ImagePin, Plan};

/// The option whose entries are maps.
const FILES: &str = "files";
/// The most characters of one entry of a value.
const ENTRY: usize = 200;
/// So many entries of a value are shown; the file has all of them.
const MOST_ENTRIES: usize = 40;
/// So many containers with something of their own are shown for a set.
const MOST_CONTAINERS: usize = 40;

/// What the containers of one set will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WillBe {
    /// The set.
    pub set: String,
    /// `postgres:16.4, sha256:fc3d16b70360`.
    pub image: String,
    /// An option a line; then what single containers have; then what the image hands down.
    pub lines: Vec<String>,
}

/// All sets whose containers are created.
pub fn of(plan: &Plan) -> Vec<WillBe> {
    let sets = plan.planned.iter();
    sets.map(|(set, planned)| WillBe {
        set: told::ends(set.as_str(), ENTRY),
        image: image(planned),
        lines: lines(planned),
    })
    .collect()
}

fn image(planned: &Planned) -> String {
    let reference = told::ends(&planned.reference, ENTRY);
    match &planned.image {
        ImagePin::Id(id) if reference.starts_with("sha256:") => id.short(),
        ImagePin::Id(id) => format!("{reference}, {}", id.short()),
        ImagePin::Digest(digest) => {
            format!(
                "{reference}, {}, once it is pulled",
                told::short_ids(&told::ends(digest, ENTRY))
            )
        }
    }
}

fn lines(planned: &Planned) -> Vec<String> {
    let mut lines: Vec<String> = planned.options.iter().map(|(key, it)| option(key, it)).collect();
    let own = planned.containers.iter().filter(|(_, own)| !own.is_empty());
    lines.extend(
        own.clone()
            .take(MOST_CONTAINERS)
            .map(|(name, own)| format!("{}: {}", told::ends(name.as_str(), ENTRY), together(own))),
    );
    let rest = own.count().saturating_sub(MOST_CONTAINERS);
    if rest > 0 {
        lines.push(format!("and {rest} more containers"));
    }
    match &planned.from_image {
        None => lines.push("what the image hands down is known once it is pulled".to_owned()),
        Some(own) if own.is_empty() => {}
        Some(own) => lines.push(format!("from the image: {}", together(own))),
    }
    lines
}

fn together(options: &Options) -> String {
    let all: Vec<String> = options.iter().map(|(key, value)| option(key, value)).collect();
    all.join("; ")
}

/// `ports 127.0.0.1:80:8080/tcp, 443:8443/tcp`.
fn option(key: &str, value: &Json) -> String {
    format!("{} {}", told::ends(key, ENTRY), words(key, value))
}

fn words(key: &str, value: &Json) -> String {
    let entries: Vec<String> = match value {
        Json::Array(items) => items.iter().take(MOST_ENTRIES).map(|item| one(key, item)).collect(),
        Json::Object(map) if reference(value).is_none() => {
            map.iter().take(MOST_ENTRIES).map(|(name, value)| entry(key, name, value)).collect()
        }
        other => return one(key, other),
    };
    let all = value
        .as_array()
        .map_or_else(|| value.as_object().map_or(0, serde_json::Map::len), Vec::len);
    let more = all - entries.len();
    let more = (more > 0).then(|| format!("and {more} more, which the plan file has"));
    let shown = entries.into_iter().chain(more).collect::<Vec<_>>();
    // The words of a command are one line, as somebody would type them.
    shown.join(if matches!(key, "command" | "entrypoint") { " " } else { ", " })
}

fn entry(key: &str, name: &str, value: &Json) -> String {
    let name = told::ends(name, ENTRY);
    match value {
        Json::Null => name,
        Json::Object(map) if map.is_empty() => name,
        // A file: what is in it, and who may read it.
        Json::Object(map) if key == FILES => {
            let own = map.iter().map(|(field, value)| match field.as_str() {
                "content" => one(key, value),
                field => format!("({field} {})", one(key, value)),
            });
            std::iter::once(name).chain(own).collect::<Vec<_>>().join(" ")
        }
        value => match reference(value) {
            Some(reference) => format!("{name} {reference}"),
            None => format!("{name}={}", one(key, value)),
        },
    }
}

/// `from_env:DB_PASSWORD`, `env_file:web.env` for a value that the file does not have.
fn reference(value: &Json) -> Option<String> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    let (kind, name) = map.iter().next()?;
    let is_one = kind.starts_with("from_") || matches!(kind.as_str(), "env_file" | "template");
    let kind = Some(kind).filter(|_| is_one)?;
    Some(format!("{kind}:{}", told::ends(name.as_str()?, ENTRY)))
}

fn one(key: &str, value: &Json) -> String {
    match value {
        Json::String(text) if text.is_empty() => "\"\"".to_owned(),
        Json::String(text) => told::ends(text, ENTRY),
        Json::Number(number) => {
            let unit = options::row(key).map(|row| row.def().unit);
            let spelt = unit.zip(number.as_i64()).and_then(|(unit, number)| unit.spelt(number));
            spelt.unwrap_or_else(|| number.to_string())
        }
        other => match reference(other) {
            Some(reference) => reference,
            None => told::ends(&other.to_string(), ENTRY),
        },
    }
}
