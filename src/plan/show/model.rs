//! The content of all views of a plan: dangers with their values, changes in the order in which
//! they run, and the planned containers. Similar changes are joined, and differences have both
//! sides.
//!
//! All text in the model is shortened and safe to print. Layout, colours and markup are added by
//! [`super::text`] and [`super::markdown`].

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::besides::{self, Besides};
use super::estimate::{self, Estimate, Span};
use super::names::{Folded, folded, listed, name};
use super::planned::{self, WillBe};
use super::why::{self, Why};
use super::{reason_text, step_text, told};
use crate::base::ident::{ChangeId, ChangeTarget, SetName};
use crate::plan::cause::Causes;
use crate::plan::danger::{self, Danger};
use crate::plan::{Action, Change, Dangerous, Impact, Plan, Reason, Step, Verb, left};

/// A change is compared with this many groups of its set at most, so that 10,000 changes are not
/// all compared with each other.
const BACK: usize = 50;
/// The longest sentence, in characters.
const SENTENCE: usize = 2_000;
/// The longest value, or kept or lost object, in characters: a volume with its path.
const OBJECT: usize = 400;

/// The content of a view of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The project.
    pub project: String,
    /// The engine: `harbour-1 (linux/amd64)`; `None` if the plan is for any engine.
    pub target: Option<String>,
    /// The numbers of changes: `2 to replace`, `1 to create`; empty if there is no change.
    pub counts: Vec<String>,
    /// The estimated duration.
    pub estimate: Estimate,
    /// The number of left differences in words; `None` if no difference is left.
    pub left: Option<String>,
    /// The dangers, worst first.
    pub dangers: Vec<InDanger>,
    /// The changes, in the order in which they begin.
    pub changes: Vec<Group>,
    /// The warnings, as `code` and text.
    pub warnings: Vec<(String, String)>,
    /// The references that are assumed to be unchanged.
    pub assumed: Vec<String>,
    /// The sets with containers that differ and are left.
    pub not_acted_on: Vec<NotActedOn>,
    /// Every step, in the order of the plan.
    pub steps: Vec<StepLine>,
}

/// One dangerous value, with the names of its changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InDanger {
    /// The danger.
    pub danger: Danger,
    /// The class of the value, as `--deny` takes it: `docker_socket`.
    pub class: Option<&'static str>,
    /// The value: `/var/run/docker.sock (read-only)`; `None` if the danger has no value.
    pub value: Option<String>,
    /// The names of the changes with the danger, folded.
    pub names: Vec<Folded>,
}

impl Model {
    /// The number of changes, the duration, and the number of left differences.
    pub fn headline(&self) -> String {
        let time = self.estimate.words().filter(|_| !self.counts.is_empty());
        let counts = (!self.counts.is_empty()).then(|| self.counts.join(", "));
        let parts = [counts, time, self.left.clone()];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        match (self.counts.is_empty(), &self.left) {
            (true, None) => "nothing to do: no action taken.".to_owned(),
            (true, Some(left)) => format!("no action taken: {left}"),
            (false, _) => parts.join("; "),
        }
    }
}

/// A dangerous value in words: `docker_socket: /var/run/docker.sock`.
pub fn danger_words(danger: Danger, value: &str) -> String {
    InDanger::new(danger, value, Vec::new()).words()
}

impl InDanger {
    /// A danger with a value of it, made safe; an empty value is none.
    fn new(danger: Danger, value: &str, names: Vec<Folded>) -> Self {
        let (class, value) = danger.classified(value);
        let value = (!value.is_empty()).then(|| match danger {
            // The value consists of bayplan's own words.
            Danger::Outage => told::ends(value, OBJECT),
            _ => told::value(value, OBJECT),
        });
        Self { danger, class, value, names }
    }

