//! Signals during an apply. After the first signal, begun changes are rolled back or finished
//! within a grace time. A second signal, or the end of the grace time, aborts the calls in flight.

use std::cell::Cell;
use std::convert::Infallible;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::output;
use crate::apply::Signal;

/// The phase that a signal interrupts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Steps,
    LastLook,
}

/// The signals so far.
pub struct Signals {
    asked: watch::Sender<Option<Signal>>,
    came: watch::Sender<u32>,
    doing: Cell<Doing>,
    grace: Duration,
}

impl Signals {
    /// No signals so far.
    pub fn new(grace: Duration) -> Self {
        Self {
            grace,
            asked: watch::Sender::new(None),
            came: watch::Sender::new(0),
            doing: Cell::new(Doing::Steps),
        }
    }

    /// The first signal.
    pub fn asked(&self) -> watch::Receiver<Option<Signal>> {
        self.asked.subscribe()
    }

    /// Marks the end of all steps: from now on a signal interrupts the last look.
    pub fn last_look(&self) {
        self.doing.set(Doing::LastLook);
    }

    /// Ends at the next signal.
    pub async fn another(&self) {
        if self.came.subscribe().changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Ends at the second signal, or when the grace time after the first signal is over.
    pub async fn aborted(&self) {
        let mut came = self.came.subscribe();
        if came.wait_for(|came| *came > 0).await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::select! {
            _ = came.wait_for(|came| *came > 1) => {}
            () = tokio::time::sleep(self.grace) => {
                output::note("the time of grace is over: calls in flight are given up");
            }
        }
    }

    /// Listens forever. A handled signal no longer ends the program, so the listener must run as
    /// long as the program.
    pub async fn listen(&self) -> Infallible {
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
            SignalKind::quit(),
        ];
        let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup), Ok(mut quit)] =
            kinds.map(signal)
        else {
            return std::future::pending().await;
        };
        loop {
            let signal = tokio::select! {
                _ = interrupt.recv() => Signal::Interrupt,
                _ = terminate.recv() => Signal::Terminate,
                _ = hangup.recv() => Signal::Hangup,
                _ = quit.recv() => Signal::Quit,
            };
            self.take(signal);
        }
    }

    fn take(&self, signal: Signal) {
        output::note(match (self.doing.get(), *self.came.borrow()) {
            (Doing::LastLook, _) => "interrupted: the last look is skipped",
            (Doing::Steps, 0) => {
                "interrupted: what was begun goes back (again: it is given up where it is)"
            }
            (Doing::Steps, _) => {
                "interrupted twice: calls in flight are given up; `bayplan recover PLAN` brings \
                 back what was begun"
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

/// Makes a file-size limit of the shell an ordinary write error, which no longer ends the program.
pub fn outlive_long_files() {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return;
    };
    let _entered = runtime.enter();
    // A signal with a handler does not end the program.
    drop(signal(SignalKind::from_raw(FILE_TOO_LONG)));
}

/// The number of SIGXFSZ on Linux and macOS.
const FILE_TOO_LONG: i32 = 25;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_signal_counts_and_the_second_gives_up() {
        let signals = Signals::new(Duration::from_mins(1));
        signals.take(Signal::Interrupt);
        let once = tokio::time::timeout(std::time::Duration::ZERO, signals.aborted()).await;
        assert!(once.is_err());
        signals.take(Signal::Terminate);
        signals.aborted().await;
        assert_eq!(*signals.asked().borrow(), Some(Signal::Interrupt));
        signals.last_look();
        tokio::join!(signals.another(), async { signals.take(Signal::Interrupt) });
    }
}
