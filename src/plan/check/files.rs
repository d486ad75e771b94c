//! Checks files: each created container gets exactly the files that its set declares.

use std::collections::{BTreeMap, BTreeSet};

use super::{Violations, named};
use crate::plan::{Action, Plan};

pub(super) fn check(plan: &Plan, violations: &mut Violations) {
    let nothing = BTreeSet::new();
    let mut put = BTreeMap::new();
    for step in &plan.steps {
        if let Action::PutFiles { files, .. } = &step.action {
            put.insert(step.id.change(), (step, files));
        }
    }
    for step in &plan.steps {
        let Action::Create { set, .. } = &step.action else { continue };
        let declared = plan.declared["containers"][set.as_str()]["files"].as_object();
        // A dollar sign is doubled in a spec.
        let declared: BTreeSet<String> =
            declared.into_iter().flatten().map(|(path, _)| path.replace("$$", "$")).collect();
        let found = put.remove(step.id.change()).map_or(&nothing, |(_, files)| files);
        violations.unless(*found == declared, "files", || {
            format!("expected {} to get the files of its set, but found others", named(&step.id))
        });
    }
    for (step, _) in put.values() {
        violations
            .add("files", format!("expected {} after a create, but found none", named(&step.id)));
    }
}
