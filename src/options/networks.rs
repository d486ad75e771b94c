//! `networks`: the networks that a container is on, and its wishes there.
//!
//! Networks themselves are the spec's root ([`crate::spec::resources`]). Which of several networks a
//! container is created in is [`main`]'s to say.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::field::{known_keys, map_schema, or_null, some_map, strings, text, texts};
use super::fields::Owned;
use super::ip::{address, link_local};
use super::mac::{PATTERN, mac, spelled};
use super::network::is_name;
use super::numbers;
use super::risk::Risk;
use super::row::{Body, Change, Context, Group, OPTION, OptionDef, OptionValue, Row};
use crate::base::say;
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, HIDDEN, Value};
use crate::syntax::node::{Entry, Kind, Node, Problems};

/// What a spec says of networks: by the network's key or name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Networks(pub BTreeMap<String, Endpoint>);

/// The wishes of a container on one network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Endpoint {
    aliases: BTreeSet<String>,
    ipv4: Option<IpAddr>,
    ipv6: Option<IpAddr>,
    link_local: BTreeSet<IpAddr>,
    mac: Option<String>,
    driver_opts: BTreeMap<String, String>,
    gw_priority: i64,
    priority: i64,
}

const KEYS: &[&str] = &[
    "aliases",
    "ipv4_address",
    "ipv6_address",
    "link_local_ips",
    "mac_address",
    "driver_opts",
    "gw_priority",
    "priority",
    "interface_name",
];

/// Those of them that take no text.
const LISTS: &[&str] = &["aliases", "link_local_ips", "driver_opts"];

/// The option by which an engine's drivers know what an interface is to be called, from API 1.49
/// on: Compose writes it, too.
pub const INTERFACE: &str = "com.docker.network.endpoint.ifname";

/// The network that a container is created in: that of the highest `priority`, else the first by
/// name.
pub fn main(networks: &Networks) -> Option<&str> {
    let best = networks
        .0
        .iter()
        .max_by_key(|(name, endpoint)| (endpoint.priority, std::cmp::Reverse((*name).clone())));
    best.map(|(name, _)| name.as_str())
}

impl Endpoint {
    fn parse(name: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        let entries = match &node.kind {
            Kind::Null => return Some(Self::default()),
            Kind::Map(entries) => entries.as_slice(),
            _ => {
                return problems
                    .expected("a map with `aliases`, `ipv4_address`, …, or nothing", node);
            }
        };
        let before = problems.all.len();
        known_keys(entries, KEYS, problems);
        let mut own = Self::default();
        for Entry { key, value, .. } in
            entries.iter().filter(|entry| entry.value.kind != Kind::Null)
        {
            match key.as_str() {
                // A list and a map are no texts, and the empty one is wrong there.
                word if value.says_nothing() && !LISTS.contains(&word) => {}
                "aliases" => {
                    own.aliases
                        .extend(texts(value, "a list of names", problems).into_iter().flatten());
                }
                "ipv4_address" => own.ipv4 = address(value, Some(true), problems),
                "ipv6_address" => own.ipv6 = address(value, Some(false), problems),
                "link_local_ips" => {
                    let Kind::List(items) = &value.kind else {
                        problems.expected::<()>("a list of IP addresses", value);
                        continue;
                    };
                    let all = items.iter().filter_map(|item| link_local(item, problems));
                    own.link_local.extend(all.collect::<Vec<_>>());
                }
                "mac_address" => own.mac = mac(value, problems),
                "driver_opts" => own.driver_opts.extend(options(value, problems)),
                "interface_name" => own.interface(value, problems),
                "gw_priority" => own.gw_priority = number(value, problems),
                "priority" => own.priority = number(value, problems),
                _ => {}
            }
        }
        let plain = Self {
            driver_opts: BTreeMap::new(),
            gw_priority: 0,
            priority: 0,
            mac: None,
            link_local: BTreeSet::new(),
            ..own.clone()
        };
        if name == "bridge" && plain != Self::default() {
            problems.add_hint(
                node.place,
                "expected no aliases and addresses on `bridge`: the engine gives none there",
                "declare a network of your own under `networks` at the root",
            );
        }
        (problems.all.len() == before).then_some(own)
    }

