//! Tree to networks and volumes of the root.
//!
//! What they are is [`super::resources`]'s.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

use super::read::one_of;
use super::resources::{Cidr, Ipam, Network, PREDEFINED, Pool, RecreateNetwork, Resource, Volume};
use crate::base::ident::{LABEL_PREFIX, ObjectKey};
use crate::base::say;
use crate::options::field::{known_keys, pairs, text};
use crate::options::network::is_name;
use crate::syntax::node::{Entry, Kind, Node, Place, Problems, is_extension};

/// The keys of a network.
pub(super) const NETWORK: &[&str] = &[
    "name",
    "external",
    "driver",
    "driver_opts",
    "ipam",
    "internal",
    "attachable",
    "enable_ipv4",
    "enable_ipv6",
    "labels",
    "recreate",
];
/// The keys of a volume.
pub(super) const VOLUME: &[&str] = &["name", "external", "driver", "driver_opts", "labels"];
/// The words for `recreate` of a network.
pub(super) const RECREATES: &[(&str, RecreateNetwork)] =
    &[("auto", RecreateNetwork::Auto), ("never", RecreateNetwork::Never)];

/// Where the networks or the volumes stand.
#[derive(Debug, Default)]
pub(super) struct Resources {
    places: BTreeMap<String, Place>,
    broken: BTreeSet<String>,
}

impl Resources {
    /// Where one says its name; its own place where it does not.
    pub(super) fn of(&self, key: &str) -> Place {
        self.places.get(key).copied().unwrap_or_default()
    }

    /// Whether something of one could not be read.
    pub(super) fn broken(&self, key: &str) -> bool {
        self.broken.contains(key)
    }
}

/// Reads `networks`.
pub(super) fn networks(
    node: &Node,
    problems: &mut Problems,
) -> (BTreeMap<ObjectKey, Resource<Network>>, Resources) {
    all(node, "networks", problems, |entry, problems| {
        // `default` is a key all the same: Compose's word for the own network of a project.
        if PREDEFINED.contains(&entry.key.as_str()) && entry.key != "default" {
            problems.add_hint(
                entry.place,
                format!("expected a network of one's own, but found `{}`", entry.key),
                "every engine has that one; containers join it with `network_mode`",
            );
            return None;
        }
        let read = one(entry, NETWORK, problems, network);
        if matches!(read, Some(Resource::External { name: None })) && entry.key == "default" {
            problems.add_hint(
                entry.place,
                "expected a `name` of the external network `default`, but found none",
                "every engine has a network of that name, and it is the bridge",
            );
        }
        read
    })
}

/// Reads `volumes`.
pub(super) fn volumes(
    node: &Node,
    problems: &mut Problems,
) -> (BTreeMap<ObjectKey, Resource<Volume>>, Resources) {
    all(node, "volumes", problems, |entry, problems| one(entry, VOLUME, problems, volume))
}

fn all<T>(
    node: &Node,
    what: &str,
    problems: &mut Problems,
    read: impl Fn(&Entry, &mut Problems) -> Option<T>,
) -> (BTreeMap<ObjectKey, T>, Resources) {
    let mut all = BTreeMap::new();
    let mut objects = Resources::default();
    let Kind::Map(entries) = &node.kind else {
        problems.expected::<()>(&format!("a map of {what}"), node);
        return (all, objects);
    };
    for entry in entries {
        if is_extension(&entry.key) {
            continue;
        }
        let before = problems.all.len();
        if !is_name(&entry.key) {
            problems.add(
                entry.place,
                format!(
                    "expected a key of letters, digits, `_`, `.` and `-` that begins with a \
                     letter or digit, but found `{}`",
                    say::short(&entry.key)
                ),
            );
        }
        if let Some(object) = read(entry, problems) {
            all.insert(ObjectKey::new(entry.key.as_str()), object);
        }
        let name = match &entry.value.kind {
            Kind::Map(entries) => entries.iter().find(|entry| entry.key == "name"),
            _ => None,
        };
        let place = name.map_or(entry.place, |name| name.place);
        objects.places.insert(entry.key.clone(), place);
        if problems.all.len() > before {
            objects.broken.insert(entry.key.clone());
        }
    }
    (all, objects)
}

/// Keys that take texts, of which an empty one says nothing.
const TEXTS: &[&str] = &["name", "driver", "subnet", "ip_range", "gateway", "recreate"];

