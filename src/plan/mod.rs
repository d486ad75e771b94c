//! The data types of a plan and their JSON form.
//!
//! Building a plan is done by [`crate::planner`], checking a plan by [`check`], and the text of its
//! file by [`mod@format`].

pub mod cause;
pub mod check;
pub mod danger;
mod difference;
pub mod effect;
pub mod facts;
pub mod format;
pub mod left;
pub mod planned;
#[cfg(test)]
pub(crate) mod sample;
pub mod schema;
pub mod show;
mod step;
pub mod summary;
pub mod undo;
mod wire;
pub mod world;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

pub use danger::{Danger, Dangerous};
pub use difference::{EnvironmentDifference, OptionDifference, Origin, References, Values};
pub use facts::Facts;
pub use planned::Planned;
pub use step::{Action, Carried, ImagePin, NetworkRef, Step, Subject};

use crate::base::ident::{ChangeId, ContainerId, ContainerName, ProjectName, Reference, SetName};
pub use crate::base::target::Target;
use crate::spec::State;

/// The plan format that this version writes; no other format is applied.
pub const FORMAT: &str = "bayplan/plan/1";

/// A plan: what will be done, why, and what it relies on. Immutable once built. Its file is
/// written and read by [`mod@format`] alone.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The project.
    pub project: ProjectName,
    /// The engine that it is for; null offline without an engine's identity.
    pub target: Option<Target>,
    /// The seed's counters and its sentence.
    pub summary: Summary,
    /// What happens to each object, most dangerous first, then by name.
    pub changes: Vec<Change>,
    /// What a reviewer should know beyond the changes.
    pub warnings: Vec<Warning>,
    /// The engine calls, in an order in which they could be made one by one.
    pub steps: Vec<Step>,
    /// What was matched, by what, and differences not acted on.
    pub sets: BTreeMap<SetName, SetReport>,
    /// What the containers that are created will be, by set.
    pub planned: BTreeMap<SetName, Planned>,
    /// References that could not be resolved and are taken for unchanged.
    pub assumed: Vec<Reference>,
    /// The spec, canonical, references instead of secrets.
    pub declared: Json,
    /// What the plan relied on.
    pub facts: Facts,
    /// Where the spec was.
    pub spec: Option<SpecSource>,
    /// What made the plan.
    pub tool: Tool,
}

/// The seed's counters in the seed's order, and its sentence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Containers created, replacements included.
    pub created: u32,
    /// Containers started.
    pub started: u32,
    /// Containers stopped.
    pub stopped: u32,
    /// Containers killed.
    pub killed: u32,
    /// Containers removed, replaced ones included.
    pub removed: u32,
    /// Containers restarted.
    pub restarted: u32,
    /// Containers changed in place; the seed knew none, so that none is not said.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub updated: u32,
    /// Containers renamed in place.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub renamed: u32,
    /// Images pulled.
    pub pulled: u32,
    /// Networks created.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub networks_created: u32,
    /// Networks removed, replaced ones included.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub networks_removed: u32,
    /// Volumes created.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub volumes_created: u32,
    /// Containers attached to a network that is not the one they are created in.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub connected: u32,
    /// Containers taken off a network.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub disconnected: u32,
    /// `created 1 container, pulled 1 image.`, or `no action taken.`
    pub message: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What happens to one object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The container's name; `image:…`, `network:…`, `volume:…` for others.
    pub id: ChangeId,
    /// The set that wants it; an image may serve several and has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<SetName>,
    /// What happens.
    #[serde(rename = "do")]
    pub verb: Verb,
    /// The container was not created by bayplan.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
    /// What a reviewer must not overlook.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub danger: Vec<Danger>,
    /// What of it is dangerous, by danger; nothing where there is no more to say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dangerous: Dangerous,
    /// What is kept and what is lost.
    #[serde(default, skip_serializing_if = "Impact::is_empty")]
    pub impact: Impact,
    /// Why; never empty.
    pub reasons: Vec<Reason>,
}

/// What happens to one object, in a word.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Removed, stopped before if it runs.
    Remove,
    /// Removed and created anew, under the same name.
    Replace,
    /// Killed.
    Kill,
    /// Stopped.
    Stop,
    /// Restarted.
    Restart,
    /// Changed in place: it keeps its ID and goes on running.
    Update,
    /// Created and run to its end: a one-shot.
    Run,
    /// Started.
    Start,
    /// Created, and started where the state says so.
    Create,
    /// An image is pulled and tagged.
    Pull,
}

impl Verb {
    /// The word of the wire form.
    pub fn word(self) -> &'static str {
        match self {
            Self::Remove => "remove",
            Self::Replace => "replace",
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Update => "update",
            Self::Run => "run",
            Self::Start => "start",
            Self::Create => "create",
            Self::Pull => "pull",
        }
    }
}

/// What a change keeps and what it loses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Impact {
    /// Volumes that the new container has again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keeps: Vec<String>,
    /// Volumes, and folders of the host, that the new container will not have: `pgdata at /data`.
    /// What is in them stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmounts: Vec<String>,
    /// Anonymous volumes whose data goes with the container, by their paths: nothing names them
    /// afterwards, and an engine removes them with a container that removes itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loses: Vec<String>,
    /// Options in which the found container has more than the new one will.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drops: Vec<String>,
    /// What may change: what is not known before the image is pulled, and undeclared options that
    /// may be the engine's own configuration, which the new container gets, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_change: Vec<String>,
    /// Containers that are off a network for a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interrupts: Vec<String>,
}

