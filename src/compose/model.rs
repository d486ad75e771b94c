//! A project in the notation of `docker compose config`: typed values, and fields in the order of
//! the structs. `bayplan config` shows this form, and the service hash is computed from it.

use super::fields::{Field, KINDS, SERVICE, Type};
use super::go::{self, Go};
use crate::base::ident::Reference;
use crate::base::say;
use crate::options::value::{mark_reference, marked_reference};
use crate::syntax::durations;
use crate::syntax::node::{Entry, Kind, Node, Problems};
use crate::syntax::template::Template;

/// The index at which a new field of a service belongs; `next` is the following field in the
/// struct.
pub(super) fn place_of(fields: &[(String, Go)], next: &str) -> usize {
    let rank = |key: &str| SERVICE.iter().position(|(known, _)| *known == key);
    let wanted = rank(next).unwrap_or(SERVICE.len());
    fields.iter().position(|(key, _)| rank(key) >= Some(wanted)).unwrap_or(fields.len())
}

/// Converts a project; reports values of a wrong type.
pub(super) fn project(root: &Node, name: &str, problems: &mut Problems) -> Go {
    let mut entries = vec![("name".to_owned(), Go::Text(name.to_owned()))];
    for (kind, fields) in KINDS {
        let own = root.get(kind).map(Node::entries).unwrap_or_default();
        if own.is_empty() && kind != "services" {
            continue;
        }
        let mut all: Vec<(String, Go)> = own
            .iter()
            .map(|entry| (entry.key.clone(), object(&entry.value, fields, problems)))
            .collect();
        all.sort_by(|one, two| one.0.cmp(&two.0));
        entries.push((kind.to_owned(), Go::Map(all)));
    }
    entries.extend(
        root.entries()
            .iter()
            .filter(|entry| entry.key.starts_with("x-"))
            .map(|Entry { key, value, .. }| (key.clone(), any(value))),
    );
    entries.sort_by(|one, two| one.0.cmp(&two.0));
    Go::Map(entries)
}

fn any(node: &Node) -> Go {
    match &node.kind {
        Kind::Null => Go::Null,
        Kind::Bool(value) => Go::Bool(*value),
        Kind::Number(text) => Go::Number(text.clone()),
        Kind::Text(text) => Go::Text(text.clone()),
        Kind::List(items) => Go::List(items.iter().map(any).collect()),
        Kind::Map(entries) => {
            let mut all: Vec<(String, Go)> =
                entries.iter().map(|entry| (entry.key.clone(), any(&entry.value))).collect();
            all.sort_by(|one, two| one.0.cmp(&two.0));
            Go::Map(all)
        }
    }
}

fn object(node: &Node, fields: &[Field], problems: &mut Problems) -> Go {
    let mut entries = Vec::new();
    for (key, kind) in fields {
        let said = node.said(key).or_else(|| node.said(&key.to_lowercase()));
        if let Some(value) = kind.value(said, problems) {
            entries.push(((*key).to_owned(), value));
        }
    }
    Go::Map(entries)
}

impl Type {
    /// Converts a value; `None` if the field is omitted.
    fn value(self, node: Option<&Node>, problems: &mut Problems) -> Option<Go> {
        let Some(node) = node else {
            return match self {
                Self::Command => Some(Go::Null),
                Self::Always(fields) => {
                    let nothing =
                        super::tree::map(crate::syntax::node::Place::default(), Vec::new());
                    Some(object(&nothing, fields, problems))
                }
                _ => None,
            };
        };
        match self {
            Self::Text => node.printed().filter(|text| !text.is_empty()).map(Go::Text),
            Self::Flag => flag(node, problems).filter(|flag| *flag).map(Go::Bool),
            Self::MaybeFlag => flag(node, problems).map(Go::Bool),
            Self::Whole => number(node, problems).filter(|text| text != "0").map(Go::Number),
            Self::MaybeWhole => number(node, problems).map(Go::Number),
            Self::Float => float(node, problems).filter(|text| text != "0").map(Go::Number),
            Self::Bytes => match bytes(node) {
                Some(0) => None,
                Some(bytes) => Some(Go::Text(bytes.to_string())),
                None => problems.expected("a size, like `64m`", node),
            },
            Self::Duration => duration(node, problems).filter(|text| text != "0s").map(Go::Text),
            Self::MaybeDuration => duration(node, problems).map(Go::Text),
            Self::Texts => Some(texts(node)).filter(|all| !all.is_empty()).map(Go::List),
            Self::Command => command(node, problems),
            Self::Test => test(node),
            Self::Pairs => pairs(node, |_| Some(Go::Text(String::new())), problems),
            Self::Environment => pairs(node, |_| Some(Go::Null), problems),
            Self::Hosts => hosts(node, problems),
            Self::Repeated => {
                let all = node.entries().iter();
                sorted(
                    all.map(|entry| (entry.key.clone(), Go::List(texts(&entry.value)))).collect(),
                )
            }
            Self::Struct(fields) | Self::Always(fields) => Some(object(node, fields, problems)),
            Self::Structs(fields) => {
                let all: Vec<Go> =
                    node.items().iter().map(|item| object(item, fields, problems)).collect();
                Some(all).filter(|all| !all.is_empty()).map(Go::List)
            }
            Self::Named(fields) => named(node, problems, |node, problems| match node.kind {
                Kind::Null => Go::Null,
                _ => object(node, fields, problems),
            }),
            Self::Ulimits => named(node, problems, ulimit),
            Self::EnvFiles => env_files(node),
            Self::Mode => mode(node, problems),
            Self::Count => match node.as_text() {
                Some(word) if word.eq_ignore_ascii_case("all") => Some(Go::Number("-1".into())),
                _ => number(node, problems).filter(|text| text != "0").map(Go::Number),
            },
            Self::Needed => Some(any(node)),
        }
    }
}

