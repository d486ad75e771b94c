//! `networks`: the networks of a container, with its endpoint settings.
//!
//! The networks themselves are the spec's ([`crate::spec::resources`]). [`main`] chooses the
//! network in which the container is created.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::field::{some_map, strings};
use super::fields::Owned;
use super::grammar::{
    Bare, Grammar, Map as Wishes, Names, Spelt, TEXT, Wrong, good, key, keys, list_of, text_of,
};
use super::ip::{IPV4, IPV6, LINK_LOCAL};
use super::mac::{MAC, spelled};
use super::network::is_name;
use super::risk::Risk;
use super::row::{Body, Change, Context, Group, OPTION, OptionDef, Row, Spelled};
use crate::base::say;
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, HIDDEN, Value};
use crate::syntax::node::Kind;

/// The declared networks, by key or name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, Option<Endpoint>>", into = "BTreeMap<String, Option<Endpoint>>")]
pub struct Networks(pub BTreeMap<String, Endpoint>);

/// The endpoint settings of a container on a network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Endpoint {
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    aliases: BTreeSet<String>,
    #[serde(rename = "ipv4_address", skip_serializing_if = "Option::is_none")]
    ipv4: Option<IpAddr>,
    #[serde(rename = "ipv6_address", skip_serializing_if = "Option::is_none")]
    ipv6: Option<IpAddr>,
    #[serde(rename = "link_local_ips", skip_serializing_if = "BTreeSet::is_empty")]
    link_local: BTreeSet<IpAddr>,
    #[serde(rename = "mac_address", skip_serializing_if = "Option::is_none")]
    mac: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    driver_opts: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "is_zero")]
    gw_priority: i64,
    #[serde(skip_serializing_if = "is_zero")]
    priority: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// The driver option that names the interface, from API 1.49 on. Compose writes this option too.
pub const INTERFACE: &str = "com.docker.network.endpoint.ifname";

/// The network in which a container is created: the network with the highest `priority`, or else
/// the first network by name.
pub fn main(networks: &Networks) -> Option<&str> {
    let best = networks
        .0
        .iter()
        .max_by_key(|(name, endpoint)| (endpoint.priority, std::cmp::Reverse((*name).clone())));
    best.map(|(name, _)| name.as_str())
}

impl Endpoint {
    /// The endpoint settings of the engine's API.
    fn write(&self) -> Json {
        let mut out = Map::new();
        let mut ipam = Map::new();
        if !self.aliases.is_empty() {
            out.insert("Aliases".to_owned(), json!(self.aliases));
        }
        for (field, address) in [("IPv4Address", self.ipv4), ("IPv6Address", self.ipv6)] {
            ipam.extend(address.map(|address| (field.to_owned(), json!(address))));
        }
        if !self.link_local.is_empty() {
            ipam.insert("LinkLocalIPs".to_owned(), json!(self.link_local));
        }
        if !ipam.is_empty() {
            out.insert("IPAMConfig".to_owned(), Json::Object(ipam));
        }
        if let Some(mac) = &self.mac {
            out.insert("MacAddress".to_owned(), json!(mac));
        }
        if !self.driver_opts.is_empty() {
            out.insert("DriverOpts".to_owned(), json!(self.driver_opts));
        }
        if self.gw_priority != 0 {
            out.insert("GwPriority".to_owned(), json!(self.gw_priority));
        }
        Json::Object(out)
    }

    /// Reads the requested settings from inspect data, never the assigned values. The MAC address
    /// is shown in both cases.
    fn read(json: &Json) -> Self {
        let ip = |json: &Json| json.as_str().and_then(|text| text.parse().ok());
        let ipam = &json["IPAMConfig"];
        let options = json["DriverOpts"].as_object().into_iter().flatten();
        Self {
            aliases: strings(&json["Aliases"]).map(str::to_owned).collect(),
            ipv4: ip(&ipam["IPv4Address"]),
            ipv6: ip(&ipam["IPv6Address"]),
            link_local: strings(&ipam["LinkLocalIPs"])
                .filter_map(|text| text.parse().ok())
                .collect(),
            mac: json["MacAddress"].as_str().filter(|mac| !mac.is_empty()).map(spelled),
            driver_opts: options
                .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
            gw_priority: json["GwPriority"].as_i64().unwrap_or(0),
            priority: 0,
        }
    }

