//! The cause of a difference: a changed spec, another image, or a manual change of a container.
//!
//! Most options of a container cannot change after its creation. If bayplan made the container,
//! such a difference comes from the spec. For the other options, an earlier plan of the project
//! tells what was declared before. The cause is derived for display and statistics, and is not part
//! of a plan: apply derives the plan again without the earlier plan.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{Because, Change, Matched, Origin, Plan, Reason, SetReport};
use crate::base::ident::{ContainerId, SetName};
use crate::options::row;

/// The cause of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The spec was changed.
    Spec,
    /// The image was changed.
    Image,
    /// The container was changed outside bayplan.
    Drift,
    /// The earlier plan had the same difference and has not been applied since.
    Pending,
}

impl Cause {
    /// The words for the end of a reason.
    pub fn words(self) -> &'static str {
        match self {
            Self::Spec => "spec changed",
            Self::Image => "image changed",
            Self::Drift => "drift",
            Self::Pending => "not applied since",
        }
    }
}

/// A difference, acted on or left.
#[derive(Debug, Clone, Copy)]
pub struct Differing<'a> {
    /// The name of the container, network, volume or image.
    pub name: &'a str,
    /// The reason that describes the difference.
    pub reason: &'a Reason,
    /// The cause, if the cause is known.
    pub cause: Option<Cause>,
}

/// A plan, with an earlier plan of the same project if there is one.
#[derive(Debug, Clone)]
pub struct Causes<'a> {
    pub(super) plan: &'a Plan,
    since: Option<&'a Plan>,
    /// The matched containers of the plan, by set and name.
    matched: BTreeMap<(&'a SetName, &'a str), &'a Matched>,
    /// The matched containers of the earlier plan, by ID.
    before: BTreeMap<&'a ContainerId, &'a Matched>,
    /// The changes of the earlier plan, by name.
    changes: BTreeMap<&'a str, &'a Change>,
}

impl<'a> Causes<'a> {
    /// The causes in a plan, compared with an earlier plan. An earlier plan of another project is
    /// ignored.
    pub fn new(plan: &'a Plan, since: Option<&'a Plan>) -> Self {
        let since = since.filter(|since| since.project == plan.project);
        let matched = |(set, report): (&'a SetName, &'a SetReport)| {
            report.matched.iter().map(move |one| ((set, one.name.as_str()), one))
        };
        let reports = since.into_iter().flat_map(|since| since.sets.values());
        let changes = since.into_iter().flat_map(|since| &since.changes);
        Self {
            plan,
            since,
            matched: plan.sets.iter().flat_map(matched).collect(),
            before: reports.flat_map(|it| &it.matched).map(|one| (&one.id, one)).collect(),
            changes: changes.map(|change| (change.id.as_str(), change)).collect(),
        }
    }

