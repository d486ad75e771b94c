//! An engine's clock as far as one of its answers tells: which moments of ours are which of its.
//!
//! Its host may keep another time than this one, so moments are carried over by what it said of
//! its own. Nothing here waits or asks.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What an engine's clock said once, between a request and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// The engine's time, in nanoseconds since 1970.
    nanos: i128,
    sent: Instant,
    received: Instant,
}

impl Reading {
    /// Takes a time as engines write it (RFC 3339), which was asked for and answered at these
    /// moments of ours. `None`: it is no such time.
    pub fn new(text: &str, sent: Instant, received: Instant) -> Option<Self> {
        Some(Self { nanos: rfc3339(text)?, sent, received })
    }

    /// Our own clock, which is that of an engine under the same kernel.
    pub fn ours() -> Option<Self> {
        let now = Instant::now();
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_nanos();
        Some(Self { nanos: i128::try_from(nanos).ok()?, sent: now, received: Instant::now() })
    }

    /// The engine's time at a moment of ours, or a little before.
    pub fn earliest(&self, at: Instant) -> i128 {
        let since = between(self.received, at);
        self.nanos + since - drift(since)
    }

    /// The engine's time at a moment of ours, or a little after.
    pub fn latest(&self, at: Instant) -> i128 {
        let since = between(self.sent, at);
        self.nanos + since + drift(since)
    }
}

/// How far two clocks may run apart: a thousandth, and a microsecond for what is rounded.
fn drift(since: i128) -> i128 {
    since.abs() / 1000 + 1000
}

fn between(from: Instant, to: Instant) -> i128 {
    let nanos = |late: Instant, early: Instant| {
        i128::try_from(late.saturating_duration_since(early).as_nanos()).unwrap_or(i128::MAX / 4)
    };
    nanos(to, from) - nanos(from, to)
}

/// Nanoseconds since 1970 of `2026-11-24T00:06:10.457751976Z`, or with `+01:00` for `Z`.
fn rfc3339(text: &str) -> Option<i128> {
    let (date, time) = text.split_once('T')?;
    let offset = time.find(['Z', '+', '-'])?;
    let (time, offset) = time.split_at(offset);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(clock, ':')?;
    let east = match offset.split_at_checked(1)? {
        ("Z", "") => 0,
        (sign, rest) => {
            let (hours, minutes) = rest.split_once(':')?;
            let minutes = number(hours)? * 60 + number(minutes)?;
            if sign == "-" { -minutes } else { minutes }
        }
    };
    let nanos = match fraction.len() {
        0 => 0,
        1..=9 => number(&format!("{fraction:0<9}"))?,
        _ => return None,
    };
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day);
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute - east) * 60 + second;
    valid.then(|| i128::from(seconds) * 1_000_000_000 + i128::from(nanos))
}

fn numbers(text: &str, between: char) -> Option<[i64; 3]> {
    let all: Option<Vec<i64>> = text.split(between).map(number).collect();
    all?.try_into().ok()
}

/// Digits alone, few enough for a time.
fn number(text: &str) -> Option<i64> {
    let digits = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Days since 1970 of the Gregorian calendar; years begin in March, so that a leap day ends one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_read_as_engines_write_them() {
        for (text, seconds, nanos) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2000-02-29T12:00:00Z", 951_825_600, 0),
            ("2026-11-24T00:06:10.457751976Z", 1_795_478_770, 457_751_976),
            ("2026-11-24T01:06:10.4+01:00", 1_795_478_770, 400_000_000),
            ("2026-11-23T18:36:10-05:30", 1_795_478_770, 0),
        ] {
            assert_eq!(rfc3339(text), Some(seconds * 1_000_000_000 + nanos), "{text}");
        }
        for text in ["", "2026-11-24", "2026-11-24T00:06:10", "2026-13-24T00:06:10Z", "T:::Z", "x"]
        {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_is_told_as_closely_as_the_answer_allows() {
        let sent = Instant::now();
        let received = sent + Duration::from_millis(10);
        let reading = Reading::new("1970-01-01T00:00:10Z", sent, received).unwrap();
        let at = received + Duration::from_millis(20);
        let ten = 10_000_000_000;
        assert_eq!(reading.earliest(at), ten + 20_000_000 - 20_000 - 1000);
        assert_eq!(reading.latest(at), ten + 30_000_000 + 30_000 + 1000);
        // What was before the answer is told too.
        assert_eq!(reading.earliest(sent), ten - 10_000_000 - 10_000 - 1000);
    }
}
