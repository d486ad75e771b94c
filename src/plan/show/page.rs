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
        let (style, lead) = lead;
        let lines = broken(words, self.width, (lead.width(), hang));
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

/// Wraps words to a width: the first line is indented by `first` columns, later lines by `hang`.
pub fn broken(words: &str, width: usize, (first, hang): (usize, usize)) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut at = first;
    for word in pieces(words) {
        let long = word.width();
        let line = lines.last().map_or("", String::as_str);
        if !line.is_empty() && at + 1 + long > width {
            at = hang + long;
            lines.push(word.to_owned());
        } else if let Some(line) = lines.last_mut() {
            if line.is_empty() {
                at += long;
            } else {
                line.push(' ');
                at += 1 + long;
            }
            line.push_str(word);
        }
    }
    lines
}

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
        let lines = broken(text, 20, (2, 4));
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
