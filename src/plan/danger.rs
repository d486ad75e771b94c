//! The dangers that a reviewer must not overlook: a closed list of words, each with its values.
//! Finding the dangers of a plan is done by the planner, not here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Change;
use crate::base::ident::ChangeId;

/// The dangerous values by danger: `docker_socket:/var/run/docker.sock`. If a danger has classes,
/// each value begins with its class.
pub type Dangerous = BTreeMap<Danger, Vec<String>>;

/// The closed list of dangers, worst first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Danger {
    /// A named or anonymous volume, or a lost mount.
    DataLost,
    /// The container runs now and will not, for a while or for good.
    Outage,
    /// A container that bayplan did not create is touched.
    Adopted,
    /// A secret reaches the container that it does not have now.
    SecretChanged,
    /// A new container gets a secret.
    SecretGiven,
    /// It gets all rights on its host.
    Privileged,
    /// It gets at its host's files, namespaces or devices, or at a network share.
    HostAccess,
    /// It gets capabilities beyond the usual ones.
    Capabilities,
    /// A profile or mask that confines containers is taken off.
    Unconfined,
    /// It gets at another container's namespaces or volumes.
    OtherContainers,
    /// A port is published on every address.
    PublicPort,
    /// What the image is, is known only once it is pulled.
    ImageUnknown,
    /// The image is from a registry or a repository that no running container of the project is of.
    ImageSource,
    /// Stopped, but its restart policy revives it when the engine restarts: `always`, and
    /// `on-failure` where it ended with another code than 0.
    ComesBack,
}

impl Danger {
    /// All dangers, worst first.
    pub const ALL: [Self; 14] = [
        Self::DataLost,
        Self::Outage,
        Self::Adopted,
        Self::SecretChanged,
        Self::SecretGiven,
        Self::Privileged,
        Self::HostAccess,
        Self::Capabilities,
        Self::Unconfined,
        Self::OtherContainers,
        Self::PublicPort,
        Self::ImageUnknown,
        Self::ImageSource,
        Self::ComesBack,
    ];

    /// The word of the wire form.
    pub fn word(self) -> &'static str {
        match self {
            Self::DataLost => "data_lost",
            Self::Outage => "outage",
            Self::Adopted => "adopted",
            Self::SecretChanged => "secret_changed",
            Self::SecretGiven => "secret_given",
            Self::Privileged => "privileged",
            Self::HostAccess => "host_access",
            Self::Capabilities => "capabilities",
            Self::Unconfined => "unconfined",
            Self::OtherContainers => "other_containers",
            Self::PublicPort => "public_port",
            Self::ImageUnknown => "image_unknown",
            Self::ImageSource => "image_source",
            Self::ComesBack => "comes_back",
        }
    }

    /// The classes of the danger's values; empty if the values have no classes.
    pub fn classes(self) -> &'static [&'static str] {
        match self {
            Self::DataLost => &["anonymous", "mount", "drops"],
            Self::Outage => &["gone", "down", "rolling", "restart", "frozen"],
            Self::HostAccess => &[
                "docker_socket",
                "root",
                "etc",
                "system",
                "bind",
                "device",
                "device_rule",
                "gpu",
                "network",
                "pid",
                "ipc",
                "uts",
                "userns",
                "cgroup",
                "volume",
            ],
            Self::Unconfined => &["seccomp", "apparmor", "systempaths", "label"],
            Self::OtherContainers => &["network", "pid", "ipc", "volumes"],
            Self::ImageSource => &["registry", "repository"],
            _ => &[],
        }
    }

    /// Splits a value of the danger into its class and the rest.
    pub fn classified(self, value: &str) -> (Option<&'static str>, &str) {
        let (first, rest) = value.split_once(':').unwrap_or((value, ""));
        match self.classes().iter().find(|class| **class == first) {
            Some(class) => (Some(class), rest),
            None => (None, value),
        }
    }

    /// Whether a change with this danger must list the values of the danger.
    pub fn names_values(self) -> bool {
        !matches!(self, Self::Adopted | Self::Privileged | Self::ImageUnknown)
    }
}

/// The changes by danger and value, worst danger first; a danger without values has the value
/// `None`.
pub fn gathered<'p>(
    changes: impl IntoIterator<Item = &'p Change>,
) -> BTreeMap<(Danger, Option<&'p str>), Vec<&'p ChangeId>> {
    let mut all: BTreeMap<(Danger, Option<&str>), Vec<&ChangeId>> = BTreeMap::new();
    for change in changes {
        for danger in &change.danger {
            let values = change.dangerous.get(danger).map(Vec::as_slice).unwrap_or_default();
            for value in values {
                all.entry((*danger, Some(value))).or_default().push(&change.id);
            }
            if values.is_empty() {
                all.entry((*danger, None)).or_default().push(&change.id);
            }
        }
    }
    all
}
