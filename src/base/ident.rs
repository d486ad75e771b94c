//! Names and identifiers, each with its own type so that they cannot be confused.
//!
//! The objects behind the identifiers are in [`crate::observed::snapshot`].

use std::fmt;

use serde::{Deserialize, Serialize};

/// Defines a newtype over `String` that is sorted, printed and serialised as its text.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            schemars::JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes a text without a check; the caller checks texts from outside.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// The 64 hexadecimal digits by which an engine knows a container.
    ContainerId
);
text_id!(
    /// `sha256:` and 64 hexadecimal digits: an image as one engine knows it. Comparable on the
    /// same engine only.
    ImageId
);
text_id!(
    /// The 64 hexadecimal digits by which an engine knows a network.
    NetworkId
);
text_id!(
    /// The project of a spec: ownership label and prefix of names.
    ProjectName
);
text_id!(
    /// The key of a container set in its spec.
    SetName
);
text_id!(
    /// The key of a network or a volume at the root of a spec.
    ObjectKey
);
text_id!(
    /// The primary name of a container, without the leading slash.
    ContainerName
);
text_id!(
    /// Which change: the name of a container, or what [`ChangeTarget`] says of others.
    ChangeId
);
text_id!(
    /// A step of a plan: its change's id, a slash and what it does, `shop-db/stop`.
    StepId
);

impl ContainerId {
    /// The first 12 digits, for messages only, never for files. Safe to print.
    pub fn short(&self) -> &str {
        first_digits(&self.0)
    }
}

impl NetworkId {
    /// The first 12 digits, for messages only, never for files. Safe to print.
    pub fn short(&self) -> &str {
        first_digits(&self.0)
    }
}

/// The first 12 digits of an ID. The ID of a hostile engine may have any characters.
fn first_digits(id: &str) -> &str {
    let first = id.get(..12).unwrap_or(id);
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    if first.len() <= 12 && first.bytes().all(is_safe) { first } else { "of a strange ID" }
}

impl ImageId {
    /// `sha256:` and 12 digits, for messages only; the ID in a plan file may be any text.
    pub fn short(&self) -> String {
        super::say::safe(&short_digest(&self.0))
    }
}

/// `sha256:` and the first 12 digits of a digest or image ID; other texts are unchanged.
pub fn short_digest(text: &str) -> String {
    match text.split_once(':') {
        Some((kind, hex)) if hex.len() > 12 && hex.is_char_boundary(12) => {
            format!("{kind}:{}", &hex[..12])
        }
        _ => text.to_owned(),
    }
}

