//! Devices of the host: by path, by rule, and by request (GPUs, and names of the Container Device
//! Interface).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::field::{
    At, Field, Plain, field, known_keys, list_schema, map_schema, or_null, pairs, set, some_set,
    strings, text, texts,
};
use super::fields::{Nothing, Owned};
use super::numbers::{self, text_or_whole};
use super::risk::Risk;
use super::row::{Body, Context, Group, OPTION, OptionDef, OptionValue, Row};
use crate::base::path::clean;
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};
use crate::syntax::node::{Entry, Kind, Node, Problems};
use crate::syntax::shell_words;

const SECURITY: OptionDef = OptionDef { group: Group::Security, ..OPTION };

/// The driver of requests by a name of the Container Device Interface.
const CDI: &str = "cdi";

/// `device_cgroup_rules`.
pub static DEVICE_CGROUP_RULES: Field<Rules> = field(
    At::Host("DeviceCgroupRules"),
    OptionDef {
        key: "device_cgroup_rules",
        risk: Risk::DeviceRules,
        doc: "devices it may use if it makes them: `KIND MAJOR:MINOR PERMISSIONS`",
        examples: &["[\"c 1:3 mr\", \"a 7:* rmw\"]"],
        many: true,
        ..SECURITY
    },
);

/// Rules of the control group for devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules(pub BTreeSet<String>);

/// Permissions in one order, or nothing where they are none.
fn permissions(text: &str) -> Option<String> {
    let known = !text.is_empty() && text.chars().all(|letter| "rwm".contains(letter));
    known.then(|| "rwm".chars().filter(|letter| text.contains(*letter)).collect())
}

/// A rule with its permissions in one order.
fn rule(text: &str) -> Option<String> {
    let [kind, device, allowed] = *text.split(' ').collect::<Vec<_>>() else { return None };
    let (major, minor) = device.split_once(':')?;
    let number =
        |text: &str| text == "*" || (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
    let fine = matches!(kind, "a" | "b" | "c") && number(major) && number(minor);
    fine.then_some(())?;
    Some(format!("{kind} {device} {}", permissions(allowed)?))
}

impl OptionValue for Rules {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let what = "a list of rules like `c 1:3 rwm`";
        let rules = texts(node, what, problems)?;
        match rules.iter().map(|text| rule(text)).collect() {
            Some(rules) => Some(Self(rules)),
            None => problems.expected(what, node),
        }
    }

    fn print(&self) -> Json {
        json!(self.0)
    }

    fn schema() -> Json {
        let rule = r"^[abc] ([0-9]+|\*):([0-9]+|\*) [rwm]+$";
        json!({"type": "array", "items": {"type": "string", "pattern": rule}})
    }
}

impl Plain for Rules {
    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        set(json, |text| Atom::Text(rule(text).unwrap_or_else(|| text.to_owned())))
    }
}

/// One device of the host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Device {
    /// By path.
    Path {
        /// On the host.
        host: String,
        /// Inside.
        inside: String,
        /// Of `rwm`, in this order.
        permissions: String,
    },
    /// By its name of the Container Device Interface, `vendor.com/class=name`.
    Cdi(String),
}

impl Device {
    fn of_text(text: &str) -> Option<Self> {
        if is_cdi(text) {
            return Some(Self::Cdi(text.to_owned()));
        }
        let parts: Vec<&str> = text.split(':').collect();
        let (host, inside, allowed) = match *parts {
            [host] => (host, host, "rwm"),
            // Compose and Docker's client take permissions in the place of the path inside.
            [host, allowed] if permissions(allowed).is_some() => (host, host, allowed),
            [host, inside] => (host, inside, "rwm"),
            [host, inside, allowed] => (host, inside, allowed),
            _ => return None,
        };
        Self::path(host, inside, allowed)
    }

    fn path(host: &str, inside: &str, allowed: &str) -> Option<Self> {
        let absolute = host.starts_with('/') && inside.starts_with('/');
        absolute.then_some(())?;
        let (host, inside) = (clean(host), clean(inside));
        Some(Self::Path { host, inside, permissions: permissions(allowed)? })
    }

