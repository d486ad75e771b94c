//! Renames containers of named sets that still have an older name.
//!
//! Labels show the owner of a container, so a set whose `name` changed still has its container. The
//! plan is built as if the rename were done; the rename step is then added before all uses of the
//! name. Other matches are [`super::matching`]'s.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value as Json;

use super::matching::created_for;
use super::{Built, PlanError, draft, facts, finish, matching};
use crate::base::ident::{
    ChangeId, ContainerId, ContainerName, LABEL_NAME, SetName, StepId, reserved_suffix,
};
use crate::observed::snapshot::{Container, Run, Snapshot};
use crate::plan::{
    Action, By, Change, Impact, OptionDifference, Origin, Plan, Reason, Step, Subject, Verb,
    summary,
};
use crate::spec::order::Words;
use crate::spec::{Identity, Set, Spec, State};

/// The option key of a changed name.
const NAME: &str = "name";

/// A container that gets the name of its set.
#[derive(Debug, Clone)]
pub(super) struct Rename {
    id: ContainerId,
    set: SetName,
    from: ContainerName,
    to: ContainerName,
    /// Whether the container restarts in a loop.
    restarting: bool,
}

/// Finds the containers to rename, each after the rename that frees its new name. A named set gets
/// the only container that was created for it, unless a set that ends containers has the name of
/// that container. With two candidates no container is renamed. A container that was created under
/// the wanted name was renamed by hand, and keeps its new name.
pub(super) fn find(spec: &Spec, snapshot: &Snapshot) -> Vec<Rename> {
    let had: BTreeSet<&str> =
        snapshot.containers.iter().map(|container| container.seen().name()).collect();
    let mut all = old_style(spec, snapshot, &had);
    let mut open: BTreeMap<&SetName, (&ContainerName, Vec<&Container>)> = spec
        .sets
        .iter()
        .filter_map(|(key, set)| Some((key, (renames(set)?, Vec::new()))))
        .collect();
    if open.is_empty() {
        return all;
    }
    let ends = spec.sets.values().filter(|set| !keeps(set));
    let ended: BTreeSet<&str> =
        ends.filter_map(|set| Some(named(&set.identity)?.as_str())).collect();
    for container in &snapshot.containers {
        let name = container.seen().name();
        if ended.contains(name) {
            continue;
        }
        let stays = matches!(container.run(), Run::Live | Run::Idle | Run::Paused);
        let owner = created_for(container, &snapshot.images);
        let owner = owner.map(|owner| matching::now(spec, owner));
        if let Some((project, key)) = owner
            && let Some((to, found)) = open.get_mut(&key)
            && project == spec.project
            && stays
            && container.label(LABEL_NAME) != Some(to.as_str())
            && reserved_suffix(name).1.is_none()
        {
            found.push(container);
        }
    }
    let (mut wanted, mut free) = (BTreeMap::new(), VecDeque::new());
    for (key, (to, found)) in open {
        let [container] = found.as_slice() else { continue };
        wanted.insert(to.clone(), Rename::of(container, key.clone(), to.clone()));
        if !had.contains(to.as_str()) {
            free.push_back(to.clone());
        }
    }
    // A name that one container gives up is free for the next. Containers that swap their names
    // wait for each other, and are not renamed.
    while let Some(name) = free.pop_front() {
        if let Some(rename) = wanted.remove(&name) {
            free.push_back(rename.from.clone());
            all.push(rename);
        }
    }
    all
}

/// Containers that Compose 1 named `PROJECT_SERVICE_1`; Compose 2 names them `PROJECT-SERVICE-1`.
fn old_style(spec: &Spec, snapshot: &Snapshot, had: &BTreeSet<&str>) -> Vec<Rename> {
    let one = |container: &Container| {
        let (set, number) = matching::composed(spec, container, snapshot)?;
        let own = spec.sets.get(&set).filter(|own| keeps(own))?;
        let Identity::Counted(_) = own.identity else { return None };
        let (project, number) = (&spec.project, number?);
        let to = format!("{project}-{set}-{number}");
        let old = container.seen().name() == format!("{project}_{set}_{number}");
        let stays = matches!(container.run(), Run::Live | Run::Idle | Run::Paused);
        (old && stays && !had.contains(to.as_str()))
            .then(|| Rename::of(container, set, ContainerName::new(to)))
    };
    snapshot.containers.iter().filter_map(one).collect()
}

