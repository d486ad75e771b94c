//! A network: its create body, and the differences of an existing network. The steps are
//! [`crate::planner`]'s.

use serde_json::{Map, Value as Json, json};

use super::{Differences, Terms, label};
use crate::base::api;
use crate::base::ident::{LABEL_NETWORK, ObjectKey, ProjectName};
use crate::engine_model::Engine;
use crate::options::Body;
use crate::spec::Network;
use crate::spec::resources::{Cidr, Pool};

/// Drivers whose networks share the address store of the engine.
const SHARING: &[&str] = &["bridge", "ipvlan", "macvlan"];

/// The create body of a network.
pub fn body(
    project: &ProjectName,
    key: &ObjectKey,
    name: &str,
    network: &Network,
    engine: &Engine,
) -> Body {
    let mut out = Map::new();
    let mut put = |key: &str, value: Json| drop(out.insert(key.to_owned(), value));
    put("Name", json!(name));
    put("Driver", json!(driver(network)));
    put("Labels", json!(network.labels));
    if !network.driver_opts.is_empty() {
        put("Options", json!(network.driver_opts));
    }
    if network.internal {
        put("Internal", json!(true));
    }
    if network.attachable {
        put("Attachable", json!(true));
    }
    if let Some(yes) = network.enable_ipv6 {
        put("EnableIPv6", json!(yes));
    }
    if let Some(yes) = network.enable_ipv4.filter(|_| knows_ipv4(engine)) {
        put("EnableIPv4", json!(yes));
    }
    if let Some(ipam) = ipam(network) {
        put("IPAM", ipam);
    }
    if engine.api < api::NAMES_ARE_UNIQUE {
        put("CheckDuplicate", json!(true));
    }
    label(&mut out, project, LABEL_NETWORK, key);
    Body::from_json(Json::Object(out))
}

/// Whether the engine can create a network without IPv4.
pub fn knows_ipv4(engine: &Engine) -> bool {
    engine.api >= api::IPV4_OPTIONAL
}

/// Whether a declared network takes its subnets from the shared address store of the engine.
pub fn shares_addresses(network: &Network) -> bool {
    SHARING.contains(&driver(network))
        && network.ipam.driver.as_deref().unwrap_or("default") == "default"
}

/// The subnets that an existing or planned network takes from the shared address store.
pub fn subnets(found: &Json) -> impl Iterator<Item = Cidr> {
    let driver = found["Driver"].as_str().unwrap_or_default();
    let ipam = &found["IPAM"];
    let shares =
        SHARING.contains(&driver) && ipam["Driver"].as_str().unwrap_or("default") == "default";
    let pools = ipam["Config"].as_array().filter(|_| shares).into_iter().flatten();
    pools.filter_map(|pool| Cidr::told(pool["Subnet"].as_str()?))
}

/// The address pools of an existing network, if the engine assigns its addresses.
pub fn pools(found: &Json) -> Option<Vec<Pool>> {
    let driver = found["Driver"].as_str().unwrap_or_default();
    let ipam = &found["IPAM"];
    let shares =
        SHARING.contains(&driver) && ipam["Driver"].as_str().unwrap_or("default") == "default";
    let range = |json: &Json| json.as_str().and_then(Cidr::told);
    let address = |json: &Json| json.as_str().and_then(|text| text.parse().ok());
    let aux = |pool: &Json| {
        let all = pool["AuxiliaryAddresses"].as_object().into_iter().flatten();
        all.filter_map(|(name, own)| Some((name.clone(), address(own)?))).collect()
    };
    let all = ipam["Config"].as_array().filter(|_| shares)?.iter().map(|pool| Pool {
        subnet: range(&pool["Subnet"]),
        ip_range: range(&pool["IPRange"]),
        gateway: address(&pool["Gateway"]),
        aux_addresses: aux(pool),
    });
    Some(all.collect())
}

fn driver(network: &Network) -> &str {
    network.driver.as_deref().unwrap_or("bridge")
}

fn ipam(network: &Network) -> Option<Json> {
    let ipam = &network.ipam;
    if ipam.driver.is_none() && ipam.options.is_empty() && ipam.config.is_empty() {
        return None;
    }
    let mut out = Map::new();
    out.insert("Driver".to_owned(), json!(ipam.driver.as_deref().unwrap_or("default")));
    if !ipam.options.is_empty() {
        out.insert("Options".to_owned(), json!(ipam.options));
    }
    out.insert("Config".to_owned(), ipam.config.iter().map(pool).collect());
    Some(Json::Object(out))
}

