//! Judges a whole plan before the first call to the engine.
//!
//! 1. Find the done steps ([`super::done`]).
//! 2. Compare the facts, with these steps applied, to the snapshot. A difference makes the plan
//!    stale.
//! 3. Undo the done steps in the snapshot ([`super::taken_back`]), and derive the plan again. The
//!    result must equal the whole plan ([`super::whole`]), or the plan was tampered with.
//! 4. Run the derived steps that are not done.
//!
//! This module calls no engine; the run itself is [`crate::apply`]'s.

use std::collections::{BTreeMap, BTreeSet};

use super::code::Code;
use super::difference::difference;
use super::observed::{Origin, observed};
use super::taken_back::{taken_back, with_answers};
use super::{Judgement, SetVerdict, Staleness, created, networks, owners, rotated, whole};
use crate::base::ident::{ChangeTarget, ContainerName, NetworkId, SetName, StepId};
use crate::engine_model::Engine;
use crate::observed::snapshot::Snapshot;
use crate::plan::world::{Cell, Value, World};
use crate::plan::{Action, Plan, Subject, Target, format};
use crate::planner::{Built, Input, Pins, build, depends, prune};
use crate::spec::Spec;
use crate::spec::order::Words;

/// The remedy for a stale plan.
pub(super) const AGAIN: &str = "plan again and have the new plan reviewed";

/// A plan with its facts and a snapshot.
pub(super) struct Case<'a> {
    pub(super) plan: &'a Plan,
    pub(super) spec: &'a Spec,
    pub(super) words: Words<'a>,
    pub(super) look: &'a Snapshot,
    pub(super) origin: Origin<'a>,
    /// The facts of the plan.
    pub(super) before: World,
    /// The observed values.
    pub(super) now: World,
    /// The done steps.
    pub(super) done: BTreeSet<StepId>,
    /// Changes that cannot be undone in the snapshot, because they removed an object.
    pub(super) stays: BTreeSet<&'a str>,
    pub(super) owners: owners::Owners<'a>,
    /// The cells that steps touch.
    touched: BTreeSet<Cell>,
    /// The cells that the done steps set.
    set: BTreeSet<Cell>,
}

/// The differences from the reviewed plan.
#[derive(Default)]
pub(super) struct Found {
    pub(super) stale: Vec<Staleness>,
    pub(super) notes: Vec<Staleness>,
    pub(super) blocked: Vec<Staleness>,
    /// Sets without changes of which something moved.
    pub(super) moved: BTreeSet<SetName>,
    /// Those of them that lost or got a container.
    pub(super) lost: BTreeSet<SetName>,
    /// References of such sets that mean another image by now.
    pub(super) references: BTreeSet<String>,
    /// Whether an attachment of such a set ended. The plan does not know its endpoint settings, so it
    /// cannot be restored.
    pub(super) off: bool,
    /// Sets that wait for a user, and their dependants.
    pub(super) waiting: BTreeSet<SetName>,
    /// The IDs of unfinished changes that removed a network.
    pub(super) stuck: BTreeSet<String>,
}

