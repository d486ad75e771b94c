//! The user's choice of containers, by project or by name, and the resulting set keys. The choice
//! is evaluated in [`crate::import`], not here.

pub use crate::base::ident::COMPOSE_PROJECT;
use crate::base::ident::{ContainerId, LABEL_PROJECT, SetName};
use crate::observed::snapshot::Seen;

/// The minimal length of an ID prefix; a shorter word is taken for a misspelt name.
const BEGINNING: usize = 4;

/// The user's choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// All containers; unsuitable containers are skipped.
    All,
    /// The containers of a project, of bayplan or of Docker Compose.
    Project(String),
    /// Some containers, by name or by ID prefix.
    Names(Vec<String>),
}

impl Pick {
    /// Whether the choice includes a container.
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

/// Whether a word is the name or an ID prefix of a container.
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
    /// Whether bayplan created the container for a set with this key. Several containers may belong
    /// to one set.
    pub owned: bool,
}

/// A container, or a word without a container, that cannot become a set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// The container's name, or the word.
    pub name: String,
    /// The reason; a lowercase fragment.
    pub why: &'static str,
}

/// The result of the choice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Picked {
    /// The chosen containers, in the order of the snapshot.
    pub chosen: Vec<Chosen>,
    /// The parts of the choice that cannot become sets.
    pub refused: Vec<Refusal>,
}
