//! Telling that an engine has fallen silent: a call that it does not answer may go on for minutes.

use std::convert::Infallible;
use std::time::Duration;

use super::output;
use crate::engine::Reader;

/// How often is asked whether the engine is there, and how long it may take to say so: together less
/// than the half minute after which people wonder.
const PAUSE: Duration = Duration::from_secs(10);

/// Asks an engine now and then, and tells people when it falls silent and when it is back.
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
