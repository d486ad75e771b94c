//! Parses YAML, and JSON as a part of YAML, into a tree that keeps the original scalars.
//!
//! `no` is a text, `1.50` is a number with these digits, and `0440` and `22:22` are texts. The
//! meaning of the tree is in [`crate::spec::read`]. No other file names the parser crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};

use super::node::{Entry, Kind, Node, Place, Problem, Problems};
use super::yaml_go;
use crate::base::say;

/// The largest spec or environment file, in bytes: enough for ten thousand sets, and small enough
/// to read completely.
pub const MOST_BYTES: usize = 5 << 20;
/// The deepest nesting; a spec needs about six levels.
const MOST_DEPTH: usize = 32;
/// The largest number of nodes, with aliases expanded.
const MOST_NODES: usize = 100_000;
/// A large file may have more nodes: one node for this number of bytes, which is more than people
/// write.
const NODE: usize = 8;

/// The largest number of documents in a Compose file.
const MOST_DOCUMENTS: usize = 100;

/// The text of a file before parsing: not too large, valid UTF-8, without a byte order mark and
/// without binary data.
///
/// The problem has the place of the first invalid byte.
pub fn text(bytes: &[u8]) -> Result<&str, Problem> {
    let problem = |place, message: String, hint: &str| Problem {
        place,
        message,
        hint: (!hint.is_empty()).then(|| hint.to_owned()),
    };
    if bytes.len() > MOST_BYTES {
        return Err(too_large());
    }
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        let message = "expected UTF-8, but found UTF-16".to_owned();
        return Err(problem(Place { line: 1, column: 1 }, message, "save the file as UTF-8"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let before = std::str::from_utf8(valid).unwrap_or_default();
        let message = "expected UTF-8, but found bytes that are none".to_owned();
        problem(place_after(before), message, "save the file as UTF-8")
    })?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let strange =
        |found: char| found.is_control() && !matches!(found, '\n' | '\r' | '\t' | '\u{85}');
    if let Some((at, found)) = text.char_indices().find(|(_, found)| strange(*found)) {
        let message =
            format!("expected text, but found the control character {}", found.escape_unicode());
        let before = text.get(..at).unwrap_or_default();
        return Err(problem(
            place_after(before),
            message,
            "in double quotes, write it as an escape",
        ));
    }
    Ok(text)
}

fn too_large() -> Problem {
    Problem {
        place: Place::default(),
        message: format!("expected at most {MOST_BYTES} bytes, but it is longer"),
        hint: Some("is it the right file?".into()),
    }
}

/// Reads one YAML or JSON document without any problems.
pub fn parse(text: &str) -> Result<Node, Vec<Problem>> {
    let (node, problems) = tree(text).map_err(|problem| vec![problem])?;
    if problems.is_empty() { Ok(node) } else { Err(problems) }
}

/// Reads one YAML or JSON document.
///
/// A syntax error ends the reading. Keys that are duplicate or no texts are omitted and reported
/// beside the tree, so that the rest can be checked for further problems.
pub fn tree(text: &str) -> Result<(Node, Vec<Problem>), Problem> {
    let (mut all, problems) = read(text, Dialect::Spec, 1)?;
    Ok((all.remove(0).root, problems))
}

/// Reads the documents of a file by Compose's rules, with Compose's merge tags: at least one. To
/// Compose, every document is a file of its own.
pub fn compose(text: &str) -> Result<(Vec<Tree>, Vec<Problem>), Problem> {
    match read(text, Dialect::Compose, 1) {
        Err(_) if has_more(text) => read(text, Dialect::Compose, MOST_DOCUMENTS),
        one => one,
    }
}

/// Whether a text has several documents, and something in each.
fn has_more(text: &str) -> bool {
    let says = |line: &str| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with(['#', '%']) && line != "..."
    };
    let (mut more, mut said) = (false, None);
    for line in super::problems::lines(text) {
        if let Some(rest) = line.strip_prefix("---") {
            // Nothing need stand before the first document.
            if said == Some(false) {
                return false;
            }
            more |= said.is_some();
            said = Some(says(rest));
        } else if says(line) {
            said = Some(true);
        }
    }
    more && said == Some(true)
}

