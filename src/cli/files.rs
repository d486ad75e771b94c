//! Reading and writing whole files. A file is read once and without waiting. A file is written
//! completely or not at all, and never over a file that was read.

use std::cell::RefCell;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::output;
use super::report::{Exit, Failure};
use crate::base::say;

/// The path for standard input and standard output.
const STANDARD: &str = "-";

/// Paths of inherited file descriptors; reading them waits, as for standard input.
const HANDED_IN: &[&str] = &["/dev/stdin", "/dev/fd/", "/proc/self/fd/"];
/// Paths of inherited file descriptors that are written to, whatever they are.
const HANDED_OUT: &[&str] = &["/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/"];

/// How many symbolic links in a row are followed; no system follows more.
const MOST_LINKS: usize = 40;

/// A path for messages.
pub fn named(path: &Path) -> String {
    if is_standard(path) { "stdin".into() } else { say::safe(&path.to_string_lossy()) }
}

/// An output path for messages.
pub fn named_output(path: &Path) -> String {
    if is_standard(path) { "standard output".into() } else { named(path) }
}

/// Whether a path is standard input or standard output.
pub fn is_standard(path: &Path) -> bool {
    path == Path::new(STANDARD)
}

/// The files that a command reads and writes. A file that was read is never overwritten.
#[derive(Debug, Default)]
pub struct Files {
    read: RefCell<Vec<Identity>>,
}

/// The identity of a file, which symbolic and hard links share.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    /// The name of the file for messages.
    what: &'static str,
    /// The device and the inode; `None` for standard input.
    place: Option<(u64, u64)>,
}

impl Files {
    /// The bytes of a file, read once; `-` is stdin. At most one byte more than `most` is read, so
    /// that the parser can report a file that is too large.
    pub fn read(&self, path: &Path, most: usize) -> Result<Vec<u8>, Failure> {
        let failed = |error: io::Error| {
            let failure = Failure::new(Exit::Error, format!("reading {}", named(path)));
            failure.caused_by(say::safe(&error.to_string()))
        };
        if is_standard(path) {
            let again = self.read.borrow().iter().any(|one| one.place.is_none());
            if again {
                let message = "standard input was read already: only one file can be `-`";
                return Err(Failure::new(Exit::Usage, message));
            }
            self.read.borrow_mut().push(Identity { what: "standard input", place: None });
            return to_the_end(io::stdin().lock(), 0, most).map_err(failed);
        }
        let handed_in = HANDED_IN.iter().any(|begin| path.starts_with(begin));
        let file = if handed_in { File::open(path) } else { open_regular(path) }.map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        self.took("a file that was read", &about);
        to_the_end(file, about.len(), most).map_err(failed)
    }

    /// Records that a file was read.
    pub fn took(&self, what: &'static str, about: &Metadata) {
        let place = Some((about.dev(), about.ino()));
        self.read.borrow_mut().push(Identity { what, place });
    }

    /// Records files that will be read; missing files are ignored.
    pub fn will_take(&self, what: &'static str, paths: impl IntoIterator<Item = impl AsRef<Path>>) {
        for path in paths {
            let path = path.as_ref();
            if let Some(about) = fs::metadata(path).ok().filter(|_| !is_standard(path)) {
                self.took(what, &about);
            }
        }
    }

    /// Whether [`write`](Self::write) can succeed: the folder allows new files, and no file that
    /// was read would be lost.
    pub fn writable(&self, path: &Path) -> Result<(), Failure> {
        if is_standard(path) {
            return Ok(());
        }
        self.keep(path)?;
        if stream(path)?.is_some() {
            return Ok(());
        }
        let (_, folder) = place(path)?;
        let tried = tempfile::Builder::new().tempfile_in(folder);
        tried.map(drop).map_err(failed_writing(path))
    }

    /// Writes a file completely or not at all: into a temporary file beside the target, then to the
    /// disk, then under the final name. New files are readable by everybody, because plans are
    /// committed. `-` is standard output.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
        if is_standard(path) {
            return output::bytes(bytes);
        }
        self.keep(path)?;
        let failed = failed_writing(path);
        if let Some(mut stream) = stream(path)? {
            return stream.write_all(bytes).map_err(failed);
        }
        let (target, folder) = place(path)?;
        let about = fs::metadata(&target).ok();
        replace(&target, &folder, about.as_ref(), bytes).map_err(failed)
    }

    /// Refuses to overwrite a file that was read.
    fn keep(&self, path: &Path) -> Result<(), Failure> {
        let Ok(about) = fs::metadata(path) else { return Ok(()) };
        if !about.is_file() {
            return Ok(());
        }
        let place = Some((about.dev(), about.ino()));
        let all = self.read.borrow();
        let Some(input) = all.iter().find(|input| input.place == place) else { return Ok(()) };
        let what = input.what;
        let message =
            format!("expected another file to write to, but {} is {what} itself", named(path));
        Err(Failure::new(Exit::Usage, message).hint("name a new file; what is read stays as it is"))
    }
}

