//! What runs, as whom, with which surroundings. The environment has a file of its own.

use super::field::{Argv, At, Field, field};
use super::row::{ABOUT, About, Group};

const PROCESS: About = About { group: Group::Process, ..ABOUT };

/// `command`.
pub static COMMAND: Field<Argv> = field(
    At::Config("Cmd"),
    About {
        key: "command",
        doc: "what runs, or the arguments of the entrypoint: split as a shell would, or a list",
        examples: &["serve --port 8080", "[sh, -c, 'echo \"$HOME\"']", "[]"],
        follows: &["entrypoint"],
        from_image: true,
        ..PROCESS
    },
);

/// `tty`.
pub static TTY: Field<bool> = field(
    At::Config("Tty"),
    About { key: "tty", doc: "give it a terminal", examples: &["true", "false"], ..PROCESS },
);

/// `stdin_open`. Not `AttachStdin`, which tells how a client was attached.
pub static STDIN_OPEN: Field<bool> = field(
    At::Config("OpenStdin"),
    About {
        key: "stdin_open",
        aliases: &["interactive"],
        doc: "keep its standard input open",
        examples: &["true", "false"],
        ..PROCESS
    },
);
