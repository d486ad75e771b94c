//! The networks and volumes of a spec, with their names on the engine.
//!
//! Reading is `resources_read`'s; the comparison with an engine is
//! [`crate::planner::resources`]'s.

use core::net::IpAddr;
use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::Spec;
use crate::base::ident::ObjectKey;

/// Networks that every engine has.
pub const PREDEFINED: [&str; 4] = ["bridge", "host", "none", "default"];

/// A network or volume that a spec declares or refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource<T> {
    /// `external: true`: the resource must exist, and is never changed.
    External {
        /// The name on the engine; the key by default.
        name: Option<String>,
    },
    /// A resource that is created if it is missing.
    Declared {
        /// The name on the engine; `PROJECT_KEY` by default.
        name: Option<String>,
        /// The declaration.
        what: T,
    },
}

impl<T> Resource<T> {
    /// The declaration, if the resource is not external.
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

    /// Whether the name on the engine is declared.
    pub fn is_named(&self) -> bool {
        matches!(self, Self::External { name: Some(_) } | Self::Declared { name: Some(_), .. })
    }
}

/// The declaration of a network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// The driver; `bridge` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// The options of the driver.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub driver_opts: BTreeMap<String, String>,
    /// The IPAM settings.
    #[serde(skip_serializing_if = "Ipam::says_nothing")]
    pub ipam: Ipam,
    /// Whether the network has no route to other networks.
    #[serde(skip_serializing_if = "is_false")]
    pub internal: bool,
    /// Whether standalone containers may join a swarm network.
    #[serde(skip_serializing_if = "is_false")]
    pub attachable: bool,
    /// Whether IPv4 is enabled; the engine's default is yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_ipv4: Option<bool>,
    /// Whether IPv6 is enabled; the engine's default is no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_ipv6: Option<bool>,
    /// Labels, without the labels of bayplan.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Whether a differing network is replaced.
    #[serde(skip_serializing_if = "RecreateNetwork::is_never")]
    pub recreate: RecreateNetwork,
}

/// `recreate:` of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecreateNetwork {
    /// The network is never replaced; differences are reported.
    #[default]
    Never,
    /// A differing network is replaced; its containers are disconnected, and connected again with
    /// the same settings.
    Auto,
}

impl RecreateNetwork {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    fn is_never(&self) -> bool {
        *self == Self::Never
    }
}

/// The IPAM settings of a network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Ipam {
    /// The driver; `default` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// The options of the driver.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// The address pools, in the order of the spec.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub config: Vec<Pool>,
}

impl Ipam {
    fn says_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// An address pool.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Pool {
    /// The subnet, unless the engine chooses the subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet: Option<Cidr>,
    /// The part of the subnet for containers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_range: Option<Cidr>,
    /// The gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// Addresses that the driver uses, by host name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub aux_addresses: BTreeMap<String, IpAddr>,
}

/// Whether an engine adds an undeclared gateway to a network of this driver. Other drivers than
/// `bridge` follow their own rules.
pub fn gives_gateway(driver: &str, options: &BTreeMap<String, String>) -> bool {
    driver == "bridge" && !options.keys().any(|key| key.contains("gateway_mode"))
}

impl Pool {
    /// The reserved use of an address, so that no container gets the address. An undeclared gateway
    /// is the first address if the engine adds a gateway (`gives_gateway`).
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
        // Subnets of one or two addresses reserve none.
        let large = !subnet.is_ipv4() || subnet.bits < 31;
        if large && address == subnet.base {
            return Some("the network itself".to_owned());
        }
        (large && Some(address) == subnet.broadcast()).then(|| "its broadcast address".to_owned())
    }
}

/// An address range such as `10.0.0.0/24`, in canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    base: IpAddr,
    bits: u8,
}

impl Cidr {
    /// Parses a range; the error gives the expected text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let what = || "an address range like `10.5.0.0/16`".to_owned();
        let (address, range) = Self::split(text).ok_or_else(what)?;
        if range.base != address {
            return Err(format!("`{range}`, the beginning of that range"));
        }
        Ok(range)
    }

    /// Parses a range of an engine: Docker 20.10 repeats the given address, which may be any
    /// address of the range.
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

    /// Whether the range contains an address.
    pub fn has(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.base.is_ipv4() && masked(address, self.bits) == self.base
    }

    /// The IPv4 broadcast address of the range.
    fn broadcast(&self) -> Option<IpAddr> {
        let IpAddr::V4(base) = self.base else { return None };
        let rest = u32::MAX.checked_shr(u32::from(self.bits)).unwrap_or(0);
        Some(IpAddr::V4((base.to_bits() | rest).into()))
    }

    /// The first address for containers, as part of a subnet.
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

    /// Whether the range contains another range.
    pub fn covers(&self, other: &Self) -> bool {
        other.bits >= self.bits && self.has(other.base)
    }

    /// Whether two ranges share an address.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// Whether the range is an IPv4 range.
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

/// The declaration of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Volume {
    /// The driver; `local` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// The options of the driver.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub driver_opts: BTreeMap<String, String>,
    /// Labels, without the labels of bayplan.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl Spec {
    /// The name of a network on the engine.
    pub fn network_name(&self, key: &ObjectKey) -> Option<String> {
        Some(self.networks.get(key)?.name(self.project.as_str(), key))
    }

    /// The name of a volume on the engine.
    pub fn volume_name(&self, key: &ObjectKey) -> Option<String> {
        Some(self.volumes.get(key)?.name(self.project.as_str(), key))
    }

    /// The keys of the networks → their names on the engine.
    pub fn network_names(&self) -> BTreeMap<String, String> {
        let names = self.networks.iter();
        names.map(|(key, own)| (key.to_string(), own.name(self.project.as_str(), key))).collect()
    }

    /// The keys of the volumes → their names on the engine.
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
    /// Builds a resource from the output of [`super::resources_grammar`].
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
