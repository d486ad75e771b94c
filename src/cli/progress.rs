//! What people and machines see while an apply runs: one line a step on stderr, what is in flight
//! and bars for pulls on a terminal, or one JSON object a line on stdout.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::output;
use crate::apply::events::{Event, Sink, WaitingFor};
use crate::apply::{Became, StepOutcome, Undone};
use crate::base::canonical;
use crate::base::ident::StepId;
use crate::base::say;

/// What took less is not worth a number.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// Shows events.
pub struct Progress {
    json: bool,
    keep: bool,
    /// How many steps there are to run.
    total: usize,
    state: RefCell<State>,
    /// None where stderr is no terminal.
    bars: Option<MultiProgress>,
}

#[derive(Default)]
struct State {
    finished: usize,
    running: BTreeMap<StepId, Running>,
    /// Bars of pulls, by step and layer.
    layers: BTreeMap<String, ProgressBar>,
}

/// The most bars of layers at a time: more than a terminal has lines.
const MOST_LAYERS: usize = 100;

struct Running {
    what: String,
    since: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// For people, or for machines, of a run of so many steps.
    /// `keep`: what containers wrote is told with their steps, and kept in results.
    pub fn new(json: bool, keep: bool, total: usize) -> Self {
        let terminal = !json && std::io::stderr().is_terminal();
        let bars = terminal.then(MultiProgress::new);
        Self { json, keep, total, state: RefCell::default(), bars }
    }

    fn line(&self, text: &str) {
        match &self.bars {
            Some(all) => all.suspend(|| output::note(text)),
            None => output::note(text),
        }
    }

    /// On a terminal a step is shown while it runs; elsewhere only what may take minutes is told
    /// beforehand.
    fn started(&self, step: &StepId, what: &str) {
        let bar = self.bars.as_ref().map(|all| {
            let bar = all.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("  {msg}") {
                bar.set_style(style);
            }
            bar.set_message(format!("{step}: {what} …"));
            bar.tick();
            bar
        });
        if bar.is_none() && step.as_str().ends_with("/pull") {
            self.line(&format!("{step}: {what} …"));
        }
        let running = Running { what: what.to_owned(), since: Instant::now(), bar };
        self.state.borrow_mut().running.insert(step.clone(), running);
    }

    fn finished(&self, StepOutcome { id, became, container: _, output }: &StepOutcome) {
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
        if let Some(bar) = running.as_ref().and_then(|running| running.bar.as_ref()) {
            bar.finish_and_clear();
        }
        let took = running.as_ref().map(|running| running.since.elapsed());
        let what = running.map(|running| running.what);
        let text = told(became, what.as_deref(), took.unwrap_or_default());
        let text = text + &say::safe_lines(output);
        let width = self.total.to_string().len();
        match what {
            Some(_) => self.line(&format!("[{number:>width$}/{}] {id}: {text}", self.total)),
            None => self.line(&format!("{id}: {text}")),
        }
    }

    fn waiting(&self, step: &StepId, what: WaitingFor) {
        let what = match what {
            // Every start is watched, and the step's own line says so.
            WaitingFor::Running => return,
            WaitingFor::Healthy => "waiting until it is healthy",
            WaitingFor::End => "waiting for its end",
            WaitingFor::Engine => "waiting for the engine",
        };
        let state = self.state.borrow();
        match state.running.get(step).and_then(|running| running.bar.as_ref()) {
            Some(bar) => bar.set_message(format!("{step}: {what} …")),
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
        // An engine may say layers without end.
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
}

/// What became of a step, on one line.
fn told(became: &Became, what: Option<&str>, took: Duration) -> String {
    let what = what.unwrap_or("not begun");
    match became {
        Became::Done if took < WORTH_TELLING => what.to_owned(),
        Became::Done => format!("{what}, {:.1} s", took.as_secs_f64()),
        Became::Already => format!("{what}: already so"),
        Became::Failed { message } => format!("{what}: failed: {}", say::safe_lines(message)),
        Became::Stale(stale) => format!("{what}: stale: {}", say::safe(&stale.to_string())),
        Became::NotReached => "not reached".to_owned(),
        Became::Undone => format!("{what}: taken back"),
    }
}

impl Sink for Progress {
    fn output(&self, container: &str, lines: String) -> Option<String> {
        if self.keep {
            return Some(lines);
        }
        self.line(&format!("`{}`: its last output:{lines}", say::safe(container)));
        None
    }

    fn event(&self, event: &Event) {
        if self.json {
            if let Ok(line) = canonical::flat(event) {
                // A reader that is gone does not stop an apply.
                let _ = output::data(&format!("{line}\n"));
            }
            return;
        }
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
            Event::Undoing { .. } | Event::Interrupted { .. } => {}
            Event::Undone(Undone { step, what, failed }) => {
                let failed =
                    failed.as_ref().map(|why| format!(": failed: {}", say::safe_lines(why)));
                self.line(&format!("{step}: {}{}", say::safe(what), failed.unwrap_or_default()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_says_layers_without_end_fills_no_memory() {
        let hidden = MultiProgress::with_draw_target(indicatif::ProgressDrawTarget::hidden());
        let progress = Progress { bars: Some(hidden), ..Progress::new(true, false, 1) };
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
        let what = Some("stop `shop-db`");
        let second = Duration::from_millis(1234);
        let failed = Became::Failed { message: "no \u{1b}[2J".into() };
        assert_eq!(told(&Became::Done, what, Duration::ZERO), "stop `shop-db`");
        assert_eq!(told(&Became::Done, what, second), "stop `shop-db`, 1.2 s");
        assert_eq!(told(&Became::Already, what, second), "stop `shop-db`: already so");
        assert_eq!(told(&failed, what, second), "stop `shop-db`: failed: no \\u{1b}[2J");
        let failed = Became::Failed { message: "it ended\n  | one\u{1b}\n  | two".into() };
        let lines = "stop `shop-db`: failed: it ended\n  | one\\u{1b}\n  | two";
        assert_eq!(told(&failed, what, second), lines);
        assert_eq!(told(&Became::NotReached, None, Duration::ZERO), "not reached");
    }
}
