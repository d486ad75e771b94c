//! A difference in words: for lists, sets and maps, only the differing entries.
//!
//! Long texts are shortened where both sides agree, never where the sides differ. The text is made
//! safe here; escaping for a markup is done by the caller.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};

use serde_json::{Map, Value as Json};

use crate::base::ident::short_digest;
use crate::base::say;
use crate::options;
use crate::syntax::shell_words;

/// A side up to this length is shown in full.
const WHOLE: usize = 80;
/// An entry up to this length is shown in full.
const ENTRY: usize = 200;
/// How many common characters are shown around a difference.
const AROUND: usize = 16;
/// Beyond this length the middle of a difference is cut, so that every text has a limit.
const MOST: usize = 2_000;

/// `found => expected`, or the added, changed and removed entries. In an `ordered` list the order
/// of entries matters.
pub fn difference(found: &Json, expected: &Json, ordered: bool) -> String {
    match told(found, expected, ordered) {
        Told::Whole(found, expected) => format!("{found} => {expected}"),
        Told::Entries(entries) => text(&entries),
    }
}

/// Whether the order of entries matters in an option.
pub fn is_ordered(option: &str) -> bool {
    options::row(option).is_some_and(|row| !row.def().many)
}

/// Whether an option is a command line that people type.
pub fn is_typed(option: &str) -> bool {
    matches!(option, "command" | "entrypoint")
}

/// The difference in an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Both sides in full.
    Whole(String, String),
    /// The added, changed and removed entries, in this order.
    Entries(Vec<Entry>),
}

/// A difference in parts.
pub fn told(found: &Json, expected: &Json, ordered: bool) -> Told {
    let is_list = |value: &Json| value.is_array() || value.is_null();
    let is_map = |value: &Json| value.is_object() || value.is_null();
    if found.is_null() && expected.is_null() {
        return whole(found, expected);
    }
    if is_map(found) && is_map(expected) {
        return Told::Entries(maps(found.as_object(), expected.as_object()));
    }
    if is_list(found) && is_list(expected) {
        let short = |value: &Json| line(value).chars().count() <= WHOLE;
        if ordered && short(found) && short(expected) {
            return whole(found, expected);
        }
        let of = |value: &Json| value.as_array().into_iter().flatten().map(word).collect();
        let (found, expected): (Vec<String>, Vec<String>) = (of(found), of(expected));
        return Told::Entries(if ordered {
            lists(&found, &expected)
        } else {
            sets(&found, &expected)
        });
    }
    whole(found, expected)
}

fn whole(found: &Json, expected: &Json) -> Told {
    let (found, expected) = sides_of(found, expected);
    Told::Whole(found, expected)
}

/// Two texts, each with its differing part and a little common context.
pub fn pair(old: &str, new: &str) -> (String, String) {
    let (short_old, short_new) = (short_ids(old), short_ids(new));
    // Two IDs with the same beginning are shown with all digits.
    let (old, new) = if short_old == short_new {
        (old.to_owned(), new.to_owned())
    } else {
        (short_old, short_new)
    };
    let (old, new): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
    let start = common(old.iter(), new.iter());
    let end = common(old[start..].iter().rev(), new[start..].iter().rev());
    let one = |side: &[char]| {
        if side.len() <= WHOLE {
            return safe(side);
        }
        around(side, start, side.len() - end)
    };
    (one(&old), one(&new))
}

/// A text without another side: only both ends if the text is longer than `most`.
pub fn ends(text: &str, most: usize) -> String {
    let all: Vec<char> = text.chars().collect();
    if all.len() <= most {
        return say::safe(text);
    }
    let half = most / 2;
    format!("{}…{}", safe(&all[..half]), safe(&all[all.len() - half..]))
}

/// Shortens IDs and digests with 64 digits to the first twelve digits.
pub fn short_ids(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|sign: char| sign.is_ascii_hexdigit()) {
        let (before, from) = rest.split_at(at);
        let end = from.find(|sign: char| !sign.is_ascii_hexdigit()).unwrap_or(from.len());
        let (run, after) = from.split_at(end);
        out.push_str(before);
        out.push_str(if run.len() == 64 { &run[..12] } else { run });
        if run.len() == 64 {
            out.push('…');
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A reference or a digest, with the digest shortened.
pub fn short_reference(text: &str) -> String {
    let is_digest = |text: &str| {
        text.strip_prefix("sha256:")
            .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    match text.split_once('@') {
        Some((repository, digest)) if is_digest(digest) => {
            format!("{repository}@{}…", short_digest(digest))
        }
        _ if is_digest(text) => format!("{}…", short_digest(text)),
        _ => text.to_owned(),
    }
}

/// One differing entry of a list, a set or a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The kind of difference.
    pub kind: Kind,
    /// The key in a map.
    pub name: Option<String>,
    /// The found value, if the value may be shown.
    pub found: Option<String>,
    /// The expected value, if the value may be shown.
    pub expected: Option<String>,
    /// The full key in a map; empty for other entries.
    pub full_name: Full,
    /// The full value, or both values, for comparison.
    pub full: Full,
}

/// A full text for comparison, which is not safe to print.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Full(pub String);

impl std::fmt::Debug for Full {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} bytes", self.0.len())
    }
}

