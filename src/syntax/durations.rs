//! Durations in Go's notation: `1m30s`, `500ms`, `1.5h`.
//!
//! Days and weeks exist only in Compose's notation, and a number without a unit is not a duration.

const UNITS: &[(&str, i128)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("w", 604_800_000_000_000),
];

/// The units that only Compose has.
const OF_COMPOSE: [&str; 2] = ["d", "w"];

/// The nanoseconds of a non-negative duration in Go's notation.
pub fn nanoseconds(text: &str) -> Option<i64> {
    let text = text.strip_prefix('+').unwrap_or(text);
    i64::try_from(total(text, |unit| !OF_COMPOSE.contains(&unit))?).ok()
}

/// The nanoseconds of a duration in Compose's notation: with days, weeks and a sign.
pub fn of_compose(text: &str) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    i64::try_from(sign * total(text, |_| true)?).ok()
}

/// The sum of numbers with units.
fn total(text: &str, knows: impl Fn(&str) -> bool) -> Option<i128> {
    let mut rest = text;
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => digits(after),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = after
            .find(|character: char| character == '.' || character.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit && knows(name))?;
        if !whole.is_empty() {
            total = total.checked_add(whole.parse::<i128>().ok()?.checked_mul(*unit)?)?;
        }
        total += part(fraction, *unit);
        i64::try_from(total).ok()?;
        rest = after;
    }
    Some(total)
}

/// A duration in Go's output format: `1m30s`, `1.5s`, `100ms`, `2h0m0s`.
pub fn printed(nanoseconds: i64) -> String {
    if nanoseconds == 0 {
        return "0s".to_owned();
    }
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let all = nanoseconds.unsigned_abs();
    let fraction = |value: u64, unit: u64, word: &str| {
        let (whole, rest) = (value / unit, value % unit);
        let width = unit.ilog10() as usize;
        let digits = format!("{rest:0width$}");
        let digits = if unit == 1 { "" } else { digits.trim_end_matches('0') };
        let dot = if digits.is_empty() { "" } else { "." };
        format!("{whole}{dot}{digits}{word}")
    };
    let text = if all < 1_000 {
        format!("{all}ns")
    } else if all < 1_000_000 {
        fraction(all, 1_000, "µs")
    } else if all < 1_000_000_000 {
        fraction(all, 1_000_000, "ms")
    } else {
        let (minutes, rest) = (all / 60_000_000_000, all % 60_000_000_000);
        let seconds = fraction(rest, 1_000_000_000, "s");
        match (minutes / 60, minutes % 60) {
            (0, 0) => seconds,
            (0, minutes) => format!("{minutes}m{seconds}"),
            (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
        }
    };
    format!("{sign}{text}")
}

/// A duration in short notation, without zero parts: `1m30s`, `500ms`.
pub fn spelt(nanoseconds: i64) -> String {
    const LONG: &[(&str, i64)] = &[
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1_000),
        ("ns", 1),
    ];
    let mut rest = nanoseconds.max(0);
    let mut text = String::new();
    for (unit, length) in LONG {
        if rest >= *length {
            text += &(rest / length).to_string();
            text += unit;
            rest %= length;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// The leading digits, and the rest.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// The fraction of a unit; parts of a nanosecond are cut off.
fn part(fraction: &str, unit: i128) -> i128 {
    let mut scale = 1_i128;
    let mut value = 0_i128;
    // 16 digits are exact to the nanosecond for a week, the longest unit.
    for digit in fraction.bytes().take(16) {
        scale *= 10;
        value = value * 10 + i128::from(digit - b'0');
    }
    value * unit / scale
}

#[cfg(test)]
mod tests {
    use super::{nanoseconds, of_compose, printed, spelt};

    #[test]
    fn durations_are_those_of_the_docker_client() {
        let accepted: &[(&str, i64)] = &[
            ("1m30s", 90_000_000_000),
            ("1.5h", 5_400_000_000_000),
            ("500ms", 500_000_000),
            ("1h2m3.5s", 3_723_500_000_000),
            ("1000us", 1_000_000),
            ("1500µs", 1_500_000),
            ("10ns", 10),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("1s1m", 61_000_000_000),
            ("+5s", 5_000_000_000),
            ("0", 0),
        ];
        for (text, expected) in accepted {
            assert_eq!(nanoseconds(text), Some(*expected), "{text}");
        }
    }

    #[test]
    fn what_is_spelt_is_read_alike() {
        for (text, length) in [
            ("1h", 3_600_000_000_000),
            ("1m30s", 90_000_000_000),
            ("1s500ms", 1_500_000_000),
            ("7ns", 7),
        ] {
            assert_eq!(spelt(length), text);
            assert_eq!(nanoseconds(text), Some(length));
        }
    }

    #[test]
    fn what_the_docker_client_refuses_is_refused() {
        for text in ["90", "-1s", "1d", "1w", "1M", "1m 30s", "5 s", "", "9999999h", "s", ".s", "+"]
        {
            assert_eq!(nanoseconds(text), None, "{text:?}");
        }
    }

    #[test]
    fn compose_s_durations_are_read_and_printed_as_the_reference_does() {
        for (text, expected) in [
            ("1m30s", Some("1m30s")),
            ("90s", Some("1m30s")),
            ("1.5s", Some("1.5s")),
            ("100ms", Some("100ms")),
            ("2h", Some("2h0m0s")),
            ("1d", Some("24h0m0s")),
            ("1us", Some("1µs")),
            ("0", Some("0s")),
            ("0s", Some("0s")),
            ("-5s", Some("-5s")),
            ("1w", Some("168h0m0s")),
            ("10", None),
            ("s", None),
            ("", None),
        ] {
            let read = of_compose(text).map(printed);
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }
}
