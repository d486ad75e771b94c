//! The rollback of a plan, used if a new container is not proven; and the effects that cannot be
//! undone.

use std::collections::BTreeSet;

use super::names::name;
use super::step_text;
use crate::plan::undo::undo;
use crate::plan::world::World;
use crate::plan::{Action, Plan};

/// The steps of all rollbacks and the remaining effects, with a line end after the last line.
pub fn text(plan: &Plan) -> String {
    let before = World::planned(plan);
    // Nothing is removed before the new container is proven.
    let removes =
        |action: &Action| matches!(action, Action::Remove { .. } | Action::RemoveNetwork { .. });
    let mut all = before.clone();
    for step in plan.steps.iter().filter(|step| !removes(&step.action)) {
        all.after(step);
    }
    let changes: BTreeSet<&str> = plan.changes.iter().map(|change| change.id.as_str()).collect();
    let mut lines = vec![String::new(), "UNDO".to_owned()];
    let mut stays = Vec::new();
    for change in &changes {
        // Nothing is removed yet, but the settings of a network are lost with its removal.
        let back = undo(plan, &BTreeSet::from([*change]), (&before, &all), &BTreeSet::new());
        for step in &back.steps {
            let (id, what) = (name(step.id.as_str()), step_text::text(step));
            lines.push(format!("  {id}\n      {what}"));
        }
        let cannot = back.cannot.iter().map(|cannot| (cannot.step.as_str(), cannot.what.clone()));
        stays.extend(
            cannot.map(|(step, what)| format!("  {}: {what}", crate::base::say::safe(step))),
        );
    }
    for step in plan.steps.iter().filter(|step| removes(&step.action)) {
        let (id, what) = (name(step.id.as_str()), step_text::text(step));
        stays.push(format!("  {id}: {what}"));
    }
    if lines.len() == 2 {
        lines.push("  nothing is to be taken back".to_owned());
    }
    if !stays.is_empty() {
        lines.extend([String::new(), "CANNOT BE UNDONE".to_owned()]);
        lines.extend(stays);
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use crate::plan::sample;

    #[test]
    fn the_way_back_and_what_stays() {
        insta::assert_snapshot!(super::text(&sample::mixed()));
    }
}
