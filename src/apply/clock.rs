//! Waiting: the one thing about time that an apply needs, and how a simulated one does without.

use std::pin::Pin;
use std::time::Duration;

use crate::engine::simulated::Simulated;

/// The time between two looks at what is waited for.
const POLL: Duration = Duration::from_millis(250);

/// The same where nothing happens by itself meanwhile.
const LAZY_POLL: Duration = Duration::from_secs(5);

/// A wait; ends when its time is over.
pub type Sleep<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// What waiting needs.
pub trait Clock {
    /// The time since some moment that stays the same.
    fn now(&self) -> Duration;
    /// Ends after so long.
    fn sleep(&self, duration: Duration) -> Sleep<'_>;
    /// How long to sleep between two looks at what is waited for.
    fn between_looks(&self) -> Duration {
        POLL
    }
}

/// The clock on the wall. Needs a running tokio with time.
#[derive(Debug)]
pub struct RealClock(tokio::time::Instant);

impl RealClock {
    /// Starts now.
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

/// The clock of a simulated engine: waiting lets its time pass, and takes none.
#[derive(Debug)]
pub struct SimulatedClock<'a>(pub &'a Simulated);

impl Clock for SimulatedClock<'_> {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        let until = self.now() + duration;
        Box::pin(async move {
            // Others that are ready go first; who waits together, waits once.
            tokio::task::yield_now().await;
            self.0.advance(until.saturating_sub(self.now()));
        })
    }

    fn between_looks(&self) -> Duration {
        if self.0.is_quiet() { LAZY_POLL } else { POLL }
    }
}
