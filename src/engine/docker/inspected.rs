//! Fast parsing of inspect data, because parsing dominates the time of a look.
//!
//! A third of the data is the host configuration, and similar containers have the same host
//! configuration as text. Each text is parsed once and then copied. Values that
//! [`crate::observed::redact`] always removes are skipped at once. The meaning of the other values
//! is not known here.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use crate::base::canonical::Loose;
use crate::observed::redact::UNKEPT;

/// The field that is often equal in many containers.
const SHARED: &str = "HostConfig";
/// How many texts of this field are cached: enough for the kinds of containers on one engine, and
/// few enough to search quickly.
const KEPT: usize = 16;
/// The longest cached text; longer texts are rarely repeated.
const LONGEST: usize = 64 << 10;

/// The cached texts. No `Debug`, because the texts contain secrets.
#[derive(Default)]
pub(super) struct Inspected(Vec<(Box<str>, Json)>);

impl Inspected {
    /// Parses inspect data.
    pub(super) fn read(&mut self, text: &str) -> serde_json::Result<Json> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let read = (&mut *self).deserialize(&mut deserializer).and_then(|json| {
            deserializer.end()?;
            Ok(json)
        });
        // The full parser reports the error.
        read.or_else(|_| serde_json::from_str(text).map(|Loose(json)| json))
    }

    fn shared(&mut self, text: &str) -> serde_json::Result<Json> {
        let known = &mut self.0;
        if let Some((_, json)) = known.iter().find(|(other, _)| **other == *text) {
            return Ok(json.clone());
        }
        let Loose(json) = serde_json::from_str(text)?;
        if known.len() < KEPT && text.len() <= LONGEST {
            known.push((text.into(), json.clone()));
        }
        Ok(json)
    }
}

impl<'de> DeserializeSeed<'de> for &mut Inspected {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Inspected {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("inspect data")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut fields: Vec<(String, Json)> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if UNKEPT.contains(&name.as_str()) {
                map.next_value::<de::IgnoredAny>()?;
                continue;
            }
            let value = if name == SHARED {
                self.shared(map.next_value::<&RawValue>()?.get()).map_err(de::Error::custom)?
            } else {
                map.next_value::<Loose>()?.0
            };
            fields.push((name, value));
        }
        Ok(Json::Object(Map::from_iter(fields)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_look_keeps_is_left_out() {
        let text = r#"{"Id": "1", "ExecIDs": ["2"], "GraphDriver": {"Name": "x"}, "Config": {}}"#;
        let json = Inspected::default().read(text).unwrap();
        assert_eq!(json, serde_json::json!({"Id": "1", "Config": {}}));
    }

    #[test]
    fn it_is_what_it_would_be_read_alone() {
        let mut read = Inspected::default();
        let host = |number: usize| format!(r#"{{"Memory": {number}, "Binds": ["/a:/b\u0041"]}}"#);
        // Each text appears twice, and there are more texts than cache places.
        let hosts = (0..2 * KEPT).chain(0..2 * KEPT).map(host);
        for host in hosts.chain(["null", "[]", "3"].map(str::to_owned)) {
            let text =
                format!(r#"{{"Id": "1", "HostConfig": {host}, "A": [{{"HostConfig": 1}}]}}"#);
            let plain: Json = serde_json::from_str(&text).unwrap();
            assert_eq!(read.read(&text).unwrap(), plain, "{text}");
        }
        assert_eq!(read.0.len(), KEPT);
        assert_eq!(read.read("[1]").unwrap(), serde_json::json!([1]));
    }

    #[test]
    fn what_is_wrong_is_told_as_of_the_whole() {
        let mut read = Inspected::default();
        for text in [
            "{\n\"HostConfig\": {\"Memory\": }}",
            "{\n\"HostConfig\": \"\\ud800\"}",
            "{\"HostConfig\": {}",
            "{\"HostConfig\": {}} 1",
        ] {
            let plain = serde_json::from_str::<Loose>(text).unwrap_err();
            assert_eq!(read.read(text).unwrap_err().to_string(), plain.to_string(), "{text}");
        }
    }
}
