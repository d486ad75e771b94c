//! `environment`: variables, given by value or by reference.
//!
//! A reference is resolved in the shell's memory; here it is a mark in the create body.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::field::{Text, some_map, strings};
use super::fields::{Nothing, Owned};
use super::grammar::{Bare, Grammar, Map, Names, Spelt, Wrong, any_text, good, key, keys};
use super::risk::Risk;
use super::row::{Body, Context, Group, OPTION, OptionDef, Row, Spelled};
use crate::base::ident::Reference;
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Live, Value, looks_marked, mark_reference};
use crate::syntax::template::Template;

/// The row.
#[derive(Debug)]
pub struct EnvironmentRow;

/// What a spec says of the environment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, Said>", into = "BTreeMap<String, Said>")]
pub struct Environment {
    /// By name.
    pub variables: BTreeMap<String, Variable>,
}

/// Where a variable's value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variable {
    /// Here, for everybody to read.
    Literal(String),
    /// Elsewhere.
    Reference(Reference),
    /// Kept from the process, also where the image has it.
    Unset,
}

/// The found side's way to say *named without a value*: such a variable is kept from the process.
pub const WITHOUT_VALUE: Atom = Atom::Bool(false);

impl Spelled for Environment {
    const GRAMMAR: Grammar = Grammar::Map(Map {
        what: "a map of variables or a list of `NAME=VALUE`",
        names: Names::Fit(
            "the name of a variable",
            |name| !name.is_empty() && !name.contains(['=', '\0']),
            "^[^=]+$",
        ),
        value: &Grammar::OneOf {
            what: "a value, `{from_env: NAME}` or `{env_file: PATH}`",
            of: &[
                Grammar::Checked {
                    of: &keys(
                        "`{from_env: NAME}` or `{env_file: PATH}`",
                        &[
                            key("from_env", Text::GRAMMAR),
                            key("env_file", Text::GRAMMAR),
                            key("name", Text::GRAMMAR),
                            key("template", TEMPLATE),
                            key("unset", Grammar::Bool),
                        ],
                    ),
                    check: one_reference,
                },
                Grammar::Text {
                    what: "a value without a NUL character",
                    spell: |text| good(!text.contains('\0'), text),
                    schema: any_text,
                },
            ],
        },
        pairs: true,
        // Without a value it is the variable of the same name around us.
        bare: Bare::Is(|name| json!({"from_env": name})),
    });

    fn references(&self, out: &mut BTreeSet<Reference>) {
        for variable in self.variables.values() {
            if let Variable::Reference(reference) = variable {
                out.insert(reference.clone());
            }
        }
    }

    fn literals(&self, out: &mut BTreeSet<String>) {
        for variable in self.variables.values() {
            if let Variable::Literal(text) = variable {
                out.insert(text.clone());
            }
        }
    }
}

const TEMPLATE: Grammar = Grammar::Text {
    what: "a text with variables like `${NAME}`",
    spell: |text| good(Template::parse(text).is_ok(), text),
    schema: || json!({"type": "string", "minLength": 1}),
};

/// One way to say where a value is, which can be written down and read back as the same.
fn one_reference(read: Json) -> Spelt {
    let said = read.as_object().map(|map| map.keys().map(String::as_str).collect::<Vec<_>>());
    match said.as_deref() {
        Some(["unset"]) if read["unset"] == true => return Ok(read),
        Some(["from_env" | "env_file" | "template"] | ["env_file", "name"]) => {}
        _ => return Err(Wrong::Other),
    }
    // The name of the variable is not known here; what it is makes no difference.
    let said: Result<Said, _> = serde_json::from_value(read.clone());
    let spelt = said.ok().map(|said| said.variable("NAME"));
    match spelt {
        Some(Variable::Reference(reference))
            if reference.to_string().parse().as_ref() != Ok(&reference)
                || looks_marked(&reference.to_string()) =>
        {
            Err(Wrong::Expected("a reference that can be written down"))
        }
        _ => Ok(read),
    }
}

/// What stands after a variable's name.
#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Said {
    Literal(String),
    Env {
        from_env: String,
    },
    EnvFile {
        env_file: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    Template {
        template: String,
    },
    Unset {
        unset: bool,
    },
}

