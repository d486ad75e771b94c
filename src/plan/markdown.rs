//! A plan as a comment on a pull request: the same as [`super::text`], in markdown.
//!
//! Text from outside can neither format nor mention anybody, and the whole is never longer than a
//! comment may be; what is cut is said, and dangers are never cut.

use super::view::{self, Group, View};
use super::{Plan, reason_text};

/// A comment may have 65,536 characters.
const MOST: usize = 65_000;
/// What dangers may take of it; beyond, names give way to their number.
const MOST_DANGERS: usize = 40_000;

/// The comment of a plan.
pub fn markdown(plan: &Plan, steps: bool) -> String {
    let view = view::of(plan);
    let mut page = Page { out: String::new(), full: false };
    page.head(&view);
    page.dangers(&view);
    page.changes(&view);
    page.rest(&view);
    if steps {
        page.block(
            "### Steps",
            view.steps.iter().enumerate().map(|(index, (id, what, _))| {
                format!("{}. {} – {}", index + 1, escaped(id), escaped(what))
            }),
        );
    }
    page.ended()
}

/// Lines of text as a comment, cut like a plan's.
pub fn lines(heading: &str, text: &str) -> String {
    let mut page = Page { out: String::new(), full: false };
    page.line(heading);
    page.line("");
    for line in text.lines() {
        page.line(&format!("- {}", escaped(line.trim_start())));
    }
    page.ended()
}

/// Foreign text as text: every character that markdown or HTML gives a meaning is escaped, and
/// nobody is mentioned.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // An entity is no mention, no issue and no link.
            '@' => out.push_str("&#64;"),
            '#' => out.push_str("&#35;"),
            ':' => out.push_str("&#58;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '+' | '!' | '|' | '~'
            | '$' => {
                out.push('\\');
                out.push(character);
            }
            other => out.push(other),
        }
    }
    out
}

struct Page {
    out: String,
    full: bool,
}