    /// What its interface is called inside: an option of the driver, said in Compose's word.
    fn interface(&mut self, node: &Node, problems: &mut Problems) {
        let what = "a name of an interface, 15 bytes at most";
        let Some(name) = text(node, what, problems) else { return };
        let good = (1..=15).contains(&name.len())
            && !matches!(name.as_str(), "." | "..")
            && !name.contains(|c: char| c.is_whitespace() || matches!(c, '/' | ':'));
        if good {
            self.driver_opts.insert(INTERFACE.to_owned(), name);
        } else {
            problems.expected::<()>(what, node);
        }
    }

    fn print(&self) -> Json {
        let Self { aliases, ipv4, ipv6, link_local, mac, driver_opts, gw_priority, priority } =
            self;
        let mut out = Map::new();
        let mut say = |key: &str, unusual: bool, value: Json| {
            if unusual {
                out.insert(key.to_owned(), value);
            }
        };
        say("aliases", !aliases.is_empty(), json!(aliases));
        say("ipv4_address", ipv4.is_some(), json!(ipv4));
        say("ipv6_address", ipv6.is_some(), json!(ipv6));
        say("link_local_ips", !link_local.is_empty(), json!(link_local));
        say("mac_address", mac.is_some(), json!(mac));
        say("driver_opts", !driver_opts.is_empty(), json!(driver_opts));
        say("gw_priority", *gw_priority != 0, json!(gw_priority));
        say("priority", *priority != 0, json!(priority));
        if out.is_empty() { Json::Null } else { Json::Object(out) }
    }

    /// The engine's endpoint settings.
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

    /// From inspect data: what was wished, never what was assigned. The address of the network
    /// card is shown whether it was wished or not.
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

    /// Whether it differs from what is wanted in hidden options of the driver alone, if at all.
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

    /// Takes away what is not wished for in what is wanted.
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

    /// A text in which equal means the same: `aliases db www, ipv4 10.0.0.5`.
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

fn number(node: &Node, problems: &mut Problems) -> i64 {
    let wrong = |problems: &mut Problems| numbers::expected("a whole number", node, problems);
    numbers::whole(node).or_else(|| wrong(problems)).unwrap_or_default()
}

/// Options of a driver are texts to an engine: `true` is `"true"`.
fn options(node: &Node, problems: &mut Problems) -> BTreeMap<String, String> {
    let Kind::Map(entries) = &node.kind else {
        return problems.expected::<BTreeMap<_, _>>("a map of options", node).unwrap_or_default();
    };
    let value = |entry: &Entry, problems: &mut Problems| match &entry.value.kind {
        Kind::Bool(value) => Some(value.to_string()),
        _ => text(&entry.value, "a text, a number or a boolean", problems),
    };
    entries.iter().filter_map(|entry| Some((entry.key.clone(), value(entry, problems)?))).collect()
}

impl OptionValue for Networks {
    /// The wishes as they are compared, so that where options of the driver are hidden it is known
    /// that they are not these.
    fn literals(&self, out: &mut BTreeSet<String>) {
        for endpoint in self.0.values() {
            out.extend(endpoint.driver_opts.values().cloned());
            let Atom::Text(whole) = Endpoint { mac: None, ..endpoint.clone() }.canonical() else {
                continue;
            };
            out.insert(whole);
        }
    }

    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let nothing = Node { place: node.place, kind: Kind::Null };
        let named: Vec<(String, Node)> = match &node.kind {
            Kind::List(items) => {
                let names = texts(node, "a list or a map of networks", problems)?;
                let places = items.iter().map(|item| Node { place: item.place, ..nothing.clone() });
                names.into_iter().zip(places).collect()
            }
            Kind::Map(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect()
            }
            _ => return problems.expected("a list or a map of networks", node),
        };
        let mut all = BTreeMap::new();
        let mut fine = true;
        for (name, wishes) in named {
            let endpoint = Endpoint::parse(&name, &wishes, problems);
            fine &= endpoint.is_some();
            // `default` is one that the root declares: see `Context::network`.
            if matches!(name.as_str(), "host" | "none") || !is_name(&name) {
                problems.add_hint(
                    wishes.place,
                    format!(
                        "expected the key or the name of a network, but found `{}`",
                        say::short(&name)
                    ),
                    "`network_mode` takes `host`, `none` and the engine's own `bridge`",
                );
                fine = false;
            }
            if all.insert(name.clone(), endpoint.unwrap_or_default()).is_some() {
                problems.add(
                    wishes.place,
                    format!("expected every network once, but found `{}` again", say::short(&name)),
                );
                fine = false;
            }
        }
        fine.then_some(Self(all))
    }

