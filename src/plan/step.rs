//! The steps of a plan: one engine call each, with all data for the call.
//!
//! The order of steps is decided by [`crate::planner`], and the calls are made by [`crate::apply`].

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use serde_json::Value as Json;

use super::{Plan, Verb};
use crate::base::ident::{
    ContainerId, ContainerName, ImageId, NetworkId, ObjectKey, SetName, StepId, reserved_suffix,
};
use crate::options::settings::Settings;

/// One step: at most one changing engine call.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Step {
    /// `CHANGE/what`.
    pub id: StepId,
    /// What is called.
    #[serde(flatten)]
    pub action: Action,
    /// Steps that must have succeeded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<StepId>,
    /// Steps that must have succeeded, or whose change must have gone back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after_end: Vec<StepId>,
    /// How many seconds it waits once it may begin.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delay: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(seconds: &u32) -> bool {
    *seconds == 0
}

impl Step {
    /// A step that depends on other steps.
    pub fn new(id: StepId, action: Action, after: Vec<StepId>) -> Self {
        Self { id, action, after, after_end: Vec::new(), delay: 0 }
    }

    /// All steps that must end before this step, in `after` and in `after_end`.
    pub fn before(&self) -> impl Iterator<Item = &StepId> {
        self.after.iter().chain(&self.after_end)
    }
}

/// A volume that a replacement takes over: nobody named it, so its name is the engine's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Carried {
    /// Where it is mounted.
    pub path: String,
    /// What the engine calls it.
    pub volume: String,
}

/// The call of a step, with all that it needs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Pulls an image by digest: `REPOSITORY@DIGEST`.
    Pull {
        /** `REPOSITORY@DIGEST` */
        image: String,
        /** the declared platform; else the engine's */
        #[serde(default, skip_serializing_if = "Option::is_none")]
        platform: Option<String>,
    },
    /// Gives a pulled image the declared tag.
    Tag {
        /** `REPOSITORY@DIGEST` */
        image: String,
        /** the declared reference */
        tag: String,
    },
    /// Creates a container of a set.
    Create {
        /** its first name */
        name: ContainerName,
        /** its name once all is done */
        final_name: ContainerName,
        /** whose options */
        set: SetName,
        /** what it is made from */
        image: ImagePin,
        /** of ranges of host ports the ones that it gets, `127.0.0.1:8081:80/tcp` */
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        ports: Vec<String>,
        /** named volumes that are not there and that the engine makes with it */
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        volumes: Vec<String>,
        /** the paths of volumes without a name that the engine makes with it */
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        anonymous: Vec<String>,
        /** volumes without a name that the container has which it replaces */
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        carried: Vec<Carried>,
    },
    /// Puts files into a container that was created: one call for all of them.
    PutFiles {
        /** which */
        #[serde(flatten)]
        container: Subject,
        /** their paths in it; what is in them is its set's to say */
        files: BTreeSet<String>,
    },
    /// Starts a container; a one-shot is waited for.
    Start {
        /** which */
        #[serde(flatten)]
        container: Subject,
        /** to its end */
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        wait: bool,
    },
    /// Watches a started container until it is proven.
    WaitReady {
        /** which */
        #[serde(flatten)]
        container: Subject,
        /** seconds that it must run, where it has no health check */
        prove_for: u32,
    },
    /// Sets the restart policy of a container that will be stopped to `no`, so that an engine which
    /// restarts meanwhile does not start it.
    Fence {
        /** which */
        #[serde(flatten)]
        container: Subject,
    },
    /// Stops a container.
    Stop {
        /** which */
        #[serde(flatten)]
        container: Subject,
        /** declared `stop_signal` */
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<String>,
        /** seconds, declared `stop_grace_period` */
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout: Option<i64>,
    },
    /// Kills a container and waits for its end.
    Kill {
        /** which */
        #[serde(flatten)]
        container: Subject,
        /** the signal */
        signal: String,
    },
    /// Restarts a container.
    Restart {
        /** which */
        #[serde(flatten)]
        container: Subject,
        /** seconds */
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout: Option<i64>,
    },
    /// Changes settings of a container in place: one call for all of them.
    Update {
        /** which */
        #[serde(flatten)]
        container: Subject,
        /** what is set, in the words of the facts */
        settings: Settings,
    },
    /// Renames a container.
    Rename {
        /** which */
        #[serde(flatten)]
        container: Subject,
        /** its name before */
        from: ContainerName,
        /** its name after */
        to: ContainerName,
    },
    /// Removes a container that does not run; its volumes stay.
    Remove {
        /** which */
        #[serde(flatten)]
        container: Subject,
    },
    /// Creates a network of the spec's root.
    CreateNetwork {
        /** its name */
        network: String,
        /** its key in the spec */
        key: ObjectKey,
    },
    /// Removes a network that no container is attached to any more.
    RemoveNetwork {
        /** its name */
        network: String,
        /** its ID */
        which: NetworkId,
    },
    /// Creates a volume of the spec's root.
    CreateVolume {
        /** its name */
        volume: String,
        /** its key in the spec */
        key: ObjectKey,
    },
    /// Attaches a container to a network.
    Connect {
        /** which */
        #[serde(flatten)]
        container: Subject,
        /** the network's name */
        network: String,
        /** which network */
        which: NetworkRef,
        /** the engine's endpoint settings: aliases, addresses */
        #[serde(default, skip_serializing_if = "Json::is_null")]
        endpoint: Json,
    },
    /// Takes a container off a network.
    Disconnect {
        /** which */
        #[serde(flatten)]
        container: Subject,
        /** the network's name */
        network: String,
        /** which network */
        which: NetworkRef,
    },
}

