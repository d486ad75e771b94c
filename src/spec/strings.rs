//! What a text of a spec may not say: a variable of somebody's shell, and bayplan's own marks.
//!
//! Values come from the spec or from a reference; nothing is spliced into texts. As in Compose,
//! `$$` is a literal `$`, so that a definition can be pasted; a `$` that begins no variable is
//! itself. Keys are left alone, as Compose does.

use super::node::{Entry, Kind, Node, Problems};
use crate::options::canon::{HIDDEN, looks_marked};
use crate::say;

/// The tree with `$$` as `$` in every text; a problem for each text with a variable in it.
pub(super) fn literal(node: Node, problems: &mut Problems) -> Node {
    let Node { place, kind } = node;
    let kind = match kind {
        Kind::Text(text) => {
            if is_marked(&text) {
                problems.add(
                    place,
                    format!(
                        "expected a text without bayplan's own marks, but found `{}`",
                        say::short(&text)
                    ),
                );
            }
            if let Some(variable) = variable(&text) {
                problems.add_hint(
                    place,
                    format!(
                        "expected a text without variables, but found `{}`",
                        say::short(variable)
                    ),
                    "write the value itself, `$$` for a literal `$`; under `environment`, `NAME: {from_env: NAME}` takes it from bayplan's environment",
                );
            }
            Kind::Text(text.replace("$$", "$"))
        }
        Kind::List(items) => {
            Kind::List(items.into_iter().map(|item| literal(item, problems)).collect())
        }
        Kind::Map(entries) => Kind::Map(
            entries
                .into_iter()
                .map(|Entry { key, place, value }| Entry {
                    key,
                    place,
                    value: literal(value, problems),
                })
                .collect(),
        ),
        other => other,
    };
    Node { place, kind }
}

/// A text as a spec has to write it: `$` doubled.
pub(super) fn written(text: &str) -> String {
    text.replace('$', "$$")
}

/// The first variable that Compose would splice in.
fn variable(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (found, tail) = (rest.get(at..)?, rest.get(at + 1..)?);
        if let Some(after) = tail.strip_prefix('$') {
            rest = after;
            continue;
        }
        if tail.starts_with('{') {
            let end = found.find('}').map_or(found.len(), |end| end + 1);
            return found.get(..end);
        }
        if tail.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            let inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = tail.find(|c: char| !inside(c)).unwrap_or(tail.len());
            return found.get(..=end);
        }
        rest = tail;
    }
    None
}

/// Whether bayplan would take it, or a word in it, for a mark of its own.
fn is_marked(text: &str) -> bool {
    looks_marked(text)
        || [HIDDEN, "«from_env:", "«env_file:"].iter().any(|mark| text.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::node::Place;

    fn read(text: &str) -> Result<String, String> {
        let node = Node { place: Place { line: 1, column: 1 }, kind: Kind::Text(text.into()) };
        let mut problems = Problems::default();
        let node = literal(node, &mut problems);
        match (problems.all.pop(), node.kind) {
            (Some(problem), _) => Err(problem.message),
            (None, Kind::Text(text)) => Ok(text),
            _ => panic!("a text"),
        }
    }

    #[test]
    fn variables_are_refused_and_a_dollar_is_a_dollar() {
        for (text, meant) in
            [("a$$b", "a$b"), ("$$$$", "$$"), ("5$", "5$"), ("$5", "$5"), ("$ x", "$ x")]
        {
            assert_eq!(read(text).as_deref(), Ok(meant), "{text}");
        }
        for (text, found) in [
            ("x${TAG:-1}y", "${TAG:-1}"),
            ("${", "${"),
            ("a $HOME/b", "$HOME"),
            ("$$$X", "$X"),
            ("$_é", "$_"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.ends_with(&format!("`{found}`")), "{text}: {error}");
        }
    }

    #[test]
    fn marks_cannot_be_forged() {
        for text in ["«hidden»", "«x»", "sh -c «from_env:A»", "A=«hidden»"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read("dire «bonjour»").is_ok());
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(text in "[$a{} ]{0,20}") {
            assert_eq!(read(&written(&text)), Ok(text));
        }
    }
}
