//! JSON Schemas (draft 2020-12) of the plan file and the snapshot file, for editors and other
//! programs.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Value as Json, json};

use super::{FORMAT, Plan};

/// The schema of a plan file.
pub fn plan() -> Json {
    let mut schema: Json = SchemaGenerator::default().into_root_schema_for::<Plan>().into();
    let danger = json!({
        "type": "object", "additionalProperties": false, "required": ["danger", "changes"],
        "properties": {
            "danger": {"type": "string"}, "value": {"type": "string"},
            "changes": {"type": "array", "items": {"type": "string"}},
        },
    });
    let head = json!({
        "format": {"const": FORMAT, "description": "What the file is."},
        "digest": {
            "type": "string", "pattern": "^sha256:[0-9a-f]{64}$",
            "description": "SHA-256 of the file without this line.",
        },
        "dangers": {
            "type": "array", "items": danger,
            "description": "What is dangerous, worst first, and in which changes.",
        },
    });
    if let (Some(properties), Json::Object(head)) = (schema["properties"].as_object_mut(), head) {
        properties.extend(head);
    }
    if let Some(required) = schema["required"].as_array_mut() {
        required.extend(["format", "digest", "dangers"].map(Json::from));
        // These fields may be null, but are always present.
        for field in ["target", "spec"] {
            if !required.iter().any(|name| name == field) {
                required.push(field.into());
            }
        }
    }
    schema["title"] = "A plan of bayplan".into();
    schema
}

/// The schema of a snapshot file.
pub fn snapshot() -> Json {
    let schema: Schema =
        SchemaGenerator::default().into_root_schema_for::<crate::observed::file::Written<'_>>();
    let mut schema = Json::from(schema);
    schema["title"] = "A snapshot of bayplan".into();
    schema["properties"]["format"] = json!({"const": crate::observed::snapshot::FORMAT});
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{format, sample};

    #[test]
    fn written_plans_are_valid_and_others_are_not() {
        let validator = jsonschema::validator_for(&plan()).unwrap();
        for plan in [sample::empty(), sample::mixed(), sample::ten()] {
            let json: Json = serde_json::from_str(&format::write(&plan).unwrap().text).unwrap();
            let errors: Vec<_> = validator.iter_errors(&json).map(|e| e.to_string()).collect();
            assert_eq!(errors, Vec::<String>::new());
            for field in json.as_object().unwrap().keys() {
                let mut less = json.clone();
                less.as_object_mut().unwrap().remove(field);
                assert!(!validator.is_valid(&less), "{field} may be missing");
            }
            let mut more = json.clone();
            more["extra"] = 1.into();
            assert!(!validator.is_valid(&more));
        }
    }

    #[test]
    fn written_snapshots_are_valid() {
        let validator = jsonschema::validator_for(&snapshot()).unwrap();
        let empty = crate::observed::snapshot::Snapshot::default();
        let bytes = crate::observed::file::write(&empty).unwrap();
        let mut json: Json = serde_json::from_slice(&bytes).unwrap();
        assert!(validator.is_valid(&json));
        json["whole"] = "yes".into();
        assert!(!validator.is_valid(&json));
    }
}
