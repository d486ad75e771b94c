//! Lines for a terminal: wrapped at words to a width, and coloured on request.
//!
//! The content comes from the caller.

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr as _;

/// The default width.
pub const WIDTH: usize = 100;
/// The smallest width for wrapping.
pub const NARROWEST: usize = 40;

/// Bold text in the default colour.
pub const BOLD: Style = Style::new().bold();

/// A text colour.
pub const fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(anstyle::Color::Ansi(colour)))
}

/// A text that is built line by line.
#[derive(Debug)]
pub struct Page {
    out: String,
    width: usize,
    colour: bool,
}

impl Page {
    /// An empty text.
    pub fn new(width: usize, colour: bool) -> Self {
        Self { out: String::new(), width: width.max(NARROWEST), colour }
    }

    /// The whole text, with a line end after the last line.
    pub fn ended(self) -> String {
        self.out
    }

    /// Text in a style, if colours are enabled.
    pub fn painted(&self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// Adds one line without wrapping.
    pub fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    /// Adds a heading after an empty line.
    pub fn heading(&mut self, style: Style, text: &str) {
        let text = self.painted(style, text);
        self.line("");
        self.line(&text);
    }

    /// Adds a lead in a style, followed by wrapped words: later lines are indented by `hang`
    /// columns.
    pub fn wrapped(&mut self, lead: (Style, &str), hang: usize, words: &str) {
        let lines = broken(words, self.width, (lead.1.width(), hang));
        self.led(lead, hang, &lines);
    }

    /// Adds a lead in a style, followed by a command, which may be continued on further lines.
    pub fn command(&mut self, lead: (Style, &str), hang: usize, command: &str) {
        let lines = laid(arguments(command), self.width, (lead.1.width(), hang));
        self.led(lead, hang, &lines);
    }

    fn led(&mut self, (style, lead): (Style, &str), hang: usize, lines: &[String]) {
        let blank = lead.len() - lead.trim_start().len();
        let mark = self.painted(style, lead[blank..].trim_end());
        let gap = " ".repeat(lead.len() - lead.trim_end().len());
        let lead = if lead.trim().is_empty() {
            lead.to_owned()
        } else {
            format!("{}{mark}{gap}", &lead[..blank])
        };
        for (index, line) in lines.iter().enumerate() {
            let before = if index == 0 { lead.clone() } else { " ".repeat(hang) };
            self.line(&format!("{before}{line}"));
        }
    }
}

/// Wraps words to a width: the first line is indented by `first` columns, later lines by `hang`. A
/// command that is too long for a line is continued on the next one.
pub fn broken(words: &str, width: usize, (first, hang): (usize, usize)) -> Vec<String> {
    let tokens = pieces(words).into_iter().flat_map(|piece| {
        let is_long = piece.contains('`') && hang + piece.width() > width;
        if is_long { arguments(piece) } else { vec![Token { text: piece, goes_on: false }] }
    });
    laid(tokens, width, (first, hang))
}

/// A text that is never broken; if it goes on, a line that ends with it ends with a backslash.
#[derive(Clone, Copy)]
struct Token<'t> {
    text: &'t str,
    goes_on: bool,
}

/// The arguments of a command: it is broken between them alone.
fn arguments(command: &str) -> Vec<Token<'_>> {
    let (mut tokens, mut begin, mut quote) = (Vec::new(), 0, None);
    for (at, sign) in command.char_indices() {
        match (quote, sign) {
            (None, '\'' | '"') => quote = Some(sign),
            (Some(open), sign) if open == sign => quote = None,
            (None, ' ') => {
                tokens.push(Token { text: &command[begin..at], goes_on: true });
                begin = at + 1;
            }
            _ => {}
        }
    }
    tokens.push(Token { text: &command[begin..], goes_on: false });
    tokens
}

