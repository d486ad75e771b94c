//! The judgement: per set, for the whole plan, before the first call.

use std::collections::{BTreeMap, BTreeSet};

use super::connects::before_connects;
use super::done::{is_done, is_half_done, leftover};
use super::facts::{Fresh, Looks, Moved, Slice};
use super::objects::{Objects, is_about};
use super::pulls::{before_pulls, pinned};
use super::updates::before_updates;
use super::whole::compare_whole;
use super::{Judgement, SetVerdict, Staleness};
use crate::adapt::Engine;
use crate::ident::{ContainerName, SetName, StepId};
use crate::plan::build::{Built, Input, Pins, PlanError, build, depends};
use crate::plan::{Action, Because, Change, Plan, Reason, Step, Target, Verb};
use crate::snapshot::Snapshot;
use crate::spec::Spec;

/// Judges a plan against a fresh look. `spec` is the plan's `declared`, read again; `snapshot` is
/// sealed and whole.
pub fn judge(plan: &Plan, spec: &Spec, snapshot: &Snapshot) -> Judgement {
    let mut judgement = Judgement::default();
    let engine = Engine::of_snapshot(snapshot).target();
    if let Some(target) = &plan.target
        && snapshot.engine.is_some()
    {
        judgement.stale.extend(other_engine(target, &engine));
    }
    let pinned = pinned(plan, snapshot);
    let assume = !plan.assumed.is_empty();
    let pins = Pins { names: names(plan), replaced: BTreeSet::new() };
    let derive = |snapshot: &Snapshot, pins: Pins| {
        build(&Input { spec, snapshot, assume, pins, source: plan.spec.clone() })
    };
    let real = derive(&pinned, pins.clone());
    let objects = Objects::of(plan, spec, &pinned);
    let looks = Looks::of(plan, &pinned);
    let slices = slices(plan, spec);
    let done: BTreeSet<SetName> = slices
        .iter()
        .filter(|slice| is_done(slice, &real, &looks))
        .map(|slice| slice.key.clone())
        .collect();
    let replaced = replaced(plan, &done);
    let (mut before, pulled) = before_pulls(plan, &pinned);
    let changed = before_updates(plan, &mut before) | before_connects(plan, &objects, &mut before);
    let again = if done.is_empty() && pulled.is_empty() && !changed {
        real
    } else {
        derive(&before, Pins { replaced, ..pins })
    };
    let mut judging = Judging {
        fresh: Fresh::of(&again.plan.facts),
        old_steps: by_change(plan),
        new_steps: by_change(&again.plan),
        skipped: BTreeSet::new(),
        aside: BTreeSet::new(),
        again: &again,
        looks: &looks,
        before: &before,
        done: &done,
        pulled: &pulled,
        objects: &objects,
    };
    for slice in &slices {
        if let Some(verdict) = judging.facts(slice, &mut judgement) {
            judgement.verdicts.insert(slice.key.clone(), verdict);
        }
    }
    judging.skipped = skipped(&judgement, [plan, &again.plan], &objects);
    let aside = judgement.verdicts.iter().filter(|(_, verdict)| **verdict == SetVerdict::Untouched);
    judging.aside = aside.map(|(key, _)| key.clone()).collect();
    let partly = !done.is_empty() || !judging.aside.is_empty();
    let by_key: BTreeMap<&SetName, &Slice<'_>> =
        slices.iter().map(|slice| (slice.key, slice)).collect();
    // What a set depends on is judged before it.
    let order = crate::spec::order::order(spec).unwrap_or_default();
    for slice in order.iter().filter_map(|key| by_key.get(key)) {
        if !judgement.verdicts.contains_key(slice.key) {
            let verdict = judging.steps(slice, spec, &mut judgement);
            judgement.verdicts.insert(slice.key.clone(), verdict);
        }
    }
    if !plan.changes.is_empty() {
        judgement.stale.extend(objects.moved(plan, &before));
    }
    judgement.half_done.extend(objects.half().map(|(_, what)| what.clone()));
    judgement.stuck = objects.half().map(|(change, _)| change.to_owned()).collect();
    compare_whole(plan, &again, (&pulled, &objects, partly), &mut judgement);
    judgement.run = to_run(plan, &judgement.verdicts, &objects);
    judgement.bodies = again.bodies;
    judgement
}

