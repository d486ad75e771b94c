//! Shows the progress of an apply. On a terminal, each change has a line that is redrawn, and pulls
//! have bars. Otherwise each step has a line on stderr, or a JSON object on stdout.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::output;
use crate::apply::events::{Event, Sink, WaitingFor};
use crate::apply::record::Times;
use crate::apply::times::{Courses, millis};
use crate::apply::{StepOutcome, StepStatus, Undone};
use crate::base::canonical;
use crate::base::ident::{ChangeId, StepId};
use crate::base::say;
use crate::plan::Plan;

/// Shorter durations are not shown.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// The time between two redraws.
const REDRAWN: Duration = Duration::from_millis(200);

/// Shows the events of a run.
pub struct Progress {
    json: bool,
    keep: bool,
    /// The number of steps to run.
    total: usize,
    began: Instant,
    /// The word for each change.
    words: BTreeMap<ChangeId, &'static str>,
    state: RefCell<State>,
    /// The lines and bars; `None` if stderr is not a terminal.
    bars: Option<MultiProgress>,
}

struct State {
    finished: usize,
    running: BTreeMap<StepId, Running>,
    courses: Courses,
    /// The number of open steps of each change.
    open: BTreeMap<ChangeId, usize>,
    lines: BTreeMap<ChangeId, Line>,
    /// The bars of pulls, by step and layer.
    layers: BTreeMap<String, ProgressBar>,
}

/// The largest number of bars: more than a terminal has lines.
const MOST_LAYERS: usize = 100;

struct Running {
    what: String,
    since: Instant,
}

/// The line of a change in progress.
struct Line {
    bar: ProgressBar,
    /// The time since which the container is down, for redrawing.
    down: Arc<Mutex<Option<Instant>>>,
}

impl Progress {
    /// Progress for people or for machines, for these steps of a plan. `keep`: container output is
    /// shown with the steps and kept in the result.
    pub fn new((json, keep): (bool, bool), plan: &Plan, run: &BTreeSet<StepId>) -> Self {
        let terminal = !json && std::io::stderr().is_terminal();
        Self::on(terminal.then(MultiProgress::new), (json, keep), plan, run)
    }

    fn on(
        bars: Option<MultiProgress>,
        (json, keep): (bool, bool),
        plan: &Plan,
        run: &BTreeSet<StepId>,
    ) -> Self {
        let words = plan.changes.iter().map(|change| (change.id.clone(), change.verb.word()));
        let mut open: BTreeMap<ChangeId, usize> = BTreeMap::new();
        for step in run {
            *open.entry(ChangeId::new(step.change())).or_default() += 1;
        }
        let state = State {
            finished: 0,
            running: BTreeMap::new(),
            courses: Courses::of(plan),
            open,
            lines: BTreeMap::new(),
            layers: BTreeMap::new(),
        };
        let (words, state) = (words.collect(), RefCell::new(state));
        Self { json, keep, total: run.len(), began: Instant::now(), words, state, bars }
    }

    /// The same without a total: a recovery derives its calls on the way.
    #[must_use]
    pub fn without_total(self) -> Self {
        Self { total: 0, ..self }
    }

    /// Clears the lines that are still redrawn. The result describes the changes that did not
    /// succeed.
    pub fn close(&self) {
        let mut state = self.state.borrow_mut();
        let lines = std::mem::take(&mut state.lines).into_values().map(|line| line.bar);
        let layers = std::mem::take(&mut state.layers).into_values();
        lines.chain(layers).for_each(|bar| bar.finish_and_clear());
    }

    fn line(&self, text: &str) {
        match &self.bars {
            Some(all) => {
                // A closed terminal does not stop an apply.
                let _ = all.println(text);
            }
            None => output::note(text),
        }
    }

    /// Shows an event on the line of its change.
    fn happens(&self, all: &MultiProgress, step: &StepId, what: &str) {
        let change = ChangeId::new(step.change());
        let mut state = self.state.borrow_mut();
        let down = state.courses.get(&change).and_then(|course| course.down_since());
        let line = state.lines.entry(change.clone()).or_insert_with(|| line(all));
        *line.down.lock().unwrap_or_else(PoisonError::into_inner) =
            down.map(|since| self.began + since);
        let head = self.head(&change);
        line.bar.set_message(format!("{head}: {what}"));
        line.bar.tick();
    }

    /// The beginning of a line: `replace  shop-db`.
    fn head(&self, change: &ChangeId) -> String {
        let word = self.words.get(change).copied().unwrap_or_default();
        format!("{word:<7}  {}", say::safe(change.as_str()))
    }