    /// Whether the found endpoint can equal the wanted endpoint, with hidden driver options
    /// unknown.
    fn may_be(&self, want: &Self) -> bool {
        let hidden = self.driver_opts.iter().filter(|(_, value)| *value == HIDDEN);
        let hidden: BTreeSet<&String> = hidden.map(|(key, _)| key).collect();
        let rest = |all: &Self| {
            let mut all = all.clone();
            all.driver_opts.retain(|key, _| !hidden.contains(key));
            all
        };
        !hidden.is_empty()
            && hidden.iter().all(|key| want.driver_opts.contains_key(*key))
            && rest(self) == rest(want)
    }

    /// Drops settings that the wanted endpoint lacks.
    fn keep_only(&mut self, want: &Self) {
        self.aliases.retain(|alias| want.aliases.contains(alias));
        self.link_local.retain(|address| want.link_local.contains(address));
        self.driver_opts.retain(|key, _| want.driver_opts.contains_key(key));
        self.ipv4 = self.ipv4.filter(|_| want.ipv4.is_some());
        self.ipv6 = self.ipv6.filter(|_| want.ipv6.is_some());
        if want.gw_priority == 0 {
            self.gw_priority = 0;
        }
    }

    /// The endpoint as unambiguous text: `aliases db www, ipv4 10.0.0.5`.
    fn canonical(&self) -> Atom {
        let Self { aliases, ipv4, ipv6, link_local, mac, driver_opts, gw_priority, priority: _ } =
            self;
        let mut parts: Vec<String> = Vec::new();
        let mut say = |what: &str, words: Vec<String>| {
            if !words.is_empty() {
                parts.push(format!("{what} {}", words.join(" ")));
            }
        };
        say("aliases", aliases.iter().cloned().collect());
        say("ipv4", ipv4.iter().map(ToString::to_string).collect());
        say("ipv6", ipv6.iter().map(ToString::to_string).collect());
        say("link-local", link_local.iter().map(ToString::to_string).collect());
        say("mac", mac.iter().cloned().collect());
        say("options", driver_opts.iter().map(|(key, value)| format!("{key}={value}")).collect());
        let priority = (*gw_priority != 0).then(|| gw_priority.to_string());
        say("gw_priority", priority.into_iter().collect());
        Atom::Text(if parts.is_empty() { "attached".to_owned() } else { parts.join(", ") })
    }
}

impl Spelled for Networks {
    const GRAMMAR: Grammar = Grammar::Checked {
        of: &Grammar::OneOf {
            what: "a list or a map of networks",
            of: &[
                list_of("a list of networks", &text_of("the key or the name of a network")),
                Grammar::Map(Wishes {
                    what: "a map of networks",
                    names: Names::Any,
                    value: &ENDPOINT,
                    pairs: false,
                    bare: Bare::Is(|_| Json::Null),
                }),
            ],
        },
        check: by_network,
    };
}

/// Turns a list into a map, and checks it: each network once, by a valid name, and no settings on
/// `bridge`.
fn by_network(read: Json) -> Spelt {
    let named = match read {
        Json::Array(names) => {
            let mut all = Map::new();
            for name in strings(&Json::Array(names)) {
                if all.insert(name.to_owned(), Json::Null).is_some() {
                    let found = say::short(name);
                    let message = format!("expected every network once, but found `{found}` again");
                    return Err(Wrong::Told(message, None));
                }
            }
            all
        }
        Json::Object(named) => named,
        _ => return Err(Wrong::Other),
    };
    for (name, wishes) in &named {
        // `default` means a network of the spec: see `Context::network`.
        if matches!(name.as_str(), "host" | "none") || !is_name(name) {
            let found = say::short(name);
            return Err(Wrong::Told(
                format!("expected the key or the name of a network, but found `{found}`"),
                Some("`network_mode` takes `host`, `none` and the engine's own `bridge`"),
            ));
        }
        let given = ["aliases", "ipv4_address", "ipv6_address"];
        if name == "bridge" && given.iter().any(|key| wishes.get(key).is_some()) {
            return Err(Wrong::Told(
                "expected no aliases and addresses on `bridge`: the engine gives none there".into(),
                Some("declare a network of your own under `networks` at the root"),
            ));
        }
    }
    Ok(Json::Object(named))
}

