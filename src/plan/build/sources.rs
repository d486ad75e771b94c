//! Files and folders of the host that new containers are bound to, where it is known whether they
//! are there: whoever plans beside the engine can look.

use super::PlanError;
use super::draft::Draft;
use crate::desired;
use crate::ident::SetName;
use crate::plan::Warning;
use crate::say;
use crate::spec::Set;

/// The warning that an engine will make a folder. What is true of the host at one moment is no fact:
/// it is told, not held (see [`crate::stale`]).
const MADE: &str = "bind_source";

impl Draft<'_> {
    /// Something of this set is created.
    pub(super) fn need_sources(&mut self, key: &SetName, set: &Set) {
        for (source, made) in desired::bind_sources(self.spec, set) {
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
}