/// The kind of difference of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Expected and not found.
    Added,
    /// Found with another value.
    Changed,
    /// Found and not expected.
    Removed,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

impl Entry {
    /// An entry of a list or a set that only one side has; `others` are the entries of the other
    /// side.
    fn alone(kind: Kind, whole: &str, others: &BTreeSet<&str>) -> Self {
        let text = Some(apart(whole, others));
        let (found, expected) = match kind {
            Kind::Removed => (text, None),
            Kind::Added | Kind::Changed => (None, text),
        };
        let full = Full(whole.to_owned());
        Self { kind, name: None, found, expected, full_name: Full::default(), full }
    }

    /// An entry with both sides.
    pub fn both(name: Option<String>, old: &str, new: &str) -> Self {
        let (found, expected) = pair(old, new);
        let full = Full(format!("{} → {}", quoted(old), quoted(new)));
        let (kind, full_name) = (Kind::Changed, Full(name.clone().unwrap_or_default()));
        Self { kind, name, found: Some(found), expected: Some(expected), full_name, full }
    }

    /// An entry of a map, made safe; a changed entry has both values or neither value.
    pub fn named(kind: Kind, name: &str, found: Option<&Json>, expected: Option<&Json>) -> Self {
        let sides: Vec<String> = found.into_iter().chain(expected).map(word).collect();
        let (full_name, full) = (Full(name.to_owned()), Full(sides.join(" → ")));
        let (found, expected) = match (found, expected) {
            (Some(found), Some(expected)) => {
                let (found, expected) = sides_of(found, expected);
                (Some(found), Some(expected))
            }
            (found, expected) => (found.map(alone), expected.map(alone)),
        };
        Self { kind, name: Some(value(name, ENTRY)), found, expected, full_name, full }
    }

    /// The entry with the member of a set that it is about.
    #[must_use]
    pub fn of_member(mut self, member: &str) -> Self {
        if let Some(text) = self.expected.as_mut().or(self.found.as_mut()) {
            *text = format!("{text} ({member})");
        }
        self.full = Full(format!("{} ({member})", self.full.0));
        self
    }

    /// The sign of the entry in a view: `+ `, `~ `, `- `; empty for a difference in full.
    pub fn mark(&self) -> &'static str {
        match self.kind {
            Kind::Changed if self.name.is_none() => "",
            Kind::Added => "+ ",
            Kind::Changed => "~ ",
            Kind::Removed => "- ",
        }
    }

    /// The entry of an option in a view: `LANG=C.UTF-8`, `MODE dev → prod`, `512m → 1g`,
    /// `80:80/tcp`, `pgdata at /data`.
    pub fn shown(&self, option: &str) -> String {
        if let (Some(found), Some(expected)) = (&self.found, &self.expected) {
            let both = format!("{found} → {expected}");
            return self.name.iter().cloned().chain([both]).collect::<Vec<_>>().join(" ");
        }
        let value = self.found.as_ref().or(self.expected.as_ref());
        match (&self.name, value) {
            (Some(path), Some(source)) if option == "volumes" => format!("{source} at {path}"),
            (name, value) => name.iter().chain(value).cloned().collect::<Vec<_>>().join("="),
        }
    }

    /// The entry in a sentence: `name: old => new`, `name: value`, `name`, `value`.
    fn text(&self) -> String {
        let value = match (&self.found, &self.expected) {
            (Some(found), Some(expected)) => Some(format!("{found} => {expected}")),
            (found, expected) => found.as_ref().or(expected.as_ref()).cloned(),
        };
        let parts = self.name.iter().cloned().chain(value);
        parts.collect::<Vec<_>>().join(": ")
    }
}

/// `added A, B; changed C: 1 => 2; removed D`.
pub fn text(entries: &[Entry]) -> String {
    let of = |kind: Kind| {
        let texts: Vec<String> =
            entries.iter().filter(|entry| entry.kind == kind).map(Entry::text).collect();
        (!texts.is_empty()).then(|| format!("{} {}", kind.word(), texts.join(", ")))
    };
    let parts = [Kind::Added, Kind::Changed, Kind::Removed].into_iter().filter_map(of);
    parts.collect::<Vec<_>>().join("; ")
}