fn laid<'t>(
    tokens: impl IntoIterator<Item = Token<'t>>,
    width: usize,
    (first, hang): (usize, usize),
) -> Vec<String> {
    let mut lines = vec![String::new()];
    let (mut at, mut goes_on) = (first, false);
    for token in tokens {
        let long = token.text.width();
        let room = long + if token.goes_on { CONTINUED.len() } else { 0 };
        let Some(line) = lines.last_mut() else { break };
        if !line.is_empty() && at + 1 + room > width {
            if goes_on {
                line.push_str(CONTINUED);
            }
            at = hang + long;
            lines.push(token.text.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
                at += 1;
            }
            at += long;
            line.push_str(token.text);
        }
        goes_on = token.goes_on;
    }
    lines
}

/// The end of a line of a command that goes on.
const CONTINUED: &str = " \\";

/// The words of a text. A code span in backticks is one word, and so is a number with its unit.
fn pieces(text: &str) -> Vec<&str> {
    let is_paired = text.matches('`').count().is_multiple_of(2);
    let (mut pieces, mut begin, mut quoted) = (Vec::new(), 0, false);
    for (at, sign) in text.char_indices() {
        quoted ^= sign == '`' && is_paired;
        if sign == ' ' && !quoted && !is_unit(&text[begin..at], &text[at + 1..]) {
            pieces.push(&text[begin..at]);
            begin = at + 1;
        }
    }
    pieces.push(&text[begin..]);
    pieces
}

/// Whether the rest of a text begins with the unit of a number: `21` and `s; down`.
fn is_unit(number: &str, rest: &str) -> bool {
    let word = rest.split(' ').next().unwrap_or_default();
    let unit = word.trim_end_matches(|sign: char| sign.is_ascii_punctuation());
    matches!(unit, "ms" | "s" | "min" | "h" | "d")
        && number.ends_with(|sign: char| sign.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_words_and_never_inside_of_backticks() {
        let text = "one two `bayplan plan spec.yaml -o plan.json` three";
        let lines = broken(text, 43, (2, 4));
        assert_eq!(lines, ["one two", "`bayplan plan spec.yaml -o plan.json`", "three"]);
        assert_eq!(broken("a `b c", 40, (0, 0)), ["a `b c"]);
        // A number stays with its unit, and only a unit stays with its number.
        assert_eq!(broken("down for 11.0 s; done", 13, (0, 0)), ["down for", "11.0 s; done"]);
        assert_eq!(broken("1 container 2 sets", 9, (0, 0)), ["1", "container", "2 sets"]);
        assert_eq!(broken("", 40, (0, 0)), [""]);
        // A wide character takes two columns.
        assert_eq!(broken("漢字 漢字", 8, (0, 0)), ["漢字", "漢字"]);
    }

    #[test]
    fn a_long_command_goes_on_between_its_arguments() {
        let text = "do `bayplan plan spec.yaml -o 'my plan.json'` now";
        let lines = broken(text, 24, (2, 4));
        assert_eq!(lines, ["do `bayplan plan \\", "spec.yaml -o \\", "'my plan.json'` now"]);
        let digest = "sha256:00112233445566778899aabbccddeeff";
        let command = format!("bayplan apply plan.json --expect-digest {digest}");
        let mut page = Page::new(40, false);
        page.command((BOLD, "next: "), 6, &command);
        let told = page.ended();
        insta::assert_snapshot!(told, @r"
        next: bayplan apply plan.json \
              --expect-digest \
              sha256:00112233445566778899aabbccddeeff
        ");
        assert_eq!(told.replace(" \\\n      ", " ").trim_end(), format!("next: {command}"));
    }

    #[test]
    fn the_lead_alone_is_painted() {
        let page = |colour| {
            let mut page = Page::new(40, colour);
            page.wrapped((BOLD, "  ab  "), 6, &"word ".repeat(12));
            page.ended()
        };
        let plain = page(false);
        assert!(plain.lines().all(|line| line.len() <= 40), "{plain}");
        assert!(page(true).starts_with("  \u{1b}[1mab\u{1b}[0m  word"), "{:?}", page(true));
        assert_eq!(anstream::adapter::strip_str(&page(true)).to_string(), plain);
    }
}
