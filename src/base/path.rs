//! Paths in containers and on hosts, as engines write them.
//!
//! No file system is read, so symbolic links are not resolved.

/// The path in the form of Go's `path.Clean`: without `.`, and without doubled or trailing slashes.
/// `..` is resolved as text; an empty path becomes `.`.
pub fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.join("/")) {
        (true, rest) => format!("/{rest}"),
        (false, rest) if rest.is_empty() => ".".to_owned(),
        (false, rest) => rest,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn paths_are_cleaned_as_in_go() {
        for (path, clean) in [
            ("/opt/../opt/app/", "/opt/app"),
            ("/srv//lab/data/", "/srv/lab/data"),
            ("/../..", "/"),
            ("a/./b/..", "a"),
            ("../a", "../a"),
            ("", "."),
        ] {
            assert_eq!(super::clean(path), clean, "{path}");
        }
    }
}