/// The network that a step attaches a container to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NetworkRef {
    /// One that is there.
    Id(NetworkId),
    /// The one that this step of the same run creates.
    CreatedBy(StepId),
}

/// The container that a step is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// One that is there.
    Container(ContainerId),
    /// The one that this step of the same run creates.
    CreatedBy(StepId),
}

/// What a container is created from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImagePin {
    /// An image that is on the engine.
    Id(ImageId),
    /// One that this plan pulls; its ID is known then.
    Digest(String),
}

impl Action {
    /// A create action; its ports and volumes are filled in later.
    pub fn create(
        name: ContainerName,
        final_name: ContainerName,
        set: SetName,
        image: ImagePin,
    ) -> Self {
        let (ports, volumes, anonymous) = (Vec::new(), Vec::new(), Vec::new());
        let carried = Vec::new();
        Self::Create { name, final_name, set, image, ports, volumes, anonymous, carried }
    }

    /// The container that a step acts on; a create step acts on no existing container.
    pub fn subject(&self) -> Option<&Subject> {
        match self {
            Self::PutFiles { container, .. }
            | Self::Start { container, .. }
            | Self::WaitReady { container, .. }
            | Self::Fence { container }
            | Self::Stop { container, .. }
            | Self::Kill { container, .. }
            | Self::Restart { container, .. }
            | Self::Update { container, .. }
            | Self::Rename { container, .. }
            | Self::Remove { container }
            | Self::Connect { container, .. }
            | Self::Disconnect { container, .. } => Some(container),
            Self::Pull { .. }
            | Self::Tag { .. }
            | Self::Create { .. }
            | Self::CreateNetwork { .. }
            | Self::RemoveNetwork { .. }
            | Self::CreateVolume { .. } => None,
        }
    }

    /// The container and its new name, for a permanent rename; temporary renames of a replacement
    /// do not count.
    pub fn renames(&self) -> Option<(&ContainerId, &ContainerName)> {
        match self {
            Self::Rename { container: Subject::Container(id), to, .. } => {
                reserved_suffix(to.as_str()).1.is_none().then_some((id, to))
            }
            _ => None,
        }
    }
}

impl Plan {
    /// Whether the plan ends a running container, for a while or for good.
    pub fn ends_containers(&self) -> bool {
        let ends = |verb: Verb| match verb {
            Verb::Remove | Verb::Replace | Verb::Kill | Verb::Stop | Verb::Restart | Verb::Run => {
                true
            }
            Verb::Update | Verb::Start | Verb::Create | Verb::Pull => false,
        };
        self.changes.iter().any(|change| change.set.is_some() && ends(change.verb))
    }
}
