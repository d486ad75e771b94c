//! A plan as a comment on a pull request: a table of what is done, the rest folded.
//!
//! Text from outside can neither format nor mention anybody, and the whole is never longer than a
//! comment may be; what is cut is said, and dangers are never cut.

use std::collections::BTreeMap;

use super::About;
use super::model::{self, Group, InDanger, Model};
use super::planned::{self, WillBe};
use super::told::Entry;
use super::why::{self, Why};
use crate::plan::{Danger, Plan};

/// A comment may have 65,536 characters.
const MOST: usize = 65_000;
/// What dangers may take of it, in percent; beyond, they give way to their number.
const MOST_DANGERS: usize = 60;
/// By this a job finds its own comment, to replace it.
pub const MARKER: &str = "<!-- bayplan -->";

/// The comment of plans, each with what is known of it.
pub fn markdown(plans: &[(&Plan, About)], steps: bool) -> String {
    let mut out = format!("{MARKER}\n");
    let most = (MOST - out.len()) / plans.len().max(1);
    for (plan, about) in plans {
        let model = model::of(plan);
        let mut page = Page { out: String::new(), most, full: false };
        page.head(&model);
        page.table(&model);
        page.warnings(&model);
        page.closing(about, &model);
        page.details(&model);
        if steps {
            page.steps(&model);
        }
        out.push_str(&page.ended());
    }
    out
}

/// Lines of text as a comment, cut like a plan's.
pub fn lines(heading: &str, text: &str) -> String {
    let out = format!("{MARKER}\n");
    let mut page = Page { most: MOST, out, full: false };
    page.line(heading);
    page.line("");
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        page.line(&format!("- {}", code(line.trim_start())));
    }
    page.ended()
}

/// Text from outside, as code: nothing in it formats, links or mentions, on any forge, and it reads
/// as it is. The quotes are longer than any in it.
pub fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let quotes = "`".repeat(longest + 1);
    // A blank beside each quote is taken off again, if both are there.
    let touches = text.starts_with('`') || text.ends_with('`');
    let blanks = text.starts_with(' ') && text.ends_with(' ') && !text.trim().is_empty();
    let pad = if touches || blanks { " " } else { "" };
    format!("{quotes}{pad}{text}{pad}{quotes}")
}

/// The same inside of a table, where a bar must be written otherwise.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            // After a backslash a forge takes the bar for the end of the cell, however it is written.
            '|' if out.ends_with('\\') => out.push_str("\\u{7c}"),
            sign => out.push(sign),
        }
    }
    code(&out).replace('|', "\\|")
}

struct Page {
    out: String,
    most: usize,
    full: bool,
}

