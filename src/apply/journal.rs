//! The journal of a run: a record before each call and a record after each call, one record a line.
//! Each record has the hash of the line before.
//!
//! Recovery does not need the journal: names and labels on the engine are enough. Writing the
//! journal to a disk is done by the command line, not here.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::record::Command;
use crate::base::canonical;
use crate::base::ident::{ProjectName, StepId};
use crate::base::say;

/// The journal format of this version.
pub const FORMAT: &str = "bayplan/journal/1";

/// The `prev` of the first record.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The number of the record, from 1.
    pub seq: u64,
    /// The time of the record, in RFC 3339.
    pub at: String,
    /// The event that is recorded.
    #[serde(flatten)]
    pub entry: Entry,
    /// The SHA-256 of the line before, without its line end.
    pub prev: String,
}

/// A recorded event. No secret is in a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Entry {
    /// A run begins.
    Begins {
        /// [`FORMAT`].
        format: String,
        /// The command that was run.
        command: Command,
        /// The version of bayplan.
        version: String,
        /// The project of the plan.
        project: ProjectName,
        /// The digest of the plan.
        plan: String,
        /// The ID of the engine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        engine: Option<String>,
        /// Whether the engine was simulated.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        simulated: bool,
    },
    /// A call is about to be made.
    Calls {
        /// The step of the call.
        step: StepId,
        /// The call in words.
        what: String,
        /// Whether the call rolls something back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        back: bool,
    },
    /// A call ended. A call without this record may have been made or not.
    Answered {
        /// The step of the call.
        step: StepId,
        /// The error of the call; `None`: the call took effect.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed: Option<String>,
    },
    /// A run ends.
    Ends {
        /// The exit code of the run.
        exit_code: u8,
        /// The message of the run.
        message: String,
    },
}

/// A keeper of a journal.
pub trait Journal {
    /// Writes a record durably before it returns. The error is safe to print.
    fn note(&self, entry: Entry) -> Result<(), String>;
}

/// A journal that keeps nothing.
#[derive(Debug)]
pub struct NoJournal;

impl Journal for NoJournal {
    fn note(&self, _entry: Entry) -> Result<(), String> {
        Ok(())
    }
}

/// The end of a journal: the number and the hash that the next record continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    seq: u64,
    prev: String,
}

impl Default for Chain {
    fn default() -> Self {
        Self { seq: 0, prev: NOTHING.to_owned() }
    }
}

impl Chain {
    /// The next line, with its line end.
    pub fn line(&mut self, at: String, entry: Entry) -> Result<String, String> {
        self.seq += 1;
        let record = Record { seq: self.seq, at, entry, prev: self.prev.clone() };
        let line = serde_json::to_string(&record).map_err(|why| why.to_string())?;
        let line = canonical::escaped(&line);
        self.prev = hash(&line);
        Ok(line + "\n")
    }

    /// Whether these bytes can be the beginning of the next record, rather than foreign text.
    fn may_begin_with(&self, torn: &[u8]) -> bool {
        let begin = format!("{{\"seq\":{},\"at\":\"", self.seq + 1);
        torn.iter().zip(begin.as_bytes()).all(|(found, expected)| found == expected)
    }
}

/// A journal that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// The records of the journal.
    pub records: Vec<Record>,
    /// The length of all complete lines, in bytes. The rest is a line whose write was cut off.
    pub whole: usize,
    /// The end of the journal, for the next record.
    pub chain: Chain,
}

/// Why a file is not a valid journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The number of the line, from 1.
    pub line: usize,
    /// The reason; safe to print.
    pub why: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