/// Judges a plan against a fresh snapshot. `spec` is read from the plan's `declared`; `snapshot` is
/// redacted and unfiltered.
pub fn judge(plan: &Plan, spec: &Spec, snapshot: &Snapshot) -> Judgement {
    // A plan without canonical form has no digest, so no object carries its label.
    let digest = format::write(plan).map(|written| written.digest).unwrap_or_default();
    let look = with_answers(plan, snapshot);
    let spec = &*prune::of_plan(spec, plan);
    let mut case = Case::of(plan, spec, &look, &digest);
    let mut found = Found::default();
    let engine = Engine::of_snapshot(snapshot).target();
    if let Some(target) = &plan.target
        && snapshot.engine.is_some()
    {
        found.stale.extend(other_engine(target, &engine));
    }
    networks::half_replaced(&case, &mut found);
    case.facts(&mut found);
    let worlds = (&case.before, &case.now);
    let restored = case.restored();
    let back = taken_back(&case.origin, plan, worlds, (&restored, &case.stays), look.clone());
    let again = case.derive(&back, BTreeMap::new());
    let put = case.put_files(&again);
    case.done = super::done::done(plan, &case.before, &case.now, &put);
    case.errors(&again, &back, &mut found);
    case.members(&again.plan, &mut found);
    found.stale.extend(rotated::rotated(plan, &again.plan));
    found.stale.extend(created::differing(&case, &again));
    case.wait(&mut found);
    let mut tampered = Vec::new();
    if found.stale.is_empty() {
        whole::compare(&case, &again, &mut found, &mut tampered);
        if !tampered.is_empty() && case.other_names(&back, &mut found) {
            tampered.clear();
        }
        if tampered.is_empty() && found.stale.is_empty() {
            case.as_reviewed(&mut found, &mut tampered);
        }
    }
    case.judgement(found, tampered, again)
}

impl<'a> Case<'a> {
    fn of(plan: &'a Plan, spec: &'a Spec, look: &'a Snapshot, digest: &'a str) -> Self {
        let origin = Origin::of(plan, digest);
        let before = World::planned(plan);
        let now = observed(&origin, &before, look);
        let done = super::done::done(plan, &before, &now, &BTreeSet::new());
        let gone = plan.steps.iter().filter(|step| {
            done.contains(&step.id)
                && matches!(step.action, Action::Remove { .. } | Action::RemoveNetwork { .. })
        });
        let stays = gone.map(|step| step.id.change()).collect();
        let owners = owners::Owners::of(plan, spec);
        let mut world = before.clone();
        let (mut touched, mut set) = (BTreeSet::new(), BTreeSet::new());
        for step in &plan.steps {
            let effects = step.effects(&world);
            let cells = effects.iter().map(|(cell, _)| cell.clone());
            if done.contains(&step.id) {
                set.extend(cells.clone());
            }
            touched.extend(cells);
            world.take(effects);
        }
        let words = Words::of(spec);
        Self { plan, spec, words, look, origin, before, now, done, stays, owners, touched, set }
    }

    /// The cells that get the values of the facts again: those that the done steps set, and the
    /// references on which the plan relies. Where such a reference moved, the plan is stale, and
    /// errors that follow from it would hide that.
    fn restored(&self) -> BTreeSet<Cell> {
        let references = self.plan.facts.images.iter();
        let references = references.map(|fact| Cell::Reference(fact.reference.clone()));
        let matter = references.filter(|cell| self.owners.matters(cell));
        self.set.iter().cloned().chain(matter).collect()
    }

    /// Derives the plan from its own facts, where something moved on which it does not act. A plan that
    /// does not follow from its own facts was edited.
    fn as_reviewed(&self, found: &mut Found, tampered: &mut Vec<Staleness>) {
        if found.notes.is_empty() || found.off {
            return;
        }
        let (worlds, look) = ((&self.before, &self.now), self.look.clone());
        let every = self.before.cells().map(|(cell, _)| cell.clone());
        let attached = self.now.cells().map(|(cell, _)| cell.clone());
        let every: BTreeSet<Cell> = every.chain(attached).collect();
        let back = taken_back(&self.origin, self.plan, worlds, (&every, &self.stays), look);
        let again = self.derive(&back, BTreeMap::new());
        let mut own = Found {
            moved: found.lost.clone(),
            waiting: found.waiting.clone(),
            stuck: found.stuck.clone(),
            ..Found::default()
        };
        whole::compare(self, &again, &mut own, tampered);
        found.stale.extend(own.stale);
    }

