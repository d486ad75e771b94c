//! Environment files: one `NAME=value` a line, as Docker and Compose read them.
//!
//! Comments, `export`, quotes, escapes and `${NAME}` are supported. Values are secrets: no error
//! and no `Debug` output repeats a line, and only names with a value are shown. The caller reads
//! the file and knows the environment; variables in values are handled in [`super::template`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

use super::problems::lines;
use super::template::{Invalid, Lack, Seen, Template};

/// The variables of one file.
#[derive(Clone, Default)]
pub struct EnvFile {
    /// The variables in the order of the file; a later variable with the same name wins.
    variables: Vec<Variable>,
}

/// One variable, on one line or on several lines with quotes.
#[derive(Clone)]
struct Variable {
    name: String,
    line: usize,
    value: Value,
}

#[derive(Clone)]
enum Value {
    /// A name without value: the variable has the value of bayplan's environment.
    Inherited,
    /// A literal value.
    Literal(SecretString),
    /// A value with variables, in the file's notation.
    Template(SecretString),
}

/// The value of an unset variable within another value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unset {
    /// The other variable has no value either.
    Missing,
    /// An empty text, as in Compose; a name without value is omitted.
    Empty,
}

/// The resolved variables of a file.
#[derive(Default)]
pub struct Resolved {
    /// The values by name.
    pub values: BTreeMap<String, SecretString>,
    /// For unresolved variables, the line that uses an unset variable.
    pub lacking: BTreeMap<String, usize>,
    /// The lines that use an unset variable, with the name of the unset variable.
    pub unset: BTreeSet<(usize, String)>,
}

/// The notation of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Compose's notation: quotes, escapes, comments after a value, variables.
    Quoted,
    /// The notation of Docker's `--env-file`: the text after `=` is the value.
    Raw,
}

/// The prefix for a raw file in references and in the canonical form. A path that really begins
/// with the prefix is written as `./raw:…`.
const RAW: &str = "raw:";

/// The largest total size of the values in a file, in bytes.
const MOST_BYTES: usize = 4 << 20;

/// All faults of a text with variables.
const TEMPLATE: [Invalid; 4] = [Invalid::NoName, Invalid::NoEnd, Invalid::NoWay, Invalid::TooDeep];
const NEEDED: &str = "expected the variable that the value needs to be set, but it is not";
const TOO_MUCH: &str = "expected at most 4 MiB of values, but they come to more";
const NO_VARIABLE: &str = "expected `NAME=value`, but found something else";
const UNSET: &str = "expected `NAME=value`, or the name of a variable that is set";

impl Format {
    /// A path in the notation of references.
    pub fn written(self, path: &str) -> String {
        match self {
            Self::Quoted => path.to_owned(),
            Self::Raw => format!("{RAW}{path}"),
        }
    }

    /// The path and the notation in a reference.
    pub fn of(written: &str) -> (&str, Self) {
        match written.strip_prefix(RAW) {
            Some(path) => (path, Self::Raw),
            None => (written, Self::Quoted),
        }
    }
}

/// An invalid line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The number of the line, from 1.
    pub line: usize,
    /// The fault, without the text of the line.
    pub message: &'static str,
}

impl Fault {
    /// The fault with its place, `PATH:LINE: what`, safe to print.
    pub fn in_file(&self, path: &str) -> String {
        format!("{}:{}: {}", crate::base::say::safe(path), self.line, self.message)
    }

    /// A hint to the user, if the message needs a hint.
    pub fn hint(&self) -> Option<&'static str> {
        match self.message {
            message if TEMPLATE.iter().any(|one| one.message() == message) => Some(
                "a dollar sign that is meant as itself is `$$`, or stands in single quotes; \
                 `format: raw` takes every line as it is",
            ),
            UNSET => Some("set it, or write `NAME: {from_env: NAME}` under `environment`"),
            _ => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// The names may be any text, so `Debug` omits them.
impl fmt::Debug for EnvFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnvFile({} variables)", self.variables.len())
    }
}

