//! The judgement: per set, for the whole plan, before the first call.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::facts::Slice;
use super::{Judgement, SetVerdict, Staleness};
use crate::adapt::Engine;
use crate::ident::{ContainerId, ContainerName, SetName, StepId};
use crate::image_ref::ImageRef;
use crate::plan::build::{Built, Input, Pins, build, depends};
use crate::plan::{Action, Because, Change, Plan, Reason, Step, Target, Verb};
use crate::snapshot::{RegistryAnswer, Snapshot};
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
    let done: BTreeSet<SetName> =
        spec.sets.keys().filter(|key| is_done(plan, key, &real, &pinned)).cloned().collect();
    let replaced = replaced(plan, &done);
    let (before, pulled) = before_pulls(plan, &pinned);
    let again = if done.is_empty() && pulled.is_empty() {
        real
    } else {
        derive(&before, Pins { replaced, ..pins })
    };
    for (key, set) in &spec.sets {
        let slice = Slice { key, set, plan };
        let verdict = judge_set(&slice, &again, &before, &done, &pulled, &mut judgement);
        judgement.verdicts.insert(key.clone(), verdict);
    }
    block(spec, &mut judgement);
    if done.is_empty() {
        compare_whole(plan, &again.plan, &mut judgement);
    }
    judgement.run = to_run(plan, &judgement.verdicts);
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

/// The fresh look with the registry answers of the plan: apply never asks a registry what to do.
fn pinned(plan: &Plan, snapshot: &Snapshot) -> Snapshot {
    let mut snapshot = snapshot.clone();
    snapshot.registry = plan
        .facts
        .images
        .iter()
        .filter_map(|fact| {
            let digest = fact.registry.clone()?;
            Some((fact.reference.clone(), RegistryAnswer::Digest(digest)))
        })
        .collect();
    snapshot
}

