//! Rights of a container on its host. Devices are [`super::devices`]'s.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::field::{At, Field, Plain, field, set, some_set, strings};
use super::fields::{Nothing, Owned};
use super::grammar::{Grammar, Spelt, Wrong, good, list_of};
use super::risk::Risk;
use super::row::{Body, Context, Group, OPTION, OptionDef, Row, Spelled};
use crate::base::say;
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};

const SECURITY: OptionDef = OptionDef { group: Group::Security, ..OPTION };

/// `privileged`.
pub static PRIVILEGED: Field<bool> = field(
    At::Host("Privileged"),
    OptionDef {
        key: "privileged",
        risk: Risk::Privileged,
        doc: "all that the host's root may",
        examples: &["true", "false"],
        ..SECURITY
    },
);

/// `read_only`.
pub static READ_ONLY: Field<bool> = field(
    At::Host("ReadonlyRootfs"),
    OptionDef {
        key: "read_only",
        risk: Risk::None,
        doc: "its own file system not for writing",
        examples: &["true", "false"],
        ..SECURITY
    },
);

/// `cap_add`.
pub static CAP_ADD: Field<Capabilities> = field(
    At::Host("CapAdd"),
    OptionDef {
        key: "cap_add",
        risk: Risk::Capabilities,
        doc: "capabilities beyond the usual ones",
        examples: &["[NET_ADMIN, cap_sys_time]", "[ALL]"],
        many: true,
        ..SECURITY
    },
);

/// `cap_drop`.
pub static CAP_DROP: Field<Capabilities> = field(
    At::Host("CapDrop"),
    OptionDef {
        key: "cap_drop",
        risk: Risk::None,
        doc: "capabilities less than the usual ones",
        examples: &["[ALL]", "[MKNOD, NET_RAW]"],
        many: true,
        ..SECURITY
    },
);

/// Capabilities in capitals, without `CAP_`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Capabilities(pub BTreeSet<String>);

fn capability(text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    upper.strip_prefix("CAP_").map(str::to_owned).unwrap_or(upper)
}

impl Spelled for Capabilities {
    const GRAMMAR: Grammar = list_of(
        "a list of capabilities",
        &Grammar::Text {
            what: "a capability like `NET_ADMIN`",
            spell: |name| {
                let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                good(!name.is_empty() && name.bytes().all(letter), capability(name))
            },
            schema: || json!({"type": "string", "pattern": "^[a-zA-Z0-9_]+$"}),
        },
    );
}

impl Plain for Capabilities {
    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        set(json, |name| Atom::Text(capability(name)))
    }
}

/// The option that unmasks all paths of `/proc` and `/sys`.
const UNCONFINED: &str = "systempaths=unconfined";

/// Options of security modules, each `NAME=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecurityOptions(pub BTreeSet<String>);

/// Gives `label:disable` and `label=disable` one form, and likewise `no-new-privileges` with and
/// without `true`.
fn option(text: &str) -> String {
    match text.find(['=', ':']) {
        None if text == "no-new-privileges" => format!("{text}=true"),
        Some(at) => format!("{}={}", &text[..at], &text[at + 1..]),
        None => text.to_owned(),
    }
}

impl Spelled for SecurityOptions {
    const GRAMMAR: Grammar = list_of(
        "a list of options like `no-new-privileges=true`",
        &Grammar::Text {
            what: "an option like `no-new-privileges=true`",
            spell: security_option,
            schema: || {
                json!({"type": ["string", "number"], "anyOf": [
                    {"not": {"pattern": "^seccomp[=:]"}},
                    {"pattern": r"^seccomp[=:](unconfined$|builtin$|\{)"},
                ]})
            },
        },
    );
}

fn security_option(text: &str) -> Spelt {
    let option = option(text);
    match option.strip_prefix("seccomp=").filter(|profile| !is_profile(profile)) {
        None => Ok(json!(option)),
        Some(profile) => Err(Wrong::Told(
            format!(
                "expected `unconfined`, `builtin` or a profile's JSON after `seccomp=`, but found \
                 `{}`",
                say::short(profile)
            ),
            Some(
                "paste what is in the file: it is not read, so that a plan says all that will be done",
            ),
        )),
    }
}

