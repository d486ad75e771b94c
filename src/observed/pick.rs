//! Which containers somebody asks for by project or by name, and which of them become sets under
//! which keys. Deciding that is [`crate::import`]'s.

pub use crate::base::ident::COMPOSE_PROJECT;
use crate::base::ident::{ContainerId, LABEL_PROJECT, SetName};
use crate::observed::snapshot::Seen;

/// So many digits are the beginning of an ID: fewer are a name with a slip in it.
const BEGINNING: usize = 4;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// Every container; those that cannot be taken are passed over.
    All,
    /// Those of a project, of bayplan's or of Docker Compose's.
    Project(String),
    /// These, by name or by the beginning of an ID.
    Names(Vec<String>),
}

impl Pick {
    /// Whether it asks for this container.
    pub fn takes(&self, container: Seen<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Project(project) => {
                let of = |label: &str| container.label(label) == Some(project);
                of(COMPOSE_PROJECT) || of(LABEL_PROJECT)
            }
            Self::Names(words) => words.iter().any(|word| means(word, container)),
        }
    }
}

/// Whether a word means a container: its name, or how its ID begins.
pub fn means(word: &str, container: Seen<'_>) -> bool {
    let word = word.trim_start_matches('/');
    let id = container.id();
    let digits = word.len() >= BEGINNING && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    container.name() == word || digits && id.as_str().starts_with(&word.to_ascii_lowercase())
}

/// A container that becomes a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The container.
    pub id: ContainerId,
    /// The key of the set.
    pub key: SetName,
    /// Bayplan created it, for a set of this key. Several containers may be of one set.
    pub owned: bool,
}

/// A container, or a word that means none, of which no set can be made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// The container's name, or the word.
    pub name: String,
    /// Why; a lowercase fragment.
    pub why: &'static str,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Picked {
    /// In the order of the snapshot.
    pub chosen: Vec<Chosen>,
    /// What was asked for and cannot be had.
    pub refused: Vec<Refusal>,
}
