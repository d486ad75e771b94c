//! `bayplan show`.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use super::args::{Format, Global, ShowArgs};
use super::files::{self, Files};
use super::output;
use super::report::{Exit, Failure, Result};
use super::{forms, since};
use crate::apply::result::{FORMAT, ResultDocument};
use crate::apply::result_text;
use crate::base::kind::Kind;
use crate::base::{canonical, say};
use crate::plan::show::{About, html, markdown, mermaid, text, undo};
use crate::plan::{Plan, format};

/// Prints one or several plans, or the result of an apply.
pub fn run(args: &ShowArgs, global: &Global, files: &Files) -> Result {
    files.will_take("the plan", &args.files);
    args.output.as_deref().map_or(Ok(()), |path| files.writable(path))?;
    let mut all = Vec::new();
    for path in &args.files {
        all.push((path, files.read(path, format::MAX_BYTES)?));
    }
    let result = all.iter().any(|(_, bytes)| is_result(bytes));
    let said = [
        ("--undo", args.undo),
        ("--steps", args.steps),
        ("--meta", !args.meta.is_empty()),
        ("--since", args.since.is_some()),
    ];
    forms::heeds(args.format, result, &said)?;
    let shown = match all.as_slice() {
        [(path, bytes)] if is_result(bytes) => {
            let within = |failure: Failure| failure.within(&files::named(path));
            let document = self::result(bytes).map_err(within)?;
            let shown = document.map(|document| show_result(&document, args.format));
            shown.transpose().map_err(within)?.unwrap_or_default()
        }
        _ if result => {
            let message = "expected plans, but found a result among several files";
            return Err(Failure::new(Exit::Usage, message).hint("show a result by itself"));
        }
        [_, _, ..] if args.format == Format::Json => {
            let message = "expected one plan beside `--format json`, but found several";
            return Err(Failure::new(Exit::Usage, message));
        }
        several => show_plans(several, args, (global, files))?,
    };
    match &args.output {
        Some(path) => {
            files.write(path, shown.as_bytes())?;
            if !files::is_standard(path) {
                output::note(&format!("written to {}", files::named_output(path)));
            }
        }
        // A plan is laid out for the terminal already.
        None if result && args.format == Format::Text => output::told(&shown)?,
        None => output::data(&shown)?,
    }
    Ok(Exit::Done)
}

/// The field that identifies a bayplan file.
#[derive(Deserialize)]
struct Head {
    format: String,
}

/// Whether a file claims to be a result; the plan parser handles all other files.
fn is_result(bytes: &[u8]) -> bool {
    let small = bytes.len() <= format::MAX_BYTES;
    let kind = |head: Head| Kind::of_format(&head.format);
    small && serde_json::from_slice(bytes).is_ok_and(|head| kind(head) == Some(Kind::Result))
}

fn show_plans(
    all: &[(&PathBuf, Vec<u8>)],
    args: &ShowArgs,
    (global, files): (&Global, &Files),
) -> std::result::Result<String, Failure> {
    let since = args.since.as_deref().map(|path| since::named(path, files)).transpose()?;
    let since = since.map(Arc::new);
    let mut plans = Vec::new();
    for (path, bytes) in all {
        let named = files::named(path);
        let loaded = format::read(bytes).map_err(|error| Failure::from(error).within(&named))?;
        let next = (!files::is_standard(path))
            .then(|| format!("bayplan apply {}", files::named_output(path)));
        let (digest, meta) = (Some(loaded.digest), args.meta.clone());
        let beside = || since::beside(path, bytes, &loaded.plan.project, args.format).map(Arc::new);
        let since = since.clone().or_else(beside);
        let about = About { digest, next, meta, since };
        plans.push((loaded.plan, about));
    }
    Ok(match args.format {
        Format::Text => {
            // A file has no colours.
            let options = output::text(global, args.steps);
            let colour = options.colour && args.output.is_none();
            let options = text::Options { colour, ..options };
            let one = |(plan, about): &(Plan, About)| {
                let back = if args.undo { undo::text(plan, options) } else { String::new() };
                text::text(plan, about, options) + &back
            };
            plans.iter().map(one).collect::<Vec<_>>().join("\n")
        }
        Format::Markdown => markdown::markdown(&borrowed(&plans), args.steps),
        Format::Html => html::html(&borrowed(&plans))?,
        Format::Mermaid => {
            mermaid::mermaid(&plans.iter().map(|(plan, _)| plan).collect::<Vec<_>>())
        }
        // The file was verified as canonical UTF-8, so the file is its own JSON form.
        Format::Json => all.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect(),
    })
}

fn borrowed(plans: &[(Plan, About)]) -> Vec<(&Plan, About)> {
    plans.iter().map(|(plan, about)| (plan, about.clone())).collect()
}

/// The result in a file; `None` if the file does not claim to be a result.
pub(super) fn result(bytes: &[u8]) -> std::result::Result<Option<ResultDocument>, Failure> {
    if !is_result(bytes) {
        return Ok(None);
    }
    let read = serde_json::from_slice::<Head>(bytes).and_then(|head| {
        if head.format == FORMAT { serde_json::from_slice(bytes).map(Ok) } else { Ok(Err(head)) }
    });
    match read.map_err(|error| Failure::new(Exit::Error, canonical::complaint(&error)))? {
        Ok(document) => Ok(Some(document)),
        Err(Head { format }) => {
            let found = say::short(&format);
            let message = format!("expected the format {FORMAT}, but found {found}");
            let hint = "another version of bayplan wrote it: use that one to show it";
            Err(Failure::new(Exit::Error, message).hint(hint))
        }
    }
}

fn show_result(document: &ResultDocument, form: Format) -> std::result::Result<String, Failure> {
    Ok(match form {
        Format::Html | Format::Mermaid => {
            let message = "expected a plan beside this format, but found a result";
            return Err(Failure::new(Exit::Usage, message)
                .hint("`--format markdown` shows a result in a comment"));
        }
        Format::Text => result_text::retold(document),
        Format::Markdown => markdown::lines("## Result", &result_text::retold(document)),
        Format::Json => document.file().map_err(|error| {
            Failure::new(Exit::Error, crate::base::say::safe(&error.to_string()))
        })?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_told_from_plans_and_shown_safely() {
        let document = ResultDocument::refused("no \u{1b}[2J @all <b>", 4, Vec::new());
        let bytes = serde_json::to_vec(&document).unwrap();
        assert!(is_result(&bytes));
        assert!(
            !is_result(b"{\"format\": \"bayplan/plan/1\"}")
                && !is_result(b"{")
                && !is_result(b"[]")
        );
        let other = String::from_utf8_lossy(&bytes).replace("result/1", "result/9");
        assert!(is_result(other.as_bytes()));
        let told = result(other.as_bytes()).unwrap_err().to_string();
        assert!(told.contains("found bayplan/result/9"), "{told}");
        insta::assert_snapshot!(show_result(&document, Format::Markdown).unwrap(), @r"
        <!-- bayplan -->
        ## Result

        - `no \u{1b}[2J @all <b>`
        ");
        for form in [Format::Text, Format::Json, Format::Markdown] {
            let shown = show_result(&document, form).unwrap();
            assert!(!shown.chars().any(|c| c != '\n' && crate::base::say::is_unsafe(c)), "{shown}");
        }
    }
}
