//! An engine's clock: converts local moments to the time of the engine.
//!
//! The engine's host may keep another time than this host. The conversion uses one answer in which
//! the engine told its time. No call is made here.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::base::time;

/// One reading of an engine's clock, taken between a request and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// The engine's time, in nanoseconds since 1970.
    nanos: i128,
    sent: Instant,
    received: Instant,
}

impl Reading {
    /// Takes a time in the engine's format (RFC 3339), with the local moments of the request and
    /// the answer. `None`: the text is not a valid time.
    pub fn new(text: &str, sent: Instant, received: Instant) -> Option<Self> {
        Some(Self { nanos: time::nanos(text)?, sent, received })
    }

    /// The local clock, which is also the clock of an engine under the same kernel.
    pub fn ours() -> Option<Self> {
        let now = Instant::now();
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_nanos();
        Some(Self { nanos: i128::try_from(nanos).ok()?, sent: now, received: Instant::now() })
    }

    /// The engine's time at a local moment, or slightly before.
    pub fn earliest(&self, at: Instant) -> i128 {
        let since = between(self.received, at);
        self.nanos + since - drift(since)
    }

    /// The engine's time at a local moment, or slightly after.
    pub fn latest(&self, at: Instant) -> i128 {
        let since = between(self.sent, at);
        self.nanos + since + drift(since)
    }
}

/// The largest drift between two clocks: a thousandth, plus a microsecond for rounding.
fn drift(since: i128) -> i128 {
    since.abs() / 1000 + 1000
}

fn between(from: Instant, to: Instant) -> i128 {
    let nanos = |late: Instant, early: Instant| {
        i128::try_from(late.saturating_duration_since(early).as_nanos()).unwrap_or(i128::MAX / 4)
    };
    nanos(to, from) - nanos(from, to)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moment_is_told_as_closely_as_the_answer_allows() {
        let sent = Instant::now();
        let received = sent + Duration::from_millis(10);
        let reading = Reading::new("1970-01-01T00:00:10Z", sent, received).unwrap();
        let at = received + Duration::from_millis(20);
        let ten = 10_000_000_000;
        assert_eq!(reading.earliest(at), ten + 20_000_000 - 20_000 - 1000);
        assert_eq!(reading.latest(at), ten + 30_000_000 + 30_000 + 1000);
        // Moments before the answer can be converted too.
        assert_eq!(reading.earliest(sent), ten - 10_000_000 - 10_000 - 1000);
    }
}