/// The object of a change; only this type writes and reads the prefixes of change IDs. Container
/// names have no colon, so change IDs are unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeTarget<'a> {
    /// A container, by its name; only this kind has no prefix.
    Container(&'a str),
    /// A dead container that is removed to free its name for a new container, which has a change of
    /// its own.
    Dead(&'a str),
    /// An image, by the reference that the spec declares.
    Image(&'a str),
    /// A network, by its name on the engine.
    Network(&'a str),
    /// A volume, by its name on the engine.
    Volume(&'a str),
}

impl<'a> ChangeTarget<'a> {
    /// The object in a change ID.
    pub fn of(id: &'a str) -> Self {
        match id.split_once(':') {
            Some(("dead", name)) => Self::Dead(name),
            Some(("image", reference)) => Self::Image(reference),
            Some(("network", name)) => Self::Network(name),
            Some(("volume", name)) => Self::Volume(name),
            _ => Self::Container(id),
        }
    }

    /// The ID of the change of this object.
    pub fn id(self) -> ChangeId {
        ChangeId(match self {
            Self::Container(name) => name.to_owned(),
            Self::Dead(name) => format!("dead:{name}"),
            Self::Image(reference) => format!("image:{reference}"),
            Self::Network(name) => format!("network:{name}"),
            Self::Volume(name) => format!("volume:{name}"),
        })
    }

    /// Whether the object is a network or a volume.
    pub fn is_object(self) -> bool {
        matches!(self, Self::Network(_) | Self::Volume(_))
    }
}

impl ChangeId {
    /// The object of the change.
    pub fn target(&self) -> ChangeTarget<'_> {
        ChangeTarget::of(&self.0)
    }
}

impl StepId {
    /// The step ID `CHANGE/what`.
    pub fn of(change: &ChangeId, what: &str) -> Self {
        Self(format!("{change}/{what}"))
    }

    /// The change ID and the action of the step; an ID without a slash has no change.
    pub fn parts(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or(("", &self.0))
    }

    /// The ID of the change.
    pub fn change(&self) -> &str {
        self.parts().0
    }

    /// The step that undoes this step: `CHANGE/undo-what`.
    #[must_use]
    pub fn undo(&self) -> Self {
        let (change, what) = self.parts();
        Self(format!("{change}/{UNDO}{what}"))
    }

    /// The step that this step undoes; `None` for an ordinary step.
    pub fn undoes(&self) -> Option<Self> {
        let (change, what) = self.parts();
        what.strip_prefix(UNDO).map(|what| Self(format!("{change}/{what}")))
    }
}

/// The prefix for the action of an undo step.
const UNDO: &str = "undo-";

/// The label with the project of a container.
pub const LABEL_PROJECT: &str = "io.bayplan.project";
/// The label with the container set of a container.
pub const LABEL_SET: &str = "io.bayplan.set";
/// The label with the name at the creation of a container. Other labels alone prove nothing,
/// because `docker commit` copies labels.
pub const LABEL_NAME: &str = "io.bayplan.name";
/// The label with the declared options that an engine may also fill in by itself: sorted, separated
/// by commas, `OPTION.KEY` for maps. The label shows when such an option is no longer declared.
pub const LABEL_DECLARED: &str = "io.bayplan.declared";
/// The label with digests of the literal texts in a container's declaration.
pub const LABEL_LITERALS: &str = "io.bayplan.literals";
/// The label with the paths of the files that bayplan copied into a container, as a JSON list.
pub const LABEL_FILES: &str = "io.bayplan.files";
/// The label with the paths of the anonymous volumes that a container took over, as a JSON list.
pub const LABEL_CARRIED: &str = "io.bayplan.carried";
/// The label with the key of a network in its spec.
pub const LABEL_NETWORK: &str = "io.bayplan.network";
/// The label with the key of a volume in its spec.
pub const LABEL_VOLUME: &str = "io.bayplan.volume";
/// The label with the digest of the plan whose run created a container, a network or a volume.
pub const LABEL_PLAN: &str = "io.bayplan.plan";
/// The label with the run that created a container, which distinguishes two runs of one plan.
pub const LABEL_RUN: &str = "io.bayplan.run";
/// The label with the project of a lock container.
pub const LABEL_LOCK: &str = "io.bayplan.lock";
/// The label with the digest of the plan for whose run a lock was taken.
pub const LABEL_LOCK_PLAN: &str = "io.bayplan.lock.plan";
/// The prefix of all labels that only bayplan may write.
pub const LABEL_PREFIX: &str = "io.bayplan.";

/// The prefix of Compose's labels.
pub const COMPOSE_PREFIX: &str = "com.docker.compose.";
/// Compose's label with the project.
pub const COMPOSE_PROJECT: &str = "com.docker.compose.project";
/// Compose's label with the service of a container.
pub const COMPOSE_SERVICE: &str = "com.docker.compose.service";
/// Compose's label with the number of a container in its service.
pub const COMPOSE_NUMBER: &str = "com.docker.compose.container-number";
/// Compose's label that marks one-off containers.
pub const COMPOSE_ONEOFF: &str = "com.docker.compose.oneoff";
/// Compose's label with the version of Compose.
pub const COMPOSE_MADE_BY: &str = "com.docker.compose.version";
/// Compose's label with the project directory.
pub const COMPOSE_FOLDER: &str = "com.docker.compose.project.working_dir";
/// Compose's label with the hash of a service. The hash covers secrets, so no plan contains the
/// label.
pub const COMPOSE_HASH: &str = "com.docker.compose.config-hash";
/// Compose's label with the image of a container.
pub const COMPOSE_IMAGE: &str = "com.docker.compose.image";
/// Compose's label with the key of a network.
pub const COMPOSE_NETWORK: &str = "com.docker.compose.network";
/// Compose's label with the key of a volume.
pub const COMPOSE_VOLUME: &str = "com.docker.compose.volume";

/// The name suffix of a replacement before it takes its final name.
pub const SUFFIX_NEW: &str = ".bp-new";
/// The name suffix of the replaced container until its replacement is proven.
pub const SUFFIX_OLD: &str = ".bp-old";
/// The name suffix of a failed replacement that is kept for diagnosis.
pub const SUFFIX_FAILED: &str = ".bp-failed";
/// The name suffix of a lock container.
pub const SUFFIX_LOCK: &str = ".bp-lock";
/// The name suffixes that no container of a spec may have.
const RESERVED_SUFFIXES: [&str; 4] = [SUFFIX_NEW, SUFFIX_OLD, SUFFIX_FAILED, SUFFIX_LOCK];

/// Splits the reserved suffix off a name: `web.bp-old` gives `("web", Some(".bp-old"))`.
pub fn reserved_suffix(name: &str) -> (&str, Option<&'static str>) {
    for suffix in RESERVED_SUFFIXES {
        if let Some(stem) = name.strip_suffix(suffix) {
            return (stem, Some(suffix));
        }
    }
    (name, None)
}

/// The `n` of `{project}-{set}-{n}`, the name of a new container in a counted set.
pub fn member_number(project: &ProjectName, set: &SetName, name: &str) -> Option<u32> {
    let number = name.strip_prefix(project.as_str())?.strip_prefix('-')?;
    let number = number.strip_prefix(set.as_str())?.strip_prefix('-')?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())?
}

/// A reference in place of a secret value, which no file may contain.
///
/// Written as `from_env:NAME`, `env_file:PATH#NAME` or `template:TEXT`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// A variable in bayplan's environment.
    Env {
        /// The name of the variable.
        name: String,
    },
    /// One variable of an environment file.
    EnvFile {
        /// The path as in the spec, relative to the spec.
        path: String,
        /// The name of the variable.
        name: String,
    },
    /// A text with environment variables in Compose's notation.
    Template {
        /// The text: `postgres://shop:${PASSWORD}@db`.
        text: String,
    },
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env { name } => write!(f, "from_env:{name}"),
            Self::EnvFile { path, name } => write!(f, "env_file:{path}#{name}"),
            Self::Template { text } => write!(f, "template:{text}"),
        }
    }
}

