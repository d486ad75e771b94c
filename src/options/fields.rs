//! The fields of `Config` and `HostConfig` that rows own. Each field tells its default on an
//! engine, whether snapshots keep its value, and its flag of `docker update`.
//!
//! Each row declares its own fields ([`super::Row::fields`]); this module collects them. Reading
//! and writing a field is [`super::field`]'s.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value as Json, json};

use super::field::At;
use super::{AnyRow, ROWS};

/// The value that an engine shows for an undeclared option.
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
    /// The field is missing.
    Missing,
    /// An object that the engine builds; its content is the engine model's.
    Built,
}

impl Nothing {
    /// The default as JSON; `None` if the field is missing or built by the engine.
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

/// A field that a row owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owned {
    /// The place of the field.
    pub at: At,
    /// The default of the field.
    pub nothing: Nothing,
    /// Whether a snapshot hides the texts of the field unless they are public: a command may
    /// contain anything.
    pub hidden: bool,
    /// The flag of `docker update`.
    pub flag: Option<&'static str>,
}

impl Owned {
    /// A field that snapshots keep and no update sets.
    pub const fn new(at: At, nothing: Nothing) -> Self {
        Self { at, nothing, hidden: false, flag: None }
    }

    /// A field of `HostConfig`.
    pub const fn host(field: &'static str, nothing: Nothing) -> Self {
        Self::new(At::Host(field), nothing)
    }

    /// A field of `Config`.
    pub const fn config(field: &'static str, nothing: Nothing) -> Self {
        Self::new(At::Config(field), nothing)
    }

    /// Sets the flag of `docker update`.
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

/// The fields that decide the comparison of a row: if all these fields are equal, the row is equal.
/// Empty if more than these fields decides.
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

/// The name of a field, if the field is of `HostConfig` (or of `Config`).
fn name(at: At, host: bool) -> Option<&'static str> {
    match at {
        At::Host(field) if host => Some(field),
        At::Config(field) if !host => Some(field),
        _ => None,
    }
}

/// The object that holds the fields.
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

    /// The fields that an engine shows for an undeclared option, with their defaults.
    pub fn shown(self) -> impl Iterator<Item = (&'static str, Json)> {
        self.owned().filter_map(|(field, owned)| Some((field, owned.nothing.json()?)))
    }

    /// The fields that an engine omits for an undeclared option.
    pub fn missing(self) -> impl Iterator<Item = &'static str> {
        self.owned().filter(|(_, owned)| owned.nothing == Nothing::Missing).map(|(field, _)| field)
    }

    /// The fields whose texts a snapshot keeps.
    pub fn kept(self) -> impl Iterator<Item = &'static str> {
        self.owned().filter(|(_, owned)| !owned.hidden).map(|(field, _)| field)
    }
}

/// The fields that `docker update` sets, with their flags.
pub fn flags() -> BTreeMap<&'static str, &'static str> {
    Of::Host.owned().filter_map(|(field, owned)| Some((field, owned.flag?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::settings::{RESTART, UPDATABLE};

    /// Every field that an update changes has a flag of `docker update`.
    #[test]
    fn every_field_of_an_update_has_a_flag() {
        let mut updatable: Vec<&str> = UPDATABLE.iter().copied().chain([RESTART]).collect();
        updatable.sort_unstable();
        assert_eq!(flags().into_keys().collect::<Vec<_>>(), updatable);
    }

    /// Rows that share a field agree on its properties.
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