fn other_engine(expected: &Target, found: &Target) -> Vec<Staleness> {
    let Target { name, engine_id, root_dir, platform, storage } = expected;
    let fields = [
        ("name", name, &found.name),
        ("ID", engine_id, &found.engine_id),
        ("data directory", root_dir, &found.root_dir),
        ("platform", platform, &found.platform),
        ("storage", storage, &found.storage),
    ];
    let differing = fields.into_iter().filter(|(_, expected, found)| expected != found);
    differing
        .map(|(what, expected, found)| Staleness {
            code: "engine".to_owned(),
            set: None,
            object: format!("the engine's {what}"),
            expected: expected.clone(),
            found: found.clone(),
            hint: "connect to the engine that the plan was made for, or plan on this one"
                .to_owned(),
        })
        .collect()
}

/// The names that the plan gives fresh members.
fn names(plan: &Plan) -> BTreeMap<SetName, Vec<ContainerName>> {
    let mut names: BTreeMap<SetName, Vec<ContainerName>> = BTreeMap::new();
    for step in &plan.steps {
        if let Action::Create { name, final_name, set, .. } = &step.action
            && name == final_name
        {
            names.entry(set.clone()).or_default().push(name.clone());
        }
    }
    for names in names.values_mut() {
        names.sort_by_cached_key(|name| crate::plan::build::matching::natural(name.as_str()));
    }
    names
}

fn changes_of<'a>(plan: &'a Plan, key: &'a SetName) -> impl Iterator<Item = &'a Change> {
    plan.changes.iter().filter(move |change| change.set.as_ref() == Some(key))
}

/// Containers that sets at their goal had replaced.
fn replaced(plan: &Plan, done: &BTreeSet<SetName>) -> BTreeSet<ContainerName> {
    let changes = plan.changes.iter().filter(|change| {
        matches!(change.verb, Verb::Replace | Verb::Run)
            && change.set.as_ref().is_some_and(|set| done.contains(set))
    });
    changes.map(|change| ContainerName::new(change.id.as_str())).collect()
}

/// The steps of each change.
pub(super) fn by_change(plan: &Plan) -> BTreeMap<&str, Vec<&Step>> {
    let mut all: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
    for step in &plan.steps {
        all.entry(step.id.change()).or_default().push(step);
    }
    all
}

/// The changes of sets that are at their goal or moved, what a derivation now would do to a set
/// that is not acted on among them: how others wait for them is not as it was.
fn skipped<'a>(
    judgement: &Judgement,
    plans: [&'a Plan; 2],
    objects: &Objects<'_>,
) -> BTreeSet<&'a str> {
    let gone = |set: &SetName| {
        matches!(
            judgement.verdicts.get(set),
            Some(
                SetVerdict::Done | SetVerdict::HalfDone | SetVerdict::Stale | SetVerdict::Untouched
            )
        )
    };
    plans
        .into_iter()
        .flat_map(|plan| &plan.changes)
        .filter(|change| {
            change.set.as_ref().is_some_and(gone) || objects.touched(change.id.as_str())
        })
        .map(|change| change.id.as_str())
        .collect()
}

/// What the plan says of each set.
fn slices<'a>(plan: &'a Plan, spec: &'a Spec) -> Vec<Slice<'a>> {
    let mut changes: BTreeMap<&SetName, Vec<&Change>> = BTreeMap::new();
    for change in &plan.changes {
        if let Some(set) = &change.set {
            changes.entry(set).or_default().push(change);
        }
    }
    let steps = by_change(plan);
    let slice = |(key, set)| {
        let changes = changes.remove(key).unwrap_or_default();
        let ids: BTreeSet<&str> = changes.iter().map(|change| change.id.as_str()).collect();
        let steps = ids.into_iter().filter_map(|id| steps.get(id)).flatten().copied().collect();
        Slice { key, set, plan, changes, steps }
    };
    spec.sets.iter().map(slice).collect()
}

/// The way out where a container of a run that got stuck stands in the way of any plan.
const LEFT: &str =
    "finish or undo it first, as the hint of `leftover` says: no plan is made before";

/// All that judging one set takes.
struct Judging<'a> {
    /// The plan derived again from `before`.
    again: &'a Built,
    fresh: Fresh<'a>,
    old_steps: BTreeMap<&'a str, Vec<&'a Step>>,
    new_steps: BTreeMap<&'a str, Vec<&'a Step>>,
    looks: &'a Looks<'a>,
    /// The look as if nothing had been pulled.
    before: &'a Snapshot,
    done: &'a BTreeSet<SetName>,
    /// The changes of sets that are done or moved.
    skipped: BTreeSet<&'a str>,
    /// The sets that are not acted on and moved.
    aside: BTreeSet<SetName>,
    pulled: &'a BTreeSet<String>,
    /// What a run did to networks and volumes.
    objects: &'a Objects<'a>,
}

