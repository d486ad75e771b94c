//! The tar archives in which engines exchange the files of a container.
//!
//! The meaning of a file is in [`crate::options::files`]. No request is sent here.

use std::io::Read as _;

use serde_json::Value as Json;

use crate::options::files;

/// The longest archive that is read from an engine. No file that bayplan uploads is longer.
pub(super) const LIMIT: usize = 16 << 20;

/// The archive of some files, by their absolute paths in a container.
pub(super) fn packed(all: &Json) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, file) in all.as_object().into_iter().flatten() {
        let content = file["Content"].as_str().unwrap_or_default().as_bytes();
        let number = |field: &str| file[field].as_u64().unwrap_or_default();
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(u64::try_from(content.len()).unwrap_or_default());
        header.set_mode(u32::try_from(number("Mode")).unwrap_or_default());
        header.set_uid(number("Uid"));
        header.set_gid(number("Gid"));
        header.set_mtime(0);
        archive.append_data(&mut header, path.trim_start_matches('/'), content)?;
    }
    archive.into_inner()
}

/// The file in an archive of one path; `None` if the path is a folder or a link.
pub(super) fn unpacked(bytes: &[u8]) -> std::io::Result<Option<Json>> {
    let mut archive = tar::Archive::new(bytes);
    let Some(entry) = archive.entries()?.next() else { return Ok(None) };
    let mut entry = entry?;
    if !entry.header().entry_type().is_file() {
        return Ok(None);
    }
    let (mode, uid, gid) = (entry.header().mode()?, entry.header().uid()?, entry.header().gid()?);
    let mut content = Vec::new();
    entry.read_to_end(&mut content)?;
    let id = |id: u64| i64::try_from(id).unwrap_or(i64::MAX);
    let text = std::str::from_utf8(&content).ok();
    Ok(Some(files::found(text, i64::from(mode & 0o7777), id(uid), id(gid))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_packed_is_unpacked() {
        let long = format!("/etc/{}/x.conf", "long".repeat(60));
        for (path, file) in [
            ("/etc/a.conf", files::found(Some("a\nb"), 0o444, 0, 0)),
            (long.as_str(), files::found(Some("\u{e9}"), 0o4640, 1_000, 4_000_000_000)),
            ("/empty", files::found(Some(""), 0o600, 0, 1)),
        ] {
            let bytes = packed(&json!({path: file})).unwrap();
            let mut archive = tar::Archive::new(bytes.as_slice());
            let entry = archive.entries().unwrap().next().unwrap().unwrap();
            assert_eq!(format!("/{}", entry.path().unwrap().display()), path);
            assert_eq!(unpacked(&bytes).unwrap(), Some(file), "{path}");
        }
    }

    #[test]
    fn what_is_no_text_and_what_is_no_file() {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(2);
        header.set_mode(0o100_644);
        header.set_uid(0);
        header.set_gid(0);
        archive.append_data(&mut header, "a", [0xff, 0xfe].as_slice()).unwrap();
        let bytes = archive.into_inner().unwrap();
        assert_eq!(unpacked(&bytes).unwrap(), Some(files::found(None, 0o644, 0, 0)));
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        archive.append_data(&mut header, "d", [].as_slice()).unwrap();
        assert_eq!(unpacked(&archive.into_inner().unwrap()).unwrap(), None);
        assert_eq!(unpacked(&[]).unwrap(), None);
        assert!(unpacked(&[1; 600]).is_err());
    }
}
