//! A filled draft becomes a plan: order, facts, summary, what is left alone.

use std::collections::{BTreeMap, BTreeSet};

use super::choose::{Choice, Fate, Member};
use super::draft::Draft;
use super::{Built, facts, matching, order};
use crate::ident::SetName;
use crate::plan::{Because, Change, Matched, Plan, Reason, SetReport, Tool, Warning, summary};
use crate::snapshot::Snapshot;
use crate::spec::{Set, Spec};

impl Draft<'_> {
    /// What was matched, and what differs and is not acted on.
    pub(super) fn report(
        &mut self,
        key: &SetName,
        set: &Set,
        members: &[Member<'_>],
        choice: &Choice,
    ) {
        let acts = |fate: &Fate, difference: &Reason| match fate {
            Fate::Replace(_) => true,
            Fate::Update(reasons, _) | Fate::Start(reasons, _) | Fate::Restart(reasons, _) => {
                reasons.contains(difference)
            }
            _ => false,
        };
        let mut report = SetReport { state: set.state, matched: Vec::new() };
        for (member, fate) in members.iter().zip(&choice.fates) {
            let differences = member.comparison.differences.iter();
            let mut left: Vec<Reason> =
                differences.filter(|difference| !acts(fate, difference)).cloned().collect();
            if !matches!(fate, Fate::Replace(_)) {
                left.extend(
                    member
                        .causes
                        .iter()
                        .filter(|cause| matches!(cause, Because::ImageNotKnown { .. }))
                        .cloned()
                        .map(Reason::Because),
                );
            }
            report.matched.push(matched(member, left));
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
        self.guard_dependants();
        let errors = order::connect(&mut self.jobs, depends, self.snapshot);
        self.errors.extend(errors);
        let steps = order::sort(&self.jobs).unwrap_or_else(|error| {
            self.errors.push(error);
            Vec::new()
        });
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
            assumed: assumed(self.spec, self.snapshot, self.assume),
            declared: self.spec.canonical(),
            facts,
            spec: source,
            tool: Tool {
                name: env!("CARGO_PKG_NAME").to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            steps,
        };
        Built { plan, errors: self.errors, bodies: self.bodies }
    }
}

/// The most dangerous first, then by name.
pub(super) fn sort_changes(changes: &mut [Change]) {
    changes.sort_by_cached_key(|change| {
        let worst = change.danger.iter().min().copied();
        (worst.is_none(), worst, matching::natural(change.id.as_str()))
    });
}

fn matched(member: &Member<'_>, differences: Vec<Reason>) -> Matched {
    Matched {
        name: member.name.clone(),
        id: member.id.clone(),
        by: member.by,
        adopted: member.adopted,
        differences,
    }
}

/// References that could not be resolved and are taken for unchanged.
fn assumed(spec: &Spec, snapshot: &Snapshot, assume: bool) -> Vec<crate::ident::Reference> {
    if !assume {
        return Vec::new();
    }
    let all = spec.references().into_iter();
    all.filter(|reference| snapshot.secrets.get(reference) != Some(&true)).collect()
}