impl EnvFile {
    /// Parses a file; gives all faults at once.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        Self::parse_named(text, is_name)
    }

    /// Parses a label file, whose names may contain slashes.
    pub fn parse_labels(text: &str) -> Result<Self, Vec<Fault>> {
        Self::parse_named(text, is_label)
    }

    fn parse_named(text: &str, fits: fn(&str) -> bool) -> Result<Self, Vec<Fault>> {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let all: Vec<&str> = lines(text).collect();
        let mut variables = Vec::new();
        let mut faults = Vec::new();
        let mut at = 0;
        while let Some(text) = all.get(at) {
            at += 1;
            let (line, trimmed) = (at, text.trim());
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            let (name, rest) = split(exported(trimmed));
            let more = all.get(at..).unwrap_or_default();
            let value = match rest {
                None => Ok((Value::Inherited, 0)),
                Some(rest) => value(rest.trim_start(), more),
            };
            match value {
                _ if !fits(name) => faults.push(Fault { line, message: no_name(name) }),
                Err(message) => faults.push(Fault { line, message }),
                Ok((value, taken)) => {
                    at += taken;
                    variables.push(Variable { name: name.to_owned(), line, value });
                }
            }
        }
        if faults.is_empty() { Ok(Self { variables }) } else { Err(faults) }
    }

    /// Parses a file in a given notation.
    pub fn parse_as(text: &str, format: Format) -> Result<Self, Vec<Fault>> {
        match format {
            Format::Quoted => Self::parse(text),
            Format::Raw => Self::parse_raw(text),
        }
    }

    fn parse_raw(text: &str) -> Result<Self, Vec<Fault>> {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let mut variables = Vec::new();
        let mut faults = Vec::new();
        for (line, text) in (1..).zip(text.split('\n')) {
            let text = text.strip_suffix('\r').unwrap_or(text).trim_start();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, Value::Literal(SecretString::from(value))),
                None => (text.trim_end(), Value::Inherited),
            };
            if is_name(name) {
                variables.push(Variable { name: name.to_owned(), line, value });
            } else {
                faults.push(Fault { line, message: no_name(name) });
            }
        }
        if faults.is_empty() { Ok(Self { variables }) } else { Err(faults) }
    }

    /// The lines with only a name that `is_set` does not know; such a line may not be a name at
    /// all.
    pub fn unset(&self, is_set: impl Fn(&str) -> bool) -> Vec<Fault> {
        let alone = self.variables.iter().filter(|one| matches!(one.value, Value::Inherited));
        let unset = alone.filter(|one| !is_set(&one.name));
        unset.map(|one| Fault { line: one.line, message: UNSET }).collect()
    }

    /// The file without the lines with only a name that `is_set` does not know: Compose ignores
    /// such lines.
    #[must_use]
    pub fn without_unset(mut self, is_set: impl Fn(&str) -> bool) -> Self {
        self.variables.retain(|one| !matches!(one.value, Value::Inherited) || is_set(&one.name));
        self
    }

    /// The sorted names, which are enough for planning.
    pub fn names(&self) -> Vec<String> {
        let names: BTreeSet<&String> = self.variables.iter().map(|one| &one.name).collect();
        names.into_iter().cloned().collect()
    }

    /// The values, with the environment in `lookup`: the environment has precedence over earlier
    /// lines of the file, as in Compose.
    pub fn resolve(
        &self,
        unset: Unset,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Resolved, Fault> {
        let mut resolved = Resolved::default();
        let mut room = MOST_BYTES;
        for Variable { name, line, value } in &self.variables {
            let found = match value {
                Value::Inherited => lookup(name).map(SecretString::from),
                Value::Literal(text) => Some(text.clone()),
                Value::Template(text) => {
                    let known = |name: &str| {
                        let before = || resolved.values.get(name);
                        lookup(name)
                            .or_else(|| before().map(|value| value.expose_secret().to_owned()))
                    };
                    let (value, without) = filled(text.expose_secret(), &known, unset)
                        .map_err(|message| Fault { line: *line, message })?;
                    resolved.unset.extend(without.into_iter().map(|name| (*line, name)));
                    value
                }
            };
            let length = found.as_ref().map_or(0, |value| value.expose_secret().len());
            room = room.checked_sub(length).ok_or(Fault { line: *line, message: TOO_MUCH })?;
            resolved.values.remove(name);
            resolved.lacking.remove(name);
            if let Some(value) = found {
                resolved.values.insert(name.clone(), value);
            } else if unset == Unset::Missing || !matches!(value, Value::Inherited) {
                resolved.lacking.insert(name.clone(), *line);
            }
        }
        Ok(resolved)
    }

    /// The labels in a label file: every line has a value, and no value has a variable.
    pub fn labels(&self) -> Result<BTreeMap<String, SecretString>, Vec<Fault>> {
        let mut faults = self.unset(|_| false);
        for fault in &mut faults {
            fault.message = NO_VARIABLE;
        }
        let takes = "expected a label, but found one that takes a variable";
        let taking = self.variables.iter().filter(|one| matches!(&one.value, Value::Template(_)));
        faults.extend(taking.map(|one| Fault { line: one.line, message: takes }));
        faults.sort_by_key(|fault| fault.line);
        if !faults.is_empty() {
            return Err(faults);
        }
        self.resolve(Unset::Missing, |_| None)
            .map(|resolved| resolved.values)
            .map_err(|fault| vec![fault])
    }
}

