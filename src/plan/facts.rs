//! The facts of a plan: every engine value that may change under one ID and that a decision used.
//!
//! Only values that decide are facts. Health, timestamps (but see `started_at`), PIDs, counters,
//! sandbox keys, dynamic addresses and dynamic ports are left out on purpose. Comparing facts with
//! a fresh look is done by [`crate::stale`], not here.

use std::collections::BTreeMap;

use crate::base::ident::{ContainerId, ContainerName, ImageId, NetworkId, Reference, SetName};
use crate::observed::snapshot::Run;
use crate::options::settings::Settings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Everything that a plan relied on; each list sorted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Containers that sets matched, or that steps refer to.
    pub containers: Vec<ContainerFact>,
    /// What image references meant.
    pub images: Vec<ImageFact>,
    /// The membership of every set, empty or not.
    pub members: BTreeMap<SetName, Vec<ContainerId>>,
    /// Names that steps will take: free, or freed by this plan.
    pub names: Vec<ContainerName>,
    /// Networks that containers will be attached to.
    pub networks: Vec<NetworkFact>,
    /// Host ports that steps will take: `0.0.0.0:8080/tcp`; free, or freed by this plan.
    pub ports: Vec<String>,
    /// Named volumes that new containers will use.
    pub volumes: Vec<VolumeFact>,
}

/// One container, as far as it can change under its ID.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContainerFact {
    /// Which.
    pub id: ContainerId,
    /// Its primary name.
    pub name: ContainerName,
    /// The image it was made from.
    pub image: ImageId,
    /// How it is, as the class a decision used.
    pub run: Run,
    /// How a one-shot ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// When it started; of what a `restart` or `kill` step targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// Restart policy and the resource fields of `docker update` that are set.
    #[serde(default, skip_serializing_if = "Settings::is_empty")]
    pub settings: Settings,
    /// Networks it is attached to, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub networks: BTreeMap<String, Attachment>,
    /// Environment variables declared as references: how the live value compared.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub references: BTreeMap<String, ReferenceFact>,
}

/// How a container is attached to a network.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// The network's ID; engines tell none before the first start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<NetworkId>,
    /// The engine's endpoint settings, where a step of the plan ends the attachment: with them it
    /// can be put back.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub endpoint: Json,
}

/// How a live value compared with what a reference resolved to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferenceFact {
    /// The reference.
    pub reference: Reference,
    /// The verdict.
    pub verdict: Verdict,
}

/// See [`ReferenceFact`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The same.
    Equal,
    /// Not the same.
    Different,
    /// Not resolvable at plan; taken for the same.
    Assumed,
}

/// What an image reference meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageFact {
    /// As declared.
    pub reference: String,
    /// What it is on the engine; null: nothing.
    pub id: Option<ImageId>,
    /// What the registry answered, where it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// By which digest the image here is known in that registry, where the registry was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The platforms that the image here is for, where a set declares another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
}

/// A network that is declared, or that containers will be attached to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkFact {
    /// Its name.
    pub name: String,
    /// Its ID; null: it is not there and will be made.
    pub id: Option<NetworkId>,
}

/// A volume that is declared, or that new containers will use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeFact {
    /// Its name.
    pub name: String,
    /// Its driver; null: it is not there and will be made.
    pub driver: Option<String>,
    /// When it was made, where the engine says so: one of the same name that is made anew is another
    /// one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
}
