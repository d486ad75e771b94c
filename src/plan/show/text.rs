//! A plan as lines for a terminal: what is dangerous first, then what happens and why.
//!
//! Where it is printed, and whether in colour, is the caller's to know.

use anstyle::{AnsiColor, Style};

use super::reason_text;
use super::view::{self, Group, View};
use crate::plan::{Plan, Verb};

/// Lines are broken at this width where they can be.
const WIDTH: usize = 100;

/// How a plan is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// List every step.
    pub steps: bool,
    /// With ANSI colours.
    pub colour: bool,
}

/// The text of a plan, with a line end after the last line.
pub fn text(plan: &Plan, options: Options) -> String {
    let view = view::of(plan);
    let mut page = Page { out: String::new(), colour: options.colour };
    page.head(&view);
    page.dangers(&view);
    page.changes(&view);
    page.will_be(&view);
    page.rest(&view);
    if options.steps {
        page.steps(&view);
    }
    page.out
}

struct Page {
    out: String,
    colour: bool,
}

const BOLD: Style = Style::new().bold();

impl Page {
    fn painted(&self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn heading(&mut self, style: Style, text: &str) {
        let text = self.painted(style, text);
        self.line("");
        self.line(&text);
    }

    /// `first` and then words, broken below the first of them.
    fn wrapped(&mut self, first: &str, width: usize, words: &str) {
        let mut line = String::new();
        let mut lead = first.to_owned();
        for word in words.split(' ') {
            let long = width + line.chars().count() + 1 + word.chars().count() > WIDTH;
            if long && !line.is_empty() {
                self.line(&format!("{lead}{line}"));
                lead = " ".repeat(width);
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.line(&format!("{lead}{line}"));
    }

    fn head(&mut self, view: &View) {
        let target = view.target.as_deref().map_or("any engine", |target| target);
        let head = format!("plan for {} on {target}", view.project);
        let head = self.painted(BOLD, &head);
        self.line(&head);
        let (done, rest) = view.headline();
        self.line(&format!("{done}{rest}"));
    }

    fn dangers(&mut self, view: &View) {
        if view.dangers.is_empty() {
            return;
        }
        let style = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        self.heading(style, "DANGER");
        for (danger, names) in &view.dangers {
            let word = format!("{:<14}", danger.word());
            let word = self.painted(style, &word);
            let means = reason_text::danger_means(*danger);
            self.wrapped(&format!("  {word}  "), 18, &format!("{}: {means}", names.join(", ")));
        }
    }

    fn changes(&mut self, view: &View) {
        if view.changes.is_empty() {
            return;
        }
        self.heading(BOLD, "CHANGES");
        for group in &view.changes {
            self.group(group);
        }
    }

    fn group(&mut self, group: &Group) {
        let verb = format!("{:<7}", group.word);
        let verb = self.painted(Style::new().fg_color(Some(colour(group.verb).into())), &verb);
        let set = group.set.as_ref().map(|set| format!(" of {set}")).unwrap_or_default();
        self.wrapped(&format!("  {verb}  "), 11, &format!("{}{set}", group.names.join(", ")));
        if !group.dangers.is_empty() {
            let words: Vec<&str> = group.dangers.iter().map(|danger| danger.word()).collect();
            let red = Style::new().fg_color(Some(AnsiColor::Red.into()));
            let words = self.painted(red, &format!("danger: {}", words.join(", ")));
            self.line(&format!("           {words}"));
        }
        for line in group.reasons.iter().chain(&group.impact) {
            self.wrapped("           ", 13, line);
        }
    }

    fn will_be(&mut self, view: &View) {
        if view.will_be.is_empty() {
            return;
        }
        self.heading(BOLD, "WILL BE");
        for set in &view.will_be {
            self.wrapped(&format!("  {:<7}  ", set.set), 11, &set.image);
            for line in &set.lines {
                self.wrapped("           ", 13, line);
            }
        }
    }

    fn rest(&mut self, view: &View) {
        if !view.warnings.is_empty() {
            let yellow = Style::new().bold().fg_color(Some(AnsiColor::Yellow.into()));
            self.heading(yellow, "WARNINGS");
            for (code, text) in &view.warnings {
                self.wrapped("  ", 4, &format!("{code}: {text}"));
            }
        }
        if !view.assumed.is_empty() {
            self.heading(BOLD, "ASSUMED");
            self.wrapped(
                "  ",
                4,
                "could not be resolved and are taken for unchanged; apply checks them:",
            );
            self.wrapped("    ", 4, &view.assumed.join(", "));
        }
        if !view.not_acted_on.is_empty() {
            self.heading(BOLD, "NOT ACTED ON");
            for sentence in &view.why_left {
                self.wrapped("  ", 4, sentence);
            }
            for (name, set, differences) in &view.not_acted_on {
                self.line(&format!("  {name} of {set}"));
                for difference in differences {
                    self.wrapped("    ", 6, difference);
                }
            }
        }
    }

    fn steps(&mut self, view: &View) {
        self.heading(BOLD, "STEPS");
        for (index, (id, what, after)) in view.steps.iter().enumerate() {
            let id = self.painted(BOLD, id);
            self.line(&format!("  {:>3}  {id}", index + 1));
            self.wrapped("       ", 9, what);
            if !after.is_empty() {
                self.wrapped("       ", 9, &format!("after {}", after.join(", ")));
            }
        }
        if view.steps.is_empty() {
            self.line("  none");
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

    #[test]
    fn a_plan_reads_from_the_dangers_down() {
        insta::assert_snapshot!(text(&sample::mixed(), Options::default()), @"
        plan for shop on harbour-1 (linux/amd64)
        1 to replace, 1 to stop, 3 to create; 13 engine calls; 1 container differs and is left

        DANGER
          outage          legacy, shop-db: runs now and will not, for a while or for good
          adopted         legacy: was not created by bayplan
          secret_given    shop-web-1..3: is new and gets a secret

        CHANGES
          stop     legacy of old
                   danger: outage, adopted
                   state (running => stopped)
          replace  shop-db of db
                   danger: outage
                   mem_limit (536870912 => 1073741824), 512m => 1g
                   environment (added A; changed B)
                   forced by environment; mem_limit alone could be changed in place
                   keeps db-data
          create   shop-web-1..3 of web
                   danger: secret_given
                   too few: 2 of 3

        WILL BE
          db       ghcr.io/acme/db:1.0, sha256:000000000000
                   environment A=1, B from_env:B, LANG=C.UTF-8
                   mem_limit 1g
                   restart unless-stopped
                   volumes db-data:/data
                   from the image: command serve; environment PATH
          web      ghcr.io/acme/web:1.0, sha256:000000000000
                   environment A=1, B from_env:B, LANG=C.UTF-8
                   mem_limit 1g
                   restart unless-stopped
                   volumes web-data:/data
                   from the image: command serve; environment PATH

        WARNINGS
          orphan: shop-mail-1 was created for the set `mail`, which the spec no longer has

        ASSUMED
          could not be resolved and are taken for unchanged; apply checks them:
            from_env:DB_PASSWORD

        NOT ACTED ON
          shop-cache of cache differs and is left: the state is `started`; `state: reloaded` would change
            it
          shop-cache of cache
            mem_limit (536870912 => 1073741824), 512m => 1g
        ");
    }

    #[test]
    fn steps_are_listed_on_request() {
        let mut plan = sample::empty();
        sample::add_replace(&mut plan, "db", "shop-db", 1);
        let options = Options { steps: true, colour: false };
        let text = text(&plan, options);
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
        insta::assert_snapshot!(text(&sample::empty(), Options::default()), @"
        plan for shop on harbour-1 (linux/amd64)
        nothing to do: no action taken.
        ");
    }

    #[test]
    fn colours_come_only_where_they_are_asked_for() {
        let plan = sample::mixed();
        let coloured = text(&plan, Options { colour: true, steps: true });
        assert!(coloured.contains("\u{1b}["));
        let stripped = anstream::adapter::strip_str(&coloured).to_string();
        assert_eq!(stripped, text(&plan, Options { colour: false, steps: true }));
    }

    #[test]
    fn hostile_text_stays_text() {
        let plan = sample::hostile();
        let text = text(&plan, Options { colour: false, steps: true });
        assert!(!text.chars().any(|c| c != '\n' && crate::base::say::is_unsafe(c)), "{text}");
        assert!(text.len() < 100_000, "{} bytes", text.len());
    }
}
