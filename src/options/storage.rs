//! Storage options beside `volumes`: `tmpfs`, `volumes_from`, `shm_size`, `volume_driver` and
//! `storage_opt`.
//!
//! Rows read the request, never the resulting mounts. Volumes and bind mounts are
//! [`super::volumes`]'.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::field::{At, Bytes, Field, Plain, Text, field, some_map, some_set, strings};
use super::fields::{Nothing, Owned};
use super::grammar::{Grammar, Spelt, Wrong, any_text, good, list_or_one};
use super::namespaces::Assignments;
use super::network::is_name;
use super::risk::Risk;
use super::row::{Body, Context, Filled, Group, OPTION, OptionDef, Row, Spelled, Unit};
use crate::base::path::clean;
use crate::base::say;
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};

const STORAGE: OptionDef = OptionDef { group: Group::Storage, ..OPTION };

/// `volume_driver`.
pub static VOLUME_DRIVER: Field<Text> = field(
    At::Host("VolumeDriver"),
    OptionDef {
        key: "volume_driver",
        risk: Risk::VolumeDriver,
        doc: "the driver that makes the volumes which are not there yet",
        examples: &["local"],
        ..STORAGE
    },
);

/// `shm_size`.
pub static SHM_SIZE: Field<Bytes> = field(
    At::Host("ShmSize"),
    OptionDef {
        key: "shm_size",
        risk: Risk::None,
        doc: "the size of `/dev/shm`",
        examples: &["128m", "1073741824"],
        filled: Filled::Any,
        unit: Unit::Bytes,
        ..STORAGE
    },
);

/// `storage_opt`.
pub static STORAGE_OPT: Field<Assignments> = field(
    At::Host("StorageOpt"),
    OptionDef {
        key: "storage_opt",
        risk: Risk::None,
        doc: "options of the storage driver for its own file system",
        examples: &["{size: 10G}"],
        many: true,
        ..STORAGE
    },
);

/// `tmpfs`.
pub static TMPFS: Field<Tmpfs> = field(
    At::Host("Tmpfs"),
    OptionDef {
        key: "tmpfs",
        risk: Risk::None,
        doc: "file systems in memory: `PATH` or `PATH:OPTIONS`",
        examples: &["[/run, \"/tmp:size=64m,mode=1777\"]", "/run"],
        many: true,
        ..STORAGE
    },
);

/// `tmpfs` mounts: options by path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub struct Tmpfs(pub BTreeMap<String, String>);

/// Mount options in a fixed order.
fn sorted(options: &str) -> String {
    let options: BTreeSet<&str> = options.split(',').filter(|option| !option.is_empty()).collect();
    options.into_iter().collect::<Vec<_>>().join(",")
}

/// Mount options in a form where equal texts mean the same to a kernel: sizes in bytes, permissions
/// without leading zeros. An invalid value stays unchanged.
fn settled(options: &str) -> String {
    let one = |option: &str| match option.split_once('=') {
        Some(("size", size)) => kernel_size(size).map(|bytes| format!("size={bytes}")),
        Some(("mode", mode)) => {
            let octal = u32::from_str_radix(mode, 8).ok();
            octal.map(|mode| format!("mode={mode:o}"))
        }
        _ => None,
    };
    let each = options.split(',').map(|option| one(option).unwrap_or_else(|| option.to_owned()));
    sorted(&each.collect::<Vec<_>>().join(","))
}

/// Reads a size like a kernel: a number with an optional letter. A percentage of memory, `50%`, has
/// no size.
pub(super) fn kernel_size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let power = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    let number: u64 = digits.parse().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))?;
    number.checked_mul(1 << (10 * power))
}

impl Spelled for Tmpfs {
    const GRAMMAR: Grammar = Grammar::Checked {
        of: &list_or_one(
            "`PATH:OPTIONS` or a list of them",
            &Grammar::Text {
                what: "an absolute path with options like `/run:size=64m`",
                spell: |entry| {
                    let (path, options) = entry.split_once(':').unwrap_or((entry, ""));
                    good(path.starts_with('/'), with_words(&clean(path), &sorted(options)))
                },
                schema: any_text,
            },
        ),
        check: |read| each_once(read, "path"),
    };
}

/// Joins `NAME:WORDS`, or gives the name alone.
fn with_words(name: &str, words: &str) -> String {
    if words.is_empty() { name.to_owned() } else { format!("{name}:{words}") }
}

/// Splits a text at its first colon.
fn without_words(text: &str) -> (String, String) {
    let (name, words) = text.split_once(':').unwrap_or((text, ""));
    (name.to_owned(), words.to_owned())
}

