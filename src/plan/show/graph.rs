//! The timeline of a plan: one row for each change, with its steps and its downtime.
//!
//! The times come from [`super::estimate`]. Drawing is done in [`super::html`] and
//! [`super::mermaid`].

use std::collections::BTreeMap;

use super::estimate::{Estimate, Span, time};
use super::names::name;
use crate::plan::{Action, Plan, Step, Verb};

/// The width of the timeline, in drawing units.
const WHOLE: u64 = 1000;
/// The smallest width of a step, for a step without duration.
const NARROWEST: u64 = 4;

/// The round lengths between two marks, in seconds; longer lengths are hours, doubled each time.
const ROUND: [u64; 13] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600];
/// The largest number of lengths between marks, so that their texts fit on a phone.
const MOST_TICKS: u64 = 5;

/// A mark of the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// The place, in thousandths of the timeline.
    pub at: u64,
    /// The place, as SVG takes it: `47.6%`.
    pub percent: String,
    /// The time in words.
    pub text: String,
    /// The side at which the text is anchored, so that the outer texts stay inside.
    pub anchor: &'static str,
}

/// The timeline of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    /// The length of the timeline, in seconds.
    pub seconds: u64,
    /// One row for each change, in the order in which the changes begin.
    pub rows: Vec<Row>,
    /// The number of changes without a row.
    pub more: usize,
}

/// The row of one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The name of the change.
    pub name: String,
    /// The number of the change's group in the view, if the caller groups changes.
    pub group: Option<usize>,
    /// The word for the change.
    pub word: &'static str,
    /// The steps of the change.
    pub steps: Vec<Span>,
    /// The downtimes of the running container.
    pub down: Vec<Down>,
}

/// A downtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Down {
    /// The span of the downtime; a container that stays down is down until the end of the plan.
    pub span: Span,
    /// Whether the container stays down.
    pub stays: bool,
}

/// The timeline of a plan, with a limit of rows; `groups` has the group number of each change.
pub fn of(plan: &Plan, estimate: &Estimate, groups: &BTreeMap<&str, usize>, most: usize) -> Graph {
    let mut steps: BTreeMap<&str, Vec<(&Step, Span)>> = BTreeMap::new();
    for (step, span) in plan.steps.iter().zip(&estimate.steps) {
        steps.entry(step.id.change()).or_default().push((step, *span));
    }
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, step) in plan.steps.iter().enumerate() {
        places.entry(step.id.change()).or_insert(place);
    }
    let mut rows: Vec<((u64, usize), Row)> = plan
        .changes
        .iter()
        .filter_map(|change| {
            let steps = steps.get(change.id.as_str())?;
            let begins = steps.iter().map(|(_, span)| span.start).min()?;
            let order = (begins, *places.get(change.id.as_str())?);
            let group = groups.get(change.id.as_str()).copied();
            let row = row(change.id.as_str(), change.verb, steps, estimate.seconds);
            Some((order, Row { group, ..row }))
        })
        .collect();
    rows.sort_by_key(|(order, _)| *order);
    let mut rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
    let more = rows.len().saturating_sub(most);
    rows.truncate(most);
    Graph { seconds: estimate.seconds, rows, more }
}

fn row(id: &str, verb: Verb, steps: &[(&Step, Span)], seconds: u64) -> Row {
    let mut down: Vec<Down> = Vec::new();
    let mut since: Option<u64> = None;
    let mut started = false;
    for (step, span) in steps {
        match step.action {
            // The replacement runs already, so nothing goes down.
            Action::Stop { .. } | Action::Kill { .. } if started => {}
            Action::Stop { .. } | Action::Kill { .. } => since = since.or(Some(span.start)),
            Action::Start { .. } => {
                started = true;
                let ended = since.take().map(|start| Span { start, end: span.end });
                down.extend(ended.map(|span| Down { span, stays: false }));
            }
            Action::Restart { .. } => down.push(Down { span: *span, stays: false }),
            _ => {}
        }
    }
    down.extend(since.map(|start| Down { span: Span { start, end: seconds }, stays: true }));
    let steps = steps.iter().map(|(_, span)| *span).collect();
    Row { name: name(id), group: None, word: verb.word(), steps, down }
}

impl Row {
    /// From the beginning of the first step to the end of the last step.
    pub fn span(&self) -> Span {
        let start = self.steps.iter().map(|span| span.start).min().unwrap_or_default();
        let end = self.steps.iter().map(|span| span.end).max().unwrap_or_default();
        Span { start, end }
    }

