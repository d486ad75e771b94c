//! `depends_on`: the dependencies of a set, and their conditions.
//!
//! The resulting order is [`super::order`]'s.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::order::Words;
use super::{Compat, Identity, Set, State};
use crate::base::ident::SetName;
use crate::base::say;

/// A dependency of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The key of a set, the `name` of a set, or a container name.
    pub word: String,
    /// The condition that the dependency must meet.
    pub until: Until,
    /// Whether the dependency must exist; `false` allows a missing dependency.
    pub required: bool,
    /// Whether the dependant is restarted after the dependency is replaced or restarted.
    pub restart: bool,
}

impl Dependency {
    /// The dependency that a plain list entry means.
    pub fn plain(word: &str) -> Self {
        Self { word: word.to_owned(), until: Until::Started, required: true, restart: false }
    }

    /// Whether a plain list entry can express the dependency.
    fn is_plain(&self) -> bool {
        self.until == Until::Started && self.required && !self.restart
    }
}

/// The condition of a dependency: Compose's `condition`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Until {
    /// The dependency exists; a container that the plan starts is proven.
    #[default]
    #[serde(rename = "service_started")]
    Started,
    /// The health check reports healthy.
    #[serde(rename = "service_healthy")]
    Healthy,
    /// The container ended with exit code 0.
    #[serde(rename = "service_completed_successfully")]
    Completed,
}

impl Until {
    /// The word of Compose for the condition.
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "service_started",
            Self::Healthy => "service_healthy",
            Self::Completed => "service_completed_successfully",
        }
    }
}

/// The value of `depends_on`, in its two forms.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum DependsOn {
    /// A list of words.
    Plain(Vec<String>),
    /// A map of words to Compose's conditions.
    Long(BTreeMap<String, Conditions>),
}

/// What a dependency must meet, and what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Conditions {
    #[serde(default)]
    condition: Until,
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    required: bool,
    #[serde(default, skip_serializing_if = "is_no")]
    restart: bool,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_yes(flag: &bool) -> bool {
    *flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_no(flag: &bool) -> bool {
    !flag
}

impl DependsOn {
    /// The dependencies.
    pub(super) fn each(self) -> Vec<Dependency> {
        match self {
            Self::Plain(words) => words.iter().map(|word| Dependency::plain(word)).collect(),
            Self::Long(all) => all.into_iter().map(dependency).collect(),
        }
    }
}

fn dependency((word, conditions): (String, Conditions)) -> Dependency {
    let Conditions { condition: until, required, restart } = conditions;
    Dependency { word, until, required, restart }
}

/// The first repeated word, and its position.
pub(super) fn repeated(all: &[Dependency]) -> Option<(usize, &str)> {
    let mut seen = BTreeSet::new();
    let mut words = all.iter().map(|one| one.word.as_str()).enumerate();
    words.find(|(_, word)| !seen.insert(*word))
}

/// Prints the list form if possible, or else the map form.
pub(crate) fn print(all: &[Dependency]) -> Json {
    if all.iter().all(Dependency::is_plain) {
        return all.iter().map(|one| json!(one.word)).collect();
    }
    let entry = |one: &Dependency| {
        let Dependency { word, until: condition, required, restart } = one.clone();
        (word, Conditions { condition, required, restart })
    };
    json!(DependsOn::Long(all.iter().map(entry).collect()))
}

/// The sets whose replacement or restart also restarts this set.
pub fn restarts_with<'a>(known: &'a Words<'a>, set: &'a Set) -> impl Iterator<Item = &'a SetName> {
    // A one-shot runs once: under Compose `restart` may be said of its dependencies all the same.
    let words = set.depends_on.iter().filter(|one| one.restart && !set.one_shot);
    words.filter_map(|one| known.resolve(&one.word))
}

/// The sets whose end or health this set waits for, with the condition.
pub fn awaited<'a>(
    known: &'a Words<'a>,
    set: &'a Set,
) -> impl Iterator<Item = (&'a SetName, Until)> {
    let conditions = set.depends_on.iter().filter(|one| one.until != Until::Started);
    conditions.filter_map(|one| Some((known.resolve(&one.word)?, one.until)))
}

