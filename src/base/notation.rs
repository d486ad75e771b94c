//! Values in the notation of a spec, on one line: `{soft: 1024, hard: 2048}`, not JSON.

use serde_json::Value as Json;

use super::canonical;

/// A value as a spec writes it. Texts and keys are quoted where they would read as something else.
pub fn of(value: &Json) -> String {
    match value {
        Json::String(text) => scalar(text),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(of).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(map) => {
            let entries = map.iter().map(|(key, value)| format!("{}: {}", scalar(key), of(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => value.to_string(),
    }
}

/// A text without quotes, if it is plain.
fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let quoted = Json::from(text);
    canonical::line(&quoted).unwrap_or_else(|_| quoted.to_string())
}

/// Whether a text without quotes reads as this text, and as nothing else.
fn is_plain(text: &str) -> bool {
    let signs = |sign: char| sign.is_alphanumeric() || "./_-+:@*=% ".contains(sign);
    let begins = text.starts_with(|sign: char| sign.is_alphanumeric() || "/._".contains(sign));
    let is_word = matches!(text.to_lowercase().as_str(), "null" | "true" | "false" | "yes" | "no");
    begins
        && text.chars().all(signs)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !is_word
        && text.parse::<f64>().is_err()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_read_as_a_spec_has_them() {
        let value = json!({
            "soft": 1024, "list": ["gpu", "a b", "", "1", "true", "a, b", "x: y", "\u{1b}"],
            "/dev/sda": {"rate": null}, "a\"b": false, "-x": 1.5,
        });
        insta::assert_snapshot!(of(&value), @r#"{"-x": 1.5, /dev/sda: {rate: null}, "a\"b": false, list: [gpu, a b, "", "1", "true", "a, b", "x: y", "\u001b"], soft: 1024}"#);
    }
}
