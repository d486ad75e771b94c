//! The API versions of engines: one type, and a named constant for each feature that depends on a
//! version. No other module contains a version number.
//!
//! The effects of a version are in [`crate::engine_model`]; an engine's version is read in
//! [`crate::engine`].

/// An API version such as `1.51`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Api {
    major: u32,
    minor: u32,
}

impl Api {
    /// The version `1.minor`; there is no other major version.
    pub(crate) const fn minor(minor: u32) -> Self {
        Self { major: 1, minor }
    }

    /// Parses a version such as `1.51`.
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }
}

impl std::fmt::Display for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Defines version constants.
macro_rules! gates {
    ($($(#[$doc:meta])* $name:ident = $minor:literal;)*) => {
        $($(#[$doc])* pub const $name: Api = Api::minor($minor);)*
    };
}

gates! {
    /// The oldest supported version, which has all features that plans need: Docker 20.10.
    OLDEST = 41;
    /// The newest supported version. The engine model is tested up to 1.51 (Docker 28.5); newer
    /// versions follow the API documentation.
    NEWEST = 53;

    /// The oldest version that the newest engine accepts.
    OLDEST_OF_NEWEST = 24;

    /// A stop call accepts a signal; older engines use the container's own stop signal.
    STOP_SIGNAL = 42;
    /// A bind mount can tell the engine to create its folder on the host.
    CREATE_MOUNTPOINT = 42;
    /// A containerd runtime needs no configuration.
    SHIMS = 42;
    /// Kernel memory limits were removed.
    NO_KERNEL_MEMORY = 42;
    /// Annotations for the runtime exist.
    ANNOTATIONS = 43;
    /// A create call accepts several networks, and the MAC address belongs to the endpoint.
    SEVERAL_NETWORKS = 44;
    /// An attachment shows the DNS names of the container.
    DNS_NAMES = 44;
    /// A health check has a separate interval during the start of a container.
    START_INTERVAL = 44;
    /// A bind mount has options for read-only submounts.
    READ_ONLY_RECURSION = 44;
    /// The engine itself refuses a second network with the same name.
    NAMES_ARE_UNIQUE = 44;
    /// The engine tells where it looks for CDI devices.
    CDI = 44;
    /// The power data of processors is masked.
    MASKED_POWERCAP = 44;
    /// The default network and the default restart policy are shown by their names.
    DEFAULTS_ARE_NAMED = 45;
    /// The short container ID is no longer an alias.
    NO_OWN_ALIASES = 45;
    /// A subpath of a volume can be mounted.
    VOLUME_SUBPATH = 45;
    /// A tmpfs mount accepts options.
    TMPFS_OPTIONS = 46;
    /// A kernel setting of a network card belongs to the endpoint. Docker 27 moves the setting there,
    /// newer engines refuse the create.
    CARD_SYSCTLS = 46;
    /// A network shows whether it has IPv4.
    SHOWS_IPV4 = 47;
    /// A network can disable IPv4.
    IPV4_OPTIONAL = 48;
    /// An endpoint has a gateway priority.
    GW_PRIORITY = 48;
    /// An image can be mounted.
    IMAGE_MOUNTS = 48;
    /// An image shows its manifests.
    MANIFESTS = 48;
    /// The interrupt data is masked.
    MASKED_INTERRUPTS = 48;
    /// An endpoint's interface name is used; older engines ignore the option.
    INTERFACE_NAME = 49;
    /// The engine lists its CDI devices.
    CDI_DEVICES = 50;
    /// The requested MAC address of a container is no longer shown.
    HIDES_MAC_ADDRESS = 52;
    /// A connect call accepts a MAC address.
    CONNECT_MAC_ADDRESS = 54;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers_and_not_texts() {
        assert_eq!(Api::parse("1.41"), Some(OLDEST));
        assert!(Api::parse("1.9") < Some(OLDEST));
        for wrong in ["", "1", "v1.41", "1.41.0", "1.x"] {
            assert_eq!(Api::parse(wrong), None, "{wrong}");
        }
        assert_eq!(NEWEST.to_string(), "1.53");
    }
}
