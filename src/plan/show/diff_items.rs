//! Items of two plans, compared in full length and shortened only for display. The differing part
//! is never cut.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::diff::{Line, Side};
use super::{names, planned, told};

/// A value up to this length is shown in full.
const WHOLE: usize = 200;

/// One statement of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// The topic, safe to print.
    lead: String,
    /// The full value for comparison, not shortened.
    full: String,
    /// The text after the value, safe to print.
    tail: String,
    /// The whole text without a comparison, safe to print.
    text: String,
    /// Whether the text was shortened.
    is_cut: bool,
}

/// The statements of a plan, by topic.
pub(super) type Items = BTreeMap<String, Item>;

impl Item {
    /// An item with a topic and a value.
    pub(super) fn of(lead: String, full: String) -> Self {
        let text = told::ends(&full, WHOLE);
        Self::cut(lead, full, &text)
    }

    /// An item whose value is shown as another text.
    pub(super) fn cut(lead: String, full: String, text: &str) -> Self {
        let text = format!("{lead}{text}");
        let is_cut = full.chars().count() > WHOLE;
        Self { lead, full, tail: String::new(), text, is_cut }
    }

    /// An item with a finished text and its full value.
    pub(super) fn said(text: String, full: String) -> Self {
        Self { lead: String::new(), full, tail: String::new(), text, is_cut: false }
    }

    /// Adds a text before the topic.
    pub(super) fn with_lead(mut self, lead: &str) -> Self {
        self.text.insert_str(0, lead);
        self.lead.insert_str(0, lead);
        self
    }

    /// Adds a text after the value.
    pub(super) fn with_tail(mut self, tail: String) -> Self {
        self.text.push_str(&tail);
        Self { tail, ..self }
    }

    fn around(&self, shown: &str) -> String {
        format!("{}{shown}{}", self.lead, self.tail)
    }
}

/// The lines about items that only one side has, or that differ.
pub(super) fn lines<Key: Ord>(was: &BTreeMap<Key, Item>, now: &BTreeMap<Key, Item>) -> Vec<Line> {
    // Shortened texts may be equal although the full values differ.
    let alone = |these: &BTreeMap<Key, Item>, those: &BTreeMap<Key, Item>| {
        let mut by_text: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (_, item) in these.iter().filter(|(key, _)| !those.contains_key(key)) {
            by_text.entry(item.text.clone()).or_default().insert(item.full.clone());
        }
        by_text
    };
    let (were, come) = (alone(was, now), alone(now, was));
    let told =
        |item: &Item, others: &BTreeMap<String, BTreeSet<String>>| match others.get(&item.text) {
            None => item.text.clone(),
            Some(others) => {
                let others = others.iter().map(String::as_str).collect();
                item.around(&told::apart(&item.full, &others))
            }
        };
    let keys: BTreeSet<&Key> = was.keys().chain(now.keys()).collect();
    let line = |side: Side, text: String| Line { side, text };
    let lines = keys.into_iter().flat_map(|key| match (was.get(key), now.get(key)) {
        (Some(was), Some(now)) if was == now => Vec::new(),
        (Some(was), Some(now)) => {
            let (before, after) = both(was, now);
            vec![line(Side::Now, after), line(Side::Was, before)]
        }
        (None, Some(now)) => vec![line(Side::Now, told(now, &were))],
        (Some(was), None) => vec![line(Side::Was, told(was, &come))],
        (None, None) => Vec::new(),
    });
    lines.collect()
}

fn both(was: &Item, now: &Item) -> (String, String) {
    if was.is_cut || now.is_cut || was.text == now.text {
        let (before, after) = told::pair(&was.full, &now.full);
        return (was.around(&before), now.around(&after));
    }
    (was.text.clone(), now.text.clone())
}

/// The items of an option, one for each entry if the order of entries does not matter; for one
/// member, if a member is given.
pub(super) fn option(member: &str, key: &str, value: &Json) -> Vec<(String, Item)> {
    let shown = told::ends(key, WHOLE);
    let lead = if member.is_empty() {
        format!("{shown} ")
    } else {
        format!("{}: {shown} ", names::name(member))
    };
    let lead = || lead.clone();
    let of_member = |(at, item): (String, Item)| match member {
        "" => (at, item),
        member => (format!("{member}: {at}"), item),
    };
    let items = match value {
        Json::Object(map) if planned::reference(value).is_none() => {
            let one = |(name, value): (&String, &Json)| {
                let full = format!("{name}={}", told::word(value));
                let text = planned::entry(key, name, value);
                (format!("{key} {name}"), Item::cut(lead(), full, &text))
            };
            map.iter().map(one).collect::<Vec<_>>()
        }
        Json::Array(items) if !told::is_ordered(key) => {
            let one = |item: &Json| {
                let full = told::word(item);
                let text = planned::one(key, item);
                (format!("{key} {full}"), Item::cut(lead(), full, &text))
            };
            items.iter().map(one).collect()
        }
        Json::Array(items) => {
            let words: Vec<String> = items.iter().map(|item| told::typed(key, item)).collect();
            let full = words.join(if told::is_typed(key) { " " } else { ", " });
            vec![(key.to_owned(), Item::of(lead(), full))]
        }
        other => {
            let text = planned::one(key, other);
            vec![(key.to_owned(), Item::cut(lead(), told::word(other), &text))]
        }
    };
    items.into_iter().map(of_member).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(was: &Json, now: &Json, key: &str) -> String {
        let of = |value: &Json| -> Items { option("", key, value).into_iter().collect() };
        let lines = lines(&of(was), &of(now));
        let line = |line: &Line| format!("{:?} {}", line.side, line.text);
        lines.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_differs_beyond_any_cut_is_told() {
        let long = |middle: &str| format!("{}{middle}{}", "a".repeat(3_000), "z".repeat(3_000));
        insta::assert_snapshot!(told(&json!({"K": long("1")}), &json!({"K": long("2")}), "labels"), @"
        Now labels …aaaaaaaaaaaaaaaa2zzzzzzzzzzzzzzzz…
        Was labels …aaaaaaaaaaaaaaaa1zzzzzzzzzzzzzzzz…
        ");
        let name = |middle: &str| json!({long(middle): ""});
        let lines = told(&name("1"), &name("2"), "labels");
        assert!(lines.contains("aaa2zzz") && lines.contains("aaa1zzz"), "{lines}");
        let entry = |middle: &str| json!([long(middle)]);
        let lines = told(&entry("1"), &entry("2"), "ports");
        assert!(lines.contains("aaa2zzz") && lines.contains("aaa1zzz"), "{lines}");
    }

    #[test]
    fn the_last_of_many_entries_and_the_ends_of_words_are_told() {
        let ports = |last: u32| {
            let ports = (0..60).chain([last]).map(|port| format!("{port}:80/tcp"));
            json!(ports.collect::<Vec<_>>())
        };
        insta::assert_snapshot!(told(&ports(98), &ports(99), "ports"), @"
        Was ports 98:80/tcp
        Now ports 99:80/tcp
        ");
        insta::assert_snapshot!(told(&json!(["a b", "c"]), &json!(["a", "b c"]), "command"), @r#"
        Now command a "b c"
        Was command "a b" c
        "#);
    }
}