/// A value without another side.
pub fn alone(value: &Json) -> String {
    ends(&word(value), MOST)
}

fn maps(found: Option<&Map<String, Json>>, expected: Option<&Map<String, Json>>) -> Vec<Entry> {
    let nothing = Map::new();
    let (found, expected) = (found.unwrap_or(&nothing), expected.unwrap_or(&nothing));
    let (mut added, mut changed) = (Vec::new(), Vec::new());
    for (key, value) in expected {
        match found.get(key) {
            None => added.push(Entry::named(Kind::Added, key, None, Some(value))),
            Some(before) if before != value => {
                changed.push(Entry::named(Kind::Changed, key, Some(before), Some(value)));
            }
            Some(_) => {}
        }
    }
    let gone = found.iter().filter(|(key, _)| !expected.contains_key(*key));
    let removed = gone.map(|(key, value)| Entry::named(Kind::Removed, key, Some(value), None));
    added.into_iter().chain(changed).chain(removed).collect()
}

fn sets(found: &[String], expected: &[String]) -> Vec<Entry> {
    let only = |these: &[String], those: &[String], kind: Kind| -> Vec<Entry> {
        let others: BTreeSet<&str> = those.iter().map(String::as_str).collect();
        let only = these.iter().filter(|entry| !others.contains(entry.as_str()));
        only.map(|entry| Entry::alone(kind, entry, &others)).collect()
    };
    let mut entries = only(expected, found, Kind::Added);
    entries.extend(only(found, expected, Kind::Removed));
    entries
}

/// The entries of lists by their index, without the common beginning and end.
fn lists(found: &[String], expected: &[String]) -> Vec<Entry> {
    let start = common(found.iter(), expected.iter());
    let end = common(found[start..].iter().rev(), expected[start..].iter().rev());
    let (old, new) = (&found[start..found.len() - end], &expected[start..expected.len() - end]);
    let both = old.len().min(new.len());
    let was: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let will: BTreeSet<&str> = expected.iter().map(String::as_str).collect();
    let added = new[both..].iter().map(|entry| Entry::alone(Kind::Added, entry, &was));
    let changed = old.iter().zip(new).filter(|(old, new)| old != new);
    let changed = changed.map(|(old, new)| Entry::both(None, old, new));
    let removed = old[both..].iter().map(|entry| Entry::alone(Kind::Removed, entry, &will));
    added.chain(changed).chain(removed).collect()
}

fn sides_of(found: &Json, expected: &Json) -> (String, String) {
    pair(&word(found), &word(expected))
}

/// A text; a long text is shown from the place where it differs from each other text.
pub fn apart(text: &str, others: &BTreeSet<&str>) -> String {
    let all: Vec<char> = text.chars().collect();
    if all.len() <= ENTRY {
        return say::safe(text);
    }
    // In sorted order, the most similar text stands directly before or after the text.
    let before = others.range::<str, _>((Unbounded, Excluded(text))).next_back();
    let after = others.range::<str, _>((Excluded(text), Unbounded)).next();
    let starts =
        before.into_iter().chain(after).map(|other| common(all.iter().copied(), other.chars()));
    around(&all, starts.max().unwrap_or(0), all.len())
}

/// The characters from `start` to `end`, with a little context.
fn around(all: &[char], start: usize, end: usize) -> String {
    let from = if start > 2 * AROUND { start - AROUND } else { 0 };
    let to = if all.len() - end > 2 * AROUND { end + AROUND } else { all.len() };
    let before = if from > 0 { "…" } else { "" };
    let after = if to < all.len() { "…" } else { "" };
    let shown = &all[from..to];
    let shown = if shown.len() > MOST {
        let half = MOST / 2;
        format!("{}…{}", safe(&shown[..half]), safe(&shown[shown.len() - half..]))
    } else {
        safe(shown)
    };
    format!("{before}{shown}{after}")
}

fn safe(characters: &[char]) -> String {
    say::safe(&characters.iter().collect::<String>())
}

/// The number of equal items at the beginning.
fn common<T: PartialEq>(one: impl Iterator<Item = T>, other: impl Iterator<Item = T>) -> usize {
    one.zip(other).take_while(|(one, other)| one == other).count()
}

/// A value in one line; a string is shown without quotes.
fn line(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        // A command is written as a list of quoted words.
        Json::Array(items) if items.iter().all(Json::is_string) => {
            crate::base::canonical::line(value).unwrap_or_else(|_| value.to_string())
        }
        other => crate::base::notation::of(other),
    }
}

/// A value in a list of values.
pub(super) fn word(value: &Json) -> String {
    match value {
        Json::Null => "nothing".into(),
        Json::String(plain) => quoted(plain),
        other => line(other),
    }
}

