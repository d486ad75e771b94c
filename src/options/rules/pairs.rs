//! Pairs of options that exclude each other. An engine refuses the pair in the create, or at the
//! start after the old container is stopped, or drops an option silently. Tried on Docker 20.10 and
//! 28.5.
//!
//! Conflicts that need a calculation are in the other modules of [`super`].

use serde_json::Value as Json;

use super::{Conflict, DeclaredOptions, MOST_TOLD};
use crate::base::say;

/// The part of an option's value that a rule refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Any value except an empty value, `false` or 0.
    Something,
    /// Any value except this text.
    But(&'static str),
    /// This text.
    Word(&'static str),
    /// A reference to another container.
    OfContainer,
    /// Entries with one of these prefixes; each entry is reported at its place.
    Entries(&'static [&'static str]),
}

/// Options that exclude another option.
#[derive(Debug)]
pub struct Pair {
    /// The options to blame; `what` is the part of their values.
    pub keys: &'static [&'static str],
    /// See [`Pair::keys`].
    pub what: Part,
    /// The other option; `that` is the part of its value.
    pub beside: &'static str,
    /// See [`Pair::beside`].
    pub that: Part,
    /// The reason, or the remedy.
    pub why: &'static str,
    /// Whether an engine takes the pair; the blamed option then does nothing.
    pub harmless: bool,
}

const fn pair(
    (keys, what): (&'static [&'static str], Part),
    (beside, that): (&'static str, Part),
    why: &'static str,
) -> Pair {
    Pair { keys, what, beside, that, why, harmless: false }
}

impl Pair {
    const fn harmless(self) -> Self {
        Self { harmless: true, ..self }
    }
}

use Part::{But, Entries, OfContainer, Something, Word};

/// Options that need a network namespace of the container's own.
const PUBLISHED: &[&str] = &["ports", "publish_all_ports"];
/// Options that come with the network namespace of another container.
const NAMES: &[&str] = &[
    "ports",
    "publish_all_ports",
    "expose",
    "hostname",
    "domainname",
    "links",
    "dns",
    "dns_search",
    "dns_opt",
    "extra_hosts",
    "mac_address",
];
/// Prefixes of kernel settings that belong to the IPC namespace.
const MEMORY: &[&str] = &["kernel.msg", "kernel.sem", "kernel.shm", "fs.mqueue."];

/// All pairs of options.
pub const PAIRS: &[Pair] = &[
    pair(
        (PUBLISHED, Something),
        ("network_mode", Word("host")),
        "the host's network publishes nothing: what listens there is reached as it is",
    ),
    pair(
        (&["links"], Something),
        ("network_mode", Word("host")),
        "on the host's network containers reach each other's published ports",
    ),
    pair(
        (&["mac_address"], Something),
        ("network_mode", Word("host")),
        "the network card is the host's",
    ),
    pair(
        (&["sysctls"], Entries(&["net."])),
        ("network_mode", Word("host")),
        "it would be a setting of the host: set it there",
    ),
    pair(
        (&["ports", "publish_all_ports", "links", "mac_address"], Something),
        ("network_mode", Word("none")),
        "without a network there is nobody to reach and nobody to be reached by",
    ),
    pair((NAMES, Something), ("network_mode", OfContainer), "the network is the other one's"),
    pair((&["hostname", "domainname"], Something), ("uts", Word("host")), "the name is the host's"),
    pair(
        (&["sysctls"], Entries(&["kernel.domainname"])),
        ("uts", Word("host")),
        "the name is the host's",
    ),
    pair((&["shm_size"], Something), ("ipc", Word("host")), "the shared memory is the host's"),
    pair((&["shm_size"], Something), ("ipc", Word("none")), "there is no shared memory then"),
    pair((&["shm_size"], Something), ("ipc", OfContainer), "the shared memory is the other one's"),
    pair(
        (&["sysctls"], Entries(MEMORY)),
        ("ipc", Word("host")),
        "it would be a setting of the host: set it there",
    ),
    pair(
        (&["cap_drop"], Something),
        ("privileged", Something),
        "a privileged container has every capability, whatever is dropped",
    )
    .harmless(),
    pair(
        (&["security_opt"], Entries(&["seccomp=builtin"])),
        ("privileged", Something),
        "a privileged container has no profile unless one is pasted",
    )
    .harmless(),
    pair(
        (&["restart"], But("no")),
        ("auto_remove", Something),
        "an engine does not bring back what it removes",
    ),
    pair(
        (&["cpu_quota", "cpu_period"], Something),
        ("cpus", Something),
        "an engine takes processor time in one way only",
    ),
];

impl Part {
    /// Whether a printed value has this part; `Entries` are tested one by one.
    pub fn is_in(self, printed: &Json) -> bool {
        match self {
            Self::Something => match printed {
                Json::Null | Json::Bool(false) => false,
                Json::Number(number) => number.as_i64() != Some(0),
                Json::String(text) => !matches!(text.as_str(), "" | "0"),
                Json::Array(items) => !items.is_empty(),
                Json::Object(map) => !map.is_empty(),
                Json::Bool(true) => true,
            },
            Self::But(text) => *printed != text,
            Self::Word(text) => *printed == text,
            Self::OfContainer => {
                printed.as_str().is_some_and(|text| text.starts_with("container:"))
            }
            Self::Entries(_) => self.entries(printed).next().is_some(),
        }
    }

    /// The matching entries, as the option prints them.
    fn entries(self, printed: &Json) -> impl Iterator<Item = &str> {
        let beginnings = match self {
            Self::Entries(beginnings) => beginnings,
            _ => &[],
        };
        let keys = printed.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
        let items = printed.as_array().into_iter().flatten().filter_map(Json::as_str);
        keys.chain(items)
            .filter(|entry| beginnings.iter().any(|beginning| entry.starts_with(beginning)))
    }
}

pub(super) fn check(said: &DeclaredOptions<'_>, all: &mut Vec<Conflict>) {
    for pair in PAIRS {
        let Some(that) = said.printed(pair.beside).filter(|that| pair.that.is_in(that)) else {
            continue;
        };
        let beside = match that.as_str() {
            Some(text) => format!("`{}: {}`", pair.beside, say::short(text)),
            None if that == true => format!("`{}: true`", pair.beside),
            None => format!("`{}`", pair.beside),
        };
        for key in pair.keys {
            let Some(what) = said.printed(key).filter(|what| pair.what.is_in(what)) else {
                continue;
            };
            let told = |found: &str| {
                let found = say::short(found);
                let message = format!("expected no `{key}` beside {beside}, but found `{found}`");
                let conflict = Conflict::new(key, message).hint(pair.why);
                Conflict { harmless: pair.harmless, ..conflict }
            };
            match pair.what {
                Entries(_) => {
                    let entries = pair.what.entries(&what).take(MOST_TOLD);
                    all.extend(entries.map(|entry| told(entry).at(entry)));
                }
                _ => all.push(told(&first(&what))),
            }
        }
    }
}

/// The value, or its first item, as text.
fn first(printed: &Json) -> String {
    match printed {
        Json::String(text) => text.clone(),
        Json::Array(items) => items.first().map(first).unwrap_or_default(),
        Json::Object(map) => map.keys().next().cloned().unwrap_or_default(),
        other => other.to_string(),
    }
}