    fn text(&self) -> String {
        match self {
            Self::Path { host, inside, permissions } => format!("{host}:{inside}:{permissions}"),
            Self::Cdi(name) => name.clone(),
        }
    }

    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let what = "a device like `/dev/fuse`, `/dev/sda:/dev/xvda:r` or `vendor.com/class=name`";
        let Kind::Map(entries) = &node.kind else {
            let text = text(node, what, problems)?;
            return Self::of_text(&text).or_else(|| problems.expected(what, node));
        };
        known_keys(entries, &["source", "target", "permissions"], problems);
        let mut field = |key: &str| {
            let entry = entries.iter().find(|entry| entry.key == key)?;
            let said = Some(&entry.value).filter(|value| !value.says_nothing())?;
            text(said, "a text", problems)
        };
        let (source, target, allowed) = (field("source"), field("target"), field("permissions"));
        let device = source.and_then(|source| match target {
            None if is_cdi(&source) => Some(Self::Cdi(source)),
            target => {
                let inside = target.unwrap_or_else(|| source.clone());
                Self::path(&source, &inside, allowed.as_deref().unwrap_or("rwm"))
            }
        });
        device.or_else(|| problems.expected("a `source` like `/dev/fuse`", node))
    }
}

/// `vendor.com/class=name`.
fn is_cdi(text: &str) -> bool {
    !text.starts_with('/')
        && text.split_once('=').is_some_and(|(kind, name)| {
            !name.is_empty()
                && kind.split_once('/').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty())
        })
}

/// Devices of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Devices(pub BTreeSet<Device>);

impl OptionValue for Devices {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::List(items) = &node.kind else {
            return problems.expected("a list of devices", node);
        };
        let read: Vec<Option<Device>> =
            items.iter().map(|item| Device::parse(item, problems)).collect();
        read.into_iter().collect::<Option<BTreeSet<_>>>().map(Self)
    }

    fn print(&self) -> Json {
        self.0.iter().map(Device::text).collect()
    }

    fn schema() -> Json {
        let path = json!({"type": "string", "pattern": "^[^:]+(:[^:]+){0,2}$"});
        let mut properties = or_null(json!({
            "target": {"type": "string"},
            "permissions": {"type": "string", "pattern": "^[rwm]+$"},
        }));
        properties["source"] = json!({"type": "string"});
        json!({"type": "array", "items": {"oneOf": [path, map_schema(&properties, &["source"])]}})
    }
}

/// The row of devices by path and by name.
#[derive(Debug)]
pub struct DevicesRow;

impl Row for DevicesRow {
    type Declared = Devices;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "devices",
            risk: Risk::Devices,
            doc: "devices of the host: `HOST[:INSIDE[:rwm]]`, or `VENDOR/CLASS=NAME`",
            examples: &[
                "[/dev/fuse, \"/dev/null:/dev/zilch:r\"]",
                "[{source: /dev/kmsg, target: /dev/kmsg, permissions: rw}]",
                "[\"vendor.com/gpu=0\"]",
            ],
            many: true,
            ..SECURITY
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        vec![Owned::host("Devices", Nothing::Null), Owned::host("DeviceRequests", Nothing::Null)]
    }

    fn write(&self, said: &Devices, body: &mut Body, _cx: &Context) {
        let mut paths = Vec::new();
        let mut names = Vec::new();
        for device in &said.0 {
            match device {
                Device::Cdi(name) => names.push(name.as_str()),
                Device::Path { host, inside, permissions } => paths.push(json!({
                    "PathOnHost": host, "PathInContainer": inside, "CgroupPermissions": permissions,
                })),
            }
        }
        body.host("Devices", paths);
        if !names.is_empty() {
            request(body, json!({"Driver": CDI, "DeviceIDs": names}));
        }
    }

    fn decided_by_fields(&self) -> Option<&[At]> {
        Some(&[])
    }

    fn read(&self, look: &InspectView) -> Value {
        let mut all = BTreeSet::new();
        for device in look.host("Devices").as_array().into_iter().flatten() {
            let part = |field: &str| device[field].as_str().unwrap_or_default();
            let (host, inside) = (part("PathOnHost"), part("PathInContainer"));
            let inside = if inside.is_empty() { host } else { inside };
            let allowed =
                permissions(part("CgroupPermissions")).unwrap_or_else(|| "rwm".to_owned());
            all.insert(Atom::Text(format!("{}:{}:{allowed}", clean(host), clean(inside))));
        }
        let names = requests(look).filter(|request| request["Driver"] == CDI);
        all.extend(names.flat_map(|request| strings(&request["DeviceIDs"]).map(Atom::text)));
        some_set(all)
    }
}

fn requests(look: &InspectView) -> impl Iterator<Item = &Json> {
    look.host("DeviceRequests").as_array().into_iter().flatten()
}

/// Adds a request to those that are there: two rows write them.
fn request(body: &mut Body, request: Json) {
    let host = body.nested("HostConfig");
    let all = host.entry("DeviceRequests").or_insert_with(|| json!([]));
    if let Some(all) = all.as_array_mut() {
        all.push(request);
    }
}

