//! The timeouts for an engine, its registries and helpers. The reaction to a timeout is in each
//! call, not here.

use std::time::Duration;

/// The timeouts of all kinds of calls.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Until a connection is open.
    pub connect: Duration,
    /// Until the engine has told its API version.
    pub hello: Duration,
    /// A whole read, with its body.
    pub read: Duration,
    /// A whole write, except stop, restart, pull and wait.
    pub write: Duration,
    /// The time for a stop or restart beyond the stop grace period.
    pub beyond_grace: Duration,
    /// Between two lines of a pull.
    pub silence: Duration,
    /// A read that makes the engine ask a registry.
    pub registry: Duration,
    /// Reading the event log of the last moments; without the log, objects are looked at again.
    pub log: Duration,
    /// A credential helper, which may ask its user a question.
    pub helper: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            hello: Duration::from_secs(10),
            read: Duration::from_mins(1),
            write: Duration::from_mins(2),
            beyond_grace: Duration::from_mins(2),
            silence: Duration::from_mins(10),
            registry: Duration::from_mins(1),
            log: Duration::from_secs(3),
            helper: Duration::from_secs(30),
        }
    }
}
