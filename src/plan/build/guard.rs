//! What forbids a plan beside its changes: the engine, names in the way, dependants that nobody
//! manages, differences that cannot be told; and orphans, which are only reported.

use super::PlanError;
use super::choose::{Fate, Member};
use super::draft::Draft;
use super::matching;
use crate::ident::{ContainerName, SetName};
use crate::plan::Warning;
use crate::spec::{Identity, Recreate, Set, State};

impl Draft<'_> {
    pub(super) fn refuse_engine(&mut self) {
        if let Some(message) = self.engine.refuse() {
            self.errors.push(PlanError {
                set: None,
                code: "engine",
                message,
                hint: "plan on a Docker engine of version 20.10 or newer".to_owned(),
            });
        }
    }

    pub(super) fn report_orphans(&mut self, orphans: &[(&crate::snapshot::Container, SetName)]) {
        for (container, set) in orphans {
            self.warnings.push(Warning {
                code: "orphan".to_owned(),
                set: Some(set.clone()),
                text: format!(
                    "container `{}` belongs to this project, but to no set of the spec; \
                     `state: absent` would remove it",
                    container.name()
                ),
            });
        }
    }

    /// What a replacement rests on must be known.
    pub(super) fn need_known(&mut self, key: &SetName, member: &Member<'_>) {
        let suffixes = [crate::ident::SUFFIX_NEW, crate::ident::SUFFIX_OLD];
        for suffix in suffixes {
            let name = ContainerName::new(format!("{}{suffix}", member.name));
            if self.index.by_name(&name).is_some() {
                self.errors.push(PlanError::of(
                    key,
                    "reserved_name",
                    format!("a container of the reserved name `{name}` is in the way"),
                    "rename or remove it",
                ));
            }
        }
    }

    /// Dependants that no set of the spec manages would break, and nobody would mend them.
    pub(super) fn guard_dependants(&mut self, key: &SetName, member: &Member<'_>) {
        let strangers: Vec<String> = self
            .index
            .dependants(&member.id)
            .filter(|dependant| {
                let named = self
                    .spec
                    .sets
                    .values()
                    .any(|set| set.identity == Identity::Named(dependant.name()));
                let owned = matching::owner(dependant).is_some_and(|(project, set)| {
                    project == self.spec.project && self.spec.sets.contains_key(&set)
                });
                !named && !owned
            })
            .map(|dependant| format!("`{}`", dependant.name()))
            .collect();
        if !strangers.is_empty() {
            self.errors.push(PlanError::of(
                key,
                "unmanaged_dependants",
                format!(
                    "container `{}` would be replaced, and {} depend on it and would break",
                    member.name,
                    strangers.join(", ")
                ),
                "declare them in this spec, or detach them first",
            ));
        }
    }

    /// What cannot be told is an error where it decides, else a warning.
    pub(super) fn report_unknown(
        &mut self,
        key: &SetName,
        set: &Set,
        member: &Member<'_>,
        fate: &Fate,
    ) {
        let unknown = &member.comparison.unknown;
        if unknown.is_empty() {
            return;
        }
        let text = format!(
            "whether {} of container `{}` differs cannot be told",
            unknown.join(", "),
            member.name
        );
        let decides = set.state == State::Reloaded
            || matches!(fate, Fate::Start(_)) && set.recreate != Recreate::Never;
        let settled = matches!(fate, Fate::Replace(_) | Fate::Remove(_));
        if decides && !settled && set.recreate == Recreate::Auto {
            let hint = "give the references their values, say `--unresolved assume-same`, or take \
                        the snapshot with this spec";
            self.errors.push(PlanError::of(key, "unknown", text, hint));
        } else {
            self.warnings.push(Warning {
                code: "unknown".to_owned(),
                set: Some(key.clone()),
                text,
            });
        }
    }
}