/// A text with its variables replaced, `None` if a value is missing; also the unset names.
fn filled(
    text: &str,
    known: &dyn Fn(&str) -> Option<String>,
    unset: Unset,
) -> Result<(Option<SecretString>, Vec<String>), &'static str> {
    let template = Template::parse(text).map_err(Invalid::message)?;
    let mut seen = Seen::default();
    let value = match template.fill(known, &mut seen) {
        Err(Lack::TooLong) => return Err(TOO_MUCH),
        Err(Lack::Needed { .. }) if unset == Unset::Empty => return Err(NEEDED),
        Err(Lack::Needed { .. }) => None,
        Ok(_) if unset == Unset::Missing && !seen.unset.is_empty() => None,
        Ok(value) => Some(SecretString::from(value)),
    };
    Ok((value, seen.unset))
}

fn exported(line: &str) -> &str {
    match line.strip_prefix("export") {
        Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start(),
        _ => line,
    }
}

/// The name and the value: separated by `=`, or by a colon with a blank as in YAML.
fn split(line: &str) -> (&str, Option<&str>) {
    let equals = line.find('=');
    let colon = line.match_indices(':').map(|(at, _)| at).find(|at| {
        line.get(at + 1..).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
    });
    let Some(at) = equals.into_iter().chain(colon).min() else { return (line, None) };
    (line.get(..at).unwrap_or_default().trim_end(), line.get(at + 1..))
}

/// The fault of an invalid name.
fn no_name(name: &str) -> &'static str {
    let strange = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '`');
    if name.is_empty() {
        "expected a name before `=`, but found none"
    } else if name.contains(strange) {
        "expected `NAME=value`, but found a name with blanks or quotes in it"
    } else {
        NO_VARIABLE
    }
}

/// Whether a name may be shown: an invalid name may be a part of a secret.
fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.-[]".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && name.chars().all(fits)
}

fn is_label(name: &str) -> bool {
    name.split('/').all(|part| !part.is_empty()) && is_name(&name.replace('/', "."))
}

/// The value that begins with `rest`, and the number of further lines of the value.
fn value(rest: &str, more: &[&str]) -> Result<(Value, usize), &'static str> {
    match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let (text, taken) = quoted(quote, rest.get(1..).unwrap_or_default(), more)?;
            let value = match quote {
                '"' => taking(&escapes(&text))?,
                _ => Value::Literal(SecretString::from(text)),
            };
            Ok((value, taken))
        }
        _ => Ok((taking(unquoted(rest))?, 0)),
    }
}

/// A text that may contain variables.
fn taking(text: &str) -> Result<Value, &'static str> {
    let template = Template::parse(text).map_err(Invalid::message)?;
    if template.is_literal() {
        let text = template.fill(&|_| None, &mut Seen::default()).unwrap_or_default();
        return Ok(Value::Literal(SecretString::from(text)));
    }
    Ok(Value::Template(SecretString::from(text)))
}

/// The text before a `#` with a blank before it; a `#` at the beginning belongs to the value.
fn unquoted(rest: &str) -> &str {
    rest.split(" #").next().unwrap_or(rest).trim_end()
}

/// The text up to the closing quote, which a backslash may escape; a quoted text may span lines.
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
            match (character, chars.as_str().chars().next()) {
                ('\\', Some(next)) => {
                    chars.next();
                    if next != quote {
                        out.push('\\');
                    }
                    out.push(next);
                }
                _ => out.push(character),
            }
        }
    }
    Err("expected a closing quote, but found the end of the file")
}

