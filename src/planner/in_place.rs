//! Finds the differences of a member that an engine can resolve in place: by one update, and by
//! connecting and disconnecting networks.
//!
//! Rows give the new settings, and [`crate::engine_model::update`] gives the result on the engine.
//! The result is compared again, so that only differences that surely vanish count. The choice
//! between update and replacement is [`super::decide`]'s; the choice of networks is
//! [`super::moves`]'s.

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

/// The changes in place of a member.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct InPlace {
    /// The settings of one update; empty if no update helps.
    pub(super) settings: Settings,
    /// Networks to connect, then networks to disconnect.
    pub(super) moves: Vec<Move>,
}

impl InPlace {
    /// Whether no change in place is possible.
    pub(super) fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.moves.is_empty()
    }
}

impl Planner<'_> {
    /// Marks the differences that changes in place resolve, and returns these changes.
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
        // Settings that work one by one but fail together need a new container.
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
        let known = self.known(member.container);
        rows.iter().all(|row| !compare::differs(*row, terms, expected, &after, known))
    }
}
