//! Environment files: `NAME=value` a line, as Docker and Compose read them, taken literally.
//!
//! Comments, `export`, quotes; no interpolation. Values are secrets: no error and no `Debug` ever
//! repeats a line. Reading the file is the shell's; who needs only the names takes
//! [`EnvFile::names`].

use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;

use super::problems::lines;

/// The variables of one file.
#[derive(Debug, Clone, Default)]
pub struct EnvFile {
    /// By name; where a name is given twice, the later one. `None`: the name alone is given, and
    /// its value is that of the variable of this name in bayplan's environment.
    pub variables: BTreeMap<String, Option<SecretString>>,
}

/// How the lines of a file are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As Compose reads them: quotes, escapes, comments after a value.
    Quoted,
    /// As Docker's client reads `--env-file`: what follows `=` is the value, whatever it is.
    Raw,
}

/// What begins the path of a file that is read raw, where paths are written: in references, in
/// the canonical form. A file that is really called so is `./raw:…`.
const RAW: &str = "raw:";

impl Format {
    /// A path as references write it.
    pub fn written(self, path: &str) -> String {
        match self {
            Self::Quoted => path.to_owned(),
            Self::Raw => format!("{RAW}{path}"),
        }
    }

    /// The path that is meant by what references write, and how the file is read.
    pub fn of(written: &str) -> (&str, Self) {
        match written.strip_prefix(RAW) {
            Some(path) => (path, Self::Raw),
            None => (written, Self::Quoted),
        }
    }
}

/// One line that is none of an environment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it, without its text.
    pub message: &'static str,
}

impl Fault {
    /// `PATH:LINE: what`, safe to print.
    pub fn in_file(&self, path: &str) -> String {
        format!("{}:{}: {}", crate::say::safe(path), self.line, self.message)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl EnvFile {
    /// Reads a whole file; all faults at once.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let all: Vec<&str> = lines(text).collect();
        let mut variables = BTreeMap::new();
        let mut faults = Vec::new();
        let mut at = 0;
        while let Some(line) = all.get(at) {
            let number = at + 1;
            at += 1;
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            let trimmed = exported(trimmed);
            let Some((name, rest)) = trimmed.split_once('=') else {
                match checked_name(trimmed) {
                    Ok(name) => drop(variables.insert(name, None)),
                    Err(message) => faults.push(Fault { line: number, message }),
                }
                continue;
            };
            let more = all.get(at..).unwrap_or_default();
            match (checked_name(name.trim_end()), value(rest.trim_start(), more)) {
                (Ok(name), Ok((value, taken))) => {
                    at += taken;
                    variables.insert(name, Some(SecretString::from(value)));
                }
                (Err(message), _) | (_, Err(message)) => {
                    faults.push(Fault { line: number, message });
                }
            }
        }
        if faults.is_empty() { Ok(Self { variables }) } else { Err(faults) }
    }

    /// Reads a whole file in this format.
    pub fn parse_as(text: &str, format: Format) -> Result<Self, Vec<Fault>> {
        match format {
            Format::Quoted => Self::parse(text),
            Format::Raw => Self::parse_raw(text),
        }
    }

    fn parse_raw(text: &str) -> Result<Self, Vec<Fault>> {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let mut variables = BTreeMap::new();
        let mut faults = Vec::new();
        for (line, text) in (1..).zip(text.split('\n')) {
            let text = text.strip_suffix('\r').unwrap_or(text).trim_start();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, Some(SecretString::from(value))),
                None => (text, None),
            };
            match checked_name(name) {
                Ok(name) => drop(variables.insert(name, value)),
                Err(message) => faults.push(Fault { line, message }),
            }
        }
        if faults.is_empty() { Ok(Self { variables }) } else { Err(faults) }
    }

    /// The names alone, sorted: all that planning needs.
    pub fn names(&self) -> Vec<String> {
        self.variables.keys().cloned().collect()
    }
}

fn exported(line: &str) -> &str {
    match line.strip_prefix("export") {
        Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start(),
        _ => line,
    }
}

fn checked_name(name: &str) -> Result<String, &'static str> {
    if name.is_empty() {
        return Err("expected a name before `=`, but found none");
    }
    if name.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '`'))
    {
        return Err("expected `NAME=value`, but found a name with blanks or quotes in it");
    }
    Ok(name.to_owned())
}

/// The value that begins with `rest`, and how many of the following lines belong to it.
fn value(rest: &str, more: &[&str]) -> Result<(String, usize), &'static str> {
    match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => quoted(quote, rest.get(1..).unwrap_or_default(), more),
        _ => Ok((unquoted(rest).to_owned(), 0)),
    }
}

/// Up to a `#` that follows a blank.
fn unquoted(rest: &str) -> &str {
    if rest.starts_with('#') {
        return "";
    }
    let end = rest.find(" #").into_iter().chain(rest.find("\t#")).min().unwrap_or(rest.len());
    rest.get(..end).unwrap_or(rest).trim_end()
}