const ENDPOINT: Grammar = Grammar::Checked {
    of: &keys(
        "a map with `aliases`, `ipv4_address`, …, or nothing",
        &[
            key("aliases", list_of("a list of names", &TEXT)),
            key("ipv4_address", IPV4),
            key("ipv6_address", IPV6),
            key("link_local_ips", list_of("a list of IP addresses", &LINK_LOCAL)),
            key("mac_address", MAC),
            key(
                "driver_opts",
                Grammar::Map(Wishes {
                    what: "a map of options",
                    names: Names::Any,
                    value: &DRIVER_OPTION,
                    pairs: false,
                    bare: Bare::Wrong("an option with its value", None),
                }),
            ),
            key("gw_priority", PRIORITY),
            key("priority", PRIORITY),
            key(
                "interface_name",
                Grammar::Text {
                    what: "a name of an interface, 15 bytes at most",
                    spell: |name| {
                        let letter = |c: char| !c.is_whitespace() && !matches!(c, '/' | ':');
                        let long = (1..=15).contains(&name.len());
                        good(long && !matches!(name, "." | "..") && name.chars().all(letter), name)
                    },
                    schema: || json!({"type": "string", "pattern": r"^[^/:\s]{1,15}$"}),
                },
            ),
        ],
    ),
    check: |read| {
        let Json::Object(mut said) = read else { return Err(Wrong::Other) };
        // Compose's `interface_name` is a driver option.
        if let Some(name) = said.remove("interface_name") {
            let options = said.entry("driver_opts").or_insert_with(|| json!({}));
            options[INTERFACE] = name;
        }
        Ok(Json::Object(said))
    },
};

const PRIORITY: Grammar = Grammar::Whole { what: "a whole number", least: i64::MIN, most: None };

/// A driver option is a text to an engine: `true` is `"true"`.
const DRIVER_OPTION: Grammar = Grammar::OneOf {
    what: "a text, a number or a boolean",
    of: &[Grammar::Scalar {
        what: "a text, a number or a boolean",
        read: |node| match &node.kind {
            Kind::Bool(value) => Some(json!(value.to_string())),
            Kind::Text(text) | Kind::Number(text) => Some(json!(text)),
            _ => None,
        },
        schema: || json!({"type": ["string", "number", "boolean"]}),
    }],
};

impl From<BTreeMap<String, Option<Endpoint>>> for Networks {
    fn from(said: BTreeMap<String, Option<Endpoint>>) -> Self {
        Self(said.into_iter().map(|(name, own)| (name, own.unwrap_or_default())).collect())
    }
}

impl From<Networks> for BTreeMap<String, Option<Endpoint>> {
    fn from(Networks(all): Networks) -> Self {
        let wishes = |own: Endpoint| Some(own).filter(|own| *own != Endpoint::default());
        all.into_iter().map(|(name, own)| (name, wishes(own))).collect()
    }
}

/// The row of `networks`.
#[derive(Debug)]
pub struct NetworksRow;

impl NetworksRow {
    fn endpoints(look: &InspectView) -> BTreeMap<String, Endpoint> {
        let networks = look.json()["NetworkSettings"]["Networks"].as_object();
        let all = networks.into_iter().flatten();
        all.map(|(name, json)| (name.clone(), Endpoint::read(json))).collect()
    }

    /// Both sides for the comparison. A MAC address counts only if it is expected; a stopped
    /// container shows none. A container-wide MAC address is `mac_address`'s.
    fn both(
        both: (&InspectView, &InspectView),
    ) -> (BTreeMap<String, Endpoint>, BTreeMap<String, Endpoint>) {
        let (mut want, mut have) = (Self::endpoints(both.0), Self::endpoints(both.1));
        // Every network resolves the container name anyway; Compose adds it as an alias all the
        // same.
        let name = |look: &InspectView| {
            look.json()["Name"].as_str().unwrap_or_default().trim_start_matches('/').to_owned()
        };
        let names = [name(both.0), name(both.1)];
        for endpoint in want.values_mut().chain(have.values_mut()) {
            endpoint.aliases.retain(|alias| !names.contains(alias));
        }
        // Every network resolves the host name too, and inspect data does not list this alias.
        let is_there = both.1.json()["Id"].is_string();
        if let Some(hostname) = both.1.config("Hostname").as_str().filter(|_| is_there) {
            for want in want.values_mut() {
                want.aliases.remove(hostname);
            }
        }
        let own = both.0.json()["OwnMacAddress"] == true;
        let main = both.0.host("NetworkMode").as_str().filter(|_| own);
        if let Some(want) = main.and_then(|main| want.get_mut(main)) {
            want.mac = None;
        }
        for (name, have) in &mut have {
            let want = want.get_mut(name);
            match want {
                Some(want) if want.mac.is_some() && have.mac.is_some() => {}
                Some(want) => (want.mac, have.mac) = (None, None),
                None => have.mac = None,
            }
        }
        (want, have)
    }

