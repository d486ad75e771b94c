//! Parts of shipped files that the program itself writes: compared, and with
//! `INSTA_UPDATE=always` written anew, as every other golden output.

use std::path::{Path, PathBuf};

/// A path inside the checkout.
pub(crate) fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// Compares a whole file with what it should be.
pub(crate) fn file(relative: &str, expected: &str) {
    let path = path(relative);
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    if found == expected {
        return;
    }
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, expected).unwrap();
        return;
    }
    let diff = similar::TextDiff::from_lines(found.as_str(), expected);
    panic!(
        "{relative} is not as it is written today; INSTA_UPDATE=always writes it anew\n{}",
        diff.unified_diff().header("shipped", "written")
    );
}

/// Compares what stands between two lines of a file with what it should be.
pub(crate) fn section(relative: &str, begin: &str, end: &str, expected: &str) {
    let text = std::fs::read_to_string(path(relative)).unwrap();
    let parts = text
        .split_once(begin)
        .and_then(|(head, rest)| rest.split_once(end).map(|(_, tail)| (head, tail)));
    let (head, tail) = parts.unwrap_or_else(|| panic!("{relative} lacks {begin} or {end}"));
    file(relative, &format!("{head}{begin}\n\n{}\n\n{end}{tail}", expected.trim()));
}