/// Opens an output that is written to and not replaced: a character device (`/dev/null`), or an
/// inherited pipe (`/dev/stdout`). `None`: a regular file, or none yet; a
/// folder is [`place`]'s to refuse. Anything else is refused,
/// because a pipe may wait for a reader for ever.
fn stream(path: &Path) -> Result<Option<File>, Failure> {
    use std::os::unix::fs::FileTypeExt as _;
    let failed = failed_writing(path);
    let Ok(about) = fs::metadata(path) else { return Ok(None) };
    let inherited = HANDED_OUT.iter().any(|begin| path.starts_with(begin));
    if about.is_file() || about.is_dir() {
        return Ok(None);
    }
    if !inherited {
        // A link of somebody else is not followed, whatever it leads to.
        place(path)?;
        if !about.file_type().is_char_device() {
            let failure = failed(io::Error::other(no_file(&about)));
            return Err(failure.hint("name a new file; `-` is standard output"));
        }
    }
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let opened = fs::OpenOptions::new().write(true).custom_flags(flags).open(path);
    let file = opened.map_err(&failed)?;
    // A slow reader is waited for, but not a reader that is not there.
    rustix::fs::fcntl_setfl(&file, OFlags::empty()).map_err(|error| failed(error.into()))?;
    Ok(Some(file))
}

fn failed_writing(path: &Path) -> impl Fn(io::Error) -> Failure {
    move |error| {
        let failure = Failure::new(Exit::Error, format!("writing {}", named_output(path)));
        failure.caused_by(say::safe(&error.to_string()))
    }
}

/// Opens a regular file without waiting for the writer of a pipe or for a device.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let about = file.metadata()?;
    if about.is_file() { Ok(file) } else { Err(io::Error::other(no_file(&about))) }
}

/// The words for a path that is not a regular file.
fn no_file(about: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = about.file_type();
    if kind.is_dir() {
        "expected a file, but found a folder"
    } else if kind.is_fifo() {
        "expected a file, but found a pipe"
    } else if kind.is_socket() {
        "expected a file, but found a socket"
    } else {
        "expected a file, but found a device"
    }
}

/// Reads at most one byte more than `most`. The expected number of bytes spares a large file from
/// being copied as its buffer grows.
pub(super) fn to_the_end(file: impl io::Read, expected: u64, most: usize) -> io::Result<Vec<u8>> {
    let most = most as u64 + 1;
    // One byte more: the end is found without another buffer.
    let expected = usize::try_from(expected.saturating_add(1).min(most)).unwrap_or(0);
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(expected)?;
    file.take(most).read_to_end(&mut bytes).map_err(|error| match error.kind() {
        // A kernel file that would make the program wait.
        io::ErrorKind::WouldBlock => io::Error::other("expected a file, but it has no end"),
        _ => error,
    })?;
    Ok(bytes)
}

/// Replaces a file by a new file, which only its owner may read until the file is complete.
fn replace(target: &Path, folder: &Path, old: Option<&Metadata>, bytes: &[u8]) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.permissions(fs::Permissions::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    // The default permissions of a new file; the file is still empty.
    let usual = file.as_file().metadata()?.permissions();
    let mode = old.map_or(usual.mode(), |about| about.permissions().mode());
    file.as_file().set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(mode & 0o777))?;
    file.as_file().sync_all()?;
    file.persist(target).map_err(|error| error.error)?;
    sync(folder);
    Ok(())
}

/// Makes the name of a new file durable.
pub fn sync_folder(path: &Path) {
    if let Ok((_, folder)) = place(path) {
        sync(&folder);
    }
}

fn sync(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        // Without the sync, a crash may lose the name; some file systems refuse the sync.
        let _ = folder.sync_all();
    }
}

/// Whether two paths lead to the same file, existing or not.
pub fn is_same(one: &Path, other: &Path) -> bool {
    let there = |path: &Path| fs::metadata(path).ok().map(|about| (about.dev(), about.ino()));
    let named = |path: &Path| {
        let (target, folder) = place(path).ok()?;
        Some((fs::canonicalize(folder).ok()?, target.file_name()?.to_owned()))
    };
    match (there(one), there(other)) {
        (None, None) => named(one).is_some_and(|place| Some(place) == named(other)),
        (one, other) => one == other,
    }
}

/// The target and the folder of a file to write. The target of a symbolic link is replaced, not the
/// link, even if the target does not exist yet. Links of other users are not followed.
fn place(path: &Path) -> Result<(PathBuf, PathBuf), Failure> {
    if path.as_os_str().as_encoded_bytes().ends_with(b"/") && !path.is_dir() {
        let message = format!("expected a folder, but there is no {}", named(path));
        let hint = "make the folder first, or name a file without `/` at its end";
        return Err(Failure::new(Exit::Usage, message).hint(hint));
    }
    if path.is_dir() {
        let message = format!("expected a file to write, but found the folder {}", named(path));
        let hint = format!("name a file in it, such as `-o {}`", named_output(&path.join("NAME")));
        return Err(Failure::new(Exit::Usage, message).hint(hint));
    }
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        let absolute = std::path::absolute(&target).unwrap_or_else(|_| target.clone());
        if let Some(link) = absolute.ancestors().find(|part| is_foreign_link(part)) {
            let failure = Failure::new(Exit::Error, format!("writing {}", named_output(path)));
            return Err(failure
                .caused_by(format!("{} is a link that somebody else made", named(link)))
                .hint("name the file that is meant, or write it into a folder of your own"));
        }
        let Ok(to) = fs::read_link(&target) else { break };
        target = target.parent().unwrap_or(Path::new("")).join(to);
    }
    let folder = match target.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => ".".into(),
    };
    if !folder.is_dir() {
        let failure = Failure::new(Exit::Error, format!("writing {}", named_output(path)));
        return Err(failure.caused_by(format!("there is no folder {}", named(&folder))));
    }
    Ok((target, folder))
}

