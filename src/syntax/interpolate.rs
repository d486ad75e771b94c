//! `$NAME` and `${NAME}` in the values of environment files, with Compose's ways to say what is meant
//! where nothing is set.
//!
//! Names and texts are those of a file that may be anything: neither is ever told.

use secrecy::{ExposeSecret as _, SecretString};

/// How deep one may stand in another.
const DEEPEST: usize = 16;

/// What is wrong with a dollar sign that nothing fits behind.
const NO_NAME: &str = "expected the name of a variable after `$`, but found none";
const NO_END: &str = "expected `}` after `${`, but found none";
const NO_WAY: &str = "expected `:-`, `-`, `:+`, `+`, `:?` or `?` after the name in `${…}`";
const TOO_DEEP: &str = "expected at most 16 variables inside each other, but found more";

/// All that can be wrong.
pub(super) const FAULTS: &[&str] = &[NO_NAME, NO_END, NO_WAY, TOO_DEEP];

/// A value, with the places where others go.
#[derive(Clone)]
pub(super) struct Template(Vec<Part>);

#[derive(Clone)]
enum Part {
    Text(SecretString),
    Variable { name: String, otherwise: Otherwise },
}

/// What counts beside the variable's own value.
#[derive(Clone)]
enum Otherwise {
    /// Nothing: it must be set.
    Needed { filled: bool },
    /// `${A-text}`, `${A:-text}`: where it is not set, or is empty.
    Default { filled: bool, text: Template },
    /// `${A+text}`, `${A:+text}`: where it is set, and is not empty.
    Instead { filled: bool, text: Template },
}

/// The values come to more than fits.
pub(super) struct TooLong;

impl Template {
    /// A text in which nothing means anything.
    pub(super) fn literal(text: &str) -> Self {
        Self(vec![Part::Text(SecretString::from(text))])
    }

    /// Reads a text; the error says what is wrong and repeats nothing.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        parse(text, 0)
    }

    /// Whether it takes nothing from elsewhere.
    pub(super) fn is_literal(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// The value; nothing where it needs a variable that `lookup` does not know. It takes up
    /// `room`, in bytes.
    pub(super) fn fill(
        &self,
        lookup: &impl Fn(&str) -> Option<SecretString>,
        room: &mut usize,
    ) -> Result<Option<SecretString>, TooLong> {
        let mut out = String::new();
        for part in &self.0 {
            let text = match part {
                Part::Text(text) => Some(text.clone()),
                Part::Variable { name, otherwise } => otherwise.fill(lookup(name), lookup, room)?,
            };
            let Some(text) = text else { return Ok(None) };
            let text = text.expose_secret();
            *room = room.checked_sub(text.len()).ok_or(TooLong)?;
            out.push_str(text);
        }
        Ok(Some(SecretString::from(out)))
    }
}

impl Otherwise {
    fn fill(
        &self,
        found: Option<SecretString>,
        lookup: &impl Fn(&str) -> Option<SecretString>,
        room: &mut usize,
    ) -> Result<Option<SecretString>, TooLong> {
        let counts = |filled: &bool| {
            found.as_ref().is_some_and(|value| !filled || !value.expose_secret().is_empty())
        };
        match self {
            Self::Needed { filled } => Ok(if counts(filled) { found } else { None }),
            Self::Default { filled, .. } if counts(filled) => Ok(found),
            Self::Default { text, .. } => text.fill(lookup, room),
            Self::Instead { filled, text } if counts(filled) => text.fill(lookup, room),
            Self::Instead { .. } => Ok(Some(SecretString::from(String::new()))),
        }
    }
}

fn parse(text: &str, depth: usize) -> Result<Template, &'static str> {
    if depth > DEEPEST {
        return Err(TOO_DEEP);
    }
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        literal.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            literal.push('$');
            rest = after;
            continue;
        }
        let (part, after) = if let Some(inner) = after.strip_prefix('{') {
            braced(inner, depth)?
        } else {
            let (name, after) = name(after).ok_or(NO_NAME)?;
            let otherwise = Otherwise::Needed { filled: false };
            (Part::Variable { name: name.to_owned(), otherwise }, after)
        };
        parts.push(Part::Text(SecretString::from(std::mem::take(&mut literal))));
        parts.push(part);
        rest = after;
    }
    literal.push_str(rest);
    parts.push(Part::Text(SecretString::from(literal)));
    Ok(Template(parts))
}

