//! `depends_on`: who comes first, and how far it must be.
//!
//! The order that follows from it is [`super::order`]'s.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::node::{Entry, Kind, Node, Problems};
use super::planner::text;
use super::{Identity, Set, State, order};
use crate::ident::SetName;
use crate::say;

/// What comes before a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// A set, by its key, else by its `name`; else a container.
    pub word: String,
    /// How far it must be.
    pub until: Until,
}

/// How far something must be before what depends on it begins: Compose's `condition`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// There, and proven where the plan starts it.
    Started,
    /// Its health check says healthy.
    Healthy,
    /// It ran to its end, with exit code 0.
    Completed,
}

/// Compose's words.
const CONDITIONS: &[(&str, Until)] = &[
    ("service_started", Until::Started),
    ("service_healthy", Until::Healthy),
    ("service_completed_successfully", Until::Completed),
];

impl Until {
    /// Compose's word for it.
    pub fn word(self) -> &'static str {
        CONDITIONS.iter().find(|(_, until)| *until == self).map_or("", |(word, _)| *word)
    }
}

/// The words for conditions, for the schema.
pub(super) fn conditions() -> Vec<&'static str> {
    CONDITIONS.iter().map(|(word, _)| *word).collect()
}

/// Reads the list, or the map with conditions.
pub(super) fn read(node: &Node, problems: &mut Problems) -> Vec<Dependency> {
    let mut all: Vec<Dependency> = Vec::new();
    let mut add = |word: &str, until, place, problems: &mut Problems| {
        if all.iter().any(|known| known.word == word) {
            problems
                .add(place, format!("expected `{}` once, but found it again", say::short(word)));
        } else {
            all.push(Dependency { word: word.to_owned(), until });
        }
    };
    match &node.kind {
        Kind::List(items) => {
            for item in items {
                if let Some(word) = text(item, "the name of a set or a container", problems) {
                    add(word, Until::Started, item.place, problems);
                }
            }
        }
        Kind::Map(entries) => {
            for entry in entries {
                let until = long_form(&entry.value, problems);
                add(&entry.key, until, entry.place, problems);
            }
        }
        _ => problems.expected::<()>("a list of sets or containers", node).unwrap_or_default(),
    }
    all
}

/// Compose's `{condition, required, restart}`.
fn long_form(node: &Node, problems: &mut Problems) -> Until {
    let mut until = Until::Started;
    let entries = match &node.kind {
        Kind::Null => return until,
        Kind::Map(entries) => entries,
        _ => return problems.expected("a map with `condition`", node).unwrap_or(until),
    };
    for entry in entries {
        let Entry { key, value, place } = entry;
        match (key.as_str(), &value.kind) {
            (_, Kind::Null) | ("required", Kind::Bool(true)) | ("restart", Kind::Bool(false)) => {}
            ("condition", _) => {
                until = super::read::one_of(value, CONDITIONS, problems).unwrap_or(until);
            }
            ("required", _) => {
                problems.expected::<()>("`true`: whatever is depended on is required", value);
            }
            ("restart", _) => {
                problems.expected::<()>(
                    "`false`: dependants are replaced with what they depend on where they must be",
                    value,
                );
            }
            (other, _) => {
                problems.add(
                    *place,
                    format!("expected `condition`, but found `{}`", say::short(other)),
                );
            }
        }
    }
    until
}

/// As a spec says it: the list where nothing needs the map.
pub(crate) fn print(all: &[Dependency]) -> Json {
    if all.iter().all(|one| one.until == Until::Started) {
        return all.iter().map(|one| json!(one.word)).collect();
    }
    let entries = all.iter().map(|one| (one.word.clone(), json!({"condition": one.until.word()})));
    Json::Object(entries.collect::<Map<_, _>>())
}

/// The sets whose end or health a set waits for, each with how far it must be.
pub fn awaited<'a>(
    sets: &'a BTreeMap<SetName, Set>,
    set: &'a Set,
) -> impl Iterator<Item = (&'a SetName, Until)> {
    let conditions = set.depends_on.iter().filter(|one| one.until != Until::Started);
    conditions.filter_map(|one| Some((order::resolve(sets, &one.word)?, one.until)))
}

