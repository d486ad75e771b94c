//! Writes a tree as readable YAML: keys in a given order, comments, and short values on one line.
//!
//! Every YAML parser of any version must read the same text, so an ambiguous text is quoted.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::base::say;

/// The width at which a line is broken.
const WIDTH: usize = 88;
/// The words that some YAML parser does not read as texts.
const WORDS: &[&str] = &["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"];

/// Comment lines above the next entry.
pub(super) fn comment(out: &mut String, indent: usize, text: &str) {
    let room = WIDTH.saturating_sub(indent + 2);
    let mut line = String::new();
    for word in say::safe(text).split(' ') {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
            put(out, indent, &format!("# {line}"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    put(out, indent, &format!("# {line}"));
}

/// Writes `key: value`; a map or a long value takes several lines.
pub(super) fn entry(out: &mut String, indent: usize, key: &str, value: &Json, block: bool) {
    let head = format!("{}:", scalar(key));
    let line = match value {
        Json::Null => head.clone(),
        value => format!("{head} {}", flow(value)),
    };
    let fits = indent + line.chars().count() <= WIDTH;
    match value {
        Json::Object(map) if !map.is_empty() && (block || !fits) => {
            put(out, indent, &head);
            for (key, value) in map {
                entry(out, indent + 2, key, value, false);
            }
        }
        Json::Array(items) if !items.is_empty() && !fits => {
            put(out, indent, &head);
            for item in items {
                put(out, indent + 2, &format!("- {}", flow(item)));
            }
        }
        _ => put(out, indent, &line),
    }
}

/// Writes a line.
pub(super) fn put(out: &mut String, indent: usize, line: &str) {
    // Writing into a String cannot fail.
    let _ = writeln!(out, "{:indent$}{line}", "");
}

/// A value on one line.
fn flow(value: &Json) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => scalar(text),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", scalar(key), flow(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// A text, quoted unless every parser reads the plain text in the same way.
pub(super) fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

fn is_plain(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let inside = |c: char| c.is_ascii_alphanumeric() || "/_.:@=+-".contains(c);
    // A size such as `512m`.
    let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let size = digits.len() < text.len() && matches!(digits, "k" | "m" | "g" | "s" | "ms");
    size || begins
        && text.chars().all(inside)
        && !text.ends_with(':')
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if say::is_unsafe(c) => {
                let _ = if u32::from(c) > 0xFFFF {
                    write!(out, "\\U{:08X}", u32::from(c))
                } else {
                    write!(out, "\\u{:04X}", u32::from(c))
                };
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::syntax::node::Node;
    use crate::syntax::yaml;

    #[test]
    fn what_is_written_is_read_back() {
        let texts = [
            "",
            "a",
            "no",
            "22:22",
            "1.10",
            "0x1f",
            "1e3",
            "512m",
            "10.0.0.1",
            "a: b",
            "a #b",
            "- a",
            "a:",
            "~",
            "null",
            "/srv/x:/y:ro",
            "a,b",
            "[a]",
            "{a}",
            "&a",
            "*a",
            "!a",
            "%a",
            "@a",
            "`a`",
            "\"q\" 'q' \\",
            "line\nline\n",
            "\u{1b}[31m",
            "\u{202e}",
            "\u{e0001}",
            "ünï",
            " a ",
            "=",
            "<<",
            "?",
            ".5",
            "+1",
            "-1",
            "0o7",
            "1_000",
            "2001-12-14",
            "é",
            "k=v",
            "inf",
            "\u{7f}",
        ];
        for text in texts {
            let tree =
                json!({text: [text, {"a": text}], "x": {"y": text, "z": vec![text; 9]}, "s": text});
            let mut out = String::new();
            for (key, value) in tree.as_object().unwrap() {
                comment(&mut out, 0, text);
                entry(&mut out, 0, key, value, true);
            }
            let read = yaml::parse(&out).unwrap_or_else(|why| panic!("{text:?}: {why:?}\n{out}"));
            assert_eq!(read.to_json(), Node::from_json(&tree).to_json(), "{out}");
        }
    }

    #[test]
    fn short_things_stay_on_one_line() {
        let mut out = String::new();
        comment(&mut out, 2, "word ".repeat(30).trim_end());
        entry(&mut out, 2, "command", &json!(["sh", "-c", "echo $$HOME"]), true);
        entry(&mut out, 2, "environment", &json!({"A": {"from_env": "A"}, "B": "1"}), true);
        entry(&mut out, 2, "networks", &json!({"back": null}), true);
        entry(&mut out, 2, "ports", &json!(["0123456789".repeat(5), "0123456789".repeat(5)]), true);
        insta::assert_snapshot!(out, @r#"
        # word word word word word word word word word word word word word word word word word
        # word word word word word word word word word word word word word
        command: [sh, "-c", "echo $$HOME"]
        environment:
          A: {from_env: A}
          B: "1"
        networks:
          back:
        ports:
          - "01234567890123456789012345678901234567890123456789"
          - "01234567890123456789012345678901234567890123456789"
        "#);
    }
}
