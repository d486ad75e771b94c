//! What an engine could do in place about the differences of a member: one update, and networks
//! connected and disconnected.
//!
//! Rows say what would have to be set, [`crate::engine_model::update`] what an engine makes of it; here
//! the outcome is compared once more, so that only what surely goes away counts. Whether a member
//! is changed or replaced is [`super::decide`]'s; which networks are moved, [`super::moves`]'s.

use super::decide::Member;
use super::draft::Planner;
use super::moves::{self, Move};
use crate::base::ident::SetName;
use crate::engine_model::update;
use crate::options::inspect_view::InspectView;
use crate::options::settings::Settings;
use crate::options::{self, AnyRow};
use crate::plan::Reason;
use crate::planner::compare;
use crate::planner::compare::Terms;

/// What of a member can be changed in place.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct InPlace {
    /// What one update sets; nothing where it can do nothing.
    pub(super) settings: Settings,
    /// Networks that it is put on, then those that it is taken off.
    pub(super) moves: Vec<Move>,
}

impl InPlace {
    /// Whether nothing of the member can be changed in place.
    pub(super) fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.moves.is_empty()
    }
}

impl Planner<'_> {
    /// Marks the differences that can be done away with, and says how.
    pub(super) fn in_place(
        &self,
        key: &SetName,
        terms: Terms<'_>,
        expected: &InspectView,
        member: &Member<'_>,
        differences: &mut [Reason],
    ) -> InPlace {
        let mut moves = Vec::new();
        for difference in differences.iter_mut() {
            let Reason::Option(difference) = difference else { continue };
            if difference.option == moves::NETWORKS
                && let Some(all) = self.moves(key, terms, expected, member)
            {
                difference.in_place = true;
                moves = all;
            }
        }
        let fixable_in_place = |rows: &[&dyn AnyRow], settings: &Settings| {
            self.fixable_in_place(terms, expected, member, rows, settings)
        };
        let mut all = Settings::default();
        let mut rows: Vec<&dyn AnyRow> = Vec::new();
        for difference in differences.iter_mut() {
            let Reason::Option(difference) = difference else { continue };
            let Some(row) = options::row(&difference.option) else { continue };
            let Some(settings) = row.update(expected) else { continue };
            if fixable_in_place(&[row], &settings) {
                difference.in_place = true;
                all.0.extend(settings.0);
                rows.push(row);
            }
        }
        // What goes one by one and not together is left to a new container.
        if rows.len() > 1 && !fixable_in_place(&rows, &all) {
            for difference in differences.iter_mut() {
                if let Reason::Option(difference) = difference
                    && difference.option != moves::NETWORKS
                {
                    difference.in_place = false;
                }
            }
            return InPlace { settings: Settings::default(), moves };
        }
        InPlace { settings: all, moves }
    }

    /// Whether these rows are as expected after an update.
    fn fixable_in_place(
        &self,
        terms: Terms<'_>,
        expected: &InspectView,
        member: &Member<'_>,
        rows: &[&dyn AnyRow],
        settings: &Settings,
    ) -> bool {
        let Some(inspect) = &member.container.inspect else { return false };
        let host = &inspect["HostConfig"];
        let Ok((after, _)) = update::update(host, settings, &self.engine) else { return false };
        if settings.is_empty() || !update::takes_effect(host, settings) {
            return false;
        }
        let mut inspect = inspect.clone();
        inspect["HostConfig"] = after;
        let after = InspectView::new(&inspect, &member.container.env);
        rows.iter().all(|row| !compare::differs(*row, terms, expected, &after, self.known()))
    }
}
