//! The settings that change while a container keeps its ID: the resource fields of `docker update`,
//! and the restart policy. Facts and update steps use the same form, so that they can be compared.
//!
//! The effect of an update on an engine is [`crate::engine_model`]'s.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// The fields of `HostConfig` that the API's update changes, sorted; the API ignores other fields.
/// Source: `UpdateContainer` of the engine, API 1.41 to 1.51. (According to its documentation, an
/// update also changes the lists of block devices from API 1.55 on.)
pub const UPDATABLE: &[&str] = &[
    "BlkioWeight",
    "CpuPeriod",
    "CpuQuota",
    "CpuRealtimePeriod",
    "CpuRealtimeRuntime",
    "CpuShares",
    "CpusetCpus",
    "CpusetMems",
    "Memory",
    "MemoryReservation",
    "MemorySwap",
    "NanoCpus",
    "PidsLimit",
];

/// The restart policy, in the form of a spec: `on-failure:5`.
pub const RESTART: &str = "RestartPolicy";

/// The limit that an update removes by the value 0.
pub const PIDS: &str = "PidsLimit";

/// Settings by field of `HostConfig`, in the engine's units: bytes, billionths of a processor,
/// microseconds, counts. Of a container: what is set. Of an update: what it sets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Settings(pub BTreeMap<String, Json>);

impl Settings {
    /// The settings of a `HostConfig`.
    pub fn of_host(host: &Json) -> Self {
        let set = |(field, value): &(&String, &Json)| {
            // Most fields have another type, so this cheap test comes first.
            let settable = value.is_number() || value.is_string();
            settable && !nothing(value) && UPDATABLE.binary_search(&field.as_str()).is_ok()
        };
        let fields = host.as_object().into_iter().flatten().filter(set);
        let mut all: BTreeMap<String, Json> =
            fields.map(|(field, value)| (field.clone(), value.clone())).collect();
        let policy = policy(&host[RESTART]);
        if policy != "no" {
            all.insert(RESTART.to_owned(), policy.into());
        }
        Self(all)
    }

    /// An update that sets these fields as in a `HostConfig`. An engine keeps a setting for an
    /// empty value, except for `PidsLimit` and the restart policy.
    pub fn to_set(host: &Json, fields: &[&str]) -> Self {
        let mut all = BTreeMap::new();
        for field in fields {
            let value = match *field {
                RESTART => policy(&host[RESTART]).into(),
                PIDS if nothing(&host[PIDS]) => json!(0),
                field if nothing(&host[field]) => continue,
                field => host[field].clone(),
            };
            all.insert((*field).to_owned(), value);
        }
        Self(all)
    }

    /// The settings after an update that an engine accepted.
    #[must_use]
    pub fn after(&self, update: &Self) -> Self {
        let mut all = self.0.clone();
        all.extend(update.0.clone());
        all.retain(|field, value| match field.as_str() {
            RESTART => value != "no",
            _ => !nothing(value),
        });
        Self(all)
    }

    /// The body of the update call.
    pub fn body(&self) -> Json {
        let field = |(field, value): (&String, &Json)| {
            let value = match (field.as_str(), value.as_str()) {
                (RESTART, Some(text)) => {
                    let (name, retries) = text.split_once(':').unwrap_or((text, "0"));
                    let retries = retries.parse::<i64>().unwrap_or(0);
                    json!({"Name": name, "MaximumRetryCount": retries})
                }
                _ => value.clone(),
            };
            (field.clone(), value)
        };
        Json::Object(self.0.iter().map(field).collect())
    }

    /// Whether no field is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The settings in words: `Memory 1073741824, RestartPolicy always`.
    pub fn words(&self) -> String {
        let word = |(field, value): (&String, &Json)| match value.as_str() {
            Some(text) => format!("{field} {text}"),
            None => format!("{field} {value}"),
        };
        self.0.iter().map(word).collect::<Vec<_>>().join(", ")
    }
}

fn nothing(value: &Json) -> bool {
    value.is_null() || *value == 0 || value == ""
}

/// A restart policy in the form of a spec.
fn policy(policy: &Json) -> String {
    let retries = policy["MaximumRetryCount"].as_i64().unwrap_or(0);
    match policy["Name"].as_str() {
        None | Some("" | "no") => "no".to_owned(),
        Some(name) if retries > 0 => format!("{name}:{retries}"),
        Some(name) => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_halving() {
        assert!(UPDATABLE.is_sorted());
    }

    #[test]
    fn an_update_moves_what_it_names_and_nothing_else() {
        let host = json!({
            "Memory": 64, "MemorySwap": 128, "PidsLimit": 10, "CpusetCpus": "",
            "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}, "ShmSize": 5,
        });
        let before = Settings::of_host(&host);
        assert_eq!(
            before.words(),
            "Memory 64, MemorySwap 128, PidsLimit 10, RestartPolicy on-failure:3"
        );
        let want = json!({"Memory": 32, "MemorySwap": 64, "PidsLimit": null, "NanoCpus": 0});
        let update =
            Settings::to_set(&want, &["Memory", "MemorySwap", "PidsLimit", "NanoCpus", RESTART]);
        assert_eq!(update.words(), "Memory 32, MemorySwap 64, PidsLimit 0, RestartPolicy no");
        assert_eq!(before.after(&update).words(), "Memory 32, MemorySwap 64");
    }

    #[test]
    fn the_body_has_the_policy_in_the_engines_words() {
        let policy = |text: &str| Settings([(RESTART.to_owned(), text.into())].into()).body();
        assert_eq!(
            policy("on-failure:5"),
            json!({"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 5}})
        );
        assert_eq!(policy("no"), json!({"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}}));
    }
}