/// A document with the tags of its nodes.
#[derive(Debug)]
pub struct Tree {
    /// The document.
    pub root: Node,
    /// The tags, by the place of their nodes.
    pub tags: BTreeMap<Place, Tag>,
}

/// A Compose tag, which controls the merging with other files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// `!reset`: removes the value of earlier files.
    Reset,
    /// `!override`: replaces the value of earlier files.
    Override,
    /// No written tag: the value is a date, which Compose refuses.
    Date,
}

/// The dialect of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// A bayplan spec: scalars keep their notation, and there are no tags.
    Spec,
    /// A Compose file: scalars are read as in Go.
    Compose,
}

/// Reads one document, or all up to a number of documents.
fn read(text: &str, dialect: Dialect, most: usize) -> Result<(Vec<Tree>, Vec<Problem>), Problem> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if text.len() > MOST_BYTES {
        return Err(too_large());
    }
    let options = options(text.len(), dialect, most);
    let raw: Result<Vec<Spanned<Raw>>, _> = if most == 1 {
        serde_saphyr::from_str_with_options(text, options).map(|one| vec![one])
    } else {
        serde_saphyr::from_multiple_with_options(text, options)
    };
    let mut problems = Problems::default();
    let mut all = Vec::new();
    for raw in raw.map_err(|error| problem_of(&error))? {
        let tags = BTreeMap::new();
        let mut converter = Converter { text, dialect, tags, problems: &mut problems };
        let root = converter.node(raw);
        let tags = converter.tags;
        all.push(Tree { root, tags });
    }
    Ok((all, problems.all))
}

fn options(length: usize, dialect: Dialect, documents: usize) -> serde_saphyr::Options {
    let nodes = MOST_NODES.max(length / NODE);
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MOST_DEPTH,
            flow_nesting_limit: MOST_DEPTH + 8,
            max_documents: documents,
            max_nodes: nodes,
            max_events: 4 * nodes,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_merge_keys: 1_000,
            max_recorded_anchor_events: 4 * MOST_NODES,
            max_recorded_anchor_bytes: 8 * MOST_BYTES,
            max_total_scalar_bytes: 8 * MOST_BYTES,
            enforce_alias_anchor_ratio: false,
        },
        // All duplicate keys are reported here, and not only the first.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: dialect == Dialect::Spec,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        // A Compose file may remove a value beside a merge key: see `Converter::merged`.
        merge_keys: match dialect {
            Dialect::Spec => MergeKeyPolicy::Merge,
            Dialect::Compose => MergeKeyPolicy::AsOrdinary,
        },
        // The snippet shows neighbouring lines, which may contain a secret.
        with_snippet: false,
    }
}

/// A node from the parser; its place and source text are looked up later.
enum Raw {
    Null,
    Bool(bool),
    /// A number, whose notation is in the source. The text is for numbers without a source (`!!int
    /// "5"`).
    Number(String),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scalar, a list or a map")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

struct Converter<'a> {
    text: &'a str,
    dialect: Dialect,
    tags: BTreeMap<Place, Tag>,
    problems: &'a mut Problems,
}