/// What is wrong with the conditions of a set: they are about sets that can come to meet them. Of
/// words that are `unclear` nothing is known.
pub(super) fn faults(
    sets: &BTreeMap<SetName, Set>,
    set: &Set,
    unclear: &dyn Fn(&str) -> bool,
) -> Vec<(String, &'static str)> {
    let conditions =
        set.depends_on.iter().filter(|one| one.until != Until::Started && !unclear(&one.word));
    let fault = |one: &Dependency| {
        let (word, condition) = (say::short(&one.word), one.until.word());
        let of = |what: &str, hint| Some((format!("expected {what}"), hint));
        let Some(target) = order::resolve(sets, &one.word).and_then(|key| sets.get(key)) else {
            return of(
                &format!("a set of this spec for `{condition}`, but `{word}` is none"),
                "leave the condition out, or declare the container",
            );
        };
        let runs = matches!(target.state, State::Started | State::Reloaded | State::Restarted)
            && target.identity != Identity::Counted(0);
        match one.until {
            Until::Completed if !(runs && target.one_shot) => of(
                &format!("a set that runs to its end for `{condition}`, but `{word}` does not"),
                "say `detach: false` there, or leave the condition out",
            ),
            Until::Healthy if !runs || target.one_shot => of(
                &format!("a set that keeps running for `{condition}`, but `{word}` does not"),
                "leave the condition out, or say `state: started` there",
            ),
            _ => None,
        }
    };
    conditions.filter_map(fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::read::{self, Files};
    use crate::spec::read_tests::{fault, set};

    #[test]
    fn conditions_are_about_sets_that_can_meet_them() {
        let text = |condition: &str, db: &str| {
            format!(
                "project: p\ncontainers:\n  web:\n    image: x\n    depends_on: {{db: {{condition: {condition}}}}}\n  db: {db}\n"
            )
        };
        let (healthy, completed) = ("service_healthy", "service_completed_successfully");
        for (condition, db, until) in [
            (healthy, "{image: y}", Until::Healthy),
            (completed, "{image: y, detach: false}", Until::Completed),
        ] {
            let spec = read::text(&text(condition, db), &Files::new()).unwrap();
            let web = spec.sets.get(&SetName::new("web")).unwrap();
            assert_eq!(web.depends_on, [Dependency { word: "db".to_owned(), until }]);
            let declared = spec.canonical();
            assert_eq!(declared["containers"]["web"]["depends_on"]["db"]["condition"], condition);
        }
        for (condition, db) in [
            (healthy, "{image: y, detach: false}"),
            (healthy, "{image: y, state: present}"),
            (healthy, "{image: y, count: 0}"),
            (completed, "{image: y}"),
        ] {
            let problems = read::text(&text(condition, db), &Files::new()).unwrap_err();
            let said: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
            assert!(
                matches!(said.as_slice(), [one] if one.ends_with("but `db` does not")),
                "{condition} {db}: {said:?}"
            );
        }
        insta::assert_snapshot!(fault("image: x\ndepends_on: {db: {condition: service_healthy}}"), @"
        5:5 expected a set of this spec for `service_healthy`, but `db` is none (leave the condition out, or declare the container)
        ");
    }

    #[test]
    fn depends_on_has_two_forms() {
        let started = [("db", Until::Started), ("cache", Until::Started)].map(|(word, until)| {
            let word = word.to_owned();
            Dependency { word, until }
        });
        assert_eq!(set("image: x\ndepends_on: [db, cache]").depends_on, started);
        let long =
            "image: x\ndepends_on:\n  db: {condition: service_started, required: true}\n  cache:";
        assert_eq!(set(long).depends_on, started);
        insta::assert_snapshot!(fault("image: x\ndepends_on: {db: {condition: healthy}}"), @"
        5:34 expected `service_started`, `service_healthy` or `service_completed_successfully`, but found the text `healthy`
        ");
        insta::assert_snapshot!(fault("image: x\ndepends_on: {db: {required: false, restart: true}}"), @"
        5:33 expected `true`: whatever is depended on is required, but found the boolean false
        5:49 expected `false`: dependants are replaced with what they depend on where they must be, but found the boolean true
        ");
        insta::assert_snapshot!(fault("image: x\ndepends_on: db"), @"
        5:17 expected a list of sets or containers, but found the text `db`
        ");
        insta::assert_snapshot!(fault("image: x\ndepends_on: [db, 1, db]"), @"
        5:22 expected the name of a set or a container, but found the number 1 (put it in quotes)
        5:25 expected `db` once, but found it again
        ");
    }
}