    /// The words for some dangers, each word once.
    pub fn kinds(all: &[Self]) -> Vec<&'static str> {
        let mut words: Vec<&'static str> = all.iter().map(|one| one.danger.word()).collect();
        words.dedup();
        words
    }

    /// The danger in words: `docker_socket: /var/run/docker.sock`; without a value, the meaning of
    /// the danger.
    pub fn words(&self) -> String {
        match (self.class, &self.value) {
            (Some(class), Some(value)) => format!("{class}: {value}"),
            (Some(class), None) => class.to_owned(),
            (None, Some(value)) => value.clone(),
            (None, None) => reason_text::danger_means(self.danger).to_owned(),
        }
    }
}

/// Changes that differ only in the name, and in what each member of a set has for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The number of the group in the view, from 1.
    pub number: usize,
    /// The verb of the changes.
    pub verb: Verb,
    /// The word for the verb.
    pub word: &'static str,
    /// The names, folded: `shop-web-1..3`.
    pub names: Vec<Folded>,
    /// The number of changes in the group.
    pub members: usize,
    /// The set of the changes.
    pub set: Option<String>,
    /// Whether bayplan did not create the containers.
    pub adopted: bool,
    /// The dangers of the changes, with their values.
    pub dangers: Vec<InDanger>,
    /// The outage and its duration: `down: up to 10 s to stop, then 10 s of proof`.
    pub outage: Option<String>,
    /// The reasons, with both sides.
    pub why: Vec<Why>,
    /// The impact: `changed in place: nothing stops`, `keeps pgdata`, `loses …`, `drops …`, `may
    /// change …`.
    pub impact: Vec<String>,
    /// The planned containers, if the changes create containers.
    pub will_be: Option<WillBe>,
    /// From the first step of the group to its last step.
    pub span: Span,
}

impl Group {
    /// The title of the group: `shop-web-1..3 of web`.
    pub fn title(&self) -> String {
        let set = self.set.as_ref().map(|set| format!(" of {set}")).unwrap_or_default();
        format!("{}{set}", listed(&self.names))
    }
}

/// The containers of one set that differ and are left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotActedOn {
    /// The sentence about the containers: `shop-cache of cache differs and is left: …`.
    pub text: String,
    /// Each container with its differences.
    pub containers: Vec<(String, Vec<Why>)>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepLine {
    /// The ID of the step.
    pub id: String,
    /// The number of the step's group; `None` if no change has the step.
    pub group: Option<usize>,
    /// The action in words.
    pub what: String,
    /// The steps and delays before this step.
    pub after: Vec<String>,
    /// The estimated time of the step.
    pub span: Span,
}

/// The content of a view; an earlier plan shows the causes of differences.
pub fn of(plan: &Plan, since: Option<&Plan>) -> Model {
    grouped(plan, &Causes::new(plan, since)).0
}

/// The content of a view, and the group number of each change.
pub(super) fn grouped<'p>(
    plan: &'p Plan,
    causes: &Causes<'_>,
) -> (Model, BTreeMap<&'p str, usize>) {
    let estimate = estimate::of(plan);
    let left = left::of(plan);
    let order = order(plan, &estimate);
    let gathered = gathered(&order, causes);
    let groups = groups(plan, &gathered, &estimate, causes);
    let mut of_change: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, members) in gathered.iter().enumerate() {
        of_change.extend(members.iter().map(|change| (change.id.as_str(), index + 1)));
    }
    let step = |(step, span): (&Step, &Span)| StepLine {
        id: name(step.id.as_str()),
        group: of_change.get(step.id.change()).copied(),
        what: step_text::text(step),
        after: step_text::before(step),
        span: *span,
    };
    let model = Model {
        project: name(plan.project.as_str()),
        target: plan
            .target
            .as_ref()
            .map(|target| format!("{} ({})", name(&target.name), name(&target.platform))),
        counts: counts(plan),
        left: left::count(&left),
        dangers: dangers(plan.changes.iter()),
        changes: groups,
        warnings: plan
            .warnings
            .iter()
            .map(|warning| (name(&warning.code), told::ends(&warning.text, SENTENCE)))
            .collect(),
        assumed: plan.assumed.iter().map(|reference| name(&reference.to_string())).collect(),
        not_acted_on: not_acted_on(plan, causes),
        steps: plan.steps.iter().zip(&estimate.steps).map(step).collect(),
        estimate,
    };
    (model, of_change)
}