/// Whether a path is a link that belongs to neither this user nor root.
fn is_foreign_link(path: &Path) -> bool {
    let ours = rustix::process::geteuid().as_raw();
    fs::symlink_metadata(path)
        .is_ok_and(|about| about.is_symlink() && about.uid() != ours && about.uid() != 0)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
        Files::default().write(path, bytes)
    }

    fn read(path: &Path, most: usize) -> Result<Vec<u8>, Failure> {
        Files::default().read(path, most)
    }

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
        // A link without an existing target is kept as well.
        let new = folder.path().join("new.json");
        let link = folder.path().join("dangling.json");
        std::os::unix::fs::symlink("new.json", &link).unwrap();
        Files::default().writable(&link).unwrap();
        write(&link, b"three").unwrap();
        assert!(link.is_symlink());
        assert_eq!(read(&new, 100).unwrap(), b"three");
        // The permissions of the file are kept.
        fs::set_permissions(&new, fs::Permissions::from_mode(0o640)).unwrap();
        write(&new, b"four").unwrap();
        assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o640);
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
            assert!(Files::default().writable(&bad).is_err());
        }
        let error = Files::default().writable(folder.path()).unwrap_err();
        assert!(error.message.starts_with("expected a file to write, but found the folder"));
        assert!(error.hint.unwrap().ends_with("/NAME`"));
    }

    #[test]
    fn what_was_read_is_not_written_over_whatever_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write(&at("input"), b"kept").unwrap();
        write(&at("free"), b"old").unwrap();
        std::os::unix::fs::symlink("input", at("link")).unwrap();
        std::os::unix::fs::symlink("link", at("link of link")).unwrap();
        fs::hard_link(at("input"), at("hard")).unwrap();
        let files = Files::default();
        files.read(&at("link"), 10).unwrap();
        let again = folder.path().join(".").join("input");
        for output in [&at("input"), &at("link"), &at("link of link"), &at("hard"), &again] {
            for result in [files.write(output, b"lost"), files.writable(output)] {
                assert_eq!(result.unwrap_err().exit, Exit::Usage, "{}", output.display());
            }
        }
        files.write(&at("free"), b"new").unwrap();
        files.write(&at("other"), b"new").unwrap();
        assert_eq!(read(&at("hard"), 10).unwrap(), b"kept");
        // A file that will be read is protected as well.
        let files = Files::default();
        files.will_take("the spec", [at("free"), at("missing"), PathBuf::from("-")]);
        assert!(files.writable(&at("free")).is_err() && files.writable(&at("missing")).is_ok());
    }

    #[test]
    fn nothing_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        let start = Instant::now();
        for (path, found) in [(pipe.as_path(), "a pipe"), (Path::new("/dev/zero"), "a device")] {
            let error = read(path, 10).unwrap_err();
            assert_eq!(error.causes, [format!("expected a file, but found {found}")]);
        }
        // Nor for a reader: an output is a file or a device.
        for result in [write(&pipe, b"lost"), Files::default().writable(&pipe)] {
            let error = result.unwrap_err();
            assert_eq!(error.causes, ["expected a file, but found a pipe"]);
            assert_eq!(error.exit, Exit::Error);
        }
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        assert!(write(&link, b"lost").is_err());
        write(Path::new("/dev/null"), b"gone").unwrap();
        Files::default().writable(Path::new("/dev/null")).unwrap();
        // The result depends on the machine and the user; only the end of the read matters.
        let _ = read(Path::new("/proc/kmsg"), 1 << 20);
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn links_of_other_people_are_not_written_through() {
        if !rustix::process::geteuid().is_root() {
            // Only root can create a link of another user.
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write(&at("target"), b"kept").unwrap();
        fs::create_dir(at("real")).unwrap();
        for (to, link) in [("target", "link"), ("nothing", "dangling"), ("real", "folder")] {
            std::os::unix::fs::symlink(to, at(link)).unwrap();
            std::os::unix::fs::lchown(at(link), Some(65_534), None).unwrap();
        }
        for path in [at("link"), at("dangling"), at("folder/new")] {
            for result in [write(&path, b"lost"), Files::default().writable(&path)] {
                let error = result.unwrap_err();
                assert!(error.causes[0].ends_with("is a link that somebody else made"), "{error}");
            }
        }
        assert_eq!(read(&at("target"), 10).unwrap(), b"kept");
    }
}
