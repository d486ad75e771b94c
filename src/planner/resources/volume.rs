//! A volume: its create body, and the differences of an existing volume. The steps are
//! [`crate::planner`]'s.

use serde_json::{Map, json};

use super::{Differences, Terms, label};
use crate::base::ident::{LABEL_VOLUME, ObjectKey, ProjectName};
use crate::options::Body;
use crate::spec::Volume;

/// The create body of a volume.
pub fn body(project: &ProjectName, key: &ObjectKey, name: &str, volume: &Volume) -> Body {
    let mut out = Map::new();
    out.insert("Name".to_owned(), json!(name));
    out.insert("Driver".to_owned(), json!(driver(volume)));
    out.insert("Labels".to_owned(), json!(volume.labels));
    if !volume.driver_opts.is_empty() {
        out.insert("DriverOpts".to_owned(), json!(volume.driver_opts));
    }
    label(&mut out, project, LABEL_VOLUME, key);
    Body::from_json(out.into())
}

fn driver(volume: &Volume) -> &str {
    volume.driver.as_deref().unwrap_or("local")
}

/// Compares a declared volume with its entry in the list of volumes.
pub fn differences(volume: &Volume, found: &serde_json::Value, terms: Terms<'_>) -> Differences {
    let mut all = Differences::default();
    let (want, have) = (driver(volume), found["Driver"].as_str().unwrap_or_default());
    if terms.owned || volume.driver.is_some() {
        all.unless(want == have, "driver", json!(want), json!(have));
    }
    all.maps(("driver_opts", "Options"), &volume.driver_opts, &found["Options"], terms);
    all.maps(("labels", "Labels"), &volume.labels, &found["Labels"], terms);
    all
}

/// The access beyond the engine's own storage: a host folder, a device, a network share, or another
/// volume driver.
pub fn beyond(volume: &Volume) -> Option<String> {
    if driver(volume) != "local" {
        return Some(format!("volume:driver {}", driver(volume)));
    }
    let device = volume.driver_opts.get("device").filter(|device| !device.is_empty())?;
    let kind = volume.driver_opts.get("type").map_or("", String::as_str);
    // A `tmpfs` volume gives no access to the host's data.
    if kind == "tmpfs" {
        return None;
    }
    let address = volume.driver_opts.get("o").into_iter().flat_map(|words| words.split(','));
    let address = address.filter(|word| word.starts_with("addr=")).map(|word| format!(" {word}"));
    let address: String = address.collect();
    Some(format!("volume:{device}{address}"))
}
