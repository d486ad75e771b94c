//! Parses the short form of a mount, `SOURCE:TARGET:OPTIONS`, as Compose does.

use super::tree::{boolean, map, text};
use crate::base::path::clean;
use crate::base::say;
use crate::syntax::node::{Node, Place, Problem};

/// The mount propagation options.
const PROPAGATIONS: &[&str] = &["rprivate", "private", "rshared", "shared", "rslave", "slave"];

/// The long form of a mount.
pub(super) fn parsed(spec: &str, place: Place) -> Result<Node, Problem> {
    let wrong = |found: &str| Problem {
        place,
        message: format!(
            "expected a mount like `SOURCE:TARGET:ro`, but found `{}`, which has {found}",
            say::short(spec),
        ),
        hint: Some("the long form, with `type`, `source` and `target`, can say everything".into()),
    };
    if spec.is_empty() {
        return Err(wrong("nothing in it"));
    }
    // Compose takes a text of at most two characters as it is.
    if spec.len() <= 2 {
        return Ok(map(
            place,
            vec![("type", text(place, "volume")), ("target", text(place, spec))],
        ));
    }
    let parts = parts(spec);
    if parts.iter().any(|part| part.is_empty()) {
        return Err(wrong("an empty part between colons"));
    }
    let (source, target, options) = match parts.as_slice() {
        [target] => (None, *target, ""),
        [source, target] => (Some(*source), *target, ""),
        [source, target, options] => (Some(*source), *target, *options),
        _ => return Err(wrong("too many colons")),
    };
    Ok(mount(source, target, options, place))
}

/// Splits at colons, except after the letter of a Windows drive.
fn parts(spec: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in spec.match_indices(':') {
        let part = spec.get(start..at).unwrap_or_default();
        let mut chars = part.chars();
        let drive = chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none();
        if !drive {
            parts.push(part);
            start = at + 1;
        }
    }
    parts.push(spec.get(start..).unwrap_or_default());
    parts
}

fn mount(source: Option<&str>, target: &str, options: &str, place: Place) -> Node {
    let mut bind = Vec::new();
    let mut volume = Vec::new();
    let mut read_only = false;
    for option in options.split(',') {
        match option {
            "ro" => read_only = true,
            "rw" => read_only = false,
            "nocopy" => volume = vec![("nocopy", boolean(place, true))],
            "z" | "Z" => bind.push(("selinux", text(place, option))),
            word if PROPAGATIONS.contains(&word) => bind.push(("propagation", text(place, word))),
            // Compose ignores unknown options.
            _ => {}
        }
    }
    let is_bind = source.is_some_and(is_path);
    let kind = if is_bind { "bind" } else { "volume" };
    let mut entries = vec![("type", text(place, kind))];
    entries.extend(source.map(|source| ("source", text(place, source))));
    entries.push(("target", text(place, clean(target))));
    if read_only {
        entries.push(("read_only", boolean(place, true)));
    }
    if is_bind {
        bind.push(("create_host_path", boolean(place, true)));
    }
    if !bind.is_empty() {
        entries.push(("bind", last_of_each(bind, place)));
    }
    if !is_bind || !volume.is_empty() {
        entries.push(("volume", map(place, volume)));
    }
    map(place, entries)
}

fn last_of_each(entries: Vec<(&str, Node)>, place: Place) -> Node {
    let mut node = map(place, Vec::new());
    for (key, value) in entries {
        node.set(key, value);
    }
    node
}

/// Whether a source is a path on the host.
fn is_path(source: &str) -> bool {
    let mut chars = source.chars();
    let first = chars.next();
    source.starts_with(['.', '/', '~'])
        || source.starts_with(r"\\")
        || first.is_some_and(char::is_alphabetic) && chars.next() == Some(':')
}

/// A path joined to a folder, and normalised.
pub(super) fn joined(folder: &str, path: &str) -> String {
    clean(&format!("{folder}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(spec: &str) -> String {
        match parsed(spec, Place::default()) {
            Ok(node) => node.to_json().to_string(),
            Err(problem) => problem.message,
        }
    }

    #[test]
    fn short_forms_are_what_they_are_to_the_reference() {
        insta::assert_snapshot!(short("./a:/b/../c:ro,z"), @r#"{"bind":{"create_host_path":true,"selinux":"z"},"read_only":true,"source":"./a","target":"/c","type":"bind"}"#);
        insta::assert_snapshot!(short("data:/d:nocopy"), @r#"{"source":"data","target":"/d","type":"volume","volume":{"nocopy":true}}"#);
        insta::assert_snapshot!(short("/anon"), @r#"{"target":"/anon","type":"volume","volume":{}}"#);
        insta::assert_snapshot!(short(r"d:/d"), @r#"{"target":"d:/d","type":"volume","volume":{}}"#);
        assert!(short("aa::b").contains("an empty part"));
        assert!(short("aa:bb:cc:dd").contains("too many"));
    }

    #[test]
    fn paths_are_cleaned() {
        for (path, cleaned) in
            [("/a//b/./c/..", "/a/b"), ("../../a", "../../a"), ("/..", "/"), ("a/..", ".")]
        {
            assert_eq!(clean(path), cleaned, "{path}");
        }
    }
}
