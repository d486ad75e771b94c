//! The declared state: what a spec file says, every value checked by shape, none by meaning.
//!
//! What a spec means on one engine is [`crate::engine_model`]'s. Reading files is the shell's: here a
//! spec is text, and the contents of the environment files it names are an input beside it.

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

pub use depends::{Dependency, Until};
pub use resources::{Network, Resource, Volume};
pub use update_config::{FailureAction, Order, UpdateConfig};

use crate::base::ident::{ContainerName, ObjectKey, ProjectName, SetName};
use crate::options::platform::Platform;
use crate::options::{Declared, Mode};

/// A whole spec.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// The ownership label, and the prefix of names.
    pub project: ProjectName,
    /// The folder on the engine's host from which relative bind sources count.
    pub base_dir: Option<String>,
    /// Whose habits it follows.
    pub compat: Option<Compat>,
    /// The sets that have another key now: old to new.
    pub moved: BTreeMap<SetName, SetName>,
    /// Whether containers of sets that are gone are removed.
    pub prune: bool,
    /// The sets that are gone and are planned all the same; nobody declares them.
    pub pruned: BTreeSet<SetName>,
    /// The networks of the root by key.
    pub networks: BTreeMap<ObjectKey, Resource<Network>>,
    /// The volumes of the root by key.
    pub volumes: BTreeMap<ObjectKey, Resource<Volume>>,
    /// The container sets by key.
    pub sets: BTreeMap<SetName, Set>,
}

/// `compat:` at the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compat {
    /// `ansible-1.9`: the 2015 module's defaults.
    Ansible19,
    /// `compose`: Compose's labels, by which it and bayplan know each other's containers.
    Compose,
}

/// A container set.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    /// Named, or so many alike.
    pub identity: Identity,
    /// The image reference as the spec writes it, in its shortest spelling there; only a named set that is `stopped`, `killed` or
    /// `absent` may lack it.
    pub image: Option<String>,
    /// What is to be.
    pub state: State,
    /// How containers without labels of ours are matched.
    pub matching: Matching,
    /// When the image is pulled.
    pub pull: Pull,
    /// What becomes of a stopped container that should run.
    pub on_stopped: OnStopped,
    /// When a differing container is replaced.
    pub recreate: Recreate,
    /// How options are compared where it is not as their row says; `*` is all.
    pub compare: BTreeMap<String, Mode>,
    /// The signal of `state: killed`.
    pub kill_signal: String,
    /// How many seconds a started container without a health check must run to be proven.
    pub prove_for: u32,
    /// How members are replaced.
    pub update: UpdateConfig,
    /// Whether anonymous volumes may be lost.
    pub discard: bool,
    /// `detach: false`: run once to the end.
    pub one_shot: bool,
    /// Sets (by key, else by `name`) or containers that come first.
    pub depends_on: Vec<Dependency>,
    /// The declared options, in the order of the table.
    pub options: Vec<Declared>,
}

impl Set {
    /// The declared value of an option, by the row's key.
    pub fn option(&self, key: &str) -> Option<&Declared> {
        self.options.iter().find(|declared| declared.row().def().key == key)
    }

    /// Whether containers of it may have to be created, so that its image may be needed.
    pub fn may_create(&self) -> bool {
        let ends = matches!(self.state, State::Stopped | State::Killed | State::Absent);
        !ends && self.identity != Identity::Counted(0)
    }

    /// The platform that it declares.
    pub fn platform(&self) -> Option<&Platform> {
        self.option("platform")?.said()
    }

    /// Whether it is all the same which image a container was made from, and with it what that
    /// image hands down.
    pub fn ignores_image(&self) -> bool {
        let mode = self.compare.get("image").or_else(|| self.compare.get("*"));
        mode == Some(&Mode::Ignore)
    }
}

/// How many, and called what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Exactly one, of this name.
    Named(ContainerName),
    /// So many alike, named `{project}-{set}-{n}`.
    Counted(u32),
}

/// The seven states.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
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

/// `match:`, and whether it was said in so many words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    /// `image`, because nothing was said.
    ImageByDefault,
    /// `image`: adopted containers may be stopped, replaced and removed.
    Image,
    /// `owned`.
    Owned,
}

/// `pull:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pull {
    /// When the image is not on the engine.
    Missing,
    /// Whenever the registry has something else under the reference.
    Always,
    /// Never.
    Never,
}

/// `on_stopped:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStopped {
    /// Start it if it is alike.
    Start,
    /// Replace it, alike or not.
    Replace,
}

/// `recreate:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recreate {
    /// Where it differs.
    Auto,
    /// Always.
    Always,
    /// Never; differences are reported.
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
