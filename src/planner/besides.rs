//! Volumes that an engine makes as a side effect of a create. The plan lists these volumes, and
//! warns of a name that is close to a declared name. Declared volumes are
//! [`super::resource_steps`]'.

use std::collections::BTreeSet;

use super::draft::Planner;
use super::resource_steps::volumes_of;
use crate::base::say;
use crate::options::inspect_view::InspectView;
use crate::plan::{Action, Warning};
use crate::planner::resources::Found;

impl Planner<'_> {
    /// Writes into each create step the volumes that the engine makes with the container.
    pub(super) fn plan_besides(&mut self) {
        let declared: BTreeSet<String> = self.spec.volume_names().into_values().collect();
        let mut made = BTreeSet::new();
        let mut warnings = Vec::new();
        for job in &mut self.jobs {
            let Some(look) = self.created.get(&job.change.id) else { continue };
            // A filtered snapshot may not show a volume that exists.
            let missing = |name: &String| {
                self.snapshot.whole
                    && !declared.contains(name)
                    && self.volumes.named(name) == Found::None
            };
            let names: BTreeSet<String> = volumes_of(look).into_iter().filter(missing).collect();
            let names: Vec<String> =
                names.into_iter().filter(|name| made.insert(name.clone())).collect();
            for name in &names {
                let keys = self.spec.volumes.keys().map(crate::base::ident::ObjectKey::as_str);
                // Beyond the limit of printed warnings no further names are compared.
                let close = (warnings.len() < say::MOST).then(|| say::did_you_mean(name, keys));
                let Some(close) = close.flatten() else { continue };
                warnings.push(Warning {
                    code: "volume_not_declared".to_owned(),
                    set: job.change.set.clone(),
                    text: format!(
                        "volume `{}` is neither at the root nor on the engine, which makes it: \
                         did you mean `{}`?",
                        say::short(name),
                        say::short(close)
                    ),
                });
            }
            let over = self.carried.get(&job.change.id).cloned().unwrap_or_default();
            let mut paths = unnamed(look);
            paths.retain(|path| !over.iter().any(|one| one.path == *path));
            for step in &mut job.steps {
                if let Action::Create { volumes, anonymous, carried, .. } = &mut step.action {
                    (*volumes, *anonymous) = (names.clone(), paths.clone());
                    carried.clone_from(&over);
                }
            }
        }
        self.warnings.extend(warnings);
    }
}

/// The paths of the anonymous volumes of a container.
fn unnamed(look: &InspectView) -> Vec<String> {
    let mounts = look.json()["Mounts"].as_array().into_iter().flatten();
    let volumes = mounts.filter(|mount| {
        mount["Type"] == "volume" && mount["Name"].as_str().is_none_or(str::is_empty)
    });
    let paths = volumes.filter_map(|mount| mount["Destination"].as_str().map(str::to_owned));
    paths.collect::<BTreeSet<_>>().into_iter().collect()
}
