//! Signals while an apply runs: the first one asks it to stop at the next safe point, the second one
//! gives up what is in flight.

use std::cell::Cell;
use std::convert::Infallible;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::output;
use crate::apply::Signal;

/// What a signal interrupts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Steps,
    LastLook,
}

/// The signals that came.
pub struct Signals {
    asked: watch::Sender<Option<Signal>>,
    came: watch::Sender<u32>,
    doing: Cell<Doing>,
}

impl Signals {
    /// None so far.
    pub fn new() -> Self {
        Self {
            asked: watch::Sender::new(None),
            came: watch::Sender::new(0),
            doing: Cell::new(Doing::Steps),
        }
    }

    /// The first one, once there is one.
    pub fn asked(&self) -> watch::Receiver<Option<Signal>> {
        self.asked.subscribe()
    }

    /// All steps ended: from now on a signal interrupts the last look.
    pub fn last_look(&self) {
        self.doing.set(Doing::LastLook);
    }

    /// Ends with the next signal.
    pub async fn another(&self) {
        if self.came.subscribe().changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Ends with the second signal.
    pub async fn twice(&self) {
        if self.came.subscribe().wait_for(|came| *came > 1).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Listens for good. Once a program listens to a signal, nothing else ends it: so somebody must
    /// as long as it runs.
    pub async fn listen(&self) -> Infallible {
        let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return std::future::pending().await;
        };
        loop {
            let signal = tokio::select! {
                _ = interrupt.recv() => Signal::Interrupt,
                _ = terminate.recv() => Signal::Terminate,
            };
            self.take(signal);
        }
    }

    fn take(&self, signal: Signal) {
        output::note(match (self.doing.get(), *self.came.borrow()) {
            (Doing::LastLook, _) => "interrupted: the last look is skipped",
            (Doing::Steps, 0) => {
                "interrupted: calls in flight are finished, no step is begun (again: give up)"
            }
            (Doing::Steps, _) => {
                "interrupted twice: calls in flight are given up; `bayplan verify` tells what is \
                 where"
            }
        });
        self.asked.send_if_modified(|asked| {
            let first = asked.is_none();
            asked.get_or_insert(signal);
            first
        });
        self.came.send_modify(|came| *came += 1);
    }
}

impl Default for Signals {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_signal_counts_and_the_second_gives_up() {
        let signals = Signals::new();
        signals.take(Signal::Interrupt);
        let once = tokio::time::timeout(std::time::Duration::ZERO, signals.twice()).await;
        assert!(once.is_err());
        signals.take(Signal::Terminate);
        signals.twice().await;
        assert_eq!(*signals.asked().borrow(), Some(Signal::Interrupt));
        signals.last_look();
        tokio::join!(signals.another(), async { signals.take(Signal::Interrupt) });
    }
}
