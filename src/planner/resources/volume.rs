//! A volume: its create body, and the differences of an existing volume. The steps are
//! [`crate::planner`]'s.

use serde_json::{Map, json};

use super::{Differences, Terms, label};
use crate::base::ident::{LABEL_VOLUME, ObjectKey, ProjectName};
use crate::base::say;
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
    let option = |key: &str| volume.driver_opts.get(key).map(String::as_str);
    access(driver(volume), option).map(|access| format!("volume:{access}"))
}

/// The same access of an existing volume, from its entry in the list of volumes.
pub fn beyond_found(name: &str, found: &serde_json::Value) -> Option<String> {
    let driver = found["Driver"].as_str().unwrap_or("local");
    let access = access(driver, |key| found["Options"][key].as_str())?;
    // A device that the snapshot hides is a danger all the same.
    let access = if access.contains('«') { "a hidden device" } else { &access };
    Some(format!("volume:{} {}", say::safe(name), say::safe(access)))
}

fn access<'a>(driver: &str, option: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    if driver != "local" {
        return Some(format!("driver {driver}"));
    }
    let device = option("device").filter(|device| !device.is_empty())?;
    // A `tmpfs` volume gives no access to the host's data.
    if option("type") == Some("tmpfs") {
        return None;
    }
    let address = option("o").into_iter().flat_map(|words| words.split(','));
    let address = address.filter(|word| word.starts_with("addr=")).map(|word| format!(" {word}"));
    Some(format!("{device}{}", address.collect::<String>()))
}