/// A text, or the texts of a list.
fn texts(node: &Node) -> Vec<Go> {
    let one = node.printed().map(Go::Text);
    let items = node.items().iter().filter_map(Node::printed).map(Go::Text);
    let pairs = node.entries().iter().map(|Entry { key, value, .. }| {
        Go::Text(value.printed().map_or_else(|| key.clone(), |value| format!("{key}={value}")))
    });
    one.into_iter().chain(items).chain(pairs).collect()
}

fn command(node: &Node, problems: &mut Problems) -> Option<Go> {
    let Some(line) = node.as_text() else { return Some(Go::List(texts(node))) };
    if let Some(words) = words(line) {
        return Some(Go::List(words.into_iter().map(Go::Text).collect()));
    }
    let message = "expected a command line whose quotations are closed, but found an open one";
    problems.add_hint(node.place, message, "a list of words needs no quotation");
    None
}

/// The words of a command line. In a template, each word is a template, and the value of a variable
/// stays within its word.
pub(super) fn words(line: &str) -> Option<Vec<String>> {
    let Some(Reference::Template { text }) = marked_reference(line) else { return go::words(line) };
    let (line, variables) = Template::parse(&text).ok()?.with_places();
    let word = |word: String| {
        let mut template = word.replace('$', "$$");
        let mut any = false;
        for (place, variable) in &variables {
            any |= template.contains(place.as_str());
            template = template.replace(place.as_str(), variable);
        }
        if any { mark_reference(&Reference::Template { text: template }) } else { word }
    };
    Some(go::words(&line)?.into_iter().map(word).collect())
}

fn test(node: &Node) -> Option<Go> {
    let mut words = texts(node);
    if node.as_text().is_some() {
        words.insert(0, Go::Text("CMD-SHELL".into()));
    }
    (!words.is_empty()).then_some(Go::List(words))
}

fn named(
    node: &Node,
    problems: &mut Problems,
    value: impl Fn(&Node, &mut Problems) -> Go,
) -> Option<Go> {
    let all = node.entries().iter();
    sorted(all.map(|entry| (entry.key.clone(), value(&entry.value, problems))).collect())
}

fn ulimit(node: &Node, problems: &mut Problems) -> Go {
    if matches!(node.kind, Kind::Map(_)) {
        return object(node, &[("soft", Type::Whole), ("hard", Type::Whole)], problems);
    }
    // A limit of 0 counts as missing.
    match number(node, problems) {
        Some(text) if text != "0" => Go::Number(text),
        _ => Go::Map(Vec::new()),
    }
}

fn env_files(node: &Node) -> Option<Go> {
    let file = |item: &Node| {
        let path = Go::Text(item.text_of("path").unwrap_or_default().to_owned());
        let format = item.text_of("format").filter(|format| !format.is_empty());
        let required = item.is_true("required");
        let Some(format) = format else {
            if required {
                return path;
            }
            return Go::Map(vec![("path".into(), path), ("required".into(), Go::Bool(false))]);
        };
        Go::Map(vec![
            ("path".into(), path),
            ("required".into(), Go::Bool(required)),
            ("format".into(), Go::Text(format.to_owned())),
        ])
    };
    let all: Vec<Go> = node.items().iter().map(file).collect();
    (!all.is_empty()).then_some(Go::List(all))
}

fn mode(node: &Node, problems: &mut Problems) -> Option<Go> {
    let mode = match node.as_text() {
        Some(text) => i64::from_str_radix(text, 8).ok(),
        None => number(node, problems)?.parse().ok(),
    };
    match mode {
        Some(mode) => Some(Go::Text(format!("0{mode:o}"))),
        None => problems.expected("a file's mode, like `\"0440\"`", node),
    }
}

