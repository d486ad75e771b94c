//! What the containers that a plan creates will be, in words, by option and entry.
//!
//! What of it is dangerous is told by the dangers, in full.

use serde_json::Value as Json;

use super::told::{self, Entry, Kind};
use super::why::Why;
use crate::options;
use crate::plan::ImagePin;
use crate::plan::planned::{Options, Planned};

/// The option whose entries are maps.
const FILES: &str = "files";
/// The most characters of one entry of a value.
const ENTRY: usize = 200;
/// So many entries of a value are shown; the file has all of them.
const MOST_ENTRIES: usize = 40;
/// So many containers with something of their own are shown for a set.
const MOST_CONTAINERS: usize = 40;

/// Options that say what a container does and gets at; they come first.
const FIRST: &[&str] = &[
    "entrypoint",
    "command",
    "privileged",
    "ports",
    "volumes",
    "tmpfs",
    "environment",
    "network_mode",
    "networks",
];

/// What the containers of one set will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WillBe {
    /// It stands beside what differs of a container that is there, and has only the rest.
    pub is_rest: bool,
    /// `postgres:16.4, sha256:fc3d16b70360`; nothing where that is told beside.
    pub image: Option<String>,
    /// What all of them have.
    pub options: Vec<Opt>,
    /// What single containers have: name, options.
    pub own: Vec<(String, Vec<Opt>)>,
    /// How many more have something of their own.
    pub more: usize,
    /// What the image hands down; nothing where that is known once it is pulled.
    pub from_image: Option<Vec<Opt>>,
}

/// One option and its value, by entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opt {
    /// Its key.
    pub key: String,
    /// Its entries; one where it has no parts.
    pub entries: Vec<Part>,
    /// How many more there are, which the plan file has.
    pub more: usize,
}

/// One entry of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its key in a map.
    pub name: Option<String>,
    /// All of it: `LANG=C.UTF-8`, `8080:80/tcp`.
    pub text: String,
}

impl Opt {
    /// The value in a line.
    pub fn words(&self) -> String {
        let more =
            (self.more > 0).then(|| format!("and {} more, which the plan file has", self.more));
        let all = self.entries.iter().map(|part| part.text.clone()).chain(more);
        // The words of a command are one line, as somebody would type them.
        let typed = matches!(&*self.key, "command" | "entrypoint");
        all.collect::<Vec<_>>().join(if typed { " " } else { ", " })
    }
}

/// Options in a line: `command serve; environment PATH`.
pub fn together(options: &[Opt]) -> String {
    let all: Vec<String> =
        options.iter().map(|option| format!("{} {}", option.key, option.words())).collect();
    all.join("; ")
}

/// What the containers of a set will be, as far as these containers go.
pub fn of(planned: &Planned, containers: &[&str]) -> WillBe {
    let mine = |name: &str| containers.contains(&name);
    let own =
        planned.containers.iter().filter(|(name, own)| mine(name.as_str()) && !own.is_empty());
    let all = own.clone().count();
    WillBe {
        is_rest: false,
        image: Some(image(planned)),
        options: options(&planned.options),
        own: own
            .take(MOST_CONTAINERS)
            .map(|(name, own)| (told::ends(name.as_str(), ENTRY), options(own)))
            .collect(),
        more: all.saturating_sub(MOST_CONTAINERS),
        from_image: planned.from_image.as_ref().map(options),
    }
}

impl WillBe {
    /// What is left of it beside what differs, which is told by itself.
    #[must_use]
    pub fn rest(mut self, why: &[Why]) -> Self {
        self.is_rest = true;
        // What an image hands down and did not before is told with what differs.
        self.from_image = self.from_image.map(|_| Vec::new());
        for why in why {
            let Why::Differs { option, origin: _, entries } = why else { continue };
            if option == "image" {
                self.image = None;
            }
            let own = self.own.iter_mut().map(|(_, own)| own);
            for options in std::iter::once(&mut self.options).chain(own) {
                for one in options.iter_mut().filter(|one| one.key == *option) {
                    one.entries.retain(|part| !entries.iter().any(|entry| part.is(entry)));
                }
                options.retain(|one| !one.entries.is_empty());
            }
        }
        self.own.retain(|(_, own)| !own.is_empty());
        self
    }
}

impl Part {
    /// Whether an entry that differs tells it: by its name, by its text, or as the whole.
    fn is(&self, entry: &Entry) -> bool {
        match &entry.name {
            Some(name) => self.name.as_ref() == Some(name),
            None => entry.kind == Kind::Changed || entry.expected.as_ref() == Some(&self.text),
        }
    }
}

pub(super) fn image(planned: &Planned) -> String {
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

fn options(options: &Options) -> Vec<Opt> {
    let place = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
    let mut all: Vec<(&String, &Json)> = options.iter().collect();
    all.sort_by_key(|(key, _)| place(key));
    all.into_iter().map(|(key, value)| option(key, value)).collect()
}

pub(super) fn option(key: &str, value: &Json) -> Opt {
    let part = |text: String| Part { name: None, text };
    let (entries, all): (Vec<Part>, usize) = match value {
        Json::Array(items) => {
            let shown = items.iter().take(MOST_ENTRIES).map(|item| part(one(key, item)));
            (shown.collect(), items.len())
        }
        Json::Object(map) if reference(value).is_none() => {
            let shown = map.iter().take(MOST_ENTRIES).map(|(name, value)| Part {
                name: Some(told::ends(name, ENTRY)),
                text: entry(key, name, value),
            });
            (shown.collect(), map.len())
        }
        other => (vec![part(one(key, other))], 1),
    };
    Opt { key: told::ends(key, ENTRY), more: all - entries.len(), entries }
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
