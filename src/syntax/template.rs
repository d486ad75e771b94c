//! `$A` and `${A…}` in the texts of Compose files, and in the values of environment files.
//!
//! The grammar follows Compose, including its special cases: a `$` before another character is
//! literal, and the text after `:-` ends at the matching brace. The caller provides the values.

/// How deep variables may be nested.
const DEEPEST: usize = 16;

/// The largest filled text, in bytes: nested defaults can grow exponentially.
const MOST_BYTES: usize = 1 << 20;

/// A text with variables.
#[derive(Debug, Clone, PartialEq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Variable { name: String, way: Way },
}

/// The modifier of a variable.
#[derive(Debug, Clone, PartialEq)]
enum Way {
    /// `$A`: empty if unset.
    Plain,
    /// `${A-text}`, and `${A:-text}`, where an empty value counts as unset.
    Default { filled: bool, text: Template },
    /// `${A+text}`, `${A:+text}`.
    Instead { filled: bool, text: Template },
    /// `${A?why}`, `${A:?why}`.
    Needed { filled: bool, why: Template },
}

/// Why a text cannot be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// `${A:?why}` with an unset variable.
    Needed {
        /// The name of the variable.
        name: String,
        /// The message in the file.
        why: String,
    },
    /// The filled text would be too long.
    TooLong,
}

/// The variables that a filled text used.
#[derive(Debug, Default)]
pub struct Seen {
    /// Variables with a value that is in the text, or that decided about the text.
    pub used: Vec<String>,
    /// Unset variables without a default and without an error message.
    pub unset: Vec<String>,
}

/// Why a text is not a valid template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// No name follows the opening brace.
    NoName,
    /// The brace is not closed.
    NoEnd,
    /// No modifier `:-`, `-`, `:+`, `+`, `:?` or `?` follows the name.
    NoWay,
    /// The variables are nested too deep.
    TooDeep,
}

impl Invalid {
    /// The fault, without the text.
    pub fn message(self) -> &'static str {
        match self {
            Self::NoName => "expected the name of a variable after `${`, but found none",
            Self::NoEnd => "expected `}` after `${`, but found none",
            Self::NoWay => "expected `:-`, `-`, `:+`, `+`, `:?` or `?` after the name in `${…}`",
            Self::TooDeep => "expected at most 16 variables inside each other, but found more",
        }
    }
}

