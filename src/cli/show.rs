//! `bayplan show`.

use serde::Deserialize;

use super::args::{Format, Global, ShowArgs};
use super::files::{self, Files};
use super::output;
use super::report::{Exit, Failure, Result};
use crate::apply::result::{FORMAT, ResultDocument};
use crate::apply::result_text;
use crate::base::canonical;
use crate::plan::format;
use crate::plan::show::{markdown, text, undo};

/// Prints a plan, or the result of an apply.
pub fn run(args: &ShowArgs, global: &Global, files: &Files) -> Result {
    let bytes = files.read(&args.file, format::MAX_BYTES)?;
    let within = |failure: Failure| failure.within(&files::named(&args.file));
    let result = result(&bytes).map_err(within)?;
    if args.undo && (result.is_some() || args.format != Format::Text) {
        let message = "expected a plan and the text format beside `--undo`";
        return Err(Failure::new(Exit::Usage, message));
    }
    let shown = match &result {
        Some(document) => show_result(document, args.format),
        None => show_plan(&bytes, args, global),
    };
    output::data(&shown.map_err(within)?)?;
    Ok(Exit::Done)
}

/// Whether a file says that it is a result; all else is for the reader of plans to tell apart.
fn is_result(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Head {
        format: String,
    }
    let small = bytes.len() <= format::MAX_BYTES;
    small && serde_json::from_slice(bytes).is_ok_and(|head: Head| head.format == FORMAT)
}

fn show_plan(
    bytes: &[u8],
    args: &ShowArgs,
    global: &Global,
) -> std::result::Result<String, Failure> {
    let loaded = format::read(bytes)?;
    Ok(match args.format {
        Format::Text => {
            let options = text::Options { steps: args.steps, colour: output::colour(global) };
            let back = if args.undo { undo::text(&loaded.plan) } else { String::new() };
            text::text(&loaded.plan, options) + &back
        }
        Format::Markdown => markdown::markdown(&loaded.plan, args.steps),
        // It was proven to be canonical UTF-8: the file is its own JSON form.
        Format::Json => String::from_utf8_lossy(bytes).into_owned(),
    })
}

/// The result that a file is; nothing: it does not say that it is one.
pub(super) fn result(bytes: &[u8]) -> std::result::Result<Option<ResultDocument>, Failure> {
    if !is_result(bytes) {
        return Ok(None);
    }
    let document = serde_json::from_slice(bytes);
    document.map(Some).map_err(|error| Failure::new(Exit::Error, canonical::complaint(&error)))
}

fn show_result(document: &ResultDocument, form: Format) -> std::result::Result<String, Failure> {
    Ok(match form {
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
        insta::assert_snapshot!(show_result(&document, Format::Markdown).unwrap(), @r"
        ## Result

        - `no \u{1b}[2J @all <b>`
        ");
        for form in [Format::Text, Format::Json, Format::Markdown] {
            let shown = show_result(&document, form).unwrap();
            assert!(!shown.chars().any(|c| c != '\n' && crate::base::say::is_unsafe(c)), "{shown}");
        }
    }
}
