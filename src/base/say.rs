//! Helpers for messages: lengths, plurals, lists, and foreign text made safe.
//!
//! The messages themselves are in other modules.

/// How many characters of foreign text a message repeats.
const SHORT: usize = 60;

/// The invisible characters and the characters that move their neighbours, besides control
/// characters. The list has Unicode's categories Cf, Zl, Zp and Co, `Default_Ignorable_Code_Point`,
/// noncharacters, and the Braille blank. Sorted.
const INVISIBLE: &[(char, char)] = &[
    ('\u{AD}', '\u{AD}'),
    ('\u{34F}', '\u{34F}'),
    ('\u{600}', '\u{605}'),
    ('\u{61C}', '\u{61C}'),
    ('\u{6DD}', '\u{6DD}'),
    ('\u{70F}', '\u{70F}'),
    ('\u{890}', '\u{891}'),
    ('\u{8E2}', '\u{8E2}'),
    ('\u{115F}', '\u{1160}'),
    ('\u{17B4}', '\u{17B5}'),
    ('\u{180B}', '\u{180F}'),
    ('\u{200B}', '\u{200F}'),
    ('\u{2028}', '\u{202E}'),
    ('\u{2060}', '\u{206F}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{E000}', '\u{F8FF}'),
    ('\u{FDD0}', '\u{FDEF}'),
    ('\u{FE00}', '\u{FE0F}'),
    ('\u{FEFF}', '\u{FEFF}'),
    ('\u{FFA0}', '\u{FFA0}'),
    ('\u{FFF0}', '\u{FFFB}'),
    ('\u{FFFE}', '\u{FFFF}'),
    ('\u{110BD}', '\u{110BD}'),
    ('\u{110CD}', '\u{110CD}'),
    ('\u{13430}', '\u{1343F}'),
    ('\u{1BCA0}', '\u{1BCA3}'),
    ('\u{1D173}', '\u{1D17A}'),
    ('\u{1FFFE}', '\u{1FFFF}'),
    ('\u{2FFFE}', '\u{2FFFF}'),
    ('\u{3FFFE}', '\u{3FFFF}'),
    ('\u{4FFFE}', '\u{4FFFF}'),
    ('\u{5FFFE}', '\u{5FFFF}'),
    ('\u{6FFFE}', '\u{6FFFF}'),
    ('\u{7FFFE}', '\u{7FFFF}'),
    ('\u{8FFFE}', '\u{8FFFF}'),
    ('\u{9FFFE}', '\u{9FFFF}'),
    ('\u{AFFFE}', '\u{AFFFF}'),
    ('\u{BFFFE}', '\u{BFFFF}'),
    ('\u{CFFFE}', '\u{CFFFF}'),
    ('\u{DFFFE}', '\u{DFFFF}'),
    ('\u{E0000}', '\u{E0FFF}'),
    ('\u{EFFFE}', '\u{10FFFF}'),
];

/// Whether a character must be escaped in a terminal, a review or a file: control, bidirectional,
/// invisible and line-separator characters.
pub fn is_unsafe(character: char) -> bool {
    let at = INVISIBLE.partition_point(|(_, last)| *last < character);
    character.is_control() || INVISIBLE.get(at).is_some_and(|(first, _)| *first <= character)
}

