//! The simulated engine's clock: logical, so that the same calls give the same times.

use std::time::Duration;

/// A time of the logical clock, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Instant(u64);

/// What an engine shows for "never".
pub(super) const NEVER: &str = "0001-01-01T00:00:00Z";

/// Where the clock of a world without any time starts: 2026-01-01.
const START: u64 = 1_767_225_600_000;

impl Instant {
    /// A second after the latest of the times that a world shows.
    pub(super) fn after<'a>(times: impl Iterator<Item = &'a str>) -> Self {
        let latest = times.filter_map(Self::parse).max();
        latest.unwrap_or(Self(START)).plus(Duration::from_secs(1))
    }

    /// So many seconds after 1970.
    pub(super) fn at(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Later by so much.
    pub(super) fn plus(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// The time from an earlier one.
    pub(super) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Whole seconds since 1970, as a list shows them.
    pub(super) fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// Reads what engines write, to the second; `None` for anything else and for "never".
    pub(super) fn parse(text: &str) -> Option<Self> {
        let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u64>().ok();
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let days = days_to(year, month, day);
        Some(Self((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000))
    }

    /// As engines write it.
    pub(super) fn text(self) -> String {
        let (seconds, millis) = (self.0 / 1000, self.0 % 1000);
        let (mut year, mut days) = (1970, seconds / 86_400);
        while days >= days_of_year(year) {
            days -= days_of_year(year);
            year += 1;
        }
        let mut month = 1;
        while days >= days_of_month(year, month) {
            days -= days_of_month(year, month);
            month += 1;
        }
        let (day, of_day) = (days + 1, seconds % 86_400);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

fn leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of_year(year: u64) -> u64 {
    if leap(year) { 366 } else { 365 }
}

fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_to(year: u64, month: u64, day: u64) -> u64 {
    (1970..year).map(days_of_year).sum::<u64>()
        + (1..month).map(|month| days_of_month(year, month)).sum::<u64>()
        + (day - 1)
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
