//! A volume: the body that creates it, and what differs from one that is there.

use serde_json::{Map, json};

use super::{Differences, Terms, labels};
use crate::base::ident::{LABEL_VOLUME, ObjectKey, ProjectName};
use crate::options::Body;
use crate::spec::Volume;

/// What an engine is asked to create.
pub fn body(project: &ProjectName, key: &ObjectKey, name: &str, volume: &Volume) -> Body {
    let mut out = Map::new();
    out.insert("Name".to_owned(), json!(name));
    out.insert("Driver".to_owned(), json!(driver(volume)));
    out.insert("Labels".to_owned(), labels(&volume.labels, project, LABEL_VOLUME, key));
    if !volume.driver_opts.is_empty() {
        out.insert("DriverOpts".to_owned(), json!(volume.driver_opts));
    }
    Body::from_json(out.into())
}

fn driver(volume: &Volume) -> &str {
    volume.driver.as_deref().unwrap_or("local")
}

/// What differs between what is declared and what the list of volumes says of one.
pub fn differences(volume: &Volume, found: &serde_json::Value, terms: Terms<'_>) -> Differences {
    let mut all = Differences::default();
    let (want, have) = (driver(volume), found["Driver"].as_str().unwrap_or_default());
    if terms.owned || volume.driver.is_some() {
        all.unless(want == have, "driver", json!(want), json!(have));
    }
    all.maps("driver_opts", &volume.driver_opts, &found["Options"], terms);
    all.maps("labels", &volume.labels, &found["Labels"], terms);
    all
}

/// Whether it is a folder or a device of the host under another name.
pub fn is_of_the_host(volume: &Volume) -> bool {
    driver(volume) == "local"
        && volume.driver_opts.get("device").is_some_and(|device| device.starts_with('/'))
}
