//! What people are shown of a plan, before it gets a form: alike members folded, dangers gathered,
//! text from outside cut and made safe.
//!
//! Lines, colours and markup are [`super::text`]'s and [`super::markdown`]'s.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::besides::{self, Besides};
use super::planned::{self, WillBe};
use super::{reason_text, told};
use crate::base::ident::ChangeTarget;
use crate::base::say;
use crate::plan::{Change, Danger, Impact, Plan, Verb, left};

/// The most characters of one name.
const NAME: usize = 120;
/// Alike changes of a set stand close together; looking back this far finds them, and keeps 10,000
/// changes from being compared with each other.
const BACK: usize = 50;
/// The most characters of one sentence.
const SENTENCE: usize = 2_000;
/// The most characters of what is kept or lost: a volume with its path.
const OBJECT: usize = 400;

/// A plan for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The project.
    pub project: String,
    /// The engine: `harbour-1 (linux/amd64)`; nothing where the plan is for none in particular.
    pub target: Option<String>,
    /// `2 to replace, 1 to create`; empty where there is nothing to do.
    pub counts: Vec<String>,
    /// How many engine calls change something.
    pub calls: usize,
    /// How much differs and is left; none where nothing is.
    pub left: Option<String>,
    /// The sentences of it, of containers.
    pub why_left: Vec<String>,
    /// Who is in which danger, worst first.
    pub dangers: Vec<(Danger, Vec<String>)>,
    /// What happens, alike members together.
    pub changes: Vec<Group>,
    /// What the containers that are created will be, by set.
    pub will_be: Vec<WillBe>,
    /// `code`, text.
    pub warnings: Vec<(String, String)>,
    /// References taken for unchanged.
    pub assumed: Vec<String>,
    /// Container, set, differences that are not acted on.
    pub not_acted_on: Vec<(String, String, Vec<String>)>,
    /// Steps: ID, what is done, what comes before.
    pub steps: Vec<(String, String, Vec<String>)>,
}

/// Changes that differ in nothing but the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What happens.
    pub verb: Verb,
    /// The word for it.
    pub word: &'static str,
    /// Folded: `shop-web-1..3`.
    pub names: Vec<String>,
    /// The set.
    pub set: Option<String>,
    /// The dangers.
    pub dangers: Vec<Danger>,
    /// Why.
    pub reasons: Vec<String>,
    /// `keeps pgdata`, `unmounts …`, `loses …`, `drops …`, `may change …`.
    pub impact: Vec<String>,
}

impl View {
    /// What is done; in how many calls, and how much is left that differs.
    pub fn headline(&self) -> (String, String) {
        let calls = say::count(self.calls, "engine call");
        match (self.counts.is_empty(), &self.left) {
            (true, None) => ("nothing to do".to_owned(), ": no action taken.".to_owned()),
            (true, Some(left)) => ("no action taken".to_owned(), format!(": {left}")),
            (false, None) => (self.counts.join(", "), format!("; {calls}")),
            (false, Some(left)) => (self.counts.join(", "), format!("; {calls}; {left}")),
        }
    }
}

/// Names cut and made safe.
fn name(text: &str) -> String {
    told::ends(text, NAME)
}

/// The view of a plan.
pub fn of(plan: &Plan) -> View {
    let mut dangers: BTreeMap<Danger, Vec<Cow<'_, str>>> = BTreeMap::new();
    let mut counts: BTreeMap<(Verb, &str), usize> = BTreeMap::new();
    let pulled = pulled(plan);
    let left = left::of(plan);
    for change in &plan.changes {
        *counts.entry((change.verb, doing(change, &pulled))).or_default() += 1;
        for danger in &change.danger {
            dangers.entry(*danger).or_default().push(endangered(*danger, change));
        }
    }
    View {
        project: name(plan.project.as_str()),
        target: plan
            .target
            .as_ref()
            .map(|target| format!("{} ({})", name(&target.name), name(&target.platform))),
        counts: counts
            .into_iter()
            .map(|((_, word), number)| format!("{number} to {word}"))
            .collect(),
        calls: plan.steps.iter().filter(|step| !is_watching(step)).count(),
        left: left::count(&left),
        why_left: left
            .into_iter()
            .filter(|left| left.set.is_some())
            .map(|left| left.text)
            .collect(),
        dangers: dangers.into_iter().map(|(danger, names)| (danger, folded(&names))).collect(),
        changes: groups(&plan.changes, &pulled, &besides::of(&plan.steps)),
        will_be: planned::of(plan),
        warnings: plan
            .warnings
            .iter()
            .map(|warning| (name(&warning.code), told::ends(&warning.text, SENTENCE)))
            .collect(),
        assumed: plan.assumed.iter().map(|reference| name(&reference.to_string())).collect(),
        not_acted_on: not_acted_on(plan),
        steps: plan.steps.iter().map(step).collect(),
    }
}

