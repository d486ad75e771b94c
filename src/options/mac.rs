//! `mac_address`: the MAC address of a container. MAC addresses on single networks are
//! [`super::networks`]'s.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::fields::{Nothing, Owned};
use super::grammar::{Grammar, good};
use super::risk::Risk;
use super::row::{Body, Context, Group, OPTION, OptionDef, Row, Spelled};
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};

/// The MAC address of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mac(pub String);

impl Spelled for Mac {
    const GRAMMAR: Grammar = MAC;
}

/// The row of `mac_address`.
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

    /// Compares an expected address only, because an engine gives every container an address.
    /// Before API 1.52 `Config` shows the requested address. Later engines show the current address
    /// of a running container only; on a stopped container the address counts as equal. An address
    /// that an attachment requests is compared there, as long as the attachment shows the address.
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

/// A MAC address, in the form `02:42:ac:11:00:02`.
pub(super) const MAC: Grammar = Grammar::Text {
    what: "the MAC address of one card like `02:42:ac:11:00:02`",
    spell: |text| {
        let written = spelled(text);
        let parts: Vec<&str> = written.split(':').collect();
        let byte = |part: &&str| part.len() == 2 && u8::from_str_radix(part, 16).is_ok();
        // The kernel refuses multicast addresses and the zero address.
        let many = u8::from_str_radix(parts[0], 16).is_ok_and(|first| first % 2 == 1);
        let none = parts.iter().all(|part| *part == "00");
        good(parts.len() == 6 && parts.iter().all(byte) && !many && !none, written)
    },
    schema: || json!({"type": "string", "pattern": "^[0-9a-fA-F][02468aceACE]([:-][0-9a-fA-F]{2}){5}$"}),
};

/// The canonical form of a MAC address.
pub(super) fn spelled(mac: &str) -> String {
    mac.to_ascii_lowercase().replace('-', ":")
}
