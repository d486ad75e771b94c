//! Containers of named sets that still have an older name: they are renamed where they are.
//!
//! Labels say whose a container is, so a set whose `name` changed still has its container. The plan
//! is built from the look as if the rename had been done; then its step is put before all that
//! means the container by its name. Which container a set means otherwise is [`super::matching`]'s.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::matching::created_for;
use super::{Built, PlanError, draft, facts, finish};
use crate::ident::{
    ChangeId, ContainerId, ContainerName, LABEL_NAME, SetName, StepId, reserved_suffix,
};
use crate::plan::{
    Action, By, Change, Impact, OptionDifference, Origin, Plan, Reason, Step, Subject, Verb,
    summary,
};
use crate::snapshot::{Container, Run, Snapshot};
use crate::spec::{Identity, Set, Spec, State};

/// The option of a difference in names.
const NAME: &str = "name";

/// One container that gets the name of its set.
#[derive(Debug, Clone)]
pub(super) struct Rename {
    id: ContainerId,
    set: SetName,
    from: ContainerName,
    to: ContainerName,
    /// It is started over and over.
    restarting: bool,
}

/// Which containers are renamed: of each named set whose name nobody has, the only one that was
/// created for it, if no other set means it by its name. Between two nobody chooses; and one that
/// was created under the very name that is wanted was renamed by hand, to be kept.
pub(super) fn find(spec: &Spec, snapshot: &Snapshot) -> Vec<Rename> {
    let mut open: BTreeMap<&SetName, (&ContainerName, Vec<&Container>)> = spec
        .sets
        .iter()
        .filter_map(|(key, set)| Some((key, (renames(set)?, Vec::new()))))
        .collect();
    if open.is_empty() {
        return Vec::new();
    }
    let meant: BTreeSet<&ContainerName> =
        spec.sets.values().filter_map(|set| named(&set.identity)).collect();
    for container in &snapshot.containers {
        let name = container.name();
        if meant.contains(&name) {
            open.retain(|_, (to, _)| **to != name);
            continue;
        }
        let stays = matches!(container.run(), Run::Live | Run::Idle | Run::Paused);
        let owner = created_for(container, &snapshot.images);
        if let Some((project, key)) = owner
            && let Some((to, found)) = open.get_mut(&key)
            && project == spec.project
            && stays
            && container.label(LABEL_NAME) != Some(to.as_str())
            && reserved_suffix(name.as_str()).1.is_none()
        {
            found.push(container);
        }
    }
    let only = open.into_iter().filter_map(|(key, (to, found))| {
        let [container] = found.as_slice() else { return None };
        let state = container.inspect.as_ref().map(|inspect| &inspect["State"]["Status"]);
        Some(Rename {
            id: container.id(),
            set: key.clone(),
            from: container.name(),
            to: to.clone(),
            restarting: state.is_some_and(|status| status == "restarting"),
        })
    });
    only.collect()
}

fn named(identity: &Identity) -> Option<&ContainerName> {
    match identity {
        Identity::Named(name) => Some(name),
        Identity::Counted(_) => None,
    }
}

/// The name that a set wants there. One that only ends what it means is about that name alone, and
/// a one-shot is a new container each time.
fn renames(set: &Set) -> Option<&ContainerName> {
    let keeps = match set.state {
        State::Present | State::Started | State::Reloaded | State::Restarted => !set.one_shot,
        State::Stopped | State::Killed | State::Absent => false,
    };
    named(&set.identity).filter(|_| keeps)
}

/// The look as it will be once they have their names.
pub(super) fn renamed<'s>(snapshot: &'s Snapshot, renames: &[Rename]) -> Cow<'s, Snapshot> {
    if renames.is_empty() {
        return Cow::Borrowed(snapshot);
    }
    let mut snapshot = snapshot.clone();
    for container in &mut snapshot.containers {
        let id = container.id();
        for Rename { id: other, from, to, .. } in renames {
            if id == *other {
                let name = Json::String(format!("/{to}"));
                if let Some(inspect) = &mut container.inspect {
                    inspect["Name"] = name.clone();
                }
                swap(container.list.as_mut().map(|list| &mut list["Names"]), |text| {
                    (text == format!("/{from}")).then(|| format!("/{to}"))
                });
            }
            // Engines tell links by the names that both have now.
            let links =
                container.inspect.as_mut().map(|inspect| &mut inspect["HostConfig"]["Links"]);
            swap(links, |text| Some(format!("/{to}:{}", text.strip_prefix(&format!("/{from}:"))?)));
        }
    }
    snapshot.containers.sort_by_cached_key(|container| (container.name(), container.id()));
    Cow::Owned(snapshot)
}