fn sorted(mut all: Vec<(String, Go)>) -> Option<Go> {
    all.sort_by(|one, two| one.0.cmp(&two.0));
    (!all.is_empty()).then_some(Go::Map(all))
}

fn flag(node: &Node, problems: &mut Problems) -> Option<bool> {
    match &node.kind {
        Kind::Bool(value) => Some(*value),
        Kind::Text(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "y" | "yes" | "on" => Some(true),
            "false" | "n" | "no" | "off" => Some(false),
            _ => problems.expected("`true` or `false`", node),
        },
        _ => problems.expected("`true` or `false`", node),
    }
}

fn number(node: &Node, problems: &mut Problems) -> Option<String> {
    match node.printed().filter(|text| text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok()) {
        Some(text) => Some(text),
        // Go truncates the fraction.
        None => match (&node.kind, node.printed().and_then(|text| text.parse::<f64>().ok())) {
            #[expect(clippy::cast_possible_truncation, reason = "Go truncates, too")]
            (Kind::Number(_), Some(number)) => Some((number as i64).to_string()),
            _ => problems.expected("a whole number", node),
        },
    }
}

fn float(node: &Node, problems: &mut Problems) -> Option<String> {
    match node.printed().and_then(|text| text.parse::<f32>().ok()) {
        Some(number) => Some(number.to_string()),
        None => problems.expected("a number", node),
    }
}

/// The bytes of a number or a size.
pub(super) fn bytes(node: &Node) -> Option<i64> {
    match &node.kind {
        Kind::Number(text) => match text.parse::<i64>() {
            Ok(bytes) => Some(bytes),
            // A fraction counts as 0.
            Err(_) => Some(0),
        },
        Kind::Text(text) => go::size(text),
        _ => None,
    }
}

fn duration(node: &Node, problems: &mut Problems) -> Option<String> {
    match node.printed().and_then(|text| durations::of_compose(&text)) {
        Some(nanoseconds) => Some(durations::printed(nanoseconds)),
        None => problems.expected("a duration, like `1m30s`", node),
    }
}

/// Keys and values, from a map or from a list of `KEY=VALUE`.
fn pairs(node: &Node, nothing: impl Fn(&str) -> Option<Go>, problems: &mut Problems) -> Option<Go> {
    let mut all: Vec<(String, Go)> = Vec::new();
    let mut add = |key: &str, value: Option<Go>| {
        let Some(value) = value else { return };
        match all.iter_mut().find(|(known, _)| known == key) {
            Some(known) => known.1 = value,
            None => all.push((key.to_owned(), value)),
        }
    };
    for (key, value, of) in said_pairs(node) {
        if key.ends_with(char::is_whitespace) && matches!(node.kind, Kind::List(_)) {
            let found = say::short(&key);
            let message =
                format!("expected a variable's name, but found `{found}`, which ends in a blank");
            problems.add(of.place, message);
        }
        add(&key, value.map(Go::Text).or_else(|| nothing(&key)));
    }
    sorted(all)
}

/// Keys and values in the file's notation, with their nodes.
pub(super) fn said_pairs(node: &Node) -> Vec<(String, Option<String>, &Node)> {
    match &node.kind {
        Kind::Map(entries) => entries
            .iter()
            .map(|entry| (entry.key.clone(), entry.value.printed(), &entry.value))
            .collect(),
        Kind::List(items) => items
            .iter()
            .filter_map(|item| {
                let text = item.printed()?;
                Some(match text.split_once('=') {
                    Some((key, value)) => (key.to_owned(), Some(value.to_owned()), item),
                    None => (text, None, item),
                })
            })
            .collect(),
        _ => Vec::new(),
    }
}

pub(super) fn hosts(node: &Node, problems: &mut Problems) -> Option<Go> {
    let mut all: Vec<String> = Vec::new();
    let mut add = |host: &str, address: &str| {
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        all.push(format!("{host}={}", bare.unwrap_or(address)));
    };
    for Entry { key, value, .. } in node.entries() {
        match &value.kind {
            Kind::List(items) => {
                items.iter().filter_map(Node::printed).for_each(|address| add(key, &address));
            }
            _ => add(key, &value.printed().unwrap_or_default()),
        }
    }
    for item in node.items() {
        let text = item.printed().unwrap_or_default();
        let Some((host, addresses)) = text.split_once('=').or_else(|| text.split_once(':')) else {
            problems.expected::<()>("a host and its address, like `db=192.0.2.1`,", item);
            continue;
        };
        if host.is_empty() || host.contains(':') {
            problems.expected::<()>("a host and its address, like `db=192.0.2.1`,", item);
            continue;
        }
        addresses.split(',').for_each(|address| add(host, address));
    }
    all.sort();
    (!all.is_empty()).then(|| Go::List(all.into_iter().map(Go::Text).collect()))
}
