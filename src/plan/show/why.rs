//! The reasons of a change in parts: differing options by entry, with both sides as people write
//! them.
//!
//! The sentence for a reason, as results show the reason, is in [`super::reason_text`].

use serde_json::Value as Json;

use super::names::name;
use super::reason_text;
use super::told::{self, Entry, Full, Kind, Told};
use crate::base::ident::SetName;
use crate::options;
use crate::options::row::Unit;
use crate::plan::cause::{Cause, Causes};
use crate::plan::{
    Because, Change, EnvironmentDifference, Matched, OptionDifference, Origin, Reason, References,
    Verb,
};

/// The longest option name, in characters.
const NAME: usize = 80;

/// The reason of a change, or a left difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// An option differs.
    Differs {
        /** which */
        option: String,
        /** who caused it, for the end of the line: ` (from the image)`; empty where nothing tells */
        from: &'static str,
        /** what of it: one without a name is all of it */
        entries: Vec<Entry>,
    },
    /// The object does not exist and will be created.
    New,
    /// Another reason, as a fragment.
    Because(String),
}

/// Options of which each member of a set has a value of its own.
const OWN: [&str; 4] = ["ports", "hostname", "mac_address", "networks"];
/// How many members are shown with what differs between them.
const MOST_MEMBERS: usize = 20;

/// Whether two reasons are the same, but for what each member of a set has for itself.
pub fn alike(one: &Reason, other: &Reason) -> bool {
    match (one, other) {
        (Reason::Option(one), Reason::Option(other)) if OWN.contains(&one.option.as_str()) => {
            (&one.option, one.origin, one.in_place) == (&other.option, other.origin, other.in_place)
        }
        (one, other) => one == other,
    }
}

/// The reasons of changes that are alike, in order. What differs between the members is told for
/// each of them.
pub fn of(changes: &[&Change], causes: &Causes<'_>) -> Vec<Why> {
    let Some(first) = changes.first() else { return Vec::new() };
    let of_first = of_one(first, causes);
    let all = of_first.into_iter().enumerate().flat_map(|(place, why)| {
        let same = changes.iter().all(|change| change.reasons[place] == first.reasons[place]);
        let Why::Differs { option, from, .. } = &why else { return vec![why] };
        if same {
            return vec![why];
        }
        let entries = |change: &&Change| match &change.reasons[place] {
            Reason::Option(difference) => self::option(difference),
            _ => Vec::new(),
        };
        let members: Vec<(String, Vec<Entry>)> =
            changes.iter().map(|change| (name(change.id.as_str()), entries(change))).collect();
        let in_all = |entry: &Entry| members.iter().all(|(_, entries)| entries.contains(entry));
        let (of_all, _): (Vec<Entry>, Vec<Entry>) =
            members.first().cloned().unwrap_or_default().1.into_iter().partition(in_all);
        let own = members.iter().take(MOST_MEMBERS).flat_map(|(name, entries)| {
            let own = entries.iter().filter(|entry| !of_all.contains(entry));
            own.map(|entry| entry.clone().of_member(name))
        });
        let entries = of_all.iter().cloned().chain(own).collect();
        let more = changes.len().saturating_sub(MOST_MEMBERS);
        let more = (more > 0)
            .then(|| Why::Because(format!("{option} of {more} more, which the plan file has")));
        let told = Why::Differs { option: option.clone(), from, entries };
        std::iter::once(told).chain(more).collect()
    });
    all.collect()
}

/// The reasons of a change, in order.
fn of_one(change: &Change, causes: &Causes<'_>) -> Vec<Why> {
    let makes = matches!(change.verb, Verb::Create | Verb::Run);
    let new = |reason: &Reason| {
        makes && matches!(reason, Reason::Because(Because::TooFew { .. } | Because::NotThere))
    };
    let reasons = change.reasons.iter();
    let why = |reason| {
        if new(reason) { Why::New } else { one(reason, causes.of_change(change, reason)) }
    };
    reasons.map(why).collect()
}

/// The left differences of a container.
pub fn differences(set: &SetName, matched: &Matched, causes: &Causes<'_>) -> Vec<Why> {
    let reasons = matched.differences.iter();
    reasons.map(|reason| one(reason, causes.of_matched(set, matched, reason))).collect()
}

/// The words for the cause of a difference, if the cause is known.
fn from(origin: Origin, cause: Option<Cause>) -> &'static str {
    match (origin, cause) {
        // A tag that moved: what the container has was made from another image of the same name.
        (_, Some(Cause::Image)) => " (image changed)",
        (Origin::Image, _) => " (from the image)",
        (Origin::Unknown, _) => " (from the spec or the image)",
        (Origin::Declared, Some(Cause::Spec)) => " (spec changed)",
        (Origin::Declared, Some(Cause::Drift)) => " (drift)",
        (Origin::Declared, Some(Cause::Pending)) => " (not applied since)",
        (Origin::Declared, None) => "",
    }
}

