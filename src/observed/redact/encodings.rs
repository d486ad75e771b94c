//! Finds encoded values in a text: base64, also of a longer text with the value, hexadecimal dumps
//! and percent-encoding.
//!
//! Each encoding has a view of the text, which keeps the relevant characters only. A view is built
//! once and searched once for each value, so the cost is linear.

use std::ops::Range;

/// The shortest value to search for; a shorter value would be found everywhere.
const SHORTEST: usize = 4;

/// The characters that a view keeps, with their positions in the text.
#[derive(Default)]
struct View {
    bytes: Vec<u8>,
    from: Vec<Range<usize>>,
}

impl View {
    fn push(&mut self, byte: u8, from: Range<usize>) {
        self.bytes.push(byte);
        self.from.push(from);
    }

    /// Separates the characters before this position from the characters after it.
    fn cut(&mut self, at: usize) {
        self.push(0, at..at);
    }

    /// All positions of a value, as ranges of the text.
    fn find(&self, value: &[u8]) -> Vec<Range<usize>> {
        let first = |at: usize| self.from[at].start;
        let found = occurrences(&self.bytes, value);
        found.into_iter().map(|at| first(at)..self.from[at + value.len() - 1].end).collect()
    }
}

/// A text with all its views.
pub(super) struct Views<'a> {
    text: &'a str,
    base64: View,
    hex: View,
    dump: View,
    percent: View,
    form: View,
}

impl<'a> Views<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self {
            text,
            base64: base64(text),
            hex: hex(text),
            dump: dump(text),
            percent: percent(text, b'+'),
            form: percent(text, b' '),
        }
    }

    /// All places where a value is encoded.
    pub(super) fn find(&self, value: &str) -> Vec<Range<usize>> {
        let value = value.as_bytes();
        let mut all = Vec::new();
        if value.len() < SHORTEST {
            return all;
        }
        for offset in 0..3 {
            let (core, before, after) = core(value, offset);
            let spans = self.base64.find(&core);
            all.extend(spans.into_iter().map(|span| self.widened(span, before, after)));
        }
        let digits: Vec<u8> = value.iter().flat_map(|byte| digits(*byte)).collect();
        all.extend(self.hex.find(&digits));
        // In a dump, the decoded characters follow the digits.
        let line_end =
            |at: usize| self.text[at..].find('\n').map_or(self.text.len(), |end| at + end);
        let dumped = self.dump.find(&digits);
        all.extend(dumped.into_iter().map(|span| span.start..line_end(span.end)));
        for view in [&self.percent, &self.form] {
            all.extend(view.find(value));
        }
        all
    }

    /// Extends a range to the neighbouring characters that hold a part of the value's first or last
    /// byte, and to padding.
    fn widened(&self, span: Range<usize>, before: bool, after: bool) -> Range<usize> {
        let bytes = self.text.as_bytes();
        let (mut start, mut end) = (span.start, span.end);
        if before && start > 0 && sextet(bytes[start - 1]).is_some() {
            start -= 1;
        }
        if after && bytes.get(end).is_some_and(|byte| sextet(*byte).is_some()) {
            end += 1;
        }
        while bytes.get(end) == Some(&b'=') {
            end += 1;
        }
        start..end
    }
}

/// A base64 character in the standard alphabet; a URL-safe character is converted.
fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => Some(byte),
        b'-' => Some(b'+'),
        b'_' => Some(b'/'),
        _ => None,
    }
}

/// Base64, wrapped at any width.
fn base64(text: &str) -> View {
    let mut view = View::default();
    for (at, byte) in text.bytes().enumerate() {
        match sextet(byte) {
            Some(byte) => view.push(byte, at..at + 1),
            None if byte.is_ascii_whitespace() => {}
            None => view.cut(at),
        }
    }
    view
}

/// The base64 characters that depend only on the value, if the value begins at this byte offset.
/// Also whether the characters before and after depend on the value.
fn core(value: &[u8], offset: usize) -> (Vec<u8>, bool, bool) {
    use base64::Engine as _;
    let mut bytes = vec![0; offset];
    bytes.extend(value);
    let whole = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&bytes);
    let (first, last) = ((offset * 8).div_ceil(6), bytes.len() * 8 / 6);
    let core = whole.as_bytes().get(first..last).unwrap_or_default().to_vec();
    (core, offset > 0, !bytes.len().is_multiple_of(3))
}

fn digits(byte: u8) -> [u8; 2] {
    let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 15)];
    [digit(byte >> 4), digit(byte)]
}

/// Hexadecimal digits in any case and with any separators: `68 75`, `68:75`, `\x68\x75`.
fn hex(text: &str) -> View {
    let bytes = text.as_bytes();
    let mut view = View::default();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).map(u8::to_ascii_lowercase);
        match byte {
            b'0' | b'\\' if next == Some(b'x') => at += 1,
            _ if byte.is_ascii_hexdigit() => view.push(byte.to_ascii_lowercase(), at..at + 1),
            b':' | b'-' | b',' => {}
            _ if byte.is_ascii_whitespace() => {}
            _ => view.cut(at),
        }
        at += 1;
    }
    view
}

/// The digits in the output of `xxd`, `od` and `hexdump`: an address before each line, decoded
/// characters after the digits.
fn dump(text: &str) -> View {
    let mut view = View::default();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let is_hex = |word: &str| word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mut at = start;
        let mut words = 0;
        for word in line.split(' ') {
            let (from, length) = (at, word.len());
            at += length + 1;
            let word = word.trim_end();
            if words == 0 {
                words += usize::from(!word.is_empty());
                if !is_hex(word.trim_end_matches(':')) {
                    break;
                }
            } else if word.is_empty() {
                // `xxd` separates the decoded characters by two blanks; other tools have two blanks
                // in the middle of the digits.
                words += usize::from(words > 1) * 100;
            } else if is_hex(word) && (word.len() == 2 || word.len() == 4 && words < 100) {
                words += 1;
                for (index, digit) in word.bytes().enumerate() {
                    let place = from + index;
                    view.push(digit.to_ascii_lowercase(), place..place + 1);
                }
            } else {
                break;
            }
        }
        start += line.len();
    }
    view
}

/// The decoded percent-encoding, with the given meaning of `+`.
fn percent(text: &str, plus: u8) -> View {
    let bytes = text.as_bytes();
    let mut view = View::default();
    let mut at = 0;
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    while let Some(&byte) = bytes.get(at) {
        let coded = digit(at + 1).zip(digit(at + 2)).filter(|_| byte == b'%');
        let coded = coded.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        let length = if coded.is_some() { 3 } else { 1 };
        let plain = if byte == b'+' { plus } else { byte };
        view.push(coded.unwrap_or(plain), at..at + length);
        at += length;
    }
    view
}

/// The positions of a value, each once, by the algorithm of Knuth, Morris and Pratt.
fn occurrences(text: &[u8], value: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    if value.is_empty() {
        return found;
    }
    let mut back = vec![0; value.len()];
    let mut same = 0;
    for at in 1..value.len() {
        while same > 0 && value[at] != value[same] {
            same = back[same - 1];
        }
        same += usize::from(value[at] == value[same]);
        back[at] = same;
    }
    same = 0;
    for (at, byte) in text.iter().enumerate() {
        while same > 0 && (same == value.len() || *byte != value[same]) {
            same = back[same - 1];
        }
        same += usize::from(*byte == value[same]);
        if same == value.len() {
            found.push(at + 1 - same);
        }
    }
    found
}