fn pool(pool: &Pool) -> Json {
    let mut out = Map::new();
    let mut put = |key: &str, value: Option<String>| {
        out.extend(value.map(|value| (key.to_owned(), json!(value))));
    };
    put("Subnet", pool.subnet.map(|range| range.to_string()));
    put("IPRange", pool.ip_range.map(|range| range.to_string()));
    put("Gateway", pool.gateway.map(|address| address.to_string()));
    if !pool.aux_addresses.is_empty() {
        out.insert("AuxiliaryAddresses".to_owned(), json!(pool.aux_addresses));
    }
    Json::Object(out)
}

/// Compares a declared network with its entry in the list of networks.
///
/// Undeclared values that an engine chooses (subnet, gateway) are no differences.
pub fn differences(network: &Network, found: &Json, terms: Terms<'_>) -> Differences {
    let mut all = Differences::default();
    let have = found["Driver"].as_str().unwrap_or_default();
    let want = driver(network);
    if terms.owned || network.driver.is_some() {
        all.unless(want == have, "driver", json!(want), json!(have));
    }
    all.maps(("driver_opts", "Options"), &network.driver_opts, &found["Options"], terms);
    addresses(network, found, terms, &mut all);
    for (key, field, want) in [
        ("internal", "Internal", network.internal),
        ("attachable", "Attachable", network.attachable),
    ] {
        let have = found[field].as_bool().unwrap_or(false);
        if terms.owned || want {
            all.unless(want == have, key, json!(want), json!(have));
        }
    }
    for (key, field, want, otherwise) in [
        ("enable_ipv4", "EnableIPv4", network.enable_ipv4, true),
        ("enable_ipv6", "EnableIPv6", network.enable_ipv6, false),
    ] {
        let have = found[field].as_bool().unwrap_or(otherwise);
        if let Some(want) = want.or(terms.owned.then_some(have)) {
            all.unless(want == have, key, json!(want), json!(have));
        }
    }
    all.maps(("labels", "Labels"), &network.labels, &found["Labels"], terms);
    all
}

fn addresses(network: &Network, found: &Json, terms: Terms<'_>, all: &mut Differences) {
    let ipam = &network.ipam;
    let found = &found["IPAM"];
    let have = found["Driver"].as_str().unwrap_or("default");
    if let Some(want) = &ipam.driver {
        all.unless(want == have, "ipam.driver", json!(want), json!(have));
    }
    // The engine's own options of addresses are no difference of any network.
    let terms = Terms { owned: false, ..terms };
    all.maps(("ipam.options", "IPAM.Options"), &ipam.options, &found["Options"], terms);
    let pools: Vec<&Json> = found["Config"].as_array().into_iter().flatten().collect();
    let same = ipam.config.iter().all(|want| pools.iter().any(|have| fits(want, have)))
        && no_other(&ipam.config, &pools);
    let shown: Vec<Json> = pools.iter().map(|pool| shown(pool)).collect();
    let want: Vec<Json> = ipam.config.iter().map(|pool| json!(pool)).collect();
    all.unless(same, "ipam.config", json!(want), json!(shown));
}

/// Whether an existing pool has all declared values of a pool.
fn fits(want: &Pool, have: &Json) -> bool {
    let range = |field: &str| have[field].as_str().and_then(Cidr::told);
    let address = |json: &Json| json.as_str().and_then(|text| text.parse().ok());
    let aux = |(name, want): (&String, _)| address(&have["AuxiliaryAddresses"][name]) == Some(want);
    want.subnet.is_none_or(|want| range("Subnet") == Some(want))
        && want.ip_range.is_none_or(|want| range("IPRange") == Some(want))
        && want.gateway.is_none_or(|want| address(&have["Gateway"]) == Some(want))
        && want.aux_addresses.iter().map(|(name, want)| (name, *want)).all(aux)
}

/// Whether all existing subnets are declared, for each address family with a declared subnet.
fn no_other(want: &[Pool], have: &[&Json]) -> bool {
    let subnets: Vec<Cidr> = want.iter().filter_map(|pool| pool.subnet).collect();
    have.iter().filter_map(|pool| Cidr::told(pool["Subnet"].as_str()?)).all(|found| {
        let family = subnets.iter().any(|want| want.is_ipv4() == found.is_ipv4());
        !family || subnets.contains(&found)
    })
}

/// A pool in the form of the spec.
fn shown(pool: &Json) -> Json {
    let mut out = Map::new();
    for (key, field) in [
        ("subnet", "Subnet"),
        ("ip_range", "IPRange"),
        ("gateway", "Gateway"),
        ("aux_addresses", "AuxiliaryAddresses"),
    ] {
        let value = &pool[field];
        let empty = value.is_null()
            || value.as_str() == Some("")
            || value.as_object().is_some_and(Map::is_empty);
        if !empty {
            out.insert(key.to_owned(), value.clone());
        }
    }
    Json::Object(out)
}
