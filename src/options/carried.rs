//! Anonymous volumes that a replacement took over. The create body names these volumes by the
//! invented name, so a label notes their paths. The choice of volumes is the planner's.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::base::ident::{LABEL_CARRIED, LABEL_NAME};
use crate::base::path::clean;

/// Whether an engine may have invented the name of a volume.
pub fn is_made_up(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The label that notes the paths of the carried volumes.
pub fn note<'a>(paths: impl Iterator<Item = &'a str>) -> (&'static str, Json) {
    let paths: BTreeSet<&str> = paths.collect();
    (LABEL_CARRIED, json!(json!(paths).to_string()))
}

/// The paths in the label of a container.
pub fn noted(config: &Json) -> BTreeSet<String> {
    let label = config["Labels"][LABEL_CARRIED].as_str().unwrap_or("[]");
    serde_json::from_str(label).unwrap_or_default()
}

/// Whether bayplan created the container, so that the label would note carried volumes.
pub fn tells(config: &Json) -> bool {
    config["Labels"][LABEL_NAME].is_string()
}

/// The paths of `Config.Volumes`, which engines keep as sent.
pub fn asked_for(config: &Json) -> BTreeSet<String> {
    let volumes = config["Volumes"].as_object().into_iter().flatten();
    volumes.map(|(path, _)| clean(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_read_back() {
        let (label, value) = note(["/b", "/a", "/a"].into_iter());
        let config = json!({"Labels": {label: value}, "Volumes": {"/data/": {}, "//x": {}}});
        assert_eq!(noted(&config), ["/a".to_owned(), "/b".to_owned()].into());
        assert_eq!(asked_for(&config), ["/data".to_owned(), "/x".to_owned()].into());
        assert!(!tells(&config));
        for strange in [json!({}), json!({"Labels": {LABEL_CARRIED: "x"}}), Json::Null] {
            assert_eq!(noted(&strange), BTreeSet::new(), "{strange}");
        }
    }
}
