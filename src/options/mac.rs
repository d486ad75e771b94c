//! `mac_address`: the address of a container's network card. Those of single networks are wishes of
//! [`super::networks`].

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::fields::{Nothing, Owned};
use super::grammar::{Grammar, good};
use super::risk::Risk;
use super::row::{Body, Context, Group, OPTION, OptionDef, Row, Spelled};
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};

/// The address of a container's network card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mac(pub String);

impl Spelled for Mac {
    const GRAMMAR: Grammar = MAC;
}

/// The row of that address.
#[derive(Debug)]
pub struct MacRow;

impl Row for MacRow {
    type Declared = Mac;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "mac_address",
            risk: Risk::None,
            doc: "the address of its network card in the network that it is created in",
            examples: &["\"02:42:ac:11:00:99\""],
            group: Group::Network,
            ..OPTION
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        vec![Owned::config("MacAddress", Nothing::Missing)]
    }

    fn write(&self, said: &Mac, body: &mut Body, _cx: &Context) {
        body.config("MacAddress", said.0.as_str());
    }

    fn read(&self, look: &InspectView) -> Value {
        let own = look.config("MacAddress").as_str().filter(|mac| !mac.is_empty());
        own.map_or(Value::Unset, |mac| Value::One(Atom::Text(spelled(mac))))
    }

    /// An engine gives every container one, and shows under `Config` what was asked for alone.
    /// Those that do not show the wish (from API 1.52) show the address itself, while it runs; of
    /// one that does not, it cannot be told there.
    /// One that is the wish of an attachment is told there, as long as it shows there.
    fn normalize_pair(
        &self,
        expected: &mut Value,
        found: &mut Value,
        both: (&InspectView, &InspectView),
    ) {
        if *expected == Value::Unset {
            return;
        }
        let mode = both.1.host("NetworkMode").as_str().unwrap_or_default();
        let mac = &both.1.json()["NetworkSettings"]["Networks"][mode]["MacAddress"];
        let mac = mac.as_str().filter(|mac| !mac.is_empty());
        let attachments = both.0.json()["OwnMacAddress"] == false;
        let shown = both.0.json()["ShowsMacAddress"] == true;
        match mac {
            Some(_) if attachments => *found = expected.clone(),
            Some(mac) if *found == Value::Unset => *found = Value::One(Atom::Text(spelled(mac))),
            None if *found == Value::Unset && !shown => *found = expected.clone(),
            _ => {}
        }
    }
}

/// `02:42:ac:11:00:02`, whatever it was spelt with.
pub(super) const MAC: Grammar = Grammar::Text {
    what: "the MAC address of one card like `02:42:ac:11:00:02`",
    spell: |text| {
        let written = spelled(text);
        let parts: Vec<&str> = written.split(':').collect();
        let byte = |part: &&str| part.len() == 2 && u8::from_str_radix(part, 16).is_ok();
        // The kernel gives no card an address of many, or none.
        let many = u8::from_str_radix(parts[0], 16).is_ok_and(|first| first % 2 == 1);
        let none = parts.iter().all(|part| *part == "00");
        good(parts.len() == 6 && parts.iter().all(byte) && !many && !none, written)
    },
    schema: || json!({"type": "string", "pattern": "^[0-9a-fA-F][02468aceACE]([:-][0-9a-fA-F]{2}){5}$"}),
};

/// Its one spelling.
pub(super) fn spelled(mac: &str) -> String {
    mac.to_ascii_lowercase().replace('-', ":")
}
