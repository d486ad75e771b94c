//! Asks git through its own program: read-only and with limits. Without git, bayplan goes on
//! without the answers.
//!
//! The repository may be untrusted: no filter, hook or helper from its configuration is run.

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The timeout for git.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many bytes of an answer are read.
const MOST: u64 = 64 << 20;

/// Options before each command, so that no configuration makes git run programs or ask questions.
const QUIET: &[&str] = &[
    "--no-optional-locks",
    "--no-pager",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "log.showSignature=false",
    "-c",
    "log.showRoot=true",
    "-c",
    "safe.bareRepository=explicit",
];

/// The committed content of a file in a folder.
pub fn committed(folder: &Path, name: &str) -> Option<Vec<u8>> {
    ask(folder, &["cat-file", "blob", &format!("HEAD:./{name}")])
}

/// The answer of git in a folder; `None` if git fails or takes too long.
pub fn ask(folder: &Path, words: &[&str]) -> Option<Vec<u8>> {
    let mut child = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(QUIET)
        .args(words)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        // A repository's own `protocol.*.allow` would win over an option.
        .env("GIT_ALLOW_PROTOCOL", "none")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let out = child.stdout.take()?;
    let reading = thread::spawn(move || {
        let mut bytes = Vec::new();
        out.take(MOST).read_to_end(&mut bytes).ok().map(|_| bytes)
    });
    let well = ended(&mut child);
    let bytes = reading.join().ok().flatten()?;
    well.then_some(bytes)
}

/// Whether git ended successfully and in time.
fn ended(child: &mut Child) -> bool {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => thread::sleep(Duration::from_millis(5)),
            Err(_) => break,
        }
    }
    // The output ends with the process.
    let _ = child.kill();
    let _ = child.wait();
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository with a file that differs from its committed version.
    fn repository() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("plan.json"), "committed").unwrap();
        for words in [
            &["init", "-q"][..],
            &["add", "plan.json"],
            &["-c", "user.name=Ann", "-c", "user.email=a@b", "commit", "-qm", "one"],
        ] {
            let done = Command::new("git").arg("-C").arg(folder.path()).args(words).status();
            assert!(done.unwrap().success(), "{words:?}");
        }
        std::fs::write(folder.path().join("plan.json"), "changed").unwrap();
        folder
    }

    #[test]
    fn what_is_committed_is_read_and_nothing_is_run() {
        let folder = repository();
        let ran = folder.path().join("ran");
        let run = format!("touch {}", ran.display());
        for (key, value) in [("core.fsmonitor", run.as_str()), ("diff.x.textconv", &run)] {
            let args = ["config", key, value];
            Command::new("git").arg("-C").arg(folder.path()).args(args).status().unwrap();
        }
        std::fs::write(folder.path().join(".gitattributes"), "*.json diff=x\n").unwrap();
        assert_eq!(committed(folder.path(), "plan.json").as_deref(), Some(&b"committed"[..]));
        assert_eq!(committed(folder.path(), "none.json"), None);
        assert!(!ran.exists());
        let none = tempfile::tempdir().unwrap();
        assert_eq!(committed(none.path(), "plan.json"), None);
    }
}