impl Template {
    /// Parses a text.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        parse(text, 0)
    }

    /// Whether the text has no variables.
    pub fn is_literal(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// The names of all variables.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.collect(&mut names);
        names
    }

    fn collect<'a>(&'a self, names: &mut Vec<&'a str>) {
        for part in &self.0 {
            let Part::Variable { name, way } = part else { continue };
            names.push(name);
            match way {
                Way::Plain => {}
                Way::Default { text, .. } | Way::Instead { text, .. } => text.collect(names),
                Way::Needed { why, .. } => why.collect(names),
            }
        }
    }

    /// The text with its variables replaced.
    pub fn fill(
        &self,
        lookup: &dyn Fn(&str) -> Option<String>,
        seen: &mut Seen,
    ) -> Result<String, Lack> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Variable { name, way } => out.push_str(&way.fill(name, lookup, seen)?),
            }
            if out.len() > MOST_BYTES {
                return Err(Lack::TooLong);
            }
        }
        Ok(out)
    }

    /// The text with every unset variable replaced by its default.
    #[must_use]
    pub fn settled(self, is_set: &dyn Fn(&str) -> bool) -> Self {
        let mut parts = Vec::new();
        for part in self.0 {
            match part {
                Part::Variable { name, way } if !is_set(&name) => match way {
                    Way::Plain | Way::Instead { .. } => {}
                    Way::Default { text, .. } => parts.extend(text.settled(is_set).0),
                    needed @ Way::Needed { .. } => parts.push(Part::Variable { name, way: needed }),
                },
                Part::Variable { name, way: Way::Default { filled, text } } => {
                    let way = Way::Default { filled, text: text.settled(is_set) };
                    parts.push(Part::Variable { name, way });
                }
                Part::Variable { name, way: Way::Instead { filled, text } } => {
                    let way = Way::Instead { filled, text: text.settled(is_set) };
                    parts.push(Part::Variable { name, way });
                }
                other => parts.push(other),
            }
        }
        Self(parts)
    }

    /// The text with a variable replaced by a value that is no secret.
    #[must_use]
    pub fn given(self, name: &str, value: &str) -> Self {
        let mut parts = Vec::new();
        for part in self.0 {
            let (of, way) = match part {
                Part::Variable { name, way } => (name, way),
                text @ Part::Text(_) => {
                    parts.push(text);
                    continue;
                }
            };
            let way = match way {
                Way::Default { filled, text } => {
                    Way::Default { filled, text: text.given(name, value) }
                }
                Way::Instead { filled, text } => {
                    Way::Instead { filled, text: text.given(name, value) }
                }
                other => other,
            };
            if of != name {
                parts.push(Part::Variable { name: of, way });
                continue;
            }
            match way {
                Way::Instead { text, .. } => parts.extend(text.0),
                _ => parts.push(Part::Text(value.to_owned())),
            }
        }
        Self(parts)
    }

    /// The text with a private character for each variable, and the variables in the file's
    /// notation.
    pub fn with_places(&self) -> (String, Vec<(String, String)>) {
        let mut text = String::new();
        let mut variables = Vec::new();
        for part in &self.0 {
            match part {
                Part::Text(literal) => text.push_str(literal),
                variable @ Part::Variable { .. } => {
                    let place = format!("\u{e000}{}\u{e001}", variables.len());
                    text.push_str(&place);
                    variables.push((place, Self(vec![variable.clone()]).written()));
                }
            }
        }
        (text, variables)
    }

    /// The text in the file's notation.
    pub fn written(&self) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(&text.replace('$', "$$")),
                Part::Variable { name, way } => {
                    out.push_str("${");
                    out.push_str(name);
                    let (sign, text) = match way {
                        Way::Plain => ("", String::new()),
                        Way::Default { filled: true, text } => (":-", text.written()),
                        Way::Default { filled: false, text } => ("-", text.written()),
                        Way::Instead { filled: true, text } => (":+", text.written()),
                        Way::Instead { filled: false, text } => ("+", text.written()),
                        Way::Needed { filled: true, why } => (":?", why.written()),
                        Way::Needed { filled: false, why } => ("?", why.written()),
                    };
                    out.push_str(sign);
                    out.push_str(&text);
                    out.push('}');
                }
            }
        }
        out
    }
}

impl Way {
    fn fill(
        &self,
        name: &str,
        lookup: &dyn Fn(&str) -> Option<String>,
        seen: &mut Seen,
    ) -> Result<String, Lack> {
        let found = lookup(name);
        if found.is_some() {
            seen.used.push(name.to_owned());
        }
        let counts =
            |filled: &bool| found.as_ref().is_some_and(|value| !filled || !value.is_empty());
        match self {
            Self::Plain => {
                if found.is_none() {
                    seen.unset.push(name.to_owned());
                }
                Ok(found.unwrap_or_default())
            }
            Self::Default { filled, text } => {
                if counts(filled) {
                    return Ok(found.unwrap_or_default());
                }
                text.fill(lookup, seen)
            }
            Self::Instead { filled, text } => {
                if counts(filled) {
                    return text.fill(lookup, seen);
                }
                Ok(found.unwrap_or_default())
            }
            Self::Needed { filled, .. } if counts(filled) => Ok(found.unwrap_or_default()),
            // The message may contain variables; it is shown without their values.
            Self::Needed { why, .. } => {
                Err(Lack::Needed { name: name.to_owned(), why: why.written() })
            }
        }
    }
}

fn parse(text: &str, depth: usize) -> Result<Template, Invalid> {
    if depth > DEEPEST {
        return Err(Invalid::TooDeep);
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
        } else if let Some((name, after)) = name(after) {
            (Part::Variable { name: name.to_owned(), way: Way::Plain }, after)
        } else {
            literal.push('$');
            rest = after;
            continue;
        };
        if !literal.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut literal)));
        }
        parts.push(part);
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Text(literal));
    }
    Ok(Template(parts))
}

