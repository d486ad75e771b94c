//! Plans as a Markdown comment on a pull request: a table of the changes, with folded details.
//!
//! Foreign text cannot format the comment or mention people. The comment keeps the size limit of
//! forges. Dangers get room first, and the comment counts what is left out.

use super::About;
use super::comment::{self, Item, Matter, Part};
use super::model::{self, Group, InDanger, Model};
use super::planned::{self, WillBe};
use super::told::Entry;
use super::why::Why;
use crate::plan::{Danger, Plan};

/// The marker by which a CI job finds and replaces its own comment.
pub const MARKER: &str = "<!-- bayplan -->";

/// The width up to which the entries of a difference share one cell, in characters.
const CELL: usize = 100;

/// The comment for plans, each with its additional data.
pub fn markdown(plans: &[(&Plan, About)], steps: bool) -> String {
    let of_plan = |(plan, about): &(&Plan, About)| {
        let model = model::of(plan, about.since.as_deref());
        let mut parts = vec![head(&model)];
        parts.extend(rows(&model));
        parts.extend(warnings(&model));
        parts.extend(closing(plan, about, &model));
        parts.extend(details(&model));
        if steps {
            parts.extend(step_lines(&model));
        }
        parts
    };
    comment::comment(&format!("{MARKER}\n"), plans.iter().map(of_plan).collect())
}

/// Lines of text as a comment, shortened like the comment on a plan.
pub fn lines(heading: &str, text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let items = lines.map(|line| Item::line(&format!("- {}", code(line.trim_start()))));
    let open = format!("{heading}\n\n");
    let part = Part { matter: Matter::Detail, open, items: items.collect(), close: "" };
    comment::comment(&format!("{MARKER}\n"), vec![vec![part]])
}

/// Foreign text as a code span: nothing in the text is formatted, linked or mentioned, on any
/// forge. The delimiter is longer than any backtick run in the text.
pub fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let quotes = "`".repeat(longest + 1);
    // A renderer strips one blank at each end if both blanks are there.
    let touches = text.starts_with('`') || text.ends_with('`');
    let blanks = text.starts_with(' ') && text.ends_with(' ') && !text.trim().is_empty();
    let pad = if touches || blanks { " " } else { "" };
    format!("{quotes}{pad}{text}{pad}{quotes}")
}

/// A code span inside a table cell, where a bar needs another form.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            // After a backslash, a forge always reads a bar as the end of the cell.
            '|' if out.ends_with('\\') => out.push_str("\\u{7c}"),
            sign => out.push(sign),
        }
    }
    code(&out).replace('|', "\\|")
}

/// A part with a heading; `None` without items.
fn block(matter: Matter, heading: &str, items: Vec<Item>) -> Option<Part> {
    let open = format!("\n{heading}\n\n");
    (!items.is_empty()).then_some(Part { matter, open, items, close: "" })
}

/// A folded part; `None` without items.
fn folded(matter: Matter, summary: &str, items: Vec<Item>) -> Option<Part> {
    let open = format!("\n<details><summary>{summary}</summary>\n\n");
    (!items.is_empty()).then_some(Part { matter, open, items, close: "\n</details>\n" })
}

fn head(model: &Model) -> Part {
    let target = model.target.as_deref().unwrap_or("any engine");
    let title = format!("## Plan for {} on {}", code(&model.project), code(target));
    // The headline has only words and numbers of bayplan.
    let mut out = format!("{title}\n\n**{}**\n", model.headline());
    if !model.changes.is_empty() {
        out.push_str("\n| danger | what | why | interruption |\n|---|---|---|---|\n");
    }
    Part::head(out)
}

/// The table rows of the changes: dangerous changes first, the worst danger at the top.
fn rows(model: &Model) -> [Part; 2] {
    let mut groups: Vec<&Group> = model.changes.iter().collect();
    groups.sort_by_key(|group| group.dangers.iter().map(|one| one.danger).min());
    let item = |group: &Group| Item {
        text: format!("{}\n", row(group)),
        number: group.members,
        kinds: InDanger::kinds(&group.dangers),
    };
    let (dangerous, harmless): (Vec<&Group>, Vec<&Group>) =
        groups.into_iter().partition(|group| !group.dangers.is_empty());
    [(Matter::Danger, dangerous), (Matter::Harmless, harmless)].map(|(matter, groups)| Part {
        matter,
        open: String::new(),
        items: groups.into_iter().map(item).collect(),
        close: "",
    })
}

