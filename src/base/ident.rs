//! Names and identifiers, each a type of its own so that they cannot be swapped.
//!
//! Here is what an identifier *is*. What an identifier refers to is in [`crate::observed::snapshot`].

use std::fmt;

use serde::{Deserialize, Serialize};

/// Makes a newtype over `String` that orders, prints and serialises as its text.
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
            /// Takes the text as it is; who reads it from outside checks it first.
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
    /// The first 12 digits, as people write it. For text only, never for files.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl NetworkId {
    /// The first 12 digits, as people write it. For text only, never for files.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl ImageId {
    /// `sha256:` and 12 digits, for text only: a plan's may be anything.
    pub fn short(&self) -> String {
        super::say::safe(&short_digest(&self.0))
    }
}

/// `sha256:` and the first 12 digits of a digest or image ID; anything else as it is.
pub fn short_digest(text: &str) -> String {
    match text.split_once(':') {
        Some((kind, hex)) if hex.len() > 12 && hex.is_char_boundary(12) => {
            format!("{kind}:{}", &hex[..12])
        }
        _ => text.to_owned(),
    }
}

/// What a change is about: the one place that writes and reads the prefixes of its ID. A container's
/// name has no colon in it, so no two are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeTarget<'a> {
    /// A container, by its name; the only one without a prefix.
    Container(&'a str),
    /// A dead container, removed so that a new one can have its name: two containers, two changes.
    Dead(&'a str),
    /// An image, by the reference that the spec declares.
    Image(&'a str),
    /// A network, by its name on the engine.
    Network(&'a str),
    /// A volume, by its name on the engine.
    Volume(&'a str),
}

impl<'a> ChangeTarget<'a> {
    /// What the ID of a change says.
    pub fn of(id: &'a str) -> Self {
        match id.split_once(':') {
            Some(("dead", name)) => Self::Dead(name),
            Some(("image", reference)) => Self::Image(reference),
            Some(("network", name)) => Self::Network(name),
            Some(("volume", name)) => Self::Volume(name),
            _ => Self::Container(id),
        }
    }

    /// The ID of the change of this.
    pub fn id(self) -> ChangeId {
        ChangeId(match self {
            Self::Container(name) => name.to_owned(),
            Self::Dead(name) => format!("dead:{name}"),
            Self::Image(reference) => format!("image:{reference}"),
            Self::Network(name) => format!("network:{name}"),
            Self::Volume(name) => format!("volume:{name}"),
        })
    }

    /// Whether it is a network or a volume.
    pub fn is_object(self) -> bool {
        matches!(self, Self::Network(_) | Self::Volume(_))
    }
}

impl ChangeId {
    /// What the change is about.
    pub fn target(&self) -> ChangeTarget<'_> {
        ChangeTarget::of(&self.0)
    }
}

impl StepId {
    /// `CHANGE/what`.
    pub fn of(change: &ChangeId, what: &str) -> Self {
        Self(format!("{change}/{what}"))
    }

    /// The ID of its change and what the step does; an ID without a slash has no change.
    pub fn parts(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or(("", &self.0))
    }

    /// The ID of its change.
    pub fn change(&self) -> &str {
        self.parts().0
    }

    /// The step that takes this one back: `CHANGE/undo-what`.
    #[must_use]
    pub fn undo(&self) -> Self {
        let (change, what) = self.parts();
        Self(format!("{change}/{UNDO}{what}"))
    }

    /// The step that this one takes back; nothing: it takes none back.
    pub fn undoes(&self) -> Option<Self> {
        let (change, what) = self.parts();
        what.strip_prefix(UNDO).map(|what| Self(format!("{change}/{what}")))
    }
}

/// Begins what a step that takes back another one does.
const UNDO: &str = "undo-";

/// The label that names the project a container was created for.
pub const LABEL_PROJECT: &str = "io.bayplan.project";
/// The label that names the container set a container was created for.
pub const LABEL_SET: &str = "io.bayplan.set";
/// The label that repeats the name a container was created with; labels alone prove nothing,
/// because `docker commit` hands them on.
pub const LABEL_NAME: &str = "io.bayplan.name";
/// What was declared of that which an engine may fill in by itself, sorted, with commas: options,
/// and for maps `OPTION.KEY`. Without it nobody could tell that one is declared no more.
pub const LABEL_DECLARED: &str = "io.bayplan.declared";
/// Label of a container: what of it was said in so many words, as digests.
pub const LABEL_LITERALS: &str = "io.bayplan.literals";
/// The paths of the files that were put into it, as a list in JSON.
pub const LABEL_FILES: &str = "io.bayplan.files";
/// The paths of the volumes that nobody named and that it took over, as a list in JSON.
pub const LABEL_CARRIED: &str = "io.bayplan.carried";
/// The label that names the key of the network that a network was created for.
pub const LABEL_NETWORK: &str = "io.bayplan.network";
/// The label that names the key of the volume that a volume was created for.
pub const LABEL_VOLUME: &str = "io.bayplan.volume";
/// The label that names, by digest, the plan of which a run created a container, a network or a
/// volume.
pub const LABEL_PLAN: &str = "io.bayplan.plan";
/// The label that names the run that created a container: two runs of one plan can be told apart.
pub const LABEL_RUN: &str = "io.bayplan.run";
/// The label that names the project of which a container is the lock.
pub const LABEL_LOCK: &str = "io.bayplan.lock";
/// The beginning of every label that only bayplan may write.
pub const LABEL_PREFIX: &str = "io.bayplan.";

/// The beginning of the labels by which Compose knows what it made.
pub const COMPOSE_PREFIX: &str = "com.docker.compose.";
/// Compose's label that names the project.
pub const COMPOSE_PROJECT: &str = "com.docker.compose.project";
/// Compose's label that names the service of a container.
pub const COMPOSE_SERVICE: &str = "com.docker.compose.service";
/// Compose's label that counts the containers of a service.
pub const COMPOSE_NUMBER: &str = "com.docker.compose.container-number";
/// Compose's label that says whether a container was made for one command.
pub const COMPOSE_ONEOFF: &str = "com.docker.compose.oneoff";
/// The version of Compose that made it.
pub const COMPOSE_MADE_BY: &str = "com.docker.compose.version";
/// The folder that its project was read from.
pub const COMPOSE_FOLDER: &str = "com.docker.compose.project.working_dir";
/// Compose's label that has the hash of a service, secrets included: it is never in a plan.
pub const COMPOSE_HASH: &str = "com.docker.compose.config-hash";
/// Compose's label that names the image a container was made from.
pub const COMPOSE_IMAGE: &str = "com.docker.compose.image";
/// Compose's label that names the key of a network.
pub const COMPOSE_NETWORK: &str = "com.docker.compose.network";
/// Compose's label that names the key of a volume.
pub const COMPOSE_VOLUME: &str = "com.docker.compose.volume";

/// Suffix of a replacement before it takes its name.
pub const SUFFIX_NEW: &str = ".bp-new";
/// Suffix of the replaced container until its replacement is proven.
pub const SUFFIX_OLD: &str = ".bp-old";
/// Suffix of a container that was to replace another one, failed, and is kept to be looked at.
pub const SUFFIX_FAILED: &str = ".bp-failed";
/// Suffix of the container that is the lock of a project.
pub const SUFFIX_LOCK: &str = ".bp-lock";
/// All that no container of a spec may be called.
const RESERVED_SUFFIXES: [&str; 4] = [SUFFIX_NEW, SUFFIX_OLD, SUFFIX_FAILED, SUFFIX_LOCK];

/// Cuts the reserved suffix off a name: `web.bp-old` gives `("web", Some(".bp-old"))`.
pub fn reserved_suffix(name: &str) -> (&str, Option<&'static str>) {
    for suffix in RESERVED_SUFFIXES {
        if let Some(stem) = name.strip_suffix(suffix) {
            return (stem, Some(suffix));
        }
    }
    (name, None)
}

/// The `n` of `{project}-{set}-{n}`, as fresh members of a set are called.
pub fn member_number(project: &ProjectName, set: &SetName, name: &str) -> Option<u32> {
    let number = name.strip_prefix(project.as_str())?.strip_prefix('-')?;
    let number = number.strip_prefix(set.as_str())?.strip_prefix('-')?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())?
}

/// A value that stays out of every file: where it is found instead of what it is.
///
/// Written `from_env:NAME`, `env_file:PATH#NAME` or `template:TEXT`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// A variable of the environment in which bayplan runs.
    Env {
        /// The variable.
        name: String,
    },
    /// One variable of an environment file.
    EnvFile {
        /// The file as the spec writes it, relative to the spec.
        path: String,
        /// The variable in it.
        name: String,
    },
    /// A text with variables of the environment in it, as Compose writes them.
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
