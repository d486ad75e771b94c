//! Reading what an engine says of one container, where the processor is what a look waits for.
//!
//! A third of that is how its host runs it, and containers that were made alike say it text for
//! text: it is read once and copied. What [`crate::observed::redact`] takes away from every look is left out
//! at once. What the rest means is not known here.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use crate::base::canonical::Loose;
use crate::observed::redact::UNKEPT;

/// The field that is the same in many containers.
const SHARED: &str = "HostConfig";
/// How many texts of it are remembered: the kinds of containers that one engine has, and no more
/// than are soon looked through.
const KEPT: usize = 16;
/// The longest of them; what is longer is hardly said twice.
const LONGEST: usize = 64 << 10;

/// What was read so far. It has no `Debug`: secrets are readable in it.
#[derive(Default)]
pub(super) struct Inspected(Vec<(Box<str>, Json)>);

impl Inspected {
    /// Reads an answer.
    pub(super) fn read(&mut self, text: &str) -> serde_json::Result<Json> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let read = (&mut *self).deserialize(&mut deserializer).and_then(|json| {
            deserializer.end()?;
            Ok(json)
        });
        // What is wrong with it is told by who reads all of it.
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
        // Each twice, and more of them than are remembered.
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