impl Page {
    /// Adds a line if there is room; after the first that there is none for, nothing more.
    fn line(&mut self, line: &str) {
        // Characters are at most as many as bytes; counting bytes errs on the safe side.
        if self.full || self.out.len() + line.len() + 1 > MOST {
            self.full = true;
            return;
        }
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn ended(mut self) -> String {
        if self.full {
            self.out.push_str("\n*Cut here: `bayplan show` prints all of it.*\n");
        }
        self.out
    }

    fn block(&mut self, heading: &str, lines: impl Iterator<Item = String>) {
        let mut lines = lines.peekable();
        if lines.peek().is_none() {
            return;
        }
        self.line("");
        self.line(heading);
        self.line("");
        for line in lines {
            self.line(&line);
        }
    }

    fn head(&mut self, view: &View) {
        let target = view.target.as_deref().unwrap_or("any engine");
        self.line(&format!("## Plan for {} on {}", escaped(&view.project), escaped(target)));
        self.line("");
        if view.counts.is_empty() {
            self.line("Nothing to do: no action taken.");
        } else {
            let calls = crate::say::count(view.calls, "engine call");
            self.line(&format!("**{}**; {calls}", view.counts.join(", ")));
        }
    }

    fn dangers(&mut self, view: &View) {
        let room = MOST_DANGERS / view.dangers.len().max(1);
        let lines = view.dangers.iter().map(|(danger, names)| {
            let all = escaped(&names.join(", "));
            let names = if all.len() > room {
                let first = escaped(&names.iter().take(5).cloned().collect::<Vec<_>>().join(", "));
                let more: u64 = names.iter().skip(5).map(|name| folded(name)).sum();
                format!("{first} and {more} more")
            } else {
                all
            };
            let (word, means) = (danger.word(), reason_text::danger_means(*danger));
            format!("- **{}**: {names} – {means}", escaped(word))
        });
        self.block("### ⚠ Danger", lines);
    }

    fn changes(&mut self, view: &View) {
        self.block("### Changes", view.changes.iter().map(group));
    }

    fn rest(&mut self, view: &View) {
        let warnings = view.warnings.iter();
        self.block(
            "### Warnings",
            warnings.map(|(code, text)| format!("- **{}**: {}", escaped(code), escaped(text))),
        );
        self.block(
            "### Assumed",
            view.assumed.iter().map(|reference| {
                format!("- {} is taken for unchanged; apply checks it", escaped(reference))
            }),
        );
        self.block(
            "### Not acted on",
            view.not_acted_on.iter().map(|(name, set, differences)| {
                let differences = escaped(&differences.join("; "));
                format!("- {} of {}: {differences}", escaped(name), escaped(set))
            }),
        );
    }
}

/// One item: its reasons on lines of their own, one piece so that it is never cut in two.
fn group(group: &Group) -> String {
    let set = group.set.as_ref().map(|set| format!(" of {}", escaped(set))).unwrap_or_default();
    let names = escaped(&group.names.join(", "));
    let mut out = format!("- **{}** {names}{set}", group.word);
    if !group.dangers.is_empty() {
        let words: Vec<_> = group.dangers.iter().map(|danger| escaped(danger.word())).collect();
        out.extend([" – ⚠ ", &words.join(", ")]);
    }
    for line in group.reasons.iter().chain(&group.impact) {
        out.extend(["\n  - ", &escaped(line)]);
    }
    out
}

/// How many names a folded one stands for: `shop-web-1..3`.
fn folded(name: &str) -> u64 {
    let run = name.rsplit_once("..").and_then(|(first, last)| {
        let digits = first.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let (first, last): (u64, u64) = (first[digits..].parse().ok()?, last.parse().ok()?);
        Some(last.checked_sub(first)? + 1)
    });
    run.unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;

    #[test]
    fn a_comment_tells_what_the_text_tells() {
        insta::assert_snapshot!(markdown(&sample::mixed(), false), @r"
        ## Plan for shop on harbour-1 \(linux/amd64\)

        **1 to replace, 1 to stop, 3 to create**; 13 engine calls

        ### ⚠ Danger

        - **outage**: legacy, shop-db – runs now and will not, for a while or for good
        - **adopted**: legacy – was not created by bayplan

        ### Changes

        - **stop** legacy of old – ⚠ outage, adopted
          - state \(running =&gt; stopped\)
        - **replace** shop-db of db – ⚠ outage
          - mem\_limit \(536870912 =&gt; 1073741824\), 512m =&gt; 1g
          - environment \(added A; changed B\)
          - forced by environment; mem\_limit alone could be changed in place
          - keeps db-data
        - **create** shop-web-1..3 of web
          - too few&#58; 2 of 3

        ### Warnings

        - **orphan**: shop-mail-1 was created for the set \`mail\`, which the spec no longer has

        ### Assumed

        - from\_env&#58;DB\_PASSWORD is taken for unchanged; apply checks it

        ### Not acted on

        - shop-cache of cache: mem\_limit \(536870912 =&gt; 1073741824\), 512m =&gt; 1g
        ");
        insta::assert_snapshot!(markdown(&sample::empty(), false), @r"
        ## Plan for shop on harbour-1 \(linux/amd64\)

        Nothing to do: no action taken.
        ");
    }

    #[test]
    fn foreign_text_formats_nothing_and_mentions_nobody() {
        let text = markdown(&sample::hostile(), true);
        assert!(!text.chars().any(|c| c != '\n' && crate::say::is_unsafe(c)));
        assert!(!text.contains(['@', '<']), "{text}");
        for (at, _) in text.match_indices(['`', '|', '[', '~']) {
            let ours =
                text[at..].starts_with("`bayplan show`") || text[at..].starts_with("` prints");
            assert!(ours || text[..at].ends_with('\\'), "{}", &text[at.saturating_sub(9)..=at]);
        }
    }

    #[test]
    fn a_comment_is_never_too_long_and_keeps_its_dangers() {
        let mut plan = sample::empty();
        for number in 0..3_000 {
            sample::add_stop(&mut plan, "many", &format!("{number}-{}", "n".repeat(60)), number);
        }
        let text = markdown(&plan, true);
        assert!(text.chars().count() < 65_536);
        assert!(text.ends_with("*Cut here: `bayplan show` prints all of it.*\n"));
        assert!(text.contains("and 2995 more – runs now"), "{}", &text[..500]);
    }

    #[test]
    fn a_folded_run_counts_for_all_that_it_stands_for() {
        assert_eq!(["web", "web-1..3", "web-9..12", "a..b", "1.."].map(folded), [1, 3, 4, 1, 1]);
    }
}
