//! Finds the steps whose files are already in the container. No fact describes file contents, and
//! an image may have other files at the same paths. So the snapshot is compared with the
//! declaration. Steps with other effects are [`super::done`]'s.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::judge::Case;
use crate::base::ident::StepId;
use crate::observed::redact::Visible;
use crate::options::files::FIELD;
use crate::options::inspect_view::InspectView;
use crate::plan::{Action, Step, Subject};
use crate::planner::Built;
use crate::planner::compare::{self, Known, Terms};

impl Case<'_> {
    /// The steps whose files the snapshot shows as declared.
    pub(super) fn put_files(&self, again: &Built) -> BTreeSet<StepId> {
        let puts = self.plan.steps.iter().filter(|step| self.is_put(step, again).is_some());
        puts.map(|step| step.id.clone()).collect()
    }

    fn is_put(&self, step: &Step, again: &Built) -> Option<()> {
        let Action::PutFiles { container: Subject::CreatedBy(create), .. } = &step.action else {
            return None;
        };
        let created = self.plan.steps.iter().find(|step| step.id == *create)?;
        let Action::Create { set, .. } = &created.action else { return None };
        let files = &again.bodies.get(create)?.json()[FIELD];
        let mut all = self.look.containers.iter();
        let found = all.find(|found| self.origin.container(found.seen()) == Some(create))?;
        let expected = InspectView::new(&json!({"Config": {FIELD: files}}), &BTreeMap::new());
        let visible = Some(Visible::in_container(self.look, found));
        let found = InspectView::new(found.inspect.as_ref()?, &found.env);
        let terms = Terms {
            set: self.spec.sets.get(set)?,
            adopted: false,
            strange: None,
            everything: true,
        };
        let known = Known { visible, secrets: &self.look.secrets, assume: false };
        let row = crate::options::row("files")?;
        compare::same(row, terms, &expected, &found, known).then_some(())
    }
}