    /// On a terminal, the line of a change is shown while the change runs. Otherwise only steps
    /// that may take minutes are announced.
    fn started(&self, step: &StepId, what: &str) {
        let running = Running { what: what.to_owned(), since: Instant::now() };
        self.state.borrow_mut().running.insert(step.clone(), running);
        match &self.bars {
            Some(all) => self.happens(all, step, what),
            None if step.parts().1 == "pull" => self.line(&format!("{what} …")),
            None => {}
        }
    }

    fn finished(&self, outcome: &StepOutcome) {
        let StepOutcome { id, status, container: _, output } = outcome;
        let (number, running) = {
            let mut state = self.state.borrow_mut();
            let running = state.running.remove(id);
            if running.is_some() {
                state.finished += 1;
            }
            let prefix = format!("{id} ");
            state.layers.retain(|key, bar| {
                let other = !key.starts_with(&prefix);
                if !other {
                    bar.finish_and_clear();
                }
                other
            });
            (state.finished, running)
        };
        if self.bars.is_some() {
            if !output.is_empty() {
                self.line(&format!("{id}{}", say::safe_lines(output)));
            }
            if status.is_success() && running.is_some() {
                self.ended(&ChangeId::new(id.change()));
            }
            return;
        }
        let took = running.as_ref().map(|running| running.since.elapsed());
        let what = running.map(|running| running.what);
        let text = told(id, status, what.as_deref(), took.unwrap_or_default());
        let text = text + &say::safe_lines(output);
        let width = self.total.to_string().len();
        match what {
            Some(_) if self.total == 0 => self.line(&format!("[{number}] {text}")),
            Some(_) => self.line(&format!("[{number:>width$}/{}] {text}", self.total)),
            None => self.line(&text),
        }
    }

    /// Counts a step of a change as done; after the last step, the line is no longer redrawn.
    fn ended(&self, change: &ChangeId) {
        let done = {
            let mut state = self.state.borrow_mut();
            let left = state.open.get_mut(change).map(|left| {
                *left = left.saturating_sub(1);
                *left
            });
            if left != Some(0) {
                return;
            }
            let began = Duration::ZERO;
            let times =
                state.courses.get(change).map(|course| course.times(began, self.began.elapsed()));
            if let Some(line) = state.lines.remove(change) {
                line.bar.finish_and_clear();
            }
            times.unwrap_or_default()
        };
        self.line(&format!("{}{}", self.head(change), lasted(&done)));
    }

    fn waiting(&self, step: &StepId, what: WaitingFor) {
        let what = match what {
            // Every start is watched, and the line of the step says so.
            WaitingFor::Running => return,
            WaitingFor::Healthy => "waiting until it is healthy",
            WaitingFor::End => "waiting for its end",
            WaitingFor::Engine => "waiting for the engine",
        };
        match &self.bars {
            Some(all) => self.happens(all, step, what),
            None => self.line(&format!("{step}: {what} …")),
        }
    }

    fn pull(
        &self,
        step: &StepId,
        layer: &str,
        status: &str,
        current: Option<u64>,
        total: Option<u64>,
    ) {
        let Some(all) = &self.bars else { return };
        let layers = &mut self.state.borrow_mut().layers;
        let key = format!("{step} {layer}");
        // The number of layers from an engine is not limited.
        if layers.len() >= MOST_LAYERS && !layers.contains_key(&key) {
            return;
        }
        let (Some(current), Some(total)) = (current, total) else {
            if matches!(status, "Pull complete" | "Already exists")
                && let Some(bar) = layers.remove(&key)
            {
                bar.finish_and_clear();
            }
            return;
        };
        let bar = layers.entry(key).or_insert_with(|| {
            let bar = all.add(ProgressBar::new(total));
            if let Ok(style) =
                ProgressStyle::with_template("  {prefix:12} {bar:30} {bytes}/{total_bytes} {msg}")
            {
                bar.set_style(style);
            }
            bar.set_prefix(say::short(layer));
            bar
        });
        bar.set_length(total);
        bar.set_position(current);
        bar.set_message(say::short(status));
    }

