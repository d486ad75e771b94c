//! `--log`: logs the work of the program to stderr, for debugging.
//!
//! No secret is logged at any level. No code here logs a body or a header, and libraries that would
//! do so are limited.

use std::io;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Noisy libraries: limited to `warn`, unless the user names them.
const LIBRARIES: &[&str] = &["bollard", "hyper", "hyper_util", "rustls", "tokio_rustls"];

/// Below `info`, this library logs request bodies, which contain secrets.
const TALKER: &str = "bollard";

/// Parses the levels of `--log`.
pub fn levels(text: &str) -> Result<Targets, String> {
    let wrong = || {
        format!(
            "expected a level (off, error, warn, info, debug, trace) or TARGET=LEVEL, but found `{text}`"
        )
    };
    let known = |word: &str| !word.trim().is_empty() && word.trim().parse::<LevelFilter>().is_ok();
    let mut targets = Targets::new().with_default(LevelFilter::WARN);
    for part in text.split(',') {
        targets = match part.split_once('=') {
            Some((target, level)) if !target.trim().is_empty() && known(level) => {
                let level: LevelFilter = level.trim().parse().map_err(|_| wrong())?;
                targets.with_target(target.trim(), level)
            }
            None if known(part) => {
                targets.with_default(part.trim().parse::<LevelFilter>().map_err(|_| wrong())?)
            }
            _ => return Err(wrong()),
        };
    }
    Ok(pinned(&targets))
}

/// The levels, with limits for libraries.
fn pinned(wanted: &Targets) -> Targets {
    let default = wanted.default_level().unwrap_or(LevelFilter::WARN);
    let mut pinned = Targets::new().with_default(default);
    for library in LIBRARIES {
        pinned = pinned.with_target(*library, default.min(LevelFilter::WARN));
    }
    for (target, level) in wanted {
        let talks = target.starts_with(TALKER);
        let level = if talks { level.min(LevelFilter::INFO) } else { level };
        pinned = pinned.with_target(target, level);
    }
    pinned
}

/// Starts the log; the default level is `warn`.
pub fn start(wanted: Option<Targets>) {
    let targets = wanted.unwrap_or_else(|| pinned(&Targets::new().with_default(LevelFilter::WARN)));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false)
        .without_time()
        .compact();
    // A program that embeds this library may have its own log, which then takes precedence.
    let _ = tracing_subscriber::registry().with(lines).with(targets).try_init();
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn libraries_are_silent_unless_named_and_bodies_stay_out() {
        let everything = levels("trace").unwrap();
        assert!(everything.would_enable("bayplan::engine", &Level::TRACE));
        for library in LIBRARIES {
            assert!(everything.would_enable(library, &Level::WARN), "{library}");
            assert!(!everything.would_enable(library, &Level::INFO), "{library}");
        }
        let named = levels("error,hyper=trace,bollard=trace,bollard::docker=trace").unwrap();
        assert!(named.would_enable("hyper::client", &Level::TRACE));
        assert!(named.would_enable("bollard::docker", &Level::INFO));
        assert!(!named.would_enable("bollard::docker", &Level::DEBUG));
        assert!(!named.would_enable("bayplan", &Level::WARN));
        assert!(!named.would_enable("rustls", &Level::WARN));
        assert!(!levels("off").unwrap().would_enable("bayplan", &Level::ERROR));
    }

    #[test]
    fn what_is_no_level_is_refused() {
        for bad in ["loud", "", "bayplan=loud", "=info", "info,,"] {
            assert!(levels(bad).unwrap_err().starts_with("expected a level"), "{bad}");
        }
    }
}
