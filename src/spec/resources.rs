//! Networks and volumes at the root of a spec: what they are to be, and what they are called.
//!
//! Reading them is [`super::read`]'s; what an engine makes of them [`crate::planner::resources`]'s.

use core::net::IpAddr;
use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::Spec;
use crate::base::ident::ObjectKey;

/// Networks that every engine has and nobody makes.
pub const PREDEFINED: [&str; 4] = ["bridge", "host", "none", "default"];

/// Something at the root that a spec declares or only names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource<T> {
    /// `external: true`: it must be there, and nothing is done to it.
    External {
        /// Its name on the engine; without one its key.
        name: Option<String>,
    },
    /// It is made where it is missing.
    Declared {
        /// Its name on the engine; without one `PROJECT_KEY`.
        name: Option<String>,
        /// What it is to be.
        what: T,
    },
}

impl<T> Resource<T> {
    /// What it is to be, where that is said.
    pub fn declared(&self) -> Option<&T> {
        match self {
            Self::External { .. } => None,
            Self::Declared { what, .. } => Some(what),
        }
    }

    fn name(&self, project: &str, key: &ObjectKey) -> String {
        match self {
            Self::External { name: Some(name) } | Self::Declared { name: Some(name), .. } => {
                name.clone()
            }
            Self::External { name: None } => key.to_string(),
            Self::Declared { name: None, .. } => format!("{project}_{key}"),
        }
    }

    /// Whether its name on the engine was said.
    pub fn is_named(&self) -> bool {
        matches!(self, Self::External { name: Some(_) } | Self::Declared { name: Some(_), .. })
    }
}

/// What a network is to be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// Its driver; without one the engine's, `bridge`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Options of the driver.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub driver_opts: BTreeMap<String, String>,
    /// Where its addresses come from.
    #[serde(skip_serializing_if = "Ipam::says_nothing")]
    pub ipam: Ipam,
    /// No way out to other networks.
    #[serde(skip_serializing_if = "is_false")]
    pub internal: bool,
    /// Containers may join a swarm's network by themselves.
    #[serde(skip_serializing_if = "is_false")]
    pub attachable: bool,
    /// With IPv4; nothing said: the engine's way, which is yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_ipv4: Option<bool>,
    /// With IPv6; nothing said: the engine's way, which is no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_ipv6: Option<bool>,
    /// Labels, none of them ours.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Whether one that differs is removed and created anew.
    #[serde(skip_serializing_if = "RecreateNetwork::is_never")]
    pub recreate: RecreateNetwork,
}

/// `recreate:` of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecreateNetwork {
    /// Never; what differs is reported.
    #[default]
    Never,
    /// Where it differs; its containers are taken off it and put back as they were.
    Auto,
}

impl RecreateNetwork {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    fn is_never(&self) -> bool {
        *self == Self::Never
    }
}

/// Where the addresses of a network come from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Ipam {
    /// The driver; without one `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Options of that driver.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// Ranges of addresses, in the order of the spec.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub config: Vec<Pool>,
}

impl Ipam {
    fn says_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// A range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Pool {
    /// The subnet, if it is not left to the engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet: Option<Cidr>,
    /// The part of it from which containers get theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_range: Option<Cidr>,
    /// The gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// Addresses that the driver itself uses, by host name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub aux_addresses: BTreeMap<String, IpAddr>,
}

/// Whether an engine gives a network of this driver a gateway where none is said: other drivers
/// than the usual one do so as they like.
pub fn gives_gateway(driver: &str, options: &BTreeMap<String, String>) -> bool {
    driver == "bridge" && !options.keys().any(|key| key.contains("gateway_mode"))
}

impl Pool {
    /// What an address of the range is kept for, so that no container gets it. Where no gateway is
    /// said and an engine gives one (`gives_gateway`), it is the first address.
    pub fn keeps(&self, address: IpAddr, gives_gateway: bool) -> Option<String> {
        let subnet = self.subnet.filter(|subnet| subnet.has(address))?;
        let aside = self.aux_addresses.iter().find(|(_, own)| **own == address);
        if let Some((name, _)) = aside {
            return Some(format!("kept aside as `{}`", crate::base::say::short(name)));
        }
        let chosen = || self.ip_range.unwrap_or(subnet).first(subnet);
        if self.gateway.or_else(|| gives_gateway.then(chosen)) == Some(address) {
            return Some("its gateway".to_owned());
        }
        // Two addresses and one are too few to keep any.
        let large = !subnet.is_ipv4() || subnet.bits < 31;
        if large && address == subnet.base {
            return Some("the network itself".to_owned());
        }
        (large && Some(address) == subnet.broadcast()).then(|| "its broadcast address".to_owned())
    }
}

/// A network of addresses, `10.0.0.0/24`, in its one spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    base: IpAddr,
    bits: u8,
}

impl Cidr {
    /// Takes a text; the error says what it should be.
    pub fn parse(text: &str) -> Result<Self, String> {
        let what = || "an address range like `10.5.0.0/16`".to_owned();
        let (address, range) = Self::split(text).ok_or_else(what)?;
        if range.base != address {
            return Err(format!("`{range}`, the beginning of that range"));
        }
        Ok(range)
    }

    /// Takes what an engine says: Docker 20.10 repeats any address of the range that it was given.
    pub fn told(text: &str) -> Option<Self> {
        Self::split(text).map(|(_, range)| range)
    }

