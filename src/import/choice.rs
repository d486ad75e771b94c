//! What is written although it might have been left out, or the other way round, and why: the
//! comments of a spec.

use std::collections::BTreeMap;

/// Comments by the key of the set that they stand above.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choices(BTreeMap<String, Vec<String>>);

impl Choices {
    /// Adds one.
    pub fn add(&mut self, key: &str, comment: impl Into<String>) {
        self.0.entry(key.to_owned()).or_default().push(comment.into());
    }

    /// Those above a key.
    pub fn above(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }
}