/// Whether a text is a seccomp profile for an engine. The Docker CLI and Compose read a file; an
/// engine needs its content.
pub fn is_profile(text: &str) -> bool {
    matches!(text, "unconfined" | "builtin") || text.starts_with('{')
}

/// The row of `security_opt`.
#[derive(Debug)]
pub struct SecurityOptRow;

impl Row for SecurityOptRow {
    type Declared = SecurityOptions;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "security_opt",
            risk: Risk::Confinement,
            aliases: &["security_opts"],
            doc: "options of the host's security modules",
            examples: &[
                "[\"no-new-privileges=true\"]",
                "[\"label:disable\", apparmor=unconfined]",
                "[systempaths=unconfined]",
                "['seccomp:{\"defaultAction\":\"SCMP_ACT_ALLOW\"}']",
            ],
            many: true,
            ..SECURITY
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        vec![
            Owned::host("SecurityOpt", Nothing::Null),
            Owned::host("MaskedPaths", Nothing::Null),
            Owned::host("ReadonlyPaths", Nothing::Null),
        ]
    }

    fn write(&self, said: &SecurityOptions, body: &mut Body, _cx: &Context) {
        let (paths, options): (BTreeSet<&String>, BTreeSet<&String>) =
            said.0.iter().partition(|option| *option == UNCONFINED);
        body.host("SecurityOpt", json!(options));
        // The Docker CLI sends these fields too: engines know no such option.
        if !paths.is_empty() {
            body.host("MaskedPaths", json!([]));
            body.host("ReadonlyPaths", json!([]));
        }
    }

    fn read(&self, look: &InspectView) -> Value {
        let options = strings(look.host("SecurityOpt")).map(|text| Atom::Text(option(text)));
        let none = |field| look.host(field).as_array().is_some_and(Vec::is_empty);
        let open = none("MaskedPaths") && none("ReadonlyPaths");
        some_set(options.chain(open.then(|| Atom::Text(UNCONFINED.to_owned()))).collect())
    }

    /// Drops the labels that an engine adds. On a host with `SELinux` a container in another
    /// container's PID or IPC namespace gets the labels of that container, unless the spec has
    /// labels. (Labels for host namespaces are already dropped by the inspect view.)
    fn normalize_pair(
        &self,
        expected: &mut Value,
        found: &mut Value,
        both: (&InspectView, &InspectView),
    ) {
        let label =
            |option: &Atom| matches!(option, Atom::Text(text) if text.starts_with("label="));
        let asked = matches!(expected, Value::Set(options) if options.iter().any(label));
        let shared = ["IpcMode", "PidMode"].iter().any(|field| {
            both.1.host(field).as_str().is_some_and(|mode| mode.starts_with("container:"))
        });
        if let Value::Set(options) = found
            && shared
            && !asked
        {
            let kept = options.iter().filter(|option| !label(option));
            *found = some_set(kept.cloned().collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::OptionValue as _;
    use crate::syntax::node::{Node, Problems};

    #[test]
    fn a_profile_is_said_in_full() {
        let schema = jsonschema::draft202012::new(&SecurityOptions::schema()).unwrap();
        for (option, fits) in [
            ("seccomp:./profile.json", false),
            ("seccomp=/etc/profile.json", false),
            ("seccomp=", false),
            ("seccomp:unconfined", true),
            ("seccomp=builtin", true),
            ("seccomp={\"defaultAction\": \"SCMP_ACT_ALLOW\"}", true),
            ("apparmor=./profile", true),
        ] {
            let mut problems = Problems::default();
            let read = SecurityOptions::parse(&Node::from_json(&json!([option])), &mut problems);
            assert_eq!(read.is_some(), fits, "{option}");
            assert_eq!(problems.all.is_empty(), fits, "{option}");
            assert_eq!(schema.is_valid(&json!([option])), fits, "{option}");
        }
    }
}