/// The numbers of changes by verb, the gravest verb first: `2 to replace`, `1 to create`.
fn counts(plan: &Plan) -> Vec<String> {
    let mut counts: BTreeMap<(Verb, &str), usize> = BTreeMap::new();
    let pulled = pulled(plan);
    for change in &plan.changes {
        *counts.entry((change.verb, doing(change, &pulled))).or_default() += 1;
    }
    counts.into_iter().map(|((_, word), number)| format!("{number} to {word}")).collect()
}

/// The image changes with a pull.
fn pulled(plan: &Plan) -> BTreeSet<&str> {
    let pulls = plan.steps.iter().filter(|step| matches!(step.action, Action::Pull { .. }));
    pulls.map(|step| step.id.change()).collect()
}

/// The word for a change: a local image is not pulled but tagged.
fn doing(change: &Change, pulled: &BTreeSet<&str>) -> &'static str {
    match change.verb {
        Verb::Pull if !pulled.contains(change.id.as_str()) => "tag",
        verb => verb.word(),
    }
}

/// The dangers of some changes, worst first.
fn dangers<'p>(changes: impl Iterator<Item = &'p Change>) -> Vec<InDanger> {
    let mut all: Vec<(usize, InDanger)> = danger::gathered(changes)
        .into_iter()
        .map(|((danger, value), ids)| {
            let names: Vec<Cow<'_, str>> = ids.iter().map(|id| endangered(danger, id)).collect();
            let one = InDanger::new(danger, value.unwrap_or_default(), folded(&names));
            let place = danger.classes().iter().position(|known| Some(*known) == one.class);
            (place.unwrap_or(0), one)
        })
        .collect();
    all.sort_by_key(|(place, one)| (one.danger, *place));
    all.into_iter().map(|(_, one)| one).collect()
}

/// The object of a danger: for a replaced network, the danger `adopted` is about its containers.
pub(super) fn endangered(danger: Danger, id: &ChangeId) -> Cow<'_, str> {
    match (danger, id.target()) {
        (Danger::Adopted, ChangeTarget::Network(_)) => format!("a container on {id}").into(),
        _ => id.as_str().into(),
    }
}

/// The changes in the order in which they begin.
fn order<'p>(plan: &'p Plan, estimate: &Estimate) -> Vec<&'p Change> {
    let mut begins: BTreeMap<&str, (u64, usize)> = BTreeMap::new();
    for (place, (step, span)) in plan.steps.iter().zip(&estimate.steps).enumerate() {
        let first = begins.entry(step.id.change()).or_insert((span.start, place));
        *first = (*first).min((span.start, place));
    }
    let mut changes: Vec<&Change> = plan.changes.iter().collect();
    let never = (u64::MAX, usize::MAX);
    changes.sort_by_key(|change| begins.get(change.id.as_str()).copied().unwrap_or(never));
    changes
}

/// Groups changes that are alike.
fn gathered<'p>(order: &[&'p Change], causes: &Causes<'_>) -> Vec<Vec<&'p Change>> {
    let mut all: Vec<Vec<&Change>> = Vec::new();
    let mut kinds: BTreeMap<(Option<&SetName>, Verb), Vec<usize>> = BTreeMap::new();
    for change in order {
        let kind = kinds.entry((change.set.as_ref(), change.verb)).or_default();
        let alike = kind.iter().rev().take(BACK).find(|index| {
            let first = all[**index].first();
            change.set.is_some() && first.is_some_and(|first| alike(first, change, causes))
        });
        if let Some(index) = alike {
            all[*index].push(change);
        } else {
            kind.push(all.len());
            all.push(vec![change]);
        }
    }
    all
}

