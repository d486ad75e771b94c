//! Moments as engines write them (RFC 3339): read, written, and which of two came first.
//!
//! Texts cannot be told apart by their letters, as zeros at the end of a fraction are left out. No
//! clock is asked here.

/// Nanoseconds since 1970 of `2026-11-24T00:06:10.457751976Z`, or with `+01:00` for `Z`.
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

/// Milliseconds since 1970 as engines write them, in UTC.
pub fn text(millis: u64) -> String {
    let (seconds, millis) = (millis / 1000, millis % 1000);
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
}