/// Texts of a list that are others now.
fn swap(list: Option<&mut Json>, new: impl Fn(&str) -> Option<String>) {
    for text in list.and_then(Json::as_array_mut).into_iter().flatten() {
        if let Some(now) = text.as_str().and_then(&new) {
            *text = Json::String(now);
        }
    }
}

/// The names that they have so far. Nobody else gets one in the same plan, and whoever has the
/// volumes of such a name means them: an engine keeps that as it was said.
pub(super) fn before(renames: &[Rename]) -> BTreeMap<ContainerName, ContainerId> {
    renames.iter().map(|rename| (rename.from.clone(), rename.id.clone())).collect()
}

/// Puts the renames into a plan that was built as if they had been done.
pub(super) fn add(spec: &Spec, built: &mut Built, renames: &[Rename]) {
    for rename in renames.iter().rev() {
        rename.add(spec, &mut built.plan);
        if rename.restarting {
            built.errors.push(PlanError::of(
                &rename.set,
                "restarting",
                format!(
                    "container `{}` is started over and over, and cannot be renamed to `{}` \
                     meanwhile",
                    rename.from, rename.to
                ),
                "stop it with `docker stop`, then plan again",
            ));
        }
    }
    finish::sort_changes(&mut built.plan.changes);
    facts::sort_containers(&mut built.plan.facts.containers);
    built.plan.facts.names.sort();
    built.plan.summary = summary::of(&built.plan.steps);
}

impl Rename {
    fn add(&self, spec: &Spec, plan: &mut Plan) {
        let change = ChangeId::new(self.to.as_str());
        let step = StepId::of(&change, "rename");
        self.reason(&change, plan);
        let dependants: BTreeSet<&SetName> =
            spec.sets.keys().filter(|set| draft::depends(spec, set).contains(&self.set)).collect();
        let container = Subject::Container(self.id.clone());
        for other in &mut plan.steps {
            let waits = other.after.iter().any(|after| after.change() == change.as_str());
            // What is created for a set that depends on this one means it by its new name, and
            // whoever else is at the container finds it under one name all the time.
            let means = match &other.action {
                Action::Create { set, .. } => dependants.contains(set),
                action => action.subject() == Some(&container),
            };
            if !waits && (other.id.change() == change.as_str() || means) {
                other.after.push(step.clone());
                other.after.sort();
            }
        }
        let action = Action::Rename { container, from: self.from.clone(), to: self.to.clone() };
        plan.steps.insert(0, Step { id: step, action, after: Vec::new() });
        for fact in plan.facts.containers.iter_mut().filter(|fact| fact.id == self.id) {
            fact.name = self.from.clone();
        }
        plan.facts.names.push(self.to.clone());
        let reports = plan.sets.get_mut(&self.set).into_iter().flat_map(|set| &mut set.matched);
        for matched in reports.filter(|matched| matched.id == self.id) {
            matched.name = self.from.clone();
            matched.by = By::Label;
        }
    }

    /// The change that the step belongs to: what happens to the container anyway, or one of its own.
    fn reason(&self, id: &ChangeId, plan: &mut Plan) {
        let reason = Reason::Option(OptionDifference {
            option: NAME.to_owned(),
            origin: Origin::Declared,
            expected: Json::String(self.to.to_string()),
            found: Json::String(self.from.to_string()),
            in_place: true,
            references: None,
        });
        if let Some(change) = plan.changes.iter_mut().find(|change| change.id == *id) {
            change.reasons.insert(0, reason);
            return;
        }
        plan.changes.push(Change {
            id: id.clone(),
            set: Some(self.set.clone()),
            verb: Verb::Update,
            adopted: false,
            danger: Vec::new(),
            impact: Impact::default(),
            reasons: vec![reason],
        });
    }
}