/// Parses the content of braces; gives the variable and the text after the braces.
fn braced(inner: &str, depth: usize) -> Result<(Part, &str), Invalid> {
    let (name, way) = name(inner).ok_or(Invalid::NoName)?;
    let variable = |way| Part::Variable { name: name.to_owned(), way };
    if let Some(after) = way.strip_prefix('}') {
        return Ok((variable(Way::Plain), after));
    }
    let last = || way.lines().next().unwrap_or_default().rfind('}');
    let end = closing(way).or_else(last).ok_or(Invalid::NoEnd)?;
    let (way, after) =
        (way.get(..end).ok_or(Invalid::NoEnd)?, way.get(end + 1..).unwrap_or_default());
    let (filled, way) = match way.strip_prefix(':') {
        Some(way) => (true, way),
        None => (false, way),
    };
    let mut chars = way.chars();
    let sign = chars.next().ok_or(Invalid::NoWay)?;
    let text = parse(chars.as_str(), depth + 1)?;
    let way = match sign {
        '-' => Way::Default { filled, text },
        '+' => Way::Instead { filled, text },
        '?' => Way::Needed { filled, why: text },
        _ => return Err(Invalid::NoWay),
    };
    Ok((variable(way), after))
}

/// Splits off a name at the beginning.
fn name(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let first = text.chars().next()?;
    (end > 0 && !first.is_ascii_digit()).then(|| text.split_at(end))
}

/// The position of the matching closing brace. Compose ignores the character right after a nested
/// opening brace.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'}' => {
                open -= 1;
                if open == 0 {
                    return Some(at);
                }
            }
            b'{' => {
                open += 1;
                if bytes.next().is_some_and(|(_, byte)| byte == b'\n') {
                    return None;
                }
            }
            b'\n' => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "SET" => Some("value".into()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    fn filled(text: &str) -> Result<String, Lack> {
        Template::parse(text).unwrap().fill(&lookup, &mut Seen::default())
    }

    #[test]
    fn each_way_to_say_it_means_what_it_means_to_compose() {
        for (text, value) in [
            ("plain", "plain"),
            ("$SET", "value"),
            ("${SET}s", "values"),
            ("a${SET}b$SET-c", "avaluebvalue-c"),
            ("$$SET ${SET}", "$SET value"),
            ("$NONE.", "."),
            ("${NONE-x}${EMPTY-x}${SET-x}", "xvalue"),
            ("${NONE:-x}${EMPTY:-x}${SET:-x}", "xxvalue"),
            ("${NONE+x}${EMPTY+x}${SET+x}", "xx"),
            ("${NONE:+x}${EMPTY:+x}${SET:+x}", "x"),
            ("${SET?why}${EMPTY?why}", "value"),
            ("${NONE:-${SET}}!", "value!"),
            ("${NONE:-${NONE:-${SET}}}", "value"),
            ("${NONE:-$$}", "$"),
            ("${NONE:-{}}", "{}"),
            ("${NONE:-a} ${NONE:-b}", "a b"),
            ("5$ $5 $", "5$ $5 $"),
        ] {
            assert_eq!(filled(text).as_deref(), Ok(value), "{text}");
        }
        for text in ["${NONE?why}", "${NONE:?why}", "${EMPTY:?why}"] {
            assert!(
                matches!(filled(text), Err(Lack::Needed { why, .. }) if why == "why"),
                "{text}"
            );
        }
    }

    #[test]
    fn what_means_nothing_is_refused() {
        let deep = format!("{}x{}", "${A:-".repeat(40), "}".repeat(40));
        for text in ["${}", "${1}", "${A", "${A!}", "${A:}", "${A:-a\nb}", deep.as_str()] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_fills_the_same() {
        for text in ["a$$b${SET}c", "${NONE:-x${SET}}", "$SET", "${NONE+$$}", "${EMPTY:?no}"] {
            let template = Template::parse(text).unwrap();
            assert_eq!(Template::parse(&template.written()).as_ref(), Ok(&template), "{text}");
        }
        let written = "${SET}${NONE}a${NONE:-b${SET}}${NONE+c}${EMPTY:-${NONE}}$$";
        let settled = Template::parse(written).unwrap().settled(&|name| name != "NONE");
        assert_eq!(settled.written(), "${SET}ab${SET}${EMPTY:-}$$");
    }

    #[test]
    fn a_text_that_explodes_ends() {
        let mut text = "${N:-xxxxxxxxxxxxxxxx}".to_owned();
        for _ in 0..14 {
            text = format!("${{N:-{text}{text}}}");
        }
        let result = Template::parse(&text).map(|one| one.fill(&lookup, &mut Seen::default()));
        assert!(matches!(result, Ok(Ok(_) | Err(Lack::TooLong)) | Err(_)));
    }
}
