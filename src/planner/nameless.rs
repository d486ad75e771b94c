//! Finds the anonymous volumes of a container, which are hard to find after the container is gone.
//!
//! An engine invents the name of an anonymous volume, but a declared volume may have such a name
//! too. A volume that a set or a create body names is declared, unless a replacement took the
//! volume over. Carrying volumes over is [`super::carry`]'s.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::draft::Planner;
use crate::base::path::clean;
use crate::observed::snapshot::Container;
use crate::options::carried;
use crate::options::volumes::{Source, Volumes};
use crate::planner::resources::Found;
use crate::spec::Set;

/// The label that newer engines put on anonymous volumes.
const LABEL_ANONYMOUS: &str = "com.docker.volume.anonymous";

/// An anonymous volume.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Nameless {
    /// The mount path.
    pub(super) path: String,
    /// The name that the engine invented, if known.
    pub(super) volume: String,
}

impl Planner<'_> {
    /// The anonymous volumes of a container of a set.
    pub(super) fn nameless(&self, set: &Set, container: &Container) -> Vec<Nameless> {
        let Some(inspect) = &container.inspect else { return Vec::new() };
        let config = &inspect["Config"];
        let declared = self.declared_volumes(set);
        let (sources, noted) = (named_sources(inspect), carried::noted(config));
        let mut asked = carried::asked_for(config);
        let at_paths = list(&inspect["HostConfig"]["Mounts"]);
        let at_paths = at_paths.filter(|mount| mount["Source"].as_str().is_none_or(str::is_empty));
        asked.extend(at_paths.filter_map(|mount| mount["Target"].as_str()).map(clean));
        let of_others = self.volumes_of_others(inspect);
        // A name in the create body means a declared volume, unless the volume was taken over. Only
        // bayplan notes carried volumes. In a container of another tool a volume at a path of
        // `Config.Volumes` counts as carried, so that no data is lost.
        let taken_over = |path: &String, name: &str| {
            noted.contains(path)
                || self.is_labelled(name)
                || !carried::tells(config) && asked.contains(path)
        };
        let mut all: Vec<Nameless> = volume_mounts(inspect)
            .filter(|(name, path)| {
                let made_up = carried::is_made_up(name) && !declared.contains(name);
                let own = !sources.contains(name.as_str()) || taken_over(path, name);
                // Volumes from `volumes_from` are shown like own volumes.
                let theirs = match &of_others {
                    Some(theirs) => theirs.contains(name),
                    None => !asked.contains(path) && !noted.contains(path),
                };
                name.is_empty() || made_up && own && !theirs
            })
            .map(|(volume, path)| Nameless { path, volume })
            .collect();
        all.sort();
        all
    }

    /// The declared volumes of a set, by their names on the engine.
    fn declared_volumes(&self, set: &Set) -> BTreeSet<String> {
        let said = set.option("volumes").and_then(|declared| declared.said::<Volumes>());
        let mounts = said.into_iter().flat_map(|volumes| volumes.0.values());
        let names = mounts.filter_map(|mount| match &mount.source {
            Source::Named { name, .. } => Some(self.cx.volume(name).to_owned()),
            _ => None,
        });
        names.collect()
    }

    fn is_labelled(&self, volume: &str) -> bool {
        match self.volumes.named(volume) {
            Found::One(found) => !found["Labels"][LABEL_ANONYMOUS].is_null(),
            Found::None | Found::Several(_) => false,
        }
    }

    /// The volumes of the containers in `volumes_from`; `None` if a container is unknown.
    fn volumes_of_others(&self, inspect: &Json) -> Option<BTreeSet<String>> {
        let mut theirs = BTreeSet::new();
        for from in list(&inspect["HostConfig"]["VolumesFrom"]).filter_map(Json::as_str) {
            let word = from.split(':').next().unwrap_or_default();
            let id = self.index.meant(word)?;
            let other = self.index.by_id(&id)?.inspect.as_ref()?;
            theirs.extend(volume_mounts(other).map(|(name, _)| name));
        }
        Some(theirs)
    }
}

fn list(json: &Json) -> impl Iterator<Item = &Json> {
    json.as_array().into_iter().flatten()
}

/// The volumes of a container, with their paths.
pub(super) fn volume_mounts(inspect: &Json) -> impl Iterator<Item = (String, String)> + '_ {
    mounts(inspect, "volume", "Name")
}

/// The mounts of one type, as pairs of the given field and the path.
pub(super) fn mounts<'a>(
    inspect: &'a Json,
    kind: &'a str,
    field: &'a str,
) -> impl Iterator<Item = (String, String)> + 'a {
    list(&inspect["Mounts"]).filter(move |mount| mount["Type"] == kind).map(move |mount| {
        let text = |field: &str| mount[field].as_str().unwrap_or_default();
        (text(field).to_owned(), clean(text("Destination")))
    })
}

/// The volumes and host paths that the create body names.
pub(super) fn named_sources(inspect: &Json) -> BTreeSet<&str> {
    let host = &inspect["HostConfig"];
    let binds = list(&host["Binds"]).filter_map(|bind| Some(bind.as_str()?.split_once(':')?.0));
    let mounts = list(&host["Mounts"]).filter_map(|mount| mount["Source"].as_str());
    binds.chain(mounts).filter(|source| !source.is_empty()).collect()
}
