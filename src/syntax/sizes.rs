//! Sizes in the notation of Docker's client: `512m`, `1.5g`, `64MiB`, `1024`.
//!
//! Units are powers of 1024, as in Docker; the meaning of a size is defined by its option row.

/// The bytes of a size in Docker's notation. Fractions of a byte are cut off, as in Docker.
pub fn bytes(text: &str) -> Option<i64> {
    let end =
        text.rfind(|character: char| character.is_ascii_digit() || matches!(character, '.' | ' '))?;
    let (number, rest) = text.split_at(end);
    let (number, suffix) = match rest.strip_prefix(' ') {
        Some(suffix) => (number.to_owned(), suffix),
        None => (format!("{number}{}", &rest[..1]), &rest[1..]),
    };
    let size = decimal(&number)? * multiplier(suffix)?;
    // Beyond 2^63 Docker's own conversion is undefined.
    #[expect(clippy::cast_possible_truncation, reason = "in range, and fractions are cut off")]
    (0.0..9_223_372_036_854_775_808.0).contains(&size).then_some(size as i64)
}

/// A number of bytes in spec notation, with `~` if rounded; `None` below 1k, where the number is
/// readable.
pub fn spelt(bytes: i64) -> Option<String> {
    let bytes = u64::try_from(bytes).ok().filter(|bytes| *bytes >= 1024)?;
    let (power, suffix) = (1..=5)
        .zip(["k", "m", "g", "t", "p"])
        .take_while(|(power, _)| bytes >> (10 * power) > 0)
        .last()?;
    let exact = (1..=power)
        .zip(["k", "m", "g", "t", "p"])
        .filter(|(power, _)| bytes % (1 << (10 * power)) == 0)
        .last();
    match exact {
        // Prefers 1536m to ~1.5g, but not 1073741825k.
        Some((power, suffix)) if bytes >> (10 * power) < 100_000 => {
            Some(format!("{}{suffix}", bytes >> (10 * power)))
        }
        _ => {
            let tenths = (u128::from(bytes) * 10) >> (10 * power);
            Some(format!("~{}.{}{suffix}", tenths / 10, tenths % 10))
        }
    }
}

/// The factor of a suffix: no suffix, `b`, or `k` to `p` with an optional `b` or `ib`.
fn multiplier(suffix: &str) -> Option<f64> {
    let suffix = suffix.to_ascii_lowercase();
    let mut letters = suffix.chars();
    let Some(unit) = letters.next() else { return Some(1.0) };
    let power = match (unit, letters.as_str()) {
        ('b', "") => 0,
        ('b', _) => return None,
        (_, "" | "b" | "ib") => 1 + i32::try_from("kmgtp".find(unit)?).ok()?,
        _ => return None,
    };
    Some(1024_f64.powi(power))
}

/// A decimal number in the notation of Go's `ParseFloat`, without hexadecimal and infinity.
fn decimal(text: &str) -> Option<f64> {
    let between_digits = |at: usize| {
        let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
        digit(at.checked_sub(1).and_then(|before| text.as_bytes().get(before)))
            && digit(text.as_bytes().get(at + 1))
    };
    if text.match_indices('_').any(|(at, _)| !between_digits(at)) {
        return None;
    }
    let plain = text.replace('_', "");
    let allowed = |byte: u8| byte.is_ascii_digit() || b".eE+-".contains(&byte);
    if !plain.bytes().all(allowed) {
        return None;
    }
    plain.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{bytes, spelt};

    #[test]
    fn sizes_are_those_of_the_docker_client() {
        let accepted: &[(&str, i64)] = &[
            ("1g", 1_073_741_824),
            ("1gb", 1_073_741_824),
            ("1GiB", 1_073_741_824),
            ("50M", 52_428_800),
            ("64mb", 67_108_864),
            ("1.5g", 1_610_612_736),
            (".5g", 536_870_912),
            ("1.g", 1_073_741_824),
            ("+1g", 1_073_741_824),
            ("1 g", 1_073_741_824),
            ("512k", 524_288),
            ("1kB", 1024),
            ("1024", 1024),
            ("1024b", 1024),
            ("0", 0),
            ("1e3", 1000),
            ("1_000", 1000),
            ("1p", 1_125_899_906_842_624),
        ];
        for (text, expected) in accepted {
            assert_eq!(bytes(text), Some(*expected), "{text}");
        }
    }

    #[test]
    fn sizes_are_spelt_as_people_write_them() {
        let all: &[(i64, Option<&str>)] = &[
            (-1, None),
            (0, None),
            (1023, None),
            (1024, Some("1k")),
            (536_870_912, Some("512m")),
            (1_073_741_824, Some("1g")),
            (1_610_612_736, Some("1536m")),
            (1_000_000_000, Some("~953.6m")),
            (i64::MAX, Some("~8191.9p")),
        ];
        for (number, expected) in all {
            assert_eq!(spelt(*number).as_deref(), *expected, "{number}");
            if let Some(text) = spelt(*number).filter(|text| !text.starts_with('~')) {
                assert_eq!(bytes(&text), Some(*number), "{text}");
            }
        }
    }

    #[test]
    fn what_the_docker_client_refuses_is_refused() {
        let refused =
            ["1  g", " 1g", "1g ", "-1", "-1g", "", "1e", "1x", "1bb", "1ib", "0x10", "1,5g"];
        for text in refused {
            assert_eq!(bytes(text), None, "{text:?}");
        }
        for text in ["g", ".", "1__0", "_1", "1_", "inf", "nan", "9e99", "1gi", "1gbb", "ä1"] {
            assert_eq!(bytes(text), None, "{text:?}");
        }
    }
}
