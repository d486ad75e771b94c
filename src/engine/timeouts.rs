//! How long an engine, its registry and helpers may take. Who waits, and what comes of it when time is
//! up, is with each call.

use std::time::Duration;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until the engine said which API it speaks.
    pub hello: Duration,
    /// A whole read, body included.
    pub read: Duration,
    /// A whole write other than stopping, restarting, pulling and waiting.
    pub write: Duration,
    /// What stopping and restarting get beyond the container's grace.
    pub beyond_grace: Duration,
    /// Between two lines of a pull.
    pub silence: Duration,
    /// A read that makes the engine ask a registry.
    pub registry: Duration,
    /// Reading the engine's log of the last moments; without it things are looked at again.
    pub log: Duration,
    /// A credential helper: it may ask its user something.
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
