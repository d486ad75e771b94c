//! Hiding what is secret in a snapshot, before it is compared, written or shown.

use crate::snapshot::Snapshot;

/// A snapshot in which secrets are still readable: neither shown nor written.
pub struct Unsealed(Snapshot);

impl Unsealed {
    /// Takes what an engine answered.
    pub fn new(snapshot: Snapshot) -> Self {
        Self(snapshot)
    }
}
