//! Chooses the steps that are run, and the changes that the derivation confirms. No step is taken from
//! the file where the derivation has it.

use std::collections::{BTreeMap, BTreeSet};

use super::judge::{Case, is_image};
use crate::base::ident::{ChangeId, ChangeTarget, SetName, StepId};
use crate::plan::{Action, Change, Plan, Step};

impl Case<'_> {
    /// The derived steps to run: steps of acting sets that do not wait, their image steps, and
    /// steps of networks and volumes.
    pub(super) fn to_run(
        &self,
        again: &Plan,
        waiting: &BTreeSet<SetName>,
        stuck: &BTreeSet<String>,
    ) -> Vec<Step> {
        let runs: BTreeSet<&str> = again
            .changes
            .iter()
            .filter(|change| match &change.set {
                Some(set) => self.owners.acts(set) && !waiting.contains(set),
                None => !is_image(change.id.as_str()),
            })
            .map(|change| change.id.as_str())
            .filter(|id| !self.stays.contains(id) && !stuck.contains(*id))
            .collect();
        let steps: BTreeMap<&StepId, &Step> =
            again.steps.iter().map(|step| (&step.id, step)).collect();
        let mut run: BTreeSet<&StepId> =
            steps.keys().copied().filter(|id| runs.contains(id.change())).collect();
        let mut needed: Vec<&StepId> = run.iter().copied().collect();
        while let Some(id) = needed.pop() {
            let after = steps.get(id).into_iter().flat_map(|step| &step.after);
            for before in after.filter(|id| is_image(id.change())) {
                if run.insert(before) {
                    needed.push(before);
                }
            }
        }
        let open = again.steps.iter().filter(|step| run.contains(&step.id));
        open.filter(|step| !self.done.contains(&step.id)).cloned().collect()
    }

    /// The changes that are derived again. Steps may wait for others than in the plan. A network that
    /// was taken down is not derived; it is one that the plan declares, and is only put up again.
    pub(super) fn confirmed(&self, again: &Plan, stuck: &BTreeSet<String>) -> BTreeSet<ChangeId> {
        let steps = |plan: &'_ Plan| {
            let mut all: BTreeMap<ChangeId, Vec<(StepId, Action)>> = BTreeMap::new();
            for step in &plan.steps {
                let own = all.entry(ChangeId::new(step.id.change())).or_default();
                own.push((step.id.clone(), step.action.clone()));
            }
            all
        };
        let (old, new) = (steps(self.plan), steps(again));
        let derived = |change: &&Change| {
            let mut all = again.changes.iter();
            let same = |other: &Change| {
                (&other.id, other.verb, &other.set) == (&change.id, change.verb, &change.set)
            };
            all.any(same) && old.get(&change.id) == new.get(&change.id)
        };
        let declared = self.spec.network_names();
        let put_up = |change: &&Change| {
            let ChangeTarget::Network(name) = change.id.target() else { return false };
            let own = self.plan.steps.iter().filter(|step| step.id.change() == change.id.as_str());
            let mut open = own.filter(|step| !self.done.contains(&step.id));
            stuck.contains(change.id.as_str())
                && declared.values().any(|own| own == name)
                && open.all(|step| {
                    matches!(step.action, Action::CreateNetwork { .. } | Action::Connect { .. })
                })
        };
        let all = self.plan.changes.iter().filter(|change| derived(change) || put_up(change));
        all.map(|change| change.id.clone()).collect()
    }

    /// The steps in the plan's order: steps to run as derived, other steps as in the plan.
    pub(super) fn merged(&self, run: Vec<Step>) -> Vec<Step> {
        let mut run: BTreeMap<StepId, Step> =
            run.into_iter().map(|step| (step.id.clone(), step)).collect();
        let steps = self.plan.steps.iter();
        steps.map(|step| run.remove(&step.id).unwrap_or_else(|| step.clone())).collect()
    }
}
