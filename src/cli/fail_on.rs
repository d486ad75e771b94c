//! `plan --fail-on`: the findings that make a scheduled check fail.

use super::args::FailOn;
use crate::base::say;
use crate::plan::cause::{Cause, Causes};
use crate::plan::show::reason_text;
use crate::plan::{Plan, left};

/// The findings that a check fails for, one line each.
pub fn fails(asked: &[FailOn], causes: &Causes<'_>, plan: &Plan) -> Vec<String> {
    let mut asked: Vec<FailOn> = asked.to_vec();
    asked.sort_unstable();
    asked.dedup();
    asked.into_iter().filter_map(|what| fail(what, causes, plan)).collect()
}

fn fail(what: FailOn, causes: &Causes<'_>, plan: &Plan) -> Option<String> {
    match what {
        FailOn::Drift => {
            let mut all = causes.all();
            // A difference of unknown cause may be a manual change, so it counts as drift.
            all.retain(|one| one.cause.is_none_or(|cause| cause == Cause::Drift));
            let lines = say::listed(&all, |one| {
                let why = reason_text::text(one.reason);
                let sure = one.cause.map(|cause| format!(", {}", cause.words()));
                format!("  {}: {why}{}", say::safe(one.name), sure.unwrap_or_default())
            });
            (!all.is_empty()).then(|| format!("fails on drift:\n{lines}"))
        }
        FailOn::Changes => {
            let number = plan.changes.len();
            (number > 0).then(|| format!("fails on changes: {}", say::count(number, "change")))
        }
        FailOn::Differences => {
            let left = left::count(&left::of(plan));
            left.map(|left| format!("fails on differences: {left}"))
        }
    }
}
