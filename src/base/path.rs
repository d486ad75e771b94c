//! Paths inside containers and on their hosts, as engines write them.
//!
//! Nothing is looked up: what a link stands for is not known here.

/// A path as Go's `path.Clean` gives it: no `.`, no doubled or trailing slashes, `..` resolved by
/// the text alone; `.` for an empty one.
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