impl Converter<'_> {
    fn node(&mut self, raw: Spanned<Raw>) -> Node {
        let place = place(raw.defined);
        if self.dialect == Dialect::Compose {
            self.tags.extend(self.tag(raw.defined).map(|tag| (place, tag)));
        }
        let kind = match raw.value {
            Raw::Number(_) | Raw::Text(_) if self.is_date(raw.defined) => {
                self.tags.insert(place, Tag::Date);
                Kind::Text(self.source(raw.defined).unwrap_or_default().to_owned())
            }
            Raw::Null => Kind::Null,
            Raw::Bool(value) => Kind::Bool(value),
            Raw::Number(value) | Raw::Text(value) if self.dialect == Dialect::Compose => {
                self.as_go(value, raw.defined)
            }
            Raw::Number(value) => Kind::Number(match self.source(raw.defined) {
                Some(written) if is_plain_number(written) => written.to_owned(),
                _ => value,
            }),
            Raw::Text(value) => Kind::Text(self.as_written(value, raw.defined)),
            Raw::List(items) => Kind::List(items.into_iter().map(|item| self.node(item)).collect()),
            Raw::Map(entries) => Kind::Map(self.entries(entries)),
        };
        Node { place, kind }
    }

    fn entries(&mut self, raw: Vec<(Spanned<Raw>, Spanned<Raw>)>) -> Vec<Entry> {
        let mut seen: BTreeMap<String, Place> = BTreeMap::new();
        let mut entries = Vec::new();
        let mut merged = Vec::new();
        for (key, value) in raw {
            let is_merge =
                self.dialect == Dialect::Compose && self.source(key.defined) == Some("<<");
            let key = self.node(key);
            let value = self.node(value);
            let Kind::Text(word) = key.kind else {
                self.problems.add_hint(
                    key.place,
                    format!("expected a text as key, but found {}", key.what()),
                    "put the key in quotes",
                );
                continue;
            };
            if let Some(first) = seen.get(&word) {
                self.problems.add(
                    key.place,
                    format!(
                        "expected every key once, but found `{}` again (first in line {})",
                        say::short(&word),
                        first.line,
                    ),
                );
                continue;
            }
            seen.insert(word.clone(), key.place);
            if is_merge {
                merged.push(value);
            } else {
                entries.push(Entry { key: word, place: key.place, value });
            }
        }
        self.merge(merged, &mut entries);
        entries
    }

    /// Adds the entries of `<<`: the first of several values for a key wins. A value that `!reset`
    /// removes hides no other value, as in Compose.
    fn merge(&mut self, merged: Vec<Node>, entries: &mut Vec<Entry>) {
        if merged.is_empty() {
            return;
        }
        let stays = |entry: &&Entry| self.tags.get(&entry.value.place) != Some(&Tag::Reset);
        let mut said: BTreeSet<String> =
            entries.iter().filter(stays).map(|entry| entry.key.clone()).collect();
        let maps = merged.into_iter().flat_map(|node| match node.kind {
            Kind::List(maps) => maps,
            _ => vec![node],
        });
        for map in maps {
            let Kind::Map(more) = map.kind else {
                self.problems.expected::<()>("a map, or a list of maps, beside `<<`", &map);
                continue;
            };
            entries.extend(more.into_iter().filter(|entry| said.insert(entry.key.clone())));
        }
    }

    /// The parser turns a number that is too large into `.inf`; this function restores the text.
    fn as_written(&self, value: String, at: serde_saphyr::Location) -> String {
        if !matches!(value.as_str(), ".inf" | "-.inf" | ".nan") {
            return value;
        }
        match self.source(at) {
            Some(written) if !written.starts_with(['"', '\'', '|', '>', '!']) => written.to_owned(),
            _ => value,
        }
    }

    /// A scalar without quotes and tag, read as Go reads numbers.
    fn as_go(&self, value: String, at: serde_saphyr::Location) -> Kind {
        let plain = self.source(at).filter(|_| !self.before(at).ends_with("!!str"));
        match plain.and_then(yaml_go::number) {
            Some(number) => Kind::Number(number),
            None => Kind::Text(self.as_written(value, at)),
        }
    }

    /// Whether a node is an unquoted date of a Compose file.
    fn is_date(&self, at: serde_saphyr::Location) -> bool {
        let plain = self.source(at).filter(|_| !self.before(at).ends_with("!!str"));
        self.dialect == Dialect::Compose && plain.is_some_and(yaml_go::is_date)
    }

    /// The Compose tag before a node.
    fn tag(&self, at: serde_saphyr::Location) -> Option<Tag> {
        let mut before = self.before(at);
        // An anchor may be between the tag and the node.
        let last = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        if before.get(last..).is_some_and(|word| word.starts_with('&')) {
            before = before.get(..last)?.trim_end();
        }
        let tags = [("!reset", Tag::Reset), ("!override", Tag::Override)];
        tags.into_iter().find(|(word, _)| before.ends_with(word)).map(|(_, tag)| tag)
    }

    /// The text before a node, without trailing blanks.
    fn before(&self, at: serde_saphyr::Location) -> &str {
        let start = at.span().byte_offset().and_then(|start| usize::try_from(start).ok());
        self.text.get(..start.unwrap_or_default()).unwrap_or_default().trim_end()
    }

    fn source(&self, at: serde_saphyr::Location) -> Option<&str> {
        let start = usize::try_from(at.span().byte_offset()?).ok()?;
        let length = usize::try_from(at.span().byte_len()?).ok()?;
        Some(self.text.get(start..start.checked_add(length)?)?.trim())
    }
}

