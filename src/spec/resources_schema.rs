//! The JSON Schema of networks and volumes at the root.

use serde_json::{Map, Value as Json, json};

use crate::options::row::{or_nothing, takes_text};

/// Where a spec says `networks`.
pub(super) fn networks() -> Json {
    let range = json!({"type": "string", "pattern": "^[0-9a-fA-F:.]+/[0-9]+$"});
    let address = json!({"type": "string", "pattern": "^[0-9a-fA-F:.]+$"});
    let pool = object(&[
        ("subnet", range.clone()),
        ("ip_range", range),
        ("gateway", address.clone()),
        ("aux_addresses", json!({"type": "object", "additionalProperties": address})),
    ]);
    let ipam = object(&[
        ("driver", text()),
        ("options", options()),
        ("config", json!({"type": "array", "items": pool})),
    ]);
    all(
        "the networks that containers name, by key",
        &[
            ("driver_opts", options()),
            ("ipam", ipam),
            ("internal", flag()),
            ("attachable", flag()),
            ("enable_ipv4", flag()),
            ("enable_ipv6", flag()),
            ("recreate", json!({"enum": ["auto", "never"]})),
        ],
    )
}

/// Where a spec says `volumes`.
pub(super) fn volumes() -> Json {
    all("the volumes that containers name, by key", &[("driver_opts", options())])
}

fn all(doc: &str, own: &[(&str, Json)]) -> Json {
    let pairs = json!({"type": "array", "items": {"type": "string"}});
    let mut keys = vec![
        ("name", json!({"type": "string", "pattern": "^[a-zA-Z0-9][a-zA-Z0-9_.-]+$"})),
        ("external", flag()),
        ("driver", text()),
        ("labels", json!({"anyOf": [options(), pairs]})),
    ];
    keys.extend_from_slice(own);
    json!({
        "description": doc,
        "type": ["object", "null"],
        "patternProperties": {"^x-": {}},
        "propertyNames": {"pattern": "^[a-zA-Z0-9][a-zA-Z0-9_.-]*$"},
        "additionalProperties": {"anyOf": [object(&keys), {"type": "null"}]},
    })
}

/// A map of these keys; one with nothing after it declares nothing.
fn object(keys: &[(&str, Json)]) -> Json {
    let properties: Map<String, Json> = keys
        .iter()
        .map(|(key, schema)| ((*key).to_owned(), or_nothing(schema.clone(), takes_text(schema))))
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "patternProperties": {"^x-": {}},
        "additionalProperties": false,
    })
}

fn text() -> Json {
    json!({"type": ["string", "number"]})
}

fn flag() -> Json {
    json!({"type": "boolean"})
}

fn options() -> Json {
    let template = json!({
        "type": "object",
        "properties": {"template": {"type": "string", "minLength": 1}},
        "required": ["template"],
        "additionalProperties": false,
    });
    let value = json!({"anyOf": [{"type": ["string", "number", "boolean", "null"]}, template]});
    json!({"type": "object", "additionalProperties": value})
}
