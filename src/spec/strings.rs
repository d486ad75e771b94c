//! Refuses texts with shell variables and with bayplan's own marks.
//!
//! Values come from the spec or from a reference; no variable is substituted. As in Compose, `$$`
//! is a literal `$`, so that a definition can be pasted. A `$` without a variable name stays as
//! written. Keys are treated like values, so that `A` of `A=b` reads the same as the key `A`.

use std::collections::BTreeSet;

use crate::base::ident::Reference;
use crate::base::say;
use crate::options::value::{HIDDEN, OBJECT_TEMPLATES, TEMPLATES, looks_marked, mark_reference};
use crate::syntax::node::{Entry, Kind, Node, Place, Problems};
use crate::syntax::template::Template;

/// Replaces `$$` by `$` in every text; each text with a variable is a problem.
pub(super) fn literal(node: Node, problems: &mut Problems) -> Node {
    let Node { place, kind } = node;
    let kind = match kind {
        Kind::Text(text) => Kind::Text(plain(text, place, problems)),
        Kind::List(items) => {
            Kind::List(items.into_iter().map(|item| literal(item, problems)).collect())
        }
        Kind::Map(entries) => Kind::Map(map(entries, problems)),
        other => other,
    };
    Node { place, kind }
}

/// Replaces `{template: TEXT}` by a mark, where templates are allowed.
pub(super) fn marked(mut root: Node, problems: &mut Problems) -> Node {
    let Kind::Map(entries) = &mut root.kind else { return root };
    for kind in entries {
        let known: &[(&str, usize)] = match kind.key.as_str() {
            "containers" => TEMPLATES,
            "networks" | "volumes" => OBJECT_TEMPLATES,
            _ => continue,
        };
        let Kind::Map(all) = &mut kind.value.kind else { continue };
        for one in all {
            let Kind::Map(options) = &mut one.value.kind else { continue };
            for option in options {
                let known = known.iter().find(|(key, _)| *key == option.key);
                if let Some((_, depth)) = known {
                    mark(&mut option.value, *depth, problems);
                }
            }
        }
    }
    root
}

fn mark(node: &mut Node, depth: usize, problems: &mut Problems) {
    if depth == 0
        && let Kind::Map(entries) = &node.kind
        && let [Entry { key, value: Node { kind: Kind::Text(text), .. }, .. }] = entries.as_slice()
        && key == "template"
    {
        if Template::parse(text).is_err() {
            problems.expected::<()>("a text with variables like `${NAME}`", node);
            return;
        }
        let reference = Reference::Template { text: text.clone() };
        node.kind = Kind::Text(mark_reference(&reference));
        return;
    }
    let depth = depth.saturating_sub(1);
    match &mut node.kind {
        Kind::List(items) => items.iter_mut().for_each(|item| mark(item, depth, problems)),
        Kind::Map(entries) => {
            for entry in entries {
                mark(&mut entry.value, depth, problems);
            }
        }
        _ => {}
    }
}

/// A map in which two keys may have become equal.
fn map(entries: Vec<Entry>, problems: &mut Problems) -> Vec<Entry> {
    let dollars = entries.iter().any(|entry| entry.key.contains('$'));
    let mut seen = BTreeSet::new();
    let mut read: Vec<Entry> = Vec::with_capacity(entries.len());
    for Entry { key, place, value } in entries {
        let key = plain(key, place, problems);
        let value = literal(value, problems);
        if dollars && !seen.insert(key.clone()) {
            let found = say::short(&key);
            problems.add(place, format!("expected every key once, but found `{found}` again"));
            continue;
        }
        read.push(Entry { key, place, value });
    }
    read
}

fn plain(text: String, place: Place, problems: &mut Problems) -> String {
    if is_marked(&text) {
        problems.add(
            place,
            format!(
                "expected a text without bayplan's own marks, but found `{}`",
                say::short(&text)
            ),
        );
    }
    if !text.contains('$') {
        return text;
    }
    if let Some(variable) = variable(&text) {
        problems.add_hint(
            place,
            format!("expected a text without variables, but found `{}`", say::short(variable)),
            "write the value itself, `$$` for a literal `$`; under `environment`, `NAME: {from_env: NAME}` takes it from bayplan's environment",
        );
    }
    if text.contains("$$") { text.replace("$$", "$") } else { text }
}

/// Escapes a text for a spec: `$` becomes `$$`.
pub(crate) fn written(text: &str) -> String {
    text.replace('$', "$$")
}

/// The first variable that Compose would substitute.
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

/// Whether bayplan would take the text, or a word of the text, for a mark.
pub(crate) fn is_marked(text: &str) -> bool {
    // Nearly no text has this character, so this cheap test comes first.
    text.contains('«')
        && (looks_marked(text)
            || [HIDDEN, "«from_env:", "«env_file:", "«template:", "«not:"]
                .iter()
                .any(|mark| text.contains(mark)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::read_tests::{fault, set};

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

    #[test]
    fn keys_are_texts_too() {
        let hint = "write the value itself, `$$` for a literal `$`; under `environment`, `NAME: {from_env: NAME}` takes it from bayplan's environment";
        for (map, list) in [
            ("labels: {'${L}': x}", "labels: ['${L}=x']"),
            ("environment: {'${A}': x}", "environment: ['${A}=x']"),
        ] {
            for text in [map, list] {
                let told = fault(&format!("image: x\n{text}"));
                assert!(told.ends_with(&format!("}}` ({hint})")), "{told}");
                assert_eq!(told.lines().count(), 1, "{told}");
            }
        }
        let both = ["{$$B: '1', 'a$$$$b': '2'}", "['$$B=1', 'a$$$$b=2']"];
        let [map, list] = both.map(|both| set(&format!("image: x\nenvironment: {both}")));
        assert_eq!(map, list);
        let printed = map.option("environment").map(crate::options::Declared::print);
        assert_eq!(printed, Some(serde_json::json!({"$B": "1", "a$$b": "2"})));
        insta::assert_snapshot!(fault("image: x\nlabels: {$$5: x, $5: y}"), @"5:22 expected every key once, but found `$5` again");
        assert!(fault("image: x\nlabels: {«hidden»: x}").contains("bayplan's own marks"));
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(text in "[$a{} ]{0,20}") {
            assert_eq!(read(&written(&text)), Ok(text));
        }
    }
}
