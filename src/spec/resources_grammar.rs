//! The grammars of networks and volumes, from which reading and the JSON Schema follow.
//!
//! The types are [`super::resources`]'; their places in the text are [`super::resources_read`]'s.

use serde_json::{Value as Json, json};

use super::resources::{Cidr, Pool};
use crate::base::ident::LABEL_PREFIX;
use crate::base::say;
use crate::options::grammar::{
    Bare, Grammar, Key, Map, Names, Spelt, TEXT, Wrong, good, key, keys, list_of,
};
use crate::options::ip::IP;
use crate::options::network::is_name;
use crate::syntax::node::Kind;

/// The grammar of a network.
pub(super) const NETWORK: Grammar = Grammar::Checked { of: &NETWORK_KEYS, check: without_default };

const NETWORK_KEYS: Grammar = keys(
    "a map, or nothing",
    &[
        NAME,
        EXTERNAL,
        DRIVER,
        DRIVER_OPTS,
        LABELS,
        key("ipam", IPAM),
        key("internal", Grammar::Bool),
        key("attachable", Grammar::Bool),
        key("enable_ipv4", Grammar::Bool),
        key("enable_ipv6", Grammar::Bool),
        key("recreate", Grammar::Word(&["auto", "never"])),
    ],
);

/// The grammar of a volume.
pub(super) const VOLUME: Grammar =
    keys("a map, or nothing", &[NAME, EXTERNAL, DRIVER, DRIVER_OPTS, LABELS]);

const NAME: Key = key(
    "name",
    Grammar::Text {
        what: "a name of two or more letters, digits, `_`, `.` and `-`",
        spell: |name| good(is_name(name) && name.len() > 1, name),
        schema: || json!({"type": "string", "pattern": "^[a-zA-Z0-9][a-zA-Z0-9_.-]+$"}),
    },
);

const EXTERNAL: Key = key("external", Grammar::Bool);

const DRIVER: Key = key("driver", TEXT);

const DRIVER_OPTS: Key = key("driver_opts", options(&option(scalar_or_template)));

/// Driver options: every option is a text to an engine, so `true` is `"true"`.
const fn options(value: &'static Grammar) -> Grammar {
    Grammar::Map(Map {
        what: "a map of options",
        names: Names::Any,
        value,
        pairs: false,
        bare: Bare::Is(|_| json!("")),
    })
}

const fn option(schema: fn() -> Json) -> Grammar {
    Grammar::Scalar {
        what: "a text, a number or a boolean",
        read: |node| match &node.kind {
            Kind::Bool(value) => Some(json!(value.to_string())),
            Kind::Text(text) | Kind::Number(text) => Some(json!(text)),
            _ => None,
        },
        schema,
    }
}

fn scalar() -> Json {
    json!({"type": ["string", "number", "boolean"]})
}

/// Accepts a template, which the reader has already turned into a text.
fn scalar_or_template() -> Json {
    let template = json!({
        "type": "object",
        "properties": {"template": {"type": "string", "minLength": 1}},
        "required": ["template"],
        "additionalProperties": false,
    });
    json!({"anyOf": [scalar(), template]})
}

const LABELS: Key = key(
    "labels",
    Grammar::Map(Map {
        what: "a map of labels or a list of `KEY=VALUE`",
        names: Names::Without("a label", &[LABEL_PREFIX]),
        value: &TEXT,
        pairs: true,
        bare: Bare::Is(|_| json!("")),
    }),
);

const IPAM: Grammar = Grammar::Checked {
    of: &keys(
        "a map with `driver`, `config`",
        &[
            DRIVER,
            key("options", options(&option(scalar))),
            key("config", list_of("a list of address ranges", &POOL)),
        ],
    ),
    check: without_default,
};

/// Drops the driver `default`, which stands for the engine's default driver.
#[expect(clippy::unnecessary_wraps, reason = "what is read is checked by such functions")]
fn without_default(mut read: Json) -> Spelt {
    if let Some(said) = read.as_object_mut()
        && said.get("driver").is_some_and(|driver| driver == "default")
    {
        said.remove("driver");
    }
    Ok(read)
}

const POOL: Grammar = Grammar::Checked {
    of: &keys(
        "a map with `subnet`",
        &[
            key("subnet", RANGE),
            key("ip_range", RANGE),
            key("gateway", IP),
            key(
                "aux_addresses",
                Grammar::Map(Map {
                    what: "a map of names to addresses",
                    names: Names::Any,
                    value: &IP,
                    pairs: false,
                    bare: Bare::Wrong("a name with its address", None),
                }),
            ),
        ],
    ),
    check: inside,
};

const RANGE: Grammar = Grammar::Text {
    what: "an address range like `10.5.0.0/16`",
    spell: |text| match Cidr::parse(text) {
        Ok(range) => Ok(json!(range)),
        Err(what) => {
            let found = say::short(text);
            Err(Wrong::Told(format!("expected {what}, but found the text `{found}`"), None))
        }
    },
    schema: || json!({"type": "string", "pattern": "^[0-9a-fA-F:.]+/[0-9]+$"}),
};

/// Requires that all addresses of a pool are inside its subnet; an engine checks this only when it
/// creates the network.
fn inside(read: Json) -> Spelt {
    let Ok(pool) = serde_json::from_value::<Pool>(read.clone()) else { return Err(Wrong::Other) };
    let Pool { subnet, ip_range, gateway, aux_addresses } = &pool;
    let Some(subnet) = subnet else {
        if ip_range.is_some() || gateway.is_some() {
            let message = "expected a `subnet` beside `ip_range` or `gateway`";
            return Err(Wrong::Told(message.to_owned(), None));
        }
        return Ok(read);
    };
    let range = ip_range.filter(|range| !subnet.covers(range)).map(|range| range.to_string());
    let addresses = gateway.iter().chain(aux_addresses.values());
    let outside = addresses.filter(|address| !subnet.has(**address)).map(ToString::to_string);
    match range.into_iter().chain(outside).next() {
        None => Ok(read),
        Some(found) => {
            let message = format!("expected an address in {subnet}, but found {found}");
            Err(Wrong::Told(message, None))
        }
    }
}

/// The JSON Schema of `networks` or `volumes`, from the grammar of an entry.
pub(super) fn schema(doc: &str, one: &Grammar) -> Json {
    json!({
        "description": doc,
        "type": ["object", "null"],
        "patternProperties": {"^x-": {}},
        "propertyNames": {"pattern": "^[a-zA-Z0-9][a-zA-Z0-9_.-]*$"},
        "additionalProperties": {"anyOf": [one.schema(), {"type": "null"}]},
    })
}
