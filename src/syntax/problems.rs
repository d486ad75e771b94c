//! Shows the problems of a spec: file, line, column, the line itself with a caret, and the hint.
//!
//! Only the faulty line is shown, because a neighbouring line may contain a secret. Lines of
//! referenced files are never shown. Problems are found in [`crate::spec::read`], not here.

use std::fmt::Write as _;

use super::node::{Place, Problem};
use crate::base::say;

/// How many characters of a line are shown.
const WIDTH: usize = 100;
/// How many characters left of the caret are shown in a long line.
const BEFORE: usize = 40;

/// The lines of a text by YAML's rules: ended by LF, CR LF or CR; at least one line.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let current = rest?;
        let Some(end) = current.find(['\n', '\r']) else {
            rest = None;
            return Some(current);
        };
        let (line, tail) = current.split_at(end);
        rest = tail.strip_prefix("\r\n").or_else(|| tail.get(1..));
        Some(line)
    })
}

/// All problems in the order of the file, without duplicates, as one text with a final line feed.
///
/// `name` is the file name from the user, `text` the content of the file.
pub fn render(name: &str, text: &str, problems: &[Problem]) -> String {
    let mut sorted: Vec<&Problem> = problems.iter().collect();
    sorted.sort_by_key(|problem| problem.place);
    // A fault in an anchor is found at each use of the anchor.
    sorted.dedup();
    let name = say::safe(name);
    let lines: Vec<&str> = lines(text).collect();
    let mut out = String::new();
    for problem in sorted.iter().take(say::MOST) {
        one(&mut out, &name, &lines, problem);
    }
    if let Some(more) = say::more(sorted.len()) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{name}: {more}");
    }
    out
}

fn one(out: &mut String, name: &str, lines: &[&str], problem: &Problem) {
    let Place { line, column } = problem.place;
    let message = say::safe(&problem.message);
    // Writing to a string cannot fail.
    let _ = match line {
        0 => writeln!(out, "{name}: {message}"),
        _ => writeln!(out, "{name}:{line}:{column}: {message}"),
    };
    if let Some(found) = line.checked_sub(1).and_then(|line| lines.get(line)) {
        let (shown, caret) = window(found, column);
        let number = line.to_string();
        let _ = writeln!(out, "  {number} | {shown}");
        let _ = writeln!(out, "  {:1$} | {2:3$}^", "", number.len(), "", caret);
    }
    if let Some(hint) = &problem.hint {
        let _ = writeln!(out, "  hint: {}", say::safe(hint));
    }
}

/// The part of a line around a column, safe to print, and the position of the caret.
fn window(line: &str, column: usize) -> (String, usize) {
    let line = line.strip_prefix('\u{FEFF}').unwrap_or(line);
    let at = column.saturating_sub(1).min(line.chars().count());
    let skip = if line.chars().count() <= WIDTH { 0 } else { at.saturating_sub(BEFORE) };
    let visible = |text: String| say::safe(&text.replace('\t', " "));
    let head = visible(line.chars().skip(skip).take(at - skip).collect());
    let tail = visible(line.chars().skip(at).take(WIDTH - (at - skip).min(WIDTH)).collect());
    let left = if skip > 0 { "…" } else { "" };
    let right = if line.chars().count() > skip + WIDTH { "…" } else { "" };
    let caret = left.chars().count() + head.chars().count();
    (format!("{left}{head}{tail}{right}"), caret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, column: usize, message: &str, hint: Option<&str>) -> Problem {
        Problem {
            place: Place { line, column },
            message: message.into(),
            hint: hint.map(str::to_owned),
        }
    }

    #[test]
    fn lines_end_as_yaml_ends_them() {
        assert_eq!(lines("a\r\nb\rc\n").collect::<Vec<_>>(), ["a", "b", "c", ""]);
        assert_eq!(lines("").collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn problems_are_shown_in_the_order_of_the_file_and_once() {
        let text = "project: shop\r\nsecret: hunter2\r\n  žluť: 🐳 x\r\n";
        let problems = [
            at(3, 9, "second", Some("do it")),
            at(1, 1, "first", None),
            at(3, 9, "second", Some("do it")),
            at(0, 0, "nowhere", None),
        ];
        insta::assert_snapshot!(render("shop.yaml", text, &problems), @"
        shop.yaml: nowhere
        shop.yaml:1:1: first
          1 | project: shop
            | ^
        shop.yaml:3:9: second
          3 |   žluť: 🐳 x
            |         ^
          hint: do it
        ");
    }

    #[test]
    fn long_lines_are_cut_around_the_caret_and_nothing_reaches_the_terminal_raw() {
        let text = format!("{}\u{1b}[31m{}", "a".repeat(500), "b".repeat(500));
        insta::assert_snapshot!(render("x\u{1b}", &text, &[at(1, 502, "here\u{202e}", None)]), @r"
        x\u{1b}:1:502: here\u{202e}
          1 | …aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\u{1b}[31mbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb…
            |                                               ^
        ");
    }
}