fn one(reason: &Reason, cause: Option<Cause>) -> Why {
    match reason {
        Reason::Environment(difference) => Why::Differs {
            option: told::ends(&difference.option, NAME),
            from: match from(difference.origin, cause) {
                // The spec may be the same while the value of a secret has changed.
                " (spec changed)" if is_hidden(difference) => " (spec or secret changed)",
                from => from,
            },
            entries: reason_text::variables(difference),
        },
        Reason::Option(difference) => Why::Differs {
            option: told::ends(&difference.option, NAME),
            from: from(difference.origin, cause),
            entries: option(difference),
        },
        Reason::Because(Because::State { expected, found }) => {
            let entry = Entry::both(None, found, reason_text::becomes(*expected));
            let (option, from) = ("state".to_owned(), from(Origin::Declared, cause));
            Why::Differs { option, from, entries: vec![entry] }
        }
        Reason::Because(_) => {
            let from = from(Origin::Declared, cause);
            Why::Because(format!("{}{from}", reason_text::text(reason)))
        }
    }
}

/// Whether a variable with a secret value changed.
fn is_hidden(difference: &EnvironmentDifference) -> bool {
    difference.changed.iter().any(|name| !difference.values.contains_key(name))
}

fn option(difference: &OptionDifference) -> Vec<Entry> {
    let OptionDifference { option, origin: _, expected, found, in_place: _, references } =
        difference;
    if let Some(References { expected: new, found: old }) = references {
        return vec![image((old.as_deref(), found), (new, expected))];
    }
    let row = options::row(option);
    let unit = row.map_or(Unit::Count, |row| row.def().unit);
    let [old_spelt, new_spelt] = unit.both([found.as_i64(), expected.as_i64()]);
    if let (Some(found), Some(expected)) = (typed(option, found), typed(option, expected)) {
        return vec![Entry::both(None, &found, &expected)];
    }
    match told::told(found, expected, told::is_ordered(option)) {
        Told::Entries(entries) => entries,
        Told::Whole(old, new) => {
            let side = |value: &Json, spelt: Option<String>, text: String| {
                (!value.is_null()).then(|| spelt.unwrap_or(text))
            };
            let (old, new) = (side(found, old_spelt, old), side(expected, new_spelt, new));
            let kind = match (&old, &new) {
                (None, _) => Kind::Added,
                (_, None) => Kind::Removed,
                _ => Kind::Changed,
            };
            let full = format!("{} → {}", told::word(found), told::word(expected));
            let (full_name, full) = (Full::default(), Full(full));
            vec![Entry { kind, name: None, found: old, expected: new, full_name, full }]
        }
    }
}

/// A command as a user would type it, if that is unambiguous.
fn typed(option: &str, value: &Json) -> Option<String> {
    let words = value.as_array().filter(|_| told::is_typed(option))?;
    let plain = |word: &Json| {
        let word = word.as_str()?;
        let odd = |sign: char| sign.is_whitespace() || matches!(sign, '\'' | '"' | '\\' | '→');
        (!word.is_empty() && !word.contains(odd)).then(|| word.to_owned())
    };
    let words = words.iter().map(plain).collect::<Option<Vec<String>>>()?;
    (!words.is_empty()).then(|| words.join(" "))
}