impl std::str::FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix("from_env:") {
            return Ok(Self::Env { name: name.to_owned() });
        }
        if let Some((path, name)) =
            text.strip_prefix("env_file:").and_then(|rest| rest.rsplit_once('#'))
        {
            return Ok(Self::EnvFile { path: path.to_owned(), name: name.to_owned() });
        }
        if let Some(text) = text.strip_prefix("template:") {
            return Ok(Self::Template { text: text.to_owned() });
        }
        Err(format!(
            "expected `from_env:NAME`, `env_file:PATH#NAME` or `template:TEXT`, but found `{text}`"
        ))
    }
}

impl Serialize for Reference {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Reference {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Reference".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^(from_env:|env_file:|template:)"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_id_is_short_and_safe_whatever_an_engine_says() {
        let long = format!("aaaaaaaaaa\u{202e}{}", "A".repeat(1_000));
        for id in ["\u{1b}[2J\nerror", "a b", &long] {
            assert_eq!(ContainerId::new(id).short(), "of a strange ID");
            assert_eq!(NetworkId::new(id).short(), "of a strange ID");
        }
        assert_eq!(ContainerId::new("0123456789abcdef").short(), "0123456789ab");
        assert_eq!(ContainerId::new("c-1").short(), "c-1");
    }

    #[test]
    fn the_id_of_a_change_says_what_it_is_about() {
        for target in [
            ChangeTarget::Container("shop-db"),
            ChangeTarget::Dead("shop-db"),
            ChangeTarget::Image("registry:5000/acme/web@sha256:1"),
            ChangeTarget::Network("shop_default"),
            ChangeTarget::Volume("volume:data"),
        ] {
            let id = target.id();
            assert_eq!(id.target(), target);
            assert_eq!(StepId::of(&id, "stop").parts(), (id.as_str(), "stop"));
        }
        assert_eq!(StepId::new("stop").parts(), ("", "stop"));
        let step = StepId::new("web/stop");
        assert_eq!(step.undo().as_str(), "web/undo-stop");
        assert_eq!((step.undo().undoes(), step.undoes()), (Some(step.clone()), None));
    }
}
