//! The comments of an imported spec: why an option is written, or why it is omitted.

use std::collections::BTreeMap;

/// The comments above each set, by its key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choices(BTreeMap<String, Vec<String>>);

impl Choices {
    /// Adds a comment.
    pub fn add(&mut self, key: &str, comment: impl Into<String>) {
        self.0.entry(key.to_owned()).or_default().push(comment.into());
    }

    /// The comments above a set.
    pub fn above(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }
}