/// A value in a list of values; a command is shown as a user would type the command.
pub(super) fn typed(option: &str, value: &Json) -> String {
    match value {
        Json::String(text) if is_typed(option) => shell_words::join(&[text.as_str()]),
        value => word(value),
    }
}

/// A foreign text in a list of values: safe, shortened, and quoted if it looks like several values.
pub fn value(text: &str, most: usize) -> String {
    if blurs(text) { in_quotes(text, most) } else { ends(text, most) }
}

/// A foreign text in quotes.
pub fn in_quotes(text: &str, most: usize) -> String {
    format!("\"{}\"", ends(&escaped(text), most))
}

/// A text, quoted if its ends would be unclear in a list.
fn quoted(plain: &str) -> String {
    if blurs(plain) { format!("\"{}\"", escaped(plain)) } else { plain.to_owned() }
}

/// The separators between two entries or two sides.
const BETWEEN: &[&str] = &[", ", "; ", " => ", " → ", " – ", "\\u{"];

/// Whether a text looks like several values, like an empty value, or like words of bayplan.
fn blurs(text: &str) -> bool {
    text.trim() != text
        || text.is_empty()
        || text == "nothing"
        || text.starts_with("and ")
        || text.starts_with('"')
        || text.ends_with('"')
        || BETWEEN.iter().any(|sign| text.contains(sign))
        || text.chars().any(say::is_unsafe)
}

/// A text for use inside quotes, with its quotes escaped.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Forty entries with a common part.
    fn many(entry: impl Fn(usize) -> Json) -> Vec<Json> {
        (0..40).map(entry).collect()
    }

    #[test]
    fn a_map_is_told_by_its_entries() {
        let map = |last: &str, value: &str| {
            let mut map: Map<String, Json> =
                (0..40).map(|n| (format!("k{n:02}"), json!("v"))).collect();
            map.insert(last.to_owned(), json!(value));
            Json::Object(map)
        };
        insta::assert_snapshot!(difference(&map("z", "1"), &map("z", "2"), false), @"changed z: 1 => 2");
        insta::assert_snapshot!(difference(&map("y", ""), &map("z", "a, b"), false), @r#"added z: "a, b"; removed y: """#);
        insta::assert_snapshot!(difference(&Json::Null, &json!({"a": 1, "b": "x y"}), false), @"added a: 1, b: x y");
    }

    #[test]
    fn a_set_is_told_by_its_entries_and_a_list_by_their_places() {
        let with = |last: &[&str]| {
            let mut all = many(|n| json!(format!("entry-{n}")));
            all.extend(last.iter().map(|last| json!(last)));
            Json::Array(all)
        };
        let socket = "/var/run/docker.sock";
        insta::assert_snapshot!(difference(&with(&[]), &with(&[socket]), false), @"added /var/run/docker.sock");
        insta::assert_snapshot!(difference(&with(&["a"]), &with(&["b", "c"]), false), @"added b, c; removed a");
        insta::assert_snapshot!(difference(&with(&["a"]), &with(&["b", "c"]), true), @"added c; changed a => b");
        insta::assert_snapshot!(difference(&json!(["a", "b"]), &json!(["b", "a"]), true), @r#"["a", "b"] => ["b", "a"]"#);
        insta::assert_snapshot!(difference(&json!(["a"]), &json!("a"), true), @r#"["a"] => a"#);
    }

    #[test]
    fn a_long_text_is_shortened_where_both_sides_are_the_same() {
        let long = |middle: &str| json!(format!("{}{middle}{}", "a".repeat(300), "z".repeat(300)));
        insta::assert_snapshot!(difference(&long("1"), &long("22"), false), @"…aaaaaaaaaaaaaaaa1zzzzzzzzzzzzzzzz… => …aaaaaaaaaaaaaaaa22zzzzzzzzzzzzzzzz…");
        let (old, new) = pair("short", &"x".repeat(1 << 20));
        assert_eq!(old, "short");
        assert_eq!(new.chars().count(), MOST + 1);
        // Entries stay distinguishable however long their common part is.
        let path = |end: &str| json!([format!("/{}/{end}", "p".repeat(400))]);
        insta::assert_snapshot!(difference(&path("one"), &path("other"), false), @"added …pppppppppppppp/other; removed …pppppppppppppp/one");
    }

    #[test]
    fn ids_that_begin_alike_are_told_whole() {
        let id = |last: char| format!("sha256:{}{last}", "0".repeat(63));
        let (old, new) = pair(&id('1'), &id('2'));
        assert!(old.ends_with("0001") && new.ends_with("0002"), "{old} {new}");
        let (old, new) = pair(&format!("sha256:1{}", "0".repeat(63)), &id('2'));
        assert_eq!((old.as_str(), new.as_str()), ("sha256:100000000000…", "sha256:000000000000…"));
    }
}
