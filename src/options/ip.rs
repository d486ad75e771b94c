//! IP addresses as a spec says them.

use core::net::IpAddr;

use super::field::text;
use crate::syntax::node::{Node, Problems};

/// An address of this family, if one is asked for.
pub(super) fn address(node: &Node, ipv4: Option<bool>, problems: &mut Problems) -> Option<IpAddr> {
    let what = match ipv4 {
        Some(true) => "an IPv4 address",
        Some(false) => "an IPv6 address",
        None => "an IP address",
    };
    let parsed: Option<IpAddr> = text(node, what, problems)?.parse().ok();
    match parsed.filter(|address| ipv4.is_none_or(|ipv4| ipv4 == address.is_ipv4())) {
        Some(address) => Some(address),
        None => problems.expected(what, node),
    }
}

/// Engines refuse others at the start.
pub(super) fn link_local(node: &Node, problems: &mut Problems) -> Option<IpAddr> {
    let found = address(node, None, problems)?;
    let good = match found {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    if good {
        return Some(found);
    }
    problems.expected("an address of 169.254.0.0/16 or fe80::/10", node)
}
