//! Whole numbers in a spec: plain or quoted, `512.0` (an integer to a JSON Schema), and in another
//! base: `0x10`, `0o17`, `0b11`.
//!
//! YAML 1.1 reads `010` as 8, YAML 1.2 as 10; here such a number is refused. Durations and Docker's
//! sizes are [`crate::syntax`]'s.

use serde_json::{Value as Json, json};

use super::field::text;
use crate::syntax::node::{Kind, Node, Problems};
use crate::syntax::sizes;

/// The whole number of a node.
pub(super) fn whole(node: &Node) -> Option<i64> {
    match &node.kind {
        Kind::Text(text) if leads_with_zero(text) => None,
        Kind::Text(text) => text.parse().ok(),
        Kind::Number(text) => {
            text.parse().ok().or_else(|| in_base(text)).or_else(|| integral(text))
        }
        _ => None,
    }
}

/// A size in bytes of at least 0: a whole number, or Docker's form.
pub(super) fn size(node: &Node) -> Option<i64> {
    let size = match &node.kind {
        Kind::Text(text) if !leads_with_zero(text) => sizes::bytes(text),
        Kind::Number(text) => sizes::bytes(text).or_else(|| whole(node)),
        _ => None,
    };
    size.filter(|size| *size >= 0)
}

/// File permissions. A number is read as everywhere (`docker compose config` prints 1023 for
/// `01777`). A text is octal, and an unquoted `01777` is a text too.
pub(super) fn permissions(node: &Node) -> Option<i64> {
    let mode = match &node.kind {
        Kind::Number(_) => whole(node),
        Kind::Text(text) => i64::from_str_radix(text.strip_prefix("0o").unwrap_or(text), 8).ok(),
        _ => None,
    };
    mode.filter(|mode| (0..=0o7777).contains(mode))
}

/// Whether digits start with a zero, so that their base is ambiguous.
fn leads_with_zero(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The problem *expected `what`*, with a hint for an ambiguous base.
pub(super) fn expected<T>(what: &str, node: &Node, problems: &mut Problems) -> Option<T> {
    let Kind::Text(text) = &node.kind else { return problems.expected(what, node) };
    if !leads_with_zero(text) {
        return problems.expected(what, node);
    }
    let plain = text.trim_start_matches('0');
    let plain = if plain.is_empty() { "0" } else { plain };
    let message = format!("expected {what}, but found {}", node.what());
    let hint = format!(
        "a zero before it makes a number octal to some: write `{plain}`, or `0o{plain}` if it is"
    );
    problems.add_hint(node.place, message, hint);
    None
}

/// A number in another base: `0x1f`, `0o17`, `0b11`.
fn in_base(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (base, digits) = match digits.get(..2)?.to_ascii_lowercase().as_str() {
        "0x" => (16, &digits[2..]),
        "0o" => (8, &digits[2..]),
        "0b" => (2, &digits[2..]),
        _ => return None,
    };
    let fine = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    i64::from_str_radix(&format!("{sign}{digits}"), base).ok().filter(|_| fine)
}

/// A number such as `512.0` or `1e3`, as far as a float is exact.
fn integral(text: &str) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number: f64 = text.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// A scalar that may contain a number: a number in canonical form, another scalar as written.
pub(super) fn text_or_whole(node: &Node, what: &str, problems: &mut Problems) -> Option<String> {
    match (&node.kind, whole(node)) {
        (Kind::Number(_), Some(number)) => Some(number.to_string()),
        (Kind::Text(said), None) if leads_with_zero(said) => expected(what, node, problems),
        _ => text(node, what, problems),
    }
}

/// A scalar that may contain a number: a number in canonical form, a text as written; `None` for an
/// ambiguous base.
pub(super) fn spelling(node: &Node) -> Option<String> {
    match (&node.kind, whole(node)) {
        (Kind::Number(_), Some(number)) => Some(number.to_string()),
        (Kind::Text(said), None) if leads_with_zero(said) => None,
        (Kind::Text(said) | Kind::Number(said), _) => Some(said.clone()),
        _ => None,
    }
}

/// The schema of a whole number that may be quoted. The schema of a quoted number checks the sign
/// only.
pub(super) fn schema(least: i64, most: Option<i64>) -> Json {
    let mut plain = json!({"type": "integer", "minimum": least});
    if let Some(most) = most {
        plain["maximum"] = json!(most);
    }
    let pattern = match least {
        0.. => r"^\+?[0-9]+$",
        -1 => r"^(-1|\+?[0-9]+)$",
        _ => "^[+-]?[0-9]+$",
    };
    json!({"anyOf": [plain, {"type": "string", "pattern": pattern}]})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::yaml;

    #[test]
    fn whole_numbers_are_read_in_every_spelling() {
        for (text, number) in [
            ("512", Some(512)),
            ("\"512\"", Some(512)),
            ("512.0", Some(512)),
            ("1e3", Some(1000)),
            ("-1", Some(-1)),
            ("0x10", Some(16)),
            ("-0x10", Some(-16)),
            ("0o17", Some(15)),
            ("0b11", Some(3)),
            ("\"0x10\"", None),
            ("010", None),
            ("\"010\"", None),
            ("-010", None),
            ("0", Some(0)),
            ("\"0\"", Some(0)),
            ("\"512.0\"", None),
            ("1.5", None),
            ("1e30", None),
            ("true", None),
            ("9223372036854775807", Some(i64::MAX)),
        ] {
            assert_eq!(whole(&yaml::parse(text).unwrap()), number, "{text}");
        }
    }

    #[test]
    fn every_number_is_in_the_base_that_it_says() {
        for (text, mode) in [
            ("1023", Some(0o1777)),
            ("0x3ff", Some(0o1777)),
            ("01777", Some(0o1777)),
            ("0o1777", Some(0o1777)),
            ("\"0o1777\"", Some(0o1777)),
            ("\"1777\"", Some(0o1777)),
            ("\"755\"", Some(0o755)),
            ("755", Some(755)),
            ("4096", None),
            ("\"10000\"", None),
            ("\"8\"", None),
            ("-1", None),
            ("1.5", None),
        ] {
            assert_eq!(permissions(&yaml::parse(text).unwrap()), mode, "{text}");
        }
        for (text, bytes) in [
            ("64m", Some(64 << 20)),
            ("0x400", Some(1024)),
            ("0400", None),
            ("\"0\"", Some(0)),
            ("-1", None),
        ] {
            assert_eq!(size(&yaml::parse(text).unwrap()), bytes, "{text}");
        }
    }

    #[test]
    fn a_number_of_which_nobody_knows_the_base_is_refused_with_the_way_out() {
        let mut problems = Problems::default();
        let node = yaml::parse("010").unwrap();
        assert_eq!(expected::<i64>("a whole number", &node, &mut problems), None);
        assert_eq!(text_or_whole(&node, "a whole number", &mut problems), None);
        let told = problems.all.iter().map(|problem| problem.hint.as_deref().unwrap());
        let hint = "a zero before it makes a number octal to some: write `10`, or `0o10` if it is";
        assert_eq!(told.collect::<Vec<_>>(), [hint, hint]);
    }
}