/// The entries of one object by key; those that say nothing are left out.
struct Said<'a> {
    entries: Vec<&'a Entry>,
}

impl<'a> Said<'a> {
    fn get(&self, key: &str) -> Option<&'a Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    fn text(&self, key: &str, problems: &mut Problems) -> Option<String> {
        text(self.get(key)?, "a text", problems)
    }

    fn flag(&self, key: &str, problems: &mut Problems) -> Option<bool> {
        self.get(key)?.boolean(problems)
    }

    fn options(&self, key: &str, problems: &mut Problems) -> BTreeMap<String, String> {
        self.get(key).map(|node| options(node, problems)).unwrap_or_default()
    }

    fn labels(&self, problems: &mut Problems) -> BTreeMap<String, String> {
        let Some(node) = self.get("labels") else { return BTreeMap::new() };
        let what = "a map of labels or a list of `KEY=VALUE`";
        let mut labels = BTreeMap::new();
        for (key, value) in pairs(node, what, problems).into_iter().flatten() {
            if key.starts_with(LABEL_PREFIX) {
                problems.add(
                    node.place,
                    format!("expected no label `{}`: those are bayplan's own", say::short(&key)),
                );
            }
            let value = match &value {
                None | Some(Node { kind: Kind::Null, .. }) => Some(String::new()),
                Some(value) => text(value, "a text", problems),
            };
            labels.extend(value.map(|value| (key, value)));
        }
        labels
    }
}

/// Options of a driver: all are texts to an engine, so `true` is `"true"`.
fn options(node: &Node, problems: &mut Problems) -> BTreeMap<String, String> {
    let mut options = BTreeMap::new();
    let Kind::Map(entries) = &node.kind else {
        problems.expected::<()>("a map of options", node);
        return options;
    };
    for entry in entries {
        let value = match &entry.value.kind {
            Kind::Bool(value) => Some(value.to_string()),
            Kind::Null => Some(String::new()),
            _ => text(&entry.value, "a text, a number or a boolean", problems),
        };
        options.extend(value.map(|value| (entry.key.clone(), value)));
    }
    options
}

fn said<'a>(
    node: &'a Node,
    what: &str,
    keys: &[&'static str],
    problems: &mut Problems,
) -> Option<Said<'a>> {
    let entries = match &node.kind {
        Kind::Null => &[],
        Kind::Map(entries) => entries.as_slice(),
        _ => return problems.expected(what, node),
    };
    let entries: Vec<Entry> =
        entries.iter().filter(|entry| !is_extension(&entry.key)).cloned().collect();
    known_keys(&entries, keys, problems);
    let Kind::Map(entries) = &node.kind else { return Some(Said { entries: Vec::new() }) };
    let nothing = |entry: &Entry| {
        entry.value.kind == Kind::Null
            || (entry.value.says_nothing() && TEXTS.contains(&entry.key.as_str()))
    };
    Some(Said { entries: entries.iter().filter(|entry| !nothing(entry)).collect() })
}

