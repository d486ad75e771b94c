//! The fields of `Config` and `HostConfig` that rows own, with what others must know of them: what an
//! engine shows where nothing is said, whether snapshots keep the value, how a client's `update`
//! says it.
//!
//! Each row says it of its own fields ([`super::Row::fields`]); what is here is gathered from them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value as Json, json};

use super::field::At;
use super::{AnyRow, ROWS};

/// What an engine shows where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nothing {
    /// Null.
    Null,
    /// `""`.
    Text,
    /// 0.
    Zero,
    /// `false`.
    False,
    /// `{}`.
    Map,
    /// The field is not there.
    Missing,
    /// An object that the engine builds; what is in it is for the engine model to know.
    Built,
}

impl Nothing {
    /// The value; nothing where there is none, or another one.
    fn json(self) -> Option<Json> {
        match self {
            Self::Null => Some(Json::Null),
            Self::Text => Some(json!("")),
            Self::Zero => Some(json!(0)),
            Self::False => Some(json!(false)),
            Self::Map => Some(json!({})),
            Self::Missing | Self::Built => None,
        }
    }
}

/// One field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owned {
    /// Where it is.
    pub at: At,
    /// See [`Nothing`].
    pub nothing: Nothing,
    /// Whether a snapshot hides its texts unless they are public: a command may carry anything.
    pub hidden: bool,
    /// How `docker update` says it.
    pub flag: Option<&'static str>,
}

impl Owned {
    /// A field that snapshots keep and no update sets.
    pub const fn new(at: At, nothing: Nothing) -> Self {
        Self { at, nothing, hidden: false, flag: None }
    }

    /// One of `HostConfig`.
    pub const fn host(field: &'static str, nothing: Nothing) -> Self {
        Self::new(At::Host(field), nothing)
    }

    /// One of `Config`.
    pub const fn config(field: &'static str, nothing: Nothing) -> Self {
        Self::new(At::Config(field), nothing)
    }

    /// The same, which an update sets.
    #[must_use]
    pub const fn flag(self, flag: &'static str) -> Self {
        Self { flag: Some(flag), ..self }
    }
}

/// Every field of every row.
fn all() -> &'static [Owned] {
    static ALL: OnceLock<Vec<Owned>> = OnceLock::new();
    ALL.get_or_init(|| ROWS.iter().flat_map(|row| row.fields()).collect())
}

/// The fields that decide what is compared of the row at a place of the table: all of these alike, and
/// so is what is read. Empty where more decides.
pub fn deciding(place: usize) -> &'static [At] {
    static ALL: OnceLock<Vec<Vec<At>>> = OnceLock::new();
    let of = |row: &&dyn AnyRow| {
        let own = row.fields().into_iter().map(|owned| owned.at);
        let beside = row.decided_by_fields();
        beside.map(|beside| own.chain(beside.iter().copied()).collect()).unwrap_or_default()
    };
    let all = ALL.get_or_init(|| ROWS.iter().map(of).collect());
    all.get(place).map(Vec::as_slice).unwrap_or_default()
}

/// The name of a field, if it is of `HostConfig` (or of `Config`).
fn name(at: At, host: bool) -> Option<&'static str> {
    match at {
        At::Host(field) if host => Some(field),
        At::Config(field) if !host => Some(field),
        _ => None,
    }
}

/// The fields of one of the two objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// `Config`.
    Config,
    /// `HostConfig`.
    Host,
}

impl Of {
    fn owned(self) -> impl Iterator<Item = (&'static str, &'static Owned)> {
        let host = self == Self::Host;
        all().iter().filter_map(move |owned| Some((name(owned.at, host)?, owned)))
    }

    /// What an engine shows in those that are there where nothing is said.
    pub fn shown(self) -> impl Iterator<Item = (&'static str, Json)> {
        self.owned().filter_map(|(field, owned)| Some((field, owned.nothing.json()?)))
    }

    /// Those that are not there where nothing is said.
    pub fn missing(self) -> impl Iterator<Item = &'static str> {
        self.owned().filter(|(_, owned)| owned.nothing == Nothing::Missing).map(|(field, _)| field)
    }

    /// Those whose texts a snapshot keeps.
    pub fn kept(self) -> impl Iterator<Item = &'static str> {
        self.owned().filter(|(_, owned)| !owned.hidden).map(|(field, _)| field)
    }
}

/// The fields that `docker update` sets, with its flags.
pub fn flags() -> BTreeMap<&'static str, &'static str> {
    Of::Host.owned().filter_map(|(field, owned)| Some((field, owned.flag?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::settings::{RESTART, UPDATABLE};

    /// What an update changes has a flag, so that a person can be told how to take it back.
    #[test]
    fn every_field_of_an_update_has_a_flag() {
        let mut updatable: Vec<&str> = UPDATABLE.iter().copied().chain([RESTART]).collect();
        updatable.sort_unstable();
        assert_eq!(flags().into_keys().collect::<Vec<_>>(), updatable);
    }

    /// Rows that share a field say the same of it.
    #[test]
    fn of_one_field_one_thing_is_said() {
        let mut said: BTreeMap<String, Owned> = BTreeMap::new();
        for owned in all() {
            let first = *said.entry(format!("{:?}", owned.at)).or_insert(*owned);
            assert_eq!(first.nothing, owned.nothing, "{owned:?}");
            assert_eq!(first.hidden, owned.hidden, "{owned:?}");
        }
    }
}