impl Judging<'_> {
    /// Whether its facts decide a set: done, or something moved.
    fn facts(&self, slice: &Slice<'_>, judgement: &mut Judgement) -> Option<SetVerdict> {
        let key = slice.key;
        if self.done.contains(key) {
            return Some(SetVerdict::Done);
        }
        let acts = !slice.changes.is_empty();
        let mut moved = slice.moved(&self.fresh, self.looks, self.before, self.pulled);
        let errors = self.again.errors.iter();
        let errors = errors.filter(|error| error.set.as_ref().is_none_or(|set| set == key));
        moved.extend(errors.map(|error| Moved {
            staleness: self.error(slice, error),
            id: None,
            derived: true,
        }));
        if !moved.is_empty() {
            let half = acts && is_half_done(slice, &moved, self.again, self.looks);
            let (list, verdict) = match (acts, half) {
                (false, _) => (&mut judgement.notes, SetVerdict::Untouched),
                (true, true) => (&mut judgement.half_done, SetVerdict::HalfDone),
                (true, false) => (&mut judgement.stale, SetVerdict::Stale),
            };
            let left = acts && moved.iter().any(|moved| moved.staleness.code == "leftover");
            list.extend(moved.into_iter().map(|Moved { mut staleness, derived, .. }| {
                if left && !derived {
                    staleness.hint = LEFT.into();
                }
                staleness
            }));
            return Some(verdict);
        }
        let rotated = slice.rotated(&self.fresh, self.looks);
        if rotated.is_empty() {
            return None;
        }
        judgement.stale.extend(rotated);
        Some(SetVerdict::Stale)
    }

    /// What an error of the derivation means for a set.
    fn error(&self, slice: &Slice<'_>, error: &PlanError) -> Staleness {
        let set = Some(slice.key.clone());
        let stranger = leftover(error, self.looks).filter(|found| !slice.left(found, self.looks));
        if let Some(stranger) = stranger {
            return Staleness {
                code: "name_taken".to_owned(),
                set,
                object: format!("name `{}`", stranger.name()),
                expected: "it to be free".to_owned(),
                found: format!("container {}", stranger.id().short()),
                hint: "no run of this plan made it: rename it, or have whoever did remove it"
                    .to_owned(),
            };
        }
        Staleness {
            code: error.code.to_owned(),
            set,
            object: format!("set `{}`", slice.key),
            expected: "the same plan".to_owned(),
            found: error.message.clone(),
            hint: error.hint.clone(),
        }
    }

    /// Where the facts of a set hold, the same steps must follow. What depends on a set that is
    /// half done, or stale, cannot be derived as it was, and waits.
    fn steps(&self, slice: &Slice<'_>, spec: &Spec, judgement: &mut Judgement) -> SetVerdict {
        let acts = !slice.changes.is_empty();
        let stuck = depends(spec, slice.key).iter().any(|target| {
            matches!(
                judgement.verdicts.get(target),
                Some(SetVerdict::HalfDone | SetVerdict::Stale | SetVerdict::Blocked)
            )
        });
        let waits = |step: &Step| step.after.iter().any(|id| self.objects.is_half(id.change()));
        let stuck = stuck || slice.steps().any(waits);
        if stuck {
            return if acts { SetVerdict::Blocked } else { SetVerdict::Untouched };
        }
        if self.same_set(slice) {
            return if acts { SetVerdict::Run } else { SetVerdict::Untouched };
        }
        let targets = depends(spec, slice.key);
        let moved: Vec<&SetName> = targets.intersection(&self.aside).collect();
        if !moved.is_empty() {
            judgement.stale.extend(moved.into_iter().map(|target| elsewhere(slice.key, target)));
            return SetVerdict::Stale;
        }
        blame(slice, &self.again.plan, judgement)
    }

    /// Whether a derivation says of this set all that the reviewer read.
    fn same_set(&self, slice: &Slice<'_>) -> bool {
        let new: Vec<&Change> = changes_of(&self.again.plan, slice.key).collect();
        slice.changes.len() == new.len()
            && slice
                .changes
                .iter()
                .zip(&new)
                .all(|(old, new)| same_change(old, new, slice.plan, self.done))
            && slice.changes.iter().all(|change| {
                self.steps_of(&self.old_steps, change) == self.steps_of(&self.new_steps, change)
            })
    }

    /// The steps of a change, without edges to what is done.
    fn steps_of(&self, all: &BTreeMap<&str, Vec<&Step>>, change: &Change) -> Vec<Step> {
        let own = all.get(change.id.as_str()).into_iter().flatten();
        let mut steps: Vec<Step> = own
            .map(|step| {
                let mut step = self.objects.settled((*step).clone());
                step.after.retain(|id| !self.skipped.contains(id.change()));
                step
            })
            .collect();
        steps.sort_by(|a, b| a.id.cmp(&b.id));
        steps
    }
}

