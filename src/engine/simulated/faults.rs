//! What a simulated engine was asked, and which calls are made to fail.

use std::collections::BTreeMap;

use crate::base::ident::ContainerName;
use crate::engine::{EngineError, ErrorKind};

/// One call, as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `create shop-db.bp-new`, `stop 5ca9d1f00b12 shop-db`, `inspect shop-db`.
    pub text: String,
    /// Whether it is one of [`crate::engine::Writer`]'s.
    pub changing: bool,
}

/// Whether a call that fails took effect first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// It did nothing.
    Before,
    /// It did all of its work; only the answer got lost.
    After,
}

/// A call that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Before or after its effect.
    pub when: When,
    /// How it fails.
    pub kind: ErrorKind,
}

/// Something bigger than a call that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// Who called is dead: the call is sent or not, and nobody waits for its answer. See
    /// [`super::Simulated::caller_dies`].
    CallerDies(When),
    /// The engine dies in the middle of the call and is started again: what ran is ended, and comes back
    /// as its restart policy says.
    EngineRestarts(When),
}

/// What somebody else does to containers, by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Makes one from an image, and starts it.
    Runs(ContainerName, String),
    /// Stops one.
    Stops(ContainerName),
    /// Starts one.
    Starts(ContainerName),
    /// Removes one, whether it runs or not.
    Removes(ContainerName),
    /// Gives one another name.
    Renames(ContainerName, ContainerName),
}

/// Which calls fail. Changing calls only: reads are how an executor finds out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Changing calls by their number, from 0.
    pub nth: BTreeMap<usize, Fault>,
    /// Every call whose log line begins with this text, for example `stop` or
    /// `create shop-db.bp-new`.
    pub every: BTreeMap<String, Fault>,
    /// What else happens at changing calls by their number.
    pub blows: BTreeMap<usize, Blow>,
    /// What somebody else does right before changing calls by their number.
    pub strangers: BTreeMap<usize, Vec<Deed>>,
    /// What somebody else does right before containers are listed, one after the other, for ever.
    pub at_lists: Vec<Vec<Deed>>,
}

impl Faults {
    /// Nothing fails.
    pub fn none() -> Self {
        Self::default()
    }

    /// The changing call of this number fails.
    pub fn at(number: usize, when: When, kind: ErrorKind) -> Self {
        Self { nth: BTreeMap::from([(number, Fault { when, kind })]), ..Self::default() }
    }

    /// Every call that begins with `text` fails.
    pub fn every(text: &str, when: When, kind: ErrorKind) -> Self {
        let every = BTreeMap::from([(text.to_owned(), Fault { when, kind })]);
        Self { every, ..Self::default() }
    }

    /// What becomes of a changing call.
    pub(super) fn of(&self, number: usize, text: &str) -> Option<&Fault> {
        self.nth.get(&number).or_else(|| {
            self.every.iter().find(|(begin, _)| text.starts_with(begin.as_str())).map(|(_, f)| f)
        })
    }
}

impl Fault {
    /// The error that the caller sees.
    pub(super) fn error(&self, doing: &str) -> EngineError {
        let message = match self.kind {
            ErrorKind::Interrupted => "the connection was cut before the answer came".to_owned(),
            ErrorKind::Unreachable => "the engine does not answer".to_owned(),
            ErrorKind::NotFound => "no such object (made to fail)".to_owned(),
            ErrorKind::Conflict => "conflict (made to fail)".to_owned(),
            ErrorKind::Status(status) => format!("status {status} (made to fail)"),
            ErrorKind::Version | ErrorKind::Protocol | ErrorKind::Busy => "made to fail".to_owned(),
        };
        EngineError { kind: self.kind, doing: doing.to_owned(), message, hint: None }
    }
}
