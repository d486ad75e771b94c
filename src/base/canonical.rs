//! JSON in the notation of bayplan's files: one way to write a value, and two ways to read a value
//! (`values`).
//!
//! The layout of whole files is in [`crate::plan::format`] and [`crate::observed::file`]. This
//! module writes values on one line or broken over lines, escapes texts, and words the errors of
//! the parser.

mod values;

use std::io;

use serde::Serialize;
use serde_json::Value as Json;
use serde_json::ser::Formatter;

pub use values::{Loose, Strict, strict};

use crate::base::say;

/// The preferred maximal width of broken lines, in characters.
const WIDTH: usize = 100;

/// A value that has no canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoCanonicalForm(String);
/// A value on one line, with keys in the order of serialisation: `{"a": 1, "b": [2, 3]}`. A number
/// with a fraction is an error.
pub fn line(value: &impl Serialize) -> Result<String, NoCanonicalForm> {
    let mut out = Vec::with_capacity(128);
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Line { floats: false });
    value.serialize(&mut serializer).map_err(|error| NoCanonicalForm(error.to_string()))?;
    String::from_utf8(out).map_err(|error| NoCanonicalForm(error.to_string()))
}

/// A value on one line, with any numbers, for data of engines.
pub fn flat(value: &impl Serialize) -> Result<String, NoCanonicalForm> {
    let mut out = Vec::with_capacity(128);
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Line { floats: true });
    value.serialize(&mut serializer).map_err(|error| NoCanonicalForm(error.to_string()))?;
    String::from_utf8(out).map_err(|error| NoCanonicalForm(error.to_string()))
}

/// A value at a depth of `indent` spaces. Objects are broken for `levels` levels, and below that
/// only if a line would be too wide.
pub fn fitted(value: &Json, indent: usize, levels: usize) -> Result<String, NoCanonicalForm> {
    let mut out = Vec::new();
    write_fitted(&mut out, value, indent, levels, 0)?;
    String::from_utf8(out).map_err(|error| NoCanonicalForm(error.to_string()))
}

fn write_fitted(
    out: &mut Vec<u8>,
    value: &Json,
    indent: usize,
    levels: usize,
    before: usize,
) -> Result<(), NoCanonicalForm> {
    let width = WIDTH.saturating_sub(indent + before + 1);
    match value {
        Json::Object(map) if !map.is_empty() => {
            if levels == 0 && write_line(out, value, Some(width))? {
                return Ok(());
            }
            for (index, (key, value)) in map.iter().enumerate() {
                out.extend_from_slice(if index == 0 { b"{\n" } else { b",\n" });
                spaces(out, indent + 2);
                let begin = out.len();
                write_line(out, key, None)?;
                let before = characters(&out[begin..]) + 2;
                out.extend_from_slice(b": ");
                write_fitted(out, value, indent + 2, levels.saturating_sub(1), before)?;
            }
            closed(out, indent, b'}');
        }
        Json::Array(items) if !items.is_empty() => {
            if write_line(out, value, Some(width))? {
                return Ok(());
            }
            for (index, item) in items.iter().enumerate() {
                out.extend_from_slice(if index == 0 { b"[\n" } else { b",\n" });
                spaces(out, indent + 2);
                write_fitted(out, item, indent + 2, levels.saturating_sub(1), 0)?;
            }
            closed(out, indent, b']');
        }
        _ => drop(write_line(out, value, None)?),
    }
    Ok(())
}

fn closed(out: &mut Vec<u8>, indent: usize, bracket: u8) {
    out.push(b'\n');
    spaces(out, indent);
    out.push(bracket);
}

fn spaces(out: &mut Vec<u8>, number: usize) {
    out.resize(out.len() + number, b' ');
}

/// The number of characters: bytes without the continuation bytes of UTF-8.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| (**byte & 0xC0) != 0x80).count()
}

/// Writes a value on one line, if the line is narrow enough. Writing stops at the limit, so that
/// deep values cost no more than flat values.
fn write_line(
    out: &mut Vec<u8>,
    value: &impl Serialize,
    width: Option<usize>,
) -> Result<bool, NoCanonicalForm> {
    struct Room<'a> {
        out: &'a mut Vec<u8>,
        left: Option<usize>,
        full: bool,
    }
    impl io::Write for Room<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(left) = &mut self.left {
                let Some(rest) = left.checked_sub(characters(bytes)) else {
                    self.full = true;
                    return Err(io::ErrorKind::WriteZero.into());
                };
                *left = rest;
            }
            self.out.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let begin = out.len();
    let mut room = Room { out, left: width, full: false };
    let formatter = Line { floats: false };
    let written =
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut room, formatter));
    let full = room.full;
    match written {
        Ok(()) => Ok(true),
        Err(_) if full => {
            out.truncate(begin);
            Ok(false)
        }
        Err(error) => Err(NoCanonicalForm(error.to_string())),
    }
}