/// A dependant of a target that is replaced already differs in more than the reviewer read: what
/// named the old target names nothing now. What is done to it must be the same all the same.
fn same_change(old: &Change, new: &Change, plan: &Plan, done: &BTreeSet<SetName>) -> bool {
    let follows = old.reasons.iter().any(|reason| match reason {
        Reason::Because(Because::TargetReplaced { target }) => plan.changes.iter().any(|change| {
            change.id.as_str() == target.as_str()
                && change.set.as_ref().is_some_and(|set| done.contains(set))
        }),
        _ => false,
    });
    if follows {
        return old.id == new.id && old.verb == new.verb && old.danger == new.danger;
    }
    old == new
}

/// Nothing of a set moved, but other steps follow because of one that it depends on.
fn elsewhere(set: &SetName, target: &SetName) -> Staleness {
    Staleness {
        code: "target_moved".to_owned(),
        set: Some(set.clone()),
        object: format!("set `{target}`, which `{set}` depends on"),
        expected: "it as it was".to_owned(),
        found: "that it moved, so that other steps follow".to_owned(),
        hint: "plan again and have the new plan reviewed".to_owned(),
    }
}

/// Nothing moved, and yet other steps follow: another planner, or another hand.
fn blame(slice: &Slice<'_>, again: &Plan, judgement: &mut Judgement) -> SetVerdict {
    let verbs = |plan: &Plan| {
        let each: Vec<String> = changes_of(plan, slice.key)
            .map(|change| format!("{} {}", change.verb.word(), change.id))
            .collect();
        if each.is_empty() { "no change".to_owned() } else { each.join(", ") }
    };
    let other_version = slice.plan.tool != again.tool;
    let (expected, found) = (verbs(slice.plan), verbs(again));
    let found = if expected == found { format!("{found}, in other words or steps") } else { found };
    let staleness = Staleness {
        code: if other_version { "planner_version" } else { "tampered" }.to_owned(),
        set: Some(slice.key.clone()),
        object: format!("set `{}`", slice.key),
        expected,
        found,
        hint: if other_version {
            format!(
                "the plan was made by version {}; plan again with this one",
                slice.plan.tool.version
            )
        } else {
            "the file does not follow from what it declares: plan again, and ask who edited it"
                .to_owned()
        },
    };
    if other_version {
        judgement.stale.push(staleness);
        return SetVerdict::Stale;
    }
    judgement.tampered.push(staleness);
    SetVerdict::Tampered
}

/// The steps of sets that run, the image steps that they wait for, and those of networks and
/// volumes.
fn to_run(
    plan: &Plan,
    verdicts: &BTreeMap<SetName, SetVerdict>,
    objects: &Objects<'_>,
) -> BTreeSet<StepId> {
    let steps: BTreeMap<&StepId, &Step> = plan.steps.iter().map(|step| (&step.id, step)).collect();
    let runs = |change: &&Change| {
        change.set.as_ref().is_some_and(|set| verdicts.get(set) == Some(&SetVerdict::Run))
    };
    let object = |change: &&Change| is_about(change) && !objects.touched(change.id.as_str());
    let changes: BTreeSet<&str> = plan
        .changes
        .iter()
        .filter(|change| runs(change) || object(change))
        .map(|change| change.id.as_str())
        .collect();
    let mut run: BTreeSet<StepId> =
        steps.keys().filter(|id| changes.contains(id.change())).map(|id| (*id).clone()).collect();
    let mut wanted: BTreeSet<StepId> = run
        .iter()
        .filter_map(|id| steps.get(id))
        .flat_map(|step| step.after.iter().cloned())
        .filter(|id| id.as_str().starts_with("image:"))
        .collect();
    while let Some(id) = wanted.pop_first() {
        if let Some(step) = steps.get(&id)
            && run.insert(id)
        {
            wanted.extend(step.after.iter().cloned());
        }
    }
    run
}
