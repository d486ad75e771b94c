//! The rollback of a plan, used if a new container is not proven; and the effects that cannot be
//! undone.

use std::collections::BTreeSet;

use anstyle::Style;

use super::names::name;
use super::page::{BOLD, Page};
use super::step_text;
use super::text::Options;
use crate::plan::undo::undo;
use crate::plan::world::World;
use crate::plan::{Action, Plan};

/// The steps of all rollbacks and the remaining effects, with a line end after the last line.
pub fn text(plan: &Plan, options: Options) -> String {
    let before = World::planned(plan);
    // Nothing is removed before the new container is proven.
    let removes =
        |action: &Action| matches!(action, Action::Remove { .. } | Action::RemoveNetwork { .. });
    let mut all = before.clone();
    for step in plan.steps.iter().filter(|step| !removes(&step.action)) {
        all.after(step);
    }
    let changes: BTreeSet<&str> = plan.changes.iter().map(|change| change.id.as_str()).collect();
    let (mut undone, mut stays) = (Vec::new(), Vec::new());
    for change in &changes {
        // Nothing is removed yet, but the settings of a network are lost with its removal.
        let back = undo(plan, &BTreeSet::from([*change]), (&before, &all), &BTreeSet::new());
        undone
            .extend(back.steps.iter().map(|step| (name(step.id.as_str()), step_text::text(step))));
        let cannot = back.cannot.into_iter();
        stays.extend(
            cannot.map(|cannot| (crate::base::say::safe(cannot.step.as_str()), cannot.what)),
        );
    }
    let last = plan.steps.iter().filter(|step| removes(&step.action));
    stays.extend(last.map(|step| (name(step.id.as_str()), step_text::text(step))));
    let mut page = Page::new(options.width, options.colour);
    page.heading(BOLD, "UNDO");
    for (id, what) in &undone {
        page.line(&format!("  {id}"));
        page.wrapped((Style::new(), "      "), 8, what);
    }
    if undone.is_empty() {
        page.line("  nothing is to be taken back");
    }
    if !stays.is_empty() {
        page.heading(BOLD, "CANNOT BE UNDONE");
    }
    for (id, what) in &stays {
        page.wrapped((Style::new(), "  "), 4, &format!("{id}: {what}"));
    }
    page.ended()
}

#[cfg(test)]
mod tests {
    use crate::plan::sample;

    #[test]
    fn the_way_back_and_what_stays() {
        let narrow = super::Options { width: 40, ..super::Options::default() };
        let told = super::text(&sample::mixed(), narrow);
        let broken = |line: &&str| line.chars().count() > 40 && line.trim().contains(' ');
        assert_eq!(told.lines().find(broken), None);
        insta::assert_snapshot!(super::text(&sample::mixed(), super::Options::default()));
    }
}
