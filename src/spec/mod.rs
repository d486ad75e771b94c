//! The declared state: the content of a spec file, checked for form but not against an engine.
//!
//! The effect of a spec on an engine is [`crate::engine_model`]'s. The shell reads files: here a
//! spec is text, and the contents of its environment files are an additional input.

mod across;
mod addresses;
pub mod body;
pub mod canon;
pub mod depends;
mod deploy;
pub mod env_merge;
pub mod label_file;
mod moved;
pub mod order;
mod places;
mod planner;
mod planner_grammar;
pub mod read;
pub mod resources;
mod resources_grammar;
mod resources_read;
pub mod schema;
mod set;
pub(crate) mod strings;
pub mod update_config;
pub mod vocabulary;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use depends::{Dependency, Until};
pub use resources::{Network, Resource, Volume};
pub use update_config::{FailureAction, Order, UpdateConfig};

use crate::base::ident::{ContainerName, ObjectKey, ProjectName, SetName};
use crate::options::platform::Platform;
use crate::options::{Declared, Mode};

/// A whole spec.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// The project: the ownership label, and the prefix of names.
    pub project: ProjectName,
    /// The folder on the engine's host that relative bind sources start from.
    pub base_dir: Option<String>,
    /// The tool whose defaults the spec follows.
    pub compat: Option<Compat>,
    /// Renamed sets: old key to new key.
    pub moved: BTreeMap<SetName, SetName>,
    /// Whether containers of removed sets are removed.
    pub prune: bool,
    /// Removed sets that the plan prunes; the spec does not declare these sets.
    pub pruned: BTreeSet<SetName>,
    /// The networks by key.
    pub networks: BTreeMap<ObjectKey, Resource<Network>>,
    /// The volumes by key.
    pub volumes: BTreeMap<ObjectKey, Resource<Volume>>,
    /// The container sets by key.
    pub sets: BTreeMap<SetName, Set>,
}

/// The values of `compat:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compat {
    /// `ansible-1.9`: the defaults of the 2015 module.
    #[serde(rename = "ansible-1.9")]
    Ansible19,
    /// `compose`: Compose's labels, by which Compose and bayplan recognize each other's containers.
    Compose,
}

/// A container set.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    /// The name of a single container, or the number of equal containers.
    pub identity: Identity,
    /// The image reference, in the shortest spelling of the spec. Only a named set that is
    /// `stopped`, `killed` or `absent` may lack the image.
    pub image: Option<String>,
    /// The declared state.
    pub state: State,
    /// How containers without labels of bayplan are matched.
    pub matching: Matching,
    /// When the image is pulled.
    pub pull: Pull,
    /// The treatment of a stopped container that should run.
    pub on_stopped: OnStopped,
    /// When a differing container is replaced.
    pub recreate: Recreate,
    /// Modes of comparison that override the rows' modes; `*` stands for all options.
    pub compare: BTreeMap<String, Mode>,
    /// The signal of `state: killed`.
    pub kill_signal: String,
    /// The seconds that a container without a health check must run to be proven.
    pub prove_for: u32,
    /// How the members are replaced.
    pub update: UpdateConfig,
    /// Whether anonymous volumes may be lost.
    pub discard: bool,
    /// `detach: false`: the container runs once to its end.
    pub one_shot: bool,
    /// The dependencies: sets (by key or `name`) or containers.
    pub depends_on: Vec<Dependency>,
    /// The declared options, in the order of the table.
    pub options: Vec<Declared>,
}

impl Set {
    /// The declared value of an option, by the key of the row.
    pub fn option(&self, key: &str) -> Option<&Declared> {
        self.options.iter().find(|declared| declared.row().def().key == key)
    }

    /// Whether the set may create containers and may need its image.
    pub fn may_create(&self) -> bool {
        let ends = matches!(self.state, State::Stopped | State::Killed | State::Absent);
        !ends && self.identity != Identity::Counted(0)
    }

    /// The declared platform.
    pub fn platform(&self) -> Option<&Platform> {
        self.option("platform")?.said()
    }

    /// Whether the set accepts any image, together with the defaults of that image.
    pub fn ignores_image(&self) -> bool {
        let mode = self.compare.get("image").or_else(|| self.compare.get("*"));
        mode == Some(&Mode::Ignore)
    }
}

/// The names and the number of the containers of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A single container with this name.
    Named(ContainerName),
    /// This number of equal containers, named `{project}-{set}-{n}`.
    Counted(u32),
}

/// The seven states.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// There, running or not.
    Present,
    /// Running; differing ones are reported.
    Started,
    /// Running; differing ones are replaced.
    Reloaded,
    /// Running, and restarted.
    Restarted,
    /// Not running.
    Stopped,
    /// Killed.
    Killed,
    /// Gone.
    Absent,
}

/// The values of `match:`, with the default kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Matching {
    /// `image` by default.
    #[serde(skip)]
    ImageByDefault,
    /// `image`, declared: adopted containers may be stopped, replaced and removed.
    Image,
    /// `owned`.
    Owned,
}

/// The values of `pull:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pull {
    /// The image is pulled if the engine lacks the image.
    Missing,
    /// The image is pulled if the registry has another image for the reference.
    Always,
    /// The image is never pulled.
    Never,
}

impl Pull {
    /// The word of a spec.
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

/// The values of `on_stopped:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnStopped {
    /// An equal stopped container is started.
    Start,
    /// A stopped container is replaced, equal or not.
    Replace,
}

/// The values of `recreate:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recreate {
    /// A differing container is replaced.
    Auto,
    /// Every container is replaced.
    Always,
    /// No container is replaced; differences are reported.
    Never,
}

#[cfg(test)]
mod canon_tests;
#[cfg(test)]
mod defaults_tests;
#[cfg(test)]
mod read_tests;
#[cfg(test)]
mod together_tests;
