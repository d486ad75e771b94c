//! The one place that writes to stdout: data. Everything else goes to stderr.

use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd;

use anstyle::{AnsiColor, Style};

use super::args::{Color, Global};
use super::report::{Exit, Failure};
use crate::plan::show::page::{self, Page};
use crate::plan::show::text;

/// Longer lines are hard to read.
const WIDEST: usize = 120;

/// Writes data to stdout. A reader that has enough (`| head`) is no error.
pub fn data(text: &str) -> Result<(), Failure> {
    bytes(text.as_bytes())
}

/// The same, of a file that is to be stdout.
pub fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Error, "writing to stdout").caused_by(error))
        }
        _ => Ok(()),
    }
}

/// Writes lines for people to stdout, for a terminal as one takes them.
pub fn told(text: &str) -> Result<(), Failure> {
    let stdout = io::stdout();
    let colour = anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
    let width = columns(&stdout);
    if width.is_none() && !colour {
        return data(text);
    }
    data(&format!("{}\n", message(text, width.unwrap_or(usize::MAX), colour)))
}

/// Writes lines to stderr, for a terminal as one takes them; that nobody reads it is no error.
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

/// What a message begins with, and how that is painted.
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

/// A message broken at words, its heads painted. What quotes a file stays as it is.
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
        let head = HEADS.iter().find(|(head, _)| bare.starts_with(head));
        let (head, style) = head.copied().unwrap_or_default();
        let lead = format!("{}{head}", &line[..indent]);
        let rest = &bare[head.len()..];
        let lead = if rest.starts_with(' ') { format!("{lead} ") } else { lead };
        page.wrapped((style, &lead), indent + 2, rest.trim_start());
    }
    page.ended().trim_end_matches('\n').to_owned()
}

/// How many columns a terminal has; nothing where it is none.
fn columns(stream: &(impl io::IsTerminal + AsFd)) -> Option<usize> {
    let size = stream.is_terminal().then(|| rustix::termios::tcgetwinsize(stream).ok()).flatten();
    size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Whether what goes to stdout may be coloured.
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

/// Whether a person reads what goes beside data.
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// How wide lines may be that go to stdout: as wide as the terminal, within what reads well.
pub fn width() -> usize {
    columns(&io::stdout()).map_or(page::WIDTH, |columns| columns.clamp(page::NARROWEST, WIDEST))
}

/// How a plan is shown on stdout.
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
        // What a result and a judgement say.
        for text in
            ["stale: a", "failed: a", "  not undone: a", "left: a", "current: 1 step to run."]
        {
            let painted = message(text, 40, true);
            assert!(painted.contains("\u{1b}["), "{painted:?}");
            assert_eq!(anstream::adapter::strip_str(&painted).to_string(), text);
        }
    }
}
