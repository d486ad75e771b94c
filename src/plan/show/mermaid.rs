//! The steps of a plan over time as a Mermaid chart, for comments on forges.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::estimate::{self, Span};
use super::graph::{self, Down, Graph, Row};
use crate::base::say;
use crate::plan::Plan;

/// The longest name, in characters.
const NAME: usize = 60;

/// The largest number of changes in all charts, because a comment has a size limit.
const MOST: usize = 200;

/// The charts as fenced Markdown blocks; a sentence if there is no change to draw.
pub fn mermaid(plans: &[&Plan]) -> String {
    let most = MOST / plans.len().max(1);
    plans.iter().map(|plan| one(plan, most.max(1))).collect::<Vec<_>>().join("\n")
}

fn one(plan: &Plan, most: usize) -> String {
    let graph = graph::of(plan, &estimate::of(plan), &BTreeMap::new(), most);
    let target = plan.target.as_ref().map(|target| format!(" on {}", plain(&target.name)));
    let title = format!("{}{}", plain(plan.project.as_str()), target.unwrap_or_default());
    if graph.rows.is_empty() {
        return format!("{title}: nothing to do, no action taken.\n");
    }
    format!("```mermaid\n{}```\n", chart(&title, &graph))
}

fn chart(title: &str, graph: &Graph) -> String {
    // The chart treats seconds as seconds since 1970, so an hour on the axis is an hour of the
    // plan.
    let axis = if graph.seconds < 3600 { "%M:%S" } else { "%H:%M:%S" };
    let mut out = format!("gantt\n  title {title}\n  dateFormat X\n  axisFormat {axis}\n");
    for row in &graph.rows {
        let (Row { name, word, down, .. }, Span { start, end }) = (row, row.span());
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  section {}", plain(name));
        let _ = writeln!(out, "  {word} :{start}, {}", end.max(start + 1));
        for Down { span, stays } in down {
            let what = if *stays { "stays down" } else { "down" };
            let _ =
                writeln!(out, "  {what} :crit, {}, {}", span.start, span.end.max(span.start + 1));
        }
    }
    if graph.more > 0 {
        let _ = writeln!(out, "  section and {} more\n  begins :milestone, 0, 0", graph.more);
    }
    out
}

/// A name without characters that have a meaning in Mermaid or on a forge.
fn plain(name: &str) -> String {
    let fits = |c: char| c.is_alphanumeric() && !say::is_unsafe(c);
    let plain = |c: char| if fits(c) || "-_./ ".contains(c) { c } else { '_' };
    name.chars().take(NAME).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;
    use crate::plan::show::{About, html};

    #[test]
    fn a_chart_has_a_section_for_each_change_and_says_what_is_down() {
        let mut plan = sample::empty();
        sample::add_replace(&mut plan, "db", "shop-db", 1);
        sample::add_stop(&mut plan, "old", "legacy", 9);
        insta::assert_snapshot!(mermaid(&[&plan]), @"
        ```mermaid
        gantt
          title shop on harbour-1
          dateFormat X
          axisFormat %M:%S
          section shop-db
          replace :0, 21
          down :crit, 0, 11
          section legacy
          stop :0, 10
          stays down :crit, 0, 21
        ```
        ");
    }

    #[test]
    fn nothing_is_down_where_the_new_one_starts_first() {
        let mut plan = sample::empty();
        sample::add_replace(&mut plan, "db", "shop-db", 1);
        sample::start_first(&mut plan);
        let text = mermaid(&[&plan]);
        assert!(text.contains("  replace :0, ") && !text.contains("down"), "{text}");
        let page = html::html(&[(&plan, About::default())]).unwrap();
        assert!(!page.contains(r#"<rect class="down""#), "{page}");
    }

    #[test]
    fn hostile_names_say_nothing_to_it() {
        let mut plan = sample::empty();
        for (number, name) in (1..).zip(["a\nsection b", "```", "%%{init}%%", "x:crit, <b>;#"]) {
            sample::add_stop(&mut plan, "many", name, number);
        }
        let text = mermaid(&[&plan]);
        let named = |line: &&str| line.starts_with("  section ") || line.starts_with("  title ");
        for line in text.lines().filter(named) {
            assert!(line.chars().all(|c| c.is_alphanumeric() || "-_./ ".contains(c)), "{line}");
        }
        assert_eq!(text.matches("```").count(), 2);
        assert_eq!(plain("a:b;c#d\"e`f<script>"), "a_b_c_d_e_f_script_");
    }

    #[test]
    fn of_very_many_changes_the_first_are_drawn() {
        let mut plan = sample::empty();
        for number in 0..500 {
            sample::add_stop(&mut plan, "many", &format!("{}-{number}", "n".repeat(90)), number);
        }
        let text = mermaid(&[&plan, &plan]);
        assert!(text.len() < 50_000, "{}", text.len());
        assert_eq!(text.matches("section and 400 more").count(), 2);
    }
}
