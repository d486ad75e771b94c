//! Plain scalars as Go's YAML reader takes them, which is how Compose files are meant: `010` is 8,
//! `1_000` is 1000, `1.50` is 1.5.
//!
//! Bayplan's own specs keep numbers as they were written; that is [`super::yaml`]'s.

/// The number that an unquoted scalar is to Go, as Go prints it; nothing where it is a text.
pub fn number(written: &str) -> Option<String> {
    let first = written.chars().next()?;
    if !(first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return None;
    }
    let plain = written.replace('_', "");
    if let Some(whole) = integer(&plain) {
        return Some(whole.to_string());
    }
    is_float(&plain).then(|| plain.parse().ok().map(float))?
}

/// Go's `ParseInt` with base 0.
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

/// A number as Go's `%v` prints it: the fewest digits, with an exponent from 7 digits on.
pub fn float(value: f64) -> String {
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
    use super::number;

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
            ("2.0", Some("2")),
            ("1e3", Some("1000")),
            ("123456789.125", Some("1.23456789125e+08")),
            ("1.5e-7", Some("1.5e-07")),
            ("18446744073709551615", Some("18446744073709551615")),
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
