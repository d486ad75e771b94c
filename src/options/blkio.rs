//! `blkio_config`: its share of block devices, and how fast it may read and write.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::field::{At, SIZE_PATTERN, known_keys, map_schema, or_null, text};
use super::fields::{Nothing, Owned};
use super::numbers;
use super::risk::Risk;
use super::row::{Body, Change, Context, Group, OPTION, OptionDef, OptionValue, Row};
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};
use crate::syntax::node::{Entry, Kind, Node, Problems};

/// What a list by device counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    Weight,
    Bytes,
    Operations,
}

/// Lists by device: the spec's key, the field, what an entry counts.
const LISTS: &[(&str, &str, Counts)] = &[
    ("weight_device", "BlkioWeightDevice", Counts::Weight),
    ("device_read_bps", "BlkioDeviceReadBps", Counts::Bytes),
    ("device_write_bps", "BlkioDeviceWriteBps", Counts::Bytes),
    ("device_read_iops", "BlkioDeviceReadIOps", Counts::Operations),
    ("device_write_iops", "BlkioDeviceWriteIOps", Counts::Operations),
];

/// What a spec says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blkio {
    /// From 10 to 1000.
    weight: Option<i64>,
    /// By the spec's key and the path of the device.
    devices: BTreeMap<(&'static str, String), i64>,
}

fn weight(node: &Node, problems: &mut Problems) -> Option<i64> {
    let what = "a weight from 10 to 1000";
    match numbers::whole(node) {
        Some(weight @ 10..=1000) => Some(weight),
        _ => numbers::expected(what, node, problems),
    }
}

fn amount(node: &Node, counts: Counts, problems: &mut Problems) -> Option<i64> {
    let (what, amount) = match counts {
        Counts::Weight => return weight(node, problems),
        Counts::Bytes => {
            let what = "a rate in bytes like `12mb`";
            (what, numbers::size(node))
        }
        Counts::Operations => ("a number of operations in a second", numbers::whole(node)),
    };
    match amount {
        Some(amount @ 1..) => Some(amount),
        _ => numbers::expected(what, node, problems),
    }
}

/// The key of an entry beside `path`.
fn word(counts: Counts) -> &'static str {
    if counts == Counts::Weight { "weight" } else { "rate" }
}

impl OptionValue for Blkio {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            return problems.expected("a map with `weight` or limits by device", node);
        };
        let before = problems.all.len();
        let keys: Vec<&str> = LISTS.iter().map(|(key, ..)| *key).chain(["weight"]).collect();
        known_keys(entries, &keys, problems);
        let mut said = Self::default();
        for Entry { key, value, .. } in entries {
            let list = LISTS.iter().find(|(word, ..)| word == key);
            match (key.as_str(), list, &value.kind) {
                (_, _, Kind::Null) => {}
                ("weight", ..) if value.says_nothing() => {}
                ("weight", ..) => said.weight = weight(value, problems),
                (_, Some((key, _, counts)), Kind::List(items)) => {
                    for item in items {
                        let Some((path, amount)) = device(item, *counts, problems) else {
                            continue;
                        };
                        if said.devices.insert((key, path), amount).is_some() {
                            problems.expected::<()>("every device once", item);
                        }
                    }
                }
                (_, Some(_), _) => drop(problems.expected::<()>("a list of devices", value)),
                _ => {}
            }
        }
        if problems.all.len() > before {
            return None;
        }
        if said == Self::default() {
            return problems.expected("a map with `weight` or limits by device", node);
        }
        Some(said)
    }

    fn print(&self) -> Json {
        let mut map = serde_json::Map::new();
        for (key, _, counts) in LISTS {
            let own = self.devices.iter().filter(|((list, _), _)| list == key);
            let list: Vec<Json> = own
                .map(|((_, path), amount)| json!({"path": path, word(*counts): amount}))
                .collect();
            if !list.is_empty() {
                map.insert((*key).to_owned(), list.into());
            }
        }
        map.extend(self.weight.map(|weight| ("weight".to_owned(), json!(weight))));
        Json::Object(map)
    }

    fn schema() -> Json {
        let list = |counts: Counts| {
            let amount = match counts {
                Counts::Weight => numbers::schema(10, Some(1000)),
                Counts::Bytes => json!({"anyOf": [
                    {"type": "integer", "minimum": 1},
                    {"type": "string", "pattern": SIZE_PATTERN},
                ]}),
                Counts::Operations => numbers::schema(1, None),
            };
            let properties =
                json!({"path": {"type": "string", "pattern": "^/"}, word(counts): amount});
            json!({"type": "array", "items": map_schema(&properties, &["path", word(counts)])})
        };
        let mut properties: serde_json::Map<String, Json> =
            LISTS.iter().map(|(key, _, counts)| ((*key).to_owned(), list(*counts))).collect();
        properties.insert("weight".to_owned(), numbers::schema(10, Some(1000)));
        let mut schema = map_schema(&or_null(properties.into()), &[]);
        schema["minProperties"] = json!(1);
        schema
    }
}