impl Page {
    /// Adds a line if there is room; after the first that there is none for, nothing more.
    fn line(&mut self, line: &str) {
        // Characters are at most as many as bytes; counting bytes errs on the safe side.
        if self.full || self.out.len() + line.len() + ROOM > self.most {
            self.full = true;
            return;
        }
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn ended(mut self) -> String {
        if self.full {
            self.out.push_str("\n**Cut here**: `bayplan show` prints all of it.\n");
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

    /// What is folded away until somebody asks for it.
    fn folded(&mut self, summary: &str, lines: impl Iterator<Item = String>) {
        let mut lines = lines.peekable();
        if self.full || lines.peek().is_none() {
            return;
        }
        self.line("");
        let most = self.most;
        // It must be closed, whatever there is no room for.
        self.most -= CLOSED.len();
        self.line(&format!("<details><summary>{summary}</summary>"));
        self.line("");
        for line in lines {
            self.line(&line);
        }
        self.most = most;
        let opened = self.out.rfind("<details>") > self.out.rfind("</details>");
        if opened {
            self.out.push_str(CLOSED);
        }
    }

    fn head(&mut self, model: &Model) {
        let target = model.target.as_deref().unwrap_or("any engine");
        self.line(&format!("## Plan for {} on {}", code(&model.project), code(target)));
        self.line("");
        // Only words and numbers of ours are in it.
        self.line(&format!("**{}**", model.headline()));
    }

    /// A row for what is done, the dangerous first; of too many dangerous ones the last are counted.
    fn table(&mut self, model: &Model) {
        if model.changes.is_empty() {
            return;
        }
        self.line("");
        self.line("| danger | what | why | interruption |");
        self.line("|---|---|---|---|");
        let mut groups: Vec<&Group> = model.changes.iter().collect();
        let worst = |group: &Group| group.dangers.iter().map(|one| one.danger).min();
        groups.sort_by_key(|group| worst(group).map_or((1, None), |danger| (0, Some(danger))));
        let (dangerous, harmless): (Vec<&Group>, Vec<&Group>) =
            groups.into_iter().partition(|group| !group.dangers.is_empty());
        let room = self.most / 100 * MOST_DANGERS;
        let mut rest = dangerous.as_slice();
        while let [first, others @ ..] = rest {
            let row = row(first);
            if self.out.len() + row.len() > room {
                break;
            }
            self.line(&row);
            rest = others;
        }
        if !rest.is_empty() {
            self.line(&counted(rest));
        }
        // What is harmless may take what the details would.
        for (index, group) in harmless.iter().enumerate() {
            let row = row(group);
            if self.out.len() + row.len() > room {
                let more: usize = harmless[index..].iter().map(|group| group.members).sum();
                self.line(&format!("| – | and {more} more | | |"));
                break;
            }
            self.line(&row);
        }
    }

    fn warnings(&mut self, model: &Model) {
        let warnings = model.warnings.iter();
        self.block(
            "### Warnings",
            warnings.map(|(word, text)| format!("- {}: {}", code(word), code(text))),
        );
        self.block(
            "### Assumed",
            model.assumed.iter().map(|reference| {
                format!("- {} is taken for unchanged; apply checks it", code(reference))
            }),
        );
    }

    fn closing(&mut self, about: &About, model: &Model) {
        let lines = about.lines();
        let next = about.next.iter().filter(|_| !model.changes.is_empty());
        let next = next.map(|next| {
            let digest = about.digest.iter().map(|digest| format!(" --expect-digest {digest}"));
            format!("- apply: {}", code(&digest.fold(next.clone(), |all, one| all + &one)))
        });
        let about = lines.iter().map(|(key, value)| format!("- {}: {}", code(key), code(value)));
        let all: Vec<String> = about.chain(next).collect();
        if !all.is_empty() {
            self.line("");
        }
        for line in all {
            self.line(&line);
        }
    }

    fn details(&mut self, model: &Model) {
        self.folded("What is done, in its order", model.changes.iter().map(group));
        let left = model.not_acted_on.iter().map(|left| {
            let mut out = format!("- {}", code(&left.text));
            for (name, differences) in &left.containers {
                out.extend(["\n  - ", &code(name)]);
                for line in differences.iter().flat_map(whys) {
                    out.extend(["\n    - ", &line]);
                }
            }
            out
        });
        self.folded("Not acted on", left);
    }

    fn steps(&mut self, model: &Model) {
        let lines = model.steps.iter().enumerate().map(|(index, step)| {
            format!("{}. {} – {}", index + 1, code(&step.id), code(&step.what))
        });
        self.folded("Steps", lines);
    }
}

/// What ends something that is folded.
const CLOSED: &str = "\n</details>\n";
/// Room for what says that something is cut.
const ROOM: usize = 80;

/// One row; all of it is told in the details.
fn row(group: &Group) -> String {
    let dangers: Vec<String> = group.dangers.iter().map(danger).collect();
    let dangers = if dangers.is_empty() { "–".to_owned() } else { dangers.join("<br>") };
    let what = format!("{} {}", group.word, cell(&group.title()));
    let why: Vec<String> = group.why.iter().map(short).collect();
    let interruption = group.outage.as_ref().map_or("–".to_owned(), |outage| cell(outage));
    format!("| {dangers} | {what} | {} | {interruption} |", why.join("<br>"))
}

/// `**outage**`; what it is about stands in a cell of its own.
fn danger(one: &InDanger) -> String {
    let word = one.danger.word();
    match one.value {
        None if one.class.is_none() => format!("**{word}**"),
        _ if one.danger == Danger::Outage => format!("**{word}**"),
        _ => format!("**{word}** {}", cell(&one.words())),
    }
}

/// The kinds of danger of changes that there is no room for, and of how many.
fn counted(rest: &[&Group]) -> String {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for group in rest {
        for word in InDanger::kinds(&group.dangers) {
            *kinds.entry(word).or_default() += group.members;
        }
    }
    let kinds: Vec<String> =
        kinds.into_iter().map(|(word, number)| format!("**{word}** of {number}")).collect();
    let all: usize = rest.iter().map(|group| group.members).sum();
    format!("| {} | {all} more | | |", kinds.join("<br>"))
}

/// A reason in a cell.
fn short(why: &Why) -> String {
    match why {
        Why::New => "new".to_owned(),
        Why::Because(text) => cell(text),
        Why::Differs { option, origin, entries } => match entries.as_slice() {
            [entry] => cell(&format!("{option} {}{}", entry.mark(), entry.shown())),
            several => {
                let number = crate::base::say::count(several.len(), "difference");
                format!("{}, {number}{}", cell(option), why::from(*origin))
            }
        },
    }
}

/// A reason, a line for each entry.
fn whys(why: &Why) -> Vec<String> {
    match why {
        Why::New => Vec::new(),
        Why::Because(text) => vec![code(text)],
        Why::Differs { option, origin, entries } => {
            let one = |entry: &Entry| {
                let text = format!("{option} {}{}", entry.mark(), entry.shown());
                format!("{}{}", code(&text), why::from(*origin))
            };
            entries.iter().map(one).collect()
        }
    }
}

/// One item: its lines under it, one piece so that it is never cut in two.
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

/// What containers will be, an option a line.
fn will_be(will_be: &WillBe) -> Vec<String> {
    let WillBe { is_rest: _, image, options, own, more, from_image } = will_be;
    let image = image.iter().map(|image| format!("image {image}"));
    let options = options.iter().map(|option| format!("{} {}", option.key, option.words()));
    let own = own.iter().map(|(name, own)| format!("{name}: {}", planned::together(own)));
    let more = (*more > 0).then(|| format!("and {more} more containers"));
    let handed = match from_image {
        None => Some("what the image hands down is known once it is pulled".to_owned()),
        Some(handed) if handed.is_empty() => None,
        Some(handed) => Some(format!("from the image: {}", planned::together(handed))),
    };
    let all = image.chain(options).chain(own).chain(more).chain(handed);
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

    /// What a forge makes of it, without what is inside of code.
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
        // The marker, and what folds.
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
}