    /// Reports facts of the plan that no longer hold.
    fn facts(&self, found: &mut Found) {
        let expected = self.before.clone().after_all(self.plan, &self.done);
        for cell in expected.moved(&self.now) {
            let moved = difference(cell, &expected, &self.now);
            let sets = self.owners.of_cell(cell);
            // A taken name is reported by the cell of the name; other moves of a name are reported
            // by the container's cell.
            let silent = match cell {
                Cell::Holder(_) => {
                    moved.code != Code::NameTaken || expected.get(cell) != Some(&Value::Absent)
                }
                Cell::Network(_) | Cell::Volume(_) => self.plan.changes.is_empty(),
                _ => false,
            };
            let stuck = sets.iter().any(|set| found.waiting.contains(*set))
                || matches!(cell, Cell::Network(name) if found.stuck.contains(ChangeTarget::Network(name).id().as_str()));
            if silent || stuck {
                continue;
            }
            let acts = self.owners.matters(cell) || self.touched.contains(cell);
            let staleness = Staleness::of(moved, sets.first().map(|set| (*set).clone()), AGAIN);
            if acts {
                found.stale.push(staleness);
                continue;
            }
            found.moved.extend(sets.into_iter().cloned());
            let was_attached = matches!(expected.get(cell), Some(Value::Attached(..)));
            found.off |= was_attached && self.now.get(cell).is_none_or(|now| *now == Value::Absent);
            if let Cell::Reference(reference) = cell {
                found.references.insert(reference.clone());
            }
            found.notes.push(staleness);
        }
    }

    /// Derives the plan again.
    fn derive(&self, look: &Snapshot, names: BTreeMap<SetName, Vec<ContainerName>>) -> Built {
        let replaced = self
            .plan
            .changes
            .iter()
            .filter(|change| change.set.is_some() && self.stays.contains(change.id.as_str()));
        let replaced = replaced.map(|change| ContainerName::new(change.id.as_str())).collect();
        let pins = Pins { names, ports: ports(self.plan), replaced };
        let assume = !self.plan.assumed.is_empty();
        let source = self.plan.spec.clone();
        build(&Input { spec: self.spec, snapshot: look, assume, pins, source })
    }

    /// Reports errors of the derived plan: leftovers block their set, other errors make the plan
    /// stale.
    fn errors(&self, again: &Built, back: &Snapshot, found: &mut Found) {
        for error in &again.errors {
            let waits = error.set.as_ref().is_some_and(|set| found.waiting.contains(set));
            if waits {
                continue;
            }
            let staleness = Staleness {
                code: error.code.to_owned(),
                set: error.set.clone(),
                object: match &error.set {
                    Some(set) => format!("set `{set}`"),
                    None => "the plan as a whole".to_owned(),
                },
                expected: "the same plan".to_owned(),
                found: error.message.clone(),
                hint: error.hint.clone(),
            };
            let acts = error.set.as_ref().is_none_or(|set| self.owners.acts(set));
            match &error.set {
                Some(_) if !acts => found.notes.push(staleness),
                Some(set) if error.code == "leftover" && self.left_by_us(set, back) => {
                    found.waiting.insert(set.clone());
                    found.blocked.push(staleness);
                }
                _ if self.plan.changes.is_empty() => found.notes.push(staleness),
                _ => found.stale.push(staleness),
            }
        }
        let waiting = &found.waiting;
        found
            .stale
            .retain(|staleness| staleness.set.as_ref().is_none_or(|set| !waiting.contains(set)));
    }

    /// Whether bayplan left a container with a reserved name: its labels name the set, or the plan
    /// knew it under another name. Other containers may have such a name too.
    fn left_by_us(&self, set: &SetName, look: &Snapshot) -> bool {
        let members = self.plan.facts.members.get(set);
        look.containers.iter().any(|container| {
            let reserved = crate::base::ident::reserved_suffix(container.seen().name()).1.is_some();
            let ours = || {
                crate::planner::matching::owner(container)
                    .map(|owner| crate::planner::matching::now(self.spec, owner))
                    .is_some_and(|(project, own)| project == self.plan.project && own == *set)
            };
            let known = || members.is_some_and(|all| all.contains(&container.id()));
            reserved && (ours() || known())
        })
    }