/// Resolves the escapes of double quotes. A dollar sign is doubled, in the notation of
/// [`Template`].
fn escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let octal = after.get(..4).filter(|digits| digits.starts_with('0'));
        let octal = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some(byte) = octal {
            out.push(char::from(byte));
            rest = after.get(4..).unwrap_or_default();
            continue;
        }
        let mut chars = after.chars();
        match chars.next() {
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{C}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('v') => out.push('\u{B}'),
            Some('$') => out.push_str("$$"),
            Some(escaped @ ('"' | '\\')) => out.push(escaped),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
        rest = chars.as_str();
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(values: BTreeMap<String, SecretString>) -> Vec<(String, String)> {
        let show = |value: SecretString| value.expose_secret().to_owned();
        values.into_iter().map(|(name, value)| (name, show(value))).collect()
    }

    fn around(name: &str) -> Option<String> {
        ["HOME", "EMPTY"]
            .contains(&name)
            .then(|| if name == "HOME" { "/root".into() } else { String::new() })
    }

    fn values(text: &str) -> Vec<(String, String)> {
        shown(EnvFile::parse(text).unwrap().resolve(Unset::Missing, around).unwrap().values)
    }

    fn one(text: &str) -> String {
        let all = values(text);
        assert_eq!(all.len(), 1, "{text}");
        all.into_iter().next().unwrap().1
    }

    #[test]
    fn lines_are_read_as_compose_reads_them() {
        for (text, value) in [
            ("A=b", "b"),
            ("export A=b", "b"),
            ("export\tA=b", "b"),
            ("A = b c  ", "b c"),
            ("A=", ""),
            ("A=b=c", "b=c"),
            ("A=b # note", "b"),
            ("A=b#c", "b#c"),
            ("A=b\t# note", "b\t# note"),
            ("A=#s3cret", "#s3cret"),
            ("A= # note", "# note"),
            ("A=#", "#"),
            ("A=# note # more", "# note"),
            ("A: b", "b"),
            ("A: b=c", "b=c"),
            ("A=b: c", "b: c"),
            (r#"A="b # c" # note"#, "b # c"),
            (r#"A="a\nb\"\\\$x\q""#, "a\nb\"\\$x\\q"),
            (r#"A="\a\b\f\r\t\v\0101\012""#, "\u{7}\u{8}\u{c}\r\t\u{b}A\\012"),
            (r#"A="\\n""#, r"\n"),
            (r"A='a\nb\'c'", r"a\nb'c"),
            (r"A='$HOME ${A}'", "$HOME ${A}"),
            (r"A=a\nb", r"a\nb"),
            ("A=\"-----BEGIN\nKEY\n-----END\"\n# done", "-----BEGIN\nKEY\n-----END"),
            ("\u{feff}A=b\r\n", "b"),
            ("A=first\nA=second", "second"),
            ("dotted.name-x=1", "1"),
            ("A=\"$HOME\"", "/root"),
            ("A=$HOME/${X:-y}", "/root/y"),
            ("A=$$HOME", "$HOME"),
        ] {
            assert_eq!(one(text), value, "{text}");
        }
    }

    #[test]
    fn values_take_the_environment_and_what_stands_before() {
        let text =
            "A=1\nB=${A}-$A-${HOME}\nHOME=here\nC=$HOME\nA=2\nD=${A}\nE=${EMPTY-x}${EMPTY:-y}";
        let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            values(text),
            [
                named("A", "2"),
                named("B", "1-1-/root"),
                named("C", "/root"),
                named("D", "2"),
                named("E", "y"),
                named("HOME", "here"),
            ]
        );
        let blank = EnvFile::parse("A=$B-${HOME}\nF\nC=5$ $5 $\n1D=d\n").unwrap();
        let blank = blank.resolve(Unset::Empty, around).unwrap();
        assert!(blank.lacking.is_empty());
        let all = [named("1D", "d"), named("A", "-/root"), named("C", "5$ $5 $")];
        assert_eq!(shown(blank.values), all);
        let needed = EnvFile::parse("A=${B:?why}\n").unwrap().resolve(Unset::Empty, around);
        assert_eq!(needed.err().map(|fault| fault.line), Some(1));
        let file = EnvFile::parse("A=$B\nB=1\nC=${D?say it}\nE=$A\nF\nA=$NONE\nA=3\n").unwrap();
        let resolved = file.resolve(Unset::Missing, around).unwrap();
        let lacking: Vec<_> = resolved.lacking.into_iter().collect();
        assert_eq!(lacking, [("C".to_owned(), 3), ("E".to_owned(), 4), ("F".to_owned(), 5)]);
        assert_eq!(shown(resolved.values), [named("A", "3"), named("B", "1")]);
    }

    #[test]
    fn values_that_double_and_double_come_to_an_end() {
        use std::fmt::Write as _;
        let mut text = "A0=0123456789\n".to_owned();
        for number in 1..60 {
            let before = number - 1;
            let _ = writeln!(text, "A{number}=${{A{before}}}${{A{before}}}");
        }
        let fault = EnvFile::parse(&text).unwrap().resolve(Unset::Missing, |_| None).err().unwrap();
        assert!(fault.line < 25 && fault.message.contains("4 MiB"), "{fault}");
    }

    #[test]
    fn raw_values_are_what_follows() {
        let text = "\u{feff}# note\r\n A=\"b\" # c \r\nB='\\n'\nHOME\nD=\n\nE=a=${b}\n";
        let file = EnvFile::parse_as(text, Format::Raw).unwrap();
        let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            shown(file.resolve(Unset::Missing, around).unwrap().values),
            [
                named("A", "\"b\" # c "),
                named("B", "'\\n'"),
                named("D", ""),
                named("E", "a=${b}"),
                named("HOME", "/root"),
            ]
        );
        let faults = EnvFile::parse_as("=x\nA B=c\n", Format::Raw).unwrap_err();
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(Format::of(&Format::Raw.written("a.env")), ("a.env", Format::Raw));
        assert_eq!(Format::of("./raw:a"), ("./raw:a", Format::Quoted));
    }

    #[test]
    fn a_name_alone_is_the_environments() {
        assert_eq!(values("HOME\nexport EMPTY").len(), 2);
        let file = EnvFile::parse("HOME\nhunter2\nA=1\nexport hunter3\n").unwrap();
        let faults = file.unset(|name| around(name).is_some());
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 4]);
        assert!(faults.iter().all(|fault| !fault.in_file("x").contains("hunter")));
    }

    #[test]
    fn faults_name_their_line_and_never_its_text() {
        let text = "GOOD=1\n=hunter2\nhunter2 hunter2\nA=\"hunter2\" hunter2\nA=hunter2${}\n\
            A=${hunter2\nA=${hunter2!}\nroot:hunter2:0:\nhunter2/+==\n-----BEGIN=hunter2\nhunter2€=1\n\
            B='hunter2\n";
        let faults = EnvFile::parse(text).unwrap_err();
        let shown: Vec<String> = faults.iter().map(|fault| fault.in_file("x.env")).collect();
        assert_eq!(shown.iter().map(|line| line.matches("hunter2").count()).sum::<usize>(), 0);
        insta::assert_snapshot!(shown.join("\n"), @"
        x.env:2: expected a name before `=`, but found none
        x.env:3: expected `NAME=value`, but found a name with blanks or quotes in it
        x.env:4: expected nothing after the closing quote, but found something
        x.env:5: expected the name of a variable after `${`, but found none
        x.env:6: expected `}` after `${`, but found none
        x.env:7: expected `:-`, `-`, `:+`, `+`, `:?` or `?` after the name in `${…}`
        x.env:8: expected `NAME=value`, but found something else
        x.env:9: expected `NAME=value`, but found something else
        x.env:10: expected `NAME=value`, but found something else
        x.env:11: expected `NAME=value`, but found something else
        x.env:12: expected a closing quote, but found the end of the file
        ");
        assert!(!format!("{:?}", EnvFile::parse("hunter2=hunter2").unwrap()).contains("hunter2"));
    }

    #[test]
    fn labels_have_values_and_take_nothing() {
        let read = |text: &str| EnvFile::parse_labels(text).and_then(|file| file.labels());
        let labels = read("a/b.c=1\nprice='5$'\nx[0]=\n").unwrap();
        let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(shown(labels), [named("a/b.c", "1"), named("price", "5$"), named("x[0]", "")]);
        let lines =
            |text: &str| read(text).unwrap_err().iter().map(|fault| fault.line).collect::<Vec<_>>();
        assert_eq!(lines("a=1\nhunter2\nb=${HOME}\nc=$HOME\nd=x\n"), [2, 3, 4]);
        assert_eq!(lines("/a=1\na//b=1\n"), [1, 2]);
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "[A-Z=\"'#\\\\ \n\r\t$é{}:?0-]{0,80}") {
            if let Ok(file) = EnvFile::parse(&text) {
                let _ = file.resolve(Unset::Empty, around);
            }
        }
    }
}