    fn show(&self, event: &Event) {
        match event {
            Event::Started { step, change: _, what } => self.started(step, &say::safe(what)),
            Event::Finished(outcome) => self.finished(outcome),
            Event::Pull { step, layer, status, current, total } => {
                self.pull(step, layer, status, *current, *total);
            }
            Event::Waiting { step, what } => self.waiting(step, *what),
            Event::Note { step, text } => {
                self.line(&format!("{step}: note: {}", say::safe_lines(text)));
            }
            Event::Undoing { step, what, .. } => {
                if let Some(all) = &self.bars {
                    self.happens(all, step, &format!("goes back: {}", say::safe(what)));
                }
            }
            Event::Undone(Undone { what, failed, .. }) if self.bars.is_none() => {
                let failed =
                    failed.as_ref().map(|why| format!(": failed: {}", say::safe_lines(why)));
                self.line(&format!("undo: {}{}", say::safe(what), failed.unwrap_or_default()));
            }
            Event::Undone(_) | Event::Interrupted { .. } => {}
        }
    }
}

/// A redrawn line with the current action, its duration and the downtime so far.
fn line(all: &MultiProgress) -> Line {
    let bar = all.add(ProgressBar::new_spinner());
    let down: Arc<Mutex<Option<Instant>>> = Arc::default();
    let since = Arc::clone(&down);
    let told = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
        let since = *since.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = since {
            let _ = write!(out, ", down for {}", say::lasted(millis(since.elapsed())));
        }
    };
    let took = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = write!(out, "{}", say::lasted(millis(state.elapsed())));
    };
    if let Ok(style) = ProgressStyle::with_template("{msg}, {took}{down}") {
        bar.set_style(style.with_key("took", took).with_key("down", told));
    }
    bar.enable_steady_tick(REDRAWN);
    Line { bar, down }
}

/// The times of a change: `, 8.2 s, down for 1.2 s`.
fn lasted(times: &Times) -> String {
    let down = times.down_ms.map(|down| format!(", down for {}", say::lasted(down)));
    format!(", {}{}", say::lasted(times.took_ms), down.unwrap_or_default())
}

/// The status of a step, on one line.
fn told(step: &StepId, status: &StepStatus, what: Option<&str>, took: Duration) -> String {
    let Some(what) = what else { return format!("{step}: {}", not_begun(status)) };
    match status {
        StepStatus::Done if took < WORTH_TELLING => what.to_owned(),
        StepStatus::Done => format!("{what}, {}", say::lasted(millis(took))),
        StepStatus::Already => format!("{what}: already so"),
        StepStatus::Failed { message } => format!("{what}: failed: {}", say::safe_lines(message)),
        StepStatus::Stale(stale) => format!("{what}: stale: {}", say::safe(&stale.to_string())),
        StepStatus::NotReached => format!("{what}: not reached"),
        StepStatus::Undone => format!("{what}: taken back"),
    }
}

/// The status of a step that did not begin.
fn not_begun(status: &StepStatus) -> String {
    match status {
        StepStatus::Stale(stale) => format!("not begun: stale: {}", say::safe(&stale.to_string())),
        StepStatus::Failed { message } => {
            format!("not begun: failed: {}", say::safe_lines(message))
        }
        StepStatus::Already => "already so".to_owned(),
        StepStatus::Done | StepStatus::NotReached | StepStatus::Undone => "not reached".to_owned(),
    }
}

impl Sink for Progress {
    fn output(&self, title: &str, lines: String) -> Option<String> {
        if self.keep {
            return Some(lines);
        }
        self.line(&format!("{}:{lines}", say::safe(title)));
        None
    }

    fn event(&self, event: &Event) {
        if self.json {
            if let Ok(line) = canonical::flat(event) {
                // A closed reader does not stop an apply.
                let _ = output::data(&format!("{line}\n"));
            }
            return;
        }
        self.state.borrow_mut().courses.hear(event, self.began.elapsed());
        self.show(event);
    }
}

#[cfg(test)]
mod tests {
    use indicatif::{InMemoryTerm, ProgressDrawTarget};

    use super::*;
    use crate::plan::sample;

    #[test]
    fn an_engine_that_says_layers_without_end_fills_no_memory() {
        let hidden = MultiProgress::with_draw_target(indicatif::ProgressDrawTarget::hidden());
        let progress =
            Progress::on(Some(hidden), (true, false), &sample::empty(), &BTreeSet::new());
        let step = StepId::new("image:x/pull");
        for layer in 0..10 * MOST_LAYERS {
            progress.pull(&step, &layer.to_string(), "Downloading", Some(1), Some(2));
        }
        assert_eq!(progress.state.borrow().layers.len(), MOST_LAYERS);
        progress.pull(&step, "0", "Pull complete", None, None);
        progress.pull(&step, "new", "Downloading", Some(1), Some(2));
        assert_eq!(progress.state.borrow().layers.len(), MOST_LAYERS);
    }

