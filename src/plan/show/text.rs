//! A plan as lines for a terminal: first the dangers, then the changes in order, with their
//! reasons.
//!
//! Terminal, width and colour support are known to the caller only.

use anstyle::{AnsiColor, Style};

use super::model::{self, Group, InDanger, Model};
use super::page::{self, BOLD, Page};
use super::planned::{self, WillBe};
use super::told::Kind;
use super::why::Why;
use super::{About, names};
use crate::plan::{Plan, Verb};

/// The column in which the words of a change begin.
const INDENT: usize = 14;
const PLAIN: Style = Style::new();
const RED: Style = page::colour(AnsiColor::Red);
const DIM: Style = Style::new().dimmed();

/// How to show a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether every step is listed.
    pub steps: bool,
    /// Whether ANSI colours are used.
    pub colour: bool,
    /// The width at which lines are wrapped.
    pub width: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { steps: false, colour: false, width: page::WIDTH }
    }
}

/// The text of a plan, with a line end after the last line.
pub fn text(plan: &Plan, about: &About, options: Options) -> String {
    let model = model::of(plan, about.since.as_deref());
    let mut view = View { page: Page::new(options.width, options.colour) };
    view.head(&model, &about.lines(plan));
    view.dangers(&model);
    view.changes(&model);
    view.rest(&model);
    if options.steps {
        view.steps(&model);
    }
    if let Some(next) = about.command().filter(|_| !model.changes.is_empty()) {
        view.page.line("");
        view.page.command((BOLD, "next: "), 6, &next);
    }
    view.page.ended()
}

struct View {
    page: Page,
}

impl View {
    fn head(&mut self, model: &Model, lines: &[(String, String)]) {
        let target = model.target.as_deref().unwrap_or("any engine");
        self.page.wrapped((BOLD, "plan "), 2, &format!("for {} on {target}", model.project));
        self.page.wrapped((PLAIN, ""), 2, &model.headline());
        for (key, value) in lines {
            self.page.wrapped((PLAIN, &format!("{key} ")), 2, value);
        }
    }

    fn dangers(&mut self, model: &Model) {
        if model.dangers.is_empty() {
            return;
        }
        let style = RED.bold();
        self.page.heading(style, "DANGER");
        let widest = model.dangers.iter().map(|one| one.danger.word().len()).max().unwrap_or(0);
        for one in &model.dangers {
            let lead = format!("  {:<widest$}  ", one.danger.word());
            let who = names::listed(&one.names);
            self.page.wrapped((style, &lead), 6, &format!("{} – {who}", one.words()));
        }
    }

    fn changes(&mut self, model: &Model) {
        if model.changes.is_empty() {
            return;
        }
        self.page.heading(BOLD, "CHANGES");
        for group in &model.changes {
            self.group(group);
        }
    }

    fn group(&mut self, group: &Group) {
        let lead = format!("  {:>2}  {:<7} ", group.number, group.word);
        let style = page::colour(colour(group.verb));
        self.page.wrapped((style, &lead), INDENT, &group.title());
        if !group.dangers.is_empty() {
            let words = InDanger::kinds(&group.dangers).join(", ");
            self.page.wrapped((RED, "              danger: "), INDENT + 2, &words);
        }
        for why in &group.why {
            self.why(why, INDENT);
        }
        for line in &group.impact {
            self.indented(INDENT, line);
        }
        if let Some(will_be) = &group.will_be {
            self.will_be(will_be);
        }
    }

    fn indented(&mut self, indent: usize, words: &str) {
        self.page.wrapped((PLAIN, &" ".repeat(indent)), indent + 2, words);
    }

    /// The differences, one entry a line; a single entry stands beside its option.
    fn why(&mut self, why: &Why, indent: usize) {
        match why {
            Why::New => {}
            Why::Because(text) => self.indented(indent, text),
            Why::Differs { option, from, entries } => {
                if let [entry] = entries.as_slice() {
                    let text = format!("{option} {}{}{from}", entry.mark(), entry.shown(option));
                    return self.indented(indent, &text);
                }
                self.indented(indent, &format!("{option}{from}"));
                for entry in entries {
                    let lead = format!("{}{}", " ".repeat(indent + 2), entry.mark());
                    let style = page::colour(match entry.kind {
                        Kind::Added => AnsiColor::Green,
                        Kind::Changed => AnsiColor::Yellow,
                        Kind::Removed => AnsiColor::Red,
                    });
                    self.page.wrapped((style, &lead), indent + 6, &entry.shown(option));
                }
            }
        }
    }

    /// The planned containers: for a new container each option on a line, for a replacement the
    /// remaining options in one line.
    fn will_be(&mut self, will_be: &WillBe) {
        let WillBe { is_rest, image, options, own, more, from_image } = will_be;
        let mut lines = Vec::new();
        if let Some(image) = image {
            lines.push(format!("image {image}"));
        }
        lines.extend(options.iter().map(|option| format!("{} {}", option.key, option.words())));
        if *is_rest {
            if !lines.is_empty() {
                let lead = format!("{}with ", " ".repeat(INDENT));
                self.page.wrapped((DIM, &lead), INDENT + 2, &lines.join("; "));
            }
        } else {
            for line in lines {
                self.indented(INDENT, &line);
            }
        }
        for (name, own) in own {
            self.indented(INDENT, &format!("{name}: {}", planned::together(own)));
        }
        if *more > 0 {
            self.indented(INDENT, &format!("and {more} more containers"));
        }
        match from_image {
            None => self.indented(INDENT, "what the image hands down is known once it is pulled"),
            Some(handed) if handed.is_empty() => {}
            Some(handed) => {
                let lead = format!("{}from the image: ", " ".repeat(INDENT));
                self.page.wrapped((DIM, &lead), INDENT + 2, &planned::together(handed));
            }
        }
    }

