//! What containers will be: told of each that a step creates and of no other, once, and from the
//! image that the step names.

use std::collections::BTreeSet;

use super::{Violations, named};
use crate::base::ident::{ContainerName, SetName};
use crate::plan::{Action, ImagePin, Plan};

pub(super) fn check(plan: &Plan, violations: &mut Violations) {
    let mut created: BTreeSet<(&SetName, &ContainerName)> = BTreeSet::new();
    for step in &plan.steps {
        let Action::Create { final_name, set, image, .. } = &step.action else { continue };
        created.insert((set, final_name));
        let planned = plan.planned.get(set);
        let told = planned.is_some_and(|planned| planned.containers.contains_key(final_name));
        violations.unless(told, "planned", || {
            format!("expected what {} will be, but found nothing of it", named(final_name))
        });
        violations.unless(planned.is_none_or(|planned| planned.image == *image), "planned", || {
            format!("expected {} to be of the image that set {set} has", named(&step.id))
        });
    }
    for (set, planned) in &plan.planned {
        let declared = plan.declared["containers"][set.as_str()]["image"].as_str();
        violations.unless(declared == Some(&planned.reference), "planned", || {
            format!("expected set {} to have the image that it declares", named(set))
        });
        let pulled = matches!(planned.image, ImagePin::Digest(_));
        violations.unless(planned.from_image.is_none() == pulled, "planned", || {
            format!(
                "expected what the image of {} hands down to be told unless it is pulled",
                named(set)
            )
        });
        violations.unless(!planned.containers.is_empty(), "planned", || {
            format!("expected containers of set {}, but found none", named(set))
        });
        for (name, own) in &planned.containers {
            violations.unless(created.contains(&(set, name)), "planned", || {
                format!("expected a step that creates {}, but found none", named(name))
            });
            let twice = own.keys().find(|key| planned.options.contains_key(*key));
            violations.unless(twice.is_none(), "planned", || {
                format!("expected each option of {} once, but found one twice", named(name))
            });
        }
        let all = planned.containers.values().chain([&planned.options]).flatten();
        for (key, _) in all.filter(|(key, _)| crate::options::row(key).is_none()) {
            violations.add("planned", format!("expected options, but found {}", named(key)));
        }
    }
}