/// The image on both sides: `acme/web:1, 5fe9d6c2e0fd`; a reference that both sides share becomes
/// the name of the entry.
fn image((old, found): (Option<&str>, &Json), (new, expected): (&str, &Json)) -> Entry {
    let ids = format!("{found} → {expected}");
    let (found, expected) = match told::told(found, expected, true) {
        Told::Whole(found, expected) => (found, expected),
        Told::Entries(entries) => (told::text(&entries), String::new()),
    };
    let (kind, full_name) = (Kind::Changed, Full::default());
    let full = Full(format!("{old:?} → {new}, {ids}"));
    if old == Some(new) {
        let name = Some(reason_text::shown(new));
        let (found, expected) = (Some(found), Some(expected));
        return Entry { kind, name, found, expected, full_name, full };
    }
    let side = |reference: Option<&str>, id: &str| match reference {
        Some(reference) => format!("{} ({id})", reason_text::shown(reference)),
        None => id.to_owned(),
    };
    let (found, expected) = (Some(side(old, &found)), Some(side(Some(new), &expected)));
    Entry { kind, name: None, found, expected, full_name, full }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::sample;

    fn differs(option: &str, found: Json, expected: Json) -> Vec<(Option<String>, Option<String>)> {
        let reason = Reason::Option(OptionDifference {
            option: option.into(),
            origin: Origin::Declared,
            expected,
            found,
            in_place: false,
            references: None,
        });
        let Why::Differs { entries, .. } = one(&reason, None) else { panic!("{reason:?}") };
        entries.into_iter().map(|entry| (entry.found, entry.expected)).collect()
    }

    fn side(text: &str) -> Option<String> {
        (!text.is_empty()).then(|| text.to_owned())
    }

    #[test]
    fn sizes_read_as_a_spec_writes_them_and_no_number_twice() {
        let memory = differs("mem_limit", json!(536_870_912), json!(1_073_741_824));
        assert_eq!(memory, [(side("512m"), side("1g"))]);
        let close = differs("mem_limit", json!(1_000_000_000), json!(1_000_004_096));
        assert_eq!(close, [(side("1000000000"), side("1000004096"))]);
        assert_eq!(differs("mem_limit", Json::Null, json!(1024)), [(None, side("1k"))]);
        assert_eq!(
            differs("cpus", json!(500_000_000), json!(2)),
            [(side("0.5"), side("0.000000002"))]
        );
        assert_eq!(
            differs("privileged", json!(false), json!(true)),
            [(side("false"), side("true"))]
        );
    }

    #[test]
    fn commands_read_as_they_are_typed_where_that_is_plain() {
        let command = differs("command", json!(["serve", "--old"]), json!(["serve", "--new"]));
        assert_eq!(command, [(side("serve --old"), side("serve --new"))]);
        let command = differs("command", json!(["sh", "-c", "a b"]), json!(["serve"]));
        assert_eq!(command, [(side(r#"["sh", "-c", "a b"]"#), side(r#"["serve"]"#))]);
    }

    #[test]
    fn lists_are_told_by_their_entries() {
        let ports = differs("ports", json!(["80:80/tcp"]), json!(["81:80/tcp", "82:80/tcp"]));
        let expected = [(None, "81:80/tcp"), (None, "82:80/tcp"), (Some("80:80/tcp"), "")];
        assert_eq!(ports, expected.map(|(old, new)| (old.map(str::to_owned), side(new))));
    }

    #[test]
    fn images_are_told_by_name_and_id() {
        let image = |old: Option<&str>| {
            let reason = Reason::Option(OptionDifference {
                option: "image".into(),
                origin: Origin::Declared,
                expected: json!(format!("sha256:{}", "b".repeat(64))),
                found: json!(format!("sha256:{}", "a".repeat(64))),
                in_place: false,
                references: Some(References {
                    expected: "acme/web:2".into(),
                    found: old.map(str::to_owned),
                }),
            });
            let Why::Differs { entries, .. } = one(&reason, None) else { panic!("{reason:?}") };
            told::text(&entries)
        };
        insta::assert_snapshot!(image(Some("acme/web:1")), @"changed acme/web:1 (sha256:aaaaaaaaaaaa…) => acme/web:2 (sha256:bbbbbbbbbbbb…)");
        insta::assert_snapshot!(image(Some("acme/web:2")), @"changed acme/web:2: sha256:aaaaaaaaaaaa… => sha256:bbbbbbbbbbbb…");
        insta::assert_snapshot!(image(None), @"changed sha256:aaaaaaaaaaaa… => acme/web:2 (sha256:bbbbbbbbbbbb…)");
    }

    #[test]
    fn what_differs_between_members_is_told_of_each() {
        let mut plan = sample::mixed();
        let change = plan.changes.iter().find(|change| change.verb == Verb::Replace).unwrap();
        let reason = |port: &str| {
            Reason::Option(OptionDifference {
                option: "ports".into(),
                origin: Origin::Declared,
                expected: json!([port, "53:53/udp"]),
                found: Json::Null,
                in_place: false,
                references: None,
            })
        };
        let member = |number: usize| Change {
            id: crate::base::ident::ChangeId::new(format!("web-{number}")),
            reasons: vec![reason(&format!("808{number}:80/tcp"))],
            ..change.clone()
        };
        let members = [member(1), member(2)];
        assert!(alike(&members[0].reasons[0], &members[1].reasons[0]));
        plan.changes = members.to_vec();
        let all = of(&members.iter().collect::<Vec<_>>(), &Causes::new(&plan, None));
        let [Why::Differs { entries, .. }] = all.as_slice() else { panic!("{all:?}") };
        insta::assert_snapshot!(told::text(entries), @"added 53:53/udp, 8081:80/tcp (web-1), 8082:80/tcp (web-2)");
    }

    #[test]
    fn a_new_one_needs_no_number() {
        let plan = sample::mixed();
        let create = plan.changes.iter().find(|change| change.verb == Verb::Create);
        assert_eq!(of(&[create.unwrap()], &Causes::new(&plan, None)), [Why::New]);
    }
}
