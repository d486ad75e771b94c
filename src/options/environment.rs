//! `environment`: variables with a literal value or a reference.
//!
//! The shell resolves a reference in memory; a create body has a mark in its place. Merging
//! environment files is [`crate::spec`]'s; reading them is the shell's.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::field::{pairs, some_map, strings, text};
use super::fields::{Nothing, Owned};
use super::reference;
use super::risk::Risk;
use super::row::{Body, Context, Group, OPTION, OptionDef, OptionValue, Row};
use crate::base::ident::Reference;
use crate::base::say;
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Live, Value, mark_reference};
use crate::syntax::node::{Entry, Kind, Node, Problems};

/// The row of `environment`.
#[derive(Debug)]
pub struct EnvironmentRow;

/// The declared variables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// Variables by name.
    pub variables: BTreeMap<String, Variable>,
}

/// The value of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variable {
    /// A literal value, which is public.
    Literal(String),
    /// A reference to a value outside of the spec.
    Reference(Reference),
    /// The variable is removed from the process, even if the image sets the variable.
    Unset,
}

/// The value of a found variable without `=`: an engine removes such a variable from the
/// environment.
pub const WITHOUT_VALUE: Atom = Atom::Bool(false);

impl OptionValue for Environment {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let what = "a map of variables or a list of `NAME=VALUE`";
        let mut variables = BTreeMap::new();
        let mut fine = true;
        for (name, value) in pairs(node, what, problems)? {
            let place = value.as_ref().map_or(node.place, |value| value.place);
            if name.is_empty() || name.contains(['=', '\0']) {
                let message =
                    format!("expected the name of a variable, but found `{}`", say::short(&name));
                problems.add(place, message);
                fine = false;
                continue;
            }
            match variable(&name, value.as_ref(), problems) {
                Some(value) => {
                    variables.insert(name, value);
                }
                None => fine = false,
            }
        }
        fine.then_some(Self { variables })
    }

    fn print(&self) -> Json {
        let printed = self.variables.iter().map(|(name, variable)| {
            let value = match variable {
                Variable::Literal(text) => json!(text),
                Variable::Reference(reference) => reference::print(Some(name), reference),
                Variable::Unset => json!({"unset": true}),
            };
            (name.clone(), value)
        });
        Json::Object(printed.collect())
    }

    fn schema() -> Json {
        let [from_env, env_file, template] = reference::schemas();
        json!({"oneOf": [
            {
                "type": "object",
                "propertyNames": {"pattern": "^[^=]+$"},
                "additionalProperties": {"oneOf": [
                    {"type": ["string", "number", "null"]},
                    from_env,
                    env_file,
                    template,
                    {
                        "type": "object",
                        "properties": {"unset": {"const": true}},
                        "required": ["unset"],
                        "additionalProperties": false,
                    },
                ]},
            },
            {"type": "array", "items": {"type": "string", "pattern": "^[^=]+"}},
        ]})
    }

    fn references(&self, out: &mut BTreeSet<Reference>) {
        for variable in self.variables.values() {
            if let Variable::Reference(reference) = variable {
                out.insert(reference.clone());
            }
        }
    }
}

/// Reads the value of a variable. A missing value becomes a reference to the variable of the same
/// name in bayplan's environment.
fn variable(name: &str, value: Option<&Node>, problems: &mut Problems) -> Option<Variable> {
    let what = "a value, `{from_env: NAME}` or `{env_file: PATH}`";
    match value.map(|node| (node, &node.kind)) {
        None | Some((_, Kind::Null)) => {
            Some(Variable::Reference(Reference::Env { name: name.to_owned() }))
        }
        Some((_, Kind::Map(entries))) if unset(entries) => Some(Variable::Unset),
        Some((node, Kind::Map(entries))) => {
            reference::parse(Some(name), node, entries, problems).map(Variable::Reference)
        }
        Some((node, _)) => {
            let text = text(node, what, problems)?;
            if text.contains('\0') {
                return problems.expected("a value without a NUL character", node);
            }
            Some(Variable::Literal(text))
        }
    }
}

/// Whether the value is `{unset: true}`.
fn unset(entries: &[Entry]) -> bool {
    matches!(entries, [Entry { key, value: Node { kind: Kind::Bool(true), .. }, .. }] if key == "unset")
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
        // A process sees the last entry of a repeated name.
        let entry = |entry: &str| match entry.split_once('=') {
            None => (entry.to_owned(), WITHOUT_VALUE),
            Some((name, value)) => {
                let live = look.live_env(name).cloned();
                (name.to_owned(), live.map_or_else(|| Atom::text(value), Atom::Live))
            }
        };
        some_map(strings(look.config("Env")).map(entry).collect())
    }

    /// A hidden value becomes a reference: a reference that is known to be equal, or else the
    /// environment variable of the same name.
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
            let spelt = reference::print(Some(&name), &reference);
            (name, spelt)
        });
        Json::Object(variables.collect())
    }
}
