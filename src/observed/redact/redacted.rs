//! Removes values from a text: the value itself, its lines, and the value in common encodings.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::encodings::Views;
use crate::options::value::HIDDEN;

/// The shortest line of a multi-line secret that is removed separately.
const SHORTEST_LINE: usize = 6;

/// A text without some values, their lines and their common encodings.
pub fn redacted<'a>(text: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    let values: Vec<&str> = values.into_iter().collect();
    let mut spans: Vec<Range<usize>> = Vec::new();
    let views = Views::of(text);
    for value in &values {
        for form in forms(value) {
            spans.extend(text.match_indices(&form).map(|(at, _)| at..at + form.len()));
        }
        for part in parts(value) {
            spans.extend(views.find(part));
        }
    }
    // Longer values first at the same position, because one value may be a part of another value.
    spans.sort_by(|one, other| one.start.cmp(&other.start).then(other.end.cmp(&one.end)));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for span in merged {
        // Encoded values are ASCII, and other values were found as text, so ranges never split a
        // character.
        out.push_str(text.get(from..span.start).unwrap_or_default());
        out.push_str(HIDDEN);
        from = span.end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// The parts of a value that are removed separately.
fn parts(value: &str) -> impl Iterator<Item = &str> {
    let lines = value.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE);
    std::iter::once(value.trim()).chain(lines)
}

/// A value in all forms in which it may appear.
fn forms(value: &str) -> Vec<String> {
    let mut forms = vec![value.to_owned(), value.trim().to_owned()];
    forms.extend(parts(value).map(str::to_owned));
    if let Ok(json) = serde_json::to_string(value) {
        forms.push(json.trim_matches('"').to_owned());
    }
    for encoding in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
        forms.push(encoding.encode(value));
    }
    forms.push(hex(value, "", char::is_control));
    forms.push(hex(value, "%", |character| {
        character.is_ascii_alphanumeric() || "-_.~".contains(character)
    }));
    forms.retain(|form| !form.is_empty());
    forms
}

/// The bytes in hexadecimal digits, each after `mark`. With a mark, the characters accepted by
/// `keep` stay unchanged.
fn hex(value: &str, mark: &str, keep: impl Fn(char) -> bool) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for byte in value.bytes() {
        if !mark.is_empty() && byte.is_ascii() && keep(char::from(byte)) {
            out.push(char::from(byte));
        } else if mark.is_empty() {
            let _ = write!(out, "{byte:02x}");
        } else {
            let _ = write!(out, "{mark}{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_struck_out_in_every_usual_form() {
        let secret = "p@ss \"word\"\nsecond line";
        let shown = format!(
            "{secret}|second line|{}|{}|p%40ss%20%22word%22%0Asecond%20line|public",
            serde_json::to_string(secret).unwrap(),
            STANDARD.encode(secret),
        );
        let clean = redacted(&shown, [secret]);
        assert_eq!(clean, format!("{HIDDEN}|{HIDDEN}|\"{HIDDEN}\"|{HIDDEN}|{HIDDEN}|public"));
        assert_eq!(redacted("nothing", [""]), "nothing");
    }

    #[test]
    fn values_are_struck_out_of_what_contains_them_encoded() {
        use std::fmt::Write as _;
        let secret = "hunter2 hunter2 p@ss, word+more";
        let hexed = hex(secret, "", char::is_control);
        let pairs: Vec<&str> = (0..hexed.len()).step_by(2).map(|at| &hexed[at..at + 2]).collect();
        let mut od = String::new();
        let mut xxd = String::new();
        for (line, row) in pairs.chunks(16).enumerate() {
            writeln!(od, "{:07o} {}", line * 16, row.join(" ")).unwrap();
            let fours: Vec<String> = row.chunks(2).map(<[&str]>::concat).collect();
            writeln!(xxd, "{:08x}: {}  hunter2 hun.", line * 16, fours.join(" ")).unwrap();
        }
        let lower = secret.replace('@', "%40").replace(',', "%2c").replace('+', "%2b");
        let mut shown = vec![
            hexed.to_uppercase(),
            pairs.join(":"),
            format!("\\x{}", pairs.join("\\x")),
            od,
            lower.replace(' ', "+"),
            lower.replace(' ', "%20"),
        ];
        for before in ["", "a", "ab", "user:"] {
            let whole = STANDARD.encode(format!("{before}{secret}:tail"));
            let wrapped: Vec<&str> = (0..whole.len())
                .step_by(20)
                .map(|at| &whole[at..(at + 20).min(whole.len())])
                .collect();
            shown.extend([wrapped.join("\n"), whole.replace('/', "_"), whole]);
        }
        for text in shown {
            let clean = redacted(&text, [secret]);
            assert!(clean.contains(HIDDEN), "{text} -> {clean}");
            let left: usize = clean.replace(HIDDEN, "").len();
            assert!(left < 28, "{text} -> {clean}");
        }
        let clean = redacted(&xxd, [secret]);
        assert!(!clean.contains(&pairs[..2].concat()), "{clean}");
        assert!(!clean.contains("hun"), "what the digits mean: {clean}");
        assert_eq!(redacted("all is well, 00: ab cd", ["hunter2"]), "all is well, 00: ab cd");
    }

    #[test]
    fn much_output_is_struck_through_in_no_time() {
        let text = "hunter hunter2 68 75 aHVudGVyMg \u{e4}".repeat(20_000);
        let values: Vec<String> = (0..20).map(|number| format!("hunter{number}x")).collect();
        let clean = redacted(&text, values.iter().map(String::as_str).chain(["hunter2"]));
        assert!(!clean.contains("hunter2") && clean.contains('\u{e4}'));
    }
}