/// What a danger of a change is about: of a network that is replaced, the containers on it are adopted.
fn endangered(danger: Danger, change: &Change) -> Cow<'_, str> {
    let id = change.id.as_str();
    match (danger, change.id.target()) {
        (Danger::Adopted, ChangeTarget::Network(_)) => format!("a container on {id}").into(),
        _ => id.into(),
    }
}

/// The changes of images that have something to pull.
fn pulled(plan: &Plan) -> BTreeSet<&str> {
    let pulls =
        plan.steps.iter().filter(|step| matches!(step.action, crate::plan::Action::Pull { .. }));
    pulls.map(|step| step.id.change()).collect()
}

/// What is done, in a word: an image that is there already is not pulled, but gets its name.
fn doing(change: &Change, pulled: &BTreeSet<&str>) -> &'static str {
    match change.verb {
        Verb::Pull if !pulled.contains(change.id.as_str()) => "tag",
        verb => verb.word(),
    }
}

fn is_watching(step: &crate::plan::Step) -> bool {
    matches!(step.action, crate::plan::Action::WaitReady { .. })
}

fn not_acted_on(plan: &Plan) -> Vec<(String, String, Vec<String>)> {
    let mut all = Vec::new();
    for (set, report) in &plan.sets {
        for matched in report.matched.iter().filter(|matched| !matched.differences.is_empty()) {
            let differences = reason_text::texts(&matched.differences);
            all.push((name(matched.name.as_str()), name(set.as_str()), differences));
        }
    }
    all
}

fn groups(
    changes: &[Change],
    pulled: &BTreeSet<&str>,
    besides: &BTreeMap<&str, Besides<'_>>,
) -> Vec<Group> {
    let mut groups: Vec<(&Change, Vec<&str>)> = Vec::new();
    for change in changes {
        let alike = groups.iter_mut().rev().take(BACK).find(|(first, _)| {
            let Change { id: _, set, verb, adopted, danger, dangerous, impact, reasons } = change;
            let same = (set, verb, adopted, danger, impact)
                == (&first.set, &first.verb, &first.adopted, &first.danger, &first.impact)
                && *dangerous == first.dangerous;
            same && set.is_some() && *reasons == first.reasons
        });
        match alike {
            Some((_, ids)) => ids.push(change.id.as_str()),
            None => groups.push((change, vec![change.id.as_str()])),
        }
    }
    groups
        .into_iter()
        .map(|(change, ids)| Group {
            verb: change.verb,
            word: doing(change, pulled),
            names: folded(&ids),
            set: change.set.as_ref().map(|set| name(set.as_str())),
            dangers: change.danger.clone(),
            reasons: reason_text::texts(&change.reasons),
            impact: impact(change).into_iter().chain(besides::lines(&ids, besides)).collect(),
        })
        .collect()
}

/// How it is done where that is worth a word, what is kept and what is lost.
fn impact(change: &Change) -> Vec<String> {
    let Impact { keeps, unmounts, loses, drops, may_change, interrupts } = &change.impact;
    let how = reason_text::how(change);
    let lines = [
        ("keeps", keeps, ""),
        ("unmounts", unmounts, "; what is in it stays"),
        ("loses", loses, ", its data with it"),
        ("drops", drops, ""),
        ("may change", may_change, ""),
        ("interrupts", interrupts, ""),
    ]
    .into_iter()
    .filter(|(_, what, _)| !what.is_empty())
    .map(|(verb, what, after)| {
        let what: Vec<String> = what.iter().map(|each| told::ends(each, OBJECT)).collect();
        format!("{verb} {}{after}", what.join(", "))
    });
    how.into_iter().chain(lines).collect()
}