fn one<T>(
    entry: &Entry,
    keys: &[&'static str],
    problems: &mut Problems,
    read: impl FnOnce(&Said<'_>, &mut Problems) -> T,
) -> Option<Resource<T>> {
    let said = said(&entry.value, "a map, or nothing", keys, problems)?;
    let name = said.text("name", problems).filter(|name| {
        let node = said.get("name");
        let place = node.map_or(entry.place, |node| node.place);
        let good = is_name(name) && name.len() > 1;
        if !good {
            let found = say::short(name);
            let what = "expected a name of two or more letters, digits, `_`, `.` and `-`";
            problems.add(place, format!("{what}, but found `{found}`"));
        }
        good
    });
    if !external(&said, problems) {
        let what = read(&said, problems);
        return Some(Resource::Declared { name, what });
    }
    let others = said.entries.iter().filter(|entry| !matches!(&*entry.key, "name" | "external"));
    for other in others {
        problems.add(
            other.place,
            format!(
                "expected no `{}` beside `external: true`: nothing is done to it",
                say::short(&other.key)
            ),
        );
    }
    Some(Resource::External { name })
}

fn external(said: &Said<'_>, problems: &mut Problems) -> bool {
    let Some(node) = said.get("external") else { return false };
    match node.kind {
        Kind::Map(_) => {
            problems.add_hint(
                node.place,
                "expected `true` or `false`, but found a map",
                "write `external: true` and `name: NAME`",
            );
            true
        }
        _ => node.boolean(problems).unwrap_or(true),
    }
}

fn volume(said: &Said<'_>, problems: &mut Problems) -> Volume {
    Volume {
        driver: said.text("driver", problems),
        driver_opts: said.options("driver_opts", problems),
        labels: said.labels(problems),
    }
}

fn network(said: &Said<'_>, problems: &mut Problems) -> Network {
    Network {
        driver: said.text("driver", problems).filter(|driver| driver != "default"),
        driver_opts: said.options("driver_opts", problems),
        ipam: said.get("ipam").and_then(|node| ipam(node, problems)).unwrap_or_default(),
        internal: said.flag("internal", problems).unwrap_or(false),
        attachable: said.flag("attachable", problems).unwrap_or(false),
        enable_ipv4: said.flag("enable_ipv4", problems),
        enable_ipv6: said.flag("enable_ipv6", problems),
        labels: said.labels(problems),
        recreate: said
            .get("recreate")
            .and_then(|node| one_of(node, RECREATES, problems))
            .unwrap_or_default(),
    }
}

fn ipam(node: &Node, problems: &mut Problems) -> Option<Ipam> {
    let said =
        said(node, "a map with `driver`, `config`", &["driver", "config", "options"], problems)?;
    let mut config = Vec::new();
    match said.get("config").map(|node| (&node.kind, node)) {
        None => {}
        Some((Kind::List(pools), _)) => {
            config.extend(pools.iter().filter_map(|node| pool(node, problems)));
        }
        Some((_, node)) => drop(problems.expected::<()>("a list of address ranges", node)),
    }
    let driver = said.text("driver", problems).filter(|driver| driver != "default");
    Some(Ipam { driver, options: said.options("options", problems), config })
}

fn pool(node: &Node, problems: &mut Problems) -> Option<Pool> {
    let keys = &["subnet", "ip_range", "gateway", "aux_addresses"];
    let said = said(node, "a map with `subnet`", keys, problems)?;
    let range = |key: &str, problems: &mut Problems| {
        let node = said.get(key)?;
        let written = said.text(key, problems)?;
        let parsed = Cidr::parse(&written);
        parsed.map_err(|what| problems.expected::<()>(&what, node)).ok()
    };
    let subnet = range("subnet", problems);
    let ip_range = range("ip_range", problems);
    let gateway = said.get("gateway").and_then(|node| address(node, problems));
    let mut aux_addresses = BTreeMap::new();
    match said.get("aux_addresses").map(|node| (&node.kind, node)) {
        None => {}
        Some((Kind::Map(entries), _)) => {
            for entry in entries {
                let address = address(&entry.value, problems);
                aux_addresses.extend(address.map(|address| (entry.key.clone(), address)));
            }
        }
        Some((_, node)) => drop(problems.expected::<()>("a map of names to addresses", node)),
    }
    let pool = Pool { subnet, ip_range, gateway, aux_addresses };
    if pool.subnet.is_some() || said.get("subnet").is_none() {
        inside(&pool, node.place, problems);
    }
    Some(pool)
}

fn address(node: &Node, problems: &mut Problems) -> Option<IpAddr> {
    match text(node, "an IP address", problems)?.parse() {
        Ok(address) => Some(address),
        Err(_) => problems.expected("an IP address", node),
    }
}

/// Everything of a range is in its subnet: an engine says so only when it is asked.
fn inside(pool: &Pool, place: Place, problems: &mut Problems) {
    let Some(subnet) = &pool.subnet else {
        if pool.ip_range.is_some() || pool.gateway.is_some() {
            problems.add(place, "expected a `subnet` beside `ip_range` or `gateway`");
        }
        return;
    };
    let range = pool.ip_range.filter(|range| !subnet.covers(range)).map(|range| range.to_string());
    let addresses = pool.gateway.iter().chain(pool.aux_addresses.values());
    let outside = addresses.filter(|address| !subnet.has(**address)).map(ToString::to_string);
    for found in range.into_iter().chain(outside) {
        problems.add(place, format!("expected an address in {subnet}, but found {found}"));
    }
}
