//! The shapes of values in a Compose file, and messages about values that do not fit.
//!
//! The keys of Compose and their shapes are in [`super::keys`].

use super::tree::{Path, dotted};
use crate::base::say;
use crate::base::say::or;
use crate::syntax::node::is_extension;
use crate::syntax::node::{Entry, Kind, Node, Problems};

/// The shape of a value.
#[derive(Debug)]
pub(super) enum Shape {
    /// Anything.
    Any,
    /// A text.
    Text,
    /// A text or nothing.
    TextOrNull,
    /// One of these texts.
    Word(&'static [&'static str]),
    /// A text that passes a check.
    Fits(&'static str, fn(&str) -> bool),
    /// `true`, `false`.
    Boolean,
    /// `true`, `false`, or a text that may be one.
    Flag,
    /// A whole number within bounds, or a text that may be a number.
    Whole(i64, i64),
    /// A whole number.
    WholeOnly,
    /// A number, or a text that may be one.
    Number,
    /// A text, a number, `true`, `false` or nothing.
    Scalar,
    /// Any map.
    AnyMap,
    /// A list of values with one shape.
    List(&'static Self),
    /// A list of values with one shape, without duplicates.
    Unique(&'static Self),
    /// A map of values with one shape, with a rule for keys.
    Map(Keys, &'static Self),
    /// A map with these keys, and with required keys; `x-` keys are allowed.
    Object(&'static [(&'static str, Self)], &'static [&'static str]),
    /// A map with these keys, where `x-` keys are not allowed.
    Closed(&'static [(&'static str, Self)], &'static [&'static str]),
    /// A map with these keys, where all other keys are allowed.
    Open(&'static [(&'static str, Self)], &'static [&'static str]),
    /// One of several shapes.
    Either(&'static [Self]),
    /// Null, or a value with this shape.
    Maybe(&'static Self),
    /// A shape that is defined elsewhere.
    Of(&'static Self),
}

/// The rule for the keys of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// Any key.
    Any,
    /// Names of letters, digits, `.`, `_` and `-`.
    Names,
    /// Keys with lower-case letters are checked; other keys are allowed.
    Lower,
}

impl Shape {
    /// Reports values that do not fit.
    pub(super) fn check(&self, node: &Node, path: &mut Path, problems: &mut Problems) {
        match self {
            Self::Maybe(_) if node.kind == Kind::Null => {}
            Self::Of(shape) | Self::Maybe(shape) => shape.check(node, path, problems),
            Self::Either(shapes) => match shapes.iter().find(|shape| shape.is_kind(node)) {
                Some(shape) => shape.check(node, path, problems),
                None => self.wrong(node, path, problems),
            },
            _ if !self.is_kind(node) => self.wrong(node, path, problems),
            Self::List(shape) => items(node, shape, path, problems),
            Self::Unique(shape) => {
                items(node, shape, path, problems);
                twice(node, path, problems);
            }
            Self::Map(keys, shape) => {
                for entry in node.entries() {
                    keys.check(entry, path, problems);
                    path.push(entry.key.clone());
                    shape.check(&entry.value, path, problems);
                    path.pop();
                }
            }
            Self::Object(known, needed)
            | Self::Closed(known, needed)
            | Self::Open(known, needed) => {
                self.object(node, (known, needed), path, problems);
            }
            Self::Whole(least, most) => {
                let number = match &node.kind {
                    Kind::Number(text) => text.parse::<f64>().ok(),
                    _ => None,
                };
                #[expect(clippy::cast_precision_loss, reason = "bounds are small or mean none")]
                if number.is_some_and(|number| number < *least as f64 || number > *most as f64) {
                    self.wrong(node, path, problems);
                }
            }
            Self::Word(words) if !node.as_text().is_some_and(|text| words.contains(&text)) => {
                self.wrong(node, path, problems);
            }
            Self::Fits(_, fits) if !node.as_text().is_some_and(fits) => {
                self.wrong(node, path, problems);
            }
            _ => {}
        }
    }

    fn object(
        &self,
        node: &Node,
        (known, needed): (&[(&str, Self)], &[&str]),
        path: &mut Path,
        problems: &mut Problems,
    ) {
        for entry in node.entries() {
            if let Some((_, shape)) = known.iter().find(|(key, _)| *key == entry.key) {
                path.push(entry.key.clone());
                shape.check(&entry.value, path, problems);
                path.pop();
                continue;
            }
            let free = matches!(self, Self::Open(..))
                || matches!(self, Self::Object(..)) && is_extension(&entry.key);
            if !free {
                let keys: Vec<&str> = known.iter().map(|(key, _)| *key).collect();
                unknown(entry, &keys, path, problems);
            }
        }
        for key in needed.iter().filter(|key| node.get(key).is_none()) {
            let at = say::short(&dotted(path));
            problems.add(node.place, format!("expected `{key}` in `{at}`, but found none"));
        }
    }

    /// Whether a value has the right kind.
    fn is_kind(&self, node: &Node) -> bool {
        let text = matches!(node.kind, Kind::Text(_));
        let null = node.kind == Kind::Null;
        let boolean = matches!(node.kind, Kind::Bool(_));
        let number = matches!(node.kind, Kind::Number(_));
        let whole =
            matches!(&node.kind, Kind::Number(text) if !text.contains(['.', 'e', 'I', 'N']));
        match self {
            Self::Any => true,
            Self::Text | Self::Word(_) | Self::Fits(..) => text,
            Self::TextOrNull => text || null,
            Self::Boolean => boolean,
            Self::Flag => boolean || text,
            Self::Whole(..) => whole || text,
            Self::WholeOnly => whole,
            Self::Number => number || text,
            Self::Scalar => text || number || boolean || null,
            Self::List(_) | Self::Unique(_) => matches!(node.kind, Kind::List(_)),
            Self::AnyMap | Self::Map(..) | Self::Object(..) | Self::Closed(..) | Self::Open(..) => {
                matches!(node.kind, Kind::Map(_))
            }
            Self::Either(shapes) => shapes.iter().any(|shape| shape.is_kind(node)),
            Self::Maybe(shape) => null || shape.is_kind(node),
            Self::Of(shape) => shape.is_kind(node),
        }
    }

    fn what(&self) -> String {
        match self {
            Self::Any => "anything".into(),
            Self::Text | Self::TextOrNull => "a text".into(),
            Self::Word(words) => or(words),
            Self::Fits(what, _) => (*what).to_owned(),
            Self::Boolean | Self::Flag => "`true` or `false`".into(),
            Self::Whole(i64::MIN, i64::MAX) | Self::WholeOnly => "a whole number".into(),
            Self::Whole(least, i64::MAX) => format!("a whole number from {least} on"),
            Self::Whole(least, most) => format!("a whole number from {least} to {most}"),
            Self::Number => "a number".into(),
            Self::Scalar => "a text, a number, `true` or `false`".into(),
            Self::List(_) | Self::Unique(_) => "a list".into(),
            Self::AnyMap | Self::Map(..) | Self::Object(..) | Self::Closed(..) | Self::Open(..) => {
                "a map".into()
            }
            Self::Either(shapes) => {
                let mut all: Vec<String> = shapes.iter().map(Self::what).collect();
                all.dedup();
                all.join(" or ")
            }
            Self::Maybe(shape) | Self::Of(shape) => shape.what(),
        }
    }

    fn wrong(&self, node: &Node, path: &Path, problems: &mut Problems) {
        let (what, key) = (self.what(), say::short(&dotted(path)));
        let message = format!("expected {what} as `{key}`, but found {}", found(node));
        let quote = matches!(node.kind, Kind::Number(_) | Kind::Bool(_));
        if quote && matches!(self, Self::Text | Self::TextOrNull | Self::List(_) | Self::Unique(_))
        {
            problems.add_hint(node.place, message, "put it in quotes");
        } else {
            problems.add(node.place, message);
        }
    }
}

/// The kind of a value for messages; a text with variable values is not quoted.
fn found(node: &Node) -> String {
    match &node.kind {
        Kind::Text(text) if text.contains('«') => "a text".into(),
        _ => node.what(),
    }
}

impl Keys {
    fn check(self, entry: &Entry, path: &Path, problems: &mut Problems) {
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let fits = match self {
            Self::Any | Self::Lower => !entry.key.is_empty(),
            Self::Names => !entry.key.is_empty() && entry.key.chars().all(name),
        };
        if !fits {
            let message = format!(
                "expected a name of letters, digits, `.`, `_` and `-` in `{}`, but found `{}`",
                say::short(&dotted(path)),
                say::short(&entry.key),
            );
            problems.add(entry.place, message);
        }
    }
}

fn items(node: &Node, shape: &Shape, path: &mut Path, problems: &mut Problems) {
    path.push(super::tree::ITEM.to_owned());
    for item in node.items() {
        shape.check(item, path, problems);
    }
    path.pop();
}

fn twice(node: &Node, path: &Path, problems: &mut Problems) {
    // Only lists of scalars are long.
    let mut seen = std::collections::BTreeSet::new();
    for item in node.items() {
        let known = match item.printed() {
            Some(text) => !seen.insert((std::mem::discriminant(&item.kind) == TEXT(), text)),
            None => node
                .items()
                .iter()
                .take_while(|other| !std::ptr::eq(*other, item))
                .any(|other| other.is_alike(item)),
        };
        if known {
            let key = say::short(&dotted(path));
            problems.add(
                item.place,
                format!("expected every entry of `{key}` once, but found one again"),
            );
        }
    }
}

#[expect(non_snake_case, reason = "it is a constant, but for what constants may call")]
fn TEXT() -> std::mem::Discriminant<Kind> {
    std::mem::discriminant(&Kind::Text(String::new()))
}

fn unknown(entry: &Entry, keys: &[&str], path: &Path, problems: &mut Problems) {
    let at = dotted(path);
    let what = |word: &str| {
        let close = say::did_you_mean(word, keys.iter().copied());
        let place =
            if at.is_empty() { "at the root".into() } else { format!("in `{}`", say::short(&at)) };
        (
            format!("expected a key that Compose knows {place}, but found `{}`", say::short(word)),
            close.map(|close| format!("did you mean `{close}`?")),
        )
    };
    problems.unknown(entry, &entry.key, what);
}
