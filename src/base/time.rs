//! Times in the format of engines (RFC 3339): parsing, formatting and comparing.
//!
//! Times cannot be compared as texts, because a fraction may omit its last zeros. No clock is read
//! here.

/// The nanoseconds since 1970 of `2026-11-24T00:06:10.457751976Z`, or of a time with an offset such
/// as `+01:00`.
pub fn nanos(text: &str) -> Option<i128> {
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

/// A time from seconds since 1970: `2026-11-24T00:06:10Z`.
pub fn utc(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let (days, clock) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A time from milliseconds since 1970: `2026-11-24T00:06:10.457Z`.
pub fn text(millis: u64) -> String {
    let seconds = utc(millis / 1000);
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), millis % 1000)
}

fn numbers(text: &str, between: char) -> Option<[i64; 3]> {
    let all: Option<Vec<i64>> = text.split(between).map(number).collect();
    all?.try_into().ok()
}

/// A number of digits only, short enough for a time.
fn number(text: &str) -> Option<i64> {
    let digits = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The days since 1970 in the Gregorian calendar; a year begins in March, so that a leap day is its
/// last day.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The year, month and day for days since 1970, the inverse of [`days`].
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_they_are_read() {
        for (at, told) in
            [(0, "1970-01-01T00:00:00.000Z"), (951_825_600_007, "2000-02-29T12:00:00.007Z")]
        {
            assert_eq!(text(at), told);
            assert_eq!(nanos(told), Some(i128::from(at) * 1_000_000));
        }
    }

    #[test]
    fn times_are_read_as_engines_write_them() {
        for (text, seconds, fraction) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2000-02-29T12:00:00Z", 951_825_600, 0),
            ("2026-11-24T00:06:10.457751976Z", 1_795_478_770, 457_751_976),
            ("2026-11-24T01:06:10.4+01:00", 1_795_478_770, 400_000_000),
            ("2026-11-23T18:36:10-05:30", 1_795_478_770, 0),
        ] {
            assert_eq!(nanos(text), Some(seconds * 1_000_000_000 + fraction), "{text}");
        }
        for text in ["", "2026-11-24", "2026-11-24T00:06:10", "2026-13-24T00:06:10Z", "T:::Z", "x"]
        {
            assert_eq!(nanos(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_is_written_as_it_is_read() {
        assert_eq!(utc(1_795_478_770), "2026-11-24T00:06:10Z");
        for seconds in (0..8_000_000_000_u64).step_by(86_399 * 7) {
            assert_eq!(nanos(&utc(seconds)), Some(i128::from(seconds) * 1_000_000_000));
        }
    }
}
