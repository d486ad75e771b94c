//! `--journal FILE`: a run's journal on disk. Each record is durable before its call is made.
//!
//! The content of the records is defined in [`crate::apply::journal`].

use std::cell::RefCell;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use super::files::{self, named};
use super::load_plan::Opened;
use super::output;
use super::report::{Exit, Failure};
use crate::apply::journal::{self, Chain, Entry, FORMAT, Journal, NoJournal};
use crate::apply::record::RunRecord;
use crate::apply::result::ResultDocument;
use crate::base::{say, time};

/// The largest journal, in bytes; the user must start a new file after that.
const MOST: u64 = 256 << 20;

/// The hint for a file that takes no records.
const ANOTHER: &str = "`--journal` names a new file, or a journal that goes on";

/// The permissions of a journal: a journal shows the containers of an engine.
const OWNER_ALONE: u32 = 0o600;

/// A journal file that takes records.
pub struct JournalFile {
    open: RefCell<(File, Chain)>,
}

impl JournalFile {
    /// Opens or creates a journal, readable by its owner only. An existing file must be a valid
    /// journal, and is continued.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            let failure = Failure::new(Exit::Error, format!("{what} the journal {}", named(path)));
            failure.caused_by(say::safe(&error.to_string())).hint(ANOTHER)
        };
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let opened = File::options()
            .read(true)
            .append(true)
            .create(true)
            .mode(OWNER_ALONE)
            .custom_flags(flags.bits().cast_signed())
            .open(path);
        let mut file = opened.map_err(|error| failed("opening", &error))?;
        let about = file.metadata().map_err(|error| failed("opening", &error))?;
        if !about.is_file() || about.len() > MOST {
            return Err(failed("opening", &"expected a regular file of at most 256 MiB"));
        }
        flock(&file, FlockOperation::NonBlockingLockExclusive)
            .map_err(|error| failed("locking", &error))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|error| failed("reading", &error))?;
        let kept = journal::read(&bytes).map_err(|broken| failed("reading", &broken))?;
        let whole = u64::try_from(kept.whole).unwrap_or(u64::MAX);
        if whole < about.len() {
            // A writer died in the middle of a line.
            file.set_len(whole).map_err(|error| failed("mending", &error))?;
        }
        // An existing file may be readable by everybody.
        file.set_permissions(std::fs::Permissions::from_mode(OWNER_ALONE))
            .map_err(|error| failed("closing to others", &error))?;
        files::sync_folder(path);
        file.seek(SeekFrom::End(0)).map_err(|error| failed("opening", &error))?;
        Ok(Self { open: RefCell::new((file, kept.chain)) })
    }

    /// Records the start of a run.
    fn begins(&self, run: &RunRecord, opened: &Opened<'_>) -> Result<(), Failure> {
        let plan = &opened.plan;
        let entry = Entry::Begins {
            format: FORMAT.to_owned(),
            command: run.command,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            project: plan.project.clone(),
            plan: opened.digest.clone(),
            engine: run.engine.as_ref().map(|engine| engine.id.clone()),
            simulated: run.simulated,
        };
        self.note(entry)
            .map_err(|why| Failure::new(Exit::Error, format!("writing the journal: {why}")))
    }

    /// Records the end of a run. A write error is only reported, because the result holds the same
    /// data.
    pub fn ends(&self, document: &ResultDocument) {
        let (exit_code, message) = (document.exit_code, document.message.clone());
        if let Err(why) = self.note(Entry::Ends { exit_code, message }) {
            output::note(&format!("warning: the end of the run is not in the journal: {why}"));
        }
    }
}

/// Whether a process holds a journal, to write to it. A file that cannot be asked counts as free.
pub fn is_held(path: &Path) -> bool {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened =
        File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path).ok();
    opened.is_some_and(|file| {
        flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
    })
}

/// The current time in the format of records.
fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    time::text(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The journal of a new run, if the user asked for a journal.
pub fn of(
    path: Option<&Path>,
    run: &RunRecord,
    opened: &Opened<'_>,
) -> Result<Option<JournalFile>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let file = JournalFile::open(path)?;
    file.begins(run, opened)?;
    Ok(Some(file))
}

/// The user's journal, or a journal that keeps nothing.
pub fn keeping(file: Option<&JournalFile>) -> &dyn Journal {
    match file {
        Some(file) => file,
        None => &NoJournal,
    }
}

impl Journal for JournalFile {
    fn note(&self, entry: Entry) -> Result<(), String> {
        let mut open = self.open.borrow_mut();
        let (file, chain) = &mut *open;
        // A failed write must not break the hash chain of the next line.
        let mut next = chain.clone();
        let line = next.line(now(), entry)?;
        let end = file.metadata().map_err(|error| error.to_string())?.len();
        let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_data());
        if let Err(error) = written {
            let _ = file.set_len(end);
            return Err(say::safe(&error.to_string()));
        }
        *chain = next;
        Ok(())
    }
}
