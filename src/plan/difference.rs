//! The difference in one option: the expected value, the found value and the origin.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// One option, both sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OptionDifference {
    /// The row's key; `image` for the image.
    pub option: String,
    /// Who caused it.
    pub origin: Origin,
    /// What is declared, canonical; `«hidden»` where it may not be shown.
    pub expected: Json,
    /// What is found.
    pub found: Json,
    /// The engine can change it without a new container.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_place: bool,
    /// Of an image, whose IDs are the two sides: what it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub references: Option<References>,
}

/// What the images of both sides are called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct References {
    /// The declared reference.
    pub expected: String,
    /// What the container was made from, where that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// Variables that differ: their names, and the values that are public.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentDifference {
    /// Always `environment`.
    pub option: String,
    /// Who caused it.
    pub origin: Origin,
    /// Expected, not found.
    pub added: Vec<String>,
    /// Found with another value.
    pub changed: Vec<String>,
    /// Found, not expected.
    pub removed: Vec<String>,
    /// Values of some of them, by name: what a spec or the image says in so many words, or said when
    /// bayplan created the container. Of a changed one both, or neither.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, Values>,
}

/// The public values of one variable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Values {
    /// What is declared, or what the image hands down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// Who caused a difference.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The spec.
    Declared,
    /// The image: the difference vanishes against the image the container was made from.
    Image,
    /// That image is not in the snapshot.
    Unknown,
}
