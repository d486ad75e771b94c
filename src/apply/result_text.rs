//! The result of an apply, for people.

use std::fmt::Write as _;

use super::Became;
use super::result::ResultDocument;
use crate::plan::reason_text;
use crate::say::safe;

/// A result that is looked at later: its lines, and what was changed and why.
pub fn retold(document: &ResultDocument) -> String {
    let mut out = text(document);
    for change in &document.changes {
        let reasons = reason_text::texts(&change.reasons);
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{:<7}  {}: {}",
            reason_text::verb(change.verb),
            safe(change.id.as_str()),
            reasons.join("; ")
        );
    }
    out
}

/// The lines of a result, with a line end after the last one.
pub fn text(document: &ResultDocument) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{}", safe(&document.message));
    for entry in &document.stale {
        let what = entry.set.as_ref().map_or_else(
            || entry.step.as_ref().map(ToString::to_string).unwrap_or_default(),
            ToString::to_string,
        );
        let object = entry.object.as_ref().map(|object| format!("{object}: ")).unwrap_or_default();
        let _ = writeln!(
            out,
            "stale: {what}: {}{} [{}]",
            safe(&object),
            safe(&entry.stale.to_string()),
            entry.stale.code
        );
        let _ = writeln!(out, "  hint: {}", safe(&entry.stale.hint));
    }
    for trouble in &document.troubles {
        let _ = writeln!(
            out,
            "failed: {} at {}: {}",
            trouble.change,
            trouble.step,
            safe(&trouble.message)
        );
        for now in &trouble.now {
            let _ = writeln!(out, "  now: {}", safe(now));
        }
        for (what, commands) in [("to go back", &trouble.back), ("to finish", &trouble.finish)] {
            if !commands.is_empty() {
                let _ = writeln!(out, "  {what}: {}", safe(&commands.join(" && ")));
            }
        }
    }
    for mismatch in &document.mismatches {
        let name = mismatch.container.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default();
        let _ = writeln!(
            out,
            "not as declared: {}{name}: {}: {}",
            mismatch.set,
            mismatch.option,
            safe(&mismatch.message)
        );
    }
    if document.interrupted.is_some() {
        let left: Vec<&str> = document
            .steps
            .iter()
            .filter(|step| step.became == Became::NotReached)
            .map(|step| step.id.as_str())
            .collect();
        let _ = writeln!(out, "interrupted; not reached: {}", left.join(", "));
    }
    out
}
