//! `blkio_config`: the weight of a container on block devices, and limits of reads and writes.
//! Limits of memory are [`super::resources`]'.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::field::{At, size_schema};
use super::fields::{Nothing, Owned};
use super::grammar::{Grammar, Key, Spelt, Wrong, good, key, keys, list_of};
use super::numbers;
use super::risk::Risk;
use super::row::{Body, Change, Context, Group, OPTION, OptionDef, Row, Spelled};
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};

/// The unit of a list by device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    Weight,
    Rate,
}

/// Lists by device: the key in the spec, the field of `HostConfig`, the unit of an entry.
const LISTS: &[(&str, &str, Counts)] = &[
    ("weight_device", "BlkioWeightDevice", Counts::Weight),
    ("device_read_bps", "BlkioDeviceReadBps", Counts::Rate),
    ("device_write_bps", "BlkioDeviceWriteBps", Counts::Rate),
    ("device_read_iops", "BlkioDeviceReadIOps", Counts::Rate),
    ("device_write_iops", "BlkioDeviceWriteIOps", Counts::Rate),
];

/// The declared value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "serde_json::Map<String, Json>", into = "serde_json::Map<String, Json>")]
pub struct Blkio {
    /// From 10 to 1000.
    weight: Option<i64>,
    /// Values by key of the spec and path of the device.
    devices: BTreeMap<(&'static str, String), i64>,
}

/// The key of the amount, beside `path`.
fn word(counts: Counts) -> &'static str {
    if counts == Counts::Weight { "weight" } else { "rate" }
}

impl Spelled for Blkio {
    const GRAMMAR: Grammar = Grammar::Checked {
        of: &Grammar::Keys {
            what: "a map with `weight` or limits by device",
            keys: &[
                key("weight", WEIGHT),
                key("weight_device", devices(&BY_WEIGHT)),
                key("device_read_bps", devices(&BY_BYTES)),
                key("device_write_bps", devices(&BY_BYTES)),
                key("device_read_iops", devices(&BY_OPERATIONS)),
                key("device_write_iops", devices(&BY_OPERATIONS)),
            ],
            least: 1,
        },
        check: each_device_once,
    };
}

const WEIGHT: Grammar =
    Grammar::Whole { what: "a weight from 10 to 1000", least: 10, most: Some(1000) };

const PATH: Key = key(
    "path",
    Grammar::Text {
        what: "an absolute path",
        spell: |path| good(path.starts_with('/'), path),
        schema: || json!({"type": "string", "pattern": "^/"}),
    },
)
.required();

const BY_WEIGHT: Grammar =
    keys("a device like `{path: /dev/sda, weight: …}`", &[PATH, key("weight", WEIGHT).required()]);

const BY_BYTES: Grammar = keys(
    "a device like `{path: /dev/sda, rate: …}`",
    &[
        PATH,
        key(
            "rate",
            Grammar::Scalar {
                what: "a rate in bytes like `12mb`",
                read: |node| numbers::size(node).filter(|rate| *rate > 0).map(Json::from),
                schema: || size_schema(1),
            },
        )
        .required(),
    ],
);

const BY_OPERATIONS: Grammar = keys(
    "a device like `{path: /dev/sda, rate: …}`",
    &[
        PATH,
        key(
            "rate",
            Grammar::Whole { what: "a number of operations in a second", least: 1, most: None },
        )
        .required(),
    ],
);

const fn devices(one: &'static Grammar) -> Grammar {
    list_of("a list of devices", one)
}

fn each_device_once(read: Json) -> Spelt {
    for (_, list) in read.as_object().into_iter().flatten() {
        let mut seen = BTreeSet::new();
        let paths = list.as_array().into_iter().flatten().filter_map(|one| one["path"].as_str());
        if let Some(path) = { paths }.find(|path| !seen.insert(*path)) {
            let found = crate::base::say::short(path);
            let message = format!("expected every device once, but found `{found}` again");
            return Err(Wrong::Told(message, None));
        }
    }
    let empty = |list: &Json| list.as_array().is_some_and(Vec::is_empty);
    if read.as_object().is_some_and(|all| all.values().all(empty)) {
        return Err(Wrong::Other);
    }
    Ok(read)
}

impl From<serde_json::Map<String, Json>> for Blkio {
    fn from(read: serde_json::Map<String, Json>) -> Self {
        let mut all = Self { weight: read.get("weight").and_then(Json::as_i64), ..Self::default() };
        for (key, _, counts) in LISTS {
            for device in read.get(*key).and_then(Json::as_array).into_iter().flatten() {
                let path = device["path"].as_str().unwrap_or_default().to_owned();
                all.devices.insert((key, path), device[word(*counts)].as_i64().unwrap_or_default());
            }
        }
        all
    }
}

impl From<Blkio> for serde_json::Map<String, Json> {
    fn from(said: Blkio) -> Self {
        let mut map = Self::new();
        for (key, _, counts) in LISTS {
            let own = said.devices.iter().filter(|((list, _), _)| list == key);
            let list: Vec<Json> = own
                .map(|((_, path), amount)| json!({"path": path, word(*counts): amount}))
                .collect();
            if !list.is_empty() {
                map.insert((*key).to_owned(), list.into());
            }
        }
        map.extend(said.weight.map(|weight| ("weight".to_owned(), json!(weight))));
        map
    }
}

/// Reads the value from inspect data.
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

/// The row of `blkio_config`.
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
            // An update sets the lists by device from API 1.55 on. Older engines ignore the lists.
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
        json!(found(look))
    }
}