/// Foreign text with its unsafe characters as `\u{…}`; foreign text is printed in no other way.
pub fn safe(text: &str) -> String {
    // Nearly every text is plain, and this test is the fastest.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unsafe(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

/// A message of several lines, each line made safe. Later lines are indented, so that no line looks
/// like another message.
pub fn safe_lines(text: &str) -> String {
    let line = |(number, line): (usize, &str)| match number {
        0 => safe(line),
        _ if line.starts_with("  ") => format!("\n{}", safe(line)),
        _ => format!("\n  {}", safe(line)),
    };
    text.lines().enumerate().map(line).collect()
}

/// Foreign text, made safe and cut to a short length.
pub fn short(text: &str) -> String {
    match text.char_indices().nth(SHORT) {
        Some((end, _)) => format!("{}…", safe(&text[..end])),
        None => safe(text),
    }
}

/// `1 container`, `3 containers`.
pub fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// A duration from milliseconds: `0.2 s`, `12.3 s`, `3 min 4 s`, `2 h 5 min`.
pub fn lasted(millis: u64) -> String {
    let tenths = millis.saturating_add(50) / 100;
    let seconds = tenths / 10;
    match seconds {
        0..60 => format!("{seconds}.{} s", tenths % 10),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// How many similar things a message lists.
pub const MOST: usize = 100;

/// The words about the things beyond [`MOST`], if there are any.
pub fn more(all: usize) -> Option<String> {
    let more = all.checked_sub(MOST).filter(|more| *more > 0)?;
    Some(format!("and {more} more like these"))
}

/// Lines for the first [`MOST`] things, and a line for the rest.
pub fn listed<T>(all: &[T], line: impl Fn(&T) -> String) -> String {
    let first = all.iter().take(MOST).map(line);
    let rest = more(all.len()).map(|more| format!("  {more}"));
    first.chain(rest).collect::<Vec<_>>().join("\n")
}

/// The longest known word, in bytes.
const LONGEST_WORD: usize = 64;
/// The number of candidates above which no suggestion is made.
const MOST_CANDIDATES: usize = 1_000;

/// The best candidate for a misspelt word.
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.len() > LONGEST_WORD {
        return None;
    }
    let all = candidates.into_iter().take(MOST_CANDIDATES + 1);
    let candidates: Vec<&str> = all.filter(|one| one.len() <= LONGEST_WORD).collect();
    if candidates.len() > MOST_CANDIDATES {
        return None;
    }
    similar::get_close_matches(word, &candidates, 1, 0.7).into_iter().next()
}

/// `` `a`, `b` or `c` ``.
pub fn or(words: &[&str]) -> String {
    joined(words, "or")
}

/// The words in a list, with `link` before the last word.
pub fn joined(words: &[&str], link: &str) -> String {
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => format!("`{last}`"),
        Some((last, rest)) => format!("`{}` {link} `{last}`", rest.join("`, `")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_characters_are_written_out() {
        assert_eq!(safe("a\u{1b}[31m\u{202e}b"), "a\\u{1b}[31m\\u{202e}b");
    }

    #[test]
    fn what_unicode_calls_invisible_is_unsafe() {
        use unicode_general_category::{GeneralCategory as Category, get_general_category};
        assert!(INVISIBLE.windows(2).all(|pair| pair[0].1 < pair[1].0), "out of order");
        for character in '\0'..=char::MAX {
            let hidden = matches!(
                get_general_category(character),
                Category::Format
                    | Category::Control
                    | Category::LineSeparator
                    | Category::ParagraphSeparator
                    | Category::PrivateUse
            );
            let is_none = u32::from(character) & 0xFFFE == 0xFFFE;
            let fits = !(hidden || is_none) || is_unsafe(character);
            assert!(fits, "{}", character.escape_unicode());
        }
        for plain in ['a', ' ', '\u{A0}', 'é', '日', '🐳', '\u{FFFD}', '–', '…', '«'] {
            assert!(!is_unsafe(plain), "{plain}");
        }
    }

    #[test]
    fn lines_of_a_message_stay_lines_of_it() {
        assert_eq!(safe_lines("a\u{1b}\n  | b\nhint: c"), "a\\u{1b}\n  | b\n  hint: c");
    }

    #[test]
    fn times_are_told_as_long_as_they_are() {
        for (millis, told) in [
            (0, "0.0 s"),
            (49, "0.0 s"),
            (50, "0.1 s"),
            (12_345, "12.3 s"),
            (59_949, "59.9 s"),
            (59_950, "1 min 0 s"),
            (3_599_000, "59 min 59 s"),
            (7_500_000, "2 h 5 min"),
        ] {
            assert_eq!(lasted(millis), told, "{millis}");
        }
        assert!(lasted(u64::MAX).ends_with(" min"));
    }

    #[test]
    fn close_words_are_suggested() {
        assert_eq!(did_you_mean("memroy", ["memory", "image"]), Some("memory"));
        assert_eq!(did_you_mean("xyz", ["memory", "image"]), None);
    }
}