fn named(identity: &Identity) -> Option<&ContainerName> {
    match identity {
        Identity::Named(name) => Some(name),
        Identity::Counted(_) => None,
    }
}

/// Whether a set keeps containers. A set that only ends a container refers to that exact name, and
/// a one-shot creates a new container each time.
fn keeps(set: &Set) -> bool {
    match set.state {
        State::Present | State::Started | State::Reloaded | State::Restarted => !set.one_shot,
        State::Stopped | State::Killed | State::Absent => false,
    }
}

/// The name that a set wants for its container.
fn renames(set: &Set) -> Option<&ContainerName> {
    named(&set.identity).filter(|_| keeps(set))
}

/// The snapshot after the renames.
pub(super) fn renamed<'s>(snapshot: &'s Snapshot, renames: &[Rename]) -> Cow<'s, Snapshot> {
    if renames.is_empty() {
        return Cow::Borrowed(snapshot);
    }
    let mut snapshot = snapshot.clone();
    let by_id: BTreeMap<&ContainerId, &Rename> =
        renames.iter().map(|rename| (&rename.id, rename)).collect();
    let by_name: BTreeMap<&str, &ContainerName> =
        renames.iter().map(|rename| (rename.from.as_str(), &rename.to)).collect();
    for container in &mut snapshot.containers {
        if let Some(Rename { from, to, .. }) = by_id.get(&container.id()) {
            let name = Json::String(format!("/{to}"));
            if let Some(inspect) = &mut container.inspect {
                inspect["Name"] = name.clone();
            }
            swap(container.list.as_mut().map(|list| &mut list["Names"]), |text| {
                (text == format!("/{from}")).then(|| format!("/{to}"))
            });
        }
        // Engines show links by the current names of both containers.
        let links = container.inspect.as_mut().map(|inspect| &mut inspect["HostConfig"]["Links"]);
        swap(links, |text| {
            let (from, rest) = text.strip_prefix('/')?.split_once(':')?;
            Some(format!("/{}:{rest}", by_name.get(from)?))
        });
    }
    snapshot.containers.sort_by_cached_key(|container| (container.name(), container.id()));
    Cow::Owned(snapshot)
}

/// Replaces texts of a list.
fn swap(list: Option<&mut Json>, new: impl Fn(&str) -> Option<String>) {
    for text in list.and_then(Json::as_array_mut).into_iter().flatten() {
        if let Some(now) = text.as_str().and_then(&new) {
            *text = Json::String(now);
        }
    }
}

/// The former names of the renamed containers. No other container takes such a name in the same
/// plan. A `volumes_from` of such a name still means the renamed container, because an engine keeps
/// the declared text.
pub(super) fn before(renames: &[Rename]) -> BTreeMap<ContainerName, ContainerId> {
    renames.iter().map(|rename| (rename.from.clone(), rename.id.clone())).collect()
}

