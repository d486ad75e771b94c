//! The risk class of an option, declared by its row.
//!
//! Which values are dangerous, and the words for them, are the planner's.

/// The class of danger of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// The row declares no class; a test refuses this.
    Unsaid,
    /// No value gives a container more rights.
    None,
    /// All rights on the host.
    Privileged,
    /// Capabilities beyond the default.
    Capabilities,
    /// Security profiles and path masks that can be disabled.
    Confinement,
    /// Devices of the host.
    Devices,
    /// Cgroup rules for devices of the host.
    DeviceRules,
    /// GPUs of the host.
    Gpus,
    /// A namespace of the host, or of another container.
    Namespace,
    /// The volumes of other containers.
    VolumesOfOthers,
    /// Bind mounts of the host.
    Mounts,
    /// A volume driver, which may store data anywhere.
    VolumeDriver,
    /// Ports on addresses of the host.
    Ports,
    /// All exposed ports on every address.
    AllPorts,
    /// Values that are references.
    Secrets,
}
