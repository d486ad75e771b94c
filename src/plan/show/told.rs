//! Two sides of a difference in words: of lists, sets and maps the entries that differ.
//!
//! Long texts are shortened where both sides are the same, never where they differ. What is shown
//! is made safe here; escaping for a markup is the caller's.

use serde_json::{Map, Value as Json};

use crate::base::ident::short_digest;
use crate::base::say;

/// A side of at most so many characters is shown whole.
const WHOLE: usize = 80;
/// One entry of at most so many characters is shown whole.
const ENTRY: usize = 200;
/// So much of what both sides share is shown around what differs.
const AROUND: usize = 16;
/// Of what differs the middle gives way beyond this: no text of a plan is without end.
const MOST: usize = 2_000;

/// `found => expected`, or the entries that are added, changed and removed. In an `ordered` list
/// the place of an entry means something.
pub fn difference(found: &Json, expected: &Json, ordered: bool) -> String {
    match told(found, expected, ordered) {
        Told::Whole(found, expected) => format!("{found} => {expected}"),
        Told::Entries(entries) => text(&entries),
    }
}

/// What differs of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Both sides as they are.
    Whole(String, String),
    /// What is added, changed and removed, in this order.
    Entries(Vec<Entry>),
}

/// The same in pieces.
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
        let of = |value: &Json| value.as_array().into_iter().flatten().map(line).collect();
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
    let (found, expected) = sides(found, expected);
    Told::Whole(found, expected)
}

/// Two texts of which each shows what the other has not, with a little of what both have.
pub fn pair(old: &str, new: &str) -> (String, String) {
    let (short_old, short_new) = (short_ids(old), short_ids(new));
    // Two IDs that begin alike are told apart by all of their digits.
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

/// A text that stands by itself: its two ends where it is longer than `most`.
pub fn ends(text: &str, most: usize) -> String {
    let all: Vec<char> = text.chars().collect();
    if all.len() <= most {
        return say::safe(text);
    }
    let half = most / 2;
    format!("{}…{}", safe(&all[..half]), safe(&all[all.len() - half..]))
}

/// IDs and digests, 64 digits each, as people know them: by the first twelve.
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

/// A reference or a digest, the digest in it by its first digits.
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

/// One entry of a list, a set or a map that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// How.
    pub kind: Kind,
    /// Its key in a map.
    pub name: Option<String>,
    /// What is found, where it may be told.
    pub found: Option<String>,
    /// What is expected, where it may be told.
    pub expected: Option<String>,
}

/// How an entry differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Expected, not found.
    Added,
    /// Found with another value.
    Changed,
    /// Found, not expected.
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
    /// One of a list or a set, on the side where it is.
    fn alone(kind: Kind, text: String) -> Self {
        let (found, expected) = match kind {
            Kind::Removed => (Some(text), None),
            Kind::Added | Kind::Changed => (None, Some(text)),
        };
        Self { kind, name: None, found, expected }
    }

    /// One of a map, made safe; of a changed one both values, or neither.
    pub fn named(kind: Kind, name: &str, found: Option<&Json>, expected: Option<&Json>) -> Self {
        let (found, expected) = match (found, expected) {
            (Some(found), Some(expected)) => {
                let (found, expected) = sides(found, expected);
                (Some(found), Some(expected))
            }
            (found, expected) => (found.map(alone), expected.map(alone)),
        };
        Self { kind, name: Some(ends(name, ENTRY)), found, expected }
    }

    /// What stands before it in a view: `+ `, `~ `, `- `; nothing before a whole with both sides.
    pub fn mark(&self) -> &'static str {
        match self.kind {
            Kind::Changed if self.name.is_none() => "",
            Kind::Added => "+ ",
            Kind::Changed => "~ ",
            Kind::Removed => "- ",
        }
    }

    /// As views show it: `LANG=C.UTF-8`, `MODE dev → prod`, `512m → 1g`, `80:80/tcp`.
    pub fn shown(&self) -> String {
        if let (Some(found), Some(expected)) = (&self.found, &self.expected) {
            let both = format!("{found} → {expected}");
            return self.name.iter().cloned().chain([both]).collect::<Vec<_>>().join(" ");
        }
        let value = self.found.as_ref().or(self.expected.as_ref());
        self.name.iter().chain(value).cloned().collect::<Vec<_>>().join("=")
    }

    /// `name: old => new`, `name: value`, `name`, `value`.
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

/// A value with no other side.
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
        let others: std::collections::BTreeSet<&String> = those.iter().collect();
        let only = these.iter().filter(|entry| !others.contains(entry));
        only.map(|entry| Entry::alone(kind, apart(entry, those))).collect()
    };
    let mut entries = only(expected, found, Kind::Added);
    entries.extend(only(found, expected, Kind::Removed));
    entries
}

/// Entries by their place, between what both lists begin and end with.
fn lists(found: &[String], expected: &[String]) -> Vec<Entry> {
    let start = common(found.iter(), expected.iter());
    let end = common(found[start..].iter().rev(), expected[start..].iter().rev());
    let (old, new) = (&found[start..found.len() - end], &expected[start..expected.len() - end]);
    let both = old.len().min(new.len());
    let added = new[both..].iter().map(|entry| Entry::alone(Kind::Added, apart(entry, found)));
    let changed = old.iter().zip(new).filter(|(old, new)| old != new).map(|(old, new)| {
        let (found, expected) = pair(old, new);
        Entry { kind: Kind::Changed, name: None, found: Some(found), expected: Some(expected) }
    });
    let removed =
        old[both..].iter().map(|entry| Entry::alone(Kind::Removed, apart(entry, expected)));
    added.chain(changed).chain(removed).collect()
}

fn sides(found: &Json, expected: &Json) -> (String, String) {
    pair(&word(found), &word(expected))
}

/// An entry, long ones from where they differ from each of the others.
fn apart(entry: &str, others: &[String]) -> String {
    let all: Vec<char> = entry.chars().collect();
    if all.len() <= ENTRY {
        return say::safe(&quoted(entry));
    }
    let starts = others.iter().map(|other| common(all.iter().copied(), other.chars()));
    around(&all, starts.max().unwrap_or(0), all.len())
}

/// The characters from `start` to `end`, with a little of what is around them.
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

/// How many of the first items are the same.
fn common<T: PartialEq>(one: impl Iterator<Item = T>, other: impl Iterator<Item = T>) -> usize {
    one.zip(other).take_while(|(one, other)| one == other).count()
}

/// A value in a line, a text as it is.
fn line(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => crate::base::canonical::line(other).unwrap_or_else(|_| other.to_string()),
    }
}

/// A value among others.
fn word(value: &Json) -> String {
    match value {
        Json::Null => "nothing".into(),
        Json::String(plain) => quoted(plain),
        other => line(other),
    }
}

/// A text, in quotes where its ends could not be told among others.
fn quoted(plain: &str) -> String {
    let blurs = [", ", "; ", " => "].iter().any(|sign| plain.contains(sign))
        && !plain.starts_with(['{', '[']);
    let quote = plain.trim() != plain || plain.is_empty() || blurs;
    if quote { format!("\"{plain}\"") } else { plain.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Forty entries that everybody has.
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
        // Entries are told apart however long the part is that all of them share.
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
