//! Limits: memory, processors, processes. An engine changes all of them in place.

use super::field::{At, Bytes, Field, field};
use super::row::{ABOUT, About, Change, Group};

const RESOURCES: About = About { group: Group::Resources, change: Change::Update, ..ABOUT };

/// `mem_limit`.
pub static MEM_LIMIT: Field<Bytes> = field(
    At::Host("Memory"),
    About {
        key: "mem_limit",
        aliases: &["memory_limit", "memory"],
        doc: "the most memory it may use",
        examples: &["512m", "1.5g", "268435456"],
        ..RESOURCES
    },
);