/// The errors in the conditions of a set: a condition must fit the kind of its dependency. Words
/// that are `unclear` are skipped.
pub(super) fn faults(
    known: &Words<'_>,
    set: &Set,
    unclear: &dyn Fn(&str) -> bool,
) -> Vec<(String, &'static str)> {
    let clear = set.depends_on.iter().filter(|one| !one.is_plain() && !unclear(&one.word));
    let fault = |one: &Dependency| {
        let word = say::short(&one.word);
        let of = |what: &str, hint| Some((format!("expected {what}"), hint));
        let key = known.resolve(&one.word);
        let Some(target) = key.and_then(|key| known.spec().sets.get(key)) else {
            let said = match one.until {
                // A missing optional dependency meets every condition.
                _ if !one.required => return None,
                Until::Started => "restart: true",
                until => until.word(),
            };
            return of(
                &format!("a set of this spec for `{said}`, but `{word}` is none"),
                "leave that out, declare the container, or say `required: false`",
            );
        };
        if !one.required {
            return of(
                &format!("`required: true`: `{word}` is a set of this spec"),
                "what a spec declares is made, or the plan goes no further with what depends on \
                 it; `required: false` is for what it does not declare",
            );
        }
        if one.restart && set.one_shot && known.spec().compat != Some(Compat::Compose) {
            return of(
                "a set that keeps running beside `restart: true`, but this one runs to its end",
                "leave `restart` out: a one-shot runs once",
            );
        }
        let condition = one.until.word();
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
    clear.filter_map(fault).collect()
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
            assert_eq!(web.depends_on, [Dependency { until, ..Dependency::plain("db") }]);
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
        5:5 expected a set of this spec for `service_healthy`, but `db` is none (leave that out, declare the container, or say `required: false`)
        ");
    }

    #[test]
    fn depends_on_has_two_forms() {
        let started = ["cache", "db"].map(Dependency::plain);
        assert_eq!(set("image: x\ndepends_on: [cache, db]").depends_on, started);
        let long = "image: x\ndepends_on:\n  db: {condition: service_started, required: true, restart: false}\n  cache:";
        assert_eq!(set(long).depends_on, started);
        insta::assert_snapshot!(fault("image: x\ndepends_on: {db: {condition: healthy}}"), @"
        5:34 expected `service_started`, `service_healthy` or `service_completed_successfully`, but found the text `healthy`
        ");
        insta::assert_snapshot!(fault("image: x\ndepends_on: {db: {required: 1, restarts: true}}"), @"
        5:33 expected `true` or `false`, but found the number 1
        5:36 expected one of `condition`, `required`, `restart`, but found `restarts` (did you mean `restart`?)
        ");
        insta::assert_snapshot!(fault("image: x\ndepends_on: db"), @"
        5:17 expected a list of sets or containers, but found the text `db`
        ");
        insta::assert_snapshot!(fault("image: x\ndepends_on: [db, 1, db]"), @"
        5:22 expected the name of a set or a container, but found the number 1 (put it in quotes)
        ");
        insta::assert_snapshot!(fault("image: x\ndepends_on: [db, web, db]"), @"
        5:27 expected `db` once, but found it again
        ");
    }

    #[test]
    fn restart_and_required_are_about_what_they_can_be_about() {
        let text = |web: &str| {
            format!("project: p\ncontainers:\n  web: {{image: x, {web}}}\n  db: {{image: y}}\n")
        };
        let web = "depends_on: {db: {restart: true}, gone: {condition: service_healthy, restart: true, required: false}}";
        let spec = read::text(&text(web), &Files::new()).unwrap();
        let web = spec.sets.get(&SetName::new("web")).unwrap();
        let gone = Dependency {
            until: Until::Healthy,
            required: false,
            restart: true,
            ..Dependency::plain("gone")
        };
        assert_eq!(web.depends_on, [Dependency { restart: true, ..Dependency::plain("db") }, gone]);
        assert!(restarts_with(&Words::of(&spec), web).eq([&SetName::new("db")]));
        // The printed form must read back as the same dependencies.
        let again = read::text(&spec.canonical().to_string(), &Files::new()).unwrap();
        assert_eq!(again.sets, spec.sets);
        for (web, message) in [
            ("depends_on: {db: {required: false}}", "expected `required: true`: `db` is a set"),
            (
                "depends_on: {gone: {restart: true}}",
                "expected a set of this spec for `restart: true`, but `gone` is none",
            ),
            (
                "detach: false, depends_on: {db: {restart: true}}",
                "expected a set that keeps running beside `restart: true`",
            ),
        ] {
            let problems = read::text(&text(web), &Files::new()).unwrap_err();
            let said: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
            assert!(matches!(said.as_slice(), [one] if one.starts_with(message)), "{said:?}");
        }
    }
}