fn alike(one: &Change, other: &Change, causes: &Causes<'_>) -> bool {
    let Change { id: _, set, verb, adopted, danger, dangerous, impact, reasons } = one;
    // Of several members each has ports of its own, which stand beside its name.
    let dangers = |all: &Dangerous| {
        let mut all = all.clone();
        all.remove(&Danger::PublicPort);
        all
    };
    (set, verb, adopted, danger, impact)
        == (&other.set, &other.verb, &other.adopted, &other.danger, &other.impact)
        && dangers(dangerous) == dangers(&other.dangerous)
        && reasons.len() == other.reasons.len()
        && reasons.iter().zip(&other.reasons).all(|(reason, of_other)| {
            why::alike(reason, of_other)
                && causes.of_change(one, reason) == causes.of_change(other, of_other)
        })
}

fn groups(
    plan: &Plan,
    gathered: &[Vec<&Change>],
    estimate: &Estimate,
    causes: &Causes<'_>,
) -> Vec<Group> {
    let pulled = pulled(plan);
    let besides = besides::of(&plan.steps);
    let mut spans: BTreeMap<&str, Span> = BTreeMap::new();
    for (step, span) in plan.steps.iter().zip(&estimate.steps) {
        let whole = spans.entry(step.id.change()).or_insert(*span);
        *whole = Span { start: whole.start.min(span.start), end: whole.end.max(span.end) };
    }
    let group = |(index, members): (usize, &Vec<&Change>)| {
        let first = members.first()?;
        let ids: Vec<&str> = members.iter().map(|change| change.id.as_str()).collect();
        let dangers = dangers(members.iter().copied());
        let outages = dangers.iter().filter(|one| one.danger == Danger::Outage);
        let outages: Vec<String> = outages.map(InDanger::words).collect();
        let spans = ids.iter().filter_map(|id| spans.get(id));
        Some(Group {
            number: index + 1,
            verb: first.verb,
            word: doing(first, &pulled),
            names: folded(&ids),
            members: ids.len(),
            set: first.set.as_ref().map(|set| name(set.as_str())),
            adopted: first.adopted,
            outage: (!outages.is_empty()).then(|| outages.join(", ")),
            dangers,
            impact: impact(first, &ids, &besides),
            will_be: will_be(plan, first, &ids),
            why: why::of(members, causes),
            span: spans
                .copied()
                .reduce(|a, b| Span { start: a.start.min(b.start), end: a.end.max(b.end) })
                .unwrap_or_default(),
        })
    };
    gathered.iter().enumerate().filter_map(group).collect()
}

/// What a change creates: containers, a network or a volume.
fn will_be(plan: &Plan, change: &Change, ids: &[&str]) -> Option<WillBe> {
    if let Some(created) = created(plan, change) {
        return Some(created);
    }
    if !matches!(change.verb, Verb::Create | Verb::Replace | Verb::Run) {
        return None;
    }
    let planned = plan.planned.get(change.set.as_ref()?)?;
    let differs = |reason: &Reason| !matches!(reason, Reason::Because(_));
    Some(if change.verb == Verb::Replace || change.reasons.iter().any(differs) {
        planned::rest(planned, ids, &change.reasons)
    } else {
        planned::of(planned, ids)
    })
}

/// The network or the volume that a change creates, also in the place of another one.
fn created(plan: &Plan, change: &Change) -> Option<WillBe> {
    if !matches!(change.id.target(), ChangeTarget::Network(_) | ChangeTarget::Volume(_)) {
        return None;
    }
    let mut steps = plan.steps.iter().filter(|step| step.id.change() == change.id.as_str());
    steps.find_map(|step| match &step.action {
        Action::CreateNetwork { key, .. } => {
            Some(planned::resource(&plan.declared["networks"][key.as_str()], "bridge"))
        }
        Action::CreateVolume { key, .. } => {
            Some(planned::resource(&plan.declared["volumes"][key.as_str()], "local"))
        }
        _ => None,
    })
}

