//! Filling secrets into create bodies, and striking them out of what comes back.
//!
//! Who resolved the references implements [`Secrets`]; here is only how values are struck out.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::engine::FilledBody;
use crate::options::Body;
use crate::options::canon::HIDDEN;

/// Who knows the values of references.
pub trait Secrets {
    /// Fills every reference of a body in; the error names the reference, never a value.
    fn fill(&self, body: &Body) -> Result<FilledBody, String>;
    /// Strikes every value out of a text that came from outside.
    fn redact(&self, text: &str) -> String;
}

/// No references, no secrets.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSecrets;

impl Secrets for NoSecrets {
    fn fill(&self, body: &Body) -> Result<FilledBody, String> {
        Ok(FilledBody::new(body.json().clone()))
    }

    fn redact(&self, text: &str) -> String {
        text.to_owned()
    }
}

/// The shortest line of a secret of several lines that is struck out on its own.
const SHORTEST_LINE: usize = 6;

/// A text without these values, as themselves, line by line, or in the usual encodings.
pub fn redacted<'a>(text: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    let mut forms: Vec<String> = values.into_iter().flat_map(forms).collect();
    // The longest first: a value may be part of another.
    forms.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    forms.dedup();
    let mut text = text.to_owned();
    for form in forms {
        text = text.replace(&form, HIDDEN);
    }
    text
}

/// A value in all the forms in which it may show.
fn forms(value: &str) -> Vec<String> {
    let mut forms = vec![value.to_owned(), value.trim().to_owned()];
    forms.extend(
        value.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE).map(str::to_owned),
    );
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

/// Bytes in hexadecimal digits, each after `mark`. With a mark, characters that `keep` wants stay.
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
}
