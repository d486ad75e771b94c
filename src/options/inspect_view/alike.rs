//! A cheap test whether two containers were created alike, based on raw inspect data.
//!
//! Most members of a large set differ only in values that every container has of its own. This test
//! costs much less than a view and a comparison. The differences are [`crate::planner::compare`]'s.

use serde_json::{Map, Value as Json};

use super::KEPT;
use crate::base::ident::LABEL_NAME;

/// Values of an attachment that an engine assigns; no row reads these values.
const ASSIGNED: &[&str] = &[
    "DNSNames",
    "EndpointID",
    "Gateway",
    "GlobalIPv6Address",
    "GlobalIPv6PrefixLen",
    "IPAddress",
    "IPPrefixLen",
    "IPv6Gateway",
];

/// Whether every row reads the same values from both containers. The test may fail for equal
/// containers. With `cards` MAC addresses count, which rows read only if an address is expected.
pub fn alike(one: &Json, other: &Json, cards: bool) -> bool {
    let ids = [short(one), short(other)];
    let (Json::Object(one), Json::Object(other)) = (one, other) else { return false };
    same_fields(one, other, |field, one, other| match field {
        "Id" | "Name" => true,
        "Config" => same_config(one, other, ids),
        "Mounts" => same_mounts(one, other),
        "NetworkSettings" => same_networks(one, other, ids, cards),
        field => !KEPT.contains(&field) || one == other,
    })
}

/// Compares mounts without their order, because engines list mounts in any order.
fn same_mounts(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().all(|mount| other.contains(mount))
        }
        _ => one == other,
    }
}

fn same_config(one: &Json, other: &Json, ids: [&str; 2]) -> bool {
    same(one, other, |field, one, other| match field {
        // The default host name is the ID prefix.
        "Hostname" => match [one.as_str() == Some(ids[0]), other.as_str() == Some(ids[1])] {
            [false, false] => one == other,
            unnamed => unnamed == [true; 2],
        },
        "Labels" => same_labels(one, other),
        _ => one == other,
    })
}

/// Compares labels except the label that repeats the name of the container.
fn same_labels(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Object(one), Json::Object(other)) => {
            let others = |(key, _): &(&String, &Json)| key.as_str() != LABEL_NAME;
            one.iter().filter(others).eq(other.iter().filter(others))
        }
        _ => one == other,
    }
}

fn same_networks(one: &Json, other: &Json, ids: [&str; 2], cards: bool) -> bool {
    let (one, other) = match (one.get("Networks"), other.get("Networks")) {
        (Some(one), Some(other)) => (one, other),
        (one, other) => return one == other,
    };
    let attachment = |field: &str, one: &Json, other: &Json| match field {
        "MacAddress" => !cards || one == other,
        "Aliases" => same_aliases([one, other], ids),
        _ => ASSIGNED.contains(&field) || one == other,
    };
    same(one, other, |_, one, other| same(one, other, attachment))
}

/// Compares aliases without the ID prefix, which Docker before 26 adds.
fn same_aliases([one, other]: [&Json; 2], ids: [&str; 2]) -> bool {
    match (one, other) {
        (Json::Array(one), Json::Array(other)) => {
            let own = one.iter().filter(|alias| alias.as_str() != Some(ids[0]));
            own.eq(other.iter().filter(|alias| alias.as_str() != Some(ids[1])))
        }
        _ => one == other,
    }
}

/// Compares two objects field by field with `by`; other values must be equal.
fn same(one: &Json, other: &Json, by: impl Fn(&str, &Json, &Json) -> bool) -> bool {
    match (one, other) {
        (Json::Object(one), Json::Object(other)) => same_fields(one, other, by),
        _ => one == other,
    }
}

fn same_fields(
    one: &Map<String, Json>,
    other: &Map<String, Json>,
    by: impl Fn(&str, &Json, &Json) -> bool,
) -> bool {
    // Both objects are sorted by key.
    one.len() == other.len()
        && one.iter().zip(other).all(|((key, one), (its, other))| key == its && by(key, one, other))
}

/// The ID prefix that engines use as a name; no name is empty.
fn short(inspect: &Json) -> &str {
    inspect["Id"].as_str().and_then(|id| id.get(..12)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn container(digit: &str) -> Json {
        let id = digit.repeat(64);
        json!({
            "Id": id, "Name": format!("/web-{digit}"), "Image": "sha256:1", "State": {"Pid": digit},
            "Config": {
                "Hostname": &id[..12], "Env": ["A=1"],
                "Labels": {"io.bayplan.name": format!("web-{digit}"), "team": "shop"},
            },
            "HostConfig": {"NetworkMode": "back", "Memory": 64},
            "Mounts": [{"Destination": "/a"}, {"Destination": "/b"}],
            "NetworkSettings": {"Networks": {"back": {
                "NetworkID": "77", "IPAddress": format!("10.0.0.{digit}"),
                "MacAddress": format!("02:42:0a:00:00:0{digit}"),
                "Aliases": ["db", &id[..12]], "DNSNames": [format!("web-{digit}"), "db"],
            }}},
        })
    }

    #[test]
    fn what_every_container_has_of_its_own_does_not_count() {
        let (one, mut other) = (container("1"), container("2"));
        other["Mounts"].as_array_mut().unwrap().reverse();
        assert!(alike(&one, &other, false));
        // With an expected MAC address the addresses differ.
        assert!(!alike(&one, &other, true));
    }

    #[test]
    fn whatever_a_row_reads_counts() {
        for (place, value) in [
            ("/Image", json!("sha256:2")),
            ("/Config/Env/0", json!("A=2")),
            ("/Config/Hostname", json!("db1")),
            ("/Config/Labels/team", json!("mail")),
            ("/Config/Labels", json!(null)),
            ("/HostConfig/Memory", json!(65)),
            ("/Mounts/1/Destination", json!("/c")),
            ("/NetworkSettings/Networks/back/NetworkID", json!("78")),
            ("/NetworkSettings/Networks/back/Aliases/0", json!("sql")),
            ("/NetworkSettings/Networks/back", json!(null)),
            ("/NetworkSettings/Networks", json!({})),
            ("/Config", json!(null)),
            ("/HostConfig", json!({"NetworkMode": "back"})),
        ] {
            let (one, mut other) = (container("1"), container("2"));
            *other.pointer_mut(place).unwrap() = value;
            assert!(!alike(&one, &other, false), "{place}");
            assert!(!alike(&other, &one, false), "{place}");
        }
        // The ID of the other container is a plain host name here.
        let (one, mut other) = (container("1"), container("2"));
        other["Config"]["Hostname"] = one["Config"]["Hostname"].clone();
        assert!(!alike(&one, &other, false));
    }
}