fn warnings(model: &Model) -> impl Iterator<Item = Part> {
    let warnings = model.warnings.iter();
    let warnings =
        warnings.map(|(word, text)| Item::line(&format!("- {}: {}", code(word), code(text))));
    let assumed = model.assumed.iter().map(|reference| {
        Item::line(&format!("- {} is taken for unchanged; apply checks it", code(reference)))
    });
    let warnings = block(Matter::Warning, "### Warnings", warnings.collect());
    let assumed = block(Matter::Warning, "### Assumed", assumed.collect());
    warnings.into_iter().chain(assumed)
}

/// The digest, the notes and the apply command, which are always shown.
fn closing(plan: &Plan, about: &About, model: &Model) -> Option<Part> {
    let lines = about.lines(plan);
    let next = about.command().filter(|_| !model.changes.is_empty());
    let next = next.map(|next| format!("- apply: {}\n", code(&next)));
    let about = lines.iter().map(|(key, value)| format!("- {}: {}\n", code(key), code(value)));
    let all: String = about.chain(next).collect();
    (!all.is_empty()).then(|| Part::head(format!("\n{all}")))
}

fn details(model: &Model) -> impl Iterator<Item = Part> {
    let groups =
        model.changes.iter().map(|it| Item { number: it.members, ..Item::line(&group(it)) });
    let left = model.not_acted_on.iter().map(|left| {
        let mut out = format!("- {}", code(&left.text));
        for (name, differences) in &left.containers {
            out.extend(["\n  - ", &code(name)]);
            for line in differences.iter().flat_map(whys) {
                out.extend(["\n    - ", &line]);
            }
        }
        Item::line(&out)
    });
    let groups = folded(Matter::Detail, "What is done, in its order", groups.collect());
    groups.into_iter().chain(folded(Matter::Left, "Not acted on", left.collect()))
}

fn step_lines(model: &Model) -> Option<Part> {
    let lines = model.steps.iter().enumerate().map(|(index, step)| {
        let after = match step.after.as_slice() {
            [] => String::new(),
            after => format!(", after {}", code(&after.join(", "))),
        };
        let (id, what) = (code(&step.id), code(&step.what));
        Item::line(&format!("{}. {id} – {what}{after}", index + 1))
    });
    folded(Matter::Step, "Steps", lines.collect())
}

/// The table row of one group; the details show the rest.
fn row(group: &Group) -> String {
    let dangers: Vec<String> = group.dangers.iter().map(danger).collect();
    let dangers = if dangers.is_empty() { "–".to_owned() } else { dangers.join("<br>") };
    let what = format!("{} {}", group.word, cell(&group.title()));
    let why: Vec<String> = group.why.iter().map(short).collect();
    let interruption = group.outage.as_ref().map_or("–".to_owned(), |outage| cell(outage));
    format!("| {dangers} | {what} | {} | {interruption} |", why.join("<br>"))
}

/// A danger in a cell: `**outage**`; its values have a cell of their own.
fn danger(one: &InDanger) -> String {
    let word = one.danger.word();
    match one.value {
        None if one.class.is_none() => format!("**{word}**"),
        _ if one.danger == Danger::Outage => format!("**{word}**"),
        _ => format!("**{word}** {}", cell(&one.words())),
    }
}

/// A reason for a cell: entries up to a width, and the number of the other entries.
fn short(why: &Why) -> String {
    match why {
        Why::New => "new".to_owned(),
        Why::Because(text) => cell(text),
        Why::Differs { option, from, entries } => {
            let words = |entry: &Entry| format!("{}{}", entry.mark(), entry.shown(option));
            let mut all = entries.iter().map(words);
            let mut text = format!("{option} {}", all.next().unwrap_or_default());
            let mut left = entries.len().saturating_sub(1);
            for words in all {
                if text.chars().count() + words.chars().count() > CELL {
                    break;
                }
                text.extend([", ", &words]);
                left -= 1;
            }
            let more = if left > 0 { format!(", {left} more") } else { String::new() };
            format!("{}{more}{from}", cell(&text))
        }
    }
}

/// A reason, with one line for each entry.
fn whys(why: &Why) -> Vec<String> {
    match why {
        Why::New => Vec::new(),
        Why::Because(text) => vec![code(text)],
        Why::Differs { option, from, entries } => {
            let one = |entry: &Entry| {
                let text = format!("{option} {}{}", entry.mark(), entry.shown(option));
                format!("{}{from}", code(&text))
            };
            entries.iter().map(one).collect()
        }
    }
}