/// Adds the renames to a plan that was built as if the renames were done.
pub(super) fn add(spec: &Spec, built: &mut Built, renames: &[Rename]) {
    if renames.is_empty() {
        return;
    }
    let plan = &mut built.plan;
    wait(spec, plan, renames);
    reasons(plan, renames);
    names_so_far(plan, renames);
    let giver: BTreeMap<&ContainerName, StepId> =
        renames.iter().map(|rename| (&rename.from, rename.id())).collect();
    let steps = renames.iter().map(|rename| rename.step(giver.get(&rename.to)));
    plan.steps.splice(0..0, steps);
    for rename in renames.iter().rev() {
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
    fn of(container: &Container, set: SetName, to: ContainerName) -> Self {
        let state = container.inspect.as_ref().map(|inspect| &inspect["State"]["Status"]);
        let restarting = state.is_some_and(|status| status == "restarting");
        Self { id: container.id(), set, from: container.name(), to, restarting }
    }

    fn change(&self) -> ChangeId {
        ChangeId::new(self.to.as_str())
    }

    fn id(&self) -> StepId {
        StepId::of(&self.change(), "rename")
    }

    /// The step, after the step that frees the name.
    fn step(&self, giver: Option<&StepId>) -> Step {
        let container = Subject::Container(self.id.clone());
        let action = Action::Rename { container, from: self.from.clone(), to: self.to.clone() };
        Step::new(self.id(), action, giver.cloned().into_iter().collect())
    }

    fn reason(&self) -> Reason {
        Reason::Option(OptionDifference {
            option: NAME.to_owned(),
            origin: Origin::Declared,
            expected: Json::String(self.to.to_string()),
            found: Json::String(self.from.to_string()),
            in_place: true,
            references: None,
        })
    }
}

/// Makes steps wait for a rename: creates of dependants use the new name, a create may use the name
/// that the rename frees, and every other step on the container follows the rename.
fn wait(spec: &Spec, plan: &mut Plan, renames: &[Rename]) {
    let by_change: BTreeMap<&str, &Rename> =
        renames.iter().map(|rename| (rename.to.as_str(), rename)).collect();
    let by_id: BTreeMap<&ContainerId, &Rename> =
        renames.iter().map(|rename| (&rename.id, rename)).collect();
    let mut by_set: BTreeMap<&SetName, Vec<&Rename>> = BTreeMap::new();
    for rename in renames {
        by_set.entry(&rename.set).or_default().push(rename);
    }
    let by_from: BTreeMap<&ContainerName, &Rename> =
        renames.iter().map(|rename| (&rename.from, rename)).collect();
    let known = Words::of(spec);
    let mut needs: BTreeMap<SetName, Vec<&Rename>> = BTreeMap::new();
    for step in &mut plan.steps {
        let own = by_change.get(step.id.change()).copied();
        let meant: Vec<&Rename> = match &step.action {
            Action::Create { set, name, .. } => {
                let of_targets = needs.entry(set.clone()).or_insert_with(|| {
                    let all = draft::depends(&known, set).into_iter();
                    all.filter_map(|set| by_set.get(&set)).flatten().copied().collect()
                });
                of_targets.iter().chain(by_from.get(name)).copied().collect()
            }
            action => match action.subject() {
                Some(Subject::Container(id)) => by_id.get(id).copied().into_iter().collect(),
                Some(Subject::CreatedBy(_)) | None => Vec::new(),
            },
        };
        let all: BTreeSet<StepId> = own.into_iter().chain(meant).map(Rename::id).collect();
        let waits: BTreeSet<&str> = step.after.iter().map(StepId::change).collect();
        let new: Vec<StepId> = all.into_iter().filter(|id| !waits.contains(id.change())).collect();
        if !new.is_empty() {
            step.after.extend(new);
            step.after.sort();
        }
    }
}

/// Adds the reason to the existing change of the container, or adds a change.
fn reasons(plan: &mut Plan, renames: &[Rename]) {
    let places: BTreeMap<ChangeId, usize> =
        plan.changes.iter().enumerate().rev().map(|(at, change)| (change.id.clone(), at)).collect();
    for rename in renames {
        let id = rename.change();
        if let Some(change) = places.get(&id).and_then(|at| plan.changes.get_mut(*at)) {
            change.reasons.insert(0, rename.reason());
            continue;
        }
        plan.changes.push(Change {
            id,
            set: Some(rename.set.clone()),
            verb: Verb::Update,
            adopted: false,
            danger: Vec::new(),
            dangerous: BTreeMap::new(),
            impact: Impact::default(),
            reasons: vec![rename.reason()],
        });
    }
}

/// Restores the former names in facts and reports.
fn names_so_far(plan: &mut Plan, renames: &[Rename]) {
    let by_id: BTreeMap<&ContainerId, &Rename> =
        renames.iter().map(|rename| (&rename.id, rename)).collect();
    for fact in &mut plan.facts.containers {
        if let Some(rename) = by_id.get(&fact.id) {
            fact.name = rename.from.clone();
        }
    }
    for rename in renames {
        plan.facts.names.push(rename.to.clone());
        let reports = plan.sets.get_mut(&rename.set).into_iter().flat_map(|set| &mut set.matched);
        for matched in reports.filter(|matched| matched.id == rename.id) {
            matched.name = rename.from.clone();
            matched.by = By::Label;
        }
    }
}