    fn rest(&mut self, model: &Model) {
        if !model.warnings.is_empty() {
            self.page.heading(page::colour(AnsiColor::Yellow).bold(), "WARNINGS");
            for (code, text) in &model.warnings {
                self.page.wrapped((PLAIN, "  "), 4, &format!("{code}: {text}"));
            }
        }
        if !model.assumed.is_empty() {
            self.page.heading(BOLD, "ASSUMED");
            let why = "could not be resolved and are taken for unchanged; apply checks them:";
            self.page.wrapped((PLAIN, "  "), 4, why);
            self.page.wrapped((PLAIN, "    "), 4, &model.assumed.join(", "));
        }
        if !model.not_acted_on.is_empty() {
            self.page.heading(BOLD, "NOT ACTED ON");
        }
        for left in &model.not_acted_on {
            self.page.wrapped((PLAIN, "  "), 4, &left.text);
            let one = left.containers.len() == 1;
            for (name, differences) in &left.containers {
                if !one {
                    self.indented(4, name);
                }
                for why in differences {
                    self.why(why, if one { 4 } else { 6 });
                }
            }
        }
    }

    fn steps(&mut self, model: &Model) {
        self.page.heading(BOLD, "STEPS");
        for (index, step) in model.steps.iter().enumerate() {
            let id = self.page.painted(BOLD, &step.id);
            self.page.line(&format!("  {:>3}  {id}", index + 1));
            self.page.wrapped((PLAIN, "       "), 9, &step.what);
            if !step.after.is_empty() {
                self.page.wrapped(
                    (PLAIN, "       "),
                    9,
                    &format!("after {}", step.after.join(", ")),
                );
            }
        }
        if model.steps.is_empty() {
            self.page.line("  none");
        }
    }
}

fn colour(verb: Verb) -> AnsiColor {
    match verb {
        Verb::Remove | Verb::Kill | Verb::Stop => AnsiColor::Red,
        Verb::Replace | Verb::Restart => AnsiColor::Yellow,
        Verb::Run | Verb::Start | Verb::Create | Verb::Update => AnsiColor::Green,
        Verb::Pull => AnsiColor::Cyan,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;

    fn shown(plan: &Plan, options: Options) -> String {
        text(plan, &About::default(), options)
    }

    #[test]
    fn a_plan_reads_from_the_dangers_down() {
        let about = About {
            digest: Some("sha256:0a1b".to_owned()),
            next: Some("bayplan apply plan.json".to_owned()),
            meta: vec![("commit".to_owned(), "0a1b2c".to_owned())],
            since: None,
        };
        insta::assert_snapshot!(text(&sample::mixed(), &about, Options::default()));
    }

    #[test]
    fn steps_are_listed_on_request() {
        let mut plan = sample::empty();
        sample::add_replace(&mut plan, "db", "shop-db", 1);
        let options = Options { steps: true, ..Options::default() };
        let text = shown(&plan, options);
        insta::assert_snapshot!(text.split_once("STEPS").unwrap().1, @"
        1  shop-db/create
           create shop-db.bp-new of set db from image sha256:000000000000
        2  shop-db/stop
           stop container 000000000000, 10 s grace
           after shop-db/create
        3  shop-db/rename-old
           rename container 000000000000: shop-db to shop-db.bp-old
           after shop-db/stop
        4  shop-db/rename-new
           rename the container of shop-db/create: shop-db.bp-new to shop-db
           after shop-db/rename-old
        5  shop-db/start
           start the container of shop-db/create
           after shop-db/rename-new
        6  shop-db/wait_ready
           wait until the container of shop-db/create is healthy, or runs 10 s
           after shop-db/start
        7  shop-db/remove
           remove container 000000000000
           after shop-db/wait_ready
        ");
    }

    #[test]
    fn nothing_to_do_is_said() {
        insta::assert_snapshot!(shown(&sample::empty(), Options::default()), @"
        plan for shop on harbour-1 (linux/amd64)
        nothing to do: no action taken.
        ");
    }

    #[test]
    fn colours_come_only_where_they_are_asked_for() {
        let plan = sample::mixed();
        let options = Options { steps: true, ..Options::default() };
        let coloured = shown(&plan, Options { colour: true, ..options });
        assert!(coloured.contains("\u{1b}["));
        let stripped = anstream::adapter::strip_str(&coloured).to_string();
        assert_eq!(stripped, shown(&plan, options));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_but_for_one_long_word() {
        for width in 40..=140 {
            let text = shown(&sample::mixed(), Options { width, ..Options::default() });
            for line in text.lines() {
                let words = line.split_whitespace().count();
                let quoted = line.contains('`');
                assert!(line.chars().count() <= width || words < 3 || quoted, "{width}: {line}");
            }
        }
    }

    #[test]
    fn hostile_text_stays_text() {
        let plan = sample::hostile();
        let text = shown(&plan, Options { steps: true, ..Options::default() });
        assert!(!text.chars().any(|c| c != '\n' && crate::base::say::is_unsafe(c)), "{text}");
        assert!(text.len() < 100_000, "{} bytes", text.len());
    }
}
