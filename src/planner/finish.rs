//! Turns a filled draft into a plan: order, facts, summary, and the differences that stay. Filling
//! the draft is [`super::draft`]'s.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::{Choice, Disposition, Member, decide};
use super::draft::Planner;
use super::{Built, facts, matching, order};
use crate::base::ident::SetName;
use crate::observed::snapshot::Snapshot;
use crate::plan::{
    Because, Change, ChangedBy, Matched, Plan, Reason, SetReport, Tool, Warning, summary,
};
use crate::spec::{Recreate, Set, Spec, State};

impl Planner<'_> {
    /// Reports the matched containers, and the differences that the plan leaves.
    pub(super) fn report(
        &mut self,
        key: &SetName,
        set: &Set,
        members: &[Member<'_>],
        choice: &Choice,
    ) {
        let mut report = SetReport { state: set.state, matched: Vec::new() };
        let mut others: Option<Vec<(ChangedBy, Choice)>> = None;
        for (index, (member, fate)) in members.iter().zip(&choice.fates).enumerate() {
            let left = left(member, fate);
            let mut way = None;
            if !left.is_empty() {
                let others = others.get_or_insert_with(|| otherwise(set, members));
                let would = |(_, other): &&(ChangedBy, Choice)| {
                    left.iter().all(|difference| acts(&other.fates[index], difference))
                };
                way = others.iter().find(would).map(|(way, _)| *way);
            }
            report.matched.push(matched(member, way, left));
            self.report_unknown(key, set, member, fate);
        }
        self.warnings.extend(choice.warnings.iter().map(|(code, text)| Warning {
            code: (*code).to_owned(),
            set: Some(key.clone()),
            text: text.clone(),
        }));
        self.reports.insert(key.clone(), report);
    }

    pub(super) fn finish(
        mut self,
        depends: &BTreeMap<SetName, BTreeSet<SetName>>,
        source: Option<crate::plan::SpecSource>,
    ) -> Built {
        self.guard_targets();
        self.refuse_starts();
        self.plan_besides();
        self.guard_dependants();
        order::connect(&mut self.jobs, depends, &self.spec.sets);
        self.take_ports();
        self.take_addresses();
        order::kept_until_proven(&mut self.jobs);
        let steps = order::sort(&self.jobs).unwrap_or_else(|error| {
            self.errors.push(error);
            Vec::new()
        });
        self.image_sources();
        // The plan needs the room.
        self.created = BTreeMap::new();
        let planned = self.planned();
        let facts = facts::gather(self.spec, self.snapshot, &self, &steps);
        let mut changes: Vec<Change> = self.jobs.iter().map(|job| job.change.clone()).collect();
        sort_changes(&mut changes);
        self.warnings.sort();
        self.warnings.dedup();
        self.errors.sort();
        self.errors.dedup();
        let plan = Plan {
            project: self.spec.project.clone(),
            target: self.snapshot.engine.is_some().then(|| self.engine.target()),
            summary: summary::of(&steps),
            changes,
            warnings: self.warnings,
            sets: self.reports,
            planned,
            assumed: assumed(self.spec, self.snapshot, self.assume),
            declared: self.spec.canonical(),
            facts,
            spec: source,
            tool: Tool::this(),
            steps,
        };
        Built { plan, errors: self.errors, bodies: self.bodies }
    }
}

/// Whether a verdict resolves a difference.
fn acts(fate: &Disposition, difference: &Reason) -> bool {
    match fate {
        Disposition::Replace(_) | Disposition::Remove(_) => true,
        Disposition::Update(reasons, _)
        | Disposition::Start(reasons, _)
        | Disposition::Restart(reasons, _) => reasons.contains(difference),
        Disposition::Keep | Disposition::Stop(_) | Disposition::Kill(_) => false,
    }
}

/// The differences of a container that the plan leaves.
fn left(member: &Member<'_>, fate: &Disposition) -> Vec<Reason> {
    let open = member.causes.iter().filter(|cause| matches!(cause, Because::ImageNotKnown { .. }));
    let open = open.cloned().map(Reason::Because);
    let all = member.comparison.differences.iter().cloned().chain(open);
    all.filter(|difference| !acts(fate, difference)).collect()
}

/// The verdicts under other values of `state` and `recreate`, the smallest change of the spec
/// first.
fn otherwise(set: &Set, members: &[Member<'_>]) -> Vec<(ChangedBy, Choice)> {
    let reloaded = State::Reloaded;
    let words = [
        (ChangedBy::State, reloaded, set.recreate),
        (ChangedBy::Recreate, set.state, Recreate::Auto),
        (ChangedBy::Both, reloaded, Recreate::Auto),
    ];
    let other = words
        .into_iter()
        .filter(|(_, state, recreate)| (*state, *recreate) != (set.state, set.recreate));
    other
        .map(|(way, state, recreate)| {
            (way, decide(&Set { state, recreate, ..set.clone() }, members))
        })
        .collect()
}

/// Sorts by the worst danger, then by name.
pub(super) fn sort_changes(changes: &mut [Change]) {
    changes.sort_by_cached_key(|change| {
        let worst = change.danger.iter().min().copied();
        (worst.is_none(), worst, matching::natural(change.id.as_str()))
    });
}

fn matched(
    member: &Member<'_>,
    changed_by: Option<ChangedBy>,
    differences: Vec<Reason>,
) -> Matched {
    Matched {
        name: member.name.clone(),
        id: member.id.clone(),
        by: member.by,
        adopted: member.adopted,
        changed_by,
        differences,
    }
}

/// Unresolved references that count as unchanged.
fn assumed(spec: &Spec, snapshot: &Snapshot, assume: bool) -> Vec<crate::base::ident::Reference> {
    if !assume {
        return Vec::new();
    }
    let all = spec.references().into_iter();
    all.filter(|reference| snapshot.secrets.get(reference) != Some(&true)).collect()
}