impl Impact {
    /// Whether every list is empty.
    pub fn is_empty(&self) -> bool {
        let Self { keeps, unmounts, loses, drops, may_change, interrupts } = self;
        let all = [keeps, unmounts, loses, drops, may_change, interrupts];
        all.into_iter().all(Vec::is_empty)
    }
}

/// Why a change is planned, or what differs and is not acted on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Reason {
    /// Variables of the environment differ; what is not public of their values is nobody's business.
    Environment(EnvironmentDifference),
    /// An option differs.
    Option(OptionDifference),
    /// Anything else.
    Because(Because),
}

impl Reason {
    /// Whether the engine can change the option without a new container.
    pub fn is_in_place(&self) -> bool {
        matches!(self, Self::Option(difference) if difference.in_place)
    }
}

/// A reason that is no difference of an option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "because", rename_all = "snake_case", deny_unknown_fields)]
pub enum Because {
    /// The set has fewer than it should.
    TooFew {
        /** wanted */
        expected: u32,
        /** there */
        found: u32,
    },
    /// The set has more than it should.
    TooMany {
        /** wanted */
        expected: u32,
        /** there */
        found: u32,
    },
    /// The declared state asks for it.
    State {
        /** declared */
        expected: State,
        /** `running`, `exited`, … */
        found: String,
    },
    /// `recreate: always`.
    RecreateAlways,
    /// `on_stopped: replace`.
    OnStoppedReplace,
    /// Something it depends on is replaced.
    TargetReplaced {
        /** the container that is replaced */
        target: ContainerName,
    },
    /// The network that it was attached to is gone, whatever has its name now: it cannot start.
    NetworkReplaced {
        /** the network's name */
        network: String,
    },
    /// Its set says `restart: true` of one that it depends on, which is replaced or restarted.
    RestartsWith {
        /** the container that is replaced or restarted */
        target: ContainerName,
    },
    /// A one-shot that did not end with 0, or always runs.
    OneShot {
        /** how it ended, if it ever ran */
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit_code: Option<i64>,
    },
    /// No set of the spec declares it any more, and the spec says `prune`.
    Orphan,
    /// A dead container is in the way of a name.
    Dead,
    /// The image is not on the engine.
    ImageMissing {
        /** as declared */
        reference: String,
    },
    /// The registry has another digest.
    ImageMoved {
        /** as declared */
        reference: String,
        /** in the registry */
        expected: String,
        /** here; null where the image has none */
        found: Option<String>,
    },
    /// What is on the engine under the reference is for other platforms.
    ImagePlatform {
        /** as declared */
        reference: String,
        /** the declared platform */
        expected: String,
        /** those of what is here */
        found: String,
    },
    /// What the image is, is known once it is pulled.
    ImageNotKnown {
        /** as declared */
        reference: String,
        /** what the container was made from, where that is another one */
        #[serde(default, skip_serializing_if = "Option::is_none")]
        found: Option<String>,
    },
    /// A declared network or volume is not on the engine.
    NotThere,
}

/// Something a reviewer should know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Warning {
    /// Stable, for machines: `orphan`, `paused`, `assumed`, ….
    pub code: String,
    /// The set it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<SetName>,
    /// A lowercase fragment.
    pub text: String,
}

/// What became of matching for one set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetReport {
    /// The declared state.
    pub state: State,
    /// What was matched, in the order of their names.
    pub matched: Vec<Matched>,
}

/// One matched container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Matched {
    /// Which.
    pub name: ContainerName,
    /// Which, by ID.
    pub id: ContainerId,
    /// By what.
    pub by: By,
    /// The containers that bayplan did not create.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
    /// What in the spec would have them acted on; none where nothing would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<ChangedBy>,
    /// Differences that are not acted on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Reason>,
}

/// What in a spec would change a container that differs and is left.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum ChangedBy {
    /// Another state.
    #[serde(rename = "state: reloaded")]
    State,
    /// Leave to replace it.
    #[serde(rename = "recreate: auto")]
    Recreate,
    /// Both of them.
    #[serde(rename = "state: reloaded, recreate: auto")]
    Both,
}

/// By what a container was matched.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Its name.
    Name,
    /// Its labels.
    Label,
    /// The image it was made from, and its command where one is declared.
    Image,
}

/// Where the spec was when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpecSource {
    /// Relative to the plan file, `/` between parts.
    pub path: String,
    /// `sha256:` of its bytes, and of those of further files.
    pub digest: String,
    /// How it is read, where it is a Compose file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compose: Option<ComposeSource>,
}

/// How a Compose file is read: what the command line and the environment said when the plan was
/// made. Paths are relative to the plan file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComposeSource {
    /// The project's name.
    pub project: String,
    /// Further files; those after count more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// From where relative paths count, where it is not the folder of the first file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_directory: Option<String>,
    /// Files of variables, where it is not `.env` alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env_files: Vec<String>,
    /// Profiles that are active.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    /// Variables whose values may be shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub public: Vec<String>,
}

/// What made a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// `bayplan`.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Tool {
    /// The name and version of this program.
    pub fn this() -> Self {
        let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        Self { name: name.to_owned(), version: version.to_owned() }
    }
}