    /// All differences: first the reasons of changes, then the differences that are left.
    pub fn all(&self) -> Vec<Differing<'a>> {
        let changes = self.plan.changes.iter().flat_map(|change| {
            let name = change.id.as_str();
            change.reasons.iter().map(move |reason| (name, reason, self.of_change(change, reason)))
        });
        let left = self.plan.sets.iter().flat_map(|(set, report)| {
            report.matched.iter().flat_map(move |matched| {
                let reasons = matched.differences.iter();
                let of = move |reason| self.of_matched(set, matched, reason);
                reasons.map(move |reason| (matched.name.as_str(), reason, of(reason)))
            })
        });
        let all = changes.chain(left);
        all.map(|(name, reason, cause)| Differing { name, reason, cause }).collect()
    }

    /// The cause of a reason of a change.
    pub fn of_change(&self, change: &Change, reason: &Reason) -> Option<Cause> {
        let Some(set) = &change.set else { return image_cause(reason) };
        let matched = self.matched.get(&(set, change.id.as_str())).copied();
        let reason = origin_of(reason, &change.reasons);
        self.of(set, matched, change.adopted, reason)
    }

    /// The cause of a difference that is left.
    pub fn of_matched(&self, set: &SetName, matched: &Matched, reason: &Reason) -> Option<Cause> {
        let reason = origin_of(reason, &matched.differences);
        self.of(set, Some(matched), matched.adopted, reason)
    }

    fn of(
        &self,
        set: &SetName,
        matched: Option<&Matched>,
        adopted: bool,
        reason: &Reason,
    ) -> Option<Cause> {
        if let Some(cause) = image_cause(reason) {
            return Some(cause);
        }
        let (key, fixed) = match reason {
            // The same word means another container once its target was made again.
            Reason::Option(difference) => {
                let joins =
                    difference.found.as_str().is_some_and(|it| it.starts_with("container:"));
                (difference.option.as_str(), !difference.in_place && !joins)
            }
            Reason::Environment(difference) => (difference.option.as_str(), true),
            Reason::Because(because) => (declared_key(because)?, false),
        };
        if let Some(since) = self.since {
            if self.told_before(set, matched.map(|matched| &matched.id), reason) {
                return Some(Cause::Pending);
            }
            // The set is new, or the spec does not have it any more.
            if declared(since, set).is_none() || declared(self.plan, set).is_none() {
                return Some(Cause::Spec);
            }
            let same = option(since, set, key) == option(self.plan, set, key);
            return Some(if same { Cause::Drift } else { Cause::Spec });
        }
        let made_here = matched.is_some() && !adopted;
        // An option that anybody can change in a running container has no certain cause.
        let fixed = fixed && row(key).is_none_or(|row| row.def().is_fixed());
        (made_here && fixed).then_some(Cause::Spec)
    }

    /// Whether the earlier plan has the same difference of the same container, or of the whole set.
    fn told_before(&self, set: &SetName, id: Option<&ContainerId>, reason: &Reason) -> bool {
        let alike = |other: &Reason| match (reason, other) {
            (Reason::Option(one), Reason::Option(other)) => {
                one.option == other.option && one.found == other.found
            }
            (Reason::Environment(_), Reason::Environment(_)) => true,
            (one, other) => one == other,
        };
        let Some(id) = id else {
            let mut of_set =
                self.changes.values().filter(|change| change.set.as_ref() == Some(set));
            return of_set.any(|change| change.reasons.iter().any(alike));
        };
        let Some(matched) = self.before.get(id) else { return false };
        let change = self.changes.get(matched.name.as_str());
        let acted_on = change.map(|change| change.reasons.as_slice()).unwrap_or_default();
        acted_on.iter().chain(&matched.differences).any(alike)
    }
}

/// The reason that decides the cause of a reason: what an image hands down differs because the
/// image does, and who caused that is told by the difference of the image.
fn origin_of<'r>(reason: &'r Reason, all: &'r [Reason]) -> &'r Reason {
    let from_image = match reason {
        Reason::Option(difference) => difference.origin == Origin::Image,
        Reason::Environment(difference) => difference.origin == Origin::Image,
        Reason::Because(_) => false,
    };
    let is_image = |other: &&Reason| matches!(other, Reason::Option(difference) if difference.references.is_some());
    let image = all.iter().find(is_image).filter(|_| from_image);
    image.unwrap_or(reason)
}

/// The cause of a reason that only an image can explain.
fn image_cause(reason: &Reason) -> Option<Cause> {
    let image = match reason {
        Reason::Option(difference) => match &difference.references {
            Some(references) => references.found.as_ref() == Some(&references.expected),
            None => difference.origin == Origin::Image,
        },
        Reason::Environment(difference) => difference.origin == Origin::Image,
        Reason::Because(because) => {
            matches!(
                because,
                Because::ImageMoved { .. } | Because::ImageNotKnown { found: None, .. }
            )
        }
    };
    image.then_some(Cause::Image)
}

/// The spec key behind a reason; `None`: the reason follows from other changes, or has no key.
fn declared_key(because: &Because) -> Option<&'static str> {
    match because {
        Because::TooFew { .. } | Because::TooMany { .. } => Some("count"),
        Because::State { .. } | Because::Orphan => Some("state"),
        Because::ImageNotKnown { .. } | Because::ImageMissing { .. } => Some("image"),
        Because::RecreateAlways
        | Because::OnStoppedReplace
        | Because::TargetReplaced { .. }
        | Because::NetworkReplaced { .. }
        | Because::RestartsWith { .. }
        | Because::OneShot { .. }
        | Because::Dead
        | Because::ImageMoved { .. }
        | Because::ImagePlatform { .. }
        | Because::NotThere => None,
    }
}

fn declared<'a>(plan: &'a Plan, set: &SetName) -> Option<&'a Json> {
    plan.declared["containers"].get(set.as_str())
}