    #[test]
    fn a_step_is_one_line() {
        let step = StepId::new("shop-db/stop");
        let of = |status: &StepStatus, what, took| told(&step, status, what, took);
        let what = Some("stop `shop-db`");
        let second = Duration::from_millis(1234);
        let failed = StepStatus::Failed { message: "no \u{1b}[2J".into() };
        assert_eq!(of(&StepStatus::Done, what, Duration::ZERO), "stop `shop-db`");
        assert_eq!(of(&StepStatus::Done, what, second), "stop `shop-db`, 1.2 s");
        assert_eq!(of(&StepStatus::Already, what, second), "stop `shop-db`: already so");
        assert_eq!(of(&failed, what, second), "stop `shop-db`: failed: no \\u{1b}[2J");
        let failed = StepStatus::Failed { message: "it ended\n  | one\u{1b}\n  | two".into() };
        let lines = "stop `shop-db`: failed: it ended\n  | one\\u{1b}\n  | two";
        assert_eq!(of(&failed, what, second), lines);
        assert_eq!(of(&StepStatus::NotReached, None, Duration::ZERO), "shop-db/stop: not reached");
    }

    /// A simulated terminal screen.
    struct Screen {
        term: InMemoryTerm,
        progress: Progress,
    }

    impl Screen {
        fn new(plan: &Plan, columns: u16) -> Self {
            let term = InMemoryTerm::new(12, columns);
            let target = ProgressDrawTarget::term_like(Box::new(term.clone()));
            let all = MultiProgress::with_draw_target(target);
            let run = plan.steps.iter().map(|step| step.id.clone()).collect();
            Self { term, progress: Progress::on(Some(all), (false, false), plan, &run) }
        }

        fn started(&self, step: &str, what: &str) {
            let id = StepId::new(step);
            let (change, what) = (ChangeId::new(id.change()), what.to_owned());
            self.progress.event(&Event::Started { step: id, change, what });
        }

        fn finished(&self, step: &str) {
            let (id, status) = (StepId::new(step), StepStatus::Done);
            let (container, output) = (None, String::new());
            self.progress.event(&Event::Finished(StepOutcome { id, status, container, output }));
        }

        /// The screen with all durations replaced by one text.
        fn shown(&self) -> String {
            let shown = self.term.contents();
            let digits = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "0");
            let lines = shown.lines().map(|line| match line.split_once(", ") {
                Some((head, tail)) => format!("{head}, {}", digits(tail)),
                None => line.to_owned(),
            });
            lines.collect::<Vec<_>>().join("\n")
        }
    }

    #[test]
    fn a_terminal_has_a_line_for_each_container_that_stays_when_it_is_done() {
        for columns in [80, 120] {
            let mut plan = sample::empty();
            sample::add_replace(&mut plan, "db", "shop-db", 1);
            sample::add_replace(&mut plan, "web", "shop-web", 2);
            let screen = Screen::new(&plan, columns);
            screen.started("shop-db/create", "create container `shop-db.bp-new`");
            screen.started("shop-web/create", "create container `shop-web.bp-new`");
            assert_eq!(
                screen.shown(),
                "replace  shop-db: create container `shop-db.bp-new`, 0.0 s\nreplace  shop-web: \
                 create container `shop-web.bp-new`, 0.0 s"
            );
            screen.finished("shop-db/create");
            screen.started("shop-db/stop", "stop `shop-db`");
            std::thread::sleep(REDRAWN * 3);
            assert_eq!(
                screen.shown().lines().next().unwrap(),
                "replace  shop-db: stop `shop-db`, 0.0 s, down for 0.0 s"
            );
            let steps: Vec<String> = plan.steps.iter().map(|step| step.id.to_string()).collect();
            for step in steps.iter().filter(|step| step.starts_with("shop-db/")) {
                if step != "shop-db/create" {
                    screen.started(step, "go on");
                    screen.finished(step);
                }
            }
            assert_eq!(
                screen.shown(),
                "replace  shop-db, 0.0 s, down for 0.0 s\nreplace  shop-web: create container \
                 `shop-web.bp-new`, 0.0 s"
            );
            screen.progress.close();
            assert_eq!(screen.shown(), "replace  shop-db, 0.0 s, down for 0.0 s");
        }
    }
}