/// A request for devices that a driver chooses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    driver: String,
    /// -1: all there are.
    count: i64,
    ids: Vec<String>,
    capabilities: BTreeSet<String>,
    options: BTreeMap<String, String>,
}

/// The capability of graphics processors.
const GPU: &str = "gpu";

/// Requests for GPUs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpus(pub BTreeSet<Request>);

const KEYS: &[&str] = &["driver", "count", "device_ids", "capabilities", "options"];

impl Request {
    fn all() -> Self {
        let capabilities = BTreeSet::from([GPU.to_owned()]);
        let (driver, ids, options) = (String::new(), Vec::new(), BTreeMap::new());
        Self { driver, count: -1, ids, capabilities, options }
    }

    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            return problems.expected("a map with `count` or `device_ids`", node);
        };
        let before = problems.all.len();
        known_keys(entries, KEYS, problems);
        let mut request = Self { count: 0, ..Self::all() };
        for Entry { key, value, .. } in entries {
            match key.as_str() {
                "driver" | "count" if value.says_nothing() => {}
                "driver" => request.driver = text(value, "a text", problems)?,
                "count" => request.count = count(value, problems)?,
                "device_ids" => request.ids = texts(value, "a list of devices", problems)?,
                "capabilities" => request.capabilities = capabilities(value, problems)?,
                "options" => {
                    for (key, value) in pairs(value, "a map of options", problems)? {
                        let value = value.map(|value| text(&value, "a text", problems));
                        request.options.insert(key, value.unwrap_or_default()?);
                    }
                }
                _ => {}
            }
        }
        if problems.all.len() > before {
            return None;
        }
        let both = request.count != 0 && !request.ids.is_empty();
        if both {
            return problems.expected("`count` or `device_ids`, not both", node);
        }
        if request.count == 0 && request.ids.is_empty() {
            request.count = -1;
        }
        Some(request)
    }

    fn print(&self) -> Json {
        let mut map = serde_json::Map::new();
        let mut put = |key: &str, value: Json| map.insert(key.to_owned(), value);
        if !self.driver.is_empty() {
            put("driver", json!(self.driver));
        }
        match self.count {
            -1 => drop(put("count", json!("all"))),
            0 => {}
            count => drop(put("count", json!(count))),
        }
        if !self.ids.is_empty() {
            put("device_ids", json!(self.ids));
        }
        // A list in the list is these and no other: see `capabilities`.
        let whole = self.capabilities.contains(GPU);
        put(
            "capabilities",
            if whole { json!(self.capabilities) } else { json!([self.capabilities]) },
        );
        if !self.options.is_empty() {
            put("options", json!(self.options));
        }
        Json::Object(map)
    }

    /// In words, no two requests alike: `driver nvidia, count 2, capabilities gpu`.
    fn words(&self) -> String {
        let list = |texts: Vec<&str>| shell_words::join(&texts);
        let mut parts = Vec::new();
        if !self.driver.is_empty() {
            parts.push(format!("driver {}", list(vec![&self.driver])));
        }
        match self.count {
            -1 => parts.push("count all".to_owned()),
            0 => {}
            count => parts.push(format!("count {count}")),
        }
        if !self.ids.is_empty() {
            let ids = self.ids.iter().map(String::as_str).collect();
            parts.push(format!("device_ids {}", list(ids)));
        }
        let capabilities = self.capabilities.iter().map(String::as_str).collect();
        parts.push(format!("capabilities {}", list(capabilities)));
        if !self.options.is_empty() {
            let options: Vec<String> =
                self.options.iter().map(|(key, value)| format!("{key}={value}")).collect();
            parts.push(format!("options {}", list(options.iter().map(String::as_str).collect())));
        }
        parts.join(", ")
    }

    fn of_json(json: &Json) -> Self {
        let options = json["Options"].as_object().into_iter().flatten();
        let capabilities = json["Capabilities"].as_array().into_iter().flatten();
        Self {
            driver: json["Driver"].as_str().unwrap_or_default().to_owned(),
            count: json["Count"].as_i64().unwrap_or(0),
            ids: strings(&json["DeviceIDs"]).map(str::to_owned).collect(),
            // Alternatives cannot be said: what is found of them is shown as one.
            capabilities: capabilities.flat_map(strings).map(str::to_owned).collect(),
            options: options
                .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
        }
    }
}

