//! Plans as one HTML page. The page is self-contained, needs no network, and its content security
//! policy allows only its own style and script.
//!
//! The content comes from [`super::model`] and [`super::graph`]; the layout is in the templates.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::about::About;
use super::graph::{self, Graph};
use super::model::{self, Group, InDanger, Model, StepLine};
use super::names;
use super::told::{Entry, Kind};
use super::why::Why;
use crate::base::say;
use crate::plan::cause::Causes;
use crate::plan::{Danger, Plan};

const STYLE: &str = include_str!("../../../templates/plan.css");
const SCRIPT: &str = include_str!("../../../templates/plan.js");

/// The largest number of rows in the timeline.
const MOST_ROWS: usize = 200;
/// The largest number of listed steps.
const MOST_STEPS: usize = 2_000;

/// Why the page cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the page cannot be made: {0}")]
pub struct NoPage(#[from] askama::Error);

#[derive(Template)]
#[template(path = "plan.html")]
struct Page<'a> {
    title: String,
    sheets: &'a [Sheet],
    verbs: Vec<&'static str>,
    dangers: Vec<&'static str>,
    policy: String,
    style: &'static str,
    script: &'static str,
}

/// The section of one plan.
struct Sheet {
    /// The number of the plan on the page, from 1.
    place: usize,
    model: Model,
    about: Vec<(String, String)>,
    graph: Graph,
}

/// One differing entry, with both sides.
struct Side<'a> {
    option: &'a str,
    name: Option<&'a str>,
    from: &'static str,
    found: Option<&'a str>,
    expected: Option<&'a str>,
    /// The text for a side without a value.
    nothing: &'static str,
    nothing_planned: &'static str,
}

/// The page for plans, each with its additional data.
pub fn html(plans: &[(&Plan, About)]) -> Result<String, NoPage> {
    let sheets: Vec<Sheet> = plans.iter().enumerate().map(sheet).collect();
    let groups = || sheets.iter().flat_map(|sheet| &sheet.model.changes);
    let mut verbs: Vec<&'static str> = groups().map(|group| group.word).collect();
    let mut dangers: Vec<_> =
        groups().flat_map(|group| group.dangers.iter().map(|one| one.danger)).collect();
    verbs.sort_unstable();
    verbs.dedup();
    dangers.sort_unstable();
    dangers.dedup();
    let title = match sheets.as_slice() {
        [sheet] => format!("Plan for {}", sheet.model.project),
        several => format!("{} plans", several.len()),
    };
    let page = Page {
        title,
        sheets: &sheets,
        verbs,
        dangers: dangers.into_iter().map(Danger::word).collect(),
        policy: policy(),
        style: STYLE,
        script: SCRIPT,
    };
    // A template ends without the line end of its file.
    Ok(page.render()? + "\n")
}

fn sheet((index, (plan, about)): (usize, &(&Plan, About))) -> Sheet {
    let causes = Causes::new(plan, about.since.as_deref());
    let (model, groups) = model::grouped(plan, &causes);
    let mut lines = about.lines(plan);
    if !model.changes.is_empty() {
        lines.extend(about.command().map(|next| ("apply".to_owned(), next)));
    }
    let graph = graph::of(plan, &model.estimate, &groups, MOST_ROWS);
    Sheet { place: index + 1, model, about: lines, graph }
}

impl Sheet {
    fn steps(&self) -> &[StepLine] {
        &self.model.steps[..self.model.steps.len().min(MOST_STEPS)]
    }

    fn more_steps(&self) -> usize {
        self.model.steps.len() - self.steps().len()
    }
}

/// The content security policy: only the style and script of the page, by their hashes.
fn policy() -> String {
    let of = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        of(STYLE),
        of(SCRIPT)
    )
}

/// The words for the dangers of a group, for the filter.
fn danger_words(group: &Group) -> String {
    InDanger::kinds(&group.dangers).join(" ")
}

/// `1 danger`, `3 dangers`.
fn dangers(number: usize) -> String {
    say::count(number, "danger")
}

/// The names in a danger.
fn who(one: &InDanger) -> String {
    names::listed(&one.names)
}

/// The differing entries with both sides.
fn sides(all: &[Why]) -> Vec<Side<'_>> {
    let mut sides = Vec::new();
    for why in all {
        let Why::Differs { option, from, entries } = why else { continue };
        let side = |entry| side(option, from, entry);
        sides.extend(entries.iter().map(side));
    }
    sides
}

fn side<'a>(option: &'a str, from: &'static str, entry: &'a Entry) -> Side<'a> {
    let (nothing, nothing_planned) = match entry.kind {
        Kind::Added => ("not there", "added"),
        Kind::Changed => ("not shown", "not shown"),
        Kind::Removed => ("there", "gone"),
    };
    Side {
        option,
        name: entry.name.as_deref(),
        from: from.trim_start(),
        found: entry.found.as_deref(),
        expected: entry.expected.as_deref(),
        nothing,
        nothing_planned,
    }
}

/// The reasons that are no differences of entries.
fn because(all: &[Why]) -> Vec<&str> {
    let all = all.iter().filter_map(|why| match why {
        Why::Because(text) => Some(text.as_str()),
        // The new value is already shown elsewhere.
        Why::New | Why::Differs { .. } => None,
    });
    all.collect()
}
