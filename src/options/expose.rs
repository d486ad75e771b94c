//! Ports that a container exposes without publishing them.
//!
//! Published ports are [`super::ports`]'s.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::field::{At, some_set};
use super::fields::{Nothing, Owned};
use super::numbers::text_or_whole;
use super::ports::{PORTS, Port, Wrong, range, with_protocol};
use super::risk::Risk;
use super::row::{Body, Context, OptionDef, OptionValue, Row};
use super::value::{Atom, Value};
use crate::options::inspect_view::InspectView;
use crate::syntax::node::{Kind, Node, Problems};

/// The declared ports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exposed(pub BTreeSet<Port>);

impl OptionValue for Exposed {
    fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::List(items) = &node.kind else {
            return problems.expected("a list of ports", node);
        };
        let mut all = BTreeSet::new();
        let mut fine = true;
        for item in items {
            let said = text_or_whole(item, "a port like `80` or `53/udp`", problems);
            let read = said.and_then(|text| {
                let read = || {
                    let (numbers, protocol) = with_protocol(&text)?;
                    let (from, to) = range(numbers, "a port of the container")?;
                    Ok((from..=to).map(move |number| Port { number, protocol }))
                };
                read().map_err(|wrong: Wrong| wrong.tell(item.place, problems)).ok()
            });
            let read = read.filter(|read| problems.may_add(read.len(), item.place));
            fine &= read.is_some();
            all.extend(read.into_iter().flatten());
        }
        fine.then_some(Self(all))
    }

    fn print(&self) -> Json {
        self.0.iter().map(|port| json!(port.to_string())).collect()
    }

    fn schema() -> Json {
        json!({"type": "array", "items": {"oneOf": [
            {"type": "integer", "minimum": 1, "maximum": 65535},
            {"type": "string", "pattern": "^[0-9]+(-[0-9]+)?(/[a-zA-Z]+)?$"},
        ]}})
    }
}

/// The row of exposed ports.
#[derive(Debug)]
pub struct ExposeRow;

impl Row for ExposeRow {
    type Declared = Exposed;

    fn def(&self) -> &OptionDef {
        const IT: OptionDef = OptionDef {
            key: "expose",
            risk: Risk::None,
            doc: "ports exposed without being published, beside those of the image",
            examples: &["[8080]", "[\"9000-9002\", 53/udp]"],
            from_image: true,
            many: true,
            ..PORTS
        };
        &IT
    }

    fn fields(&self) -> Vec<Owned> {
        vec![Owned::config("ExposedPorts", Nothing::Missing)]
    }

    fn write(&self, said: &Exposed, body: &mut Body, _cx: &Context) {
        for port in &said.0 {
            body.nested("ExposedPorts").insert(port.to_string(), json!({}));
        }
    }

    fn decided_by_fields(&self) -> Option<&[At]> {
        const BESIDE: &[At] = &[At::Host("PortBindings")];
        Some(BESIDE)
    }

    fn read(&self, look: &InspectView) -> Value {
        let ports = look.config("ExposedPorts").as_object();
        some_set(ports.into_iter().flatten().map(|(port, _)| Atom::Text(with_tcp(port))).collect())
    }

    /// Drops ports that one side publishes: a published port is also exposed, and `ports` compares
    /// published ports.
    fn normalize_pair(
        &self,
        expected: &mut Value,
        found: &mut Value,
        both: (&InspectView, &InspectView),
    ) {
        let published = |look: &InspectView| -> BTreeSet<Atom> {
            let bindings = look.host("PortBindings").as_object();
            bindings.into_iter().flatten().map(|(port, _)| Atom::Text(with_tcp(port))).collect()
        };
        let published: BTreeSet<Atom> =
            published(both.0).union(&published(both.1)).cloned().collect();
        for value in [expected, found] {
            if let Value::Set(ports) = value {
                let rest: BTreeSet<Atom> = ports.difference(&published).cloned().collect();
                *value = some_set(rest);
            }
        }
    }
}

/// Adds `/tcp` to a bare port: an engine keeps `80` as sent, and means `80/tcp`.
fn with_tcp(port: &str) -> String {
    if port.contains('/') { port.to_owned() } else { format!("{port}/tcp") }
}
