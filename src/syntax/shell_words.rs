//! Splits a command line into words, exactly as Python's `shlex.split`.
//!
//! Nothing is expanded: no variables, no globs, no comments.

/// Splits `text`; the error names the open quotation.
pub fn split(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    // `None` between words, so that `''` is a word and a blank is not.
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => {
                let escaped = rest.next().ok_or("no character after the last backslash")?;
                let kept = word.get_or_insert_default();
                // Between double quotes a backslash escapes only itself and the quote.
                if quote.is_some() && !matches!(escaped, '"' | '\\') {
                    kept.push('\\');
                }
                kept.push(escaped);
            }
            (None, ' ' | '\t' | '\r' | '\n') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    if quote.is_some() {
        return Err("no closing quotation");
    }
    words.extend(word);
    Ok(words)
}

/// Joins words so that they can be split again: a word with a special character is quoted.
pub fn join(words: &[&str]) -> String {
    let plain = |word: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte);
        !word.is_empty() && word.bytes().all(fits)
    };
    let quoted = |word: &&str| match *word {
        word if plain(word) => word.to_owned(),
        word => serde_json::Value::from(word).to_string(),
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{join, split};

    #[test]
    fn joined_words_can_be_told_apart() {
        assert_eq!(join(&["CMD", "pg_isready", "-U", "a b", ""]), r#"CMD pg_isready -U "a b" """#);
        assert_ne!(join(&["a", "b"]), join(&["a b"]));
        assert_ne!(join(&["\"a", "b\""]), join(&["a b"]));
    }

    /// The results of Python 3's `shlex.split` for these texts.
    const PYTHON: &[(&str, &[&str])] = &[
        ("", &[]),
        (" \t\n ", &[]),
        ("serve --port 8080", &["serve", "--port", "8080"]),
        ("sh -c 'echo \"a b\" $HOME'", &["sh", "-c", "echo \"a b\" $HOME"]),
        ("a'b'\"c\"d", &["abcd"]),
        ("'' a \"\"", &["", "a", ""]),
        (r"a\ b \'c", &["a b", "'c"]),
        (r#""a\"b\\c\d\$""#, &[r#"a"b\c\d\$"#]),
        (r"'a\b'", &[r"a\b"]),
        ("\"a\\\nb\" c\\\nd", &["a\\\nb", "c\nd"]),
        ("a # b", &["a", "#", "b"]),
        ("a;b|c > d", &["a;b|c", ">", "d"]),
        ("ä\u{a0}b", &["ä\u{a0}b"]),
        ("a\u{0b}b\u{0c}", &["a\u{0b}b\u{0c}"]),
    ];

    #[test]
    fn words_are_those_of_python() {
        for (text, words) in PYTHON {
            assert_eq!(split(text).as_deref(), Ok(words.map_owned().as_slice()), "{text:?}");
        }
    }

    #[test]
    fn an_open_end_is_an_error() {
        assert_eq!(split("a 'b"), Err("no closing quotation"));
        assert_eq!(split("a \"b\\\""), Err("no closing quotation"));
        assert_eq!(split("a \\"), Err("no character after the last backslash"));
        assert_eq!(split("\"a\\"), Err("no character after the last backslash"));
    }

    trait MapOwned {
        fn map_owned(&self) -> Vec<String>;
    }
    impl MapOwned for &[&str] {
        fn map_owned(&self) -> Vec<String> {
            self.iter().map(|&word| word.to_owned()).collect()
        }
    }
}
