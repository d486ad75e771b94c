//! IP addresses in a spec. Address ranges are [`crate::spec::resources`]'.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Value as Json, json};

use super::grammar::{Grammar, Wrong, spelt};

/// An IP address.
pub const IP: Grammar = Grammar::Text { what: "an IP address", spell: spelt::<IpAddr>, schema };

/// An IPv4 address.
pub const IPV4: Grammar =
    Grammar::Text { what: "an IPv4 address", spell: spelt::<Ipv4Addr>, schema };

/// An IPv6 address.
pub const IPV6: Grammar =
    Grammar::Text { what: "an IPv6 address", spell: spelt::<Ipv6Addr>, schema };

/// A link-local address. Engines refuse other addresses at the start.
pub const LINK_LOCAL: Grammar = Grammar::Text {
    what: "an address of 169.254.0.0/16 or fe80::/10",
    spell: |text| {
        let good = match text.parse() {
            Ok(IpAddr::V4(v4)) => v4.is_link_local(),
            Ok(IpAddr::V6(v6)) => v6.is_unicast_link_local(),
            Err(_) => false,
        };
        if good { spelt::<IpAddr>(text) } else { Err(Wrong::Other) }
    },
    schema,
};

fn schema() -> Json {
    json!({"type": "string", "pattern": "^[0-9a-fA-F:.]+$"})
}
