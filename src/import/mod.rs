//! A spec written from containers that are there: `bayplan import`.
//!
//! Every row has its way back from inspect data ([`crate::options::Row::to_spec`]). A set begins with
//! nothing; each row that reads otherwise from the container than from what the set so far would
//! make is declared, and in the end everything is left out that is so without it. So a spec says
//! nothing that the image or the engine gives anyway, and what it says is true by construction:
//! a plan of it against the same look is empty.
//!
//! Looking at an engine is [`crate::engine`]'s, and what of a look may be shown
//! [`crate::observed::redact`]'s: what it hid is not here to be written.

mod choice;
mod document;
mod image;
mod pick;
mod trial;
mod write;

pub use choice::Choices;
pub use document::{Imported, import};
pub use pick::pick;

use serde_json::Value as Json;

use crate::observed::pick::{Pick, Picked};
use crate::observed::redact;
use crate::observed::redact::{Literal, Unredacted};
use crate::observed::snapshot::Snapshot;

/// A spec as it is declared, in its canonical form, as YAML that people keep: a container set a block.
pub fn declared(canonical: &Json) -> String {
    let mut out = String::new();
    let comments = [
        "Written by `bayplan import --compose`: what a Compose project declares.",
        "Texts with variables are templates: their values are taken where bayplan runs.",
        "Compose's own hash of a service is written only for a plan of the Compose file itself.",
    ];
    for comment in comments {
        write::comment(&mut out, 0, comment);
    }
    for (key, value) in canonical.as_object().into_iter().flatten() {
        let sets = value.as_object().filter(|sets| !sets.is_empty() && key == "containers");
        let Some(sets) = sets else {
            write::entry(&mut out, 0, key, value, true);
            continue;
        };
        write::put(&mut out, 0, "containers:");
        for (key, set) in sets {
            write::entry(&mut out, 2, key, set, true);
        }
    }
    out
}

/// Picks containers of a fresh look, and hides what of it may not be in a spec.
pub fn redact(look: Unredacted, asked: &Pick, literal: &Literal) -> (Snapshot, Picked) {
    look.seal_for_import(|snapshot| pick(snapshot, asked), literal)
}

/// Picks containers of a look that is redacted already.
pub fn prepare(snapshot: Snapshot, asked: &Pick) -> (Snapshot, Picked) {
    let picked = pick(&snapshot, asked);
    (redact::name_hidden(snapshot, &picked), picked)
}
