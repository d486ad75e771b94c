//! A volume: its create body, and the differences of an existing volume. The steps are
//! [`crate::planner`]'s.

use serde_json::{Map, json};

use super::{Differences, Terms, label};
use crate::base::ident::{LABEL_VOLUME, ObjectKey, ProjectName};
use crate::base::say;
use crate::options::Body;
use crate::planner::host_path;
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
/// volume driver; as a danger.
pub fn beyond(volume: &Volume) -> Option<String> {
    let option = |key: &str| volume.driver_opts.get(key).map(String::as_str);
    Some(match access(driver(volume), option)? {
        Access::Host(path) => host_path::told(path, ""),
        Access::Device(device) => format!("device:{device}"),
        Access::Other(what) => format!("volume:{what}"),
    })
}

/// The same access of an existing volume, from its entry in the list of volumes.
pub fn beyond_found(name: &str, found: &serde_json::Value) -> Option<String> {
    let driver = found["Driver"].as_str().unwrap_or("local");
    let option = |key: &str| found["Options"][key].as_str();
    let access = access(driver, option)?;
    let note = format!("volume {name}");
    let text = match access {
        Access::Host(path) => host_path::told(path, &note),
        Access::Device(device) => format!("device:{device} ({note})"),
        // A device that the snapshot hides is a danger all the same.
        Access::Other(what) if what.contains('«') => format!("volume:{name} a hidden device"),
        Access::Other(what) => format!("volume:{name} {what}"),
    };
    Some(say::safe(&text))
}

/// What a volume reaches beyond the engine's own storage.
enum Access<'a> {
    /// A file or folder of the host.
    Host(&'a str),
    /// A device with a file system.
    Device(&'a str),
    /// A network share or another driver, in words.
    Other(String),
}

fn access<'a>(driver: &str, option: impl Fn(&str) -> Option<&'a str>) -> Option<Access<'a>> {
    if driver != "local" {
        return Some(Access::Other(format!("driver {driver}")));
    }
    let device = option("device").filter(|device| !device.is_empty())?;
    let words = || option("o").into_iter().flat_map(|words| words.split(','));
    let kind = option("type").unwrap_or_default();
    let is_path = device.starts_with('/') && !device.starts_with("//");
    // A bind mount is one whatever its type says.
    if is_path && words().any(|word| matches!(word, "bind" | "rbind")) {
        return Some(Access::Host(device));
    }
    // A `tmpfs` volume gives no access to the host's data.
    if kind == "tmpfs" {
        return None;
    }
    if is_path {
        let mounts = !matches!(kind, "" | "none" | "bind") && !kind.contains('«');
        let is_device = mounts || device.starts_with("/dev/");
        return Some(if is_device { Access::Device(device) } else { Access::Host(device) });
    }
    let address = words().filter(|word| word.starts_with("addr=")).map(|word| format!(" {word}"));
    Some(Access::Other(format!("{device}{}", address.collect::<String>())))
}
