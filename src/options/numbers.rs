//! Whole numbers as specs write them: quoted or not, and `512.0`, which is an integer to a JSON
//! Schema.

use serde_json::{Value as Json, json};

use super::field::text;
use crate::spec::node::{Kind, Node, Problems};

/// What a whole number of a node is.
pub(super) fn whole(node: &Node) -> Option<i64> {
    match &node.kind {
        Kind::Text(text) => text.parse().ok(),
        Kind::Number(text) => text.parse().ok().or_else(|| integral(text)),
        _ => None,
    }
}

/// `512.0` and `1e3`, as far as a floating point number is exact.
fn integral(text: &str) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number: f64 = text.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// A scalar of which a number is a part: numbers in one spelling, the rest as it was written.
pub(super) fn text_or_whole(node: &Node, what: &str, problems: &mut Problems) -> Option<String> {
    match (&node.kind, whole(node)) {
        (Kind::Number(_), Some(number)) => Some(number.to_string()),
        _ => text(node, what, problems),
    }
}

/// The schema of a whole number that may be quoted. In quotes only its sign is known to it.
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
    use crate::spec::yaml;

    #[test]
    fn whole_numbers_are_read_in_every_spelling() {
        for (text, number) in [
            ("512", Some(512)),
            ("\"512\"", Some(512)),
            ("512.0", Some(512)),
            ("1e3", Some(1000)),
            ("-1", Some(-1)),
            ("\"512.0\"", None),
            ("1.5", None),
            ("1e30", None),
            ("true", None),
            ("9223372036854775807", Some(i64::MAX)),
        ] {
            assert_eq!(whole(&yaml::parse(text).unwrap()), number, "{text}");
        }
    }
}
