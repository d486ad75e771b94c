//! What an engine can do, by the version of its API: one type, and a name for each thing that came
//! or went with a version. Nowhere else does a version stand as a number.
//!
//! What follows from it is [`crate::engine_model`]'s; asking an engine for its version is
//! [`crate::engine`]'s.

/// A version of the API, `1.51`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Api {
    major: u32,
    minor: u32,
}

impl Api {
    /// `1.minor`: there is no other major version.
    pub(crate) const fn minor(minor: u32) -> Self {
        Self { major: 1, minor }
    }

    /// `1.51`.
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

/// Names versions.
macro_rules! gates {
    ($($(#[$doc:meta])* $name:ident = $minor:literal;)*) => {
        $($(#[$doc])* pub const $name: Api = Api::minor($minor);)*
    };
}

gates! {
    /// The oldest that is spoken, and has what plans need: Docker 20.10.
    OLDEST = 41;
    /// The newest that is spoken. Habits are held against engines up to 1.51, Docker 28.5; those
    /// after it are known from what the API's documentation says.
    NEWEST = 53;

    /// The oldest that the newest engine speaks.
    OLDEST_OF_NEWEST = 24;

    /// A stop can say which signal; before, an engine takes the container's own.
    STOP_SIGNAL = 42;
    /// A bind says whether the engine makes its folder on the host.
    CREATE_MOUNTPOINT = 42;
    /// A runtime of `containerd`'s need not be configured.
    SHIMS = 42;
    /// Limits of the kernel's memory are gone.
    NO_KERNEL_MEMORY = 42;
    /// Notes for the runtime.
    ANNOTATIONS = 43;
    /// A create takes several networks, and the address of a network card belongs to an endpoint.
    SEVERAL_NETWORKS = 44;
    /// An attachment shows the names by which the container is found.
    DNS_NAMES = 44;
    /// A health check has an interval of its own while a container starts.
    START_INTERVAL = 44;
    /// A bind says what becomes of read-only mounts below it.
    READ_ONLY_RECURSION = 44;
    /// An engine refuses a second network of one name by itself.
    NAMES_ARE_UNIQUE = 44;
    /// An engine says where it looks for devices by name, or that it does not.
    CDI = 44;
    /// The power of the processors is kept out of sight.
    MASKED_POWERCAP = 44;
    /// The network and the restart policy that nothing said means are shown by their names.
    DEFAULTS_ARE_NAMED = 45;
    /// The beginning of an ID is no alias.
    NO_OWN_ALIASES = 45;
    /// A part of a volume can be mounted.
    VOLUME_SUBPATH = 45;
    /// A file system in memory takes options.
    TMPFS_OPTIONS = 46;
    /// A network shows whether it has IPv4.
    SHOWS_IPV4 = 47;
    /// A network can do without IPv4.
    IPV4_OPTIONAL = 48;
    /// An endpoint has a priority as the way out.
    GW_PRIORITY = 48;
    /// An image can be mounted.
    IMAGE_MOUNTS = 48;
    /// An image tells its manifests.
    MANIFESTS = 48;
    /// Interrupts are kept out of sight.
    MASKED_INTERRUPTS = 48;
    /// An interface is called as is wished; before, the option is dropped without a word.
    INTERFACE_NAME = 49;
    /// An engine says which devices there are by name.
    CDI_DEVICES = 50;
    /// Which address of a network card a container wished for is no longer shown.
    HIDES_MAC_ADDRESS = 52;
    /// A connect gives a network card its address.
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