/// Writes a value with every non-empty object and array broken, at a depth of `indent` spaces.
/// Numbers with a fraction are allowed, for data of engines.
pub fn pretty(
    out: &mut impl io::Write,
    value: &impl Serialize,
    indent: usize,
) -> serde_json::Result<()> {
    let formatter = Pretty { depth: indent / 2, empty: false };
    value.serialize(&mut serde_json::Serializer::with_formatter(out, formatter))
}

/// A formatter for one line, with a space after `,` and `:`.
struct Line {
    floats: bool,
}

impl Formatter for Line {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { w.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { w.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        w.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        w: &mut W,
        text: &str,
    ) -> io::Result<()> {
        write_escaped(w, text)
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, w: &mut W, value: f64) -> io::Result<()> {
        if self.floats {
            return write!(w, "{value}");
        }
        Err(io::Error::other(format!("expected a whole number, but found {value}")))
    }
}

/// A formatter with two spaces a level and one entry a line.
struct Pretty {
    depth: usize,
    empty: bool,
}

impl Pretty {
    fn opened<W: ?Sized + io::Write>(&mut self, w: &mut W, bracket: u8) -> io::Result<()> {
        self.depth += 1;
        self.empty = true;
        w.write_all(&[bracket])
    }

    fn entry<W: ?Sized + io::Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        self.empty = false;
        w.write_all(if first { b"\n" } else { b",\n" })?;
        indentation(w, self.depth)
    }

    fn closed<W: ?Sized + io::Write>(&mut self, w: &mut W, bracket: u8) -> io::Result<()> {
        self.depth -= 1;
        if !self.empty {
            w.write_all(b"\n")?;
            indentation(w, self.depth)?;
        }
        self.empty = false;
        w.write_all(&[bracket])
    }
}

fn indentation<W: ?Sized + io::Write>(w: &mut W, depth: usize) -> io::Result<()> {
    for _ in 0..depth {
        w.write_all(b"  ")?;
    }
    Ok(())
}

impl Formatter for Pretty {
    fn begin_array<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.opened(w, b'[')
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.closed(w, b']')
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.entry(w, first)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.opened(w, b'{')
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.closed(w, b'}')
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.entry(w, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        w.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        w: &mut W,
        text: &str,
    ) -> io::Result<()> {
        write_escaped(w, text)
    }
}

/// A JSON text with its unsafe characters as escapes. They stand in strings only.
pub fn escaped(json: &str) -> String {
    let mut out = Vec::with_capacity(json.len());
    // Writing to a vector cannot fail.
    let _ = write_escaped(&mut out, json);
    String::from_utf8(out).unwrap_or_default()
}

/// Writes the part of a string between JSON's own escapes; unsafe characters become `\u` and four
/// digits.
fn write_escaped<W: ?Sized + io::Write>(w: &mut W, text: &str) -> io::Result<()> {
    // Nearly all texts are printable ASCII; only other texts are checked character by character.
    if text.bytes().all(|byte| (0x20..0x7F).contains(&byte)) {
        return w.write_all(text.as_bytes());
    }
    let mut from = 0;
    for (at, character) in text.char_indices().filter(|(_, character)| say::is_unsafe(*character)) {
        w.write_all(&text.as_bytes()[from..at])?;
        for unit in character.encode_utf16(&mut [0; 2]) {
            write!(w, "\\u{unit:04x}")?;
        }
        from = at + character.len_utf8();
    }
    w.write_all(&text.as_bytes()[from..])
}

/// An error of the parser in bayplan's words: *expected …, but found … (line, column)*. Safe to
/// print: quoted text is cut and escaped.
pub fn complaint(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = text.strip_suffix(&place).unwrap_or(&text);
    let message = reworded(message);
    if error.line() == 0 {
        return message;
    }
    format!("line {}, column {}: {message}", error.line(), error.column())
}

