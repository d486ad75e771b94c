//! The process of a container: command, user, working directory and terminal. Variables are
//! [`super::environment`]'s.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::field::{Argv, At, Field, Plain, Text, field, some_map};
use super::fields::Nothing;
use super::grammar::{Grammar, good};
use super::labels::Labels;
use super::network::TextSet;
use super::risk::Risk;
use super::row::{Group, OPTION, OptionDef, Spelled};
use crate::base::path::clean;
use crate::options::value::{Atom, Value};

const PROCESS: OptionDef = OptionDef { group: Group::Process, ..OPTION };

/// `command`.
pub static COMMAND: Field<Argv> = field(
    At::Config("Cmd"),
    OptionDef {
        key: "command",
        risk: Risk::None,
        doc: "what runs, or the arguments of the entrypoint: split as a shell would, or a list",
        examples: &["serve --port 8080", "[sh, -c, 'echo \"$HOME\"']", "[]"],
        follows: &["entrypoint"],
        from_image: true,
        ..PROCESS
    },
)
.hidden();

/// `tty`.
pub static TTY: Field<bool> = field(
    At::Config("Tty"),
    OptionDef {
        key: "tty",
        risk: Risk::None,
        doc: "give it a terminal",
        examples: &["true", "false"],
        ..PROCESS
    },
);

/// `stdin_open`. The field `AttachStdin` tells how a client was attached, and is not read.
pub static STDIN_OPEN: Field<bool> = field(
    At::Config("OpenStdin"),
    OptionDef {
        key: "stdin_open",
        risk: Risk::None,
        aliases: &["interactive"],
        doc: "keep its standard input open",
        examples: &["true", "false"],
        ..PROCESS
    },
);

/// `stdin_once`.
pub static STDIN_ONCE: Field<bool> = field(
    At::Config("StdinOnce"),
    OptionDef {
        key: "stdin_once",
        risk: Risk::None,
        doc: "close its standard input when the first client that was attached leaves",
        examples: &["true", "false"],
        ..PROCESS
    },
);

/// `annotations`.
pub static ANNOTATIONS: Field<Annotations> = field(
    At::Host("Annotations"),
    OptionDef {
        key: "annotations",
        risk: Risk::None,
        doc: "notes for the runtime, from Docker 24 on",
        examples: &["{com.example.note: \"1\"}", "[com.example.flag=yes]"],
        many: true,
        ..PROCESS
    },
)
.hidden();

/// `entrypoint`.
pub static ENTRYPOINT: Field<Argv> = field(
    At::Config("Entrypoint"),
    OptionDef {
        key: "entrypoint",
        risk: Risk::None,
        doc: "what runs before the command; an own one drops the image's command",
        examples: &["/docker-entrypoint.sh --verbose", "[/bin/sh, -c]", "[]"],
        from_image: true,
        ..PROCESS
    },
)
.hidden();

/// `user`.
pub static USER: Field<Text> = field(
    At::Config("User"),
    OptionDef {
        key: "user",
        risk: Risk::None,
        doc: "as whom it runs: a name or number, and the group after a colon",
        examples: &["\"1000:1000\"", "postgres", "0"],
        from_image: true,
        ..PROCESS
    },
);

/// `working_dir`.
pub static WORKING_DIR: Field<Folder> = field(
    At::Config("WorkingDir"),
    OptionDef {
        key: "working_dir",
        risk: Risk::None,
        doc: "the folder in which it runs",
        examples: &["/srv/app", "/opt/../opt/app/"],
        from_image: true,
        ..PROCESS
    },
);

/// `group_add`.
pub static GROUP_ADD: Field<TextSet> = field(
    At::Host("GroupAdd"),
    OptionDef {
        key: "group_add",
        risk: Risk::None,
        doc: "groups beside those of its user",
        examples: &["[audio, 999]"],
        many: true,
        ..PROCESS
    },
);

/// Annotations by name: like labels, but for the runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Annotations(pub Labels);

impl Spelled for Annotations {
    const GRAMMAR: Grammar = Labels::GRAMMAR;
}

impl Plain for Annotations {
    const NOTHING: Nothing = Nothing::Missing;

    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        let all = json.as_object().into_iter().flatten();
        let one = |(name, value): (&String, &Json)| {
            (name.clone(), Atom::text(value.as_str().unwrap_or_default()))
        };
        some_map(all.map(one).collect())
    }
}

/// A path inside the container, cleaned as an engine does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Folder(pub String);

impl Spelled for Folder {
    const GRAMMAR: Grammar = Grammar::Text {
        what: "an absolute path inside the container",
        spell: |path| good(path.starts_with('/'), clean(path)),
        schema: || json!({"type": "string", "pattern": "^/"}),
    };
}

impl Plain for Folder {
    const NOTHING: Nothing = Nothing::Text;

    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        match json.as_str() {
            None | Some("") => Value::Unset,
            Some(path) => Value::One(Atom::Text(clean(path))),
        }
    }
}