    fn print(&self) -> Json {
        Json::Object(self.0.iter().map(|(name, own)| (name.clone(), own.print())).collect())
    }

    fn schema() -> Json {
        let address = json!({"type": "string", "pattern": "^[0-9a-fA-F:.]+$"});
        let option = json!({"type": ["string", "number", "boolean"]});
        json!({"oneOf": [
            {"type": "array", "items": {"type": ["string", "number"]}},
            {"type": "object", "additionalProperties": {"oneOf": [{"type": "null"}, map_schema(
                &or_null(json!({
                    "aliases": {"type": "array", "items": {"type": ["string", "number"]}},
                    "ipv4_address": address,
                    "ipv6_address": address,
                    "link_local_ips": {"type": "array", "items": address},
                    "mac_address": {"type": "string", "pattern": PATTERN},
                    "driver_opts": {"type": "object", "additionalProperties": option},
                    "gw_priority": numbers::schema(i64::MIN, None),
                    "priority": numbers::schema(i64::MIN, None),
                    "interface_name": {"type": "string", "pattern": r"^[^/:\s]{1,15}$"},
                })),
                &[],
            )]}},
        ]})
    }
}

/// The row of the networks.
#[derive(Debug)]
pub struct NetworksRow;

impl NetworksRow {
    fn endpoints(look: &InspectView) -> BTreeMap<String, Endpoint> {
        let networks = look.json()["NetworkSettings"]["Networks"].as_object();
        let all = networks.into_iter().flatten();
        all.map(|(name, json)| (name.clone(), Endpoint::read(json))).collect()
    }

    /// An address of a network card counts where one is expected; on a container that does not run
    /// none is shown. One that is the container's own wish is `mac_address`'s to tell.
    fn both(
        both: (&InspectView, &InspectView),
    ) -> (BTreeMap<String, Endpoint>, BTreeMap<String, Endpoint>) {
        let (mut want, mut have) = (Self::endpoints(both.0), Self::endpoints(both.1));
        // Every network knows it by its name, alias or not; Compose says it all the same.
        let name = |look: &InspectView| {
            look.json()["Name"].as_str().unwrap_or_default().trim_start_matches('/').to_owned()
        };
        let names = [name(both.0), name(both.1)];
        for endpoint in want.values_mut().chain(have.values_mut()) {
            endpoint.aliases.retain(|alias| !names.contains(alias));
        }
        // It is found by its host name there, alias or not: what is found does not show that one.
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

    /// Both sides as they are compared, with what cannot be told as hidden.
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

    /// Without addresses of network cards: found ones are mostly the engine's own choice.
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

    /// An alias that nobody mentions is something more, and so is every other wish.
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
        let print = |(name, mut own): (String, Endpoint)| {
            own.mac = own.mac.filter(|_| declared);
            (name, own.print())
        };
        Json::Object(Self::endpoints(look).into_iter().map(print).collect())
    }
}