fn reworded(message: &str) -> String {
    let wrong = ["invalid type: ", "invalid value: ", "invalid length "]
        .into_iter()
        .find_map(|prefix| message.strip_prefix(prefix))
        .and_then(|rest| rest.rsplit_once(", expected "));
    if let Some((found, expected)) = wrong {
        return format!("expected {}, but found {}", cut(expected), cut(found));
    }
    if let Some(field) = message.strip_prefix("missing field ") {
        return format!("expected the field {}, but found none", cut(field));
    }
    let unknown = ["unknown field ", "unknown variant "]
        .into_iter()
        .find_map(|prefix| message.strip_prefix(prefix))
        .and_then(|rest| rest.rsplit_once("`, expected "));
    if let Some((word, expected)) = unknown {
        let word = word.trim_start_matches('`');
        let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        let near = say::did_you_mean(word, known.iter().copied());
        let near = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
        let expected = say::safe(expected);
        return format!("expected {expected}, but found `{}`{near}", say::short(word));
    }
    match message {
        "recursion limit exceeded" => "expected at most 127 levels, but found more".into(),
        _ if message.starts_with("EOF while parsing") => {
            "expected more, but the file ends here: it is cut off".into()
        }
        "expected value" => "expected JSON, but found something else".into(),
        "trailing characters" => "expected the end of the file, but found more".into(),
        "control character (\\u0000-\\u001F) found while parsing a string" => {
            "expected a string, but found a control character in it".into()
        }
        _ => cut(message),
    }
}

fn cut(text: &str) -> String {
    const LONG: usize = 160;
    let mut kept: String = text.chars().take(LONG).collect();
    if kept.len() < text.len() {
        kept.push('…');
    }
    say::safe(&kept)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_keeps_the_order_of_fields_and_escapes_what_could_deceive() {
        #[derive(Serialize)]
        struct Record<'a> {
            z: &'a str,
            a: u32,
        }
        let text = line(&Record { z: "a\u{202e}b\u{1b}\n\"\u{e0041}é", a: 1 }).unwrap();
        assert_eq!(text, r#"{"z": "a\u202eb\u001b\n\"\udb40\udc41é", "a": 1}"#);
        let back: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(back["z"], "a\u{202e}b\u{1b}\n\"\u{e0041}é");
    }

    #[test]
    fn a_fraction_has_no_canonical_form() {
        let error = line(&json!({"cpus": 0.5})).unwrap_err();
        assert_eq!(error.to_string(), "expected a whole number, but found 0.5");
    }

    #[test]
    fn a_fitted_value_is_broken_where_it_is_too_wide() {
        let long = vec!["0123456789012345678901234567890123456789"; 3];
        let value = json!({"b": {"image": "x", "list": long, "empty": {}}, "a": 1});
        insta::assert_snapshot!(fitted(&value, 2, 2).unwrap(), @r#"
        {
            "a": 1,
            "b": {
              "empty": {},
              "image": "x",
              "list": [
                "0123456789012345678901234567890123456789",
                "0123456789012345678901234567890123456789",
                "0123456789012345678901234567890123456789"
              ]
            }
          }
        "#);
    }

    #[test]
    fn pretty_breaks_everything_that_is_not_empty() {
        let mut out = Vec::new();
        pretty(&mut out, &json!({"a": [], "b": [1.5, {}], "c": {"d": null}}), 0).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        {
          "a": [],
          "b": [
            1.5,
            {}
          ],
          "c": {
            "d": null
          }
        }
        "#);
    }

    #[test]
    fn a_key_that_comes_twice_is_an_error_with_its_place() {
        let error =
            serde_json::from_str::<Strict>("{\"a\": {\n \"b\": 1,\n \"b\": 2}}").unwrap_err();
        insta::assert_snapshot!(complaint(&error), @"line 3, column 8: the key `b` comes twice");
    }

    #[test]
    fn complaints_say_what_was_expected() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "only read into")]
        struct Small {
            created: u32,
        }
        let complain = |text: &str| complaint(&serde_json::from_str::<Small>(text).unwrap_err());
        insta::assert_snapshot!(complain(r#"{"created": "x\u001b"}"#), @r#"line 1, column 21: expected u32, but found string "x\u{1b}""#);
        insta::assert_snapshot!(complain(r#"{"craeted": 1}"#), @"line 1, column 10: expected `created`, but found `craeted`, did you mean `created`?");
        insta::assert_snapshot!(complain("{}"), @"line 1, column 2: expected the field `created`, but found none");
        insta::assert_snapshot!(complain("{\"created\": 1"), @"line 1, column 13: expected more, but the file ends here: it is cut off");
        insta::assert_snapshot!(complaint(&serde_json::from_str::<Strict>(&"[".repeat(200)).unwrap_err()), @"line 1, column 128: expected at most 127 levels, but found more");
    }
}