/// The details of one group, as one item that is never split.
fn group(group: &Group) -> String {
    let mut out = format!("{}. **{}** {}", group.number, group.word, code(&group.title()));
    if !group.dangers.is_empty() {
        out.extend([" – ⚠ ", &InDanger::kinds(&group.dangers).join(", ")]);
    }
    let why = group.why.iter().flat_map(whys);
    let impact = group.impact.iter().map(|line| code(line));
    let will_be = group.will_be.iter().flat_map(will_be);
    for line in why.chain(impact).chain(will_be) {
        out.extend(["\n   - ", &line]);
    }
    out
}

/// The planned containers, with one line for each option.
fn will_be(will_be: &WillBe) -> Vec<String> {
    let WillBe { is_rest, image, options, own, more, from_image } = will_be;
    let image = image.iter().map(|image| format!("image {image}"));
    let options = options.iter().map(|option| format!("{} {}", option.key, option.words()));
    let mut lines: Vec<String> = image.chain(options).collect();
    // What stays as it is must not look like a reason.
    if *is_rest && !lines.is_empty() {
        lines = vec![format!("with {}", lines.join("; "))];
    }
    let own = own.iter().map(|(name, own)| format!("{name}: {}", planned::together(own)));
    let more = (*more > 0).then(|| format!("and {more} more containers"));
    let handed = match from_image {
        None => Some("what the image hands down is known once it is pulled".to_owned()),
        Some(handed) if handed.is_empty() => None,
        Some(handed) => Some(format!("from the image: {}", planned::together(handed))),
    };
    let all = lines.into_iter().chain(own).chain(more).chain(handed);
    all.map(|line| code(&line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;

    fn one(plan: &Plan, steps: bool) -> String {
        markdown(&[(plan, About::default())], steps)
    }

    #[test]
    fn a_comment_tells_what_the_text_tells() {
        insta::assert_snapshot!(one(&sample::mixed(), false));
        insta::assert_snapshot!(one(&sample::empty(), false), @"
        <!-- bayplan -->
        ## Plan for `shop` on `harbour-1 (linux/amd64)`

        **nothing to do: no action taken.**
        ");
    }

    /// The rendered text outside of code spans, with the code spans.
    fn rendered(text: &str) -> (String, Vec<String>) {
        let mut options = comrak::Options::default();
        options.extension.autolink = true;
        options.extension.strikethrough = true;
        options.extension.table = true;
        options.extension.tasklist = true;
        options.extension.footnotes = true;
        options.extension.alerts = true;
        options.extension.math_dollars = true;
        options.extension.math_code = true;
        let html = comrak::markdown_to_html(text, &options);
        // Removes the marker and the folding elements.
        let html = html.replace("<!-- raw HTML omitted -->\n", "");
        let mut plain = String::new();
        let mut codes = Vec::new();
        let mut rest = html.as_str();
        while let Some((before, after)) = rest.split_once("<code>") {
            plain.push_str(before);
            let (code, after) = after.split_once("</code>").unwrap();
            codes.push(code.to_owned());
            rest = after;
        }
        (plain + rest, codes)
    }

    const HOSTILE: &[&str] = &[
        "@all",
        "a@b.example",
        "www.evil.example",
        "https://evil.example",
        "GH-1",
        "#1",
        "!1",
        "owner/repo#1",
        "0123456789abcdef0123456789abcdef01234567",
        "&#64;all",
        "&#35;1",
        "&lt;b&gt;",
        "<b>",
        "<!-- x",
        "[x](https://evil.example)",
        "![x](y)",
        "[x]: y",
        "**bold**",
        "_it_",
        "~~gone~~",
        "`code`",
        "``",
        "`",
        "a`b``c",
        "` `",
        " ` ",
        "```",
        "```sh",
        "~~~",
        "    indented",
        "# head",
        "- item",
        "1. item",
        "> quote",
        "| a | b |",
        "---",
        "===",
        "\\",
        "a\\`b`",
        "$x$",
        "$`x`$",
        ":tada:",
        "[ ] task",
        "[^1]",
        "trailing\\",
        "<details>",
        "\"quoted\"",
        "[!NOTE]",
        "a  b",
        "*",
        "+",
        " x ",
    ];

    #[test]
    fn foreign_text_is_code_to_a_real_renderer_and_nothing_else() {
        for text in HOSTILE {
            let (plain, codes) = rendered(&lines("## Result", text));
            assert_eq!(plain.trim(), "<h2>Result</h2>\n<ul>\n<li></li>\n</ul>", "{text}");
            let unescaped = codes.concat().replace("&lt;", "<").replace("&gt;", ">");
            let unescaped = unescaped.replace("&quot;", "\"").replace("&amp;", "&");
            assert_eq!(unescaped.trim(), text.trim(), "{text}");
        }
        let all = HOSTILE.join(" ");
        let (plain, _) =
            rendered(&format!("- **stop** {} of {} – ⚠ outage", code(&all), code(&all)));
        assert_eq!(plain.trim(), "<ul>\n<li><strong>stop</strong>  of  – ⚠ outage</li>\n</ul>");
    }

    #[test]
    fn foreign_text_formats_nothing_and_mentions_nobody() {
        let text = one(&sample::hostile(), true);
        assert!(!text.chars().any(|c| c != '\n' && crate::base::say::is_unsafe(c)));
        let (plain, _) = rendered(&text);
        for word in ["@", "<a", "<img", "<del", "<em>", "<script", "javascript"] {
            assert!(!plain.contains(word), "{word}: {plain:.2000}");
        }
    }

    #[test]
    fn a_comment_is_never_too_long_and_keeps_its_dangers() {
        let mut plan = sample::empty();
        for number in 0..3_000 {
            sample::add_stop(&mut plan, "many", &format!("{number}-{}", "n".repeat(60)), number);
        }
        let text = one(&plan, true);
        assert!(text.chars().count() < 65_536);
        assert!(text.ends_with("**Cut here**: `bayplan show` prints all of it.\n"));
        assert!(text.contains("and 2960 more of many`"), "{}", &text[..500]);
    }

    #[test]
    fn steps_tell_what_they_wait_for() {
        let mut plan = sample::empty();
        sample::add_stop(&mut plan, "old", "one", 1);
        sample::add_stop(&mut plan, "old", "two", 2);
        plan.steps[1].after_end = vec![plan.steps[0].id.clone()];
        plan.steps[1].delay = 5;
        let text = one(&plan, true);
        assert!(text.contains(", after `the end of one/stop, 5 s more`\n"), "{text}");
    }

    #[test]
    fn many_plans_share_the_room_and_keep_titles_and_dangers() {
        let plans: Vec<Plan> = (0..12_u64)
            .map(|place| {
                let mut plan = sample::empty();
                // The first plan is much longer than the other plans.
                for number in 0..if place == 0 { 2_000 } else { 20 } {
                    let name = format!("of-{place}-{number}-{}x", "n".repeat(60));
                    sample::add_replace(&mut plan, &format!("set-{number}"), &name, number);
                }
                plan
            })
            .collect();
        let all: Vec<(&Plan, About)> = plans.iter().map(|plan| (plan, About::default())).collect();
        let text = markdown(&all, true);
        assert!(text.len() <= comment::MOST, "{}", text.len());
        assert_eq!(text.matches("## Plan for").count(), 12);
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
        for place in 1..12 {
            let rows = text.matches(&format!("| **outage** | replace `of-{place}-")).count();
            assert_eq!(rows, 20, "{place}");
        }
        assert!(text.contains(" more | | |\n"), "what is left out of the first is counted");
    }

    #[test]
    fn each_plan_has_a_heading_of_its_own() {
        let plan = sample::mixed();
        for steps in [false, true] {
            let text = markdown(&[(&plan, About::default()), (&plan, About::default())], steps);
            assert_eq!(rendered(&text).0.matches("<h2>").count(), 2, "{text}");
        }
    }

    #[test]
    fn what_looks_like_the_end_of_a_fold_hides_nothing() {
        let mut plan = sample::mixed();
        plan.warnings[0].text = "</details>".into();
        for change in &mut plan.changes {
            change.impact.keeps.push("</details>".into());
        }
        let text = markdown(&[(&plan, About::default()), (&plan, About::default())], true);
        // Outside of code, folds open and close in turns.
        let outside: String = text.split('`').step_by(2).collect();
        let folds: Vec<&str> = outside
            .match_indices("<details>")
            .chain(outside.match_indices("</details>"))
            .map(|(_, fold)| fold)
            .collect();
        assert_eq!(folds.len(), 12, "{outside}");
        assert!(outside.trim_end().ends_with("</details>"), "{outside}");
        assert_eq!(text.matches("**outage**").count(), 4, "{text}");
    }
}
