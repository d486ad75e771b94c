//! Splits command lines into words before the values of variables are filled in. Compose splits them
//! afterwards.

use std::collections::BTreeSet;

use secrecy::ExposeSecret as _;

use super::go::{self, Go};
use super::model::words;
use super::resolved::filled;
use super::source::Source;
use crate::base::ident::Reference;
use crate::options::value::marked_reference;
use crate::syntax::node::{Entry, Node};
use crate::syntax::template::Template;

/// The keys with command lines.
pub(super) const KEYS: [&str; 2] = ["command", "entrypoint"];

/// The words of a command line; those with variables are templates. `None`: the words depend on the
/// values of variables.
pub(super) fn split(line: &str, source: &dyn Source) -> Option<Vec<String>> {
    let own = words(line)?;
    let filled = |word: &String| filled(word.clone(), source);
    let whole = go::words(&filled(&line.to_owned()))?;
    let fits = |own: &[String]| own.iter().map(filled).eq(whole.iter().cloned());
    if fits(&own) {
        return Some(own);
    }
    // A value of nothing makes no word, unless it stands in quotes.
    let full: Vec<String> = own.into_iter().filter(|word| !filled(word).is_empty()).collect();
    fits(&full).then_some(full)
}

/// The variables of a command line whose values are no single words.
pub(super) fn splitting(line: &str, source: &dyn Source) -> BTreeSet<String> {
    let Some(Reference::Template { text }) = marked_reference(line) else { return BTreeSet::new() };
    let template = Template::parse(&text).ok();
    let names = template.iter().flat_map(Template::names).map(str::to_owned);
    let value = |name: &str| source.variable(name).map(|value| value.expose_secret().to_owned());
    names.filter(|name| value(name).is_some_and(|value| !is_word(&value))).collect()
}

fn is_word(value: &str) -> bool {
    go::words(value).is_some_and(|words| words.len() < 2 && words.concat() == value)
}

/// Keeps the lines in a model whose words depend on the values of variables.
pub(super) fn keep(model: &mut Go, root: &Node, source: &dyn Source) {
    for Entry { key: name, value: service, .. } in
        root.get("services").map(Node::entries).unwrap_or_default()
    {
        for key in KEYS {
            let Some(line) = service.text_of(key) else { continue };
            let known = model.get_mut("services").and_then(|all| all.get_mut(name)?.get_mut(key));
            if let Some(known) = known.filter(|_| split(line, source).is_none()) {
                *known = Go::Text(line.to_owned());
            }
        }
    }
}
