//! Refuses plans for reasons beside their changes: the engine, reserved names, unmanaged
//! dependants, and undecided differences. Orphans are only reported. Refusals of a single change
//! are [`super::danger`]'s.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanError;
use super::decide::{Disposition, Member};
use super::draft::Planner;
use super::index::Dependency;
use super::matching::Match;
use crate::base::ident::{ChangeTarget, ContainerId, ContainerName, LABEL_NAME, SetName};
use crate::observed::off_network::{OffNetwork, off_network};
use crate::observed::snapshot::{Container, Run};
use crate::options::inspect_view::InspectView;
use crate::plan::show::reason_text;
use crate::plan::{Verb, Warning};
use crate::spec::{Identity, Recreate, Set, State};

impl Planner<'_> {
    pub(super) fn refuse_engine(&mut self) {
        if let Some(message) = self.engine.refuse() {
            let (message, hint) = message.split_once("\nhint: ").unwrap_or((&message, ""));
            self.errors.push(PlanError {
                set: None,
                code: "engine",
                message: message.to_owned(),
                hint: hint.to_owned(),
            });
        }
    }

    pub(super) fn report_orphans(
        &mut self,
        orphans: &[(&crate::observed::snapshot::Container, SetName)],
    ) {
        for (container, set) in orphans {
            let name = container.name();
            let text = match self.spec.sets.get(set).map(|set| &set.identity) {
                Some(Identity::Named(now)) => format!(
                    "container `{name}` was made for set `{set}`, which is named `{now}` now: it \
                     is left as it is, beside that one; a set with `name: {name}` and \
                     `state: absent` would remove it"
                ),
                _ => format!(
                    "container `{name}` belongs to this project, but to no set of the spec; \
                     `prune: true` or `plan --prune` would remove it"
                ),
            };
            self.warnings.push(Warning { code: "orphan".to_owned(), set: Some(set.clone()), text });
        }
    }

    /// Warns of containers that were renamed by hand or made from a copy; no set matches them.
    pub(super) fn report_strays(&mut self, strays: &[&Container]) {
        for container in strays {
            self.warnings.push(Warning {
                code: "stray".to_owned(),
                set: None,
                text: format!(
                    "container `{}` carries labels of this project, but they name `{}`: it is \
                     left alone",
                    container.name(),
                    crate::base::say::short(container.label(LABEL_NAME).unwrap_or_default())
                ),
            });
        }
    }

    /// Refuses to plan on top of a network replacement that did not finish. Only the lock of a run
    /// proves that the run took a container off: a person may have done so since. What the plan
    /// itself does not connect is told then.
    pub(super) fn refuse_off_network(&mut self, sets: &BTreeMap<SetName, Vec<Match<'_>>>) {
        let declared: BTreeSet<String> = self.spec.network_names().into_values().collect();
        let declared = |off: &OffNetwork<'_>| declared.contains(off.network);
        let members = sets.iter().flat_map(|(set, all)| all.iter().map(move |one| (one, set)));
        let members: BTreeMap<ContainerId, &SetName> =
            members.map(|(one, set)| (one.container.id(), set)).collect();
        for off in off_network(self.snapshot).into_iter().filter(declared) {
            let Some(plan) = off.plan.map(crate::base::say::safe) else { continue };
            let (id, name) = (off.container.id(), off.container.name());
            let set = members.get(&id).map(|set| (*set).clone());
            let (short, network) = (id.short(), crate::base::say::short(off.network));
            let off_it = format!(
                "container `{name}` ({short}) is off network `{network}`, in which it was created"
            );
            let back = format!("`bayplan recover PLAN` with the plan of {plan} puts it back");
            if let Some(project) = off.lock {
                self.errors.push(PlanError {
                    set,
                    code: "leftover",
                    message: format!(
                        "{off_it}: an apply that did not finish, or is under way, took it off"
                    ),
                    hint: format!(
                        "{back}; without that plan, `bayplan unlock {}` lets a new plan connect it",
                        crate::base::say::short(project)
                    ),
                });
            } else if set.is_none() {
                let text = format!("{off_it}; if an apply took it off, {back}");
                self.warnings.push(Warning { code: "off_network".to_owned(), set, text });
            }
        }
    }

    /// Requires a health check if another set waits for health. An unknown image may bring a health
    /// check.
    pub(super) fn need_health(&mut self, key: &SetName, image_known: bool, look: &InspectView) {
        let check = &look.config("Healthcheck")["Test"][0];
        let checked = check.as_str().is_some_and(|word| word != "NONE");
        let disabled = check.as_str() == Some("NONE");
        if checked || !(image_known || disabled) {
            return;
        }
        self.errors.push(PlanError::of(
            key,
            "no_health_check",
            "another set waits for its health, but it has no health check".to_owned(),
            "declare a `healthcheck`, or leave `condition: service_healthy` out",
        ));
    }

    /// Requires that the temporary names of a replacement are free.
    pub(super) fn need_known(&mut self, key: &SetName, member: &Member<'_>) {
        let suffixes = [crate::base::ident::SUFFIX_NEW, crate::base::ident::SUFFIX_OLD];
        for suffix in suffixes {
            let name = ContainerName::new(format!("{}{suffix}", member.name));
            if self.index.by_name(&name).is_some() && !self.leftovers.contains(&name) {
                self.errors.push(PlanError::of(
                    key,
                    "reserved_name",
                    format!("a container of the reserved name `{name}` is in the way"),
                    "rename or remove it",
                ));
            }
        }
    }

    /// Refuses to break dependants of a container that is removed, replaced or stopped. A dependant
    /// that a restart repairs gives a warning. All sets must have their changes before.
    pub(super) fn guard_dependants(&mut self) {
        let managed: BTreeSet<ContainerId> =
            self.members.values().flatten().map(|member| member.id.clone()).collect();
        let touched = std::mem::take(&mut self.touched);
        for (id, (key, verb)) in &touched {
            let Some(target) = self.index.by_id(id).map(Container::name) else { continue };
            let (mut strangers, mut left, mut cut) = (Vec::new(), Vec::new(), Vec::new());
            for (dependant, dependency) in self.index.dependants(id) {
                let name = dependant.name();
                let fate = touched.get(&dependant.id()).map(|(_, verb)| *verb);
                if matches!(dependant.run(), Run::Dead | Run::Removing)
                    || matches!(fate, Some(Verb::Remove | Verb::Replace | Verb::Run))
                {
                    continue;
                }
                let ends = matches!(fate, Some(Verb::Stop | Verb::Kill));
                let lives = dependant.run().is_live() && !ends || fate == Some(Verb::Start);
                match verb {
                    // A volume stays while a container uses the volume.
                    Verb::Remove if dependency == Dependency::Volumes => {}
                    Verb::Remove | Verb::Replace | Verb::Run => {
                        if !managed.contains(&dependant.id()) {
                            strangers.push(name);
                        } else if lives {
                            left.push(name);
                        }
                    }
                    Verb::Stop | Verb::Kill | Verb::Restart
                        if dependency == Dependency::Namespace
                            && lives
                            && fate != Some(Verb::Restart) =>
                    {
                        cut.push(name);
                    }
                    _ => {}
                }
            }
            self.tell_dependants(key, &target, *verb, [strangers, left, cut]);
        }
    }

    fn tell_dependants(
        &mut self,
        key: &SetName,
        target: &ContainerName,
        verb: Verb,
        [strangers, left, cut]: [Vec<ContainerName>; 3],
    ) {
        let goes = if verb == Verb::Remove { "removed" } else { "replaced" };
        let job = self.jobs_of(&ChangeTarget::Container(target.as_str()).id()).next();
        let reasons = job.map(|job| reason_text::texts(&job.change.reasons).join("; "));
        let why = reasons.unwrap_or_else(|| "its image is not known".to_owned());
        if !strangers.is_empty() {
            self.errors.push(PlanError::of(
                key,
                "unmanaged_dependants",
                format!(
                    "container `{target}` would be {goes} ({why}), and {} on it and would break",
                    depend(strangers)
                ),
                "declare them in this spec, or detach them first",
            ));
        }
        if !left.is_empty() {
            self.errors.push(PlanError::of(
                key,
                "dependants_left",
                format!(
                    "container `{target}` would be {goes} ({why}); {} on it, would stay and would \
                     break",
                    depend(left)
                ),
                "take the reference out, or let them go as well; what is paused is unpaused \
                 first, and a one-shot that runs is waited for",
            ));
        }
        if !cut.is_empty() {
            let how = if verb == Verb::Restart { "restarted" } else { "ended" };
            self.warnings.push(Warning {
                code: "dependants".to_owned(),
                set: Some(key.clone()),
                text: format!(
                    "container `{target}` is {how}; {} on its namespaces and must be restarted \
                     after it",
                    depend(cut)
                ),
            });
        }
    }

    /// An undecided difference is an error if it decides the verdict, and a warning otherwise.
    pub(super) fn report_unknown(
        &mut self,
        key: &SetName,
        set: &Set,
        member: &Member<'_>,
        fate: &Disposition,
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
        // A difference would have led to another verdict.
        let decides = match fate {
            Disposition::Start(..) => true,
            Disposition::Keep if set.one_shot => member.exit_code() == Some(0),
            Disposition::Keep | Disposition::Update(..) | Disposition::Restart(..) => {
                set.state == State::Reloaded && member.run == Run::Live
            }
            _ => false,
        };
        if decides && set.recreate == Recreate::Auto {
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

/// *`a` depends*, *`a`, `b` depend*.
fn depend(mut names: Vec<ContainerName>) -> String {
    names.sort();
    names.dedup();
    let verb = if names.len() == 1 { "depends" } else { "depend" };
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("{} {verb}", names.join(", "))
}