impl Said {
    fn variable(self, name: &str) -> Variable {
        Variable::Reference(match self {
            Self::Literal(text) => return Variable::Literal(text),
            Self::Unset { .. } => return Variable::Unset,
            Self::Env { from_env } => Reference::Env { name: from_env },
            Self::EnvFile { env_file: path, name: other } => {
                Reference::EnvFile { path, name: other.unwrap_or_else(|| name.to_owned()) }
            }
            Self::Template { template } => Reference::Template { text: template },
        })
    }

    /// A reference as the value of a variable.
    fn of(variable: &str, reference: Reference) -> Self {
        match reference {
            Reference::Env { name } => Self::Env { from_env: name },
            Reference::EnvFile { path, name } => {
                Self::EnvFile { env_file: path, name: Some(name).filter(|name| name != variable) }
            }
            Reference::Template { text } => Self::Template { template: text },
        }
    }
}

impl From<BTreeMap<String, Said>> for Environment {
    fn from(said: BTreeMap<String, Said>) -> Self {
        let variable = |(name, said): (String, Said)| {
            let variable = said.variable(&name);
            (name, variable)
        };
        Self { variables: said.into_iter().map(variable).collect() }
    }
}

impl From<Environment> for BTreeMap<String, Said> {
    fn from(environment: Environment) -> Self {
        let said = |(name, variable): (String, Variable)| {
            let said = match variable {
                Variable::Literal(text) => Said::Literal(text),
                Variable::Reference(reference) => Said::of(&name, reference),
                Variable::Unset => Said::Unset { unset: true },
            };
            (name, said)
        };
        environment.variables.into_iter().map(said).collect()
    }
}

impl Row for EnvironmentRow {
    type Declared = Environment;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "environment",
            risk: Risk::Secrets,
            aliases: &["env"],
            doc: "variables of the process: literals, or references whose values never leave memory",
            examples: &[
                "{LOG_LEVEL: info, DB_PASSWORD: {from_env: PROD_DB_PASSWORD}}",
                "[LOG_LEVEL=debug, DB_PASSWORD]",
                "{WORKERS: 4, EMPTY: \"\", TOKEN: {env_file: web.env}}",
            ],
            group: Group::Process,
            from_image: true,
            many: true,
            ..OPTION
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        vec![Owned::config("Env", Nothing::Null)]
    }

    fn write(&self, said: &Environment, body: &mut Body, _cx: &Context) {
        let entries: Vec<String> = said
            .variables
            .iter()
            .map(|(name, variable)| match variable {
                Variable::Literal(text) => format!("{name}={text}"),
                Variable::Reference(reference) => format!("{name}={}", mark_reference(reference)),
                Variable::Unset => name.clone(),
            })
            .collect();
        body.config("Env", entries);
    }

    fn read(&self, look: &InspectView) -> Value {
        // Of a name that is there twice the process sees the last one.
        let entry = |entry: &str| match entry.split_once('=') {
            None => (entry.to_owned(), WITHOUT_VALUE),
            Some((name, value)) => {
                let live = look.live_env(name).cloned();
                (name.to_owned(), live.map_or_else(|| Atom::text(value), Atom::Live))
            }
        };
        some_map(strings(look.config("Env")).map(entry).collect())
    }

    /// What is hidden is a reference: one that is known to be equal, else the variable of the same
    /// name.
    fn to_spec(&self, look: &InspectView) -> Json {
        let Value::Map(found) = self.read(look) else { return Json::Null };
        let variables = found.into_iter().map(|(name, atom)| {
            let reference = match atom {
                Atom::Reference(reference) => reference,
                Atom::Live(Live { shown: Some(text), .. }) => return (name, json!(text)),
                Atom::Live(live) => live
                    .equal
                    .first()
                    .cloned()
                    .unwrap_or_else(|| Reference::Env { name: name.clone() }),
                other => return (name, other.show()),
            };
            let spelt = json!(Said::of(&name, reference));
            (name, spelt)
        });
        Json::Object(variables.collect())
    }
}
