//! What is said of a plan beside what is in it: which file it is, and what somebody notes.

use std::sync::Arc;

use super::told;
use crate::plan::Plan;

/// The most characters of a key or a value.
const MOST: usize = 400;

/// What is known of a plan beside what is in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct About {
    /// The digest of its file, where there is one.
    pub digest: Option<String>,
    /// The command that applies it.
    pub next: Option<String>,
    /// Notes of whoever shows it: `commit`, `0a1b2c`.
    pub meta: Vec<(String, String)>,
    /// An earlier plan of the project, which tells who caused what differs.
    pub since: Option<Arc<Plan>>,
}

impl About {
    /// Digest and notes, safe to print.
    pub fn lines(&self) -> Vec<(String, String)> {
        let digest =
            self.digest.iter().map(|digest| ("digest".to_owned(), told::ends(digest, MOST)));
        let meta = self.meta.iter();
        let meta = meta.map(|(key, value)| (told::ends(key, MOST), told::ends(value, MOST)));
        digest.chain(meta).collect()
    }
}
