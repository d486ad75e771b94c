//! Writes a spec from existing containers: `bayplan import`.
//!
//! Every option row can convert inspect data back to a spec ([`crate::options::Row::to_spec`]). A
//! set begins without options. An option is declared if its value in the container differs from the
//! value that the set would give. In the end, every option without effect is removed. The spec
//! therefore repeats no default of the image or the engine, and a plan of the spec against the same
//! look is empty.
//!
//! Looking at an engine is done in [`crate::engine`]. Secrets are hidden by
//! [`crate::observed::redact`], so the spec never contains a hidden value.

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

/// A canonical spec as readable YAML, with a block for each container set.
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

/// Chooses containers of a fresh look, and hides the texts that must not be in a spec.
pub fn redact(look: Unredacted, asked: &Pick, literal: &Literal) -> (Snapshot, Picked) {
    look.seal_for_import(|snapshot| pick(snapshot, asked), literal)
}

/// Chooses containers of a redacted look.
pub fn prepare(snapshot: Snapshot, asked: &Pick) -> (Snapshot, Picked) {
    let picked = pick(&snapshot, asked);
    (redact::name_hidden(snapshot, &picked), picked)
}
