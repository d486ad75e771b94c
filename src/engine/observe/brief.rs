//! The part of a container's state on which two looks must agree.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::observed::snapshot::{Run, Seen};

/// The name and the run state. Lists say `removing` where an inspect says `dead`, so both words are
/// equal. An unknown word is compared as text.
fn brief_of<'a>(seen: Seen<'a>, status: &'a Json) -> (&'a str, Brief<'a>) {
    let known = ["running", "restarting", "paused", "created", "exited", "stopped"];
    let run = match status.as_str() {
        Some("dead" | "removing") => Brief::Gone,
        Some(word) if !known.contains(&word) => Brief::Word(word),
        _ => Brief::Run(seen.run()),
    };
    (seen.name(), run)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brief<'a> {
    Gone,
    Run(Run),
    Word(&'a str),
}

pub(super) fn brief(entry: &Json) -> (&str, Brief<'_>) {
    brief_of(Seen::listed(entry), &entry["State"])
}

pub(super) fn brief_of_inspect(inspect: &Json) -> (&str, Brief<'_>) {
    brief_of(Seen::inspected(inspect), &inspect["State"]["Status"])
}

/// Whether the container is being removed.
pub(super) fn is_leaving(inspect: &Json) -> bool {
    inspect["State"]["Status"] == "removing"
}

/// The entries of a list, by ID.
pub(super) fn by_id(list: &[Json]) -> BTreeMap<&str, &Json> {
    list.iter().filter_map(|entry| Some((entry["Id"].as_str()?, entry))).collect()
}
