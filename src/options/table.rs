//! The option table in the README. The rows are [`super`]'s.

use std::fmt::Write as _;

use super::row::{Change, Group, Mode};
use super::{AnyRow, ROWS};

/// The line of the README before the table.
pub const BEGIN: &str = "<!-- options:begin -->";
/// The line of the README after the table.
pub const END: &str = "<!-- options:end -->";

const GROUPS: [(Group, &str); 6] = [
    (Group::Process, "Process"),
    (Group::Network, "Network"),
    (Group::Storage, "Storage"),
    (Group::Resources, "Resources"),
    (Group::Security, "Security"),
    (Group::Lifecycle, "Lifecycle"),
];

/// The table in Markdown: a chapter for each group, a line for each option.
pub fn markdown() -> String {
    let mut out = String::new();
    for (group, title) in GROUPS {
        let rows: Vec<_> = ROWS.iter().filter(|row| row.def().group == group).collect();
        if rows.is_empty() {
            continue;
        }
        // Writing into a String cannot fail.
        let _ = write!(out, "### {title}\n\n| option | what it is | example |\n|---|---|---|\n");
        for row in rows {
            let _ = writeln!(out, "{}", line(*row));
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn line(row: &dyn AnyRow) -> String {
    let about = row.def();
    let words: Vec<String> =
        [about.key].iter().chain(about.aliases).map(|word| format!("`{word}`")).collect();
    let ignored = match about.compare {
        Mode::Ignore => " (not compared unless asked)",
        Mode::Strict | Mode::Superset => "",
    };
    let in_place = match about.change {
        Change::Update(_) => "; changed in place",
        Change::Connect => "; added and taken off in place",
        Change::Replace => "",
    };
    let example = about.examples.first().copied().unwrap_or_default().replace('|', "\\|");
    let doc = about.doc.replace('|', "\\|");
    format!("| {} | {doc}{in_place}{ignored} | `{}: {example}` |", words.join(", "), about.key)
}