/// Whether a source text is a plain number, without a tag or a quote.
fn is_plain_number(written: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-');
    written.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))
        && written.chars().all(inside)
}

fn place(at: serde_saphyr::Location) -> Place {
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Place { line: count(at.line()), column: count(at.column()) }
}

/// The place directly after a text.
fn place_after(before: &str) -> Place {
    let last = super::problems::lines(before).last().unwrap_or_default();
    Place { line: super::problems::lines(before).count(), column: last.chars().count() + 1 }
}

fn problem_of(error: &serde_saphyr::Error) -> Problem {
    use serde_saphyr::Error;
    let place = error.location().map(place).unwrap_or_default();
    let error = match error.without_snippet() {
        Error::AliasError { error, .. } => error,
        other => other,
    };
    let (message, hint): (String, Option<&str>) = match error {
        Error::MultipleDocuments { .. } => (
            "expected one document, but found a second one".into(),
            Some("one file is one spec; take out `---`"),
        ),
        Error::Budget { breach, .. } => budget(breach),
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            ("expected a spec of reasonable size, but its aliases make it huge".into(), None)
        }
        Error::UnsupportedTag { tag, .. } => (
            format!("expected no tags, but found `{}`", say::short(tag)),
            Some(
                "Compose's `!reset` and `!override` belong to merging files, which bayplan does not",
            ),
        ),
        other => (wording(other), None),
    };
    Problem { place, message, hint: hint.map(str::to_owned) }
}

fn budget(breach: &serde_saphyr::budget::BudgetBreach) -> (String, Option<&'static str>) {
    use serde_saphyr::budget::BudgetBreach as B;
    let message = match breach {
        B::Depth { .. } => too_deep(),
        B::Documents { .. } => "expected one document, but found more".into(),
        _ => "expected a spec of reasonable size, but found far too much in it (aliases count as \
              what they stand for)"
            .into(),
    };
    (message, None)
}

fn too_deep() -> String {
    format!("expected at most {MOST_DEPTH} levels of nesting, but found more")
}

