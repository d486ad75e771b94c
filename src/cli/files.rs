//! Reading and writing whole files: read once, written all or not at all.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::report::{Exit, Failure};
use crate::say;

/// A path as messages name it.
pub fn named(path: &Path) -> String {
    if path == Path::new("-") { "stdin".into() } else { say::safe(&path.to_string_lossy()) }
}

/// The bytes of a file, read once; `-` is stdin. One byte more than `most` is read at the most, so
/// that the reader of the format can say that there are too many.
pub fn read(path: &Path, most: usize) -> Result<Vec<u8>, Failure> {
    let failed = |error: io::Error| {
        let failure = Failure::new(Exit::Error, format!("reading {}", named(path)));
        failure.caused_by(say::safe(&error.to_string()))
    };
    if path != Path::new("-") {
        return read_plain(path, most).map_err(failed);
    }
    let mut bytes = Vec::new();
    io::stdin().lock().take(most as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// The same of a file by its path, whatever it is called, with the error as it is.
pub(super) fn read_plain(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let limit = most as u64 + 1;
    let file = fs::File::open(path)?;
    let length = file.metadata().map_or(0, |about| about.len().min(limit));
    let mut bytes = Vec::new();
    bytes.reserve_exact(usize::try_from(length).unwrap_or(0));
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes a file, all of it or nothing: into a temporary one beside it, to the disk, and then
/// under its name. New files are for everybody to read, as plans are meant to be committed.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error: io::Error| {
        let failure = Failure::new(Exit::Error, format!("writing {}", named(path)));
        failure.caused_by(say::safe(&error.to_string()))
    };
    if fs::metadata(path).is_ok_and(|about| !about.is_file()) {
        // A pipe or a device (/dev/stdout) is written to, not replaced.
        return fs::OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut file| file.write_all(bytes))
            .map_err(failed);
    }
    let (target, folder) = place(path)?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&target).map_or(0o666, |about| about.permissions().mode() & 0o777);
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    let mut file = builder.tempfile_in(&folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(&target).map_err(|error| failed(error.error))?;
    if let Ok(folder) = fs::File::open(&folder) {
        // Without it the name may be lost when the machine goes down; some file systems refuse.
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Whether [`write()`] can write there: a file can be made in its folder. What is no regular file is
/// not opened, as that may wait for a reader.
pub fn writable(path: &Path) -> Result<(), Failure> {
    if fs::metadata(path).is_ok_and(|about| !about.is_file() && !about.is_dir()) {
        return Ok(());
    }
    let failed = |error: io::Error| {
        let failure = Failure::new(Exit::Error, format!("writing {}", named(path)));
        failure.caused_by(say::safe(&error.to_string()))
    };
    if path.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    let (_, folder) = place(path)?;
    tempfile::Builder::new().tempfile_in(folder).map(drop).map_err(failed)
}

/// Where a file is written, and in which folder. What a link points to is replaced, not the link,
/// though nothing be there yet.
fn place(path: &Path) -> Result<(PathBuf, PathBuf), Failure> {
    let mut target = path.to_owned();
    // So many links in a row no system follows.
    for _ in 0..40 {
        let Ok(to) = fs::read_link(&target) else { break };
        target = target.parent().unwrap_or(Path::new("")).join(to);
    }
    let folder = match target.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => ".".into(),
    };
    if !folder.is_dir() {
        let failure = Failure::new(Exit::Error, format!("writing {}", named(path)));
        return Err(failure.caused_by(format!("there is no folder {}", named(&folder))));
    }
    Ok((target, folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_links_stay() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plan.json");
        write(&file, b"one").unwrap();
        let link = folder.path().join("link.json");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, b"two").unwrap();
        assert!(link.is_symlink());
        assert_eq!(read(&file, 100).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        // One that points to nothing yet stays as well.
        let new = folder.path().join("new.json");
        let link = folder.path().join("dangling.json");
        std::os::unix::fs::symlink("new.json", &link).unwrap();
        writable(&link).unwrap();
        write(&link, b"three").unwrap();
        assert!(link.is_symlink());
        assert_eq!(read(&new, 100).unwrap(), b"three");
    }

    #[test]
    fn not_more_is_read_than_can_be_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("big");
        write(&file, &[b'x'; 1000]).unwrap();
        assert_eq!(read(&file, 10).unwrap().len(), 11);
        let error = read(&folder.path().join("missing"), 10).unwrap_err();
        assert!(error.message.starts_with("reading "), "{error}");
        for bad in [folder.path().join("no/such"), folder.path().to_owned()] {
            assert!(write(&bad, b"").is_err());
            assert!(writable(&bad).is_err());
        }
    }
}