    /// Compares the members of sets.
    fn members(&self, again: &Plan, found: &mut Found) {
        // `prune` may find more removed sets by now, which the plan does not know.
        for (set, ids) in &again.facts.members {
            if self.plan.facts.members.contains_key(set) {
                continue;
            }
            for id in ids {
                found.stale.push(Staleness {
                    code: Code::ContainerNew.word().to_owned(),
                    set: Some(set.clone()),
                    object: format!("set `{set}`, which the spec does not have"),
                    expected: "no container of it".to_owned(),
                    found: format!("{}, which would be removed now", id.short()),
                    hint: AGAIN.to_owned(),
                });
            }
        }
        for (set, before) in &self.plan.facts.members {
            let changes =
                || self.plan.changes.iter().filter(|change| change.set.as_ref() == Some(set));
            if found.waiting.contains(set)
                || changes().any(|change| self.stays.contains(change.id.as_str()))
            {
                continue;
            }
            let before: BTreeSet<_> = before.iter().collect();
            let now: BTreeSet<_> = again.facts.members.get(set).into_iter().flatten().collect();
            for id in before.symmetric_difference(&now) {
                let subject = Subject::Container((*id).clone());
                let there = self.look.by_id(id);
                let Some(container) = there else {
                    // The cell of its name reports the missing container.
                    found.lost.insert(set.clone());
                    continue;
                };
                let new = now.contains(id);
                let code = if new { Code::ContainerNew } else { Code::ContainerUnmatched };
                let (expected, seen) = if new {
                    ("no such container".to_owned(), format!("{}, matched now", id.short()))
                } else {
                    (format!("{} there", id.short()), "it not matched any more".to_owned())
                };
                let staleness = Staleness {
                    code: code.word().to_owned(),
                    set: Some(set.clone()),
                    object: format!(
                        "container `{}`",
                        crate::base::say::short(container.name().as_str())
                    ),
                    expected,
                    found: seen,
                    hint: AGAIN.to_owned(),
                };
                let acts = self.owners.acts(set) || self.owners.addressed(&subject);
                if acts {
                    found.stale.push(staleness);
                } else {
                    found.lost.insert(set.clone());
                    found.notes.push(staleness);
                }
            }
        }
        let acts = |set: &SetName| self.owners.acts(set);
        found.lost.retain(|set| !acts(set));
        found.moved.extend(found.lost.iter().cloned());
        found.moved.retain(|set| !acts(set));
    }

    /// Adds the dependants of waiting sets.
    fn wait(&self, found: &mut Found) {
        loop {
            let more: Vec<SetName> = self
                .spec
                .sets
                .keys()
                .filter(|set| !found.waiting.contains(*set))
                .filter(|set| {
                    let needs = depends(&self.words, set);
                    needs.iter().any(|target| found.waiting.contains(target))
                        || self.owners.steps_of(set).any(|step| {
                            step.after.iter().any(|id| found.stuck.contains(id.change()))
                        })
                })
                .cloned()
                .collect();
            if more.is_empty() {
                return;
            }
            found.waiting.extend(more);
        }
    }

    /// Whether the plan follows with its own names for new containers; then only the assignment of
    /// names moved.
    fn other_names(&self, back: &Snapshot, found: &mut Found) -> bool {
        let mut names: BTreeMap<SetName, Vec<ContainerName>> = BTreeMap::new();
        for step in &self.plan.steps {
            if let Action::Create { name, final_name, set, .. } = &step.action
                && name == final_name
            {
                names.entry(set.clone()).or_default().push(name.clone());
            }
        }
        if names.is_empty() {
            return false;
        }
        let again = self.derive(back, names);
        let (mut own, mut tampered) = (Found::default(), Vec::new());
        own.moved.clone_from(&found.moved);
        own.references.clone_from(&found.references);
        own.waiting.clone_from(&found.waiting);
        own.stuck.clone_from(&found.stuck);
        whole::compare(self, &again, &mut own, &mut tampered);
        let only_names = again.errors.is_empty() && tampered.is_empty() && own.stale.is_empty();
        if only_names {
            found.stale.push(Staleness {
                code: Code::NamesMoved.word().to_owned(),
                set: None,
                object: "the names of new containers".to_owned(),
                expected: "the first ones that are free".to_owned(),
                found: "others free before them".to_owned(),
                hint: AGAIN.to_owned(),
            });
        }
        only_names
    }