/// The parser's message without its place, which is shown separately.
fn wording(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::MessageFormatter as _;
    let text = serde_saphyr::UserMessageFormatter.format_message(error);
    if text == "recursion limit exceeded" {
        return too_deep();
    }
    format!("expected YAML, but found a fault in it: {}", say::safe(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::problems::render;

    /// The tree without its places, as a text.
    fn shown(node: &Node) -> String {
        match &node.kind {
            Kind::Null => "null".into(),
            Kind::Bool(value) => format!("bool {value}"),
            Kind::Number(text) => format!("number {text}"),
            Kind::Text(text) => format!("{text:?}"),
            Kind::List(items) => {
                format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", "))
            }
            Kind::Map(entries) => {
                let one = |entry: &Entry| format!("{}: {}", entry.key, shown(&entry.value));
                format!("{{{}}}", entries.iter().map(one).collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn read(text: &str) -> String {
        match parse(text) {
            Ok(node) => shown(&node),
            Err(problems) => render("f", text, &problems),
        }
    }

    fn faults(text: &str) -> String {
        render("f", text, &parse(text).expect_err("a fault"))
    }

    #[test]
    fn scalars_stay_what_was_written() {
        let vectors = [
            ("no", r#""no""#),
            ("y", r#""y""#),
            ("On", r#""On""#),
            ("22:22", r#""22:22""#),
            ("1:30:00", r#""1:30:00""#),
            ("1.10", "number 1.10"),
            ("1.50", "number 1.50"),
            ("+5", "number +5"),
            ("-0", "number -0"),
            ("1e3", "number 1e3"),
            (".5", "number .5"),
            ("0x1F", "number 0x1F"),
            ("0o17", "number 0o17"),
            ("0440", r#""0440""#),
            ("08", r#""08""#),
            ("1_000", r#""1_000""#),
            ("18446744073709551616", "number 18446744073709551616"),
            ("123456789012345678901234567890", "number 123456789012345678901234567890"),
            (".inf", r#"".inf""#),
            ("1e999", r#""1e999""#),
            ("2026-11-23", r#""2026-11-23""#),
            ("\"1.5\"", r#""1.5""#),
            ("!!str 1.5", r#""1.5""#),
            ("!!int \"5\"", "number 5"),
            ("true", "bool true"),
            ("FALSE", "bool false"),
            ("~", "null"),
            ("", "null"),
            ("null", "null"),
            ("\"\"", r#""""#),
            ("|\n    a\n    b\n", r#""a\nb\n""#),
        ];
        for (written, meant) in vectors {
            assert_eq!(read(&format!("k: {written}")), format!("{{k: {meant}}}"), "{written}");
        }
    }

    #[test]
    fn anchors_and_merge_keys_work() {
        let text = "x: &x {a: 1, b: 2}\ny: &y {c: 1.50}\nz:\n  <<: [*x, *y]\n  b: 3\nw: *x\n";
        assert_eq!(
            read(text),
            "{x: {a: number 1, b: number 2}, y: {c: number 1.50}, \
             z: {b: number 3, a: number 1, c: number 1.50}, w: {a: number 1, b: number 2}}"
        );
    }

    #[test]
    fn every_node_knows_its_place_in_characters() {
        let node = parse("\u{feff}žluť: [🐳, {ň: 1}]\r\nb: x\r\n").unwrap();
        let Kind::Map(entries) = node.kind else { panic!() };
        let Kind::List(items) = &entries[0].value.kind else { panic!() };
        let Kind::Map(inner) = &items[1].kind else { panic!() };
        assert_eq!(entries[0].place, Place { line: 1, column: 1 });
        assert_eq!(items[0].place, Place { line: 1, column: 8 });
        assert_eq!(inner[0].place, Place { line: 1, column: 12 });
        assert_eq!(inner[0].value.place, Place { line: 1, column: 15 });
        assert_eq!(entries[1].value.place, Place { line: 2, column: 4 });
    }

    #[test]
    fn json_goes_through_the_same_door() {
        let text =
            "{\n\t\"a\": [1, 1.50, \"\\u00e9\\ud83d\\udc33\\/\", null, true],\n\t\"b\": {}\n}\n";
        assert_eq!(read(text), r#"{a: [number 1, number 1.50, "é🐳/", null, bool true], b: {}}"#);
    }

    #[test]
    fn keys_are_texts_and_unique_and_all_of_them_are_told() {
        let text = "a: 1\n1: x\nb:\n  c: 1\n  \"c\": 2\ntrue: y\n? [q]\n: z\na: 2\n";
        insta::assert_snapshot!(faults(text), @r#"
        f:2:1: expected a text as key, but found the number 1
          2 | 1: x
            | ^
          hint: put the key in quotes
        f:5:3: expected every key once, but found `c` again (first in line 4)
          5 |   "c": 2
            |   ^
        f:6:1: expected a text as key, but found the boolean true
          6 | true: y
            | ^
          hint: put the key in quotes
        f:7:3: expected a text as key, but found a list
          7 | ? [q]
            |   ^
          hint: put the key in quotes
        f:9:1: expected every key once, but found `a` again (first in line 1)
          9 | a: 2
            | ^
        "#);
    }

    #[test]
    fn faults_of_syntax_have_a_place() {
        for text in ["a: 1\nb: [1, 2\n", "a:\n\t- b\n", "a: 'x\n", "a: b: c\n", "a: *nope\n"] {
            let all = parse(text).expect_err(text);
            assert_eq!(all.len(), 1);
            assert!(all[0].place.line > 0, "{text}: {all:?}");
        }
        insta::assert_snapshot!(faults("a:\n\t- b\n"), @"
        f:2:2: expected YAML, but found a fault in it: tabs disallowed within this context (block indentation)
          2 |  - b
            |  ^
        ");
        // An empty file is valid syntax; its missing content is refused later.
        assert_eq!(read(""), "null");
        insta::assert_snapshot!(faults("a: 1\n---\nb: 2\n"), @"
        f:2:1: expected one document, but found more
          2 | ---
            | ^
        ");
        insta::assert_snapshot!(faults("a: !reset null\n"), @"
        f:1:11: expected no tags, but found `!reset`
          1 | a: !reset null
            |           ^
          hint: Compose's `!reset` and `!override` belong to merging files, which bayplan does not
        ");
        insta::assert_snapshot!(faults("a: *nope\n"), @"
        f:1:4: expected YAML, but found a fault in it: reference to unknown value
          1 | a: *nope
            |    ^
        ");
    }

    #[test]
    fn bombs_are_refused_quickly() {
        let start = crate::effort::Effort::begin();
        let mut laughs = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (one, another) in "abcdefgh".chars().zip("bcdefghi".chars()) {
            let items = vec![format!("*{one}"); 9].join(", ");
            laughs.extend([another.to_string(), format!(": &{another} [{items}]\n")]);
        }
        insta::assert_snapshot!(faults(&laughs).lines().next().unwrap(), @"
        f:6:8: expected a spec of reasonable size, but found far too much in it (aliases count as what they stand for)
        ");
        let deep = format!("a: {}", "[".repeat(10_000));
        insta::assert_snapshot!(faults(&deep).lines().next().unwrap(), @"
        f:1:44: expected at most 32 levels of nesting, but found more
        ");
        let maps = (0..2_000).map(|depth| " ".repeat(depth) + "a:\n").collect::<Vec<_>>().concat();
        assert!(parse(&maps).is_err());
        assert!(start.spent().as_secs() < 10, "{:?}", start.spent());
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_before_parsing() {
        let fault = |bytes: &[u8]| {
            let problem = text(bytes).expect_err("a fault");
            format!("{}:{} {}", problem.place.line, problem.place.column, problem.message)
        };
        insta::assert_snapshot!(fault(&vec![b'a'; MOST_BYTES + 1]), @"0:0 expected at most 5242880 bytes, but it is longer");
        insta::assert_snapshot!(fault(b"\xff\xfea\0"), @"1:1 expected UTF-8, but found UTF-16");
        insta::assert_snapshot!(fault(b"a: b\n  \xff"), @"2:3 expected UTF-8, but found bytes that are none");
        insta::assert_snapshot!(fault(b"a: b\x1b[31m"), @r"1:5 expected text, but found the control character \u{1b}");
        insta::assert_snapshot!(fault(b"a\r\nb\0"), @r"2:2 expected text, but found the control character \u{0}");
        assert_eq!(text("\u{feff}a: é\r\n".as_bytes()), Ok("a: é\r\n"));
    }
}
