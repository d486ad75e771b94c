//! Volumes that nobody named and that a replacement took over: they stand in its body by the names that
//! an engine made up, so a label says at which paths they are.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::base::ident::{LABEL_CARRIED, LABEL_NAME};
use crate::base::path::clean;

/// Whether an engine may have made a volume's name up.
pub fn is_made_up(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Notes in a body the paths at which volumes were taken over.
pub fn note<'a>(paths: impl Iterator<Item = &'a str>) -> (&'static str, Json) {
    let paths: BTreeSet<&str> = paths.collect();
    (LABEL_CARRIED, json!(json!(paths).to_string()))
}

/// The paths that the label of a container says.
pub fn noted(config: &Json) -> BTreeSet<String> {
    let label = config["Labels"][LABEL_CARRIED].as_str().unwrap_or("[]");
    serde_json::from_str(label).unwrap_or_default()
}

/// Whether its label would say that a volume was taken over: bayplan created the container.
pub fn tells(config: &Json) -> bool {
    config["Labels"][LABEL_NAME].is_string()
}

/// The paths at which `Config.Volumes` asks for a volume. Engines keep them as they were sent.
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