/// Reads a journal and checks its chain.
pub fn read(bytes: &[u8]) -> Result<Kept, Broken> {
    let mut kept = Kept::default();
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let broken = |why: String| Broken { line: number + 1, why };
        let Some(line) = line.strip_suffix(b"\n") else {
            if kept.chain.may_begin_with(line) {
                break;
            }
            return Err(broken("expected a record, but found something else".to_owned()));
        };
        let text = std::str::from_utf8(line).map_err(|why| broken(why.to_string()))?;
        let record: Record = serde_json::from_str(text).map_err(|why| {
            broken(format!("expected a record, but found {}", say::short(&why.to_string())))
        })?;
        let Chain { seq, prev } = &kept.chain;
        if record.seq != seq + 1 || record.prev != *prev {
            let why = "expected it to follow the line before, but it does not: a line was changed, \
                       added or taken out";
            return Err(broken(why.to_owned()));
        }
        kept.chain = Chain { seq: record.seq, prev: hash(text) };
        kept.whole += line.len() + 1;
        kept.records.push(record);
    }
    Ok(kept)
}

fn hash(line: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(line.as_bytes()).iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> String {
        let mut chain = Chain::default();
        let step = StepId::new("shop-db/stop");
        [
            Entry::Calls {
                step: step.clone(),
                what: "stop container shop-db".to_owned(),
                back: false,
            },
            Entry::Answered { step, failed: Some("no such container".to_owned()) },
            Entry::Ends { exit_code: 5, message: "no action taken.".to_owned() },
        ]
        .into_iter()
        .map(|entry| chain.line("2026-01-02T03:04:05Z".to_owned(), entry).unwrap())
        .collect()
    }

    #[test]
    fn a_record_shows_no_invisible_characters() {
        let message = "a\u{202e}b\u{7f}\u{e0041}".to_owned();
        let ends = Entry::Ends { exit_code: 1, message };
        let line = Chain::default().line("t".into(), ends.clone()).unwrap();
        assert!(!line.trim_end().chars().any(say::is_unsafe), "{line:?}");
        let record: Record = serde_json::from_str(&line).unwrap();
        assert_eq!(record.entry, ends);
    }

    #[test]
    fn what_was_written_is_read_and_goes_on() {
        let text = journal();
        let mut kept = read(text.as_bytes()).unwrap();
        assert_eq!((kept.records.len(), kept.whole), (3, text.len()));
        let more = Entry::Ends { exit_code: 0, message: String::new() };
        let line = kept.chain.line(String::new(), more).unwrap();
        assert_eq!(read((text + &line).as_bytes()).unwrap().records.len(), 4);
        assert_eq!(read(b"").unwrap(), Kept::default());
    }

    #[test]
    fn a_line_that_was_being_written_is_left_out() {
        let text = journal();
        let torn = &text[..text.len() - 5];
        let kept = read(torn.as_bytes()).unwrap();
        assert_eq!(kept.records.len(), 2);
        assert_eq!(&torn[kept.whole..].chars().next(), &Some('{'));
    }

    #[test]
    fn text_without_a_line_end_is_no_record_that_was_being_written() {
        for text in ["a note", "{\"seq\":7", "{}", "\0"] {
            assert_eq!(read(text.as_bytes()).unwrap_err().line, 1, "{text}");
            assert_eq!(read((journal() + text).as_bytes()).unwrap_err().line, 4, "{text}");
        }
        for begin in ["{", "{\"seq\":1,\"at\":\"2026"] {
            assert_eq!(read(begin.as_bytes()).unwrap(), Kept::default());
        }
    }

    /// The next line holds the hash of every line except the last line.
    #[test]
    fn a_line_that_was_changed_or_taken_out_is_seen() {
        let text = journal();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let held: usize = lines[..2].iter().map(|line| line.len()).sum();
        for at in 0..held {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            assert!(read(&bytes).is_err(), "byte {at}");
        }
        assert_eq!(read([lines[0], lines[2]].concat().as_bytes()).unwrap_err().line, 2);
        assert_eq!(read([lines[1], lines[2]].concat().as_bytes()).unwrap_err().line, 1);
        assert_eq!(read([lines[0], lines[0]].concat().as_bytes()).unwrap_err().line, 2);
    }
}
