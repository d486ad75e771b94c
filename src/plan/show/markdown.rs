//! A plan as a comment on a pull request: the same as [`super::text`], in markdown.
//!
//! Text from outside can neither format nor mention anybody, and the whole is never longer than a
//! comment may be; what is cut is said, and dangers are never cut.

use super::planned::WillBe;
use super::reason_text;
use super::view::{self, Group, View};
use crate::plan::Plan;

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
                format!("{}. {} – {}", index + 1, code(id), code(what))
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
        self.line(&format!("## Plan for {} on {}", code(&view.project), code(target)));
        self.line("");
        let (done, rest) = view.headline();
        self.line(&format!("**{done}**{rest}"));
    }

    fn dangers(&mut self, view: &View) {
        let room = MOST_DANGERS / view.dangers.len().max(1);
        let lines = view.dangers.iter().map(|(danger, names)| {
            let all = code(&names.join(", "));
            let names = if all.len() > room {
                let first = code(&names.iter().take(5).cloned().collect::<Vec<_>>().join(", "));
                let more: u64 = names.iter().skip(5).map(|name| folded(name)).sum();
                format!("{first} and {more} more")
            } else {
                all
            };
            let (word, means) = (danger.word(), reason_text::danger_means(*danger));
            format!("- **{word}**: {names} – {means}")
        });
        self.block("### ⚠ Danger", lines);
    }

    fn changes(&mut self, view: &View) {
        self.block("### Changes", view.changes.iter().map(group));
        self.block("### Will be", view.will_be.iter().map(will_be));
    }

    fn rest(&mut self, view: &View) {
        let warnings = view.warnings.iter();
        self.block(
            "### Warnings",
            warnings.map(|(word, text)| format!("- {}: {}", code(word), code(text))),
        );
        self.block(
            "### Assumed",
            view.assumed.iter().map(|reference| {
                format!("- {} is taken for unchanged; apply checks it", code(reference))
            }),
        );
        self.block(
            "### Not acted on",
            view.why_left.iter().map(|sentence| format!("- {}", code(sentence))).chain(
                view.not_acted_on.iter().map(|(name, set, differences)| {
                    let differences = code(&differences.join("; "));
                    format!("- {} of {}: {differences}", code(name), code(set))
                }),
            ),
        );
    }
}

/// One item: its reasons on lines of their own, one piece so that it is never cut in two.
fn group(group: &Group) -> String {
    let set = group.set.as_ref().map(|set| format!(" of {}", code(set))).unwrap_or_default();
    let names = code(&group.names.join(", "));
    let mut out = format!("- **{}** {names}{set}", group.word);
    if !group.dangers.is_empty() {
        let words: Vec<_> = group.dangers.iter().map(|danger| danger.word()).collect();
        out.extend([" – ⚠ ", &words.join(", ")]);
    }
    for line in group.reasons.iter().chain(&group.impact) {
        out.extend(["\n  - ", &code(line)]);
    }
    out
}

/// What the containers of one set will be: one piece, too.
fn will_be(set: &WillBe) -> String {
    let mut out = format!("- {}: {}", code(&set.set), code(&set.image));
    for line in &set.lines {
        out.extend(["\n  - ", &code(line)]);
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
        insta::assert_snapshot!(markdown(&sample::mixed(), false), @"
        ## Plan for `shop` on `harbour-1 (linux/amd64)`

        **1 to replace, 1 to stop, 3 to create**; 13 engine calls; 1 container differs and is left

        ### ⚠ Danger

        - **outage**: `legacy, shop-db` – runs now and will not, for a while or for good
        - **adopted**: `legacy` – was not created by bayplan
        - **secret_given**: `shop-web-1..3` – is new and gets a secret

        ### Changes

        - **stop** `legacy` of `old` – ⚠ outage, adopted
          - `state (running => stopped)`
        - **replace** `shop-db` of `db` – ⚠ outage
          - `mem_limit (536870912 => 1073741824), 512m => 1g`
          - `environment (added A; changed B)`
          - `forced by environment; mem_limit alone could be changed in place`
          - `keeps db-data`
        - **create** `shop-web-1..3` of `web` – ⚠ secret_given
          - `too few: 2 of 3`

        ### Will be

        - `db`: `ghcr.io/acme/db:1.0, sha256:000000000000`
          - `environment A=1, B from_env:B, LANG=C.UTF-8`
          - `mem_limit 1g`
          - `restart unless-stopped`
          - `volumes db-data:/data`
          - `from the image: command serve; environment PATH`
        - `web`: `ghcr.io/acme/web:1.0, sha256:000000000000`
          - `environment A=1, B from_env:B, LANG=C.UTF-8`
          - `mem_limit 1g`
          - `restart unless-stopped`
          - `volumes web-data:/data`
          - `from the image: command serve; environment PATH`

        ### Warnings

        - `orphan`: ``shop-mail-1 was created for the set `mail`, which the spec no longer has``

        ### Assumed

        - `from_env:DB_PASSWORD` is taken for unchanged; apply checks it

        ### Not acted on

        - ``shop-cache of cache differs and is left: the state is `started`; `state: reloaded` would change it``
        - `shop-cache` of `cache`: `mem_limit (536870912 => 1073741824), 512m => 1g`
        ");
        insta::assert_snapshot!(markdown(&sample::empty(), false), @"
        ## Plan for `shop` on `harbour-1 (linux/amd64)`

        **nothing to do**: no action taken.
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
        let text = markdown(&sample::hostile(), true);
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
