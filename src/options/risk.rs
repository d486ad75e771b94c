//! What about an option a reviewer must not overlook, said by its row.
//!
//! Which value of it is dangerous, and in which words that is told, is the planner's.

/// The class of danger of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// The row does not say: a test asks for it.
    Unsaid,
    /// No value of it gives a container more than its due.
    None,
    /// All rights on the host.
    Privileged,
    /// Rights beyond the usual ones.
    Capabilities,
    /// Profiles and masks that can be taken off.
    Confinement,
    /// Devices of the host.
    Devices,
    /// Rules for devices of the host.
    DeviceRules,
    /// Graphics cards of the host.
    Gpus,
    /// A namespace of the host, or of another container.
    Namespace,
    /// The volumes of other containers.
    VolumesOfOthers,
    /// Folders of the host.
    Mounts,
    /// A driver that makes volumes, wherever they lie.
    VolumeDriver,
    /// Ports on addresses of the host.
    Ports,
    /// All exposed ports on every address.
    AllPorts,
    /// Values that are references.
    Secrets,
}
