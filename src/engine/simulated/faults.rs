//! The call log and the injected faults of a simulated engine.

use std::collections::BTreeMap;

use crate::base::ident::ContainerName;
use crate::engine::{EngineError, ErrorKind};

/// One call in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The call in words: `create shop-db.bp-new`, `stop 5ca9d1f00b12 shop-db`, `inspect shop-db`.
    pub text: String,
    /// Whether the call belongs to [`crate::engine::Writer`].
    pub changing: bool,
}

/// Whether a failing call took effect first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The call did nothing.
    Before,
    /// The call took full effect; only its answer was lost.
    After,
}

/// A fault of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Whether the call fails before or after its effect.
    pub when: When,
    /// The kind of error.
    pub kind: ErrorKind,
}

/// A fault that is larger than one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// The caller dies: the call is sent or not, and its answer is never read. See
    /// [`super::Simulated::caller_dies`].
    CallerDies(When),
    /// The engine crashes during the call and starts again: running containers end, and come back
    /// by their restart policies.
    EngineRestarts(When),
    /// The engine hangs: the call is never answered, and reads are unanswered for a while. The
    /// client gives up at its deadlines.
    Hangs(When),
}

/// A change by a third party, by container name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Creates a container from an image and starts the container.
    Runs(ContainerName, String),
    /// Stops a container.
    Stops(ContainerName),
    /// Starts a container.
    Starts(ContainerName),
    /// Removes a container, running or not.
    Removes(ContainerName),
    /// Renames a container.
    Renames(ContainerName, ContainerName),
}

/// The faults of a simulated engine. Only changing calls fail, because an executor finds out the
/// state by reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Faults of changing calls, by the number of the call from 0.
    pub nth: BTreeMap<usize, Fault>,
    /// Faults of every call whose log line begins with a text, such as `stop` or `create
    /// shop-db.bp-new`.
    pub every: BTreeMap<String, Fault>,
    /// Larger faults, by the number of the changing call.
    pub blows: BTreeMap<usize, Blow>,
    /// Changes by a third party right before a changing call, by the number of the call.
    pub strangers: BTreeMap<usize, Vec<Deed>>,
    /// Changes by a third party right before containers are listed; the entries are repeated in
    /// turn.
    pub at_lists: Vec<Vec<Deed>>,
}

impl Faults {
    /// No faults.
    pub fn none() -> Self {
        Self::default()
    }

    /// A fault of the changing call with a number.
    pub fn at(number: usize, when: When, kind: ErrorKind) -> Self {
        Self { nth: BTreeMap::from([(number, Fault { when, kind })]), ..Self::default() }
    }

    /// A fault of every call that begins with `text`.
    pub fn every(text: &str, when: When, kind: ErrorKind) -> Self {
        let every = BTreeMap::from([(text.to_owned(), Fault { when, kind })]);
        Self { every, ..Self::default() }
    }

    /// The fault of a changing call.
    pub(super) fn of(&self, number: usize, text: &str) -> Option<&Fault> {
        self.nth.get(&number).or_else(|| {
            self.every.iter().find(|(begin, _)| text.starts_with(begin.as_str())).map(|(_, f)| f)
        })
    }
}

impl Fault {
    /// The error for the caller.
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
