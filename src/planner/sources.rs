//! Checks sources that new containers mount but that the plan does not create: host files, folders,
//! devices, and images. Host paths are checked only if the planner runs beside the engine.

use super::PlanError;
use super::draft::Planner;
use crate::base::ident::{ChangeTarget, SetName};
use crate::base::say;
use crate::plan::Warning;
use crate::spec::Set;
use crate::spec::body;

/// The warning code for a folder that the engine will create. The state of host paths is no fact,
/// because it may change at any time (see [`crate::stale`]).
const MADE: &str = "bind_source";

impl Planner<'_> {
    /// Checks the bind mount sources of a set that creates a container.
    pub(super) fn need_sources(&mut self, key: &SetName, set: &Set) {
        for (source, made) in body::bind_sources(set, &self.cx) {
            if self.snapshot.sources.get(&source) != Some(&false) {
                continue;
            }
            let named = say::short(&source);
            if made {
                self.warnings.push(Warning {
                    code: MADE.to_owned(),
                    set: Some(key.clone()),
                    text: format!(
                        "there is no `{named}` on the host: the engine will make an empty folder \
                         of that name, root's"
                    ),
                });
            } else {
                self.errors.push(PlanError::of(
                    key,
                    "bind_source_missing",
                    format!("there is no `{named}` on the host, and the engine is not to make it"),
                    "make it first, or say `create_host_path: true`",
                ));
            }
        }
    }

    /// Checks the host devices of a set, if the planner can see the devices.
    pub(super) fn need_devices(&mut self, key: &SetName, set: &Set) {
        for device in body::devices(set, &self.cx) {
            if self.snapshot.sources.get(&device) == Some(&false) {
                self.errors.push(PlanError::of(
                    key,
                    "device_missing",
                    format!("there is no device `{}` on the host", say::short(&device)),
                    "have the host make it first, or leave it out",
                ));
            }
        }
    }

    /// Requires that a mounted image is local, or is pulled for an earlier set: an engine does not
    /// pull a mounted image.
    pub(super) fn need_mounted(&mut self, key: &SetName, set: &Set) {
        let mounted = body::mounted_images(set);
        if mounted.is_empty() {
            return;
        }
        let first = super::draft::depends(&self.words, key);
        for reference in mounted {
            let id = ChangeTarget::Image(&reference).id();
            let pulls = first.iter().filter_map(|key| self.spec.sets.get(key)).any(|set| {
                set.image.as_ref() == Some(&reference) && self.jobs_of(&id).next().is_some()
            });
            if pulls || self.snapshot.references.get(&reference) != Some(&None) {
                continue;
            }
            let image = say::short(&reference);
            self.errors.push(PlanError::of(
                key,
                "image_lacking",
                format!("image `{image}`, which is to be mounted, is not on the engine"),
                "load or pull it there, or depend on a set of that image",
            ));
        }
    }
}
