//! The codes of staleness. The judgement of a plan, the check before a step and the check after a
//! run share this list. The words for people are [`super::difference`]'s.

use std::fmt;

/// The kind of a difference from the facts of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// A container of the plan is not there.
    ContainerGone,
    /// A container that the plan did not know matches a set.
    ContainerNew,
    /// A container exists, but no longer matches its set.
    ContainerUnmatched,
    /// A container has another name.
    ContainerRenamed,
    /// A container has another image.
    ContainerImage,
    /// A container is in another run state.
    ContainerRun,
    /// A one-shot ended with another exit code.
    ContainerExit,
    /// A container was started again.
    ContainerStarted,
    /// Limits or the restart policy of a container differ.
    ContainerSettings,
    /// A container is attached to other networks, or with other endpoint settings.
    ContainerNetworks,
    /// A container that an earlier run left is in the way.
    Leftover,
    /// A container name that the plan needs is taken.
    NameTaken,
    /// A reference points to another image.
    ImageMoved,
    /// An image is not on the engine.
    ImageGone,
    /// A pull gave the image that was already there, so no change follows.
    ImageUnchanged,
    /// A container was created from another image than the plan's.
    CreatedImage,
    /// A network is missing, or another network has its name.
    Network,
    /// A container has the label of the plan, but is not as the plan creates it.
    CreatedDiffers,
    /// The name of a network that is to be created is taken.
    NetworkTaken,
    /// A network was removed, and its replacement is unfinished.
    NetworkHalfReplaced,
    /// A volume is missing, or another volume has its name.
    Volume,
    /// The name of a volume that is to be created is taken.
    VolumeTaken,
    /// A secret reference has another value than at the review.
    SecretRotated,
    /// A set that an acting set depends on moved, and other steps follow.
    TargetMoved,
    /// The names of new containers would differ.
    NamesMoved,
    /// The warnings of the plan differ.
    WarningsMoved,
    /// Containers of the project that run are of other repositories or registries.
    SourcesMoved,
    /// Something moved on which the plan does not act, and another plan follows.
    PlanMoved,
    /// The engine is another engine.
    Engine,
    /// The spec declares something else than the plan.
    SpecMoved,
    /// Another version of bayplan made the plan.
    PlannerVersion,
    /// The container that an earlier step creates is not there.
    NotCreated,
    /// The plan has no facts about the object of a step.
    NoFact,
    /// The plan does not follow from its declaration and facts.
    Tampered,
    /// Planning now fails; the value is the code of the error.
    Planner(&'static str),
}

impl Code {
    /// All codes except the planner's, with their meaning.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::ContainerGone, "a container of the plan is not there"),
        (Self::ContainerNew, "a container that the plan did not know counts for a set"),
        (Self::ContainerUnmatched, "a container is there and counts for its set no more"),
        (Self::ContainerRenamed, "a container has another name"),
        (Self::ContainerImage, "a container is made from another image"),
        (Self::ContainerRun, "a container is in another run state"),
        (Self::ContainerExit, "a one-shot ended with another exit code"),
        (Self::ContainerStarted, "a container was started again"),
        (Self::ContainerSettings, "limits or the restart policy of a container are others"),
        (Self::ContainerNetworks, "a container is attached to other networks, or otherwise"),
        (Self::Leftover, "what an earlier run left stands in the way"),
        (Self::NameTaken, "a name that a container is to get is taken"),
        (Self::ImageMoved, "a reference means another image"),
        (Self::ImageGone, "an image is not on the engine"),
        (Self::ImageUnchanged, "a pull gave the image that was there before"),
        (Self::CreatedImage, "a container was created from another image than the plan's"),
        (Self::CreatedDiffers, "a container that a run created is not as the plan creates it"),
        (Self::Network, "a network is another one, or not there"),
        (Self::NetworkTaken, "the name of a network that is to be created is taken"),
        (Self::NetworkHalfReplaced, "a network was taken down and not put up again"),
        (Self::Volume, "a volume is another one, or not there"),
        (Self::VolumeTaken, "the name of a volume that is to be created is taken"),
        (Self::SecretRotated, "a reference resolves to something else than at review"),
        (Self::TargetMoved, "a set that others depend on moved, and other steps follow"),
        (Self::NamesMoved, "fresh containers would get other names now"),
        (Self::WarningsMoved, "what the plan warns of is not what is so now"),
        (Self::SourcesMoved, "what runs of the project is from other repositories"),
        (Self::PlanMoved, "what moved leads to another plan"),
        (Self::Engine, "it is another engine"),
        (Self::SpecMoved, "the spec declares something else now"),
        (Self::PlannerVersion, "another version of bayplan made the plan"),
        (Self::NotCreated, "the container that an earlier step creates is not there"),
        (Self::NoFact, "the plan has no facts of what a step is about"),
        (Self::Tampered, "the plan does not follow from what it declares"),
    ];

    /// The code in outputs for machines.
    pub fn word(self) -> &'static str {
        match self {
            Self::ContainerGone => "container_gone",
            Self::ContainerNew => "container_new",
            Self::ContainerUnmatched => "container_unmatched",
            Self::ContainerRenamed => "container_renamed",
            Self::ContainerImage => "container_image",
            Self::ContainerRun => "container_run",
            Self::ContainerExit => "container_exit",
            Self::ContainerStarted => "container_started",
            Self::ContainerSettings => "container_settings",
            Self::ContainerNetworks => "container_networks",
            Self::Leftover => "leftover",
            Self::NameTaken => "name_taken",
            Self::ImageMoved => "image_moved",
            Self::ImageGone => "image_gone",
            Self::ImageUnchanged => "image_unchanged",
            Self::CreatedImage => "created_image",
            Self::CreatedDiffers => "created_differs",
            Self::Network => "network_moved",
            Self::NetworkTaken => "network_taken",
            Self::NetworkHalfReplaced => "network_half_replaced",
            Self::Volume => "volume_moved",
            Self::VolumeTaken => "volume_taken",
            Self::SecretRotated => "secret_rotated",
            Self::TargetMoved => "target_moved",
            Self::NamesMoved => "names_moved",
            Self::WarningsMoved => "warnings_moved",
            Self::SourcesMoved => "sources_moved",
            Self::PlanMoved => "plan_moved",
            Self::Engine => "engine",
            Self::SpecMoved => "spec_moved",
            Self::PlannerVersion => "planner_version",
            Self::NotCreated => "not_created",
            Self::NoFact => "no_fact",
            Self::Tampered => "tampered",
            Self::Planner(code) => code,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
