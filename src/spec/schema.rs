//! The JSON Schema of a spec, built from the option table: for editors, and for programs that write
//! specs.
//!
//! The schema checks the form only; rules across keys are checked by [`super::read`].

use serde_json::{Map, Value as Json, json};

use super::planner_grammar::COMPAT;
use super::resources_grammar;
use super::vocabulary::{PLANNER, PlannerKey};
use crate::options::{AnyRow, ROWS};

/// The schema, draft 2020-12.
pub fn spec() -> Json {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "bayplan spec",
        "description": "the declared state of the containers on one engine",
        "type": "object",
        "required": ["project", "containers"],
        "additionalProperties": false,
        "patternProperties": {"^x-": {"description": "for anchors and other programs"}},
        "properties": {
            "project": {
                "description": "the ownership label, and the prefix of names",
                "type": "string",
                "pattern": "^[a-z0-9][a-z0-9_-]*$",
                "examples": ["shop"],
            },
            "base_dir": or_nothing(json!({
                "description": "the folder on the engine's host from which relative bind sources count",
                "type": "string",
                "pattern": "^/",
            }), false),
            "compat": or_nothing(compat(), false),
            "defaults": or_nothing(defaults(), false),
            "moved": or_nothing(json!({
                "description": "sets that have another key now, old to new: their containers stay",
                "type": "object",
                "additionalProperties": {"type": "string"},
                "examples": [{"worker": "queue"}],
            }), false),
            "prune": or_nothing(json!({
                "description": "remove containers of sets that the spec no longer has",
                "enum": [true, false, "true", "false"],
            }), false),
            "networks": resources_grammar::schema(
                "the networks that containers name, by key",
                &resources_grammar::NETWORK,
            ),
            "volumes": resources_grammar::schema(
                "the volumes that containers name, by key",
                &resources_grammar::VOLUME,
            ),
            "containers": {
                "description": "the container sets, by key",
                "type": "object",
                "propertyNames": {"pattern": "^[a-zA-Z0-9][a-zA-Z0-9_.-]*$"},
                "additionalProperties": {"$ref": "#/$defs/set"},
            },
        },
        "$defs": {"set": set()},
    })
}

fn compat() -> Json {
    let mut schema = COMPAT.schema();
    schema["description"] = json!("whose habits it follows");
    schema
}

/// The schema of `defaults`.
fn defaults() -> Json {
    let mut properties = Map::new();
    let mut twice = Vec::new();
    for key in PLANNER.iter().filter(|key| key.by_default) {
        add(&mut properties, &mut twice, (key.key, key.aliases), &planner(key), key.takes_text());
    }
    json!({
        "description": "planner keys for every set that does not say them itself",
        "type": "object",
        "properties": properties,
        "patternProperties": {"^x-": {"description": "for anchors and other programs"}},
        "additionalProperties": false,
        "allOf": twice,
    })
}

fn set() -> Json {
    let mut properties = Map::new();
    let mut twice = Vec::new();
    for key in PLANNER {
        add(&mut properties, &mut twice, (key.key, key.aliases), &planner(key), key.takes_text());
    }
    for row in ROWS {
        let about = row.def();
        let empty = row.takes_empty_for_nothing();
        add(&mut properties, &mut twice, (about.key, about.aliases), &option(*row), empty);
    }
    let mut deploy = super::deploy::schema();
    deploy["description"] =
        json!("Compose's other way to say how many, their limits and `restart`");
    properties.insert("deploy".to_owned(), deploy);
    json!({
        "description": "a named container, or `count` alike",
        "type": "object",
        "properties": properties,
        "patternProperties": {"^x-": {"description": "for anchors and other programs"}},
        "additionalProperties": false,
        "allOf": twice,
    })
}

/// Adds a key and its aliases, of which only one may be used. With `empty` an empty text is
/// allowed.
fn add(
    properties: &mut Map<String, Json>,
    twice: &mut Vec<Json>,
    (key, aliases): (&str, &[&str]),
    schema: &Json,
    empty: bool,
) {
    properties.insert(key.to_owned(), or_nothing(schema.clone(), empty));
    for alias in aliases {
        let mut same = schema.clone();
        same["description"] = json!(format!("the same as `{key}`"));
        properties.insert((*alias).to_owned(), or_nothing(same, empty));
        twice.push(json!({"not": {"required": [key, alias]}}));
    }
}

fn option(row: &dyn AnyRow) -> Json {
    let about = row.def();
    let mut schema = row.schema();
    let examples: Vec<Json> = about
        .examples
        .iter()
        .filter_map(|example| crate::syntax::yaml::parse(example).ok())
        .map(|node| node.to_json())
        .collect();
    schema["description"] = json!(about.doc);
    schema["examples"] = json!(examples);
    schema
}

/// Allows null, and with `empty` an empty text; both mean "not set".
fn or_nothing(mut schema: Json, empty: bool) -> Json {
    let mut outer = Map::new();
    if let Json::Object(inner) = &mut schema {
        for key in ["description", "examples"] {
            outer.extend(inner.remove(key).map(|value| (key.to_owned(), value)));
        }
    }
    let either = crate::options::row::or_nothing(schema, empty);
    outer.extend(either.as_object().cloned().unwrap_or_default());
    Json::Object(outer)
}

/// The schema of a planner key.
fn planner(key: &PlannerKey) -> Json {
    let mut schema = key.grammar.schema();
    schema["description"] = json!(key.doc);
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::yaml;

    #[test]
    fn the_schema_is_one_and_knows_every_key() {
        let schema = spec();
        jsonschema::draft202012::meta::validate(&schema).unwrap();
        let properties = schema["$defs"]["set"]["properties"].as_object().unwrap();
        for row in ROWS {
            assert!(properties.contains_key(row.def().key));
            assert!(row.def().aliases.iter().all(|alias| properties.contains_key(*alias)));
        }
    }

    #[test]
    fn editors_see_what_is_wrong() {
        let schema = spec();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let valid = |text: &str| validator.is_valid(&yaml::parse(text).unwrap().to_json());
        let set = |body: &str| format!("project: p\ncontainers: {{a: {{image: x, {body}}}}}\n");
        assert!(valid(&set("mem_limit: 512m, x-note: [1], tty:, count: 0")));
        assert!(valid(&set("depends_on: {b: {condition: service_started}}")));
        assert!(valid(&set("depends_on: {b: {condition: service_healthy}, c: }")));
        assert!(valid(&set("label_file: a.labels, scale: '2', deploy: {x-a: 1}")));
        assert!(valid(&set("env_file: [a.env, {path: b.env, required: false}]")));
        for wrong in [
            "memroy: 512m",
            "mem_limit: 512m, memory: 1g",
            "count: -1",
            "count: two",
            "state: running",
            "depends_on: {b: {condition: healthy}}",
            "discard: maybe",
            "compare: {env: sometimes}",
        ] {
            assert!(!valid(&set(wrong)), "{wrong}");
        }
        assert!(!valid("project: Shop\ncontainers: {}\n"));
        assert!(!valid("containers: {}\n"));
        let root = |text: &str| valid(&format!("project: p\ncontainers: {{}}\n{text}\n"));
        assert!(root(
            "networks: {a: , b: {internal: true, ipam: {config: [{subnet: 10.0.0.0/8}]}}}"
        ));
        assert!(root("volumes: {a: {driver_opts: {o: 1, p: true}, labels: [a=b]}}"));
        assert!(!root("networks: {a: {intern: true}}"));
        assert!(!root("volumes: {a: {internal: true}}"));
    }
}
