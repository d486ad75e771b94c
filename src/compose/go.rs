//! Parses and prints sizes, command lines and JSON exactly as Go does, because the service hash of
//! Compose depends on them.

use std::fmt::Write as _;

use serde_json::Value as Json;

/// A value for Go's JSON; the order of fields matters.
#[derive(Debug, Clone, PartialEq)]
pub enum Go {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A number in its printed form.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// A struct with ordered fields, or a sorted map.
    Map(Vec<(String, Self)>),
}

impl Go {
    /// The value of a field.
    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Self::Map(fields) = self else { return None };
        fields.iter_mut().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// The JSON text of Go's `json.Marshal`.
    pub fn marshal(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(text) => out.push_str(text),
            Self::Text(text) => quoted(text, out),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Map(entries) => {
                out.push('{');
                for (at, (key, value)) in entries.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    quoted(key, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// The value as ordinary JSON, without field order.
    pub fn json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Number(text) => {
                serde_json::from_str(text).unwrap_or_else(|_| Json::from(text.as_str()))
            }
            Self::Text(text) => Json::from(text.as_str()),
            Self::List(items) => items.iter().map(Self::json).collect(),
            Self::Map(entries) => {
                entries.iter().map(|(key, value)| (key.clone(), value.json())).collect()
            }
        }
    }

    /// A copy with every text converted.
    #[must_use]
    pub fn texts(self, with: &mut dyn FnMut(String) -> String) -> Self {
        match self {
            Self::Text(text) => Self::Text(with(text)),
            Self::List(items) => {
                Self::List(items.into_iter().map(|item| item.texts(with)).collect())
            }
            Self::Map(entries) => Self::Map(
                entries.into_iter().map(|(key, value)| (key, value.texts(with))).collect(),
            ),
            other => other,
        }
    }
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => escaped(character, out),
            control if u32::from(control) < 0x20 => escaped(control, out),
            other => out.push(other),
        }
    }
    out.push('"');
}

fn escaped(character: char, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(out, "\\u{:04x}", u32::from(character));
}

/// The bytes of a size such as `64m` or `1.5GiB`.
pub fn size(text: &str) -> Option<i64> {
    let at = text.rfind(|c: char| c.is_ascii_digit() || matches!(c, '.' | ' '))?;
    let (number, unit) = match text.get(at..=at)? {
        " " => (text.get(..at)?, text.get(at + 1..)?),
        _ => (text.get(..=at)?, text.get(at + 1..)?),
    };
    let number: f64 = number.parse().ok().filter(|number: &f64| *number >= 0.0)?;
    let unit = unit.to_ascii_lowercase();
    let power = match unit.as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        "p" | "pb" | "pib" => 5,
        _ => return None,
    };
    let bytes = number * 1024_f64.powi(power);
    #[expect(clippy::cast_possible_truncation, reason = "Go truncates, too")]
    bytes.is_finite().then_some(bytes as i64)
}

/// Splits a command line into words; `None` for an open quotation.
///
/// Other shell syntax ends the line (`;`, `&`, `|`, `<`, `>`) or is refused.
pub fn words(line: &str) -> Option<Vec<String>> {
    let mut split = Split::default();
    for character in line.chars() {
        if split.take(character)? {
            break;
        }
    }
    if split.got {
        split.words.push(split.word);
    }
    let open = split.escaped || split.single || split.double || split.back || split.dollar;
    (!open).then_some(split.words)
}

/// A command line during its parsing.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one way to be inside of something")]
struct Split {
    words: Vec<String>,
    word: String,
    /// Whether a word has begun, even an empty word.
    got: bool,
    escaped: bool,
    double: bool,
    single: bool,
    back: bool,
    dollar: bool,
}

impl Split {
    /// Takes one character; true if the line ends here. `None` for unsupported syntax.
    fn take(&mut self, character: char) -> Option<bool> {
        let inside = self.single || self.double || self.back || self.dollar;
        if self.escaped {
            self.escaped = false;
            self.add(character);
            return Some(false);
        }
        match character {
            '\\' if !self.single => {
                self.escaped = true;
                return Some(false);
            }
            '\\' => {
                self.word.push(character);
                return Some(false);
            }
            ' ' | '\t' | '\r' | '\n' if inside => {
                self.word.push(character);
                return Some(false);
            }
            ' ' | '\t' | '\r' | '\n' => {
                if std::mem::take(&mut self.got) {
                    self.words.push(std::mem::take(&mut self.word));
                }
                return Some(false);
            }
            '`' if !self.single && !self.double && !self.dollar => self.back = !self.back,
            ')' if !self.single && !self.double && !self.back => self.dollar = !self.dollar,
            '(' if !self.single && !self.double && !self.back => {
                if self.dollar || !self.word.ends_with('$') {
                    return None;
                }
                self.dollar = true;
                self.word.push(character);
                return Some(false);
            }
            '"' if !self.single && !self.dollar => {
                self.got |= self.double;
                self.double = !self.double;
                return Some(false);
            }
            '\'' if !self.double && !self.dollar => {
                self.got |= self.single;
                self.single = !self.single;
                return Some(false);
            }
            ';' | '&' | '|' | '<' | '>' if !inside => {
                // A redirection includes the number before its sign.
                let digit = self.word.starts_with(|c: char| c.is_ascii_digit());
                self.got &= !(character == '>' && digit);
                return Some(true);
            }
            _ => {}
        }
        self.add(character);
        Some(false)
    }

    fn add(&mut self, character: char) {
        self.got = true;
        self.word.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_go_does() {
        for (text, bytes) in [
            ("64m", Some(67_108_864)),
            ("1.5g", Some(1_610_612_736)),
            ("1 GiB", Some(1_073_741_824)),
            ("512", Some(512)),
            ("10MB", Some(10_485_760)),
            ("-1", None),
            ("x", None),
            ("1z", None),
        ] {
            assert_eq!(size(text), bytes, "{text}");
        }
    }

    #[test]
    fn texts_are_escaped_as_go_does() {
        let text = Go::Text("<a href=\"x\">&\u{2028}\u{7f}\u{1}é".into());
        assert_eq!(
            text.marshal(),
            "\"\\u003ca href=\\\"x\\\"\\u003e\\u0026\\u2028\u{7f}\\u0001é\""
        );
    }

    #[test]
    fn command_lines_are_split_as_the_reference_does() {
        for (line, expected) in [
            ("a 'b c' \"d e\"", Some(vec!["a", "b c", "d e"])),
            (r"a\ b", Some(vec!["a b"])),
            ("''", Some(vec![""])),
            ("", Some(vec![])),
            ("a ; b", Some(vec!["a"])),
            ("a 'b", None),
        ] {
            let expected: Option<Vec<String>> =
                expected.map(|words| words.into_iter().map(str::to_owned).collect());
            assert_eq!(words(line), expected, "{line}");
        }
    }
}
