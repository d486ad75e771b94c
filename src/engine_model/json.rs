//! Helpers for raw JSON objects.

use serde_json::{Map, Value as Json};

/// A JSON object.
pub(super) type Object = Map<String, Json>;

/// Whether Go would treat a value as its zero value: null, `""`, `0`, `false`, `[]`, `{}`.
pub(super) fn is_empty(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::Bool(value) => !value,
        Json::Number(number) => number.as_i64() == Some(0),
        Json::String(text) => text.is_empty(),
        Json::Array(list) => list.is_empty(),
        Json::Object(map) => map.is_empty(),
    }
}

/// The keys and values of an object; empty for other values.
pub(super) fn entries(json: &Json) -> impl Iterator<Item = (&String, &Json)> {
    json.as_object().into_iter().flatten()
}

/// The texts of a list; empty for other values.
pub(super) fn texts(json: &Json) -> impl Iterator<Item = &str> {
    json.as_array().into_iter().flatten().filter_map(Json::as_str)
}

/// A whole number; 0 for other values.
pub(super) fn number(object: &Object, field: &str) -> i64 {
    object.get(field).and_then(Json::as_i64).unwrap_or(0)
}

/// A text; empty for other values.
pub(super) fn text<'a>(object: &'a Object, field: &str) -> &'a str {
    object.get(field).and_then(Json::as_str).unwrap_or("")
}

/// Overwrites a template with the sent fields that are not null. A field outside the template and
/// `also` is unknown to the engine, and is dropped.
pub(super) fn fill(template: &mut Object, sent: &Json, also: &[&str]) {
    for (field, value) in entries(sent) {
        let known = template.contains_key(field) || also.contains(&field.as_str());
        if known && !value.is_null() {
            template.insert(field.clone(), value.clone());
        }
    }
}
