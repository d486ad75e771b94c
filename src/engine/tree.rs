//! An engine's answers as JSON values, as `serde_json` makes them but in less time: an object gets
//! all its fields at once. Engines do not sort them, and putting them into a map one by one takes
//! a fifth more, and leaves maps half empty.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

/// A JSON value; of a field that is there twice, the last one.
pub(super) struct Tree(pub(super) Json);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Grow).map(Self)
    }
}

struct Grow;

impl<'de> Visitor<'de> for Grow {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(Tree(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut entries: Vec<(String, Json)> = Vec::new();
        while let Some((key, Tree(value))) = map.next_entry()? {
            entries.push((key, value));
        }
        Ok(Json::Object(entries.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_serde_json_makes_of_it() {
        for text in [
            "null",
            r#"{"b": [1, -2, 3.5, 18446744073709551615, true, null, "x\u0041\"", {}], "a": {"": []}}"#,
            r#"{"a": 1, "b": 2, "a": 3}"#,
        ] {
            let Tree(json) = serde_json::from_str(text).unwrap();
            assert_eq!(json, serde_json::from_str::<Json>(text).unwrap(), "{text}");
        }
        let deep = "[".repeat(1_000);
        assert!(serde_json::from_str::<Tree>(&deep).is_err());
        assert!(serde_json::from_str::<Tree>("{\"a\": 1").is_err());
        assert!(serde_json::from_str::<Tree>("1 2").is_err());
    }
}