/// The names that the plan gives fresh members.
fn names(plan: &Plan) -> BTreeMap<SetName, Vec<ContainerName>> {
    let mut names: BTreeMap<SetName, Vec<ContainerName>> = BTreeMap::new();
    for step in &plan.steps {
        if let Action::Create { name, finally, set, .. } = &step.action
            && name == finally
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

/// A set is at its goal when deriving again gives nothing to do, or only a restart that has
/// happened.
fn is_done(plan: &Plan, key: &SetName, real: &Built, snapshot: &Snapshot) -> bool {
    if changes_of(plan, key).next().is_none() {
        return false;
    }
    if real.errors.iter().any(|error| error.set.as_ref().is_none_or(|set| set == key)) {
        return false;
    }
    changes_of(&real.plan, key)
        .all(|change| change.verb == Verb::Restart && restarted(plan, change, snapshot))
}

/// Whether a container that the plan restarts was started since, under the same ID.
fn restarted(plan: &Plan, change: &Change, snapshot: &Snapshot) -> bool {
    let before = plan.facts.containers.iter().find(|fact| fact.name.as_str() == change.id.as_str());
    let planned = plan.changes.iter().any(|old| {
        old.id == change.id && matches!(old.verb, Verb::Restart | Verb::Start | Verb::Create)
    });
    let now = snapshot.by_name(change.id.as_str());
    let started = now.and_then(|container| container.inspect.as_ref());
    let started = started.and_then(|inspect| inspect["State"]["StartedAt"].as_str());
    match (before, now) {
        (Some(fact), Some(now)) if planned => {
            fact.id == now.id()
                && fact.started_at.as_deref() != started
                && (fact.started_at.is_some() || fact.run != now.run())
        }
        // One that the plan created was started by it.
        (None, Some(_)) => planned,
        _ => false,
    }
}

/// Containers that sets at their goal had replaced.
fn replaced(plan: &Plan, done: &BTreeSet<SetName>) -> BTreeSet<ContainerName> {
    let changes = plan.changes.iter().filter(|change| {
        matches!(change.verb, Verb::Replace | Verb::Run)
            && change.set.as_ref().is_some_and(|set| done.contains(set))
    });
    changes.map(|change| ContainerName::new(change.id.as_str())).collect()
}

/// The look as if images that a run of this plan pulled were not here yet, and the references
/// that this is about.
fn before_pulls(plan: &Plan, snapshot: &Snapshot) -> (Snapshot, BTreeSet<String>) {
    let mut before = snapshot.clone();
    let mut pulled = BTreeSet::new();
    for step in &plan.steps {
        let Action::Pull { image } = &step.action else { continue };
        let Ok(pinned) = ImageRef::parse(image) else { continue };
        let Some(digest) = pinned.digest() else { continue };
        let facts = plan.facts.images.iter().filter(|fact| {
            fact.registry.as_deref() == Some(digest)
                && ImageRef::parse(&fact.reference)
                    .is_ok_and(|reference| reference.repository() == pinned.repository())
        });
        for fact in facts {
            let now = before.references.get(&fact.reference).and_then(Option::as_ref);
            let from_pull = now
                .and_then(|id| before.images.get(id))
                .is_some_and(|image| has_digest(image, digest));
            if from_pull || now == fact.id.as_ref() {
                pulled.insert(fact.reference.clone());
                before.references.insert(fact.reference.clone(), fact.id.clone());
            }
        }
        for image in before.images.values_mut() {
            if let Some(digests) = image["RepoDigests"].as_array_mut() {
                digests.retain(|text| text.as_str().is_none_or(|text| !text.ends_with(digest)));
            }
        }
    }
    (before, pulled)
}

fn has_digest(image: &Json, digest: &str) -> bool {
    let digests = image["RepoDigests"].as_array().into_iter().flatten();
    digests.filter_map(Json::as_str).any(|text| text.ends_with(digest))
}

fn judge_set(
    slice: &Slice<'_>,
    again: &Built,
    snapshot: &Snapshot,
    done: &BTreeSet<SetName>,
    pulled: &BTreeSet<String>,
    judgement: &mut Judgement,
) -> SetVerdict {
    let key = slice.key;
    if done.contains(key) {
        return SetVerdict::Done;
    }
    let acts = slice.changes().next().is_some();
    let mut moved = slice.moved(&again.plan.facts, snapshot, pulled);
    let errors =
        again.errors.iter().filter(|error| error.set.as_ref().is_none_or(|set| set == key));
    moved.extend(errors.map(|error| Staleness {
        code: error.code.to_owned(),
        set: Some(key.clone()),
        object: format!("set `{key}`"),
        expected: "the same plan".to_owned(),
        found: error.message.clone(),
        hint: error.hint.clone(),
    }));
    if !moved.is_empty() {
        if !acts {
            judgement.notes.extend(moved);
            return SetVerdict::Untouched;
        }
        if half_done(slice, again, snapshot) {
            judgement.half_done.extend(moved);
            return SetVerdict::HalfDone;
        }
        judgement.stale.extend(moved);
        return SetVerdict::Stale;
    }
    let rotated = slice.rotated(&again.plan.facts);
    if !rotated.is_empty() {
        judgement.stale.extend(rotated);
        return SetVerdict::Stale;
    }
    if same_set(slice, &again.plan, done) {
        return if acts { SetVerdict::Run } else { SetVerdict::Untouched };
    }
    blame(slice, &again.plan, judgement)
}

/// Whether everything that moved is the work of a run of this plan that got stuck here.
fn half_done(slice: &Slice<'_>, again: &Built, snapshot: &Snapshot) -> bool {
    let names: BTreeSet<&str> = slice.changes().map(|change| change.id.as_str()).collect();
    let leftover = again
        .errors
        .iter()
        .any(|error| error.code == "leftover" && error.set.as_ref() == Some(slice.key));
    if leftover {
        return true;
    }
    let before: BTreeSet<&ContainerId> =
        slice.plan.facts.members.get(slice.key).into_iter().flatten().collect();
    let now: Vec<&ContainerId> =
        again.plan.facts.members.get(slice.key).into_iter().flatten().collect();
    let fresh: Vec<&&ContainerId> = now.iter().filter(|id| !before.contains(**id)).collect();
    // A new member that this plan's own create made, where the plan creates one of that name.
    let ours = |id: &ContainerId| {
        let container = snapshot.by_id(id);
        container.is_some_and(|container| {
            names.contains(container.name().as_str())
                && crate::plan::build::matching::owner(container).is_some()
        })
    };
    !fresh.is_empty() && fresh.into_iter().all(|id| ours(id))
}

/// Whether a derivation says of this set all that the reviewer read.
fn same_set(slice: &Slice<'_>, again: &Plan, done: &BTreeSet<SetName>) -> bool {
    let old: Vec<&Change> = slice.changes().collect();
    let new: Vec<&Change> = changes_of(again, slice.key).collect();
    if old.len() != new.len() {
        return false;
    }
    let same_changes =
        old.iter().zip(&new).all(|(old, new)| same_change(old, new, slice.plan, done));
    same_changes && same_steps(slice.plan, again, &old, done)
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

fn same_steps(plan: &Plan, again: &Plan, changes: &[&Change], done: &BTreeSet<SetName>) -> bool {
    let skipped: BTreeSet<&str> = plan
        .changes
        .iter()
        .filter(|change| change.set.as_ref().is_some_and(|set| done.contains(set)))
        .map(|change| change.id.as_str())
        .collect();
    let of = |plan: &Plan| -> Vec<Step> {
        let own = plan
            .steps
            .iter()
            .filter(|step| changes.iter().any(|change| belongs(&step.id, change.id.as_str())));
        let mut steps: Vec<Step> = own
            .cloned()
            .map(|mut step| {
                step.after.retain(|id| !skipped.iter().any(|change| belongs(id, change)));
                step
            })
            .collect();
        steps.sort_by(|a, b| a.id.cmp(&b.id));
        steps
    };
    of(plan) == of(again)
}

/// Whether a step is one of a change.
fn belongs(step: &StepId, change: &str) -> bool {
    step.as_str().rsplit_once('/').is_some_and(|(id, _)| id == change)
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

/// What depends on a set that is half done waits too.
fn block(spec: &Spec, judgement: &mut Judgement) {
    let stuck = |judgement: &Judgement, key: &SetName| {
        matches!(judgement.verdicts.get(key), Some(SetVerdict::HalfDone | SetVerdict::Blocked))
    };
    let order = crate::spec::order::order(spec).unwrap_or_default();
    for key in order {
        if judgement.verdicts.get(&key) == Some(&SetVerdict::Run)
            && depends(spec, &key).iter().any(|target| stuck(judgement, target))
        {
            judgement.verdicts.insert(key, SetVerdict::Blocked);
        }
    }
}

/// What is of no single set must be as reviewed too: image changes, the summary.
fn compare_whole(plan: &Plan, again: &Plan, judgement: &mut Judgement) {
    if !judgement.is_current() || !judgement.half_done.is_empty() {
        return;
    }
    let images = |plan: &Plan| -> Vec<Change> {
        plan.changes.iter().filter(|change| change.set.is_none()).cloned().collect()
    };
    let steps = |plan: &Plan| -> Vec<Step> {
        let mut steps = plan.steps.clone();
        steps.sort_by(|a, b| a.id.cmp(&b.id));
        steps
    };
    if images(plan) != images(again) || plan.summary != again.summary || steps(plan) != steps(again)
    {
        let other_version = plan.tool != again.tool;
        let staleness = Staleness {
            code: if other_version { "planner_version" } else { "tampered" }.to_owned(),
            set: None,
            object: "the plan as a whole".to_owned(),
            expected: plan.summary.message.clone(),
            found: again.summary.message.clone(),
            hint: "the file does not follow from what it declares: plan again".to_owned(),
        };
        if other_version {
            judgement.stale.push(staleness);
        } else {
            judgement.tampered.push(staleness);
        }
    }
}

/// The steps of sets that run, and the image steps that they wait for.
fn to_run(plan: &Plan, verdicts: &BTreeMap<SetName, SetVerdict>) -> BTreeSet<StepId> {
    let mut run = BTreeSet::new();
    for change in &plan.changes {
        let runs =
            change.set.as_ref().is_some_and(|set| verdicts.get(set) == Some(&SetVerdict::Run));
        if runs {
            let own = plan.steps.iter().filter(|step| belongs(&step.id, change.id.as_str()));
            run.extend(own.map(|step| step.id.clone()));
        }
    }
    let mut wanted: BTreeSet<StepId> = plan
        .steps
        .iter()
        .filter(|step| run.contains(&step.id))
        .flat_map(|step| step.after.iter().cloned())
        .filter(|id| id.as_str().starts_with("image:"))
        .collect();
    while let Some(id) = wanted.pop_first() {
        if let Some(step) = plan.steps.iter().find(|step| step.id == id)
            && run.insert(id)
        {
            wanted.extend(step.after.iter().cloned());
        }
    }
    run
}
