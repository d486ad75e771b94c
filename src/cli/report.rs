//! The end of a command: its exit code, and its error on stderr.

use std::fmt;

use crate::base::canonical::NoCanonicalForm;
use crate::base::say;
use crate::engine::{EngineError, ErrorKind};
use crate::observed::file;
use crate::plan::format;
use crate::plan::show::html::NoPage;

/// The end of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Success, or no change.
    Done,
    /// An error.
    Error,
    /// The plan has changes.
    Changes,
    /// The engine or the spec has changed since the plan.
    Stale,
    /// Refused by integrity, approval, policy or `--deny`.
    Refused,
    /// Failed, and every failed change is as before.
    Failed,
    /// Locked by another apply.
    Locked,
    /// Failed half way; a person must act.
    PartWay,
    /// The engine is unreachable.
    Unreachable,
    /// An error in the arguments.
    Usage,
    /// Stopped by SIGINT, at a safe point.
    Interrupted,
    /// Stopped by SIGTERM, at a safe point.
    Terminated,
    /// Stopped by SIGHUP, at a safe point.
    HungUp,
    /// Stopped by SIGQUIT, at a safe point.
    Quit,
}

impl Exit {
    /// The exit code, which never changes because scripts rely on it.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::Changes => 2,
            Self::Stale => 3,
            Self::Refused => 4,
            Self::Failed => 5,
            Self::Locked => 6,
            Self::PartWay => 7,
            Self::Unreachable => 8,
            Self::Usage => 64,
            Self::Interrupted => 130,
            Self::Terminated => 143,
            Self::HungUp => 129,
            Self::Quit => 131,
        }
    }
}

impl Exit {
    /// The end for an exit code; an unknown code is an error.
    pub fn of_code(code: u8) -> Self {
        let all = [
            Self::Done,
            Self::Changes,
            Self::Stale,
            Self::Refused,
            Self::Failed,
            Self::Locked,
            Self::PartWay,
            Self::Unreachable,
            Self::Usage,
            Self::Interrupted,
            Self::Terminated,
            Self::HungUp,
            Self::Quit,
        ];
        all.into_iter().find(|exit| exit.code() == code).unwrap_or(Self::Error)
    }
}

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The end of the command.
    pub exit: Exit,
    /// The message: a lowercase fragment, safe to print; one line for each problem.
    pub message: String,
    /// The causes, nearest first.
    pub causes: Vec<String>,
    /// A hint to the user.
    pub hint: Option<String>,
}

/// The result of a command.
pub type Result = std::result::Result<Exit, Failure>;

impl Failure {
    /// A failure with a message only.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), causes: Vec::new(), hint: None }
    }

    /// Adds a cause.
    #[must_use]
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a prefix to the message: `plan.json: …`.
    #[must_use]
    pub fn within(mut self, what: &str) -> Self {
        self.message = format!("{}: {}", say::safe(what), self.message);
        self
    }
}

/// The longest message, in bytes.
const LONGEST: usize = 64 << 10;

/// The message, cut to a readable size.
fn bounded(message: &str) -> std::borrow::Cow<'_, str> {
    if message.len() <= LONGEST {
        return message.into();
    }
    let end = (0..=LONGEST).rev().find(|end| message.is_char_boundary(*end)).unwrap_or(0);
    let (shown, rest) = message.split_at(end);
    let (shown, rest) = match shown.rsplit_once('\n') {
        Some((lines, part)) => (lines, part.len() + rest.len()),
        None => (shown, rest.len()),
    };
    format!("{shown}\n  and more, {rest} bytes of it").into()
}

/// `error: …`, `caused by: …`, `hint: …`, one each on a line.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", bounded(&self.message))?;
        for cause in &self.causes {
            write!(f, "\ncaused by: {cause}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl From<format::Unreadable> for Failure {
    fn from(error: format::Unreadable) -> Self {
        let exit = if error.fault.is_integrity() { Exit::Refused } else { Exit::Error };
        Self { exit, message: error.message, causes: Vec::new(), hint: error.hint }
    }
}

impl From<file::Unreadable> for Failure {
    fn from(error: file::Unreadable) -> Self {
        Self { exit: Exit::Error, message: error.message, causes: Vec::new(), hint: error.hint }
    }
}

impl From<NoCanonicalForm> for Failure {
    fn from(error: NoCanonicalForm) -> Self {
        Self::new(Exit::Error, "the plan cannot be written")
            .caused_by(say::safe(&error.to_string()))
    }
}

impl From<NoPage> for Failure {
    fn from(error: NoPage) -> Self {
        Self::new(Exit::Error, say::safe(&error.to_string()))
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let exit = match error.kind {
            ErrorKind::Unreachable => Exit::Unreachable,
            ErrorKind::Version
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::Status(_)
            | ErrorKind::Interrupted
            | ErrorKind::Protocol
            | ErrorKind::Busy => Exit::Error,
        };
        let mut failure = Self::new(exit, say::safe(&error.doing));
        failure.causes.push(error.message);
        failure.hint = error.hint;
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_why_and_the_way_out() {
        let failure = Failure::new(Exit::Error, "expected a plan, but found a snapshot")
            .within("a\u{1b}.json")
            .caused_by("haste")
            .hint("read it first");
        insta::assert_snapshot!(failure, @r"
        error: a\u{1b}.json: expected a plan, but found a snapshot
        caused by: haste
        hint: read it first
        ");
    }

    #[test]
    fn a_message_without_end_is_cut() {
        let failure = |message: String| Failure::new(Exit::Error, message).to_string();
        let lines = failure("é line\n".repeat(1 << 16));
        assert!(lines.len() < LONGEST + 100, "{}", lines.len());
        assert!(lines.ends_with("é line\n  and more, 458752 bytes of it"));
        assert!(failure("é".repeat(1 << 20)).len() < LONGEST + 100);
    }

    #[test]
    fn what_may_have_been_tampered_with_is_refused() {
        let unreadable = |fault| format::Unreadable { fault, message: String::new(), hint: None };
        assert_eq!(Failure::from(unreadable(format::Fault::Digest)).exit, Exit::Refused);
        assert_eq!(Failure::from(unreadable(format::Fault::Syntax)).exit, Exit::Error);
    }
}
