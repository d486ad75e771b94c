//! The journal of a run: what is called, before each call, and what it came to, after it; a record a line,
//! each with the hash of the line before.
//!
//! Nobody needs it to recover: names and labels on the engine tell enough. Writing it to a disk is the
//! command line's.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::record::Command;
use crate::base::ident::{ProjectName, StepId};
use crate::base::say;

/// The format that is written and read.
pub const FORMAT: &str = "bayplan/journal/1";

/// The `prev` of the first record.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its number, from 1.
    pub seq: u64,
    /// When, as RFC 3339 has it.
    pub at: String,
    /// What happened.
    #[serde(flatten)]
    pub entry: Entry,
    /// The SHA-256 of the line before, without its end.
    pub prev: String,
}

/// What happened. None of it holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Entry {
    /// A run begins.
    Begins {
        /// [`FORMAT`].
        format: String,
        /// What was run.
        command: Command,
        /// The version of bayplan.
        version: String,
        /// Whose containers.
        project: ProjectName,
        /// The plan's digest.
        plan: String,
        /// The engine's ID.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        engine: Option<String>,
        /// No engine is touched.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        simulated: bool,
    },
    /// A call will be made.
    Calls {
        /// The step that it is for.
        step: StepId,
        /// What is called, in words.
        what: String,
        /// Whether it takes something back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        back: bool,
    },
    /// A call came to an end. One that never does may have been made or not.
    Answered {
        /// The step that it was for.
        step: StepId,
        /// What it came to; nothing: it took effect.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed: Option<String>,
    },
    /// A run ends.
    Ends {
        /// Its exit code.
        exit_code: u8,
        /// Its message.
        message: String,
    },
}

/// Who keeps a journal.
pub trait Journal {
    /// Keeps what happened, surely, before it returns. The error is safe to print.
    fn note(&self, entry: Entry) -> Result<(), String>;
}

/// Nobody does.
#[derive(Debug)]
pub struct NoJournal;

impl Journal for NoJournal {
    fn note(&self, _entry: Entry) -> Result<(), String> {
        Ok(())
    }
}

/// Where a journal ends: what the next record is chained to.
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
    /// The next line, with its end.
    pub fn line(&mut self, at: String, entry: Entry) -> Result<String, String> {
        self.seq += 1;
        let record = Record { seq: self.seq, at, entry, prev: self.prev.clone() };
        let line = serde_json::to_string(&record).map_err(|why| why.to_string())?;
        self.prev = hash(&line);
        Ok(line + "\n")
    }

    /// Whether these bytes can be the beginning of the next line. Other bytes are somebody's text.
    fn may_begin_with(&self, torn: &[u8]) -> bool {
        let begin = format!("{{\"seq\":{},\"at\":\"", self.seq + 1);
        torn.iter().zip(begin.as_bytes()).all(|(found, expected)| found == expected)
    }
}

/// A journal that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Its records.
    pub records: Vec<Record>,
    /// So many bytes are whole lines. What follows was being written when its writer died.
    pub whole: usize,
    /// Where it goes on.
    pub chain: Chain,
}

/// Why a journal is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The line, from 1.
    pub line: usize,
    /// Why; safe to print.
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

    /// Every byte of every line but the last one's is held by the next line.
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
