//! One container as rows read it: inspect data in the words of the newest Docker, whatever engine
//! it came from.
//!
//! Both sides of a comparison are looks, so that one reader serves both. Nothing is compared here.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::options::canon::Live;

/// Inspect data, translated. Both what an engine says and what [`crate::adapt`] expects it to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    inspect: Json,
    /// What is known of single environment variables beyond what `Config.Env` shows.
    env: BTreeMap<String, Live>,
}

impl Look {
    /// The one constructor. `env` is what a snapshot marked (see [`crate::snapshot::Container`]);
    /// empty for what is expected.
    pub fn new(inspect: &Json, env: &BTreeMap<String, Live>) -> Self {
        // Translating older engines and podman (short-ID aliases, …) belongs here.
        Self { inspect: inspect.clone(), env: env.clone() }
    }

    /// A field of `Config`; null where it is missing.
    pub fn config(&self, field: &str) -> &Json {
        &self.inspect["Config"][field]
    }

    /// A field of `HostConfig`; null where it is missing.
    pub fn host(&self, field: &str) -> &Json {
        &self.inspect["HostConfig"][field]
    }

    /// The whole, for what is neither.
    pub fn json(&self) -> &Json {
        &self.inspect
    }

    /// What the snapshot marked of an environment variable.
    pub fn live_env(&self, name: &str) -> Option<&Live> {
        self.env.get(name)
    }
}