    fn split(text: &str) -> Option<(IpAddr, Self)> {
        let (address, bits) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let bits: u8 = bits.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        (bits <= most).then(|| (address, Self { base: masked(address, bits), bits }))
    }

    /// Whether an address is in it.
    pub fn has(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.base.is_ipv4() && masked(address, self.bits) == self.base
    }

    /// The address of IPv4 that means all of it.
    fn broadcast(&self) -> Option<IpAddr> {
        let IpAddr::V4(base) = self.base else { return None };
        let rest = u32::MAX.checked_shr(u32::from(self.bits)).unwrap_or(0);
        Some(IpAddr::V4((base.to_bits() | rest).into()))
    }

    /// The first address that an engine gives out, as part of a subnet.
    fn first(&self, subnet: Self) -> IpAddr {
        let small = subnet.is_ipv4() && subnet.bits >= 31;
        if self.base != subnet.base || small {
            return self.base;
        }
        match self.base {
            IpAddr::V4(v4) => IpAddr::V4(v4.to_bits().saturating_add(1).into()),
            IpAddr::V6(v6) => IpAddr::V6(v6.to_bits().saturating_add(1).into()),
        }
    }

    /// Whether all of another range is in it.
    pub fn covers(&self, other: &Self) -> bool {
        other.bits >= self.bits && self.has(other.base)
    }

    /// Whether an address is in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// Whether it is of IPv4.
    pub fn is_ipv4(&self) -> bool {
        self.base.is_ipv4()
    }
}

impl Serialize for Cidr {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
}

fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

/// What a volume is to be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Volume {
    /// Its driver; without one `local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Options of the driver.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub driver_opts: BTreeMap<String, String>,
    /// Labels, none of them ours.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl Spec {
    /// What a network of the root is called on the engine.
    pub fn network_name(&self, key: &ObjectKey) -> Option<String> {
        Some(self.networks.get(key)?.name(self.project.as_str(), key))
    }

    /// What a volume of the root is called on the engine.
    pub fn volume_name(&self, key: &ObjectKey) -> Option<String> {
        Some(self.volumes.get(key)?.name(self.project.as_str(), key))
    }

    /// What options call the networks of the root → what those are called on the engine.
    pub fn network_names(&self) -> BTreeMap<String, String> {
        let names = self.networks.iter();
        names.map(|(key, own)| (key.to_string(), own.name(self.project.as_str(), key))).collect()
    }

    /// The same for volumes.
    pub fn volume_names(&self) -> BTreeMap<String, String> {
        let names = self.volumes.iter();
        names.map(|(key, own)| (key.to_string(), own.name(self.project.as_str(), key))).collect()
    }
}

impl<T: Serialize> Resource<T> {
    /// The canonical form.
    pub(super) fn print(&self) -> Json {
        let (name, mut out) = match self {
            Self::External { name } => (name, json!({"external": true})),
            Self::Declared { name, what } => (name, json!(what)),
        };
        if let Some(name) = name {
            out["name"] = json!(name);
        }
        out
    }
}

impl<T: DeserializeOwned> Resource<T> {
    /// Takes what [`super::resources_grammar`] reads.
    pub(super) fn of(mut read: Map<String, Json>) -> serde_json::Result<Self> {
        let name = read.remove("name").map(serde_json::from_value).transpose()?;
        if read.remove("external") == Some(Json::Bool(true)) {
            return Ok(Self::External { name });
        }
        Ok(Self::Declared { name, what: serde_json::from_value(Json::Object(read))? })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_addresses_has_one_spelling() {
        for (text, told) in [
            ("10.5.0.0/16", "10.5.0.0/16"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("FD00:0::/64", "fd00::/64"),
            ("::/0", "::/0"),
            ("10.0.0.7/32", "10.0.0.7/32"),
        ] {
            assert_eq!(Cidr::parse(text).map(|cidr| cidr.to_string()).as_deref(), Ok(told));
        }
        assert_eq!(
            Cidr::parse("10.5.3.1/16").unwrap_err(),
            "`10.5.0.0/16`, the beginning of that range"
        );
        for text in ["10.5.0.0", "10.5.0.0/33", "fd00::/129", "a/8", "10.5.0.0/-1", "/8"] {
            assert!(Cidr::parse(text).is_err(), "{text}");
            assert_eq!(Cidr::told(text), None, "{text}");
        }
        assert_eq!(Cidr::told("10.5.3.1/16"), Cidr::parse("10.5.0.0/16").ok());
    }

    #[test]
    fn what_is_in_a_range_is_told_by_its_bits() {
        let cidr = |text| Cidr::parse(text).unwrap();
        assert!(cidr("10.5.0.0/16").has("10.5.255.255".parse().unwrap()));
        assert!(!cidr("10.5.0.0/16").has("10.6.0.0".parse().unwrap()));
        assert!(!cidr("::/0").has("10.6.0.0".parse().unwrap()));
        assert!(cidr("10.5.0.0/16").covers(&cidr("10.5.3.0/24")));
        assert!(!cidr("10.5.3.0/24").covers(&cidr("10.5.0.0/16")));
        assert!(cidr("10.5.3.0/24").overlaps(&cidr("10.5.0.0/16")));
        assert!(!cidr("10.5.3.0/24").overlaps(&cidr("10.5.4.0/24")));
    }
}