/// `{path, rate}` or `{path, weight}`.
fn device(node: &Node, counts: Counts, problems: &mut Problems) -> Option<(String, i64)> {
    let what = format!("a device like `{{path: /dev/sda, {}: …}}`", word(counts));
    let Kind::Map(entries) = &node.kind else { return problems.expected(&what, node) };
    known_keys(entries, &["path", word(counts)], problems);
    let entry = |key: &str| entries.iter().find(|entry| entry.key == key);
    let (Some(path), Some(number)) = (entry("path"), entry(word(counts))) else {
        return problems.expected(&what, node);
    };
    let path = text(&path.value, "a path", problems)?;
    if !path.starts_with('/') {
        return problems.expected(&what, node);
    }
    Some((path, amount(&number.value, counts, problems)?))
}

/// What inspect data say.
fn found(look: &InspectView) -> Blkio {
    let mut all =
        Blkio { weight: look.host("BlkioWeight").as_i64().filter(|w| *w > 0), ..Blkio::default() };
    for (key, field, counts) in LISTS {
        let amount = if *counts == Counts::Weight { "Weight" } else { "Rate" };
        for device in look.host(field).as_array().into_iter().flatten() {
            let path = device["Path"].as_str().unwrap_or_default().to_owned();
            all.devices.insert((key, path), device[amount].as_i64().unwrap_or(0));
        }
    }
    all
}

/// The row.
#[derive(Debug)]
pub struct BlkioRow;

impl Row for BlkioRow {
    type Declared = Blkio;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "blkio_config",
            risk: Risk::None,
            doc: "its weight among users of block devices, and limits by device; of these the \
                  weight",
            examples: &[
                "{weight: 300}",
                "{device_read_bps: [{path: /dev/sda, rate: 12mb}], device_write_iops: \
                 [{path: /dev/sda, rate: 30}]}",
                "{device_read_iops: [{path: /dev/sdb, rate: 50}], device_write_bps: \
                 [{path: /dev/sdb, rate: 2mb}]}",
                "{weight_device: [{path: /dev/sda, weight: 400}]}",
            ],
            group: Group::Resources,
            many: true,
            // Lists by device are taken from API 1.55 on, and before that without effect.
            change: Change::Update(&["BlkioWeight"]),
            ..OPTION
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        let lists = LISTS.iter().map(|(_, field, _)| Owned::host(field, Nothing::Null));
        let weight = Owned::host("BlkioWeight", Nothing::Zero).flag("--blkio-weight");
        lists.chain([weight]).collect()
    }

    fn write(&self, said: &Blkio, body: &mut Body, _cx: &Context) {
        if let Some(weight) = said.weight {
            body.host("BlkioWeight", weight);
        }
        for (key, field, counts) in LISTS {
            let amount = if *counts == Counts::Weight { "Weight" } else { "Rate" };
            let own = said.devices.iter().filter(|((list, _), _)| list == key);
            let list: Vec<Json> =
                own.map(|((_, path), number)| json!({"Path": path, amount: number})).collect();
            if !list.is_empty() {
                body.host(field, list);
            }
        }
    }

    fn decided_by_fields(&self) -> Option<&[At]> {
        Some(&[])
    }

    fn read(&self, look: &InspectView) -> Value {
        let Blkio { weight, devices } = found(look);
        let mut all: BTreeMap<String, Atom> = devices
            .into_iter()
            .map(|((key, path), amount)| (format!("{key}.{path}"), Atom::Int(amount)))
            .collect();
        all.extend(weight.map(|weight| ("weight".to_owned(), Atom::Int(weight))));
        if all.is_empty() { Value::Unset } else { Value::Map(all) }
    }

    fn to_spec(&self, look: &InspectView) -> Json {
        found(look).print()
    }
}