    /// Both sides of the comparison, with undecided values as hidden.
    fn judged(
        want: &BTreeMap<String, Endpoint>,
        have: &BTreeMap<String, Endpoint>,
        expected: &mut Value,
        found: &mut Value,
    ) {
        let may_be = |(name, have): &(&String, &Endpoint)| {
            want.get(*name).is_some_and(|want| have.may_be(want))
        };
        let hidden: Vec<String> =
            have.iter().filter(may_be).map(|(name, _)| name.clone()).collect();
        *expected = Self::value(want);
        *found = Self::value(have);
        if let Value::Map(found) = found {
            found.extend(hidden.into_iter().map(|name| (name, Atom::text(HIDDEN))));
        }
    }

    fn value(endpoints: &BTreeMap<String, Endpoint>) -> Value {
        let atoms = endpoints.iter().map(|(name, own)| (name.clone(), own.canonical()));
        some_map(atoms.collect())
    }
}

impl Row for NetworksRow {
    type Declared = Networks;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "networks",
            risk: Risk::None,
            doc: "the networks it is on, by key at the root or by name, with aliases and addresses; of several it is created in the one of the highest `priority`",
            examples: &[
                "[back, front]",
                "{back: {aliases: [db, sql], ipv4_address: 10.77.0.9, priority: 10}, front: }",
                "{back: {ipv6_address: \"fd00::9\", link_local_ips: [169.254.8.8], gw_priority: 1}}",
                "{back: {interface_name: eth9}, front: {interface_name: eth8}}",
                "{back: {mac_address: \"02:42:AC:11:00:02\", driver_opts: {com.example.queue: 7}}}",
            ],
            group: Group::Network,
            follows: &["network_mode"],
            many: true,
            change: Change::Connect,
            ..OPTION
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        Vec::new()
    }

    fn write(&self, said: &Networks, body: &mut Body, cx: &Context) {
        let endpoints: Map<String, Json> = said
            .0
            .iter()
            .map(|(name, endpoint)| (cx.network(name).to_owned(), endpoint.write()))
            .collect();
        body.nested("NetworkingConfig").insert("EndpointsConfig".to_owned(), endpoints.into());
    }

    /// Drops the MAC addresses of the found side, because an engine assigns most of them.
    fn read(&self, look: &InspectView) -> Value {
        let mut endpoints = Self::endpoints(look);
        let declared = look.json()["Id"].is_null();
        for endpoint in endpoints.values_mut().filter(|_| !declared) {
            endpoint.mac = None;
        }
        Self::value(&endpoints)
    }

    fn normalize_pair(
        &self,
        expected: &mut Value,
        found: &mut Value,
        both: (&InspectView, &InspectView),
    ) {
        let (want, have) = Self::both(both);
        Self::judged(&want, &have, expected, found);
    }

    /// Drops aliases and other settings that are not expected.
    fn without_more(
        &self,
        expected: &mut Value,
        found: &mut Value,
        both: (&InspectView, &InspectView),
    ) {
        let (want, mut have) = Self::both(both);
        for (name, have) in &mut have {
            if let Some(want) = want.get(name) {
                have.keep_only(want);
            }
        }
        Self::judged(&want, &have, expected, found);
    }

    fn to_spec(&self, look: &InspectView) -> Json {
        let declared = look.json()["Id"].is_null();
        let mut all = Self::endpoints(look);
        for own in all.values_mut().filter(|_| !declared) {
            own.mac = None;
        }
        json!(Networks(all))
    }
}
