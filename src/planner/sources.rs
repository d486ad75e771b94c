//! What new containers mount and is not made for them: files, folders and devices of the host, where it
//! is known whether they are there (whoever plans beside the engine can look), and images.

use super::PlanError;
use super::draft::Planner;
use crate::base::ident::{ChangeTarget, SetName};
use crate::base::say;
use crate::plan::Warning;
use crate::spec::Set;
use crate::spec::body;

/// The warning that an engine will make a folder. What is true of the host at one moment is no fact:
/// it is told, not held (see [`crate::stale`]).
const MADE: &str = "bind_source";

impl Planner<'_> {
    /// Something of this set is created.
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

    /// Devices of the host are there where they can be looked for.
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

    /// An image that is mounted is on the engine, or is pulled for a set that comes first: an
    /// engine does not fetch it.
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