/// Names in their order, runs of numbered ones folded: `shop-web-1..3`.
pub fn folded<Name: AsRef<str>>(names: &[Name]) -> Vec<String> {
    let mut names: Vec<(&str, Option<u32>, &str)> = names
        .iter()
        .map(|name| {
            let name = name.as_ref();
            let stem = name.trim_end_matches(|character: char| character.is_ascii_digit());
            let digits = &name[stem.len()..];
            // Leading zeros would be lost in a range.
            let number = digits.parse().ok().filter(|number: &u32| number.to_string() == digits);
            (stem, number.filter(|_| stem.ends_with(['-', '_'])), name)
        })
        .collect();
    names.sort();
    let mut folded: Vec<String> = Vec::new();
    let mut rest = names.as_slice();
    while let [(stem, number, whole), ..] = rest {
        let run = number.map_or(1, |first| {
            rest.iter()
                .zip(u64::from(first)..)
                .take_while(|((other, number, _), wanted)| {
                    other == stem && number.map(u64::from) == Some(*wanted)
                })
                .count()
        });
        folded.push(match (number, run) {
            (Some(first), 2..) => {
                let last = rest[run - 1].1.unwrap_or(*first);
                format!("{}{first}..{last}", name(stem))
            }
            _ => name(whole),
        });
        rest = &rest[run..];
    }
    folded
}

pub(super) fn step(step: &crate::plan::Step) -> (String, String, Vec<String>) {
    use crate::plan::{Action, ImagePin, Subject};
    let subject = |subject: &Subject| match subject {
        Subject::Container(id) => format!("container {}", name(id.short())),
        Subject::CreatedBy(step) => format!("the container of {}", name(step.as_str())),
    };
    let grace = |timeout: &Option<i64>| {
        timeout.map(|seconds| format!(", {seconds} s grace")).unwrap_or_default()
    };
    let what = match &step.action {
        Action::Pull { image, platform } => match platform {
            Some(platform) => format!("pull {} for {}", name(image), name(platform)),
            None => format!("pull {}", name(image)),
        },
        Action::Tag { image, tag } => format!("tag {} as {}", name(image), name(tag)),
        Action::Create { name: called, set, image, .. } => {
            let image = match image {
                ImagePin::Id(id) => format!("image {}", name(&id.short())),
                ImagePin::Digest(digest) => format!("the pulled {}", name(digest)),
            };
            let (called, set) = (name(called.as_str()), name(set.as_str()));
            let besides = besides::words(&step.action);
            format!("create {called} of set {set} from {image}{besides}")
        }
        Action::Start { container, wait: false } => format!("start {}", subject(container)),
        Action::Start { container, wait: true } => {
            format!("start {} and wait for its end", subject(container))
        }
        Action::WaitReady { container, prove_for } => {
            format!("wait until {} is healthy, or runs {prove_for} s", subject(container))
        }
        Action::Fence { container } => {
            format!("set the restart policy of {} to no", subject(container))
        }
        Action::Stop { container, signal, timeout } => {
            let signal = signal.as_ref().map(|signal| format!(", {}", name(signal)));
            format!("stop {}{}{}", subject(container), signal.unwrap_or_default(), grace(timeout))
        }
        Action::Kill { container, signal } => {
            format!("kill {} with {}", subject(container), name(signal))
        }
        Action::Restart { container, timeout } => {
            format!("restart {}{}", subject(container), grace(timeout))
        }
        Action::Update { container, settings } => {
            format!("update {}: {}", subject(container), told::ends(&settings.words(), SENTENCE))
        }
        Action::Rename { container, from, to } => {
            let (from, to) = (name(from.as_str()), name(to.as_str()));
            format!("rename {}: {from} to {to}", subject(container))
        }
        Action::Remove { container } => format!("remove {}", subject(container)),
        Action::CreateNetwork { network, .. } => format!("create network {}", name(network)),
        Action::RemoveNetwork { network, which } => {
            format!("remove network {} ({})", name(network), name(which.short()))
        }
        Action::CreateVolume { volume, .. } => format!("create volume {}", name(volume)),
        Action::Connect { container, network, .. } => {
            format!("connect {} to {}", subject(container), name(network))
        }
        Action::Disconnect { container, network, .. } => {
            format!("disconnect {} from {}", subject(container), name(network))
        }
    };
    let after = step.after.iter().map(|step| name(step.as_str())).collect();
    (name(step.id.as_str()), what, after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_members_are_folded() {
        let fold = |names: &[&str]| folded(names).join(", ");
        assert_eq!(fold(&["w-3", "w-1", "w-2", "db"]), "db, w-1..3");
        assert_eq!(fold(&["w-9", "w-10", "w-11", "w-13"]), "w-9..11, w-13");
        assert_eq!(fold(&["web1", "web2"]), "web1, web2");
        assert_eq!(fold(&["w-01", "w-02", "w-99999999999"]), "w-01, w-02, w-99999999999");
        assert_eq!(fold(&["w-4294967295", "w-4294967294"]), "w-4294967294..4294967295");
        assert_eq!(fold(&["w-1", "w-1"]), "w-1, w-1");
    }
}