/// In double quotes the usual escapes count, in single quotes only `\'`; both may span lines.
fn quoted(quote: char, rest: &str, more: &[&str]) -> Result<(String, usize), &'static str> {
    let mut out = String::new();
    for (taken, line) in std::iter::once(rest).chain(more.iter().copied()).enumerate() {
        if taken > 0 {
            out.push('\n');
        }
        let mut chars = line.chars();
        while let Some(character) = chars.next() {
            if character == quote {
                let tail = chars.as_str().trim_start();
                if !tail.is_empty() && !tail.starts_with('#') {
                    return Err("expected nothing after the closing quote, but found something");
                }
                return Ok((out, taken));
            }
            if character != '\\' {
                out.push(character);
                continue;
            }
            match (quote, chars.next()) {
                ('"', Some('n')) => out.push('\n'),
                ('"', Some('r')) => out.push('\r'),
                ('"', Some('t')) => out.push('\t'),
                ('"', Some(escaped @ ('"' | '\\' | '$'))) | ('\'', Some(escaped @ '\'')) => {
                    out.push(escaped);
                }
                (_, Some(other)) => out.extend(['\\', other]),
                (_, None) => out.push('\\'),
            }
        }
    }
    Err("expected a closing quote, but found the end of the file")
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn values(text: &str) -> Vec<(String, Option<String>)> {
        let file = EnvFile::parse(text).unwrap();
        let show = |value: SecretString| value.expose_secret().to_owned();
        file.variables.into_iter().map(|(name, value)| (name, value.map(show))).collect()
    }

    fn one(text: &str) -> String {
        let all = values(text);
        assert_eq!(all.len(), 1, "{text}");
        all.into_iter().next().unwrap().1.unwrap()
    }

    #[test]
    fn lines_are_read_as_compose_reads_them_but_taken_literally() {
        assert_eq!(one("A=b"), "b");
        assert_eq!(one("export A=b"), "b");
        assert_eq!(one("A = b c  "), "b c");
        assert_eq!(one("A="), "");
        assert_eq!(one("A=b=c"), "b=c");
        assert_eq!(one("A=b # note"), "b");
        assert_eq!(one("A=b#c"), "b#c");
        assert_eq!(one("A= # note"), "");
        assert_eq!(one(r#"A="b # c" # note"#), "b # c");
        assert_eq!(one(r#"A="a\nb\"\\\$x\q""#), "a\nb\"\\$x\\q");
        assert_eq!(one(r"A='a\nb\'c'"), r"a\nb'c");
        assert_eq!(one("A=$HOME/${X:-y}"), "$HOME/${X:-y}");
        assert_eq!(one("A=\"-----BEGIN\nKEY\n-----END\"\n# done"), "-----BEGIN\nKEY\n-----END");
        assert_eq!(one("\u{feff}A=b\r\n"), "b");
        assert_eq!(one("A=first\nA=second"), "second");
        assert_eq!(one("dotted.name-x=1"), "1");
    }

    #[test]
    fn raw_values_are_what_follows() {
        let text = "\u{feff}# note\r\n A=\"b\" # c \r\nB='\\n'\nC\nD=\n\nE=a=b\n";
        let file = EnvFile::parse_as(text, Format::Raw).unwrap();
        let show = |value: SecretString| value.expose_secret().to_owned();
        let values: Vec<_> =
            file.variables.into_iter().map(|(name, value)| (name, value.map(show))).collect();
        let some = |value: &str| Some(value.to_owned());
        assert_eq!(
            values,
            [
                ("A".to_owned(), some("\"b\" # c ")),
                ("B".to_owned(), some("'\\n'")),
                ("C".to_owned(), None),
                ("D".to_owned(), some("")),
                ("E".to_owned(), some("a=b")),
            ]
        );
        let faults = EnvFile::parse_as("=x\nA B=c\n", Format::Raw).unwrap_err();
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(Format::of(&Format::Raw.written("a.env")), ("a.env", Format::Raw));
        assert_eq!(Format::of("./raw:a"), ("./raw:a", Format::Quoted));
    }

    #[test]
    fn a_name_alone_is_the_environments() {
        assert_eq!(values("A\nexport B\n"), [("A".into(), None), ("B".into(), None)]);
    }

    #[test]
    fn faults_name_their_line_and_never_its_text() {
        let text = "GOOD=1\n=hunter2\nhunter2 hunter2\nA=\"hunter2\" hunter2\nB='hunter2\n";
        let faults = EnvFile::parse(text).unwrap_err();
        let shown: Vec<String> = faults.iter().map(|fault| fault.in_file("x.env")).collect();
        assert_eq!(shown.iter().map(|line| line.matches("hunter2").count()).sum::<usize>(), 0);
        insta::assert_snapshot!(shown.join("\n"), @"
        x.env:2: expected a name before `=`, but found none
        x.env:3: expected `NAME=value`, but found a name with blanks or quotes in it
        x.env:4: expected nothing after the closing quote, but found something
        x.env:5: expected a closing quote, but found the end of the file
        ");
        assert!(!format!("{:?}", EnvFile::parse("A=hunter2").unwrap()).contains("hunter2"));
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "[A-Z=\"'#\\\\ \n\r\t$é]{0,80}") {
            let _ = EnvFile::parse(&text);
        }
    }
}