/// The impact of a change: how it is made, if that is notable, and what is kept and lost.
fn impact(change: &Change, ids: &[&str], besides: &BTreeMap<&str, Besides<'_>>) -> Vec<String> {
    let Impact { keeps, unmounts, loses, drops, may_change, interrupts } = &change.impact;
    let how = reason_text::how(change);
    let lines = [
        ("keeps", keeps, ""),
        ("unmounts", unmounts, "; what is in it stays"),
        ("loses", loses, "; it stays on the engine, in no container"),
        ("drops", drops, ""),
        ("may change", may_change, ""),
        ("interrupts", interrupts, ""),
    ]
    .into_iter()
    .filter(|(_, what, _)| !what.is_empty())
    .map(|(verb, what, after)| {
        let what = match verb {
            "interrupts" => listed(&folded(what)),
            _ => what.iter().map(|each| told::value(each, OBJECT)).collect::<Vec<_>>().join(", "),
        };
        format!("{verb} {what}{after}")
    });
    how.into_iter().chain(lines).chain(besides::lines(ids, besides)).collect()
}

fn not_acted_on(plan: &Plan, causes: &Causes<'_>) -> Vec<NotActedOn> {
    let left = left::of(plan);
    let of_set = left.into_iter().filter_map(|left| {
        let set = left.set.as_ref()?;
        let report = plan.sets.get(set)?;
        let containers = report
            .matched
            .iter()
            .filter(|one| !one.differences.is_empty() && one.changed_by == left.changed_by)
            .map(|one| (name(one.name.as_str()), why::differences(set, one, causes)))
            .collect();
        Some(NotActedOn { text: told::ends(&left.text, SENTENCE), containers })
    });
    of_set.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;
    use crate::plan::show::names::joined;

    fn lines(model: &Model) -> String {
        let line = |group: &Group| {
            let Span { start, end } = group.span;
            format!("{} {} {} {start}..{end}", group.number, group.word, joined(&group.names))
        };
        model.changes.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn changes_stand_in_the_order_in_which_they_begin_and_alike_ones_together() {
        let model = of(&sample::mixed(), None);
        insta::assert_snapshot!(lines(&model), @"
        1 replace shop-db 0..21
        2 create shop-web-1..3 0..11
        3 stop legacy 1..11
        ");
        assert_eq!(model.changes.iter().map(|group| group.members).sum::<usize>(), 5);
        let group = |id: &str| model.steps.iter().find(|step| step.id == id).unwrap().group;
        assert_eq!(group("shop-db/stop"), group("shop-db/create"));
    }

    #[test]
    fn dangers_have_their_values_and_the_worst_class_comes_first() {
        let mut plan = sample::mixed();
        let change = |plan: &mut Plan, id: &str, values: &[(Danger, &str)]| {
            let change = plan.changes.iter_mut().find(|change| change.id.as_str() == id).unwrap();
            for (danger, value) in values {
                if !change.danger.contains(danger) {
                    change.danger.push(*danger);
                }
                change.dangerous.entry(*danger).or_default().push((*value).to_owned());
            }
        };
        let host =
            [(Danger::HostAccess, "bind:/srv"), (Danger::HostAccess, "docker_socket:/run/d")];
        change(&mut plan, "shop-web-1", &host);
        change(&mut plan, "shop-web-2", &host[..1]);
        let told = of(&plan, None)
            .dangers
            .into_iter()
            .map(|one| format!("{}: {}: {}", one.danger.word(), one.words(), joined(&one.names)));
        insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @"
        outage: gone: legacy
        outage: down: up to 10 s to stop, then 10 s of proof: shop-db
        adopted: was not created by bayplan: legacy
        secret_given: B: shop-web-1..3
        host_access: docker_socket: /run/d: shop-web-1
        host_access: bind: /srv: shop-web-1..2
        ");
    }

    #[test]
    fn hostile_text_is_cut_and_safe() {
        let text = format!("{:?}", of(&sample::hostile(), None));
        // The debug form writes one backslash as two.
        assert!(!text.chars().any(crate::base::say::is_unsafe));
        assert!(text.len() < 400_000, "{} bytes", text.len());
    }
}
