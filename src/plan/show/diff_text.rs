//! The difference between two plans as lines for a terminal.

use anstyle::{AnsiColor, Style};

use super::diff::{Changed, Difference, Line, Side};
use super::page::{self, BOLD, Page};
use super::text::Options;

/// The text of a difference, with a line end after the last line.
pub fn text(difference: &Difference, options: Options) -> String {
    let Difference { acts_alike, head, dangers, sets, steps, tells } = difference;
    let mut view = View { page: Page::new(options.width, options.colour) };
    let summary = match (acts_alike, tells.is_empty()) {
        (true, true) => "the plans are the same",
        (true, false) => "both plans do the same",
        (false, _) => "the plans do not do the same",
    };
    view.page.line(summary);
    view.lines(head, 0);
    if !dangers.is_empty() {
        view.page.heading(page::colour(AnsiColor::Red).bold(), "DANGER");
        view.lines(dangers, 2);
    }
    if !sets.is_empty() {
        view.page.heading(BOLD, "CHANGES");
    }
    for (set, changes) in sets {
        for changed in changes {
            view.changed(set, changed);
        }
    }
    if !steps.is_empty() && options.steps {
        view.page.heading(BOLD, "STEPS");
        view.lines(steps, 2);
    }
    if !tells.is_empty() {
        view.page.heading(BOLD, "TOLD OTHERWISE, does nothing");
        view.lines(tells, 2);
    }
    // The visible parts show no difference.
    let silent = !acts_alike && head.is_empty() && dangers.is_empty() && sets.is_empty();
    if silent && !options.steps {
        view.page.line("hint: other steps do it; `--steps` lists them");
    }
    view.page.ended()
}

struct View {
    page: Page,
}

impl View {
    fn lines(&mut self, lines: &[Line], indent: usize) {
        for line in lines {
            let (style, word) = word(line.side);
            let lead = format!("{}{word}", " ".repeat(indent));
            self.page.wrapped((style, &lead), indent + 6, &line.text);
        }
    }

    fn changed(&mut self, set: &str, changed: &Changed) {
        let of = if set.is_empty() { "the root".to_owned() } else { format!("set {set}") };
        let (style, mark) = match changed.side {
            Side::Now => (page::colour(AnsiColor::Green), "+ "),
            Side::Was => (page::colour(AnsiColor::Red), "- "),
            Side::Both => (page::colour(AnsiColor::Yellow), "~ "),
        };
        let title = if changed.title.is_empty() {
            of
        } else if set.is_empty() {
            changed.title.clone()
        } else {
            format!("{} of {set}", changed.title)
        };
        self.page.wrapped((style, &format!("  {mark}")), 6, &title);
        self.lines(&changed.lines, 6);
    }
}

fn word(side: Side) -> (Style, &'static str) {
    match side {
        Side::Now => (page::colour(AnsiColor::Green), "now "),
        Side::Was => (page::colour(AnsiColor::Red), "was "),
        Side::Both => (Style::new(), ""),
    }
}
