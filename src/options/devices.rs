//! Devices of the host: by path, by cgroup rule, and by CDI name. Requests for GPUs are
//! [`super::gpus`]'s.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::field::{At, Field, Plain, field, set, some_set, strings};
use super::fields::{Nothing, Owned};
use super::grammar::{Grammar, TEXT, Unreadable, Wrong, key, keys, list_of, one_text, spelt};
use super::risk::Risk;
use super::row::{Body, Context, Group, OPTION, OptionDef, Row, Spelled};
use crate::base::path::clean;
use crate::options::inspect_view::InspectView;
use crate::options::value::{Atom, Value};

pub(super) const SECURITY: OptionDef = OptionDef { group: Group::Security, ..OPTION };

/// The driver of a device request by CDI name.
pub(super) const CDI: &str = "cdi";

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

/// Device rules of the cgroup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rules(pub BTreeSet<String>);

/// The permissions in a fixed order; `None` for an invalid text.
fn permissions(text: &str) -> Option<String> {
    let known = !text.is_empty() && text.chars().all(|letter| "rwm".contains(letter));
    known.then(|| "rwm".chars().filter(|letter| text.contains(*letter)).collect())
}

/// A rule with its permissions in a fixed order.
fn rule(text: &str) -> Option<String> {
    let [kind, device, allowed] = *text.split(' ').collect::<Vec<_>>() else { return None };
    let (major, minor) = device.split_once(':')?;
    let number =
        |text: &str| text == "*" || (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
    let fine = matches!(kind, "a" | "b" | "c") && number(major) && number(minor);
    fine.then_some(())?;
    Some(format!("{kind} {device} {}", permissions(allowed)?))
}

impl Spelled for Rules {
    const GRAMMAR: Grammar = list_of(
        "a list of rules like `c 1:3 rwm`",
        &Grammar::Text {
            what: "a rule like `c 1:3 rwm`",
            spell: |text| rule(text).map(Json::from).ok_or(Wrong::Other),
            schema: || {
                let rule = r"^[abc] ([0-9]+|\*):([0-9]+|\*) [rwm]+$";
                json!({"type": "string", "pattern": rule})
            },
        },
    );
}

impl Plain for Rules {
    fn write(&self) -> Json {
        json!(self.0)
    }

    fn read(json: &Json) -> Value {
        set(json, |text| Atom::Text(rule(text).unwrap_or_else(|| text.to_owned())))
    }
}

/// A device of the host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Device {
    /// A device by path.
    Path {
        /// The path on the host.
        host: String,
        /// The path inside the container.
        inside: String,
        /// Letters of `rwm`, in this order.
        permissions: String,
    },
    /// A device by CDI name, `vendor.com/class=name`.
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
            // Compose and the Docker CLI accept permissions in the place of the inner path.
            [host, allowed] if permissions(allowed).is_some() => (host, host, allowed),
            [host, inside] => (host, inside, "rwm"),
            [host, inside, allowed] => (host, inside, allowed),
            _ => return None,
        };
        Self::path(host, inside, allowed)
    }

    fn path(host: &str, inside: &str, allowed: &str) -> Option<Self> {
        // The canonical form separates the paths by colons, so a path may contain no colon.
        let fine = |path: &str| path.starts_with('/') && !path.contains(':');
        (fine(host) && fine(inside)).then_some(())?;
        let (host, inside) = (clean(host), clean(inside));
        Some(Self::Path { host, inside, permissions: permissions(allowed)? })
    }

    fn of_long_form(said: &serde_json::Map<String, Json>) -> Option<Self> {
        let text = |key: &str| said.get(key).and_then(Json::as_str);
        let source = text("source")?;
        match text("target") {
            None if is_cdi(source) => Some(Self::Cdi(source.to_owned())),
            target => {
                Self::path(source, target.unwrap_or(source), text("permissions").unwrap_or("rwm"))
            }
        }
    }
}

/// Whether a text is a CDI name, `vendor.com/class=name`.
fn is_cdi(text: &str) -> bool {
    !text.starts_with('/')
        && text.split_once('=').is_some_and(|(kind, name)| {
            !name.is_empty()
                && kind.split_once('/').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty())
        })
}

/// Devices of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Devices(pub BTreeSet<Device>);

impl Spelled for Devices {
    const GRAMMAR: Grammar = list_of(
        "a list of devices",
        &Grammar::Checked {
            of: &Grammar::OneOf {
                what: "a device like `/dev/fuse`, `/dev/sda:/dev/xvda:r` or `vendor.com/class=name`",
                of: &[
                    keys(
                        "a `source` like `/dev/fuse`",
                        &[
                            key("source", TEXT).required(),
                            key("target", TEXT),
                            key(
                                "permissions",
                                Grammar::Text {
                                    what: "permissions of `rwm`",
                                    spell: |text| {
                                        permissions(text).map(Json::from).ok_or(Wrong::Other)
                                    },
                                    schema: || json!({"type": "string", "pattern": "^[rwm]+$"}),
                                },
                            ),
                        ],
                    ),
                    Grammar::Text {
                        what: "a device like `/dev/fuse`, `/dev/sda:/dev/xvda:r` or \
                               `vendor.com/class=name`",
                        spell: spelt::<Device>,
                        schema: || json!({"type": "string", "pattern": "^[^:]+(:[^:]+){0,2}$"}),
                    },
                ],
            },
            check: |read| match &read {
                Json::Object(said) => {
                    let device = Device::of_long_form(said).map(|device| json!(device));
                    device.ok_or(Wrong::Expected("a `source` like `/dev/fuse`"))
                }
                _ => Ok(read),
            },
        },
    );
}

impl FromStr for Device {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        Self::of_text(text).ok_or(Unreadable)
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path { host, inside, permissions } => write!(f, "{host}:{inside}:{permissions}"),
            Self::Cdi(name) => f.write_str(name),
        }
    }
}

one_text!(Device);

/// The row of devices by path and by CDI name.
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

pub(super) fn requests(look: &InspectView) -> impl Iterator<Item = &Json> {
    look.host("DeviceRequests").as_array().into_iter().flatten()
}

/// Adds a device request; two rows write into the same list.
pub(super) fn request(body: &mut Body, request: Json) {
    let host = body.nested("HostConfig");
    let all = host.entry("DeviceRequests").or_insert_with(|| json!([]));
    if let Some(all) = all.as_array_mut() {
        all.push(request);
    }
}