    /// The row in words, for screen readers: `replace shop-db, from 0 s to 21 s, down from 0 s to
    /// 11 s`.
    pub fn label(&self) -> String {
        let Span { start, end } = self.span();
        let (word, name) = (self.word, &self.name);
        let mut out = format!("{word} {name}, from {} to {}", time(start), time(end));
        for Down { span, stays } in &self.down {
            out.extend([", down from ", &time(span.start)]);
            if !stays {
                out.extend([" to ", &time(span.end)]);
            }
        }
        out
    }
}

impl Graph {
    /// The place of a second, in thousandths of the timeline.
    fn at(&self, second: u64) -> u64 {
        let whole = u128::from(self.seconds.max(1));
        let at = u128::from(second) * u128::from(WHOLE) / whole;
        u64::try_from(at).unwrap_or(WHOLE).min(WHOLE)
    }

    /// The start and the width of each span, in thousandths of the timeline.
    pub fn bars(&self, spans: &[Span]) -> Vec<(u64, u64)> {
        let bar = |span: &Span| {
            let from = self.at(span.start).min(WHOLE - NARROWEST);
            (from, self.at(span.end).saturating_sub(from).max(NARROWEST))
        };
        spans.iter().map(bar).collect()
    }

    /// The start and the width of each downtime, in thousandths of the timeline.
    pub fn gaps(&self, row: &Row) -> Vec<(u64, u64)> {
        self.bars(&row.down.iter().map(|down| down.span).collect::<Vec<_>>())
    }

    /// The marks along the timeline, at round times: a handful, each at its exact place.
    pub fn ticks(&self) -> Vec<Tick> {
        let hours = (1..).map(|power| 3_600 << power);
        let steps = ROUND.into_iter().chain(hours);
        let step = steps.take(64).find(|step| self.seconds / step <= MOST_TICKS);
        let step = step.unwrap_or(u64::MAX);
        let ticks = (0..=self.seconds / step).map(|number| {
            let second = number * step;
            let at = self.at(second);
            let anchor = match at {
                0 => "start",
                901.. => "end",
                _ => "middle",
            };
            Tick { at, percent: format!("{}.{}%", at / 10, at % 10), text: time(second), anchor }
        });
        ticks.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;
    use crate::plan::show::estimate;

    #[test]
    fn a_replacement_is_down_from_its_stop_to_its_start_and_what_is_stopped_stays_so() {
        let mut plan = sample::empty();
        sample::add_replace(&mut plan, "db", "shop-db", 1);
        sample::add_stop(&mut plan, "old", "legacy", 9);
        sample::add_create(&mut plan, "web", "shop-web-1");
        let graph = of(&plan, &estimate::of(&plan), &BTreeMap::new(), 200);
        let told: Vec<String> = graph.rows.iter().map(Row::label).collect();
        insta::assert_snapshot!(told.join("\n"), @"
        replace shop-db, from 0 s to 21 s, down from 0 s to 11 s
        stop legacy, from 0 s to 10 s, down from 0 s
        create shop-web-1, from 0 s to 11 s
        ");
        let ticks = |seconds: u64| {
            let graph = Graph { seconds, rows: Vec::new(), more: 0 };
            let ticks = graph.ticks().into_iter();
            ticks.map(|tick| format!("{} at {}", tick.text, tick.percent)).collect::<Vec<_>>()
        };
        let of_21 =
            ["0 s at 0.0%", "5 s at 23.8%", "10 s at 47.6%", "15 s at 71.4%", "20 s at 95.2%"];
        assert_eq!(ticks(21), of_21);
        assert_eq!(ticks(1), ["0 s at 0.0%", "1 s at 100.0%"]);
        assert_eq!(ticks(0), ["0 s at 0.0%"]);
        assert_eq!(ticks(100).last().unwrap(), "1 min 30 s at 90.0%");
        for seconds in [7, 59, 61, 3_599, 3_601, 86_400, 1 << 40, u64::MAX] {
            assert!((2..=6).contains(&ticks(seconds).len()), "{seconds}: {:?}", ticks(seconds));
        }
        for row in &graph.rows {
            for (x, width) in graph.bars(&row.steps).into_iter().chain(graph.gaps(row)) {
                assert!(x + width <= WHOLE && width >= NARROWEST, "{row:?}");
            }
        }
    }

    #[test]
    fn nothing_to_do_has_no_rows() {
        let plan = sample::empty();
        assert_eq!(of(&plan, &estimate::of(&plan), &BTreeMap::new(), 200).rows, []);
    }
}
