//! Time for an apply: sleeping and measuring, on the system clock or on a simulated clock.

use std::pin::Pin;
use std::time::Duration;

use crate::engine::simulated::Simulated;

/// The time between two looks at a container that is waited for.
const POLL: Duration = Duration::from_millis(250);

/// The time between two looks on a simulated engine, where nothing happens between calls.
const LAZY_POLL: Duration = Duration::from_secs(5);

/// A sleep; the future ends when its time is over.
pub type Sleep<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// A clock that can sleep.
pub trait Clock {
    /// The time since a fixed moment.
    fn now(&self) -> Duration;
    /// Sleeps for a duration.
    fn sleep(&self, duration: Duration) -> Sleep<'_>;
    /// How long to sleep between two looks at a container that is waited for.
    fn between_looks(&self) -> Duration {
        POLL
    }
}

/// The system clock. Needs a running tokio runtime with time.
#[derive(Debug)]
pub struct RealClock(tokio::time::Instant);

impl RealClock {
    /// A clock that starts now.
    pub fn new() -> Self {
        Self(tokio::time::Instant::now())
    }
}

impl Default for RealClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for RealClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// The clock of a simulated engine: a sleep advances the simulated time and takes no real time.
#[derive(Debug)]
pub struct SimulatedClock<'a>(pub &'a Simulated);

impl Clock for SimulatedClock<'_> {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        Box::pin(self.0.passes(duration))
    }

    fn between_looks(&self) -> Duration {
        if self.0.is_quiet() { LAZY_POLL } else { POLL }
    }
}
