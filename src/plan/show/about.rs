//! Data about a plan that is shown beside the plan: the digest of its file, the next command, and
//! notes.

use std::sync::Arc;

use super::told;
use crate::plan::{ComposeSource, Plan};
use crate::syntax::shell_words;

/// The longest key or value, in characters.
const MOST: usize = 400;

/// Data about a plan that the plan itself does not have.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct About {
    /// The digest of the plan file, if there is a file.
    pub digest: Option<String>,
    /// The command that applies the plan.
    pub next: Option<String>,
    /// Notes of the user, as key and value: `commit`, `0a1b2c`.
    pub meta: Vec<(String, String)>,
    /// An earlier plan of the project, from which the causes of differences are derived.
    pub since: Option<Arc<Plan>>,
}

impl About {
    /// The command that applies the plan that was reviewed and no other.
    pub fn command(&self) -> Option<String> {
        let next = self.next.as_ref()?;
        let digest = self.digest.iter().map(|digest| format!(" --expect-digest {digest}"));
        Some(digest.fold(next.clone(), |all, one| all + &one))
    }

    /// Digest, the reading of a Compose file, and notes, safe to print.
    pub fn lines(&self, plan: &Plan) -> Vec<(String, String)> {
        let digest =
            self.digest.iter().map(|digest| ("digest".to_owned(), told::ends(digest, MOST)));
        let meta = self.meta.iter();
        let meta = meta.map(|(key, value)| (told::ends(key, MOST), told::ends(value, MOST)));
        digest.chain(read_with(plan)).chain(meta).collect()
    }
}

/// The flags with which a Compose file is read: they choose values, so reviewers see them.
fn read_with(plan: &Plan) -> Option<(String, String)> {
    let source = plan.spec.as_ref()?.compose.as_ref()?;
    let ComposeSource { project: _, files, project_directory, env_files, profiles, public } =
        source;
    let words = |flag: &'static str, all: &[String]| -> Vec<String> {
        all.iter().map(|one| shell_words::join(&[flag, one])).collect()
    };
    let all = [
        words("--file", files),
        words("--project-directory", project_directory.as_slice()),
        words("--env-file", env_files),
        words("--profile", profiles),
        words("--public", public),
    ];
    let flags = all.concat().join(" ");
    (!flags.is_empty()).then(|| ("read with".to_owned(), told::ends(&flags, MOST)))
}