/// Refuses a list with two entries of one name.
fn each_once(read: Json, what: &str) -> Spelt {
    let mut seen = BTreeSet::new();
    let again =
        strings(&read).map(|text| without_words(text).0).find(|name| !seen.insert(name.clone()));
    match again {
        None => Ok(read),
        Some(name) => {
            let found = say::short(&name);
            Err(Wrong::Told(format!("expected every {what} once, but found `{found}` again"), None))
        }
    }
}

impl From<Vec<String>> for Tmpfs {
    fn from(texts: Vec<String>) -> Self {
        Self(texts.iter().map(|text| without_words(text)).collect())
    }
}

impl From<Tmpfs> for Vec<String> {
    fn from(Tmpfs(paths): Tmpfs) -> Self {
        paths.iter().map(|(path, options)| with_words(path, options)).collect()
    }
}

impl Plain for Tmpfs {
    const NOTHING: Nothing = Nothing::Missing;

    fn write(&self) -> Json {
        json!(self.0)
    }

    fn to_spec(json: &Json) -> Option<Json> {
        let paths = json.as_object()?.iter();
        let text = |options: &Json| sorted(options.as_str().unwrap_or_default());
        Some(json!(Self(paths.map(|(path, options)| (clean(path), text(options))).collect())))
    }

    fn read(json: &Json) -> Value {
        let entries = json.as_object().into_iter().flatten();
        some_map(
            entries
                .map(|(path, options)| {
                    (clean(path), Atom::Text(settled(options.as_str().unwrap_or_default())))
                })
                .collect(),
        )
    }
}

/// The containers of `volumes_from`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub struct VolumesFrom(pub BTreeMap<String, String>);

/// The mode without defaults.
fn mode(text: &str) -> String {
    sorted(&text.split(',').filter(|word| *word != "rw").collect::<Vec<_>>().join(","))
}

impl Spelled for VolumesFrom {
    const GRAMMAR: Grammar = Grammar::Checked {
        of: &list_or_one(
            "a list of `CONTAINER` or `CONTAINER:ro`",
            &Grammar::Text {
                what: "`CONTAINER` or `CONTAINER:ro`",
                spell: |entry| {
                    let bare = entry.strip_prefix("container:").unwrap_or(entry);
                    let (target, options) = bare.split_once(':').unwrap_or((bare, ""));
                    let known = |word: &str| matches!(word, "ro" | "rw" | "z" | "Z" | "nocopy");
                    let fits = options.is_empty() || options.split(',').all(known);
                    good(is_name(target) && fits, with_words(target, &mode(options)))
                },
                schema: || json!({"type": "string"}),
            },
        ),
        check: |read| each_once(read, "container"),
    };

    fn targets(&self, out: &mut Vec<String>) {
        out.extend(self.0.keys().cloned());
    }
}

impl From<Vec<String>> for VolumesFrom {
    fn from(texts: Vec<String>) -> Self {
        Self(texts.iter().map(|text| without_words(text)).collect())
    }
}

impl From<VolumesFrom> for Vec<String> {
    fn from(VolumesFrom(targets): VolumesFrom) -> Self {
        targets.iter().map(|(target, mode)| with_words(target, mode)).collect()
    }
}

/// The row of `volumes_from`.
#[derive(Debug)]
pub struct VolumesFromRow;

impl Row for VolumesFromRow {
    type Declared = VolumesFrom;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "volumes_from",
            risk: Risk::VolumesOfOthers,
            doc: "containers whose volumes it shares: `CONTAINER` or `CONTAINER:ro`",
            examples: &["[\"data:ro\"]", "[data, \"container:logs:z,ro\"]"],
            many: true,
            ..STORAGE
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        vec![Owned::host("VolumesFrom", Nothing::Null)]
    }

    fn write(&self, said: &VolumesFrom, body: &mut Body, cx: &Context) {
        let entries: Vec<String> =
            said.0.iter().map(|(target, mode)| with_words(cx.container(target), mode)).collect();
        body.host("VolumesFrom", entries);
    }

    fn decided_by_fields(&self) -> Option<&[At]> {
        Some(&[])
    }

    fn read(&self, look: &InspectView) -> Value {
        let spelled = |entry: &str| {
            let (target, options) = entry.split_once(':').unwrap_or((entry, ""));
            Atom::Text(with_words(target, &mode(options)))
        };
        some_set(strings(look.host("VolumesFrom")).map(spelled).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_memory_that_mean_the_same_are_the_same() {
        for (one, other) in [
            ("size=1m", "size=1024k"),
            ("size=1048576,mode=1777", "mode=01777,size=1M"),
            ("noexec,size=2g", "size=2097152K,noexec"),
        ] {
            assert_eq!(settled(one), settled(other));
        }
        for option in ["size=50%", "size=1x", "size=m", "mode=9", "size=1.5m", "uid=01"] {
            assert_eq!(settled(option), option);
        }
        assert_ne!(settled("size=1m"), settled("size=1025k"));
    }
}
