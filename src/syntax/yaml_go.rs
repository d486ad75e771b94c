//! Plain scalars by the rules of Go's YAML parser, as in Compose: `010` is 8, `1_000` is 1000,
//! `1.50` is 1.5.
//!
//! bayplan's own specs keep the notation of numbers; see [`super::yaml`].

/// The number in an unquoted scalar, in Go's output format; `None` for a text.
pub fn number(written: &str) -> Option<String> {
    let first = written.chars().next()?;
    if !(first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return None;
    }
    if let Some(special) = not_finite(written) {
        return Some(special.to_owned());
    }
    let plain = written.replace('_', "");
    if let Some(whole) = integer(&plain) {
        return Some(whole.to_string());
    }
    // To Go, a number that is too large is a text.
    let finite = || plain.parse::<f64>().ok().filter(|value| value.is_finite());
    is_float(&plain).then(finite)?.map(float)
}

/// The values of a float that are no numbers, in Go's output format.
fn not_finite(written: &str) -> Option<&'static str> {
    match written {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some("+Inf"),
        "-.inf" | "-.Inf" | "-.INF" => Some("-Inf"),
        ".nan" | ".NaN" | ".NAN" => Some("NaN"),
        _ => None,
    }
}

/// Whether an unquoted scalar is a date in Go: `2024-01-02`, with or without a time.
pub fn is_date(written: &str) -> bool {
    let mut parts = written.splitn(3, '-');
    let (year, month) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let rest = parts.next().unwrap_or_default();
    let length = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let (day, time) = rest.split_at(length);
    let (Some(month), Some(day)) = (one_or_two(month), one_or_two(day)) else { return false };
    let Some(year) = year.parse::<u32>().ok().filter(|_| year.len() == 4) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let fits = (1..=12).contains(&month) && (1..=days).contains(&day);
    let time_fits = match time.split_at_checked(1) {
        None => time.is_empty(),
        Some(("T" | "t", time)) => match time.find(['Z', '+', '-']).map(|at| time.split_at(at)) {
            Some((time, zone)) => is_time(time) && is_zone(zone),
            None => false,
        },
        Some((" ", time)) => is_time(time),
        Some(_) => false,
    };
    fits && time_fits
}

/// A number of one or two digits.
fn one_or_two(text: &str) -> Option<u32> {
    let fits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| fits)
}

/// Whether a text is a time: `15:04:05.123`.
fn is_time(text: &str) -> bool {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let numbers: Vec<Option<u32>> = whole.split(':').map(one_or_two).collect();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    fraction.is_none_or(digits) && matches!(numbers[..], [Some(0..24), Some(0..60), Some(0..60)])
}

/// Whether a text is a time zone: `Z` or `+01:00`.
fn is_zone(text: &str) -> bool {
    let number = |text: &str| one_or_two(text).filter(|_| text.len() == 2);
    match text.strip_prefix(['+', '-']).and_then(|zone| zone.split_once(':')) {
        Some((hours, minutes)) => number(hours).is_some() && number(minutes).is_some(),
        None => text == "Z",
    }
}

/// An integer by the rules of Go's `ParseInt` with base 0.
fn integer(plain: &str) -> Option<i128> {
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain.strip_prefix('+').unwrap_or(plain)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = if let Some(hex) = lower.strip_prefix("0x") {
        (16, hex)
    } else if let Some(binary) = lower.strip_prefix("0b") {
        (2, binary)
    } else if let Some(octal) = lower.strip_prefix("0o") {
        (8, octal)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, lower.get(1..)?)
    } else {
        (10, lower.as_str())
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    let value = if negative { -value } else { value };
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value).then_some(value)
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn is_float(plain: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    let mantissa_fits = match mantissa.split_once('.') {
        Some((before, after)) => {
            digits(before) && digits(after) && !(before.is_empty() && after.is_empty())
        }
        None => !mantissa.is_empty() && digits(mantissa),
    };
    exponent_fits && mantissa_fits
}

/// A number in the format of Go's `%v`: the fewest digits, with an exponent from 7 digits on.
pub fn float(value: f64) -> String {
    if !value.is_finite() {
        let sign = if value.is_sign_negative() { "-Inf" } else { "+Inf" };
        return if value.is_nan() { "NaN" } else { sign }.to_owned();
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::{is_date, number};

    #[test]
    fn dates_are_what_they_are_to_go() {
        for date in [
            "2024-01-02",
            "2024-1-2",
            "2024-02-29",
            "2024-01-02T3:4:5Z",
            "2024-01-02t03:04:05+01:00",
            "2024-01-02 3:4:5.123",
        ] {
            assert!(is_date(date), "{date}");
        }
        for text in [
            "2024-13-02",
            "2024-02-30",
            "2023-02-29",
            "02024-01-02",
            "2024-01",
            "2024-01-02Z",
            "2024-01-02 03:04",
            "2024-01-02T03:04:05",
            "2024-01-02 03:04:05Z",
            "2024-1-2T1:2:3.5+2:00",
            "2024-01-02 24:00:00",
            "1.2-3-4",
            "-2024-01-02",
            "",
        ] {
            assert!(!is_date(text), "{text}");
        }
    }

    #[test]
    fn plain_scalars_are_what_they_are_to_go() {
        for (written, meant) in [
            ("010", Some("8")),
            ("0o17", Some("15")),
            ("0x1F", Some("31")),
            ("0b101", Some("5")),
            ("-0x10", Some("-16")),
            ("1_000", Some("1000")),
            ("+5", Some("5")),
            ("08", Some("8")),
            ("1.50", Some("1.5")),
            (".5", Some("0.5")),
            (".inf", Some("+Inf")),
            ("-.INF", Some("-Inf")),
            (".NaN", Some("NaN")),
            (".iNF", None),
            ("2.0", Some("2")),
            ("1e3", Some("1000")),
            ("123456789.125", Some("1.23456789125e+08")),
            ("1.5e-7", Some("1.5e-07")),
            ("18446744073709551615", Some("18446744073709551615")),
            ("1e400", None),
            ("22:22", None),
            ("1.2.3", None),
            ("1e", None),
            (".", None),
            ("-", None),
            ("0x", None),
            ("64m", None),
            ("yes", None),
        ] {
            assert_eq!(number(written).as_deref(), meant, "{written}");
        }
    }
}