fn option<'a>(plan: &'a Plan, set: &SetName, key: &str) -> Option<&'a Json> {
    declared(plan, set)?.get(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{OptionDifference, References};
    use crate::planner::tests::{add, plan, spec, world};

    const OLD: &str = "project: p\ncontainers: {web: {image: 'app:1', count: 2}}\n";

    fn causes(new: &str, old: Option<&str>) -> Vec<(String, Option<Cause>)> {
        let new = plan(&spec(new), &world()).plan;
        let old = old.map(|old| plan(&spec(old), &world()).plan);
        let causes = Causes::new(&new, old.as_ref());
        causes.all().iter().map(|one| (one.name.to_owned(), one.cause)).collect()
    }

    #[test]
    fn what_an_earlier_plan_had_is_pending_and_what_the_spec_changed_is_the_specs() {
        let two = |cause| vec![("p-web-1".to_owned(), cause), ("p-web-2".to_owned(), cause)];
        assert_eq!(causes(OLD, None), two(None));
        assert_eq!(causes(OLD, Some(OLD)), two(Some(Cause::Pending)));
        let one = OLD.replace("count: 2", "count: 1");
        assert_eq!(causes(OLD, Some(&one)), two(Some(Cause::Spec)));
        // A state that the container had at the earlier plan and has lost since is drift.
        let new = plan(&spec(OLD), &world()).plan;
        let mut old = new.clone();
        old.changes.clear();
        let causes = Causes::new(&new, Some(&old)).all();
        assert!(causes.iter().all(|one| one.cause == Some(Cause::Drift)), "{causes:?}");
        old.project = crate::base::ident::ProjectName::new("other");
        let causes = Causes::new(&new, Some(&old)).all();
        assert!(causes.iter().all(|one| one.cause.is_none()), "{causes:?}");
    }

    /// A container made with one spec, then planned with another spec, compared with a third plan.
    fn of_web(made: &str, now: &str, since: Option<&str>) -> Vec<(String, Option<Cause>)> {
        let of = |more: &str| {
            spec(&format!("project: p\ncontainers: {{web: {{image: 'app:1', {more}}}}}\n"))
        };
        let (mut old, mut new) = (world(), world());
        let before = of(since.unwrap_or(made));
        add(&mut old, &before, "web", "p-web-1", "running");
        let old = plan(&before, &old).plan;
        add(&mut new, &of(made), "web", "p-web-1", "running");
        let new = plan(&of(now), &new).plan;
        let all = Causes::new(&new, since.is_some().then_some(&old)).all();
        let told = all.iter().filter_map(|one| match one.reason {
            Reason::Option(difference) => Some((difference.option.clone(), one.cause)),
            _ => None,
        });
        told.collect()
    }

    #[test]
    fn what_an_image_hands_down_was_caused_by_what_changed_the_image() {
        let difference = |option: &str, references| {
            Reason::Option(OptionDifference {
                option: option.into(),
                origin: Origin::Image,
                expected: "b".into(),
                found: "a".into(),
                in_place: false,
                references,
            })
        };
        for (old, cause) in [("app:2", Cause::Image), ("app:1", Cause::Spec)] {
            let mut plan = crate::plan::sample::mixed();
            let change = plan.changes.iter_mut().find(|one| one.id.as_str() == "shop-db").unwrap();
            let references = References { expected: "app:2".into(), found: Some(old.into()) };
            change.reasons = vec![difference("image", Some(references)), difference("user", None)];
            let causes = Causes::new(&plan, None).all();
            let causes = causes.iter().filter(|one| one.name == "shop-db").map(|one| one.cause);
            assert_eq!(causes.collect::<Vec<_>>(), [Some(cause); 2]);
        }
    }

    #[test]
    fn what_nobody_can_change_is_the_specs_and_the_rest_is_told_by_an_earlier_plan() {
        let (made, now) = ("command: a, mem_limit: 64m", "command: b, mem_limit: 128m");
        let both = |mem| {
            [("command", Some(Cause::Spec)), ("mem_limit", mem)]
                .map(|(option, cause)| (option.to_owned(), cause))
        };
        assert_eq!(of_web(made, now, None), both(None));
        assert_eq!(of_web(made, now, Some(made)), both(Some(Cause::Spec)));
        // Anybody inside a container can change its files.
        let (one, other) = ("files: {/f: {content: a}}", "files: {/f: {content: b}}");
        let files = |cause| vec![("files".to_owned(), cause)];
        assert_eq!(of_web(one, other, None), files(None));
        assert_eq!(of_web(one, other, Some(one)), files(Some(Cause::Spec)));
        assert_eq!(of_web(other, one, Some(one)), files(Some(Cause::Drift)));
        // The same word means another container once its target was made again.
        let (one, other) = ("pid: 'container:a'", "pid: 'container:b'");
        assert_eq!(of_web(one, other, None), [("pid".to_owned(), None)]);
        let changed = of_web("command: a, mem_limit: 32m", made, Some(made));
        assert_eq!(changed, [("mem_limit".to_owned(), Some(Cause::Drift))]);
    }
}