/// What stands between braces, and what follows them.
fn braced(inner: &str, depth: usize) -> Result<(Part, &str), &'static str> {
    let end = closing(inner).ok_or(NO_END)?;
    let (inner, after) = (inner.get(..end).unwrap_or_default(), inner.get(end + 1..));
    let (name, way) = name(inner).ok_or(NO_NAME)?;
    let (filled, way) = match way.strip_prefix(':') {
        Some(way) => (true, way),
        None => (false, way),
    };
    let mut chars = way.chars();
    let otherwise = match chars.next() {
        None if !filled => Otherwise::Needed { filled },
        Some('?') => Otherwise::Needed { filled },
        Some('-') => Otherwise::Default { filled, text: parse(chars.as_str(), depth + 1)? },
        Some('+') => Otherwise::Instead { filled, text: parse(chars.as_str(), depth + 1)? },
        _ => return Err(NO_WAY),
    };
    Ok((Part::Variable { name: name.to_owned(), otherwise }, after.unwrap_or_default()))
}

/// Where the brace that belongs to an opened one is.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    let mut dollar = false;
    for (at, character) in text.char_indices() {
        match character {
            '{' if dollar => open += 1,
            '}' if open == 0 => return Some(at),
            '}' => open -= 1,
            _ => {}
        }
        dollar = character == '$' && !dollar;
    }
    None
}

/// A name at the beginning, and what follows it.
pub(super) fn name(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let first = text.chars().next()?;
    (end > 0 && !first.is_ascii_digit()).then(|| text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<Option<String>, &'static str> {
        let lookup = |name: &str| match name {
            "SET" => Some(SecretString::from("value")),
            "EMPTY" => Some(SecretString::from("")),
            _ => None,
        };
        let template = Template::parse(text)?;
        let value = template.fill(&lookup, &mut 100_000).ok().unwrap();
        Ok(value.map(|value| value.expose_secret().to_owned()))
    }

    #[test]
    fn each_way_to_say_it_means_what_it_means_to_compose() {
        for (text, value) in [
            ("", Some("")),
            ("plain", Some("plain")),
            ("$SET", Some("value")),
            ("${SET}s", Some("values")),
            ("a${SET}b$SET-c", Some("avaluebvalue-c")),
            ("$$SET ${SET}", Some("$SET value")),
            ("$NONE", None),
            ("a${NONE}", None),
            ("$EMPTY", Some("")),
            ("${NONE-x}${EMPTY-x}${SET-x}", Some("xvalue")),
            ("${NONE:-x}${EMPTY:-x}${SET:-x}", Some("xxvalue")),
            ("${NONE+x}${EMPTY+x}${SET+x}", Some("xx")),
            ("${NONE:+x}${EMPTY:+x}${SET:+x}", Some("x")),
            ("${SET?why}", Some("value")),
            ("${EMPTY?why}", Some("")),
            ("${EMPTY:?why}", None),
            ("${NONE:?}", None),
            ("${NONE:-${SET}}!", Some("value!")),
            ("${NONE:-${NONE:-${SET}}}", Some("value")),
            ("${NONE:-$$}", Some("$")),
            ("${NONE:-}", Some("")),
            ("${NONE:-a:b}", Some("a:b")),
        ] {
            assert_eq!(filled(text).unwrap().as_deref(), value, "{text}");
        }
    }

    #[test]
    fn what_means_nothing_is_refused_without_being_told() {
        let deep = format!("{}x{}", "${A:-".repeat(40), "}".repeat(40));
        for (text, message) in [
            ("pa$", NO_NAME),
            ("$1", NO_NAME),
            ("${}", NO_NAME),
            ("${1}", NO_NAME),
            ("$ A", NO_NAME),
            ("${A", NO_END),
            ("${A:-${B}", NO_END),
            ("${A!}", NO_WAY),
            ("${A:}", NO_WAY),
            ("${A:=x}", NO_WAY),
            (deep.as_str(), TOO_DEEP),
        ] {
            assert_eq!(filled(text), Err(message), "{text}");
        }
    }
}
