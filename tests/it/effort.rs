//! How much work something was: the processor time of this thread. What the clock says tells more of
//! who else uses the machine.

use std::time::Duration;

/// Since some moment.
#[derive(Clone, Copy)]
pub(crate) struct Effort(Duration);

impl Effort {
    /// From now on.
    pub(crate) fn begin() -> Self {
        Self(worked())
    }

    /// So far.
    pub(crate) fn spent(self) -> Duration {
        worked().saturating_sub(self.0)
    }
}

/// As the kernel counts it, in nanoseconds.
fn worked() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}
