//! Reads JSON values: strictly for reviewed files, quickly for the answers of engines.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Value as Json};

use crate::base::say;

/// A JSON value without duplicate keys. `serde_json` keeps the last duplicate, so that a reviewer
/// could read another value than the program.
#[derive(Debug, Clone, PartialEq)]
pub struct Strict(pub Json);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        strict(deserializer).map(Self)
    }
}

/// Reads a [`Strict`] value, for `#[serde(deserialize_with = "…")]`.
pub fn strict<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
    Builder { strict: true }.deserialize(deserializer)
}

/// A JSON value in which the last duplicate key wins, as in `serde_json`, but faster: an object
/// takes all its fields at once. Engines do not sort fields, and inserting them one by one takes a
/// fifth more time and leaves maps half empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Loose(pub Json);

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Builder { strict: false }.deserialize(deserializer).map(Self)
    }
}

#[derive(Clone, Copy)]
struct Builder {
    strict: bool,
}

impl<'de> DeserializeSeed<'de> for Builder {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Builder {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
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

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        if !self.strict {
            let mut fields: Vec<(String, Json)> = Vec::new();
            while let Some(key) = map.next_key()? {
                fields.push((key, map.next_value_seed(self)?));
            }
            return Ok(Json::Object(fields.into_iter().collect()));
        }
        // bayplan writes sorted fields, and strictly ascending fields have no duplicate key.
        let mut fields: Vec<(String, Json)> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(self)?;
            if fields.last().is_some_and(|(last, _)| *last >= key) {
                return rest(fields, (key, value), map);
            }
            fields.push((key, value));
        }
        Ok(Json::Object(fields.into_iter().collect()))
    }
}

/// Reads further fields that are not sorted; each key is looked up.
fn rest<'de, A: MapAccess<'de>>(
    sorted: Vec<(String, Json)>,
    next: (String, Json),
    mut map: A,
) -> Result<Json, A::Error> {
    let mut object: Map<String, Json> = sorted.into_iter().collect();
    let mut next = Some(next);
    while let Some((key, value)) = next {
        match object.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(value);
            }
            Entry::Occupied(entry) => {
                let key = say::short(entry.key());
                return Err(de::Error::custom(format!("the key `{key}` comes twice")));
            }
        }
        next = match map.next_key()? {
            Some(key) => Some((key, map.next_value_seed(Builder { strict: true })?)),
            None => None,
        };
    }
    Ok(Json::Object(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_comes_twice_is_refused_wherever_it_stands() {
        let read = |text: &str| serde_json::from_str::<Strict>(text).map(|Strict(json)| json);
        for text in [r#"{"a": 1, "b": 2, "c": 3}"#, r#"{"c": {"b": 1, "a": 2}, "a": 2, "b": 3}"#] {
            assert_eq!(read(text).unwrap(), serde_json::from_str::<Json>(text).unwrap(), "{text}");
        }
        for text in [
            r#"{"a": 1, "a": 2}"#,
            r#"{"a": 1, "b": 2, "a": 3}"#,
            r#"{"b": 1, "a": 2, "b": 3}"#,
            r#"{"b": 1, "a": 2, "c": 3, "a": {"x": 1}}"#,
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains("comes twice"), "{text}: {error}");
        }
    }

    #[test]
    fn it_is_what_serde_json_makes_of_it() {
        for text in [
            "null",
            r#"{"b": [1, -2, 3.5, 18446744073709551615, true, null, "x\u0041\"", {}], "a": {"": []}}"#,
            r#"{"a": 1, "b": 2, "a": 3}"#,
        ] {
            let Loose(json) = serde_json::from_str(text).unwrap();
            assert_eq!(json, serde_json::from_str::<Json>(text).unwrap(), "{text}");
        }
        let deep = "[".repeat(1_000);
        assert!(serde_json::from_str::<Loose>(&deep).is_err());
        assert!(serde_json::from_str::<Loose>("{\"a\": 1").is_err());
        assert!(serde_json::from_str::<Loose>("1 2").is_err());
    }
}
