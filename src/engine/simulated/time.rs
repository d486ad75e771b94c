//! The simulated engine's clock: logical, so that equal calls give equal times.

use std::time::Duration;

use crate::base::time;

/// A time of the logical clock, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Instant(u64);

/// The engine's notation for "never".
pub(super) const NEVER: &str = "0001-01-01T00:00:00Z";

/// The start of the clock in a world without times: 2026-01-01.
const START: u64 = 1_767_225_600_000;

impl Instant {
    /// A second after the latest time in a world.
    pub(super) fn after<'a>(times: impl Iterator<Item = &'a str>) -> Self {
        let latest = times.filter_map(Self::parse).max();
        latest.unwrap_or(Self(START)).plus(Duration::from_secs(1))
    }

    /// A number of seconds after 1970.
    pub(super) fn at(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// A later time.
    pub(super) fn plus(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// The duration since an earlier time.
    pub(super) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Whole seconds since 1970, as in a list.
    pub(super) fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// Parses an engine's time, to the second; `None` for other texts and for "never".
    pub(super) fn parse(text: &str) -> Option<Self> {
        let seconds = time::nanos(text)?.div_euclid(1_000_000_000);
        u64::try_from(seconds).ok()?.checked_mul(1000).map(Self)
    }

    /// The time in the engine's format.
    pub(super) fn text(self) -> String {
        time::text(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written_alike() {
        for text in ["2026-11-23T08:40:54", "2024-02-29T23:59:59", "1970-01-01T00:00:00"] {
            let read = Instant::parse(&format!("{text}.559803589Z")).unwrap();
            assert_eq!(read.text(), format!("{text}.000Z"));
        }
        assert_eq!(Instant::parse(NEVER), None);
        assert_eq!(Instant::parse("2026-11-23T08:40:54Z").unwrap().seconds(), 1_795_423_254);
    }
}