    fn judgement(&self, found: Found, tampered: Vec<Staleness>, again: Built) -> Judgement {
        let mut judgement = Judgement {
            stale: found.stale,
            tampered,
            notes: found.notes,
            half_done: found.blocked,
            ..Judgement::default()
        };
        let stale = judgement.stale.iter().chain(&judgement.tampered);
        let mut held = Found { stuck: found.stuck.clone(), ..Found::default() };
        held.waiting =
            stale.filter_map(|one| one.set.clone()).chain(found.waiting.clone()).collect();
        self.wait(&mut held);
        for set in self.spec.sets.keys() {
            let verdict = self.verdict(set, &judgement, &held.waiting);
            judgement.verdicts.insert(set.clone(), verdict);
        }
        let run = if judgement.is_current() {
            self.to_run(&again.plan, &found.waiting, &found.stuck)
        } else {
            Vec::new()
        };
        judgement.run = run.iter().map(|step| step.id.clone()).collect();
        judgement.steps = self.merged(run);
        judgement.confirmed = self.confirmed(&again.plan, &found.stuck);
        judgement.left = crate::plan::left::of(&again.plan);
        judgement.bodies = again.bodies;
        judgement.done.clone_from(&self.done);
        judgement.world = self.before.clone().after_all(self.plan, &self.done);
        for container in &self.look.containers {
            if let Some(step) = self.origin.container(container.seen()) {
                judgement.created.insert(step.clone(), container.id());
            }
        }
        for network in &self.look.networks {
            if let Some(step) = self.origin.network(network) {
                let id = NetworkId::new(network["Id"].as_str().unwrap_or_default());
                judgement.networks.insert(step.clone(), id);
            }
        }
        judgement
    }

    fn verdict(
        &self,
        set: &SetName,
        judgement: &Judgement,
        waiting: &BTreeSet<SetName>,
    ) -> SetVerdict {
        let of = |all: &[Staleness]| all.iter().any(|one| one.set.as_ref() == Some(set));
        let done = || self.owners.steps_of(set).all(|step| self.done.contains(&step.id));
        if of(&judgement.tampered) {
            SetVerdict::Tampered
        } else if !self.owners.acts(set) {
            SetVerdict::Untouched
        } else if of(&judgement.stale) {
            SetVerdict::Stale
        } else if of(&judgement.half_done) {
            SetVerdict::HalfDone
        } else if waiting.contains(set) {
            SetVerdict::Blocked
        } else if done() {
            SetVerdict::Done
        } else {
            SetVerdict::Run
        }
    }
}

/// Whether a change is about an image.
pub(super) fn is_image(change: &str) -> bool {
    matches!(ChangeTarget::of(change), ChangeTarget::Image(_))
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
            code: Code::Engine.word().to_owned(),
            set: None,
            object: format!("the engine's {what}"),
            expected: expected.clone(),
            found: found.clone(),
            hint: "connect to the engine that the plan was made for, or plan on this one"
                .to_owned(),
        })
        .collect()
}

/// The host ports of ranges that the plan pins for new containers.
fn ports(plan: &Plan) -> BTreeMap<ContainerName, Vec<String>> {
    let pinned = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Create { final_name, ports, .. } => Some((final_name.clone(), ports.clone())),
        _ => None,
    });
    pinned.collect()
}
