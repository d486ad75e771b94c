//! Writes data to stdout, and everything else to stderr. No other module writes to stdout.

use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd;

use anstyle::{AnsiColor, Style};

use super::args::{Color, Global};
use super::report::{Exit, Failure};
use crate::plan::show::page::{self, Page};
use crate::plan::show::text;

/// The widest line, because longer lines are hard to read.
const WIDEST: usize = 120;

/// Writes data to stdout. A closed reader (`| head`) is not an error.
pub fn data(text: &str) -> Result<(), Failure> {
    bytes(text.as_bytes())
}

/// Writes the bytes of a file to stdout.
pub fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Error, "writing to stdout").caused_by(error))
        }
        _ => Ok(()),
    }
}

/// Writes text for people to stdout, wrapped for a terminal.
pub fn told(text: &str) -> Result<(), Failure> {
    let stdout = io::stdout();
    let colour = anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
    let width = columns(&stdout);
    if width.is_none() && !colour {
        return data(text);
    }
    data(&format!("{}\n", message(text, width.unwrap_or(usize::MAX), colour)))
}

/// Writes text to stderr, wrapped for a terminal; a closed reader is not an error.
pub fn note(text: &str) {
    let stderr = io::stderr();
    let colour = anstream::AutoStream::choice(&stderr) != anstream::ColorChoice::Never;
    let text = match columns(&stderr) {
        Some(width) => message(text, width, colour),
        None if colour => message(text, usize::MAX, colour),
        None => text.to_owned(),
    };
    let mut stderr = stderr.lock();
    let _ = writeln!(stderr, "{text}");
}

/// The beginnings of messages, with their styles.
const HEADS: &[(&str, Style)] = &[
    ("error:", page::colour(AnsiColor::Red).bold()),
    ("warning:", page::colour(AnsiColor::Yellow).bold()),
    ("caused by:", page::BOLD),
    ("hint:", page::colour(AnsiColor::Cyan)),
    ("note:", page::BOLD),
    ("current:", page::colour(AnsiColor::Green).bold()),
    ("already as declared.", page::colour(AnsiColor::Green).bold()),
    ("failed:", page::colour(AnsiColor::Red).bold()),
    ("stale:", page::colour(AnsiColor::Red).bold()),
    ("not undone:", page::colour(AnsiColor::Red)),
    ("not as declared:", page::colour(AnsiColor::Yellow).bold()),
    ("interrupted:", page::colour(AnsiColor::Yellow).bold()),
    ("went back:", page::colour(AnsiColor::Yellow).bold()),
    ("left:", page::colour(AnsiColor::Yellow)),
];

/// Wraps a message at words and colours its beginnings. Quoted lines of a file are kept as they
/// are.
fn message(text: &str, width: usize, colour: bool) -> String {
    let mut page = Page::new(width, colour);
    for line in text.lines() {
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        let is_quote = bare.trim_start_matches(|sign: char| sign.is_ascii_digit()).trim_start();
        if is_quote.starts_with('|') {
            page.line(line);
            continue;
        }
        if let Some((word, rest)) = in_column(line) {
            page.wrapped((page::BOLD, word), word.len(), rest);
            continue;
        }
        let head = HEADS.iter().find(|(head, _)| bare.starts_with(head));
        let (head, style) = head.copied().unwrap_or_default();
        let lead = format!("{}{head}", &line[..indent]);
        let rest = &bare[head.len()..];
        let lead = if rest.starts_with(' ') { format!("{lead} ") } else { lead };
        page.wrapped((style, &lead), indent + 2, rest.trim_start());
    }
    page.ended().trim_end_matches('\n').to_owned()
}

/// A line with a word in a column of its own, such as `replace  shop-db: …`: the column with its
/// blanks, and the rest.
fn in_column(line: &str) -> Option<(&str, &str)> {
    let (word, after) = line.trim_start().split_once("  ")?;
    let is_word = !word.is_empty() && word.chars().all(|sign| sign.is_ascii_lowercase());
    let rest = after.trim_start();
    (is_word && !rest.is_empty()).then(|| line.split_at(line.len() - rest.len()))
}

/// The columns of a terminal; `None` if the stream is not a terminal.
fn columns(stream: &(impl io::IsTerminal + AsFd)) -> Option<usize> {
    let size = stream.is_terminal().then(|| rustix::termios::tcgetwinsize(stream).ok()).flatten();
    size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Whether stdout may be coloured.
pub fn colour(global: &Global) -> bool {
    match global.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
                && io::stdout().is_terminal()
        }
    }
}

/// Whether stderr is a terminal.
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// The line width for stdout: the width of the terminal, within limits.
pub fn width() -> usize {
    columns(&io::stdout()).map_or(page::WIDTH, |columns| columns.clamp(page::NARROWEST, WIDEST))
}

/// The options for showing a plan on stdout.
pub fn text(global: &Global, steps: bool) -> text::Options {
    text::Options { steps, colour: colour(global), width: width() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_broken_at_words_and_quotes_stay() {
        let quote = format!("  12 | {}", "x ".repeat(40).trim_end());
        let text =
            format!("error: one two three four five six seven eight nine\n{quote}\nhint: do");
        let broken = message(&text, 40, false);
        let expected =
            format!("error: one two three four five six seven\n  eight nine\n{quote}\nhint: do");
        assert_eq!(broken, expected);
        let painted = message(&text, 40, true);
        assert!(painted.starts_with("\u{1b}["), "{painted:?}");
        assert_eq!(anstream::adapter::strip_str(&painted).to_string(), expected);
        assert_eq!(message("\nwritten", 40, true), "\nwritten");
        // A column is kept, and the words are broken beside it.
        let row = "by       Ann Example (root) on harbour-1, at the quay";
        let expected = "by       Ann Example (root) on\n         harbour-1, at the quay";
        assert_eq!(message(row, 40, false), expected);
        let painted = message(row, 40, true);
        assert!(painted.starts_with("\u{1b}[1mby\u{1b}[0m  "), "{painted:?}");
        // Messages from results and judgements.
        for text in
            ["stale: a", "failed: a", "  not undone: a", "left: a", "current: 1 step to run."]
        {
            let painted = message(text, 40, true);
            assert!(painted.contains("\u{1b}["), "{painted:?}");
            assert_eq!(anstream::adapter::strip_str(&painted).to_string(), text);
        }
    }
}
