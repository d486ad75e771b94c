//! The identity of the engine that a plan is for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who an engine is. Several fields, because an engine ID alone is shared by clones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The host's name as the engine tells it.
    pub name: String,
    /// The engine's ID.
    pub engine_id: String,
    /// Its data directory.
    pub root_dir: String,
    /// `linux/amd64`.
    pub platform: String,
    /// Storage driver, and `containerd` where images are in its store.
    pub storage: String,
}