/// Of `gpus` Compose takes every request for one for GPUs, so a list goes without saying it. A list
/// in a list is as the engine's API has it: exactly these, which is what Compose makes of `devices`
/// under `deploy`.
fn capabilities(node: &Node, problems: &mut Problems) -> Option<BTreeSet<String>> {
    let what = "a list of capabilities";
    if let Kind::List(items) = &node.kind
        && let [Node { kind: Kind::List(_), .. }] = items.as_slice()
    {
        let exact: BTreeSet<String> = texts(&items[0], what, problems)?.into_iter().collect();
        if exact.is_empty() {
            return problems
                .expected("a capability at least, without which no driver is meant", node);
        }
        return Some(exact);
    }
    let said = texts(node, what, problems)?;
    Some(said.into_iter().chain([GPU.to_owned()]).collect())
}

fn count(node: &Node, problems: &mut Problems) -> Option<i64> {
    let what = "`all` or a number of devices";
    match text_or_whole(node, what, problems)?.as_str() {
        "all" | "-1" => Some(-1),
        number => match number.parse() {
            Ok(number @ 1..=1_000_000) => Some(number),
            _ => problems.expected(what, node),
        },
    }
}

impl OptionValue for Gpus {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let what = "`all` or a list of requests like `{driver: nvidia, count: 2}`";
        match &node.kind {
            Kind::Text(text) if text == "all" => Some(Self(BTreeSet::from([Request::all()]))),
            Kind::List(items) => {
                let read: Vec<Option<Request>> =
                    items.iter().map(|item| Request::parse(item, problems)).collect();
                read.into_iter().collect::<Option<BTreeSet<_>>>().map(Self)
            }
            _ => problems.expected(what, node),
        }
    }

    fn print(&self) -> Json {
        self.0.iter().map(Request::print).collect()
    }

    fn schema() -> Json {
        let texts = list_schema();
        let mut properties = or_null(json!({
            "driver": {"type": "string"},
            "count": {"anyOf": [
                {"enum": ["all", -1, "-1"]}, numbers::schema(1, Some(1_000_000)),
            ]},
        }));
        let rest = json!({
                "device_ids": texts,
                "capabilities": {"anyOf": [texts, {
                    "type": "array", "items": texts, "minItems": 1, "maxItems": 1,
                }]},
                "options": {"oneOf": [
                    {"type": "object", "additionalProperties": {"type": ["string", "number"]}},
                    {"type": "array", "items": {"type": "string"}},
                ]},
        });
        for (key, schema) in rest.as_object().into_iter().flatten() {
            properties[key] = schema.clone();
        }
        json!({"oneOf": [
            {"const": "all"}, {"type": "array", "items": map_schema(&properties, &[])},
        ]})
    }

    fn literals(&self, out: &mut BTreeSet<String>) {
        out.extend(self.0.iter().flat_map(|request| request.options.values().cloned()));
    }
}

/// The row of requests for GPUs.
#[derive(Debug)]
pub struct GpusRow;

impl Row for GpusRow {
    type Declared = Gpus;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "gpus",
            risk: Risk::Gpus,
            aliases: &["device_requests"],
            doc: "graphics processors: `all`, or requests with a count or device IDs",
            examples: &[
                "all",
                "[{driver: nvidia, count: 2}]",
                "[{device_ids: [\"0\", \"3\"], capabilities: [utility], options: {mig: \"1\"}}]",
                "[{driver: acme, count: 1, capabilities: [[tpu]]}]",
            ],
            many: true,
            ..SECURITY
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        vec![Owned::host("DeviceRequests", Nothing::Null)]
    }

    fn write(&self, said: &Gpus, body: &mut Body, _cx: &Context) {
        for one in &said.0 {
            let mut json = json!({
                "Driver": one.driver, "Count": one.count, "Capabilities": [one.capabilities],
            });
            if !one.ids.is_empty() {
                json["DeviceIDs"] = json!(one.ids);
            }
            if !one.options.is_empty() {
                json["Options"] = json!(one.options);
            }
            request(body, json);
        }
    }

    fn decided_by_fields(&self) -> Option<&[At]> {
        Some(&[])
    }

    fn read(&self, look: &InspectView) -> Value {
        let others = requests(look).filter(|request| request["Driver"] != CDI);
        some_set(others.map(|json| Atom::Text(Request::of_json(json).words())).collect())
    }

    fn to_spec(&self, look: &InspectView) -> Json {
        let others = requests(look).filter(|request| request["Driver"] != CDI);
        let others: Vec<Request> = others.map(Request::of_json).collect();
        if others == [Request::all()] {
            return json!("all");
        }
        others.iter().map(Request::print).collect()
    }
}
