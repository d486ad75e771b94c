//! How things are worded: lengths, plurals, lists, and text that came from outside made harmless.
//!
//! No sentence of the program's own is here, only what all of them share.

/// The most characters of foreign text that a message repeats.
const SHORT: usize = 60;

/// Whether a character must never reach a terminal, a review or a file as itself: control,
/// bidirectional, invisible and line-separator characters.
pub fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
            | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Foreign text with its unsafe characters written as `\u{…}`; the only way such text is printed.
pub fn safe(text: &str) -> String {
    // Nearly every text is plain, and that is soonest told.
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

/// A message that may have lines of its own, each made harmless: what follows the first one is
/// indented, so that it cannot pass for another message.
pub fn safe_lines(text: &str) -> String {
    let line = |(number, line): (usize, &str)| match number {
        0 => safe(line),
        _ if line.starts_with("  ") => format!("\n{}", safe(line)),
        _ => format!("\n  {}", safe(line)),
    };
    text.lines().enumerate().map(line).collect()
}

/// Foreign text, safe and cut to a length that fits a message.
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

/// The candidate that a misspelt word most likely meant.
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    similar::get_close_matches(word, &candidates, 1, 0.7).into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_characters_are_written_out() {
        assert_eq!(safe("a\u{1b}[31m\u{202e}b"), "a\\u{1b}[31m\\u{202e}b");
    }

    #[test]
    fn lines_of_a_message_stay_lines_of_it() {
        assert_eq!(safe_lines("a\u{1b}\n  | b\nhint: c"), "a\\u{1b}\n  | b\n  hint: c");
    }

    #[test]
    fn close_words_are_suggested() {
        assert_eq!(did_you_mean("memroy", ["memory", "image"]), Some("memory"));
        assert_eq!(did_you_mean("xyz", ["memory", "image"]), None);
    }
}
