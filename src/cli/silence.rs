//! Reports an engine that has stopped answering, because an unanswered call may last for minutes.

use std::convert::Infallible;
use std::time::Duration;

use super::output;
use crate::engine::Reader;

/// The time between two requests and the timeout of a request. Together they are shorter than 30
/// seconds, after which users start to wonder.
const PAUSE: Duration = Duration::from_secs(10);

/// Asks an engine at intervals, and reports when the engine stops answering and when it answers
/// again.
pub(super) async fn tell<R: Reader>(engine: &R) -> Infallible {
    let mut silent = false;
    loop {
        tokio::time::sleep(PAUSE).await;
        let answer = tokio::time::timeout(PAUSE, engine.version()).await;
        let answers = matches!(answer, Ok(Ok(_)));
        if answers && silent {
            output::note("the engine answers again");
        }
        if !answers && !silent {
            output::note("the engine does not answer: waiting for it …");
        }
        silent = !answers;
    }
}
