//! What people and machines see while an apply runs: lines on stderr, bars for pulls on a
//! terminal, or one JSON object a line on stdout.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::IsTerminal as _;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::output;
use crate::apply::events::{Event, Sink, WaitingFor};
use crate::apply::{Became, StepOutcome};
use crate::say;

/// Shows events.
pub struct Progress {
    json: bool,
    /// Bars of pulls by step and layer; none where stderr is no terminal.
    bars: Option<(MultiProgress, RefCell<BTreeMap<String, ProgressBar>>)>,
}

impl Progress {
    /// For people, or for machines.
    pub fn new(json: bool) -> Self {
        let terminal = !json && std::io::stderr().is_terminal();
        Self { json, bars: terminal.then(|| (MultiProgress::new(), RefCell::default())) }
    }

    fn line(&self, text: &str) {
        match &self.bars {
            Some((all, _)) => all.suspend(|| output::note(text)),
            None => output::note(text),
        }
    }

    fn pull(
        &self,
        step: &str,
        layer: &str,
        status: &str,
        current: Option<u64>,
        total: Option<u64>,
    ) {
        let Some((all, bars)) = &self.bars else { return };
        let mut bars = bars.borrow_mut();
        let (Some(current), Some(total)) = (current, total) else {
            if matches!(status, "Pull complete" | "Already exists")
                && let Some(bar) = bars.remove(&format!("{step} {layer}"))
            {
                bar.finish_and_clear();
            }
            return;
        };
        let bar = bars.entry(format!("{step} {layer}")).or_insert_with(|| {
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

impl Sink for Progress {
    fn event(&self, event: &Event) {
        if self.json {
            if let Ok(line) = serde_json::to_string(event) {
                // A reader that is gone does not stop an apply.
                let _ = output::data(&format!("{line}\n"));
            }
            return;
        }
        match event {
            Event::Started { step, change: _, what } => self.line(&format!("{step}: {what}")),
            Event::Finished(outcome) => self.finished(outcome),
            Event::Pull { step, layer, status, current, total } => {
                self.pull(step.as_str(), layer, status, *current, *total);
            }
            Event::Waiting { step, what } => {
                let what = match what {
                    WaitingFor::Running => "watching that it keeps running",
                    WaitingFor::Healthy => "waiting until it is healthy",
                    WaitingFor::End => "waiting for its end",
                    WaitingFor::Engine => "waiting for the engine",
                };
                self.line(&format!("{step}: {what}"));
            }
            Event::Note { step, text } => self.line(&format!("{step}: note: {}", say::safe(text))),
            Event::Interrupted { .. } => {}
        }
    }
}

impl Progress {
    fn finished(&self, StepOutcome { id, became, container: _ }: &StepOutcome) {
        let text = match became {
            Became::Done => "done".to_owned(),
            Became::Already => "already so".to_owned(),
            Became::Failed { message } => format!("failed: {}", say::safe(message)),
            Became::Stale(stale) => format!("stale: {}", say::safe(&stale.to_string())),
            Became::NotReached => "not reached".to_owned(),
        };
        self.line(&format!("{id}: {text}"));
    }
}
